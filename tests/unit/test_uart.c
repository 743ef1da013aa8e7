// SPDX-License-Identifier: MIT
/* The emulated PL011 together with the console that it ends on: a VM's view and the terminal's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "kernel/mm/page.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vm.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"

#define DR	0x00
#define RSR	0x04
#define FR	0x18
#define LCR_H	0x2c
#define CR	0x30
#define IFLS	0x34
#define IMSC	0x38
#define RIS	0x3c
#define MIS	0x40
#define ICR	0x44

#define FR_RXFE	(1u << 4)
#define FR_TXFF	(1u << 5)
#define FR_RXFF	(1u << 6)
#define FR_TXFE	(1u << 7)
#define FEN	(1u << 4)
#define BRK	1u
#define INT_RX	(1u << 4)
#define INT_TX	(1u << 5)
#define INT_RT	(1u << 6)
#define INT_BE	(1u << 9)
#define INT_OE	(1u << 10)
#define CR_ON	0x301u
#define CR_LBE	(1u << 7)

#define ESC	"\x1d"
#define KEPT	(32 + 2048)	/* what the FIFO and the ring behind it hold */

/* ---- what is around the device ---- */

static struct vm vm[2];
static bool line[2];			/* of each VM's interrupt */
static char shown[32768];		/* what the terminal got */
static size_t nr_shown;
static const char *to_type = "";
static bool break_comes;		/* before what is typed */
static char commands[16];
static const char *focus_arg;

static const struct vdev_ops *uart_ops(void)
{
	SECTION_FOREACH(struct vdev_ops, it, schism_vdev) {
		if (!strcmp(it->name, "uart"))
			return it;
	}
	abort();
}

void *hyp_alloc_pages(unsigned int n)
{
	return calloc(n, PAGE_SIZE);
}

void hyp_free_pages(void *pages, unsigned int n)
{
	free(pages);
}

int vdev_attach(struct vm *v, const struct vdev_ops *ops, uint64_t base, uint64_t size, struct vcpu *vcpu,
		void *state)
{
	assert_int_equal(base, GUEST_UART_IPA);
	assert_int_equal(size, GUEST_UART_SIZE);
	v->vdevs[v->nr_vdevs++] = (struct vdev){ ops, base, size, vcpu, state };
	return 0;
}

/* The tests' vCPU 0 of a VM is the VM itself: all that the device does with it is to pass it on. */
void vgic_set_line(struct vcpu *vcpu, unsigned int intid, bool level)
{
	assert_int_equal(intid, GUEST_UART_INTID);
	line[(struct vm *)vcpu - vm] = level;
}

bool boot_arg(const char *name, char *buf, size_t size)
{
	if (!focus_arg || strcmp(name, "focus") != 0)
		return false;
	snprintf(buf, size, "%s", focus_arg);
	return true;
}

struct vm *vms[CONFIG_MAX_VMS];
unsigned int nr_vms;

bool machine_node_is(const void *fdt, int node, const char *compat)
{
	return false;
}

static void read_command(char c)
{
	commands[strlen(commands)] = c;
}

static void read_key(char c)
{
}

CONSOLE_READER(reader) = { .command = read_command, .key = read_key };

static void terminal_init(volatile void *regs, uint32_t clock_hz, uint32_t baud)
{
}

static size_t terminal_write(volatile void *regs, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		assert_true(nr_shown < sizeof(shown) - 1);
		shown[nr_shown++] = text[i];
		shown[nr_shown] = '\0';
	}
	return len;
}

static int terminal_getc(volatile void *regs)
{
	if (break_comes) {
		break_comes = false;
		return SERIAL_BREAK;
	}
	return *to_type ? (uint8_t)*to_type++ : -1;
}

SERIAL_DRIVER(terminal) = {
	.compatible = "test,terminal",
	.init = terminal_init,
	.write = terminal_write,
	.getc = terminal_getc,
	.set_irqs = NULL,
};

