// SPDX-License-Identifier: MIT
/*
 * A periodic tick from the EL1 virtual timer (PPI 27), programmed by compare value so that it does
 * not drift however late an interrupt is taken.
 *
 * The tick handler is the only writer of ticks, interrupts and early.
 */
#include "guests/lib/guest.h"

#define TIMER_INTID		27
#define CNTV_CTL_ENABLE		BIT(0)
#define LOST_AFTER_PERIODS	100
#define LOST_AFTER_SPINS	10000

static uint64_t start, period;
static uint64_t ticks, interrupts, early;
static uint64_t last_checked;

static void tick(void)
{
	uint64_t elapsed = guest_counter() - start;

	interrupts++;
	if (elapsed < (ticks + 1) * period)
		early++;
	ticks = elapsed / period;
	/* Moving the compare value ahead drops the timer's level before the end of interrupt. */
	guest_write_sysreg("cntv_cval_el0", start + (ticks + 1) * period);
	guest_isb();
}

void guest_timer_start(unsigned int hz)
{
	period = (guest_read_sysreg("cntfrq_el0") & 0xffffffff) / hz;
	if (!period)
		guest_fail(0, 0, 0, "guest: CNTFRQ_EL0 is too low for %u ticks per second", hz);
	start = guest_counter();
	guest_write_sysreg("cntv_cval_el0", start + period);
	guest_write_sysreg("cntv_ctl_el0", CNTV_CTL_ENABLE);
	guest_isb();
	guest_irq_enable(TIMER_INTID, tick);
	guest_irq_unmask();
}

uint64_t guest_ticks(void)
{
	return READ_ONCE(ticks);
}

uint64_t guest_tick_interrupts(void)
{
	return READ_ONCE(interrupts);
}

void guest_wfi_until(uint64_t target)
{
	/* Masked around the test, or a tick between it and the WFI would be slept through. */
	guest_irq_mask();
	while (guest_ticks() < target) {
		guest_dsb();
		__asm__ volatile("wfi" : : : "memory");
		guest_irq_unmask();
		guest_isb();
		guest_irq_mask();
	}
	guest_irq_unmask();
}

const char *guest_timer_check(void)
{
	/* In this order: a tick that comes between the two is of a later time than the first. */
	uint64_t counted = guest_ticks();
	uint64_t first = guest_counter();
	uint64_t now, spins = 0;

	if (first < last_checked)
		return "CNTVCT went backwards";
	if (first < start + counted * period)
		return "CNTVCT is behind the ticks";
	/*
	 * A due tick may be on its way still. An emulator's clock runs on while a busy host keeps
	 * its timer thread waiting, so late is not lost for a long time.
	 */
	guest_irq_unmask();
	do {
		now = guest_counter();
		if (spins++ > LOST_AFTER_SPINS && now - first > LOST_AFTER_PERIODS * period)
			return "a tick was lost";
	} while (guest_ticks() < (now - start) / period);
	if (READ_ONCE(early))
		return "a tick interrupt came before it was due";
	last_checked = now;
	return NULL;
}
