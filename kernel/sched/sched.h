/* SPDX-License-Identifier: MIT */
/*
 * Scheduling of vCPUs on CPUs. The core moves states and switches; a policy (one file, one const struct
 * sched_policy) orders the run queue of a CPU.
 *
 * Locks: rq->lock (RANK_SCHED) of a CPU guards its queue and the state of the vCPUs that belong to it.
 */
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include "kernel/base/cpu.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct vcpu;

struct sched_policy {
	const char *name;
	void (*init)(struct runqueue *rq);
	/* preempted: it was running and its slice ended, rather than it just woke */
	void (*enqueue)(struct runqueue *rq, struct vcpu *vcpu, bool preempted);
	void (*dequeue)(struct runqueue *rq, struct vcpu *vcpu);
	/* The next one that may run on cpu, left on the queue; NULL: none. */
	struct vcpu *(*pick)(struct runqueue *rq, const struct cpu *cpu);
	/* Counter ticks that the vCPU may run while others wait. */
	uint64_t (*slice)(struct vcpu *vcpu);
};

extern const struct sched_policy sched_round_robin;

/* Prepare a CPU's queue: of the boot CPU, with a line in the log; of another one. */
void sched_init(void);
void sched_init_cpu(struct cpu *cpu);

/* Prepare a vCPU, once: a timer of one life may be about to fire in the next one, and finds nothing to do. */
void sched_vcpu_init(struct vcpu *vcpu);

/* Put a vCPU that is OFF and has been reset on the queue of the least loaded CPU that it may run on. */
void sched_start(struct vcpu *vcpu);

/* Run guests on this CPU, for ever. Context: the CPU's own stack, nothing current. */
void sched_run(void) __noreturn;

/*
 * From a trap handler, for the current vCPU: give the CPU to others that wait; wait for an interrupt;
 * leave for good (PSCI: off). They take effect when the handler returns.
 */
void sched_yield(struct vcpu *vcpu);
void sched_block(struct vcpu *vcpu);
void sched_stop(struct vcpu *vcpu);

/*
 * Switch a vCPU off, from anywhere: at once when it is not on a CPU, else when it next leaves the guest.
 * vm_vcpu_gone() tells its VM. The caller's own vCPU uses sched_stop().
 */
void sched_request_stop(struct vcpu *vcpu);

/*
 * Keep a vCPU from running, soon: it leaves its CPU at its next exit, and waits with its state kept; and let
 * it go on. From anywhere, with the VM's lock held.
 */
void sched_pause(struct vcpu *vcpu);
void sched_resume(struct vcpu *vcpu);

/*
 * The CPU that runs the vCPU, perhaps halted; or NULL after having called look, which finds all registers of
 * the vCPU in memory. Context: its VM's lock held; look takes no lock.
 */
struct cpu *sched_look(struct vcpu *vcpu, void (*look)(const struct vcpu *vcpu, void *to), void *to);

/*
 * Wait until no CPU looks at a vCPU that is OFF and stays so: its memory may go then. A CPU that has just
 * left it, or whose timer was about to wake it, need not have noticed yet. Context: the VM's job; no lock
 * held but vm->lock.
 */
void sched_forget(const struct vcpu *vcpu);

/* A job waits (kernel/base/deferred.h): tell an idle CPU, or else let this one see to it at its next exit. */
void sched_job_waits(void);

/* Whether a vCPU's mask allows the CPU: for policies. */
static inline bool sched_may_run_on(uint64_t cpu_mask, const struct cpu *cpu)
{
	return (cpu_mask & BIT(cpu->id)) != 0;
}

/* An interrupt for the vCPU has become pending: wake it, or make it look at its interrupts. */
void sched_kick(struct vcpu *vcpu);

/*
 * What is wrong with a CPU's run queue, in words, or NULL: it counts what it holds, all of it READY, not
 * parked, and that CPU's own. Context: no lock of RANK_SCHED or above held.
 */
const char *sched_check(struct cpu *cpu);

/* What cpu->exit_work asked for. Returns the vCPU to go on with. */
struct vcpu *sched_exit_work(struct vcpu *vcpu);

#endif
