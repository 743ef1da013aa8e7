/* SPDX-License-Identifier: MIT */
/*
 * Virtual machines: what one consists of, and its life. A struct vm exists from boot on for each VM that the
 * package describes, and for ever; what comes and goes is what it is given: memory, vCPUs, devices.
 *
 *   DEFINED    described, and has nothing
 *   LOADING    has everything, and gets its images, by a job (kernel/base/deferred.h)
 *   RUNNING
 *   PAUSED     its vCPUs keep their state, and none runs
 *   STOPPING   its vCPUs are leaving their CPUs; vm->goal is what comes then
 *   STOPPED    off; memory kept, for a look at it
 *   CRASHED    the same, not of its own will (kernel/check/crash.h)
 *
 * The legal moves are vm_moves[] in lifecycle.c.
 */
#ifndef KERNEL_VM_VM_H
#define KERNEL_VM_VM_H

#include "kernel/base/deferred.h"
#include "kernel/base/lock.h"
#include "kernel/base/rate_limit.h"
#include "kernel/base/timer.h"
#include "kernel/mm/page.h"
#include "kernel/mm/stage2.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/entry.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define VM_NAME_LEN	32
#define VM_ARGS_LEN	1024
#define VM_MAX_DEVICES	16
#define VM_MAX_REGIONS	4
#define VM_MAX_SHARES	4
#define VM_MAX_PASSTHROUGH	4
#define VM_MAX_IMAGES	4
#define VM_IMAGE_NAME_LEN	24

struct vcpu;

/* What a kernel image is, and how it is entered: kernel/load/loader.c. */
enum vm_protocol {
	VM_PROTOCOL_ELF,	/* ELF64 at its physical addresses */
	VM_PROTOCOL_LINUX,	/* arm64 Image, entered by the arm64 boot protocol */
	VM_PROTOCOL_RAW,	/* bytes, entered at the first */
	VM_PROTOCOL_SEL4,	/* CPIO of seL4's images, entered as by its elfloader: kernel/load/sel4.h */
};

enum vm_state {
	VM_DEFINED,
	VM_LOADING,
	VM_RUNNING,
	VM_PAUSED,
	VM_STOPPING,
	VM_STOPPED,
	VM_CRASHED,
};

enum vm_crash_reason {
	VM_CRASH_NONE,
	VM_CRASH_NO_VECTOR,	/* an exception whose handler cannot be fetched */
	VM_CRASH_LOAD,		/* its images could not be loaded again */
	VM_CRASH_WATCHDOG,	/* its watchdog has run out */
};

/* RAM of a VM. */
struct vm_region {
	ipa_t ipa;
	uint64_t size;
	bool fixed;		/* at pa, and nowhere else */
	pa_t pa;
};

/* A window of memory that several VMs see; kernel/vdev/shared_memory.h. */
struct vm_share {
	unsigned int window;	/* index in the package's shared windows */
	ipa_t ipa;
	bool read_only;
};

/* A file that lies at an address, beside the kernel. */
struct vm_image {
	char name[VM_IMAGE_NAME_LEN];	/* of its node, image@ADDRESS */
	ipa_t at;
	const void *data;
	size_t size;
};

/* What follows when a VM has crashed or switched itself off. */
enum vm_action {
	VM_ACTION_STOP,
	VM_ACTION_RESTART,
	VM_ACTION_POWEROFF,	/* of the machine */
};

/*
 * How a VM is started; from its manifest node (kernel/load/manifest.h). Pointers into the boot package and
 * into EL2's copy of the manifest, which both stay.
 */
struct vm_desc {
	char name[VM_NAME_LEN];
	unsigned int nr_vcpus;
	ipa_t ram_ipa;			/* regions[0] */
	uint64_t ram_size;
	struct vm_region regions[VM_MAX_REGIONS];	/* ascending; the first holds the images */
	unsigned int nr_regions;
	uint64_t memory_limit;		/* bytes that it may grow to; at least the sum of the regions */
	enum vm_protocol protocol;
	const void *kernel;
	size_t kernel_size;
	ipa_t load_address;		/* of a raw kernel */
	bool has_entry;			/* of its own, instead of the format's; raw and ELF kernels */
	uint64_t entry;
	const void *ramdisk;		/* NULL: none */
	size_t ramdisk_size;
	struct vm_image images[VM_MAX_IMAGES];
	unsigned int nr_images;
	const void *dtb;		/* NULL: one is generated */
	size_t dtb_size;
	bool has_dtb_address;		/* else the loader finds a place for it */
	ipa_t dtb_address;
	const void *overlay;		/* for the generated device tree; NULL: none */
	size_t overlay_size;
	char args[VM_ARGS_LEN];
	bool has_mailbox;
	ipa_t mailbox;
	const struct vdev_ops *devices[VM_MAX_DEVICES];	/* granted */
	unsigned int nr_devices;
	uint64_t cpu_mask[CONFIG_MAX_VCPUS];	/* the CPUs that each vCPU may run on */
	uint32_t slice_us;		/* 0: CONFIG_SCHED_SLICE_US */
	bool autostart;
	enum vm_action on_crash, on_shutdown;
	uint32_t restart_limit;		/* restarts in a row */
	uint32_t restart_backoff_ms;	/* before the first; doubles each time, up to 64 times as much */
	struct vm_share shares[VM_MAX_SHARES];
	unsigned int nr_shares;
	const char *passthrough[VM_MAX_PASSTHROUGH];	/* paths in the machine's device tree */
	unsigned int nr_passthrough;
};

