/* SPDX-License-Identifier: MIT */
/*
 * The walk over the device tree, and what it has found so far; inside kernel/platform. A visitor looks at the
 * node where the walk is, whose properties prop() gives, and returns 0 or, having said why by fail(),
 * -EINVAL. What may point forwards is resolved after the walk.
 */
#ifndef KERNEL_PLATFORM_FINDER_H
#define KERNEL_PLATFORM_FINDER_H

#include "kernel/platform/machine.h"
#include "lib/dt_walk.h"

#define MAX_UARTS	8	/* that stdout-path can choose from */
#define MAX_CLOCKS	16
#define MAX_IRQ_REFS	(MACHINE_MAX_VIRTIO + MAX_UARTS + 1)

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
	const struct serial_driver *driver;	/* NULL: none */
	uint32_t clock_phandle;	/* 0: none */
	uint32_t clock_hz;	/* 0: not given */
};

struct clock {
	uint32_t phandle;
	uint32_t hz;
};

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

/* One kind of node that the walk cares about. */
struct visitor {
	const char *compatible;
	int (*visit)(struct finder *f);
};

static inline struct finder *finder_of(struct dt_walk *w)
{
	return container_of(w, struct finder, walk);
}

static inline int fail(struct finder *f, enum dt_prop_id id, const char *what)
{
	return dt_fail(&f->walk, id, what);
}

static inline struct dt_prop prop(const struct finder *f, enum dt_prop_id id)
{
	return f->walk.prop[id];
}

static inline bool has(const struct finder *f, enum dt_prop_id id)
{
	return dt_has(&f->walk, id);
}

static inline int this_node(struct finder *f)
{
	return dt_node(&f->walk)->offset;
}

/* memory.c: a bank of RAM, a child of /reserved-memory; the header's reservations; whole pages. */
int visit_memory(struct finder *f);
int visit_reserved(struct finder *f);
int read_reservations(struct finder *f);
void trim_ram(struct machine *m);

/* cpus.c: a CPU, and how others than the first are switched on. */
int visit_cpu(struct finder *f);
int visit_psci(struct finder *f);

/*
 * interrupts.c: what a node says of its interrupts is noted on the walk, and resolved when the GIC is known:
 * *intid is 0 where the i-th one is not there, or not the GIC's.
 */
void note_dev_irq(struct finder *f, struct machine_dev *dev);
int resolve_irq(struct finder *f, const struct irq_ref *ref, unsigned int i, uint32_t *intid, bool *edge);

/* interrupts.c: the GIC, or what there is instead; interrupts of the timer and the performance monitors. */
int visit_gicv3(struct finder *f);
int visit_its(struct finder *f);
int visit_timer(struct finder *f);
int visit_pmu(struct finder *f);
void note_other_intc(struct finder *f);
int resolve_gic(struct finder *f);
int resolve_timer(struct finder *f);
int resolve_pmu(struct finder *f);

/* devices.c: registers and interrupt of the node; -ENOENT where the CPU cannot reach its registers. */
int read_dev(struct finder *f, struct machine_dev *dev);
int visit_uart(struct finder *f);
int visit_clock(struct finder *f);
int visit_rtc(struct finder *f);
int visit_virtio(struct finder *f);
int visit_pcie(struct finder *f);
int visit_smmu(struct finder *f);
int resolve_devices(struct finder *f);

/*
 * chosen.c: /chosen; the node that stdout-path names, 0: none; the UART at a node, NULL: none; which one is
 * the console. resolve_uart() returns -EAGAIN where the walk had no reason to look at that node, *wanted.
 */
int visit_chosen(struct finder *f);
int stdout_node(const struct finder *f);
const struct uart *uart_at(const struct finder *f, int node);
int resolve_uart(struct finder *f, int *wanted);

#endif
