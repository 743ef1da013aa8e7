// SPDX-License-Identifier: MIT
/* Finding the emulated device behind an IPA. */
#include "kernel/vdev/vdev.h"

#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "lib/string.h"

/* What is not in every build: who asks in vain is told why. scripts/manifest/check.py reads it, too. */
static const struct {
	const char *device, *option;
} optional[] = {
	{ "watchdog", "CONFIG_VDEV_WATCHDOG" },
};

static bool is_taken(const struct vm *vm, uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < vm->nr_vdevs; i++) {
		if (base < vm->vdevs[i].base + vm->vdevs[i].size && vm->vdevs[i].base < base + size)
			return true;
	}
	return false;
}

int vdev_attach(struct vm *vm, const struct vdev_ops *ops, uint64_t base, uint64_t size,
		struct vcpu *vcpu, void *state)
{
	if (vm->nr_vdevs == VDEV_MAX)
		return -ENOSPC;
	if (is_taken(vm, base, size))
		return -EEXIST;
	vm->vdevs[vm->nr_vdevs++] = (struct vdev){ ops, base, size, vcpu, state };
	return 0;
}

const struct vdev_ops *vdev_find(const char *name)
{
	SECTION_FOREACH(struct vdev_ops, ops, schism_vdev) {
		if (ops->name && !strcmp(ops->name, name))
			return ops;
	}
	return NULL;
}

const char *vdev_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		if (!strcmp(optional[i].device, name))
			return optional[i].option;
	}
	return NULL;
}

static bool is_wanted(const struct vm *vm, const struct vdev_ops *ops)
{
	for (unsigned int i = 0; i < vm->desc.nr_devices; i++) {
		if (vm->desc.devices[i] == ops)
			return true;
	}
	return !ops->name;
}

static int create(struct vm *vm, const struct vdev_ops *ops)
{
	int err = is_wanted(vm, ops) ? ops->create(vm, ops) : 0;

	return err == -EEXIST && ops->gives_way ? 0 : err;
}

int vdev_create_all(struct vm *vm)
{
	int err = 0;

	SECTION_FOREACH(struct vdev_ops, ops, schism_vdev) {
		if (!err && !ops->gives_way)
			err = create(vm, ops);
	}
	SECTION_FOREACH(struct vdev_ops, ops, schism_vdev) {
		if (!err && ops->gives_way)
			err = create(vm, ops);
	}
	return err;
}

void vdev_describe_all(const struct vm *vm, struct guest_dtb *dtb)
{
	SECTION_FOREACH(struct vdev_ops, ops, schism_vdev) {
		if (is_wanted(vm, ops) && ops->describe)
			ops->describe(vm, dtb);
	}
}

void vdev_reset_all(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vdevs; i++) {
		if (vm->vdevs[i].ops->reset)
			vm->vdevs[i].ops->reset(vm, &vm->vdevs[i]);
	}
}

void vdev_clock_all(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vdevs; i++) {
		if (vm->vdevs[i].ops->clock)
			vm->vdevs[i].ops->clock(vm, &vm->vdevs[i]);
	}
}

void vdev_destroy_all(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vdevs; i++) {
		if (vm->vdevs[i].ops->destroy)
			vm->vdevs[i].ops->destroy(vm, &vm->vdevs[i]);
	}
	vm->nr_vdevs = 0;
}

struct vdev *vdev_at(struct vcpu *vcpu, uint64_t ipa)
{
	struct vm *vm = vcpu->vm;

	for (unsigned int i = 0; i < vm->nr_vdevs; i++) {
		if (ipa - vm->vdevs[i].base < vm->vdevs[i].size)
			return vcpu->last_vdev = &vm->vdevs[i];
	}
	return NULL;
}

bool vdev_access(struct vcpu *vcpu, struct vdev_access *access)
{
	struct vdev *dev = vcpu->last_vdev;

	if (access->ipa & (access->size - 1))
		return false;
	/* Software mostly comes back to the device that it used last. */
	if (!dev || access->ipa - dev->base >= dev->size)
		dev = vdev_at(vcpu, access->ipa);
	return dev && dev->ops->access(vcpu, dev, (uint32_t)(access->ipa - dev->base), access);
}

bool vdev_allows(struct vcpu *vcpu, const struct vdev_access *access)
{
	struct vdev *dev = vdev_at(vcpu, access->ipa);

	return dev && dev->ops->allows && !(access->ipa & (access->size - 1)) &&
	       dev->ops->allows(dev, (uint32_t)(access->ipa - dev->base), access);
}
