/* SPDX-License-Identifier: MIT */
/* Crash records: the last CRASH_RECORDS crashes of all VMs, kept for whoever asks later. */
#ifndef KERNEL_VM_CRASH_H
#define KERNEL_VM_CRASH_H

#include "kernel/vm/vm.h"

#define CRASH_RECORDS	8

/*
 * Record and print that the VM of vcpu crashed for that reason. Context: trap handler, the vCPU is loaded on
 * this CPU; or no vCPU of the VM is on a CPU.
 */
void crash_record(struct vcpu *vcpu, enum vm_crash_reason reason);

/* Print the VM's records that are still there, oldest first; NULL: all. The number of them. */
unsigned int crash_show(const struct vm *vm);

/* A reason in words. */
const char *crash_text(enum vm_crash_reason reason);

#endif
