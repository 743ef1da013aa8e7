/* SPDX-License-Identifier: MIT */
/* Where EL1's vectors are (Arm ARM D1.3.1). */
#ifndef ARCH_ARM64_VECTOR_H
#define ARCH_ARM64_VECTOR_H

#include "arch/arm64/sysreg.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define VECTORS_SIZE	0x800
#define VECTOR_SIZE	0x80

/*
 * Whether EL1 stands at the first instruction of one of its vectors: it has just taken an exception (or
 * jumped there).
 */
static inline bool is_at_vector(uint64_t pc, uint64_t spsr, uint64_t vbar)
{
	bool el0 = (spsr & PSR_AARCH32) || (spsr & PSR_MODE_MASK) == PSR_MODE_EL0T;

	return !el0 && pc - vbar < VECTORS_SIZE && IS_ALIGNED(pc - vbar, VECTOR_SIZE);
}

#endif
