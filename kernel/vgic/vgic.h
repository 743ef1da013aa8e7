/* SPDX-License-Identifier: MIT */
/*
 * The virtual GICv3 of a VM: one security state, affinity routing always on (IHI 0069H).
 *
 * An interrupt's state is pending latch, line level, active, enabled, group, priority, and for an SPI
 * the target. One that is pending or active stands on the ap list (active-pending) of the vCPU that is
 * to take it. Before a vCPU runs, vgic_load() chooses from the list what goes into list registers;
 * after it ran, vgic_save() folds list registers back and drops what is neither pending nor active.
 * Both work on vcpu->arch.ich, a copy in memory; arch/ moves that to and from the hardware.
 *
 * Locks: what vCPUs do to their own interrupts must not keep each other waiting, so there are two, taken in
 * this order by the functions below unless they say otherwise:
 *
 *   vgic->lock        of the VM: the distributor's registers; shared interrupts that are on no list; and that
 *                     a shared interrupt gets onto a list, or off it
 *   vgic_cpu->lock    of a vCPU: its private interrupts, its ap list and list registers, and the state of all
 *                     interrupts that are on that list
 *
 * So an SGI takes the target's lock alone, and a vCPU that folds or fills its list registers its own, unless
 * a shared interrupt is among them that may leave the list. At most one vCPU's lock is held at a time.
 * Kicking a vCPU happens with them held and takes RANK_SCHED locks.
 */
#ifndef KERNEL_VGIC_VGIC_H
#define KERNEL_VGIC_VGIC_H

#include "kernel/base/lock.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

#define VGIC_NR_SGIS		16
#define VGIC_NR_PRIVATE		32
#define VGIC_NR_INTIDS		256
#define VGIC_NR_SPIS		(VGIC_NR_INTIDS - VGIC_NR_PRIVATE)
#define VGIC_PRIORITY_BITS	5

/* The INTIDs that every VM's generic timer node names for the virtual and the physical timer. */
#define VGIC_VTIMER_INTID	27
#define VGIC_PTIMER_INTID	30

/* And what its PMU node names. */
#define VGIC_PMU_INTID		23

#define VIRQ_NOT_TAKEN		0xff	/* made active by GICD_ISACTIVER */

struct vcpu;
struct vm;

struct virq {
	struct list_head ap_link;	/* empty: neither pending nor active */
	struct vcpu *on;		/* whose ap list ap_link is on; of a shared one by vgic->lock, too */
	struct vcpu *target;		/* private: its vCPU; SPI: as IROUTER says, NULL when nowhere */
	uint64_t irouter;
	uint32_t hw_intid;		/* physical interrupt that a list register deactivates; 0: none */
	uint16_t intid;
	uint8_t priority;
	uint8_t running;		/* active: priority that the guest took it with, or VIRQ_NOT_TAKEN */
	bool enabled;
	bool group1;
	bool edge;
	bool latch;			/* pending by an edge, a software set-pending or an SGI */
	bool line;			/* level of the source's line */
	bool active;
	bool in_lr;			/* a list register of ->on holds it */
	bool lr_latch;			/* and took over the latch as its pending state */
};

struct vgic_cpu {
	struct spinlock lock;

	/* guarded by lock */
	struct virq priv[VGIC_NR_PRIVATE];
	struct list_head ap_list;
	unsigned int nr_shared;		/* shared interrupts on ap_list; changes with both locks held */
	unsigned int used_lrs;
	unsigned int nr_folds;		/* how often list registers were folded */
	bool overflow;			/* something on ap_list had no room in a list register */
	bool sleep;			/* GICR_WAKER.ProcessorSleep */

	/* of the CPU that runs the vCPU */
	bool in_memory;			/* arch.ich is current, the hardware is not */
};

struct vgic {
	struct spinlock lock;
	bool enable_grp0;		/* GICD_CTLR */
	bool enable_grp1;
	unsigned int frozen;		/* > 0: no vCPU of the VM may have list registers in use */
	struct virq *spis;		/* VGIC_NR_SPIS */
};

/* Number of pages that vgic_vm_init() wants for the SPIs of one VM. */
#define VGIC_SPI_PAGES	DIV_ROUND_UP(VGIC_NR_SPIS * sizeof(struct virq), PAGE_SIZE)

/* Prepare a VM's lock, and that of a vCPU, once in their lives. */
void vgic_vm_init(struct vm *vm);
void vgic_vcpu_init(struct vcpu *vcpu);

/*
 * Bring the interrupts of a VM to reset: its vCPUs' and its shared ones, which spis has memory for
 * (VGIC_NR_SPIS). Devices' lines may change meanwhile. Context: no vCPU of the VM runs.
 */
void vgic_reset(struct vm *vm, struct virq *spis);

/* Put the vCPU's most urgent interrupts into its list registers; and take them back. */
void vgic_load(struct vcpu *vcpu);
void vgic_save(struct vcpu *vcpu);

/* Whether an interrupt would be signalled to the vCPU, were it running. Context: saved. */
bool vgic_has_deliverable(struct vcpu *vcpu);

/*
 * Whether one is pending that the distributor would forward, whatever the vCPU's interface lets through: what
 * wakes a core that is powered down (IHI 0069H, 11.1). Context: saved.
 */
