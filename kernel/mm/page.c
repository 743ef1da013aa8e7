// SPDX-License-Identifier: MIT
/*
 * Page records, the pool of EL2's own pages, and carve-outs; see page.h.
 *
 * Free RAM is a sorted array of disjoint extents. A carve-out cuts a piece (with its guards) out of
 * one; freeing puts it back and merges. Records of pages in an extent are all PAGE_FREE: that is the
 * invariant, and page_get_stats() counts from the extents.
 *
 * Lock: mem_lock guards everything static here.
 */
#include "kernel/mm/page.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "kernel/lock.h"
#include "kernel/panic.h"
#include "lib/bitmap.h"
#include "lib/errno.h"
#include "lib/string.h"

/* Room for those of a bare machine, for a cut by each carve-out, and for its return where nothing merges. */
#define MAX_EXTENTS	(96 + 2 * PAGE_MAX_CARVEOUTS)

struct bank {
	uint64_t first_pfn;
	uint64_t nr;
	struct page *pages;
};

static struct spinlock mem_lock = SPINLOCK_INIT(RANK_MEM);
static struct mem_region extents[MAX_EXTENTS];
static unsigned int nr_extents;
static unsigned int nr_carveouts;
static struct bank banks[MACHINE_MAX_RAM];
static unsigned int nr_banks;
static uint64_t total_pages;

static struct {
	uint64_t base;			/* physical */
	uint64_t nr;			/* pages */
	uint64_t nr_free;
	uint64_t hint;
	uint64_t *used;			/* bitmap */
} pool;

static bool extent_insert(unsigned int at, uint64_t base, uint64_t size)
{
	if (nr_extents == MAX_EXTENTS)
		return false;
	memmove(&extents[at + 1], &extents[at], (nr_extents - at) * sizeof(extents[0]));
	extents[at] = (struct mem_region){ pa(base), size };
	nr_extents++;
	return true;
}

static void extent_delete(unsigned int at)
{
	nr_extents--;
	memmove(&extents[at], &extents[at + 1], (nr_extents - at) * sizeof(extents[0]));
}

/* Remove [base, base + size) from the free memory, wherever it overlaps. */
static void extent_cut(uint64_t base, uint64_t size)
{
	uint64_t end = base + size;

	for (unsigned int i = 0; i < nr_extents;) {
		uint64_t ebase = extents[i].base.pa, eend = ebase + extents[i].size;

		if (end <= ebase || base >= eend) {
			i++;
			continue;
		}
		extent_delete(i);
		/* Were the array full, the tail would be lost to use, but never handed out twice. */
		if (end < eend)
			extent_insert(i, end, eend - end);
		if (base > ebase)
			extent_insert(i, ebase, base - ebase);
		if (base > ebase)
			i++;
		if (end < eend)
			i++;
	}
}

static void extent_add(uint64_t base, uint64_t size)
{
	unsigned int i = 0;

	while (i < nr_extents && extents[i].base.pa < base)
		i++;
	if (i > 0 && extents[i - 1].base.pa + extents[i - 1].size == base) {
		i--;
		extents[i].size += size;
	} else if (!extent_insert(i, base, size)) {
		return;
	}
	if (i + 1 < nr_extents && extents[i].base.pa + extents[i].size == extents[i + 1].base.pa) {
		extents[i].size += extents[i + 1].size;
		extent_delete(i + 1);
	}
}

/* Pages that touch a kept range are not free, even where it covers them partly. */
static void extent_cut_region(const struct mem_region *r)
{
	uint64_t base = ALIGN_DOWN(r->base.pa, PAGE_SIZE);

	if (r->size)
		extent_cut(base, ALIGN_UP(r->base.pa + r->size, PAGE_SIZE) - base);
}

static uint64_t area_records(void)
{
	return ALIGN_UP(total_pages * sizeof(struct page), PAGE_SIZE);
}

static uint64_t area_bitmap(void)
{
	return ALIGN_UP(DIV_ROUND_UP(KIB(CONFIG_HYP_POOL_KIB) / PAGE_SIZE, 64) * 8, PAGE_SIZE);
}

int page_plan(const struct machine *m, const struct mem_region *keep, unsigned int nr_keep,
	      struct mem_region *area, uint64_t *needed)
{
	uint64_t best = UINT64_MAX;

