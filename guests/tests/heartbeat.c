// SPDX-License-Identifier: MIT
/*
 * heartbeat: does nothing but beat, and measures what others take from it.
 *
 * A beat is one turn of a loop of a few instructions, which reads the clock. Reported at the end: beats, the
 * longest gap between two of them, and how much of the time that passed was this guest's own (time in gaps
 * longer than GAP_US is somebody else's). A tick of the virtual timer, checked as counter_os does, shows
 * that interrupts come as well.
 *
 * Arguments: ms=N how long; gap=N the longest gap in microseconds that is allowed; share=N the least share
 * in percent. 0 or none: no limit.
 */
#include "guests/lib/test.h"

#define TICK_HZ		100
#define GAP_US		50

static struct {
	uint64_t nr, longest, lost;
} beats;

static void beat_until(uint64_t end)
{
	uint64_t gap = test_us(GAP_US), last = guest_counter();

	for (;;) {
		uint64_t now = guest_counter(), since = now - last;

		beats.nr++;
		if (since > gap)
			beats.lost += since;
		if (since > beats.longest)
			beats.longest = since;
		if (now >= end)
			return;
		last = now;
	}
}

static uint64_t to_us(uint64_t ticks)
{
	return ticks * 1000 / (test_second() / 1000);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t start, length, elapsed, share;
	const char *complaint = NULL;

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	guest_gic_init();
	guest_timer_start(TICK_HZ);
	start = guest_counter();
	length = test_us(1000 * guest_arg("ms", 500));
	/* In pieces, so that the clock is looked at now and then. */
	for (unsigned int i = 1; i <= 50 && !complaint; i++) {
		beat_until(start + length / 50 * i);
		complaint = guest_timer_check();
	}
	/* Longer than asked for, when the last beat came late: that gap counts in both. */
	elapsed = guest_counter() - start;
	share = (elapsed - MIN(beats.lost, elapsed)) * 100 / elapsed;
	guest_printf("heartbeat: %lu beats, longest gap %lu us, share %lu%%\n", beats.nr,
		     to_us(beats.longest),
		     share);
	if (complaint)
		guest_fail(beats.nr, to_us(beats.longest), share, "heartbeat: %s", complaint);
	if (guest_arg("gap", 0) && to_us(beats.longest) > guest_arg("gap", 0))
		guest_fail(beats.nr, to_us(beats.longest), share, "heartbeat: a gap of %lu us",
			   to_us(beats.longest));
	if (share < guest_arg("share", 0))
		guest_fail(beats.nr, to_us(beats.longest), share, "heartbeat: a share of %lu%%", share);
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, beats.nr, to_us(beats.longest), share);
}
