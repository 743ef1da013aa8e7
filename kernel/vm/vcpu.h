/* SPDX-License-Identifier: MIT */
/* A virtual CPU: its architectural state, its place in the scheduler and its interrupts. */
#ifndef KERNEL_VM_VCPU_H
#define KERNEL_VM_VCPU_H

#include "arch/vcpu.h"
#include "kernel/base/timer.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "lib/list.h"
#include "lib/types.h"

struct cpu;
struct vm;

enum vcpu_state {
	VCPU_OFF,		/* PSCI: off */
	VCPU_READY,		/* on a run queue, or parked */
	VCPU_RUNNING,		/* on a CPU: in its guest, or halted */
	VCPU_BLOCKED,		/* in WFI, and off its CPU */
};

/* Why guest code was left, for the counters. */
enum exit_cause {
	EXIT_WFX,
	EXIT_HVC,
	EXIT_SMC,
	EXIT_SYSREG,
	EXIT_MMIO,
	EXIT_ABORT,
	EXIT_FP,
	EXIT_IRQ,
	EXIT_OTHER,
	EXIT_CAUSES,
};

struct vcpu {
	struct arch_vcpu arch;		/* first: assembly knows its offsets */

	/* fixed after vm_create() */
	struct vm *vm;
	unsigned int id;
	uint64_t affinity;		/* MPIDR_EL1 affinity bits that the guest sees */

	/*
	 * guarded by the run queue's lock of cpu; cpu changes only while the locks of the old and new one are
	 * held
	 */
	struct cpu *cpu;		/* whose run queue it belongs to */
	enum vcpu_state state;
	struct list_head rq_link;
	bool stop;			/* somebody wants it off as soon as it leaves the guest */
	bool paused;			/* it may not run until sched_resume() */
	bool parked;			/* READY while paused: on no queue */

	/* of the CPU that runs it: what it becomes when it leaves the CPU; it waits in WFI at EL2 */
	enum vcpu_state next_state;
	bool halted;

	/* PSCI SYSTEM_SUSPEND: BLOCKED, to start anew there when an interrupt comes */
	bool suspended;
	bool resume_big_endian;
	uint64_t resume_entry;
	uint64_t resume_context;

	uint64_t cpu_mask;		/* CPUs that it may run on */
	struct timer wake_timer;	/* its timers' deadline while it is not running */
	struct cpu *home;		/* where it was started, for the load count */
	struct cpu *wake_cpu;		/* on whose queue wake_timer is */

	struct vgic_cpu vgic;
	struct vdev_access access;	/* the trapped load or store that is being served */
	struct vdev *last_vdev;		/* the emulated device used last, NULL at first */

	/* counters, written by the CPU that runs it */
	uint64_t exits[EXIT_CAUSES];
	uint64_t nr_switches;		/* times it was put on a CPU */
	uint64_t run_ticks;		/* counter ticks on a CPU, until run_since */
	uint64_t run_since;
	uint64_t halted_ticks;		/* of its WFI that left it loaded */
	uint64_t ready_since;		/* when it last became ready or was preempted */
	uint64_t stolen_ticks;		/* ready, but not running */
	uint64_t nr_injected;		/* exceptions injected */

	/* arch/'s; out of the way of what every exit looks at */
	struct arch_pmu pmu;
	struct arch_abort abort;	/* of the last TRAP_ABORT */
};

_Static_assert(offsetof(struct vcpu, arch) == 0, "assembly finds the trap frame at offset 0");

static inline uint64_t vcpu_reg(const struct vcpu *vcpu, unsigned int n)
{
	return n < 31 ? vcpu->arch.frame.x[n] : 0;
}

static inline void vcpu_set_reg(struct vcpu *vcpu, unsigned int n, uint64_t val)
{
	if (n < 31)
		vcpu->arch.frame.x[n] = val;
}

#endif
