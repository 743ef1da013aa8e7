// SPDX-License-Identifier: MIT
/*
 * Holding a pattern in every register while others run.
 *
 * guest_hold() makes all patterns from a seed: the general and FP/SIMD registers, FPCR, FPSR, the
 * EL1 system registers that only software writes, and the pointer authentication keys. A hypervisor
 * that fails to switch one of them is found out only if another guest holds something else
 * meanwhile: that is why guests hold with seeds of their own.
 */
#include <stdarg.h>

#include "guests/lib/guest.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* RMode, FZ, DN, AHP: bits that every CPU with FP keeps and that no instruction of ours minds. */
#define FPCR_PATTERN		GENMASK(26, 22)
/* QC, IDC, IXC, UFC, OFC, DZC, IOC. */
#define FPSR_PATTERN		(BIT(27) | BIT(7) | GENMASK(4, 0))

static struct guest_cpu_state want, got;
static bool has_pauth, has_pauth_generic;

static uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const char *__printf_like(1, 2) complain(const char *fmt, ...)
{
	static char text[120];
	va_list args;

	va_start(args, fmt);
	fmt_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}

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
static const char *sysregs_check(bool irqs_masked)
{
	uint64_t values[ARRAY_SIZE(held_sysregs)];

	for (size_t i = 0; i < ARRAY_SIZE(held_sysregs); i++)
		values[i] = held_sysregs[i].read();
	for (size_t i = 0; i < ARRAY_SIZE(held_sysregs); i++) {
		const struct held_sysreg *reg = &held_sysregs[i];

		if (reg->irqs_masked && !irqs_masked)
			continue;
		if (values[i] != sysregs_want[i])
			return complain("%s is %016lx, was %016lx", reg->name, values[i],
					sysregs_want[i]);
	}
	return NULL;
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

static const char *pauth_check(const struct pauth_round *p)
{
	static const char *const names[] = { "APIA", "APIB", "APDA", "APDB", "APGA" };
	struct guest_pauth_keys keys;
	struct guest_pauth_sigs sigs;

	guest_pauth_read_keys(&keys, has_pauth_generic);
	guest_pauth_sign(p->pointer, p->modifier, &sigs, has_pauth_generic);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		for (unsigned int j = 0; j < 2; j++)
			if (keys.lo_hi[i][j] != p->keys.lo_hi[i][j])
				return complain("%sKey%s is %016lx, was %016lx", names[i],
						j ? "Hi" : "Lo", keys.lo_hi[i][j],
						p->keys.lo_hi[i][j]);
	if (memcmp(&sigs, &p->sigs, sizeof(sigs)))
		return complain("%016lx is signed as %016lx, was %016lx (IA)", p->pointer, sigs.ia,
				p->sigs.ia);
	if (guest_pauth_autia(p->sigs.ia, p->modifier) != p->pointer)
		return complain("%016lx does not authenticate", p->sigs.ia);
	return NULL;
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

static const char *cpu_state_check(void)
{
	for (unsigned int i = 0; i < 32; i++)
		if (got.v[i][0] != want.v[i][0] || got.v[i][1] != want.v[i][1])
			return complain("v%u is %016lx%016lx, was %016lx%016lx", i, got.v[i][1],
					got.v[i][0], want.v[i][1], want.v[i][0]);
	for (unsigned int i = 1; i < 31; i++)
		if (got.x[i] != want.x[i])
			return complain("x%u is %016lx, was %016lx", i, got.x[i], want.x[i]);
	if (got.fpcr != want.fpcr)
		return complain("FPCR is %lx, was %lx", got.fpcr, want.fpcr);
	if (got.fpsr != want.fpsr)
		return complain("FPSR is %lx, was %lx", got.fpsr, want.fpsr);
	return NULL;
}

/* ---- */

bool guest_hold_init(void)
{
	has_pauth = guest_has_pauth_address();
	has_pauth_generic = has_pauth && guest_has_pauth_generic();
	if (has_pauth)
		guest_pauth_enable();
	return has_pauth;
}

const char *guest_hold(uint64_t seed, uint64_t spins, bool irqs_masked)
{
	/* Multiplied so that neighbouring seeds have nothing in common; never 0. */
	uint64_t state = (2 * seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	struct pauth_round pauth;
	const char *complaint;

	cpu_state_fill(&want, &state);
	if (has_pauth)
		pauth_begin(&pauth, &state);
	if (irqs_masked)
		guest_irq_mask();
	sysregs_write(irqs_masked, &state);
	guest_cpu_hold(&want, &got, spins);
	complaint = sysregs_check(irqs_masked);
	guest_irq_unmask();
	if (!complaint)
		complaint = cpu_state_check();
	if (!complaint && has_pauth)
		complaint = pauth_check(&pauth);
	return complaint;
}
