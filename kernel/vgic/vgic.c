// SPDX-License-Identifier: MIT
/*
 * Interrupt states, ap lists and list registers; the design is in vgic.h.
 *
 * vgic_target() decides where an interrupt goes, and ap_key() in which order list registers are given:
 * pending ones first, by priority, since only a list register can signal them; an active one can also be
 * ended without.
 */
#include "kernel/vgic/vgic.h"

#include "arch/cpu.h"
#include "arch/gic.h"
#include "arch/nospec.h"
#include "arch/vcpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

static void virq_reset(struct virq *irq, unsigned int intid)
{
	*irq = (struct virq){ .intid = (uint16_t)intid, .running = VIRQ_NOT_TAKEN };
	list_init(&irq->ap_link);
}

void vgic_vm_init(struct vm *vm)
{
	spin_init(&vm->vgic.lock, RANK_VGIC);
}

void vgic_vcpu_init(struct vcpu *vcpu)
{
	spin_init(&vcpu->vgic.lock, RANK_VGIC_CPU);
}

static void reset_vcpu(struct vcpu *vcpu)
{
	struct vgic_cpu *vgic = &vcpu->vgic;

	spin_lock(&vgic->lock);
	list_init(&vgic->ap_list);
	vgic->nr_shared = 0;
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
	spin_unlock(&vgic->lock);
}

void vgic_reset(struct vm *vm, struct virq *spis)
{
	struct vgic *vgic = &vm->vgic;

	spin_lock(&vgic->lock);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		reset_vcpu(vm->vcpus[i]);
	WRITE_ONCE(vgic->enable_grp0, false);
	WRITE_ONCE(vgic->enable_grp1, false);
	WRITE_ONCE(vgic->frozen, 0);
	vgic->spis = spis;
	for (unsigned int i = 0; i < VGIC_NR_SPIS; i++) {
		virq_reset(&spis[i], VGIC_NR_PRIVATE + i);
		spis[i].target = vm->vcpus[0];
	}
	spin_unlock(&vgic->lock);
}

static bool is_private(const struct virq *irq)
{
	return irq->intid < VGIC_NR_PRIVATE;
}

struct spinlock *vgic_lock_of(struct vm *vm, struct vcpu *vcpu, unsigned int intid)
{
	return intid < VGIC_NR_PRIVATE ? &vcpu->vgic.lock : &vm->vgic.lock;
}

struct virq *vgic_find(struct vm *vm, struct vcpu *vcpu, unsigned int intid)
{
	if (intid < VGIC_NR_PRIVATE)
		return &vcpu->vgic.priv[intid];
	if (intid < VGIC_NR_INTIDS)
		return &vm->vgic.spis[intid - VGIC_NR_PRIVATE];
	return NULL;
}

struct virq *vgic_find_chosen(struct vm *vm, struct vcpu *vcpu, unsigned int intid)
{
	if (intid < VGIC_NR_PRIVATE)
		return &vcpu->vgic.priv[index_nospec(intid, VGIC_NR_PRIVATE)];
	if (intid < VGIC_NR_INTIDS)
		return &vm->vgic.spis[index_nospec(intid - VGIC_NR_PRIVATE, VGIC_NR_SPIS)];
	return NULL;
}

struct vcpu *vgic_target(const struct virq *irq)
{
	if (irq->active)
		return irq->on ? irq->on : irq->target;
	if (irq->enabled && virq_pending(irq))
		return irq->target;
	return NULL;
}

static bool group_enabled(const struct vgic *vgic, const struct virq *irq)
{
	return irq->group1 ? READ_ONCE(vgic->enable_grp1) : READ_ONCE(vgic->enable_grp0);
}

/* Place on the ap list, lowest first: what is to be signalled, then what is to be ended. */
static unsigned int ap_key(const struct virq *irq)
{
	if (!irq->active)
		return irq->priority;
	return BIT(16) | (unsigned int)irq->running << 8 | irq->priority;
}