/* ---- helpers ---- */

static bool access_of(unsigned int i, uint32_t offset, unsigned int size, bool write, uint64_t *val)
{
	struct vdev_access access = { GUEST_UART_IPA + offset, size, write, *val };
	bool allowed = vm[i].vdevs[0].ops->allows(&vm[i].vdevs[0], offset, &access);
	bool done = vm[i].vdevs[0].ops->access(NULL, &vm[i].vdevs[0], offset, &access);

	assert_int_equal(allowed, done);
	*val = access.val & (size == 8 ? UINT64_MAX : (UINT64_C(1) << size * 8) - 1);
	return done;
}

static uint32_t get(uint32_t offset)
{
	uint64_t val = 0;

	assert_true(access_of(0, offset, 4, false, &val));
	return (uint32_t)val;
}

static void put_to(unsigned int i, uint32_t offset, uint32_t val)
{
	uint64_t wide = val;

	assert_true(access_of(i, offset, 4, true, &wide));
}

static void put(uint32_t offset, uint32_t val)
{
	put_to(0, offset, val);
}

static void print(unsigned int i, const char *text)
{
	while (*text)
		put_to(i, DR, (uint8_t)*text++);
}

static void type(const char *text)
{
	to_type = text;
	while (*to_type)
		console_rx_interrupt();
}

static void type_break(void)
{
	break_comes = true;
	console_rx_interrupt();
}

static void assert_shown(const char *text)
{
	assert_string_equal(shown, text);
	nr_shown = 0;
	shown[0] = '\0';
}

/* Read whatever the guest can. */
static unsigned int drain(char *text, size_t size)
{
	unsigned int n = 0;

	while (!(get(FR) & FR_RXFE) && n < size - 1)
		text[n++] = (char)get(DR);
	text[n] = '\0';
	return n;
}

static int setup(void **state)
{
	static char names[2][4] = { "one", "two" };

	fake_reset();
	fake_counter = 1000000000;
	timer_queue_init(&cpus[0].timers);
	console_init(NULL, &terminal, 0, 0);
	for (unsigned int i = 0; i < 2; i++) {
		memset(&vm[i], 0, sizeof(vm[i]));
		vm[i].id = i;
		vm[i].name = names[i];
		vm[i].vcpus[0] = (struct vcpu *)&vm[i];
		line[i] = false;
		assert_int_equal(uart_ops()->create(&vm[i], uart_ops()), 0);
		uart_ops()->reset(&vm[i], &vm[i].vdevs[0]);
	}
	nr_shown = 0;
	shown[0] = '\0';
	memset(commands, 0, sizeof(commands));
	return 0;
}

static int teardown(void **state)
{
	for (unsigned int i = 0; i < 2; i++)
		uart_ops()->destroy(&vm[i], &vm[i].vdevs[0]);
	console_write_line("", 0);
	focus_arg = NULL;
	return 0;
}

static void focus(unsigned int i)
{
	console_set_focus(&vm[i]);
}

/* ---- output ---- */

static void test_lines_of_vms_stay_whole_and_carry_their_names(void **state)
{
	print(0, "hel");
	print(1, "tick\r\n");
	print(0, "lo\n");
	assert_shown("[two] tick\r\n[one] hello\r\n");
}

static void test_transmits_without_being_enabled_and_while_disabled(void **state)
{
	put(CR, 0);
	print(0, "x\n");
	assert_shown("[one] x\r\n");
	assert_int_equal(get(FR), FR_TXFE | FR_RXFE);
}

static void test_a_line_cannot_steer_the_terminal(void **state)
{
	print(0, "\033[31mred\033[0m\a\b\x9b" "2Jend\033c\n");
	assert_shown("[one] red??\\x9b2Jend\r\n");
}

