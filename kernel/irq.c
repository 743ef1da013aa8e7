// SPDX-License-Identifier: MIT
/* Dispatch of physical interrupts. The table is written at boot, before interrupts are enabled. */
#include "kernel/irq.h"

#include "kernel/cpu.h"
#include "lib/errno.h"

#define MAX_HANDLERS	16

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
	handlers[nr_handlers++].handler = handler;
	return 0;
}

static enum irq_result dispatch(uint32_t intid)
{
	for (unsigned int i = 0; i < nr_handlers; i++) {
		if (handlers[i].intid == intid)
			return handlers[i].handler(intid);
	}
	this_cpu()->nr_spurious++;
	return IRQ_DONE;
}

void irq_handle(void)
{
	for (unsigned int n = 0; n < 16; n++) {
		uint32_t intid = irqchip_ack();

		if (intid >= IRQ_MAX)
			return;
		this_cpu()->nr_irqs++;
		irqchip_drop_priority(intid);
		if (dispatch(intid) == IRQ_DONE)
			irqchip_deactivate(intid);
	}
}
