// SPDX-License-Identifier: MIT
/*
 * EL2's own configuration of a CPU (Arm ARM D1.2.4, D19.2): whatever firmware may have left is replaced, or
 * a trap that it set, a filter or an offset would be a guest's. Registers of a feature are written only where
 * the identification registers have it. As Linux does (Documentation/arch/arm64/booting), this counts on EL3
 * not trapping them.
 *
 * SCTLR_EL2, TCR_EL2, MAIR_EL2 and TTBR0_EL2 are written in head.S, VTCR_EL2 in mmu.c, CPTR_EL2 in fpsimd.h,
 * VBAR_EL2 in traps.c, the GIC's in arch/arm64/gic. SCTLR_EL2 is 0 but for
 * what is set there, and so is MTE at EL2 off.
 */
#include "arch/arm64/boot/el2.h"

#include "arch/arm64/boot/workaround.h"
#include "arch/arm64/features.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/idreg.h"
#include "arch/arm64/vcpu/debug.h"
#include "arch/arm64/vcpu/pmu.h"
#include "kernel/base/cpu.h"

#define HCRX_EL2		S3_4_C1_C2_2
#define HCRX_TALLINT		BIT(6)
#define HFGRTR_EL2		S3_4_C1_C1_4
#define HFGWTR_EL2		S3_4_C1_C1_5
#define HFGITR_EL2		S3_4_C1_C1_6
#define HDFGRTR_EL2		S3_4_C3_C1_4
#define HDFGWTR_EL2		S3_4_C3_C1_5
#define HAFGRTR_EL2		S3_4_C3_C1_6
#define HDFGRTR2_EL2		S3_4_C3_C1_0
#define HDFGWTR2_EL2		S3_4_C3_C1_1
#define HFGRTR2_EL2		S3_4_C3_C1_2
#define HFGWTR2_EL2		S3_4_C3_C1_3
#define HFGITR2_EL2		S3_4_C3_C1_7
#define MPAMIDR_EL1		S3_0_C10_C4_4
#define MPAMIDR_HAS_HCR		BIT(17)
#define MPAMIDR_HAS_TIDR	BIT(58)
#define MPAM0_EL1		S3_0_C10_C5_1
#define MPAM1_EL1		S3_0_C10_C5_0
#define MPAMHCR_EL2		S3_4_C10_C4_0
#define MPAMHCR_TRAP_MPAMIDR	BIT(31)
#define MPAM2_EL2		S3_4_C10_C5_0
#define MPAM2_TRAP_MPAM0	BIT(49)
#define MPAM2_TRAP_MPAM1	BIT(48)
#define MPAM2_TIDR		BIT(58)
#define ZCR_EL2			S3_4_C1_C2_0
#define SMCR_EL2		S3_4_C1_C2_6
#define SVCR			S3_3_C4_C2_2
#define LORC_EL1		S3_0_C10_C4_3
#define CNTHV_CTL_EL2		S3_4_C14_C3_1
#define CONTEXTIDR_EL2		S3_4_C13_C0_1
#define SCXTNUM_EL0		S3_3_C13_C0_7
#define SCXTNUM_EL1		S3_0_C13_C0_7
#define SCXTNUM_EL2		S3_4_C13_C0_7
#define TRFCR_EL1		S3_0_C1_C2_1
#define TRFCR_EL2		S3_4_C1_C2_1
#define BRBCR_EL1		S2_1_C9_C0_0
#define BRBCR_EL2		S2_4_C9_C0_0
#define PMBIDR_EL1		S3_0_C9_C10_7
#define PMBIDR_P		BIT(4)		/* the buffer is EL3's */
#define PMSCR_EL1		S3_0_C9_C9_0
#define PMSCR_EL2		S3_4_C9_C9_0
#define VNCR_EL2		S3_4_C2_C2_0
#define TCR2_EL2		S3_4_C2_C0_3
#define SCTLR2_EL2		S3_4_C1_C0_3
#define GCSCR_EL1		S3_0_C2_C5_0
#define GCSCRE0_EL1		S3_0_C2_C5_2
#define GCSCR_EL2		S3_4_C2_C5_0

/*
 * HCR_EL2 of guests, with what each bit is for. Of the others, which are 0:
 *   TSW, TPCP, TPU, TOCU, TICAB	cache maintenance is harmless (SWIO), and boot loaders use much of it
 *   TVM, TRVM, TTLB*, TID2, TID4	what they trap is the vCPU's own, or bound to its VMID
 *   TEA				an external abort on a guest's own access is the guest's
 *   FWB, CD, ID			memory types of both stages combine
 *   E2H, TGE, NV*, AT			no EL2 for guests, none of EL2's host
 *   FIEN, ATA, ENSCXT, AMVOFFEN	RAS, MTE, SCXTNUM, AMU are hidden
 * VSE and TWE come and go with the vCPU.
 */
