// SPDX-License-Identifier: MIT
/*
 * The page-table walker, against a list of mapped ranges; and against a TLB that remembers every descriptor
 * it could have seen until it is told to forget (Arm ARM D8.13, D8.14: break-before-make).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sanitizer/asan_interface.h>

#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"
#include "lib/errno.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define BASE		UINT64_C(0x40000000)
#define NR_PAGES	4096
#define ROOT_PAGES	16
#define VTTBR		UINT64_C(0x0005000040000000)
#define RWX		(MAP_R | MAP_W | MAP_X)

static struct pgtable pt;

/* ---- table pages: each freed one is poison until it is used again ---- */

static bool page_used[NR_PAGES];
static unsigned int pages_used;
static unsigned int allocs_left;	/* until they fail */

static void *table_page(unsigned int i)
{
	return hyp_pa_to_va(pa(BASE + i * PAGE_SIZE));
}

static void *table_alloc(void *ctx)
{
	assert_ptr_equal(ctx, &pt);
	if (!allocs_left)
		return NULL;
	allocs_left--;
	for (unsigned int i = ROOT_PAGES; i < NR_PAGES; i++) {
		if (page_used[i])
			continue;
		page_used[i] = true;
		pages_used++;
		ASAN_UNPOISON_MEMORY_REGION(table_page(i), PAGE_SIZE);
		memset(table_page(i), 0, PAGE_SIZE);
		return table_page(i);
	}
	fail_msg("the test has too few pages");
	return NULL;
}

static void tlb_check_free(unsigned int i);

static void table_free(void *ctx, void *page)
{
	unsigned int i = (unsigned int)((hyp_va_to_pa(page).pa - BASE) / PAGE_SIZE);

	assert_ptr_equal(ctx, &pt);
	assert_true(page_used[i]);
	tlb_check_free(i);
	page_used[i] = false;
	pages_used--;
	ASAN_POISON_MEMORY_REGION(page, PAGE_SIZE);
}

static void tree_init(bool stage2, unsigned int ia_bits)
{
	fake_reset();
	fake_mem_init(BASE, NR_PAGES * PAGE_SIZE);
	fake_mem_map(BASE, NR_PAGES * PAGE_SIZE);
	ASAN_UNPOISON_MEMORY_REGION(table_page(0), NR_PAGES * PAGE_SIZE);
	ASAN_POISON_MEMORY_REGION(table_page(ROOT_PAGES), (NR_PAGES - ROOT_PAGES) * PAGE_SIZE);
	memset(page_used, 0, sizeof(page_used));
	pages_used = 0;
	allocs_left = UINT32_MAX;
	fake_tlb_clear();
	fake_tlb_hook = NULL;
	pt = (struct pgtable){
		.root = table_page(0), .ia_bits = ia_bits, .root_pages = 1,
		.start_level = ia_bits > 39 ? 0 : 1, .stage2 = stage2, .vttbr = VTTBR,
		.alloc = table_alloc, .free = table_free, .ctx = &pt,
	};
	if (stage2)
		pgtable_stage2_geometry(ia_bits, &pt.start_level, &pt.root_pages);
}

static void tree_end(void)
{
	if (!pt.root)
		return;
	pt.root = NULL;
	fake_tlb_hook = NULL;
	ASAN_UNPOISON_MEMORY_REGION(table_page(0), NR_PAGES * PAGE_SIZE);
	fake_mem_free();
}

static int teardown(void **state)
{
	tree_end();
	return 0;
}

static const struct geometry {
	bool stage2;
	unsigned int ia_bits;
} geometries[] = {
	{ false, 39 }, { false, 48 }, { true, 32 }, { true, 34 }, { true, 36 }, { true, 39 }, { true, 40 },
	{ true, 43 }, { true, 44 }, { true, 48 },
};

static uint64_t space(void)
{
	return UINT64_C(1) << pt.ia_bits;
}

/* ---- the model: mapped ranges, in no order ---- */

struct range {
	uint64_t ia, pa, size, attrs;
};

#define MAX_RANGES	4096
static struct range ranges[MAX_RANGES];
static unsigned int nr_ranges;

static bool model_overlaps(uint64_t ia, uint64_t size)
{
	for (unsigned int i = 0; i < nr_ranges; i++) {
		if (ia < ranges[i].ia + ranges[i].size && ranges[i].ia < ia + size)
			return true;
	}
	return false;
}

static void model_add(uint64_t ia, uint64_t pa, uint64_t size, uint64_t attrs)
{
	assert_true(nr_ranges < MAX_RANGES);
	if (size)
		ranges[nr_ranges++] = (struct range){ ia, pa, size, attrs };
}

