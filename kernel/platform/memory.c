// SPDX-License-Identifier: MIT
/* RAM and reserved regions of the device tree. */
#include "kernel/platform/finder.h"
#include "lib/errno.h"
#include "lib/string.h"

static uint64_t region_end(const struct mem_region *region)
{
	return region->base.pa + region->size;
}

static void remove_region(struct mem_region *regions, unsigned int *nr, unsigned int i)
{
	(*nr)--;
	memmove(&regions[i], &regions[i + 1], (*nr - i) * sizeof(regions[0]));
}

/* Grow the bank by all that touch it, which leave the list. */
static void absorb_ram(struct machine *m, struct mem_region *bank)
{
	unsigned int i = 0;

	while (i < m->nr_ram) {
		const struct mem_region *other = &m->ram[i];
		uint64_t end = MAX(region_end(bank), region_end(other));

		if (region_end(other) < bank->base.pa || region_end(bank) < other->base.pa) {
			i++;
			continue;
		}
		bank->base = pa(MIN(bank->base.pa, other->base.pa));
		bank->size = end - bank->base.pa;
		remove_region(m->ram, &m->nr_ram, i);
	}
}

/* Add a bank to the sorted list. */
static int add_ram(struct dt_walk *w, struct dt_region region)
{
	struct machine *m = finder_of(w)->m;
	struct mem_region bank = { pa(region.base), region.size };
	unsigned int i;

	absorb_ram(m, &bank);
	if (m->nr_ram == MACHINE_MAX_RAM)
		return dt_fail(w, DT_REG, "makes too many RAM banks (MACHINE_MAX_RAM)");
	for (i = m->nr_ram++; i > 0 && m->ram[i - 1].base.pa > bank.base.pa; i--)
		m->ram[i] = m->ram[i - 1];
	m->ram[i] = bank;
	return 0;
}

/* Whole pages only; a bank of less than one is dropped. */
void trim_ram(struct machine *m)
{
	unsigned int i = 0;

	while (i < m->nr_ram) {
		struct mem_region *bank = &m->ram[i];
		uint64_t end = ALIGN_DOWN(region_end(bank), PAGE_SIZE);
		uint64_t start = ALIGN_UP(bank->base.pa, PAGE_SIZE);

		if (start < bank->base.pa || end <= start) {
			remove_region(m->ram, &m->nr_ram, i);
			continue;
		}
		bank->base = pa(start);
		bank->size = end - start;
		i++;
	}
}

int visit_memory(struct finder *f)
{
	if (!has(f, DT_REG))
		return fail(f, DT_REG, "is missing from a memory node");
	return dt_each_reg(&f->walk, add_ram);
}

static int add_reserved(struct dt_walk *w, struct dt_region region)
{
	struct machine *m = finder_of(w)->m;

	if (m->nr_reserved == MACHINE_MAX_RESERVED)
		return dt_fail_at(w, w->depth >= 0 ? dt_node(w)->offset : -1, "reg",
				  "makes too many reserved regions (MACHINE_MAX_RESERVED)");
	m->reserved[m->nr_reserved++] = (struct mem_region){ pa(region.base), region.size };
	return 0;
}

/* A child of /reserved-memory; one without reg asks an operating system to choose the place. */
int visit_reserved(struct finder *f)
{
	return dt_each_reg(&f->walk, add_reserved);
}

int read_reservations(struct finder *f)
{
	struct dt_region region;
	int rc = 0;

	for (unsigned int i = 0; !rc; i++) {
		rc = dt_reservation(&f->walk.dt, i, &region.base, &region.size);
		if (!rc && region.size > 0)
			rc = add_reserved(&f->walk, region);
		else if (rc == -EINVAL)
			dt_fail_at(&f->walk, -1, "", "the memory reservation block has no end, "
				   "or an entry wraps around");
	}
	return rc == -ENOENT ? 0 : rc;
}
