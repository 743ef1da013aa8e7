// SPDX-License-Identifier: MIT
/*
 * bench_os: what the hypervisor costs, seen from the guest.
 *
 * The unit is one tick of CNTVCT. Under `qemu -icount shift=4` with a 62.5 MHz counter that is one
 * instruction, the trapping one included, and every figure repeats exactly. Exits run 100 times in
 * straight-line code, minus the same code without the trapping instruction; of several such series the
 * cheapest counts, so that a scheduler tick of the hypervisor's in one of them does no harm.
 *
 * The mailbox's argument "run" chooses what is measured:
 *   exits     hypercalls, emulated registers, the timer's interrupt, WFI (without the argument, too)
 *   ipi       a round trip of SGIs between vCPUs 0 and 1, each on a CPU of its own
 *   gaps      when another VM on the same CPU has it, to find what a switch costs
 *
 * Prints `BENCH name N.NN` per measurement, and with run=gaps `GAP BEGIN END`, in CNTPCT.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/guest.h"

#define ITERATIONS		100		/* as in SERIES() */
#define SERIES			5

#define UART_FR			(GUEST_UART_IPA + 0x18)
#define UNKNOWN_CALL		0xc600ffee
#define TRNG_RND_64		0xc4000053

#define TIMER_INTID		27
#define TIMER_ENABLE		1
#define TIMER_AFTER		4000		/* ticks from arming it to its interrupt */
#define INTERRUPTS		20		/* of which the cheapest counts */
#define UNDISTURBED_TICKS	1000000

#define SGI_PING		1
#define SGI_PONG		2

#define GAPS			8		/* of a guest that shares its CPU */
#define GAP_TICKS		1000		/* longer than what an interrupt of the hypervisor's takes */
#define GAPS_TIMEOUT		60000000

/*
 * CNTVCT ticks for 100 times "mov x0, arg; insn". x1..x5 hold what the task report wants; SMCCC
 * calls may change x0..x3, so these are set anew each time.
 */
#define DEFINE_SERIES(name, insn)								\
	static uint64_t series_##name(uint64_t arg)						\
	{											\
		uint64_t begin, end;								\
												\
		__asm__ volatile("isb\n\t"							\
				 "mrs	%[begin], cntvct_el0\n\t"				\
				 ".rept	100\n\t"						\
				 "mov	x0, %[arg]\n\t"						\
				 "mov	x1, #1\n\t"						\
				 "mov	x2, #0\n\t"						\
				 "mov	x3, #0\n\t"						\
				 insn "\n\t"							\
				 ".endr\n\t"							\
				 "isb\n\t"							\
				 "mrs	%[end], cntvct_el0"					\
				 : [begin] "=&r"(begin), [end] "=&r"(end)			\
				 : [arg] "r"(arg)						\
				 : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",	\
				   "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",	\
				   "memory");							\
		return end - begin;								\
	}

DEFINE_SERIES(empty, "")
DEFINE_SERIES(nop, "nop")
DEFINE_SERIES(hvc, "hvc #0")
DEFINE_SERIES(report, "hvc #0x60")
DEFINE_SERIES(load, "ldr w0, [x0]")
DEFINE_SERIES(store, "str w1, [x0]")
DEFINE_SERIES(load_post, "ldr w1, [x0], #4")
DEFINE_SERIES(load_pair, "ldp w1, w2, [x0]")
/*
 * A trapped MRS ends no translation block of QEMU's, which charges all that follows in the block although it
 * is not executed: let that be one ISB, and a NOP in what is compared with.
 */
DEFINE_SERIES(id_register, "mrs x0, id_aa64pfr0_el1\n\tisb")
DEFINE_SERIES(isb, "nop\n\tisb")

static const struct bench {
	const char *name;
	uint64_t (*series)(uint64_t arg);
	uint64_t arg;
	uint64_t (*base)(uint64_t arg);		/* what the series is compared with, NULL: the empty one */
} benches[] = {
	{ "nop", series_nop, 0 },
	{ "hvc_null", series_hvc, SCHISM_CALL_NULL },
	{ "hvc_psci_version", series_hvc, PSCI_VERSION },
	{ "hvc_unknown", series_hvc, UNKNOWN_CALL },
	/* One bit, as x1 says, is one number of the hypervisor's generator. */
	{ "hvc_trng_rnd", series_hvc, TRNG_RND_64 },
	{ "task_report", series_report, GUEST_TASK_BENCH },
	{ "mmio_uart_fr_read", series_load, UART_FR },
	{ "mmio_gicd_typer_read", series_load, GICD_TYPER },
	{ "mmio_gicd_isenabler_write", series_store, GUEST_GICD_IPA + GIC_ISENABLER + 4 },
	{ "mmio_uart_fr_read_writeback", series_load_post, UART_FR },
	{ "mmio_uart_fr_read_pair", series_load_pair, UART_FR },
	{ "sysreg_id_read", series_id_register, 0, series_isb },
};

static uint64_t nr_figures;

static void print_figure(const char *name, uint64_t hundredths)
{
	guest_printf("BENCH %s %lu.%02lu\n", name, hundredths / 100, hundredths % 100);
	guest_log_value(name, hundredths);
	nr_figures++;
}

static uint64_t cheapest(uint64_t (*series)(uint64_t), uint64_t arg)
{
	/* Of reports, the hypervisor prints no more than a burst. */
	unsigned int n = series == series_report ? 1 : SERIES;
	uint64_t best = ~UINT64_C(0);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t ticks = series(arg);

		best = MIN(best, ticks);
	}
	return best;
}

/* ---- exits ---- */

static void bench_exits(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
		const struct bench *bench = &benches[i];
		uint64_t ticks, base;

		/* Bare hardware may leave HVC #0x60 undefined. */
		if (bench->series == series_report && !guest_under_schism())
			continue;
		ticks = cheapest(bench->series, bench->arg);
		base = cheapest(bench->base ? bench->base : series_empty, 0);
		print_figure(bench->name, ticks > base ? (ticks - base) * 100 / ITERATIONS : 0);
	}
}

