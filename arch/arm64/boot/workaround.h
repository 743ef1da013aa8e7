/* SPDX-License-Identifier: MIT */
/* What firmware does against speculation on this CPU; workaround.c. */
#ifndef ARCH_ARM64_BOOT_WORKAROUND_H
#define ARCH_ARM64_BOOT_WORKAROUND_H

#include "lib/types.h"

/*
 * Take one more CPU into account, with its MIDR_EL1 and its identification registers (idreg.h): ask its
 * firmware, and switch on for good what is a switch. Context: the CPU itself, before guests run; CPUs start
 * one by one.
 */
void workaround_add_cpu(uint64_t midr, const uint64_t *host);
/* As before the first CPU. Context: tests. */
void workaround_forget(void);

#endif
