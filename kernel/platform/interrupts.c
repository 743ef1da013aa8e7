// SPDX-License-Identifier: MIT
/* Interrupts of the device tree: specifiers, the GIC, the timer's, the PMU's. */
#include "kernel/platform/finder.h"
#include "lib/errno.h"
#include "lib/string.h"

#define DEFAULT_REDIST_REGIONS	1
#define REDIST_STRIDE_ALIGN	KIB(64)

/* Interrupt specifiers of the GIC's binding: type, number, flags. */
#define GIC_SPEC_CELLS	3
#define GIC_TYPE_SPI	0
#define GIC_TYPE_PPI	1
#define GIC_NR_TYPES	4	/* two more for the extended ranges */
#define GIC_FLAG_EDGES	3	/* rising 1, falling 2; 4 and 8 are levels */
#define GIC_PPI_BASE	16
#define GIC_NR_PPIS	16
#define GIC_SPI_BASE	32
#define GIC_NR_SPIS	988

/* What the node says of its interrupts. */
static struct irq_ref irq_ref_of_node(struct finder *f)
{
	const struct dt_bus *parent = dt_parent(&f->walk);
	bool extended = has(f, DT_INTERRUPTS_EXTENDED);
	struct dt_prop spec = prop(f, extended ? DT_INTERRUPTS_EXTENDED : DT_INTERRUPTS);
	bool own_parent = has(f, DT_INTERRUPT_PARENT);

	return (struct irq_ref){
		.spec = spec.val,
		.node = this_node(f),
		.parent = own_parent ? dt_prop_cell(prop(f, DT_INTERRUPT_PARENT), 0) :
				       parent->irq_parent,
		.len = spec.len,
		.nexus = !own_parent && parent->irq_nexus,
		.extended = extended,
	};
}

void note_dev_irq(struct finder *f, struct machine_dev *dev)
{
	struct irq_ref ref = irq_ref_of_node(f);

	if (f->m && ref.spec && f->nr_dev_irqs < MAX_IRQ_REFS)
		f->dev_irqs[f->nr_dev_irqs++] = (struct dev_irq){ .dev = dev, .ref = ref };
}

/*
 * The GIC specifier that a bus' interrupt-map gives for ref's first interrupt. Only maps that don't
 * look at the unit address and lead straight to the GIC; NULL for others.
 */
static const uint32_t *map_through_nexus(struct finder *f, const struct irq_ref *ref)
{
	const struct dt *dt = &f->walk.dt;
	struct dt_prop map = dt_get(dt, ref->parent, "interrupt-map");
	struct dt_prop mask = dt_get(dt, ref->parent, "interrupt-map-mask");
	uint32_t addr = dt_prop_cell(dt_get(dt, ref->parent, "#address-cells"), 2);
	uint32_t irq = dt_prop_cell(dt_get(dt, ref->parent, "#interrupt-cells"), 0);
	uint32_t gic_addr = dt_prop_cell(dt_get(dt, f->gic_node, "#address-cells"), 0);
	const uint32_t *entry = map.val;
	unsigned int entry_cells;

	if (irq != 1 || addr > 3 || gic_addr > 3 || ref->len < DT_CELL)
		return NULL;
	if (!mask.val || mask.len != (int)((addr + irq) * DT_CELL))
		return NULL;
	for (uint32_t i = 0; i < addr; i++)
		if (dt_cell(mask.val, i) != 0)
			return NULL;
	entry_cells = addr + irq + 1 + gic_addr + f->gic_interrupt_cells;
	for (; map.len >= (int)(entry_cells * DT_CELL); map.len -= entry_cells * DT_CELL) {
		if (dt_cell(entry, addr + irq) != f->gic_phandle)
			return NULL;
		if (((dt_cell(entry, addr) ^ dt_cell(ref->spec, 0)) & dt_cell(mask.val, addr)) == 0)
			return entry + addr + irq + 1 + gic_addr;
		entry += entry_cells;
	}
	return NULL;
}

