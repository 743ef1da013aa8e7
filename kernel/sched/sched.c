// SPDX-License-Identifier: MIT
/*
 * The scheduler's core: states, wake-ups, switches, migration.
 *
 * A vCPU's trap handler only marks what it wants; sched_exit_work() acts when the handler is done, on
 * the CPU's stack, and either goes back to the guest or idles in EL2 until a vCPU is ready. The slice
 * timer runs only while somebody waits on the queue.
 *
 * A vCPU belongs to one CPU's queue. It moves when it wakes while its CPU is busy and another one idles,
 * and when an idle CPU takes it from a queue. Its state becomes other than RUNNING only after all its
 * registers are in memory, so that whoever finds it READY or BLOCKED may run it.
 *
 * A paused vCPU runs no more; one that is or becomes ready is parked: READY, but on no queue.
 */
#include "kernel/sched/sched.h"

#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "kernel/hvc/pvtime.h"
#include "kernel/irq.h"
#include "kernel/job.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/entry.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#if CONFIG_SCHED_ROUND_ROBIN
#define POLICY sched_round_robin
#endif

/* Some CPU has entered a guest. */
static bool guests_run;

static void set_exit_work(struct cpu *cpu)
{
	/* Release: what was changed for the CPU to see is visible before it looks. */
	__atomic_store_n(&cpu->exit_work, true, __ATOMIC_RELEASE);
	if (cpu != this_cpu())
		irqchip_send_ipi(cpu, IPI_KICK);
}

static void slice_end(struct timer *timer)
{
	struct cpu *cpu = container_of(timer, struct cpu, slice);

	cpu->resched = true;
	set_exit_work(cpu);
}

static bool may_run_on(const struct vcpu *vcpu, const struct cpu *cpu)
{
	return sched_may_run_on(vcpu->cpu_mask, cpu);
}

/* An idle CPU, for a vCPU (NULL: for anything). */
static struct cpu *find_idle(const struct vcpu *vcpu)
{
	/* What was enqueued is visible before idle is looked at; pairs with wait_for_next(). */
	arch_memory_barrier();
	for_each_online_cpu(cpu) {
		if (READ_ONCE(cpu->idle) && (!vcpu || may_run_on(vcpu, cpu)))
			return cpu;
	}
	return NULL;
}

void sched_job_waits(void)
{
	struct cpu *idle = find_idle(NULL);

	if (!idle)
		this_cpu()->resched = true;
	set_exit_work(idle ? idle : this_cpu());
}

/* Lock the queue of the vCPU's CPU, whichever that is when the lock is held. */
static struct cpu *lock_home(struct vcpu *vcpu)
{
	for (;;) {
		struct cpu *cpu = READ_ONCE(vcpu->cpu);

		spin_lock(&cpu->rq.lock);
		if (cpu == READ_ONCE(vcpu->cpu))
			return cpu;
		spin_unlock(&cpu->rq.lock);
	}
}

/* Context: queue lock held, the vCPU is on no queue. */
static void enqueue_locked(struct cpu *cpu, struct vcpu *vcpu, bool preempted)
{
	vcpu->state = VCPU_READY;
	/* One that is to stop has to be found. */
	vcpu->parked = vcpu->paused && !vcpu->stop;
	if (vcpu->parked)
		return;
	POLICY.enqueue(&cpu->rq, vcpu, preempted);
	cpu->rq.nr_queued++;
}

static void dequeue_locked(struct cpu *cpu, struct vcpu *vcpu)
{
	POLICY.dequeue(&cpu->rq, vcpu);
	cpu->rq.nr_queued--;
}

/* Put a READY vCPU on a queue; that CPU looks at it soon. The vCPU is on no queue and nobody else's. */
static void enqueue(struct cpu *cpu, struct vcpu *vcpu)
{
	spin_lock(&cpu->rq.lock);
	vcpu->cpu = cpu;
	vcpu->ready_since = arch_counter();
	enqueue_locked(cpu, vcpu, false);
	spin_unlock(&cpu->rq.lock);
}

static void wake(struct vcpu *vcpu)
{
	struct cpu *home = lock_home(vcpu), *to = home;
	bool blocked = vcpu->state == VCPU_BLOCKED;

	if (!blocked) {
		/* It runs, and shall look at its interrupts; or it will when it is its turn. */
		bool running = vcpu->state == VCPU_RUNNING;

		spin_unlock(&home->rq.lock);
		if (running)
			set_exit_work(home);
		return;
	}
	/* READY but on no queue: nobody takes it until enqueue(). */
	vcpu->state = VCPU_READY;
	spin_unlock(&home->rq.lock);
	timer_cancel(&vcpu->wake_cpu->timers, &vcpu->wake_timer);
	if (!READ_ONCE(home->idle)) {
		struct cpu *idle = find_idle(vcpu);

		if (idle)
			to = idle;
	}
	enqueue(to, vcpu);
	set_exit_work(to);
}

