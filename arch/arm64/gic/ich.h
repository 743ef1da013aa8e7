/* SPDX-License-Identifier: MIT */
/*
 * The GIC's virtual CPU interface control registers, ICH_*_EL2 (IHI 0069H, section 12.4).
 * Context of all calls: the CPU on which the vCPU runs.
 */
#ifndef ARCH_ARM64_GIC_ICH_H
#define ARCH_ARM64_GIC_ICH_H

#include "arch/vcpu.h"

/* Learn what this CPU's interface has; called on each CPU. */
void ich_init(void);

/* Number of list registers that Schism uses: CONFIG_VGIC_NR_LRS, capped by the hardware. */
unsigned int ich_nr_lrs(void);
unsigned int ich_nr_lrs_hw(void);

/* ICH_VMCR_EL2 of an interface out of reset. */
uint64_t ich_vmcr_reset(void);

/* The first list register alone, of the vCPU that is in hardware. */
uint64_t ich_read_first(void);
void ich_write_first(uint64_t lr);

/* Write list registers 0..used-1, the others as empty, and the rest of the state; and read it back. */
void ich_load(const struct arch_ich *ich, unsigned int used);
void ich_save(struct arch_ich *ich, unsigned int used);

#endif
