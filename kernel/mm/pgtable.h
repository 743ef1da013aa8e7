/* SPDX-License-Identifier: MIT */
/*
 * Page tables of both kinds: EL2's own (stage 1) and a VM's (stage 2). 4 KiB granule, levels 0-3,
 * largest block that fits. The descriptor format is in arch/pte.h.
 *
 * A table never holds a half-done change: what can fail is checked or allocated first. Locks: the
 * caller's; one tree is changed by one CPU at a time.
 */
#ifndef KERNEL_MM_PGTABLE_H
#define KERNEL_MM_PGTABLE_H

#include "arch/pte.h"
#include "kernel/base/addr.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct pgtable {
	/* fixed after pgtable_init() */
	pte_t *root;			/* EL2 address of the first-level table(s) */
	unsigned int ia_bits;		/* input address width */
	unsigned int root_pages;	/* concatenated first-level tables (stage 2 only; else 1) */
	int start_level;
	bool stage2;
	uint64_t vttbr;			/* stage 2: for TLB maintenance */
	/* Page-table pages: zeroed page or NULL; and back. ctx is the owner's. */
	void *(*alloc)(void *ctx);
	void (*free)(void *ctx, void *page);
	void *ctx;

	unsigned int nr_tables;		/* beyond the root */
	unsigned int nr_leaves[PTE_LEVELS];	/* by level: [1] of 1 GiB, [2] of 2 MiB, [3] of 4 KiB */
};

struct pgtable_leaf {
	pa_t pa;		/* what the queried address translates to */
	uint64_t attrs;
	int level;
};

/* First-level geometry for a stage-2 tree of ia_bits: start level and number of root pages. */
void pgtable_stage2_geometry(unsigned int ia_bits, int *start_level, unsigned int *root_pages);

/*
 * Map [ia, ia + size) to [pa, ...), page multiples, as MAP_* in perms. Returns 0, -EINVAL (outside
 * ia_bits or 48 bits of pa, or unaligned), -EEXIST (something is mapped there), -ENOMEM; on an error
 * nothing has changed.
 */
__must_check int pgtable_map(struct pgtable *pt, uint64_t ia, pa_t pa, uint64_t size, uint64_t perms);

/*
 * Remove what is mapped in [ia, ia + size) and invalidate it in the TLBs. Holes are fine. Returns 0,
 * -EINVAL, or -ENOMEM when a block would have to be split and no table could be had (nothing changed).
 */
__must_check int pgtable_unmap(struct pgtable *pt, uint64_t ia, uint64_t size);

/* Translate ia by reading the tables; -ENOENT when nothing is mapped. */
__must_check int pgtable_lookup(const struct pgtable *pt, uint64_t ia, struct pgtable_leaf *leaf);

/*
 * The descriptor of that level for ia, where the tables above it exist; else NULL. For a mapping that comes
 * and goes often, and that nobody maps or unmaps otherwise: the caller writes it, and sees to the TLBs.
 */
pte_t *pgtable_slot(const struct pgtable *pt, uint64_t ia, int level);

/* Free all tables but the root, which becomes empty. No TLB maintenance: the tree is out of use. */
void pgtable_clear(struct pgtable *pt);
/* The same in steps of a table each; true: there is more. */
bool pgtable_clear_some(struct pgtable *pt);

#endif
