// SPDX-License-Identifier: MIT
/*
 * EL2's walk of a guest's stage-1 tables: what it finds is what the processor would, and no value of TCR_EL1,
 * TTBRn_EL1 or of a descriptor leads it astray.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/diag/walk.h"
#include "arch/crash.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "tests/unit/random.h"

#define RAM		UINT64_C(0x40000000)
#define RAM_SIZE	0x10000
#define TABLE(n)	(RAM + (n) * 0x1000)
#define IS_TABLE	3
#define IS_PAGE		3
#define IS_BLOCK	1
#define TCR(t0sz, tg0)	((uint64_t)(t0sz) | (uint64_t)(tg0) << 14 | (uint64_t)(t0sz) << 16)
#define TG1_4K		(UINT64_C(2) << 30)
#define TBI0		(UINT64_C(1) << 37)
#define EPD0		(UINT64_C(1) << 7)
#define DS		(UINT64_C(1) << 59)
#define IPS_52		(UINT64_C(6) << 32)
#define EE		(UINT64_C(1) << 25)

static uint64_t ram[RAM_SIZE / 8];
static bool all_tables;			/* whatever is read is a table, wherever */
static unsigned int reads;
static uint64_t regs[8];
static struct vm vm;
static struct vcpu vcpu = { .vm = &vm };
static struct arch_walk w;

uint64_t arch_vcpu_sysreg(const struct vcpu *v, enum arch_sysreg_id id)
{
	return regs[id];
}

int vm_read(struct vm *v, ipa_t from, void *to, uint64_t len)
{
	assert_int_equal(len, 8);
	reads++;
	if (all_tables) {
		*(uint64_t *)to = random_u64() | IS_TABLE;
		return 0;
	}
	if (from.ipa < RAM || from.ipa > RAM + RAM_SIZE - len)
		return -EFAULT;
	memcpy(to, (uint8_t *)ram + (from.ipa - RAM), len);
	return 0;
}

int pgtable_lookup(const struct pgtable *pt, uint64_t ia, struct pgtable_leaf *leaf)
{
	if (ia >> 40)
		return -ENOENT;
	*leaf = (struct pgtable_leaf){ .pa = { ia + 0x1000000000 } };
	return 0;
}

static void put(uint64_t table, unsigned int index, uint64_t desc)
{
	ram[(table - RAM) / 8 + index] = desc;
}

static const char *walk(uint64_t va)
{
	reads = 0;
	walk_stage1(&vcpu, va, &w);
	assert_true(reads <= ARCH_WALK_LEVELS);
	assert_true(w.nr <= ARCH_WALK_LEVELS);
	for (unsigned int i = 0; i < w.nr; i++)
		assert_true(w.steps[i].level >= -1 && w.steps[i].level <= 3);
	return w.end;
}

/* 4 KiB granule, 39 bits: three levels. One page at 0x40201000, one block at 0x40400000. */
static int setup(void **state)
{
	memset(ram, 0, sizeof(ram));
	all_tables = false;
	regs[ARCH_SCTLR_EL1] = 1;
	regs[ARCH_TCR_EL1] = TCR(25, 0) | TG1_4K;
	regs[ARCH_TTBR0_EL1] = TABLE(0);
	regs[ARCH_TTBR1_EL1] = TABLE(3) | UINT64_C(5) << 48 | 1;
	put(TABLE(0), 1, TABLE(1) | IS_TABLE);
	put(TABLE(1), 1, TABLE(2) | IS_TABLE);
	put(TABLE(1), 2, 0x55600000 | IS_BLOCK | UINT64_C(3) << 53);
	put(TABLE(2), 1, 0x51234000 | IS_PAGE);
	put(TABLE(3), 511, 0x80000000 | IS_BLOCK);
	return 0;
}

static void test_pages_and_blocks_are_found(void **state)
{
	assert_null(walk(0x40201678));
	assert_int_equal(w.ipa, 0x51234678);
	assert_int_equal(w.nr, 3);
	assert_true(w.in_stage2);
	assert_int_equal(w.pa, 0x1051234678);
	assert_null(walk(0x40412345));
	assert_int_equal(w.ipa, 0x55612345);
	assert_int_equal(w.nr, 2);
	/* The upper half, with an ASID and CnP in its TTBR. */
	assert_null(walk(UINT64_C(0xffffffffc0001234)));
	assert_int_equal(w.ipa, 0x80001234);
}

static void test_what_is_not_mapped_ends_the_walk(void **state)
{
	assert_string_equal(walk(0x40202000), "an invalid descriptor");
	assert_int_equal(w.nr, 3);
	assert_string_equal(walk(0x80000000), "an invalid descriptor");
	put(TABLE(2), 1, 0x51234000 | IS_BLOCK);
	assert_string_equal(walk(0x40201000), "an invalid descriptor");
	put(TABLE(0), 1, UINT64_C(0x123456789000) | IS_TABLE);
	assert_string_equal(walk(0x40201000), "a table lies outside the VM's memory");
}

