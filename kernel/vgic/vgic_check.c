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
	unsigned int in_lrs = 0;
	const struct virq *irq;

	list_for_each_entry(irq, &vcpu->vgic.ap_list, ap_link) {
		if (irq->on != vcpu)
			return "an interrupt is on another vCPU's ap list";
		if (irq->in_lr)
			in_lrs++;
		if (++*listed > VGIC_NR_INTIDS * CONFIG_MAX_VCPUS)
			return "an ap list goes in circles";
	}
	if (in_lrs != vcpu->vgic.used_lrs || in_lrs > vcpu->vm->nr_lrs)
		return "list registers in use are not those of the ap list";
	return NULL;
}

static const char *check_all(const struct vm *vm)
{
	unsigned int listed = 0, on = 0;
	const char *why = NULL;

	for (unsigned int v = 0; v < vm->nr_vcpus && !why; v++) {
		why = check_list(vm->vcpus[v], &listed);
		for (unsigned int i = 0; i < VGIC_NR_PRIVATE && !why; i++) {
			why = check_virq(&vm->vcpus[v]->vgic.priv[i]);
			on += vm->vcpus[v]->vgic.priv[i].on != NULL;
		}
	}
	for (unsigned int i = 0; i < VGIC_NR_SPIS && !why; i++) {
		why = check_virq(&vm->vgic.spis[i]);
		on += vm->vgic.spis[i].on != NULL;
	}
	return why || on == listed ? why : "ap lists hold what no interrupt says of itself";
}

const char *vgic_check(struct vm *vm)
{
	const char *why;

	spin_lock(&vm->vgic.lock);
	why = check_all(vm);
	spin_unlock(&vm->vgic.lock);
	return why;
}
