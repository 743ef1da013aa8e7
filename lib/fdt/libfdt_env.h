/* SPDX-License-Identifier: MIT */
/* libfdt's environment when it is compiled here (LIBFDT_SRC=): our types and string functions. */
#ifndef LIB_FDT_LIBFDT_ENV_H
#define LIB_FDT_LIBFDT_ENV_H

#include <limits.h>

#include "lib/fdt.h"
#include "lib/string.h"

#endif
