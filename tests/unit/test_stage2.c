// SPDX-License-Identifier: MIT
/* A VM's address space: what it costs the pool, and that all of it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/mm/stage2.h"
#include "lib/errno.h"
#include "tests/host/fake.h"

#define BASE	UINT64_C(0x40000000)

static struct machine m;
static struct stage2 s2;

static uint64_t pool_free(void)
{
	struct page_stats stats;

	page_get_stats(&stats);
	return stats.pool_free;
}

static int setup(void **state)
{
	struct mem_region area;
	uint64_t needed;

	fake_reset();
	fake_tlb_clear();
	memset(&m, 0, sizeof(m));
	m.ram[m.nr_ram++] = (struct mem_region){ pa(BASE), KIB(CONFIG_HYP_POOL_KIB) + MIB(16) };
	fake_mem_init(BASE, m.ram[0].size);
	if (page_plan(&m, NULL, 0, &area, &needed))
		return -1;
	fake_mem_map(area.base.pa, area.size);
	page_init(&area);
	return 0;
}

static void test_a_fresh_address_space_is_its_aligned_root_under_its_vmid(void **state)
{
	uint64_t before = pool_free();
	struct pgtable_leaf leaf;
	pa_t root;

	assert_int_equal(stage2_init(&s2, 7, 40, 10), 0);
	/* 40 bits: two concatenated tables, which the architecture wants aligned to their size. */
	assert_int_equal(pool_free(), before - 2);
	root = hyp_va_to_pa(s2.pt.root);
	assert_true(IS_ALIGNED(root.pa, 2 * PAGE_SIZE));
	assert_int_equal(s2.pt.vttbr, UINT64_C(7) << 48 | root.pa);
	assert_int_equal(s2.vmid, 7);
	assert_int_equal(pgtable_lookup(&s2.pt, 0x40000000, &leaf), -ENOENT);
	/* The VMID may have been another VM's: nothing of that may still translate. */
	assert_int_equal(fake_tlb_ops, 1);
	assert_int_equal(fake_tlb_log[0].kind, FAKE_TLB_VM);
	assert_int_equal(fake_tlb_log[0].vttbr, s2.pt.vttbr);
	stage2_destroy(&s2);
}

static void test_the_largest_root_is_sixteen_aligned_tables(void **state)
{
	uint64_t before = pool_free();

	assert_int_equal(stage2_init(&s2, 1, 43, 10), 0);
	assert_int_equal(pool_free(), before - 16);
	assert_true(IS_ALIGNED(hyp_va_to_pa(s2.pt.root).pa, 16 * PAGE_SIZE));
	stage2_destroy(&s2);
	assert_int_equal(pool_free(), before);
}

static void test_ram_is_readable_writable_and_executable(void **state)
{
	struct pgtable_leaf leaf;

	assert_int_equal(stage2_init(&s2, 1, 40, 10), 0);
	assert_int_equal(stage2_map_ram(&s2, ipa(0x40000000), pa(BASE), MIB(4)), 0);
	assert_int_equal(pgtable_lookup(&s2.pt, 0x40000000 + 0x1234, &leaf), 0);
	assert_int_equal(leaf.pa.pa, BASE + 0x1234);
	assert_int_equal(leaf.level, 2);
	assert_int_equal(leaf.attrs, pte_s2_attrs(MAP_R | MAP_W | MAP_X));
	assert_int_equal(stage2_map_ram(&s2, ipa(0x40200000), pa(BASE), MIB(4)), -EEXIST);
	assert_int_equal(stage2_map_ram(&s2, ipa(BIT(40)), pa(BASE), MIB(4)), -EINVAL);
	stage2_destroy(&s2);
}

static void test_the_quota_bounds_what_a_vm_takes_from_the_pool(void **state)
{
	uint64_t before = pool_free();
	unsigned int n;

	assert_int_equal(stage2_init(&s2, 1, 40, 4), 0);
	/* Each page lies in a 1 GiB of its own: two tables each. */
	for (n = 0; !stage2_map_ram(&s2, ipa(GIB(n + 1)), pa(BASE), PAGE_SIZE); n++)
		assert_true(n < 10);
	assert_int_equal(n, 2);
	assert_int_equal(stage2_map_ram(&s2, ipa(GIB(7)), pa(BASE), PAGE_SIZE), -ENOMEM);
	assert_int_equal(s2.pt.nr_tables, 4);
	assert_int_equal(pool_free(), before - 2 - 4);
	/* What needs no table still goes. */
	assert_int_equal(stage2_map_ram(&s2, ipa(GIB(8)), pa(GIB(1)), GIB(1)), 0);
	assert_int_equal(stage2_map_ram(&s2, ipa(GIB(1) + PAGE_SIZE), pa(BASE), PAGE_SIZE), 0);
	/* And what was given back can be had again. */
	assert_int_equal(pgtable_unmap(&s2.pt, GIB(1), 2 * PAGE_SIZE), 0);
	assert_int_equal(s2.pt.nr_tables, 2);
	assert_int_equal(stage2_map_ram(&s2, ipa(GIB(7)), pa(BASE), PAGE_SIZE), 0);
	stage2_destroy(&s2);
	assert_int_equal(pool_free(), before);
}

