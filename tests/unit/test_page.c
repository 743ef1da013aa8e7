// SPDX-License-Identifier: MIT
/* Page records, EL2's pool and carve-outs, against a model that knows one owner a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/mm/page.h"
#include "lib/errno.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define BASE		UINT64_C(0x40000000)
#define POOL_BYTES	KIB(CONFIG_HYP_POOL_KIB)
#define SPAN_PAGES	((POOL_BYTES + MIB(512)) / PAGE_SIZE)

static struct machine m;
static struct mem_region area;
static uint64_t needed;

static int setup(void **state)
{
	fake_reset();
	memset(&m, 0, sizeof(m));
	fake_mem_init(BASE, SPAN_PAGES * PAGE_SIZE);
	return 0;
}

static void add(struct mem_region *list, unsigned int *nr, uint64_t base, uint64_t size)
{
	list[(*nr)++] = (struct mem_region){ pa(base), size };
}

static void add_ram(uint64_t base, uint64_t size)
{
	add(m.ram, &m.nr_ram, base, size);
}

static void add_reserved(uint64_t base, uint64_t size)
{
	add(m.reserved, &m.nr_reserved, base, size);
}

static void boot(const struct mem_region *keep, unsigned int nr_keep)
{
	assert_int_equal(page_plan(&m, keep, nr_keep, &area, &needed), 0);
	fake_mem_map(area.base.pa, area.size);
	page_init(&area);
}

/* One bank that has room for the pool and some carve-outs. */
static void boot_plain(void)
{
	add_ram(BASE, POOL_BYTES + MIB(128));
	boot(NULL, 0);
}

static struct page_stats stats(void)
{
	struct page_stats s;

	page_get_stats(&s);
	return s;
}

static void assert_stats_equal(struct page_stats a, struct page_stats b)
{
	assert_int_equal(a.total, b.total);
	assert_int_equal(a.free, b.free);
	assert_int_equal(a.pool, b.pool);
	assert_int_equal(a.pool_free, b.pool_free);
}

static void assert_pages(uint64_t base, uint64_t size, uint16_t owner, enum page_state state)
{
	for (uint64_t at = base; at < base + size; at += PAGE_SIZE) {
		const struct page *page = page_record(pa(at));

		assert_non_null(page);
		assert_int_equal(page->owner, owner);
		assert_int_equal(page->state, state);
	}
}

/* ---- boot ---- */

static void test_a_machine_without_ram_is_refused(void **state)
{
	assert_int_equal(page_plan(&m, NULL, 0, &area, &needed), -ENODEV);
}

static void test_too_little_ram_says_how_much_is_needed(void **state)
{
	add_ram(BASE, MIB(1));
	assert_int_equal(page_plan(&m, NULL, 0, &area, &needed), -ENOMEM);
	assert_true(needed >= POOL_BYTES);
	assert_true(needed <= POOL_BYTES + MIB(4));

	/* One page less than that does not do; that much does. */
	m.ram[0].size = needed - PAGE_SIZE;
	assert_int_equal(page_plan(&m, NULL, 0, &area, &needed), -ENOMEM);
	m.ram[0].size = needed;
	assert_int_equal(page_plan(&m, NULL, 0, &area, &needed), 0);
}

static void test_ram_that_is_enough_only_in_sum_is_refused(void **state)
{
	for (unsigned int i = 0; i < 8; i++)
		add_ram(BASE + i * POOL_BYTES, ALIGN_DOWN(POOL_BYTES / 2, PAGE_SIZE));
	assert_int_equal(page_plan(&m, NULL, 0, &area, &needed), -ENOMEM);
}

