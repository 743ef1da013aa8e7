/* SPDX-License-Identifier: MIT */
/* The performance monitors of guests (CONFIG_VPMU), as far as the kernel is concerned. */
#ifndef ARCH_PMU_H
#define ARCH_PMU_H

#include "lib/types.h"

#if CONFIG_VPMU
/* Whether guests have one: every CPU does, and the machine's device tree names its interrupt. */
bool arch_pmu_offered(void);

/* Claim the machine's PMU interrupt. Context: boot, once, before the next. */
void arch_pmu_request_interrupt(void);
/* Let it through on this CPU. */
void arch_pmu_enable_interrupt(void);
#else
static inline bool arch_pmu_offered(void) { return false; }
static inline void arch_pmu_request_interrupt(void) { }
static inline void arch_pmu_enable_interrupt(void) { }
#endif

#endif
