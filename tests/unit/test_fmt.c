// SPDX-License-Identifier: MIT
/*
 * fmt_snprintf() against the C library's snprintf(), which is right by definition, and the few
 * things where Schism's own is meant to differ.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fmt.h"
#include "lib/types.h"

static char ours[256], theirs[256];

/* Both into a buffer of that size, which the compiler shall not know: it would warn. */
#define check_size(bytes, ...)								\
	do {										\
		volatile size_t size = bytes;						\
		int expected_, got_;							\
		memset(ours, '#', sizeof(ours));					\
		memset(theirs, '#', sizeof(theirs));					\
		expected_ = snprintf(theirs, size, __VA_ARGS__);			\
		got_ = fmt_snprintf(ours, size, __VA_ARGS__);				\
		if (memcmp(ours, theirs, sizeof(ours)) != 0 || got_ != expected_)	\
			fail_msg("%s: \"%.200s\" (%d), not \"%.200s\" (%d)", #__VA_ARGS__,	\
				 ours, got_, theirs, expected_);			\
	} while (0)

#define check(...)					\
	do {						\
		check_size(sizeof(ours), __VA_ARGS__);	\
		check_size(12, __VA_ARGS__);		\
		check_size(3, __VA_ARGS__);		\
		check_size(1, __VA_ARGS__);		\
		check_size(0, __VA_ARGS__);		\
	} while (0)

/* The compiler would warn about combinations that ignore a flag: they are tested through these. */
static const char *const number_flags[] = {
	"", "-", "0", "+", " ", "#", "-0", "0-", "+0", " 0", "+ ", "#0", "-#", "-+", "-+ #0",
};
static const char *const number_widths[] = {
	"", "1", "5", "12", "23", ".0", ".1", ".3", ".", ".20", "5.3", "12.0", "24.21", "3.8",
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void check_all(const char *length, const char *convs, uint64_t value)
{
	char format[32];

	for (size_t f = 0; f < ARRAY_SIZE(number_flags); f++)
		for (size_t w = 0; w < ARRAY_SIZE(number_widths); w++)
			for (const char *c = convs; *c != '\0'; c++) {
				snprintf(format, sizeof(format), "<%%%s%s%s%c>", number_flags[f],
					 number_widths[w], length, *c);
				if (strcmp(length, "") == 0 || length[0] == 'h')
					check_size(sizeof(ours), format, (int)value);
				else
					check_size(sizeof(ours), format, value);
			}
}
#pragma GCC diagnostic pop

static void test_integers_print_as_in_c_with_all_flags_widths_and_lengths(void **state)
{
	static const uint64_t values[] = {
		0, 1, 7, 9, 10, 42, 99, 100, 127, 128, 255, 256, 32767, 32768, 65535, 65536,
		123456789, INT_MAX, 1u + INT_MAX, UINT_MAX, 1ull + UINT_MAX, INT64_MAX,
		1ull + INT64_MAX,
		UINT64_MAX, 0xdeadbeefcafef00d, 10000000000000000000ull, -1ull, -42ull,
	};
	static const char *const lengths[] = { "", "h", "hh", "l", "ll", "z", "t", "j" };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(lengths); l++)
		for (size_t v = 0; v < ARRAY_SIZE(values); v++)
			check_all(lengths[l], "diuxX", values[v]);
}

static void test_width_and_precision_come_from_arguments(void **state)
{
	(void)state;
	check("%*d|%-*d|%.*d", 8, 42, 8, 42, 5, 42);
	check("%*d|%*d", -8, 42, 0, 7);
	check("%.*d|%.*s", -1, 0, -1, "all of it");
	check("%*.*x", 10, 4, 0xab);
	check("%*s|%-*s|%.*s", 6, "ab", 6, "cd", 3, "efghij");
}

