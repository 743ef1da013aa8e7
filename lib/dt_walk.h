/* SPDX-License-Identifier: MIT */
/*
 * One pass over a device tree that shows each node with its properties and with what it inherits
 * from its ancestors: cell counts, address translation, interrupt parent, status (Devicetree
 * Specification v0.4, sections 2.3 and 2.4).
 *
 * A node's properties are collected as they pass; when its first child or its end is reached, the
 * visitor is called.
 */
#ifndef LIB_DT_WALK_H
#define LIB_DT_WALK_H

#include "lib/dt.h"

/* The properties that are collected, those of most nodes first. */
enum dt_prop_id {
	DT_COMPATIBLE,
	DT_REG,
	DT_INTERRUPTS,
	DT_PHANDLE,
	DT_STATUS,
	DT_DEVICE_TYPE,
	DT_ENABLE_METHOD,
	DT_ADDRESS_CELLS,
	DT_SIZE_CELLS,
	DT_RANGES,
	DT_INTERRUPT_PARENT,
	DT_INTERRUPT_CELLS,
	DT_INTERRUPT_CONTROLLER,
	DT_INTERRUPTS_EXTENDED,
	DT_INTERRUPT_NAMES,
	DT_CLOCKS,
	DT_CLOCK_FREQUENCY,
	DT_METHOD,
	DT_REDIST_REGIONS,
	DT_REDIST_STRIDE,
	DT_MODEL,
	DT_BOOTARGS,
	DT_STDOUT_PATH,
	DT_INITRD_START,
	DT_INITRD_END,
	DT_RNG_SEED,
	DT_NR_PROPS,
};

extern const char *const dt_prop_names[DT_NR_PROPS];

/* A node as far as its children inherit from it. */
struct dt_bus {
	int offset;
	const char *name;
	struct dt_prop ranges;
	uint32_t irq_parent;	/* phandle, or the nexus' offset when irq_nexus; 0: none */
	uint8_t address_cells;	/* 255: the property is malformed */
	uint8_t size_cells;
	bool irq_nexus;		/* an interrupt-map lies between the children and a controller */
	bool disabled;		/* or an ancestor is */
};

struct dt_region {
	uint64_t base;
	uint64_t size;		/* bytes */
};

/* What a refused property says wrong, in words that live for ever. */
struct dt_fault {
	int node;		/* offset, -1: none in particular */
	const char *property;	/* "" when it is none in particular */
	const char *what;
};

struct dt_walk {
	struct dt dt;
	/* Called once for each node. A value other than 0 ends the walk with it. */
	int (*visit)(struct dt_walk *w);

	int depth;			/* -1 outside the root */
	struct dt_bus bus[DT_MAX_DEPTH];	/* bus[0] is the root, bus[depth] the node */
	struct dt_prop prop[DT_NR_PROPS];	/* of the node */
	bool collecting;		/* the node has not been visited yet */
	struct dt_fault fault;		/* set with every -EINVAL */
};

/*
 * Visit every node of w->dt, which dt_open() has filled, beside w->visit. Returns 0; -EINVAL for a
 * broken tree; what a visitor returned.
 */
__must_check int dt_walk(struct dt_walk *w);

/* Record why a node or one of the visited node's properties is refused. Return -EINVAL. */
int dt_fail_at(struct dt_walk *w, int node, const char *property, const char *what);
int dt_fail(struct dt_walk *w, enum dt_prop_id id, const char *what);

/* The visited node, and the one above it (itself for the root). */
static inline struct dt_bus *dt_node(struct dt_walk *w)
{
	return &w->bus[w->depth];
}

static inline struct dt_bus *dt_parent(struct dt_walk *w)
{
	return &w->bus[MAX(w->depth - 1, 0)];
}

static inline bool dt_has(const struct dt_walk *w, enum dt_prop_id id)
{
	return w->prop[id].val != NULL;
}

/*
 * Entry i of the visited node's reg, translated to the CPU's addresses. Returns 0; -ENOENT when
 * there is no such entry or the CPU can't reach it; -EINVAL.
 */
__must_check int dt_reg(struct dt_walk *w, unsigned int i, struct dt_region *region);

/* The same, but what is missing or empty is -EINVAL. */
__must_check int dt_need_reg(struct dt_walk *w, unsigned int i, struct dt_region *region);

/* Hand each entry of the visited node's reg that isn't empty to add(), until that returns not 0. */
__must_check int dt_each_reg(struct dt_walk *w,
			     int (*add)(struct dt_walk *w, struct dt_region region));

#endif
