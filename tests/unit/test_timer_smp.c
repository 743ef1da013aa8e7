// SPDX-License-Identifier: MIT
/*
 * Timers and jobs of several CPUs. Timers belong to things with a lock, as devices are: whichever CPU has the
 * thing moves its timer to its own queue, disarms it, or takes the thing away for a while. Jobs are queued by
 * anybody and run by anybody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/smp.h"

#include "kernel/base/cpu.h"
#include "kernel/base/deferred.h"
#include "kernel/base/panic.h"
#include "kernel/base/timer.h"
#include "kernel/sched/sched.h"

#define NR_CPUS		MIN(4, CONFIG_NR_CPUS)
#define NR_THINGS	6
#define NR_JOBS		3
#define RUN_MS		500

/* ---- timers ---- */

static struct thing {
	struct spinlock lock;
	/* guarded by lock */
	struct timer_queue *queue;	/* that the timer was last armed on */
	bool armed, taken;
	uint64_t deadline;
	/* of whoever has taken it, else guarded by lock */
	struct timer timer;
	bool gone;
} things[NR_THINGS];

static void fired(struct timer *timer)
{
	struct thing *t = container_of(timer, struct thing, timer);

	ASSERT(!t->gone);
	spin_lock(&t->lock);
	/* Moved or disarmed while it was about to fire, it is not what it fires for. */
	if (t->armed && t->deadline <= arch_counter())
		t->armed = false;
	spin_unlock(&t->lock);
}

/* All below: lock held. */

static void disarm(struct thing *t)
{
	if (t->queue)
		timer_cancel(t->queue, &t->timer);
	t->queue = NULL;
	t->armed = false;
}

static void arm_here(struct thing *t)
{
	disarm(t);
	t->queue = &this_cpu()->timers;
	t->deadline = arch_counter() + below(3000);
	t->armed = true;
	timer_arm(t->queue, &t->timer, t->deadline);
}

/* Nobody is in its function afterwards, and its memory may become something else. */
static void take_away(struct thing *t)
{
	disarm(t);
	t->taken = true;
	spin_unlock(&t->lock);
	timer_wait_fired(&t->timer);
	t->gone = true;
	memset(&t->timer, 0xa5, sizeof(t->timer));
	timer_init(&t->timer, fired);
	t->gone = false;
	spin_lock(&t->lock);
	t->taken = false;
}

static void do_something(struct thing *t)
{
	if (t->taken)
		return;
	switch (below(8)) {
	case 0:
		disarm(t);
		break;
	case 1:
		take_away(t);
		break;
	default:
		arm_here(t);
	}
}

static void take_interrupt(struct cpu *cpu)
{
	if (fake_timer_deadlines[cpu->id] <= arch_counter())
		timer_interrupt(&cpu->timers);
}

static void use_timers(struct cpu *cpu)
{
	while (!smp_over()) {
		struct thing *t = &things[below(NR_THINGS)];

		__atomic_fetch_add(&fake_counter, below(1000), __ATOMIC_RELAXED);
		take_interrupt(cpu);
		spin_lock(&t->lock);
		do_something(t);
		spin_unlock(&t->lock);
	}
}

static void test_timers_that_move_between_cpus_fire_when_they_are_due(void **state)
{
	fake_reset();
	for (unsigned int i = 0; i < NR_CPUS; i++)
		cpus[i].online = true;
	for (unsigned int i = 0; i < NR_THINGS; i++) {
		spin_init(&things[i].lock, RANK_VDEV);
		timer_init(&things[i].timer, fired);
	}
	smp_run(NR_CPUS, RUN_MS, "kernel/timer", use_timers);
	fake_counter += 10000;
	for (unsigned int i = 0; i < NR_CPUS; i++) {
		arch_set_this_cpu(&cpus[i]);
		take_interrupt(&cpus[i]);
		assert_true(list_empty(&cpus[i].timers.list));
		assert_int_equal(fake_timer_deadlines[i], UINT64_MAX);
	}
	for (unsigned int i = 0; i < NR_THINGS; i++)
		assert_false(things[i].armed);
}

/* ---- jobs ---- */

static struct work {
	struct job job;
	unsigned int wanted, done;	/* atomic; of the job */
	bool runs;
} works[NR_JOBS];

void sched_job_waits(void)
{
}

/* What is wanted when a step begins is done by it, or by the next one. */
static bool step(struct job *job)
{
	struct work *w = container_of(job, struct work, job);

	ASSERT(!w->runs);
	w->runs = true;
	if (below(3)) {
		w->done = __atomic_load_n(&w->wanted, __ATOMIC_ACQUIRE);
		w->runs = false;
		return false;
	}
	w->runs = false;
	return true;
}

static void use_jobs(struct cpu *cpu)
{
	while (!smp_over()) {
		struct work *w = &works[below(NR_JOBS)];

		if (below(2)) {
			__atomic_add_fetch(&w->wanted, 1, __ATOMIC_RELEASE);
			job_queue(&w->job);
		} else {
			job_run_step();
		}
	}
}

static void test_jobs_never_overlap_and_nothing_asked_of_them_is_lost(void **state)
{
	fake_reset();
	for (unsigned int i = 0; i < NR_JOBS; i++)
		job_init(&works[i].job, step);
	smp_run(NR_CPUS, RUN_MS, "kernel/job", use_jobs);
	while (job_run_step())
		;
	for (unsigned int i = 0; i < NR_JOBS; i++) {
		assert_true(works[i].wanted > 0);
		assert_int_equal(works[i].done, works[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_that_move_between_cpus_fire_when_they_are_due),
		cmocka_unit_test(test_jobs_never_overlap_and_nothing_asked_of_them_is_lost),
	};

	random_seed("test_timer_smp");
	smp_state = 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
