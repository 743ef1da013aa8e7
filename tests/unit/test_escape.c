// SPDX-License-Identifier: MIT
/* The commands behind the escape key, while terminals come and go on other CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/console/console.h"
#include "kernel/vm/vm.h"
#include "tests/host/fake.h"

static struct vm *vm;
static unsigned int looks_left;		/* for which the one terminal is there */

const struct vm *console_nth(unsigned int n)
{
	if (n || !looks_left)
		return NULL;
	looks_left--;
	return vm;
}

void console_set_focus(const struct vm *to)
{
	fake_focus = to;
}

static bool holds;

void console_hold(bool hold)
{
	holds = hold;
}

bool console_holds(void)
{
	return holds;
}

static unsigned int breaks;

void console_send_break(void)
{
	breaks++;
}

void console_enter_shell(void)
{
}

static void type(char c)
{
	SECTION_FOREACH(struct console_reader, it, schism_console) {
		if (it->command)
			it->command(c);
	}
}

static int setup(void **state)
{
	fake_machine_boot(1);
	vm = fake_vm("guest", 1);
	fake_focus = NULL;
	fake_log_clear();
	return 0;
}

static void test_help_names_the_terminals(void **state)
{
	looks_left = 10;
	type('h');
	assert_true(fake_log_has("escape 1: console to guest"));
	assert_false(fake_log_has("escape 2"));
}

static void test_help_is_given_while_the_terminal_goes(void **state)
{
	for (unsigned int n = 0; n < 4; n++) {
		looks_left = n;
		type('?');
		assert_true(fake_log_has("escape 0: console to Schism"));
	}
}

static void test_the_focus_goes_round_terminals_that_are_there(void **state)
{
	looks_left = 10;
	type('n');
	assert_ptr_equal(fake_focus, vm);
	type('n');
	assert_null(fake_focus);
	type('1');
	assert_ptr_equal(fake_focus, vm);
	looks_left = 0;
	type('n');
	assert_null(fake_focus);
}

static void test_a_key_holds_other_lines_and_shows_them_again(void **state)
{
	type('q');
	assert_true(holds);
	assert_true(fake_log_has("console: lines of others wait"));
	type('q');
	assert_false(holds);
	assert_true(fake_log_has("console: lines of others are shown"));
}

static void test_b_sends_a_break(void **state)
{
	breaks = 0;
	type('b');
	assert_int_equal(breaks, 1);
}

static void test_who_gets_the_console_of_a_vm_at_rest_is_told_so(void **state)
{
	static const struct {
		enum vm_state state;
		bool waits;
		const char *text;
	} cases[] = {
		{ VM_RUNNING, false, "console: guest\n" },
		{ VM_LOADING, false, "console: guest\n" },
		{ VM_STOPPED, false, "console: guest, which is stopped: \"vm start guest\" in the shell" },
		{ VM_CRASHED, false, "console: guest, which is crashed: \"vm start guest\" in the shell" },
		{ VM_PAUSED, false, "console: guest, which is paused: \"vm resume guest\" in the shell" },
		{ VM_CRASHED, true, "console: guest, which is crashed and waits for its restart\n" },
	};

	if (!IS_ENABLED(CONFIG_SHELL))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		looks_left = 1;
		vm->state = cases[i].state;
		vm->restart_waits = cases[i].waits;
		fake_log_clear();
		type('1');
		assert_true(fake_log_has(cases[i].text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_b_sends_a_break, setup),
		cmocka_unit_test_setup(test_who_gets_the_console_of_a_vm_at_rest_is_told_so, setup),
		cmocka_unit_test_setup(test_help_names_the_terminals, setup),
		cmocka_unit_test_setup(test_help_is_given_while_the_terminal_goes, setup),
		cmocka_unit_test_setup(test_a_key_holds_other_lines_and_shows_them_again, setup),
		cmocka_unit_test_setup(test_the_focus_goes_round_terminals_that_are_there, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