static void test_strings_are_padded_and_cut(void **state)
{
	(void)state;
	check("%s", "");
	check("%s %s", "two", "words");
	check("%10s|%-10s|%3s", "right", "left", "too long for it");
	check("%.3s|%.0s|%.20s", "abcdef", "unseen", "short");
	check("%8.3s|%-8.3s|", "abcdef", "ghijkl");
	check("%s", "a text that is longer than the small buffers are, by far");
}

static void test_precision_bounds_reads_of_an_unterminated_string(void **state)
{
	char *text = malloc(4);

	(void)state;
	memcpy(text, "abcd", 4);
	fmt_snprintf(ours, sizeof(ours), "%.4s", text);
	assert_string_equal(ours, "abcd");
	free(text);
}

static void test_characters_and_percent_signs(void **state)
{
	(void)state;
	check("%c%c%c", 'a', 'b', 'c');
	check("%4c|%-4c|", 'x', 'y');
	check("100%% of %d%%", 7);
	check("%c%s", '\0', "behind a NUL");
}

static void test_text_without_conversions_is_copied(void **state)
{
	(void)state;
	check("%s", "");
	check("nothing to convert");
}

static void test_null_string_prints_as_such(void **state)
{
	char *volatile nothing = NULL;

	(void)state;
	fmt_snprintf(ours, sizeof(ours), "<%s>", nothing);
	assert_string_equal(ours, "<(null)>");
}

static void test_pointers_have_16_digits(void **state)
{
	(void)state;
	assert_int_equal(fmt_snprintf(ours, sizeof(ours), "%p", (void *)0x40080000), 18);
	assert_string_equal(ours, "0x0000000040080000");
	fmt_snprintf(ours, sizeof(ours), "%p|%20p|%-20p|", NULL, (void *)UINTPTR_MAX, (void *)1);
	assert_string_equal(ours, "0x0000000000000000|  0xffffffffffffffff|0x0000000000000001  |");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wformat-invalid-specifier"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#else
#pragma GCC diagnostic ignored "-Wformat-overflow"
#endif
static void test_unknown_conversions_are_copied_and_take_no_argument(void **state)
{
	(void)state;
	fmt_snprintf(ours, sizeof(ours), "%y %5.2q|%d", 7);
	assert_string_equal(ours, "%y %5.2q|7");
	fmt_snprintf(ours, sizeof(ours), "cut off: %-5");
	assert_string_equal(ours, "cut off: %-5");
	fmt_snprintf(ours, sizeof(ours), "%");
	assert_string_equal(ours, "%");
}
static void test_huge_widths_do_not_overflow(void **state)
{
	volatile int most = INT_MAX, least = INT_MIN;

	(void)state;
	assert_true(fmt_snprintf(ours, sizeof(ours), "%*d%*d", most, 1, least, 2) > 0);
	assert_true(fmt_snprintf(ours, sizeof(ours), "%99999999999999999999d", 1) > 0);
	assert_true(fmt_snprintf(ours, sizeof(ours), "%.*d", most, 1) > 0);
	assert_int_equal(strlen(ours), sizeof(ours) - 1);
}
#pragma GCC diagnostic pop

static void test_size_zero_needs_no_buffer(void **state)
{
	(void)state;
	assert_int_equal(fmt_snprintf(NULL, 0, "%d apples and %s", 12, "no pears at all"), 29);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_print_as_in_c_with_all_flags_widths_and_lengths),
		cmocka_unit_test(test_width_and_precision_come_from_arguments),
		cmocka_unit_test(test_strings_are_padded_and_cut),
		cmocka_unit_test(test_precision_bounds_reads_of_an_unterminated_string),
		cmocka_unit_test(test_characters_and_percent_signs),
		cmocka_unit_test(test_text_without_conversions_is_copied),
		cmocka_unit_test(test_null_string_prints_as_such),
		cmocka_unit_test(test_pointers_have_16_digits),
		cmocka_unit_test(test_unknown_conversions_are_copied_and_take_no_argument),
		cmocka_unit_test(test_huge_widths_do_not_overflow),
		cmocka_unit_test(test_size_zero_needs_no_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
