// SPDX-License-Identifier: MIT
/* Round robin: a queue in order of arrival, equal slices. Who wakes queues up like who was preempted. */
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"

static void rr_init(struct runqueue *rq)
{
	list_init(&rq->queue);
}

static void rr_enqueue(struct runqueue *rq, struct vcpu *vcpu, bool preempted)
{
	list_add_tail(&vcpu->rq_link, &rq->queue);
}

static void rr_dequeue(struct runqueue *rq, struct vcpu *vcpu)
{
	list_del(&vcpu->rq_link);
}

static struct vcpu *rr_pick(struct runqueue *rq)
{
	return list_empty(&rq->queue) ? NULL : list_first_entry(&rq->queue, struct vcpu, rq_link);
}

static uint64_t rr_slice(struct vcpu *vcpu)
{
	return timer_us_to_ticks(CONFIG_SCHED_SLICE_US);
}

const struct sched_policy sched_round_robin = {
	.name = "round robin",
	.init = rr_init,
	.enqueue = rr_enqueue,
	.dequeue = rr_dequeue,
	.pick = rr_pick,
	.slice = rr_slice,
};
