/* SPDX-License-Identifier: MIT */
/*
 * VMSAv8-64 descriptors, 4 KiB granule (Arm ARM DDI 0487, D8.3). Pure computation: host builds use
 * this file as it is.
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include "kernel/base/addr.h"
#include "lib/types.h"

typedef uint64_t pte_t;

#define PTE_LEVELS		4
#define PTE_PER_TABLE		512

#define PTE_VALID		BIT(0)
#define PTE_TABLE		BIT(1)		/* levels 0-2: table; level 3: page */
#define PTE_ADDR		GENMASK(47, 12)
#define PTE_AF			BIT(10)
#define PTE_SH_INNER		FIELD_PREP(GENMASK(9, 8), 3)

/* Stage 1, EL2 regime. */
#define PTE_S1_ATTR(n)		FIELD_PREP(GENMASK(4, 2), n)
#define PTE_S1_AP_RES1		BIT(6)
#define PTE_S1_RO		BIT(7)
#define PTE_S1_XN		BIT(54)
#define PTE_S1_GP		BIT(50)		/* guarded page: BTI enforced */

/* Stage 2. */
#define PTE_S2_MEM_NORMAL	FIELD_PREP(GENMASK(5, 2), 0xf)
#define PTE_S2_MEM_DEVICE	FIELD_PREP(GENMASK(5, 2), 0x1)	/* Device-nGnRE */
#define PTE_S2_R		BIT(6)
#define PTE_S2_W		BIT(7)
#define PTE_S2_XN		BIT(54)

/*
 * Stage 1 of a guest that is entered with its MMU on: Normal write-back memory, which only EL1 sees, and may
 * write and execute. The index is that of the MAIR_EL1 which arch_vcpu_reset() sets.
 */
#define PTE_ENTRY_NORMAL	(PTE_AF | PTE_S1_ATTR(4))

/* MAIR_EL2 indices. */
#define MAIR_IDX_NORMAL		0
#define MAIR_IDX_DEVICE		1
#define MAIR_EL2_VALUE		UINT64_C(0x04ff)	/* 1: Device-nGnRE, 0: Normal write-back */

static inline unsigned int pte_level_shift(int level)
{
	return (unsigned int)(PAGE_SHIFT + 9 * (3 - level));
}

static inline uint64_t pte_level_size(int level)
{
	return BIT(pte_level_shift(level));
}

static inline bool pte_is_table(pte_t pte, int level)
{
	return level < 3 && (pte & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

static inline bool pte_is_leaf(pte_t pte, int level)
{
	return (pte & PTE_VALID) && (level == 3 ? (pte & PTE_TABLE) != 0 : !(pte & PTE_TABLE));
}

static inline pa_t pte_pa(pte_t pte)
{
	return pa(pte & PTE_ADDR);
}

static inline pte_t pte_make_table(pa_t table)
{
	return table.pa | PTE_TABLE | PTE_VALID;
}

/* attrs: from pte_s1_attrs() or pte_s2_attrs(). */
static inline pte_t pte_make_leaf(pa_t addr, int level, uint64_t attrs)
{
	return addr.pa | attrs | PTE_VALID | (level == 3 ? PTE_TABLE : 0);
}

static inline uint64_t pte_attrs(pte_t pte)
{
	return pte & ~(PTE_ADDR | PTE_TABLE | PTE_VALID);
}

/* What a mapping permits, for both stages. */
#define MAP_R			BIT(0)
#define MAP_W			BIT(1)
#define MAP_X			BIT(2)
#define MAP_DEVICE		BIT(3)
#define MAP_GUARDED		BIT(4)	/* stage 1: indirect branches land on BTI instructions only */

static inline uint64_t pte_s1_attrs(uint64_t map)
{
	uint64_t attrs = PTE_AF | PTE_SH_INNER | PTE_S1_AP_RES1;

	attrs |= PTE_S1_ATTR((map & MAP_DEVICE) ? MAIR_IDX_DEVICE : MAIR_IDX_NORMAL);
	if (!(map & MAP_W))
		attrs |= PTE_S1_RO;
	if (!(map & MAP_X))
		attrs |= PTE_S1_XN;
	if (map & MAP_GUARDED)
		attrs |= PTE_S1_GP;
	return attrs;
}

static inline uint64_t pte_s2_attrs(uint64_t map)
{
	uint64_t attrs = PTE_AF | PTE_SH_INNER;

	attrs |= (map & MAP_DEVICE) ? PTE_S2_MEM_DEVICE : PTE_S2_MEM_NORMAL;
	if (map & MAP_R)
		attrs |= PTE_S2_R;
	if (map & MAP_W)
		attrs |= PTE_S2_W;
	if (!(map & MAP_X))
		attrs |= PTE_S2_XN;
	return attrs;
}

#endif