/* The i-th specifier of ref when it is the GIC's and as long as those are, else NULL. */
static const uint32_t *gic_spec(struct finder *f, const struct irq_ref *ref, unsigned int i)
{
	unsigned int entry_cells = f->gic_interrupt_cells + ref->extended;
	const uint32_t *spec = ref->spec;

	if (!spec || f->gic_interrupt_cells == 0)
		return NULL;
	if (ref->nexus && !ref->extended)
		return i == 0 ? map_through_nexus(f, ref) : NULL;
	if (!ref->extended && ref->parent != f->gic_phandle)
		return NULL;
	if (ref->len / (entry_cells * DT_CELL) <= i)
		return NULL;
	for (unsigned int n = 0; ref->extended && n <= i; n++)
		if (dt_cell(spec, n * entry_cells) != f->gic_phandle)
			return NULL;
	return spec + i * entry_cells + ref->extended;
}

/*
 * The i-th interrupt of ref; *intid is 0 when it isn't there, isn't the GIC's, or lies in the
 * extended ranges, which Schism doesn't use.
 */
int resolve_irq(struct finder *f, const struct irq_ref *ref, unsigned int i, uint32_t *intid, bool *edge)
{
	const uint32_t *spec = gic_spec(f, ref, i);
	const char *name = dt_prop_names[ref->extended ? DT_INTERRUPTS_EXTENDED : DT_INTERRUPTS];
	uint32_t type, number;

	*intid = 0;
	*edge = false;
	if (!spec)
		return 0;
	type = dt_cell(spec, 0);
	number = dt_cell(spec, 1);
	if (type >= GIC_NR_TYPES)
		return dt_fail_at(&f->walk, ref->node, name, "has an unknown interrupt type");
	if ((type == GIC_TYPE_SPI && number >= GIC_NR_SPIS) ||
	    (type == GIC_TYPE_PPI && number >= GIC_NR_PPIS))
		return dt_fail_at(&f->walk, ref->node, name, "has an interrupt out of range");
	if (type == GIC_TYPE_SPI)
		*intid = GIC_SPI_BASE + number;
	else if (type == GIC_TYPE_PPI)
		*intid = GIC_PPI_BASE + number;
	*edge = (dt_cell(spec, 2) & GIC_FLAG_EDGES) != 0;
	return 0;
}

/* ---- GIC ---- */

static int need_region(struct finder *f, unsigned int i, struct mem_region *out)
{
	struct dt_region region = { 0, 0 };
	int rc = dt_need_reg(&f->walk, i, &region);

	*out = (struct mem_region){ pa(region.base), region.size };
	return rc;
}

static int read_gic_regs(struct finder *f)
{
	struct machine *m = f->m;
	uint32_t regions = DEFAULT_REDIST_REGIONS;
	int rc;

	if (has(f, DT_REDIST_REGIONS))
		regions = dt_prop_cell(prop(f, DT_REDIST_REGIONS), 0);
	if (regions == 0 || regions > MACHINE_MAX_REDIST)
		return fail(f, DT_REDIST_REGIONS, "must be 1 to MACHINE_MAX_REDIST");
	if (has(f, DT_REDIST_STRIDE) &&
	    (!dt_prop_number(prop(f, DT_REDIST_STRIDE), &m->gicr_stride) ||
	     !IS_ALIGNED(m->gicr_stride, REDIST_STRIDE_ALIGN)))
		return fail(f, DT_REDIST_STRIDE, "must be a multiple of 64 KiB");
	rc = need_region(f, 0, &m->gicd);
	for (; !rc && m->nr_gicr < regions; m->nr_gicr++)
		rc = need_region(f, 1 + m->nr_gicr, &m->gicr[m->nr_gicr]);
	return rc;
}

