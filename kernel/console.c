// SPDX-License-Identifier: MIT
/*
 * Console output by lines, and the escape key.
 *
 * Lock: console_lock (RANK_CONSOLE), around one line.
 */
#include "kernel/console.h"

#include "kernel/inspect.h"
#include "kernel/lock.h"
#include "lib/string.h"

static struct spinlock console_lock = SPINLOCK_INIT(RANK_CONSOLE);
static const struct serial_driver *driver;
static volatile void *uart;
static bool panicking;
static bool escaped;		/* the escape key was the last character */

static const struct serial_driver *find_driver(const char *compatible)
{
	SECTION_FOREACH(struct serial_driver, it, schism_serial) {
		if (!compatible || !strcmp(it->compatible, compatible))
			return it;
	}
	return NULL;
}

void console_init(volatile void *regs, const char *compatible, uint32_t clock_hz, uint32_t baud)
{
	driver = find_driver(compatible);
	uart = regs;
	if (driver)
		driver->init(regs, clock_hz, baud);
}

bool console_is_up(void)
{
	return driver != NULL;
}

void console_panic_mode(void)
{
	panicking = true;
}

void console_write_line(const char *text, size_t len)
{
	if (!driver)
		return;
	if (!panicking)
		spin_lock(&console_lock);
	for (size_t i = 0; i < len; i++)
		driver->putc(uart, text[i]);
	driver->putc(uart, '\r');
	driver->putc(uart, '\n');
	if (!panicking)
		spin_unlock(&console_lock);
}

void console_enable_rx(void)
{
	if (driver)
		driver->enable_rx_irq(uart);
}

void console_rx_interrupt(void)
{
	int c;

	/* A UART that never runs dry must not keep the CPU here. */
	for (unsigned int n = 0; n < 64 && (c = driver->getc(uart)) >= 0; n++) {
		if (escaped)
			inspect_command((char)c);
		escaped = !escaped && c == CONFIG_CONSOLE_ESCAPE_KEY;
	}
}
