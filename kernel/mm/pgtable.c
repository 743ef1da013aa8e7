// SPDX-License-Identifier: MIT
/*
 * The page-table walker (Arm ARM D8.2). One function per job walks down level by level; recursion is
 * bounded by the four levels. Break-before-make: a live descriptor is only ever replaced by an invalid
 * one, except that a block is split by writing an equivalent table after invalidating the block.
 */
#include "kernel/mm/pgtable.h"

#include "arch/tlb.h"
#include "kernel/mm/page.h"
#include "lib/errno.h"
#include "lib/string.h"

void pgtable_stage2_geometry(unsigned int ia_bits, int *start_level, unsigned int *root_pages)
{
	/* Up to 16 first-level tables may be concatenated (D8.2.2): each level starts 4 bits later. */
	*start_level = ia_bits > 43 ? 0 : ia_bits > 34 ? 1 : 2;
	*root_pages = 1;
	if (ia_bits > pte_level_shift(*start_level) + 9)
		*root_pages = 1u << (ia_bits - pte_level_shift(*start_level) - 9);
}

static unsigned int index_at(const struct pgtable *pt, uint64_t ia, int level)
{
	uint64_t index = ia >> pte_level_shift(level);

	return (unsigned int)(level == pt->start_level ? index : index % PTE_PER_TABLE);
}

static pte_t *table_at(pte_t pte)
{
	return hyp_pa_to_va(pte_pa(pte));
}

static uint64_t next_boundary(uint64_t ia, uint64_t end, int level)
{
	uint64_t next = ALIGN_DOWN(ia, pte_level_size(level)) + pte_level_size(level);

	return next && next < end ? next : end;
}

static bool range_ok(const struct pgtable *pt, uint64_t ia, uint64_t size)
{
	uint64_t limit = UINT64_C(1) << pt->ia_bits;

	return IS_ALIGNED(ia, PAGE_SIZE) && IS_ALIGNED(size, PAGE_SIZE) && size <= limit &&
	       ia <= limit - size;
}

static void set_pte(pte_t *ptep, pte_t val)
{
	WRITE_ONCE(*ptep, val);
}

static pte_t *alloc_table(struct pgtable *pt)
{
	pte_t *table = pt->alloc(pt->ctx);

	if (table)
		pt->nr_tables++;
	return table;
}

static void free_table(struct pgtable *pt, pte_t *table)
{
	pt->nr_tables--;
	pt->free(pt->ctx, table);
}

static bool is_mapped(const struct pgtable *pt, const pte_t *table, int level, uint64_t ia, uint64_t end)
{
	while (ia < end) {
		pte_t pte = table[index_at(pt, ia, level)];
		uint64_t next = next_boundary(ia, end, level);

		if (pte_is_leaf(pte, level))
			return true;
		if (pte_is_table(pte, level) && is_mapped(pt, table_at(pte), level + 1, ia, next))
			return true;
		ia = next;
	}
	return false;
}

static bool fits_block(uint64_t ia, uint64_t end, uint64_t pa, int level)
{
	return level >= 1 && IS_ALIGNED(ia | pa, pte_level_size(level)) &&
	       end - ia >= pte_level_size(level);
}

static int map_level(struct pgtable *pt, pte_t *table, int level, uint64_t ia, uint64_t end, pa_t pa,
		     uint64_t attrs)
{
	while (ia < end) {
		pte_t *ptep = &table[index_at(pt, ia, level)];
		uint64_t next = next_boundary(ia, end, level);
		pte_t *child;
		int err;

		if (!(*ptep & PTE_VALID) && fits_block(ia, end, pa.pa, level)) {
			set_pte(ptep, pte_make_leaf(pa, level, attrs));
			pt->nr_leaves[level]++;
		} else {
			if (!(*ptep & PTE_VALID)) {
				child = alloc_table(pt);
				if (!child)
					return -ENOMEM;
				arch_pt_sync();
				set_pte(ptep, pte_make_table(hyp_va_to_pa(child)));
			}
			err = map_level(pt, table_at(*ptep), level + 1, ia, next, pa, attrs);
			if (err)
				return err;
		}
		pa.pa += next - ia;
		ia = next;
	}
	return 0;
}

int pgtable_map(struct pgtable *pt, uint64_t ia, pa_t pa, uint64_t size, uint64_t perms)
{
	uint64_t attrs = pt->stage2 ? pte_s2_attrs(perms) : pte_s1_attrs(perms);
	int err;

	/* What a descriptor cannot hold of the output address would become attributes. */
	if (!range_ok(pt, ia, size) || (pa.pa & ~PTE_ADDR) || size > PTE_ADDR + PAGE_SIZE - pa.pa)
		return -EINVAL;
	if (is_mapped(pt, pt->root, pt->start_level, ia, ia + size))
		return -EEXIST;
	err = map_level(pt, pt->root, pt->start_level, ia, ia + size, pa, attrs);
	arch_pt_sync();
	if (err) {
		/* The range was empty, so no block of somebody else's has to be split to undo this. */
		int undo = pgtable_unmap(pt, ia, size);

		(void)undo;
	}
	return err;
}

static bool table_is_empty(const pte_t *table)
{
	for (unsigned int i = 0; i < PTE_PER_TABLE; i++) {
		if (table[i])
			return false;
	}
	return true;
}

