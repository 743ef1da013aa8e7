// SPDX-License-Identifier: MIT
/*
 * Walking a device tree with what nodes inherit.
 *
 * What children inherit is kept on a stack of ancestors, so an address is translated on the spot. A
 * cell count or a ranges property that makes no sense is refused only where a visitor needs it: PCI
 * and I2C buses count in their own ways, and nobody here looks below them.
 */
#include "lib/dt_walk.h"
#include "lib/errno.h"
#include "lib/string.h"

#define DEFAULT_ADDRESS_CELLS	2
#define DEFAULT_SIZE_CELLS	1
#define BAD_CELLS		0xff

const char *const dt_prop_names[DT_NR_PROPS] = {
	[DT_COMPATIBLE]			= "compatible",
	[DT_REG]			= "reg",
	[DT_INTERRUPTS]			= "interrupts",
	[DT_PHANDLE]			= "phandle",
	[DT_STATUS]			= "status",
	[DT_DEVICE_TYPE]		= "device_type",
	[DT_ENABLE_METHOD]		= "enable-method",
	[DT_ADDRESS_CELLS]		= "#address-cells",
	[DT_SIZE_CELLS]			= "#size-cells",
	[DT_RANGES]			= "ranges",
	[DT_INTERRUPT_PARENT]		= "interrupt-parent",
	[DT_INTERRUPT_CELLS]		= "#interrupt-cells",
	[DT_INTERRUPT_CONTROLLER]	= "interrupt-controller",
	[DT_INTERRUPTS_EXTENDED]	= "interrupts-extended",
	[DT_INTERRUPT_NAMES]		= "interrupt-names",
	[DT_CLOCKS]			= "clocks",
	[DT_CLOCK_FREQUENCY]		= "clock-frequency",
	[DT_METHOD]			= "method",
	[DT_REDIST_REGIONS]		= "#redistributor-regions",
	[DT_REDIST_STRIDE]		= "redistributor-stride",
	[DT_MODEL]			= "model",
	[DT_BOOTARGS]			= "bootargs",
	[DT_STDOUT_PATH]		= "stdout-path",
	[DT_INITRD_START]		= "linux,initrd-start",
	[DT_INITRD_END]			= "linux,initrd-end",
	[DT_RNG_SEED]			= "rng-seed",
};

int dt_fail_at(struct dt_walk *w, int node, const char *property, const char *what)
{
	w->fault = (struct dt_fault){ .node = node, .property = property, .what = what };
	return -EINVAL;
}

int dt_fail(struct dt_walk *w, enum dt_prop_id id, const char *what)
{
	return dt_fail_at(w, dt_node(w)->offset, dt_prop_names[id], what);
}

/* Addresses */

static bool cells_supported(unsigned int nr_cells)
{
	return nr_cells == 1 || nr_cells == 2;
}

/* Can entries of (address, size) below bus be read? */
static int check_cells(struct dt_walk *w, const struct dt_bus *bus)
{
	if (!cells_supported(bus->address_cells))
		return dt_fail_at(w, bus->offset, "#address-cells", "must be 1 or 2");
	if (!cells_supported(bus->size_cells))
		return dt_fail_at(w, bus->offset, "#size-cells", "must be 1 or 2");
	return 0;
}

/*
 * One step of translation, through the ranges of bus, whose parent has parent_cells address cells.
 * Returns 0 with region->base changed; -ENOENT when bus doesn't map all of it; -EINVAL.
 */
static int translate_step(struct dt_walk *w, const struct dt_bus *bus, unsigned int parent_cells,
			  struct dt_region *region)
{
	unsigned int entry = bus->address_cells + parent_cells + bus->size_cells;
	const uint32_t *range = bus->ranges.val;
	int left = bus->ranges.len;

