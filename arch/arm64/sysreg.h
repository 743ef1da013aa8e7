/* SPDX-License-Identifier: MIT */
/*
 * System registers: access by name, and the fields that Schism uses (Arm ARM DDI 0487, D19).
 * Registers that the assembler may not know are spelled by encoding.
 */
#ifndef ARCH_ARM64_SYSREG_H
#define ARCH_ARM64_SYSREG_H

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* name may be a macro for an encoding: it is expanded before it becomes a string. */
#define sysreg_str(name)	#name
#define sysreg_name(name)	sysreg_str(name)
#define sysreg_read(name)							\
	({									\
		uint64_t __reg;							\
		__asm__ volatile("mrs %0, " sysreg_str(name) : "=r"(__reg));	\
		__reg;								\
	})

#define sysreg_write(name, val)							\
	do {									\
		uint64_t __new = (val);						\
		__asm__ volatile("msr " sysreg_str(name) ", %x0"		\
				 : : "rZ"(__new) : "memory");			\
	} while (0)

#define isb()		__asm__ volatile("isb" : : : "memory")
#define dsb(scope)	__asm__ volatile("dsb " #scope : : : "memory")
#define dmb(scope)	__asm__ volatile("dmb " #scope : : : "memory")
#endif

/* GICv3 CPU interface, physical and hypervisor control. */
#define ICC_IAR1_EL1		S3_0_C12_C12_0
#define ICC_EOIR1_EL1		S3_0_C12_C12_1
#define ICC_BPR1_EL1		S3_0_C12_C12_3
#define ICC_CTLR_EL1		S3_0_C12_C12_4
#define ICC_SRE_EL1		S3_0_C12_C12_5
#define ICC_IGRPEN1_EL1		S3_0_C12_C12_7
#define ICC_DIR_EL1		S3_0_C12_C11_1
#define ICC_SGI1R_EL1		S3_0_C12_C11_5
#define ICC_PMR_EL1		S3_0_C4_C6_0
#define ICC_SRE_EL2		S3_4_C12_C9_5
#define ICH_HCR_EL2		S3_4_C12_C11_0
#define ICH_VTR_EL2		S3_4_C12_C11_1
#define ICH_MISR_EL2		S3_4_C12_C11_2
#define ICH_EISR_EL2		S3_4_C12_C11_3
#define ICH_ELRSR_EL2		S3_4_C12_C11_5
#define ICH_VMCR_EL2		S3_4_C12_C11_7
#define ICH_AP0R0_EL2		S3_4_C12_C8_0
#define ICH_AP0R1_EL2		S3_4_C12_C8_1
#define ICH_AP0R2_EL2		S3_4_C12_C8_2
#define ICH_AP0R3_EL2		S3_4_C12_C8_3
#define ICH_AP1R0_EL2		S3_4_C12_C9_0
#define ICH_AP1R1_EL2		S3_4_C12_C9_1
#define ICH_AP1R2_EL2		S3_4_C12_C9_2
#define ICH_AP1R3_EL2		S3_4_C12_C9_3

/* Pointer authentication keys. */
#define APIAKEYLO_EL1		S3_0_C2_C1_0
#define APIAKEYHI_EL1		S3_0_C2_C1_1
#define APIBKEYLO_EL1		S3_0_C2_C1_2
#define APIBKEYHI_EL1		S3_0_C2_C1_3
#define APDAKEYLO_EL1		S3_0_C2_C2_0
#define APDAKEYHI_EL1		S3_0_C2_C2_1
#define APDBKEYLO_EL1		S3_0_C2_C2_2
#define APDBKEYHI_EL1		S3_0_C2_C2_3
#define APGAKEYLO_EL1		S3_0_C2_C3_0
#define APGAKEYHI_EL1		S3_0_C2_C3_1

#define CNTHCTL_EL1PCTEN	(1 << 0)	/* EL1 reads CNTPCT_EL0 itself; CNTP_* trap */

#define VSESR_EL2		S3_4_C5_C2_3
#define DISR_EL1		S3_0_C12_C1_1
#define VDISR_EL2		S3_4_C12_C1_1
#define TPIDR2_EL0		S3_3_C13_C0_5
#define RNDR_EL0		S3_3_C2_C4_0
#define ID_AA64ISAR2_EL1	S3_0_C0_C6_2
#define ID_AA64SMFR0_EL1	S3_0_C0_C4_5
#define ID_AA64ZFR0_EL1		S3_0_C0_C4_4

/* SCTLR_EL2 (also the RES1 bits of SCTLR_EL1 and SCTLR_EL3 that matter with the MMU on). */
#define SCTLR_M			(1 << 0)
#define SCTLR_A			(1 << 1)
#define SCTLR_C			(1 << 2)
#define SCTLR_SA		(1 << 3)
#define SCTLR_I			(1 << 12)
#define SCTLR_WXN		(1 << 19)
#define SCTLR_E0E		(1 << 24)	/* of SCTLR_EL1: EL0's data accesses are big-endian */
#define SCTLR_EE		(1 << 25)	/* EL1's, and walks of stage-1 tables */
#define SCTLR_ENIA		(1 << 31)
#define SCTLR_BT_EL2		(1 << 36)
#define SCTLR_EL2_RES1		0x30c50830
#define SCTLR_EL1_RES1		0x30d00980
#define SCTLR_EL3_RES1		0x30c50830

