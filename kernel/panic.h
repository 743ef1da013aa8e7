/* SPDX-License-Identifier: MIT */
/* The end of EL2 for a reason of our own; nothing that a guest does leads here. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "lib/compiler.h"
#include "lib/types.h"

/* Prints why and the calls that led here, then does what CONFIG_PANIC_* says. */
void panic(const char *fmt, ...) __printf_like(1, 2) __noreturn __cold;

/* Turn the machine off; status 0 is success. With CONFIG_SEMIHOSTING_EXIT the emulator is told. */
void machine_end(int status) __noreturn __cold;

/* The end of a panic or an EL2 fault, after its dump: off, reset or halt, as CONFIG_PANIC_* says. */
void panic_end(void) __noreturn __cold;

/* An internal invariant; never a check of input. */
#define ASSERT(cond)								\
	do {									\
		if (IS_ENABLED(CONFIG_DEBUG_ASSERT) && unlikely(!(cond)))	\
			panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);	\
	} while (0)

#endif