bool vgic_has_wake_up(struct vcpu *vcpu);

/*
 * Drive the line of a level interrupt or, for an edge interrupt, latch a rising edge. vcpu is the owner
 * of a private interrupt (intid < 32), any vCPU of the VM otherwise. Wakes or kicks the target.
 */
void vgic_set_line(struct vcpu *vcpu, unsigned int intid, bool level);

/*
 * Link a shared interrupt to the physical one of that INTID, until the next reset: its end in the guest is
 * that one's deactivation. Context: after vgic_reset(), no vCPU runs. And: the physical one has been
 * taken, and is left active.
 */
void vgic_link_spi(struct vm *vm, unsigned int intid, uint32_t hw_intid);
void vgic_raise_linked(struct vm *vm, unsigned int intid);

/* The vCPU that would take a shared interrupt, NULL: none. A look without a lock: it may change at once. */
const struct vcpu *vgic_spi_target(struct vm *vm, unsigned int intid);

/* A linked interrupt has lost its active or pending state otherwise than in a list register. It is open. */
void vgic_end_linked(const struct virq *irq);

/*
 * The virtual timer's line, and those of both timers, without a wake-up: the caller is about to run the vCPU,
 * or has just taken it off its CPU.
 */
void vgic_set_timer_line(struct vcpu *vcpu, bool level);
void vgic_set_timer_lines(struct vcpu *vcpu, bool virt, bool phys);

/* Raise the lines of timers that are due of a vCPU that is BLOCKED, and so wake it if they are enabled. */
void vgic_raise_blocked_timers(struct vcpu *vcpu, bool virt, bool phys);

/*
 * The short way of a timer interrupt, and the usual one: the guest has ended the last one, whose list
 * register, the only one in use, still stands for it. lr: what that holds now. True: *lr is to be written
 * there, and nothing else is to be done; else list registers have to be folded, and the line be raised by
 * vgic_set_timer_line(). Context: the vCPU's list registers are in hardware; no lock, for what others change
 * meanwhile comes with a kick.
 */
bool vgic_timer_again(struct vcpu *vcpu, uint64_t *lr);

/*
 * Whether the physical timer interrupt must be active: it was taken, and its virtual one has not ended.
 * While it is not, as when software made the virtual one pending, the timer must be able to fire.
 */
bool vgic_timer_is_live(const struct vcpu *vcpu);

/* Whether it is raised and not yet taken by the guest. */
bool vgic_timer_is_raised(const struct vcpu *vcpu);

/*
 * A write to ICC_SGI1R_EL1 (group1) or ICC_SGI0R_EL1/ICC_ASGI1R_EL1 by vcpu (IHI 0069H, 12.2.37).
 */
void vgic_send_sgi(struct vcpu *vcpu, uint64_t value, bool group1);

/*
 * A trapped write of ICC_DIR_EL1: end the active state, whichever vCPU took the interrupt. Context: frozen.
 */
void vgic_deactivate(struct vcpu *vcpu, unsigned int intid);

/*
 * One access by vcpu to GICD_* (redist NULL) or GICR_* of redist. size: 1, 2, 4 or 8 bytes, offset
 * aligned to it. Writes take *val, reads fill it. What is reserved, or does not have that size, reads as zero
 * and ignores writes (IHI 0069H, 12.1.3).
 */
void vgic_mmio(struct vcpu *vcpu, struct vcpu *redist, uint32_t offset, unsigned int size, bool write,
	       uint64_t *val);

/*
 * Between the two, all interrupt states of the VM are in memory: vCPUs that run elsewhere are made to give
 * their list registers back, and get none. Two that freeze at once do not wait for each other for ever: each
 * has given its own back before it waits. vcpu is the caller's, and has done so. Waits for the other CPUs'
 * next exit; no lock held.
 */
void vgic_freeze(struct vcpu *vcpu);
void vgic_thaw(struct vcpu *vcpu);

/*
 * For the register banks. The lock that is taken first for an interrupt: its vCPU's if it is private, the
 * VM's if it is shared; vcpu is the owner of a private one.
 */
struct spinlock *vgic_lock_of(struct vm *vm, struct vcpu *vcpu, unsigned int intid);

/* The interrupt of that INTID; NULL: there is none. */
struct virq *vgic_find(struct vm *vm, struct vcpu *vcpu, unsigned int intid);

/* The same for a number that a guest chose: nothing beyond, not even speculatively (arch/nospec.h). */
struct virq *vgic_find_chosen(struct vm *vm, struct vcpu *vcpu, unsigned int intid);

/*
 * Between the two an interrupt's state may be changed: they take what else guards it, and bring the ap lists
 * into line with it, waking or kicking the vCPU concerned. Context: the lock that vgic_lock_of() says held.
 */
void vgic_open(struct virq *irq);
void vgic_close(struct virq *irq);

/* The vCPU on whose ap list the interrupt belongs now; NULL: on none. Both locks held. */
struct vcpu *vgic_target(const struct virq *irq);

/* Whether all of the above holds of a VM's interrupts: NULL, or what does not. Takes the locks. */
const char *vgic_check(struct vm *vm);

static inline bool virq_pending(const struct virq *irq)
{
	return irq->latch || (!irq->edge && irq->line);
}

#endif
