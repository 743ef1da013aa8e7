// SPDX-License-Identifier: MIT
/*
 * The decoder of loads and stores against a second source: the encoding diagrams of the Arm ARM (DDI 0487,
 * C6.2, LDP to STURH), one row for each instruction and form as the manual prints it. All values of the
 * bits that tell instructions apart are tried, the others with values at their edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/trap/ldst.h"
#include "lib/types.h"
#include "tests/unit/random.h"

enum mode { UNSIGNED, UNSCALED, POST, PRE, REGISTER, PAIR_OFFSET, PAIR_POST, PAIR_PRE };
enum kind { STORE, LOAD, SIGNED_W, SIGNED_X };

struct row {
	const char *pattern;	/* i: immediate, m: Rm, o: option, s: S, n: Rn, t: Rt, u: Rt2 */
	enum mode mode;
	unsigned int bytes;
	enum kind kind;
};

/* The five forms of a single load or store, with its size and opc. */
#define SINGLE(size, opc, bytes, kind)								\
	{ size "111001" opc "iiiiiiiiiiiinnnnnttttt", UNSIGNED, bytes, kind },			\
	{ size "111000" opc "0iiiiiiiii00nnnnnttttt", UNSCALED, bytes, kind },			\
	{ size "111000" opc "0iiiiiiiii01nnnnnttttt", POST, bytes, kind },			\
	{ size "111000" opc "0iiiiiiiii11nnnnnttttt", PRE, bytes, kind },			\
	{ size "111000" opc "1mmmmmooos10nnnnnttttt", REGISTER, bytes, kind }
#define PAIR(opc, l, bytes, kind)								\
	{ opc "1010001" l "iiiiiiiuuuuunnnnnttttt", PAIR_POST, bytes, kind },			\
	{ opc "1010010" l "iiiiiiiuuuuunnnnnttttt", PAIR_OFFSET, bytes, kind },			\
	{ opc "1010011" l "iiiiiiiuuuuunnnnnttttt", PAIR_PRE, bytes, kind }
#define NON_TEMPORAL(opc, l, bytes, kind)							\
	{ opc "1010000" l "iiiiiiiuuuuunnnnnttttt", PAIR_OFFSET, bytes, kind }

static const struct row rows[] = {
	SINGLE("00", "00", 1, STORE),		/* STRB */
	SINGLE("00", "01", 1, LOAD),		/* LDRB */
	SINGLE("00", "10", 1, SIGNED_X),	/* LDRSB */
	SINGLE("00", "11", 1, SIGNED_W),
	SINGLE("01", "00", 2, STORE),		/* STRH */
	SINGLE("01", "01", 2, LOAD),		/* LDRH */
	SINGLE("01", "10", 2, SIGNED_X),	/* LDRSH */
	SINGLE("01", "11", 2, SIGNED_W),
	SINGLE("10", "00", 4, STORE),		/* STR */
	SINGLE("10", "01", 4, LOAD),		/* LDR */
	SINGLE("10", "10", 4, SIGNED_X),	/* LDRSW */
	SINGLE("11", "00", 8, STORE),
	SINGLE("11", "01", 8, LOAD),
	PAIR("00", "0", 4, STORE),		/* STP */
	PAIR("00", "1", 4, LOAD),		/* LDP */
	PAIR("01", "1", 4, SIGNED_X),		/* LDPSW */
	PAIR("10", "0", 8, STORE),
	PAIR("10", "1", 8, LOAD),
	NON_TEMPORAL("00", "0", 4, STORE),	/* STNP, LDNP */
	NON_TEMPORAL("00", "1", 4, LOAD),
	NON_TEMPORAL("10", "0", 8, STORE),
	NON_TEMPORAL("10", "1", 8, LOAD),
};

static struct {
	uint32_t mask, value;
} compiled[ARRAY_SIZE(rows)];

static int compile(void **state)
{
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		assert_int_equal(strlen(rows[r].pattern), 32);
		for (unsigned int i = 0; i < 32; i++) {
			char c = rows[r].pattern[i];

			compiled[r].mask |= c == '0' || c == '1' ? 1u << (31 - i) : 0;
			compiled[r].value |= c == '1' ? 1u << (31 - i) : 0;
		}
	}
	return 0;
}

