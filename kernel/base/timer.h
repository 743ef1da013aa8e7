/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers on each CPU's EL2 timer (CNTHP). A CPU without an armed timer has no tick at all.
 * A timer is armed by the CPU that owns the queue; any CPU may cancel it.
 */
#ifndef KERNEL_BASE_TIMER_H
#define KERNEL_BASE_TIMER_H

#include "kernel/base/addr.h"
#include "kernel/base/lock.h"
#include "lib/list.h"
#include "lib/types.h"

struct timer {
	struct list_head link;		/* empty: not armed */
	uint64_t deadline;		/* counter ticks */
	void (*fire)(struct timer *timer);
};

struct timer_queue {
	struct spinlock lock;
	/* guarded by lock */
	struct list_head list;		/* by deadline, earliest first */
	struct timer *firing;		/* off the list, and its function runs */
};

void timer_queue_init(struct timer_queue *queue);
void timer_init(struct timer *timer, void (*fire)(struct timer *timer));

/* (Re-)arm for counter value deadline; fires from the timer interrupt. Context: the queue's own CPU. */
void timer_arm(struct timer_queue *queue, struct timer *timer, uint64_t deadline);

/*
 * Disarm; harmless when not armed. From another CPU the timer may just be firing; but it is on no list then,
 * and may be armed on another queue. The caller orders this with other arming and disarming of the timer.
 */
void timer_cancel(struct timer_queue *queue, struct timer *timer);

/*
 * Wait until no CPU is in the timer's function any more, so that what it is part of may go. It is disarmed
 * and stays so. Context: not a timer's function; no lock held that the function takes.
 */
void timer_wait_fired(const struct timer *timer);

/* On any CPU; where that timer may be armed or fire meanwhile, right for some moment during the call. */
static inline bool timer_is_armed(const struct timer *timer)
{
	return !list_looks_empty(&timer->link);
}

/* The EL2 timer's interrupt: run what is due, program the next. */
void timer_interrupt(struct timer_queue *queue);

/* Microseconds to counter ticks and back. */
uint64_t timer_us_to_ticks(uint64_t us);
uint64_t timer_ticks_to_us(uint64_t ticks);

#endif
