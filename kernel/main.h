/* SPDX-License-Identifier: MIT */
/* What boot leaves behind for everybody. */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "kernel/platform/machine.h"

/* Read-only once boot_main() has filled it. */
extern struct machine machine;

/* Value of "name=value" among the machine's bootargs, copied to buf; false when absent. */
bool boot_arg(const char *name, char *buf, size_t size);

#endif
