/* SPDX-License-Identifier: MIT */
/* The physical timer of guests, CNTP_*_EL0, which EL2 emulates; ptimer.c. */
#ifndef ARCH_ARM64_VCPU_PTIMER_H
#define ARCH_ARM64_VCPU_PTIMER_H

#include "arch/arm64/sysreg.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vmtime.h"

enum ptimer_reg {
	PTIMER_TVAL,
	PTIMER_CTL,
	PTIMER_CVAL,
};

/* A register of the timer, read or written by the guest. Context: the vCPU is loaded. */
uint64_t ptimer_read(struct vcpu *vcpu, enum ptimer_reg reg);
void ptimer_write(struct vcpu *vcpu, enum ptimer_reg reg, uint64_t val);

/* Off, as at reset. Context: the vCPU is on no CPU. */
void ptimer_reset(struct vcpu *vcpu);

/* When it fires, by the physical counter; UINT64_MAX: not as it is set. */
static inline uint64_t ptimer_deadline(const struct vcpu *vcpu)
{
	const struct arch_ptimer *t = &vcpu->arch.ptimer;

	if ((t->ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK)) != CNT_CTL_ENABLE)
		return UINT64_MAX;
	return vmtime_to_counter(vcpu->vm, t->cval);
}

#endif
