// SPDX-License-Identifier: MIT
/*
 * The console's terminals, its focus, and what is typed. Output is in output.c.
 *
 * Lock: ports_lock (RANK_INPUT) around the list of terminals, the focus, and calls of a terminal's
 * functions, so that none is called once it is detached.
 */
#include "kernel/console/console.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/log.h"
#include "kernel/base/timer.h"
#include "kernel/console/output.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vm/vm.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define BURST		64	/* characters that one interrupt takes at most */
#define WATCH_US	1000
#define HINT_US		10000000	/* between two hints at least */
#define UNREAD_US	1000000		/* after which nobody reads what was typed */
#define LOOK_US		250000	/* between two looks at lines that were begun */

static struct spinlock ports_lock = SPINLOCK_INIT(RANK_INPUT);

/* guarded by ports_lock */
static struct list_head ports = LIST_HEAD_INIT(ports);
static bool to_shell;		/* what is typed is the shell's; nobody has the focus then */

/* of the receive interrupt */
static bool escaped;		/* the escape key was the last character */
static bool after_command;	/* what came behind it was */

/* ---- what the machine's bootargs say ---- */

static bool has_colours = IS_ENABLED(CONFIG_LOG_COLOUR);	/* fixed after console_configure() */

static bool says(const char *name, const char *value)
{
	char text[8];

	return boot_arg(name, text, sizeof(text)) && !strcmp(text, value);
}

void console_configure(void)
{
	has_colours = IS_ENABLED(CONFIG_LOG_COLOUR) ? !says("colour", "no") : says("colour", "yes");
	if (says("hold", "yes"))
		console_hold(true);
}

bool console_has_colours(void)
{
	return has_colours;
}

/* Neither red nor yellow, which are errors and warnings. */
const char *console_colour_of(const struct vm *vm)
{
	static const char *const colours[] = {
		"\033[36m", "\033[32m", "\033[35m", "\033[34m",
		"\033[96m", "\033[92m", "\033[95m", "\033[94m",
	};

	return has_colours ? colours[vm->id % ARRAY_SIZE(colours)] : "";
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

static void name_port(struct console_port *port)
{
	fmt_snprintf(port->prefix, sizeof(port->prefix), "%s[%s]%s ", console_colour_of(port->vm),
		     port->vm->name, has_colours ? "\033[0m" : "");
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
	/* Before the rings are looked at: who puts a character now arms anew. Pairs with port.c. */
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

/* ---- what to type ---- */

static void say_hint(const char *who, const char *what, bool with_first)
{
	const struct vm *first = with_first ? console_nth(0) : NULL;
	char key = CONFIG_CONSOLE_ESCAPE_KEY + '@';
	char shell[32] = "", vm[32 + VM_NAME_LEN] = "";

	if (IS_ENABLED(CONFIG_SHELL))
		fmt_snprintf(shell, sizeof(shell), "Ctrl-%c s for the shell, ", key);
	if (first)
		fmt_snprintf(vm, sizeof(vm), ", Ctrl-%c 1 for %s", key, first->name);
	log_info("console: %s%stype %sCtrl-%c h for help%s", who, what, shell, key, vm);
}

void console_say_hint(void)
{
	const struct vm *focus = console_focus();

	if (console_out_has_irqs() && !console_shell_has_focus())
		say_hint(focus ? focus->name : "", focus ? " has the keyboard; " : "", !focus);
}

/* Somebody types, and nothing happens. vm: who has the focus. Context: the boot CPU. */
static void hint_at_times(const struct vm *vm)
{
	static const struct vm *last_vm;
	static uint64_t last;
	uint64_t now = arch_counter();

	if (last && vm == last_vm && now - last < timer_us_to_ticks(HINT_US))
		return;
	last = now;
	last_vm = vm;
	if (vm)
		say_hint(vm->name, " does not read what you type; ", false);
	else
		say_hint("nobody", " reads what you type; ", true);
}

/* of the boot CPU: what was typed to whom since the timer was armed */
static void look_at_unread(struct timer *timer);

static struct timer unread_timer = { .link = LIST_HEAD_INIT(unread_timer.link), .fire = look_at_unread };
static const struct console_port *typed_to;
static unsigned int nr_typed;

static void look_at_unread(struct timer *timer)
{
	const struct vm *vm = NULL;
	struct console_port *focus;

	spin_lock(&ports_lock);
	focus = console_out_focus();
	if (focus && focus == typed_to && focus->unread(focus) >= nr_typed)
		vm = focus->vm;
	typed_to = NULL;
	spin_unlock(&ports_lock);
	if (vm)
		hint_at_times(vm);
}

static void note_typed(const struct console_port *port)
{
	if (!port->unread)
		return;
	nr_typed = port == typed_to ? nr_typed + 1 : 1;
	typed_to = port;
	if (!timer_is_armed(&unread_timer))
		timer_arm(&this_cpu()->timers, &unread_timer, arch_counter() + timer_us_to_ticks(UNREAD_US));
}

/* ---- input ---- */

static void read_command(char c)
{
	SECTION_FOREACH(struct console_reader, it, schism_console) {
		if (it->command)
			it->command(c);
	}
}

static void read_key(char c)
{
	SECTION_FOREACH(struct console_reader, it, schism_console) {
		if (it->key)
			it->key(c);
	}
}

void console_enter_shell(void)
{
	SECTION_FOREACH(struct console_reader, it, schism_console) {
		if (it->enter)
			it->enter();
	}
}

static void deliver_to_guest(int c)
{
	struct console_port *focus;

	spin_lock(&ports_lock);
	focus = console_out_focus();
	if (focus) {
		console_out_pause_hold(false);
		focus->input(focus, c);
		note_typed(focus);
	}
	spin_unlock(&ports_lock);
	if (!focus)
		hint_at_times(NULL);
}

static void deliver(char c)
{
	if (console_shell_has_focus())
		read_key(c);
	else
		deliver_to_guest((uint8_t)c);
}

/* The shell has no use for it. */
void console_send_break(void)
{
	deliver_to_guest(SERIAL_BREAK);
}

static void command(char c)
{
	console_out_pause_hold(true);
	read_command(c);
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
		command(c);
	else if (escaped || !is_escape)
		deliver(c);
	escaped = is_escape && !escaped;
	after_command = is_command;
}

static void arrived(int c)
{
	if (c == SERIAL_BREAK)
		console_send_break();
	else
		typed((char)c);
}

void console_rx_interrupt(void)
{
	int c;

	/* A UART that never runs dry must not keep the CPU here. */
	for (unsigned int n = 0; n < BURST && (c = console_out_getc()) >= 0; n++)
		arrived(c);
}
