// SPDX-License-Identifier: MIT
/*
 * Physical GICv3 (IHI 0069H): distributor, this CPU's redistributor, and the CPU interface with
 * EOImode 1, so that priority drop and deactivation are apart and a guest can deactivate by list register.
 * All interrupts are Group 1 (Non-secure) at one priority.
 *
 * Lock: gicd_lock (RANK_IRQCHIP) around read-modify-write of the distributor.
 */
#include "arch/gic_cpuif.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/lock.h"
#include "kernel/base/log.h"
#include "kernel/base/mmio.h"
#include "kernel/mm/hyp.h"
#include "lib/errno.h"

#define GICD_CTLR		0x0000
#define GICD_TYPER		0x0004
#define GICD_IGROUPR		0x0080
#define GICD_ISENABLER		0x0100
#define GICD_ICENABLER		0x0180
#define GICD_ICPENDR		0x0280
#define GICD_ICACTIVER		0x0380
#define GICD_IPRIORITYR		0x0400
#define GICD_ICFGR		0x0c00
#define GICD_IROUTER		0x6000
#define GICD_PIDR2		0xffe8

#define GICR_CTLR		0x0000
#define GICR_TYPER		0x0008
#define GICR_WAKER		0x0014
#define GICR_SGI_FRAME		0x10000
#define GICR_IGROUPR0		(GICR_SGI_FRAME + 0x0080)
#define GICR_ISENABLER0		(GICR_SGI_FRAME + 0x0100)
#define GICR_ICENABLER0		(GICR_SGI_FRAME + 0x0180)
#define GICR_ICPENDR0		(GICR_SGI_FRAME + 0x0280)
#define GICR_ISACTIVER0		(GICR_SGI_FRAME + 0x0300)
#define GICR_ICACTIVER0		(GICR_SGI_FRAME + 0x0380)
#define GICR_IPRIORITYR0	(GICR_SGI_FRAME + 0x0400)
#define GICR_ICFGR1		(GICR_SGI_FRAME + 0x0c04)

#define GICD_CTLR_RWP		BIT(31)
#define GICD_CTLR_ARE_NS	BIT(4)
#define GICD_CTLR_ENABLE_G1NS	BIT(1)
#define GICR_TYPER_LAST		BIT(4)
#define GICR_TYPER_VLPIS	BIT(1)
#define WAKER_SLEEP		BIT(1)
#define WAKER_CHILDREN_ASLEEP	BIT(2)
#define PIDR2_ARCHREV		GENMASK(7, 4)
#define PRIORITY_ALL		0x80808080
#define REDIST_FRAME		0x20000
#define MAX_POLLS		1000000
#define MPIDR_AFFINITY		(GENMASK(39, 32) | GENMASK(23, 0))

static struct spinlock gicd_lock = SPINLOCK_INIT(RANK_IRQCHIP);
static volatile void *gicd;
static volatile void *gicr_regions[MACHINE_MAX_REDIST];
static uint64_t gicr_sizes[MACHINE_MAX_REDIST];
static unsigned int nr_gicr;
static uint64_t gicr_stride;
static volatile void *gicr[CONFIG_NR_CPUS];

static bool wait_clear(volatile void *base, uint64_t offset, uint32_t mask)
{
	for (unsigned int n = 0; n < MAX_POLLS; n++) {
		if (!(mmio_read32(base, offset) & mask))
			return true;
	}
	return false;
}

static void distributor_reset(void)
{
	unsigned int nr = ((mmio_read32(gicd, GICD_TYPER) & 0x1f) + 1) * 32;

	mmio_write32(gicd, GICD_CTLR, 0);
	wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP);
	for (unsigned int i = 32; i < nr; i += 32) {
		mmio_write32(gicd, GICD_ICENABLER + i / 8, ~0u);
		mmio_write32(gicd, GICD_ICPENDR + i / 8, ~0u);
		mmio_write32(gicd, GICD_ICACTIVER + i / 8, ~0u);
		mmio_write32(gicd, GICD_IGROUPR + i / 8, ~0u);
	}
	for (unsigned int i = 32; i < nr; i += 4)
		mmio_write32(gicd, GICD_IPRIORITYR + i, PRIORITY_ALL);
	mmio_write32(gicd, GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1NS);
	wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP);
}

int irqchip_init(const struct machine *m, const char **why)
{
	gicd = hyp_map_device(&m->gicd);
	nr_gicr = m->nr_gicr;
	gicr_stride = m->gicr_stride;
	for (unsigned int i = 0; i < nr_gicr; i++) {
		gicr_regions[i] = hyp_map_device(&m->gicr[i]);
		gicr_sizes[i] = m->gicr[i].size;
		if (!gicr_regions[i])
			gicd = NULL;
	}
	*why = "no room to map its registers";
	if (!gicd)
		return -ENODEV;
	*why = "the distributor's identification is not a GICv3's";
	if (FIELD_GET(PIDR2_ARCHREV, mmio_read32(gicd, GICD_PIDR2)) < 3)
		return -ENODEV;
	distributor_reset();
	return irqchip_init_cpu(why);
}

