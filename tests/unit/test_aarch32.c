// SPDX-License-Identifier: MIT
/*
 * Trapped A32 and T32 instructions: conditions, which QEMU looks at before it traps, and which AArch64
 * register an access to coprocessor 14 or 15 is one to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/aarch32.h"
#include "arch/arm64/vcpu/debug.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#define N		BIT(31)
#define Z		BIT(30)
#define C		BIT(29)
#define V		BIT(28)
#define IT(state)	(((uint64_t)(state) >> 2) << 10 | ((uint64_t)(state) & 3) << 25)
#define CV(cond)	(BIT(24) | (uint32_t)(cond) << 20)
#define ALWAYS		CV(14)
#define READ		1
#define A64(op0, op1, crn, crm, op2) \
	((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define MRC(opc1, crn, crm, opc2)	(A64(0, opc1, crn, crm, opc2) | READ)
#define MCR(opc1, crn, crm, opc2)	A64(0, opc1, crn, crm, opc2)
#define MRRC(opc1, crm)			((opc1) << 16 | (crm) << 1 | READ)
#define MCRR(opc1, crm)			((opc1) << 16 | (crm) << 1)
#define RT(n)				((n) << 5)
#define RT2(n)				((n) << 10)

static struct vm vm = { .name = "guest" };
static struct vcpu vcpu = { .vm = &vm };
static uint64_t *const x = vcpu.arch.frame.x;
static uint64_t value;			/* of whatever register */
static uint32_t accessed;		/* the last one */
static bool written, exists, write_only, dcc_denied;

bool guest_sysreg_read(struct vcpu *v, uint32_t iss, uint64_t *val)
{
	if (!exists || write_only)
		return false;
	accessed = iss;
	*val = value;
	return true;
}

bool guest_sysreg_write(struct vcpu *v, uint32_t iss, uint64_t val)
{
	if (!exists)
		return false;
	accessed = iss;
	value = val;
	written = true;
	return true;
}

bool arch_debug_denies_dcc(const struct vcpu *v)
{
	return dcc_denied;
}

static int setup(void **state)
{
	memset(x, 0xaa, sizeof(vcpu.arch.frame.x));
	vcpu.arch.frame.spsr = PSR_AARCH32;
	value = UINT64_C(0x1122334455667788);
	accessed = 0;
	written = write_only = dcc_denied = false;
	exists = true;
	return 0;
}

static enum trap_outcome trap(unsigned int ec, uint32_t iss)
{
	struct trap t = { .ec = ec, .iss = iss, .il = 4 };

	return trap_coprocessor(&vcpu, &t);
}

/* ---- conditions ---- */

/* By name, as the architecture's table has them. */
static bool expected(unsigned int cond, bool n, bool z, bool c, bool v)
{
	switch (cond) {
	case 0: return z;			/* EQ */
	case 1: return !z;			/* NE */
	case 2: return c;			/* CS */
	case 3: return !c;			/* CC */
	case 4: return n;			/* MI */
	case 5: return !n;			/* PL */
	case 6: return v;			/* VS */
	case 7: return !v;			/* VC */
	case 8: return c && !z;			/* HI */
	case 9: return !c || z;			/* LS */
	case 10: return n == v;			/* GE */
	case 11: return n != v;			/* LT */
	case 12: return !z && n == v;		/* GT */
	case 13: return z || n != v;		/* LE */
	default: return true;			/* AL, and 0b1111 */
	}
}

static void test_each_condition_holds_for_the_flags_that_it_names(void **state)
{
	for (unsigned int cond = 0; cond < 16; cond++) {
		for (uint64_t flags = 0; flags < 16; flags++) {
			bool holds = expected(cond, flags & 8, flags & 4, flags & 2, flags & 1);
			uint64_t spsr = flags << 28 | PSR_AARCH32;

			assert_int_equal(aarch32_condition_holds(spsr, CV(cond)), holds);
			/* COND is not valid: the same from an IT block, as the last, and with one behind. */
			if (cond == 15)
				continue;
			assert_int_equal(aarch32_condition_holds(spsr | IT(cond << 4 | 8), 0xf << 20), holds);
			assert_int_equal(aarch32_condition_holds(spsr | IT(cond << 4 | 4), 0), holds);
		}
	}
}

