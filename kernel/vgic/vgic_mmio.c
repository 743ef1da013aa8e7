// SPDX-License-Identifier: MIT
/*
 * Distributor and redistributor registers (IHI 0069H, 12.9 and 12.11).
 *
 * An access arrives as (offset, size, value). Each register bank is one row of banks[],
 * for the distributor and a redistributor's SGI frame alike; a row's getter and setter see one interrupt
 * at a time, so a bank's width, its reserved
 * bits and its byte accesses are handled once, in bank_access(). Registers of their own are rows of
 * gicd_regs[] and rd_regs[]. What no row names is RAZ/WI, and so is a row by a size that it does not have
 * (12.1.3): no access to these frames is an abort.
 *
 * Locks: the VM's for the distributor, the vCPU's for a redistributor, taken in vgic_mmio() for all but reads
 * of registers of their own; around each change of an interrupt vgic_open() and vgic_close().
 */
#include "arch/gic.h"
#include "arch/vcpu.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/compiler.h"

#define GICD_CTLR		0x0000
#define GICD_TYPER		0x0004
#define GICD_IIDR		0x0008
#define GIC_IGROUPR		0x0080
#define GIC_ISENABLER		0x0100
#define GIC_ICENABLER		0x0180
#define GIC_ISPENDR		0x0200
#define GIC_ICPENDR		0x0280
#define GIC_ISACTIVER		0x0300
#define GIC_ICACTIVER		0x0380
#define GIC_IPRIORITYR		0x0400
#define GIC_ICFGR		0x0c00
#define GIC_BANKS_END		0x0d00
#define GICD_IROUTER		0x6000
#define GICD_IROUTER_END	0x8000
#define GIC_PIDR2		0xffe8

#define GICR_CTLR		0x0000
#define GICR_IIDR		0x0004
#define GICR_TYPER		0x0008
#define GICR_WAKER		0x0014
#define GICR_SGI_FRAME		0x10000

#define GICD_CTLR_GRP0		BIT(0)
#define GICD_CTLR_GRP1		BIT(1)
#define GICD_CTLR_ARE		BIT(4)
#define GICD_CTLR_DS		BIT(6)
#define GICD_TYPER_IDBITS	FIELD_PREP(GENMASK(23, 19), 9)	/* 10 bits of INTID */
#define GICD_TYPER_NO1N		BIT(25)
#define WAKER_SLEEP		BIT(1)
#define WAKER_CHILDREN_ASLEEP	BIT(2)
#define GIC_IIDR_VALUE		0x5343043b	/* ours: 'SC', implementer field as Arm's GICv3 */
#define GIC_PIDR2_VALUE		0x3b		/* architecture revision 3 */
#define IROUTER_IRM		BIT(31)
#define IROUTER_AFF		(GENMASK(39, 32) | GENMASK(23, 0))

/* Reads, or writes, that must see or change the state that is in list registers of running vCPUs. */
#define EXACT_READ		BIT(0)
#define EXACT_WRITE		BIT(1)
#define EXACT			(EXACT_READ | EXACT_WRITE)
/* A bit written as 0 changes nothing, so that the setter sees ones only. One bit per interrupt. */
#define WRITE_ONES		BIT(2)

#define ACCESS_32		BIT(2)
#define ACCESS_64		BIT(3)
#define ACCESS_8		BIT(0)

static uint64_t irq_get_group(const struct virq *irq)
{
	return irq->group1;
}

static void irq_set_group(struct virq *irq, uint64_t val)
{
	irq->group1 = val != 0;
}

static uint64_t irq_get_enabled(const struct virq *irq)
{
	return irq->enabled;
}

static void irq_enable(struct virq *irq, uint64_t val)
{
	irq->enabled = true;
}

static void irq_disable(struct virq *irq, uint64_t val)
{
	irq->enabled = false;
}

static uint64_t irq_get_pending(const struct virq *irq)
{
	return virq_pending(irq);
}

static void irq_set_pending(struct virq *irq, uint64_t val)
{
	irq->latch = true;
}

static void irq_clear_pending(struct virq *irq, uint64_t val)
{
	if (!irq->latch)
		return;
	irq->latch = false;
	vgic_end_linked(irq);
}

static uint64_t irq_get_active(const struct virq *irq)
{
	return irq->active;
}

static void irq_set_active(struct virq *irq, uint64_t val)
{
	irq->active = true;
}

