// SPDX-License-Identifier: MIT
/*
 * Where vCPUs wait and run; see place.h.
 *
 * A CPU says that it idles (cpu->idle) before it looks at the queues a last time, and who puts something on a
 * queue looks for idle CPUs after that: one of them sees the other.
 */
#include "kernel/sched/place.h"

#include "arch/cpu.h"
#include "kernel/base/deferred.h"
#include "kernel/base/irq.h"
#include "kernel/base/panic.h"

void place_tell(struct cpu *cpu)
{
	/* Release: what was changed for the CPU to see is visible before it looks. */
	__atomic_store_n(&cpu->exit_work, true, __ATOMIC_RELEASE);
	if (cpu != this_cpu())
		irqchip_send_ipi(cpu, IPI_KICK);
}

/* ---- idle CPUs ---- */

static bool claim(struct cpu *cpu, const struct vcpu *vcpu)
{
	return READ_ONCE(cpu->idle) && (!vcpu || place_allowed(vcpu, cpu)) &&
	       __atomic_exchange_n(&cpu->idle, false, __ATOMIC_RELAXED);
}

struct cpu *place_claim_idle(const struct vcpu *vcpu, struct cpu *prefer)
{
	/* What was enqueued is visible before idle is looked at; pairs with sched_say_idle(). */
	arch_memory_barrier();
	if (claim(prefer, vcpu))
		return prefer;
	for_each_online_cpu(cpu) {
		if (claim(cpu, vcpu))
			return cpu;
	}
	return NULL;
}

bool place_has_for(struct cpu *cpu, const struct cpu *other)
{
	bool found;

	if (!READ_ONCE(cpu->rq.nr_queued))
		return false;
	spin_lock(&cpu->rq.lock);
	found = POLICY.pick(&cpu->rq, other) != NULL;
	spin_unlock(&cpu->rq.lock);
	return found;
}

void place_offer(struct cpu *cpu)
{
	/* As in place_claim_idle(). */
	arch_memory_barrier();
	for_each_online_cpu(other) {
		if (READ_ONCE(other->idle) && (job_pending() || place_has_for(cpu, other)) &&
		    claim(other, NULL)) {
			place_tell(other);
			return;
		}
	}
}

/* ---- queues ---- */

struct cpu *place_lock_home(struct vcpu *vcpu)
{
	for (;;) {
		struct cpu *cpu = READ_ONCE(vcpu->cpu);

		spin_lock(&cpu->rq.lock);
		if (cpu == READ_ONCE(vcpu->cpu))
			return cpu;
		spin_unlock(&cpu->rq.lock);
	}
}

/* Lock the queue of to, and that of the vCPU's CPU, which is returned. */
static struct cpu *lock_home_and(struct vcpu *vcpu, struct cpu *to)
{
	for (;;) {
		struct cpu *home = READ_ONCE(vcpu->cpu);

		spin_lock_pair(&home->rq.lock, &to->rq.lock);
		if (home == READ_ONCE(vcpu->cpu))
			return home;
		spin_unlock_pair(&home->rq.lock, &to->rq.lock);
	}
}

void place_put(struct vcpu *vcpu, struct cpu *to, bool preempted)
{
	ASSERT(spin_is_held(&vcpu->cpu->rq.lock) && spin_is_held(&to->rq.lock));
	WRITE_ONCE(vcpu->cpu, to);
	WRITE_ONCE(vcpu->state, VCPU_READY);
	vcpu->parked = vcpu->paused;
	if (vcpu->parked)
		return;
	POLICY.enqueue(&to->rq, vcpu, preempted);
	WRITE_ONCE(to->rq.nr_queued, to->rq.nr_queued + 1);
}

void place_remove(struct vcpu *vcpu)
{
	struct runqueue *rq = &vcpu->cpu->rq;

	ASSERT(spin_is_held(&rq->lock) && rq->nr_queued);
	POLICY.dequeue(rq, vcpu);
	WRITE_ONCE(rq->nr_queued, rq->nr_queued - 1);
}

bool place_ready(struct vcpu *vcpu, struct cpu *prefer, bool (*may)(const struct vcpu *vcpu))
{
	struct cpu *idle = place_claim_idle(vcpu, prefer), *to = idle ? idle : prefer;
	struct cpu *home = lock_home_and(vcpu, to);
	bool ready = may(vcpu);

	if (ready) {
		if (vcpu->wake_cpu)
			timer_cancel(&vcpu->wake_cpu->timers, &vcpu->wake_timer);
		vcpu->ready_since = arch_counter();
		place_put(vcpu, to, false);
	}
	spin_unlock_pair(&home->rq.lock, &to->rq.lock);
	/*
	 * One that was claimed has to look around even for nothing: it sleeps, and says no more that it does.
	 */
	if (ready || idle)
		place_tell(to);
	if (!ready || idle)
		return ready;
	/* Who has begun to idle meanwhile has not seen it. */
	idle = place_claim_idle(vcpu, to);
	if (idle)
		place_tell(idle);
	return true;
}

/* ---- sharing out ---- */

struct cpu *place_least_loaded(const struct vcpu *vcpu)
{
	struct cpu *best = NULL;

	for_each_online_cpu(cpu) {
		if (place_allowed(vcpu, cpu) &&
		    (!best || READ_ONCE(cpu->nr_homed) < READ_ONCE(best->nr_homed)))
			best = cpu;
	}
	return best ? best : this_cpu();
}

/* How many compete for a CPU: those that wait, and the one that runs. Right for some moment. */
static unsigned int crowd(const struct cpu *cpu)
{
	return READ_ONCE(cpu->rq.nr_queued) + !READ_ONCE(cpu->idle);
}

struct cpu *place_after_slice(struct cpu *cpu, const struct vcpu *vcpu)
{
	unsigned int fewest = crowd(cpu);
	struct cpu *best = cpu;

	for (unsigned int i = 1; i < CONFIG_NR_CPUS; i++) {
		struct cpu *other = &cpus[(cpu->id + i) % CONFIG_NR_CPUS];

		if (__atomic_load_n(&other->online, __ATOMIC_ACQUIRE) && place_allowed(vcpu, other) &&
		    crowd(other) < fewest) {
			fewest = crowd(other);
			best = other;
		}
	}
	return best;
}
