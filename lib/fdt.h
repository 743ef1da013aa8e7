/* SPDX-License-Identifier: MIT */
/*
 * libfdt's header for a target without a C library. libfdt.h asks for libfdt_env.h, which includes
 * hosted headers; the types and conversions that it would give are here instead, and its include
 * guard is taken. Host builds use the original.
 */
#ifndef LIB_FDT_H
#define LIB_FDT_H

#include "lib/dt.h"
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
 * fdt_check_full() for a blob from outside, size bytes long and 8-byte aligned. libfdt 1.6.1, which Debian
 * has, must not see everything: for a tree of a version before 16 whose root has no '/' in its name it reads
 * through NULL, and a property whose length leads back to itself it walks for ever. So the structure is
 * walked by lib/dt.h first, which trusts no length.
 */
static inline int fdt_check_untrusted(const void *blob, size_t size)
{
	struct dt_cursor cursor = { 0 };
	enum dt_token token;
	const char *why;
	struct dt dt;
	int err;

	if (size < sizeof(struct fdt_header))
		return -FDT_ERR_TRUNCATED;
	if (fdt_magic(blob) != FDT_MAGIC)
		return -FDT_ERR_BADMAGIC;
	if (fdt_version(blob) < FDT_VERSION_NEEDED)
		return -FDT_ERR_BADVERSION;
	err = fdt_check_header(blob);
	if (err)
		return err;
	if (fdt_totalsize(blob) > size)
		return -FDT_ERR_TRUNCATED;
	if (dt_open(&dt, blob, size, &why))
		return -FDT_ERR_BADSTRUCTURE;
	do
		token = dt_next(&dt, &cursor);
	while (token != DT_END && token != DT_BROKEN);
	return token == DT_END ? fdt_check_full(blob, size) : -FDT_ERR_BADSTRUCTURE;
}

#endif