static void irq_clear_active(struct virq *irq, uint64_t val)
{
	if (!irq->active)
		return;
	irq->active = false;
	irq->running = VIRQ_NOT_TAKEN;
	vgic_end_linked(irq);
}

static uint64_t irq_get_priority(const struct virq *irq)
{
	return irq->priority;
}

static void irq_set_priority(struct virq *irq, uint64_t val)
{
	irq->priority = (uint8_t)(val & ~(0xffu >> VGIC_PRIORITY_BITS));
}

static uint64_t irq_get_config(const struct virq *irq)
{
	return irq->edge ? 2 : 0;
}

static void irq_set_config(struct virq *irq, uint64_t val)
{
	/* SGIs are edge-triggered always; the configuration of PPIs is the machine's. */
	if (irq->intid >= VGIC_NR_PRIVATE)
		irq->edge = (val & 2) != 0;
}

struct vgic_bank {
	uint32_t offset;
	uint8_t bits;		/* per interrupt */
	uint8_t access;		/* ACCESS_*: sizes that the architecture has */
	uint8_t flags;		/* EXACT_*, WRITE_ONES */
	uint64_t (*get)(const struct virq *irq);
	void (*set)(struct virq *irq, uint64_t val);
};

/* The banks have the same offsets in the distributor and in a redistributor's SGI frame. */
static const struct vgic_bank banks[] = {
	{ GIC_IGROUPR, 1, ACCESS_32, EXACT_WRITE, irq_get_group, irq_set_group },
	{ GIC_ISENABLER, 1, ACCESS_32, WRITE_ONES, irq_get_enabled, irq_enable },
	{ GIC_ICENABLER, 1, ACCESS_32, WRITE_ONES | EXACT_WRITE, irq_get_enabled, irq_disable },
	{ GIC_ISPENDR, 1, ACCESS_32, WRITE_ONES | EXACT_READ, irq_get_pending, irq_set_pending },
	{ GIC_ICPENDR, 1, ACCESS_32, WRITE_ONES | EXACT, irq_get_pending, irq_clear_pending },
	{ GIC_ISACTIVER, 1, ACCESS_32, WRITE_ONES | EXACT, irq_get_active, irq_set_active },
	{ GIC_ICACTIVER, 1, ACCESS_32, WRITE_ONES | EXACT, irq_get_active, irq_clear_active },
	{ GIC_IPRIORITYR, 8, ACCESS_8 | ACCESS_32, 0, irq_get_priority, irq_set_priority },
	{ GIC_ICFGR, 2, ACCESS_32, EXACT_WRITE, irq_get_config, irq_set_config },
};

struct mmio {
	struct vm *vm;
	struct vcpu *redist;
	const struct vgic_bank *bank;	/* that offset lies in, NULL when in none */
	uint32_t offset;		/* in the distributor's, RD_base's or SGI_base's frame */
	unsigned int size;
	bool write;
	uint64_t *val;
};

static const struct vgic_bank *bank_find(uint32_t offset)
{
	if (offset < GIC_IGROUPR || offset >= GIC_BANKS_END)
		return NULL;
	for (unsigned int i = 0; i < ARRAY_SIZE(banks); i++) {
		uint32_t size = VGIC_NR_INTIDS * 4 * banks[i].bits / 32;

		if (offset >= banks[i].offset && offset < banks[i].offset + size)
			return &banks[i];
	}
	return NULL;
}

/* In the distributor the first 32 interrupts are RAZ/WI, in a redistributor all others (ARE). */
static bool bank_has(const struct mmio *m, unsigned int intid)
{
	return m->redist ? intid < VGIC_NR_PRIVATE :
			   intid >= VGIC_NR_PRIVATE && intid < VGIC_NR_INTIDS;
}

static uint64_t bank_read(const struct vgic_bank *bank, const struct virq *irqs, unsigned int count)
{
	uint64_t val = 0;

	for (unsigned int i = 0; i < count; i++)
		val |= bank->get(&irqs[i]) << (i * bank->bits);
	return val;
}

static void bank_write(const struct vgic_bank *bank, struct virq *irqs, unsigned int count, uint64_t val)
{
	uint64_t mask = GENMASK(bank->bits - 1, 0);

	for (unsigned int i = 0; i < count; i++) {
		vgic_open(&irqs[i]);
		bank->set(&irqs[i], (val >> (i * bank->bits)) & mask);
		vgic_close(&irqs[i]);
	}
}

