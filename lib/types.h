/* SPDX-License-Identifier: MIT */
/* Fixed-width integers, sizes and the few macros that every file uses. */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BIT(n)			(UINT64_C(1) << (n))
/* Bits hi..lo set, both included, as the architecture manuals number them. */
#define GENMASK(hi, lo)		((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
/* Value of the field that mask selects, and a value placed into that field. */
#define FIELD_GET(mask, reg)	(((uint64_t)(reg) & (mask)) / ((mask) & -(mask)))
#define FIELD_PREP(mask, val)	(((uint64_t)(val) * ((mask) & -(mask))) & (mask))

#define ALIGN_UP(x, a)		(((x) + ((a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define MIN(a, b)		((a) < (b) ? (a) : (b))
#define MAX(a, b)		((a) > (b) ? (a) : (b))

#define KIB(n)			((uint64_t)(n) << 10)
#define MIB(n)			((uint64_t)(n) << 20)
#define GIB(n)			((uint64_t)(n) << 30)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/* The generated configuration header gives every symbol a value, so a mistyped one does not compile. */
#define IS_ENABLED(option)	((option) != 0)

#endif
