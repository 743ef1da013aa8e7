/* SPDX-License-Identifier: MIT */
/*
 * Physical pages: who owns each, and the two allocators on top.
 *
 * Every page of RAM has a record. Guest memory is taken in carve-outs, contiguous ranges with a guard gap
 * on both sides; EL2's own pages (page tables, VM structures) come from one pool that is set aside at
 * boot and mapped at LINEAR_VA.
 *
 * Locks: one lock (RANK_MEM) inside, taken by all functions but the ones for boot.
 */
#ifndef KERNEL_MM_PAGE_H
#define KERNEL_MM_PAGE_H

#include "kernel/base/addr.h"
#include "kernel/platform/machine.h"
#include "lib/compiler.h"
#include "lib/types.h"

enum page_state {
	PAGE_DIRTY,		/* nobody's; holds what was there when the machine started */
	PAGE_FREE,		/* nobody's, and zero */
	PAGE_OWNED,
	PAGE_SHARED,
	PAGE_LENT,
	PAGE_GUARD,		/* kept unused beside a carve-out */
	PAGE_RESERVED,		/* not ours to use: firmware, device tree */
};

#define OWNER_NONE	0
#define OWNER_HYP	1
#define OWNER_VM(id)	((uint16_t)((id) + 2))

struct page {
	uint16_t owner;
	uint8_t state;		/* enum page_state */
	uint8_t flags;
	uint32_t refs;
};

_Static_assert(sizeof(struct page) == 8, "the records cost 0.2% of RAM, not more");

/* At the same time: four regions a VM, and what VMs share. kernel/vm/vm.c checks that it is enough. */
#define PAGE_MAX_CARVEOUTS	(8 + 4 * CONFIG_MAX_VMS)

struct carveout {
	pa_t base;
	uint64_t size;		/* bytes, guards excluded */
	uint64_t guard;		/* bytes kept free on either side */
	bool dirty;		/* holds something; who has it keeps that up to date */
};

/* So much of a carve-out changes hands in one step: some 5,000 instructions for the records. */
#define CARVEOUT_STEP	MIB(4)

/*
 * Boot, in this order. page_plan() chooses where records and pool go, among the machine's RAM less
 * what is reserved and the given ranges; it fails with -ENOMEM and *needed = bytes that one contiguous
 * free range must have, or -ENODEV when there is no RAM at all. The caller maps *area at LINEAR_VA and
 * calls page_init(), which fills the records.
 */
__must_check int page_plan(const struct machine *m, const struct mem_region *keep, unsigned int nr_keep,
			   struct mem_region *area, uint64_t *needed);
void page_init(const struct mem_region *area);

/* Give a range that was kept at boot to the free memory, dirty. Whole pages inside it. */
void page_release(pa_t base, uint64_t size);

/* The record of a page of RAM, NULL for anything else. */
struct page *page_record(pa_t addr);

/*
 * n contiguous zeroed pages for EL2, aligned to n rounded up to a power of two; NULL when the pool is
 * exhausted. hyp_free_pages() takes back exactly what one call gave.
 */
void *hyp_alloc_pages(unsigned int n);
void hyp_free_pages(void *va, unsigned int n);

/* Address of a pool page, and back. */
pa_t hyp_va_to_pa(const void *va);
void *hyp_pa_to_va(pa_t addr);

/*
 * Take size bytes (page multiple) of free RAM for owner, 2 MiB aligned when that size makes it
 * worthwhile, with guard bytes unused on either side. Zeroed RAM is preferred; where out->dirty, the contents
 * are whatever was there. -ENOMEM, also beyond PAGE_MAX_CARVEOUTS where memory is much cut up.
 */
__must_check int carveout_alloc(uint64_t size, uint64_t guard, uint16_t owner, struct carveout *out);
/* The same at a given place, without guards. -ENOMEM when not all of it is free RAM. */
__must_check int carveout_take(pa_t base, uint64_t size, uint16_t owner, struct carveout *out);
/* Back to the free memory: zeroed, unless c->dirty. */
void carveout_free(const struct carveout *c);

/*
 * The same in bounded steps. carveout_reserve() is carveout_alloc() but for the records: [offset, offset +
 * size), size at most CARVEOUT_STEP, becomes the owner's by carveout_own(), and may go on to another one by
 * it. carveout_free_some() gives the first part of what is left back; true: there is more.
 */
__must_check int carveout_reserve(uint64_t size, uint64_t guard, struct carveout *out);
void carveout_own(const struct carveout *c, uint64_t offset, uint64_t size, uint16_t owner);
bool carveout_free_some(struct carveout *c);

/*
 * Pages that EL2 owns become shared ones, which several VMs may see; and one VM more, or less, sees them.
 * base, size: page multiples inside one carve-out of OWNER_HYP.
 */
void page_set_shared(pa_t base, uint64_t size);
void page_ref(pa_t base, uint64_t size);
void page_unref(pa_t base, uint64_t size);

struct page_stats {
	uint64_t total;		/* pages with a record */
	uint64_t free;
	uint64_t dirty;		/* of the free ones */
	uint64_t pool;		/* pages in EL2's pool */
	uint64_t pool_free;
};
void page_get_stats(struct page_stats *stats);

/* Pages with this owner. */
uint64_t page_count(uint16_t owner);

/* The same for all owners below nr at once. */
void page_count_owners(uint64_t *counts, unsigned int nr);

/* Whether extents, records and the pool's bitmap agree: NULL, or what does not. */
const char *page_check(void);

#endif