static void wake_timer_fired(struct timer *timer)
{
	wake(container_of(timer, struct vcpu, wake_timer));
}

void sched_init_cpu(struct cpu *cpu)
{
	spin_init(&cpu->rq.lock, RANK_SCHED);
	POLICY.init(&cpu->rq);
	timer_init(&cpu->slice, slice_end);
}

void sched_init(void)
{
	sched_init_cpu(this_cpu());
	log_info("scheduler: %s, time slice %u us", POLICY.name, CONFIG_SCHED_SLICE_US);
}

/* The CPU with the fewest vCPUs that call it home, among those where the vCPU may run. */
static struct cpu *least_loaded(const struct vcpu *vcpu)
{
	struct cpu *best = NULL;

	for_each_online_cpu(cpu) {
		if (may_run_on(vcpu, cpu) && (!best || READ_ONCE(cpu->nr_homed) < READ_ONCE(best->nr_homed)))
			best = cpu;
	}
	return best ? best : this_cpu();
}

void sched_start(struct vcpu *vcpu)
{
	struct cpu *cpu = least_loaded(vcpu);

	ASSERT(vcpu->state == VCPU_OFF);
	timer_init(&vcpu->wake_timer, wake_timer_fired);
	vcpu->stop = false;
	vcpu->paused = false;
	vcpu->suspended = false;
	vcpu->next_state = VCPU_READY;
	vcpu->home = cpu;
	vcpu->wake_cpu = NULL;
	__atomic_fetch_add(&cpu->nr_homed, 1, __ATOMIC_RELAXED);
	enqueue(cpu, vcpu);
	set_exit_work(cpu);
}

static void leave_as(struct vcpu *vcpu, enum vcpu_state state)
{
	struct cpu *cpu = this_cpu();

	vcpu->next_state = state;
	cpu->resched = true;
	cpu->exit_work = true;
}

void sched_yield(struct vcpu *vcpu)
{
	leave_as(vcpu, VCPU_READY);
}

void sched_block(struct vcpu *vcpu)
{
	leave_as(vcpu, VCPU_BLOCKED);
}

void sched_stop(struct vcpu *vcpu)
{
	leave_as(vcpu, VCPU_OFF);
}

void sched_kick(struct vcpu *vcpu)
{
	enum vcpu_state state = READ_ONCE(vcpu->state);

	if (state == VCPU_BLOCKED)
		wake(vcpu);
	else if (state == VCPU_RUNNING)
		set_exit_work(READ_ONCE(vcpu->cpu));
}

/* From now on CPU_ON may start it anew: nothing of its last life may be left. Context: queue lock held. */
static void set_off(struct vcpu *vcpu)
{
	if (vcpu->wake_cpu)
		timer_cancel(&vcpu->wake_cpu->timers, &vcpu->wake_timer);
	vcpu->parked = false;
	__atomic_fetch_sub(&vcpu->home->nr_homed, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&vcpu->state, VCPU_OFF, __ATOMIC_RELEASE);
}

/* READY and waiting for a turn, or for sched_resume(). Context: queue lock held. */
static bool is_waiting(const struct vcpu *vcpu)
{
	return vcpu->state == VCPU_READY && (vcpu->parked || !list_empty(&vcpu->rq_link));
}

void sched_request_stop(struct vcpu *vcpu)
{
	struct cpu *home = lock_home(vcpu);
	enum vcpu_state was = vcpu->state;
	bool off_now = was == VCPU_BLOCKED || is_waiting(vcpu);

	if (was == VCPU_READY && !list_empty(&vcpu->rq_link))
		dequeue_locked(home, vcpu);
	if (off_now)
		set_off(vcpu);
	else if (was != VCPU_OFF)
		vcpu->stop = true;	/* on a CPU, or on its way to a queue */
	spin_unlock(&home->rq.lock);
	if (off_now)
		vm_vcpu_gone(vcpu->vm);
	else if (was == VCPU_RUNNING)
		set_exit_work(home);
}

void sched_pause(struct vcpu *vcpu)
{
	struct cpu *home = lock_home(vcpu);
	bool running = vcpu->state == VCPU_RUNNING;

	vcpu->paused = true;
	if (vcpu->state == VCPU_READY && !list_empty(&vcpu->rq_link)) {
		dequeue_locked(home, vcpu);
		vcpu->parked = true;
	}
	spin_unlock(&home->rq.lock);
	if (running)
		set_exit_work(home);
}

