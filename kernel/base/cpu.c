// SPDX-License-Identifier: MIT
/* The per-CPU structures. */
#include "kernel/base/cpu.h"

#include "arch/cpu.h"

struct cpu cpus[CONFIG_NR_CPUS];

/* Runs before the canary is set. */
__no_stack_protector void cpu_init_this(struct cpu *cpu, unsigned int id, uint64_t mpidr)
{
	cpu->id = id;
	cpu->mpidr = mpidr;
	arch_set_this_cpu(cpu);
}
