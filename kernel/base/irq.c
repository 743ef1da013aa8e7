// SPDX-License-Identifier: MIT
/* Dispatch of physical interrupts: a handler for each INTID that somebody asked for, which stays. */
#include "kernel/base/irq.h"

#include "kernel/base/cpu.h"
#include "lib/errno.h"

typedef enum irq_result irq_handler(uint32_t intid);

static irq_handler *handlers[IRQ_MAX];

int irq_request(uint32_t intid, irq_handler *handler)
{
	irq_handler *none = NULL;

	if (intid >= IRQ_MAX)
		return -EINVAL;
	/* Release: a CPU that takes the interrupt sees what its handler needs. */
	return __atomic_compare_exchange_n(&handlers[intid], &none, handler, false, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED) ? 0 : -EBUSY;
}

static enum irq_result dispatch(uint32_t intid)
{
	irq_handler *handler = __atomic_load_n(&handlers[intid], __ATOMIC_ACQUIRE);

	if (handler)
		return handler(intid);
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
