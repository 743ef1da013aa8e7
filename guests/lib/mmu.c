// SPDX-License-Identifier: MIT
/*
 * The guest's own stage 1: an identity map of 39 bits (three levels, 4 KiB granule), described in
 * guest.h. Tables come from a fixed pool; a mapping is only ever added, never changed, so that no
 * TLB maintenance is needed after the MMU is on (DDI 0487, D8.14: an invalid entry is not cached).
 */
#include "guests/lib/guest.h"

#define PAGE_SIZE		UINT64_C(4096)
#define BLOCK_SIZE		MIB(2)
#define VA_BITS			39
#define ENTRIES			512
#define NR_TABLES		16

#define PTE_VALID		BIT(0)
#define PTE_TABLE		BIT(1)		/* at levels 1 and 2 */
#define PTE_PAGE		BIT(1)		/* at level 3 */
#define PTE_ATTR(index)		((uint64_t)(index) << 2)
#define PTE_RO			BIT(7)
#define PTE_INNER_SHAREABLE	(UINT64_C(3) << 8)
#define PTE_AF			BIT(10)
#define PTE_PXN			BIT(53)
#define PTE_UXN			BIT(54)
#define PTE_ADDR		GENMASK(47, 12)

#define ATTR_DEVICE		0
#define ATTR_NORMAL		1
#define MAIR_VALUE		((UINT64_C(0x00) << (8 * ATTR_DEVICE)) | \
				 (UINT64_C(0xff) << (8 * ATTR_NORMAL)))

#define TCR_T0SZ		(64 - VA_BITS)
#define TCR_IRGN0_WBWA		BIT(8)
#define TCR_ORGN0_WBWA		BIT(10)
#define TCR_SH0_INNER		(UINT64_C(3) << 12)
#define TCR_EPD1		BIT(23)
#define TCR_IPS(pa_range)	((uint64_t)(pa_range) << 32)

#define SCTLR_RES1		(BIT(29) | BIT(28) | BIT(23) | BIT(22) | BIT(20) | BIT(11))
#define SCTLR_M			BIT(0)
#define SCTLR_C			BIT(2)
#define SCTLR_SA		BIT(3)
#define SCTLR_I			BIT(12)
#define SCTLR_NTWI		BIT(16)
#define SCTLR_NTWE		BIT(18)
#define SCTLR_WXN		BIT(19)

static const uint64_t map_bits[] = {
	[GUEST_MAP_DEVICE] = PTE_ATTR(ATTR_DEVICE) | PTE_PXN,
	[GUEST_MAP_RW] = PTE_ATTR(ATTR_NORMAL) | PTE_INNER_SHAREABLE | PTE_PXN,
	[GUEST_MAP_RO] = PTE_ATTR(ATTR_NORMAL) | PTE_INNER_SHAREABLE | PTE_PXN | PTE_RO,
	[GUEST_MAP_RX] = PTE_ATTR(ATTR_NORMAL) | PTE_INNER_SHAREABLE | PTE_RO,
};

static uint64_t tables[NR_TABLES][ENTRIES] __aligned(4096) __section(".bss.tables");
static unsigned int nr_tables = 1;		/* tables[0] is the root, at level 1 */

/* The next level's table behind *entry, made if there is none. */
static uint64_t *table_descend(uint64_t *entry)
{
	if (!(*entry & PTE_VALID)) {
		if (nr_tables == NR_TABLES)
			guest_fail(0, 0, 0, "guest: out of page tables");
		*entry = (uint64_t)tables[nr_tables++] | PTE_TABLE | PTE_VALID;
	}
	return (uint64_t *)(*entry & PTE_ADDR);
}

void guest_mmu_map(uint64_t base, uint64_t size, enum guest_map type)
{
	uint64_t bits = map_bits[type] | PTE_UXN | PTE_AF | PTE_VALID;
	uint64_t end = base + size;
	uint64_t step;

	for (uint64_t addr = base; addr < end; addr += step) {
		uint64_t *level2 = table_descend(&tables[0][addr >> 30]);
		uint64_t *entry2 = &level2[(addr >> 21) % ENTRIES];

		if (IS_ALIGNED(addr, BLOCK_SIZE) && end - addr >= BLOCK_SIZE) {
			*entry2 = addr | bits;
			step = BLOCK_SIZE;
		} else {
			table_descend(entry2)[(addr >> 12) % ENTRIES] = addr | bits | PTE_PAGE;
			step = PAGE_SIZE;
		}
	}
	/* Orders the entries before the accesses that follow, on the walker's side and ours. */
	__asm__ volatile("dsb ishst" : : : "memory");
	guest_isb();
}

/* ID_AA64MMFR0_EL1.PARange, no larger than the encodings that this granule knows (48 bits). */
static uint64_t pa_range(void)
{
	return MIN(guest_read_sysreg("id_aa64mmfr0_el1") & 0xf, UINT64_C(5));
}

uint64_t guest_mmu_limit(void)
{
	static const uint8_t pa_bits[] = { 32, 36, 40, 42, 44, 48 };

	return BIT(MIN(pa_bits[pa_range()], VA_BITS));
}

void guest_mmu_init(void)
{
	uint64_t image = (uint64_t)__image_start, text_end = (uint64_t)__text_end;
	uint64_t rodata_end = (uint64_t)__rodata_end, data = (uint64_t)__data_start;
	uint64_t data_end = ALIGN_UP((uint64_t)__bss_end, PAGE_SIZE);
	uint64_t stack = (uint64_t)__stack_bottom;
	uint64_t ram_end = GUEST_RAM_IPA + GUEST_RAM_SIZE;

	guest_mmu_map(GUEST_GICD_IPA, GUEST_GICD_SIZE, GUEST_MAP_DEVICE);
	guest_mmu_map(GUEST_GICR_IPA, GUEST_MAX_VCPUS * GUEST_GICR_STRIDE, GUEST_MAP_DEVICE);
	guest_mmu_map(GUEST_UART_IPA, GUEST_UART_SIZE, GUEST_MAP_DEVICE);

	guest_mmu_map(GUEST_RAM_IPA, image - GUEST_RAM_IPA, GUEST_MAP_RW);
	guest_mmu_map(image, text_end - image, GUEST_MAP_RX);
	guest_mmu_map(text_end, rodata_end - text_end, GUEST_MAP_RO);
	guest_mmu_map(data, data_end - data, GUEST_MAP_RW);
	/* The gap is the stack's guard. */
	guest_mmu_map(stack, ram_end - stack, GUEST_MAP_RW);

	guest_write_sysreg("mair_el1", MAIR_VALUE);
	guest_write_sysreg("tcr_el1", TCR_T0SZ | TCR_IRGN0_WBWA | TCR_ORGN0_WBWA | TCR_SH0_INNER |
					      TCR_EPD1 | TCR_IPS(pa_range()));
	guest_write_sysreg("ttbr0_el1", (uint64_t)tables[0]);
	guest_isb();
	/* Whatever ran here before may have left translations and instructions of its own. */
	__asm__ volatile("tlbi vmalle1\n\tic iallu\n\tdsb nsh\n\tisb" : : : "memory");
	guest_write_sysreg("sctlr_el1", SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I |
						SCTLR_NTWI | SCTLR_NTWE | SCTLR_WXN);
	guest_isb();
}