	if (range == NULL)
		return -ENOENT;
	if (left == 0)
		return 0;
	if (left % (entry * DT_CELL) != 0)
		return dt_fail_at(w, bus->offset, "ranges", "is not a whole number of entries");
	for (; left > 0; left -= entry * DT_CELL, range += entry) {
		uint64_t child = dt_cells(range, bus->address_cells);
		uint64_t parent = dt_cells(range + bus->address_cells, parent_cells);
		uint64_t length = dt_cells(range + bus->address_cells + parent_cells,
					   bus->size_cells);
		uint64_t offset = region->base - child;

		if (region->base < child || offset >= length || length - offset < region->size)
			continue;
		if (__builtin_add_overflow(parent, offset, &region->base))
			return dt_fail_at(w, bus->offset, "ranges", "wraps around");
		return 0;
	}
	return -ENOENT;
}

/* From an address on the node's parent bus to the CPU's; as translate_step(). */
static int translate(struct dt_walk *w, struct dt_region *region)
{
	int rc;

	for (int d = w->depth - 1; d > 0; d--) {
		const struct dt_bus *bus = &w->bus[d], *parent = &w->bus[d - 1];

		rc = check_cells(w, bus);
		if (rc == 0 && !cells_supported(parent->address_cells))
			rc = dt_fail_at(w, parent->offset, "#address-cells", "must be 1 or 2");
		if (rc == 0)
			rc = translate_step(w, bus, parent->address_cells, region);
		if (rc != 0)
			return rc;
	}
	if (region->base + region->size < region->base)
		return dt_fail(w, DT_REG, "wraps around the end of the address space");
	return 0;
}

int dt_reg(struct dt_walk *w, unsigned int i, struct dt_region *region)
{
	const struct dt_bus *parent = dt_parent(w);
	unsigned int entry = parent->address_cells + parent->size_cells;
	const uint32_t *val = w->prop[DT_REG].val;
	unsigned int len = w->prop[DT_REG].len;
	int rc;

	if (w->depth == 0 || val == NULL)
		return -ENOENT;
	rc = check_cells(w, parent);
	if (rc != 0)
		return rc;
	if (len % (entry * DT_CELL) != 0)
		return dt_fail(w, DT_REG, "is not a whole number of (address, size) entries");
	if (i >= len / (entry * DT_CELL))
		return -ENOENT;
	val += i * entry;
	region->base = dt_cells(val, parent->address_cells);
	region->size = dt_cells(val + parent->address_cells, parent->size_cells);
	return translate(w, region);
}

int dt_need_reg(struct dt_walk *w, unsigned int i, struct dt_region *region)
{
	int rc = dt_reg(w, i, region);

	if (rc == -ENOENT && w->depth > 1 && dt_parent(w)->ranges.val == NULL)
		return dt_fail_at(w, dt_parent(w)->offset, "ranges", "is missing");
	if (rc == -ENOENT)
		return dt_fail(w, DT_REG, "lacks an entry, or no bus above maps it");
	if (rc == 0 && region->size == 0)
		return dt_fail(w, DT_REG, "has an empty entry");
	return rc;
}

int dt_each_reg(struct dt_walk *w, int (*add)(struct dt_walk *w, struct dt_region region))
{
	const struct dt_bus *parent = dt_parent(w);
	int left = w->prop[DT_REG].len, rc = 0;
	struct dt_region region;

	for (unsigned int i = 0; rc == 0 && left > 0; i++) {
		rc = dt_reg(w, i, &region);
		if (rc == -ENOENT)
			return dt_need_reg(w, i, &region);
		if (rc == 0 && region.size > 0)
			rc = add(w, region);
		left -= (parent->address_cells + parent->size_cells) * DT_CELL;
	}
	return rc;
}

/* The walk */

static void collect_prop(struct dt_walk *w, const struct dt_cursor *c)
{
	for (unsigned int id = 0; id < DT_NR_PROPS; id++) {
		const char *name = dt_prop_names[id];

		if (name[0] == c->name[0] && name[1] == c->name[1] && strcmp(name, c->name) == 0) {
			w->prop[id] = c->prop;
			break;
		}
	}
}

