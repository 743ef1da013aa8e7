// SPDX-License-Identifier: MIT
/* The physical timer of guests (Arm ARM D11.2): its line follows its condition, for which EL2 has a timer. */
#include "arch/arm64/vcpu/ptimer.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/vgic/vgic.h"
#include "lib/compiler.h"

/* The physical timer's line follows its condition; until that is met, a timer of EL2 waits for it. */
static void ptimer_update(struct vcpu *vcpu)
{
	uint64_t deadline = ptimer_deadline(vcpu);
	bool asserted = deadline <= arch_counter();

	vgic_set_line(vcpu, VGIC_PTIMER_INTID, asserted);
	if (asserted || deadline == UINT64_MAX)
		timer_cancel(&this_cpu()->timers, &vcpu->arch.ptimer.timer);
	else
		timer_arm(&this_cpu()->timers, &vcpu->arch.ptimer.timer, deadline);
}

static void ptimer_fired(struct timer *timer)
{
	ptimer_update(container_of(timer, struct vcpu, arch.ptimer.timer));
}

void ptimer_reset(struct vcpu *vcpu)
{
	vcpu->arch.ptimer.ctl = 0;
	vcpu->arch.ptimer.cval = 0;
	timer_init(&vcpu->arch.ptimer.timer, ptimer_fired);
}

uint64_t ptimer_read(struct vcpu *vcpu, enum ptimer_reg reg)
{
	const struct arch_ptimer *t = &vcpu->arch.ptimer;
	bool met = (t->ctl & CNT_CTL_ENABLE) && t->cval <= vmtime_now(vcpu->vm);

	switch (reg) {
	case PTIMER_CTL:
		/*
		 * Who is told that the condition is met finds the interrupt pending, not a timer of EL2 on
		 * its way.
		 */
		if (met && timer_is_armed(&t->timer))
			ptimer_update(vcpu);
		return t->ctl | (met ? CNT_CTL_ISTATUS : 0);
	case PTIMER_CVAL:
		return t->cval;
	default:
		return (uint32_t)(t->cval - vmtime_now(vcpu->vm));
	}
}

void ptimer_write(struct vcpu *vcpu, enum ptimer_reg reg, uint64_t val)
{
	struct arch_ptimer *t = &vcpu->arch.ptimer;

	switch (reg) {
	case PTIMER_CTL:
		t->ctl = val & (CNT_CTL_ENABLE | CNT_CTL_IMASK);
		break;
	case PTIMER_CVAL:
		t->cval = val;
		break;
	default:
		t->cval = vmtime_now(vcpu->vm) + (uint64_t)(int32_t)val;
		break;
	}
	vcpu_vgic_out(vcpu);
	ptimer_update(vcpu);
}