static void test_destruction_gives_every_page_back_and_forgets_the_vmid(void **state)
{
	uint64_t before = pool_free();
	uint64_t vttbr;

	assert_int_equal(stage2_init(&s2, 3, 40, 100), 0);
	vttbr = s2.pt.vttbr;
	assert_int_equal(stage2_map_ram(&s2, ipa(0x40001000), pa(BASE + PAGE_SIZE), MIB(8)), 0);
	assert_int_equal(stage2_map_ram(&s2, ipa(BIT(40) - MIB(1)), pa(BASE), MIB(1)), 0);
	assert_true(pool_free() < before - 2);
	fake_tlb_clear();
	stage2_destroy(&s2);
	assert_int_equal(pool_free(), before);
	assert_int_equal(fake_tlb_ops, 1);
	assert_int_equal(fake_tlb_log[0].kind, FAKE_TLB_VM);
	assert_int_equal(fake_tlb_log[0].vttbr, vttbr);
	/* Once more, or of one that never came to be, is harmless. */
	stage2_destroy(&s2);
	memset(&s2, 0, sizeof(s2));
	stage2_destroy(&s2);
	assert_int_equal(pool_free(), before);
}

static void test_an_exhausted_pool_refuses_and_keeps_nothing(void **state)
{
	uint64_t left;

	while (hyp_alloc_pages(1))
		;
	assert_int_equal(stage2_init(&s2, 1, 40, 10), -ENOMEM);
	stage2_destroy(&s2);

	assert_int_equal(setup(NULL), 0);
	assert_int_equal(stage2_init(&s2, 1, 40, 10), 0);
	while (pool_free() > 1)
		assert_non_null(hyp_alloc_pages(1));
	left = pool_free();
	/* One table is there, two are needed. */
	assert_int_equal(stage2_map_ram(&s2, ipa(GIB(1)), pa(BASE), PAGE_SIZE), -ENOMEM);
	assert_int_equal(pool_free(), left);
	assert_int_equal(s2.pt.nr_tables, 0);
}

static void test_invalidations_name_the_vm(void **state)
{
	bool flushed = false;

	assert_int_equal(stage2_init(&s2, 9, 40, 10), 0);
	assert_int_equal(stage2_map_ram(&s2, ipa(0x40000000), pa(BASE), MIB(2)), 0);
	fake_tlb_clear();
	assert_int_equal(pgtable_unmap(&s2.pt, 0x40000000, MIB(2)), 0);
	for (unsigned int i = 0; i < fake_tlb_ops; i++) {
		if (fake_tlb_log[i].kind == FAKE_PT_SYNC)
			continue;
		assert_int_equal(fake_tlb_log[i].kind, FAKE_TLB_IPA);
		assert_int_equal(fake_tlb_log[i].vttbr, s2.pt.vttbr);
		flushed |= fake_tlb_log[i].addr <= 0x40000000 &&
			   fake_tlb_log[i].addr + fake_tlb_log[i].size >= 0x40200000;
	}
	assert_true(flushed);
	stage2_destroy(&s2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_fresh_address_space_is_its_aligned_root_under_its_vmid, setup),
		cmocka_unit_test_setup(test_the_largest_root_is_sixteen_aligned_tables, setup),
		cmocka_unit_test_setup(test_ram_is_readable_writable_and_executable, setup),
		cmocka_unit_test_setup(test_the_quota_bounds_what_a_vm_takes_from_the_pool, setup),
		cmocka_unit_test_setup(test_destruction_gives_every_page_back_and_forgets_the_vmid, setup),
		cmocka_unit_test_setup(test_an_exhausted_pool_refuses_and_keeps_nothing, setup),
		cmocka_unit_test_setup(test_invalidations_name_the_vm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
