// SPDX-License-Identifier: MIT
/*
 * chatty_os: says things on its UART, for tests of the console.
 *
 * Arguments: lines=N (100) and mode=
 *   polite  (default) numbered lines, each character when the FIFO has room
 *   flood   the same lines without ever looking
 *   slow    as polite, with a pause in the middle of each line
 *   echo    a terminal: prompt, echo, "you said ..."; "exit" ends
 *   spin    counts for ever in x20 and TPIDR_EL0, its complement in x21, and never leaves the guest
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/guest.h"
#include "lib/string.h"

#define UART_DR		(GUEST_UART_IPA + 0x00)
#define UART_FR		(GUEST_UART_IPA + 0x18)
#define UART_IMSC	(GUEST_UART_IPA + 0x38)
#define UART_FR_RXFE	BIT(4)
#define UART_INT_RX	BIT(4)
#define UART_INT_RT	BIT(6)

static void put_regardless(const char *text)
{
	while (*text)
		guest_mmio_write32(UART_DR, (uint8_t)*text++);
}

static void pause_us(uint64_t us)
{
	uint64_t end = guest_read_sysreg("cntvct_el0") + us * guest_read_sysreg("cntfrq_el0") / 1000000;

	while (guest_read_sysreg("cntvct_el0") < end)
		;
}

static void put_slowly(const char *text)
{
	size_t half = strlen(text) / 2;

	for (size_t i = 0; text[i]; i++) {
		if (i == half)
			pause_us(500);
		guest_putchar(text[i]);
	}
}

static void say_lines(void (*put)(const char *text))
{
	uint64_t lines = guest_arg("lines", 100);
	char text[] = "line 0000 .................... end\n";

	for (uint64_t n = 0; n < lines; n++) {
		uint64_t rest = n;

		for (unsigned int i = 8; i > 4; i--, rest /= 10)
			text[i] = (char)('0' + rest % 10);
		put(text);
	}
}

static void say_politely(void)
{
	say_lines(guest_puts);
}

static void say_slowly(void)
{
	say_lines(put_slowly);
}

static void flood(void)
{
	say_lines(put_regardless);
}

/* The UART's interrupt, which stays masked at the CPU, ends the wait. */
static void init_input(void)
{
	guest_gic_init();
	guest_mmio_write32(GUEST_GICD_IPA + GIC_IGROUPR + 4, ~0u);
	guest_mmio_write32(GUEST_GICD_IPA + GIC_ISENABLER + 4, 1u << GUEST_UART_INTID % 32);
	guest_mmio_write32(UART_IMSC, UART_INT_RX | UART_INT_RT);
}

static char get_char(void)
{
	while (guest_mmio_read32(UART_FR) & UART_FR_RXFE)
		__asm__ volatile("wfi" : : : "memory");
	return (char)guest_mmio_read32(UART_DR);
}

static void read_line(char *line, size_t size)
{
	size_t len = 0;
	char c;

	while ((c = get_char()) != '\r') {
		if (len + 1 < size)
			line[len++] = c;
		guest_putchar(c);
	}
	line[len] = '\0';
	guest_puts("\r\n");
}

static void echo(void)
{
	char line[80];

	init_input();
	do {
		guest_puts("$ ");
		read_line(line, sizeof(line));
		guest_printf("you said \"%s\"\r\n", line);
	} while (strcmp(line, "exit") != 0);
}

static void spin(void)
{
	__asm__ volatile("1:	add	x20, x20, #1\n"
			 "	mvn	x21, x20\n"
			 "	msr	tpidr_el0, x20\n"
			 "	b	1b" : : : "x20", "x21");
}

static const struct mode {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "polite", say_politely },
	{ "flood", flood },
	{ "slow", say_slowly },
	{ "echo", echo },
	{ "spin", spin },
};

void guest_main(uint64_t dtb __unused)
{
	const struct mode *mode = &modes[0];

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (guest_arg_is("mode", modes[i].name))
			mode = &modes[i];
	}
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	mode->run();
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, 1, 0, 0);
}