/* ---- the timer's interrupt, and none ---- */

static uint64_t handled_at;

static void timer_handler(void)
{
	handled_at = guest_counter();
	guest_write_sysreg("cntv_ctl_el0", 0);
	guest_isb();
}

static uint64_t arm_timer(void)
{
	uint64_t deadline = guest_counter() + TIMER_AFTER;

	guest_write_sysreg("cntv_cval_el0", deadline);
	guest_write_sysreg("cntv_ctl_el0", TIMER_ENABLE);
	guest_isb();
	return deadline;
}

/* Take what is pending, and silence it. */
static void take_interrupt(void)
{
	guest_irq_unmask();
	guest_isb();
	guest_irq_mask();
}

/*
 * Spin until CNTVCT has reached end. Returns the longest time from one round of the loop to the next; without
 * a disturbance it is that of a round.
 */
static uint64_t longest_gap(uint64_t end)
{
	uint64_t now, gap, last, longest = 0;

	__asm__ volatile("mrs	%[last], cntvct_el0\n"
			 "1:	mrs	%[now], cntvct_el0\n\t"
			 "sub	%[gap], %[now], %[last]\n\t"
			 "mov	%[last], %[now]\n\t"
			 "cmp	%[gap], %[longest]\n\t"
			 "csel	%[longest], %[gap], %[longest], hi\n\t"
			 "cmp	%[now], %[end]\n\t"
			 "b.lo	1b"
			 : [longest] "+r"(longest), [now] "=&r"(now), [gap] "=&r"(gap), [last] "=&r"(last)
			 : [end] "r"(end)
			 : "cc", "memory");
	return longest;
}

/* What one interrupt takes from a guest that spins, IRQs masked or not, less a round of its loop. */
static uint64_t timer_gap(bool masked, uint64_t round)
{
	uint64_t best = ~UINT64_C(0);

	for (unsigned int i = 0; i < INTERRUPTS; i++) {
		uint64_t deadline = arm_timer(), gap;

		if (!masked)
			guest_irq_unmask();
		gap = longest_gap(deadline + TIMER_AFTER) - round;
		guest_irq_mask();
		if (masked)
			take_interrupt();
		best = MIN(best, gap);
	}
	return best;
}

