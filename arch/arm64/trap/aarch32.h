/* SPDX-License-Identifier: MIT */
/*
 * A32 and T32 code of guests, which have it at EL0 alone (HCR_EL2.RW = 1): conditions, and accesses to
 * coprocessors 14 and 15, in which AArch32 has its system registers (Arm ARM G1.18, G8).
 */
#ifndef ARCH_ARM64_TRAP_AARCH32_H
#define ARCH_ARM64_TRAP_AARCH32_H

#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/traps.h"

#define PSR_IT_HIGH	GENMASK(15, 10)		/* IT[7:2] */
#define PSR_IT_LOW	GENMASK(26, 25)		/* IT[1:0] */

/*
 * Whether an instruction that trapped is to be executed; a CPU may trap one whose condition fails. iss: of an
 * EC with CV and COND. Without CV the condition is that of the IT block.
 */
bool aarch32_condition_holds(uint64_t spsr, uint32_t iss);

static inline uint64_t aarch32_it_state(uint64_t spsr)
{
	return FIELD_GET(PSR_IT_HIGH, spsr) << 2 | FIELD_GET(PSR_IT_LOW, spsr);
}

/* SPSR behind an instruction: its place in an IT block (ITAdvance(), F1.2.3); and it was no step. */
static inline uint64_t aarch32_advance(uint64_t spsr)
{
	uint64_t it = aarch32_it_state(spsr);

	/* The condition stays but for its last bit, which is shifted in; after the last one nothing does. */
	it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
	return (spsr & ~(PSR_SS | PSR_IT_HIGH | PSR_IT_LOW)) | FIELD_PREP(PSR_IT_HIGH, it >> 2) |
	       FIELD_PREP(PSR_IT_LOW, it & 3);
}

/*
 * A trapped MCR, MRC, MCRR, MRRC, LDC or STC: what the AArch64 register does that it is mapped to. What has
 * none is UNDEFINED. Context: the vCPU is loaded.
 */
enum trap_outcome trap_coprocessor(struct vcpu *vcpu, const struct trap *trap);

#endif
