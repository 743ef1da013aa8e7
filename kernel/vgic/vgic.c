// SPDX-License-Identifier: MIT
/*
 * Interrupt states, ap lists and list registers; the design is in vgic.h.
 *
 * vgic_target() decides where an interrupt goes, and ap_before() in which order list registers are
 * given: active ones first, since the guest will end them by list register, then by priority.
 */
#include "kernel/vgic/vgic.h"

#include "arch/cpu.h"
#include "arch/gic.h"
#include "arch/vcpu.h"
#include "kernel/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

static void virq_reset(struct virq *irq, unsigned int intid)
{
	memset(irq, 0, sizeof(*irq));
	list_init(&irq->ap_link);
	irq->intid = (uint16_t)intid;
}

void vgic_vcpu_reset(struct vcpu *vcpu)
{
	struct vgic_cpu *vgic = &vcpu->vgic;

	list_init(&vgic->ap_list);
	vgic->used_lrs = 0;
	vgic->overflow = false;
	vgic->sleep = true;
	vgic->in_memory = true;
	for (unsigned int i = 0; i < VGIC_NR_PRIVATE; i++) {
		virq_reset(&vgic->priv[i], i);
		vgic->priv[i].target = vcpu;
		vgic->priv[i].edge = i < VGIC_NR_SGIS;
	}
	vgic->priv[VGIC_VTIMER_INTID].hw_intid = vcpu->vm->vtimer_hw_intid;
}

void vgic_vm_reset(struct vm *vm, struct virq *spis)
{
	struct vgic *vgic = &vm->vgic;

	spin_init(&vgic->lock, RANK_VGIC);
	vgic->enable_grp0 = false;
	vgic->enable_grp1 = false;
	vgic->frozen = 0;
	vgic->spis = spis;
	for (unsigned int i = 0; i < VGIC_NR_SPIS; i++) {
		virq_reset(&spis[i], VGIC_NR_PRIVATE + i);
		spis[i].target = vm->vcpus[0];
	}
}

struct virq *vgic_find(struct vm *vm, struct vcpu *vcpu, unsigned int intid)
{
	if (intid < VGIC_NR_PRIVATE)
		return &vcpu->vgic.priv[intid];
	if (intid < VGIC_NR_INTIDS)
		return &vm->vgic.spis[intid - VGIC_NR_PRIVATE];
	return NULL;
}

/* The vCPU on whose ap list the interrupt belongs now; NULL: on none. */
static struct vcpu *vgic_target(const struct virq *irq)
{
	if (irq->active)
		return irq->on ? irq->on : irq->target;
	if (irq->enabled && virq_pending(irq))
		return irq->target;
	return NULL;
}

static bool group_enabled(const struct vgic *vgic, const struct virq *irq)
{
	return irq->group1 ? vgic->enable_grp1 : vgic->enable_grp0;
}

static bool ap_before(const struct virq *a, const struct virq *b)
{
	if (a->active != b->active)
		return a->active;
	return a->priority < b->priority;
}

static void ap_insert(struct vcpu *vcpu, struct virq *irq)
{
	struct list_head *pos = &vcpu->vgic.ap_list;
	struct virq *it;

	list_for_each_entry(it, &vcpu->vgic.ap_list, ap_link) {
		if (ap_before(irq, it)) {
			pos = &it->ap_link;
			break;
		}
	}
	list_add_tail(&irq->ap_link, pos);
	irq->on = vcpu;
}

static void ap_remove(struct virq *irq)
{
	list_del(&irq->ap_link);
	irq->on = NULL;
}

/* Bring the ap lists into line with an interrupt's state. It must not be in a list register. */
void vgic_queue(struct virq *irq)
{
	struct vcpu *to = vgic_target(irq);

	if (irq->in_lr) {
		/* The list register follows when its vCPU next leaves the guest. */
		sched_kick(irq->on);
		return;
	}
	if (irq->on)
		ap_remove(irq);
	if (!to)
		return;
	ap_insert(to, irq);
	sched_kick(to);
}

