// SPDX-License-Identifier: MIT
/* How many aborts of a VM are told, and that none is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernel/vm/abort_log.h"
#include "kernel/vm/vm.h"
#include "tests/host/fake.h"

static struct vm vm = { .name = "one" };

static int setup(void **state)
{
	fake_reset();
	fake_log_clear();
	fake_console_full = false;
	vm.aborts_hidden = 0;
	abort_log_init(&vm);
	return 0;
}

static uint64_t more;		/* by the lines of the last printed_of() */

static unsigned int printed_of(unsigned int n)
{
	unsigned int printed = 0;
	uint64_t with_this;

	more = 0;
	while (n--) {
		if (!abort_log_may_print(&vm, &with_this))
			continue;
		printed++;
		more += with_this;
	}
	return printed;
}

static void test_a_flood_of_aborts_prints_a_few_lines(void **state)
{
	unsigned int first = printed_of(100000);

	assert_in_range(first, 1, 32);
	assert_int_equal(printed_of(1000), 0);
	fake_counter += fake_counter_hz;
	assert_in_range(printed_of(100000), 1, 10);
	assert_int_equal(fake_log_lines(), 0);
}

static void test_those_not_printed_are_told_by_number_later(void **state)
{
	unsigned int first = printed_of(1000);

	assert_int_equal(more, 0);
	fake_counter += fake_counter_hz;
	assert_int_equal(printed_of(1), 1);
	assert_int_equal(more, 1000 - first);
	abort_log_end(&vm);
	assert_int_equal(fake_log_lines(), 0);
}

static void test_the_end_of_the_vm_tells_them_too(void **state)
{
	char text[64];

	snprintf(text, sizeof(text), "one: %u more aborts, not shown\n", 500 - printed_of(500));
	assert_int_equal(fake_log_lines(), 0);
	abort_log_end(&vm);
	assert_string_equal(fake_log_text(), text);
}

static void test_a_full_console_hides_all(void **state)
{
	fake_console_full = true;
	assert_int_equal(printed_of(3), 0);
	fake_console_full = false;
	assert_int_equal(printed_of(1), 1);
	assert_int_equal(more, 3);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_a_flood_of_aborts_prints_a_few_lines),
		T(test_those_not_printed_are_told_by_number_later),
		T(test_the_end_of_the_vm_tells_them_too),
		T(test_a_full_console_hides_all),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
