// SPDX-License-Identifier: MIT
/*
 * counter_os: counts rounds, and finds out whether anything of the CPU's state is lost when the
 * hypervisor takes the CPU away in between.
 *
 * A round, about half a million instructions long:
 *   1. Hold: every general and FP/SIMD register, FPCR, FPSR, the EL1 system registers that only
 *      software writes, and the pointer authentication keys get patterns made from the round's
 *      number. They are compared after a long spin, a WFI until the next tick, and another spin. In
 *      every other round IRQs are masked meanwhile, and ELR_EL1 and SPSR_EL1 are held as well.
 *   2. Compute: a series in double precision under the round's rounding mode, whose result is known
 *      to the last bit, with all partial sums in registers.
 *   3. Report progress, and WFI until the next tick of a 100 Hz virtual timer; the clock is
 *      checked.
 *
 * Arguments: rounds=N (0 or none: for ever), every=N (rounds between two reports), spins=N.
 */
#include "guests/lib/guest.h"

#define TICK_HZ			100
#define DEFAULT_SPINS		75000
#define SERIES_N		2000		/* 32000 terms; series_sums[] belongs to it */
#define FPCR_RMODE_SHIFT	22
#define FPSR_INEXACT		BIT(4)

/* guest_fp_series(SERIES_N) under FPCR.RMode = nearest, up, down, towards zero. */
static const uint64_t series_sums[] = {
	UINT64_C(0x3ffa51859dd8efa8),
	UINT64_C(0x3ffa51859dd8f5ec),
	UINT64_C(0x3ffa51859dd8e9e8),
	UINT64_C(0x3ffa51859dd8e9e8),
};

struct counts {
	uint64_t rounds, fp_checks, pauth_checks, reports;
};

static struct counts counts;

#define fail(fmt, ...)										\
	guest_fail(counts.rounds, counts.fp_checks, counts.pauth_checks,			\
		   "counter_os: round %lu: " fmt, counts.rounds, ##__VA_ARGS__)

static void round_hold(uint64_t spins, bool has_pauth)
{
	const char *complaint = guest_hold(counts.rounds, spins, counts.rounds % 2);

	if (complaint)
		fail("%s", complaint);
	counts.fp_checks++;
	counts.pauth_checks += has_pauth;
}

static void round_compute(void)
{
	uint64_t mode = counts.rounds % ARRAY_SIZE(series_sums);
	uint64_t fpsr;
	uint64_t sum = guest_fp_series(SERIES_N, mode << FPCR_RMODE_SHIFT, &fpsr);

	if (sum != series_sums[mode])
		fail("the series is %016lx, not %016lx (RMode %lu)", sum, series_sums[mode], mode);
	if (fpsr != FPSR_INEXACT)
		fail("the series left FPSR %lx, not %lx", fpsr, FPSR_INEXACT);
	counts.fp_checks++;
}

static void report(enum guest_event event)
{
	guest_task_report(GUEST_TASK_COUNTER, event, counts.reports++, counts.rounds,
			  counts.fp_checks, counts.pauth_checks);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t rounds = guest_arg("rounds", 0);
	uint64_t spins = MAX(guest_arg("spins", DEFAULT_SPINS), UINT64_C(1));
	uint64_t every = MAX(guest_arg("every", 1), UINT64_C(1));
	const char *complaint;
	bool has_pauth;

	report(GUEST_EVENT_START);
	guest_log_facts();
	has_pauth = guest_hold_init();
	guest_log_value("pauth", has_pauth);
	guest_gic_init();
	guest_timer_start(TICK_HZ);

	while (!rounds || counts.rounds < rounds) {
		round_hold(spins, has_pauth);
		round_compute();
		counts.rounds++;
		guest_log_value("rounds", counts.rounds);
		guest_log_value("ticks", guest_ticks());
		if (counts.rounds % every == 0)
			report(GUEST_EVENT_PROGRESS);
		guest_wfi_until(guest_ticks() + 1);
		complaint = guest_timer_check();
		if (complaint)
			fail("%s", complaint);
	}
	guest_log_value("tick_interrupts", guest_tick_interrupts());
	guest_log_value("spurious_irqs", guest_irq_nr_spurious());
	report(GUEST_EVENT_PASS);
}