static void test_addresses_beyond_the_size_are_refused(void **state)
{
	assert_string_equal(walk(UINT64_C(1) << 39), "beyond TCR_EL1's size");
	assert_string_equal(walk(UINT64_C(0xff) << 56 | 0x40201000), "beyond TCR_EL1's size");
	regs[ARCH_TCR_EL1] |= TBI0;
	assert_null(walk(UINT64_C(0xff) << 56 | 0x40201678));
	assert_int_equal(w.ipa, 0x51234678);
	regs[ARCH_TCR_EL1] |= EPD0;
	assert_non_null(strstr(walk(0x40201000), "is off"));
}

static void test_without_stage_1_the_address_is_the_ipa(void **state)
{
	regs[ARCH_SCTLR_EL1] = 0;
	assert_null(walk(0x12345678));
	assert_int_equal(w.ipa, 0x12345678);
	assert_false(w.mmu_on);
	assert_null(walk(UINT64_C(1) << 47));
	assert_false(w.in_stage2);
	assert_non_null(walk(UINT64_C(1) << 63));
}

/* D8.3.1: the first level of four has no blocks, nor has the first one of the larger granules. */
static void test_no_block_where_only_tables_are(void **state)
{
	regs[ARCH_TCR_EL1] = TCR(16, 0);
	put(TABLE(0), 0, 0x51234000 | IS_BLOCK);
	assert_string_equal(walk(0x1000), "an invalid descriptor");
	for (unsigned int tg0 = 1; tg0 <= 2; tg0++) {
		regs[ARCH_TCR_EL1] = TCR(16 + 8 * (tg0 == 2), tg0);
		assert_string_equal(walk(0x1000), "an invalid descriptor");
	}
	/* Level 1 of the 4 KiB granule has. */
	regs[ARCH_TCR_EL1] = TCR(25, 0);
	assert_null(walk(0x1000));
}

static void test_tables_of_a_big_endian_guest_are_big_endian(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ram); i++)
		ram[i] = __builtin_bswap64(ram[i]);
	assert_string_equal(walk(0x40201678), "an invalid descriptor");
	regs[ARCH_SCTLR_EL1] |= EE;
	assert_null(walk(0x40201678));
	assert_int_equal(w.ipa, 0x51234678);
	assert_int_equal(w.steps[2].desc, 0x51234000 | IS_PAGE);
}

/* TCR_EL1.DS: 52 bits of virtual addresses start at level -1, and bits 51 and 50 of one are lower down. */
static void test_52_bits_with_4_kib_granules(void **state)
{
	regs[ARCH_TCR_EL1] = TCR(12, 0) | DS | IPS_52;
	/*
	 * Its root, of 16 entries, at 1 << 48 | RAM + 0x80 would be outside of RAM; in RAM, only alignment
	 * shows.
	 */
	regs[ARCH_TTBR0_EL1] = TABLE(4) + 0x80;
	put(TABLE(4), 16 + 5, TABLE(5) | IS_TABLE);
	put(TABLE(5), 1, TABLE(0) | IS_TABLE);
	put(TABLE(2), 1, UINT64_C(0x3000051234000) | 0x200 | IS_PAGE);
	assert_null(walk(UINT64_C(5) << 48 | UINT64_C(1) << 39 | 0x40201678));
	assert_int_equal(w.nr, 5);
	assert_int_equal(w.steps[0].level, -1);
	assert_int_equal(w.ipa, UINT64_C(0xb000051234678));
	put(TABLE(5), 1, UINT64_C(0x40000000) | 0x100 | IS_TABLE);
	assert_string_equal(walk(UINT64_C(5) << 48 | UINT64_C(1) << 39),
			    "a table lies outside the VM's memory");
	assert_int_equal(w.steps[w.nr].at, UINT64_C(1) << 50 | 0x40000000);
	/* A block of 512 GiB, which there is no other way. */
	put(TABLE(5), 1, UINT64_C(3) << 39 | IS_BLOCK);
	assert_null(walk(UINT64_C(5) << 48 | UINT64_C(1) << 39 | 0x40201678));
	assert_int_equal(w.ipa, UINT64_C(3) << 39 | 0x40201678);
	regs[ARCH_TTBR0_EL1] = 4 | TABLE(4);
	assert_non_null(walk(0));
	assert_int_equal(w.steps[0].at, UINT64_C(1) << 48 | TABLE(4));
}

/* The 64 KiB granule has 52 bits without DS; bits 51 to 48 of an address are 15 to 12 of a descriptor. */
static void test_52_bits_with_64_kib_granules(void **state)
{
	regs[ARCH_TCR_EL1] = TCR(12, 1) | IPS_52;
	put(TABLE(0), 0, (UINT64_C(1) << 42) | 0xa000 | IS_BLOCK);
	assert_null(walk(0x12345678));
	assert_int_equal(w.steps[0].level, 1);
	assert_int_equal(w.ipa, UINT64_C(0xa) << 48 | UINT64_C(1) << 42 | 0x12345678);
	regs[ARCH_TCR_EL1] = TCR(12, 1);
	assert_string_equal(walk(0x12345678), "an invalid descriptor");
}

