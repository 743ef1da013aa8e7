// SPDX-License-Identifier: MIT
/*
 * The console on a UART that takes its time: what waits, who comes next, what Schism's own lines may do, the
 * shell's prompt, the budget.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/log.h"
#include "kernel/base/rate_limit.h"
#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "kernel/platform/machine.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "tests/host/fake.h"

#define FIFO		32
#define NR_PORTS	3

/* ---- the UART: a FIFO that gets empty when the test says so ---- */

static char shown[65536];
static size_t nr_shown;
static size_t fifo_room;
static size_t refill;		/* room that comes with each look at a full FIFO: a wire that moves on */
static bool tx_irq;
static const char *to_type = "";
static char to_shell[16];

static void (*while_writing)(void);	/* what another CPU does meanwhile */

static void fifo_init(volatile void *regs, uint32_t clock_hz, uint32_t baud)
{
}

static size_t fifo_write(volatile void *regs, const char *text, size_t len)
{
	size_t n = MIN(len, fifo_room);

	if (!fifo_room)
		fifo_room = refill;
	else
		fifo_room -= n;
	assert_true(nr_shown + n < sizeof(shown));
	memcpy(shown + nr_shown, text, n);
	nr_shown += n;
	shown[nr_shown] = '\0';
	if (while_writing) {
		void (*what)(void) = while_writing;

		while_writing = NULL;
		what();
	}
	return n;
}

static int fifo_getc(volatile void *regs)
{
	return *to_type ? (uint8_t)*to_type++ : -1;
}

static void fifo_set_irqs(volatile void *regs, bool rx, bool tx)
{
	assert_true(rx);
	tx_irq = tx;
}

SERIAL_DRIVER(fifo) = {
	.compatible = "test,fifo",
	.init = fifo_init,
	.write = fifo_write,
	.getc = fifo_getc,
	.set_irqs = fifo_set_irqs,
};

/* The FIFO has become empty n times, and each time the interrupt was there to fill it. */
static void transmit(unsigned int n)
{
	while (n-- && tx_irq) {
		fifo_room = FIFO;
		console_tx_interrupt();
	}
}

static void transmit_all(void)
{
	transmit(10000);
	assert_false(tx_irq);
	assert_false(console_is_busy());
}

/* ---- what is around it ---- */

static const char *boot_focus, *boot_colour, *boot_hold;	/* of the machine's bootargs */

bool boot_arg(const char *name, char *buf, size_t size)
{
	const char *value = !strcmp(name, "focus") ? boot_focus : !strcmp(name, "colour") ? boot_colour :
			    !strcmp(name, "hold") ? boot_hold : NULL;

	if (value)
		strlcpy(buf, value, size);
	return value != NULL;
}

struct vm *vms[CONFIG_MAX_VMS];
unsigned int nr_vms;

bool machine_node_is(const void *fdt, int node, const char *compat)
{
	return false;
}

static const char *command_says;	/* a line of what the escape key shows */

static void read_command(char c)
{
	if (command_says)
		console_write_line(command_says, strlen(command_says));
}

static void read_key(char c)
{
	to_shell[strlen(to_shell)] = c;
}

CONSOLE_READER(reader) = { .command = read_command, .key = read_key };

static struct vm vm[NR_PORTS];
static struct console_port port[NR_PORTS];
static uint8_t rings[NR_PORTS][CONSOLE_RING_SIZE];
static unsigned int room_calls;
static char heard[16];
static unsigned int read_by_guest;	/* of what was heard */

static void room(struct console_port *p)
{
	room_calls++;
}

static void input(struct console_port *p, int c)
{
	heard[strlen(heard)] = (char)c;
}

static unsigned int unread(struct console_port *p)
{
	return (unsigned int)strlen(heard) - read_by_guest;
}

static void print(unsigned int i, const char *text)
{
	while (*text)
		console_port_put(&port[i], *text++);
}

static void forget_shown(void)
{
	nr_shown = 0;
	shown[0] = '\0';
}

static int setup(void **state)
{
	static char names[NR_PORTS][4] = { "one", "two", "tre" };

	fake_reset();
	fake_counter = 1000000000;
	timer_queue_init(&cpus[0].timers);
	fifo_room = sizeof(shown);
	refill = 0;
	console_init(NULL, &fifo, 0, 0);
	console_enable_irqs();
	for (unsigned int i = 0; i < NR_PORTS; i++) {
		vm[i].id = i;
		vm[i].name = names[i];
		vm[i].state = VM_RUNNING;
		vms[i] = &vm[i];
		port[i] = (struct console_port){
			.vm = &vm[i], .input = input, .room = room, .unread = unread,
		};
		console_attach(&port[i], rings[i]);
	}
	nr_vms = NR_PORTS;
	forget_shown();
	read_by_guest = 0;
	memset(heard, 0, sizeof(heard));
	memset(to_shell, 0, sizeof(to_shell));
	room_calls = 0;
	return 0;
}

