/* SPDX-License-Identifier: MIT */
/* SErrors: whose they are (Arm ARM D1.3.4; RAS: DDI 0587, 2). */
#ifndef ARCH_ARM64_VCPU_SERROR_H
#define ARCH_ARM64_VCPU_SERROR_H

#include "arch/arm64/features.h"
#include "arch/arm64/sysreg.h"
#include "lib/types.h"

struct vcpu;

/*
 * Wait until every error of an access so far is an SError that is pending, here masked; whether there is one.
 * With RAS, ESB defers it into DISR_EL1.
 */
static inline bool serror_is_pending(void)
{
	if (el2_features & EL2_RAS) {
		__asm__ volatile("hint #16" : : : "memory");
		return sysreg_read(DISR_EL1) != 0;
	}
	dsb(sy);
	isb();
	return (sysreg_read(isr_el1) & PSR_A) != 0;	/* ISR_EL1.A is where PSTATE.A is */
}

/*
 * The loaded vCPU leaves this CPU, and serror_is_pending(): it is the vCPU's own, which gets it as a virtual
 * one, and the next vCPU finds nothing. Context: SP_EL0 has been saved.
 */
void serror_leave(struct vcpu *vcpu);

/* Take the pending one off this CPU; false if it has gone. */
bool serror_take(void);

/* The loaded vCPU has an SError. */
void serror_forward(struct vcpu *vcpu);

#endif
