// SPDX-License-Identifier: MIT
/* Task reports and mailbox dumps. What a guest wrote is data: bounded, and printed as text or numbers. */
#include "kernel/hvc/report.h"

#include "arch/cpu.h"
#include "arch/nospec.h"
#include "kernel/base/log.h"
#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"
#include "schism/abi/hypercall.h"

#define REPORT_US	2000
#define REPORT_BURST	128
#define QUIET_US	60000000
#define SLOTS_AT_ONCE	16

_Static_assert(GUEST_MAILBOX_SLOTS % SLOTS_AT_ONCE == 0, "slots are read in whole lots");

static const char *const event_names[] = {
	[GUEST_EVENT_START] = "start",
	[GUEST_EVENT_PROGRESS] = "report",
	[GUEST_EVENT_PASS] = "PASS",
	[GUEST_EVENT_FAIL] = "FAIL",
};

/* What the three values of a task are; and whether it has no end, so that some of its progress will do. */
static const struct {
	const char *values[3];
	bool endless;
} tasks[] = {
	[GUEST_TASK_COUNTER] = { { "rounds", "fp-checks", "pauth-checks" }, .endless = true },
	[GUEST_TASK_MEMWALK] = { { "passes", "bytes", "aborts" }, .endless = true },
	[GUEST_TASK_TEST] = { { "passed", "failed", "skipped" } },
	[GUEST_TASK_BENCH] = { { "measured", "-", "-" } },
};

static bool show_all;		/* fixed before the first VM runs */

void report_init(struct vm *vm)
{
	char how[8];

	show_all = boot_arg("reports", how, sizeof(how)) && !strcmp(how, "all");
	spin_init(&vm->report_lock, RANK_VDEV);
	vm->report_budget = (struct budget){
		.ticks_each = timer_us_to_ticks(REPORT_US), .burst = REPORT_BURST,
	};
}

/*
 * A guest that reports without end must not have the console to itself, nor make Schism wait for the UART,
 * with interrupts masked on a CPU that other guests share. Context: report_lock held.
 */
static bool may_print(struct vm *vm)
{
	struct budget *budget = &vm->report_budget;
	/* As if the counter had run before: the burst is there from the start. */
	uint64_t now = arch_counter() + budget->burst * budget->ticks_each;

	if (!budget_left(budget, now) || !console_has_room())
		return false;
	budget_take(budget, now, 1);
	return true;
}

/*
 * Whether a report of a guest that goes on for ever is one of those to be seen: the first, second, fourth,
 * and so on, and one when there was none for a minute. Context: report_lock held.
 */
static bool is_due(struct vm *vm)
{
	uint64_t now = arch_counter(), n = ++vm->progress;

	if ((n & (n - 1)) && now - vm->progress_shown < timer_us_to_ticks(QUIET_US))
		return false;
	vm->progress_shown = now;
	return true;
}

static bool is_wanted(struct vm *vm, uint64_t task, uint64_t event)
{
	if (event == GUEST_EVENT_START)
		vm->progress = 0;
	return event != GUEST_EVENT_PROGRESS || !tasks[task].endless || show_all || is_due(vm);
}

/* Two vCPUs may report at once. True: it is to be printed, after a line about *hidden ones if any. */
static bool count_report(struct vm *vm, uint64_t task, uint64_t event, uint64_t *hidden)
{
	bool wanted, print;

	spin_lock(&vm->report_lock);
	count_up(vm->reports);
	if (event == GUEST_EVENT_FAIL)
		count_up(vm->failures);
	wanted = is_wanted(vm, task, event);
	print = wanted && may_print(vm);
	*hidden = vm->reports_hidden;
	if (wanted)
		vm->reports_hidden = print ? 0 : *hidden + 1;
	spin_unlock(&vm->report_lock);
	return print;
}

int64_t handle_guest_task_report(struct vcpu *vcpu)
{
	const uint64_t *x = vcpu->arch.frame.x;
	struct vm *vm = vcpu->vm;
	const char *const *names;
	uint64_t task, event, hidden;

	if (x[0] == 0 || x[0] >= ARRAY_SIZE(tasks) || x[1] >= ARRAY_SIZE(event_names))
		return SMCCC_INVALID_PARAMETER;
	task = index_nospec(x[0], ARRAY_SIZE(tasks));
	event = index_nospec(x[1], ARRAY_SIZE(event_names));
	names = tasks[task].values;
	if (!count_report(vm, task, event, &hidden))
		return SMCCC_SUCCESS;
	if (hidden)
		log_info("%s: %lu reports are not shown, it made too many", vm->name, hidden);
	log_info("%s: %s %lu: %s=%lu %s=%lu %s=%lu", vm->name, event_names[event], x[2], names[0], x[3],
		 names[1], x[4], names[2], x[5]);
	return SMCCC_SUCCESS;
}

static bool name_is_printable(const char *name)
{
	for (unsigned int i = 0; i < GUEST_MAILBOX_NAME_LEN && name[i]; i++) {
		if (name[i] < ' ' || name[i] > '~')
			return false;
	}
	return name[0] != '\0';
}

static void dump_slot(const struct guest_mailbox_slot *slot)
{
	if (name_is_printable(slot->name))
		log_info("  %-24.*s 0x%016lx  written %lu times", GUEST_MAILBOX_NAME_LEN, slot->name,
			 slot->value, slot->writes);
}

/* Several slots from first on; each read opens a window onto the VM's memory. */
static void dump_slots(struct vm *vm, unsigned int first)
{
	struct guest_mailbox_slot slots[SLOTS_AT_ONCE];
	ipa_t at = ipa_add(vm->desc.mailbox,
			   offsetof(struct guest_mailbox, slots) + first * sizeof(slots[0]));

	if (vm_read(vm, at, slots, sizeof(slots)))
		return;
	for (unsigned int i = 0; i < SLOTS_AT_ONCE; i++)
		dump_slot(&slots[i]);
}

void guest_shared_dump(struct vm *vm)
{
	if (!vm) {
		for (unsigned int i = 0; i < nr_vms; i++)
			guest_shared_dump(vms[i]);
		return;
	}
	if (!vm->desc.has_mailbox)
		return;
	log_info("%s: mailbox", vm->name);
	for (unsigned int i = 0; i < GUEST_MAILBOX_SLOTS; i += SLOTS_AT_ONCE)
		dump_slots(vm, i);
}
