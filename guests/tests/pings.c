// SPDX-License-Identifier: MIT
/*
 * pings: vCPUs that wake each other. Each sleeps in WFI until an SGI of its neighbour or its own short timer
 * comes, then sends an SGI to its other neighbour, and sleeps again. What Schism has to wake, to kick and to
 * lock for many vCPUs at once shows in how often that goes round.
 *
 * Reported at the end: wake-ups of all vCPUs, and the longest time in which a vCPU did not wake.
 *
 * Arguments: ms=N how long, 0: for ever; timer=N microseconds of the timer.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define SGI_PING	1
#define TIMER_INTID	27

static struct ping_vcpu {
	uint64_t nr;
	uint64_t longest;
	bool done;
} __aligned(64) pings[GUEST_MAX_VCPUS];

static unsigned int nr_vcpus;
static uint64_t end, period;

static void nothing(void)
{
}

static void timer_due(void)
{
	/* Until it is set again. */
	guest_write_sysreg("cntv_ctl_el0", 0);
}

static void ping_next(unsigned int self)
{
	unsigned int next = (self + 1) % nr_vcpus;

	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)SGI_PING << 24 | BIT(next));
	guest_isb();
}

static void play(void *arg __unused)
{
	struct ping_vcpu *own = &pings[guest_vcpu_id()];
	uint64_t last = guest_counter(), now = last;

	guest_gic_init();
	guest_irq_enable(SGI_PING, nothing);
	guest_irq_enable(TIMER_INTID, timer_due);
	while (!end || now < end) {
		/* Masked: a timer that is taken before the WFI would not end it. */
		guest_irq_mask();
		guest_write_sysreg("cntv_cval_el0", now + period);
		guest_write_sysreg("cntv_ctl_el0", 1);
		guest_isb();
		__asm__ volatile("wfi" : : : "memory");
		guest_irq_unmask();
		now = guest_counter();
		if (now - last > own->longest)
			WRITE_ONCE(own->longest, now - last);
		last = now;
		WRITE_ONCE(own->nr, own->nr + 1);
		ping_next(guest_vcpu_id());
	}
	guest_write_sysreg("cntv_ctl_el0", 0);
	__atomic_store_n(&own->done, true, __ATOMIC_RELEASE);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t ms = guest_arg("ms", 1000), nr = 0, longest = 0;

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	guest_gic_init();
	nr_vcpus = guest_nr_vcpus();
	period = test_us(guest_arg("timer", 500));
	end = ms ? guest_counter() + test_us(1000 * ms) : 0;
	for (unsigned int i = 1; i < nr_vcpus; i++) {
		if (guest_vcpu_start(i, play, NULL))
			guest_fail(i, 0, 0, "pings: vCPU %u does not start", i);
	}
	play(NULL);
	for (unsigned int i = 0; i < nr_vcpus; i++) {
		while (!__atomic_load_n(&pings[i].done, __ATOMIC_ACQUIRE))
			guest_relax();
		nr += pings[i].nr;
		longest = MAX(longest, pings[i].longest);
	}
	longest = longest * 1000 / (test_second() / 1000);
	guest_printf("pings: %lu wake-ups, longest sleep %lu us\n", nr, longest);
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, nr, longest, 0);
}