/*
 * Whether a list register offers the interrupt. While active, a level is not: it is sampled again at its
 * end; nor is a physical interrupt, which asserts itself anew.
 */
static bool is_offered(const struct vgic *vgic, const struct virq *irq)
{
	return irq->enabled && virq_pending(irq) && group_enabled(vgic, irq) &&
	       !(irq->active && (irq->hw_intid || !irq->edge));
}

static uint64_t lr_encode(const struct virq *irq, bool offered)
{
	uint64_t lr = FIELD_PREP(LR_VINTID, irq->intid) | FIELD_PREP(LR_PRIORITY, irq->priority);

	if (irq->group1)
		lr |= LR_GROUP1;
	if (irq->active)
		lr |= LR_ACTIVE;
	if (offered)
		lr |= LR_PENDING;
	if (irq->hw_intid)
		lr |= LR_HW | FIELD_PREP(LR_PINTID, irq->hw_intid);
	else if (!irq->edge)
		lr |= LR_EOI;	/* at its end the line is sampled again */
	return lr;
}

/* A pending interrupt whose group the distributor holds back; an active one is never held back. */
static bool is_held_back(const struct vgic *vgic, const struct virq *irq)
{
	return !irq->active && !group_enabled(vgic, irq);
}

static uint64_t lr_fill(const struct vgic *vgic, struct virq *irq)
{
	bool offered = is_offered(vgic, irq);
	uint64_t lr = lr_encode(irq, offered);

	irq->in_lr = true;
	/* From now on the list register holds the pending state that was latched. */
	irq->lr_latch = offered && irq->latch;
	if (offered)
		irq->latch = false;
	return lr;
}

/* How to learn that a list register becomes free while others wait for it. */
static void report_end(struct vcpu *vcpu)
{
	uint64_t *lr = &vcpu->arch.gich.lr[0];

	/*
	 * "At most one in use" holds at once when there is only one. It reports its end itself then, which
	 * a hardware interrupt's cannot: that one is deactivated by EL2, when it finds the line low.
	 */
	if (vcpu->vm->nr_lrs == 1)
		*lr = (*lr & ~(LR_HW | LR_PINTID)) | LR_EOI;
	else
		vcpu->arch.gich.hcr |= GICH_HCR_UIE;
}

static void populate(struct vcpu *vcpu)
{
	struct vgic_cpu *vgic = &vcpu->vgic;
	unsigned int nr_lrs = vcpu->vm->nr_lrs;
	struct virq *irq;
	bool active_left = false;

	vgic->used_lrs = 0;
	vgic->overflow = false;
	vcpu->arch.gich.hcr = GICH_HCR_EN;
	if (vcpu->vm->vgic.frozen)
		return;
	list_for_each_entry(irq, &vgic->ap_list, ap_link) {
		if (is_held_back(&vcpu->vm->vgic, irq))
			continue;
		if (vgic->used_lrs == nr_lrs) {
			vgic->overflow = true;
			active_left |= irq->active;
			continue;
		}
		vcpu->arch.gich.lr[vgic->used_lrs++] = lr_fill(&vcpu->vm->vgic, irq);
	}
	if (vgic->overflow)
		report_end(vcpu);
	if (active_left)
		vcpu->arch.gich.hcr |= GICH_HCR_LRENPIE | GICH_HCR_TDIR;
}

/* What the guest has done to an interrupt while a list register held it. */
static void fold_lr(struct vcpu *vcpu, uint64_t lr)
{
	struct virq *irq = vgic_find(vcpu->vm, vcpu, (unsigned int)FIELD_GET(LR_VINTID, lr));

	ASSERT(irq && irq->in_lr);
	irq->in_lr = false;
	irq->active = (lr & LR_ACTIVE) != 0;
	if (irq->lr_latch && (lr & LR_PENDING))
		irq->latch = true;
	/* A physical line that has been deactivated by the guest will assert itself anew. */
	if ((lr & LR_HW) && !(lr & (LR_PENDING | LR_ACTIVE)))
		irq->line = false;
}