static void test_the_area_is_at_the_end_of_the_highest_range_with_room(void **state)
{
	uint64_t small = BASE + POOL_BYTES + MIB(64);

	add_ram(BASE, POOL_BYTES + MIB(32));
	add_ram(small, MIB(1));
	boot(NULL, 0);
	assert_int_equal(area.base.pa + area.size, ALIGN_DOWN(BASE + POOL_BYTES + MIB(32), BLOCK_SIZE));
	assert_true(IS_ALIGNED(area.base.pa, BLOCK_SIZE));
	assert_pages(area.base.pa, area.size, OWNER_HYP, PAGE_OWNED);
	assert_pages(BASE, area.base.pa - BASE, OWNER_NONE, PAGE_DIRTY);
	assert_pages(small, MIB(1), OWNER_NONE, PAGE_DIRTY);
}

static void test_ram_at_physical_address_zero_can_hold_the_area(void **state)
{
	fake_mem_init(0, ALIGN_UP(POOL_BYTES, BLOCK_SIZE) + BLOCK_SIZE);
	add_ram(0, PAGE_SIZE);
	assert_int_equal(page_plan(&m, NULL, 0, &area, &needed), -ENOMEM);
	m.ram[0].size = needed;
	assert_int_equal(page_plan(&m, NULL, 0, &area, &needed), 0);
	assert_int_equal(area.base.pa, 0);
}

static void test_only_ram_has_records(void **state)
{
	add_ram(BASE, POOL_BYTES + MIB(32));
	add_ram(BASE + POOL_BYTES + MIB(64), MIB(8));
	boot(NULL, 0);
	assert_null(page_record(pa(0)));
	assert_null(page_record(pa(BASE - 1)));
	assert_non_null(page_record(pa(BASE)));
	assert_non_null(page_record(pa(BASE + POOL_BYTES + MIB(32) - 1)));
	assert_null(page_record(pa(BASE + POOL_BYTES + MIB(32))));
	assert_null(page_record(pa(BASE + POOL_BYTES + MIB(64) - 1)));
	assert_non_null(page_record(pa(BASE + POOL_BYTES + MIB(72) - 1)));
	assert_null(page_record(pa(BASE + POOL_BYTES + MIB(72))));
	assert_null(page_record(pa(UINT64_MAX)));
}

static void test_the_pool_has_the_configured_size(void **state)
{
	boot_plain();
	assert_true(stats().pool >= POOL_BYTES / PAGE_SIZE);
	assert_int_equal(stats().pool_free, stats().pool);
	assert_int_equal(stats().total, m.ram[0].size / PAGE_SIZE);
	assert_int_equal(stats().free, (m.ram[0].size - area.size) / PAGE_SIZE);
}

static void test_a_kept_range_is_free_after_its_release(void **state)
{
	struct mem_region keep = { pa(BASE + MIB(4) + 100), MIB(2) };
	uint64_t first = BASE + MIB(4);

	add_ram(BASE, POOL_BYTES + MIB(64));
	boot(&keep, 1);
	/* The pages at its ends are kept, too, though it covers them in part. */
	assert_pages(first, MIB(2) + PAGE_SIZE, OWNER_HYP, PAGE_RESERVED);
	assert_int_equal(stats().free, (m.ram[0].size - area.size - MIB(2)) / PAGE_SIZE - 1);
	page_release(keep.base, keep.size);
	assert_pages(first, PAGE_SIZE, OWNER_HYP, PAGE_RESERVED);
	assert_pages(first + PAGE_SIZE, MIB(2) - PAGE_SIZE, OWNER_NONE, PAGE_DIRTY);
	assert_pages(first + MIB(2), PAGE_SIZE, OWNER_HYP, PAGE_RESERVED);
	assert_int_equal(stats().free, (m.ram[0].size - area.size) / PAGE_SIZE - 2);
	/* Less than a page inside: nothing to be had. */
	page_release(pa(first + 10), 20);
	assert_int_equal(stats().free, (m.ram[0].size - area.size) / PAGE_SIZE - 2);
}

/* What the page at BASE + i * PAGE_SIZE is expected to be. */
static enum model_kind { NO_RAM, TAKEN, FREE } model[SPAN_PAGES];

