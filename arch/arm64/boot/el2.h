/* SPDX-License-Identifier: MIT */
/* What EL2 sets on each CPU before guests run, and for guests; el2.c. */
#ifndef ARCH_ARM64_BOOT_EL2_H
#define ARCH_ARM64_BOOT_EL2_H

#include "lib/types.h"

/*
 * What hidden features of the CPUs leave to be done at each switch of vCPUs. Written while CPUs start, one
 * after the other: what any of them has.
 */
#define EL2_RAS		BIT(0)		/* ESB, and VDISR_EL2 behind DISR_EL1 */
#define EL2_TPIDR2	BIT(1)		/* TPIDR2_EL0, which nothing traps */
extern uint32_t el2_features;

/*
 * Give every EL2 register that firmware may have left in an unknown state its value, and HCR_EL2 that of a
 * CPU without a vCPU; take the CPU's identification registers into what guests see. Context: each CPU, once.
 */
void el2_init_cpu(void);

/* HCR_EL2 of a vCPU that starts. */
uint64_t el2_guest_hcr(void);

#endif