static void test_without_a_condition_or_an_it_block_it_holds(void **state)
{
	assert_true(aarch32_condition_holds(PSR_AARCH32, 0));
	assert_true(aarch32_condition_holds(PSR_AARCH32 | Z, CV(0) & ~BIT(24)));
	/* The ISS goes before: it is of this instruction. */
	assert_false(aarch32_condition_holds(IT(0x18), CV(0)));
}

static void test_an_it_block_advances_and_ends(void **state)
{
	/* ITETE EQ: EQ, NE, EQ, NE, and the block is over. */
	static const uint8_t states[] = { 0x0b, 0x16, 0x0c, 0x18, 0x00 };
	uint64_t spsr = PSR_AARCH32 | Z | PSR_SS | IT(states[0]);

	for (unsigned int i = 1; i < ARRAY_SIZE(states); i++) {
		spsr = aarch32_advance(spsr);
		assert_int_equal(spsr, PSR_AARCH32 | Z | IT(states[i]));
	}
}

static void test_what_its_condition_skips_has_no_effect(void **state)
{
	x[3] = 3;
	assert_int_equal(trap(EC_CP15, MCR(0, 14, 2, 1) | RT(3) | CV(0)), TRAP_SKIP);
	assert_int_equal(trap(EC_CP15, MRC(0, 14, 2, 1) | RT(3) | CV(0)), TRAP_SKIP);
	/* Nor is it UNDEFINED, or EL1's. */
	dcc_denied = true;
	assert_int_equal(trap(EC_CP14, MRC(0, 0, 1, 0) | RT(3) | CV(0)), TRAP_SKIP);
	exists = false;
	assert_int_equal(trap(EC_CP15, MRC(0, 11, 0, 0) | CV(0)), TRAP_SKIP);
	assert_int_equal(trap(EC_CP14_MEM, CV(0)), TRAP_SKIP);
	assert_int_equal(accessed, 0);
	assert_int_equal(x[3], 3);
	exists = true;
	vcpu.arch.frame.spsr |= Z;
	assert_int_equal(trap(EC_CP15, MCR(0, 14, 2, 1) | RT(3) | CV(0)), TRAP_SKIP);
	assert_true(written);
}

/* ---- registers ---- */

static const struct pair {
	const char *name;
	unsigned int ec;
	uint32_t iss, twin;
} pairs[] = {
	{ "PMCR", EC_CP15, MRC(0, 9, 12, 0), A64(3, 3, 9, 12, 0) },
	{ "PMCNTENSET", EC_CP15, MRC(0, 9, 12, 1), A64(3, 3, 9, 12, 1) },
	{ "PMSELR", EC_CP15, MRC(0, 9, 12, 5), A64(3, 3, 9, 12, 5) },
	{ "PMCEID1", EC_CP15, MRC(0, 9, 12, 7), A64(3, 3, 9, 12, 7) },
	{ "PMCCNTR", EC_CP15, MRC(0, 9, 13, 0), A64(3, 3, 9, 13, 0) },
	{ "PMXEVCNTR", EC_CP15, MRC(0, 9, 13, 2), A64(3, 3, 9, 13, 2) },
	{ "PMUSERENR", EC_CP15, MRC(0, 9, 14, 0), A64(3, 3, 9, 14, 0) },
	{ "PMOVSSET", EC_CP15, MRC(0, 9, 14, 3), A64(3, 3, 9, 14, 3) },
	{ "PMEVCNTR0", EC_CP15, MRC(0, 14, 8, 0), A64(3, 3, 14, 8, 0) },
	{ "PMEVCNTR30", EC_CP15, MRC(0, 14, 11, 6), A64(3, 3, 14, 11, 6) },
	{ "PMEVTYPER9", EC_CP15, MRC(0, 14, 13, 1), A64(3, 3, 14, 13, 1) },
	{ "PMCCFILTR", EC_CP15, MRC(0, 14, 15, 7), A64(3, 3, 14, 15, 7) },
	{ "CNTP_TVAL", EC_CP15, MRC(0, 14, 2, 0), A64(3, 3, 14, 2, 0) },
	{ "CNTP_CTL", EC_CP15, MRC(0, 14, 2, 1), A64(3, 3, 14, 2, 1) },
	{ "DBGDSCRint", EC_CP14, MRC(0, 0, 1, 0), A64(2, 0, 1, 0, 0) },
	{ "DBGDTRRXint", EC_CP14, MRC(0, 0, 5, 0), A64(2, 0, 0, 0, 2) },
	{ "DBGDRAR", EC_CP14, MRC(0, 1, 0, 0), A64(2, 0, 1, 0, 0) },
	{ "DBGDSAR", EC_CP14, MRC(0, 2, 0, 0), A64(2, 0, 1, 0, 0) },
}, wide[] = {
	{ "PMCCNTR", EC_CP15_64, MRRC(0, 9), A64(3, 3, 9, 13, 0) },
	{ "CNTPCT", EC_CP15_64, MRRC(0, 14), A64(3, 3, 14, 0, 1) },
	{ "CNTP_CVAL", EC_CP15_64, MRRC(2, 14), A64(3, 3, 14, 2, 2) },
	{ "DBGDRAR", EC_CP14_64, MRRC(0, 1), A64(2, 0, 1, 0, 0) },
	{ "DBGDSAR", EC_CP14_64, MRRC(0, 2), A64(2, 0, 1, 0, 0) },
};