static void ap_insert(struct vcpu *vcpu, struct virq *irq)
{
	struct list_head *list = &vcpu->vgic.ap_list, *after = list->prev;
	unsigned int key = ap_key(irq);

	/* From the end: fold() puts back in the list's own order, which must not cost its square. */
	while (after != list && key < ap_key(list_entry(after, struct virq, ap_link)))
		after = after->prev;
	list_add(&irq->ap_link, after);
	irq->on = vcpu;
	if (!is_private(irq))
		WRITE_ONCE(vcpu->vgic.nr_shared, vcpu->vgic.nr_shared + 1);
}

static void ap_remove(struct virq *irq)
{
	if (!is_private(irq))
		WRITE_ONCE(irq->on->vgic.nr_shared, irq->on->vgic.nr_shared - 1);
	list_del(&irq->ap_link);
	irq->on = NULL;
}

void vgic_open(struct virq *irq)
{
	if (!is_private(irq) && irq->on)
		spin_lock(&irq->on->vgic.lock);
}

/* Onto the list of the vCPU that is to take it. Context: that vCPU's lock held. */
static void ap_put(struct vcpu *to, struct virq *irq)
{
	ap_insert(to, irq);
	sched_kick(to);
}

static void close_private(struct virq *irq)
{
	struct vcpu *to = vgic_target(irq);

	if (irq->on)
		ap_remove(irq);
	if (to)
		ap_put(to, irq);
}

/* It may go from one list to another: with one of the vCPUs' locks held at a time. */
static void close_shared(struct virq *irq)
{
	struct vcpu *from = irq->on, *to = vgic_target(irq);

	if (from) {
		ap_remove(irq);
		if (from != to)
			spin_unlock(&from->vgic.lock);
	}
	if (!to)
		return;
	if (from != to)
		spin_lock(&to->vgic.lock);
	ap_put(to, irq);
	spin_unlock(&to->vgic.lock);
}

void vgic_close(struct virq *irq)
{
	if (irq->in_lr) {
		/* The list register follows when its vCPU next leaves the guest. */
		sched_kick(irq->on);
		if (!is_private(irq))
			spin_unlock(&irq->on->vgic.lock);
	} else if (is_private(irq)) {
		close_private(irq);
	} else {
		close_shared(irq);
	}
}

/* Whether the distributor offers the interrupt to its vCPU. */
static bool is_offered(const struct vgic *vgic, const struct virq *irq)
{
	return !irq->active && irq->enabled && virq_pending(irq) && group_enabled(vgic, irq);
}

/*
 * Whether the list register ends the physical interrupt as well. The timer's is active only while the line is
 * up. One that has been latched while active is not linked, for then its end has to be reported.
 */
static bool is_linked(const struct virq *irq)
{
	return irq->hw_intid && (irq->line || irq->intid >= VGIC_NR_PRIVATE) && !(irq->active && irq->latch);
}

/*
 * Never pending and active at once: what is pending again while active waits in memory for the end of the
 * active state, which the list register reports (a linked one cannot, but its line asserts itself anew).
 */
static uint64_t lr_encode(const struct virq *irq)
{
	bool taken = irq->active && irq->running != VIRQ_NOT_TAKEN;
	bool waits = irq->active && virq_pending(irq);
	uint64_t lr = FIELD_PREP(LR_VINTID, irq->intid);

	/* The end of an interrupt must match the priority that it was taken with. */
	lr |= FIELD_PREP(LR_PRIORITY, taken ? irq->running : irq->priority);
	lr |= irq->active ? LR_ACTIVE : LR_PENDING;
	if (irq->group1)
		lr |= LR_GROUP1;
	if (is_linked(irq))
		lr |= LR_HW | FIELD_PREP(LR_PINTID, irq->hw_intid);
	else if (waits || (!irq->edge && !irq->hw_intid))
		lr |= LR_EOI;	/* at its end the line is sampled again */
	return lr;
}

static uint64_t lr_fill(struct virq *irq)
{
	irq->in_lr = true;
	irq->lr_latch = false;
	/* From now on the list register holds the pending state that was latched. */
	if (!irq->active) {
		irq->lr_latch = irq->latch;
		irq->latch = false;
	}
	return lr_encode(irq);
}

