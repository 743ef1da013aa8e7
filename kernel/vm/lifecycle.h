/* SPDX-License-Identifier: MIT */
/* What lifecycle.c, shutdown.c and vm.c have between them; the requests are in vm.h. */
#ifndef KERNEL_VM_LIFECYCLE_H
#define KERNEL_VM_LIFECYCLE_H

#include "lib/types.h"

struct vm;

/*
 * End the machine, for the reason why: in success if good holds, no VM crashed, reported a failure or was
 * refused, and the invariants hold. The second one does so when no VM has anything left to do and nothing
 * keeps the machine. No lock held. May return, when another CPU is at it.
 */
void end_machine(const char *why, bool good);
void end_machine_if_all_off(void);

/* Prepare the job and the timers of a VM that is being defined. */
void lifecycle_init(struct vm *vm);

#endif