static void test_an_endless_line_is_printed_in_pieces(void **state)
{
	char expected[400] = "[one] ";

	for (unsigned int i = 0; i < 200; i++)
		put(DR, 'a');
	memset(expected + 6, 'a', 160);
	strcpy(expected + 166, "\r\n");
	assert_shown(expected);
	print(0, "\n");
	memset(expected + 6, 'a', 40);
	strcpy(expected + 46, "\r\n");
	assert_shown(expected);
}

static void test_a_full_line_is_not_followed_by_an_empty_one(void **state)
{
	char expected[400] = "[one] ";

	for (unsigned int i = 0; i < 160; i++)
		put(DR, 'a');
	print(0, "\r\n");
	memset(expected + 6, 'a', 160);
	strcpy(expected + 166, "\r\n");
	assert_shown(expected);
}

static void test_with_the_focus_characters_pass_through_at_once(void **state)
{
	focus(0);
	print(0, "\033[1m# ");
	assert_shown("\033[1m# ");
	print(1, "never raw\n");
	assert_shown("\030\033(B\017\033[m\r\n[two] never raw\r\n");
}

static void test_log_lines_start_on_a_fresh_line(void **state)
{
	focus(0);
	print(0, "prompt ");
	console_write_line("log", 3);
	console_write_line("more", 4);
	assert_shown("prompt \r\nlog\r\nmore\r\n");
	print(0, "done\r\n");
	console_write_line("log", 3);
	assert_shown("done\r\nlog\r\n");
}

static void test_a_begun_line_comes_out_when_the_focus_comes(void **state)
{
	print(0, "login: ");
	assert_shown("");
	focus(0);
	assert_shown("login: ");
	console_set_focus(NULL);
	print(0, "root\n");
	assert_shown("\r\n[one] root\r\n");
}

static void test_a_begun_line_comes_out_when_the_vm_ends(void **state)
{
	print(0, "last words");
	uart_ops()->reset(&vm[0], &vm[0].vdevs[0]);
	assert_shown("[one] last words\r\n");
}

/* ---- transmit interrupt ---- */

static void test_transmit_interrupt_rises_by_writing_not_at_reset(void **state)
{
	put(IMSC, INT_TX);
	assert_int_equal(get(RIS), 0);
	assert_false(line[0]);
	print(0, "a");
	assert_int_equal(get(MIS), INT_TX);
	assert_true(line[0]);
	put(ICR, INT_TX);
	assert_false(line[0]);
	print(0, "b");
	assert_true(line[0]);
	put(IMSC, 0);
	assert_int_equal(get(RIS), INT_TX);
	assert_int_equal(get(MIS), 0);
	assert_false(line[0]);
}

/* As if the counter had gone on; timers that are due fire. */
static void pass_us(uint64_t us)
{
	fake_counter += timer_us_to_ticks(us);
	timer_interrupt(&cpus[0].timers);
}

/* Until the FIFO is full; how much it took. */
static unsigned int fill(void)
{
	unsigned int n = 0;

	while (!(get(FR) & FR_TXFF) && n < 100000) {
		put(DR, n % 64 == 63 ? '\n' : 'x');
		n++;
	}
	return n;
}

static unsigned int count_shown(char c)
{
	unsigned int n = 0;

	for (size_t i = 0; i < nr_shown; i++)
		n += shown[i] == c;
	return n;
}

static void test_a_guest_that_looks_is_slowed_and_loses_nothing(void **state)
{
	unsigned int n = fill();

	assert_int_equal(n, CONSOLE_RING_SIZE);
	assert_int_equal(get(FR), FR_TXFF | 1u << 3 | FR_RXFE);
	pass_us(500);
	n += fill();
	assert_in_range(n, CONSOLE_RING_SIZE + CONFIG_CONSOLE_GUEST_RATE / 2,
			CONSOLE_RING_SIZE + CONFIG_CONSOLE_GUEST_RATE / 2 + 1);
	print(1, "the other one's\n");
	assert_non_null(strstr(shown, "[two] the other one's\r\n"));
	pass_us(1000);
	put(DR, '\n');
	assert_int_equal(count_shown('x'), n - n / 64);
	assert_null(strstr(shown, "dropped"));
}

