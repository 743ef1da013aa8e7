/* SPDX-License-Identifier: MIT */
/*
 * Which CPU a vCPU belongs to, and its moves between them: for the scheduler's core alone.
 *
 * A vCPU belongs to one CPU's queue at any time, also while it runs, sleeps or is off. vcpu->cpu and
 * vcpu->state change only with that queue's lock held, and vcpu->cpu only with the new one's held as well:
 * whoever holds the lock of a vCPU's queue knows where it is, and that it stays there.
 */
#ifndef KERNEL_SCHED_PLACE_H
#define KERNEL_SCHED_PLACE_H

#include "kernel/base/cpu.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"

#if CONFIG_SCHED_ROUND_ROBIN
#define POLICY sched_round_robin
#endif

static inline bool place_allowed(const struct vcpu *vcpu, const struct cpu *cpu)
{
	return sched_may_run_on(vcpu->cpu_mask, cpu);
}

/* Make a CPU look at what has changed for it: at its next exit, which comes at once, or when it wakes. */
void place_tell(struct cpu *cpu);

/* Lock the queue of the vCPU's CPU, whichever that is when the lock is held. */
struct cpu *place_lock_home(struct vcpu *vcpu);

/*
 * Put a vCPU on a queue, as READY; one that is paused is parked. Context: both queues locked, it is on none.
 */
void place_put(struct vcpu *vcpu, struct cpu *to, bool preempted);

/* Take a READY vCPU off the queue that it is on; not when parked. Context: its queue locked. */
void place_remove(struct vcpu *vcpu);

/*
 * If may() holds with its queue locked, make a vCPU that does not run READY: on prefer's queue if that CPU
 * idles, else on that of another one that idles and may run it, else on prefer's. Who idles is told, and so
 * is prefer. Returns whether it was. Context: no lock of rank RANK_SCHED or above held.
 */
bool place_ready(struct vcpu *vcpu, struct cpu *prefer, bool (*may)(const struct vcpu *vcpu));

/*
 * A CPU that says that it idles, and is allowed to run vcpu (NULL: anything): it says so no more, so that the
 * next one who looks finds another. The caller tells it. NULL: none. What is to be found there has been
 * written before.
 */
struct cpu *place_claim_idle(const struct vcpu *vcpu, struct cpu *prefer);

/* Tell a CPU that idles of what waits on this one's queue or in the jobs' list, if it may run that. */
void place_offer(struct cpu *cpu);

/* Whether a CPU's queue holds a vCPU that another one may run. */
bool place_has_for(struct cpu *cpu, const struct cpu *other);

/* The CPU with the fewest vCPUs that were started there, among those where the vCPU may run. */
struct cpu *place_least_loaded(const struct vcpu *vcpu);

/*
 * Where a vCPU of cpu whose slice has ended goes on waiting: at the CPU with the fewest vCPUs that compete,
 * if those are fewer than here, the next one by number among equals; else here. So who is one too many
 * wanders from CPU to CPU, and everybody waits as long as everybody else.
 */
struct cpu *place_after_slice(struct cpu *cpu, const struct vcpu *vcpu);

#endif
