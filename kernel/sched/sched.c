// SPDX-License-Identifier: MIT
/*
 * The scheduler's core: states, wake-ups, switches.
 *
 * A vCPU's trap handler only marks what it wants; sched_exit_work() acts when the handler is done, on the
 * CPU's stack. It goes back to the guest, halts in EL2 with the vCPU still loaded, or takes it off the CPU
 * and looks for another one, in the queues of all CPUs. The slice timer runs only while somebody waits on the
 * queue.
 *
 * A vCPU's state becomes other than RUNNING only after all its registers are in memory, so that whoever finds
 * it READY or BLOCKED may run it. Where vCPUs belong, and how they move, is in place.h.
 *
 * A paused vCPU runs no more; one that is or becomes ready is parked: READY, but on no queue.
 */
#include "kernel/sched/sched.h"

#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "kernel/base/deferred.h"
#include "kernel/base/irq.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "kernel/hvc/pvtime.h"
#include "kernel/sched/place.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/entry.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

/* Some CPU has entered a guest. */
static bool guests_run;

static void slice_end(struct timer *timer)
{
	struct cpu *cpu = container_of(timer, struct cpu, slice);

	cpu->resched = true;
	cpu->slice_over = true;
	place_tell(cpu);
}

void sched_job_waits(void)
{
	struct cpu *idle = place_claim_idle(NULL, this_cpu());

	if (!idle)
		this_cpu()->resched = true;
	place_tell(idle ? idle : this_cpu());
}

/* ---- waking ---- */

static bool is_blocked(const struct vcpu *vcpu)
{
	return vcpu->state == VCPU_BLOCKED;
}

static bool is_off(const struct vcpu *vcpu)
{
	return vcpu->state == VCPU_OFF;
}

static bool is_parked(const struct vcpu *vcpu)
{
	return vcpu->parked;
}

void sched_kick(struct vcpu *vcpu)
{
	if (READ_ONCE(vcpu->state) == VCPU_BLOCKED && place_ready(vcpu, READ_ONCE(vcpu->cpu), is_blocked))
		return;
	/* It shall look at its interrupts. One that is READY does when it is its turn. */
	if (READ_ONCE(vcpu->state) == VCPU_RUNNING)
		place_tell(READ_ONCE(vcpu->cpu));
}

/*
 * Arm a blocked vCPU's timer on this CPU, for when one of its own next changes its line; but not while it is
 * paused, when its time stands still. Its queue locked.
 */
static void arm_wake_timer(struct vcpu *vcpu, uint64_t deadline)
{
	vcpu->wake_cpu = this_cpu();
	if (deadline != UINT64_MAX && !vcpu->paused)
		timer_arm(&this_cpu()->timers, &vcpu->wake_timer, deadline);
}

/*
 * As in hardware, a timer raises its line whether or not the interrupt is enabled; and that wakes the vCPU,
 * or else enabling it will. One that has woken meanwhile finds its lines by itself.
 */
static void look_at_timers(struct vcpu *vcpu)
{
	struct arch_timer_lines lines = { .next = UINT64_MAX };
	struct cpu *home = place_lock_home(vcpu);

	if (is_blocked(vcpu) && !vcpu->paused) {
		lines = arch_vcpu_timer_lines(vcpu);
		/* It may have run and blocked since it was resumed: its timer is on that CPU's list then. */
		timer_cancel(&vcpu->wake_cpu->timers, &vcpu->wake_timer);
		arm_wake_timer(vcpu, lines.next);
	}
	spin_unlock(&home->rq.lock);
	if (lines.virt || lines.phys)
		vgic_raise_blocked_timers(vcpu, lines.virt, lines.phys);
}

