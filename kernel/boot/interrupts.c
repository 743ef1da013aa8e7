// SPDX-License-Identifier: MIT
/* Interrupts of the machine, on the boot CPU: the interrupt controller, then each owner asks for its own. */
#include "arch/cpu.h"
#include "arch/pmu.h"
#include "arch/vcpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/errcode.h"
#include "kernel/base/irq.h"
#include "kernel/boot/boot.h"
#include "kernel/boot/smp.h"
#include "kernel/console/console.h"
#include "kernel/platform/this_machine.h"

void boot_interrupts(void)
{
	const char *why;

	if (irqchip_init(&machine, &why))
		boot_fail(BOOT_E_NO_GICV3, "%s", why);
	timer_queue_init(&this_cpu()->timers);
	if (arch_timer_request_interrupt() || arch_vcpu_request_interrupts())
		boot_fail(BOOT_E_NO_TIMER, "interrupts %u, %u, %u of timer and GIC collide",
			  machine.timer_hyp_intid, machine.timer_virt_intid, machine.gic_maint_intid);
	arch_pmu_request_interrupt();
	smp_init();
	smp_enable_interrupts();
	console_use_interrupt(machine.uart.intid, machine.uart.edge);
}
