/* SPDX-License-Identifier: MIT */
/*
 * Physical, intermediate physical and EL2 virtual addresses as types that do not mix. Arithmetic goes
 * through the functions below.
 */
#ifndef KERNEL_BASE_ADDR_H
#define KERNEL_BASE_ADDR_H

#include "lib/types.h"

#define PAGE_SHIFT	12
#define PAGE_SIZE	(UINT64_C(1) << PAGE_SHIFT)
#define PAGE_MASK	(PAGE_SIZE - 1)
#define BLOCK_SHIFT	21
#define BLOCK_SIZE	(UINT64_C(1) << BLOCK_SHIFT)

typedef struct { uint64_t pa; } pa_t;
typedef struct { uint64_t ipa; } ipa_t;
typedef struct { uint64_t va; } va_t;

static inline pa_t pa(uint64_t addr) { return (pa_t){ addr }; }
static inline ipa_t ipa(uint64_t addr) { return (ipa_t){ addr }; }
static inline va_t va(uint64_t addr) { return (va_t){ addr }; }

static inline pa_t pa_add(pa_t p, uint64_t n) { return pa(p.pa + n); }
static inline ipa_t ipa_add(ipa_t p, uint64_t n) { return ipa(p.ipa + n); }
static inline uint64_t pa_pfn(pa_t p) { return p.pa >> PAGE_SHIFT; }

#endif
