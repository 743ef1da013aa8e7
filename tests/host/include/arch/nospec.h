/* SPDX-License-Identifier: MIT */
/* The same without the barrier: nobody measures a test. But a wrong limit shows, as it would not there. */
#ifndef TESTS_HOST_ARCH_NOSPEC_H
#define TESTS_HOST_ARCH_NOSPEC_H

#include "lib/types.h"

static inline uint64_t nospec_mask(uint64_t i, uint64_t n)
{
	return i < n ? ~UINT64_C(0) : 0;
}

static inline uint64_t index_nospec(uint64_t i, uint64_t n)
{
	return i & nospec_mask(i, n);
}

#endif