static void test_a_read_gives_the_lower_half_of_its_twin(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_int_equal(trap(pairs[i].ec, pairs[i].iss | RT(5) | ALWAYS), TRAP_SKIP);
		if (accessed != pairs[i].twin)
			fail_msg("%s: 0x%x, not 0x%x", pairs[i].name, accessed, pairs[i].twin);
		assert_int_equal(x[5], 0x55667788);
		assert_false(written);
		x[5] = 0;
	}
}

static void test_a_write_keeps_the_upper_half_of_its_twin(void **state)
{
	x[2] = UINT64_C(0xdeadbeef00000042);
	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++) {
		setup(state);
		x[2] = UINT64_C(0xdeadbeef00000042);
		assert_int_equal(trap(pairs[i].ec, (pairs[i].iss & ~READ) | RT(2) | ALWAYS), TRAP_SKIP);
		assert_true(written);
		assert_int_equal(accessed, pairs[i].twin);
		assert_int_equal(value, UINT64_C(0x1122334400000042));
	}
	/* PMSWINC cannot be read. */
	write_only = true;
	assert_int_equal(trap(EC_CP15, MCR(0, 9, 12, 4) | RT(2) | ALWAYS), TRAP_SKIP);
	assert_int_equal(accessed, A64(3, 3, 9, 12, 4));
	assert_int_equal(value, 0x42);
	assert_int_equal(trap(EC_CP15, MRC(0, 9, 12, 4) | RT(2) | ALWAYS), TRAP_UNDEF);
}

static void test_64_bits_are_in_two_registers(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(wide); i++) {
		setup(state);
		assert_int_equal(trap(wide[i].ec, wide[i].iss | RT(1) | RT2(14) | ALWAYS), TRAP_SKIP);
		assert_int_equal(accessed, wide[i].twin);
		assert_int_equal(x[1], 0x55667788);
		assert_int_equal(x[14], 0x11223344);
	}
	x[4] = UINT64_C(0xffffffff00000004);
	x[7] = UINT64_C(0xffffffff00000007);
	assert_int_equal(trap(EC_CP15_64, MCRR(2, 14) | RT(4) | RT2(7) | ALWAYS), TRAP_SKIP);
	assert_int_equal(value, UINT64_C(0x0000000700000004));
}

static void test_what_aarch32_has_otherwise_is_composed(void **state)
{
	assert_int_equal(trap(EC_CP15, MRC(0, 9, 14, 4) | RT(0) | ALWAYS), TRAP_SKIP);
	assert_int_equal(accessed, A64(3, 3, 9, 12, 6));
	assert_int_equal(x[0], 0x11223344);
	assert_int_equal(trap(EC_CP15, MRC(0, 9, 14, 5) | RT(0) | ALWAYS), TRAP_SKIP);
	assert_int_equal(accessed, A64(3, 3, 9, 12, 7));
	/* CTX_CMPs 1, WRPs 3, BRPs 5, DebugVer 6: WRPs, BRPs, CTX_CMPs, version, and a bit that is one. */
	value = UINT64_C(0xffff000010305006);
	assert_int_equal(trap(EC_CP14, MRC(0, 0, 0, 0) | RT(0) | ALWAYS), TRAP_SKIP);
	assert_int_equal(accessed, A64(3, 0, 0, 5, 0));
	assert_int_equal(x[0], 0x35168000);
}

