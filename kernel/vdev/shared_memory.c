// SPDX-License-Identifier: MIT
/*
 * Shared windows; see shared_memory.h. Their pages are EL2's in state PAGE_SHARED, and each page counts the
 * VMs that see it. EL2 itself never looks into them, but to clear them. To a VM its windows are devices
 * without registers: nothing traps.
 */
#include "kernel/vdev/shared_memory.h"

#include "arch/cpu.h"
#include "kernel/base/log.h"
#include "kernel/load/guest_dtb.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"

/* fixed after shared_init() */
static struct shared_window windows[SHARED_MAX_WINDOWS];
static unsigned int nr_windows;

static int clear(pa_t at, uint64_t size)
{
	while (size > 0) {
		uint64_t visible, step;
		void *va = window_open(at, &visible);

		if (!va)
			return -ENOMEM;
		step = MIN(size, visible);
		arch_zero_sync(va, step);
		window_close();
		at = pa_add(at, step);
		size -= step;
	}
	return 0;
}

int shared_init(const struct shared_window *list, unsigned int nr, const char **why)
{
	struct carveout c;
	int err = 0;

	nr_windows = 0;
	for (unsigned int i = 0; i < nr && !err; i++) {
		*why = "not enough contiguous RAM for the shared windows";
		err = carveout_alloc(list[i].size, CONFIG_GUARD_PAGES_VM * PAGE_SIZE, OWNER_HYP, &c);
		if (err)
			break;
		page_set_shared(c.base, c.size);
		windows[i] = list[i];
		windows[i].pa = c.base;
		nr_windows = i + 1;
		*why = "no window onto the shared windows";
		err = clear(c.base, c.size);
	}
	return err;
}

static int map(struct vm *vm, const struct vdev_ops *ops, const struct vm_share *share)
{
	uint64_t perms = MAP_R | (share->read_only ? 0 : MAP_W);
	struct shared_window *w;
	int err;

	/* Those that found no memory at boot are missing at the end. */
	if (share->window >= nr_windows)
		return -ENOENT;
	w = &windows[share->window];
	err = vdev_attach(vm, ops, share->ipa.ipa, w->size, NULL, w);
	if (err)
		return err;
	page_ref(w->pa, w->size);
	return pgtable_map(&vm->stage2.pt, share->ipa.ipa, w->pa, w->size, perms);
}

static int shared_create(struct vm *vm, const struct vdev_ops *ops)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < vm->desc.nr_shares; i++) {
		err = map(vm, ops, &vm->desc.shares[i]);
		if (err)
			log_err("%s: the shared window at 0x%lx cannot be mapped", vm->name,
				vm->desc.shares[i].ipa.ipa);
	}
	return err;
}

/* The mapping goes with the VM's stage-2 tree. */
static void shared_destroy(struct vm *vm, struct vdev *dev)
{
	const struct shared_window *w = dev->state;

	page_unref(w->pa, w->size);
}

static void shared_describe(const struct vm *vm, struct guest_dtb *dtb)
{
	for (unsigned int i = 0; i < vm->desc.nr_shares; i++) {
		const struct vm_share *share = &vm->desc.shares[i];
		const struct shared_window *w = &windows[share->window];

		guest_dtb_begin_node(dtb, "shared-memory", share->ipa.ipa, w->size);
		guest_dtb_string(dtb, "compatible", "schism,shared-memory");
		guest_dtb_string(dtb, "window-name", w->name);
		if (share->read_only)
			guest_dtb_flag(dtb, "read-only");
		guest_dtb_end_node(dtb);
	}
}

/* Nothing traps but what the mapping does not allow. */
static bool shared_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	return false;
}

VDEV(shared) = {
	.create = shared_create,
	.describe = shared_describe,
	.destroy = shared_destroy,
	.access = shared_access,
};
