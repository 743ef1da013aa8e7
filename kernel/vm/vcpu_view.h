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

/* Microseconds that a vCPU has run so far, what it runs now included. Context: its VM's lock held. */
uint64_t vcpu_run_us(const struct vcpu *vcpu);

#endif
