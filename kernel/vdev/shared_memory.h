/* SPDX-License-Identifier: MIT */
/*
 * Memory that several VMs see: a package's shared windows. A window is there from boot on, zeroed, and stays;
 * each VM that its description gives it to has it mapped, read-only or not, for as long as it has memory at
 * all.
 */
#ifndef KERNEL_VDEV_SHARED_MEMORY_H
#define KERNEL_VDEV_SHARED_MEMORY_H

#include "kernel/base/addr.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define SHARED_NAME_LEN		32
#define SHARED_MAX_WINDOWS	8
#define SHARED_MAX_SIZE		UINT64_C(0x4000000)	/* 64 MiB */

struct shared_window {
	char name[SHARED_NAME_LEN];
	uint64_t size;		/* bytes */
	pa_t pa;		/* once it is allocated */
};

/*
 * Allocate the package's windows, nr of them; vm_share.window counts from 0 in this order. -ENOMEM with *why.
 * Context: boot CPU, once.
 */
__must_check int shared_init(const struct shared_window *windows, unsigned int nr, const char **why);

#endif