void sched_resume(struct vcpu *vcpu)
{
	struct cpu *home = lock_home(vcpu);
	bool parked = vcpu->parked;

	vcpu->paused = false;
	if (parked)
		enqueue_locked(home, vcpu, false);
	spin_unlock(&home->rq.lock);
	if (parked)
		set_exit_work(home);
}

static bool has_for(struct cpu *cpu, const struct cpu *other)
{
	bool found;

	spin_lock(&cpu->rq.lock);
	found = POLICY.pick(&cpu->rq, other) != NULL;
	spin_unlock(&cpu->rq.lock);
	return found;
}

/* Somebody who idles may take what this CPU cannot do now: one who is allowed to. */
static void offer(struct cpu *cpu)
{
	/* What was enqueued is visible before idle is looked at; pairs with wait_for_next(). */
	arch_memory_barrier();
	for_each_online_cpu(other) {
		if (READ_ONCE(other->idle) && (job_pending() || has_for(cpu, other))) {
			set_exit_work(other);
			return;
		}
	}
}

static void arm_wake_timer(struct cpu *cpu, struct vcpu *vcpu)
{
	uint64_t deadline = arch_vcpu_wake_deadline(vcpu);

	vcpu->wake_cpu = cpu;
	if (deadline != UINT64_MAX)
		timer_arm(&cpu->timers, &vcpu->wake_timer, deadline);
}

static bool has_wake_up(struct vcpu *vcpu)
{
	return vcpu->suspended ? vgic_has_wake_up(vcpu) : vgic_has_deliverable(vcpu);
}

/* What a RUNNING vCPU that is not loaded any more becomes. */
static void settle(struct cpu *cpu, struct vcpu *vcpu)
{
	enum vcpu_state state;

	/* Armed before it can be found BLOCKED, so that waking it finds the timer where it says. */
	if (vcpu->next_state == VCPU_BLOCKED)
		arm_wake_timer(cpu, vcpu);

	/* Once it is BLOCKED, another CPU may end its life. Visible to that one by the queue's lock. */
	WRITE_ONCE(cpu->settling, vcpu);
	spin_lock(&cpu->rq.lock);
	state = vcpu->stop ? VCPU_OFF : vcpu->next_state;
	vcpu->next_state = VCPU_READY;
	if (state == VCPU_OFF)
		set_off(vcpu);
	else
		vcpu->state = state;
	if (state == VCPU_READY)
		enqueue_locked(cpu, vcpu, true);
	spin_unlock(&cpu->rq.lock);

	/* An interrupt that came before the state was BLOCKED has woken nobody. */
	if (state == VCPU_BLOCKED && has_wake_up(vcpu))
		wake(vcpu);
	/* Release: all looks at it come before; pairs with sched_forget(). */
	__atomic_store_n(&cpu->settling, NULL, __ATOMIC_RELEASE);
	/* Until this is counted it stays. */
	if (state == VCPU_OFF)
		vm_vcpu_gone(vcpu->vm);
}

void sched_forget(const struct vcpu *vcpu)
{
	for_each_online_cpu(cpu) {
		while (__atomic_load_n(&cpu->settling, __ATOMIC_ACQUIRE) == vcpu)
			arch_cpu_relax();
	}
	timer_wait_fired(&vcpu->wake_timer);
}

/* Take the vCPU off this CPU, into the state that its handler chose. */
static void switch_out(struct cpu *cpu, struct vcpu *vcpu)
{
	arch_vcpu_save(vcpu, cpu);
	vcpu->ready_since = arch_counter();
	vcpu->run_ticks += vcpu->ready_since - vcpu->run_since;
	cpu->current = NULL;
	settle(cpu, vcpu);
}

static void switch_in(struct cpu *cpu, struct vcpu *vcpu)
{
	arch_vcpu_load(vcpu, cpu);
	vcpu->nr_switches++;
	cpu->nr_switches++;
	vcpu->run_since = arch_counter();
	vcpu->stolen_ticks += vcpu->run_since - vcpu->ready_since;
	pvtime_update(vcpu);
	cpu->current = vcpu;
	cpu->resched = false;
}

/* The next vCPU from a queue, to run on cpu, or which was to stop and is off now; NULL when it has none. */
static struct vcpu *take_one(struct cpu *from, struct cpu *cpu, bool *stopped)
{
	struct vcpu *next;