static const struct row *row_of(uint32_t insn)
{
	const struct row *found = NULL;

	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		if ((insn & compiled[r].mask) != compiled[r].value)
			continue;
		assert_null(found);
		found = &rows[r];
	}
	return found;
}

/* The bits of insn below a letter; sets *width. */
static uint32_t field(const struct row *row, uint32_t insn, char letter, unsigned int *width)
{
	uint32_t val = 0;

	*width = 0;
	for (unsigned int i = 0; i < 32; i++) {
		if (row->pattern[i] != letter)
			continue;
		val = val << 1 | (insn >> (31 - i) & 1);
		++*width;
	}
	return val;
}

static uint32_t get(const struct row *row, uint32_t insn, char letter)
{
	unsigned int width;

	return field(row, insn, letter, &width);
}

static int64_t signed_imm(const struct row *row, uint32_t insn)
{
	unsigned int width;
	int64_t val = field(row, insn, 'i', &width);

	return val >= 1 << (width - 1) ? val - (1 << width) : val;
}

static int64_t immediate(const struct row *row, uint32_t insn)
{
	if (row->mode == UNSIGNED)
		return (int64_t)get(row, insn, 'i') * row->bytes;
	return signed_imm(row, insn) * (row->mode >= PAIR_OFFSET ? row->bytes : 1);
}

static bool is_pair(const struct row *row)
{
	return row->mode >= PAIR_OFFSET;
}

static bool writes_back(const struct row *row)
{
	return row->mode == POST || row->mode == PRE || row->mode == PAIR_POST || row->mode == PAIR_PRE;
}

/* "CONSTRAINED UNPREDICTABLE" in the notes of the instructions; and options that are unallocated. */
static bool is_undecided(const struct row *row, uint32_t insn)
{
	uint32_t n = get(row, insn, 'n'), t = get(row, insn, 't'), t2 = get(row, insn, 'u');

	if (row->mode == REGISTER && !(get(row, insn, 'o') & 2))
		return true;
	if (is_pair(row) && row->kind != STORE && t == t2)
		return true;
	return writes_back(row) && n != 31 && (n == t || (is_pair(row) && n == t2));
}

static const uint64_t values[] = {
	0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	0x8000000000000000, 0xfedcba9876543210, UINT64_MAX,
};

static int64_t register_offset(const struct row *row, uint32_t insn, uint64_t m)
{
	uint64_t times = get(row, insn, 's') ? row->bytes : 1;

	switch (get(row, insn, 'o')) {
	case 2:
		return (int64_t)((uint64_t)(uint32_t)m * times);
	case 6:
		return (int64_t)((uint64_t)(int64_t)(int32_t)(uint32_t)m * times);
	default:
		return (int64_t)(m * times);
	}
}

static uint64_t loaded(const struct row *row, uint64_t v)
{
	int64_t wide = row->bytes == 1 ? (int8_t)v : row->bytes == 2 ? (int16_t)v : (int32_t)v;

	if (row->kind == LOAD)
		return v;
	return row->kind == SIGNED_X ? (uint64_t)wide : (uint32_t)wide;
}

static void compare(const struct row *row, uint32_t insn, const struct ldst *l)
{
	assert_int_equal(l->load, row->kind != STORE);
	assert_int_equal(l->size, row->bytes);
	assert_int_equal(l->nr, is_pair(row) ? 2 : 1);
	assert_int_equal(l->rt[0], get(row, insn, 't'));
	if (is_pair(row))
		assert_int_equal(l->rt[1], get(row, insn, 'u'));
	assert_int_equal(l->rn, get(row, insn, 'n'));
	assert_int_equal(l->writeback, writes_back(row));
	assert_int_equal(l->post, row->mode == POST || row->mode == PAIR_POST);
	if (row->mode == REGISTER)
		assert_int_equal(l->rm, get(row, insn, 'm'));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		uint64_t v = values[i];
		int64_t want = row->mode == REGISTER ? register_offset(row, insn, v) : immediate(row, insn);

		assert_int_equal(ldst_offset(l, v), want);
		v &= UINT64_MAX >> (64 - 8 * row->bytes);
		if (row->kind != STORE)
			assert_int_equal(ldst_extend(l, v), loaded(row, v));
	}
}