static void model_set(uint64_t base, uint64_t size, enum model_kind kind)
{
	uint64_t first = (base - BASE) / PAGE_SIZE;
	uint64_t end = DIV_ROUND_UP(base + size - BASE, PAGE_SIZE);

	for (uint64_t i = first; i < end && i < SPAN_PAGES; i++) {
		if (kind == FREE || model[i] == FREE)
			model[i] = kind;
	}
}

static void random_layout(struct mem_region *keep, unsigned int *nr_keep)
{
	uint64_t at = BASE;

	memset(&m, 0, sizeof(m));
	memset(model, 0, sizeof(model));
	*nr_keep = 0;
	while (m.nr_ram < MACHINE_MAX_RAM && at < BASE + SPAN_PAGES * PAGE_SIZE) {
		uint64_t size = (1 + random_below(random_below(4) ? 4000 : SPAN_PAGES)) * PAGE_SIZE;

		size = MIN(size, BASE + SPAN_PAGES * PAGE_SIZE - at);
		add_ram(at, size);
		model_set(at, size, FREE);
		/* Banks may adjoin. */
		at += size + (random_below(2) ? random_below(3000) * PAGE_SIZE : 0);
	}
	for (unsigned int n = random_below(MACHINE_MAX_RESERVED + 1); n > 0; n--) {
		uint64_t base = BASE + random_below(SPAN_PAGES * PAGE_SIZE - 1);
		uint64_t size = random_below(random_below(4) ? 5000 : MIB(20));

		add_reserved(base, size);
		if (size)
			model_set(base, size, TAKEN);
	}
	for (unsigned int n = random_below(4); n > 0; n--) {
		uint64_t base = BASE + random_below(SPAN_PAGES * PAGE_SIZE - 1);
		uint64_t size = 1 + random_below(MIB(8));

		add(keep, nr_keep, base, size);
		model_set(base, size, TAKEN);
	}
}

static void test_records_agree_with_any_layout_of_ram_and_holes(void **state)
{
	unsigned int booted = 0;

	for (unsigned int round = 0; round < 60; round++) {
		struct mem_region keep[4];
		uint64_t total = 0, free = 0;
		unsigned int nr_keep;

		random_layout(keep, &nr_keep);
		if (page_plan(&m, keep, nr_keep, &area, &needed))
			continue;
		booted++;
		for (uint64_t i = 0; i < area.size / PAGE_SIZE; i++)
			assert_int_equal(model[(area.base.pa - BASE) / PAGE_SIZE + i], FREE);
		model_set(area.base.pa, area.size, TAKEN);
		fake_mem_map(BASE, SPAN_PAGES * PAGE_SIZE);
		page_init(&area);
		for (uint64_t i = 0; i < SPAN_PAGES; i++) {
			const struct page *page = page_record(pa(BASE + i * PAGE_SIZE));

			if (model[i] == NO_RAM) {
				assert_null(page);
				continue;
			}
			assert_non_null(page);
			assert_int_equal(page->state <= PAGE_FREE, model[i] == FREE);
			assert_int_equal(page->owner == OWNER_NONE, model[i] == FREE);
			total++;
			free += model[i] == FREE;
		}
		assert_int_equal(stats().total, total);
		assert_int_equal(stats().free, free);
	}
	assert_true(booted > 10);
}

/* ---- the pool ---- */

static void test_pool_pages_come_zeroed_aligned_and_once(void **state)
{
	static unsigned char *runs[9];

	boot_plain();
	for (unsigned int n = 1; n < ARRAY_SIZE(runs); n++) {
		uint64_t align = PAGE_SIZE;

		while (align < n * PAGE_SIZE)
			align <<= 1;
		runs[n] = hyp_alloc_pages(n);
		assert_non_null(runs[n]);
		assert_true(IS_ALIGNED(hyp_va_to_pa(runs[n]).pa, align));
		for (uint64_t i = 0; i < n * PAGE_SIZE; i++)
			assert_int_equal(runs[n][i], 0);
		memset(runs[n], (int)n, n * PAGE_SIZE);
	}
	for (unsigned int n = 1; n < ARRAY_SIZE(runs); n++) {
		for (uint64_t i = 0; i < n * PAGE_SIZE; i++)
			assert_int_equal(runs[n][i], n);
		hyp_free_pages(runs[n], n);
	}
	assert_int_equal(stats().pool_free, stats().pool);
}