/* The device tree that the guest gets in its RAM: kernel/load/guest_dtb.h. */
struct vm_dtb {
	ipa_t ipa;
	void *buf;			/* EL2's, to write it in; from the first load on */
};

enum vm_load_phase {
	VM_LOAD_ACQUIRE,	/* places in memory, where the VM has none */
	VM_LOAD_OWN,		/* the memory is made the VM's: regions[piece], from written on */
	VM_LOAD_PEOPLE,		/* vCPUs */
	VM_LOAD_DEVICES,
	VM_LOAD_PLAN,		/* a place for everything */
	VM_LOAD_WRITE,
};

/* Images on their way into RAM: kernel/load/loader.c. */
#define VM_LOAD_PIECES	64
struct vm_load {
	enum vm_load_phase phase;
	bool in_one_go;			/* at boot: nobody waits */
	struct vm_load_piece {
		ipa_t at;
		const void *data;	/* NULL: zeros */
		uint64_t size;
		bool keep;		/* nothing is written: what is there stays */
	} pieces[VM_LOAD_PIECES];	/* written one after the other */
	unsigned int nr_pieces;
	unsigned int piece;		/* being written */
	uint64_t written;		/* of it */
	bool keep_ram;			/* a warm reset: only what the images need is written */
};

/* Resources on their way back: vm.c. */
struct vm_release {
	bool begun;
	unsigned int region;		/* being cleared */
	uint64_t cleared;		/* of it */
};

struct vm {
	/* fixed after vm_define() */
	unsigned int id;
	const char *name;		/* desc.name */
	struct vm_desc desc;
	uint32_t vtimer_hw_intid;
	struct carveout fixed[VM_MAX_REGIONS];	/* of regions at a fixed place, kept while the VM has none */
	bool refused;			/* this machine cannot give it what it wants, ever */

	/* fixed while the VM is neither DEFINED nor LOADING; from outside, read under lock */
	struct stage2 stage2;
	struct carveout ram[VM_MAX_REGIONS];
	unsigned int nr_vcpus;		/* 0 while DEFINED */
	struct vcpu *vcpus[CONFIG_MAX_VCPUS];
	unsigned int nr_lrs;
	struct vm_entry entry;		/* of the boot vCPU, or of all; from loading on */
	struct vm_dtb dtb;
	struct vdev vdevs[VDEV_MAX];
	unsigned int nr_vdevs;
	struct virq *spis;
	void *pvtime;			/* stolen-time records */

	struct vgic vgic;		/* has a lock of its own */
	uint16_t last_vcpu[CONFIG_NR_CPUS];	/* 1 + the vCPU that ran last on a CPU; written by that CPU */
	unsigned int nr_live_vcpus;	/* not OFF; atomic */
	struct job job;			/* loads, finishes and takes apart; the only one to do so */
	struct vm_load load;		/* of the job */
	struct vm_release release;	/* of the job */

	/* guarded by lock; read by anyone (kernel/vm/vmtime.h) */
	uint64_t cntvoff;		/* counter ticks that it has stood still */
	uint64_t stood_since;
	bool clock_stands;

	/* guarded by lock */
	struct spinlock lock;
	enum vm_state state;
	uint64_t life;			/* counts each time that it becomes RUNNING from LOADING */
	enum vm_state goal;		/* STOPPING: STOPPED, CRASHED, LOADING, DEFINED; LOADING: RUNNING, */
					/* or called off, STOPPED or DEFINED */
	bool warm;			/* STOPPING, to be loaded again: RAM is to be kept */
	bool by_hand;			/* STOPPING, as a request from outside wants it */
	enum vm_crash_reason crash_reason;
	bool record_waits;		/* STOPPING: the crash record can be taken when it is done */
	uint64_t started_at;		/* counter, when it last became RUNNING from LOADING */
	unsigned int restarts;		/* in a row, by desc.on_crash or on_shutdown */
	unsigned int resets_in_a_row;	/* by the guest itself */
	struct budget reset_lines;	/* for what the log says of them */
	bool restart_waits;		/* STOPPED, CRASHED: restart_timer is armed or fires */
	struct timer restart_timer;
	struct cpu *restart_cpu;	/* on whose queue it is */

