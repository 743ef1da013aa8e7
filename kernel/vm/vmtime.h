/* SPDX-License-Identifier: MIT */
/*
 * A VM's time. It is the machine's counter, less what the VM has stood still: from when its last vCPU has
 * left its CPU after a pause until it is resumed. The guest sees it as CNTVCT and CNTPCT alike, and whatever
 * of it has timers of its own goes by it: the generic timers, the watchdog. The wall clock (the VM's PL031)
 * goes on.
 */
#ifndef KERNEL_VM_VMTIME_H
#define KERNEL_VM_VMTIME_H

#include "lib/types.h"

struct vm;

/* The VM's time now, in counter ticks. Any context. */
uint64_t vmtime_now(const struct vm *vm);

/*
 * The machine's counter when the VM's time is at, if it does not stand still until then; UINT64_MAX: never.
 */
uint64_t vmtime_to_counter(const struct vm *vm, uint64_t at);

/* From power-on on: the machine's counter, and it goes. Context: no vCPU runs. */
void vmtime_reset(struct vm *vm);

/*
 * Stop the clock of a VM that is paused, if none of its vCPUs is on a CPU: when it has just been paused, and
 * when a vCPU has left. Let it go on. Context: vm->lock held.
 */
void vmtime_stop_if_left(struct vm *vm);
void vmtime_go(struct vm *vm);

#endif