static void bank_write_ones(const struct vgic_bank *bank, struct virq *irqs, uint32_t val)
{
	for (; val; val &= val - 1) {
		struct virq *irq = &irqs[__builtin_ctz(val)];

		vgic_open(irq);
		bank->set(irq, 1);
		vgic_close(irq);
	}
}

static void bank_access(const struct mmio *m)
{
	const struct vgic_bank *bank = m->bank;
	unsigned int first = (m->offset - bank->offset) * 8 / bank->bits;
	unsigned int count = m->size * 8 / bank->bits;
	struct virq *irqs;

	if (!m->write)
		*m->val = 0;
	/* At most 32 interrupts, aligned to their number: all of them are of one kind, and side by side. */
	if (!(bank->access & m->size) || !bank_has(m, first))
		return;
	irqs = vgic_find_chosen(m->vm, m->redist, first);
	if (!m->write)
		*m->val = bank_read(bank, irqs, count);
	else if (bank->flags & WRITE_ONES)
		bank_write_ones(bank, irqs, (uint32_t)*m->val);
	else
		bank_write(bank, irqs, count, *m->val);
}

static uint64_t gicd_get_ctlr(const struct mmio *m)
{
	return GICD_CTLR_ARE | GICD_CTLR_DS | (READ_ONCE(m->vm->vgic.enable_grp0) ? GICD_CTLR_GRP0 : 0) |
	       (READ_ONCE(m->vm->vgic.enable_grp1) ? GICD_CTLR_GRP1 : 0);
}

static void gicd_set_ctlr(const struct mmio *m, uint64_t val)
{
	WRITE_ONCE(m->vm->vgic.enable_grp0, (val & GICD_CTLR_GRP0) != 0);
	WRITE_ONCE(m->vm->vgic.enable_grp1, (val & GICD_CTLR_GRP1) != 0);
	for (unsigned int i = 0; i < m->vm->nr_vcpus; i++)
		sched_kick(m->vm->vcpus[i]);
}

static uint64_t gicd_get_typer(const struct mmio *m)
{
	return (VGIC_NR_INTIDS / 32 - 1) | GICD_TYPER_IDBITS | GICD_TYPER_NO1N;
}

static uint64_t gic_get_iidr(const struct mmio *m)
{
	return GIC_IIDR_VALUE;
}

static uint64_t gic_get_pidr2(const struct mmio *m)
{
	return GIC_PIDR2_VALUE;
}

static uint64_t gicr_get_typer(const struct mmio *m)
{
	uint64_t aff = m->redist->affinity;
	bool last = m->redist->id + 1 == m->vm->nr_vcpus;

	return ((aff >> 32 & 0xff) << 24 | (aff & 0xffffff)) << 32 | (uint64_t)m->redist->id << 8 |
	       (last ? BIT(4) : 0);
}

static uint64_t gicr_get_waker(const struct mmio *m)
{
	return m->redist->vgic.sleep ? WAKER_SLEEP | WAKER_CHILDREN_ASLEEP : 0;
}

static void gicr_set_waker(const struct mmio *m, uint64_t val)
{
	m->redist->vgic.sleep = (val & WAKER_SLEEP) != 0;
}

/* One register of up to 8 bytes; 64-bit ones are also readable in halves. */
struct vgic_reg {
	uint32_t offset;
	uint8_t size;
	uint64_t (*get)(const struct mmio *m);
	void (*set)(const struct mmio *m, uint64_t val);
};

static const struct vgic_reg gicd_regs[] = {
	{ GICD_CTLR, 4, gicd_get_ctlr, gicd_set_ctlr },
	{ GICD_TYPER, 4, gicd_get_typer, NULL },
	{ GICD_IIDR, 4, gic_get_iidr, NULL },
	{ GIC_PIDR2, 4, gic_get_pidr2, NULL },
};

static const struct vgic_reg rd_regs[] = {
	{ GICR_IIDR, 4, gic_get_iidr, NULL },
	{ GICR_TYPER, 8, gicr_get_typer, NULL },
	{ GICR_WAKER, 4, gicr_get_waker, gicr_set_waker },
	{ GIC_PIDR2, 4, gic_get_pidr2, NULL },
};

/* The bits of a value that the access carries: half of a 64-bit register may be accessed. */
static uint64_t access_mask(const struct mmio *m)
{
	return m->size == 8 ? ~UINT64_C(0) : GENMASK(31, 0);
}

