// SPDX-License-Identifier: MIT
/*
 * Page records, the pool of EL2's own pages, and carve-outs; see page.h.
 *
 * Free RAM is a sorted array of disjoint extents. A carve-out cuts a piece (with its guards) out of
 * one; freeing puts it back and merges. Another such array has what is dirty: RAM that nobody has had since
 * boot, or that came back without being cleared. Records of pages in an extent are PAGE_DIRTY or PAGE_FREE,
 * as that says: this is the invariant, and page_get_stats() counts from the extents.
 *
 * Lock: mem_lock guards everything static here.
 */
#include "kernel/mm/page.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "kernel/base/lock.h"
#include "kernel/base/panic.h"
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
struct extents {
	struct mem_region e[MAX_EXTENTS];
	unsigned int nr;
	bool lost;			/* something had no room */
};

static struct extents ram;		/* free */
static struct extents dirty;		/* of that, and of guards beside it: not zero */
static uint64_t nr_unmarked;		/* pages that are reserved, and free by their records yet */
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

static bool extent_insert(struct extents *set, unsigned int at, uint64_t base, uint64_t size)
{
	if (set->nr == MAX_EXTENTS) {
		set->lost = true;
		return false;
	}
	memmove(&set->e[at + 1], &set->e[at], (set->nr - at) * sizeof(set->e[0]));
	set->e[at] = (struct mem_region){ pa(base), size };
	set->nr++;
	return true;
}

static void extent_delete(struct extents *set, unsigned int at)
{
	set->nr--;
	memmove(&set->e[at], &set->e[at + 1], (set->nr - at) * sizeof(set->e[0]));
}

/* Remove [base, base + size) from the set, wherever it overlaps. */
static void extent_cut(struct extents *set, uint64_t base, uint64_t size)
{
	uint64_t end = base + size;

	for (unsigned int i = 0; i < set->nr;) {
		uint64_t ebase = set->e[i].base.pa, eend = ebase + set->e[i].size;

		if (end <= ebase || base >= eend) {
			i++;
			continue;
		}
		extent_delete(set, i);
		/* Were the array full, the tail would be lost to use, but never handed out twice. */
		if (end < eend)
			extent_insert(set, i, end, eend - end);
		if (base > ebase)
			extent_insert(set, i, ebase, base - ebase);
		if (base > ebase)
			i++;
		if (end < eend)
			i++;
	}
}

static void extent_add(struct extents *set, uint64_t base, uint64_t size)
{
	unsigned int i = 0;

	while (i < set->nr && set->e[i].base.pa < base)
		i++;
	if (i > 0 && set->e[i - 1].base.pa + set->e[i - 1].size == base) {
		i--;
		set->e[i].size += size;
	} else if (!extent_insert(set, i, base, size)) {
		return;
	}
	if (i + 1 < set->nr && set->e[i].base.pa + set->e[i].size == set->e[i + 1].base.pa) {
		set->e[i].size += set->e[i + 1].size;
		extent_delete(set, i + 1);
	}
}

/* What of the set lies in [base, base + size), the first of it; NULL: nothing. */
static const struct mem_region *extent_find(const struct extents *set, uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < set->nr; i++) {
		const struct mem_region *e = &set->e[i];

		if (e->base.pa < base + size && base < e->base.pa + e->size)
			return e;
	}
	return NULL;
}

