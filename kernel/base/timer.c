// SPDX-License-Identifier: MIT
/* One-shot timers on a sorted list per CPU; see timer.h. */
#include "kernel/base/timer.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"

void timer_queue_init(struct timer_queue *queue)
{
	spin_init(&queue->lock, RANK_TIMER);
	list_init(&queue->list);
	queue->firing = NULL;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
	list_init(&timer->link);
	timer->fire = fire;
}

/* Context: the queue's CPU, lock held. */
static void program(struct timer_queue *queue)
{
	if (list_empty(&queue->list))
		arch_timer_arm(UINT64_MAX);
	else
		arch_timer_arm(list_first_entry(&queue->list, struct timer, link)->deadline);
}

void timer_arm(struct timer_queue *queue, struct timer *timer, uint64_t deadline)
{
	struct timer *later;

	spin_lock(&queue->lock);
	list_del(&timer->link);
	timer->deadline = deadline;
	list_for_each_entry(later, &queue->list, link) {
		if (deadline < later->deadline)
			break;
	}
	list_add_tail(&timer->link, later ? &later->link : &queue->list);
	program(queue);
	spin_unlock(&queue->lock);
}

void timer_cancel(struct timer_queue *queue, struct timer *timer)
{
	bool own = queue == &this_cpu()->timers;

	/*
	 * This CPU is not just taking it off its list. Another one may be, and would do some of that to the
	 * list where the timer is armed next: wait for it.
	 */
	if (own && !timer_is_armed(timer))
		return;
	spin_lock(&queue->lock);
	list_del(&timer->link);
	/* Another CPU's hardware is left to fire for nothing. */
	if (own)
		program(queue);
	spin_unlock(&queue->lock);
}

/* Unlink and return a timer whose time has come; program the hardware when there is none. */
static struct timer *take_due(struct timer_queue *queue)
{
	struct timer *timer = NULL;

	spin_lock(&queue->lock);
	if (!list_empty(&queue->list)) {
		timer = list_first_entry(&queue->list, struct timer, link);
		if (timer->deadline > arch_counter())
			timer = NULL;
	}
	if (timer)
		list_del(&timer->link);
	else
		program(queue);
	queue->firing = timer;
	spin_unlock(&queue->lock);
	return timer;
}

void timer_interrupt(struct timer_queue *queue)
{
	struct timer *timer;

	while ((timer = take_due(queue)))
		timer->fire(timer);
}

static bool is_firing(struct timer_queue *queue, const struct timer *timer)
{
	bool firing;

	/* Locked: taking a timer off the list and noting that it fires are one step. */
	spin_lock(&queue->lock);
	firing = queue->firing == timer;
	spin_unlock(&queue->lock);
	return firing;
}

void timer_wait_fired(const struct timer *timer)
{
	for_each_online_cpu(cpu) {
		while (is_firing(&cpu->timers, timer))
			arch_cpu_relax();
	}
}

uint64_t timer_us_to_ticks(uint64_t us)
{
	return us / 1000000 * arch_counter_hz() + us % 1000000 * arch_counter_hz() / 1000000;
}

uint64_t timer_ticks_to_us(uint64_t ticks)
{
	uint64_t hz = arch_counter_hz();

	/* Firmware that left CNTFRQ_EL0 at 0 costs the timestamps, nothing else. */
	if (!hz)
		return 0;
	return ticks / hz * 1000000 + ticks % hz * 1000000 / hz;
}
