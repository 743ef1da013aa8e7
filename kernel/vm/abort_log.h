/* SPDX-License-Identifier: MIT */
/*
 * Which of a VM's aborts get a line in the log. A guest may take them without end: a VM has a budget of
 * lines, and those beyond it are counted, and their number told with the next line or when the VM ends.
 */
#ifndef KERNEL_VM_ABORT_LOG_H
#define KERNEL_VM_ABORT_LOG_H

#include "lib/types.h"

struct vm;

void abort_log_init(struct vm *vm);

/*
 * Whether a line may be printed now for an abort that the VM takes, and in *more how many had none since
 * the last line, to be told in this one; if not, it counts as one of them. No lock held.
 */
bool abort_log_may_print(struct vm *vm, uint64_t *more);

/* Tell what is hidden so far, if anything: the VM ends, or starts again. No lock held. */
void abort_log_end(struct vm *vm);

#endif
