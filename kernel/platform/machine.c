// SPDX-License-Identifier: MIT
/*
 * What the machine is, from its device tree (Devicetree Specification v0.4).
 *
 * The tree is walked once. A node is looked at because of its device_type, of its path where the
 * specification fixes one, or of its compatible strings, through a table; no other name of a node
 * means anything. Phandles may point forwards: interrupts, the UART's clock and stdout-path are
 * resolved after the walk.
 *
 * The tree may be hostile: lib/dt.c reads nothing outside it, strings are used once they have been
 * seen to end inside their property, and nothing recurses.
 *
 * Boot CPU only, no locks: the finder is too large for a stack.
 */
#include "kernel/platform/machine.h"
#include "lib/dt_walk.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MAX_UARTS	8	/* PL011s that stdout-path can choose from */
#define MAX_CLOCKS	16
#define MAX_IRQ_REFS	(MACHINE_MAX_VIRTIO + MAX_UARTS + 1)

#define DEFAULT_REDIST_REGIONS	1
#define REDIST_STRIDE_ALIGN	KIB(64)
#define MPIDR_AFFINITY_MASK	(GENMASK(39, 32) | GENMASK(23, 0))

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

/* Where interrupt specifiers stand and who reads them, to be decoded once the GIC is known. */
struct irq_ref {
	const void *spec;
	int node;
	uint32_t parent;	/* as dt_bus.irq_parent */
	uint32_t len : 30;	/* bytes */
	uint32_t nexus : 1;	/* as dt_bus.irq_nexus */
	uint32_t extended : 1;	/* interrupts-extended: each specifier names its parent */
};

struct dev_irq {
	struct machine_dev *dev;
	struct irq_ref ref;
};

struct uart {
	struct machine_dev dev;
	uint32_t clock_phandle;	/* 0: none */
	uint32_t clock_hz;	/* 0: not given */
};

struct clock {
	uint32_t phandle;
	uint32_t hz;
};

/* One kind of node that the walk cares about. */
struct visitor;

/* The walk and what it has found so far that isn't ready for struct machine. */
struct finder {
	struct dt_walk walk;
	struct machine *m;		/* NULL: only the UART is wanted */
	const struct visitor *visitors;	/* ends with a NULL name */
	int uart_node;			/* a UART whatever its compatible; 0: none */
	int device_node;		/* whose registers and interrupt are wanted; 0: none */
	struct machine_dev device;

	int aliases;			/* node's offset; 0: none */
	struct dt_prop stdout_path;
	struct uart uarts[MAX_UARTS];
	unsigned int nr_uarts;
	struct clock clocks[MAX_CLOCKS];
	unsigned int nr_clocks;
	struct dev_irq dev_irqs[MAX_IRQ_REFS];
	unsigned int nr_dev_irqs;

	struct irq_ref timer_irq;
	struct dt_prop timer_irq_names;
	struct irq_ref pmu_irq;
	struct irq_ref gic_irq;
	int gic_node;
	uint32_t gic_phandle;
	uint32_t gic_interrupt_cells;	/* 0: no GIC that we know */
};

struct visitor {
	const char *compatible;
	int (*visit)(struct finder *f);
};

static struct finder *finder_of(struct dt_walk *w)
{
	return container_of(w, struct finder, walk);
}

static int fail(struct finder *f, enum dt_prop_id id, const char *what)
{
	return dt_fail(&f->walk, id, what);
}

static struct dt_prop prop(const struct finder *f, enum dt_prop_id id)
{
	return f->walk.prop[id];
}

static bool has(const struct finder *f, enum dt_prop_id id)
{
	return dt_has(&f->walk, id);
}

static int this_node(struct finder *f)
{
	return dt_node(&f->walk)->offset;
}

/* RAM and reserved regions */

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
static void trim_ram(struct machine *m)
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

static int visit_memory(struct finder *f)
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
static int visit_reserved(struct finder *f)
{
	return dt_each_reg(&f->walk, add_reserved);
}

static int read_reservations(struct finder *f)
{
	struct dt_region region;
	int rc = 0;

	for (unsigned int i = 0; rc == 0; i++) {
		rc = dt_reservation(&f->walk.dt, i, &region.base, &region.size);
		if (rc == 0 && region.size > 0)
			rc = add_reserved(&f->walk, region);
		else if (rc == -EINVAL)
			dt_fail_at(&f->walk, -1, "", "the memory reservation block has no end, "
				   "or an entry wraps around");
	}
	return rc == -ENOENT ? 0 : rc;
}

