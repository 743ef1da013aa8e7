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
 * Arguments: rounds=N (0 or none: for ever), spins=N.
 */
#include "guests/lib/guest.h"
#include "lib/string.h"

#define TICK_HZ			100
#define DEFAULT_SPINS		75000
#define SERIES_N		2000		/* 32000 terms; series_sums[] belongs to it */
#define FPSR_INEXACT		BIT(4)

/* RMode, FZ, DN, AHP: bits that every CPU with FP keeps and that no instruction of ours minds. */
#define FPCR_PATTERN		GENMASK(26, 22)
#define FPCR_RMODE_SHIFT	22
/* QC, IDC, IXC, UFC, OFC, DZC, IOC. */
#define FPSR_PATTERN		(BIT(27) | BIT(7) | GENMASK(4, 0))

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
static struct guest_cpu_state want, got;
static bool has_pauth, has_pauth_generic;

static uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#define fail(fmt, ...)										\
	guest_fail(counts.rounds, counts.fp_checks, counts.pauth_checks,			\
		   "counter_os: round %lu: " fmt, counts.rounds, ##__VA_ARGS__)

/* ---- system registers ---- */

/*
 * One row: a register that changes only when software writes it. keeps: the bits that every
 * implementation stores; set: bits that have to be 1.
 */
struct held_sysreg {
	const char *name;
	uint64_t keeps, set;
	uint64_t (*read)(void);
	void (*write)(uint64_t value);
	bool irqs_masked;		/* taking an interrupt overwrites it */
};

#define SYSREG_ACCESSORS(reg)									\
	static uint64_t read_##reg(void) { return guest_read_sysreg(#reg); }			\
	static void write_##reg(uint64_t value) { guest_write_sysreg(#reg, value); }

SYSREG_ACCESSORS(tpidr_el0)
SYSREG_ACCESSORS(tpidr_el1)
SYSREG_ACCESSORS(tpidrro_el0)
SYSREG_ACCESSORS(contextidr_el1)
SYSREG_ACCESSORS(par_el1)
SYSREG_ACCESSORS(far_el1)
SYSREG_ACCESSORS(esr_el1)
SYSREG_ACCESSORS(sp_el0)
SYSREG_ACCESSORS(csselr_el1)
SYSREG_ACCESSORS(ttbr1_el1)
SYSREG_ACCESSORS(elr_el1)
SYSREG_ACCESSORS(spsr_el1)

#define SYSREG(reg)	.name = #reg, .read = read_##reg, .write = write_##reg

/* TTBR1 is not walked (TCR.EPD1). AFSR, AMAIR are left out: a CPU may have no bit of them. */
static const struct held_sysreg held_sysregs[] = {
	{ SYSREG(tpidr_el0), .keeps = ~UINT64_C(0) },
	{ SYSREG(tpidr_el1), .keeps = ~UINT64_C(0) },
	{ SYSREG(tpidrro_el0), .keeps = ~UINT64_C(0) },
	{ SYSREG(contextidr_el1), .keeps = GENMASK(31, 0) },
	{ SYSREG(par_el1), .keeps = GENMASK(39, 12), .set = BIT(11) },
	{ SYSREG(far_el1), .keeps = ~UINT64_C(0) },
	{ SYSREG(esr_el1), .keeps = GENMASK(31, 0) },
	{ SYSREG(sp_el0), .keeps = GENMASK(47, 4) },
	{ SYSREG(csselr_el1), .keeps = BIT(0) },
	{ SYSREG(ttbr1_el1), .keeps = GENMASK(39, 12) },
	{ SYSREG(elr_el1), .keeps = GENMASK(47, 2), .irqs_masked = true },
	{ SYSREG(spsr_el1), .keeps = GENMASK(31, 28), .set = 5, .irqs_masked = true },
};

static uint64_t sysregs_want[ARRAY_SIZE(held_sysregs)];

static void sysregs_write(bool irqs_masked, uint64_t *seed)
{
	for (size_t i = 0; i < ARRAY_SIZE(held_sysregs); i++) {
		const struct held_sysreg *reg = &held_sysregs[i];

		if (reg->irqs_masked && !irqs_masked)
			continue;
		sysregs_want[i] = (xorshift(seed) & reg->keeps) | reg->set;
		reg->write(sysregs_want[i]);
	}
	guest_isb();
}

/* IRQs are as they were during the hold. */
static void sysregs_check(bool irqs_masked)
{
	uint64_t values[ARRAY_SIZE(held_sysregs)];

	for (size_t i = 0; i < ARRAY_SIZE(held_sysregs); i++)
		values[i] = held_sysregs[i].read();
	for (size_t i = 0; i < ARRAY_SIZE(held_sysregs); i++) {
		const struct held_sysreg *reg = &held_sysregs[i];

		if (reg->irqs_masked && !irqs_masked)
			continue;
		if (values[i] != sysregs_want[i])
			fail("%s is %016lx, was %016lx", reg->name, values[i], sysregs_want[i]);
	}
}

/* ---- pointer authentication ---- */

struct pauth_round {
	struct guest_pauth_keys keys;
	struct guest_pauth_sigs sigs;
	uint64_t pointer, modifier;
};

static void pauth_begin(struct pauth_round *p, uint64_t *seed)
{
	for (unsigned int i = 0; i < 5; i++)
		for (unsigned int j = 0; j < 2; j++)
			p->keys.lo_hi[i][j] = xorshift(seed);
	if (!has_pauth_generic)
		memset(p->keys.lo_hi[4], 0, sizeof(p->keys.lo_hi[4]));
	p->pointer = GUEST_RAM_IPA + (xorshift(seed) & 0x7fffff);
	p->modifier = xorshift(seed);
	guest_pauth_write_keys(&p->keys, has_pauth_generic);
	guest_pauth_sign(p->pointer, p->modifier, &p->sigs, has_pauth_generic);
}

static void pauth_check(const struct pauth_round *p)
{
	static const char *const names[] = { "APIA", "APIB", "APDA", "APDB", "APGA" };
	struct guest_pauth_keys keys;
	struct guest_pauth_sigs sigs;

	guest_pauth_read_keys(&keys, has_pauth_generic);
	guest_pauth_sign(p->pointer, p->modifier, &sigs, has_pauth_generic);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		for (unsigned int j = 0; j < 2; j++)
			if (keys.lo_hi[i][j] != p->keys.lo_hi[i][j])
				fail("%sKey%s is %016lx, was %016lx", names[i],
				     j ? "Hi" : "Lo", keys.lo_hi[i][j], p->keys.lo_hi[i][j]);
	if (memcmp(&sigs, &p->sigs, sizeof(sigs)))
		fail("%016lx is signed as %016lx, was %016lx (IA)", p->pointer, sigs.ia,
		     p->sigs.ia);
	if (guest_pauth_autia(p->sigs.ia, p->modifier) != p->pointer)
		fail("%016lx does not authenticate", p->sigs.ia);
	counts.pauth_checks++;
}

/* ---- general and FP/SIMD registers ---- */

static void cpu_state_fill(struct guest_cpu_state *state, uint64_t *seed)
{
	for (unsigned int i = 0; i < 32; i++) {
		state->v[i][0] = xorshift(seed);
		state->v[i][1] = xorshift(seed);
	}
	for (unsigned int i = 0; i < 31; i++)
		state->x[i] = xorshift(seed);
	state->fpcr = xorshift(seed) & FPCR_PATTERN;
	state->fpsr = xorshift(seed) & FPSR_PATTERN;
}

static void cpu_state_check(void)
{
	for (unsigned int i = 0; i < 32; i++)
		if (got.v[i][0] != want.v[i][0] || got.v[i][1] != want.v[i][1])
			fail("v%u is %016lx%016lx, was %016lx%016lx", i, got.v[i][1],
			     got.v[i][0], want.v[i][1], want.v[i][0]);
	for (unsigned int i = 1; i < 31; i++)
		if (got.x[i] != want.x[i])
			fail("x%u is %016lx, was %016lx", i, got.x[i], want.x[i]);
	if (got.fpcr != want.fpcr)
		fail("FPCR is %lx, was %lx", got.fpcr, want.fpcr);
	if (got.fpsr != want.fpsr)
		fail("FPSR is %lx, was %lx", got.fpsr, want.fpsr);
	counts.fp_checks++;
}

static void round_hold(uint64_t spins)
{
	bool irqs_masked = counts.rounds % 2;
	uint64_t seed = (counts.rounds + 1) * UINT64_C(0x9e3779b97f4a7c15);
	struct pauth_round pauth;

	cpu_state_fill(&want, &seed);
	if (has_pauth)
		pauth_begin(&pauth, &seed);
	if (irqs_masked)
		guest_irq_mask();
	sysregs_write(irqs_masked, &seed);
	guest_cpu_hold(&want, &got, spins);
	sysregs_check(irqs_masked);
	guest_irq_unmask();
	cpu_state_check();
	if (has_pauth)
		pauth_check(&pauth);
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
	const char *complaint;

	report(GUEST_EVENT_START);
	guest_log_facts();
	has_pauth = guest_has_pauth_address();
	has_pauth_generic = has_pauth && guest_has_pauth_generic();
	if (has_pauth)
		guest_pauth_enable();
	guest_log_value("pauth", has_pauth);
	guest_gic_init();
	guest_timer_start(TICK_HZ);

	while (!rounds || counts.rounds < rounds) {
		round_hold(spins);
		round_compute();
		counts.rounds++;
		guest_log_value("rounds", counts.rounds);
		guest_log_value("ticks", guest_ticks());
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
