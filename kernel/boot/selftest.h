/* SPDX-License-Identifier: MIT */
/* Deliberate faults at EL2, chosen by the boot argument selftest=NAME (CONFIG_SELFTEST). */
#ifndef KERNEL_BOOT_SELFTEST_H
#define KERNEL_BOOT_SELFTEST_H

#include "lib/compiler.h"

#if CONFIG_SELFTEST
/* Does what the argument asks for, and does not survive it; returns when there is no such argument. */
void selftest_run(void);
#else
static inline void selftest_run(void) { }
#endif

#endif
