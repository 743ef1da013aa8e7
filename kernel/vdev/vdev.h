/* SPDX-License-Identifier: MIT */
/*
 * Devices that Schism pretends to be. A device is one file with a row in the set "schism_vdev"; a VM has
 * those that its manifest lists, and the interrupt controller.
 */
#ifndef KERNEL_VDEV_VDEV_H
#define KERNEL_VDEV_VDEV_H

#include "kernel/base/addr.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct guest_dtb;
struct vcpu;
struct vm;

/* The interrupt controller has a window for each vCPU. */
#define VDEV_MAX	(CONFIG_MAX_VCPUS + 16)

/* One trapped load or store. */
struct vdev_access {
	uint64_t ipa;
	unsigned int size;	/* 1, 2, 4 or 8 bytes */
	bool write;
	uint64_t val;		/* written, or to be filled by a read; zero-extended */
};

struct vdev {
	const struct vdev_ops *ops;
	uint64_t base, size;	/* IPA window */
	struct vcpu *vcpu;	/* the vCPU it belongs to, of redistributors */
	void *state;
};

struct vdev_ops {
	const char *name;	/* in the manifest's "devices"; NULL: every VM has it */
	bool gives_way;		/* comes last, and not where the VM has another device by then */
	/* Memory, windows; from vm_create(). 0 or a negative error. */
	int (*create)(struct vm *vm, const struct vdev_ops *ops);
	/* Write its nodes into the guest's device tree (kernel/load/guest_dtb.h). NULL: it has none. */
	void (*describe)(const struct vm *vm, struct guest_dtb *dtb);
	void (*reset)(struct vm *vm, struct vdev *dev);
	void (*destroy)(struct vm *vm, struct vdev *dev);
	/*
	 * The VM's clock has stopped, or goes on (vm->clock_stands, kernel/vm/vmtime.h): its timers do
	 * likewise. NULL: it has none that go by it. Context: vm->lock held.
	 */
	void (*clock)(struct vm *vm, struct vdev *dev);
	/*
	 * An aligned access inside the window. offset is from its base. False: the device has no such
	 * register or size, and the guest gets an external abort.
	 */
	bool (*access)(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access);
	/*
	 * Whether access() would return true, and nothing else: so that a pair of accesses is done as a
	 * whole or not at all. NULL: never.
	 */
	bool (*allows)(struct vdev *dev, uint32_t offset, const struct vdev_access *access);
};

#define VDEV(name)	static const struct vdev_ops name SECTION_ENTRY(schism_vdev)

/* Attach a window; -ENOSPC when the VM has VDEV_MAX already, -EEXIST when another one is there. */
__must_check int vdev_attach(struct vm *vm, const struct vdev_ops *ops, uint64_t base, uint64_t size,
			     struct vcpu *vcpu, void *state);

/* The device of that name, as manifests call it; NULL when there is none. */
const struct vdev_ops *vdev_find(const char *name);

/* The option that decides whether a build has the device of that name, CONFIG_ included; NULL: none does. */
const char *vdev_option(const char *name);

__must_check int vdev_create_all(struct vm *vm);
void vdev_describe_all(const struct vm *vm, struct guest_dtb *dtb);
void vdev_reset_all(struct vm *vm);
void vdev_destroy_all(struct vm *vm);
void vdev_clock_all(struct vm *vm);

/* Serve an access; false when nothing is there, it is unaligned, or the device refuses. */
bool vdev_access(struct vcpu *vcpu, struct vdev_access *access);

/* Whether vdev_access() would serve it. */
bool vdev_allows(struct vcpu *vcpu, const struct vdev_access *access);

/* The device whose window the address lies in; NULL: none. */
struct vdev *vdev_at(struct vcpu *vcpu, uint64_t ipa);

#endif
