// SPDX-License-Identifier: MIT
/* Exceptions that Schism makes a guest take (Arm ARM D1.3.5, AArch64.TakeException). */
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/traps.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#define PSR_NZCV	GENMASK(31, 28)
#define PSR_DIT		BIT(24)
#define PSR_PAN		BIT(22)
#define PSR_TCO		BIT(25)
#define PSR_SSBS	BIT(12)
#define PSR_MODE_SP	BIT(0)
#define SCTLR_SPAN	BIT(23)
#define SCTLR_DSSBS	BIT(44)

#define VECTOR_CUR_SP0	0x000
#define VECTOR_CUR_SPX	0x200
#define VECTOR_LOWER64	0x400
#define VECTOR_LOWER32	0x600

static uint64_t vector_offset(uint64_t spsr)
{
	if (spsr & PSR_AARCH32)
		return VECTOR_LOWER32;
	switch (spsr & PSR_MODE_MASK) {
	case PSR_MODE_EL0T:
		return VECTOR_LOWER64;
	case PSR_MODE_EL1T:
		return VECTOR_CUR_SP0;
	default:
		return VECTOR_CUR_SPX;
	}
}

static bool has_field(uint64_t idreg, unsigned int lsb)
{
	return ((idreg >> lsb) & 0xf) != 0;
}

/* PSTATE on entry to EL1h. */
static uint64_t handler_pstate(uint64_t spsr)
{
	uint64_t sctlr = sysreg_read(sctlr_el1);
	uint64_t pstate = PSR_MODE_EL1H | PSR_DAIF | (spsr & PSR_NZCV);

	if (has_field(sysreg_read(id_aa64pfr0_el1), 48))	/* DIT */
		pstate |= spsr & PSR_DIT;
	if (has_field(sysreg_read(id_aa64mmfr1_el1), 20))	/* PAN */
		pstate |= (sctlr & SCTLR_SPAN) ? spsr & PSR_PAN : PSR_PAN;
	if (has_field(sysreg_read(id_aa64pfr1_el1), 4) && (sctlr & SCTLR_DSSBS))
		pstate |= PSR_SSBS;
	if (((sysreg_read(id_aa64pfr1_el1) >> 8) & 0xf) >= 2)	/* MTE2 */
		pstate |= PSR_TCO;
	return pstate;
}

void inject_sync(struct vcpu *vcpu, uint64_t esr, uint64_t far, bool far_valid)
{
	struct trapframe *frame = &vcpu->arch.frame;

	sysreg_write(elr_el1, frame->elr);
	sysreg_write(spsr_el1, frame->spsr);
	sysreg_write(esr_el1, esr);
	if (far_valid)
		sysreg_write(far_el1, far);
	frame->elr = sysreg_read(vbar_el1) + vector_offset(frame->spsr);
	frame->spsr = handler_pstate(frame->spsr);
	vcpu->nr_injected++;
}

static uint64_t esr_make(unsigned int ec, const struct trap *trap, uint64_t iss)
{
	return (uint64_t)ec << ESR_EC_SHIFT | (trap->il == 4 ? ESR_IL : 0) | iss;
}

void inject_undef(struct vcpu *vcpu, const struct trap *trap)
{
	inject_sync(vcpu, esr_make(EC_UNKNOWN, trap, 0) | ESR_IL, 0, false);
}

void inject_trap(struct vcpu *vcpu, const struct trap *trap)
{
	inject_sync(vcpu, esr_make(trap->ec, trap, trap->iss), 0, false);
}

void inject_abort(struct vcpu *vcpu, const struct trap *trap, uint64_t far)
{
	const struct arch_abort *abort = &vcpu->abort;
	bool from_el0 = (vcpu->arch.frame.spsr & (PSR_MODE_MASK | PSR_AARCH32)) == PSR_MODE_EL0T ||
			(vcpu->arch.frame.spsr & PSR_AARCH32);
	bool fetch = trap->ec == EC_IABT_LOWER;
	unsigned int ec = fetch ? EC_IABT_CUR : EC_DABT_CUR;
	/*
	 * What the architecture gives EL1 for its own external abort: WnR and CM stay (a cache maintenance
	 * or AT instruction has both). ISV, S1PTW and FnV are never set, nor is EA, whose meaning the
	 * implementation defines.
	 */
	uint64_t iss = abort->fsc | (fetch ? 0 : trap->iss & (ABT_WNR | ABT_CM));

	if (from_el0)
		ec--;
	abort_report(vcpu, trap, far);
	/* An instruction abort has IL = 1 (ESR_ELx.IL). A data abort without ISV has IL = 1, too. */
	inject_sync(vcpu, esr_make(ec, trap, iss) | ESR_IL, far, true);
}
