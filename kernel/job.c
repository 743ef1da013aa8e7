// SPDX-License-Identifier: MIT
/*
 * Jobs wait in one list, first come first served; one with more to do goes to its end.
 *
 * Lock: job_lock (RANK_JOB) around the list and the states of all jobs; not held in a step.
 */
#include "kernel/job.h"

#include "kernel/lock.h"
#include "kernel/sched/sched.h"

static struct spinlock job_lock = SPINLOCK_INIT(RANK_JOB);

/* guarded by job_lock */
static struct list_head waiting = LIST_HEAD_INIT(waiting);
static unsigned int nr_waiting;

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

bool job_run_step(void)
{
	struct job *job = job_pending() ? take() : NULL;
	bool more;

	if (!job)
		return false;
	more = job->step(job);
	spin_lock(&job_lock);
	job->running = false;
	if (more || job->again)
		append(job);
	spin_unlock(&job_lock);
	return true;
}