static void model_remove(uint64_t ia, uint64_t size)
{
	uint64_t end = ia + size;

	for (unsigned int i = 0; i < nr_ranges;) {
		struct range r = ranges[i];

		if (end <= r.ia || r.ia + r.size <= ia) {
			i++;
			continue;
		}
		ranges[i] = ranges[--nr_ranges];
		if (r.ia < ia)
			model_add(r.ia, r.pa, ia - r.ia, r.attrs);
		if (r.ia + r.size > end)
			model_add(end, r.pa + (end - r.ia), r.ia + r.size - end, r.attrs);
	}
}

static const struct range *model_find(uint64_t ia)
{
	for (unsigned int i = 0; i < nr_ranges; i++) {
		if (ia - ranges[i].ia < ranges[i].size)
			return &ranges[i];
	}
	return NULL;
}

static void assert_translates_as_model(uint64_t ia)
{
	const struct range *r = model_find(ia);
	struct pgtable_leaf leaf;
	int err = pgtable_lookup(&pt, ia, &leaf);

	if (!r) {
		assert_int_equal(err, -ENOENT);
		return;
	}
	assert_int_equal(err, 0);
	assert_int_equal(leaf.pa.pa, r->pa + (ia - r->ia));
	assert_int_equal(leaf.attrs, r->attrs);
}

/* The ends of every range, and that there is nothing more: the leaves add up to the ranges. */
static void assert_tree_is_model(void)
{
	unsigned int leaves[PTE_LEVELS];
	uint64_t mapped = 0, expected = 0;

	for (unsigned int i = 0; i < nr_ranges; i++) {
		uint64_t first = ranges[i].ia, last = ranges[i].ia + ranges[i].size - PAGE_SIZE;

		assert_translates_as_model(first);
		assert_translates_as_model(last + PAGE_MASK);
		if (first)
			assert_translates_as_model(first - 1);
		assert_translates_as_model(last + PAGE_SIZE);
		assert_translates_as_model(first + random_u64() % ranges[i].size);
		expected += ranges[i].size;
	}
	memcpy(leaves, pt.nr_leaves, sizeof(pt.nr_leaves));
	assert_int_equal(leaves[0], 0);
	for (int level = 1; level < PTE_LEVELS; level++)
		mapped += leaves[level] * pte_level_size(level);
	assert_int_equal(mapped, expected);
	assert_int_equal(pt.nr_tables, pages_used);
}

/* What blocks a range becomes in an empty tree: the largest that fits, from the left. */
static void expected_leaves(uint64_t ia, uint64_t pa, uint64_t size, unsigned int leaves[PTE_LEVELS])
{
	memset(leaves, 0, PTE_LEVELS * sizeof(leaves[0]));
	while (size > 0) {
		int level = MAX(pt.start_level, 1);

		while (!IS_ALIGNED(ia | pa, pte_level_size(level)) || size < pte_level_size(level))
			level++;
		leaves[level]++;
		ia += pte_level_size(level);
		pa += pte_level_size(level);
		size -= pte_level_size(level);
	}
}