/* Ends without a list register: the guest ends its most urgent active interrupt first. */
static void fold_eoicount(struct vcpu *vcpu)
{
	uint64_t ended = FIELD_GET(GICH_HCR_EOICOUNT, vcpu->arch.gich.hcr);
	struct virq *irq, *best;

	/* With split EOI, ICC_DIR_EL1 ends interrupts, and traps. QEMU counts ICC_EOIR*_EL1 all the same. */
	if (vcpu->arch.gich.vmcr & GICH_VMCR_VEOIM)
		return;
	while (ended-- > 0) {
		best = NULL;
		list_for_each_entry(irq, &vcpu->vgic.ap_list, ap_link) {
			if (irq->active && !irq->in_lr && (!best || irq->priority < best->priority))
				best = irq;
		}
		if (!best)
			return;
		best->active = false;
	}
}

/* Everything out of the list registers; each interrupt back to where its state says. */
static void fold(struct vcpu *vcpu)
{
	struct vgic_cpu *vgic = &vcpu->vgic;
	struct list_head old;
	struct virq *irq, *tmp;

	fold_eoicount(vcpu);
	for (unsigned int i = 0; i < vgic->used_lrs; i++)
		fold_lr(vcpu, vcpu->arch.gich.lr[i]);
	vgic->used_lrs = 0;

	list_init(&old);
	list_for_each_entry_safe(irq, tmp, &vgic->ap_list, ap_link) {
		list_del(&irq->ap_link);
		list_add_tail(&irq->ap_link, &old);
	}
	list_for_each_entry_safe(irq, tmp, &old, ap_link) {
		struct vcpu *to = vgic_target(irq);

		ap_remove(irq);
		if (!to)
			continue;
		ap_insert(to, irq);
		if (to != vcpu)
			sched_kick(to);
	}
}

void vgic_load(struct vcpu *vcpu)
{
	spin_lock(&vcpu->vm->vgic.lock);
	populate(vcpu);
	spin_unlock(&vcpu->vm->vgic.lock);
}

void vgic_save(struct vcpu *vcpu)
{
	if (!vcpu->vgic.used_lrs && !vcpu->vgic.overflow)
		return;
	spin_lock(&vcpu->vm->vgic.lock);
	fold(vcpu);
	spin_unlock(&vcpu->vm->vgic.lock);
}

void vgic_freeze(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	spin_lock(&vm->vgic.lock);
	vm->vgic.frozen++;
	spin_unlock(&vm->vgic.lock);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *other = vm->vcpus[i];

		if (other == vcpu || !READ_ONCE(other->vgic.used_lrs))
			continue;
		sched_kick(other);
		while (READ_ONCE(other->vgic.used_lrs))
			arch_cpu_relax();
	}
}

void vgic_thaw(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	spin_lock(&vm->vgic.lock);
	vm->vgic.frozen--;
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (!list_empty(&vm->vcpus[i]->vgic.ap_list))
			sched_kick(vm->vcpus[i]);
	}
	spin_unlock(&vm->vgic.lock);
}

/* Whether the CPU interface would signal it, nothing else being active: group on, priority not masked. */
static bool is_signalled(const struct vcpu *vcpu, const struct virq *irq)
{
	uint64_t vmcr = vcpu->arch.gich.vmcr;
	uint64_t group_on = irq->group1 ? GICH_VMCR_VENG1 : GICH_VMCR_VENG0;

	return !irq->active && is_offered(&vcpu->vm->vgic, irq) && (vmcr & group_on) &&
	       irq->priority < FIELD_GET(GICH_VMCR_VPMR, vmcr);
}

bool vgic_has_deliverable(struct vcpu *vcpu)
{
	struct vgic *vgic = &vcpu->vm->vgic;
	bool found = false;
	struct virq *irq;

	spin_lock(&vgic->lock);
	list_for_each_entry(irq, &vcpu->vgic.ap_list, ap_link) {
		if (is_signalled(vcpu, irq)) {
			found = true;
			break;
		}
	}
	spin_unlock(&vgic->lock);
	return found;
}