static void test_transmit_interrupt_waits_for_room(void **state)
{
	put(IMSC, INT_TX);
	fill();
	assert_int_equal(get(RIS) & INT_TX, 0);
	assert_false(line[0]);
	fake_counter += timer_us_to_ticks(16000 / CONFIG_CONSOLE_GUEST_RATE + 1);
	assert_int_equal(get(FR) & FR_TXFF, 0);
	assert_false(line[0]);
	pass_us(1000);
	assert_true(line[0]);
	/* What a driver may write at this interrupt without looking. */
	for (unsigned int i = 0; i < 16; i++)
		put(DR, '.');
	pass_us(1000);
	put(DR, '\n');
	assert_null(strstr(shown, "dropped"));
	assert_int_equal(count_shown('.'), 16);
}

static void test_what_is_written_regardless_is_dropped_and_counted(void **state)
{
	fill();
	for (unsigned int i = 0; i < 100; i++)
		put(DR, '!');
	pass_us(1000);
	/* Not heard again before there is room for a good many. */
	put(DR, '!');
	assert_int_equal(get(FR) & FR_TXFF, FR_TXFF);
	pass_us(10000);
	assert_int_equal(get(FR) & FR_TXFF, 0);
	print(0, "and on\n");
	assert_int_equal(count_shown('!'), 0);
	assert_non_null(strstr(shown, "[one] ... 101 characters dropped\r\n[one] and on\r\n"));
}

static void test_the_mark_comes_also_when_the_guest_ends(void **state)
{
	fill();
	put(DR, '!');
	put(DR, '!');
	uart_ops()->reset(&vm[0], &vm[0].vdevs[0]);
	assert_non_null(strstr(shown, "[one] ... 2 characters dropped\r\n"));
}

/* ---- input ---- */

static void test_input_goes_to_the_vm_with_the_focus_alone(void **state)
{
	char text[8];

	type("a");
	assert_int_equal(get(FR) & FR_RXFE, FR_RXFE);
	focus(1);
	type("b");
	assert_int_equal(get(FR) & FR_RXFE, FR_RXFE);
	focus(0);
	type("c");
	assert_int_equal(drain(text, sizeof(text)), 1);
	assert_string_equal(text, "c");
}

static void test_receive_interrupts_follow_the_fifo(void **state)
{
	focus(0);
	put(LCR_H, FEN | 0x60);
	put(CR, CR_ON);
	put(IMSC, INT_RX | INT_RT);
	type("123456789012345");
	assert_int_equal(get(MIS), INT_RT);
	assert_true(line[0]);
	type("6");
	assert_int_equal(get(MIS), INT_RT | INT_RX);
	assert_int_equal(get(DR), '1');
	assert_int_equal(get(MIS), INT_RT);
	for (unsigned int i = 0; i < 15; i++)
		get(DR);
	assert_int_equal(get(RIS), 0);
	assert_int_equal(get(DR), 0);
}

/* As in QEMU's model; DDI 0183 would have it wait for the level. */
static void test_without_the_timeouts_the_receive_interrupt_rises_at_the_first_character(void **state)
{
	focus(0);
	put(LCR_H, FEN);
	put(CR, CR_ON);
	put(IMSC, INT_RX);
	type("a");
	assert_int_equal(get(MIS), INT_RX);
	assert_true(line[0]);
	/* Cleared, it rises with the next one, not by a write to the mask that is the same. */
	put(ICR, INT_RX);
	put(IMSC, INT_RX);
	assert_false(line[0]);
	type("b");
	assert_true(line[0]);
	get(DR);
	assert_true(line[0]);
	get(DR);
	assert_false(line[0]);
}