/* FEAT_TTST: the last level alone. */
static void test_16_bits_of_address_are_one_level(void **state)
{
	regs[ARCH_TCR_EL1] = TCR(48, 0);
	put(TABLE(0), 3, 0x51234000 | IS_PAGE);
	assert_null(walk(0x3678));
	assert_int_equal(w.steps[0].level, 3);
	assert_int_equal(w.ipa, 0x51234678);
}

static void test_a_root_is_aligned_to_its_size(void **state)
{
	regs[ARCH_TTBR0_EL1] |= 0x7f8;
	assert_null(walk(0x40201678));
	assert_int_equal(w.ipa, 0x51234678);
}

#define ELSEWHERE	UINT64_C(0x30000000)

/* The level of an abort on the walk: of the descriptor whose page stage 2 refused. */
static void test_the_level_whose_table_is_missing(void **state)
{
	put(TABLE(1), 1, ELSEWHERE | IS_TABLE);
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, ELSEWHERE), 3);
	put(TABLE(0), 1, ELSEWHERE | IS_TABLE);
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, ELSEWHERE), 2);
	regs[ARCH_TTBR0_EL1] = ELSEWHERE;
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, ELSEWHERE), 1);
	regs[ARCH_TCR_EL1] = TCR(16, 0);
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, ELSEWHERE), 0);
	regs[ARCH_TCR_EL1] = TCR(12, 0) | DS;
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, ELSEWHERE), -1);
}

/* A write of the walker's own: flags of a descriptor that can be read. */
static void test_the_level_of_a_table_that_is_read_only(void **state)
{
	assert_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, TABLE(0)), 1);
	assert_int_equal(walk_level_of(&w, TABLE(2)), 3);
	put(TABLE(0), 1, TABLE(0) | IS_TABLE);
	assert_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, TABLE(0)), 3);
}

/* A table in a shared window, which EL2 does not read; what that one leads to is missing. */
static void test_behind_a_table_that_cannot_be_read_the_level_is_the_next(void **state)
{
	put(TABLE(0), 1, ELSEWHERE | IS_TABLE);
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, 0x20000000), 3);
	put(TABLE(0), 1, TABLE(1) | IS_TABLE);
	put(TABLE(1), 1, ELSEWHERE | IS_TABLE);
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, 0x20000000), 3);
	/* Nothing is known. */
	regs[ARCH_TCR_EL1] |= EPD0;
	assert_non_null(walk(0x40201678));
	assert_int_equal(walk_level_of(&w, 0x20000000), 0);
}

static void test_no_value_of_tcr_leads_astray(void **state)
{
	static const uint64_t some[] = {
		0, 0x40201000, GENMASK(23, 0), GENMASK(24, 0), GENMASK(47, 0), GENMASK(54, 0), UINT64_MAX,
		UINT64_MAX << 25, UINT64_MAX << 47, BIT(55), UINT64_C(0x00ff) << 48,
	};

	all_tables = true;
	for (unsigned int size = 0; size < 64; size++) {
		for (unsigned int granules = 0; granules < 256; granules++) {
			regs[ARCH_TCR_EL1] = TCR(size, granules & 3) | (uint64_t)(granules >> 2 & 3) << 30 |
					     (granules & 32 ? TBI0 | TBI0 << 1 : 0) |
					     (granules & 64 ? DS : 0) | (granules & 128 ? IPS_52 : 0);
			for (unsigned int i = 0; i < ARRAY_SIZE(some); i++)
				walk(some[i]);
		}
	}
}

static void test_random_registers_and_tables_end(void **state)
{
	for (unsigned int n = 0; n < 200000; n++) {
		all_tables = random_below(4) == 0;
		for (unsigned int i = 0; i < 4; i++)
			regs[i] = random_u64();
		regs[ARCH_SCTLR_EL1] |= 1;
		regs[ARCH_TTBR0_EL1] = RAM + random_below(RAM_SIZE);
		ram[random_below(ARRAY_SIZE(ram))] = (random_u64() & ~GENMASK(47, 20)) | RAM;
		walk(random_below(2) ? random_u64() : random_u64() >> random_below(64));
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_pages_and_blocks_are_found),
		T(test_what_is_not_mapped_ends_the_walk),
		T(test_addresses_beyond_the_size_are_refused),
		T(test_without_stage_1_the_address_is_the_ipa),
		T(test_no_block_where_only_tables_are),
		T(test_tables_of_a_big_endian_guest_are_big_endian),
		T(test_52_bits_with_4_kib_granules),
		T(test_52_bits_with_64_kib_granules),
		T(test_16_bits_of_address_are_one_level),
		T(test_a_root_is_aligned_to_its_size),
		T(test_the_level_whose_table_is_missing),
		T(test_the_level_of_a_table_that_is_read_only),
		T(test_behind_a_table_that_cannot_be_read_the_level_is_the_next),
		T(test_no_value_of_tcr_leads_astray),
		T(test_random_registers_and_tables_end),
	};
#undef T

	random_seed("test_walk");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
