// SPDX-License-Identifier: MIT
/*
 * The scheduler's core: states, wake-ups, switches.
 *
 * A vCPU's trap handler only marks what it wants; sched_exit_work() acts when the handler is done, on
 * the CPU's stack, and either goes back to the guest or idles in EL2 until a vCPU is ready. The slice
 * timer runs only while somebody waits on the queue.
 */
#include "kernel/sched/sched.h"

#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#if CONFIG_SCHED_ROUND_ROBIN
#define POLICY sched_round_robin
#endif

static void set_exit_work(struct cpu *cpu)
{
	/* Release: what was changed for the CPU to see is visible before it looks. */
	__atomic_store_n(&cpu->exit_work, true, __ATOMIC_RELEASE);
}

static void slice_end(struct timer *timer)
{
	struct cpu *cpu = container_of(timer, struct cpu, slice);

	cpu->resched = true;
	set_exit_work(cpu);
}

static void wake(struct vcpu *vcpu)
{
	struct cpu *cpu = vcpu->cpu;

	spin_lock(&cpu->rq.lock);
	if (vcpu->state == VCPU_BLOCKED) {
		timer_cancel(&cpu->timers, &vcpu->wake_timer);
		vcpu->state = VCPU_READY;
		POLICY.enqueue(&cpu->rq, vcpu, false);
		cpu->rq.nr_queued++;
	}
	set_exit_work(cpu);
	spin_unlock(&cpu->rq.lock);
}

static void wake_timer_fired(struct timer *timer)
{
	wake(container_of(timer, struct vcpu, wake_timer));
}

void sched_init(void)
{
	struct cpu *cpu = this_cpu();

	spin_init(&cpu->rq.lock, RANK_SCHED);
	POLICY.init(&cpu->rq);
	timer_init(&cpu->slice, slice_end);
	log_info("scheduler: %s, time slice %u us", POLICY.name, CONFIG_SCHED_SLICE_US);
}

void sched_start(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();

	timer_init(&vcpu->wake_timer, wake_timer_fired);
	spin_lock(&cpu->rq.lock);
	ASSERT(vcpu->state == VCPU_OFF);
	vcpu->cpu = cpu;
	vcpu->state = VCPU_READY;
	POLICY.enqueue(&cpu->rq, vcpu, false);
	cpu->rq.nr_queued++;
	set_exit_work(cpu);
	spin_unlock(&cpu->rq.lock);
}

void sched_yield(struct vcpu *vcpu)
{
	vcpu->cpu->resched = true;
	set_exit_work(vcpu->cpu);
}

void sched_block(struct vcpu *vcpu)
{
	vcpu->cpu->resched = true;
	vcpu->state = VCPU_BLOCKED;
	set_exit_work(vcpu->cpu);
}

void sched_stop(struct vcpu *vcpu)
{
	vcpu->cpu->resched = true;
	vcpu->state = VCPU_OFF;
	set_exit_work(vcpu->cpu);
}

void sched_kick(struct vcpu *vcpu)
{
	if (vcpu->state == VCPU_OFF)
		return;
	if (vcpu->state == VCPU_BLOCKED)
		wake(vcpu);
	else if (vcpu->state == VCPU_RUNNING)
		set_exit_work(vcpu->cpu);
}

/* Take the vCPU off this CPU, into the state that its handler chose. */
static void switch_out(struct cpu *cpu, struct vcpu *vcpu)
{
	arch_vcpu_save(vcpu, cpu);
	vcpu->run_ticks += arch_counter() - vcpu->run_since;
	cpu->current = NULL;

	spin_lock(&cpu->rq.lock);
	if (vcpu->state == VCPU_RUNNING) {
		vcpu->state = VCPU_READY;
		POLICY.enqueue(&cpu->rq, vcpu, true);
		cpu->rq.nr_queued++;
	}
	spin_unlock(&cpu->rq.lock);
	if (vcpu->state == VCPU_BLOCKED) {
		uint64_t deadline = arch_vtimer_deadline(vcpu);

		if (deadline != UINT64_MAX && vgic_timer_is_enabled(vcpu))
			timer_arm(&cpu->timers, &vcpu->wake_timer, deadline);
		/* An interrupt that came before the state was BLOCKED would have woken nobody. */
		if (vgic_has_deliverable(vcpu))
			wake(vcpu);
	}
}

static void switch_in(struct cpu *cpu, struct vcpu *vcpu)
{
	arch_vcpu_load(vcpu, cpu);
	vcpu->nr_switches++;
	cpu->nr_switches++;
	vcpu->run_since = arch_counter();
	cpu->current = vcpu;
}

static struct vcpu *take_next(struct cpu *cpu)
{
	struct vcpu *next;

	spin_lock(&cpu->rq.lock);
	next = POLICY.pick(&cpu->rq);
	if (next) {
		POLICY.dequeue(&cpu->rq, next);
		cpu->rq.nr_queued--;
		next->state = VCPU_RUNNING;
	}
	spin_unlock(&cpu->rq.lock);
	return next;
}

/* Sleep in EL2 until a vCPU is ready. Interrupts are masked but wake WFI all the same. */
static struct vcpu *wait_for_next(struct cpu *cpu)
{
	struct vcpu *next;

	while (!(next = take_next(cpu))) {
		vm_reap();
		arch_wait_for_interrupt();
		irq_handle();
	}
	return next;
}

/* A tick and a trap on WFI only while somebody else waits for the CPU. */
static void set_competition(struct cpu *cpu, struct vcpu *vcpu)
{
	bool competition = READ_ONCE(cpu->rq.nr_queued) > 0;

	arch_vcpu_trap_wfi(vcpu, competition);
	if (!competition)
		timer_cancel(&cpu->timers, &cpu->slice);
	else if (!timer_is_armed(&cpu->slice))
		timer_arm(&cpu->timers, &cpu->slice, arch_counter() + POLICY.slice(vcpu));
}

static bool must_switch(struct cpu *cpu, const struct vcpu *vcpu)
{
	return vcpu->state != VCPU_RUNNING ||
	       (cpu->resched && READ_ONCE(cpu->rq.nr_queued) > 0);
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
		vm_reap();
		vcpu = wait_for_next(cpu);
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
	struct vcpu *vcpu = wait_for_next(cpu);

	switch_in(cpu, vcpu);
	set_competition(cpu, vcpu);
	log_info("first guest instruction after %lu counter ticks", arch_counter());
	arch_enter_guest(vcpu);
}