/* Of the CPU interface: list registers that it does not signal would only be in the way. */
static uint64_t group_off(const struct vcpu *vcpu, const struct virq *irq)
{
	if (vcpu->arch.ich.vmcr & (irq->group1 ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0))
		return 0;
	return irq->group1 ? ICH_HCR_VGRP1EIE : ICH_HCR_VGRP0EIE;
}

/* Which events in the guest end the wait of an interrupt for a list register. */
static uint64_t wait_events(const struct vcpu *vcpu, const struct virq *irq)
{
	const uint64_t both = ICH_VMCR_VENG0 | ICH_VMCR_VENG1;
	uint64_t vmcr = vcpu->arch.ich.vmcr;

	if (irq->active)
		return ICH_HCR_LRENPIE | ICH_HCR_TDIR;
	/* vgic_thaw() kicks. */
	if (READ_ONCE(vcpu->vm->vgic.frozen))
		return 0;
	/*
	 * All list registers hold pending ones as urgent as this; it is next when they are gone, or when
	 * their group is off and its own is not. QEMU 7.2 tells of group 0's end by the enable of group 1:
	 * asked for with group 1 off, it would interrupt for ever.
	 */
	return ICH_HCR_NPIE | ((vmcr & both) == both ? ICH_HCR_VGRP0DIE | ICH_HCR_VGRP1DIE : 0);
}

static void populate(struct vcpu *vcpu)
{
	struct vgic_cpu *vgic = &vcpu->vgic;
	const struct vm *vm = vcpu->vm;
	uint64_t hcr = ICH_HCR_EN;
	struct virq *irq;
	/*
	 * Acquire: whoever had frozen the VM has read interrupts without this vCPU's lock, before they change
	 * here. Whoever freezes it from now on waits for that lock, and then for what is filled.
	 */
	bool frozen = __atomic_load_n(&vm->vgic.frozen, __ATOMIC_ACQUIRE) != 0;

	vgic->used_lrs = 0;
	vgic->overflow = false;
	/* Only EL2 can end what another vCPU's list register holds; without split EOI there is no DIR. */
	if (vm->nr_vcpus > 1)
		hcr |= ICH_HCR_TDIR;
	list_for_each_entry(irq, &vgic->ap_list, ap_link) {
		if (!irq->active && !is_offered(&vm->vgic, irq))
			continue;
		if (!irq->active && group_off(vcpu, irq)) {
			hcr |= group_off(vcpu, irq);
		} else if (frozen || vgic->used_lrs == vm->nr_lrs) {
			vgic->overflow = true;
			hcr |= wait_events(vcpu, irq);
		} else {
			vcpu->arch.ich.lr[vgic->used_lrs++] = lr_fill(irq);
		}
	}
	vcpu->arch.ich.hcr = hcr;
}

/* What the guest has done to an interrupt while a list register held it. */
static void fold_lr(struct vcpu *vcpu, uint64_t lr)
{
	struct virq *irq = vgic_find(vcpu->vm, vcpu, (unsigned int)FIELD_GET(LR_VINTID, lr));

	ASSERT(irq && irq->in_lr);
	irq->in_lr = false;
	if (!(lr & LR_ACTIVE))
		irq->running = VIRQ_NOT_TAKEN;
	else if (!irq->active)
		irq->running = (uint8_t)FIELD_GET(LR_PRIORITY, lr);
	irq->active = (lr & LR_ACTIVE) != 0;
	if (irq->lr_latch && (lr & LR_PENDING))
		irq->latch = true;
	/* A physical line that has been deactivated by the guest will assert itself anew. */
	if ((lr & LR_HW) && !(lr & (LR_PENDING | LR_ACTIVE)))
		irq->line = false;
}

void vgic_end_linked(const struct virq *irq)
{
	/* The timer's is private to a CPU, and that of the one which runs the vCPU: arch/ sees to it. */
	if (irq->hw_intid && irq->intid >= VGIC_NR_PRIVATE && !irq->active && !irq->latch)
		irqchip_deactivate(irq->hw_intid);
}

static void virq_deactivate(struct virq *irq)
{
	irq->active = false;
	irq->running = VIRQ_NOT_TAKEN;
	vgic_end_linked(irq);
}

