/* SPDX-License-Identifier: MIT */
/*
 * The console: one UART for Schism and all guests. Lines stay whole: a writer hands over complete lines,
 * and guests' characters are gathered per VM (kernel/vdev/uart.c) until a line is there.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kernel/mm/addr.h"
#include "lib/compiler.h"
#include "lib/types.h"

/* A UART driver: a row in the set "schism_serial", found by the compatible string. */
struct serial_driver {
	const char *compatible;
	/* Registers are mapped; leave the settings of firmware but for what must be. clock_hz/baud: 0 unknown */
	void (*init)(volatile void *regs, uint32_t clock_hz, uint32_t baud);
	void (*putc)(volatile void *regs, char c);
	int (*getc)(volatile void *regs);		/* -1: nothing there */
	void (*enable_rx_irq)(volatile void *regs);
};

#define SERIAL_DRIVER(name)	\
	static const struct serial_driver name SECTION_ENTRY(schism_serial)

/* Use regs with the driver for compatible (NULL: the first one) from now on. */
void console_init(volatile void *regs, const char *compatible, uint32_t clock_hz, uint32_t baud);
bool console_is_up(void);

/* Write a line (text, then CR LF) as a whole. From a panic the lock is not waited for. */
void console_write_line(const char *text, size_t len);
void console_panic_mode(void);

/* Characters that arrived; handles the escape key. Context: the UART's interrupt on the boot CPU. */
void console_rx_interrupt(void);
void console_enable_rx(void);

#endif