/* From the timer's deadline to its handler in the guest, and to the end of WFI with IRQs masked. */
static uint64_t timer_latency(bool wfi)
{
	uint64_t best = ~UINT64_C(0);

	for (unsigned int i = 0; i < INTERRUPTS; i++) {
		uint64_t deadline = arm_timer(), woken;

		if (wfi) {
			__asm__ volatile("wfi" : : : "memory");
			woken = guest_counter();
			take_interrupt();
			best = MIN(best, woken - deadline);
		} else {
			guest_irq_unmask();
			longest_gap(deadline + TIMER_AFTER);
			guest_irq_mask();
			best = MIN(best, handled_at - deadline);
		}
	}
	return best;
}

static void bench_interrupts(void)
{
	uint64_t begin, round;

	guest_gic_init();
	round = longest_gap(guest_counter() + 1000);
	begin = guest_counter();
	print_figure("undisturbed", (longest_gap(begin + UNDISTURBED_TICKS) - round) * 100);
	guest_irq_enable(TIMER_INTID, timer_handler);
	print_figure("timer_irq_el2", timer_gap(true, round) * 100);
	print_figure("timer_irq_spinning_guest", timer_gap(false, round) * 100);
	print_figure("timer_irq_latency", timer_latency(false) * 100);
	print_figure("wfi_wake_up", timer_latency(true) * 100);
}

/* ---- interrupts between vCPUs ---- */

static bool answered, is_up;

static void ping(void)
{
	/* To affinity 0.0.0.0. */
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)SGI_PONG << 24 | BIT(0));
	guest_isb();
}

static void pong(void)
{
	WRITE_ONCE(answered, true);
}

static void answer_pings(void *arg __unused)
{
	guest_gic_init();
	guest_irq_enable(SGI_PING, ping);
	guest_irq_unmask();
	WRITE_ONCE(is_up, true);
	for (;;)
		__asm__ volatile("wfi" : : : "memory");
}

static uint64_t round_trip(void)
{
	uint64_t begin = guest_counter();

	WRITE_ONCE(answered, false);
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)SGI_PING << 24 | BIT(1));
	guest_isb();
	/* IRQs are masked between the look and the WFI, so that the answer is not slept through. */
	while (!READ_ONCE(answered)) {
		__asm__ volatile("wfi" : : : "memory");
		take_interrupt();
	}
	return guest_counter() - begin;
}

static void bench_ipi(void)
{
	uint64_t best = ~UINT64_C(0);
	int64_t err;

	guest_gic_init();
	guest_irq_enable(SGI_PONG, pong);
	err = guest_vcpu_start(1, answer_pings, NULL);
	if (err)
		guest_fail((uint64_t)err, 0, 0, "CPU_ON: %ld", err);
	while (!READ_ONCE(is_up))
		__asm__ volatile("yield" : : : "memory");
	for (unsigned int i = 0; i < INTERRUPTS; i++) {
		uint64_t ticks = round_trip();

		best = MIN(best, ticks);
	}
	print_figure("ipi_round_trip", best * 100);
}

/* ---- another VM ---- */

static void bench_gaps(void)
{
	uint64_t begin[GAPS], end[GAPS], last, now, timeout;
	unsigned int nr = 0;

	last = guest_read_sysreg("cntpct_el0");
	timeout = last + GAPS_TIMEOUT;
	while (nr < GAPS && last < timeout) {
		now = guest_read_sysreg("cntpct_el0");
		if (now - last > GAP_TICKS) {
			begin[nr] = last;
			end[nr++] = now;
		}
		last = now;
	}
	for (unsigned int i = 0; i < nr; i++)
		guest_printf("GAP %lu %lu\n", begin[i], end[i]);
}

static void bench_alone(void)
{
	bench_exits();
	bench_interrupts();
}

static const struct {
	const char *name;
	void (*measure)(void);
} runs[] = {
	{ "exits", bench_alone },
	{ "gaps", bench_gaps },
	{ "ipi", bench_ipi },
};

void guest_main(uint64_t dtb __unused)
{
	void (*measure)(void) = bench_alone;

	guest_task_report(GUEST_TASK_BENCH, GUEST_EVENT_START, 0, 0, 0, 0);
	guest_log_facts();
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		if (guest_arg_is("run", runs[i].name))
			measure = runs[i].measure;
	}
	measure();
	guest_task_report(GUEST_TASK_BENCH, GUEST_EVENT_PASS, 1, nr_figures, 0, 0);
}