	/* guarded by report_lock; counters are read without */
	struct spinlock report_lock;
	uint64_t reports;		/* task reports received */
	uint64_t failures;		/* of them GUEST_EVENT_FAIL */
	uint64_t progress;		/* GUEST_EVENT_PROGRESS, of a task without end, since its start */
	uint64_t progress_shown;	/* counter, when one of them was last to be printed */
	struct budget report_budget;	/* for those that are printed */
	uint64_t reports_hidden;	/* of them not printed, since the last that was */
	struct budget abort_budget;	/* for lines on aborts; kernel/vm/abort_log.h */
	uint64_t aborts_hidden;		/* without one, since the last that had one; atomic */

	/* counters, of whoever ends a life: its last vCPU, or the job */
	uint64_t resets;
	uint64_t crashes;
	uint64_t dev_irqs;		/* interrupts of passed-through devices; any CPU, atomically, */
	uint64_t dev_irq_ticks;		/* the time that they took EL2, on whichever CPU, */
	uint64_t dev_irqs_foreign;	/* those that interrupted another VM, */
	uint64_t dev_irqs_held;		/* and how often there were too many of those */
};

extern struct vm *vms[CONFIG_MAX_VMS];
extern unsigned int nr_vms;

void vm_init(void);

/* ---- resources: vm.c ---- */

/*
 * A VM from its description, DEFINED. -E2BIG beyond CONFIG_MAX_VMS, -ENOMEM, with *why in words. Context:
 * boot CPU, before any VM runs.
 */
__must_check int vm_define(const struct vm_desc *desc, struct vm **out, const char **why);

/*
 * Give a VM what its description asks for: memory, stage 2, vCPUs, devices. On an error (-ENOMEM, -EINVAL,
 * -EEXIST) everything is given back, and *why says what did not do. Takes back: vm_release(), which clears
 * RAM that was written. Context: the VM's job, or boot; no vCPU loaded.
 */
__must_check int vm_acquire(struct vm *vm, const char **why);
void vm_release(struct vm *vm);

/*
 * The same in bounded steps. vm_acquire_step() goes from vm->load.phase VM_LOAD_ACQUIRE to VM_LOAD_PLAN; on
 * an error the VM keeps what it has got so far (vm_has_resources()) until vm_release_step() returns false.
 */
__must_check int vm_acquire_step(struct vm *vm, const char **why);
bool vm_release_step(struct vm *vm);

/* It has a stage-2 tree, and perhaps more. */
static inline bool vm_has_resources(const struct vm *vm)
{
	return vm->stage2.pt.root != NULL;
}

/* What a reset does: interrupts, devices and vCPUs as at power-on. Context: likewise, images loaded. */
void vm_power_on(struct vm *vm);

/* The VM of that name; NULL: none. */
struct vm *vm_find(const char *name);

/* ---- life: lifecycle.c ---- */

/*
 * Requests from outside; from any CPU, no lock held. 0: accepted, and carried out soon by the CPUs
 * concerned; -EINVAL: the state has no such move; -EBUSY: the VM is between two states. A VM that has been
 * stopped by hand is not restarted by its policy. vm_stop() and vm_destroy() are accepted in every state,
 * and return 0: what is asked for overrides where the VM is going of itself, and of the two, destroying wins.
 */
__must_check int vm_start(struct vm *vm);	/* DEFINED, STOPPED, CRASHED: load and run */
__must_check int vm_pause(struct vm *vm);
__must_check int vm_resume(struct vm *vm);
__must_check int vm_reset(struct vm *vm);	/* RUNNING, PAUSED: load anew and run */
__must_check int vm_stop(struct vm *vm);	/* off, and stays so */
__must_check int vm_destroy(struct vm *vm);	/* back to DEFINED */

/*
 * Start a VM in two parts. vm_claim_at_boot() gives it all that its description asks for, and its images
 * their places: what can be wrong with it is found here; it is LOADING then. vm_start_at_boot() writes its
 * memory, which takes the time, and runs it. Errors as vm_acquire() and loader_begin(), with *why; the VM is
 * DEFINED then, and has nothing. Context: boot, with no vCPU loaded.
 */
