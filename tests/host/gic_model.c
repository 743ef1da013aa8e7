// SPDX-License-Identifier: MIT
/* See gic_model.h. Chapters of IHI 0069H: 4 (states, priorities, routing), 12.2 (ICC_*), 12.9 (GICD_*). */
#include "tests/host/gic_model.h"

#include <stdlib.h>
#include <string.h>

#define CTLR_GRP0	0x01u
#define CTLR_GRP1	0x02u
#define CTLR_ARE	0x10u
#define CTLR_DS		0x40u
#define ROUTE_BITS	0xff80ffffffull

void gic_model_reset(struct gic_model *g, unsigned int nr_cpus)
{
	memset(g, 0, sizeof(*g));
	g->nr_cpus = nr_cpus;
	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
		for (unsigned int sgi = 0; sgi < 16; sgi++)
			g->cpu[cpu].irq[sgi].edge = true;
	}
}

struct gic_model_irq *gic_model_irq(struct gic_model *g, int cpu, unsigned int intid)
{
	return intid < GIC_MODEL_PRIVATE ? &g->cpu[cpu].irq[intid] : &g->irq[intid];
}

bool gic_model_pending(const struct gic_model_irq *irq)
{
	return irq->edge ? irq->latch : irq->latch || irq->line;
}

/* ---- registers ---- */

/* With affinity routing, private interrupts are in redistributors only. */
static struct gic_model_irq *in_frame(struct gic_model *g, int frame, unsigned int intid)
{
	if (frame == GIC_MODEL_DISTRIBUTOR)
		return intid >= GIC_MODEL_PRIVATE && intid < GIC_MODEL_INTIDS ? &g->irq[intid] : NULL;
	return intid < GIC_MODEL_PRIVATE ? &g->cpu[frame].irq[intid] : NULL;
}

/* The bank that an offset lies in, and how many bits each interrupt has there. */
static uint32_t bank_of(uint32_t offset, unsigned int *bits)
{
	*bits = 1;
	if (offset >= GIC_MODEL_ICFGR)
		*bits = 2;
	else if (offset >= GIC_MODEL_IPRIORITYR)
		*bits = 8;
	if (*bits == 1)
		return offset & ~0x7fu;
	return *bits == 2 ? GIC_MODEL_ICFGR : GIC_MODEL_IPRIORITYR;
}

static unsigned int get(const struct gic_model_irq *irq, uint32_t bank)
{
	switch (bank) {
	case GIC_MODEL_IGROUPR:
		return irq->group1;
	case GIC_MODEL_ISENABLER:
	case GIC_MODEL_ICENABLER:
		return irq->enabled;
	case GIC_MODEL_ISPENDR:
	case GIC_MODEL_ICPENDR:
		return gic_model_pending(irq);
	case GIC_MODEL_ISACTIVER:
	case GIC_MODEL_ICACTIVER:
		return irq->active;
	case GIC_MODEL_IPRIORITYR:
		return irq->priority;
	case GIC_MODEL_ICFGR:
		return irq->edge ? 2 : 0;
	default:
		abort();
	}
}

static void set(struct gic_model_irq *irq, uint32_t bank, unsigned int intid, unsigned int val)
{
	switch (bank) {
	case GIC_MODEL_IGROUPR:
		irq->group1 = val;
		break;
	case GIC_MODEL_ISENABLER:
		irq->enabled |= val;
		break;
	case GIC_MODEL_ICENABLER:
		irq->enabled &= !val;
		break;
	case GIC_MODEL_ISPENDR:
		irq->latch |= val;
		break;
	case GIC_MODEL_ICPENDR:
		irq->latch &= !val;
		break;
	case GIC_MODEL_ISACTIVER:
		irq->active |= val;
		break;
	case GIC_MODEL_ICACTIVER:
		irq->active &= !val;
		break;
	case GIC_MODEL_IPRIORITYR:
		irq->priority = val & 0xf8;
		break;
	case GIC_MODEL_ICFGR:
		if (intid >= GIC_MODEL_PRIVATE)
			irq->edge = val & 2;
		break;
	default:
		abort();
	}
}

static uint64_t ones(unsigned int bits)
{
	return bits == 64 ? ~0ull : (1ull << bits) - 1;
}

static uint64_t *router(struct gic_model *g, uint32_t offset)
{
	static uint64_t none;
	struct gic_model_irq *irq = in_frame(g, GIC_MODEL_DISTRIBUTOR, (offset - GIC_MODEL_IROUTER) / 8);

	none = 0;
	return irq ? &irq->route : &none;
}

uint64_t gic_model_read(struct gic_model *g, int frame, uint32_t offset, unsigned int size)
{
	unsigned int bits, first;
	uint64_t val = 0;
	uint32_t bank;

	if (frame == GIC_MODEL_DISTRIBUTOR && offset == GIC_MODEL_CTLR)
		return CTLR_DS | CTLR_ARE | (g->group_on[0] ? CTLR_GRP0 : 0) |
		       (g->group_on[1] ? CTLR_GRP1 : 0);
	if (frame == GIC_MODEL_DISTRIBUTOR && offset >= GIC_MODEL_IROUTER)
		return *router(g, offset) >> offset % 8 * 8 & ones(size * 8);
	bank = bank_of(offset, &bits);
	first = (offset - bank) * 8 / bits;
	for (unsigned int i = 0; i < size * 8 / bits; i++) {
		struct gic_model_irq *irq = in_frame(g, frame, first + i);

		if (irq)
			val |= (uint64_t)get(irq, bank) << i * bits;
	}
	return val;
}

