// SPDX-License-Identifier: MIT
/* Looking at vCPUs from outside; see vcpu_view.h. */
#include "kernel/vm/vcpu_view.h"

#include "arch/cpu.h"
#include "kernel/timer.h"
#include "kernel/vm/vm.h"

bool vcpu_look(struct vm *vm, unsigned int i, void (*look)(struct vcpu *vcpu, void *to), void *to)
{
	bool found;

	spin_lock(&vm->lock);
	found = i < vm->nr_vcpus;
	if (found)
		look(vm->vcpus[i], to);
	spin_unlock(&vm->lock);
	return found;
}

uint64_t vcpu_run_us(const struct vcpu *vcpu)
{
	uint64_t ticks = READ_ONCE(vcpu->run_ticks), since = READ_ONCE(vcpu->run_since), now = arch_counter();

	/* Counted up to when it last left a CPU or halted. */
	if (READ_ONCE(vcpu->state) == VCPU_RUNNING && !READ_ONCE(vcpu->halted) && now > since)
		ticks += now - since;
	return timer_ticks_to_us(ticks);
}

/* Of one that runs, where it last left the guest; its CPU may be about to save another. */
static uint64_t last_pc(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->arch.frame.elr);
}

static void fill(struct vcpu *vcpu, void *to)
{
	static const char *const states[] = {
		[VCPU_OFF] = "off", [VCPU_READY] = "ready", [VCPU_RUNNING] = "running",
		[VCPU_BLOCKED] = "waiting",
	};
	enum vcpu_state state = READ_ONCE(vcpu->state);
	struct vcpu_view *view = to;

	view->state = states[READ_ONCE(vcpu->halted) ? VCPU_BLOCKED : state];
	view->pc = last_pc(vcpu);
	view->nr_switches = READ_ONCE(vcpu->nr_switches);
	view->run_us = vcpu_run_us(vcpu);
	view->stolen_us = timer_ticks_to_us(READ_ONCE(vcpu->stolen_ticks));
	view->nr_injected = READ_ONCE(vcpu->nr_injected);
	for (unsigned int i = 0; i < ARRAY_SIZE(view->exits); i++)
		view->exits[i] = READ_ONCE(vcpu->exits[i]);
}

bool vcpu_view(struct vm *vm, unsigned int i, struct vcpu_view *view)
{
	return vcpu_look(vm, i, fill, view);
}