static void test_used_pool_pages_come_back_zeroed(void **state)
{
	unsigned char *page;

	boot_plain();
	page = hyp_alloc_pages(1);
	memset(page, 0xff, PAGE_SIZE);
	hyp_free_pages(page, 1);
	page = hyp_alloc_pages(1);
	for (uint64_t i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(page[i], 0);
}

static void test_an_exhausted_pool_gives_nothing_until_something_returns(void **state)
{
	struct page_stats before;
	void *last = NULL, *page;

	boot_plain();
	before = stats();
	for (uint64_t i = 0; i < before.pool; i++) {
		last = hyp_alloc_pages(1);
		assert_non_null(last);
	}
	assert_int_equal(stats().pool_free, 0);
	assert_null(hyp_alloc_pages(1));
	hyp_free_pages(last, 1);
	assert_null(hyp_alloc_pages(2));
	page = hyp_alloc_pages(1);
	assert_ptr_equal(page, last);
	assert_int_equal(stats().free, before.free);
}

static void test_a_run_is_found_below_the_place_of_the_last_one(void **state)
{
	void *first, *pair;

	boot_plain();
	first = hyp_alloc_pages(1);
	while (hyp_alloc_pages(1))
		;
	hyp_free_pages(first, 1);
	hyp_free_pages((char *)first + PAGE_SIZE, 1);
	pair = hyp_alloc_pages(2);
	/* Where the pool starts decides whether the two are an aligned pair. */
	assert_ptr_equal(pair, IS_ALIGNED(hyp_va_to_pa(first).pa, 2 * PAGE_SIZE) ? first : NULL);
}

static void test_freeing_nothing_is_harmless(void **state)
{
	struct page_stats before;

	boot_plain();
	before = stats();
	hyp_free_pages(NULL, 3);
	assert_stats_equal(stats(), before);
}

static void free_one(void *page)
{
	hyp_free_pages(page, 1);
}

static void test_freeing_a_pool_page_twice_is_caught(void **state)
{
	void *page;

	if (!IS_ENABLED(CONFIG_DEBUG_ASSERT))
		skip();
	boot_plain();
	page = hyp_alloc_pages(1);
	hyp_free_pages(page, 1);
	assert_true(fake_panics(free_one, page));
}

static void test_freeing_what_is_no_pool_page_is_caught(void **state)
{
	if (!IS_ENABLED(CONFIG_DEBUG_ASSERT))
		skip();
	boot_plain();
	assert_true(fake_panics(free_one, hyp_pa_to_va(pa(BASE))));
	assert_true(fake_panics(free_one, hyp_pa_to_va(area.base)));
}

/* ---- carve-outs ---- */

static void test_a_large_carveout_is_aligned_to_2_mib_and_a_small_one_to_4_kib(void **state)
{
	struct carveout small, large;

	boot_plain();
	assert_int_equal(carveout_alloc(PAGE_SIZE, 0, OWNER_VM(0), &small), 0);
	assert_int_equal(small.base.pa, BASE);
	assert_int_equal(carveout_alloc(MIB(2), 0, OWNER_VM(1), &large), 0);
	assert_true(IS_ALIGNED(large.base.pa, BLOCK_SIZE));
	assert_int_equal(large.base.pa, BASE + MIB(2));
	assert_pages(large.base.pa, large.size, OWNER_VM(1), PAGE_OWNED);
	assert_pages(small.base.pa, small.size, OWNER_VM(0), PAGE_OWNED);
}

static void test_guards_beside_a_carveout_are_nobodys(void **state)
{
	struct page_stats before;
	struct carveout c[64];
	unsigned int n = 0;

	boot_plain();
	before = stats();
	while (n < ARRAY_SIZE(c) && !carveout_alloc(MIB(2), KIB(64), OWNER_VM(n), &c[n]))
		n++;
	assert_true(n > 2);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(c[i].guard, KIB(64));
		assert_pages(c[i].base.pa, c[i].size, OWNER_VM(i), PAGE_OWNED);
		assert_pages(c[i].base.pa - KIB(64), KIB(64), OWNER_HYP, PAGE_GUARD);
		assert_pages(c[i].base.pa + c[i].size, KIB(64), OWNER_HYP, PAGE_GUARD);
	}
	assert_int_equal(stats().free, before.free - n * (MIB(2) + KIB(128)) / PAGE_SIZE);
	for (unsigned int i = 0; i < n; i++)
		carveout_free(&c[i]);
	assert_stats_equal(stats(), before);
	assert_pages(BASE, area.base.pa - BASE, OWNER_NONE, PAGE_DIRTY);
}

