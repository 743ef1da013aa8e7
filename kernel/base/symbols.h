/* SPDX-License-Identifier: MIT */
/* Names of EL2's functions, for backtraces. */
#ifndef KERNEL_BASE_SYMBOLS_H
#define KERNEL_BASE_SYMBOLS_H

#include "lib/types.h"

/* The function that addr lies in, and how far into it; false when it is in none. */
bool symbol_find(uint64_t addr, const char **name, uint64_t *offset);

#endif
