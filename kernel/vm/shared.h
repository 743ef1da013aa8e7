/* SPDX-License-Identifier: MIT */
/* Memory that several VMs see: a package's shared windows. */
#ifndef KERNEL_VM_SHARED_H
#define KERNEL_VM_SHARED_H

#include "kernel/mm/addr.h"
#include "lib/types.h"

#define SHARED_NAME_LEN		32
#define SHARED_MAX_WINDOWS	8
#define SHARED_MAX_SIZE		UINT64_C(0x4000000)	/* 64 MiB */

struct shared_window {
	char name[SHARED_NAME_LEN];
	uint64_t size;		/* bytes */
	pa_t pa;		/* once it is allocated */
};

#endif