/* A checksum of the whole tree as the hardware sees it: two equal ones, nothing has changed. */
static uint64_t hash_table(const pte_t *table, int level)
{
	unsigned int n = level == pt.start_level ? pt.root_pages * PTE_PER_TABLE : PTE_PER_TABLE;
	uint64_t hash = 1;

	for (unsigned int i = 0; i < n; i++) {
		hash = (hash ^ table[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 31;
		if (level < 3 && (table[i] & 3) == 3)
			hash += hash_table(hyp_pa_to_va(pa(table[i] & GENMASK(47, 12))), level + 1);
	}
	return hash;
}

static uint64_t tree_hash(void)
{
	return hash_table(pt.root, pt.start_level);
}

/* ---- a TLB that never forgets by itself ---- */

static struct cached {
	pte_t pte;		/* 0: nothing */
	uint64_t ia;
	int level;
} tlb[NR_PAGES][PTE_PER_TABLE];
static bool tlb_seen[NR_PAGES];		/* the page is or was a table in this operation */

static bool is_table(const struct cached *c)
{
	return c->level < 3 && (c->pte & 3) == 3;
}

static void tlb_fill(unsigned int page, int level, uint64_t ia)
{
	const pte_t *table = table_page(page);

	tlb_seen[page] = true;
	for (unsigned int i = 0; i < PTE_PER_TABLE; i++, ia += pte_level_size(level)) {
		struct cached *c = &tlb[page][i];

		if (!(table[i] & 1))
			continue;
		/* A valid descriptor while the TLB may hold another one for the same place. */
		if (c->pte && c->pte != table[i])
			fail_msg("no break before make: 0x%llx -> 0x%llx at level %d, address 0x%llx",
				 (unsigned long long)c->pte, (unsigned long long)table[i], level,
				 (unsigned long long)ia);
		*c = (struct cached){ table[i], ia, level };
		if (is_table(c))
			tlb_fill((unsigned int)(((table[i] & GENMASK(47, 12)) - BASE) / PAGE_SIZE),
				 level + 1, ia);
	}
}

static void tlb_flush(uint64_t addr, uint64_t size)
{
	for (unsigned int page = 0; page < NR_PAGES; page++) {
		for (unsigned int i = 0; tlb_seen[page] && i < PTE_PER_TABLE; i++) {
			struct cached *c = &tlb[page][i];
			uint64_t end;

			if (!c->pte)
				continue;
			end = c->ia + pte_level_size(c->level);
			/* All of a leaf has to be named; a table goes with any address behind it. */
			if (is_table(c) ? addr < end && c->ia < addr + size :
					  addr <= c->ia && end <= addr + size)
				c->pte = 0;
		}
	}
}

static void tlb_hook(const struct fake_tlb_op *op)
{
	switch (op->kind) {
	case FAKE_PT_SYNC:
		break;
	case FAKE_TLB_EL2:
		assert_false(pt.stage2);
		tlb_flush(op->addr, op->size);
		break;
	case FAKE_TLB_IPA:
		assert_true(pt.stage2);
		assert_int_equal(op->vttbr, pt.vttbr);
		tlb_flush(op->addr, op->size);
		break;
	default:
		fail();
	}
	for (unsigned int i = 0; i < pt.root_pages; i++)
		tlb_fill(i, pt.start_level, i * PTE_PER_TABLE * pte_level_size(pt.start_level));
}

static void tlb_start(void)
{
	memset(tlb, 0, sizeof(tlb));
	memset(tlb_seen, 0, sizeof(tlb_seen));
	fake_tlb_hook = tlb_hook;
}

/* A table that is given back must not be walked any more. */
static void tlb_check_free(unsigned int freed)
{
	for (unsigned int page = 0; fake_tlb_hook && page < NR_PAGES; page++) {
		for (unsigned int i = 0; tlb_seen[page] && i < PTE_PER_TABLE; i++) {
			const struct cached *c = &tlb[page][i];

			if (c->pte && is_table(c))
				assert_int_not_equal(((c->pte & GENMASK(47, 12)) - BASE) / PAGE_SIZE, freed);
		}
	}
}

/* When an operation is over the TLB holds nothing but what the tables say. */
static void tlb_check(void)
{
	for (unsigned int page = 0; page < NR_PAGES; page++) {
		bool used = page < ROOT_PAGES || page_used[page];

		for (unsigned int i = 0; tlb_seen[page] && i < PTE_PER_TABLE; i++) {
			if (tlb[page][i].pte)
				assert_int_equal(tlb[page][i].pte, used ? ((pte_t *)table_page(page))[i] : 0);
		}
		tlb_seen[page] = tlb_seen[page] && used;
	}
}

/* ---- tests ---- */

static void test_stage_2_geometry_is_that_of_the_architecture(void **state)
{
	static const struct {
		unsigned int bits, pages;
		int level;
	} rows[] = {
		{ 32, 4, 2 }, { 33, 8, 2 }, { 34, 16, 2 }, { 35, 1, 1 }, { 36, 1, 1 },
		{ 39, 1, 1 }, { 40, 2, 1 }, { 41, 4, 1 },  { 42, 8, 1 }, { 43, 16, 1 },
		{ 44, 1, 0 }, { 47, 1, 0 }, { 48, 1, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int pages;
		int level;

		pgtable_stage2_geometry(rows[i].bits, &level, &pages);
		assert_int_equal(level, rows[i].level);
		assert_int_equal(pages, rows[i].pages);
	}
}

static void test_a_slot_is_the_descriptor_that_a_map_would_write(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		struct pgtable_leaf leaf;
		uint64_t at = MIB(6);
		pte_t *slot;

		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		assert_null(pgtable_slot(&pt, space(), 2));
		assert_null(pgtable_slot(&pt, at, 3));
		/* Its neighbour's tables are its own. */
		assert_int_equal(pgtable_map(&pt, at + MIB(2), pa(0x876543000), PAGE_SIZE, RWX), 0);
		slot = pgtable_slot(&pt, at, 2);
		assert_non_null(slot);
		assert_null(pgtable_slot(&pt, at, 3));
		assert_int_equal(pgtable_map(&pt, at, pa(MIB(8)), MIB(2), RWX), 0);
		assert_true(pte_is_leaf(*slot, 2));
		assert_int_equal(pte_pa(*slot).pa, MIB(8));
		assert_int_equal(pgtable_unmap(&pt, at, MIB(2)), 0);
		assert_int_equal(*slot, 0);
		assert_ptr_equal(pgtable_slot(&pt, at, 2), slot);
		*slot = pte_make_leaf(pa(MIB(10)), 2, 0);
		assert_int_equal(pgtable_lookup(&pt, at + 5, &leaf), 0);
		assert_int_equal(leaf.pa.pa, MIB(10) + 5);
		*slot = 0;
		assert_int_equal(pgtable_unmap(&pt, at + MIB(2), PAGE_SIZE), 0);
		tree_end();
	}
}

static void test_a_page_translates_and_its_neighbours_do_not(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		uint64_t addrs[4];

		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		addrs[0] = 0;
		addrs[1] = 0x12345000;
		addrs[2] = space() / 2;
		addrs[3] = space() - PAGE_SIZE;
		for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++) {
			struct pgtable_leaf leaf;

			assert_int_equal(pgtable_map(&pt, addrs[i], pa(0x876543000), PAGE_SIZE, RWX), 0);
			assert_int_equal(pgtable_lookup(&pt, addrs[i] + 0x123, &leaf), 0);
			assert_int_equal(leaf.pa.pa, 0x876543123);
			assert_int_equal(leaf.level, 3);
			assert_int_equal(pgtable_lookup(&pt, addrs[i] - 1, &leaf), -ENOENT);
			assert_int_equal(pgtable_lookup(&pt, addrs[i] + PAGE_SIZE, &leaf), -ENOENT);
			assert_int_equal(pgtable_unmap(&pt, addrs[i], PAGE_SIZE), 0);
			assert_int_equal(pgtable_lookup(&pt, addrs[i], &leaf), -ENOENT);
		}
		assert_int_equal(pages_used, 0);
		tree_end();
	}
}

