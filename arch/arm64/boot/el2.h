/* SPDX-License-Identifier: MIT */
/* What EL2 sets on each CPU before guests run, and for guests; el2.c. */
#ifndef ARCH_ARM64_BOOT_EL2_H
#define ARCH_ARM64_BOOT_EL2_H

#include "lib/types.h"

/*
 * Set what EL1 may not do directly: timers, debug, PMU. Give every other EL2 register that firmware may have
 * left in an unknown state its value, and HCR_EL2 that of a CPU without a vCPU; take the CPU's identification
 * registers into what guests see. Context: each CPU, once.
 */
void el2_init_cpu(void);

/* HCR_EL2 of a vCPU that starts. */
uint64_t el2_guest_hcr(void);

#endif
