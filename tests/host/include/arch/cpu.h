/* SPDX-License-Identifier: MIT */
/* The processor as the kernel sees it on the host; tests/host/fake_cpu.c plays it. */
#ifndef TESTS_HOST_ARCH_CPU_H
#define TESTS_HOST_ARCH_CPU_H

#include "lib/compiler.h"
#include "lib/types.h"

/* The C library has a function of that name, which sanitizers call. */
#define sched_yield	schism_sched_yield

struct cpu;
struct vcpu;

struct arch_cpu {
	struct vcpu *loaded;		/* whose EL1 state the registers would hold */
};

/* Each thread of a test is a CPU. */
extern __thread struct cpu *fake_this_cpu;

static inline struct cpu *arch_this_cpu(void)
{
	return fake_this_cpu;
}

static inline void arch_set_this_cpu(struct cpu *cpu)
{
	fake_this_cpu = cpu;
}

void arch_cpu_relax(void);
void arch_wait_for_interrupt(void);

/*
 * ThreadSanitizer does not see it, and need not: the kernel's barriers order atomic accesses, which are no
 * races in any order. Something atomic in its place would make it take all that passes a barrier for ordered,
 * so that races on either side went unseen: what relies on a barrier for plain data is reported.
 */
static inline void arch_memory_barrier(void)
{
	race_point();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	race_point();
}

uint64_t arch_counter(void);
uint64_t arch_counter_hz(void);
void arch_timer_arm(uint64_t deadline);
uint64_t arch_firmware_call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);

void arch_power_off(void);
void arch_reset(void);

void arch_zero(void *va, uint64_t size);
void arch_zero_sync(void *va, uint64_t size);
void arch_sync_code(void *va, uint64_t size);
void arch_sync_data(void *va, uint64_t size);

bool arch_random_hw(uint64_t *value);

void arch_backtrace(uint64_t pc, uint64_t fp);

#endif
