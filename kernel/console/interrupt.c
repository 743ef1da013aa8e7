// SPDX-License-Identifier: MIT
/* The UART's interrupt. */
#include "kernel/base/irq.h"
#include "kernel/console/console.h"

static enum irq_result on_uart(uint32_t intid)
{
	console_rx_interrupt();
	console_tx_interrupt();
	return IRQ_DONE;
}

void console_use_interrupt(uint32_t intid, bool edge)
{
	if (!intid || irq_request(intid, on_uart))
		return;
	irqchip_enable(intid, edge);
	console_enable_irqs();
}
