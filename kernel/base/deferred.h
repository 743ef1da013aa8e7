/* SPDX-License-Identifier: MIT */
/*
 * Long work of EL2's own, in bounded steps: loading a VM's images, taking a VM apart. A step is at most
 * 10,000 instructions: no interrupt is taken in it. A CPU without a vCPU to run does one step after the
 * other; where all are busy, the one that was told does some each time it switches (a millisecond at most,
 * and takes interrupts between), and a waiting job counts as competition, so that it does switch.
 */
#ifndef KERNEL_BASE_DEFERRED_H
#define KERNEL_BASE_DEFERRED_H

#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

struct job {
	/* fixed after job_init() */
	bool (*step)(struct job *job);	/* a bounded piece of the work; true: there is more */

	/* guarded by the list's lock */
	struct list_head link;		/* empty: not waiting */
	bool running;			/* some CPU is in step() */
	bool again;			/* queued meanwhile */
};

void job_init(struct job *job, bool (*step)(struct job *job));

/*
 * Have the job's steps run, on whichever CPU has time. One that waits already, or whose step runs (then it
 * runs once more), is not doubled; so the steps of one job never overlap. Any context with locks of rank
 * below RANK_JOB only.
 */
void job_queue(struct job *job);

/* Whether some job waits for a CPU. */
bool job_pending(void);

/*
 * Do one step of the job that has waited longest; false when none waits. Context: no lock held, no vCPU
 * loaded on this CPU.
 */
bool job_run_step(void);

/*
 * In a step that cannot be cut: take interrupts now. Elsewhere (at boot) nothing. Context: no lock held
 * that an interrupt's handler takes.
 */
void job_breathe(void);

/* The longest time for which a step kept interrupts waiting so far, in microseconds. */
uint64_t job_longest_us(void);

/* Some steps, and what interrupts come between. Context: likewise. */
void job_run_turn(void);

#endif