__must_check int vm_claim_at_boot(struct vm *vm, const char **why);
__must_check int vm_start_at_boot(struct vm *vm, const char **why);

/* The same by its job, beside what runs already. Context: after vm_claim_at_boot(), boot. */
void vm_start_by_job(struct vm *vm);

/*
 * A guest's own request, from one of its vCPUs: off, or reset. warm: RAM is written only where images, device
 * tree and mailbox lie. Takes effect when the handler returns.
 */
void vm_guest_off(struct vcpu *vcpu);
void vm_guest_reset(struct vcpu *vcpu, bool warm);

/* The guest did something that it cannot survive: record and print why, and stop its VM. */
void vm_crash(struct vcpu *vcpu, enum vm_crash_reason reason);

/*
 * End a VM as crashed from outside of its vCPUs; nothing when it does not run, or not in that life (vm->life)
 * any more. Its record shows the first vCPU. Context: any, no lock held.
 */
void vm_kill(struct vm *vm, uint64_t life, enum vm_crash_reason reason);

/* A vCPU has left its CPU because of vm_pause(); the VM's clock stops with the last one. No lock held. */
void vm_vcpu_paused(struct vm *vm);

/* One more vCPU of the VM is off; with the last one its job goes on. No lock held. */
void vm_vcpu_gone(struct vm *vm);

/*
 * PSCI CPU_ON: start the vCPU of vm with that affinity at entry, with context in x0 and the endianness of the
 * vCPU on this CPU, which calls (DEN0022, 6.4). Returns a PSCI code. vm_affinity_info(): 0 on, 1 off, or
 * PSCI_INVALID_PARAMETERS.
 */
int64_t vm_cpu_on(struct vm *vm, uint64_t affinity, uint64_t entry, uint64_t context);
int64_t vm_affinity_info(struct vm *vm, uint64_t affinity, unsigned int level);

/*
 * PSCI SYSTEM_SUSPEND (DEN0022, 5.20): when the handler returns, the calling vCPU, the last one that is on,
 * sleeps until an interrupt is pending for it; then it starts at entry with context in x0 and the endianness
 * that it has now. Returns a PSCI code.
 */
int64_t vm_system_suspend(struct vcpu *vcpu, uint64_t entry, uint64_t context);

/* A part of the package is refused: when its VMs are done, the machine ends as a failure all the same. */
void vm_note_refused(void);

/*
 * While kept, the machine does not end with its last VM that runs, for there are others to be started; let
 * go, it ends if that has happened meanwhile. Context: boot.
 */
void vm_keep_machine(bool keep);

/* The shell has lost the focus: if all VMs ended while it kept the machine, that ends now. No lock held. */
void vm_end_if_waiting(void);

/*
 * End the machine now, whatever the VMs do: in failure if one of them crashed and was not started again,
 * reported a failure or was refused. No lock held. May return, when another CPU is at it.
 */
void vm_end_machine_as_asked(void);

const char *vm_state_name(enum vm_state state);

/*
 * The VM's name, and if it does not run its state and the command of the shell that changes that, for whoever
 * gives it the console. Returns buf. vm_is_at_rest(): it is one of those, and does not wait for a restart.
 */
#define VM_STANDING_LEN	(2 * VM_NAME_LEN + 96)
const char *vm_standing(const struct vm *vm, char *buf, size_t size);
bool vm_is_at_rest(const struct vm *vm);

/* ---- memory ---- */

/* The VTTBR_EL2 of a VM. */
uint64_t vm_vttbr(const struct vm *vm);

/* Whether [at, at + size) lies in one of the VM's memory regions. */
static inline bool vm_has_ram(const struct vm *vm, uint64_t at, uint64_t size)
{
	for (unsigned int i = 0; i < vm->desc.nr_regions; i++) {
		const struct vm_region *r = &vm->desc.regions[i];

		if (at >= r->ipa.ipa && size <= r->size && at - r->ipa.ipa <= r->size - size)
			return true;
	}
	return false;
}

/*
 * Bytes to and from a VM's RAM by IPA. Return -EFAULT when any of it is not RAM of the VM (nothing
 * written then), -ENOMEM when no window could be had. EL2 sees guest RAM through these alone.
 */
__must_check int vm_read(struct vm *vm, ipa_t from, void *to, uint64_t len);
__must_check int vm_write(struct vm *vm, ipa_t to, const void *from, uint64_t len);
__must_check int vm_zero(struct vm *vm, ipa_t to, uint64_t len);
/* Leave what is there, but let a guest see it that has its caches off. */
__must_check int vm_clean(struct vm *vm, ipa_t at, uint64_t len);

#endif