static void test_the_level_holds_while_the_timeout_interrupt_is_on(void **state)
{
	focus(0);
	put(LCR_H, FEN);
	put(CR, CR_ON);
	put(IMSC, INT_RX | INT_RT);
	type("a");
	assert_int_equal(get(RIS), INT_RT);
	put(IMSC, INT_RX);
	assert_int_equal(get(MIS), INT_RX);
	assert_true(line[0]);
	put(IMSC, INT_RX | INT_RT);
	assert_int_equal(get(RIS), INT_RT);
}

static void test_a_break_arrives_as_a_marked_zero_in_its_place(void **state)
{
	focus(0);
	put(LCR_H, FEN);
	put(CR, CR_ON);
	put(IMSC, INT_BE);
	type("a");
	assert_false(line[0]);
	type_break();
	assert_true(line[0]);
	type("b");
	assert_int_equal(get(RIS), INT_RT | INT_BE);
	assert_int_equal(get(DR), 'a');
	assert_int_equal(get(RSR), 0);
	assert_int_equal(get(DR), 0x400);
	assert_int_equal(get(RSR), 4);
	assert_int_equal(get(DR), 'b');
	assert_int_equal(get(RSR), 0);
	assert_int_equal(get(RIS), INT_BE);
	put(ICR, INT_BE);
	assert_false(line[0]);
}

static void test_a_break_waits_behind_what_was_typed_before(void **state)
{
	focus(0);
	put(CR, CR_ON);
	type("ab");
	type_break();
	type("c");
	assert_int_equal(get(RIS) & INT_BE, 0);
	assert_int_equal(get(DR), 'a');
	assert_int_equal(get(DR), 'b');
	assert_int_equal(get(RIS) & INT_BE, INT_BE);
	assert_int_equal(get(DR), 0x400);
	assert_int_equal(get(DR), 'c');
	/* Its place in the ring is a character's again. */
	for (unsigned int i = 0; i < KEPT + 10; i++) {
		type("x");
		assert_int_equal(get(DR), 'x');
	}
}

static void test_a_break_goes_to_the_focus_alone(void **state)
{
	type_break();
	focus(1);
	type_break();
	console_focus_shell();
	type_break();
	assert_int_equal(get(FR) & FR_RXFE, FR_RXFE);
	assert_int_equal(get(RIS), 0);
	focus(0);
	console_send_break();
	assert_int_equal(get(DR), 0x400);
}

static void test_in_loopback_a_break_is_received_once(void **state)
{
	put(LCR_H, FEN);
	put(CR, CR_ON | CR_LBE);
	put(LCR_H, FEN | BRK);
	assert_int_equal(get(RIS), INT_RT | INT_BE);
	/* The line is low: nothing else is heard, and it is one BREAK for as long as that lasts. */
	put(DR, 'x');
	put(LCR_H, FEN | BRK | 0x60);
	put(LCR_H, FEN);
	put(DR, 'y');
	assert_int_equal(get(DR), 0x400);
	assert_int_equal(get(DR), 'y');
	assert_int_equal(get(FR) & FR_RXFE, FR_RXFE);
	put(ICR, INT_BE);
	/* It begins as well when the loop is closed while the line is low; and ends nowhere without one. */
	put(CR, CR_ON);
	put(LCR_H, FEN | BRK);
	assert_int_equal(get(RIS) & INT_BE, 0);
	put(CR, CR_ON | CR_LBE);
	assert_int_equal(get(RIS) & INT_BE, INT_BE);
	assert_int_equal(get(DR), 0x400);
}

static void test_receive_level_is_what_ifls_selects(void **state)
{
	static const unsigned int levels[] = { 4, 8, 16, 24, 28 };
	char text[64];

	focus(0);
	put(LCR_H, FEN);
	put(CR, CR_ON);
	for (unsigned int i = 0; i < ARRAY_SIZE(levels); i++) {
		put(IFLS, i << 3);
		for (unsigned int n = 1; n <= 32; n++) {
			type("x");
			assert_int_equal(get(RIS) & INT_RX, n >= levels[i] ? INT_RX : 0);
		}
		assert_int_equal(get(FR) & FR_RXFF, FR_RXFF);
		drain(text, sizeof(text));
	}
}

