// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bitmap.h"
#include "tests/unit/random.h"

#define NBITS	200

static uint64_t map[BITMAP_WORDS(NBITS)];
static bool model[NBITS];

static unsigned int model_find(bool value, unsigned int nbits, unsigned int start)
{
	while (start < nbits && model[start] != value)
		start++;
	return start < nbits ? start : nbits;
}

static void test_words_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(BITMAP_WORDS(0), 0);
	assert_int_equal(BITMAP_WORDS(1), 1);
	assert_int_equal(BITMAP_WORDS(64), 1);
	assert_int_equal(BITMAP_WORDS(65), 2);
}

static void test_bits_are_set_and_cleared_one_by_one(void **state)
{
	(void)state;
	memset(map, 0, sizeof(map));
	memset(model, 0, sizeof(model));
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int bit = random_below(NBITS);

		model[bit] = random_below(2);
		if (model[bit])
			bitmap_set(map, bit);
		else
			bitmap_clear(map, bit);
		for (unsigned int b = 0; b < NBITS; b++)
			assert_int_equal(bitmap_test(map, b), model[b]);
	}
}

static void test_searches_find_the_first_bit_from_anywhere(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		unsigned int density = 1 + random_below(NBITS), nbits = random_below(NBITS + 1);

		memset(map, 0, sizeof(map));
		for (unsigned int b = 0; b < NBITS; b++) {
			model[b] = random_below(NBITS) >= density;
			if (model[b])
				bitmap_set(map, b);
		}
		assert_int_equal(bitmap_find_first_zero(map, nbits), model_find(false, nbits, 0));
		for (unsigned int b = 0; b <= nbits; b++)
			assert_int_equal(bitmap_find_next_set(map, nbits, b),
					 model_find(true, nbits, b));
	}
}

static void test_searches_of_full_and_empty_maps_return_the_size(void **state)
{
	(void)state;
	memset(map, 0xff, sizeof(map));
	assert_int_equal(bitmap_find_first_zero(map, 64), 64);
	assert_int_equal(bitmap_find_first_zero(map, NBITS), NBITS);
	memset(map, 0, sizeof(map));
	assert_int_equal(bitmap_find_next_set(map, 128, 0), 128);
	assert_int_equal(bitmap_find_next_set(map, 128, 128), 128);
	assert_int_equal(bitmap_find_next_set(map, 0, 0), 0);
}

static void test_visiting_set_bits_allows_clearing_them(void **state)
{
	static const unsigned int bits[] = { 0, 1, 63, 64, 127, 150, 199 };
	unsigned int bit, n = 0;

	(void)state;
	memset(map, 0, sizeof(map));
	for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++)
		bitmap_set(map, bits[i]);
	bitmap_for_each_set(bit, map, NBITS) {
		assert_int_equal(bit, bits[n++]);
		bitmap_clear(map, bit);
	}
	assert_int_equal(n, ARRAY_SIZE(bits));
	assert_int_equal(bitmap_find_next_set(map, NBITS, 0), NBITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_rounded_up),
		cmocka_unit_test(test_bits_are_set_and_cleared_one_by_one),
		cmocka_unit_test(test_searches_find_the_first_bit_from_anywhere),
		cmocka_unit_test(test_searches_of_full_and_empty_maps_return_the_size),
		cmocka_unit_test(test_visiting_set_bits_allows_clearing_them),
	};

	random_seed("test_bitmap");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
