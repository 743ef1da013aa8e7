/* SPDX-License-Identifier: MIT */
/* How vCPUs enter a VM that has been loaded, or are switched on: arch_vcpu_reset() puts them there. */
#ifndef KERNEL_VM_ENTRY_H
#define KERNEL_VM_ENTRY_H

#include "kernel/base/addr.h"
#include "lib/types.h"

#define VM_ENTRY_ARGS	6

struct vm_entry {
	uint64_t pc;
	uint64_t args[VM_ENTRY_ARGS];	/* in the first argument registers; the others are 0 */
	bool big_endian;		/* at EL1, as the caller of PSCI is that starts it */
	/* All vCPUs enter together, each with its number as thread pointer; else vCPU 0 alone. */
	bool all_vcpus;
	/* Stage 1 is on, with the attributes of PTE_ENTRY_NORMAL; else it is off. */
	bool translated;
	bool shared;			/* tables are walked inner shareable */
	ipa_t low, high;		/* root tables of the lower and upper half of virtual addresses */
};

#endif
