// SPDX-License-Identifier: MIT
/* The windows of the virtual distributor and redistributors; what is behind them is kernel/vgic. */
#include "kernel/load/guest_dtb.h"
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
	vgic_mmio(vcpu, dev->vcpu, offset, access->size, access->write, &access->val);
	return true;
}

static void gic_describe(const struct vm *vm, struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "intc", GUEST_GICD_IPA, GUEST_DTB_NO_REG);
	guest_dtb_string(dtb, "compatible", "arm,gic-v3");
	guest_dtb_numbers(dtb, "reg", 0, GUEST_GICD_IPA, 0, GUEST_GICD_SIZE,
			  0, GUEST_GICR_IPA, 0, GUEST_GICR_STRIDE * vm->nr_vcpus);
	guest_dtb_numbers(dtb, "#redistributor-regions", 1);
	guest_dtb_flag(dtb, "interrupt-controller");
	guest_dtb_numbers(dtb, "#interrupt-cells", 3);
	guest_dtb_numbers(dtb, "#address-cells", 2);
	guest_dtb_numbers(dtb, "#size-cells", 2);
	guest_dtb_numbers(dtb, "phandle", GUEST_DTB_PHANDLE_GIC);
	guest_dtb_end_node(dtb);
}

static bool gic_allows(struct vdev *dev, uint32_t offset, const struct vdev_access *access)
{
	return true;
}

VDEV(gic) = {
	.create = gic_create,
	.describe = gic_describe,
	.access = gic_access,
	.allows = gic_allows,
};