static void test_a_carveout_that_does_not_fit_changes_nothing(void **state)
{
	struct carveout c = { pa(1), 2, 3 };
	struct page_stats before;

	boot_plain();
	before = stats();
	assert_int_equal(carveout_alloc(area.base.pa - BASE + PAGE_SIZE, 0, OWNER_VM(0), &c), -ENOMEM);
	/* It would fit, its guards do not. */
	assert_int_equal(carveout_alloc(area.base.pa - BASE, PAGE_SIZE, OWNER_VM(0), &c), -ENOMEM);
	assert_int_equal(carveout_alloc(0, PAGE_SIZE, OWNER_VM(0), &c), -ENOMEM);
	/* Sums that do not fit 64 bits. */
	assert_int_equal(carveout_alloc(UINT64_MAX - PAGE_MASK, 0, OWNER_VM(0), &c), -ENOMEM);
	assert_int_equal(carveout_alloc(PAGE_SIZE, UINT64_MAX / 2 - PAGE_MASK, OWNER_VM(0), &c), -ENOMEM);
	assert_int_equal(c.base.pa, 1);
	assert_stats_equal(stats(), before);
	assert_pages(BASE, area.base.pa - BASE, OWNER_NONE, PAGE_DIRTY);
}

static void test_freed_neighbours_merge_in_any_order(void **state)
{
	static const unsigned int orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct carveout whole;
	uint64_t size;

	boot_plain();
	size = area.base.pa - BASE;
	for (unsigned int o = 0; o < ARRAY_SIZE(orders); o++) {
		struct carveout c[3];

		assert_int_equal(carveout_alloc(MIB(4), PAGE_SIZE, OWNER_VM(0), &c[0]), 0);
		assert_int_equal(carveout_alloc(MIB(2), KIB(64), OWNER_VM(1), &c[1]), 0);
		assert_int_equal(carveout_alloc(KIB(12), 0, OWNER_VM(2), &c[2]), 0);
		for (unsigned int i = 0; i < 3; i++)
			carveout_free(&c[orders[o][i]]);
		assert_int_equal(carveout_alloc(size, 0, OWNER_VM(3), &whole), 0);
		carveout_free(&whole);
	}
}

static void test_a_carveout_never_spans_a_hole_but_may_span_adjoining_banks(void **state)
{
	struct carveout c;

	add_ram(BASE, MIB(8));
	add_ram(BASE + MIB(8), MIB(8));
	add_ram(BASE + MIB(18), MIB(8));
	add_ram(BASE + MIB(32), POOL_BYTES + MIB(8));
	boot(NULL, 0);
	assert_int_equal(carveout_alloc(MIB(12), 0, OWNER_VM(0), &c), 0);
	assert_int_equal(c.base.pa, BASE);
	assert_pages(BASE, MIB(12), OWNER_VM(0), PAGE_OWNED);
	assert_int_equal(carveout_alloc(MIB(10), 0, OWNER_VM(0), &c), -ENOMEM);
	assert_int_equal(carveout_alloc(MIB(8), 0, OWNER_VM(1), &c), 0);
	assert_int_equal(c.base.pa, BASE + MIB(18));
}

