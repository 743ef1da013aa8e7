/* SPDX-License-Identifier: MIT */
/* Speculation that leaks, and what a guest is told of it (SMCCC, DEN0028, 7.5 to 7.7). */
#ifndef ARCH_WORKAROUND_H
#define ARCH_WORKAROUND_H

#include "lib/types.h"

enum arch_workaround {
	WORKAROUND_1,		/* branch targets (Spectre, variant 2) */
	WORKAROUND_2,		/* loads before stores (variant 4) */
	WORKAROUND_3,		/* branch history */
	NR_WORKAROUNDS,
};

/* What SMCCC_ARCH_FEATURES says of it: */
#define WORKAROUND_NOT_REQUIRED	1	/* no CPU needs the call, which does nothing */
#define WORKAROUND_CALL		0	/* a CPU needs it; arch_workaround() does it */
#define WORKAROUND_NONE		(-1)	/* there is none: a CPU may be vulnerable */

/* For all CPUs of the machine. */
int64_t arch_workaround_state(enum arch_workaround which);

/* Do it on this CPU: a call to its firmware. Context: arch_workaround_state() is WORKAROUND_CALL. */
void arch_workaround(enum arch_workaround which);

#endif
