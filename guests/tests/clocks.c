// SPDX-License-Identifier: MIT
/*
 * clocks: watches its counters, for a VM that is paused meanwhile. CNTVCT and CNTPCT must not jump, nor apart
 * from each other; a watchdog of one second, refreshed all the time, must not bite; and a tick of the virtual
 * timer, which is checked as counter_os does it, must not be lost.
 *
 * Reported at the end: the longest jump of either counter.
 *
 * Arguments: ms=N how long, by its own clock; jump=N microseconds that a jump may be.
 */
#include "guests/lib/test.h"

#define TICK_HZ			100
#define WATCHDOG_WCS		0x000
#define WATCHDOG_WOR		0x008
#define WATCHDOG_WRR		0x000

static struct {
	uint64_t virt, phys, longest;
} seen;

static void look(void)
{
	uint64_t virt = guest_read_sysreg("cntvct_el0"), phys;

	guest_isb();
	phys = guest_read_sysreg("cntpct_el0");
	if (seen.virt) {
		seen.longest = MAX(seen.longest, virt - seen.virt);
		seen.longest = MAX(seen.longest, phys - seen.phys);
	}
	/* Read one after the other, with less than a jump between. */
	seen.longest = MAX(seen.longest, phys - virt);
	seen.virt = virt;
	seen.phys = phys;
}

static void start_watchdog(void)
{
	guest_mmu_map(GUEST_WATCHDOG_CONTROL_IPA, GUEST_WATCHDOG_FRAME_SIZE, GUEST_MAP_DEVICE);
	guest_mmu_map(GUEST_WATCHDOG_REFRESH_IPA, GUEST_WATCHDOG_FRAME_SIZE, GUEST_MAP_DEVICE);
	guest_mmio_write32(GUEST_WATCHDOG_CONTROL_IPA + WATCHDOG_WOR, (uint32_t)test_second());
	guest_mmio_write32(GUEST_WATCHDOG_CONTROL_IPA + WATCHDOG_WCS, 1);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t end, jump_us, n = 0;
	const char *complaint = NULL;

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	guest_gic_init();
	guest_timer_start(TICK_HZ);
	start_watchdog();
	end = guest_counter() + test_us(1000 * guest_arg("ms", 1000));
	guest_puts("clocks: they go\n");
	while (guest_counter() < end && !complaint) {
		look();
		guest_mmio_write32(GUEST_WATCHDOG_REFRESH_IPA + WATCHDOG_WRR, 1);
		if (n++ % 64 == 0)
			complaint = guest_timer_check();
	}
	guest_mmio_write32(GUEST_WATCHDOG_CONTROL_IPA + WATCHDOG_WCS, 0);
	jump_us = seen.longest * 1000 / (test_second() / 1000);
	guest_printf("clocks: %lu looks, longest jump %lu us\n", n, jump_us);
	if (complaint || jump_us > guest_arg("jump", 10000))
		guest_fail(jump_us, 0, 0, "clocks: %s", complaint ? complaint : "a jump");
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, n, jump_us, 0);
}
