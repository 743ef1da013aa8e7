// SPDX-License-Identifier: MIT
/* Translation control and TLB maintenance (Arm ARM D8, D19). */
#include "arch/arm64/boot/mmu.h"

#include "arch/arm64/sysreg.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/pte.h"
#include "arch/stage2.h"
#include "arch/tlb.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"

#define MMFR0_PARANGE		GENMASK(3, 0)
#define MMFR1_VMIDBITS		GENMASK(7, 4)
#define VTCR_RES1		BIT(31)
#define VTCR_T0SZ(bits)		(64 - (bits))
#define VTCR_SL0(level)		FIELD_PREP(GENMASK(7, 6), 2 - (level))
#define VTCR_WBWA		(BIT(8) | BIT(10))
#define VTCR_SH_INNER		FIELD_PREP(GENMASK(13, 12), 3)
#define VTCR_PS(n)		FIELD_PREP(GENMASK(18, 16), n)
#define VTCR_VS			BIT(19)
#define IPA_BITS_MAX		40

extern char early_tables[];

static unsigned int pa_range(void)
{
	return (unsigned int)MIN(FIELD_GET(MMFR0_PARANGE, sysreg_read(id_aa64mmfr0_el1)), 5);
}

unsigned int arch_ipa_bits(void)
{
	static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };

	return MIN(bits[pa_range()], IPA_BITS_MAX);
}

unsigned int arch_nr_vmids(void)
{
	return FIELD_GET(MMFR1_VMIDBITS, sysreg_read(id_aa64mmfr1_el1)) == 2 ? 65536 : 256;
}

uint64_t arch_stage2_vttbr(pa_t root, uint16_t vmid)
{
	return root.pa | (uint64_t)vmid << 48;
}

void mmu_switch_to_final(void)
{
	uint64_t sctlr = SCTLR_EL2_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN;

	if (IS_ENABLED(CONFIG_BRANCH_PROTECTION))
		sctlr |= BIT(36);	/* BT: PACIASP is no landing pad for BR; RES0 where there is no BTI */
	dsb(ish);
	sysreg_write(ttbr0_el2, hyp_va_to_pa(hyp_pgtable.root).pa);
	isb();
	__asm__ volatile("tlbi alle2\n\tdsb nsh\n\tisb" : : : "memory");
	sysreg_write(sctlr_el2, sctlr);
	isb();
}

void mmu_stage2_init(void)
{
	unsigned int bits = arch_ipa_bits(), root_pages;
	uint64_t vtcr;
	int level;

	pgtable_stage2_geometry(bits, &level, &root_pages);
	vtcr = VTCR_RES1 | VTCR_T0SZ(bits) | VTCR_SL0((unsigned int)level) | VTCR_WBWA | VTCR_SH_INNER |
	       VTCR_PS(pa_range());
	if (arch_nr_vmids() > 256)
		vtcr |= VTCR_VS;
	sysreg_write(vtcr_el2, vtcr);
	isb();
}

void mmu_early_map(uint64_t va, uint64_t pa_, uint64_t perms)
{
	pte_t *l2 = (pte_t *)(early_tables + 4 * PAGE_SIZE);
	uint64_t first = ALIGN_DOWN(pa_, BLOCK_SIZE);
	unsigned int index = (unsigned int)((va >> BLOCK_SHIFT) % PTE_PER_TABLE);

	/* At EL1 the bit that is RES1 elsewhere would give EL0 access; see head.S. */
	l2[index] = pte_make_leaf(pa(first), 2, pte_s1_attrs(perms));
	arch_pt_sync();
}

void arch_pt_sync(void)
{
	/* Descriptor stores before any later walk, on this and other CPUs. */
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}

void arch_tlb_flush_el2(uint64_t va, uint64_t size)
{
	uint64_t step = PAGE_SIZE;

	dsb(ishst);
	if (IS_ALIGNED(va | size, BLOCK_SIZE) && size == BLOCK_SIZE)
		step = BLOCK_SIZE;
	if (size / step > 512) {
		__asm__ volatile("tlbi alle2is" : : : "memory");
	} else {
		for (uint64_t at = va; at < va + size; at += step)
			__asm__ volatile("tlbi vae2is, %0" : : "r"(at >> PAGE_SHIFT) : "memory");
	}
	dsb(ish);
	isb();
}

/* Runs op with the VM's VMID in VTTBR_EL2, which is what stage-2 invalidations go by. */
#define WITH_VTTBR(vttbr, op)						\
	do {								\
		uint64_t saved = sysreg_read(vttbr_el2);		\
									\
		dsb(ishst);						\
		if (saved != (vttbr)) {					\
			sysreg_write(vttbr_el2, vttbr);			\
			isb();						\
		}							\
		op;							\
		dsb(ish);						\
		if (saved != (vttbr))					\
			sysreg_write(vttbr_el2, saved);			\
		isb();							\
	} while (0)

static void flush_ipas(uint64_t ipa, uint64_t size)
{
	if (size / PAGE_SIZE > 512) {
		__asm__ volatile("tlbi vmalls12e1is" : : : "memory");
		return;
	}
	for (uint64_t at = ipa; at < ipa + size; at += PAGE_SIZE)
		__asm__ volatile("tlbi ipas2e1is, %0" : : "r"(at >> PAGE_SHIFT) : "memory");
	dsb(ish);
	/* Combined entries are tagged by VA, which nobody knows here: all of the VM's go. */
	__asm__ volatile("tlbi vmalle1is" : : : "memory");
}

void arch_tlb_flush_ipa(uint64_t vttbr, uint64_t ipa, uint64_t size)
{
	WITH_VTTBR(vttbr, flush_ipas(ipa, size));
}

void arch_tlb_flush_vm(uint64_t vttbr)
{
	WITH_VTTBR(vttbr, __asm__ volatile("tlbi vmalls12e1is" : : : "memory"));
}
