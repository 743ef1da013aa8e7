/* SPDX-License-Identifier: MIT */
/* Device registers are ordinary memory of the test. */
#ifndef TESTS_HOST_ARCH_MMIO_H
#define TESTS_HOST_ARCH_MMIO_H

#include "lib/types.h"

static inline uint32_t arch_mmio_read32(const volatile void *addr)
{
	return *(const volatile uint32_t *)addr;
}

static inline uint64_t arch_mmio_read64(const volatile void *addr)
{
	return *(const volatile uint64_t *)addr;
}

static inline void arch_mmio_write32(volatile void *addr, uint32_t val)
{
	*(volatile uint32_t *)addr = val;
}

static inline void arch_mmio_write64(volatile void *addr, uint64_t val)
{
	*(volatile uint64_t *)addr = val;
}

#endif
