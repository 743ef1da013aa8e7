// SPDX-License-Identifier: MIT
/*
 * Jobs wait in one list, first come first served; one with more to do goes to its end.
 *
 * Lock: job_lock (RANK_JOB) around the list and the states of all jobs; not held in a step.
 */
#include "kernel/base/deferred.h"

#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/lock.h"
#include "kernel/base/timer.h"
#include "kernel/sched/sched.h"

/* What a CPU that has something else to do does of it, each time. */
#define TURN_US		1000
#define TURN_STEPS	32

static struct spinlock job_lock = SPINLOCK_INIT(RANK_JOB);

/* guarded by job_lock */
static struct list_head waiting = LIST_HEAD_INIT(waiting);
static unsigned int nr_waiting;

/* Of each CPU: when the step began that it is in, or interrupts were last taken in it; 0: in none. */
static uint64_t stretch_since[CONFIG_NR_CPUS];
static uint64_t longest_stretch;	/* ticks; by any CPU */

void job_init(struct job *job, bool (*step)(struct job *job))
{
	*job = (struct job){ .step = step };
	list_init(&job->link);
}

/* Context: job_lock held. */
static void append(struct job *job)
{
	list_add_tail(&job->link, &waiting);
	WRITE_ONCE(nr_waiting, nr_waiting + 1);
}

void job_queue(struct job *job)
{
	bool appended = false;

	spin_lock(&job_lock);
	if (job->running) {
		job->again = true;
	} else if (list_empty(&job->link)) {
		append(job);
		appended = true;
	}
	spin_unlock(&job_lock);
	if (appended)
		sched_job_waits();
}

bool job_pending(void)
{
	return READ_ONCE(nr_waiting) > 0;
}

static struct job *take(void)
{
	struct job *job = NULL;

	spin_lock(&job_lock);
	if (!list_empty(&waiting)) {
		job = list_first_entry(&waiting, struct job, link);
		list_del(&job->link);
		WRITE_ONCE(nr_waiting, nr_waiting - 1);
		job->running = true;
		job->again = false;
	}
	spin_unlock(&job_lock);
	return job;
}

/* ---- steps ---- */

static void begin_stretch(void)
{
	stretch_since[this_cpu()->id] = arch_counter() | 1;
}

static void end_stretch(void)
{
	uint64_t ticks = arch_counter() - stretch_since[this_cpu()->id];

	stretch_since[this_cpu()->id] = 0;
	/* Of two CPUs at once the later one may be lost: it is for people to look at. */
	if ((int64_t)ticks > 0 && ticks > READ_ONCE(longest_stretch))
		WRITE_ONCE(longest_stretch, ticks);
}

void job_breathe(void)
{
	if (!stretch_since[this_cpu()->id])
		return;
	end_stretch();
	irq_handle();
	begin_stretch();
}

uint64_t job_longest_us(void)
{
	return timer_ticks_to_us(READ_ONCE(longest_stretch));
}

bool job_run_step(void)
{
	struct job *job = job_pending() ? take() : NULL;
	bool more;

	if (!job)
		return false;
	begin_stretch();
	more = job->step(job);
	end_stretch();
	spin_lock(&job_lock);
	job->running = false;
	if (more || job->again)
		append(job);
	spin_unlock(&job_lock);
	return true;
}

void job_run_turn(void)
{
	uint64_t end;

	/* Mostly there is nothing, and this is on the way of every switch. */
	if (!job_pending())
		return;
	end = arch_counter() + timer_us_to_ticks(TURN_US);
	for (unsigned int n = 0; n < TURN_STEPS && job_run_step() && arch_counter() < end; n++)
		irq_handle();
}
