// SPDX-License-Identifier: MIT
/*
 * An empty NOR flash: QEMU virt's second bank, where firmware looks for its settings. All of it is erased,
 * so every read gives ones; it answers no command, and a write changes nothing.
 *
 * It is for software that knows the board's addresses by heart: U-Boot reads its environment here without
 * asking the device tree, takes a bad checksum for "use the defaults", and is ended by an external abort. The
 * guest's device tree does not describe it. A node "cfi-flash" would have drivers probe for chips that do not
 * answer: U-Boot then reports an unknown flash, and no guest gains anything.
 *
 * No state, no locks.
 */
#include "kernel/vdev/vdev.h"
#include "schism/abi/guest_layout.h"

static int flash_create(struct vm *vm, const struct vdev_ops *ops)
{
	return vdev_attach(vm, ops, GUEST_FLASH_IPA, GUEST_FLASH_SIZE, NULL, NULL);
}

static bool flash_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	if (!access->write)
		access->val = UINT64_MAX >> (64 - 8 * access->size);
	return true;
}

static bool flash_allows(struct vdev *dev, uint32_t offset, const struct vdev_access *access)
{
	return true;
}

VDEV(flash) = {
	.name = "flash",
	.create = flash_create,
	.access = flash_access,
	.allows = flash_allows,
};
