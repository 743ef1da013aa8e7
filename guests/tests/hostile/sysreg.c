// SPDX-License-Identifier: MIT
/*
 * Every encoding of MRS, MSR and SYS, at EL1 and at EL0. Instructions are generated a page at a time, each
 * with what puts the register back; what is left out alters this guest's own control flow.
 */
#include "guests/tests/hostile/hostile.h"

#include "lib/string.h"

#define ENC(op0, op1, crn, crm, op2) \
	((uint32_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

static uint32_t insn_of(uint32_t enc, unsigned int rt)
{
	return INSN_SYSREG(enc >> 14, enc >> 11 & 7, enc >> 7 & 0xf, enc >> 3 & 0xf, enc & 7, rt);
}

/* Written with what was read, not with garbage: translation, and what the stack and the fetch depend on. */
static bool is_vital(uint32_t enc)
{
	static const uint32_t vital[] = {
		ENC(3, 0, 1, 0, 0),			/* SCTLR_EL1 */
		ENC(3, 0, 2, 0, 0), ENC(3, 0, 2, 0, 2),	/* TTBR0_EL1, TCR_EL1 */
		ENC(3, 0, 4, 2, 0), ENC(3, 3, 4, 2, 1),	/* SPSel, DAIF */
		ENC(3, 0, 10, 2, 0),			/* MAIR_EL1 */
		ENC(3, 0, 12, 0, 0),			/* VBAR_EL1 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(vital); i++) {
		if (vital[i] == enc)
			return true;
	}
	return false;
}

static void run(const uint32_t *words, size_t nr, uint64_t spsr, uint64_t x0)
{
	struct hostile_end end;

	hostile_code(words, nr);
	hostile_run(spsr, x0, 0, &end);
}

static void read_one(uint32_t enc, uint64_t spsr)
{
	const uint32_t words[] = { insn_of(enc, 1) | INSN_READ };

	run(words, ARRAY_SIZE(words), spsr, 0);
}

/* What cannot be read is left as written; what matters of those is put right by hostile_settle(). */
static void write_one(uint32_t enc, uint64_t spsr, uint64_t val)
{
	const uint32_t read[] = { insn_of(enc, 1) | INSN_READ };
	const uint32_t words[] = { insn_of(enc, 0), INSN_ISB, insn_of(enc, 1), INSN_ISB };
	struct hostile_end end;
	bool readable;

	hostile_code(read, 1);
	readable = hostile_run(spsr, val, 0, &end);
	if (is_vital(enc) && !readable)
		return;
	if (is_vital(enc))
		val = end.x1;
	hostile_code(words, readable ? 4 : 2);
	hostile_run(spsr, val, readable ? end.x1 : 0, &end);
}

struct sweep {
	unsigned int op0;
	uint64_t spsr;
	uint64_t val;
	bool write;
};

static const struct sweep sweeps[] = {
	{ 2, SPSR_EL1H, 0, false },
	{ 2, SPSR_EL1H, ~UINT64_C(0), true },
	{ 3, SPSR_EL1H, 0, false },
	{ 3, SPSR_EL1H, 0, true },
	{ 3, SPSR_EL1H, ~UINT64_C(0), true },
	{ 3, SPSR_EL1H, 0x5a5aa5a5c3c33c3c, true },
	{ 2, SPSR_EL0T, 0, false },
	{ 2, SPSR_EL0T, ~UINT64_C(0), true },
	{ 3, SPSR_EL0T, 0, false },
	{ 3, SPSR_EL0T, ~UINT64_C(0), true },
};

/* op1 by op1, so that a shorter run than all of it is possible: "stride" leaves encodings out. */
static void sweep(uint64_t arg)
{
	const struct sweep *s = &sweeps[arg];
	uint64_t stride = hostile_stride();

	for (uint32_t enc = ENC(s->op0, 0, 0, 0, 0); enc < ENC(s->op0 + 1, 0, 0, 0, 0); enc +=
	     (uint32_t)stride) {
		if (s->write)
			write_one(enc, s->spsr, s->val);
		else
			read_one(enc, s->spsr);
	}
}

/* op0 = 1: caches, TLBs, address translation, and what is unallocated. x0 is the scratch page. */
static void sweep_sys(uint64_t arg)
{
	uint64_t stride = hostile_stride();

	for (uint32_t enc = ENC(1, 0, 0, 0, 0); enc < ENC(2, 0, 0, 0, 0); enc += (uint32_t)stride) {
		const uint32_t sys[] = { insn_of(enc, 0) }, sysl[] = { insn_of(enc, 1) | INSN_READ };

		run(sys, 1, arg ? SPSR_EL0T : SPSR_EL1H, HOSTILE_UDATA);
		run(sysl, 1, arg ? SPSR_EL0T : SPSR_EL1H, HOSTILE_UDATA);
	}
}

/* op0 = 0: hints, barriers, PSTATE's immediates that leave interrupts masked and the stack where it is. */
static void sweep_hints(uint64_t arg)
{
	for (uint32_t imm = 0; imm < 0x800; imm++) {
		const uint32_t words[] = { 0xd503201f | (imm & 0x7f) << 5 };
		const uint32_t barrier[] = { 0xd503301f | (imm & 0xff) << 5 };

		/* WFE and WFI are other behaviours'. */
		if (imm != 2 && imm != 3 && imm < 0x80)
			hostile_code(words, 1);
		else
			hostile_code(barrier, 1);
		hostile_run_for((arg ? SPSR_EL0T : SPSR_EL1H) | (SPSR_DAIF & ~SPSR_I), test_us(100), 0, 0);
	}
}

static void el2_registers(uint64_t arg)
{
	struct insns list = INSNS(insns_el2_registers);

	for (const uint32_t *insn = list.first; insn < list.end; insn++)
		for (unsigned int i = 0; i < 4; i++)
			hostile_insn(arg ? SPSR_EL0T : SPSR_EL1H, *insn, hostile_random(), hostile_random());
}

static void odd_registers(uint64_t arg)
{
	struct insns list = INSNS(insns_odd_registers);

	for (const uint32_t *insn = list.first; insn < list.end; insn++)
		for (unsigned int i = 0; i < 4; i++)
			hostile_insn(arg ? SPSR_EL0T : SPSR_EL1H, *insn, hostile_random(), hostile_random());
}

/* Random values into the registers that Schism moves with a vCPU, then hypercalls, then back. */
static void kept_registers(uint64_t arg __unused)
{
	static const uint32_t regs[] = {
		ENC(3, 0, 1, 0, 1), ENC(3, 0, 1, 0, 2), ENC(3, 0, 2, 0, 1), ENC(3, 0, 4, 0, 0), ENC(3, 0,
												    4, 0, 1),
		ENC(3, 0, 4, 1, 0), ENC(3, 0, 5, 1, 0), ENC(3, 0, 5, 1, 1), ENC(3, 0, 5, 2, 0), ENC(3, 0,
												    6, 0, 0),
		ENC(3, 0, 7, 4, 0), ENC(3, 0, 10, 3, 0), ENC(3, 0, 13, 0, 1), ENC(3, 0, 13, 0, 4), ENC(3,
												0, 14,
												       1, 0),
		ENC(3, 2, 0, 0, 0), ENC(3, 3, 13, 0, 2), ENC(3, 3, 13, 0, 3), ENC(3, 3, 14, 3, 1), ENC(3,
												3, 14,
												       3, 2),
	};

	for (unsigned int i = 0; i < 2000; i++) {
		uint32_t enc = regs[hostile_random() % ARRAY_SIZE(regs)];
		/* mrs x2, R; msr R, x0; isb; hvc #1 (clobbers x0); msr R, x2; isb */
		const uint32_t words[] = {
			insn_of(enc, 2) | INSN_READ, insn_of(enc, 0), INSN_ISB, 0xd4000022, insn_of(enc,
												    2),
												    INSN_ISB,
		};

		run(words, ARRAY_SIZE(words), SPSR_EL1H, hostile_random());
	}
}

static const struct behaviour sysreg_rows[] = {
	{ "op2-read", sweep, 0 },
	{ "op2-write-ones", sweep, 1 },
	{ "op3-read", sweep, 2 },
	{ "op3-write-zeros", sweep, 3 },
	{ "op3-write-ones", sweep, 4 },
	{ "op3-write-pattern", sweep, 5 },
	{ "op2-read-el0", sweep, 6 },
	{ "op2-write-el0", sweep, 7 },
	{ "op3-read-el0", sweep, 8 },
	{ "op3-write-el0", sweep, 9 },
	{ "sys", sweep_sys, 0 },
	{ "sys-el0", sweep_sys, 1 },
	{ "hints", sweep_hints, 0 },
	{ "hints-el0", sweep_hints, 1 },
	{ "el2-registers", el2_registers, 0 },
	{ "el2-registers-el0", el2_registers, 1 },
	{ "odd-registers", odd_registers, 0 },
	{ "odd-registers-el0", odd_registers, 1 },
	{ "kept-registers", kept_registers },
};

const struct family sysreg_family = FAMILY(sysreg);
