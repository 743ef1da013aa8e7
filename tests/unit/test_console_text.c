// SPDX-License-Identifier: MIT
/* UTF-8, and what of a guest's line reaches the screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/console/text.h"
#include "lib/utf8.h"
#include "tests/unit/random.h"

/* ---- UTF-8 ---- */

static int len_of(const char *text)
{
	return utf8_len((const uint8_t *)text, strlen(text));
}

static void test_characters_of_all_lengths_are_known(void **state)
{
	(void)state;
	assert_int_equal(len_of("A"), 1);
	assert_int_equal(len_of("\u00e4rger"), 2);
	assert_int_equal(len_of("\u20ac"), 3);
	assert_int_equal(len_of("\U0001f600 "), 4);
	assert_int_equal(len_of("\xf4\x8f\xbf\xbf"), 4);
}

static void test_what_is_no_character_is_refused(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3(",
		"\xe2\x82(", "\xe2(", "\xf0\x9f\x98(",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(len_of(bad[i]), -1);
}

static void test_a_beginning_is_cut_not_wrong(void **state)
{
	static const char *const whole[] = { "\u00e4", "\u20ac", "\U0001f600" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(whole); i++) {
		for (size_t n = 1; n < strlen(whole[i]); n++)
			assert_int_equal(utf8_len((const uint8_t *)whole[i], n), 0);
	}
}

/* ---- lines ---- */

static uint8_t data[1024];
static struct ring ring;
static struct text_piece piece;

/* Where the ring's end is must not matter. */
static void fill(const char *text, size_t len)
{
	uint8_t c;

	ring_init(&ring, data, sizeof(data));
	for (unsigned int n = random_below(sizeof(data)); n; n--) {
		ring_put(&ring, 0);
		ring_get(&ring, &c);
	}
	for (size_t i = 0; i < len; i++)
		assert_true(ring_put(&ring, (uint8_t)text[i]));
}

static bool piece_has(const char *what)
{
	char text[CONSOLE_LINE_MAX + 1];

	memcpy(text, piece.text, piece.len);
	text[piece.len] = '\0';
	return strstr(text, what) != NULL;
}

static void assert_shown(const char *text, const char *shown)
{
	fill(text, strlen(text));
	console_text_line(&ring, 0, &piece);
	assert_true(piece.whole);
	assert_int_equal(piece.len, strlen(shown));
	assert_memory_equal(piece.text, shown, piece.len);
}

static void test_a_line_is_shown_as_it_is(void **state)
{
	(void)state;
	assert_shown("plain\ttext\r\n", "plain\ttext");
	assert_shown("gr\u00fc\u00df, 5 \u20ac \U0001f600\n", "gr\u00fc\u00df, 5 \u20ac \U0001f600");
	assert_shown("one\ntwo\n", "one");
	assert_int_equal(piece.end, 4);
	assert_shown("\n", "");
}

static void test_what_could_steer_the_terminal_is_not(void **state)
{
	(void)state;
	assert_shown("bell\a del\x7f nul\001\n", "bell? del? nul?");
	assert_shown("\033[31mred\033[0m \033(Bset \033]0;title\a\033]2;again\033\\text\n", "red set text");
	/* C1 in UTF-8; CSI in 8 bits, which is not UTF-8. */
	assert_shown("\xc2\x9b" "31m|\x9b" "31m\n", "?31m|\\x9b31m");
	assert_shown("\033[31\n", "");
	assert_shown("\033\n", "");
	assert_shown("a\033[3\rb\n", "ab");
}

static void test_bytes_that_are_no_text_are_visible(void **state)
{
	(void)state;
	assert_shown("\xff|\xc3(|\xe2\x82\n", "\\xff|\\xc3(|\\xe2\\x82");
}

static void test_what_has_not_ended_is_no_line_and_ends_before_a_cut_character(void **state)
{
	static const char *const cut[] = { "\xe2\x82", "\xe2", "\033", "\033[", "\033[31", "\033]0;ti", "" };
	char text[32];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cut); i++) {
		fill(text, (size_t)snprintf(text, sizeof(text), "login: %s", cut[i]));
		console_text_line(&ring, 0, &piece);
		assert_false(piece.whole);
		assert_int_equal(piece.end, 7);
		assert_int_equal(piece.len, 7);
	}
}

static void test_a_long_line_is_cut_between_characters(void **state)
{
	static const char *const units[] = { "\u20ac", "\U0001f600", "\033[31mx\033[0m", "\xff", "xy" };
	char text[1000];

	(void)state;
	for (unsigned int u = 0; u < ARRAY_SIZE(units); u++) {
		size_t len = 0, unit = strlen(units[u]);

		text[len++] = 'a';
		while (len < 800)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", units[u]);
		fill(text, len);
		console_text_line(&ring, 0, &piece);
		assert_true(piece.whole);
		assert_true(u == 2 || piece.len > CONSOLE_LINE_MAX - 4);
		if (u < 2)
			assert_int_equal((piece.end - 1) % unit, 0);
		/* What follows begins with a character again. */
		ring_skip(&ring, piece.end);
		console_text_line(&ring, 0, &piece);
		assert_false(piece_has("\\x8"));
		assert_false(piece_has("[31"));
	}
}

static void test_a_sequence_without_end_hides_only_so_much(void **state)
{
	char text[200] = "\033]0;";

	(void)state;
	memset(text + 4, 'x', 100);
	strcpy(text + 104, "seen\n");
	fill(text, strlen(text));
	console_text_line(&ring, 0, &piece);
	assert_true(piece.whole);
	assert_true(piece_has("seen"));
}

/* Whatever comes: no control character is shown, only UTF-8, and pieces end. */
static void test_anything_is_shown_as_harmless_text(void **state)
{
	static const char some[] = "\033[]m;\xc2\xe2\x82\xac\x9b\n\r\a";

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		char text[512];
		size_t len = random_below(sizeof(text));

		for (size_t n = 0; n < len; n++)
			text[n] = random_below(4) ? some[random_below(sizeof(some) - 1)] : (char)random_u64();
		fill(text, len);
		console_text_line(&ring, 0, &piece);
		assert_true(piece.end <= len && (piece.whole || len - piece.end < 64));
		for (size_t n = 0; n < piece.len;) {
			const uint8_t *at = (const uint8_t *)piece.text + n;
			int unit = utf8_len(at, piece.len - n);

			assert_true(unit > 0 && (at[0] >= ' ' || at[0] == '\t') && at[0] != 0x7f);
			assert_false(at[0] == 0xc2 && at[1] < 0xa0);
			n += (size_t)unit;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters_of_all_lengths_are_known),
		cmocka_unit_test(test_what_is_no_character_is_refused),
		cmocka_unit_test(test_a_beginning_is_cut_not_wrong),
		cmocka_unit_test(test_a_line_is_shown_as_it_is),
		cmocka_unit_test(test_what_could_steer_the_terminal_is_not),
		cmocka_unit_test(test_bytes_that_are_no_text_are_visible),
		cmocka_unit_test(test_what_has_not_ended_is_no_line_and_ends_before_a_cut_character),
		cmocka_unit_test(test_a_long_line_is_cut_between_characters),
		cmocka_unit_test(test_a_sequence_without_end_hides_only_so_much),
		cmocka_unit_test(test_anything_is_shown_as_harmless_text),
	};

	random_seed("test_console_text");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