	nr_extents = 0;
	nr_carveouts = 0;
	nr_banks = 0;
	total_pages = 0;
	for (unsigned int i = 0; i < m->nr_ram; i++) {
		banks[nr_banks++] = (struct bank){ pa_pfn(m->ram[i].base), m->ram[i].size / PAGE_SIZE,
						   NULL };
		total_pages += m->ram[i].size / PAGE_SIZE;
		extent_add(m->ram[i].base.pa, m->ram[i].size);
	}
	if (!total_pages)
		return -ENODEV;
	for (unsigned int i = 0; i < m->nr_reserved; i++)
		extent_cut_region(&m->reserved[i]);
	for (unsigned int i = 0; i < nr_keep; i++)
		extent_cut_region(&keep[i]);

	/* One contiguous area at the end of the highest range that has room, in whole 2 MiB blocks. */
	*needed = ALIGN_UP(area_records() + area_bitmap() + KIB(CONFIG_HYP_POOL_KIB), BLOCK_SIZE);
	for (unsigned int i = 0; i < nr_extents; i++) {
		uint64_t end = ALIGN_DOWN(extents[i].base.pa + extents[i].size, BLOCK_SIZE);

		if (end >= *needed && end - *needed >= extents[i].base.pa)
			best = end - *needed;
	}
	if (best == UINT64_MAX)
		return -ENOMEM;
	*area = (struct mem_region){ pa(best), *needed };
	return 0;
}

struct page *page_record(pa_t addr)
{
	for (unsigned int i = 0; i < nr_banks; i++) {
		uint64_t n = pa_pfn(addr) - banks[i].first_pfn;

		if (n < banks[i].nr)
			return &banks[i].pages[n];
	}
	return NULL;
}

/* The records of the pages from base on, at most *n: as many as lie side by side. NULL: base has none. */
static struct page *records(uint64_t base, uint64_t *n)
{
	for (unsigned int i = 0; i < nr_banks; i++) {
		uint64_t at = pa_pfn(pa(base)) - banks[i].first_pfn;

		if (at < banks[i].nr) {
			*n = MIN(*n, banks[i].nr - at);
			return &banks[i].pages[at];
		}
	}
	return NULL;
}

static void mark(uint64_t base, uint64_t size, uint16_t owner, enum page_state state)
{
	struct page rec = { .owner = owner, .state = (uint8_t)state };

	/* Banks that touch are one extent. */
	while (size > 0) {
		uint64_t n = size / PAGE_SIZE;
		struct page *page = records(base, &n);

		for (uint64_t i = 0; i < n; i++)
			page[i] = rec;
		base += n * PAGE_SIZE;
		size -= n * PAGE_SIZE;
	}
}

void page_init(const struct mem_region *area)
{
	uint64_t at = area->base.pa;
	struct page *records = hyp_pa_to_va(area->base);
	uint64_t done = 0;

	/* Cleared memory says: free, owned by nobody. Then what is not free is marked. */
	arch_zero(records, area_records() + area_bitmap());
	for (unsigned int i = 0; i < nr_banks; i++) {
		uint64_t base = banks[i].first_pfn * PAGE_SIZE;

		banks[i].pages = records + done;
		done += banks[i].nr;
		for (unsigned int e = 0; e <= nr_extents; e++) {
			uint64_t bank_end = (banks[i].first_pfn + banks[i].nr) * PAGE_SIZE;
			uint64_t gap_end = e < nr_extents ? MIN(extents[e].base.pa, bank_end) : bank_end;

			if (gap_end > base)
				mark(base, gap_end - base, OWNER_HYP, PAGE_RESERVED);
			if (e < nr_extents)
				base = MAX(base, extents[e].base.pa + extents[e].size);
		}
	}
	extent_cut(area->base.pa, area->size);
	mark(area->base.pa, area->size, OWNER_HYP, PAGE_OWNED);

	at += area_records();
	pool.used = hyp_pa_to_va(pa(at));
	at += area_bitmap();
	pool.base = at;
	pool.nr = MIN((area->base.pa + area->size - at) / PAGE_SIZE, area_bitmap() * 8);
	pool.nr_free = pool.nr;
}

void page_release(pa_t base, uint64_t size)
{
	uint64_t first = ALIGN_UP(base.pa, PAGE_SIZE);
	uint64_t end = ALIGN_DOWN(base.pa + size, PAGE_SIZE);

	if (end <= first)
		return;
	spin_lock(&mem_lock);
	mark(first, end - first, OWNER_NONE, PAGE_FREE);
	extent_add(first, end - first);
	spin_unlock(&mem_lock);
}