int visit_gicv3(struct finder *f)
{
	struct machine *m = f->m;

	if (m->has_gicv3)
		return 0;
	f->gic_interrupt_cells = dt_prop_cell(prop(f, DT_INTERRUPT_CELLS), 0);
	if (f->gic_interrupt_cells != GIC_SPEC_CELLS &&
	    f->gic_interrupt_cells != GIC_SPEC_CELLS + 1)
		return fail(f, DT_INTERRUPT_CELLS, "of a GICv3 must be 3 or 4");
	f->gic_node = this_node(f);
	f->gic_phandle = dt_prop_cell(prop(f, DT_PHANDLE), 0);
	f->gic_irq = irq_ref_of_node(f);
	/* The maintenance interrupt is its own, whether or not the tree says so. */
	f->gic_irq.parent = f->gic_phandle;
	f->gic_irq.nexus = 0;
	m->has_gicv3 = true;
	strlcpy(m->gic_compatible, "arm,gic-v3", sizeof(m->gic_compatible));
	return read_gic_regs(f);
}

/* Remember which controller this machine has instead of a GICv3: the root's, or else the first. */
void note_other_intc(struct finder *f)
{
	const char *compatible = dt_prop_string(prop(f, DT_COMPATIBLE));
	uint32_t phandle = dt_prop_cell(prop(f, DT_PHANDLE), 0);
	bool is_root = phandle != 0 && phandle == f->walk.bus[0].irq_parent;
	struct machine *m = f->m;

	if (m->has_gicv3 || !compatible)
		return;
	if (m->gic_compatible[0] == '\0' || is_root)
		strlcpy(m->gic_compatible, compatible, sizeof(m->gic_compatible));
}

int visit_its(struct finder *f)
{
	struct machine *m = f->m;

	if (m->nr_its == MACHINE_MAX_ITS)
		return fail(f, DT_COMPATIBLE, "makes too many ITSs (MACHINE_MAX_ITS)");
	return need_region(f, 0, &m->its[m->nr_its++]);
}

int resolve_gic(struct finder *f)
{
	bool edge;

	return resolve_irq(f, &f->gic_irq, 0, &f->m->gic_maint_intid, &edge);
}

/* ---- timer ---- */

int visit_timer(struct finder *f)
{
	if (!f->timer_irq.spec) {
		f->timer_irq = irq_ref_of_node(f);
		f->timer_irq_names = prop(f, DT_INTERRUPT_NAMES);
	}
	return 0;
}

/* By their names, or where there are none, in the binding's order. */
int resolve_timer(struct finder *f)
{
	static const char *const names[] = { "sec-phys", "phys", "virt", "hyp-phys" };
	struct machine *m = f->m;
	uint32_t *const intids[] = {
		&m->timer_sec_intid, &m->timer_phys_intid, &m->timer_virt_intid,
		&m->timer_hyp_intid,
	};
	struct dt_prop list = f->timer_irq_names;
	bool named = list.val, edge;
	uint32_t intid;

	/* The binding has a fifth, hyp-virt. */
	for (unsigned int i = 0; i < ARRAY_SIZE(names) + named; i++) {
		const char *name = named ? dt_next_string(&list) : names[i];
		int rc = resolve_irq(f, &f->timer_irq, i, &intid, &edge);

		if (rc)
			return rc;
		for (unsigned int t = 0; name && t < ARRAY_SIZE(names); t++)
			if (!strcmp(name, names[t]))
				*intids[t] = intid;
	}
	return 0;
}

/* ---- PMU ---- */

int visit_pmu(struct finder *f)
{
	if (!f->pmu_irq.spec)
		f->pmu_irq = irq_ref_of_node(f);
	return 0;
}

/* One private interrupt of all CPUs. An SPI for each of them is possible, and of no use here. */
int resolve_pmu(struct finder *f)
{
	uint32_t intid;
	bool edge;
	int rc = resolve_irq(f, &f->pmu_irq, 0, &intid, &edge);

	f->m->pmu_intid = intid < GIC_SPI_BASE ? intid : 0;
	return rc;
}