void vgic_set_line(struct vcpu *vcpu, unsigned int intid, bool level)
{
	struct vgic *vgic = &vcpu->vm->vgic;
	struct virq *irq = vgic_find(vcpu->vm, vcpu, intid);

	if (!irq)
		return;
	spin_lock(&vgic->lock);
	if (irq->line != level) {
		irq->line = level;
		if (irq->edge && level)
			irq->latch = true;
		if (!irq->edge || level)
			vgic_queue(irq);
	}
	spin_unlock(&vgic->lock);
}

void vgic_set_timer_line(struct vcpu *vcpu, bool level)
{
	struct virq *irq = &vcpu->vgic.priv[VGIC_VTIMER_INTID];

	/* Nearly always nothing to do; only the CPU that owns the vCPU changes this line. */
	if (irq->line == level && !irq->on)
		return;
	spin_lock(&vcpu->vm->vgic.lock);
	irq->line = level;
	if (irq->on)
		ap_remove(irq);
	if (vgic_target(irq))
		ap_insert(vcpu, irq);
	spin_unlock(&vcpu->vm->vgic.lock);
}

bool vgic_timer_is_live(const struct vcpu *vcpu)
{
	const struct virq *irq = &vcpu->vgic.priv[VGIC_VTIMER_INTID];

	return irq->line || irq->on;
}

bool vgic_timer_is_raised(const struct vcpu *vcpu)
{
	const struct virq *irq = &vcpu->vgic.priv[VGIC_VTIMER_INTID];

	return irq->line && !irq->active;
}

bool vgic_is_enabled(const struct vcpu *vcpu, unsigned int intid)
{
	return vcpu->vgic.priv[intid].enabled;
}

static void raise_sgi(struct vcpu *to, unsigned int intid, bool group1)
{
	struct virq *irq = &to->vgic.priv[intid];

	/* An SGI reaches only a target that has it in the group that was asked for. */
	if (irq->group1 != group1)
		return;
	irq->latch = true;
	vgic_queue(irq);
}

#define SGIR_TARGETS	GENMASK(15, 0)
#define SGIR_AFF1	GENMASK(23, 16)
#define SGIR_INTID	GENMASK(27, 24)
#define SGIR_AFF2	GENMASK(39, 32)
#define SGIR_IRM	BIT(40)
#define SGIR_RS		GENMASK(47, 44)
#define SGIR_AFF3	GENMASK(55, 48)

void vgic_send_sgi(struct vcpu *vcpu, uint64_t value, bool group1)
{
	struct vm *vm = vcpu->vm;
	unsigned int intid = (unsigned int)FIELD_GET(SGIR_INTID, value);
	uint64_t cluster = FIELD_GET(SGIR_AFF3, value) << 32 | FIELD_GET(SGIR_AFF2, value) << 16 |
			   FIELD_GET(SGIR_AFF1, value) << 8;

	spin_lock(&vm->vgic.lock);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *to = vm->vcpus[i];
		unsigned int aff0 = to->affinity & 0xff;

		if (value & SGIR_IRM) {
			if (to == vcpu)
				continue;
		} else if ((to->affinity & ~UINT64_C(0xff)) != cluster ||
			   aff0 / 16 != FIELD_GET(SGIR_RS, value) || !(value & BIT(aff0 % 16))) {
			continue;
		}
		raise_sgi(to, intid, group1);
	}
	spin_unlock(&vm->vgic.lock);
}

void vgic_deactivate(struct vcpu *vcpu, unsigned int intid)
{
	struct virq *irq = vgic_find(vcpu->vm, vcpu, intid);

	if (!irq)
		return;
	spin_lock(&vcpu->vm->vgic.lock);
	if (irq->active) {
		irq->active = false;
		vgic_queue(irq);
	}
	spin_unlock(&vcpu->vm->vgic.lock);
}
