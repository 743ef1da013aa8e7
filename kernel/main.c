// SPDX-License-Identifier: MIT
/* The boot, in order. */
#include "kernel/main.h"

#include "arch/cpu.h"
#include "arch/gic.h"
#include "arch/pmu.h"
#include "arch/stage2.h"
#include "kernel/base/cpu.h"
#include "kernel/base/errcode.h"
#include "kernel/base/irq.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/random.h"
#include "kernel/base/version.h"
#include "kernel/boot/boot.h"
#include "kernel/boot/selftest.h"
#include "kernel/boot/smp.h"
#include "kernel/console/console.h"
#include "kernel/hvc/hvc.h"
#include "kernel/load/package.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"
#include "kernel/vdev/clock.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "lib/string.h"

struct machine machine;

static enum irq_result on_timer(uint32_t intid)
{
	timer_interrupt(&this_cpu()->timers);
	return IRQ_DONE;
}

static enum irq_result on_uart(uint32_t intid)
{
	console_rx_interrupt();
	console_tx_interrupt();
	return IRQ_DONE;
}

static void irq_init(void)
{
	const char *why;

	if (irqchip_init(&machine, &why))
		boot_fail(BOOT_E_NO_GICV3, "%s", why);
	timer_queue_init(&this_cpu()->timers);
	if (irq_request(machine.timer_hyp_intid, on_timer) ||
	    irq_request(machine.timer_virt_intid, vcpu_timer_interrupt) ||
	    irq_request(machine.gic_maint_intid, vcpu_maintenance_interrupt))
		boot_fail(BOOT_E_NO_TIMER, "interrupts %u, %u, %u of timer and GIC collide",
			  machine.timer_hyp_intid, machine.timer_virt_intid, machine.gic_maint_intid);
	arch_pmu_request_interrupt();
	smp_init();
	smp_enable_interrupts();
	if (machine.uart.intid && !irq_request(machine.uart.intid, on_uart)) {
		irqchip_enable(machine.uart.intid, machine.uart.edge);
		console_enable_irqs();
	}
}

static void say_hello(void)
{
	struct page_stats stats;

	page_get_stats(&stats);
	log_info("Schism %s on %s", schism_version(), machine.model);
	log_info("%u CPU(s) in the device tree, %lu MiB RAM (%lu MiB free), EL2 pool %lu KiB",
		 machine.nr_cpus_present, stats.total * PAGE_SIZE >> 20, stats.free * PAGE_SIZE >> 20,
		 stats.pool * PAGE_SIZE >> 10);
	log_info("guard pages: image %u, stacks %u, VM carve-outs %u; EL2 stack %u KiB",
		 CONFIG_GUARD_PAGES_IMAGE, CONFIG_GUARD_PAGES_STACK, CONFIG_GUARD_PAGES_VM,
		 CONFIG_STACK_KIB);
	log_info("stage 2: %u-bit IPA, %u VMIDs; list registers: %u of %u; timer %lu Hz", arch_ipa_bits(),
		 arch_nr_vmids(), arch_vgic_nr_lrs(), arch_vgic_nr_lrs_hw(), arch_counter_hz());
	if (!random_has_entropy())
		log_warn("no entropy, neither RNDR nor 32 bytes in /chosen/rng-seed: EL2's canary and keys "
			 "can be guessed; guests get no random numbers");
}

void kernel_main(void)
{
	console_configure();
	irq_init();
	clock_init(&machine);
	say_hello();
	selftest_run();
	hvc_init();
	sched_init();
	__atomic_store_n(&this_cpu()->online, true, __ATOMIC_RELEASE);
	smp_start_others();
	vm_init();
	package_start_vms();
	sched_run();
}

bool boot_arg(const char *name, char *buf, size_t size)
{
	const char *at = machine.bootargs;
	size_t len = strlen(name);

	while (at && *at) {
		size_t word = 0;

		while (at[word] && at[word] != ' ')
			word++;
		if (word > len && at[len] == '=' && !strncmp(at, name, len)) {
			size_t n = MIN(word - len - 1, size - 1);

			memcpy(buf, at + len + 1, n);
			buf[n] = '\0';
			return true;
		}
		at += word;
		while (*at == ' ')
			at++;
	}
	return false;
}
