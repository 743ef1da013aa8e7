// SPDX-License-Identifier: MIT
/*
 * Output on the PL011 by polling (DDI 0183). It transmits without being set up: both QEMU's model
 * and Schism's start enabled.
 */
#include <stdarg.h>

#include "guests/lib/guest.h"
#include "lib/fmt.h"

#define UART_DR			(GUEST_UART_IPA + 0x00)
#define UART_FR			(GUEST_UART_IPA + 0x18)
#define UART_FR_TXFF		BIT(5)

void guest_putchar(char c)
{
	while (guest_mmio_read32(UART_FR) & UART_FR_TXFF)
		;
	guest_mmio_write32(UART_DR, (uint8_t)c);
}

void guest_puts(const char *s)
{
	while (*s)
		guest_putchar(*s++);
}

void guest_printf(const char *fmt, ...)
{
	char line[256];
	va_list args;

	va_start(args, fmt);
	fmt_vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	guest_puts(line);
}