static void test_timeout_interrupt_that_was_cleared_rises_with_the_next_character(void **state)
{
	focus(0);
	put(LCR_H, FEN);
	put(CR, CR_ON);
	put(IMSC, INT_RT);
	type("a");
	assert_true(line[0]);
	put(ICR, INT_RT);
	assert_false(line[0]);
	type("b");
	assert_true(line[0]);
	get(DR);
	assert_true(line[0]);
	get(DR);
	assert_false(line[0]);
}

static void test_without_fifos_one_character_fits(void **state)
{
	focus(0);
	put(CR, CR_ON);
	put(IMSC, INT_RX);
	type("ab");
	assert_int_equal(get(FR) & (FR_RXFE | FR_RXFF), FR_RXFF);
	assert_true(line[0]);
	assert_int_equal(get(DR), 'a');
	assert_true(line[0]);
	assert_int_equal(get(DR), 'b');
	assert_int_equal(get(FR) & (FR_RXFE | FR_RXFF), FR_RXFE);
	assert_false(line[0]);
}

static void test_software_that_never_sets_cr_receives(void **state)
{
	focus(0);
	type("k");
	assert_int_equal(get(DR), 'k');
}

static void test_what_comes_while_the_receiver_is_off_waits(void **state)
{
	char text[8];

	focus(0);
	put(LCR_H, FEN);
	put(CR, 0x101);
	type("late");
	assert_int_equal(get(FR) & FR_RXFE, FR_RXFE);
	put(CR, CR_ON);
	drain(text, sizeof(text));
	assert_string_equal(text, "late");
}

static void test_pasted_text_arrives_and_what_is_too_much_is_an_overrun(void **state)
{
	char pasted[KEPT + 100], text[KEPT + 100];

	for (unsigned int i = 0; i < sizeof(pasted) - 1; i++)
		pasted[i] = (char)('a' + i % 26);
	pasted[KEPT] = '\0';
	focus(0);
	put(LCR_H, FEN);
	put(CR, CR_ON);
	type(pasted);
	assert_int_equal(get(RIS) & INT_OE, 0);
	assert_int_equal(drain(text, sizeof(text)), KEPT);
	assert_string_equal(text, pasted);

	pasted[KEPT] = 'x';
	pasted[KEPT + 99] = '\0';
	type(pasted);
	assert_int_equal(get(RIS) & INT_OE, INT_OE);
	assert_int_equal(get(RSR), 8);
	assert_int_equal(get(DR), 0x800 | 'a');
	assert_int_equal(get(DR), 'b');
	put(RSR, 0);
	assert_int_equal(get(RSR), 0);
	assert_int_equal(drain(text, sizeof(text)), KEPT - 2);
	assert_memory_equal(text, pasted + 2, KEPT - 2);
	put(ICR, INT_OE);
	assert_int_equal(get(RIS), 0);
}

static void test_switching_fifos_empties_them(void **state)
{
	focus(0);
	put(LCR_H, FEN);
	type("abc");
	put(LCR_H, 0);
	assert_int_equal(get(FR) & FR_RXFE, FR_RXFE);
	assert_int_equal(get(RIS), 0);
}

static void test_loopback_returns_what_is_sent_and_modem_lines(void **state)
{
	focus(0);
	put(LCR_H, FEN);
	put(CR, CR_ON | CR_LBE | 1 << 11);
	type("z");
	put(DR, 'L');
	assert_shown("");
	assert_int_equal(get(FR), FR_TXFE | 1);
	assert_int_equal(get(RIS), INT_TX | INT_RT | 2);
	assert_int_equal(get(DR), 'L');
	assert_int_equal(get(FR), FR_TXFE | FR_RXFE | 1);
	for (unsigned int i = 0; i < 33; i++)
		put(DR, 'F');
	assert_int_equal(get(RIS) & INT_OE, INT_OE);
	for (unsigned int i = 0; i < 32; i++)
		get(DR);
	put(CR, CR_ON);
	assert_int_equal(get(FR), FR_TXFE);
	assert_int_equal(get(DR), 'z');
}

