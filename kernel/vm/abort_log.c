// SPDX-License-Identifier: MIT
/*
 * See abort_log.h. A VM's vCPUs come at once, without a lock: budget_take() of two at the same time may
 * count as one, so that there are at most as many lines too many as there are CPUs.
 */
#include "kernel/vm/abort_log.h"

#include "arch/cpu.h"
#include "kernel/base/log.h"
#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "kernel/vm/vm.h"

#define LINE_US		100000
#define LINE_BURST	16

void abort_log_init(struct vm *vm)
{
	vm->abort_budget = (struct budget){ .ticks_each = timer_us_to_ticks(LINE_US), .burst = LINE_BURST };
}

static uint64_t take_hidden(struct vm *vm)
{
	return __atomic_exchange_n(&vm->aborts_hidden, 0, __ATOMIC_RELAXED);
}

bool abort_log_may_print(struct vm *vm, uint64_t *more)
{
	struct budget *budget = &vm->abort_budget;
	/* As if the counter had run before: the burst is there from the start. */
	uint64_t now = arch_counter() + budget->burst * budget->ticks_each;

	if (!budget_left(budget, now) || !console_has_room()) {
		__atomic_fetch_add(&vm->aborts_hidden, 1, __ATOMIC_RELAXED);
		return false;
	}
	budget_take(budget, now, 1);
	*more = take_hidden(vm);
	return true;
}

void abort_log_end(struct vm *vm)
{
	uint64_t hidden = take_hidden(vm);

	if (hidden)
		log_info("%s: %lu more aborts, not shown", vm->name, hidden);
}
