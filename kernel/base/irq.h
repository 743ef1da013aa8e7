/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts. The GIC driver (drivers/irqchip) acknowledges; kernel/base/irq.c hands an INTID to
 * whoever asked for it. Handlers run to completion with interrupts masked.
 */
#ifndef KERNEL_BASE_IRQ_H
#define KERNEL_BASE_IRQ_H

#include "lib/compiler.h"
#include "lib/types.h"

#define IRQ_MAX		1020
#define IRQ_SPURIOUS	1023

struct cpu;
struct machine;

/*
 * What the interrupt becomes when the handler is done: ended and deactivated, or left active, because
 * a guest will deactivate it through a list register.
 */
enum irq_result {
	IRQ_DONE,
	IRQ_GUEST_OWNS,
};

/*
 * Call handler for intid from now on, on whichever CPU takes it. Errors: -EBUSY when intid has a handler
 * already, -EINVAL when it is not below IRQ_MAX. Context: any CPU.
 */
__must_check int irq_request(uint32_t intid, enum irq_result (*handler)(uint32_t intid));

/* Acknowledge and handle what is pending on this CPU. Bounded: at most 16 interrupts a call. */
void irq_handle(void);

/* The GIC driver, drivers/irqchip/gicv3.c. init: -ENODEV with *why when the GIC cannot be driven. */
__must_check int irqchip_init(const struct machine *m, const char **why);
__must_check int irqchip_init_cpu(const char **why);
void irqchip_enable(uint32_t intid, bool edge);
/* Enable a shared interrupt and have it come to cpu; or no longer to where it came, but there. */
void irqchip_enable_spi(uint32_t intid, bool edge, const struct cpu *cpu);
void irqchip_route_spi(uint32_t intid, const struct cpu *cpu);
/* Keep a shared interrupt from being signalled, or let it be again; it stays pending or active as it is. */
void irqchip_hold_spi(uint32_t intid, bool hold);
/* Disable a shared interrupt and forget that it is pending or active. */
void irqchip_disable_spi(uint32_t intid);
/* Set or clear a private interrupt's active state on this CPU. */
void irqchip_set_active(uint32_t intid, bool active);

/* Software-generated interrupts between CPUs; their INTIDs. */
enum ipi {
	IPI_KICK,	/* look at cpu->exit_work */
	IPI_STOP,	/* another CPU panics: dump and stop */
	IPI_FETCH,	/* somebody wants the registers of the vCPU here: vcpu_fetch_answer() */
	NR_IPIS,
};
void irqchip_send_ipi(const struct cpu *cpu, enum ipi ipi);

uint32_t irqchip_ack(void);
void irqchip_drop_priority(uint32_t intid);
void irqchip_deactivate(uint32_t intid);

#endif
