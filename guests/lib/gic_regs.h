/* SPDX-License-Identifier: MIT */
/* Registers of the GICv3 (IHI 0069H, sections 12.2, 12.9, 12.11) that guests use. */
#ifndef GUESTS_LIB_GIC_REGS_H
#define GUESTS_LIB_GIC_REGS_H

#include "lib/types.h"
#include "schism/abi/guest_layout.h"

#define GICD_CTLR		(GUEST_GICD_IPA + 0x0000)
#define GICD_CTLR_ENABLE_G0	BIT(0)
#define GICD_CTLR_ENABLE_G1	BIT(1)
#define GICD_CTLR_ARE		BIT(4)
#define GICD_CTLR_DS		BIT(6)
#define GICD_CTLR_RWP		BIT(31)
#define GICD_TYPER		(GUEST_GICD_IPA + 0x0004)
#define GICD_TYPER_LINES	GENMASK(4, 0)
#define GICD_TYPER_IDBITS	GENMASK(23, 19)
#define GICD_IROUTER(intid)	(GUEST_GICD_IPA + 0x6000 + 8 * (uint64_t)(intid))
#define GICD_IROUTER_IRM	BIT(31)
#define GICD_PIDR2		(GUEST_GICD_IPA + 0xffe8)

/* Redistributor: RD frame, then SGI frame 64 KiB higher. */
#define GICR_CTLR		0x0000
#define GICR_CTLR_RWP		BIT(3)
#define GICR_TYPER		0x0008
#define GICR_TYPER_LAST		BIT(4)
#define GICR_TYPER_NUMBER	GENMASK(23, 8)
#define GICR_WAKER		0x0014
#define GICR_WAKER_SLEEP	BIT(1)
#define GICR_WAKER_ASLEEP	BIT(2)
#define GICR_PIDR2		0xffe8
#define GICR_SGI_FRAME		0x10000
#define GICR_IGROUPR0		(GICR_SGI_FRAME + GIC_IGROUPR)
#define GICR_ISENABLER0		(GICR_SGI_FRAME + GIC_ISENABLER)
#define GICR_ICENABLER0		(GICR_SGI_FRAME + GIC_ICENABLER)
#define GICR_IPRIORITYR(n)	(GICR_SGI_FRAME + GIC_IPRIORITYR + 4 * (n))

/* Banks, at the same offsets in the distributor and in the SGI frame. */
#define GIC_IGROUPR		0x0080
#define GIC_ISENABLER		0x0100
#define GIC_ICENABLER		0x0180
#define GIC_ISPENDR		0x0200
#define GIC_ICPENDR		0x0280
#define GIC_ISACTIVER		0x0300
#define GIC_ICACTIVER		0x0380
#define GIC_IPRIORITYR		0x0400
#define GIC_ICFGR		0x0c00
#define GIC_PIDR2_ARCH		GENMASK(7, 4)

/* ICC_* by encoding: not every assembler knows the names without a -march that has them. */
#define ICC_PMR_EL1		"s3_0_c4_c6_0"
#define ICC_IAR0_EL1		"s3_0_c12_c8_0"
#define ICC_EOIR0_EL1		"s3_0_c12_c8_1"
#define ICC_HPPIR0_EL1		"s3_0_c12_c8_2"
#define ICC_BPR0_EL1		"s3_0_c12_c8_3"
#define ICC_AP0R0_EL1		"s3_0_c12_c8_4"
#define ICC_AP1R0_EL1		"s3_0_c12_c9_0"
#define ICC_DIR_EL1		"s3_0_c12_c11_1"
#define ICC_RPR_EL1		"s3_0_c12_c11_3"
#define ICC_SGI1R_EL1		"s3_0_c12_c11_5"
#define ICC_ASGI1R_EL1		"s3_0_c12_c11_6"
#define ICC_SGI0R_EL1		"s3_0_c12_c11_7"
#define ICC_IAR1_EL1		"s3_0_c12_c12_0"
#define ICC_EOIR1_EL1		"s3_0_c12_c12_1"
#define ICC_HPPIR1_EL1		"s3_0_c12_c12_2"
#define ICC_BPR1_EL1		"s3_0_c12_c12_3"
#define ICC_CTLR_EL1		"s3_0_c12_c12_4"
#define ICC_SRE_EL1		"s3_0_c12_c12_5"
#define ICC_IGRPEN0_EL1		"s3_0_c12_c12_6"
#define ICC_IGRPEN1_EL1		"s3_0_c12_c12_7"

#define ICC_CTLR_EOIMODE	BIT(1)
#define ICC_CTLR_PRIBITS	GENMASK(10, 8)
#define ICC_SGIR_IRM		BIT(40)

#define GIC_NR_PRIVATE		32
#define GIC_INTID_SPECIAL	1020
#define GIC_INTID_NONE		1023
#define GIC_PRIORITY_DEFAULT	0xa0

/* MPIDR_EL1's affinity fields in one number of 32 bits, as GICR_TYPER has them. */
#define MPIDR_AFFINITY(mpidr)	(((mpidr) & 0xffffff) | (((mpidr) >> 8) & 0xff000000))

#endif
