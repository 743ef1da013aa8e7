/* SPDX-License-Identifier: MIT */
/* Files that hold a kernel, but are none: compressed ones, and images of boot loaders. */
#ifndef LIB_PACKED_H
#define LIB_PACKED_H

#include "lib/compiler.h"
#include "lib/types.h"

/*
 * What a file of size bytes is, and what to do with it, in words that follow its name; NULL when it is none
 * of the formats known here. Nothing outside the file is read.
 */
const char *packed_why(const void *file, size_t size);

#endif
