/* SPDX-License-Identifier: MIT */
/* What the kernel needs of the processor itself. EL2 runs with all interrupts masked, always. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "lib/compiler.h"
#include "lib/types.h"

struct cpu;

/*
 * Have the EL2 timer's interrupt run what is due of the CPU's timer queue. Errors: those of irq_request().
 * Context: boot CPU, once.
 */
__must_check int arch_timer_request_interrupt(void);

/* PAuth key A and room for one exception from EL2 itself, at fixed places of struct cpu. */
struct arch_cpu {
	uint64_t apia[2];		/* EL2's own key */
	uint64_t fault_frame[36];	/* x0-x30, sp, elr, spsr, esr, far */
	uint64_t fault_stack_top;
	uint64_t fault_depth;
	struct vcpu *fp_owner;		/* whose FP/SIMD state the registers hold */
	struct vcpu *loaded;		/* whose EL1 state the registers hold */
};

static inline struct cpu *arch_this_cpu(void)
{
	struct cpu *cpu;

	__asm__("mrs %0, tpidr_el2" : "=r"(cpu));
	return cpu;
}

static inline void arch_set_this_cpu(struct cpu *cpu)
{
	__asm__ volatile("msr tpidr_el2, %0" : : "r"(cpu) : "memory");
}

static inline void arch_cpu_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

/* Sleep until an interrupt is pending, masked or not. */
static inline void arch_wait_for_interrupt(void)
{
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
}

/* Orders all earlier memory accesses before all later ones, for other CPUs. */
static inline void arch_memory_barrier(void)
{
	__asm__ volatile("dmb ish" : : : "memory");
}

/* Physical counter: ticks since reset, and its frequency. */
static inline uint64_t arch_counter(void)
{
	uint64_t val;

	__asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(val) : : "memory");
	return val;
}

static inline uint64_t arch_counter_hz(void)
{
	uint64_t val;

	__asm__("mrs %0, cntfrq_el0" : "=r"(val));
	return val;
}

/* Program this CPU's EL2 timer to interrupt at counter value deadline; UINT64_MAX: never. */
void arch_timer_arm(uint64_t deadline);

/* A call to the firmware by the machine's PSCI conduit (SMCCC). Returns x0; without a conduit, function. */
uint64_t arch_firmware_call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);

/* By PSCI (DEN0022); what cannot be done returns. */
void arch_power_off(void);
void arch_reset(void);

/* Clear [va, va + size), both multiples of 64. Fast: by cache block where the CPU allows it. */
void arch_zero(void *va, uint64_t size);

/* The same, and to the point of coherency: for memory that a guest will see with its caches off. */
void arch_zero_sync(void *va, uint64_t size);

/* Make what was written through [va, va + size) visible to instruction fetches and uncached readers. */
void arch_sync_code(void *va, uint64_t size);

/*
 * Clean [va, va + size) to the point of coherency, and keep nothing of it in the caches: to see what a guest
 * has written with its own off.
 */
void arch_sync_data(void *va, uint64_t size);

/* 64 bits from this CPU's RNDR; false when it has no such register, or no number at the moment. */
__must_check bool arch_random_hw(uint64_t *value);

/* Prints the calls that led here, by symbol, innermost first: pc if it is not 0, then the chain at fp. */
void arch_backtrace(uint64_t pc, uint64_t fp);

#endif