static void try(uint32_t insn)
{
	const struct row *row = row_of(insn);
	struct ldst l;
	bool decoded = ldst_decode(insn, &l);

	if (decoded != (row && !is_undecided(row, insn)))
		fail_msg("%08x is %sdecoded", insn, decoded ? "" : "not ");
	if (!decoded)
		return;
	assert_true(ldst_is_memory(insn));
	compare(row, insn, &l);
}

/* Bits 31 to 21 and 15 to 10 tell them apart; of the rest, edges, and what makes registers the same. */
static void test_every_opcode_is_as_the_manual_says(void **state)
{
	static const uint32_t rest[] = {
		0, 0x001f03ff, 0x00000021, 0x001003e1, 0x00010002, 0x000f001f, 0x00150c43, 0x00010421,
	};

	for (uint32_t high = 0; high < 2048; high++)
		for (uint32_t low = 0; low < 64; low++)
			for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
				try(high << 21 | low << 10 | rest[i]);
}

/* Of the instructions that are decoded, all operands. */
static void test_operands_of_every_form(void **state)
{
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++)
		for (unsigned int n = 0; n < 2000; n++)
			try(compiled[r].value | ((uint32_t)random_u64() & ~compiled[r].mask));
}

static void test_random_words(void **state)
{
	for (unsigned int n = 0; n < 1000000; n++)
		try((uint32_t)random_u64());
}

static void test_registers_that_overlap_are_refused(void **state)
{
	struct ldst l;

	assert_false(ldst_decode(0xf8408421, &l));	/* ldr x1, [x1], #8 */
	assert_false(ldst_decode(0xf8008421, &l));	/* str x1, [x1], #8 */
	assert_true(ldst_decode(0xf9400021, &l));	/* ldr x1, [x1] */
	assert_true(ldst_decode(0xf80087ff, &l));	/* str xzr, [sp], #8 */
	assert_false(ldst_decode(0xa9400401, &l));	/* ldp x1, x1, [x0] */
	assert_true(ldst_decode(0xa9000401, &l));	/* stp x1, x1, [x0] */
	assert_false(ldst_decode(0xa8c10420, &l));	/* ldp x0, x1, [x1], #16 */
	assert_false(ldst_decode(0xa9ffffff, &l));	/* ldp xzr, xzr, [sp, #-8]! */
}

/* What may have caused a fault without a syndrome, and what can't have. */
static void test_which_instructions_access_memory(void **state)
{
	static const uint32_t do_access[] = {
		0x3dc00000,	/* ldr q0, [x0] */
		0xc85f7c01,	/* ldxr x1, [x0] */
		0xf8208001,	/* swp x0, x1, [x0] */
		0x4c407000,	/* ld1 {v0.16b}, [x0] */
		0xd50b7420,	/* dc zva, x0 */
		0x85804000,	/* ldr z0, [x0] */
		0x58000001,	/* ldr x1, label */
	};
	static const uint32_t do_not[] = {
		0xd503201f,	/* nop */
		0x00000000,	/* udf */
		0x8b010000,	/* add x0, x0, x1 */
		0x1e602000,	/* fcmp d0, d0 */
		0x14000000,	/* b . */
		0xd5381000,	/* mrs x0, sctlr_el1 */
		0xd4200000,	/* brk #0 */
	};
	struct ldst l;

	for (size_t i = 0; i < ARRAY_SIZE(do_access); i++) {
		assert_true(ldst_is_memory(do_access[i]));
		assert_false(ldst_decode(do_access[i], &l));
	}
	for (size_t i = 0; i < ARRAY_SIZE(do_not); i++)
		assert_false(ldst_is_memory(do_not[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_opcode_is_as_the_manual_says),
		cmocka_unit_test(test_operands_of_every_form),
		cmocka_unit_test(test_random_words),
		cmocka_unit_test(test_registers_that_overlap_are_refused),
		cmocka_unit_test(test_which_instructions_access_memory),
	};

	random_seed("test_ldst");
	return cmocka_run_group_tests(tests, compile, NULL);
}