static bool pool_run_is_free(uint64_t at, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (bitmap_test(pool.used, at + i))
			return false;
	}
	return true;
}

static bool pool_find(unsigned int n, uint64_t from, uint64_t to, uint64_t *found)
{
	uint64_t align = 1;

	while (align < n)
		align <<= 1;
	for (uint64_t at = from; at + n <= to; at++) {
		if (!IS_ALIGNED(pool.base / PAGE_SIZE + at, align) || !pool_run_is_free(at, n))
			continue;
		*found = at;
		return true;
	}
	return false;
}

void *hyp_alloc_pages(unsigned int n)
{
	uint64_t at = 0;
	void *va = NULL;

	spin_lock(&mem_lock);
	if (pool.nr_free >= n &&
	    (pool_find(n, pool.hint, pool.nr, &at) || pool_find(n, 0, pool.nr, &at))) {
		for (unsigned int i = 0; i < n; i++)
			bitmap_set(pool.used, at + i);
		pool.nr_free -= n;
		pool.hint = at + n;
		va = hyp_pa_to_va(pa(pool.base + at * PAGE_SIZE));
	}
	spin_unlock(&mem_lock);
	if (va)
		arch_zero(va, n * PAGE_SIZE);
	return va;
}

void hyp_free_pages(void *va, unsigned int n)
{
	uint64_t at;

	if (!va)
		return;
	at = (hyp_va_to_pa(va).pa - pool.base) / PAGE_SIZE;
	spin_lock(&mem_lock);
	ASSERT(at + n <= pool.nr);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT(bitmap_test(pool.used, at + i));
		bitmap_clear(pool.used, at + i);
	}
	pool.nr_free += n;
	pool.hint = MIN(pool.hint, at);
	spin_unlock(&mem_lock);
}

/* Whether the free memory can be cut once more, and all carve-outs come back, with no extent left over. */
static bool can_carve(void)
{
	return nr_extents + nr_carveouts + 2 <= MAX_EXTENTS;
}

/* Where in the extent a carve-out fits; false when it does not. */
static bool carve_place(const struct mem_region *e, uint64_t size, uint64_t guard, uint64_t align,
			uint64_t *base)
{
	uint64_t at = ALIGN_UP(e->base.pa + guard, align);

	*base = at;
	return at + size + guard <= e->base.pa + e->size && at >= e->base.pa;
}

int carveout_alloc(uint64_t size, uint64_t guard, uint16_t owner, struct carveout *out)
{
	uint64_t align = size >= BLOCK_SIZE ? BLOCK_SIZE : PAGE_SIZE;
	uint64_t base = 0;
	int err = -ENOMEM;

	ASSERT(IS_ALIGNED(size, PAGE_SIZE) && IS_ALIGNED(guard, PAGE_SIZE));
	spin_lock(&mem_lock);
	for (unsigned int i = 0; i < nr_extents && size && can_carve(); i++) {
		if (size > extents[i].size || guard > extents[i].size ||
		    !carve_place(&extents[i], size, guard, align, &base))
			continue;
		extent_cut(base - guard, size + 2 * guard);
		mark(base - guard, guard, OWNER_HYP, PAGE_GUARD);
		mark(base, size, owner, PAGE_OWNED);
		mark(base + size, guard, OWNER_HYP, PAGE_GUARD);
		*out = (struct carveout){ pa(base), size, guard };
		nr_carveouts++;
		err = 0;
		break;
	}
	spin_unlock(&mem_lock);
	return err;
}

int carveout_take(pa_t base, uint64_t size, uint16_t owner, struct carveout *out)
{
	int err = -ENOMEM;

	ASSERT(IS_ALIGNED(base.pa | size, PAGE_SIZE));
	spin_lock(&mem_lock);
	for (unsigned int i = 0; i < nr_extents && size && err && can_carve(); i++) {
		const struct mem_region *e = &extents[i];

		if (base.pa < e->base.pa || size > e->size || base.pa - e->base.pa > e->size - size)
			continue;
		extent_cut(base.pa, size);
		mark(base.pa, size, owner, PAGE_OWNED);
		*out = (struct carveout){ base, size, 0 };
		nr_carveouts++;
		err = 0;
	}
	spin_unlock(&mem_lock);
	return err;
}

