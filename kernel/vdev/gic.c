// SPDX-License-Identifier: MIT
/* The windows of the virtual distributor and redistributors; what is behind them is kernel/vgic. */
#include "arch/vcpu.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "schism/abi/guest_layout.h"

static int gic_create(struct vm *vm, const struct vdev_ops *ops)
{
	int err = vdev_attach(vm, ops, GUEST_GICD_IPA, GUEST_GICD_SIZE, NULL, NULL);

	for (unsigned int i = 0; i < vm->nr_vcpus && !err; i++)
		err = vdev_attach(vm, ops, GUEST_GICR_IPA + i * GUEST_GICR_STRIDE, GUEST_GICR_STRIDE,
				  vm->vcpus[i], NULL);
	return err;
}

static bool gic_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	/* What list registers hold is not yet in the interrupt states. */
	vcpu_vgic_out(vcpu);
	return vgic_mmio(vcpu->vm, dev->vcpu, offset, access->size, access->write, &access->val);
}

VDEV(gic) = {
	.create = gic_create,
	.access = gic_access,
};
