// SPDX-License-Identifier: MIT
/*
 * Looking at vCPUs from outside; see vcpu_view.h.
 *
 * Lock: fetch.lock (RANK_CRASH) around the one request for registers and its answer.
 */
#include "kernel/vm/vcpu_view.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/timer.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

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

static const char *state_of(const struct vcpu *vcpu)
{
	static const char *const states[] = {
		[VCPU_OFF] = "off", [VCPU_READY] = "ready", [VCPU_RUNNING] = "running",
		[VCPU_BLOCKED] = "waiting",
	};
	enum vcpu_state state = READ_ONCE(vcpu->state);

	return states[READ_ONCE(vcpu->halted) ? VCPU_BLOCKED : state];
}

static void fill(struct vcpu *vcpu, void *to)
{
	struct vcpu_view *view = to;

	view->state = state_of(vcpu);
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

/* ---- registers ---- */

static struct {
	struct spinlock lock;

	/* guarded by lock */
	struct vm *vm;			/* NULL: nobody wants anything */
	unsigned int vcpu;
	bool done;
	struct vcpu_regs regs;
} fetch = { .lock = SPINLOCK_INIT(RANK_CRASH) };

void vcpu_fetch_begin(struct vm *vm, unsigned int i)
{
	spin_lock(&fetch.lock);
	fetch.vm = vm;
	fetch.vcpu = i;
	fetch.done = false;
	spin_unlock(&fetch.lock);
}

static void copy_regs(const struct vcpu *vcpu, void *to)
{
	struct vcpu_regs *regs = to;

	regs->state = state_of(vcpu);
	regs->cpu = NULL;
	regs->frame = vcpu->arch.frame;
	memcpy(regs->sysregs, vcpu->arch.sysregs, sizeof(regs->sysregs));
}

/* It may have come to another CPU meanwhile: then the next look asks that one. */
void vcpu_fetch_answer(void)
{
	struct vcpu *vcpu = this_cpu()->current;

	spin_lock(&fetch.lock);
	if (vcpu && fetch.vm == vcpu->vm && fetch.vcpu == vcpu->id && !fetch.done) {
		arch_vcpu_sync_sysregs(vcpu);
		copy_regs(vcpu, &fetch.regs);
		fetch.regs.cpu = this_cpu();
		fetch.done = true;
	}
	spin_unlock(&fetch.lock);
}

static bool take_answer(struct vcpu_regs *regs)
{
	bool done;

	spin_lock(&fetch.lock);
	done = fetch.done;
	if (done) {
		*regs = fetch.regs;
		fetch.vm = NULL;
		fetch.done = false;
	}
	spin_unlock(&fetch.lock);
	return done;
}

struct place {
	struct vcpu_regs *regs;
	struct cpu *cpu;
};

static void look_at_place(struct vcpu *vcpu, void *to)
{
	struct place *place = to;

	place->cpu = sched_look(vcpu, copy_regs, place->regs);
}

enum vcpu_fetch vcpu_fetch_look(struct vcpu_regs *regs)
{
	struct place place = { .regs = regs };

	if (take_answer(regs))
		return VCPU_FETCH_DONE;
	if (!fetch.vm || !vcpu_look(fetch.vm, fetch.vcpu, look_at_place, &place))
		return VCPU_FETCH_NONE;
	if (!place.cpu)
		return VCPU_FETCH_DONE;
	if (place.cpu == this_cpu())
		vcpu_fetch_answer();
	else
		irqchip_send_ipi(place.cpu, IPI_FETCH);
	return take_answer(regs) ? VCPU_FETCH_DONE : VCPU_FETCH_ASKED;
}
