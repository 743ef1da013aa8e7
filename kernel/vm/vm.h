/* SPDX-License-Identifier: MIT */
/*
 * Virtual machines: what one consists of, and its life.
 *
 *   STOPPED -> RUNNING        vm_start()
 *   RUNNING -> STOPPING       SYSTEM_OFF; RESETTING: SYSTEM_RESET; CRASHING: vm_crash()
 *   STOPPING -> STOPPED       vm_finish(), when the last vCPU has left its CPU
 *   RESETTING -> RUNNING      likewise, with RAM and vCPUs as at the start
 *   CRASHING -> CRASHED       likewise
 */
#ifndef KERNEL_VM_VM_H
#define KERNEL_VM_VM_H

#include "kernel/lock.h"
#include "kernel/mm/page.h"
#include "kernel/mm/stage2.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define VM_NAME_LEN	32
#define VM_ARGS_LEN	1024
#define VM_MAX_DEVICES	16

struct vcpu;

/* What a kernel image is, and how it is entered: kernel/vm/loader.c. */
enum vm_protocol {
	VM_PROTOCOL_ELF,	/* ELF64 at its physical addresses */
	VM_PROTOCOL_LINUX,	/* arm64 Image, entered by the arm64 boot protocol */
	VM_PROTOCOL_RAW,	/* bytes, entered at the first */
};

enum vm_state {
	VM_STOPPED,
	VM_RUNNING,
	VM_STOPPING,
	VM_RESETTING,
	VM_CRASHING,
	VM_CRASHED,
};

enum vm_crash_reason {
	VM_CRASH_NONE,
	VM_CRASH_NO_VECTOR,	/* an exception whose handler cannot be fetched */
	VM_CRASH_LOAD,		/* its images could not be loaded again */
};

/* How a VM is started; from its manifest node (kernel/vm/manifest.h). Pointers into the boot package. */
struct vm_desc {
	char name[VM_NAME_LEN];
	unsigned int nr_vcpus;
	ipa_t ram_ipa;
	uint64_t ram_size;
	enum vm_protocol protocol;
	const void *kernel;
	size_t kernel_size;
	ipa_t load_address;		/* of a raw kernel */
	const void *ramdisk;		/* NULL: none */
	size_t ramdisk_size;
	const void *dtb;		/* NULL: one is generated */
	size_t dtb_size;
	char args[VM_ARGS_LEN];
	bool has_mailbox;
	ipa_t mailbox;
	const struct vdev_ops *devices[VM_MAX_DEVICES];	/* granted */
	unsigned int nr_devices;
};

/* The device tree that the guest gets in its RAM: kernel/vm/guest_dtb.h. */
struct vm_dtb {
	ipa_t ipa;
	void *buf;			/* EL2's, to write it in; from the first load on */
};

struct vm {
	/* fixed after vm_create() */
	unsigned int id;
	const char *name;		/* desc.name */
	struct vm_desc desc;
	struct stage2 stage2;
	struct carveout ram;
	unsigned int nr_vcpus;
	struct vcpu *vcpus[CONFIG_MAX_VCPUS];
	unsigned int nr_lrs;
	uint64_t cntvoff;
	uint32_t vtimer_hw_intid;
	ipa_t entry;
	struct vm_dtb dtb;		/* ipa is the boot vCPU's x0 */
	struct vdev vdevs[VDEV_MAX];
	unsigned int nr_vdevs;
	struct virq *spis;
	void *pvtime;			/* stolen-time records */

	struct vgic vgic;		/* has a lock of its own */
	uint16_t last_vcpu[CONFIG_NR_CPUS];	/* 1 + the vCPU that ran last on a CPU; written by that CPU */
	unsigned int nr_live_vcpus;	/* not OFF; atomic */

	/* guarded by lock */
	struct spinlock lock;
	enum vm_state state;
	enum vm_crash_reason crash_reason;
	uint64_t reports;		/* task reports received */
	uint64_t failures;		/* of them GUEST_EVENT_FAIL */
	uint64_t resets;
};

extern struct vm *vms[CONFIG_MAX_VMS];
extern unsigned int nr_vms;

void vm_init(void);

/*
 * A VM from its description: memory, stage 2, vCPUs, devices; images loaded, state STOPPED. On an error
 * (-ENOMEM, -E2BIG beyond CONFIG_MAX_VMS, -ENOEXEC, -EINVAL) everything is given back and *why says what
 * did not do.
 */
__must_check int vm_create(const struct vm_desc *desc, struct vm **out, const char **why);

void vm_start(struct vm *vm);

/* A guest's own request, from one of its vCPUs: off, or reset. Takes effect when the handler returns. */
void vm_power_off(struct vcpu *vcpu);
void vm_reset(struct vcpu *vcpu);

/* The guest did something that it cannot survive: record and print why, and stop its VM. */
void vm_crash(struct vcpu *vcpu, enum vm_crash_reason reason);

/* One more vCPU of the VM is off; true when it was the last, and vm_finish() is to be called. */
__must_check bool vm_vcpu_gone(struct vm *vm);

/*
 * Finish what a VM without a live vCPU has left to do: off, crashed, or start again. Ends the machine when
 * no VM is left. Context: no vCPU loaded on this CPU.
 */
void vm_finish(struct vm *vm);

/*
 * PSCI CPU_ON: start the vCPU of vm with that affinity at entry, with context in x0. Returns a PSCI code.
 * vm_affinity_info(): 0 on, 1 off, or PSCI_INVALID_PARAMETERS.
 */
int64_t vm_cpu_on(struct vm *vm, uint64_t affinity, uint64_t entry, uint64_t context);
int64_t vm_affinity_info(struct vm *vm, uint64_t affinity, unsigned int level);

/* A VM of the package does not run: when the others are done, the machine ends as a failure all the same. */
void vm_note_refused(void);

/* The VTTBR_EL2 of a VM. */
uint64_t vm_vttbr(const struct vm *vm);

const char *vm_state_name(enum vm_state state);

/*
 * Bytes to and from a VM's RAM by IPA. Return -EFAULT when any of it is not RAM of the VM (nothing
 * written then), -ENOMEM when no window could be had. EL2 sees guest RAM through these alone.
 */
__must_check int vm_read(struct vm *vm, ipa_t from, void *to, uint64_t len);
__must_check int vm_write(struct vm *vm, ipa_t to, const void *from, uint64_t len);
__must_check int vm_zero(struct vm *vm, ipa_t to, uint64_t len);

#endif
