// SPDX-License-Identifier: MIT
/* The generator: what it hands out, what it forgets, what counts as entropy, and a RNDR that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/random.h"
#include "tests/host/fake.h"

#define WORDS_PER_BLOCK	4	/* of 64 bits */
#define MANY		4096

static const uint8_t seed[64] = "neither zeros nor the same byte over and over, 64 bytes of it.";
static const uint8_t other_seed[64] = "Neither zeros nor the same byte over and over, 64 bytes of it.";

/* RNDR: what it gives next, how many it has left, how often it was asked, how often it fails before each. */
static uint64_t hw_value;
static unsigned int hw_left, hw_asked, hw_failures, hw_failed;

static bool hw(uint64_t *value)
{
	hw_asked++;
	if (!hw_left || hw_failed < hw_failures) {
		hw_failed++;
		return false;
	}
	hw_failed = 0;
	hw_left--;
	*value = hw_value++;
	return true;
}

static int setup(void **state)
{
	fake_reset();
	hw_value = 0x1234;
	hw_left = 1000000;
	hw_asked = hw_failures = hw_failed = 0;
	return 0;
}

static void on_cpu(unsigned int id)
{
	fake_this_cpu = &cpus[id];
}

static void draw(uint64_t *words, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		words[i] = random_word();
}

/* Whether these bytes are anywhere in a CPU's generator. */
static bool holds(const void *bytes, size_t size)
{
	const uint8_t *in = (const uint8_t *)&this_cpu()->random;

	for (size_t at = 0; at + size <= sizeof(struct random); at++) {
		if (!memcmp(in + at, bytes, size))
			return true;
	}
	return false;
}

static void test_numbers_are_the_second_halves_of_blocks_whose_first_is_the_next_key(void **state)
{
	uint32_t in[CHACHA20_WORDS], out[CHACHA20_WORDS];
	uint64_t drawn[3 * WORDS_PER_BLOCK];

	random_init(seed, sizeof(seed));
	memcpy(in, this_cpu()->random.state, sizeof(in));
	draw(drawn, 3 * WORDS_PER_BLOCK);
	for (unsigned int i = 0; i < 3; i++) {
		in[CHACHA20_NONCE] = 0;
		chacha20_block(in, out);
		assert_memory_equal(&drawn[i * WORDS_PER_BLOCK], &out[CHACHA20_KEY_WORDS], 32);
		memcpy(&in[CHACHA20_KEY], out, 32);
	}
}

static void test_neither_the_old_key_nor_what_was_handed_out_is_kept(void **state)
{
	uint32_t key[CHACHA20_KEY_WORDS];
	uint64_t word;

	random_init(seed, sizeof(seed));
	assert_false(holds("zeros nor", 8));
	for (unsigned int i = 0; i < 100; i++) {
		memcpy(key, &this_cpu()->random.state[CHACHA20_KEY], sizeof(key));
		word = random_word();
		assert_false(holds(&word, sizeof(word)));
		assert_false(holds(&word, sizeof(uint32_t)));
		/* A number out of the rest of a block leaves the key. */
		if (i % WORDS_PER_BLOCK)
			continue;
		for (unsigned int k = 0; k < CHACHA20_KEY_WORDS; k++)
			assert_false(holds(&key[k], sizeof(key[k])));
	}
}