static void test_permissions_become_the_attributes_of_their_stage(void **state)
{
	struct pgtable_leaf leaf;

	/* Stage 1 at EL2: AP[2] (7) read-only, XN (54), AttrIndx (4:2), AF (10), SH (9:8). */
	tree_init(false, 48);
	assert_int_equal(pgtable_map(&pt, 0x1000, pa(0), PAGE_SIZE, MAP_R), 0);
	assert_int_equal(pgtable_map(&pt, 0x2000, pa(0), PAGE_SIZE, MAP_R | MAP_W), 0);
	assert_int_equal(pgtable_map(&pt, 0x3000, pa(0), PAGE_SIZE, MAP_R | MAP_X), 0);
	assert_int_equal(pgtable_map(&pt, 0x4000, pa(0), PAGE_SIZE, MAP_R | MAP_W | MAP_DEVICE), 0);
	for (uint64_t ia = 0x1000; ia < 0x5000; ia += PAGE_SIZE) {
		assert_int_equal(pgtable_lookup(&pt, ia, &leaf), 0);
		assert_int_equal(leaf.attrs & BIT(10), BIT(10));
		assert_int_equal(!!(leaf.attrs & BIT(7)), ia == 0x1000 || ia == 0x3000);
		assert_int_equal(!!(leaf.attrs & BIT(54)), ia != 0x3000);
		assert_int_equal(FIELD_GET(GENMASK(4, 2), leaf.attrs),
				 ia == 0x4000 ? MAIR_IDX_DEVICE : MAIR_IDX_NORMAL);
	}
	tree_end();

	/* Stage 2: S2AP (7:6) write, read; XN (54); MemAttr (5:2). */
	tree_init(true, 40);
	assert_int_equal(pgtable_map(&pt, 0x1000, pa(0), PAGE_SIZE, MAP_R), 0);
	assert_int_equal(pgtable_lookup(&pt, 0x1000, &leaf), 0);
	assert_int_equal(leaf.attrs, BIT(54) | BIT(10) | 3 << 8 | BIT(6) | 0xf << 2);
	assert_int_equal(pgtable_map(&pt, 0x2000, pa(0), PAGE_SIZE, RWX), 0);
	assert_int_equal(pgtable_lookup(&pt, 0x2000, &leaf), 0);
	assert_int_equal(leaf.attrs, BIT(10) | 3 << 8 | BIT(7) | BIT(6) | 0xf << 2);
	assert_int_equal(pgtable_map(&pt, 0x3000, pa(0), PAGE_SIZE, MAP_R | MAP_W | MAP_DEVICE), 0);
	assert_int_equal(pgtable_lookup(&pt, 0x3000, &leaf), 0);
	assert_int_equal(leaf.attrs, BIT(54) | BIT(10) | 3 << 8 | BIT(7) | BIT(6) | 1 << 2);
}