/* The redistributor frame whose affinity is this CPU's (12.11: GICR_TYPER.Affinity_Value). */
static volatile void *find_redist(uint64_t mpidr)
{
	uint32_t affinity = (uint32_t)((mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000));

	for (unsigned int i = 0; i < nr_gicr; i++) {
		uint64_t offset = 0;

		while (offset + REDIST_FRAME <= gicr_sizes[i]) {
			volatile void *frame = (volatile char *)gicr_regions[i] + offset;
			uint64_t typer = mmio_read64(frame, GICR_TYPER);

			if (typer >> 32 == affinity)
				return frame;
			if (typer & GICR_TYPER_LAST)
				break;
			offset += gicr_stride ? gicr_stride :
				  (typer & GICR_TYPER_VLPIS) ? 2 * REDIST_FRAME : REDIST_FRAME;
		}
	}
	return NULL;
}

static bool redist_wake(volatile void *frame)
{
	mmio_write32(frame, GICR_WAKER, mmio_read32(frame, GICR_WAKER) & ~(uint32_t)WAKER_SLEEP);
	return wait_clear(frame, GICR_WAKER, WAKER_CHILDREN_ASLEEP);
}

int irqchip_init_cpu(const char **why)
{
	struct cpu *cpu = this_cpu();
	volatile void *frame = find_redist(cpu->mpidr);

	*why = "no redistributor has this CPU's affinity";
	if (!frame)
		return -ENODEV;
	*why = "the redistributor does not wake up";
	if (!redist_wake(frame))
		return -ENODEV;
	gicr[cpu->id] = frame;
	mmio_write32(frame, GICR_ICENABLER0, ~0u);
	mmio_write32(frame, GICR_ISENABLER0, (1u << NR_IPIS) - 1);
	mmio_write32(frame, GICR_ICPENDR0, ~0u);
	mmio_write32(frame, GICR_ICACTIVER0, ~0u);
	mmio_write32(frame, GICR_IGROUPR0, ~0u);
	for (unsigned int i = 0; i < 32; i += 4)
		mmio_write32(frame, GICR_IPRIORITYR0 + i, PRIORITY_ALL);
	wait_clear(frame, GICR_CTLR, BIT(3));
	gic_cpuif_init();
	return 0;
}

/* Lock held. */
static void route_spi(uint32_t intid, const struct cpu *cpu)
{
	mmio_write64(gicd, GICD_IROUTER + (uint64_t)intid * 8, cpu->mpidr & MPIDR_AFFINITY);
}

void irqchip_enable_spi(uint32_t intid, bool edge, const struct cpu *cpu)
{
	uint32_t cfg;

	spin_lock(&gicd_lock);
	cfg = mmio_read32(gicd, GICD_ICFGR + intid / 16 * 4) & ~(2u << (intid % 16 * 2));
	mmio_write32(gicd, GICD_ICFGR + intid / 16 * 4, cfg | (edge ? 2u : 0u) << (intid % 16 * 2));
	route_spi(intid, cpu);
	mmio_write32(gicd, GICD_ISENABLER + intid / 32 * 4, 1u << (intid % 32));
	spin_unlock(&gicd_lock);
}

void irqchip_enable(uint32_t intid, bool edge)
{
	if (intid < 32)
		mmio_write32(gicr[this_cpu()->id], GICR_ISENABLER0, 1u << intid);
	else
		irqchip_enable_spi(intid, edge, this_cpu());
}

void irqchip_route_spi(uint32_t intid, const struct cpu *cpu)
{
	spin_lock(&gicd_lock);
	route_spi(intid, cpu);
	spin_unlock(&gicd_lock);
}

/* No wait for RWP: one that is on its way to a CPU meanwhile is one more. */
void irqchip_hold_spi(uint32_t intid, bool hold)
{
	mmio_write32(gicd, (hold ? GICD_ICENABLER : GICD_ISENABLER) + intid / 32 * 4, 1u << (intid % 32));
}

void irqchip_disable_spi(uint32_t intid)
{
	uint32_t offset = intid / 32 * 4, bit = 1u << (intid % 32);

	spin_lock(&gicd_lock);
	mmio_write32(gicd, GICD_ICENABLER + offset, bit);
	wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP);
	mmio_write32(gicd, GICD_ICPENDR + offset, bit);
	mmio_write32(gicd, GICD_ICACTIVER + offset, bit);
	spin_unlock(&gicd_lock);
}

void irqchip_set_active(uint32_t intid, bool active)
{
	mmio_write32(gicr[this_cpu()->id], active ? GICR_ISACTIVER0 : GICR_ICACTIVER0, 1u << (intid & 31));
}

void irqchip_send_ipi(const struct cpu *cpu, enum ipi ipi)
{
	gic_cpuif_send_sgi(cpu->mpidr, ipi);
}

uint32_t irqchip_ack(void)
{
	return gic_cpuif_ack();
}

void irqchip_drop_priority(uint32_t intid)
{
	gic_cpuif_eoi(intid);
}

void irqchip_deactivate(uint32_t intid)
{
	gic_cpuif_dir(intid);
}
