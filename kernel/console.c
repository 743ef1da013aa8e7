// SPDX-License-Identifier: MIT
/*
 * Console output, the focus and the escape key.
 *
 * Locks: ports_lock (RANK_INPUT) around the list of terminals, the focus, and calls of a terminal's
 * functions, so that none is called once it is detached. console_lock (RANK_CONSOLE) around a line or a
 * piece of raw output. The focus changes under both and may be read under either.
 */
#include "kernel/console.h"

#include "kernel/inspect.h"
#include "kernel/lock.h"
#include "kernel/main.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

#define BURST	64	/* characters that one interrupt takes at most */

static struct spinlock ports_lock = SPINLOCK_INIT(RANK_INPUT);
static struct spinlock console_lock = SPINLOCK_INIT(RANK_CONSOLE);
static const struct serial_driver *driver;
static volatile void *uart;
static bool panicking;

/* guarded by ports_lock */
static struct list_head ports = LIST_HEAD_INIT(ports);

/* guarded by both */
static struct console_port *focus;

/* guarded by console_lock */
static bool mid_line;		/* raw output has left the cursor in a line */

/* of the receive interrupt */
static bool escaped;		/* the escape key was the last character */

static const struct serial_driver *find_driver(const char *compatible)
{
	SECTION_FOREACH(struct serial_driver, it, schism_serial) {
		if (!compatible || !strcmp(it->compatible, compatible))
			return it;
	}
	return NULL;
}

void console_init(volatile void *regs, const char *compatible, uint32_t clock_hz, uint32_t baud)
{
	driver = find_driver(compatible);
	uart = regs;
	if (driver)
		driver->init(regs, clock_hz, baud);
}

bool console_can_drive(const void *fdt, int node)
{
	SECTION_FOREACH(struct serial_driver, it, schism_serial) {
		if (machine_node_is(fdt, node, it->compatible))
			return true;
	}
	return false;
}

bool console_is_up(void)
{
	return driver != NULL;
}

void console_panic_mode(void)
{
	panicking = true;
}

bool console_is_panicking(void)
{
	return panicking;
}

/* ---- output ---- */

static void lock_output(void)
{
	if (!panicking)
		spin_lock(&console_lock);
}

static void unlock_output(void)
{
	if (!panicking)
		spin_unlock(&console_lock);
}

static void put(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		driver->putc(uart, text[i]);
}

void console_write_line(const char *text, size_t len)
{
	if (!driver)
		return;
	lock_output();
	if (mid_line)
		put("\r\n", 2);
	mid_line = false;
	put(text, len);
	put("\r\n", 2);
	unlock_output();
}

bool console_write_raw(const struct console_port *port, const char *text, size_t len)
{
	bool raw;

	/* Nearly all guests have it not, and need no lock to be told so. */
	if (READ_ONCE(focus) != port || !driver)
		return false;
	lock_output();
	raw = focus == port;
	if (raw && len) {
		put(text, len);
		mid_line = text[len - 1] != '\n';
	}
	unlock_output();
	return raw;
}

/* ---- terminals and the focus ---- */

static struct console_port *port_of(const struct vm *vm)
{
	struct console_port *it;

	list_for_each_entry(it, &ports, link) {
		if (it->vm == vm)
			return it;
	}
	return NULL;
}

/* Context: ports_lock held. */
static void move_focus(struct console_port *port)
{
	if (focus == port)
		return;
	lock_output();
	focus = port;
	unlock_output();
	if (port)
		port->focused(port);
}

void console_attach(struct console_port *port)
{
	char name[VM_NAME_LEN];
	bool named = boot_arg("focus", name, sizeof(name)) && !strcmp(name, port->vm->name);

	spin_lock(&ports_lock);
	list_add_tail(&port->link, &ports);
	if (named)
		move_focus(port);
	spin_unlock(&ports_lock);
}

void console_detach(struct console_port *port)
{
	spin_lock(&ports_lock);
	list_del(&port->link);
	if (focus == port)
		move_focus(NULL);
	spin_unlock(&ports_lock);
}

void console_set_focus(const struct vm *vm)
{
	spin_lock(&ports_lock);
	move_focus(port_of(vm));
	spin_unlock(&ports_lock);
}

void console_offer_focus(const struct vm *vm)
{
	char name[VM_NAME_LEN];

	if (!boot_arg("focus", name, sizeof(name)) && !console_focus())
		console_set_focus(vm);
}

const struct vm *console_nth(unsigned int n)
{
	const struct vm *vm = NULL;
	struct console_port *it;

	spin_lock(&ports_lock);
	list_for_each_entry(it, &ports, link) {
		if (!n--) {
			vm = it->vm;
			break;
		}
	}
	spin_unlock(&ports_lock);
	return vm;
}

const struct vm *console_focus(void)
{
	const struct vm *vm;

	spin_lock(&ports_lock);
	vm = focus ? focus->vm : NULL;
	spin_unlock(&ports_lock);
	return vm;
}

/* ---- input ---- */

void console_enable_rx(void)
{
	if (driver)
		driver->enable_rx_irq(uart);
}

static void deliver(char c)
{
	spin_lock(&ports_lock);
	if (focus)
		focus->input(focus, c);
	spin_unlock(&ports_lock);
}

/* The escape key twice is that character itself. */
static void typed(char c)
{
	bool is_escape = c == CONFIG_CONSOLE_ESCAPE_KEY;

	if (escaped && !is_escape)
		inspect_command(c);
	else if (escaped || !is_escape)
		deliver(c);
	escaped = is_escape && !escaped;
}

void console_rx_interrupt(void)
{
	int c;

	/* A UART that never runs dry must not keep the CPU here. */
	for (unsigned int n = 0; n < BURST && (c = driver->getc(uart)) >= 0; n++)
		typed((char)c);
}