static uint64_t random_size(void)
{
	switch (random_below(4)) {
	case 0:
		return (1 + random_below(20)) * PAGE_SIZE;
	case 1:
		return (1 + random_below(1500)) * PAGE_SIZE;
	case 2:
		return (1 + random_below(8)) * BLOCK_SIZE;
	default:
		return GIB(1 + random_below(3)) + random_below(3) * BLOCK_SIZE;
	}
}

/* Often aligned, often near a boundary of tables. */
static uint64_t random_address(uint64_t size)
{
	static const uint64_t steps[] = { PAGE_SIZE, BLOCK_SIZE, GIB(1), GIB(512) };
	uint64_t step = steps[random_below(ARRAY_SIZE(steps))];
	uint64_t at = random_u64() % space();

	at = ALIGN_DOWN(at, MIN(step, space() / 2));
	if (random_below(3) == 0)
		at -= (random_below(5)) * PAGE_SIZE;
	at &= space() - 1;
	return MIN(at, space() - size);
}

static void test_the_largest_blocks_that_fit_are_used(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		for (unsigned int round = 0; round < 60; round++) {
			uint64_t size = MIN(random_size(), space()), ia = random_address(size);
			uint64_t out = random_below(2) ? ia % GIB(1) + GIB(random_below(1024)) :
							 random_u64() & GENMASK(46, 12);
			unsigned int expected[PTE_LEVELS], leaves[PTE_LEVELS];

			expected_leaves(ia, out, size, expected);
			/* More pages than the test has tables for. */
			if (expected[3] > 20000)
				continue;
			assert_int_equal(pgtable_map(&pt, ia, pa(out), size, RWX), 0);
			memcpy(leaves, pt.nr_leaves, sizeof(pt.nr_leaves));
			assert_memory_equal(leaves, expected, sizeof(leaves));
			assert_int_equal(pgtable_unmap(&pt, ia, size), 0);
			assert_int_equal(pages_used, 0);
		}
		tree_end();
	}
}

static void test_a_map_across_concatenated_root_tables_is_whole(void **state)
{
	struct pgtable_leaf leaf;

	tree_init(true, 40);
	assert_int_equal(pt.root_pages, 2);
	assert_int_equal(pgtable_map(&pt, GIB(510), pa(GIB(1)), GIB(4), RWX), 0);
	assert_int_equal(pages_used, 0);
	for (uint64_t ia = GIB(510); ia < GIB(514); ia += MIB(64)) {
		assert_int_equal(pgtable_lookup(&pt, ia, &leaf), 0);
		assert_int_equal(leaf.pa.pa, ia - GIB(509));
	}
	assert_int_equal(pgtable_lookup(&pt, GIB(514), &leaf), -ENOENT);
	assert_int_equal(pgtable_unmap(&pt, GIB(511), GIB(2)), 0);
	assert_int_equal(pgtable_lookup(&pt, GIB(512), &leaf), -ENOENT);
	assert_int_equal(pgtable_lookup(&pt, GIB(513), &leaf), 0);
}

static void test_requests_that_make_no_sense_change_nothing(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		uint64_t hash;

		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		assert_int_equal(pgtable_map(&pt, MIB(2), pa(0), MIB(4), RWX), 0);
		hash = tree_hash();
		assert_int_equal(pgtable_map(&pt, 0x10, pa(0), PAGE_SIZE, RWX), -EINVAL);
		assert_int_equal(pgtable_map(&pt, 0, pa(0x800), PAGE_SIZE, RWX), -EINVAL);
		assert_int_equal(pgtable_map(&pt, 0, pa(0), PAGE_SIZE + 1, RWX), -EINVAL);
		assert_int_equal(pgtable_map(&pt, space(), pa(0), PAGE_SIZE, RWX), -EINVAL);
		assert_int_equal(pgtable_map(&pt, space() - PAGE_SIZE, pa(0), 2 * PAGE_SIZE, RWX), -EINVAL);
		assert_int_equal(pgtable_map(&pt, UINT64_MAX - PAGE_MASK, pa(0), 2 * PAGE_SIZE, RWX),
				 -EINVAL);
		assert_int_equal(pgtable_map(&pt, PAGE_SIZE, pa(0), UINT64_MAX - PAGE_MASK, RWX), -EINVAL);
		/* A descriptor holds 48 bits of output address; the next ones are attributes. */
		assert_int_equal(pgtable_map(&pt, 0, pa(BIT(48)), PAGE_SIZE, RWX), -EINVAL);
		assert_int_equal(pgtable_map(&pt, 0, pa(BIT(48) - PAGE_SIZE), 2 * PAGE_SIZE, RWX), -EINVAL);
		assert_int_equal(pgtable_map(&pt, 0, pa(UINT64_MAX - PAGE_MASK), 2 * PAGE_SIZE, RWX),
				 -EINVAL);
		assert_int_equal(pgtable_unmap(&pt, 0x10, PAGE_SIZE), -EINVAL);
		assert_int_equal(pgtable_unmap(&pt, 0, 0x10), -EINVAL);
		assert_int_equal(pgtable_unmap(&pt, space() - PAGE_SIZE, 2 * PAGE_SIZE), -EINVAL);
		assert_int_equal(pgtable_unmap(&pt, UINT64_MAX - PAGE_MASK, PAGE_SIZE), -EINVAL);
		assert_int_equal(tree_hash(), hash);
		assert_int_equal(pgtable_map(&pt, 0, pa(BIT(48) - PAGE_SIZE), PAGE_SIZE, RWX), 0);
		tree_end();
	}
}