static bool is_enabled(const struct dt_walk *w)
{
	const char *status = dt_prop_string(w->prop[DT_STATUS]);

	return !dt_has(w, DT_STATUS) ||
	       (status != NULL && (strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0));
}

static uint8_t cell_count(const struct dt_walk *w, enum dt_prop_id id, uint8_t fallback)
{
	return dt_has(w, id) ? MIN(dt_prop_cell(w->prop[id], BAD_CELLS), BAD_CELLS) : fallback;
}

/* As Devicetree Specification section 2.4: what has #interrupt-cells is its children's parent. */
static void inherit_irq_parent(struct dt_walk *w)
{
	struct dt_bus *bus = dt_node(w), *parent = dt_parent(w);

	bus->irq_nexus = false;
	if (dt_has(w, DT_INTERRUPT_CELLS) && dt_has(w, DT_INTERRUPT_CONTROLLER)) {
		bus->irq_parent = dt_prop_cell(w->prop[DT_PHANDLE], 0);
	} else if (dt_has(w, DT_INTERRUPT_CELLS)) {
		bus->irq_nexus = true;
		bus->irq_parent = bus->offset;
	} else if (dt_has(w, DT_INTERRUPT_PARENT) || w->depth == 0) {
		bus->irq_parent = dt_prop_cell(w->prop[DT_INTERRUPT_PARENT], 0);
	} else {
		bus->irq_nexus = parent->irq_nexus;
		bus->irq_parent = parent->irq_parent;
	}
}

/* All properties of the node have been collected. */
static int visit_node(struct dt_walk *w)
{
	struct dt_bus *bus = dt_node(w);

	w->collecting = false;
	bus->address_cells = cell_count(w, DT_ADDRESS_CELLS, DEFAULT_ADDRESS_CELLS);
	bus->size_cells = cell_count(w, DT_SIZE_CELLS, DEFAULT_SIZE_CELLS);
	bus->ranges = w->prop[DT_RANGES];
	bus->disabled = !is_enabled(w) || (w->depth > 0 && dt_parent(w)->disabled);
	inherit_irq_parent(w);
	return w->visit(w);
}

static int enter_node(struct dt_walk *w, const struct dt_cursor *c)
{
	int rc = w->collecting ? visit_node(w) : 0;

	if (rc != 0)
		return rc;
	if (w->depth < 0 && c->offset != 0)
		return dt_fail_at(w, -1, "", "broken device tree: more than one root");
	if (w->depth + 1 == DT_MAX_DEPTH)
		return dt_fail_at(w, c->offset, "", "nodes are nested too deep");
	w->depth++;
	w->bus[w->depth].offset = c->offset;
	w->bus[w->depth].name = c->name;
	w->collecting = true;
	memset(w->prop, 0, sizeof(w->prop));
	return 0;
}

static int leave_node(struct dt_walk *w)
{
	int rc = w->collecting ? visit_node(w) : 0;

	if (w->depth < 0)
		return dt_fail_at(w, -1, "", "broken device tree: a node ends that never began");
	w->depth--;
	return rc;
}

static int step(struct dt_walk *w, enum dt_token token, const struct dt_cursor *c)
{
	switch (token) {
	case DT_PROP:
		if (!w->collecting)
			return dt_fail_at(w, -1, "", "broken device tree: a property after nodes");
		collect_prop(w, c);
		return 0;
	case DT_BEGIN_NODE:
		return enter_node(w, c);
	case DT_END_NODE:
		return leave_node(w);
	case DT_END:
		if (w->depth < 0 && c->offset > 0)
			return 0;
		break;
	case DT_BROKEN:
		break;
	}
	return dt_fail_at(w, -1, "", "broken device tree: the structure block is cut or garbled");
}

int dt_walk(struct dt_walk *w)
{
	struct dt_cursor c = { 0 };
	enum dt_token token;
	int rc;

	w->depth = -1;
	w->collecting = false;
	do {
		token = dt_next(&w->dt, &c);
		rc = step(w, token, &c);
	} while (rc == 0 && token != DT_END);
	return rc;
}
