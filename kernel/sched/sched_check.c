// SPDX-License-Identifier: MIT
/* The run queues' invariants; sched.h has them in words. */
#include "kernel/sched/sched.h"

#include "kernel/vm/vcpu.h"

static const char *check_queued(const struct cpu *cpu, const struct vcpu *vcpu)
{
	if (vcpu->cpu != cpu)
		return "its run queue holds a vCPU of another CPU";
	if (vcpu->state != VCPU_READY || vcpu->parked)
		return "its run queue holds a vCPU that is not ready";
	return NULL;
}

const char *sched_check(struct cpu *cpu)
{
	const char *why = NULL;
	struct list_head *it;
	unsigned int n = 0;

	spin_lock(&cpu->rq.lock);
	list_for_each(it, &cpu->rq.queue) {
		/* A list that went in circles would end nowhere. */
		if (why || n++ == cpu->rq.nr_queued)
			break;
		why = check_queued(cpu, list_entry(it, struct vcpu, rq_link));
	}
	if (!why && n != cpu->rq.nr_queued)
		why = "its run queue counts wrong";
	spin_unlock(&cpu->rq.lock);
	return why;
}