void carveout_give(const struct carveout *c, uint16_t owner)
{
	spin_lock(&mem_lock);
	mark(c->base.pa, c->size, owner, PAGE_OWNED);
	spin_unlock(&mem_lock);
}

void carveout_free(const struct carveout *c)
{
	page_release(pa(c->base.pa - c->guard), c->size + 2 * c->guard);
	spin_lock(&mem_lock);
	nr_carveouts--;
	spin_unlock(&mem_lock);
}

void page_set_shared(pa_t base, uint64_t size)
{
	spin_lock(&mem_lock);
	mark(base.pa, size, OWNER_HYP, PAGE_SHARED);
	spin_unlock(&mem_lock);
}

static void count_refs(pa_t base, uint64_t size, int by)
{
	spin_lock(&mem_lock);
	for (uint64_t at = 0; at < size; at += PAGE_SIZE) {
		struct page *page = page_record(pa_add(base, at));

		ASSERT(page && page->state == PAGE_SHARED && (by > 0 || page->refs > 0));
		page->refs += (uint32_t)by;
	}
	spin_unlock(&mem_lock);
}

void page_ref(pa_t base, uint64_t size)
{
	count_refs(base, size, 1);
}

void page_unref(pa_t base, uint64_t size)
{
	count_refs(base, size, -1);
}

void page_get_stats(struct page_stats *stats)
{
	spin_lock(&mem_lock);
	*stats = (struct page_stats){ .total = total_pages, .pool = pool.nr, .pool_free = pool.nr_free };
	for (unsigned int i = 0; i < nr_extents; i++)
		stats->free += extents[i].size / PAGE_SIZE;
	spin_unlock(&mem_lock);
}

static uint64_t count(uint16_t owner, bool free_only)
{
	uint64_t n = 0;

	for (unsigned int b = 0; b < nr_banks; b++) {
		for (uint64_t i = 0; i < banks[b].nr; i++)
			n += banks[b].pages[i].owner == owner &&
			     (!free_only || banks[b].pages[i].state == PAGE_FREE);
	}
	return n;
}

uint64_t page_count(uint16_t owner)
{
	uint64_t n;

	spin_lock(&mem_lock);
	n = count(owner, false);
	spin_unlock(&mem_lock);
	return n;
}

void page_count_owners(uint64_t *counts, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		counts[i] = 0;
	spin_lock(&mem_lock);
	for (unsigned int b = 0; b < nr_banks; b++) {
		for (uint64_t i = 0; i < banks[b].nr; i++) {
			if (banks[b].pages[i].owner < nr)
				counts[banks[b].pages[i].owner]++;
		}
	}
	spin_unlock(&mem_lock);
}

static bool is_free(const struct page *page)
{
	return page->state == PAGE_FREE && page->owner == OWNER_NONE && !page->refs;
}

static bool all_free(uint64_t base, uint64_t size)
{
	while (size > 0) {
		uint64_t n = size / PAGE_SIZE;
		const struct page *page = records(base, &n);

		for (uint64_t i = 0; page && i < n; i++) {
			if (!is_free(&page[i]))
				return false;
		}
		if (!page)
			return false;
		base += n * PAGE_SIZE;
		size -= n * PAGE_SIZE;
	}
	return true;
}

/* Sorted, apart, and free by the records of all their pages. */
static bool extents_hold(uint64_t *pages)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < nr_extents; i++) {
		uint64_t base = extents[i].base.pa;

		if (base < end || !extents[i].size)
			return false;
		end = base + extents[i].size;
		if (!all_free(base, end - base))
			return false;
		*pages += extents[i].size / PAGE_SIZE;
	}
	return true;
}

static bool pool_holds(void)
{
	uint64_t used = 0;

	for (uint64_t i = 0; i < pool.nr; i++)
		used += bitmap_test(pool.used, i);
	return used + pool.nr_free == pool.nr;
}

const char *page_check(void)
{
	const char *why = NULL;
	uint64_t free = 0;

	spin_lock(&mem_lock);
	if (!extents_hold(&free))
		why = "an extent of free memory is out of order, or not free";
	else if (count(OWNER_NONE, true) != free)
		why = "pages are free that are in no extent";
	else if (!pool_holds())
		why = "EL2's pool counts other pages as free than its bitmap";
	spin_unlock(&mem_lock);
	return why;
}
