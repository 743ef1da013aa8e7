// SPDX-License-Identifier: MIT
/*
 * Breakpoints, watchpoints and single step of guests (Arm ARM D2, D19.3).
 *
 * All accesses trap (MDCR_EL2.TDA, TDOSA, TDRA); values live in the vCPU. While any is enabled, or
 * MDSCR_EL1 enables debug exceptions, the registers are loaded with the vCPU and cleared when it leaves,
 * so that a vCPU that does not debug costs nothing. Debug exceptions go to EL1 (TDE = 0).
 */
#include "arch/arm64/vcpu/debug.h"

#include "arch/arm64/sysreg.h"
#include "kernel/vm/vcpu.h"

#define DFR0_BRPS	GENMASK(15, 12)
#define DFR0_WRPS	GENMASK(23, 20)
#define CR_ENABLE	BIT(0)
#define MDSCR_SS	BIT(0)
#define MDSCR_TDCC	BIT(12)
#define MDSCR_KDE	BIT(13)
#define MDSCR_MDE	BIT(15)
#define OSLSR_OSLM	BIT(3)		/* the OS lock is implemented */
#define OSLSR_OSLK	BIT(1)

#define FOR_EACH_16(X)	\
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static void write_breakpoint(unsigned int n, uint64_t bvr, uint64_t bcr)
{
	switch (n) {
#define X(i) case i: sysreg_write(dbgbvr##i##_el1, bvr); sysreg_write(dbgbcr##i##_el1, bcr); break;
	FOR_EACH_16(X)
#undef X
	default: break;
	}
}

static void write_watchpoint(unsigned int n, uint64_t wvr, uint64_t wcr)
{
	switch (n) {
#define X(i) case i: sysreg_write(dbgwvr##i##_el1, wvr); sysreg_write(dbgwcr##i##_el1, wcr); break;
	FOR_EACH_16(X)
#undef X
	default: break;
	}
}

static unsigned int nr_breakpoints(void)
{
	return (unsigned int)FIELD_GET(DFR0_BRPS, sysreg_read(id_aa64dfr0_el1)) + 1;
}

static unsigned int nr_watchpoints(void)
{
	return (unsigned int)FIELD_GET(DFR0_WRPS, sysreg_read(id_aa64dfr0_el1)) + 1;
}

void arch_debug_init_cpu(void)
{
	sysreg_write(oslar_el1, 0);
	sysreg_write(osdlr_el1, 0);
	sysreg_write(mdscr_el1, 0);
	for (unsigned int i = 0; i < nr_breakpoints(); i++)
		write_breakpoint(i, 0, 0);
	for (unsigned int i = 0; i < nr_watchpoints(); i++)
		write_watchpoint(i, 0, 0);
	isb();
}

static bool is_used(const struct arch_debug *d)
{
	if (d->mdscr & (MDSCR_SS | MDSCR_MDE))
		return true;
	for (unsigned int i = 0; i < ARRAY_SIZE(d->bcr); i++) {
		if ((d->bcr[i] | d->wcr[i]) & CR_ENABLE)
			return true;
	}
	return false;
}

void arch_debug_load(struct vcpu *vcpu)
{
	const struct arch_debug *d = &vcpu->arch.debug;

	if (!d->used)
		return;
	for (unsigned int i = 0; i < nr_breakpoints(); i++)
		write_breakpoint(i, d->bvr[i], d->bcr[i]);
	for (unsigned int i = 0; i < nr_watchpoints(); i++)
		write_watchpoint(i, d->wvr[i], d->wcr[i]);
	/* A guest that holds its OS lock takes no debug exceptions. */
	sysreg_write(mdscr_el1, d->os_lock ? d->mdscr & ~(MDSCR_SS | MDSCR_MDE | MDSCR_KDE) : d->mdscr);
}

void arch_debug_save(struct vcpu *vcpu)
{
	if (!vcpu->arch.debug.used)
		return;
	sysreg_write(mdscr_el1, 0);
	for (unsigned int i = 0; i < nr_breakpoints(); i++)
		write_breakpoint(i, 0, 0);
	for (unsigned int i = 0; i < nr_watchpoints(); i++)
		write_watchpoint(i, 0, 0);
}

uint64_t arch_debug_read(struct vcpu *vcpu, enum arch_debug_reg reg, unsigned int n)
{
	const struct arch_debug *d = &vcpu->arch.debug;

	switch (reg) {
	case DEBUG_BVR:
		return d->bvr[n];
	case DEBUG_BCR:
		return d->bcr[n];
	case DEBUG_WVR:
		return d->wvr[n];
	case DEBUG_WCR:
		return d->wcr[n];
	case DEBUG_MDSCR:
		return d->mdscr;
	case DEBUG_OSLSR:
		return OSLSR_OSLM | (d->os_lock ? OSLSR_OSLK : 0);
	default:
		return 0;
	}
}

bool arch_debug_denies_dcc(const struct vcpu *vcpu)
{
	return (vcpu->arch.debug.mdscr & MDSCR_TDCC) != 0;
}

static void store(struct arch_debug *d, enum arch_debug_reg reg, unsigned int n, uint64_t val)
{
	switch (reg) {
	case DEBUG_BVR:
		d->bvr[n] = val;
		break;
	case DEBUG_BCR:
		d->bcr[n] = val;
		break;
	case DEBUG_WVR:
		d->wvr[n] = val;
		break;
	case DEBUG_WCR:
		d->wcr[n] = val;
		break;
	case DEBUG_MDSCR:
		d->mdscr = val;
		break;
	case DEBUG_OSLAR:
		d->os_lock = val & 1;
		break;
	default:
		break;
	}
}

void arch_debug_write(struct vcpu *vcpu, enum arch_debug_reg reg, unsigned int n, uint64_t val)
{
	struct arch_debug *d = &vcpu->arch.debug;

	/* Off with the old, in with the new; a guest that sets up breakpoints does not do so in a loop. */
	arch_debug_save(vcpu);
	store(d, reg, n, val);
	d->used = is_used(d);
	arch_debug_load(vcpu);
	isb();
}