/* Whatever is dirty or guarded: the lowest bank that has room. */
static void test_a_carveout_too_large_for_one_bank_is_in_the_next(void **state)
{
	struct carveout large, small, none;

	add_ram(BASE, MIB(16));
	add_ram(BASE + MIB(32), MIB(24));
	add_ram(BASE + MIB(64), POOL_BYTES + MIB(128));
	boot(NULL, 0);
	assert_int_equal(carveout_alloc(MIB(100), KIB(64), OWNER_VM(0), &large), 0);
	assert_true(large.base.pa >= BASE + MIB(64));
	assert_int_equal(carveout_alloc(MIB(20), KIB(64), OWNER_VM(1), &small), 0);
	assert_true(small.base.pa >= BASE + MIB(32) && small.base.pa < BASE + MIB(56));
	assert_int_equal(carveout_alloc(MIB(100), KIB(64), OWNER_VM(2), &none), -ENOMEM);
	assert_int_equal(carveout_alloc(MIB(12), KIB(64), OWNER_VM(2), &none), 0);
	assert_true(none.base.pa < BASE + MIB(16));
}

/* ---- everything at random ---- */

#define MODEL_SLOTS	200

struct slot {
	bool is_pool;
	void *va;
	unsigned int n;
	struct carveout c;
};

static uint16_t owner[SPAN_PAGES];	/* slot + 1, 0: free */

static void take(uint64_t base, uint64_t pages, uint16_t who)
{
	uint64_t first = (base - BASE) / PAGE_SIZE;

	for (uint64_t i = first; i < first + pages; i++) {
		assert_true(i < SPAN_PAGES);
		/* Given: it was free. Given back: it was his. */
		assert_int_equal(owner[i] == 0, who != 0);
		owner[i] = who;
	}
}

static bool slot_alloc(struct slot *s, uint16_t who)
{
	s->is_pool = random_below(2);
	if (s->is_pool) {
		s->n = 1 + random_below(random_below(4) ? 3 : 40);
		s->va = hyp_alloc_pages(s->n);
		if (s->va)
			take(hyp_va_to_pa(s->va).pa, s->n, who);
		return s->va != NULL;
	}
	if (carveout_alloc((1 + random_below(random_below(8) ? 40 : 3000)) * PAGE_SIZE,
			   random_below(3) * PAGE_SIZE, who, &s->c))
		return false;
	take(s->c.base.pa - s->c.guard, (s->c.size + 2 * s->c.guard) / PAGE_SIZE, who);
	return true;
}

static void slot_free(struct slot *s)
{
	if (s->is_pool) {
		take(hyp_va_to_pa(s->va).pa, s->n, 0);
		hyp_free_pages(s->va, s->n);
	} else {
		take(s->c.base.pa - s->c.guard, (s->c.size + 2 * s->c.guard) / PAGE_SIZE, 0);
		carveout_free(&s->c);
	}
}

static void compare_all(const struct page_stats *start)
{
	uint64_t pool_used = 0, ram_used = 0;
	struct page_stats now = stats();

	for (uint64_t i = 0; i < m.ram[0].size / PAGE_SIZE; i++) {
		uint64_t at = BASE + i * PAGE_SIZE;
		bool in_area = at - area.base.pa < area.size;

		pool_used += in_area && owner[i];
		ram_used += !in_area && owner[i];
		if (!in_area)
			assert_int_equal(page_record(pa(at))->state <= PAGE_FREE, !owner[i]);
	}
	assert_int_equal(now.pool_free, start->pool_free - pool_used);
	assert_int_equal(now.free, start->free - ram_used);
}

static void test_no_page_is_ever_given_twice(void **state)
{
	static struct slot slots[MODEL_SLOTS];
	static bool used[MODEL_SLOTS];
	struct page_stats start;

	memset(owner, 0, sizeof(owner));
	memset(used, 0, sizeof(used));
	boot_plain();
	start = stats();
	for (unsigned int step = 0; step < 100000; step++) {
		unsigned int i = random_below(MODEL_SLOTS);

		if (used[i])
			slot_free(&slots[i]);
		used[i] = !used[i] && slot_alloc(&slots[i], (uint16_t)(i + 1));
		if (step % 2000 == 0)
			compare_all(&start);
	}
	for (unsigned int i = 0; i < MODEL_SLOTS; i++) {
		if (used[i])
			slot_free(&slots[i]);
	}
	assert_stats_equal(stats(), start);
	compare_all(&start);
}