	spin_lock(&from->rq.lock);
	/* One that was paused while it was on its way to the queue is parked now. */
	while ((next = POLICY.pick(&from->rq, cpu)) && next->paused && !next->stop) {
		dequeue_locked(from, next);
		next->parked = true;
	}
	if (next) {
		dequeue_locked(from, next);
		*stopped = next->stop;
		next->cpu = cpu;
		if (*stopped)
			set_off(next);
		else
			next->state = VCPU_RUNNING;
	}
	spin_unlock(&from->rq.lock);
	return next;
}

/* The next vCPU from a queue, to run on cpu; NULL when it holds none that may. */
static struct vcpu *take_from(struct cpu *from, struct cpu *cpu)
{
	while (READ_ONCE(from->rq.nr_queued)) {
		bool stopped = false;
		struct vcpu *next = take_one(from, cpu, &stopped);

		if (!stopped)
			return next;
		vm_vcpu_gone(next->vm);
	}
	return NULL;
}

static struct vcpu *take_next(struct cpu *cpu)
{
	struct vcpu *next = take_from(cpu, cpu);

	if (next)
		return next;
	for_each_online_cpu(other) {
		next = take_from(other, cpu);
		if (next)
			return next;
	}
	return NULL;
}

/*
 * Work in EL2, or sleep there, until a vCPU is ready. Interrupts are masked but wake WFI all the same.
 */
static struct vcpu *wait_for_next(struct cpu *cpu)
{
	struct vcpu *next = take_next(cpu);

	while (!next) {
		/* Idle first, then look again: who enqueues looks for idle CPUs after it did. */
		WRITE_ONCE(cpu->idle, true);
		/* Orders the store before the look at queues, jobs; pairs with the barrier in find_idle(). */
		arch_memory_barrier();
		next = take_next(cpu);
		if (next)
			break;
		if (!job_run_step())
			arch_wait_for_interrupt();
		irq_handle();
	}
	cpu->idle = false;
	return next;
}

/* Whether a suspended vCPU was woken by an interrupt, and not just kicked: it then starts anew. */
static bool end_suspension(struct vcpu *vcpu)
{
	if (!vgic_has_wake_up(vcpu) && arch_vcpu_wake_deadline(vcpu) > arch_counter())
		return false;
	vcpu->suspended = false;
	arch_vcpu_reset(vcpu, &(struct vm_entry){ .pc = vcpu->resume_entry,
						  .args = { vcpu->resume_context } });
	return true;
}

static struct vcpu *next_awake(struct cpu *cpu)
{
	for (;;) {
		struct vcpu *vcpu = wait_for_next(cpu);

		if (likely(!vcpu->suspended) || end_suspension(vcpu))
			return vcpu;
		vcpu->next_state = VCPU_BLOCKED;
		settle(cpu, vcpu);
	}
}

/* Somebody waits for the CPU: a vCPU, or work of EL2's. */
static bool is_wanted(const struct cpu *cpu)
{
	return READ_ONCE(cpu->rq.nr_queued) > 0 || job_pending();
}

/* A tick and a trap on WFI only while somebody else waits for the CPU. */
static void set_competition(struct cpu *cpu, struct vcpu *vcpu)
{
	bool competition = is_wanted(cpu);

	arch_vcpu_trap_wfi(vcpu, competition);
	if (!competition) {
		timer_cancel(&cpu->timers, &cpu->slice);
		return;
	}
	if (!timer_is_armed(&cpu->slice))
		timer_arm(&cpu->timers, &cpu->slice, arch_counter() + POLICY.slice(vcpu));
	offer(cpu);
}

static bool must_switch(struct cpu *cpu, const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->stop) || READ_ONCE(vcpu->paused) || vcpu->next_state != VCPU_READY ||
	       (cpu->resched && is_wanted(cpu));
}

struct vcpu *sched_exit_work(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();

	vcpu_vgic_out(vcpu);
	/* Acquire: pairs with set_exit_work(); what comes from now on is for the next exit. */
	(void)__atomic_exchange_n(&cpu->exit_work, false, __ATOMIC_ACQUIRE);
	if (must_switch(cpu, vcpu)) {
		switch_out(cpu, vcpu);
		timer_cancel(&cpu->timers, &cpu->slice);
		job_run_step();
		vcpu = next_awake(cpu);
		switch_in(cpu, vcpu);
	} else {
		vcpu_vgic_in(vcpu);
	}
	cpu->resched = false;
	set_competition(cpu, vcpu);
	return vcpu;
}

void sched_run(void)
{
	struct cpu *cpu = this_cpu();
	struct vcpu *vcpu = next_awake(cpu);

	switch_in(cpu, vcpu);
	set_competition(cpu, vcpu);
	if (!__atomic_exchange_n(&guests_run, true, __ATOMIC_RELAXED))
		log_info("first guest instruction after %lu counter ticks", arch_counter());
	arch_enter_guest(vcpu);
}