/* TCR_EL1: both halves alike, with 4 KiB granules; and its parts. */
#define TCR_TSZ(bits)		((64 - (uint64_t)(bits)) | (64 - (uint64_t)(bits)) << 16)
#define TCR_CACHED		(UINT64_C(0x0500) | UINT64_C(0x0500) << 16)	/* walks: write-back */
#define TCR_INNER_SHAREABLE	(UINT64_C(0x3000) | UINT64_C(0x3000) << 16)
#define TCR_TG1_4K		(UINT64_C(2) << 30)
#define TCR_IPS(range)		((uint64_t)(range) << 32)
#define TCR_AS			(UINT64_C(1) << 36)	/* ASIDs of 16 bits */

#define HCR_VM			(1 << 0)
#define HCR_SWIO		(1 << 1)
#define HCR_PTW			(1 << 2)
#define HCR_FMO			(1 << 3)
#define HCR_IMO			(1 << 4)
#define HCR_AMO			(1 << 5)
#define HCR_VSE			(1 << 8)
#define HCR_BSU_INNER		(1 << 10)
#define HCR_FB			(1 << 9)
#define HCR_TWI			(1 << 13)
#define HCR_TWE			(1 << 14)
#define HCR_TID1		(1 << 16)
#define HCR_TID3		(1 << 18)
#define HCR_TLOR_SHIFT		35
#define HCR_TERR_SHIFT		36
#define HCR_TSC			(1 << 19)
#define HCR_TIDCP		(1 << 20)
#define HCR_TACR		(1 << 21)
#define HCR_RW_SHIFT		31
#define HCR_RW			(1 << HCR_RW_SHIFT)	/* for the assembler */
#define HCR_APK_SHIFT		40
#define HCR_API_SHIFT		41
#define HCR_TID5_SHIFT		58

#define CPTR_EL2_RES1		0x32ff
#define CPTR_EL2_TZ		(1 << 8)
#define CPTR_EL2_TFP		(1 << 10)
#define CPTR_EL2_TSM		(1 << 12)
#define CPTR_EL2_TTA		(1 << 20)
#define CPTR_EL2_TAM		(1 << 30)

/* ESR_ELx */
#define ESR_EC_SHIFT		26
#define ESR_IL			(1 << 25)
#define ESR_ISS_MASK		0x1ffffff
#define EC_UNKNOWN		0x00
#define EC_WFX			0x01
#define EC_CP15			0x03	/* MCR, MRC */
#define EC_CP15_64		0x04	/* MCRR, MRRC */
#define EC_CP14			0x05
#define EC_CP14_MEM		0x06	/* LDC, STC */
#define EC_FP			0x07
#define EC_PAUTH		0x09
#define EC_CP14_64		0x0c
#define EC_ILLEGAL_STATE	0x0e
#define EC_SVC64		0x15
#define EC_HVC64		0x16
#define EC_SMC64		0x17
#define EC_SYSREG		0x18
#define EC_SVE			0x19
#define EC_IABT_LOWER		0x20
#define EC_IABT_CUR		0x21
#define EC_PC_ALIGN		0x22
#define EC_DABT_LOWER		0x24
#define EC_DABT_CUR		0x25
#define EC_SP_ALIGN		0x26
#define EC_SERROR		0x2f
#define EC_BRK64		0x3c
#define EC_BTI			0x0d

/* ISS of a WFx trap */
#define WFX_TI_MASK		3	/* 0: WFI */

/* ISS of data and instruction aborts */
#define ABT_ISV			(1 << 24)
#define ABT_FNV			(1 << 10)
#define ABT_CM			(1 << 8)
#define ABT_S1PTW		(1 << 7)
#define ABT_WNR			(1 << 6)
#define ABT_FSC_MASK		0x3f
#define ABT_FSC_TYPE_MASK	0x3c
#define FSC_TRANSLATION		0x04
#define FSC_ACCESS_FLAG		0x08
#define FSC_PERMISSION		0x0c
#define FSC_SYNC_EXT		0x10
#define FSC_SYNC_EXT_WALK(level)	(uint32_t)(0x14 + (level))	/* levels -1 to 3 */
#define FSC_ALIGNMENT		0x21
#define FSC_UNSUPPORTED		0x35		/* an exclusive or atomic access to such memory */

/* SPSR_ELx / PSTATE */
#define PSR_MODE_MASK		0xf
#define PSR_MODE_EL0T		0x0
#define PSR_MODE_EL1T		0x4
#define PSR_MODE_EL1H		0x5
#define PSR_AARCH32		(1 << 4)
#define PSR_F			(1 << 6)
#define PSR_I			(1 << 7)
#define PSR_A_SHIFT		8
#define PSR_A			(1 << PSR_A_SHIFT)
#define PSR_D			(1 << 9)
#define PSR_E			(1 << 9)	/* AArch32: data accesses are big-endian */
#define PSR_BTYPE		(3 << 10)
#define PSR_SS			(1 << 21)
#define PSR_DAIF		(PSR_D | PSR_A | PSR_I | PSR_F)

#define CNT_CTL_ENABLE		(1 << 0)
#define CNT_CTL_IMASK		(1 << 1)
#define CNT_CTL_ISTATUS		(1 << 2)

#endif
