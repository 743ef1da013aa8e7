/* SPDX-License-Identifier: MIT */
/*
 * What a GICv3 does, as software sees it (IHI 0069H): one security state, affinity routing, no LPIs. A
 * reference for tests: each rule of the specification is written down once, without regard to how an
 * implementation would go about it. Five bits of priority.
 */
#ifndef TESTS_HOST_GIC_MODEL_H
#define TESTS_HOST_GIC_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define GIC_MODEL_CPUS		4
#define GIC_MODEL_PRIVATE	32
#define GIC_MODEL_INTIDS	64
#define GIC_MODEL_DISTRIBUTOR	(-1)
#define GIC_MODEL_IDLE		0xffu	/* running priority while nothing is active */

/* Offsets of the registers; GICR_* of private interrupts are at these from SGI_base. */
#define GIC_MODEL_CTLR		0x0000u
#define GIC_MODEL_IGROUPR	0x0080u
#define GIC_MODEL_ISENABLER	0x0100u
#define GIC_MODEL_ICENABLER	0x0180u
#define GIC_MODEL_ISPENDR	0x0200u
#define GIC_MODEL_ICPENDR	0x0280u
#define GIC_MODEL_ISACTIVER	0x0300u
#define GIC_MODEL_ICACTIVER	0x0380u
#define GIC_MODEL_IPRIORITYR	0x0400u
#define GIC_MODEL_ICFGR		0x0c00u
#define GIC_MODEL_IROUTER	0x6000u

struct gic_model_irq {
	bool latch;		/* pending by an edge, an SGI or ISPENDR */
	bool line;
	bool active;
	bool enabled;
	bool group1;
	bool edge;
	uint8_t priority;
	uint64_t route;
};

struct gic_model_cpu {
	uint64_t affinity;
	struct gic_model_irq irq[GIC_MODEL_PRIVATE];
	unsigned int pmr;
	unsigned int bpr[2];	/* binary points of group 0 and 1 */
	bool group_on[2];	/* ICC_IGRPEN<n>_EL1 */
	bool split_eoi;		/* ICC_CTLR_EL1.EOImode */

	/* Acknowledged, priority not dropped yet; the last one is the most urgent. */
	struct {
		unsigned int intid, priority;
		bool group1;
	} running[32];
	unsigned int nr_running;
};

struct gic_model {
	unsigned int nr_cpus;
	struct gic_model_cpu cpu[GIC_MODEL_CPUS];
	struct gic_model_irq irq[GIC_MODEL_INTIDS];	/* from GIC_MODEL_PRIVATE on */
	bool group_on[2];	/* GICD_CTLR */
};

/* Reset state. Affinities, and what the CPU interfaces are set to, are the caller's. */
void gic_model_reset(struct gic_model *g, unsigned int nr_cpus);

/* An interrupt as that CPU sees it. */
struct gic_model_irq *gic_model_irq(struct gic_model *g, int cpu, unsigned int intid);
bool gic_model_pending(const struct gic_model_irq *irq);

/* Accesses of 1, 4 or 8 bytes to the distributor or a CPU's SGI frame; only registers named above. */
uint64_t gic_model_read(struct gic_model *g, int frame, uint32_t offset, unsigned int size);
void gic_model_write(struct gic_model *g, int frame, uint32_t offset, unsigned int size, uint64_t val);

void gic_model_line(struct gic_model *g, int cpu, unsigned int intid, bool level);

/* ICC_SGI1R_EL1 (group1), ICC_SGI0R_EL1. */
void gic_model_sgi(struct gic_model *g, int from, uint64_t val, bool group1);

/* Whether the distributor presents the interrupt to the CPU, and the CPU has its group on. */
bool gic_model_presented(struct gic_model *g, int cpu, unsigned int intid);

/* The priority of the most urgent one presented, GIC_MODEL_IDLE for none; and of what is running. */
unsigned int gic_model_highest(struct gic_model *g, int cpu);
unsigned int gic_model_rpr(const struct gic_model *g, int cpu);

/* Whether the priority is high enough to be signalled now. */
bool gic_model_preempts(const struct gic_model *g, int cpu, unsigned int priority, bool group1);

/* The CPU acknowledges it; ends (EOIR) what it acknowledged last; deactivates (DIR). */
void gic_model_ack(struct gic_model *g, int cpu, unsigned int intid);
unsigned int gic_model_eoi(struct gic_model *g, int cpu, bool *group1);
void gic_model_dir(struct gic_model *g, int cpu, unsigned int intid);

#endif
