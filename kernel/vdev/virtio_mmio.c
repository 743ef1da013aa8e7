// SPDX-License-Identifier: MIT
/*
 * QEMU virt's 32 virtio transports (Virtio 1.2, 4.2: MMIO), all of them empty. A transport whose device ID is
 * zero is one to be passed over (4.2.3.1.1), which is what a kernel that knows the board's addresses by heart
 * does; where nothing answers it would be ended by an external abort.
 *
 * They answer as the board's do, version 1 (QEMU's force-legacy) included. The guest's device tree does not
 * describe them: who reads the tree finds none, and does not ask 32 times.
 *
 * No state, no locks.
 */
#include "kernel/vdev/vdev.h"
#include "lib/errno.h"
#include "schism/abi/guest_layout.h"

#define ALL_SIZE	(GUEST_VIRTIO_NR * GUEST_VIRTIO_SIZE)

/* Registers that do not read as zero (4.2.2). Writes are ignored. */
static const struct {
	uint32_t offset, value;
} registers[] = {
	{ 0x000, 0x74726976 },	/* MagicValue: "virt" */
	{ 0x004, 1 },		/* Version */
	{ 0x00c, 0x554d4551 },	/* VendorID: "QEMU" */
};

static uint64_t read_register(uint32_t offset)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(registers); i++) {
		if (registers[i].offset == offset)
			return registers[i].value;
	}
	return 0;
}

static bool transport_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset,
			     struct vdev_access *access)
{
	uint32_t at = offset % GUEST_VIRTIO_SIZE;

	if (access->write)
		return true;
	access->val = read_register(at);
	/* Two registers, on the board, too. */
	if (access->size == 8)
		access->val |= read_register(at + 4) << 32;
	return true;
}

static bool transport_allows(struct vdev *dev, uint32_t offset, const struct vdev_access *access)
{
	return true;
}

static int transports_create(struct vm *vm, const struct vdev_ops *ops)
{
	return vdev_attach(vm, ops, GUEST_VIRTIO_IPA, ALL_SIZE, NULL, NULL);
}

VDEV(virtio_mmio) = {
	.gives_way = true,
	.create = transports_create,
	.access = transport_access,
	.allows = transport_allows,
};
