// SPDX-License-Identifier: MIT
/*
 * Trapped A32 and T32 instructions of EL0 (Arm ARM D19.2: ESR_ELx, ISS of traps from AArch32 state).
 *
 * twins[] says which AArch64 register an AArch32 one is mapped to; the access then is one to that register,
 * by its row in sysreg.c or pmu.c. What EL1's own controls deny (CNTKCTL_EL1, PMUSERENR_EL0) went to EL1
 * before EL2 was asked; but MDSCR_EL1.TDCC is EL2's to check, since a guest's is not always in hardware.
 *
 * VMRS of an FP identification register (EC 0x08) and SMC (0x13) trap from EL1 only, HVC (0x12) is UNDEFINED
 * at EL0: none of these comes here. LDC and STC (EC 0x06), which move a word between memory and the debug
 * communication channel, are UNDEFINED: EL2 would have to access memory as EL0.
 */
#include "arch/arm64/trap/aarch32.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/vcpu/debug.h"
#include "kernel/base/log.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#define PSR_N		BIT(31)
#define PSR_Z		BIT(30)
#define PSR_C		BIT(29)
#define PSR_V		BIT(28)
#define PSR_NZCV	GENMASK(31, 28)

#define ISS_CV		BIT(24)
#define ISS_COND	GENMASK(23, 20)
#define ISS_RT2		GENMASK(14, 10)
#define ISS_RT		GENMASK(9, 5)
#define ISS_READ	BIT(0)
#define COND_ALWAYS	14
#define RT_FLAGS	15			/* of an MRC: APSR.NZCV */

/* ---- conditions ---- */

static unsigned int condition(uint64_t spsr, uint32_t iss)
{
	unsigned int it = (unsigned int)aarch32_it_state(spsr);

	if (iss & ISS_CV)
		return (unsigned int)FIELD_GET(ISS_COND, iss);
	return it ? it >> 4 : COND_ALWAYS;
}

/* ConditionHolds(), F2.3.1. */
bool aarch32_condition_holds(uint64_t spsr, uint32_t iss)
{
	bool n = spsr & PSR_N, z = spsr & PSR_Z, c = spsr & PSR_C, v = spsr & PSR_V;
	const bool holds[] = { z, c, n, v, c && !z, n == v, n == v && !z, true };
	unsigned int cond = condition(spsr, iss);

	return holds[cond >> 1] != ((cond & 1) && cond != 15);
}

/* ---- coprocessors 14 and 15 ---- */

/* The fields of an ISS that name a register: in AArch64, by MCR and MRC, by MCRR and MRRC. */
#define AS(op0, op1, crn, crm, op2) \
	((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define REG(opc1, crn, crm, opc2)	AS(0, opc1, crn, crm, opc2)
#define REG2(opc1, crm)			((opc1) << 16 | (crm) << 1)
#define ALL				REG(7, 15, 15, 7)
#define ALL2				REG2(15, 15)
#define ANY_OPC2			(ALL & ~REG(0, 0, 0, 7))
#define CRM_FROM_8			(ALL & ~REG(0, 0, 7, 7))

/* PMCEID2 and PMCEID3 are the upper halves of PMCEID<n>_EL0. */
static uint64_t high(uint64_t val)
{
	return val >> 32;
}

/* DBGDIDR says what ID_AA64DFR0_EL1 does: WRPs, BRPs, CTX_CMPs, version. EL3 is not there. */
static uint64_t dbgdidr(uint64_t dfr0)
{
	return (dfr0 >> 20 & 0xf) << 28 | (dfr0 >> 12 & 0xf) << 24 | (dfr0 >> 28 & 0xf) << 20 |
	       (dfr0 & 0xf) << 16 | BIT(15);
}

struct twin {
	uint8_t ec;
	uint32_t mask;		/* which fields the row compares; the others are those of the twin, too */
	uint32_t reg;
	uint32_t as;
	uint64_t (*view)(uint64_t val);	/* what a read makes of the twin's value; NULL: its lower half */
};

/* Sorted by EC, then by CRn, CRm, opc2; the first that fits. */
static const struct twin twins[] = {
	{ EC_CP15, ALL, REG(0, 9, 14, 4), AS(3, 3, 9, 12, 6), high },		/* PMCEID2 */
	{ EC_CP15, ALL, REG(0, 9, 14, 5), AS(3, 3, 9, 12, 7), high },		/* PMCEID3 */
	{ EC_CP15, ANY_OPC2, REG(0, 9, 12, 0), AS(3, 3, 9, 12, 0), NULL },	/* PMCR... PMCEID1 */
	{ EC_CP15, ANY_OPC2, REG(0, 9, 13, 0), AS(3, 3, 9, 13, 0), NULL },	/* PMCCNTR... PMXEVCNTR */
	{ EC_CP15, ANY_OPC2, REG(0, 9, 14, 0), AS(3, 3, 9, 14, 0), NULL },	/* PMUSERENR, PMOVSSET */
	{ EC_CP15, ALL, REG(0, 14, 2, 0), AS(3, 3, 14, 2, 0), NULL },		/* CNTP_TVAL */
	{ EC_CP15, ALL, REG(0, 14, 2, 1), AS(3, 3, 14, 2, 1), NULL },		/* CNTP_CTL */
	{ EC_CP15, CRM_FROM_8, REG(0, 14, 8, 0), AS(3, 3, 14, 8, 0), NULL },	/* PMEVCNTR... PMCCFILTR */
	{ EC_CP15_64, ALL2, REG2(0, 9), AS(3, 3, 9, 13, 0), NULL },		/* PMCCNTR */
	{ EC_CP15_64, ALL2, REG2(0, 14), AS(3, 3, 14, 0, 1), NULL },		/* CNTPCT */
	{ EC_CP15_64, ALL2, REG2(2, 14), AS(3, 3, 14, 2, 2), NULL },		/* CNTP_CVAL */
	{ EC_CP14, ALL, REG(0, 0, 0, 0), AS(3, 0, 0, 5, 0), dbgdidr },
	{ EC_CP14, ALL, REG(0, 0, 1, 0), AS(2, 0, 1, 0, 0), NULL },		/* DBGDSCRint: RAZ */
	{ EC_CP14, ALL, REG(0, 0, 5, 0), AS(2, 0, 0, 0, 2), NULL },		/* DBGDTRRXint, DBGDTRTXint */
	{ EC_CP14, ALL, REG(0, 1, 0, 0), AS(2, 0, 1, 0, 0), NULL },		/* DBGDRAR */
	{ EC_CP14, ALL, REG(0, 2, 0, 0), AS(2, 0, 1, 0, 0), NULL },		/* DBGDSAR: RAZ */
	{ EC_CP14_64, ALL2, REG2(0, 1), AS(2, 0, 1, 0, 0), NULL },		/* DBGDRAR */
	{ EC_CP14_64, ALL2, REG2(0, 2), AS(2, 0, 1, 0, 0), NULL },		/* DBGDSAR: RAZ */
};

static const struct twin *find(const struct trap *trap)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(twins); i++) {
		if (twins[i].ec == trap->ec && (trap->iss & twins[i].mask) == twins[i].reg)
			return &twins[i];
	}
	return NULL;
}

