// SPDX-License-Identifier: MIT
/*
 * lib/string.c, built under other names, against the host's C library. Buffers are allocated to
 * size, so that the sanitizer sees every access outside them.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/types.h"
#include "tests/unit/random.h"

#define SCHISM_STR(name)	schism_##name

void *schism_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *schism_memmove(void *dst, const void *src, size_t n);
void *schism_memset(void *dst, int c, size_t n);
int schism_memcmp(const void *a, const void *b, size_t n);
void *schism_memchr(const void *s, int c, size_t n);
size_t schism_strlen(const char *s);
size_t schism_strnlen(const char *s, size_t max);
char *schism_strchr(const char *s, int c);
char *schism_strrchr(const char *s, int c);
int schism_strcmp(const char *a, const char *b);
int schism_strncmp(const char *a, const char *b, size_t n);
unsigned long schism_strtoul(const char *restrict s, char **restrict end, int base);

#include "lib/string.c"

#define MAX_LEN		200

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static uint8_t *random_bytes(size_t n)
{
	uint8_t *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)random_u64();
	return p;
}

static void test_memcpy_copies_any_length_at_any_alignment(void **state)
{
	(void)state;
	for (size_t n = 0; n < MAX_LEN; n++) {
		for (size_t a = 0; a < 64; a++) {
			size_t to = a % 8, from = a / 8;
			uint8_t *src = malloc(from + n + 1), *dst = malloc(to + n + 1);

			for (size_t i = 0; i < n; i++)
				src[from + i] = (uint8_t)random_u64();
			src = realloc(src, from + n ? from + n : 1);
			dst = realloc(dst, to + n ? to + n : 1);
			assert_ptr_equal(schism_memcpy(dst + to, src + from, n), dst + to);
			assert_memory_equal(dst + to, src + from, n);
			free(src);
			free(dst);
		}
	}
}

static void test_memmove_copes_with_every_overlap(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 40000; i++) {
		size_t size = 1 + random_below(MAX_LEN), n = random_below(size + 1);
		size_t to = random_below(size - n + 1), from = random_below(size - n + 1);
		uint8_t *p = random_bytes(size), *q = malloc(size);

		memcpy(q, p, size);
		memmove(q + to, q + from, n);
		assert_ptr_equal(schism_memmove(p + to, p + from, n), p + to);
		assert_memory_equal(p, q, size);
		free(p);
		free(q);
	}
}

static void test_memset_fills_what_it_is_given_and_no_more(void **state)
{
	(void)state;
	for (size_t n = 0; n < MAX_LEN; n++) {
		for (size_t at = 0; at < 8; at++) {
			uint8_t *p = calloc(1, at + n + 9);

			assert_ptr_equal(schism_memset(p + at, 0x1a5, n), p + at);
			for (size_t i = 0; i < at + n + 9; i++)
				assert_int_equal(p[i], i >= at && i < at + n ? 0xa5 : 0);
			free(p);
		}
	}
}

static void test_memcmp_orders_by_the_first_difference(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 40000; i++) {
		size_t n = random_below(64), a = random_below(8), b = random_below(8);
		uint8_t *p = random_bytes(a + n), *q = random_bytes(b + n);

		memcpy(q + b, p + a, n);
		for (unsigned int d = random_below(3); d > 0 && n > 0; d--)
			q[b + random_below(n)] = (uint8_t)random_u64();
		assert_int_equal(sign(schism_memcmp(p + a, q + b, n)),
				 sign(memcmp(p + a, q + b, n)));
		free(p);
		free(q);
	}
}

static void test_searches_find_what_the_c_library_finds(void **state)
{
	static const char *const texts[] = { "", "a", "abcabc", "/soc/uart@9000:1152", "\xff\x80" };

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
		const char *s = texts[t];

		assert_int_equal(schism_strlen(s), strlen(s));
		for (size_t n = 0; n < 30; n++)
			assert_int_equal(schism_strnlen(s, n), strnlen(s, n));
		for (int c = -128; c < 256; c++) {
			assert_ptr_equal(schism_strchr(s, c), strchr(s, c));
			assert_ptr_equal(schism_strrchr(s, c), strrchr(s, c));
			for (size_t n = 0; n <= strlen(s); n++)
				assert_ptr_equal(schism_memchr(s, c, n), memchr(s, c, n));
		}
	}
}

static void test_string_comparisons_are_of_unsigned_characters(void **state)
{
	static const char *const texts[] = {
		"", "a", "ab", "abc", "abd", "b", "\x7f", "\x80", "\xff",
	};

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(texts); a++)
		for (size_t b = 0; b < ARRAY_SIZE(texts); b++) {
			assert_int_equal(sign(schism_strcmp(texts[a], texts[b])),
					 sign(strcmp(texts[a], texts[b])));
			for (size_t n = 0; n < 5; n++)
				assert_int_equal(sign(schism_strncmp(texts[a], texts[b], n)),
						 sign(strncmp(texts[a], texts[b], n)));
		}
}

static void test_strncmp_reads_no_further_than_it_may(void **state)
{
	char *a = malloc(3), *b = malloc(3);

	(void)state;
	memcpy(a, "abc", 3);
	memcpy(b, "abc", 3);
	assert_int_equal(schism_strncmp(a, b, 3), 0);
	assert_int_equal(schism_strnlen(a, 3), 3);
	free(a);
	free(b);
}

static void test_strtoul_reads_numbers_as_in_c(void **state)
{
	static const char *const texts[] = {
		"", "0", "42", "  42", "\t\n+42x", "-1", "0x1f", "0X1Fg", "0x", "0xg", "017", "08",
		"z", "115200n8", "18446744073709551615", "18446744073709551616",
		"99999999999999999999999",
		"-99999999999999999999999", "- 1", "+-1", "zZ9", "0b1",
	};
	static const int bases[] = { 0, 2, 8, 10, 16, 36 };
	char *ours, *theirs;

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
		for (size_t b = 0; b < ARRAY_SIZE(bases); b++) {
			assert_int_equal(schism_strtoul(texts[t], &ours, bases[b]),
					 strtoul(texts[t], &theirs, bases[b]));
			assert_ptr_equal(ours, theirs);
		}
	assert_int_equal(schism_strtoul("7", NULL, 10), 7);
}

static void test_strlcpy_cuts_and_terminates(void **state)
{
	char buf[4] = "###";

	(void)state;
	assert_int_equal(strlcpy(buf, "ab", sizeof(buf)), 2);
	assert_string_equal(buf, "ab");
	assert_int_equal(strlcpy(buf, "abcdef", sizeof(buf)), 6);
	assert_string_equal(buf, "abc");
	assert_int_equal(strlcpy(buf, "xyz", 0), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(strlcpy(buf, "", 1), 0);
	assert_string_equal(buf, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memcpy_copies_any_length_at_any_alignment),
		cmocka_unit_test(test_memmove_copes_with_every_overlap),
		cmocka_unit_test(test_memset_fills_what_it_is_given_and_no_more),
		cmocka_unit_test(test_memcmp_orders_by_the_first_difference),
		cmocka_unit_test(test_searches_find_what_the_c_library_finds),
		cmocka_unit_test(test_string_comparisons_are_of_unsigned_characters),
		cmocka_unit_test(test_strncmp_reads_no_further_than_it_may),
		cmocka_unit_test(test_strtoul_reads_numbers_as_in_c),
		cmocka_unit_test(test_strlcpy_cuts_and_terminates),
	};

	random_seed("test_string");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
