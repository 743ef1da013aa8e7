/* SPDX-License-Identifier: MIT */
/*
 * Indices that a guest chooses. A CPU may go past the comparison with the array's size before it knows how
 * that ends, read what lies behind the array, and leave a trace of it in the caches that the guest can
 * measure (Spectre, variant 1).
 */
#ifndef ARCH_NOSPEC_H
#define ARCH_NOSPEC_H

#include "lib/types.h"

/* All ones if i < n, else 0; no guess at it, as a branch is (Arm ARM C6: CSDB, which is HINT #20). */
static inline uint64_t nospec_mask(uint64_t i, uint64_t n)
{
	uint64_t mask;

	/* SBC: all ones if the comparison borrowed. */
	__asm__("cmp	%1, %2\n\tsbc	%0, xzr, xzr\n\thint	#20" : "=r"(mask) : "r"(i), "Ir"(n) : "cc");
	return mask;
}

/*
 * i, or 0 where a CPU that speculates would use an i not below n. For where i < n has been checked already;
 * an index that a mask keeps within its array needs none of it.
 */
static inline uint64_t index_nospec(uint64_t i, uint64_t n)
{
	return i & nospec_mask(i, n);
}

#endif
