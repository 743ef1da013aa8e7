// SPDX-License-Identifier: MIT
/* The shell's line editor and parser: what is in the line after keys, and what a line means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/shell/line.h"
#include "kernel/shell/parse.h"
#include "tests/unit/random.h"

#define UP	"\033[A"
#define DOWN	"\033[B"
#define RIGHT	"\033[C"
#define LEFT	"\033[D"

static struct shell_line line;

static int setup(void **state)
{
	shell_line_init(&line);
	return 0;
}

/* The event of the last key. */
static enum shell_line_event type(const char *keys)
{
	enum shell_line_event event = SHELL_LINE_NOTHING;

	while (*keys)
		event = shell_line_key(&line, *keys++);
	return event;
}

static void enter(const char *text)
{
	type(text);
	assert_int_equal(type("\r"), SHELL_LINE_DONE);
	shell_line_clear(&line);
}

static void assert_line(const char *text, size_t cursor)
{
	assert_string_equal(line.text, text);
	assert_int_equal(line.len, strlen(text));
	assert_int_equal(line.cursor, cursor);
}

/* ---- the editor ---- */

static void test_characters_are_put_where_the_cursor_is(void **state)
{
	assert_int_equal(type("vm lst"), SHELL_LINE_CHANGED);
	type(LEFT LEFT "i");
	assert_line("vm list", 5);
	type("\x01>\x05<");
	assert_line(">vm list<", 9);
}

static void test_characters_are_removed_on_both_sides(void **state)
{
	type("abcdef");
	type("\b\x7f");
	assert_line("abcd", 4);
	type(LEFT LEFT "\x04");
	assert_line("abd", 2);
	type("\033[3~");
	assert_line("ab", 2);
	assert_int_equal(type("\033[3~"), SHELL_LINE_NOTHING);
	type("\x01");
	assert_int_equal(type("\b"), SHELL_LINE_NOTHING);
	assert_line("ab", 0);
}

static void test_ctrl_u_and_ctrl_k_remove_what_is_before_and_after(void **state)
{
	type("hello world" LEFT LEFT LEFT LEFT LEFT);
	type("\x15");
	assert_line("world", 0);
	type(RIGHT "\x0b");
	assert_line("w", 1);
}

static void test_keys_of_several_terminals_move_the_cursor(void **state)
{
	type("abc");
	type("\033[H");
	assert_line("abc", 0);
	type("\033[F");
	assert_line("abc", 3);
	type("\033OH");
	assert_line("abc", 0);
	type("\033[4~");
	assert_line("abc", 3);
	type("\033[1~" RIGHT);
	assert_line("abc", 1);
	type("\x02\x06\x06");
	assert_line("abc", 2);
}

static void test_what_means_nothing_is_ignored(void **state)
{
	type("a\033[15;2~\033[200~b\033xc\x07\x80\xff");
	assert_line("abc", 3);
}

static void test_history_goes_up_and_down_and_keeps_the_line(void **state)
{
	enter("first");
	enter("second");
	type("dra");
	type(UP);
	assert_line("second", 6);
	type(UP);
	assert_line("first", 5);
	assert_int_equal(type(UP), SHELL_LINE_NOTHING);
	type(DOWN DOWN);
	assert_line("dra", 3);
	assert_int_equal(type(DOWN), SHELL_LINE_NOTHING);
	type("\x10\x10\x0e");
	assert_line("second", 6);
}

static void test_a_line_from_history_can_be_changed_without_changing_it(void **state)
{
	enter("vm info one");
	type(UP "\b\b\btwo\r");
	shell_line_clear(&line);
	type(UP);
	assert_line("vm info two", 11);
	type(UP);
	assert_line("vm info one", 11);
}

static void test_history_has_no_blanks_and_no_repetitions(void **state)
{
	enter("one");
	enter("one");
	enter("   ");
	enter("");
	type(UP);
	assert_line("one", 3);
	assert_int_equal(type(UP), SHELL_LINE_NOTHING);
}

static void test_history_forgets_the_oldest(void **state)
{
	char text[] = "a";

	for (unsigned int i = 0; i < 26; i++, text[0]++)
		enter(text);
	for (unsigned int i = 0; i < SHELL_HISTORY; i++)
		type(UP);
	assert_line("k", 1);
	assert_int_equal(type(UP), SHELL_LINE_NOTHING);
}

