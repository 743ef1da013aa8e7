/* SPDX-License-Identifier: MIT */
/* The end of EL2 for a reason of our own; nothing that a guest does leads here. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "lib/compiler.h"
#include "lib/types.h"

/* Prints why and the calls that led here, then does what CONFIG_PANIC_* says. */
void panic(const char *fmt, ...) __printf_like(1, 2) __noreturn __cold;

/* End the machine: status 0 is success. Power off, reset or halt as configured when status is not 0. */
void machine_end(int status) __noreturn __cold;

/* An internal invariant; never a check of input. */
#define ASSERT(cond)								\
	do {									\
		if (IS_ENABLED(CONFIG_DEBUG_ASSERT) && unlikely(!(cond)))	\
			panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);	\
	} while (0)

#endif