/* Pages that touch a kept range are not free, even where it covers them partly. */
static void extent_cut_region(const struct mem_region *r)
{
	uint64_t base = ALIGN_DOWN(r->base.pa, PAGE_SIZE);

	if (r->size)
		extent_cut(&ram, base, ALIGN_UP(r->base.pa + r->size, PAGE_SIZE) - base);
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

	ram.nr = 0;
	ram.lost = dirty.lost = false;
	nr_unmarked = 0;
	nr_carveouts = 0;
	nr_banks = 0;
	total_pages = 0;
	for (unsigned int i = 0; i < m->nr_ram; i++) {
		banks[nr_banks++] = (struct bank){ pa_pfn(m->ram[i].base), m->ram[i].size / PAGE_SIZE,
						   NULL };
		total_pages += m->ram[i].size / PAGE_SIZE;
		extent_add(&ram, m->ram[i].base.pa, m->ram[i].size);
	}
	if (!total_pages)
		return -ENODEV;
	for (unsigned int i = 0; i < m->nr_reserved; i++)
		extent_cut_region(&m->reserved[i]);
	for (unsigned int i = 0; i < nr_keep; i++)
		extent_cut_region(&keep[i]);

	/* One contiguous area at the end of the highest range that has room, in whole 2 MiB blocks. */
	*needed = ALIGN_UP(area_records() + area_bitmap() + KIB(CONFIG_HYP_POOL_KIB), BLOCK_SIZE);
	for (unsigned int i = 0; i < ram.nr; i++) {
		uint64_t end = ALIGN_DOWN(ram.e[i].base.pa + ram.e[i].size, BLOCK_SIZE);

		if (end >= *needed && end - *needed >= ram.e[i].base.pa)
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

	/* Cleared memory says: dirty, owned by nobody. Then what is not free is marked. */
	arch_zero(records, area_records() + area_bitmap());
	for (unsigned int i = 0; i < nr_banks; i++) {
		uint64_t base = banks[i].first_pfn * PAGE_SIZE;

		banks[i].pages = records + done;
		done += banks[i].nr;
		for (unsigned int e = 0; e <= ram.nr; e++) {
			uint64_t bank_end = (banks[i].first_pfn + banks[i].nr) * PAGE_SIZE;
			uint64_t gap_end = e < ram.nr ? MIN(ram.e[e].base.pa, bank_end) : bank_end;

			if (gap_end > base)
				mark(base, gap_end - base, OWNER_HYP, PAGE_RESERVED);
			if (e < ram.nr)
				base = MAX(base, ram.e[e].base.pa + ram.e[e].size);
		}
	}
	extent_cut(&ram, area->base.pa, area->size);
	dirty = ram;
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
	mark(first, end - first, OWNER_NONE, PAGE_DIRTY);
	extent_add(&ram, first, end - first);
	extent_add(&dirty, first, end - first);
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
	return ram.nr + nr_carveouts + 2 <= MAX_EXTENTS;
}

static bool is_dirty(uint64_t base, uint64_t size)
{
	return dirty.lost || extent_find(&dirty, base, size);
}

/* Where in the extent a carve-out fits, in clean memory or anywhere; false when it does not. */
static bool carve_place(const struct mem_region *e, uint64_t size, uint64_t guard, uint64_t align, bool clean,
			uint64_t *base)
{
	uint64_t at = ALIGN_UP(e->base.pa + guard, align);

	/* Each turn goes beyond one dirty extent more. */
	while (at + size + guard <= e->base.pa + e->size && at >= e->base.pa) {
		const struct mem_region *d = clean ? extent_find(&dirty, at, size) : NULL;

		*base = at;
		if (!d)
			return true;
		at = ALIGN_UP(d->base.pa + d->size, align);
	}
	return false;
}

static bool find_place_in(uint64_t size, uint64_t guard, bool clean, uint64_t *base)
{
	uint64_t align = size >= BLOCK_SIZE ? BLOCK_SIZE : PAGE_SIZE;

	for (unsigned int i = 0; i < ram.nr; i++) {
		if (size <= ram.e[i].size && guard <= ram.e[i].size &&
		    carve_place(&ram.e[i], size, guard, align, clean, base))
			return true;
	}
	return false;
}

static bool find_place(uint64_t size, uint64_t guard, uint64_t *base)
{
	return (!dirty.lost && find_place_in(size, guard, true, base)) ||
	       find_place_in(size, guard, false, base);
}

/* Out of the free memory, but not by its records. Lock held. */
static void reserve(uint64_t base, uint64_t size, uint64_t guard, struct carveout *out)
{
	*out = (struct carveout){ pa(base), size, guard, is_dirty(base, size) };
	extent_cut(&ram, base - guard, size + 2 * guard);
	/* Guards stay as they are. */
	extent_cut(&dirty, base, size);
	mark(base - guard, guard, OWNER_HYP, PAGE_GUARD);
	mark(base + size, guard, OWNER_HYP, PAGE_GUARD);
	nr_unmarked += size / PAGE_SIZE;
	nr_carveouts++;
}

int carveout_reserve(uint64_t size, uint64_t guard, struct carveout *out)
{
	uint64_t base = 0;
	int err = -ENOMEM;

	ASSERT(IS_ALIGNED(size, PAGE_SIZE) && IS_ALIGNED(guard, PAGE_SIZE));
	spin_lock(&mem_lock);
	if (size && can_carve() && find_place(size, guard, &base)) {
		reserve(base, size, guard, out);
		err = 0;
	}
	spin_unlock(&mem_lock);
	return err;
}

/* Lock held. */
static void own(uint64_t base, uint64_t size, uint16_t owner)
{
	const struct page *first = page_record(pa(base));

	if (first && first->owner == OWNER_NONE)
		nr_unmarked -= size / PAGE_SIZE;
	mark(base, size, owner, PAGE_OWNED);
}

void carveout_own(const struct carveout *c, uint64_t offset, uint64_t size, uint16_t owner)
{
	spin_lock(&mem_lock);
	own(c->base.pa + offset, size, owner);
	spin_unlock(&mem_lock);
}

int carveout_alloc(uint64_t size, uint64_t guard, uint16_t owner, struct carveout *out)
{
	int err = carveout_reserve(size, guard, out);

	if (!err)
		carveout_own(out, 0, size, owner);
	return err;
}

int carveout_take(pa_t base, uint64_t size, uint16_t owner, struct carveout *out)
{
	int err = -ENOMEM;

	ASSERT(IS_ALIGNED(base.pa | size, PAGE_SIZE));
	spin_lock(&mem_lock);
	for (unsigned int i = 0; i < ram.nr && size && err && can_carve(); i++) {
		const struct mem_region *e = &ram.e[i];

		if (base.pa < e->base.pa || size > e->size || base.pa - e->base.pa > e->size - size)
			continue;
		reserve(base.pa, size, 0, out);
		own(base.pa, size, owner);
		err = 0;
	}
	spin_unlock(&mem_lock);
	return err;
}

/* [base, base + size) of it is free; it may lie in a guard that is as dirty as it was. Lock held. */
static void give_back(const struct carveout *c, uint64_t base, uint64_t size)
{
	const struct page *first = page_record(c->base);

	if (first && first->owner == OWNER_NONE)
		nr_unmarked -= MIN(size, c->size) / PAGE_SIZE;
	if (c->dirty)
		extent_add(&dirty, c->base.pa, MIN(size, c->size));
	mark(base, size, OWNER_NONE, PAGE_FREE);
	for (uint64_t at = base; at < base + size;) {
		const struct mem_region *d = extent_find(&dirty, at, base + size - at);
		uint64_t from = d ? MAX(at, d->base.pa) : base + size;

		at = d ? MIN(d->base.pa + d->size, base + size) : base + size;
		mark(from, at - from, OWNER_NONE, PAGE_DIRTY);
	}
	extent_add(&ram, base, size);
}

bool carveout_free_some(struct carveout *c)
{
	bool more = c->size > CARVEOUT_STEP;

	ASSERT(c->guard <= CARVEOUT_STEP);
	spin_lock(&mem_lock);
	if (more) {
		give_back(c, c->base.pa - c->guard, CARVEOUT_STEP);
		c->base = pa_add(c->base, CARVEOUT_STEP);
		/* The last pages of the step are the guard in front of what is left. */
		mark(c->base.pa - c->guard, c->guard, OWNER_HYP, PAGE_GUARD);
		c->size -= CARVEOUT_STEP;
	} else {
		give_back(c, c->base.pa - c->guard, c->size + 2 * c->guard);
		nr_carveouts--;
		*c = (struct carveout){ .size = 0 };
	}
	spin_unlock(&mem_lock);
	return more;
}

void carveout_free(const struct carveout *c)
{
	struct carveout left = *c;

	while (carveout_free_some(&left))
		;
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

static uint64_t dirty_pages(const struct mem_region *e)
{
	uint64_t n = 0, end = e->base.pa + e->size;

	for (unsigned int i = 0; i < dirty.nr; i++) {
		uint64_t from = MAX(dirty.e[i].base.pa, e->base.pa);
		uint64_t to = MIN(dirty.e[i].base.pa + dirty.e[i].size, end);

		n += to > from ? (to - from) / PAGE_SIZE : 0;
	}
	return n;
}

void page_get_stats(struct page_stats *stats)
{
	spin_lock(&mem_lock);
	*stats = (struct page_stats){ .total = total_pages, .pool = pool.nr, .pool_free = pool.nr_free };
	for (unsigned int i = 0; i < ram.nr; i++) {
		stats->free += ram.e[i].size / PAGE_SIZE;
		stats->dirty += dirty_pages(&ram.e[i]);
	}
	spin_unlock(&mem_lock);
}

static uint64_t count(uint16_t owner, enum page_state state)
{
	uint64_t n = 0;

	for (unsigned int b = 0; b < nr_banks; b++) {
		for (uint64_t i = 0; i < banks[b].nr; i++)
			n += banks[b].pages[i].owner == owner && banks[b].pages[i].state == state;
	}
	return n;
}

static uint64_t count_all(uint16_t owner)
{
	uint64_t n = 0;

	for (unsigned int b = 0; b < nr_banks; b++) {
		for (uint64_t i = 0; i < banks[b].nr; i++)
			n += banks[b].pages[i].owner == owner;
	}
	return n;
}

uint64_t page_count(uint16_t owner)
{
	uint64_t n;

	spin_lock(&mem_lock);
	n = count_all(owner);
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
	return (page->state == PAGE_FREE || page->state == PAGE_DIRTY) && page->owner == OWNER_NONE &&
	       !page->refs;
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
static bool extents_hold(uint64_t *pages, uint64_t *not_zero)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < ram.nr; i++) {
		uint64_t base = ram.e[i].base.pa;

		if (base < end || !ram.e[i].size)
			return false;
		end = base + ram.e[i].size;
		if (!all_free(base, end - base))
			return false;
		*pages += ram.e[i].size / PAGE_SIZE;
		*not_zero += dirty_pages(&ram.e[i]);
	}
	return true;
}

/* By records and by extents as many; those that are reserved are one thing or the other. */
static bool counts_hold(uint64_t free, uint64_t not_zero)
{
	uint64_t by_record = count(OWNER_NONE, PAGE_DIRTY), zero = count(OWNER_NONE, PAGE_FREE);

	if (by_record + zero != free + nr_unmarked)
		return false;
	return dirty.lost || nr_unmarked || by_record == not_zero;
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
	uint64_t free = 0, not_zero = 0;

	spin_lock(&mem_lock);
	if (!extents_hold(&free, &not_zero))
		why = "an extent of free memory is out of order, or not free";
	else if (!counts_hold(free, not_zero))
		why = "pages are free that are in no extent, or dirty where they should not be";
	else if (!pool_holds())
		why = "EL2's pool counts other pages as free than its bitmap";
	spin_unlock(&mem_lock);
	return why;
}
