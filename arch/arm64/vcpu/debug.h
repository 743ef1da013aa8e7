/* SPDX-License-Identifier: MIT */
/*
 * Self-hosted debug of guests (Arm ARM D2). The debug registers belong to EL2 until a guest sets a
 * breakpoint or watchpoint; from then on they are switched with that vCPU.
 */
#ifndef ARCH_ARM64_VCPU_DEBUG_H
#define ARCH_ARM64_VCPU_DEBUG_H

#include "lib/types.h"

struct vcpu;

enum arch_debug_reg {
	DEBUG_BVR,
	DEBUG_BCR,
	DEBUG_WVR,
	DEBUG_WCR,
	DEBUG_MDSCR,
	DEBUG_OSLAR,
	DEBUG_OSLSR,
};

/* Prepare this CPU: OS lock off, what guests do trapped. */
void arch_debug_init_cpu(void);

/* A trapped access of the loaded vCPU. n: which breakpoint or watchpoint. */
uint64_t arch_debug_read(struct vcpu *vcpu, enum arch_debug_reg reg, unsigned int n);
void arch_debug_write(struct vcpu *vcpu, enum arch_debug_reg reg, unsigned int n, uint64_t val);

/* Whether EL1 keeps EL0 from the debug communication channel (MDSCR_EL1.TDCC). */
bool arch_debug_denies_dcc(const struct vcpu *vcpu);

/* With the vCPU's switch onto this CPU and off it. */
void arch_debug_load(struct vcpu *vcpu);
void arch_debug_save(struct vcpu *vcpu);

#endif
