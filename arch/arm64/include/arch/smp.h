/* SPDX-License-Identifier: MIT */
/* Starting the other CPUs. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include "lib/types.h"

/* Start CPU id, whose stack is mapped; it calls smp_secondary_up(). NULL, or why it cannot be started. */
const char *arch_start_cpu(unsigned int id);

/* Top of the stack on which CPU id reports its own faults. */
uint64_t arch_fault_stack(unsigned int id);

#endif
