// SPDX-License-Identifier: MIT
/* Commands on whole VMs: vm, console, crash. */
#include "kernel/base/timer.h"
#include "kernel/check/crash.h"
#include "kernel/console/console.h"
#include "kernel/shell/shell.h"
#include "kernel/vm/vcpu_view.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "lib/string.h"

static uint64_t ram_of(const struct vm_desc *desc)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < desc->nr_regions; i++)
		sum += desc->regions[i].size;
	return sum;
}

static void vm_list(struct vm *unused)
{
	if (!nr_vms)
		shell_print("no VMs");
	for (unsigned int i = 0; i < nr_vms; i++) {
		const struct vm *vm = vms[i];

		shell_print("%2u  %-20s %-9s %2u vCPU(s)  %6lu KiB  %lu resets%s%s", vm->id, vm->name,
			    vm_state_name(READ_ONCE(vm->state)), vm->desc.nr_vcpus,
			    ram_of(&vm->desc) >> 10, READ_ONCE(vm->resets),
			    READ_ONCE(vm->restart_waits) ? "  waits for its restart" : "",
			    console_focus() == vm ? "  has the console" : "");
	}
}

static void vm_info(struct vm *vm)
{
	struct vcpu_view view;
	char devices[VM_MAX_DEVICES * 12] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < vm->desc.nr_devices; i++) {
		strlcpy(devices + len, " ", sizeof(devices) - len);
		strlcpy(devices + len + 1, vm->desc.devices[i]->name, sizeof(devices) - len - 1);
		len = strlen(devices);
	}
	shell_print("%s: %s, VM %u, %lu reports, %lu failed, %lu resets", vm->name,
		    vm_state_name(READ_ONCE(vm->state)), vm->id, READ_ONCE(vm->reports),
		    READ_ONCE(vm->failures), READ_ONCE(vm->resets));
	for (unsigned int i = 0; i < vm->desc.nr_regions; i++)
		shell_print("  memory: %lu KiB at IPA 0x%lx", vm->desc.regions[i].size >> 10,
			    vm->desc.regions[i].ipa.ipa);
	shell_print("  devices:%s", len ? devices : " none");
	if (vm->desc.nr_passthrough)
		shell_print("  interrupts of its devices: %lu, %lu us; %lu at another VM's cost, "
			    "held %lu times", READ_ONCE(vm->dev_irqs),
			    timer_ticks_to_us(READ_ONCE(vm->dev_irq_ticks)),
			    READ_ONCE(vm->dev_irqs_foreign), READ_ONCE(vm->dev_irqs_held));
	for (unsigned int i = 0; vcpu_view(vm, i, &view); i++)
		shell_print("  vCPU %u: %s, pc 0x%lx, %lu switches, %lu us on CPU", i, view.state, view.pc,
			    view.nr_switches, view.run_us);
}

/* ---- vm ---- */

static const struct vm_verb {
	const char *name;
	bool needs_vm;
	void (*show)(struct vm *vm);		/* either shows something, */
	int (*change)(struct vm *vm);		/* or asks for another state: */
	const char *doing;			/* what is said when that is accepted, */
	uint32_t done;				/* unless it is in one of these states already */
} verbs[] = {
	{ "list", false, .show = vm_list },
	{ "info", true, .show = vm_info },
	{ "start", true, .change = vm_start, .doing = "starting" },
	{ "stop", true, .change = vm_stop, .doing = "stopping",
	  .done = BIT(VM_DEFINED) | BIT(VM_STOPPED) | BIT(VM_CRASHED) },
	{ "pause", true, .change = vm_pause, .doing = "pausing" },
	{ "resume", true, .change = vm_resume, .doing = "resuming" },
	{ "reset", true, .change = vm_reset, .doing = "resetting" },
	{ "destroy", true, .change = vm_destroy, .doing = "destroying", .done = BIT(VM_DEFINED) },
};

static const char *nth_verb(unsigned int i)
{
	return i < ARRAY_SIZE(verbs) ? verbs[i].name : NULL;
}

