/* SPDX-License-Identifier: MIT */
/*
 * The GIC's virtual CPU interface control registers, ICH_*_EL2 (IHI 0069H, section 12.4).
 * Context of all calls: the CPU on which the vCPU runs.
 */
#ifndef ARCH_ARM64_GIC_ICH_H
#define ARCH_ARM64_GIC_ICH_H

#include "arch/vcpu.h"

/* Learn what this CPU's interface has; called on each CPU. */
void gich_init(void);

/* Number of list registers that Schism uses: CONFIG_VGIC_NR_LRS, capped by the hardware. */
unsigned int gich_nr_lrs(void);
unsigned int gich_nr_lrs_hw(void);

/* ICH_VMCR_EL2 of an interface out of reset. */
uint64_t gich_vmcr_reset(void);

/* The first list register alone, of the vCPU that is in hardware. */
uint64_t gich_read_first(void);
void gich_write_first(uint64_t lr);

/* Write list registers 0..used-1, the others as empty, and the rest of the state; and read it back. */
void gich_load(const struct arch_gich *gich, unsigned int used);
void gich_save(struct arch_gich *gich, unsigned int used);

#endif
