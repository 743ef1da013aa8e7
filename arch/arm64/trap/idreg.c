// SPDX-License-Identifier: MIT
/*
 * What guests see of the identification registers (Arm ARM D19.2, by register and field).
 *
 * One row per field that is not 0 for every guest: the most that Schism virtualizes, that is, for which no
 * more is needed than what is switched or trapped already. A guest sees that or what the CPU has, whichever
 * is less; with several CPUs, the least of them. What has no row reads as 0, fields of the future among it;
 * what is hidden although it is well known stands in docs/design/system-registers.md with the reason.
 * docs/identification.md is made of this table, by scripts/idreg-table.
 *
 * Written while CPUs start, one after the other, read only from then on.
 */
#include "arch/arm64/trap/idreg.h"

#include "arch/arm64/features.h"
#include "arch/arm64/trap/traps.h"
#include "arch/arm64/vcpu/pmu.h"
#include "kernel/base/log.h"
#include "lib/compiler.h"

struct id_field {
	uint8_t reg;
	uint8_t lsb;
	uint8_t max;
	enum {
		FIELD_UPTO,		/* at most max, as unsigned numbers compare */
		FIELD_SIGNED,		/* 15 means "not there", which is less than 0 */
		FIELD_FIXED,		/* max itself, whatever the CPU has */
	} kind;
	const char *name;
};

