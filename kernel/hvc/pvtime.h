/* SPDX-License-Identifier: MIT */
/* Stolen time (DEN0057A). */
#ifndef KERNEL_HVC_PVTIME_H
#define KERNEL_HVC_PVTIME_H

#include "lib/compiler.h"

struct vcpu;
struct vm;

/* Where every VM sees its records, read-only: below RAM, beside the emulated devices. */
#define PVTIME_IPA	0x0a100000

/* A VM's page; with vm_create() and its undoing. */
__must_check int pvtime_create(struct vm *vm);
void pvtime_destroy(struct vm *vm);

/* Publish vcpu->stolen_ticks. Context: the vCPU is about to run. */
void pvtime_update(struct vcpu *vcpu);

#endif