static void test_no_address_outside_the_space_translates(void **state)
{
	struct pgtable_leaf leaf;

	tree_init(true, 40);
	assert_int_equal(pgtable_map(&pt, 0, pa(0), GIB(1), RWX), 0);
	assert_int_equal(pgtable_lookup(&pt, BIT(40), &leaf), -ENOENT);
	assert_int_equal(pgtable_lookup(&pt, BIT(48), &leaf), -ENOENT);
	assert_int_equal(pgtable_lookup(&pt, BIT(63), &leaf), -ENOENT);
	assert_int_equal(pgtable_lookup(&pt, UINT64_MAX, &leaf), -ENOENT);
}

static void test_nothing_is_mapped_over_something(void **state)
{
	static const struct {
		uint64_t ia, size;
	} there[] = {
		{ GIB(1), PAGE_SIZE }, { GIB(2) - PAGE_SIZE, 2 * PAGE_SIZE }, { GIB(3), BLOCK_SIZE },
		{ GIB(4), GIB(1) }, { GIB(6) + BLOCK_SIZE - PAGE_SIZE, BLOCK_SIZE + 2 * PAGE_SIZE },
	};

	tree_init(true, 40);
	for (unsigned int i = 0; i < ARRAY_SIZE(there); i++)
		assert_int_equal(pgtable_map(&pt, there[i].ia, pa(0), there[i].size, RWX), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(there); i++) {
		uint64_t ia = there[i].ia, end = ia + there[i].size, hash = tree_hash();
		unsigned int pages = pages_used;

		assert_int_equal(pgtable_map(&pt, ia, pa(GIB(9)), PAGE_SIZE, RWX), -EEXIST);
		assert_int_equal(pgtable_map(&pt, end - PAGE_SIZE, pa(GIB(9)), PAGE_SIZE, RWX), -EEXIST);
		assert_int_equal(pgtable_map(&pt, ia - PAGE_SIZE, pa(GIB(9)), 2 * PAGE_SIZE, RWX), -EEXIST);
		assert_int_equal(pgtable_map(&pt, end - PAGE_SIZE, pa(0), 2 * PAGE_SIZE, RWX), -EEXIST);
		assert_int_equal(pgtable_map(&pt, 0, pa(0), GIB(32), RWX), -EEXIST);
		assert_int_equal(pgtable_map(&pt, ALIGN_DOWN(ia, GIB(1)), pa(0), GIB(1), RWX), -EEXIST);
		assert_int_equal(tree_hash(), hash);
		assert_int_equal(pages_used, pages);
	}
}

static void test_a_map_that_runs_out_of_tables_changes_nothing(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		unsigned int n = 0, pages;
		uint64_t hash;
		int err;

		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		/* A neighbour in a table that the range will use too, and blocks right beside it. */
		assert_int_equal(pgtable_map(&pt, GIB(1) - 16 * PAGE_SIZE, pa(0), 4 * PAGE_SIZE, RWX), 0);
		assert_int_equal(pgtable_map(&pt, GIB(1) + 8 * BLOCK_SIZE, pa(0), BLOCK_SIZE, RWX), 0);
		hash = tree_hash();
		pages = pages_used;
		do {
			assert_true(n < 1000);
			allocs_left = n++;
			err = pgtable_map(&pt, GIB(1) - 12 * PAGE_SIZE, pa(PAGE_SIZE),
					  12 * PAGE_SIZE + 8 * BLOCK_SIZE, RWX);
			if (err) {
				assert_int_equal(err, -ENOMEM);
				assert_int_equal(tree_hash(), hash);
				assert_int_equal(pages_used, pages);
				assert_int_equal(pt.nr_tables, pages);
			}
		} while (err);
		/* It took a table for each 2 MiB, as the addresses do not agree. */
		assert_true(n > 8);
		tree_end();
	}
}

