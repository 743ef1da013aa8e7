/* SPDX-License-Identifier: MIT */
/* Crash records: the last CRASH_RECORDS crashes of all VMs, kept for whoever asks later. */
#ifndef KERNEL_CHECK_CRASH_H
#define KERNEL_CHECK_CRASH_H

#include "kernel/vm/vm.h"

#define CRASH_RECORDS	8

/*
 * Record and print that the VM of vcpu crashed for that reason. Context: trap handler, the vCPU is loaded on
 * this CPU; or no vCPU of the VM is on a CPU.
 */
void crash_record(struct vcpu *vcpu, enum vm_crash_reason reason);

/*
 * Print the oldest record that is still there of crash number *next or later, of that VM or (NULL) any, and
 * make *next the number behind it. False: there is none. Start with 0. Context: no lock held.
 */
bool crash_show_next(const struct vm *vm, uint64_t *next);

/* A reason in words. */
const char *crash_text(enum vm_crash_reason reason);

#endif