/* Ends without a list register: the guest ends first what it took last, and so does the ap list. */
static void fold_eoicount(struct vcpu *vcpu)
{
	uint64_t ended = FIELD_GET(ICH_HCR_EOICOUNT, vcpu->arch.ich.hcr);
	struct virq *irq;

	/* With split EOI, ICC_DIR_EL1 ends interrupts, and traps. QEMU counts ICC_EOIR*_EL1 all the same. */
	if (vcpu->arch.ich.vmcr & ICH_VMCR_VEOIM)
		return;
	list_for_each_entry(irq, &vcpu->vgic.ap_list, ap_link) {
		if (!ended)
			return;
		if (irq->active && !irq->in_lr) {
			virq_deactivate(irq);
			ended--;
		}
	}
}

/*
 * Everything out of the list registers; each interrupt back to where its state says. What belongs to another
 * vCPU now gets onto away.
 */
static void fold(struct vcpu *vcpu, struct list_head *away)
{
	struct vgic_cpu *vgic = &vcpu->vgic;
	struct list_head old;
	struct virq *irq, *tmp;

	fold_eoicount(vcpu);
	for (unsigned int i = 0; i < vgic->used_lrs; i++)
		fold_lr(vcpu, vcpu->arch.ich.lr[i]);
	vgic->used_lrs = 0;
	vgic->overflow = false;
	/* wait_for_fold() looks without the lock. */
	WRITE_ONCE(vgic->nr_folds, vgic->nr_folds + 1);

	list_init(&old);
	list_for_each_entry_safe(irq, tmp, &vgic->ap_list, ap_link) {
		list_del(&irq->ap_link);
		list_add_tail(&irq->ap_link, &old);
	}
	list_for_each_entry_safe(irq, tmp, &old, ap_link) {
		struct vcpu *to = vgic_target(irq);

		ap_remove(irq);
		if (to == vcpu)
			ap_insert(to, irq);
		else if (to)
			list_add_tail(&irq->ap_link, away);
	}
}

/* What has been routed elsewhere while it was here. Context: the VM's lock held, and no vCPU's. */
static void send_away(struct list_head *away)
{
	struct virq *irq, *tmp;

	list_for_each_entry_safe(irq, tmp, away, ap_link) {
		list_del(&irq->ap_link);
		close_shared(irq);
	}
}

void vgic_load(struct vcpu *vcpu)
{
	spin_lock(&vcpu->vgic.lock);
	populate(vcpu);
	spin_unlock(&vcpu->vgic.lock);
}

/*
 * With the VM's lock, for shared interrupts that leave the list; false: some are there, and it was not taken.
 */
static bool fold_locked(struct vcpu *vcpu, bool with_shared)
{
	struct list_head away = LIST_HEAD_INIT(away);
	bool can;

	spin_lock(&vcpu->vgic.lock);
	can = with_shared || !vcpu->vgic.nr_shared;
	if (can)
		fold(vcpu, &away);
	spin_unlock(&vcpu->vgic.lock);
	send_away(&away);
	return can;
}

void vgic_save(struct vcpu *vcpu)
{
	if (!vcpu->vgic.used_lrs && !vcpu->vgic.overflow)
		return;
	if (!READ_ONCE(vcpu->vgic.nr_shared) && fold_locked(vcpu, false))
		return;
	spin_lock(&vcpu->vm->vgic.lock);
	fold_locked(vcpu, true);
	spin_unlock(&vcpu->vm->vgic.lock);
}

/* Waits until what the vCPU's interface held at some time since the caller froze the VM is in memory. */
static void wait_for_fold(struct vcpu *vcpu)
{
	unsigned int seen;
	bool holds;

	spin_lock(&vcpu->vgic.lock);
	seen = vcpu->vgic.nr_folds;
	/* While the VM was frozen already: only overflow, whose ends may have been counted. */
	holds = vcpu->vgic.used_lrs || vcpu->vgic.overflow;
	spin_unlock(&vcpu->vgic.lock);
	if (!holds)
		return;
	sched_kick(vcpu);
	while (READ_ONCE(vcpu->vgic.nr_folds) == seen)
		arch_cpu_relax();
}