static void test_an_unmap_that_cannot_split_changes_no_translation(void **state)
{
	for (unsigned int n = 0; n < 4; n++) {
		struct pgtable_leaf leaf;

		tree_init(true, 40);
		assert_int_equal(pgtable_map(&pt, GIB(1), pa(GIB(8)), GIB(2), RWX), 0);
		allocs_left = n;
		/* Ends in the middle of a 2 MiB part of a 1 GiB block, on both sides. */
		assert_int_equal(pgtable_unmap(&pt, GIB(1) + MIB(3), GIB(1)), -ENOMEM);
		for (uint64_t ia = GIB(1); ia < GIB(3); ia += MIB(1)) {
			assert_int_equal(pgtable_lookup(&pt, ia + 5, &leaf), 0);
			assert_int_equal(leaf.pa.pa, ia + 5 + GIB(7));
			assert_int_equal(leaf.attrs, pte_s2_attrs(RWX));
		}
		allocs_left = UINT32_MAX;
		assert_int_equal(pgtable_unmap(&pt, GIB(1), GIB(2)), 0);
		assert_int_equal(pages_used, 0);
		tree_end();
	}
}

static void test_a_partial_unmap_keeps_the_rest_of_a_block(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		uint64_t hole = GIB(1) + MIB(300) + 7 * PAGE_SIZE, end = hole + 3 * BLOCK_SIZE;
		uint64_t attrs;

		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		attrs = pt.stage2 ? pte_s2_attrs(MAP_R) : pte_s1_attrs(MAP_R);
		nr_ranges = 0;
		assert_int_equal(pgtable_map(&pt, GIB(1), pa(GIB(5)), GIB(1), MAP_R), 0);
		model_add(GIB(1), GIB(5), GIB(1), attrs);
		assert_int_equal(pgtable_unmap(&pt, hole, end - hole), 0);
		model_remove(hole, end - hole);
		for (uint64_t ia = GIB(1) - PAGE_SIZE; ia < GIB(2) + PAGE_SIZE; ia += 3 * PAGE_SIZE)
			assert_translates_as_model(ia);
		assert_tree_is_model();
		assert_int_equal(pgtable_unmap(&pt, 0, space()), 0);
		assert_int_equal(pages_used, 0);
		tree_end();
	}
}

static void test_unmapping_a_hole_is_fine(void **state)
{
	tree_init(true, 40);
	assert_int_equal(pgtable_unmap(&pt, 0, BIT(40)), 0);
	assert_int_equal(pgtable_map(&pt, MIB(4), pa(0), PAGE_SIZE, RWX), 0);
	assert_int_equal(pgtable_unmap(&pt, 0, MIB(4)), 0);
	assert_int_equal(pgtable_unmap(&pt, MIB(4) + PAGE_SIZE, GIB(1)), 0);
	assert_int_equal(pages_used, 2);
	assert_int_equal(pgtable_unmap(&pt, MIB(4), PAGE_SIZE), 0);
	assert_int_equal(pages_used, 0);
}

static void test_clearing_gives_every_table_back(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		struct pgtable_leaf leaf;

		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		assert_int_equal(pgtable_map(&pt, PAGE_SIZE, pa(0), 3 * BLOCK_SIZE, RWX), 0);
		assert_int_equal(pgtable_map(&pt, space() - GIB(1) - PAGE_SIZE, pa(0), GIB(1), RWX), 0);
		assert_true(pages_used > 2);
		fake_tlb_clear();
		pgtable_clear(&pt);
		assert_int_equal(pages_used, 0);
		assert_int_equal(pt.nr_tables, 0);
		assert_int_equal(fake_tlb_ops, 0);
		assert_int_equal(pgtable_lookup(&pt, PAGE_SIZE, &leaf), -ENOENT);
		for (unsigned int i = 0; i < pt.root_pages * PTE_PER_TABLE; i++)
			assert_int_equal(pt.root[i], 0);
		tree_end();
	}
}

