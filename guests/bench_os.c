// SPDX-License-Identifier: MIT
/*
 * bench_os: what a trap into the hypervisor costs, seen from the guest.
 *
 * The unit is one tick of CNTVCT. Under `qemu -icount shift=4` with a 62.5 MHz counter that is one
 * instruction, the trapping one included, and every figure repeats exactly. Each measurement runs
 * 100 times in straight-line code, minus the same code without the trapping instruction; of several
 * such series the cheapest counts, so that a scheduler tick of the hypervisor's in one of them does
 * no harm.
 *
 * Prints `BENCH name N.NN` per measurement.
 */
#include "guests/lib/guest.h"

#define ITERATIONS		100		/* as in SERIES() */
#define SERIES			5

#define UART_FR			(GUEST_UART_IPA + 0x18)
#define GICD_TYPER		(GUEST_GICD_IPA + 0x04)
#define UNKNOWN_CALL		0xc600ffee

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

static const struct bench {
	const char *name;
	uint64_t (*series)(uint64_t arg);
	uint64_t arg;
} benches[] = {
	{ "nop", series_nop, 0 },
	{ "hvc_null", series_hvc, SCHISM_CALL_NULL },
	{ "hvc_psci_version", series_hvc, PSCI_VERSION },
	{ "hvc_unknown", series_hvc, UNKNOWN_CALL },
	{ "task_report", series_report, GUEST_TASK_BENCH },
	{ "mmio_uart_fr_read", series_load, UART_FR },
	{ "mmio_gicd_typer_read", series_load, GICD_TYPER },
};

static uint64_t cheapest(uint64_t (*series)(uint64_t), uint64_t arg)
{
	uint64_t best = ~UINT64_C(0);

	for (unsigned int i = 0; i < SERIES; i++) {
		uint64_t ticks = series(arg);

		best = MIN(best, ticks);
	}
	return best;
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t empty, ticks, hundredths;

	guest_task_report(GUEST_TASK_BENCH, GUEST_EVENT_START, 0, 0, 0, 0);
	guest_log_facts();
	empty = cheapest(series_empty, 0);
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
		const struct bench *bench = &benches[i];

		/* Bare hardware may leave HVC #0x60 undefined. */
		if (bench->series == series_report && !guest_under_schism())
			continue;
		ticks = cheapest(bench->series, bench->arg);
		hundredths = ticks > empty ? (ticks - empty) * 100 / ITERATIONS : 0;
		guest_printf("BENCH %s %lu.%02lu\n", bench->name, hundredths / 100,
			     hundredths % 100);
		guest_log_value(bench->name, hundredths);
	}
	guest_task_report(GUEST_TASK_BENCH, GUEST_EVENT_PASS, 1, ARRAY_SIZE(benches), 0, 0);
}