void vgic_freeze(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	/*
	 * Who fills list registers later, under its own lock, sees this: wait_for_fold() takes that lock
	 * next.
	 */
	__atomic_fetch_add(&vm->vgic.frozen, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i] != vcpu)
			wait_for_fold(vm->vcpus[i]);
	}
}

void vgic_thaw(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	/* Release: pairs with populate(). */
	__atomic_fetch_sub(&vm->vgic.frozen, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct vgic_cpu *vgic = &vm->vcpus[i]->vgic;

		spin_lock(&vgic->lock);
		if (!list_empty(&vgic->ap_list))
			sched_kick(vm->vcpus[i]);
		spin_unlock(&vgic->lock);
	}
}

/* Whether the CPU interface would signal it, nothing else being active: group on, priority not masked. */
static bool is_signalled(const struct vcpu *vcpu, const struct virq *irq)
{
	return is_offered(&vcpu->vm->vgic, irq) && !group_off(vcpu, irq) &&
	       irq->priority < FIELD_GET(ICH_VMCR_VPMR, vcpu->arch.ich.vmcr);
}

static bool is_forwarded(const struct vcpu *vcpu, const struct virq *irq)
{
	return is_offered(&vcpu->vm->vgic, irq);
}

static bool has_one(struct vcpu *vcpu, bool (*is_one)(const struct vcpu *vcpu, const struct virq *irq))
{
	bool found = false;
	struct virq *irq;

	spin_lock(&vcpu->vgic.lock);
	list_for_each_entry(irq, &vcpu->vgic.ap_list, ap_link) {
		/* In a frozen VM no list register would hold it; vgic_thaw() kicks, with this lock held. */
		if (READ_ONCE(vcpu->vm->vgic.frozen))
			break;
		if (is_one(vcpu, irq)) {
			found = true;
			break;
		}
	}
	spin_unlock(&vcpu->vgic.lock);
	return found;
}

bool vgic_has_deliverable(struct vcpu *vcpu)
{
	return has_one(vcpu, is_signalled);
}

bool vgic_has_wake_up(struct vcpu *vcpu)
{
	return has_one(vcpu, is_forwarded);
}

/* Open, and with the lock held; both are undone by unlock_close(). */
static struct virq *lock_open(struct vm *vm, struct vcpu *vcpu, unsigned int intid)
{
	struct virq *irq = vgic_find_chosen(vm, vcpu, intid);

	spin_lock(vgic_lock_of(vm, vcpu, intid));
	vgic_open(irq);
	return irq;
}

static void unlock_close(struct vm *vm, struct vcpu *vcpu, struct virq *irq)
{
	vgic_close(irq);
	spin_unlock(vgic_lock_of(vm, vcpu, irq->intid));
}

/* Context: the lock that is taken first held, under which alone a source changes its line. */
static void set_line(struct virq *irq, bool level)
{
	if (irq->line == level)
		return;
	/* What an edge interrupt's line falls to is nobody's business. */
	if (irq->edge && !level) {
		irq->line = false;
		return;
	}
	vgic_open(irq);
	irq->line = level;
	if (irq->edge)
		irq->latch = true;
	vgic_close(irq);
}

void vgic_set_line(struct vcpu *vcpu, unsigned int intid, bool level)
{
	struct spinlock *lock = vgic_lock_of(vcpu->vm, vcpu, intid);

	if (intid >= VGIC_NR_INTIDS)
		return;
	spin_lock(lock);
	set_line(vgic_find(vcpu->vm, vcpu, intid), level);
	spin_unlock(lock);
}

void vgic_link_spi(struct vm *vm, unsigned int intid, uint32_t hw_intid)
{
	struct virq *irq = lock_open(vm, NULL, intid);

	irq->hw_intid = hw_intid;
	/* One that was taken during the reset belongs to the last life, like the others. */
	irq->latch = false;
	unlock_close(vm, NULL, irq);
}