static void wake_timer_fired(struct timer *timer)
{
	look_at_timers(container_of(timer, struct vcpu, wake_timer));
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

void sched_vcpu_init(struct vcpu *vcpu)
{
	timer_init(&vcpu->wake_timer, wake_timer_fired);
}

void sched_start(struct vcpu *vcpu)
{
	struct cpu *cpu = place_least_loaded(vcpu);

	ASSERT(is_off(vcpu));
	vcpu->stop = false;
	vcpu->paused = false;
	vcpu->suspended = false;
	vcpu->next_state = VCPU_READY;
	vcpu->home = cpu;
	vcpu->wake_cpu = NULL;
	__atomic_fetch_add(&cpu->nr_homed, 1, __ATOMIC_RELAXED);
	place_ready(vcpu, cpu, is_off);
}

static void leave_as(struct vcpu *vcpu, enum vcpu_state state)
{
	struct cpu *cpu = this_cpu();

	vcpu->next_state = state;
	WRITE_ONCE(cpu->exit_work, true);
}

void sched_yield(struct vcpu *vcpu)
{
	this_cpu()->resched = true;
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

/* From now on CPU_ON may start it anew: nothing of its last life may be left. Context: queue lock held. */
static void set_off(struct vcpu *vcpu)
{
	if (vcpu->wake_cpu)
		timer_cancel(&vcpu->wake_cpu->timers, &vcpu->wake_timer);
	vcpu->parked = false;
	vcpu->stop = false;
	__atomic_fetch_sub(&vcpu->home->nr_homed, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&vcpu->state, VCPU_OFF, __ATOMIC_RELEASE);
}

void sched_request_stop(struct vcpu *vcpu)
{
	struct cpu *home = place_lock_home(vcpu);
	enum vcpu_state was = vcpu->state;

	if (was == VCPU_READY && !vcpu->parked)
		place_remove(vcpu);
	if (was == VCPU_READY || was == VCPU_BLOCKED)
		set_off(vcpu);
	else if (was == VCPU_RUNNING)
		WRITE_ONCE(vcpu->stop, true);
	spin_unlock(&home->rq.lock);
	if (was == VCPU_READY || was == VCPU_BLOCKED)
		vm_vcpu_gone(vcpu->vm);
	else if (was == VCPU_RUNNING)
		place_tell(home);
}

void sched_pause(struct vcpu *vcpu)
{
	struct cpu *home = place_lock_home(vcpu);
	bool running = vcpu->state == VCPU_RUNNING;

	WRITE_ONCE(vcpu->paused, true);
	if (vcpu->state == VCPU_READY && !vcpu->parked) {
		place_remove(vcpu);
		vcpu->parked = true;
		WRITE_ONCE(vcpu->stolen_ticks, vcpu->stolen_ticks + arch_counter() - vcpu->ready_since);
	}
	if (is_blocked(vcpu))
		timer_cancel(&vcpu->wake_cpu->timers, &vcpu->wake_timer);
	spin_unlock(&home->rq.lock);
	if (running)
		place_tell(home);
}

void sched_resume(struct vcpu *vcpu)
{
	struct cpu *home = place_lock_home(vcpu);

	WRITE_ONCE(vcpu->paused, false);
	spin_unlock(&home->rq.lock);
	/* Ready from now on: what was paused is not stolen. */
	place_ready(vcpu, home, is_parked);
	look_at_timers(vcpu);
}

struct cpu *sched_look(struct vcpu *vcpu, void (*look)(const struct vcpu *vcpu, void *to), void *to)
{
	struct cpu *home = place_lock_home(vcpu);
	bool running = vcpu->state == VCPU_RUNNING;

	if (!running)
		look(vcpu, to);
	spin_unlock(&home->rq.lock);
	return running ? home : NULL;
}

/* ---- off the CPU ---- */

static bool has_wake_up(struct vcpu *vcpu)
{
	return vcpu->suspended ? vgic_has_wake_up(vcpu) : vgic_has_deliverable(vcpu);
}

/* In settle(): what it becomes, but READY. */
static void put_to_rest(struct vcpu *vcpu, enum vcpu_state state, uint64_t deadline)
{
	if (state == VCPU_OFF) {
		set_off(vcpu);
		return;
	}
	arm_wake_timer(vcpu, deadline);
	WRITE_ONCE(vcpu->state, VCPU_BLOCKED);
}

/* What a RUNNING vCPU that is not loaded any more becomes. */
static void settle(struct cpu *cpu, struct vcpu *vcpu)
{
	struct arch_timer_lines lines = { .next = UINT64_MAX };
	struct cpu *to = cpu;
	struct vm *vm = vcpu->vm;
	enum vcpu_state state;
	bool paused;

	if (vcpu->next_state == VCPU_BLOCKED) {
		lines = arch_vcpu_timer_lines(vcpu);
		vgic_set_timer_lines(vcpu, lines.virt, lines.phys);
	} else if (vcpu->next_state == VCPU_READY && cpu->slice_over) {
		to = place_after_slice(cpu, vcpu);
	}
	/* Once it is BLOCKED, another CPU may end its life. Visible to that one by the queue's lock. */
	WRITE_ONCE(cpu->settling, vcpu);
	spin_lock_pair(&cpu->rq.lock, &to->rq.lock);
	state = vcpu->stop ? VCPU_OFF : vcpu->next_state;
	paused = vcpu->paused;
	vcpu->next_state = VCPU_READY;
	if (state == VCPU_READY)
		place_put(vcpu, to, true);
	else
		put_to_rest(vcpu, state, lines.next);
	spin_unlock_pair(&cpu->rq.lock, &to->rq.lock);
	if (to != cpu)
		place_tell(to);

	/* An interrupt that came before the state was BLOCKED has woken nobody. */
	if (state == VCPU_BLOCKED && has_wake_up(vcpu))
		sched_kick(vcpu);
	/* Release: all looks at it come before; pairs with sched_forget(). */
	__atomic_store_n(&cpu->settling, NULL, __ATOMIC_RELEASE);
	/* Until this is counted it stays. */
	if (state == VCPU_OFF)
		vm_vcpu_gone(vm);
	else if (paused)
		vm_vcpu_paused(vm);
}

void sched_forget(const struct vcpu *vcpu)
{
	for_each_online_cpu(cpu) {
		while (__atomic_load_n(&cpu->settling, __ATOMIC_ACQUIRE) == vcpu)
			arch_cpu_relax();
	}
	timer_wait_fired(&vcpu->wake_timer);
}

static void stop_run_time(struct vcpu *vcpu)
{
	uint64_t now = arch_counter();

	WRITE_ONCE(vcpu->run_ticks, vcpu->run_ticks + now - vcpu->run_since);
	WRITE_ONCE(vcpu->run_since, now);
}

/* Take the vCPU off this CPU, into the state that its handler chose. */
static void switch_out(struct cpu *cpu, struct vcpu *vcpu)
{
	arch_vcpu_save(vcpu, cpu);
	stop_run_time(vcpu);
	vcpu->ready_since = vcpu->run_since;
	WRITE_ONCE(cpu->current, NULL);
	settle(cpu, vcpu);
}

static void switch_in(struct cpu *cpu, struct vcpu *vcpu)
{
	arch_vcpu_load(vcpu, cpu);
	count_up(vcpu->nr_switches);
	count_up(cpu->nr_switches);
	WRITE_ONCE(vcpu->run_since, arch_counter());
	WRITE_ONCE(vcpu->stolen_ticks, vcpu->stolen_ticks + vcpu->run_since - vcpu->ready_since);
	pvtime_update(vcpu);
	WRITE_ONCE(cpu->current, vcpu);
	cpu->resched = false;
}

/* ---- the next one ---- */

/* The next vCPU from a CPU's queue that may run on cpu, RUNNING there from now on; NULL when it has none. */
static struct vcpu *take_from(struct cpu *from, struct cpu *cpu)
{
	struct vcpu *next;

	if (!READ_ONCE(from->rq.nr_queued))
		return NULL;
	spin_lock_pair(&from->rq.lock, &cpu->rq.lock);
	next = POLICY.pick(&from->rq, cpu);
	if (next) {
		place_remove(next);
		WRITE_ONCE(next->cpu, cpu);
		WRITE_ONCE(next->state, VCPU_RUNNING);
	}
	spin_unlock_pair(&from->rq.lock, &cpu->rq.lock);
	return next;
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

/* Idle first, then look again: who enqueues looks for idle CPUs after it did. */
static void say_idle(struct cpu *cpu)
{
	WRITE_ONCE(cpu->idle, true);
	/*
	 * Orders the store before the look at queues and jobs; pairs with the barrier in place_claim_idle().
	 */
	arch_memory_barrier();
}

/*
 * Work in EL2, or sleep there, until a vCPU is ready. Interrupts are masked but wake WFI all the same.
 */
static struct vcpu *wait_for_next(struct cpu *cpu)
{
	struct vcpu *next = take_next(cpu);

	while (!next) {
		say_idle(cpu);
		next = take_next(cpu);
		if (next)
			break;
		if (!job_pending()) {
			arch_wait_for_interrupt();
		} else {
			/* Busy with it: no vCPU is to be sent here meanwhile. */
			WRITE_ONCE(cpu->idle, false);
			job_run_step();
		}
		irq_handle();
	}
	WRITE_ONCE(cpu->idle, false);
	return next;
}

/* Whether a suspended vCPU was woken by an interrupt, and not just kicked: it then starts anew. */
static bool end_suspension(struct vcpu *vcpu)
{
	if (!vgic_has_wake_up(vcpu))
		return false;
	vcpu->suspended = false;
	arch_vcpu_reset(vcpu, &(struct vm_entry){ .pc = vcpu->resume_entry,
						  .args = { vcpu->resume_context },
						  .big_endian = vcpu->resume_big_endian });
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

/* A tick only while somebody else waits for the CPU; and WFE gives it away then. */
static void set_competition(struct cpu *cpu, struct vcpu *vcpu)
{
	bool competition = is_wanted(cpu);

	arch_vcpu_trap_wfe(vcpu, competition);
	if (!competition) {
		timer_cancel(&cpu->timers, &cpu->slice);
		return;
	}
	if (!timer_is_armed(&cpu->slice))
		timer_arm(&cpu->timers, &cpu->slice, arch_counter() + POLICY.slice(vcpu));
	place_offer(cpu);
}

/* ---- waiting in WFI ---- */

static bool must_leave(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->stop) || READ_ONCE(vcpu->paused);
}

/* Somebody could run here, who waits now: on this CPU's queue, or on another's. */
static bool others_wait(struct cpu *cpu)
{
	if (is_wanted(cpu))
		return true;
	for_each_online_cpu(other) {
		if (place_has_for(other, cpu))
			return true;
	}
	return false;
}

static bool is_awake(struct vcpu *vcpu)
{
	return arch_vcpu_serror_pending(vcpu) || vgic_has_deliverable(vcpu);
}

/*
 * Sleep for a vCPU that waits for an interrupt, which stays loaded: its own wake-up goes straight back into
 * the guest. Whoever else may run here ends this, and so does what takes the vCPU off its CPU: it is BLOCKED
 * then. Meanwhile the CPU counts as idle. Context: the vCPU's interrupts are in memory.
 */
static void halt(struct cpu *cpu, struct vcpu *vcpu)
{
	bool awake = is_awake(vcpu);

	/* Nothing to sleep for, or somebody to make room for. */
	if (awake)
		vcpu->next_state = VCPU_READY;
	if (awake || is_wanted(cpu))
		return;
	stop_run_time(vcpu);
	WRITE_ONCE(vcpu->halted, true);
	while (!is_awake(vcpu)) {
		say_idle(cpu);
		if (must_leave(vcpu) || others_wait(cpu))
			break;
		arch_wait_for_interrupt();
		irq_handle();
		/* Acquire: pairs with place_tell(); all that may have been told is looked at now. */
		(void)__atomic_exchange_n(&cpu->exit_work, false, __ATOMIC_ACQUIRE);
	}
	WRITE_ONCE(cpu->idle, false);
	WRITE_ONCE(vcpu->halted, false);
	vcpu->halted_ticks += arch_counter() - vcpu->run_since;
	WRITE_ONCE(vcpu->run_since, arch_counter());
	if (is_awake(vcpu) && !must_leave(vcpu))
		vcpu->next_state = VCPU_READY;
}

/* ---- the end of an exit ---- */

static bool must_switch(struct cpu *cpu, const struct vcpu *vcpu)
{
	return must_leave(vcpu) || vcpu->next_state != VCPU_READY || (cpu->resched && is_wanted(cpu));
}

struct vcpu *sched_exit_work(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();

	vcpu_vgic_out(vcpu);
	/* Acquire: pairs with place_tell(); what comes from now on is for the next exit. */
	(void)__atomic_exchange_n(&cpu->exit_work, false, __ATOMIC_ACQUIRE);
	if (vcpu->next_state == VCPU_BLOCKED && !vcpu->suspended)
		halt(cpu, vcpu);
	if (must_switch(cpu, vcpu)) {
		switch_out(cpu, vcpu);
		timer_cancel(&cpu->timers, &cpu->slice);
		job_run_turn();
		vcpu = next_awake(cpu);
		switch_in(cpu, vcpu);
	} else {
		vcpu_vgic_in(vcpu);
	}
	cpu->resched = false;
	cpu->slice_over = false;
	set_competition(cpu, vcpu);
	return vcpu;
}

static void say_first_entry(void)
{
	uint64_t us = timer_ticks_to_us(arch_counter());

	log_info("first guest instruction after %lu.%03lu ms", us / 1000, us % 1000);
	console_say_hint();
}

void sched_run(void)
{
	struct cpu *cpu = this_cpu();
	struct vcpu *vcpu = next_awake(cpu);

	switch_in(cpu, vcpu);
	set_competition(cpu, vcpu);
	if (!__atomic_exchange_n(&guests_run, true, __ATOMIC_RELAXED))
		say_first_entry();
	arch_enter_guest(vcpu);
}
