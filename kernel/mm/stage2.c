// SPDX-License-Identifier: MIT
/* Stage-2 address spaces; see stage2.h. */
#include "kernel/mm/stage2.h"

#include "arch/stage2.h"
#include "arch/tlb.h"
#include "lib/errno.h"

static void *quota_alloc(void *ctx)
{
	struct stage2 *s2 = ctx;

	return s2->pt.nr_tables < s2->quota ? hyp_alloc_pages(1) : NULL;
}

static void quota_free(void *ctx, void *page)
{
	hyp_free_pages(page, 1);
}

int stage2_init(struct stage2 *s2, uint16_t vmid, unsigned int ipa_bits, unsigned int quota)
{
	*s2 = (struct stage2){ .vmid = vmid, .quota = quota };
	s2->pt = (struct pgtable){
		.ia_bits = ipa_bits, .stage2 = true, .alloc = quota_alloc, .free = quota_free, .ctx = s2,
	};
	pgtable_stage2_geometry(ipa_bits, &s2->pt.start_level, &s2->pt.root_pages);
	s2->pt.root = hyp_alloc_pages(s2->pt.root_pages);
	if (!s2->pt.root)
		return -ENOMEM;
	s2->pt.vttbr = arch_stage2_vttbr(hyp_va_to_pa(s2->pt.root), vmid);
	/* The VMID may have been another VM's. */
	arch_tlb_flush_vm(s2->pt.vttbr);
	return 0;
}

bool stage2_destroy_some(struct stage2 *s2)
{
	if (!s2->pt.root)
		return false;
	/* Nothing translates by it any more. */
	if (!s2->going)
		arch_tlb_flush_vm(s2->pt.vttbr);
	s2->going = true;
	if (pgtable_clear_some(&s2->pt))
		return true;
	hyp_free_pages(s2->pt.root, s2->pt.root_pages);
	s2->pt.root = NULL;
	return false;
}

void stage2_destroy(struct stage2 *s2)
{
	while (stage2_destroy_some(s2))
		;
}

int stage2_map_ram(struct stage2 *s2, ipa_t ipa, pa_t pa, uint64_t size)
{
	return pgtable_map(&s2->pt, ipa.ipa, pa, size, MAP_R | MAP_W | MAP_X);
}
