/* SPDX-License-Identifier: MIT */
/* Accesses to device registers, each exactly one load or store of its size, in program order. */
#ifndef KERNEL_BASE_MMIO_H
#define KERNEL_BASE_MMIO_H

#include "arch/mmio.h"
#include "lib/types.h"

static inline uint32_t mmio_read32(const volatile void *base, uint64_t offset)
{
	return arch_mmio_read32((const volatile char *)base + offset);
}

static inline uint64_t mmio_read64(const volatile void *base, uint64_t offset)
{
	return arch_mmio_read64((const volatile char *)base + offset);
}

static inline void mmio_write32(volatile void *base, uint64_t offset, uint32_t val)
{
	arch_mmio_write32((volatile char *)base + offset, val);
}

static inline void mmio_write64(volatile void *base, uint64_t offset, uint64_t val)
{
	arch_mmio_write64((volatile char *)base + offset, val);
}

#endif