#define ROW(n, what, shift, limit, how)	\
	{ .reg = n, .lsb = shift, .max = limit, .kind = FIELD_##how, .name = what }
#define UPTO(n, what, shift, most)	ROW(n, what, shift, most, UPTO)
#define SIGNED(n, what, shift, most)	ROW(n, what, shift, most, SIGNED)
#define FIXED(n, what, shift, value)	ROW(n, what, shift, value, FIXED)
#define ALL	15	/* a number, not a version: whatever there is */

#define ID_PFR0		IDREG(1, 0)
#define ID_PFR1		IDREG(1, 1)
#define ID_DFR0		IDREG(1, 2)
#define ID_MMFR0	IDREG(1, 4)
#define ID_MMFR1	IDREG(1, 5)
#define ID_MMFR2	IDREG(1, 6)
#define ID_MMFR3	IDREG(1, 7)
#define ID_ISAR0	IDREG(2, 0)
#define ID_ISAR1	IDREG(2, 1)
#define ID_ISAR2	IDREG(2, 2)
#define ID_ISAR3	IDREG(2, 3)
#define ID_ISAR4	IDREG(2, 4)
#define ID_ISAR5	IDREG(2, 5)
#define ID_MMFR4	IDREG(2, 6)
#define ID_ISAR6	IDREG(2, 7)
#define MVFR0		IDREG(3, 0)
#define MVFR1		IDREG(3, 1)
#define MVFR2		IDREG(3, 2)
#define ID_PFR2		IDREG(3, 4)
#define ID_AA64PFR0	IDREG(4, 0)
#define ID_AA64PFR1	IDREG(4, 1)
#define ID_AA64DFR0	IDREG(5, 0)
#define ID_AA64ISAR0	IDREG(6, 0)
#define ID_AA64ISAR1	IDREG(6, 1)
#define ID_AA64ISAR2	IDREG(6, 2)
#define ID_AA64MMFR0	IDREG(7, 0)
#define ID_AA64MMFR1	IDREG(7, 1)
#define ID_AA64MMFR2	IDREG(7, 2)

static const struct id_field fields[] = {
	/* AArch32, which a guest may have at EL0 */
	UPTO(ID_PFR0, "State0", 0, 1),
	UPTO(ID_PFR0, "State1", 4, 3),
	UPTO(ID_PFR0, "State2", 8, 1),
	UPTO(ID_PFR0, "CSV2", 16, 1),
	UPTO(ID_PFR0, "DIT", 24, 1),
	UPTO(ID_PFR1, "GenTimer", 16, 1),
	UPTO(ID_PFR1, "GIC", 28, 1),
	UPTO(ID_DFR0, "CopDbg", 0, 6),
	UPTO(ID_DFR0, "CopSDbg", 4, 6),
	UPTO(ID_MMFR0, "VMSA", 0, 5),
	UPTO(ID_MMFR0, "OuterShr", 8, ALL),
	UPTO(ID_MMFR0, "ShareLvl", 12, 1),
	UPTO(ID_MMFR0, "AuxReg", 20, 2),
	UPTO(ID_MMFR0, "InnerShr", 28, ALL),
	UPTO(ID_MMFR1, "L1TstCln", 24, ALL),
	UPTO(ID_MMFR1, "BPred", 28, ALL),
	UPTO(ID_MMFR2, "UniTLB", 16, 6),
	UPTO(ID_MMFR2, "MemBarr", 20, 2),
	UPTO(ID_MMFR2, "WFIStall", 24, 1),
	UPTO(ID_MMFR3, "CMaintVA", 0, 1),
	UPTO(ID_MMFR3, "CMaintSW", 4, 1),
	UPTO(ID_MMFR3, "BPMaint", 8, 2),
	UPTO(ID_MMFR3, "MaintBcst", 12, 2),
	UPTO(ID_MMFR3, "PAN", 16, 2),
	UPTO(ID_MMFR3, "CohWalk", 20, 1),
	UPTO(ID_MMFR3, "CMemSz", 24, 2),
	UPTO(ID_MMFR3, "Supersec", 28, ALL),
	UPTO(ID_MMFR4, "CnP", 12, 1),
	UPTO(ID_MMFR4, "HPDS", 16, 2),
	UPTO(ID_MMFR4, "LSM", 20, 1),
	UPTO(ID_MMFR4, "CCIDX", 24, 1),
	UPTO(ID_ISAR0, "Swap", 0, 1),
	UPTO(ID_ISAR0, "BitCount", 4, 1),
	UPTO(ID_ISAR0, "BitField", 8, 1),
	UPTO(ID_ISAR0, "CmpBranch", 12, 1),
	UPTO(ID_ISAR0, "Debug", 20, 1),
	UPTO(ID_ISAR0, "Divide", 24, 2),
	UPTO(ID_ISAR1, "Endian", 0, 1),
	UPTO(ID_ISAR1, "Except", 4, 1),
	UPTO(ID_ISAR1, "Except_AR", 8, 1),
	UPTO(ID_ISAR1, "Extend", 12, 2),
	UPTO(ID_ISAR1, "IfThen", 16, 1),
	UPTO(ID_ISAR1, "Immediate", 20, 1),
	UPTO(ID_ISAR1, "Interwork", 24, 3),
	UPTO(ID_ISAR1, "Jazelle", 28, 1),
	UPTO(ID_ISAR2, "LoadStore", 0, 2),
	UPTO(ID_ISAR2, "MemHint", 4, 4),
	UPTO(ID_ISAR2, "MultiAccessInt", 8, 2),
	UPTO(ID_ISAR2, "Mult", 12, 2),
	UPTO(ID_ISAR2, "MultS", 16, 3),
	UPTO(ID_ISAR2, "MultU", 20, 2),
	UPTO(ID_ISAR2, "PSR_AR", 24, 1),
	UPTO(ID_ISAR2, "Reversal", 28, 2),
	UPTO(ID_ISAR3, "Saturate", 0, 1),
	UPTO(ID_ISAR3, "SIMD", 4, 3),
	UPTO(ID_ISAR3, "SVC", 8, 1),
	UPTO(ID_ISAR3, "SynchPrim", 12, 2),
	UPTO(ID_ISAR3, "TabBranch", 16, 1),
	UPTO(ID_ISAR3, "T32Copy", 20, 1),
	UPTO(ID_ISAR3, "TrueNOP", 24, 1),
	UPTO(ID_ISAR4, "Unpriv", 0, 2),
	UPTO(ID_ISAR4, "WithShifts", 4, 4),
	UPTO(ID_ISAR4, "Writeback", 8, 1),
	UPTO(ID_ISAR4, "SMC", 12, 1),
	UPTO(ID_ISAR4, "Barrier", 16, 1),
	UPTO(ID_ISAR4, "SynchPrim_frac", 20, 3),
	UPTO(ID_ISAR4, "PSR_M", 24, 1),
	UPTO(ID_ISAR5, "SEVL", 0, 1),
	UPTO(ID_ISAR5, "AES", 4, 2),
	UPTO(ID_ISAR5, "SHA1", 8, 1),
	UPTO(ID_ISAR5, "SHA2", 12, 1),
	UPTO(ID_ISAR5, "CRC32", 16, 1),
	UPTO(ID_ISAR5, "RDM", 24, 1),
	UPTO(ID_ISAR5, "VCMA", 28, 1),
	UPTO(ID_ISAR6, "JSCVT", 0, 1),
	UPTO(ID_ISAR6, "DP", 4, 1),
	UPTO(ID_ISAR6, "FHM", 8, 1),
	UPTO(ID_ISAR6, "SB", 12, 1),
	UPTO(ID_ISAR6, "SPECRES", 16, 1),
	UPTO(ID_ISAR6, "BF16", 20, 1),
	UPTO(ID_ISAR6, "I8MM", 24, 1),
	UPTO(MVFR0, "SIMDReg", 0, 2),
	UPTO(MVFR0, "FPSP", 4, 2),
	UPTO(MVFR0, "FPDP", 8, 2),
	UPTO(MVFR0, "FPTrap", 12, 1),
	UPTO(MVFR0, "FPDivide", 16, 1),
	UPTO(MVFR0, "FPSqrt", 20, 1),
	UPTO(MVFR0, "FPShVec", 24, 1),
	UPTO(MVFR0, "FPRound", 28, 1),
	UPTO(MVFR1, "FPFtZ", 0, 1),
	UPTO(MVFR1, "FPDNaN", 4, 1),
	UPTO(MVFR1, "SIMDLS", 8, 1),
	UPTO(MVFR1, "SIMDInt", 12, 1),
	UPTO(MVFR1, "SIMDSP", 16, 1),
	UPTO(MVFR1, "SIMDHP", 20, 2),
	UPTO(MVFR1, "FPHP", 24, 3),
	UPTO(MVFR1, "SIMDFMAC", 28, 1),
	UPTO(MVFR2, "SIMDMisc", 0, 3),
	UPTO(MVFR2, "FPMisc", 4, 4),
	UPTO(ID_PFR2, "CSV3", 0, 1),
	UPTO(ID_PFR2, "SSBS", 4, 1),

	UPTO(ID_AA64PFR0, "EL0", 0, 2),
	FIXED(ID_AA64PFR0, "EL1", 4, 1),			/* HCR_EL2.RW: not by AArch32 */
	SIGNED(ID_AA64PFR0, "FP", 16, 1),
	SIGNED(ID_AA64PFR0, "AdvSIMD", 20, 1),
	FIXED(ID_AA64PFR0, "GIC", 24, 1),			/* GICv3, though a CPU may know more */
	UPTO(ID_AA64PFR0, "DIT", 48, 1),
	UPTO(ID_AA64PFR0, "CSV2", 56, 1),			/* 2 has SCXTNUM_ELx */
	UPTO(ID_AA64PFR0, "CSV3", 60, 1),
	UPTO(ID_AA64PFR1, "BT", 0, 1),
	UPTO(ID_AA64PFR1, "SSBS", 4, 2),
	FIXED(ID_AA64DFR0, "DebugVer", 0, 6),			/* Armv8.0 */
	UPTO(ID_AA64DFR0, "BRPs", 12, ALL),
	UPTO(ID_AA64DFR0, "WRPs", 20, ALL),
	UPTO(ID_AA64DFR0, "CTX_CMPs", 28, ALL),
	FIXED(ID_AA64DFR0, "DoubleLock", 36, 15),		/* not there: OSDLR_EL1 is RAZ/WI */
	UPTO(ID_AA64ISAR0, "AES", 4, 2),
	UPTO(ID_AA64ISAR0, "SHA1", 8, 1),
	UPTO(ID_AA64ISAR0, "SHA2", 12, 2),
	UPTO(ID_AA64ISAR0, "CRC32", 16, 1),
	UPTO(ID_AA64ISAR0, "Atomic", 20, 2),
	UPTO(ID_AA64ISAR0, "RDM", 28, 1),
	UPTO(ID_AA64ISAR0, "SHA3", 32, 1),
	UPTO(ID_AA64ISAR0, "SM3", 36, 1),
	UPTO(ID_AA64ISAR0, "SM4", 40, 1),
	UPTO(ID_AA64ISAR0, "DP", 44, 1),
	UPTO(ID_AA64ISAR0, "FHM", 48, 1),
	UPTO(ID_AA64ISAR0, "TS", 52, 2),
	UPTO(ID_AA64ISAR0, "TLB", 56, 2),
	UPTO(ID_AA64ISAR0, "RNDR", 60, 1),
	UPTO(ID_AA64ISAR1, "DPB", 0, 2),
	UPTO(ID_AA64ISAR1, "APA", 4, 5),
	UPTO(ID_AA64ISAR1, "API", 8, 5),
	UPTO(ID_AA64ISAR1, "JSCVT", 12, 1),
	UPTO(ID_AA64ISAR1, "FCMA", 16, 1),
	UPTO(ID_AA64ISAR1, "LRCPC", 20, 2),
	UPTO(ID_AA64ISAR1, "GPA", 24, 1),
	UPTO(ID_AA64ISAR1, "GPI", 28, 1),
	UPTO(ID_AA64ISAR1, "FRINTTS", 32, 1),
	UPTO(ID_AA64ISAR1, "SB", 36, 1),
	UPTO(ID_AA64ISAR1, "SPECRES", 40, 1),			/* acts on the current VMID alone */
	UPTO(ID_AA64ISAR1, "BF16", 44, 2),			/* 2: by FPCR, which is switched */
	UPTO(ID_AA64ISAR1, "DGH", 48, 1),
	UPTO(ID_AA64ISAR1, "I8MM", 52, 1),
	UPTO(ID_AA64ISAR2, "RPRES", 4, 1),			/* by FPCR, which is switched */
	UPTO(ID_AA64ISAR2, "GPA3", 8, 1),
	UPTO(ID_AA64ISAR2, "APA3", 12, 5),
	UPTO(ID_AA64ISAR2, "BC", 20, 1),
	UPTO(ID_AA64ISAR2, "PAC_frac", 24, 1),
	UPTO(ID_AA64ISAR2, "CLRBHB", 28, 1),
	UPTO(ID_AA64ISAR2, "CSSC", 52, 1),
	UPTO(ID_AA64MMFR0, "ASIDBits", 4, 2),
	UPTO(ID_AA64MMFR0, "BigEnd", 8, 1),
	UPTO(ID_AA64MMFR0, "BigEndEL0", 16, 1),
	UPTO(ID_AA64MMFR0, "TGran16", 20, 1),			/* 2 has 52 bits, by TCR_EL1.DS */
	SIGNED(ID_AA64MMFR0, "TGran64", 24, 0),
	SIGNED(ID_AA64MMFR0, "TGran4", 28, 0),
	UPTO(ID_AA64MMFR1, "HAFDBS", 0, 2),
	UPTO(ID_AA64MMFR1, "HPDS", 12, 2),
	UPTO(ID_AA64MMFR1, "PAN", 20, 3),
	UPTO(ID_AA64MMFR1, "SpecSEI", 24, 1),
	UPTO(ID_AA64MMFR1, "ETS", 36, 2),
	UPTO(ID_AA64MMFR1, "AFP", 44, 1),			/* by FPCR, which is switched */
	UPTO(ID_AA64MMFR1, "nTLBPA", 48, 1),
	UPTO(ID_AA64MMFR1, "ECBHB", 60, 1),
	UPTO(ID_AA64MMFR2, "CnP", 0, 1),
	UPTO(ID_AA64MMFR2, "UAO", 4, 1),
	UPTO(ID_AA64MMFR2, "LSM", 8, 1),
	UPTO(ID_AA64MMFR2, "VARange", 16, 1),
	UPTO(ID_AA64MMFR2, "CCIDX", 20, 1),			/* the form of CCSIDR_EL1, read directly */
	UPTO(ID_AA64MMFR2, "ST", 28, 1),
	UPTO(ID_AA64MMFR2, "AT", 32, 1),
	UPTO(ID_AA64MMFR2, "IDS", 36, 1),
	UPTO(ID_AA64MMFR2, "TTL", 48, 1),
	UPTO(ID_AA64MMFR2, "BBM", 52, 2),
	UPTO(ID_AA64MMFR2, "E0PD", 60, 1),
};

/* Fields whose value others know, for the whole machine. */
static const struct {
	uint8_t reg;
	uint8_t lsb;
	uint64_t (*value)(void);
	const char *name;
} computed[] = {
	{ ID_DFR0, 24, pmu_version_aarch32, "PerfMon" },
	{ ID_AA64DFR0, 8, pmu_version, "PMUVer" },
	{ ID_AA64MMFR0, 0, guest_parange, "PARange" },
};

static uint64_t values[NR_IDREGS];
static bool known;

static unsigned int field_of(uint64_t reg, unsigned int lsb)
{
	return reg >> lsb & 0xf;
}

/* 15 as -1, for signed fields. */
static int rank(const struct id_field *f, unsigned int val)
{
	return f->kind == FIELD_SIGNED && val == 15 ? -1 : (int)val;
}

/* What of this field guests may see on a CPU whose register is host. */
static unsigned int offered(const struct id_field *f, uint64_t host)
{
	unsigned int val = field_of(host, f->lsb);

	return f->kind == FIELD_FIXED || rank(f, val) > f->max ? f->max : val;
}

static void set_field(const struct id_field *f, unsigned int val)
{
	uint64_t mask = UINT64_C(0xf) << f->lsb;

	values[f->reg] = (values[f->reg] & ~mask) | (uint64_t)val << f->lsb;
}

static void narrow(unsigned int cpu, const struct id_field *f, unsigned int val)
{
	unsigned int seen = field_of(values[f->reg], f->lsb);

	if (val == seen)
		return;
	log_warn("CPU %u: field %s of S3_0_C0_C%u_%u is %u, so far %u: guests see the less", cpu, f->name,
		 f->reg / 8 + 1, f->reg % 8, val, seen);
	if (rank(f, val) < rank(f, seen))
		set_field(f, val);
}

void idreg_add_cpu(unsigned int cpu, const uint64_t host[NR_IDREGS])
{
	for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct id_field *f = &fields[i];

		if (known)
			narrow(cpu, f, offered(f, host[f->reg]));
		else
			set_field(f, offered(f, host[f->reg]));
	}
	known = true;
}

void idreg_forget(void)
{
	known = false;
}

uint64_t idreg_read(unsigned int n)
{
	uint64_t val = values[n];

	for (unsigned int i = 0; i < ARRAY_SIZE(computed); i++) {
		if (computed[i].reg == n)
			val |= computed[i].value() << computed[i].lsb;
	}
	return val;
}