static int teardown(void **state)
{
	refill = FIFO;
	for (unsigned int i = 0; i < NR_PORTS; i++)
		console_detach(&port[i]);
	console_set_focus(NULL);
	console_hold(false);
	boot_focus = boot_colour = boot_hold = NULL;
	console_configure();
	console_prompt_hide();
	/* Timers that look at terminals find none any more. */
	fake_counter += timer_us_to_ticks(1000000);
	timer_interrupt(&cpus[0].timers);
	console_write_line("", 0);
	transmit_all();
	return 0;
}

/* How often text is in what was shown. */
static unsigned int count(const char *text)
{
	unsigned int n = 0;

	for (const char *at = shown; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* ---- a UART that takes its time ---- */

static void test_nobody_waits_for_the_uart_and_the_rest_leaves_by_interrupt(void **state)
{
	fifo_room = FIFO;
	print(0, "a line that is longer than what the FIFO takes\n");
	assert_int_equal(nr_shown, FIFO);
	assert_true(tx_irq);
	transmit(1);
	assert_string_equal(shown, "[one] a line that is longer than what the FIFO takes\r\n");
	assert_false(tx_irq);
}

static void test_order_is_kept_between_the_log_and_guests(void **state)
{
	fifo_room = 3;
	print(0, "first\n");
	console_write_line("second", 6);
	print(1, "third\n");
	transmit_all();
	assert_string_equal(shown, "[one] first\r\nsecond\r\n[two] third\r\n");
}

static void flood(unsigned int i, unsigned int lines)
{
	char text[64];

	for (unsigned int n = 0; n < lines; n++) {
		snprintf(text, sizeof(text), "flood %04u %s\n", n,
			 "........................................");
		print(i, text);
		/* Not what holds it up here. */
		fake_counter += timer_us_to_ticks(1000);
	}
}

static void test_a_flood_takes_no_more_than_its_turn(void **state)
{
	fifo_room = 0;
	flood(0, 200);
	/* Two others have something to say, when the wire and the flooding one's ring are full. */
	assert_int_equal(console_port_room(&port[0]), 0);
	print(1, "two has a line\n");
	print(2, "tre has a line\n");
	assert_true(console_port_room(&port[1]) > 100);
	transmit_all();
	assert_int_equal(count("[two] two has a line\r\n"), 1);
	assert_int_equal(count("[tre] tre has a line\r\n"), 1);
	/* They came before what the flooding one had in its ring. */
	assert_true(strlen(strstr(shown, "[tre] tre has")) > 2000);
}

static void test_lines_stay_whole_whatever_waits(void **state)
{
	char text[64];

	for (unsigned int n = 0; n < 300; n++) {
		for (unsigned int i = 0; i < NR_PORTS; i++) {
			snprintf(text, sizeof(text), "%u says line %03u\n", i, n);
			while (console_port_room(&port[i]) < strlen(text)) {
				fifo_room = 7;
				console_tx_interrupt();
				fake_counter += 10000;
			}
			print(i, text);
		}
	}
	transmit_all();
	for (unsigned int n = 0; n < 300; n++) {
		for (unsigned int i = 0; i < NR_PORTS; i++) {
			snprintf(text, sizeof(text), "[%s] %u says line %03u\r\n", vm[i].name, i, n);
			assert_int_equal(count(text), 1);
		}
	}
	assert_int_equal(count("\r\n"), 900);
	assert_int_equal(count("dropped"), 0);
}

static void test_a_log_line_is_never_lost(void **state)
{
	char text[64];

	fifo_room = 0;
	flood(0, 200);
	/* From here on the UART moves on when somebody waits for it. */
	refill = 1;
	for (unsigned int n = 0; n < 300; n++)
		console_write_line(text, (size_t)snprintf(text, sizeof(text), "log line number %03u", n));
	refill = 0;
	transmit_all();
	for (unsigned int n = 0; n < 300; n++) {
		snprintf(text, sizeof(text), "log line number %03u\r\n", n);
		assert_int_equal(count(text), 1);
	}
}

static void test_a_dead_transmitter_does_not_hold_the_writer(void **state)
{
	char text[200];

	memset(text, 'x', sizeof(text));
	fifo_room = 0;
	for (unsigned int n = 0; n < 100; n++)
		console_write_line(text, sizeof(text));
	assert_int_equal(nr_shown, 0);
	fifo_room = sizeof(shown);
	console_tx_interrupt();
	assert_int_equal(count("x"), 8192 / 202 * 200 + 8192 % 202 - 2);
}

static void test_flush_sends_all_that_waits(void **state)
{
	fifo_room = 0;
	flood(0, 200);
	print(1, "two\n");
	refill = FIFO;
	console_flush();
	assert_int_equal(count("[two] two\r\n"), 1);
	assert_false(console_is_busy());
	assert_true(nr_shown > 8192 + 3000);
}

static void test_a_terminal_that_goes_waits_for_nobody(void **state)
{
	char text[48];

	fifo_room = 0;
	flood(0, 160);
	refill = FIFO;
	console_detach(&port[0]);
	assert_int_equal(nr_shown, 0);
	refill = 0;
	transmit_all();
	/* A line is 52 characters in the ring. */
	assert_in_range(count("[one] flood"), 100, 159);
	snprintf(text, sizeof(text), "[one] ... %u characters dropped\r\n",
		 (160 - count("[one] flood")) * 52);
	assert_int_equal(count(text), 1);
	console_attach(&port[0], rings[0]);
}

static void test_a_terminal_that_goes_prints_its_last_lines(void **state)
{
	fifo_room = FIFO;
	flood(0, 100);
	console_detach(&port[0]);
	transmit_all();
	assert_int_equal(count("[one] flood"), 100);
	assert_int_equal(count("dropped"), 0);
	console_attach(&port[0], rings[0]);
}

/* What is left of it may not wait for room: it is gone. */
static void test_a_terminal_that_goes_with_the_focus_waits_no_more(void **state)
{
	console_set_focus(&vm[0]);
	fifo_room = 0;
	flood(0, 200);
	console_detach(&port[0]);
	assert_true(list_empty(&port[0].waiting));
	assert_null(console_focus());
	transmit_all();
	assert_int_equal(count("characters dropped\r\n"), 1);
	console_attach(&port[0], rings[0]);
}

static void test_a_ring_of_carriage_returns_comes_to_an_end(void **state)
{
	for (unsigned int n = 0; n < 3000; n++)
		console_port_put(&port[0], '\r');
	assert_true(console_port_room(&port[0]) > 500);
	print(0, "x\n");
	assert_int_equal(count("x\r\n"), 1);
}

/* ---- the focus ---- */

static void test_raw_output_stops_where_there_is_no_room_and_goes_on(void **state)
{
	console_set_focus(&vm[0]);
	fifo_room = 5;
	print(0, "\033[1mhello");
	assert_string_equal(shown, "\033[1mh");
	transmit_all();
	assert_string_equal(shown, "\033[1mhello");
}

/* A sequence that has not ended would swallow what comes next; others hide it. */
static void test_raw_output_does_not_hide_the_lines_behind_it(void **state)
{
	console_set_focus(&vm[0]);
	print(0, "plain\ttext\r\n");
	console_write_line("log", 3);
	assert_string_equal(shown, "plain\ttext\r\nlog\r\n");
	forget_shown();
	print(0, "\033[8mhidden\033]0;");
	console_write_line("log", 3);
	console_write_line("log", 3);
	assert_string_equal(shown, "\033[8mhidden\033]0;\030\033(B\017\033[m\r\nlog\r\nlog\r\n");
	forget_shown();
	print(0, "\016");
	console_set_focus(NULL);
	print(1, "line\n");
	assert_string_equal(shown, "\016\030\033(B\017\033[m\r\n[two] line\r\n");
}

static void test_the_focus_moves_in_the_middle_of_lines(void **state)
{
	print(0, "one has beg");
	print(1, "two has beg");
	console_set_focus(&vm[0]);
	print(0, "un");
	console_set_focus(&vm[1]);
	print(0, " and ended\n");
	print(1, "un\r\n");
	assert_string_equal(shown, "one has begun\r\n" "two has beg\r\n" "[one]  and ended\r\n" "un\r\n");
}

/* Nor does one that comes in its place, be it at the same address. */
static void test_nobody_goes_on_in_the_line_of_a_terminal_that_went(void **state)
{
	for (unsigned int heir = 0; heir < 2; heir++) {
		console_set_focus(&vm[0]);
		print(0, "it has beg");
		console_detach(&port[0]);
		console_attach(&port[0], rings[0]);
		console_set_focus(&vm[heir]);
		print(heir, "another\n");
		assert_string_equal(shown, "it has beg\r\nanother\n");
		forget_shown();
	}
}

/* ---- lines that were begun ---- */

/* Time goes by, with the timers that are due. */
static void wait_ms(unsigned int ms)
{
	for (uint64_t end = fake_counter + timer_us_to_ticks(1000 * ms); fake_counter < end;) {
		fake_counter = MIN(end, MAX(fake_counter, fake_timer_deadline));
		timer_interrupt(&cpus[0].timers);
	}
}

static void test_a_begun_line_is_shown_after_a_silence_and_goes_on(void **state)
{
	print(0, "login: ");
	wait_ms(400);
	assert_string_equal(shown, "");
	wait_ms(1000);
	assert_string_equal(shown, "[one] login:  ...\r\n");
	wait_ms(10000);
	print(1, "between\n");
	print(0, "root\n");
	assert_string_equal(shown, "[one] login:  ...\r\n[two] between\r\n[one] ... root\r\n");
	print(0, "next\n");
	assert_int_equal(count("[one] next\r\n"), 1);
}

static void test_a_guest_that_goes_on_printing_is_not_silent(void **state)
{
	for (unsigned int n = 0; n < 20; n++) {
		print(0, "x");
		wait_ms(300);
	}
	assert_string_equal(shown, "");
	print(0, "\n");
	assert_string_equal(shown, "[one] xxxxxxxxxxxxxxxxxxxx\r\n");
}

static void test_a_begun_line_that_only_ends_is_not_shown_again(void **state)
{
	print(0, "done");
	wait_ms(1000);
	print(0, "\r\n");
	assert_string_equal(shown, "[one] done ...\r\n");
}

static void test_pieces_of_a_line_become_rarer(void **state)
{
	for (unsigned int n = 0; n < 60; n++) {
		print(0, ".");
		wait_ms(700);
	}
	assert_in_range(count("[one] "), 1, 2);
	print(0, "ok\n");
	assert_non_null(strstr(shown, "[one] ... ."));
	assert_non_null(strstr(shown, ".ok\r\n"));
}

static void test_the_focus_shows_a_begun_line_from_its_beginning(void **state)
{
	print(0, "$ ");
	wait_ms(1000);
	assert_string_equal(shown, "[one] $  ...\r\n");
	console_set_focus(&vm[0]);
	assert_string_equal(shown, "[one] $  ...\r\n$ ");
	print(0, "ls");
	console_set_focus(NULL);
	print(0, "\n");
	assert_string_equal(shown, "[one] $  ...\r\n$ ls\r\n[one] \r\n");
}

/* Half a character or sequence is not; and a guest that has nothing else to say costs nothing. */
static void test_a_begun_line_ends_with_a_whole_character(void **state)
{
	print(0, "5 \xe2\x82");
	print(1, "\033[3");
	print(2, "\r");
	wait_ms(2000);
	assert_string_equal(shown, "[one] 5  ...\r\n");
	assert_true(fake_timer_deadline == UINT64_MAX);
	print(0, "\xac\n");
	print(1, "1mred\n");
	assert_string_equal(shown, "[one] 5  ...\r\n[one] ... \u20ac\r\n[two] red\r\n");
}

static void test_begun_lines_of_all_are_shown_one_at_a_time(void **state)
{
	print(0, "a");
	print(1, "b");
	print(2, "c");
	for (unsigned int last = 0, n = 0; last < NR_PORTS; n++) {
		fake_counter = fake_timer_deadline;
		timer_interrupt(&cpus[0].timers);
		assert_in_range(count("..."), last, last + 1);
		last = count("...");
		assert_true(n < 10);
	}
	assert_string_equal(shown, "[one] a ...\r\n[two] b ...\r\n[tre] c ...\r\n");
}

static void test_a_begun_line_waits_where_there_is_no_room(void **state)
{
	fifo_room = 0;
	flood(0, 200);
	print(1, "$ ");
	wait_ms(2000);
	fifo_room = FIFO;
	transmit_all();
	assert_int_equal(count("[two]"), 0);
	wait_ms(1000);
	transmit_all();
	assert_int_equal(count("[two] $  ...\r\n"), 1);
}

/* ---- lines that are held while a guest draws ---- */

static void log_lines(unsigned int first, unsigned int n)
{
	char text[64];

	for (unsigned int i = first; i < first + n; i++)
		console_write_line(text, (size_t)snprintf(text, sizeof(text), "log line %04u %s", i,
							  "..............................."));
}

static void test_lines_of_others_wait_while_a_guest_draws(void **state)
{
	console_hold(true);
	console_write_line("before", 6);
	console_set_focus(&vm[0]);
	print(0, "\033[2Jpicture");
	console_write_line("log", 3);
	print(1, "two\n");
	print(0, "!");
	assert_string_equal(shown, "before\r\n\033[2Jpicture!");
	console_set_focus(NULL);
	assert_string_equal(shown, "before\r\n\033[2Jpicture!\030\033(B\017\033[m\r\nlog\r\n[two] two\r\n");
}

static void test_held_lines_come_when_they_are_no_longer_to_be_held(void **state)
{
	console_set_focus(&vm[0]);
	console_hold(true);
	console_write_line("log", 3);
	assert_string_equal(shown, "");
	console_hold(false);
	assert_string_equal(shown, "log\r\n");
}

static void test_a_guest_that_has_ended_holds_nothing(void **state)
{
	console_set_focus(&vm[0]);
	console_hold(true);
	console_write_line("log", 3);
	vm[0].state = VM_CRASHED;
	console_write_line("one: CRASHED", 12);
	assert_string_equal(shown, "log\r\none: CRASHED\r\n");
}

static void test_what_the_escape_key_shows_is_not_held(void **state)
{
	console_set_focus(&vm[0]);
	console_hold(true);
	console_write_line("log", 3);
	command_says = "help";
	to_type = "\035h";
	console_rx_interrupt();
	command_says = NULL;
	console_write_line("behind", 6);
	assert_string_equal(shown, "log\r\nhelp\r\nbehind\r\n");
	/* The guest gets a key: it draws again. */
	to_type = "\014";
	console_rx_interrupt();
	console_write_line("more", 4);
	assert_int_equal(count("more"), 0);
}

static void test_held_lines_leave_as_fast_as_the_uart_takes_them(void **state)
{
	console_set_focus(&vm[0]);
	console_hold(true);
	log_lines(0, 250);
	print(1, "two\n");
	fifo_room = 0;
	console_set_focus(NULL);
	/* Nobody waited; and nobody comes before them, nor is lost. */
	assert_int_equal(nr_shown, 0);
	log_lines(250, 1);
	print(2, "tre\n");
	transmit_all();
	assert_int_equal(count("log line"), 251);
	assert_int_equal(count("not kept"), 0);
	assert_non_null(strstr(strstr(shown, "[two] two"), "log line 0250"));
	assert_non_null(strstr(strstr(shown, "log line 0250"), "[tre] tre"));
}

static void test_the_oldest_held_lines_are_lost_and_counted(void **state)
{
	char mark[64];

	console_set_focus(&vm[0]);
	console_hold(true);
	log_lines(0, 1000);
	console_set_focus(NULL);
	transmit_all();
	assert_in_range(count("log line"), 300, 400);
	snprintf(mark, sizeof(mark), "... %u lines were not kept\r\nlog line %04u", 1000 - count("log line"),
		 1000 - count("log line"));
	assert_int_equal(count(mark), 1);
	assert_int_equal(count("log line 0999"), 1);
}

/* While held lines leave, the log waits for the UART if it must. */
static void test_no_log_line_is_lost_behind_held_ones(void **state)
{
	console_set_focus(&vm[0]);
	console_hold(true);
	log_lines(0, 300);
	fifo_room = 0;
	console_set_focus(NULL);
	refill = 1;
	log_lines(300, 400);
	refill = 0;
	transmit_all();
	assert_int_equal(count("log line"), 700);
	assert_int_equal(count("not kept"), 0);
}

static void test_at_the_end_held_lines_are_sent(void **state)
{
	console_set_focus(&vm[0]);
	console_hold(true);
	log_lines(0, 200);
	fifo_room = 0;
	refill = FIFO;
	console_flush();
	assert_int_equal(count("log line"), 200);
	assert_true(console_holds());
}

static void test_the_bootargs_say_whether_lines_are_held(void **state)
{
	boot_hold = "yes";
	console_configure();
	assert_true(console_holds());
}

/* ---- colours ---- */

static void test_colours_are_those_of_levels_and_vms(void **state)
{
	boot_colour = "yes";
	console_configure();
	console_detach(&port[0]);
	console_attach(&port[0], rings[0]);
	log_line(LOG_WARN, "careful");
	log_line(LOG_ERR, "one: broken");
	log_line(LOG_INFO, "two: report");
	log_line(LOG_INFO, "plain: text");
	print(0, "hello\n");
	assert_int_equal(count("\033[33m["), 1);
	assert_int_equal(count("] warning: careful\033[0m\r\n"), 1);
	assert_int_equal(count("\033[31m["), 1);
	assert_int_equal(count("] error: one: broken\033[0m\r\n"), 1);
	assert_int_equal(count("] \033[32mtwo\033[0m: report\r\n"), 1);
	assert_int_equal(count("] plain: text\r\n"), 1);
	assert_int_equal(count("\033[36m[one]\033[0m hello\r\n"), 1);
}

static void test_without_the_boot_argument_the_log_is_plain(void **state)
{
	if (IS_ENABLED(CONFIG_LOG_COLOUR)) {
		boot_colour = "no";
		console_configure();
	}
	log_line(LOG_ERR, "one: broken");
	log_line(LOG_INFO, "two: report");
	assert_int_equal(count("\033"), 0);
	assert_int_equal(count("two: report\r\n"), 1);
}

/* The log is kept without them, whatever the console shows. */
static void test_the_log_that_is_kept_has_no_colours(void **state)
{
	uint64_t at = log_end();
	char text[LOG_LINE_MAX];
	enum log_level level;
	size_t len;

	boot_colour = "yes";
	console_configure();
	log_line(LOG_WARN, "careful");
	assert_true(log_read(&at, log_end(), &level, text, &len));
	assert_int_equal(level, LOG_WARN);
	assert_null(memchr(text, '\033', len));
}

/* ---- what to type ---- */

static void type(const char *keys)
{
	to_type = keys;
	while (*to_type)
		console_rx_interrupt();
}

static void test_keys_that_nobody_gets_are_answered_with_a_hint_at_times(void **state)
{
	wait_ms(20000);
	type("hello?");
	assert_int_equal(count("console: nobody reads what you type; type Ctrl-] s for the shell, "
			       "Ctrl-] h for help, Ctrl-] 1 for one\r\n"), 1);
	wait_ms(5000);
	type("hello?");
	assert_int_equal(count("console: "), 1);
	wait_ms(6000);
	type("hello?");
	assert_int_equal(count("console: "), 2);
}

static void test_keys_that_a_guest_does_not_read_are_answered_too(void **state)
{
	wait_ms(20000);
	console_set_focus(&vm[0]);
	type("hm");
	assert_int_equal(count("console"), 0);
	wait_ms(1500);
	assert_int_equal(count("console: one does not read what you type; type Ctrl-] s "), 1);
}

static void test_a_guest_that_reads_gets_no_hint(void **state)
{
	wait_ms(20000);
	console_set_focus(&vm[0]);
	type("hm");
	read_by_guest = 1;
	wait_ms(2000);
	read_by_guest = 2;
	type("yes");
	wait_ms(500);
	console_set_focus(&vm[1]);
	wait_ms(2000);
	assert_int_equal(count("console"), 0);
}

static void test_the_hint_after_the_boot_says_whose_the_keyboard_is(void **state)
{
	console_say_hint();
	assert_int_equal(count("console: type Ctrl-] s for the shell, Ctrl-] h for help, "
			       "Ctrl-] 1 for one\r\n"), 1);
	console_set_focus(&vm[1]);
	console_say_hint();
	assert_int_equal(count("console: two has the keyboard; type Ctrl-] s for the shell, "
			       "Ctrl-] h for help\r\n"), 1);
}

/* ---- UTF-8 ---- */

static void test_utf8_of_a_guest_is_shown_and_what_is_not_is_visible(void **state)
{
	print(0, "5 \u20ac\n\xe4\033[1m!\a\n");
	assert_string_equal(shown, "[one] 5 \u20ac\r\n[one] \\xe4!?\r\n");
}

static void test_a_character_is_shown_whole_whoever_comes_between(void **state)
{
	console_set_focus(&vm[0]);
	print(0, "5 \xe2\x82");
	assert_string_equal(shown, "5 ");
	console_write_line("log", 3);
	print(0, "\xac\xff");
	assert_string_equal(shown, "5 \r\nlog\r\n\u20ac\xff");
	/* A byte whose rest never comes keeps nobody busy. */
	print(0, "\xe2");
	assert_false(tx_irq);
}

static void test_text_in_utf8_does_not_count_as_steering(void **state)
{
	console_set_focus(&vm[0]);
	print(0, "\u00fc");
	console_write_line("log", 3);
	assert_string_equal(shown, "\u00fc\r\nlog\r\n");
}

static void test_keys_in_utf8_reach_the_guest(void **state)
{
	console_set_focus(&vm[0]);
	to_type = "\u00fc\u20ac";
	console_rx_interrupt();
	assert_string_equal(heard, "\u00fc\u20ac");
}

/* It would be half a character. */
static void test_no_rest_of_a_command_reaches_the_guest(void **state)
{
	console_set_focus(&vm[0]);
	to_type = "\035\u20aca";
	console_rx_interrupt();
	assert_string_equal(heard, "a");
}

static void test_input_is_the_shells_while_it_has_the_focus(void **state)
{
	console_set_focus(&vm[0]);
	to_type = "a";
	console_rx_interrupt();
	console_focus_shell();
	assert_null(console_focus());
	to_type = "b";
	console_rx_interrupt();
	console_set_focus(&vm[0]);
	to_type = "c";
	console_rx_interrupt();
	assert_string_equal(heard, "ac");
	assert_string_equal(to_shell, "b");
	console_focus_shell();
	console_offer_focus(&vm[1]);
	assert_true(console_shell_has_focus());
}

/* ---- the prompt ---- */

static void test_a_terminal_of_the_bootargs_leaves_the_shell_its_focus(void **state)
{
	boot_focus = "one";
	console_focus_shell();
	console_detach(&port[0]);
	console_attach(&port[0], rings[0]);
	assert_true(console_shell_has_focus());
	assert_null(console_focus());
	console_set_focus(NULL);
	console_detach(&port[0]);
	console_attach(&port[0], rings[0]);
	assert_ptr_equal(console_focus(), &vm[0]);
	boot_focus = NULL;
}

static void test_lines_appear_above_the_prompt(void **state)
{
	console_prompt_show("> ab", 4, 4);
	print(0, "news\n");
	console_write_line("log", 3);
	assert_string_equal(shown, "> ab\r\033[K[one] news\r\n> ab\r\033[Klog\r\n> ab");
	console_prompt_leave();
	print(0, "more\n");
	assert_non_null(strstr(shown, "> ab\r\n[one] more\r\n"));
	assert_int_equal(count("> ab"), 3);
}

static void test_a_character_at_the_end_is_all_that_is_sent(void **state)
{
	console_prompt_show("> a", 3, 3);
	forget_shown();
	console_prompt_show("> ab", 4, 4);
	assert_string_equal(shown, "b");
	console_prompt_show("> ab", 4, 3);
	assert_string_equal(shown, "b\r\033[K> ab\033[1D");
	console_prompt_hide();
	assert_string_equal(shown, "b\r\033[K> ab\033[1D\r\033[K");
}

/* ---- guests that wait ---- */

static void test_the_watch_calls_all_terminals_once(void **state)
{
	console_watch_room();
	console_watch_room();
	fake_counter += timer_us_to_ticks(1000);
	timer_interrupt(&cpus[0].timers);
	assert_int_equal(room_calls, NR_PORTS);
	fake_counter += timer_us_to_ticks(10000);
	timer_interrupt(&cpus[0].timers);
	assert_int_equal(room_calls, NR_PORTS);
	console_watch_room();
	fake_counter += timer_us_to_ticks(1000);
	timer_interrupt(&cpus[0].timers);
	assert_int_equal(room_calls, 2 * NR_PORTS);
}

/* ---- the budget ---- */

static void test_budget_is_a_rate_with_a_burst(void **state)
{
	struct budget b = { .ticks_each = 10, .burst = 100 };

	assert_int_equal(budget_left(&b, 50), 5);
	budget_take(&b, 50, 5);
	assert_int_equal(budget_left(&b, 50), 0);
	assert_int_equal(budget_left(&b, 59), 0);
	assert_int_equal(budget_left(&b, 60), 1);
	/* Saved, but not for ever. */
	assert_int_equal(budget_left(&b, 5000), 100);
	budget_take(&b, 5000, 60);
	assert_int_equal(budget_left(&b, 5000), 40);
	assert_int_equal(budget_left(&b, 5010), 41);
	/* Over a long time, however it is taken, no more than the rate and one burst. */
	{
		uint64_t taken = 0, now = 5010;

		for (; now < 105010; now += 7) {
			uint64_t n = budget_left(&b, now);

			budget_take(&b, now, n);
			taken += n;
		}
		assert_in_range(taken, 10000 - 1, 10000 + 41);
	}
}

static void test_a_budget_without_a_price_never_ends(void **state)
{
	struct budget b = { .burst = 100 };

	budget_take(&b, 0, 100);
	assert_int_equal(budget_left(&b, 0), 100);
}

/* The last one: there is no way back from a panic. */
static void test_a_panic_beside_the_interrupt_comes_to_its_end(void **state)
{
	fifo_room = 0;
	console_write_line("it waited", 9);
	console_set_focus(&vm[0]);
	console_hold(true);
	console_write_line("it was held", 11);
	while_writing = console_panic_mode;
	fifo_room = FIFO;
	refill = FIFO;
	console_tx_interrupt();
	console_write_line("PANIC", 5);
	console_flush();
	assert_in_range(count("it waited\r\n"), 1, 2);
	assert_int_equal(count("\r\nit was held\r\n"), 1);
	assert_int_equal(count("PANIC\r\n"), 1);
	assert_true(nr_shown < 60);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_waits_for_the_uart_and_the_rest_leaves_by_interrupt),
		TEST(test_order_is_kept_between_the_log_and_guests),
		TEST(test_a_flood_takes_no_more_than_its_turn),
		TEST(test_lines_stay_whole_whatever_waits),
		TEST(test_a_log_line_is_never_lost),
		TEST(test_a_dead_transmitter_does_not_hold_the_writer),
		TEST(test_flush_sends_all_that_waits),
		TEST(test_a_terminal_that_goes_waits_for_nobody),
		TEST(test_a_terminal_that_goes_prints_its_last_lines),
		TEST(test_a_terminal_that_goes_with_the_focus_waits_no_more),
		TEST(test_a_ring_of_carriage_returns_comes_to_an_end),
		TEST(test_raw_output_stops_where_there_is_no_room_and_goes_on),
		TEST(test_raw_output_does_not_hide_the_lines_behind_it),
		TEST(test_the_focus_moves_in_the_middle_of_lines),
		TEST(test_nobody_goes_on_in_the_line_of_a_terminal_that_went),
		TEST(test_a_begun_line_is_shown_after_a_silence_and_goes_on),
		TEST(test_a_guest_that_goes_on_printing_is_not_silent),
		TEST(test_a_begun_line_that_only_ends_is_not_shown_again),
		TEST(test_pieces_of_a_line_become_rarer),
		TEST(test_the_focus_shows_a_begun_line_from_its_beginning),
		TEST(test_a_begun_line_ends_with_a_whole_character),
		TEST(test_begun_lines_of_all_are_shown_one_at_a_time),
		TEST(test_a_begun_line_waits_where_there_is_no_room),
		TEST(test_lines_of_others_wait_while_a_guest_draws),
		TEST(test_held_lines_come_when_they_are_no_longer_to_be_held),
		TEST(test_a_guest_that_has_ended_holds_nothing),
		TEST(test_what_the_escape_key_shows_is_not_held),
		TEST(test_held_lines_leave_as_fast_as_the_uart_takes_them),
		TEST(test_the_oldest_held_lines_are_lost_and_counted),
		TEST(test_no_log_line_is_lost_behind_held_ones),
		TEST(test_at_the_end_held_lines_are_sent),
		TEST(test_the_bootargs_say_whether_lines_are_held),
		TEST(test_colours_are_those_of_levels_and_vms),
		TEST(test_without_the_boot_argument_the_log_is_plain),
		TEST(test_the_log_that_is_kept_has_no_colours),
		TEST(test_keys_that_nobody_gets_are_answered_with_a_hint_at_times),
		TEST(test_keys_that_a_guest_does_not_read_are_answered_too),
		TEST(test_a_guest_that_reads_gets_no_hint),
		TEST(test_the_hint_after_the_boot_says_whose_the_keyboard_is),
		TEST(test_utf8_of_a_guest_is_shown_and_what_is_not_is_visible),
		TEST(test_a_character_is_shown_whole_whoever_comes_between),
		TEST(test_text_in_utf8_does_not_count_as_steering),
		TEST(test_keys_in_utf8_reach_the_guest),
		TEST(test_no_rest_of_a_command_reaches_the_guest),
		TEST(test_input_is_the_shells_while_it_has_the_focus),
		TEST(test_a_terminal_of_the_bootargs_leaves_the_shell_its_focus),
		TEST(test_lines_appear_above_the_prompt),
		TEST(test_a_character_at_the_end_is_all_that_is_sent),
		TEST(test_the_watch_calls_all_terminals_once),
		TEST(test_budget_is_a_rate_with_a_burst),
		TEST(test_a_budget_without_a_price_never_ends),
		cmocka_unit_test_setup(test_a_panic_beside_the_interrupt_comes_to_its_end, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