/* CPUs and PSCI */

static int visit_cpu(struct finder *f)
{
	unsigned int address_cells = dt_parent(&f->walk)->address_cells;
	struct dt_prop reg = prop(f, DT_REG);
	struct machine *m = f->m;
	struct machine_cpu *cpu;
	const char *method;
	uint64_t mpidr;

	if (address_cells != 1 && address_cells != 2)
		return dt_fail_at(&f->walk, dt_parent(&f->walk)->offset, "#address-cells",
				  "must be 1 or 2");
	if (reg.val == NULL || reg.len < (int)(address_cells * DT_CELL))
		return fail(f, DT_REG, "of a CPU must hold its MPIDR affinity");
	mpidr = dt_cells(reg.val, address_cells);
	if (mpidr & ~MPIDR_AFFINITY_MASK)
		return fail(f, DT_REG, "has bits that are no MPIDR affinity");
	for (unsigned int i = 0; i < m->nr_cpus; i++)
		if (m->cpus[i].mpidr == mpidr)
			return fail(f, DT_REG, "is another CPU's MPIDR too");
	m->nr_cpus_present++;
	if (m->nr_cpus == CONFIG_NR_CPUS)
		return 0;
	cpu = &m->cpus[m->nr_cpus++];
	cpu->mpidr = mpidr;
	cpu->psci = dt_list_contains(prop(f, DT_ENABLE_METHOD), "psci");
	method = dt_prop_string(prop(f, DT_ENABLE_METHOD));
	cpu->enable_method = method != NULL ? method : "";
	return 0;
}

/* From version 0.2 on: before, the tree gave each function its number, and there were few. */
static int visit_psci(struct finder *f)
{
	const char *method = dt_prop_string(prop(f, DT_METHOD));

	if (method != NULL && strcmp(method, "smc") == 0)
		f->m->psci = PSCI_CONDUIT_SMC;
	else if (method != NULL && strcmp(method, "hvc") == 0)
		f->m->psci = PSCI_CONDUIT_HVC;
	else
		return fail(f, DT_METHOD, "must be \"smc\" or \"hvc\"");
	return 0;
}

/* Interrupts */

/* What the node says of its interrupts. */
static struct irq_ref irq_ref_of_node(struct finder *f)
{
	const struct dt_bus *parent = dt_parent(&f->walk);
	bool extended = has(f, DT_INTERRUPTS_EXTENDED);
	struct dt_prop spec = prop(f, extended ? DT_INTERRUPTS_EXTENDED : DT_INTERRUPTS);
	bool own_parent = has(f, DT_INTERRUPT_PARENT);

	return (struct irq_ref) {
		.spec = spec.val,
		.node = this_node(f),
		.parent = own_parent ? dt_prop_cell(prop(f, DT_INTERRUPT_PARENT), 0) :
				       parent->irq_parent,
		.len = spec.len,
		.nexus = !own_parent && parent->irq_nexus,
		.extended = extended,
	};
}

