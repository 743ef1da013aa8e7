/* SPDX-License-Identifier: MIT */
/*
 * libfdt's header for a target without a C library. libfdt.h asks for libfdt_env.h, which includes
 * hosted headers; the types and conversions that it would give are here instead, and its include
 * guard is taken. Host builds use the original.
 */
#ifndef LIB_FDT_H
#define LIB_FDT_H

#include "lib/types.h"

#if !__STDC_HOSTED__
#define LIBFDT_ENV_H
#define FDT_FORCE
#define FDT_BITWISE

typedef uint16_t fdt16_t;
typedef uint32_t fdt32_t;
typedef uint64_t fdt64_t;

static inline uint16_t fdt16_to_cpu(fdt16_t x) { return __builtin_bswap16(x); }
static inline fdt16_t cpu_to_fdt16(uint16_t x) { return __builtin_bswap16(x); }
static inline uint32_t fdt32_to_cpu(fdt32_t x) { return __builtin_bswap32(x); }
static inline fdt32_t cpu_to_fdt32(uint32_t x) { return __builtin_bswap32(x); }
static inline uint64_t fdt64_to_cpu(fdt64_t x) { return __builtin_bswap64(x); }
static inline fdt64_t cpu_to_fdt64(uint64_t x) { return __builtin_bswap64(x); }
#endif

#include <libfdt.h>

#define FDT_VERSION_NEEDED	17

/*
 * fdt_check_full() for a blob from outside, size bytes long. It must not see trees of a version before 16:
 * for a root without a '/' in its name, libfdt 1.6.1 reads through NULL.
 */
static inline int fdt_check_untrusted(const void *blob, size_t size)
{
	if (size < sizeof(struct fdt_header))
		return -FDT_ERR_TRUNCATED;
	if (fdt_magic(blob) != FDT_MAGIC)
		return -FDT_ERR_BADMAGIC;
	return fdt_version(blob) < FDT_VERSION_NEEDED ? -FDT_ERR_BADVERSION : fdt_check_full(blob, size);
}

#endif