#define HCR_GUEST								\
	(HCR_VM |			/* stage 2 */				\
	 HCR_SWIO |			/* set/way invalidation cleans, too */	\
	 HCR_PTW |			/* no table walks in device memory */	\
	 HCR_FMO | HCR_IMO | HCR_AMO |	/* interrupts and SErrors are EL2's */	\
	 HCR_FB |			/* a vCPU may go on on another CPU: its TLB and ... */ \
	 HCR_BSU_INNER |		/* ... cache maintenance, and its barriers, reach all */ \
	 HCR_TWI |			/* a vCPU that waits is not busy */	\
	 HCR_TID1 |			/* SMIDR_EL1 */				\
	 HCR_TID3 |			/* identification registers: idreg.c */	\
	 HCR_TSC |			/* SMC is a hypercall */		\
	 HCR_TIDCP |			/* what an implementation defines */	\
	 HCR_TACR |			/* ACTLR_EL1 */				\
	 BIT(HCR_RW_SHIFT))		/* EL1 is AArch64 */

/* With a feature: what would be RES0 without it. */
#define HCR_LOR		BIT(HCR_TLOR_SHIFT)				/* LORegions are hidden */
#define HCR_RAS		BIT(HCR_TERR_SHIFT)				/* and so are error records */
#define HCR_MTE		BIT(HCR_TID5_SHIFT)				/* GMID_EL1 */
#define HCR_PAUTH	(BIT(HCR_APK_SHIFT) | BIT(HCR_API_SHIFT))	/* not trapped */

/* No vCPU: interrupts come to EL2, so that they also wake it from WFI before any guest ran. */
#define HCR_NO_GUEST	(BIT(HCR_RW_SHIFT) | HCR_AMO | HCR_IMO | HCR_FMO)

static uint64_t hcr_of_features;

uint64_t el2_guest_hcr(void)
{
	return HCR_GUEST | hcr_of_features;
}

#define MDCR_HPMN	GENMASK(4, 0)
#define MDCR_TPMCR	BIT(5)
#define MDCR_TPM	BIT(6)
#define MDCR_TDA	BIT(9)
#define MDCR_TDOSA	BIT(10)
#define MDCR_TDRA	BIT(11)
#define MDCR_TPMS	BIT(14)
#define MDCR_TTRF	BIT(19)

/* A field of the CPU's registers, at most 15. */
#define HAS(reg, lsb)		((host[reg] >> (lsb) & 0xf) != 0)
#define IS(reg, lsb, least)	((host[reg] >> (lsb) & 0xf) >= (least))
#define PFR0			IDREG(4, 0)
#define PFR1			IDREG(4, 1)
#define DFR0			IDREG(5, 0)
#define MMFR0			IDREG(7, 0)
#define MMFR1			IDREG(7, 1)
#define MMFR2			IDREG(7, 2)
#define MMFR3			IDREG(7, 3)

static void note_features(const uint64_t *host)
{
	/* TPIDR2_EL0 comes with SME, and fine-grained traps keep guests off it. */
	el2_features |= (HAS(PFR0, 28) ? EL2_RAS : 0) | (HAS(PFR1, 24) && !HAS(MMFR0, 56) ? EL2_TPIDR2 : 0);
	hcr_of_features |= (HAS(MMFR1, 16) ? HCR_LOR : 0) | (HAS(PFR0, 28) ? HCR_RAS : 0) |
			   (HAS(PFR1, 8) ? HCR_MTE : 0) | (cpu_has_pauth() ? HCR_PAUTH : 0);
}

/* Partition 0 for all that EL1 and EL0 do, and no look at the registers. */
static void init_mpam(void)
{
	uint64_t idr = sysreg_read(MPAMIDR_EL1);
	uint64_t tidr = (idr & MPAMIDR_HAS_TIDR) ? MPAM2_TIDR : 0;

	sysreg_write(MPAM2_EL2, MPAM2_TRAP_MPAM0 | MPAM2_TRAP_MPAM1 | tidr);
	if (idr & MPAMIDR_HAS_HCR)
		sysreg_write(MPAMHCR_EL2, MPAMHCR_TRAP_MPAMIDR);
	sysreg_write(MPAM1_EL1, 0);
	sysreg_write(MPAM0_EL1, 0);
}

/* Shortest vectors, streaming mode and ZA off. These registers are open to EL2 only while CPTR_EL2 is. */
static void init_vectors(bool sve, bool sme)
{
	uint64_t cptr = sysreg_read(cptr_el2);

	sysreg_write(cptr_el2, CPTR_EL2_RES1 & ~CPTR_EL2_TSM);
	isb();
	if (sve)
		sysreg_write(ZCR_EL2, 0);
	if (sme) {
		sysreg_write(SMCR_EL2, 0);
		sysreg_write(SVCR, 0);
	}
	sysreg_write(cptr_el2, cptr);
	isb();
}

#define INIT(there, reg, val)	do { if (there) sysreg_write(reg, val); } while (0)

