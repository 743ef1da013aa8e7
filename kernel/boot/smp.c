// SPDX-License-Identifier: MIT
/* Secondary CPUs and interprocessor interrupts. */
#include "kernel/boot/smp.h"

#include "arch/cpu.h"
#include "arch/pmu.h"
#include "arch/smp.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/random.h"
#include "kernel/mm/hyp.h"
#include "kernel/platform/this_machine.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vcpu_view.h"
#include "kernel/vm/vm.h"

/*
 * An emulated CPU comes when its host has a core to spare, which on a busy one may take seconds. After the
 * first of them whoever watches is told what the boot waits for.
 */
#define ONLINE_NOTE_US	1000000
#define ONLINE_WAIT_US	10000000
#define STOP_WAIT_US	100000

static unsigned int nr_stopped;

static enum irq_result on_kick(uint32_t intid)
{
	/* Having left the guest is all: cpu->exit_work is looked at on the way back. */
	return IRQ_DONE;
}

static enum irq_result on_fetch(uint32_t intid)
{
	vcpu_fetch_answer();
	return IRQ_DONE;
}

static enum irq_result on_stop(uint32_t intid)
{
	const struct cpu *cpu = this_cpu();

	if (cpu->current)
		log_err("CPU %u stopped; was in %s, vCPU %u, pc 0x%lx", cpu->id, cpu->current->vm->name,
			cpu->current->id, cpu->current->arch.frame.elr);
	else
		log_err("CPU %u stopped; was idle", cpu->id);
	__atomic_fetch_add(&nr_stopped, 1, __ATOMIC_RELEASE);
	while (cpu->id < CONFIG_NR_CPUS)
		arch_wait_for_interrupt();
	return IRQ_DONE;
}

void smp_init(void)
{
	if (irq_request(IPI_KICK, on_kick) || irq_request(IPI_STOP, on_stop) ||
	    irq_request(IPI_FETCH, on_fetch))
		panic("interprocessor interrupts are taken");
}

/* What boot and secondary CPUs enable alike. */
void smp_enable_interrupts(void)
{
	irqchip_enable(machine.timer_hyp_intid, false);
	irqchip_enable(machine.timer_virt_intid, false);
	irqchip_enable(machine.gic_maint_intid, false);
	arch_pmu_enable_interrupt();
}

static bool claim(struct cpu *cpu, enum cpu_claim as)
{
	enum cpu_claim expected = CPU_UNCLAIMED;

	return __atomic_compare_exchange_n(&cpu->claim, &expected, as, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static void park(void) __noreturn;

static void park(void)
{
	for (;;)
		arch_wait_for_interrupt();
}

void smp_secondary_up(struct cpu *cpu)
{
	const char *why;

	timer_queue_init(&cpu->timers);
	sched_init_cpu(cpu);
	if (irqchip_init_cpu(&why)) {
		log_err("CPU %u: GIC: %s; left out", cpu->id, why);
		park();
	}
	/* Too late: the boot has gone on without it. */
	if (!claim(cpu, CPU_CAME_UP))
		park();
	smp_enable_interrupts();
	/* Release: all of struct cpu is written before others see it online. */
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	sched_run();
}

static bool start(unsigned int id)
{
	struct cpu *cpu = &cpus[id];
	const char *why = "its enable-method is not psci";

	cpu->id = id;
	if (machine.psci == PSCI_CONDUIT_NONE) {
		why = "there is no PSCI";
	} else if (machine.cpus[id].psci) {
		why = "no pages for its stack";
		random_init_cpu(cpu);
		if (!hyp_map_stack(cpu))
			why = arch_start_cpu(id);
	}
	if (why)
		log_err("CPU %u (MPIDR 0x%lx): %s; left out", id, machine.cpus[id].mpidr, why);
	return !why;
}

static bool wait_online(unsigned int id)
{
	uint64_t start = arch_counter(), end = start + timer_us_to_ticks(ONLINE_WAIT_US);
	bool noted = false;

	while (!__atomic_load_n(&cpus[id].online, __ATOMIC_ACQUIRE)) {
		if (!noted && arch_counter() > start + timer_us_to_ticks(ONLINE_NOTE_US)) {
			log_warn("CPU %u does not come up; waiting for it for %u seconds in all", id,
				 ONLINE_WAIT_US / 1000000);
			noted = true;
		}
		if (arch_counter() > end && claim(&cpus[id], CPU_GIVEN_UP))
			return false;
		arch_cpu_relax();
	}
	return true;
}

void smp_start_all(void)
{
	unsigned int up = 1;

	/* Release: as in smp_secondary_up(). */
	__atomic_store_n(&this_cpu()->online, true, __ATOMIC_RELEASE);
	for (unsigned int id = 1; id < machine.nr_cpus; id++) {
		if (!start(id))
			continue;
		if (wait_online(id))
			up++;
		else
			log_err("CPU %u (MPIDR 0x%lx) does not come up; left out", id,
				machine.cpus[id].mpidr);
	}
	if (machine.nr_cpus < machine.nr_cpus_present)
		log_warn("%u CPUs beyond CONFIG_NR_CPUS are left out",
			 machine.nr_cpus_present - machine.nr_cpus);
	log_info("%u CPU(s) online", up);
}

void smp_stop_others(void)
{
	uint64_t end = arch_counter() + timer_us_to_ticks(STOP_WAIT_US);
	unsigned int others = 0;

	for_each_online_cpu(cpu) {
		if (cpu != this_cpu()) {
			irqchip_send_ipi(cpu, IPI_STOP);
			others++;
		}
	}
	while (__atomic_load_n(&nr_stopped, __ATOMIC_ACQUIRE) < others && arch_counter() < end)
		arch_cpu_relax();
}
