// SPDX-License-Identifier: MIT
/* The virtual interrupt controller's invariants; vgic.h has them in words. */
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

static const char *check_virq(const struct virq *irq)
{
	if ((irq->on != NULL) != !list_empty(&irq->ap_link))
		return "an interrupt does not know whether it is on an ap list";
	if (irq->in_lr && !irq->on)
		return "an interrupt is in a list register, but on no ap list";
	/* What a list register holds may have changed since; the next fold sees to it. */
	if (!irq->in_lr && vgic_target(irq) != irq->on)
		return "an interrupt is not on the ap list of its target";
	if (!irq->active && irq->running != VIRQ_NOT_TAKEN)
		return "an interrupt that is not active has a running priority";
	return NULL;
}

static const char *check_list(const struct vcpu *vcpu, unsigned int *listed)
{
	unsigned int in_lrs = 0, shared = 0;
	const struct virq *irq;

	list_for_each_entry(irq, &vcpu->vgic.ap_list, ap_link) {
		if (irq->on != vcpu)
			return "an interrupt is on another vCPU's ap list";
		if (irq->in_lr)
			in_lrs++;
		if (irq->intid >= VGIC_NR_PRIVATE)
			shared++;
		if (++*listed > VGIC_NR_INTIDS)
			return "an ap list goes in circles";
	}
	if (in_lrs != vcpu->vgic.used_lrs || in_lrs > vcpu->vm->nr_lrs)
		return "list registers in use are not those of the ap list";
	return shared == vcpu->vgic.nr_shared ? NULL : "an ap list counts its shared interrupts wrong";
}

static void check_one(const struct virq *irq, const struct vcpu *vcpu, unsigned int *on, const char **why)
{
	*on += irq->on == vcpu;
	if (!*why)
		*why = check_virq(irq);
}

/* What its lock guards: its list, and the interrupts that are on it or could be only there. */
static const char *check_vcpu(struct vcpu *vcpu)
{
	const struct virq *spis = vcpu->vm->vgic.spis;
	unsigned int listed = 0, on = 0;
	const char *why;

	spin_lock(&vcpu->vgic.lock);
	why = check_list(vcpu, &listed);
	for (unsigned int i = 0; i < VGIC_NR_PRIVATE; i++)
		check_one(&vcpu->vgic.priv[i], vcpu, &on, &why);
	for (unsigned int i = 0; i < VGIC_NR_SPIS; i++) {
		if (spis[i].on == vcpu)
			check_one(&spis[i], vcpu, &on, &why);
	}
	spin_unlock(&vcpu->vgic.lock);
	return why || on == listed ? why : "an ap list holds what no interrupt says of itself";
}

static const char *check_all(const struct vm *vm)
{
	const char *why = NULL;

	for (unsigned int v = 0; v < vm->nr_vcpus && !why; v++)
		why = check_vcpu(vm->vcpus[v]);
	for (unsigned int i = 0; i < VGIC_NR_SPIS && !why; i++) {
		if (!vm->vgic.spis[i].on)
			why = check_virq(&vm->vgic.spis[i]);
	}
	return why;
}

const char *vgic_check(struct vm *vm)
{
	const char *why;

	/* Shared interrupts stay where they are meanwhile. */
	spin_lock(&vm->vgic.lock);
	why = check_all(vm);
	spin_unlock(&vm->vgic.lock);
	return why;
}
