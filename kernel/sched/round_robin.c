// SPDX-License-Identifier: MIT
/*
 * Round robin: a queue in order of arrival, slices of a length that a VM may choose. Who wakes queues up like
 * who was preempted.
 */
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

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

static struct vcpu *rr_pick(struct runqueue *rq, const struct cpu *cpu)
{
	struct list_head *it;

	list_for_each(it, &rq->queue) {
		struct vcpu *vcpu = list_entry(it, struct vcpu, rq_link);

		if (sched_may_run_on(vcpu->cpu_mask, cpu))
			return vcpu;
	}
	return NULL;
}

static uint64_t rr_slice(struct vcpu *vcpu)
{
	uint32_t us = vcpu->vm->desc.slice_us;

	return timer_us_to_ticks(us ? us : CONFIG_SCHED_SLICE_US);
}

const struct sched_policy sched_round_robin = {
	.name = "round robin",
	.init = rr_init,
	.enqueue = rr_enqueue,
	.dequeue = rr_dequeue,
	.pick = rr_pick,
	.slice = rr_slice,
};
