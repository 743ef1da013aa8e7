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

#include "kernel/platform/finder.h"
#include "kernel/platform/serial.h"
#include "lib/errno.h"
#include "lib/string.h"

static void visit_root(struct finder *f)
{
	const char *model = dt_prop_string(prop(f, DT_MODEL));

	if (f->m && model)
		strlcpy(f->m->model, model, sizeof(f->m->model));
}

/* The nodes whose path the specification fixes. */
static int visit_by_path(struct finder *f)
{
	const struct dt_bus *node = dt_node(&f->walk), *parent = dt_parent(&f->walk);

	if (f->walk.depth == 0)
		visit_root(f);
	else if (f->walk.depth == 1 && !strcmp(node->name, "chosen"))
		return visit_chosen(f);
	else if (f->walk.depth == 1 && !strcmp(node->name, "aliases"))
		f->aliases = node->offset;
	else if (f->walk.depth == 2 && f->m && !node->disabled &&
		 !strcmp(parent->name, "reserved-memory"))
		return visit_reserved(f);
	return 0;
}

static int visit_by_type(struct finder *f)
{
	const char *type = dt_prop_string(prop(f, DT_DEVICE_TYPE));

	if (!type || !f->m)
		return 0;
	if (!strcmp(type, "memory"))
		return visit_memory(f);
	if (!strcmp(type, "cpu"))
		return visit_cpu(f);
	return 0;
}

/* By the first of its compatible strings that a visitor, or a driver of a UART, is there for. */
static int visit_by_compatible(struct finder *f)
{
	struct dt_prop list = prop(f, DT_COMPATIBLE);
	const char *s;

	if (f->device_node != 0 && this_node(f) == f->device_node)
		return read_dev(f, &f->device);
	if (f->uart_node != 0 && this_node(f) == f->uart_node)
		return visit_uart(f);
	while ((s = dt_next_string(&list))) {
		for (const struct visitor *v = f->visitors; v->compatible; v++)
			if (!strcmp(s, v->compatible))
				return v->visit(f);
		if (serial_driver_for(s))
			return visit_uart(f);
	}
	if (f->m && has(f, DT_INTERRUPT_CONTROLLER))
		note_other_intc(f);
	return 0;
}

static int visit_node(struct dt_walk *w)
{
	struct finder *f = finder_of(w);
	int rc = visit_by_path(f);

	if (!rc && !dt_node(w)->disabled)
		rc = visit_by_type(f);
	if (!rc && !dt_node(w)->disabled)
		rc = visit_by_compatible(f);
	/* For the early console, a node that makes no sense is a node that is not there. */
	return f->m ? rc : 0;
}

/* ---- what is asked ---- */

/* For who looks for a UART only. */
static const struct visitor no_visitors[] = {
	{ NULL,				NULL },
};

static const struct visitor visitors[] = {
	{ "virtio,mmio",		visit_virtio },
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

int machine_find_uart(const void *fdt, struct mem_region *regs, const struct serial_driver **driver)
{
	const struct uart *uart;
	struct finder *f;
	const char *why;
	struct dt dt;

	if (dt_open(&dt, fdt, UINT64_MAX, &why))
		return -ENOENT;
	f = new_finder(&dt, NULL, no_visitors);
	/* A tree that breaks off later may have shown the UART before. */
	if (dt_walk(&f->walk) && f->nr_uarts == 0)
		return -ENOENT;
	uart = uart_at(f, stdout_node(f));
	if (!uart && f->nr_uarts > 0)
		uart = &f->uarts[0];
	if (!uart)
		return -ENOENT;
	*regs = uart->dev.regs;
	*driver = uart->driver;
	return 0;
}

bool machine_tree_is_whole(const void *fdt)
{
	const char *why;
	struct dt dt;

	return !dt_open(&dt, fdt, UINT64_MAX, &why) &&
	       !dt_walk(&new_finder(&dt, NULL, no_visitors)->walk);
}

static int discover(struct finder *f, int *wanted_uart)
{
	int rc = read_reservations(f);

	if (!rc)
		rc = dt_walk(&f->walk);
	if (!rc)
		rc = resolve_gic(f);
	if (!rc)
		rc = resolve_timer(f);
	if (!rc)
		rc = resolve_pmu(f);
	if (!rc)
		rc = resolve_devices(f);
	if (!rc)
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
	if (dt_open(&dt, fdt, size, &err->what))
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

	if (dt_open(&dt, fdt, UINT64_MAX, &why))
		return -ENOENT;
	memset(&rest, 0, sizeof(rest));
	f = new_finder(&dt, &rest, visitors);
	f->device_node = dt_find(&dt, path, strlen(path));
	if (f->device_node <= 0)
		return -ENOENT;
	rc = dt_walk(&f->walk);
	if (!rc)
		rc = resolve_gic(f);
	if (!rc)
		rc = resolve_devices(f);
	*dev = f->device;
	return !rc && dev->node != 0 ? 0 : -ENOENT;
}

bool machine_node_is(const void *fdt, int node, const char *compat)
{
	struct dt dt;
	const char *why;

	return !dt_open(&dt, fdt, UINT64_MAX, &why) &&
	       dt_list_contains(dt_get(&dt, node, "compatible"), compat);
}
