/* SPDX-License-Identifier: MIT */
/* Schism's invariants, looked at as a whole: on demand, and at the machine's end. */
#ifndef KERNEL_CHECK_INVARIANTS_H
#define KERNEL_CHECK_INVARIANTS_H

#include "lib/compiler.h"
#include "lib/types.h"

/*
 * Check locks, run queues, vCPU states, interrupt lists, page records and stage-2 trees against each other.
 * Says "invariants: clean", or each thing that is broken as an error. Returns whether all is well. What other
 * CPUs are changing meanwhile gets a moment to settle. Context: no lock held.
 */
#if CONFIG_CHECK_INVARIANTS
bool invariants_check(void);
#else
static inline bool invariants_check(void)
{
	return true;
}
#endif

#endif
