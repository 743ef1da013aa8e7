/* SPDX-License-Identifier: MIT */
/* What a driver for a UART has to offer. The console uses it; a node of the device tree chooses it. */
#ifndef KERNEL_PLATFORM_SERIAL_H
#define KERNEL_PLATFORM_SERIAL_H

#include "lib/compiler.h"
#include "lib/types.h"

/* What getc returns for a BREAK: the line was low for longer than a character. */
#define SERIAL_BREAK	0x100

/* A UART driver: a row in the set "schism_serial", found by the compatible string. */
struct serial_driver {
	const char *compatible;
	/* Registers are mapped; leave firmware's settings but for what must be. clock_hz, baud: 0 unknown. */
	void (*init)(volatile void *regs, uint32_t clock_hz, uint32_t baud);
	/* Send characters, as far as the transmitter has room now; returns how many. */
	size_t (*write)(volatile void *regs, const char *text, size_t len);
	int (*getc)(volatile void *regs);		/* a character, SERIAL_BREAK, or -1: nothing there */
	/* Interrupts for what arrives, and for room in a transmitter that was full. */
	void (*set_irqs)(volatile void *regs, bool rx, bool tx);
};

#define SERIAL_DRIVER(name)	\
	static const struct serial_driver name SECTION_ENTRY(schism_serial)

/* The driver for that compatible string; NULL: there is none. */
const struct serial_driver *serial_driver_for(const char *compatible);

#endif