/* ---- at a given place ---- */

static void test_a_carveout_at_a_given_place_is_exactly_there(void **state)
{
	struct page_stats before;
	struct carveout c[3];

	boot_plain();
	before = stats();
	assert_int_equal(carveout_take(pa(BASE + MIB(8)), MIB(4), OWNER_VM(1), &c[0]), 0);
	assert_int_equal(c[0].base.pa, BASE + MIB(8));
	assert_int_equal(c[0].guard, 0);
	assert_pages(BASE + MIB(8), MIB(4), OWNER_VM(1), PAGE_OWNED);
	assert_pages(BASE, MIB(8), OWNER_NONE, PAGE_DIRTY);
	/* Right beside it, and up to the first byte of RAM. */
	assert_int_equal(carveout_take(pa(BASE + MIB(12)), PAGE_SIZE, OWNER_VM(2), &c[1]), 0);
	assert_int_equal(carveout_take(pa(BASE), MIB(8), OWNER_VM(3), &c[2]), 0);
	assert_null(page_check());
	for (unsigned int i = 0; i < 3; i++)
		carveout_free(&c[i]);
	assert_stats_equal(stats(), before);
	assert_null(page_check());
}

static void test_what_is_not_all_free_cannot_be_taken(void **state)
{
	static const struct { uint64_t base, size; } rows[] = {
		{ BASE + MIB(8), PAGE_SIZE },			/* taken */
		{ BASE + MIB(7), MIB(2) },			/* its end is */
		{ BASE + MIB(9) - PAGE_SIZE, MIB(2) },		/* its beginning is */
		{ BASE + MIB(4), MIB(16) },			/* its middle is */
		{ BASE - MIB(1), MIB(2) },			/* begins before RAM */
		{ BASE, UINT64_C(1) << 47 },			/* no machine has that */
		{ BASE + MIB(2), UINT64_MAX & ~PAGE_MASK },	/* wraps */
		{ UINT64_MAX & ~PAGE_MASK, PAGE_SIZE },
		{ BASE + MIB(2), 0 },
	};
	struct page_stats before;
	struct carveout c, other;

	boot_plain();
	assert_int_equal(carveout_take(pa(BASE + MIB(8)), MIB(1), OWNER_VM(1), &c), 0);
	before = stats();
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(carveout_take(pa(rows[i].base), rows[i].size, OWNER_VM(2), &other), -ENOMEM);
	/* Nor what EL2 has. */
	assert_int_equal(carveout_take(area.base, PAGE_SIZE, OWNER_VM(2), &other), -ENOMEM);
	assert_stats_equal(stats(), before);
	assert_null(page_check());
}

/* Every second page, as if VMs came and went in the worst of orders. */
static void test_memory_that_is_cut_up_is_refused_not_lost(void **state)
{
	static struct carveout c[2 * PAGE_MAX_CARVEOUTS];
	struct page_stats before;
	unsigned int n;

	boot_plain();
	before = stats();
	for (n = 0; n < ARRAY_SIZE(c); n++) {
		if (carveout_take(pa(BASE + n * 2 * PAGE_SIZE), PAGE_SIZE, OWNER_VM(1), &c[n]))
			break;
		assert_null(page_check());
	}
	assert_true(n >= PAGE_MAX_CARVEOUTS);
	assert_true(n < ARRAY_SIZE(c));
	for (unsigned int i = 0; i < n; i += 2)
		carveout_free(&c[i]);
	assert_null(page_check());
	for (unsigned int i = 1; i < n; i += 2)
		carveout_free(&c[i]);
	assert_stats_equal(stats(), before);
	assert_null(page_check());
}