void gic_model_write(struct gic_model *g, int frame, uint32_t offset, unsigned int size, uint64_t val)
{
	unsigned int bits, first;
	uint32_t bank;

	if (frame == GIC_MODEL_DISTRIBUTOR && offset == GIC_MODEL_CTLR) {
		g->group_on[0] = val & CTLR_GRP0;
		g->group_on[1] = val & CTLR_GRP1;
		return;
	}
	if (frame == GIC_MODEL_DISTRIBUTOR && offset >= GIC_MODEL_IROUTER) {
		uint64_t mask = ones(size * 8) << offset % 8 * 8;
		uint64_t *route = router(g, offset);

		*route = ((*route & ~mask) | (val << offset % 8 * 8 & mask)) & ROUTE_BITS;
		return;
	}
	bank = bank_of(offset, &bits);
	first = (offset - bank) * 8 / bits;
	for (unsigned int i = 0; i < size * 8 / bits; i++) {
		struct gic_model_irq *irq = in_frame(g, frame, first + i);

		if (irq)
			set(irq, bank, first + i, (unsigned int)(val >> i * bits & ones(bits)));
	}
}

/* ---- what makes interrupts pending ---- */

void gic_model_line(struct gic_model *g, int cpu, unsigned int intid, bool level)
{
	struct gic_model_irq *irq = gic_model_irq(g, cpu, intid);

	if (irq->edge && level && !irq->line)
		irq->latch = true;
	irq->line = level;
}

void gic_model_sgi(struct gic_model *g, int from, uint64_t val, bool group1)
{
	for (unsigned int cpu = 0; cpu < g->nr_cpus; cpu++) {
		uint64_t aff = g->cpu[cpu].affinity;
		struct gic_model_irq *irq = &g->cpu[cpu].irq[val >> 24 & 15];
		bool meant;

		if (val >> 40 & 1)	/* IRM: all but oneself */
			meant = (int)cpu != from;
		else
			meant = (aff >> 32 & 0xff) == (val >> 48 & 0xff) &&
				(aff >> 16 & 0xff) == (val >> 32 & 0xff) &&
				(aff >> 8 & 0xff) == (val >> 16 & 0xff) &&
				(aff >> 4 & 0xf) == (val >> 44 & 0xf) && (val >> (aff & 0xf) & 1);
		if (meant && irq->group1 == group1)
			irq->latch = true;
	}
}

/* ---- the CPU interface ---- */

bool gic_model_presented(struct gic_model *g, int cpu, unsigned int intid)
{
	struct gic_model_irq *irq = gic_model_irq(g, cpu, intid);

	return gic_model_pending(irq) && irq->enabled && !irq->active && g->group_on[irq->group1] &&
	       g->cpu[cpu].group_on[irq->group1] &&
	       (intid < GIC_MODEL_PRIVATE || irq->route == g->cpu[cpu].affinity);
}

unsigned int gic_model_highest(struct gic_model *g, int cpu)
{
	unsigned int best = GIC_MODEL_IDLE;

	for (unsigned int intid = 0; intid < GIC_MODEL_INTIDS; intid++) {
		unsigned int priority = gic_model_irq(g, cpu, intid)->priority;

		if (priority < best && gic_model_presented(g, cpu, intid))
			best = priority;
	}
	return best;
}

/* The part of a priority that decides about preemption. */
static unsigned int group_priority(const struct gic_model_cpu *c, unsigned int priority, bool group1)
{
	return priority >> (c->bpr[group1] + !group1) << (c->bpr[group1] + !group1);
}

unsigned int gic_model_rpr(const struct gic_model *g, int cpu)
{
	const struct gic_model_cpu *c = &g->cpu[cpu];

	return c->nr_running ? c->running[c->nr_running - 1].priority : GIC_MODEL_IDLE;
}

bool gic_model_preempts(const struct gic_model *g, int cpu, unsigned int priority, bool group1)
{
	const struct gic_model_cpu *c = &g->cpu[cpu];

	return priority < c->pmr &&
	       (!c->nr_running || group_priority(c, priority, group1) <
					  group_priority(c, gic_model_rpr(g, cpu), group1));
}

void gic_model_ack(struct gic_model *g, int cpu, unsigned int intid)
{
	struct gic_model_irq *irq = gic_model_irq(g, cpu, intid);
	struct gic_model_cpu *c = &g->cpu[cpu];

	irq->active = true;
	irq->latch = false;
	c->running[c->nr_running].intid = intid;
	c->running[c->nr_running].group1 = irq->group1;
	c->running[c->nr_running++].priority = group_priority(c, irq->priority, irq->group1);
}

unsigned int gic_model_eoi(struct gic_model *g, int cpu, bool *group1)
{
	struct gic_model_cpu *c = &g->cpu[cpu];
	unsigned int intid = c->running[--c->nr_running].intid;

	*group1 = c->running[c->nr_running].group1;
	if (!c->split_eoi)
		gic_model_dir(g, cpu, intid);
	return intid;
}

void gic_model_dir(struct gic_model *g, int cpu, unsigned int intid)
{
	gic_model_irq(g, cpu, intid)->active = false;
}