/* Debug and performance monitors trap, and the physical timer but for its counter. */
static void init_debug_and_timer_traps(const uint64_t *host)
{
	bool pmu = HAS(DFR0, 8) && !IS(DFR0, 8, 0xf);
	uint64_t hpmn = pmu ? (sysreg_read(pmcr_el0) >> 11) & MDCR_HPMN : 0;

	sysreg_write(mdcr_el2, hpmn | MDCR_TPMCR | MDCR_TPM | MDCR_TDA | MDCR_TDOSA | MDCR_TDRA |
		     MDCR_TPMS | MDCR_TTRF);
	sysreg_write(cnthctl_el2, CNTHCTL_EL1PCTEN);
}

static void init_traps(const uint64_t *host)
{
	bool fgt = HAS(MMFR0, 56), fgt2 = IS(MMFR0, 56, 2);

	INIT(true, hstr_el2, 0);
	INIT(true, hacr_el2, 0);
	/* Bits that enable are 0: what they are for stays UNDEFINED at EL1. */
	INIT(HAS(MMFR1, 40), HCRX_EL2, HAS(PFR1, 36) ? HCRX_TALLINT : 0);
	/* In these, a 0 traps what is newer than the register, and lets through what is older. */
	INIT(fgt, HFGRTR_EL2, 0);
	INIT(fgt, HFGWTR_EL2, 0);
	INIT(fgt, HFGITR_EL2, 0);
	INIT(fgt, HDFGRTR_EL2, 0);
	INIT(fgt, HDFGWTR_EL2, 0);
	INIT(fgt && HAS(PFR0, 44), HAFGRTR_EL2, 0);
	INIT(fgt2, HFGRTR2_EL2, 0);
	INIT(fgt2, HFGWTR2_EL2, 0);
	INIT(fgt2, HFGITR2_EL2, 0);
	INIT(fgt2, HDFGRTR2_EL2, 0);
	INIT(fgt2, HDFGWTR2_EL2, 0);
}

/* What acts on a guest although it can't see it, or on EL2. */
static void init_hidden(const uint64_t *host)
{
	bool scxtnum = IS(PFR0, 56, 2) || IS(PFR1, 32, 2);
	bool spe = HAS(DFR0, 32) && !(sysreg_read(PMBIDR_EL1) & PMBIDR_P);

	INIT(HAS(PFR0, 28), DISR_EL1, 0);
	INIT(HAS(PFR0, 28), VDISR_EL2, 0);
	INIT(HAS(PFR0, 28), VSESR_EL2, 0);
	INIT(HAS(MMFR1, 16), LORC_EL1, 0);
	INIT(HAS(MMFR1, 8), CNTHV_CTL_EL2, 0);
	INIT(HAS(MMFR1, 8), CONTEXTIDR_EL2, 0);
	INIT(IS(MMFR2, 24, 2), VNCR_EL2, 0);
	INIT(scxtnum, SCXTNUM_EL2, 0);
	INIT(scxtnum, SCXTNUM_EL1, 0);
	INIT(scxtnum, SCXTNUM_EL0, 0);
	INIT(HAS(DFR0, 40), TRFCR_EL2, 0);
	INIT(HAS(DFR0, 40), TRFCR_EL1, 0);
	INIT(HAS(DFR0, 52), BRBCR_EL2, 0);
	INIT(HAS(DFR0, 52), BRBCR_EL1, 0);
	INIT(spe, PMSCR_EL2, 0);
	INIT(spe, PMSCR_EL1, 0);
	INIT(HAS(MMFR3, 0), TCR2_EL2, 0);
	INIT(HAS(MMFR3, 4), SCTLR2_EL2, 0);
	INIT(HAS(PFR1, 44), GCSCR_EL2, 0);
	INIT(HAS(PFR1, 44), GCSCR_EL1, 0);
	INIT(HAS(PFR1, 44), GCSCRE0_EL1, 0);
	if (HAS(PFR0, 40) || HAS(PFR1, 16))
		init_mpam();
	if (HAS(PFR0, 32) || HAS(PFR1, 24))
		init_vectors(HAS(PFR0, 32), HAS(PFR1, 24));
}

#define READ(crm, op2)	(host[IDREG(crm, op2)] = sysreg_read(S3_0_C0_C##crm##_##op2))
#define READ_ROW(crm)								\
	do {									\
		READ(crm, 0); READ(crm, 1); READ(crm, 2); READ(crm, 3);		\
		READ(crm, 4); READ(crm, 5); READ(crm, 6); READ(crm, 7);		\
	} while (0)

static void read_idregs(uint64_t host[NR_IDREGS])
{
	READ_ROW(1);
	READ_ROW(2);
	READ_ROW(3);
	READ_ROW(4);
	READ_ROW(5);
	READ_ROW(6);
	READ_ROW(7);
}

void el2_init_cpu(void)
{
	uint64_t host[NR_IDREGS];

	read_idregs(host);
	note_features(host);
	idreg_add_cpu(this_cpu()->id, host);
	workaround_add_cpu(sysreg_read(midr_el1), host);
	sysreg_write(hcr_el2, HCR_NO_GUEST);
	init_debug_and_timer_traps(host);
	init_traps(host);
	init_hidden(host);
	arch_debug_init_cpu();
	pmu_init_cpu();
	isb();
}