static void test_a_full_line_takes_no_more(void **state)
{
	for (unsigned int i = 0; i < SHELL_LINE_MAX; i++)
		assert_int_equal(type("x"), SHELL_LINE_CHANGED);
	assert_int_equal(type("y"), SHELL_LINE_NOTHING);
	assert_int_equal(line.len, SHELL_LINE_MAX);
	type("\x01");
	shell_line_insert(&line, "abc", 3);
	assert_int_equal(line.len, SHELL_LINE_MAX);
	assert_int_equal(line.text[0], 'x');
}

static void test_enter_is_one_key_whatever_ends_lines(void **state)
{
	assert_int_equal(type("a\r"), SHELL_LINE_DONE);
	shell_line_clear(&line);
	assert_int_equal(type("\n"), SHELL_LINE_NOTHING);
	assert_int_equal(type("\n"), SHELL_LINE_DONE);
}

static void test_keys_for_the_shell_are_told(void **state)
{
	assert_int_equal(type("\t"), SHELL_LINE_COMPLETE);
	assert_int_equal(type("\x03"), SHELL_LINE_CANCELLED);
	assert_int_equal(type("\x04"), SHELL_LINE_END);
	type("a\x01");
	assert_int_equal(type("\x04"), SHELL_LINE_CHANGED);
}

static void test_ctrl_w_removes_a_word(void **state)
{
	type("vm start  linux  ");
	type("\x17");
	assert_line("vm start  ", 10);
	type("\x17\x17");
	assert_line("", 0);
	assert_int_equal(type("\x17"), SHELL_LINE_NOTHING);
	type("one two" LEFT LEFT "\x17");
	assert_line("one wo", 4);
}

static void test_ctrl_l_shows_the_line_anew(void **state)
{
	type("abc");
	assert_int_equal(type("\x0c"), SHELL_LINE_CHANGED);
	assert_line("abc", 3);
}

static void assert_seen(const char *text, size_t cursor)
{
	char buf[11];

	assert_int_equal(shell_line_show(&line, buf, 10), cursor);
	assert_string_equal(buf, text);
}

static void test_of_a_long_line_the_part_around_the_cursor_is_seen(void **state)
{
	type("12345678");
	assert_seen("12345678", 8);
	type("9");
	assert_seen("<3456789", 8);
	type("abcd");
	assert_seen("<789abcd", 8);
	type(LEFT LEFT);
	assert_seen("<56789abcd", 8);
	type("\x01");
	assert_seen("123456789>", 0);
}

static void test_no_keys_break_the_line(void **state)
{
	char buf[72];

	random_seed("test_shell");
	for (unsigned int i = 0; i < 200000; i++) {
		enum shell_line_event event = shell_line_key(&line, (char)random_below(256));

		assert_true(line.len <= SHELL_LINE_MAX && line.cursor <= line.len);
		assert_int_equal(strlen(line.text), line.len);
		assert_true(shell_line_show(&line, buf, sizeof(buf) - 1) < sizeof(buf) - 1);
		assert_true(strlen(buf) < sizeof(buf));
		if (event == SHELL_LINE_DONE)
			shell_line_clear(&line);
	}
}

/* ---- the parser ---- */

static void test_lines_are_split_at_blanks(void **state)
{
	struct shell_args args;

	assert_true(shell_split(&args, "  vm   start linux "));
	assert_int_equal(args.n, 3);
	assert_string_equal(args.word[0], "vm");
	assert_string_equal(args.word[2], "linux");
	assert_true(shell_split(&args, "   "));
	assert_int_equal(args.n, 0);
	assert_true(shell_split(&args, "1 2 3 4 5 6 7 8"));
	assert_false(shell_split(&args, "1 2 3 4 5 6 7 8 9"));
}

static void test_numbers_are_decimal_or_hexadecimal_and_bounded(void **state)
{
	uint64_t value = 7;

	assert_true(shell_number("0", 10, &value));
	assert_int_equal(value, 0);
	assert_false(shell_number("0x4000_0000", UINT64_MAX, &value));
	assert_true(shell_number("0xdeadBEEF", UINT64_MAX, &value));
	assert_int_equal(value, 0xdeadbeef);
	assert_true(shell_number("18446744073709551615", UINT64_MAX, &value));
	assert_true(value == UINT64_MAX);
	assert_false(shell_number("18446744073709551616", UINT64_MAX, &value));
	assert_false(shell_number("0x10000000000000000", UINT64_MAX, &value));
	assert_true(shell_number("256", 256, &value));
	assert_false(shell_number("257", 256, &value));
	assert_false(shell_number("", 10, &value));
	assert_false(shell_number("0x", 10, &value));
	assert_false(shell_number("12a", 1000, &value));
	assert_false(shell_number("-1", 1000, &value));
	assert_true(shell_number("0", 0, &value));
	assert_false(shell_number("1", 0, &value));
}