static void random_step(void)
{
	static const uint64_t perms[] = { MAP_R, MAP_R | MAP_W, RWX, MAP_R | MAP_W | MAP_DEVICE };
	uint64_t size = MIN(random_size(), space()), ia = random_address(size);
	int err;

	/* Aim at what is there: parts of it, and beside it. */
	if (nr_ranges && random_below(3)) {
		const struct range *r = &ranges[random_below(nr_ranges)];

		ia = r->ia + random_u64() % r->size / PAGE_SIZE * PAGE_SIZE;
		if (random_below(2))
			ia = random_below(2) ? r->ia : r->ia + r->size;
		if (ia >= space())
			ia = 0;
		size = MIN(size, space() - ia);
	}
	if (pages_used < NR_PAGES / 4 && random_below(3)) {
		uint64_t perm = perms[random_below(ARRAY_SIZE(perms))];
		uint64_t out = (random_u64() & GENMASK(45, 30)) + (random_below(3) ? ia % GIB(1) : PAGE_SIZE);

		/* Thousands of tables for one range would only cost time. */
		if (!IS_ALIGNED(ia ^ out, BLOCK_SIZE))
			size = MIN(size, MIB(16));
		if (random_below(8) == 0)
			allocs_left = random_below(4);
		err = pgtable_map(&pt, ia, pa(out), size, perm);
		if (model_overlaps(ia, size))
			assert_int_equal(err, -EEXIST);
		else if (err)
			assert_true(err == -ENOMEM && allocs_left == 0);
		else
			model_add(ia, out, size, pt.stage2 ? pte_s2_attrs(perm) : pte_s1_attrs(perm));
	} else {
		if (random_below(8) == 0)
			allocs_left = random_below(4);
		err = pgtable_unmap(&pt, ia, size);
		if (err)
			assert_true(err == -ENOMEM && allocs_left == 0);
		else
			model_remove(ia, size);
	}
	allocs_left = UINT32_MAX;
}

static void test_any_sequence_of_maps_and_unmaps_agrees_with_the_model(void **state)
{
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		tree_init(geometries[g].stage2, geometries[g].ia_bits);
		nr_ranges = 0;
		for (unsigned int step = 0; step < 500; step++) {
			random_step();
			if (step % 10 == 0)
				assert_tree_is_model();
		}
		assert_int_equal(pgtable_unmap(&pt, 0, space()), 0);
		assert_int_equal(pages_used, 0);
		assert_int_equal(pt.nr_tables, 0);
		tree_end();
	}
}

static void test_the_tlb_never_sees_two_descriptors_and_forgets_what_is_unmapped(void **state)
{
	static const struct geometry some[] = { { false, 48 }, { true, 34 }, { true, 40 } };

	for (unsigned int g = 0; g < ARRAY_SIZE(some); g++) {
		tree_init(some[g].stage2, some[g].ia_bits);
		tlb_start();
		nr_ranges = 0;
		for (unsigned int step = 0; step < 120; step++) {
			random_step();
			tlb_check();
			if (pages_used > 60) {
				assert_int_equal(pgtable_unmap(&pt, 0, space()), 0);
				tlb_check();
				nr_ranges = 0;
			}
		}
		tree_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stage_2_geometry_is_that_of_the_architecture),
		cmocka_unit_test_teardown(test_a_page_translates_and_its_neighbours_do_not, teardown),
		cmocka_unit_test_teardown(test_permissions_become_the_attributes_of_their_stage, teardown),
		cmocka_unit_test_teardown(test_the_largest_blocks_that_fit_are_used, teardown),
		cmocka_unit_test_teardown(test_a_map_across_concatenated_root_tables_is_whole, teardown),
		cmocka_unit_test_teardown(test_requests_that_make_no_sense_change_nothing, teardown),
		cmocka_unit_test_teardown(test_no_address_outside_the_space_translates, teardown),
		cmocka_unit_test_teardown(test_a_slot_is_the_descriptor_that_a_map_would_write, teardown),
		cmocka_unit_test_teardown(test_nothing_is_mapped_over_something, teardown),
		cmocka_unit_test_teardown(test_a_map_that_runs_out_of_tables_changes_nothing, teardown),
		cmocka_unit_test_teardown(test_an_unmap_that_cannot_split_changes_no_translation, teardown),
		cmocka_unit_test_teardown(test_a_partial_unmap_keeps_the_rest_of_a_block, teardown),
		cmocka_unit_test_teardown(test_unmapping_a_hole_is_fine, teardown),
		cmocka_unit_test_teardown(test_clearing_gives_every_table_back, teardown),
		cmocka_unit_test_teardown(test_any_sequence_of_maps_and_unmaps_agrees_with_the_model,
					  teardown),
		cmocka_unit_test_teardown(
			test_the_tlb_never_sees_two_descriptors_and_forgets_what_is_unmapped, teardown),
	};

	random_seed("test_pgtable");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
