/* SPDX-License-Identifier: MIT */
/* The machine that Schism runs on, and the boot arguments that it was given. */
#ifndef KERNEL_PLATFORM_THIS_MACHINE_H
#define KERNEL_PLATFORM_THIS_MACHINE_H

#include "kernel/platform/machine.h"

/* Written by the boot CPU before the other CPUs start, read-only from then on. */
extern struct machine machine;

/*
 * The value of "name=value" among the machine's boot arguments, copied to buf, which is size bytes long, and
 * cut where it is longer. Returns whether there is one. Context: any.
 */
bool boot_arg(const char *name, char *buf, size_t size);

#endif
