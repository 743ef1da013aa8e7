/* SPDX-License-Identifier: MIT */
/* Telemetry of the instrumented guests: task reports and mailboxes (schism/abi/guest_layout.h). */
#ifndef KERNEL_HVC_REPORT_H
#define KERNEL_HVC_REPORT_H

#include "lib/types.h"

struct vcpu;
struct vm;

/* A VM is being defined: it may print a burst of reports, and then one each REPORT_US. */
void report_init(struct vm *vm);

/*
 * HVC #0x60 by a guest: count the report for its VM, and print it if the VM's budget allows that. The
 * progress of counter_os and memwalk_os, which have no end, is printed more and more rarely, at last once a
 * minute, unless the machine's bootargs say "reports=all". Returns what goes into x0: 0, or
 * SMCCC_INVALID_PARAMETER for an unknown task or event.
 */
int64_t handle_guest_task_report(struct vcpu *vcpu);

/* Print the used slots of the VM's mailbox; nothing for a VM without one. NULL: of all VMs. */
void guest_shared_dump(struct vm *vm);

#endif
