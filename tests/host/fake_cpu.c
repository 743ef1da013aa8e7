// SPDX-License-Identifier: MIT
/* Processors whose time passes when the test says so. */
#include "tests/host/fake.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "arch/cpu.h"
#include "arch/pmu.h"
#include "kernel/base/irq.h"
#include "kernel/base/panic.h"
#include "lib/string.h"

__thread struct cpu *fake_this_cpu = cpus;

uint64_t fake_counter;
uint64_t fake_counter_hz;
uint64_t fake_timer_deadlines[CONFIG_NR_CPUS];
bool fake_pmu_offered;
void (*fake_wfi)(void);
void (*fake_relax)(void);
bool (*fake_random_hw)(uint64_t *value);

void fake_reset(void)
{
	memset(cpus, 0, sizeof(cpus));
	for (unsigned int i = 0; i < CONFIG_NR_CPUS; i++) {
		cpus[i].id = i;
		timer_queue_init(&cpus[i].timers);
	}
	cpus[0].online = true;
	fake_this_cpu = &cpus[0];
	fake_counter = 0;
	fake_counter_hz = 62500000;
	memset(fake_timer_deadlines, 0xff, sizeof(fake_timer_deadlines));
	fake_wfi = NULL;
	fake_relax = NULL;
	fake_pmu_offered = false;
	fake_random_hw = NULL;
}

/* For tests whose CPUs have no interrupts to handle. */
__weak void irq_handle(void)
{
}

/* For tests that link no timers. */
__weak void timer_queue_init(struct timer_queue *queue)
{
	list_init(&queue->list);
}

void arch_cpu_relax(void)
{
	if (fake_relax)
		fake_relax();
	else
		syscall(SYS_sched_yield); /* not sched_yield(): the kernel has a function of that name */
}

void arch_wait_for_interrupt(void)
{
	if (!fake_wfi)
		panic("WFI, and nothing that could end it");
	fake_wfi();
}

uint64_t arch_counter(void)
{
	return __atomic_load_n(&fake_counter, __ATOMIC_RELAXED);
}

uint64_t arch_counter_hz(void)
{
	return fake_counter_hz;
}

void arch_timer_arm(uint64_t deadline)
{
	WRITE_ONCE(fake_timer_deadlines[this_cpu()->id], deadline);
}

void arch_power_off(void)
{
	panic("the machine was powered off");
}

void arch_reset(void)
{
	panic("the machine was reset");
}

void arch_zero_sync(void *va, uint64_t size)
{
	arch_zero(va, size);
}

void arch_zero(void *va, uint64_t size)
{
	/* The real one is allowed to round up. */
	if (!IS_ALIGNED((uint64_t)va | size, 64))
		panic("arch_zero(%p, 0x%lx): not multiples of 64", va, size);
	memset(va, 0, size);
}

void arch_sync_code(void *va, uint64_t size)
{
}

void arch_sync_data(void *va, uint64_t size)
{
}

bool arch_random_hw(uint64_t *value)
{
	return fake_random_hw && fake_random_hw(value);
}

void arch_backtrace(uint64_t pc, uint64_t fp)
{
}
