// SPDX-License-Identifier: MIT
/*
 * The console's terminals, its focus, and what is typed. Output is in console_out.c.
 *
 * Lock: ports_lock (RANK_INPUT) around the list of terminals, the focus, and calls of a terminal's
 * functions, so that none is called once it is detached.
 */
#include "kernel/console.h"

#include "arch/cpu.h"
#include "kernel/console_out.h"
#include "kernel/cpu.h"
#include "kernel/inspect.h"
#include "kernel/lock.h"
#include "kernel/main.h"
#include "kernel/shell.h"
#include "kernel/timer.h"
#include "kernel/vm/vm.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define BURST		64	/* characters that one interrupt takes at most */
#define WATCH_US	1000
#define LOOK_US		250000	/* between two looks at lines that were begun */

static struct spinlock ports_lock = SPINLOCK_INIT(RANK_INPUT);

/* guarded by ports_lock */
static struct list_head ports = LIST_HEAD_INIT(ports);
static bool to_shell;		/* what is typed is the shell's; nobody has the focus then */

/* of the receive interrupt */
static bool escaped;		/* the escape key was the last character */
static bool after_command;	/* what came behind it was */

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

static void name_port(struct console_port *port)
{
	static const char *const colours[] = {
		"\033[36m", "\033[32m", "\033[35m", "\033[34m", "\033[33m",
	};
	bool coloured = IS_ENABLED(CONFIG_LOG_COLOUR);

	fmt_snprintf(port->prefix, sizeof(port->prefix), "%s[%s]%s ",
		     coloured ? colours[port->vm->id % ARRAY_SIZE(colours)] : "", port->vm->name,
		     coloured ? "\033[0m" : "");
}

static void set_budget(struct console_port *port)
{
	uint64_t rate = CONFIG_CONSOLE_GUEST_RATE;

	port->budget = (struct budget){
		.ticks_each = rate ? arch_counter_hz() / (rate * 1000) : 0,
		.burst = CONSOLE_RING_SIZE,
	};
}

void console_attach(struct console_port *port, void *out)
{
	char name[VM_NAME_LEN];
	bool named = boot_arg("focus", name, sizeof(name)) && !strcmp(name, port->vm->name);

	ring_init(&port->out, out, CONSOLE_RING_SIZE);
	list_init(&port->waiting);
	memset(&port->begun, 0, sizeof(port->begun));
	name_port(port);
	set_budget(port);
	spin_lock(&ports_lock);
	list_add_tail(&port->link, &ports);
	if (named && !to_shell)
		console_out_set_focus(port);
	spin_unlock(&ports_lock);
}

void console_detach(struct console_port *port)
{
	spin_lock(&ports_lock);
	list_del(&port->link);
	console_out_forget(port);
	spin_unlock(&ports_lock);
}

/* Context: ports_lock held. */
static void move_focus(struct console_port *port, bool shell)
{
	if (to_shell && !shell)
		console_prompt_hide();
	WRITE_ONCE(to_shell, shell);
	console_out_set_focus(port);
}

void console_set_focus(const struct vm *vm)
{
	spin_lock(&ports_lock);
	move_focus(port_of(vm), false);
	spin_unlock(&ports_lock);
}

void console_focus_shell(void)
{
	spin_lock(&ports_lock);
	move_focus(NULL, true);
	spin_unlock(&ports_lock);
}

bool console_shell_has_focus(void)
{
	return READ_ONCE(to_shell);
}

void console_offer_focus(const struct vm *vm)
{
	char name[VM_NAME_LEN];

	if (!boot_arg("focus", name, sizeof(name)) && !console_focus() && !console_shell_has_focus())
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
	const struct console_port *focus;
	const struct vm *vm;

	spin_lock(&ports_lock);
	focus = console_out_focus();
	vm = focus ? focus->vm : NULL;
	spin_unlock(&ports_lock);
	return vm;
}

/* ---- guests that wait for room ---- */

static void look_for_room(struct timer *timer);

static struct timer room_timer = { .link = LIST_HEAD_INIT(room_timer.link), .fire = look_for_room };
static bool watching;		/* the timer is armed, on whichever CPU; atomic */

static void look_for_room(struct timer *timer)
{
	struct console_port *it;

	__atomic_store_n(&watching, false, __ATOMIC_RELEASE);
	spin_lock(&ports_lock);
	list_for_each_entry(it, &ports, link)
		it->room(it);
	spin_unlock(&ports_lock);
}

void console_watch_room(void)
{
	/* Acquire: the timer is off its list since before watching was cleared. */
	if (!__atomic_exchange_n(&watching, true, __ATOMIC_ACQUIRE))
		timer_arm(&this_cpu()->timers, &room_timer, arch_counter() + timer_us_to_ticks(WATCH_US));
}

/* ---- lines that were begun ---- */

static void look_at_begun(struct timer *timer);

static struct timer begun_timer = { .link = LIST_HEAD_INIT(begun_timer.link), .fire = look_at_begun };
static bool looking;		/* the timer is armed, on whichever CPU; atomic */

static void look_in(uint64_t us)
{
	if (!READ_ONCE(looking) && !__atomic_exchange_n(&looking, true, __ATOMIC_ACQUIRE))
		timer_arm(&this_cpu()->timers, &begun_timer, arch_counter() + timer_us_to_ticks(us));
}

void console_watch_begun(void)
{
	look_in(LOOK_US);
}

/* One line at a time, so that others need not wait for those of many VMs. */
static void look_at_begun(struct timer *timer)
{
	enum begun begun, most = BEGUN_NOTHING;
	struct console_port *it;

	__atomic_store_n(&looking, false, __ATOMIC_RELEASE);
	/* Before the rings are looked at: who puts a character now arms anew. Pairs with console_port.c. */
	arch_memory_barrier();
	spin_lock(&ports_lock);
	list_for_each_entry(it, &ports, link) {
		begun = most == BEGUN_SHOWN ? most : console_out_look_at_begun(it, arch_counter());
		most = MAX(most, begun);
	}
	spin_unlock(&ports_lock);
	if (most != BEGUN_NOTHING)
		look_in(most == BEGUN_SHOWN ? WATCH_US : LOOK_US);
}

/* ---- input ---- */

static void deliver(char c)
{
	struct console_port *focus;

	if (console_shell_has_focus()) {
		shell_key(c);
		return;
	}
	spin_lock(&ports_lock);
	focus = console_out_focus();
	if (focus)
		focus->input(focus, c);
	spin_unlock(&ports_lock);
}

static bool is_continuation(char c)
{
	return ((uint8_t)c & 0xc0) == 0x80;
}

/* The escape key twice is that character itself. Of a command in UTF-8, no rest is left for others. */
static void typed(char c)
{
	bool is_escape = c == CONFIG_CONSOLE_ESCAPE_KEY, is_command = escaped && !is_escape;

	if (is_continuation(c) && after_command)
		return;
	if (is_command)
		inspect_command(c);
	else if (escaped || !is_escape)
		deliver(c);
	escaped = is_escape && !escaped;
	after_command = is_command;
}

void console_rx_interrupt(void)
{
	int c;

	/* A UART that never runs dry must not keep the CPU here. */
	for (unsigned int n = 0; n < BURST && (c = console_out_getc()) >= 0; n++)
		typed((char)c);
}
