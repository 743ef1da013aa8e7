// SPDX-License-Identifier: MIT
/* Dispatch of physical interrupts. The table only grows, at boot, when other CPUs may read it already. */
#include "kernel/irq.h"

#include "kernel/cpu.h"
#include "lib/errno.h"

#define MAX_HANDLERS	32

static struct {
	uint32_t intid;
	enum irq_result (*handler)(uint32_t intid);
} handlers[MAX_HANDLERS];
static unsigned int nr_handlers;

int irq_request(uint32_t intid, enum irq_result (*handler)(uint32_t intid))
{
	if (intid >= IRQ_MAX || nr_handlers == MAX_HANDLERS)
		return -EINVAL;
	for (unsigned int i = 0; i < nr_handlers; i++) {
		if (handlers[i].intid == intid)
			return -EBUSY;
	}
	handlers[nr_handlers].intid = intid;
	handlers[nr_handlers].handler = handler;
	/* Release: who sees the number sees the row. */
	__atomic_store_n(&nr_handlers, nr_handlers + 1, __ATOMIC_RELEASE);
	return 0;
}

static enum irq_result dispatch(uint32_t intid)
{
	unsigned int nr = __atomic_load_n(&nr_handlers, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < nr; i++) {
		if (handlers[i].intid == intid)
			return handlers[i].handler(intid);
	}
	count_up(this_cpu()->nr_spurious);
	return IRQ_DONE;
}

void irq_handle(void)
{
	for (unsigned int n = 0; n < 16; n++) {
		uint32_t intid = irqchip_ack();

		if (intid >= IRQ_MAX)
			return;
		count_up(this_cpu()->nr_irqs);
		irqchip_drop_priority(intid);
		if (dispatch(intid) == IRQ_DONE)
			irqchip_deactivate(intid);
	}
}
