// SPDX-License-Identifier: MIT
/* Commands behind the console's escape key. */
#include "kernel/base/cpu.h"
#include "kernel/base/log.h"
#include "kernel/check/invariants.h"
#include "kernel/console/console.h"
#include "kernel/hvc/report.h"
#include "kernel/mm/page.h"
#include "kernel/vm/vcpu_view.h"
#include "kernel/vm/vm.h"

static void show_help(void);

/* Held, so that no VM's memory is given back meanwhile. */
static void show_mailboxes(void)
{
	for (unsigned int i = 0; i < nr_vms; i++) {
		spin_lock(&vms[i]->lock);
		if (vms[i]->nr_vcpus)
			guest_shared_dump(vms[i]);
		spin_unlock(&vms[i]->lock);
	}
}

static void show_vcpu(unsigned int i, const struct vcpu_view *view)
{
	const uint64_t *n = view->exits;

	log_info("  vCPU %u: %s, %lu switches, %lu us on CPU, pc 0x%lx", i, view->state, view->nr_switches,
		 view->run_us, view->pc);
	log_info("    exits: wfx %lu hvc %lu smc %lu sysreg %lu mmio %lu abort %lu fp %lu irq %lu other %lu",
		 n[EXIT_WFX], n[EXIT_HVC], n[EXIT_SMC], n[EXIT_SYSREG], n[EXIT_MMIO], n[EXIT_ABORT],
		 n[EXIT_FP], n[EXIT_IRQ], n[EXIT_OTHER]);
}

static void show_vms(void)
{
	struct vcpu_view view;

	for (unsigned int i = 0; i < nr_vms; i++) {
		log_info("%s: %s, %lu reports, %lu failed, %lu resets", vms[i]->name,
			 vm_state_name(READ_ONCE(vms[i]->state)), READ_ONCE(vms[i]->reports),
			 READ_ONCE(vms[i]->failures), READ_ONCE(vms[i]->resets));
		for (unsigned int v = 0; vcpu_view(vms[i], v, &view); v++)
			show_vcpu(v, &view);
	}
}

static void show_memory(void)
{
	struct page_stats s;

	page_get_stats(&s);
	log_info("RAM: %lu pages, %lu free (%lu not cleared yet); EL2 pool: %lu pages, %lu free", s.total,
		 s.free, s.dirty, s.pool, s.pool_free);
}

/* Told before it happens: what the VM has in a line that it has not ended comes next on the screen. */
static void move_focus(const struct vm *vm)
{
	char text[VM_STANDING_LEN];

	log_info("console: %s", vm ? vm_standing(vm, text, sizeof(text)) : "Schism");
	console_set_focus(vm);
	vm_end_if_waiting();
}

static void focus_next(void)
{
	const struct vm *now = console_focus(), *vm;
	unsigned int n = 0;

	while (now && (vm = console_nth(n++)) && vm != now)
		;
	move_focus(console_nth(n));
}

/* 1 is the first VM with a terminal; 0, or one that does not exist, is Schism itself. */
static void focus_digit(char digit)
{
	move_focus(digit == '0' ? NULL : console_nth((unsigned int)(digit - '1')));
}

static void check_invariants(void)
{
	if (!IS_ENABLED(CONFIG_CHECK_INVARIANTS))
		log_info("invariants: not looked at, CONFIG_CHECK_INVARIANTS is off");
	else if (!invariants_check())
		log_err("invariants: broken, see above");
}

/* Told before it begins, or it would not be seen. */
static void toggle_hold(void)
{
	bool hold = !console_holds();

	log_info("console: %s", hold ? "lines of others wait from now on while a VM has the focus" :
				       "lines of others are shown as they come");
	console_hold(hold);
}

static void enter_shell(void)
{
	if (IS_ENABLED(CONFIG_SHELL))
		console_enter_shell();
	else
		log_info("there is no shell: CONFIG_SHELL is off");
}

static const struct {
	char key;
	const char *help;
	void (*run)(void);
} commands[] = {
	{ 'b', "a BREAK for the VM that has the console, as of Linux's SysRq", console_send_break },
	{ 'h', "this help", show_help },
	{ 'i', "check Schism's invariants", check_invariants },
	{ 'm', "mailboxes of the guests", show_mailboxes },
	{ 'n', "console to the next VM, after the last one to Schism", focus_next },
	{ 'p', "pages of memory", show_memory },
	{ 'q', "quiet: other lines wait while a VM has the focus, or no longer", toggle_hold },
	{ 's', "the shell", enter_shell },
	{ 'v', "VMs and vCPUs", show_vms },
	{ 'x', "power the machine off", vm_end_machine_as_asked },
};

static void show_help(void)
{
	const struct vm *vm;

	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++)
		log_info("  escape %c: %s", commands[i].key, commands[i].help);
	log_info("  escape 0: console to Schism");
	/* One look at each: it may be gone at the next. */
	for (unsigned int i = 0; i < 9 && (vm = console_nth(i)); i++)
		log_info("  escape %u: console to %s", i + 1, vm->name);
}

static void command(char c)
{
	if (c >= '0' && c <= '9') {
		focus_digit(c);
		return;
	}
	if (c == '\r')
		c = 's';
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].key == c) {
			commands[i].run();
			return;
		}
	}
	show_help();
}

CONSOLE_READER(escape) = { .command = command };