static void test_pc_as_the_target_of_a_read_are_the_flags(void **state)
{
	vcpu.arch.frame.spsr = PSR_AARCH32 | N | C | IT(0xe8);
	value = Z | V | 0x0fffffff;
	x[15] = 15;
	assert_int_equal(trap(EC_CP14, MRC(0, 0, 1, 0) | RT(15) | ALWAYS), TRAP_SKIP);
	assert_int_equal(vcpu.arch.frame.spsr, PSR_AARCH32 | Z | V | IT(0xe8));
	assert_int_equal(x[15], 15);
}

static void test_what_has_no_twin_is_undefined(void **state)
{
	static const struct {
		unsigned int ec;
		uint32_t iss;
	} none[] = {
		{ EC_CP15, MRC(0, 0, 0, 0) }, { EC_CP15, MRC(1, 9, 12, 0) }, { EC_CP15, MRC(0, 9, 0, 0) },
		{ EC_CP15, MRC(0, 14, 2, 2) }, { EC_CP15, MRC(0, 14, 3, 0) }, { EC_CP15, MRC(7, 15, 15, 7) },
		{ EC_CP15_64, MRRC(1, 9) }, { EC_CP15_64, MRRC(3, 14) }, { EC_CP15_64, MRRC(15, 15) },
		{ EC_CP14, MRC(1, 0, 0, 0) }, { EC_CP14, MRC(0, 0, 7, 0) }, { EC_CP14, MRC(7, 0, 0, 0) },
		{ EC_CP14_64, MRRC(0, 0) }, { EC_CP14_64, MRRC(1, 1) }, { EC_CP14_MEM, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(none); i++) {
		assert_int_equal(trap(none[i].ec, none[i].iss | ALWAYS), TRAP_UNDEF);
		assert_int_equal(accessed, 0);
	}
	/* And what its twin refuses. */
	exists = false;
	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_int_equal(trap(pairs[i].ec, pairs[i].iss | RT(9) | ALWAYS), TRAP_UNDEF);
	assert_int_equal(x[9], UINT64_C(0xaaaaaaaaaaaaaaaa));
}

static void test_what_el1_denies_of_debug_is_its_trap(void **state)
{
	dcc_denied = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++) {
		bool debug = pairs[i].ec == EC_CP14;

		assert_int_equal(trap(pairs[i].ec, pairs[i].iss | ALWAYS), debug ? TRAP_GUEST : TRAP_SKIP);
	}
	assert_int_equal(trap(EC_CP14, MRC(0, 0, 0, 0) | ALWAYS), TRAP_GUEST);
	assert_int_equal(trap(EC_CP14_64, MRRC(0, 1) | ALWAYS), TRAP_GUEST);
	assert_int_equal(trap(EC_CP14_MEM, ALWAYS), TRAP_GUEST);
	/* Of trace registers it says nothing. */
	assert_int_equal(trap(EC_CP14, MRC(1, 0, 0, 0) | ALWAYS), TRAP_UNDEF);
}

#define T(name)	cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_each_condition_holds_for_the_flags_that_it_names),
		T(test_without_a_condition_or_an_it_block_it_holds),
		T(test_an_it_block_advances_and_ends),
		T(test_what_its_condition_skips_has_no_effect),
		T(test_a_read_gives_the_lower_half_of_its_twin),
		T(test_a_write_keeps_the_upper_half_of_its_twin),
		T(test_64_bits_are_in_two_registers),
		T(test_what_aarch32_has_otherwise_is_composed),
		T(test_pc_as_the_target_of_a_read_are_the_flags),
		T(test_what_has_no_twin_is_undefined),
		T(test_what_el1_denies_of_debug_is_its_trap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