static const char *nth(unsigned int i)
{
	static const char *const names[] = { "console", "counter_os", "counter_two", "crash" };

	return i < ARRAY_SIZE(names) ? names[i] : NULL;
}

static void test_completion_goes_as_far_as_candidates_agree(void **state)
{
	const char *common;
	size_t len;

	assert_int_equal(shell_complete("cou", 3, nth, &common, &len), 2);
	assert_int_equal(len, 8);
	assert_memory_equal(common, "counter_", 8);
	assert_int_equal(shell_complete("c", 1, nth, &common, &len), 4);
	assert_int_equal(len, 1);
	assert_int_equal(shell_complete("cr", 2, nth, &common, &len), 1);
	assert_int_equal(len, 5);
	assert_int_equal(shell_complete("", 0, nth, &common, &len), 4);
	assert_int_equal(len, 1);
	assert_int_equal(shell_complete("x", 1, nth, &common, &len), 0);
	assert_int_equal(shell_complete("x", 1, NULL, &common, &len), 0);
}

static void test_a_name_that_is_nearly_right_is_recognized(void **state)
{
	static const char *const cases[][2] = {
		{ "consol", "console" }, { "conosle", "console" }, { "cnsole", "console" },
		{ "cosnloe", "console" }, { "crsh", "crash" }, { "cr", "crash" },
		{ "counter_ow", "counter_os" },
		{ "counter_tow", "counter_two" }, { "crashed", "crash" }, { "x", NULL }, { "", NULL },
		{ "qwerty", NULL }, { "a name that is much longer than any that there may be", NULL },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *found = shell_nearest(cases[i][0], nth);

		if (cases[i][1])
			assert_string_equal(found, cases[i][1]);
		else
			assert_null(found);
	}
}

static void test_times_are_told_in_units_that_fit(void **state)
{
	char text[32];

	assert_string_equal(shell_format_time(text, sizeof(text), 0), "0:00:00.000");
	assert_string_equal(shell_format_time(text, sizeof(text), 59999999), "0:00:59.999");
	assert_string_equal(shell_format_time(text, sizeof(text), 3600 * 1000000ull), "1:00:00.000");
	assert_string_equal(shell_format_time(text, sizeof(text), (49 * 3600 + 61) * 1000000ull),
			    "2 d 1:01:01.000");
}

static void test_bits_are_listed_as_ranges(void **state)
{
	uint32_t words[3] = { 0x480000ff, 0x80000003, 0 };
	char text[64];

	assert_string_equal(shell_format_bits(text, sizeof(text), words, 0, 0), "0-7,27,30");
	assert_string_equal(shell_format_bits(text, sizeof(text), words, 1, 1), "32-33,63");
	assert_string_equal(shell_format_bits(text, sizeof(text), words, 2, 2), "none");
	assert_string_equal(shell_format_bits(text, sizeof(text), words, 0, 2), "0-7,27,30,32-33,63");
	assert_string_equal(shell_format_bits(text, 12, words, 0, 2), "0-7,27...");
	words[2] = ~0u;
	assert_string_equal(shell_format_bits(text, sizeof(text), words, 1, 2), "32-33,63-95");
}

#define TEST(f)	cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_characters_are_put_where_the_cursor_is),
		TEST(test_characters_are_removed_on_both_sides),
		TEST(test_ctrl_u_and_ctrl_k_remove_what_is_before_and_after),
		TEST(test_keys_of_several_terminals_move_the_cursor),
		TEST(test_what_means_nothing_is_ignored),
		TEST(test_history_goes_up_and_down_and_keeps_the_line),
		TEST(test_a_line_from_history_can_be_changed_without_changing_it),
		TEST(test_history_has_no_blanks_and_no_repetitions),
		TEST(test_history_forgets_the_oldest),
		TEST(test_a_full_line_takes_no_more),
		TEST(test_enter_is_one_key_whatever_ends_lines),
		TEST(test_keys_for_the_shell_are_told),
		TEST(test_ctrl_w_removes_a_word),
		TEST(test_ctrl_l_shows_the_line_anew),
		TEST(test_of_a_long_line_the_part_around_the_cursor_is_seen),
		TEST(test_no_keys_break_the_line),
		TEST(test_lines_are_split_at_blanks),
		TEST(test_numbers_are_decimal_or_hexadecimal_and_bounded),
		TEST(test_completion_goes_as_far_as_candidates_agree),
		TEST(test_a_name_that_is_nearly_right_is_recognized),
		TEST(test_times_are_told_in_units_that_fit),
		TEST(test_bits_are_listed_as_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
