/* SPDX-License-Identifier: MIT */
/* What lifecycle.c and vm.c have between them; the requests are in vm.h. */
#ifndef KERNEL_VM_LIFECYCLE_H
#define KERNEL_VM_LIFECYCLE_H

struct vm;

/* Prepare the job and the timers of a VM that is being defined. */
void lifecycle_init(struct vm *vm);

#endif
