/* SPDX-License-Identifier: MIT */
/*
 * Device accesses as single instructions without writeback, so that they also work where EL2 itself
 * runs under a hypervisor that has to emulate them.
 */
#ifndef ARCH_MMIO_H
#define ARCH_MMIO_H

#include "lib/types.h"

static inline uint32_t arch_mmio_read32(const volatile void *addr)
{
	uint32_t val;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(val) : "r"(addr) : "memory");
	return val;
}

static inline uint64_t arch_mmio_read64(const volatile void *addr)
{
	uint64_t val;

	__asm__ volatile("ldr %0, [%1]" : "=r"(val) : "r"(addr) : "memory");
	return val;
}

static inline void arch_mmio_write32(volatile void *addr, uint32_t val)
{
	__asm__ volatile("str %w0, [%1]" : : "rZ"(val), "r"(addr) : "memory");
}

static inline void arch_mmio_write64(volatile void *addr, uint64_t val)
{
	__asm__ volatile("str %x0, [%1]" : : "rZ"(val), "r"(addr) : "memory");
}

#endif