static void unref_once_more(void *at)
{
	page_unref(*(pa_t *)at, PAGE_SIZE);
}

static void test_shared_pages_count_who_sees_them(void **state)
{
	struct carveout c;
	pa_t last;

	boot_plain();
	assert_int_equal(carveout_alloc(MIB(2), PAGE_SIZE, OWNER_HYP, &c), 0);
	page_set_shared(c.base, c.size);
	assert_pages(c.base.pa, c.size, OWNER_HYP, PAGE_SHARED);
	page_ref(c.base, c.size);
	page_ref(c.base, c.size);
	last = pa_add(c.base, c.size - PAGE_SIZE);
	assert_int_equal(page_record(c.base)->refs, 2);
	assert_int_equal(page_record(last)->refs, 2);
	/* Its guards are no part of it. */
	assert_int_equal(page_record(pa_add(c.base, c.size))->refs, 0);
	page_unref(c.base, c.size);
	page_unref(c.base, c.size);
	assert_int_equal(page_record(last)->refs, 0);
	if (IS_ENABLED(CONFIG_DEBUG_ASSERT))
		assert_true(fake_panics(unref_once_more, &last));
	carveout_free(&c);
	assert_null(page_check());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_machine_without_ram_is_refused, setup),
		cmocka_unit_test_setup(test_too_little_ram_says_how_much_is_needed, setup),
		cmocka_unit_test_setup(test_ram_that_is_enough_only_in_sum_is_refused, setup),
		cmocka_unit_test_setup(test_the_area_is_at_the_end_of_the_highest_range_with_room, setup),
		cmocka_unit_test_setup(test_ram_at_physical_address_zero_can_hold_the_area, setup),
		cmocka_unit_test_setup(test_only_ram_has_records, setup),
		cmocka_unit_test_setup(test_the_pool_has_the_configured_size, setup),
		cmocka_unit_test_setup(test_a_kept_range_is_free_after_its_release, setup),
		cmocka_unit_test_setup(test_records_agree_with_any_layout_of_ram_and_holes, setup),
		cmocka_unit_test_setup(test_pool_pages_come_zeroed_aligned_and_once, setup),
		cmocka_unit_test_setup(test_used_pool_pages_come_back_zeroed, setup),
		cmocka_unit_test_setup(test_an_exhausted_pool_gives_nothing_until_something_returns, setup),
		cmocka_unit_test_setup(test_a_run_is_found_below_the_place_of_the_last_one, setup),
		cmocka_unit_test_setup(test_freeing_nothing_is_harmless, setup),
		cmocka_unit_test_setup(test_freeing_a_pool_page_twice_is_caught, setup),
		cmocka_unit_test_setup(test_freeing_what_is_no_pool_page_is_caught, setup),
		cmocka_unit_test_setup(test_a_large_carveout_is_aligned_to_2_mib_and_a_small_one_to_4_kib,
				       setup),
		cmocka_unit_test_setup(test_guards_beside_a_carveout_are_nobodys, setup),
		cmocka_unit_test_setup(test_a_carveout_that_does_not_fit_changes_nothing, setup),
		cmocka_unit_test_setup(test_freed_neighbours_merge_in_any_order, setup),
		cmocka_unit_test_setup(test_a_carveout_never_spans_a_hole_but_may_span_adjoining_banks,
				       setup),
		cmocka_unit_test_setup(test_a_carveout_too_large_for_one_bank_is_in_the_next, setup),
		cmocka_unit_test_setup(test_no_page_is_ever_given_twice, setup),
		cmocka_unit_test_setup(test_a_carveout_at_a_given_place_is_exactly_there, setup),
		cmocka_unit_test_setup(test_what_is_not_all_free_cannot_be_taken, setup),
		cmocka_unit_test_setup(test_memory_that_is_cut_up_is_refused_not_lost, setup),
		cmocka_unit_test_setup(test_shared_pages_count_who_sees_them, setup),
	};

	random_seed("test_page");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