static void reg_access(const struct mmio *m, const struct vgic_reg *regs, unsigned int nr)
{
	for (unsigned int i = 0; i < nr && m->size >= 4; i++) {
		const struct vgic_reg *reg = &regs[i];

		if (m->offset < reg->offset || m->offset + m->size > reg->offset + reg->size)
			continue;
		if (!m->write)
			*m->val = (reg->get(m) >> ((m->offset - reg->offset) * 8)) & access_mask(m);
		else if (reg->set)
			reg->set(m, *m->val);
		return;
	}
	if (!m->write)
		*m->val = 0;
}

/* Where an SPI goes: the vCPU with that affinity, or the first one for "any" (one of N is not offered). */
static struct vcpu *route(struct vm *vm, uint64_t irouter)
{
	if (irouter & IROUTER_IRM)
		return vm->vcpus[0];
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i]->affinity == (irouter & IROUTER_AFF))
			return vm->vcpus[i];
	}
	return NULL;
}

static void irouter_access(const struct mmio *m)
{
	unsigned int intid = (m->offset - GICD_IROUTER) / 8;
	unsigned int shift = (m->offset & 4) * 8;
	uint64_t mask = access_mask(m) << shift;
	struct virq *irq;

	if (!m->write)
		*m->val = 0;
	if (m->size < 4 || !bank_has(m, intid))
		return;
	irq = vgic_find_chosen(m->vm, NULL, intid);
	if (!m->write) {
		*m->val = (irq->irouter >> shift) & access_mask(m);
		return;
	}
	vgic_open(irq);
	irq->irouter = ((irq->irouter & ~mask) | ((*m->val << shift) & mask)) &
		       (IROUTER_AFF | IROUTER_IRM);
	irq->target = route(m->vm, irq->irouter);
	vgic_close(irq);
}

static __always_inline void gicd_access(const struct mmio *m)
{
	if (m->offset >= GICD_IROUTER && m->offset < GICD_IROUTER_END)
		irouter_access(m);
	else
		reg_access(m, gicd_regs, ARRAY_SIZE(gicd_regs));
}

/* Registers that are in no bank. */
static __always_inline void others_access(const struct mmio *m, bool sgi_frame)
{
	if (!m->redist)
		gicd_access(m);
	else
		reg_access(m, rd_regs, sgi_frame ? 0 : ARRAY_SIZE(rd_regs));
}

/* Whether the access must see or change what list registers of running vCPUs hold. */
static bool is_exact(const struct mmio *m)
{
	if (m->bank)
		return (m->bank->flags & (m->write ? EXACT_WRITE : EXACT_READ)) != 0;
	/* A change of routing moves interrupts, too; a group is off for all when RWP reads as 0. */
	return m->write && !m->redist &&
	       (m->offset == GICD_CTLR || (m->offset >= GICD_IROUTER && m->offset < GICD_IROUTER_END));
}

/* What changes the state, or sees more than one field of it. Out of line, so that other reads pay nothing. */
static __noinline void mmio_locked(struct vcpu *vcpu, const struct mmio *m, bool sgi_frame)
{
	struct spinlock *lock = m->redist ? &m->redist->vgic.lock : &m->vm->vgic.lock;
	bool exact = is_exact(m);

	/* What this vCPU's list registers hold is folded for every write, so that none goes by old state. */
	if (exact || m->write)
		vcpu_vgic_out(vcpu);
	if (exact)
		vgic_freeze(vcpu);
	spin_lock(lock);
	if (m->bank)
		bank_access(m);
	else
		others_access(m, sgi_frame);
	spin_unlock(lock);
	if (exact)
		vgic_thaw(vcpu);
}

void vgic_mmio(struct vcpu *vcpu, struct vcpu *redist, uint32_t offset, unsigned int size, bool write,
	       uint64_t *val)
{
	bool sgi_frame = redist && offset >= GICR_SGI_FRAME;
	struct mmio m = {
		.vm = vcpu->vm, .redist = redist, .size = size, .write = write, .val = val,
		.offset = sgi_frame ? offset - GICR_SGI_FRAME : offset,
	};

	if (!redist || sgi_frame)
		m.bank = bank_find(m.offset);
	if (write || m.bank)
		mmio_locked(vcpu, &m, sgi_frame);
	else	/* Constants, or one field or two: right for some moment during the access. */
		others_access(&m, sgi_frame);
}