static void change(struct vm *vm, const struct vm_verb *verb)
{
	enum vm_state before = READ_ONCE(vm->state);
	bool done = (verb->done & BIT(before)) && !READ_ONCE(vm->restart_waits);
	const char *state = vm_state_name(before);
	int err = verb->change(vm);

	if (err == -EINVAL)
		shell_print("%s is %s: \"%s\" does not apply", vm->name, state, verb->name);
	else if (err == -EBUSY)
		shell_print("%s is %s, which will pass: try again", vm->name, state);
	else if (err)
		shell_print("%s: error %d", vm->name, -err);
	else if (done)
		shell_print("%s is %s already", vm->name, state);
	else
		shell_print("%s: %s", vm->name, verb->doing);
}

static void run_verb(const struct vm_verb *verb, const struct shell_args *args)
{
	struct vm *vm = NULL;

	if ((args->n > 2) != verb->needs_vm) {
		shell_print("usage: vm %s%s", verb->name, verb->needs_vm ? " NAME" : "");
		return;
	}
	if (verb->needs_vm) {
		vm = shell_find_vm(args->word[2]);
		if (!vm)
			return;
	}
	if (verb->show)
		verb->show(vm);
	else
		change(vm, verb);
}

static void run_vm(const struct shell_args *args)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(verbs[i].name, args->word[1])) {
			run_verb(&verbs[i], args);
			return;
		}
	}
	shell_no_such("verb of vm", args->word[1], nth_verb, "\"help vm\" tells what there is");
}

SHELL_COMMAND(vm) = {
	.name = "vm", .args = "list | VERB NAME", .help = "virtual machines: list, show, change their state",
	.more = "vm list             all VMs, with their states\n"
		"vm info NAME        one VM: memory, devices, vCPUs\n"
		"vm start NAME       load its images and run it; when defined, stopped or crashed\n"
		"vm stop NAME        switch it off, whatever it is at; its memory is kept for a look\n"
		"vm pause NAME       stop its vCPUs where they are\n"
		"vm resume NAME      let them go on\n"
		"vm reset NAME       as if it were switched off and on\n"
		"vm destroy NAME     give back all that it has; vm start makes it anew",
	.min = 1, .max = 2, .complete = { nth_verb, shell_nth_vm }, .run = run_vm,
};

/* ---- console, crash ---- */

static void run_console(const struct shell_args *args)
{
	const struct vm *vm;

	if (args->n == 1) {
		for (unsigned int i = 0; (vm = console_nth(i)); i++)
			shell_print("%2u  %s", i + 1, vm->name);
		return;
	}
	vm = shell_find_vm(args->word[1]);
	if (!vm)
		return;
	if (shell_give_console(vm))
		return;
	console_focus_shell();
	shell_print("%s has no terminal now", vm->name);
}

/* What "crash" still has to show. */
static struct {
	const struct vm *vm;
	uint64_t next;
} crashes;

static bool show_crash(void)
{
	return crash_show_next(crashes.vm, &crashes.next);
}

static void run_crash(const struct shell_args *args)
{
	crashes.vm = args->n > 1 ? shell_find_vm(args->word[1]) : NULL;
	crashes.next = 0;
	if (args->n > 1 && !crashes.vm)
		return;
	if (show_crash())
		shell_continue(show_crash);
	else
		shell_print("no crash is on record");
}

SHELL_COMMAND(console) = {
	.name = "console", .args = "[NAME]", .help = "give the console to a VM, or list the terminals",
	.more = "What is typed is then the VM's input, and its output comes unfiltered.\n"
		"The escape key, then s, comes back here.",
	.max = 1, .complete = { shell_nth_vm }, .run = run_console,
};

SHELL_COMMAND(crash) = {
	.name = "crash", .args = "[NAME]", .help = "crash records of a VM, or all that are kept",
	.max = 1, .complete = { shell_nth_vm }, .run = run_crash,
};