/* A latch for level interrupts, too: the line is asserted for as long as the physical one stays active. */
void vgic_raise_linked(struct vm *vm, unsigned int intid)
{
	struct virq *irq = lock_open(vm, NULL, intid);

	irq->latch = true;
	unlock_close(vm, NULL, irq);
}

const struct vcpu *vgic_spi_target(struct vm *vm, unsigned int intid)
{
	return READ_ONCE(vgic_find(vm, NULL, intid)->target);
}

/* Lock held. */
static void set_private_line(struct vcpu *vcpu, unsigned int intid, bool level)
{
	struct virq *irq = &vcpu->vgic.priv[intid];

	if (irq->line == level && !irq->on)
		return;
	irq->line = level;
	if (irq->on)
		ap_remove(irq);
	if (vgic_target(irq))
		ap_insert(vcpu, irq);
}

void vgic_set_timer_line(struct vcpu *vcpu, bool level)
{
	const struct virq *irq = &vcpu->vgic.priv[VGIC_VTIMER_INTID];

	/* Nearly always nothing to do; while the vCPU is loaded only its CPU changes this line. */
	if (irq->line == level && !irq->on)
		return;
	spin_lock(&vcpu->vgic.lock);
	set_private_line(vcpu, VGIC_VTIMER_INTID, level);
	spin_unlock(&vcpu->vgic.lock);
}

void vgic_set_timer_lines(struct vcpu *vcpu, bool virt, bool phys)
{
	spin_lock(&vcpu->vgic.lock);
	set_private_line(vcpu, VGIC_VTIMER_INTID, virt);
	set_private_line(vcpu, VGIC_PTIMER_INTID, phys);
	spin_unlock(&vcpu->vgic.lock);
}

/* Lock held. */
static void raise_line(struct virq *irq)
{
	irq->line = true;
	vgic_close(irq);
}

void vgic_raise_blocked_timers(struct vcpu *vcpu, bool virt, bool phys)
{
	spin_lock(&vcpu->vgic.lock);
	/* Who loads it takes this lock after its state has changed, and sets the lines as they are then. */
	if (READ_ONCE(vcpu->state) == VCPU_BLOCKED) {
		if (virt)
			raise_line(&vcpu->vgic.priv[VGIC_VTIMER_INTID]);
		if (phys)
			raise_line(&vcpu->vgic.priv[VGIC_PTIMER_INTID]);
	}
	spin_unlock(&vcpu->vgic.lock);
}

bool vgic_timer_again(struct vcpu *vcpu, uint64_t *lr)
{
	const struct vgic_cpu *vgic = &vcpu->vgic;
	struct virq *irq = &vcpu->vgic.priv[VGIC_VTIMER_INTID];

	if (vgic->used_lrs != 1 || vgic->overflow || !irq->in_lr || (*lr & (LR_PENDING | LR_ACTIVE)))
		return false;
	/* In memory it is as it was put there: only one that was pending by its line alone is so again. */
	if (irq->active || irq->latch || irq->lr_latch)
		return false;
	irq->line = true;
	*lr = lr_encode(irq);
	return true;
}

bool vgic_timer_is_live(const struct vcpu *vcpu)
{
	return vcpu->vgic.priv[VGIC_VTIMER_INTID].line;
}

bool vgic_timer_is_raised(const struct vcpu *vcpu)
{
	const struct virq *irq = &vcpu->vgic.priv[VGIC_VTIMER_INTID];

	return irq->line && !irq->active;
}

static void raise_sgi(struct vcpu *to, unsigned int intid, bool group1)
{
	struct virq *irq = &to->vgic.priv[intid];

	spin_lock(&to->vgic.lock);
	/* An SGI reaches only a target that has it in the group that was asked for. */
	if (irq->group1 == group1) {
		irq->latch = true;
		vgic_close(irq);
	}
	spin_unlock(&to->vgic.lock);
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
}

void vgic_deactivate(struct vcpu *vcpu, unsigned int intid)
{
	struct virq *irq;

	if (intid >= VGIC_NR_INTIDS)
		return;
	irq = lock_open(vcpu->vm, vcpu, intid);
	if (irq->active)
		virq_deactivate(irq);
	unlock_close(vcpu->vm, vcpu, irq);
}