static void test_reset_forgets_everything(void **state)
{
	focus(0);
	put(IMSC, INT_RX | INT_TX);
	put(LCR_H, FEN);
	type("abc");
	print(0, "x");
	uart_ops()->reset(&vm[0], &vm[0].vdevs[0]);
	assert_int_equal(get(FR), FR_TXFE | FR_RXFE);
	assert_int_equal(get(RIS), 0);
	assert_int_equal(get(IMSC), 0);
	assert_int_equal(get(CR), 0x300);
	assert_int_equal(get(IFLS), 0x12);
}

/* ---- register accesses ---- */

static void test_registers_keep_what_they_have_bits_for(void **state)
{
	static const uint32_t regs[][2] = {
		{ 0x20, 0xff }, { 0x24, 0xffff }, { 0x28, 0x3f }, { 0x2c, 0xff }, { 0x30, 0xff87 },
		{ 0x34, 0x3f }, { 0x38, 0x7ff }, { 0x48, 7 }, { 0x3c, 0 }, { 0x44, 0 }, { 0x80, 0 },
		{ 0xfdc, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++) {
		put(ICR, 0x7ff);
		put(regs[i][0], 0xffffffff);
		if (regs[i][0] != 0x3c)
			assert_int_equal(get(regs[i][0]), regs[i][1]);
		put(regs[i][0], 0);
	}
	for (uint32_t offset = 0; offset < GUEST_UART_SIZE; offset++) {
		uint64_t val = 0xff;

		if (offset != DR) {
			assert_true(access_of(0, offset, 1, true, &val));
			assert_true(access_of(0, offset, 1, false, &val));
		}
	}
}

static void test_accesses_of_one_and_two_bytes_see_their_part(void **state)
{
	uint64_t val = 0xffff;

	assert_true(access_of(0, CR, 2, true, &val));
	assert_int_equal(get(CR), 0xff87);
	assert_true(access_of(0, CR + 1, 1, false, &val));
	assert_int_equal(val, 0xff);
	val = 0x12;
	assert_true(access_of(0, CR, 1, true, &val));
	assert_int_equal(get(CR), 0x2);
	val = 'q';
	assert_true(access_of(0, DR, 1, true, &val));
	print(0, "\n");
	assert_shown("[one] q\r\n");
	assert_true(access_of(0, DR + 1, 1, true, &val));
	assert_true(access_of(0, CR + 2, 2, true, &val));
	assert_int_equal(get(CR), 0x2);
	assert_false(access_of(0, DR, 8, false, &val));
	assert_false(access_of(0, DR, 8, true, &val));
	print(0, "\n");
	assert_shown("[one] \r\n");
}

static void test_identification_is_that_of_a_pl011_r1p5(void **state)
{
	static const uint8_t ids[] = { 0x11, 0x10, 0x34, 0, 0x0d, 0xf0, 0x05, 0xb1 };

	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(get(0xfe0 + 4 * i), ids[i]);
}

/* ---- the console's keys ---- */

static void test_escape_key_takes_one_character_from_the_guest(void **state)
{
	char text[8];

	focus(0);
	put(LCR_H, FEN);
	type("a" ESC "vb");
	assert_string_equal(commands, "v");
	drain(text, sizeof(text));
	assert_string_equal(text, "ab");
}

static void test_escape_key_twice_is_that_character(void **state)
{
	char text[8];

	focus(0);
	put(LCR_H, FEN);
	type("a" ESC ESC "b" ESC ESC ESC "1c");
	assert_string_equal(commands, "1");
	drain(text, sizeof(text));
	assert_string_equal(text, "a" ESC "b" ESC "c");
}

static void test_terminals_are_numbered_in_order_of_creation(void **state)
{
	assert_ptr_equal(console_nth(0), &vm[0]);
	assert_ptr_equal(console_nth(1), &vm[1]);
	assert_null(console_nth(2));
}

static void test_offered_focus_is_taken_once(void **state)
{
	assert_null(console_focus());
	console_offer_focus(&vm[1]);
	assert_ptr_equal(console_focus(), &vm[1]);
	console_offer_focus(&vm[0]);
	assert_ptr_equal(console_focus(), &vm[1]);
}

static void test_boot_argument_decides_over_offers(void **state)
{
	teardown(NULL);
	focus_arg = "two";
	setup(NULL);
	assert_ptr_equal(console_focus(), &vm[1]);
	console_set_focus(NULL);
	console_offer_focus(&vm[0]);
	assert_null(console_focus());
}

static void test_focus_goes_with_its_vm(void **state)
{
	focus(1);
	uart_ops()->destroy(&vm[1], &vm[1].vdevs[0]);
	assert_null(console_focus());
	assert_null(console_nth(1));
	type("lost");
	vm[1].nr_vdevs = 0;
	assert_int_equal(uart_ops()->create(&vm[1], uart_ops()), 0);
	uart_ops()->reset(&vm[1], &vm[1].vdevs[0]);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines_of_vms_stay_whole_and_carry_their_names),
		TEST(test_transmits_without_being_enabled_and_while_disabled),
		TEST(test_a_line_cannot_steer_the_terminal),
		TEST(test_an_endless_line_is_printed_in_pieces),
		TEST(test_a_full_line_is_not_followed_by_an_empty_one),
		TEST(test_with_the_focus_characters_pass_through_at_once),
		TEST(test_log_lines_start_on_a_fresh_line),
		TEST(test_a_begun_line_comes_out_when_the_focus_comes),
		TEST(test_a_begun_line_comes_out_when_the_vm_ends),
		TEST(test_transmit_interrupt_rises_by_writing_not_at_reset),
		TEST(test_a_guest_that_looks_is_slowed_and_loses_nothing),
		TEST(test_transmit_interrupt_waits_for_room),
		TEST(test_what_is_written_regardless_is_dropped_and_counted),
		TEST(test_the_mark_comes_also_when_the_guest_ends),
		TEST(test_input_goes_to_the_vm_with_the_focus_alone),
		TEST(test_receive_interrupts_follow_the_fifo),
		TEST(test_without_the_timeouts_the_receive_interrupt_rises_at_the_first_character),
		TEST(test_the_level_holds_while_the_timeout_interrupt_is_on),
		TEST(test_a_break_arrives_as_a_marked_zero_in_its_place),
		TEST(test_a_break_waits_behind_what_was_typed_before),
		TEST(test_a_break_goes_to_the_focus_alone),
		TEST(test_in_loopback_a_break_is_received_once),
		TEST(test_receive_level_is_what_ifls_selects),
		TEST(test_timeout_interrupt_that_was_cleared_rises_with_the_next_character),
		TEST(test_without_fifos_one_character_fits),
		TEST(test_software_that_never_sets_cr_receives),
		TEST(test_what_comes_while_the_receiver_is_off_waits),
		TEST(test_pasted_text_arrives_and_what_is_too_much_is_an_overrun),
		TEST(test_switching_fifos_empties_them),
		TEST(test_loopback_returns_what_is_sent_and_modem_lines),
		TEST(test_reset_forgets_everything),
		TEST(test_registers_keep_what_they_have_bits_for),
		TEST(test_accesses_of_one_and_two_bytes_see_their_part),
		TEST(test_identification_is_that_of_a_pl011_r1p5),
		TEST(test_escape_key_takes_one_character_from_the_guest),
		TEST(test_escape_key_twice_is_that_character),
		TEST(test_terminals_are_numbered_in_order_of_creation),
		TEST(test_offered_focus_is_taken_once),
		TEST(test_boot_argument_decides_over_offers),
		TEST(test_focus_goes_with_its_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
