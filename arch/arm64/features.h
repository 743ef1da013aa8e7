/* SPDX-License-Identifier: MIT */
/* What the CPUs have that EL2 goes by when it enters, leaves and switches vCPUs. */
#ifndef ARCH_ARM64_FEATURES_H
#define ARCH_ARM64_FEATURES_H

#include "lib/types.h"

/* Look for pointer authentication. Context: each CPU, first thing in C. */
void features_init(void);

/* PAuth is there (for guests); and EL2 uses it itself, with a key of its own. */
bool cpu_has_pauth(void);
bool cpu_uses_pauth(void);

/*
 * What hidden features of the CPUs leave to be done at each switch of vCPUs. Written while CPUs start, one
 * after the other: what any of them has.
 */
#define EL2_RAS		BIT(0)		/* ESB, and VDISR_EL2 behind DISR_EL1 */
#define EL2_TPIDR2	BIT(1)		/* TPIDR2_EL0, which nothing traps */
extern uint32_t el2_features;

/* ID_AA64MMFR0_EL1.PARange as guests see it. */
uint64_t guest_parange(void);

#endif
