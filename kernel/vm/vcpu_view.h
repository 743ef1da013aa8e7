/* SPDX-License-Identifier: MIT */
/* A vCPU as seen from outside its VM: a copy, taken while the VM cannot give it back. */
#ifndef KERNEL_VM_VCPU_VIEW_H
#define KERNEL_VM_VCPU_VIEW_H

#include "kernel/vm/vcpu.h"

struct vcpu_view {
	const char *state;
	uint64_t pc;			/* at its last full exit */
	uint64_t nr_switches;
	uint64_t run_us, stolen_us;	/* until now */
	uint64_t nr_injected;
	uint64_t exits[EXIT_CAUSES];
};

/*
 * Call look for vCPU i of vm; false: it has none of that number now. look runs with vm->lock held, so it
 * neither prints nor waits. vcpu_view() fills a view that way. Context: no lock held.
 */
bool vcpu_look(struct vm *vm, unsigned int i, void (*look)(struct vcpu *vcpu, void *to), void *to);
bool vcpu_view(struct vm *vm, unsigned int i, struct vcpu_view *view);

/* The registers of a vCPU, all of the same moment. */
struct vcpu_regs {
	const char *state;
	const struct cpu *cpu;		/* that ran it; NULL: none */
	struct trapframe frame;
	uint64_t sysregs[ARCH_NR_SYSREGS];
};

enum vcpu_fetch {
	VCPU_FETCH_NONE,	/* there is no such vCPU now */
	VCPU_FETCH_ASKED,	/* the CPU that runs it has been asked: look again soon */
	VCPU_FETCH_DONE,
};

/*
 * Fetch the registers of vCPU i of vm, by a begin and then looks until one is not ASKED, or the caller has
 * enough of it. What is on no CPU has them in memory; a CPU that runs it is interrupted, in the guest or
 * halted in EL2, copies them, and goes on. One fetch at a time: the next begin ends it. Context: no lock
 * held.
 *
 * vcpu_fetch_answer(): that CPU's part, in its interrupt.
 */
void vcpu_fetch_begin(struct vm *vm, unsigned int i);
enum vcpu_fetch vcpu_fetch_look(struct vcpu_regs *regs);
void vcpu_fetch_answer(void);

/* Microseconds that a vCPU has run so far, what it runs now included. Context: its VM's lock held. */
uint64_t vcpu_run_us(const struct vcpu *vcpu);

#endif