/* Of the state after a draw, the key makes the next block; nothing of it makes the last one. */
static void test_the_next_key_is_not_among_the_numbers(void **state)
{
	static uint64_t drawn[MANY];
	uint32_t key[CHACHA20_KEY_WORDS];

	random_init(seed, sizeof(seed));
	for (unsigned int i = 0; i < MANY; i += WORDS_PER_BLOCK) {
		draw(&drawn[i], WORDS_PER_BLOCK);
		memcpy(key, &this_cpu()->random.state[CHACHA20_KEY], sizeof(key));
		for (unsigned int k = 0; k < WORDS_PER_BLOCK; k++)
			assert_memory_not_equal(&drawn[i + k], &key[2 * k], sizeof(uint64_t));
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void assert_all_differ(uint64_t *words, unsigned int n)
{
	qsort(words, n, sizeof(*words), compare);
	for (unsigned int i = 1; i < n; i++)
		assert_int_not_equal(words[i - 1], words[i]);
}

static void test_no_two_cpus_draw_the_same_numbers(void **state)
{
	static uint64_t drawn[3 * MANY];

	if (CONFIG_NR_CPUS < 3)
		skip();
	random_init(seed, sizeof(seed));
	random_init_cpu(&cpus[1]);
	random_init_cpu(&cpus[2]);
	for (unsigned int id = 0; id < 3; id++) {
		on_cpu(id);
		assert_true(random_has_entropy());
		draw(&drawn[id * MANY], MANY);
	}
	assert_all_differ(drawn, 3 * MANY);
}

static void test_a_cpu_s_key_does_not_stay_with_the_one_that_drew_it(void **state)
{
	uint32_t key[CHACHA20_KEY_WORDS];

	if (CONFIG_NR_CPUS < 2)
		skip();
	random_init(seed, sizeof(seed));
	random_init_cpu(&cpus[1]);
	memcpy(key, &cpus[1].random.state[CHACHA20_KEY], sizeof(key));
	for (unsigned int k = 0; k < CHACHA20_KEY_WORDS; k++)
		assert_false(holds(&key[k], sizeof(key[k])));
}

static void test_the_same_seed_gives_the_same_numbers_another_one_others(void **state)
{
	static uint64_t drawn[3][64];
	const uint8_t *seeds[] = { seed, seed, other_seed };

	for (unsigned int i = 0; i < 3; i++) {
		random_init(seeds[i], sizeof(seed));
		draw(drawn[i], 64);
	}
	assert_memory_equal(drawn[0], drawn[1], sizeof(drawn[0]));
	for (unsigned int i = 0; i < 64; i++)
		assert_int_not_equal(drawn[0][i], drawn[2][i]);
}

/* Each byte of it, and how many there are. */
static void test_all_of_a_seed_matters(void **state)
{
	uint64_t first[2 * sizeof(seed) + 1];
	unsigned int n = 0;

	for (unsigned int len = 0; len <= sizeof(seed); len++) {
		random_init(seed, len);
		first[n++] = random_word();
	}
	for (unsigned int at = 0; at < sizeof(seed); at++) {
		uint8_t changed[sizeof(seed)];

		memcpy(changed, seed, sizeof(seed));
		changed[at] ^= 0x80;
		random_init(changed, sizeof(changed));
		first[n++] = random_word();
	}
	assert_all_differ(first, n);
}

static void test_zeros_behind_a_seed_make_another_seed(void **state)
{
	static const uint8_t longer[40] = "the same beginning, then only zeros";
	uint64_t first[6];

	for (unsigned int i = 0; i < 6; i++) {
		random_init(longer, sizeof(longer) - i);
		first[i] = random_word();
	}
	assert_all_differ(first, 6);
}

static void test_32_bytes_of_a_seed_are_entropy_less_is_not(void **state)
{
	random_init(NULL, 0);
	assert_false(random_has_entropy());
	random_init(seed, 31);
	assert_false(random_has_entropy());
	random_init(seed, 32);
	assert_true(random_has_entropy());
	random_init(seed, sizeof(seed));
	assert_true(random_has_entropy());
}

static void test_a_seed_that_was_blanked_is_no_entropy(void **state)
{
	uint8_t blank[64] = { 0 };

	random_init(blank, sizeof(blank));
	assert_false(random_has_entropy());
	memset(blank, 0xff, sizeof(blank));
	random_init(blank, sizeof(blank));
	assert_false(random_has_entropy());
	blank[63] = 0;
	random_init(blank, sizeof(blank));
	assert_true(random_has_entropy());
}

/* The boot is not to take longer for a seed that fills a device tree. */
static void test_a_long_seed_is_cut(void **state)
{
	static uint8_t large[MIB(2)];
	uint64_t word;

	memset(large, 0x5c, sizeof(large));
	memcpy(large, seed, sizeof(seed));
	random_init(large, sizeof(large));
	word = random_word();
	random_init(large, 512);
	assert_int_equal(word, random_word());
	random_init(large, 511);
	assert_int_not_equal(word, random_word());
}

static void test_boots_at_other_times_draw_other_numbers(void **state)
{
	uint64_t word;

	random_init(seed, sizeof(seed));
	word = random_word();
	fake_counter++;
	random_init(seed, sizeof(seed));
	assert_int_not_equal(word, random_word());
}

static void test_rndr_is_entropy_and_changes_all_numbers(void **state)
{
	static uint64_t drawn[3][64];

	random_init(NULL, 0);
	draw(drawn[0], 64);
	fake_random_hw = hw;
	for (unsigned int i = 1; i < 3; i++) {
		random_init(NULL, 0);
		assert_true(random_has_entropy());
		draw(drawn[i], 64);
	}
	for (unsigned int i = 0; i < 64; i++) {
		assert_int_not_equal(drawn[0][i], drawn[1][i]);
		assert_int_not_equal(drawn[1][i], drawn[2][i]);
	}
}

static void test_rndr_is_asked_again_after_64_blocks(void **state)
{
	unsigned int asked;

	fake_random_hw = hw;
	random_init(seed, sizeof(seed));
	assert_int_equal(hw_asked, 4);
	for (unsigned int i = 0; i < 64 * WORDS_PER_BLOCK; i++)
		random_word();
	asked = hw_asked;
	random_word();
	assert_int_equal(asked, 4);
	assert_int_equal(hw_asked, 8);
}

/* What a CPU had before is of no use for what it draws after. */
static void test_a_known_state_is_unknown_after_rndr_was_asked(void **state)
{
	struct random known;
	uint64_t after;

	fake_random_hw = hw;
	random_init(seed, sizeof(seed));
	for (unsigned int i = 0; i < 64 * WORDS_PER_BLOCK; i++)
		random_word();
	known = this_cpu()->random;
	after = random_word();
	this_cpu()->random = known;
	hw_value += 1000;
	assert_int_not_equal(random_word(), after);
}

static void test_rndr_that_fails_now_and_then_is_asked_again(void **state)
{
	fake_random_hw = hw;
	hw_failures = 9;
	random_init(NULL, 0);
	assert_true(random_has_entropy());
	assert_int_equal(hw_asked, 40);
}

static void test_rndr_that_keeps_failing_is_no_entropy_and_no_endless_loop(void **state)
{
	uint64_t first;

	fake_random_hw = hw;
	hw_left = 0;
	random_init(NULL, 0);
	assert_int_equal(hw_asked, 10);
	assert_false(random_has_entropy());
	assert_int_equal(hw_asked, 20);
	first = random_word();
	assert_int_not_equal(first, random_word());
	assert_true(hw_asked <= 30);
}

/* Also: what the predictable generator had left in its block is not handed out any more. */
static void test_rndr_that_comes_back_makes_numbers_unpredictable(void **state)
{
	struct random before;
	uint64_t predicted;

	fake_random_hw = hw;
	hw_left = 0;
	random_init(NULL, 0);
	random_word();
	before = this_cpu()->random;
	predicted = random_word();
	this_cpu()->random = before;
	hw_left = 4;
	assert_true(random_has_entropy());
	assert_false(holds(&predicted, sizeof(predicted)));
	assert_int_not_equal(random_word(), predicted);
}

/* The fourth of four numbers is missing: that must not pass for a key. */
static void test_a_part_of_what_rndr_was_asked_for_is_no_entropy(void **state)
{
	fake_random_hw = hw;
	hw_left = 3;
	random_init(NULL, 0);
	assert_int_equal(hw_asked, 3 + 10);
	assert_false(random_has_entropy());
	hw_left = 4;
	assert_true(random_has_entropy());
}

/* Where the boot CPU has no RNDR and no seed, but another one has RNDR. */
static void test_a_cpu_with_rndr_needs_no_entropy_of_the_boot_cpu(void **state)
{
	if (CONFIG_NR_CPUS < 2)
		skip();
	random_init(NULL, 0);
	random_init_cpu(&cpus[1]);
	assert_false(random_has_entropy());
	on_cpu(1);
	assert_false(random_has_entropy());
	fake_random_hw = hw;
	assert_true(random_has_entropy());
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_numbers_are_the_second_halves_of_blocks_whose_first_is_the_next_key),
		T(test_neither_the_old_key_nor_what_was_handed_out_is_kept),
		T(test_the_next_key_is_not_among_the_numbers),
		T(test_no_two_cpus_draw_the_same_numbers),
		T(test_a_cpu_s_key_does_not_stay_with_the_one_that_drew_it),
		T(test_the_same_seed_gives_the_same_numbers_another_one_others),
		T(test_all_of_a_seed_matters),
		T(test_zeros_behind_a_seed_make_another_seed),
		T(test_32_bytes_of_a_seed_are_entropy_less_is_not),
		T(test_a_seed_that_was_blanked_is_no_entropy),
		T(test_a_long_seed_is_cut),
		T(test_boots_at_other_times_draw_other_numbers),
		T(test_rndr_is_entropy_and_changes_all_numbers),
		T(test_rndr_is_asked_again_after_64_blocks),
		T(test_a_known_state_is_unknown_after_rndr_was_asked),
		T(test_rndr_that_fails_now_and_then_is_asked_again),
		T(test_rndr_that_keeps_failing_is_no_entropy_and_no_endless_loop),
		T(test_rndr_that_comes_back_makes_numbers_unpredictable),
		T(test_a_part_of_what_rndr_was_asked_for_is_no_entropy),
		T(test_a_cpu_with_rndr_needs_no_entropy_of_the_boot_cpu),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