static void note_dev_irq(struct finder *f, struct machine_dev *dev)
{
	struct irq_ref ref = irq_ref_of_node(f);

	if (f->m != NULL && ref.spec != NULL && f->nr_dev_irqs < MAX_IRQ_REFS)
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
	if (mask.val == NULL || mask.len != (int)((addr + irq) * DT_CELL))
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

	if (spec == NULL || f->gic_interrupt_cells == 0)
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
static int resolve_irq(struct finder *f, const struct irq_ref *ref, unsigned int i, uint32_t *intid,
		       bool *edge)
{
	const uint32_t *spec = gic_spec(f, ref, i);
	const char *name = dt_prop_names[ref->extended ? DT_INTERRUPTS_EXTENDED : DT_INTERRUPTS];
	uint32_t type, number;

	*intid = 0;
	*edge = false;
	if (spec == NULL)
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

/* GIC */

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
	for (; rc == 0 && m->nr_gicr < regions; m->nr_gicr++)
		rc = need_region(f, 1 + m->nr_gicr, &m->gicr[m->nr_gicr]);
	return rc;
}

static int visit_gicv3(struct finder *f)
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
static void note_other_intc(struct finder *f)
{
	const char *compatible = dt_prop_string(prop(f, DT_COMPATIBLE));
	uint32_t phandle = dt_prop_cell(prop(f, DT_PHANDLE), 0);
	bool is_root = phandle != 0 && phandle == f->walk.bus[0].irq_parent;
	struct machine *m = f->m;

	if (m->has_gicv3 || compatible == NULL)
		return;
	if (m->gic_compatible[0] == '\0' || is_root)
		strlcpy(m->gic_compatible, compatible, sizeof(m->gic_compatible));
}

static int visit_its(struct finder *f)
{
	struct machine *m = f->m;

	if (m->nr_its == MACHINE_MAX_ITS)
		return fail(f, DT_COMPATIBLE, "makes too many ITSs (MACHINE_MAX_ITS)");
	return need_region(f, 0, &m->its[m->nr_its++]);
}

static int resolve_gic(struct finder *f)
{
	bool edge;

	return resolve_irq(f, &f->gic_irq, 0, &f->m->gic_maint_intid, &edge);
}

/* Timer */

static int visit_timer(struct finder *f)
{
	if (f->timer_irq.spec == NULL) {
		f->timer_irq = irq_ref_of_node(f);
		f->timer_irq_names = prop(f, DT_INTERRUPT_NAMES);
	}
	return 0;
}

/* By their names, or where there are none, in the binding's order. */
static int resolve_timer(struct finder *f)
{
	static const char *const names[] = { "sec-phys", "phys", "virt", "hyp-phys" };
	struct machine *m = f->m;
	uint32_t *const intids[] = {
		&m->timer_sec_intid, &m->timer_phys_intid, &m->timer_virt_intid,
		&m->timer_hyp_intid,
	};
	struct dt_prop list = f->timer_irq_names;
	bool named = list.val != NULL, edge;
	uint32_t intid;

	/* The binding has a fifth, hyp-virt. */
	for (unsigned int i = 0; i < ARRAY_SIZE(names) + named; i++) {
		const char *name = named ? dt_next_string(&list) : names[i];
		int rc = resolve_irq(f, &f->timer_irq, i, &intid, &edge);

		if (rc != 0)
			return rc;
		for (unsigned int t = 0; name != NULL && t < ARRAY_SIZE(names); t++)
			if (strcmp(name, names[t]) == 0)
				*intids[t] = intid;
	}
	return 0;
}

/* PMU */

static int visit_pmu(struct finder *f)
{
	if (f->pmu_irq.spec == NULL)
		f->pmu_irq = irq_ref_of_node(f);
	return 0;
}

/* One private interrupt of all CPUs. An SPI for each of them is possible, and of no use here. */
static int resolve_pmu(struct finder *f)
{
	uint32_t intid;
	bool edge;
	int rc = resolve_irq(f, &f->pmu_irq, 0, &intid, &edge);

	f->m->pmu_intid = intid < GIC_SPI_BASE ? intid : 0;
	return rc;
}

/* Devices */

/* Fill dev from the node. Returns 0; -ENOENT when the CPU can't reach its registers; -EINVAL. */
static int read_dev(struct finder *f, struct machine_dev *dev)
{
	struct dt_region region = { 0, 0 };
	int rc = dt_reg(&f->walk, 0, &region);

	*dev = (struct machine_dev) {
		.regs = { pa(region.base), region.size },
		.node = this_node(f),
	};
	if (rc == 0)
		note_dev_irq(f, dev);
	return rc;
}

static int visit_uart(struct finder *f)
{
	struct uart *uart = &f->uarts[f->nr_uarts];
	struct dt_prop clocks = prop(f, DT_CLOCKS);
	int rc;

	/* The last place is kept for the one that is looked for. */
	if (f->nr_uarts >= MAX_UARTS - (this_node(f) != f->uart_node))
		return 0;
	rc = read_dev(f, &uart->dev);
	if (rc != 0)
		return rc == -ENOENT ? 0 : rc;
	uart->clock_phandle = clocks.len >= (int)DT_CELL ? dt_cell(clocks.val, 0) : 0;
	uart->clock_hz = dt_prop_cell(prop(f, DT_CLOCK_FREQUENCY), 0);
	f->nr_uarts++;
	return 0;
}

static int visit_clock(struct finder *f)
{
	if (f->nr_clocks < MAX_CLOCKS)
		f->clocks[f->nr_clocks++] = (struct clock) {
			.phandle = dt_prop_cell(prop(f, DT_PHANDLE), 0),
			.hz = dt_prop_cell(prop(f, DT_CLOCK_FREQUENCY), 0),
		};
	return 0;
}

static int visit_rtc(struct finder *f)
{
	struct machine *m = f->m;
	int rc;

	if (m->has_rtc)
		return 0;
	rc = read_dev(f, &m->rtc);
	m->has_rtc = rc == 0;
	return rc == -ENOENT ? 0 : rc;
}

/* Transports past the table's end stay unused. */
static int visit_virtio(struct finder *f)
{
	struct machine *m = f->m;
	int rc;

	if (m->nr_virtio == MACHINE_MAX_VIRTIO)
		return 0;
	rc = read_dev(f, &m->virtio[m->nr_virtio]);
	m->nr_virtio += rc == 0;
	return rc == -ENOENT ? 0 : rc;
}

static int visit_pcie(struct finder *f)
{
	f->m->has_pcie = true;
	return 0;
}

static int visit_smmu(struct finder *f)
{
	f->m->has_smmu = true;
	return 0;
}

static int resolve_devices(struct finder *f)
{
	for (unsigned int i = 0; i < f->nr_dev_irqs; i++) {
		struct machine_dev *dev = f->dev_irqs[i].dev;
		int rc = resolve_irq(f, &f->dev_irqs[i].ref, 0, &dev->intid, &dev->edge);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* /chosen and the console */

static int read_initrd(struct finder *f)
{
	uint64_t start, end;

	if (!has(f, DT_INITRD_START) || !has(f, DT_INITRD_END))
		return 0;
	if (!dt_prop_number(prop(f, DT_INITRD_START), &start))
		return fail(f, DT_INITRD_START, "must be one or two cells");
	if (!dt_prop_number(prop(f, DT_INITRD_END), &end))
		return fail(f, DT_INITRD_END, "must be one or two cells");
	if (end < start)
		return fail(f, DT_INITRD_END, "lies below linux,initrd-start");
	f->m->initrd = (struct mem_region){ pa(start), end - start };
	return 0;
}

static int visit_chosen(struct finder *f)
{
	struct machine *m = f->m;

	f->stdout_path = prop(f, DT_STDOUT_PATH);
	if (m == NULL)
		return 0;
	if (has(f, DT_BOOTARGS)) {
		m->bootargs = dt_prop_string(prop(f, DT_BOOTARGS));
		if (m->bootargs == NULL)
			return fail(f, DT_BOOTARGS, "is not a string");
	}
	if (prop(f, DT_RNG_SEED).len > 0) {
		m->rng_seed = (uint8_t *)prop(f, DT_RNG_SEED).val;
		m->rng_seed_len = prop(f, DT_RNG_SEED).len;
	}
	return read_initrd(f);
}

/* The value of an alias, whose name is not terminated. */
static const char *alias_path(const struct finder *f, const char *alias, size_t len)
{
	char name[32];

	if (f->aliases == 0 || len >= sizeof(name))
		return NULL;
	memcpy(name, alias, len);
	name[len] = '\0';
	return dt_prop_string(dt_get(&f->walk.dt, f->aliases, name));
}

/* The node that stdout-path names, by path or alias; 0 when it names none. */
static int stdout_node(const struct finder *f)
{
	const char *path = dt_prop_string(f->stdout_path), *options;
	size_t len;

	if (path == NULL)
		return 0;
	options = strchr(path, ':');
	len = options != NULL ? (size_t)(options - path) : strlen(path);
	if (*path != '/') {
		path = alias_path(f, path, len);
		if (path == NULL)
			return 0;
		len = strlen(path);
	}
	return MAX(dt_find(&f->walk.dt, path, len), 0);
}

/* The options are baud rate, parity, bits, flow control: "115200n8". */
static uint32_t stdout_baud(const struct finder *f)
{
	const char *path = dt_prop_string(f->stdout_path);
	const char *options = path != NULL ? strchr(path, ':') : NULL;
	unsigned long baud = options != NULL ? strtoul(options + 1, NULL, 10) : 0;

	return baud <= UINT32_MAX ? baud : 0;
}

static uint32_t uart_clock_hz(const struct finder *f, const struct uart *uart)
{
	if (uart->clock_hz != 0 || uart->clock_phandle == 0)
		return uart->clock_hz;
	for (unsigned int i = 0; i < f->nr_clocks; i++)
		if (f->clocks[i].phandle == uart->clock_phandle)
			return f->clocks[i].hz;
	return 0;
}

static const struct uart *uart_at(const struct finder *f, int node)
{
	for (unsigned int i = 0; i < f->nr_uarts; i++)
		if (f->uarts[i].dev.node == node)
			return &f->uarts[i];
	return NULL;
}

/*
 * The console is the UART that stdout-path names, of whatever kind, else the first PL011. Returns
 * 0; -EAGAIN when that is a node that the walk had no reason to look at, with its offset in
 * *wanted.
 */
static int resolve_uart(struct finder *f, int *wanted)
{
	int node = stdout_node(f);
	const struct uart *uart = uart_at(f, node);
	struct machine *m = f->m;

	*wanted = node;
	if (uart == NULL && node != 0 && f->uart_node == 0)
		return -EAGAIN;
	if (uart == NULL && f->nr_uarts > 0)
		uart = &f->uarts[0];
	if (uart == NULL)
		return 0;
	m->has_uart = true;
	m->uart = uart->dev;
	m->uart_clock_hz = uart_clock_hz(f, uart);
	m->uart_baud = uart->dev.node == node ? stdout_baud(f) : 0;
	return 0;
}

/* The walk */

static void visit_root(struct finder *f)
{
	const char *model = dt_prop_string(prop(f, DT_MODEL));

	if (f->m != NULL && model != NULL)
		strlcpy(f->m->model, model, sizeof(f->m->model));
}

/* The nodes whose path the specification fixes. */
static int visit_by_path(struct finder *f)
{
	const struct dt_bus *node = dt_node(&f->walk), *parent = dt_parent(&f->walk);

	if (f->walk.depth == 0)
		visit_root(f);
	else if (f->walk.depth == 1 && strcmp(node->name, "chosen") == 0)
		return visit_chosen(f);
	else if (f->walk.depth == 1 && strcmp(node->name, "aliases") == 0)
		f->aliases = node->offset;
	else if (f->walk.depth == 2 && f->m != NULL && !node->disabled &&
		 strcmp(parent->name, "reserved-memory") == 0)
		return visit_reserved(f);
	return 0;
}

static int visit_by_type(struct finder *f)
{
	const char *type = dt_prop_string(prop(f, DT_DEVICE_TYPE));

	if (type == NULL || f->m == NULL)
		return 0;
	if (strcmp(type, "memory") == 0)
		return visit_memory(f);
	if (strcmp(type, "cpu") == 0)
		return visit_cpu(f);
	return 0;
}

/* By the first of its compatible strings that a visitor is there for. */
static int visit_by_compatible(struct finder *f)
{
	struct dt_prop list = prop(f, DT_COMPATIBLE);
	const char *s;

	if (f->device_node != 0 && this_node(f) == f->device_node)
		return read_dev(f, &f->device);
	if (f->uart_node != 0 && this_node(f) == f->uart_node)
		return visit_uart(f);
	while ((s = dt_next_string(&list)) != NULL)
		for (const struct visitor *v = f->visitors; v->compatible != NULL; v++)
			if (strcmp(s, v->compatible) == 0)
				return v->visit(f);
	if (f->m != NULL && has(f, DT_INTERRUPT_CONTROLLER))
		note_other_intc(f);
	return 0;
}

static int visit_node(struct dt_walk *w)
{
	struct finder *f = finder_of(w);
	int rc = visit_by_path(f);

	if (rc == 0 && !dt_node(w)->disabled)
		rc = visit_by_type(f);
	if (rc == 0 && !dt_node(w)->disabled)
		rc = visit_by_compatible(f);
	/* For the early console, a node that makes no sense is a node that is not there. */
	return f->m != NULL ? rc : 0;
}

/* Entry points */

static const struct visitor early_visitors[] = {
	{ "arm,pl011",			visit_uart },
	{ "arm,sbsa-uart",		visit_uart },
	{ NULL,				NULL },
};

static const struct visitor visitors[] = {
	{ "virtio,mmio",		visit_virtio },
	{ "arm,pl011",			visit_uart },
	{ "arm,sbsa-uart",		visit_uart },
	{ "arm,pl031",			visit_rtc },
	{ "fixed-clock",		visit_clock },
	{ "arm,gic-v3",			visit_gicv3 },
	{ "arm,gic-v3-its",		visit_its },
	{ "arm,armv8-timer",		visit_timer },
	{ "arm,armv8-pmuv3",		visit_pmu },
	{ "arm,psci-1.0",		visit_psci },
	{ "arm,psci-0.2",		visit_psci },
	{ "arm,smmu-v3",		visit_smmu },
	{ "pci-host-ecam-generic",	visit_pcie },
	{ NULL,				NULL },
};

static struct finder the_finder;

static struct finder *new_finder(const struct dt *dt, struct machine *m,
				 const struct visitor *which)
{
	struct finder *f = &the_finder;

	memset(f, 0, sizeof(*f));
	f->walk.dt = *dt;
	f->walk.visit = visit_node;
	f->walk.depth = -1;
	f->m = m;
	f->visitors = which;
	return f;
}

int machine_find_uart(const void *fdt, struct mem_region *regs)
{
	const struct uart *uart;
	struct finder *f;
	const char *why;
	struct dt dt;

	if (dt_open(&dt, fdt, UINT64_MAX, &why) != 0)
		return -ENOENT;
	f = new_finder(&dt, NULL, early_visitors);
	/* A tree that breaks off later may have shown the UART before. */
	if (dt_walk(&f->walk) != 0 && f->nr_uarts == 0)
		return -ENOENT;
	uart = uart_at(f, stdout_node(f));
	if (uart == NULL && f->nr_uarts > 0)
		uart = &f->uarts[0];
	if (uart == NULL)
		return -ENOENT;
	*regs = uart->dev.regs;
	return 0;
}

bool machine_tree_is_whole(const void *fdt)
{
	const char *why;
	struct dt dt;

	return dt_open(&dt, fdt, UINT64_MAX, &why) == 0 &&
	       dt_walk(&new_finder(&dt, NULL, early_visitors)->walk) == 0;
}

static int discover(struct finder *f, int *wanted_uart)
{
	int rc = read_reservations(f);

	if (rc == 0)
		rc = dt_walk(&f->walk);
	if (rc == 0)
		rc = resolve_gic(f);
	if (rc == 0)
		rc = resolve_timer(f);
	if (rc == 0)
		rc = resolve_pmu(f);
	if (rc == 0)
		rc = resolve_devices(f);
	if (rc == 0)
		rc = resolve_uart(f, wanted_uart);
	return rc;
}

static void describe_fault(const struct finder *f, struct machine_error *err)
{
	const struct dt_fault *fault = &f->walk.fault;

	err->what = fault->what;
	strlcpy(err->property, fault->property, sizeof(err->property));
	if (fault->node >= 0)
		dt_path(&f->walk.dt, fault->node, err->path, sizeof(err->path));
}

/* One attempt; uart_node is a UART whatever its compatible, 0: none. */
static int discover_from(const struct dt *dt, int uart_node, struct machine *m,
			 struct machine_error *err, int *wanted_uart)
{
	struct finder *f = new_finder(dt, m, visitors);
	int rc;

	f->uart_node = uart_node;
	memset(m, 0, sizeof(*m));
	m->fdt = dt->blob;
	m->fdt_size = dt->size;
	m->bootargs = "";
	rc = discover(f, wanted_uart);
	if (rc == -EINVAL)
		describe_fault(f, err);
	return rc;
}

int machine_discover(const void *fdt, uint32_t size, struct machine *m, struct machine_error *err)
{
	struct dt dt;
	int uart_node, rc;

	memset(m, 0, sizeof(*m));
	m->bootargs = "";
	*err = (struct machine_error){ .what = "" };
	if (dt_open(&dt, fdt, size, &err->what) != 0)
		return -EINVAL;
	rc = discover_from(&dt, 0, m, err, &uart_node);
	if (rc == -EAGAIN)
		rc = discover_from(&dt, uart_node, m, err, &uart_node);
	trim_ram(m);
	return rc;
}

int machine_find_device(const void *fdt, const char *path, struct machine_dev *dev)
{
	static struct machine rest;	/* not wanted */
	const char *why;
	struct finder *f;
	struct dt dt;
	int rc;

	if (dt_open(&dt, fdt, UINT64_MAX, &why) != 0)
		return -ENOENT;
	memset(&rest, 0, sizeof(rest));
	f = new_finder(&dt, &rest, visitors);
	f->device_node = dt_find(&dt, path, strlen(path));
	if (f->device_node <= 0)
		return -ENOENT;
	rc = dt_walk(&f->walk);
	if (rc == 0)
		rc = resolve_gic(f);
	if (rc == 0)
		rc = resolve_devices(f);
	*dev = f->device;
	return rc == 0 && dev->node != 0 ? 0 : -ENOENT;
}

bool machine_node_is(const void *fdt, int node, const char *compat)
{
	struct dt dt;
	const char *why;

	return dt_open(&dt, fdt, UINT64_MAX, &why) == 0 &&
	       dt_list_contains(dt_get(&dt, node, "compatible"), compat);
}