static void flush(struct pgtable *pt, uint64_t ia, uint64_t size)
{
	if (pt->stage2)
		arch_tlb_flush_ipa(pt->vttbr, ia, size);
	else
		arch_tlb_flush_el2(ia, size);
}

/* Replace a block by a table of the same translation. */
static int split_block(struct pgtable *pt, pte_t *ptep, int level, uint64_t ia)
{
	uint64_t size = pte_level_size(level), step = pte_level_size(level + 1);
	pte_t *table = alloc_table(pt);

	if (!table)
		return -ENOMEM;
	for (unsigned int i = 0; i < PTE_PER_TABLE; i++)
		table[i] = pte_make_leaf(pa_add(pte_pa(*ptep), i * step), level + 1, pte_attrs(*ptep));
	set_pte(ptep, 0);
	arch_pt_sync();
	flush(pt, ALIGN_DOWN(ia, size), size);
	set_pte(ptep, pte_make_table(hyp_va_to_pa(table)));
	arch_pt_sync();
	pt->nr_leaves[level]--;
	pt->nr_leaves[level + 1] += PTE_PER_TABLE;
	return 0;
}

/* Split the blocks that the address falls into the middle of, so that an unmap can end there. */
static int split_at(struct pgtable *pt, uint64_t ia)
{
	pte_t *table = pt->root;

	if (ia >> pt->ia_bits)
		return 0;
	for (int level = pt->start_level; level < 3; level++) {
		pte_t *ptep = &table[index_at(pt, ia, level)];

		if (IS_ALIGNED(ia, pte_level_size(level)) || !(*ptep & PTE_VALID))
			return 0;
		if (pte_is_leaf(*ptep, level) && split_block(pt, ptep, level, ia))
			return -ENOMEM;
		table = table_at(*ptep);
	}
	return 0;
}

static void unmap_level(struct pgtable *pt, pte_t *table, int level, uint64_t ia, uint64_t end)
{
	while (ia < end) {
		pte_t *ptep = &table[index_at(pt, ia, level)];
		uint64_t next = next_boundary(ia, end, level);

		if (pte_is_table(*ptep, level)) {
			pte_t *child = table_at(*ptep);

			unmap_level(pt, child, level + 1, ia, next);
			if (table_is_empty(child)) {
				set_pte(ptep, 0);
				arch_pt_sync();
				flush(pt, ALIGN_DOWN(ia, pte_level_size(level)), PAGE_SIZE);
				free_table(pt, child);
			}
		} else if (*ptep) {
			set_pte(ptep, 0);
			pt->nr_leaves[level]--;
		}
		ia = next;
	}
}

int pgtable_unmap(struct pgtable *pt, uint64_t ia, uint64_t size)
{
	if (!range_ok(pt, ia, size))
		return -EINVAL;
	if (split_at(pt, ia) || split_at(pt, ia + size))
		return -ENOMEM;
	unmap_level(pt, pt->root, pt->start_level, ia, ia + size);
	arch_pt_sync();
	flush(pt, ia, size);
	return 0;
}

int pgtable_lookup(const struct pgtable *pt, uint64_t ia, struct pgtable_leaf *leaf)
{
	const pte_t *table = pt->root;

	if (ia >> pt->ia_bits)
		return -ENOENT;
	for (int level = pt->start_level; level <= 3; level++) {
		pte_t pte = READ_ONCE(table[index_at(pt, ia, level)]);

		if (pte_is_leaf(pte, level)) {
			uint64_t offset = ia & (pte_level_size(level) - 1);

			*leaf = (struct pgtable_leaf){ pa_add(pte_pa(pte), offset), pte_attrs(pte),
						       level };
			return 0;
		}
		if (!pte_is_table(pte, level))
			break;
		table = table_at(pte);
	}
	return -ENOENT;
}

pte_t *pgtable_slot(const struct pgtable *pt, uint64_t ia, int level)
{
	pte_t *table = pt->root;

	if (ia >> pt->ia_bits)
		return NULL;
	for (int at = pt->start_level; at < level; at++) {
		pte_t pte = READ_ONCE(table[index_at(pt, ia, at)]);

		if (!pte_is_table(pte, at))
			return NULL;
		table = table_at(pte);
	}
	return &table[index_at(pt, ia, level)];
}

static unsigned int entries_at(const struct pgtable *pt, int level)
{
	if (level > pt->start_level)
		return PTE_PER_TABLE;
	return MIN(pt->root_pages * PTE_PER_TABLE, 1u << (pt->ia_bits - pte_level_shift(level)));
}

/* Free one table below, that has none below itself. False: there is none. */
static bool clear_one(struct pgtable *pt, pte_t *table, int level)
{
	unsigned int n = entries_at(pt, level);

	for (unsigned int i = 0; i < n; i++) {
		if (!table[i] || !pte_is_table(table[i], level))
			continue;
		if (level + 1 == 3 || !clear_one(pt, table_at(table[i]), level + 1)) {
			free_table(pt, table_at(table[i]));
			table[i] = 0;
		}
		return true;
	}
	return false;
}

bool pgtable_clear_some(struct pgtable *pt)
{
	if (pt->nr_tables && clear_one(pt, pt->root, pt->start_level))
		return true;
	memset(pt->root, 0, entries_at(pt, pt->start_level) * sizeof(pte_t));
	memset(pt->nr_leaves, 0, sizeof(pt->nr_leaves));
	return false;
}

void pgtable_clear(struct pgtable *pt)
{
	while (pgtable_clear_some(pt))
		;
}
