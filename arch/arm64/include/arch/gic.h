/* SPDX-License-Identifier: MIT */
/* List-register format (GICv3 IHI 0069H, 12.4.10 ICH_LR<n>_EL2), and the interface's other controls. */
#ifndef ARCH_GIC_H
#define ARCH_GIC_H

#include "lib/types.h"

#define LR_VINTID		GENMASK(31, 0)
#define LR_PINTID		GENMASK(44, 32)
#define LR_EOI			BIT(41)		/* HW = 0: maintenance interrupt on deactivation */
#define LR_PRIORITY		GENMASK(55, 48)
#define LR_GROUP1		BIT(60)
#define LR_HW			BIT(61)
#define LR_PENDING		BIT(62)
#define LR_ACTIVE		BIT(63)

#define ICH_HCR_EN		BIT(0)
#define ICH_HCR_UIE		BIT(1)		/* maintenance interrupt when at most one LR is in use */
#define ICH_HCR_LRENPIE	BIT(2)		/* ... when a guest ends an interrupt without an LR */
#define ICH_HCR_NPIE		BIT(3)		/* ... when no LR is pending (and not active) */
#define ICH_HCR_VGRP0EIE	BIT(4)		/* ... when a guest has the group enabled, or disabled */
#define ICH_HCR_VGRP0DIE	BIT(5)
#define ICH_HCR_VGRP1EIE	BIT(6)
#define ICH_HCR_VGRP1DIE	BIT(7)
#define ICH_HCR_TDIR		BIT(14)		/* trap ICC_DIR_EL1 */
#define ICH_HCR_EOICOUNT	GENMASK(31, 27)

#define ICH_VMCR_VPMR		GENMASK(31, 24)
#define ICH_VMCR_VEOIM		BIT(9)
#define ICH_VMCR_VENG1		BIT(1)
#define ICH_VMCR_VENG0		BIT(0)

/* Number of list registers in use, and in hardware. */
unsigned int arch_vgic_nr_lrs(void);
unsigned int arch_vgic_nr_lrs_hw(void);

/* This CPU's number, 0 on the boot CPU. */
unsigned int arch_cpu_index(void);

#endif
