/* SPDX-License-Identifier: MIT */
/*
 * The end of EL2, and of the machine. Success and failure end by different calls of PSCI, so that whoever
 * watches the machine from outside can tell them apart; guests' calls never get there.
 */
#ifndef KERNEL_BASE_PANIC_H
#define KERNEL_BASE_PANIC_H

#include "lib/compiler.h"
#include "lib/types.h"

/*
 * For a reason of our own; nothing that a guest does leads here. Prints why and the calls that led here, and
 * fails the machine.
 */
void panic(const char *fmt, ...) __printf_like(1, 2) __noreturn __cold;

/* The end in success: PSCI SYSTEM_OFF (DEN0022). Without PSCI, and if its call returns, the CPU halts. */
void machine_end(void) __noreturn __cold;

/*
 * The end in failure, whose reason has been printed: reset (PSCI SYSTEM_RESET, DEN0022), off or halt,
 * as CONFIG_FAILURE_* says. What cannot be done halts the CPU. On any CPU; it writes to the log.
 */
void machine_fail(void) __noreturn __cold;

/* An internal invariant; never a check of input. */
#define ASSERT(cond)								\
	do {									\
		if (IS_ENABLED(CONFIG_DEBUG_ASSERT) && unlikely(!(cond)))	\
			panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);	\
	} while (0)

#endif