static void set_reg(struct vcpu *vcpu, unsigned int rt, uint64_t val)
{
	struct trapframe *frame = &vcpu->arch.frame;

	if (rt == RT_FLAGS)
		frame->spsr = (frame->spsr & ~PSR_NZCV) | (val & PSR_NZCV);
	else
		vcpu_set_reg(vcpu, rt, (uint32_t)val);
}

/* Half of a register of 64 bits keeps the other half. */
static bool access_32(struct vcpu *vcpu, const struct trap *trap, const struct twin *twin, uint32_t as)
{
	unsigned int rt = (unsigned int)FIELD_GET(ISS_RT, trap->iss);
	uint64_t val = 0;
	bool readable = guest_sysreg_read(vcpu, as, &val);

	if (!(trap->iss & ISS_READ))
		return guest_sysreg_write(vcpu, as, (val & GENMASK(63, 32)) | (uint32_t)vcpu_reg(vcpu, rt));
	if (readable)
		set_reg(vcpu, rt, twin->view ? twin->view(val) : val);
	return readable;
}

static bool access_64(struct vcpu *vcpu, const struct trap *trap, uint32_t as)
{
	unsigned int rt = (unsigned int)FIELD_GET(ISS_RT, trap->iss);
	unsigned int rt2 = (unsigned int)FIELD_GET(ISS_RT2, trap->iss);
	uint64_t val;

	if (!(trap->iss & ISS_READ)) {
		val = vcpu_reg(vcpu, rt2) << 32 | (uint32_t)vcpu_reg(vcpu, rt);
		return guest_sysreg_write(vcpu, as, val);
	}
	if (!guest_sysreg_read(vcpu, as, &val))
		return false;
	vcpu_set_reg(vcpu, rt, (uint32_t)val);
	vcpu_set_reg(vcpu, rt2, val >> 32);
	return true;
}

static bool access(struct vcpu *vcpu, const struct trap *trap, const struct twin *twin)
{
	uint32_t as = twin->as | (trap->iss & ALL & ~twin->mask);

	if (trap->ec == EC_CP15_64 || trap->ec == EC_CP14_64)
		return access_64(vcpu, trap, twin->as);
	return access_32(vcpu, trap, twin, as);
}

enum trap_outcome trap_coprocessor(struct vcpu *vcpu, const struct trap *trap)
{
	const struct twin *twin = find(trap);
	bool debug = trap->ec == EC_CP14_MEM || (twin && (trap->ec == EC_CP14 || trap->ec == EC_CP14_64));

	vcpu->exits[EXIT_SYSREG]++;
	if (!aarch32_condition_holds(vcpu->arch.frame.spsr, trap->iss))
		return TRAP_SKIP;
	if (debug && arch_debug_denies_dcc(vcpu))
		return TRAP_GUEST;
	if (twin && access(vcpu, trap, twin))
		return TRAP_SKIP;
	log_debug("%s: %s from AArch32, ISS 0x%x, at pc 0x%lx: UNDEF", vcpu->vm->name, esr_ec_name(trap->ec),
		  trap->iss, vcpu->arch.frame.elr);
	return TRAP_UNDEF;
}
