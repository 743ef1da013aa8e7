/* SPDX-License-Identifier: MIT */
/*
 * One structure per physical CPU, reached through TPIDR_EL2. Fields without a note are written by their
 * own CPU only.
 */
#ifndef KERNEL_BASE_CPU_H
#define KERNEL_BASE_CPU_H

#include "arch/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/random.h"
#include "kernel/base/timer.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

struct vcpu;
struct vm;

enum cpu_claim {
	CPU_UNCLAIMED,
	CPU_CAME_UP,
	CPU_GIVEN_UP,
};

struct runqueue {
	struct spinlock lock;
	/* guarded by lock */
	struct list_head queue;		/* runnable, not running; the policy orders it */
	unsigned int nr_queued;
};

struct cpu {
	struct arch_cpu arch;		/* first: assembly knows its offsets */

	/* fixed at boot */
	unsigned int id;
	uint64_t mpidr;
	va_t stack_top;
	va_t stack_bottom;
	bool online;			/* set by the CPU itself, with release, when it is up */

	/* Who decided whether it takes part: itself by coming up, or the boot CPU by giving it up; atomic. */
	enum cpu_claim claim;

	struct vcpu *current;		/* whose guest code runs here; NULL when idle */
	struct vcpu *settling;		/* that has left, and is still looked at: sched_forget() waits */
	/*
	 * Something to do before the guest goes on: reschedule, update list registers. Set by any CPU
	 * (with release), cleared by this one.
	 */
	bool exit_work;
	bool resched;
	bool slice_over;		/* its vCPU's time slice has ended */
	unsigned int nr_homed;		/* vCPUs started here; any CPU, atomically */
	bool idle;			/* asleep, or about to be; cleared by who finds it so, too */
	unsigned int locks_held;	/* by rank */

	struct runqueue rq;
	struct timer_queue timers;
	struct timer slice;		/* end of the current vCPU's time slice */
	struct random random;

	/* counters */
	uint64_t nr_switches;
	uint64_t nr_irqs;
	uint64_t nr_spurious;
};

extern struct cpu cpus[CONFIG_NR_CPUS];

static inline struct cpu *this_cpu(void)
{
	return arch_this_cpu();
}

/* Visits every CPU that runs guests. */
#define for_each_online_cpu(it)							\
	for (struct cpu *it = cpus; it < cpus + CONFIG_NR_CPUS; it++)		\
		if (__atomic_load_n(&it->online, __ATOMIC_ACQUIRE))

/* Make this CPU's struct the current one. Context: each CPU, first thing in C. */
void cpu_init_this(struct cpu *cpu, unsigned int id, uint64_t mpidr);

#endif
