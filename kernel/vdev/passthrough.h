/* SPDX-License-Identifier: MIT */
/* Devices of the machine that a VM has to itself. */
#ifndef KERNEL_VDEV_PASSTHROUGH_H
#define KERNEL_VDEV_PASSTHROUGH_H

#include "lib/compiler.h"

struct vm;

/*
 * Find the devices that vm's description lists in the machine's device tree, and take their interrupts, so
 * that VMs can be given them. -EINVAL with *why in words when one of them cannot be passed through. Context:
 * boot CPU, before the VM acquires anything.
 */
__must_check int passthrough_prepare(const struct vm *vm, const char **why);

#endif
