/* SPDX-License-Identifier: MIT */
/*
 * The console: one UART for Schism and all guests.
 *
 * Lines stay whole: a writer hands over complete lines, and a guest's characters are gathered
 * (kernel/vdev/uart.c) until a line is there. One guest at a time may have the focus: what is typed is
 * its input, and its output passes through character by character. The escape key, then one more,
 * moves the focus or shows something about the system (kernel/inspect.c).
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kernel/mm/addr.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

struct vm;

/* A UART driver: a row in the set "schism_serial", found by the compatible string. */
struct serial_driver {
	const char *compatible;
	/* Registers are mapped; leave firmware's settings but for what must be. clock_hz, baud: 0 unknown. */
	void (*init)(volatile void *regs, uint32_t clock_hz, uint32_t baud);
	void (*putc)(volatile void *regs, char c);
	int (*getc)(volatile void *regs);		/* -1: nothing there */
	void (*enable_rx_irq)(volatile void *regs);
};

#define SERIAL_DRIVER(name)	\
	static const struct serial_driver name SECTION_ENTRY(schism_serial)

/* A guest's terminal. The owner fills in vm and the functions, which are called with RANK_INPUT held. */
struct console_port {
	struct vm *vm;
	void (*input)(struct console_port *port, char c);	/* a character was typed */
	void (*focused)(struct console_port *port);		/* it got the focus */
	struct list_head link;
};

/* Use regs with the driver for compatible (NULL: the first one) from now on. */
void console_init(volatile void *regs, const char *compatible, uint32_t clock_hz, uint32_t baud);
bool console_is_up(void);

/* Whether there is a driver for the UART that this node of the device tree describes. */
bool console_can_drive(const void *fdt, int node);

/*
 * Write a line (text, then CR LF) as a whole, on a line of its own. From a panic the lock is not waited
 * for.
 */
void console_write_line(const char *text, size_t len);
void console_panic_mode(void);
bool console_is_panicking(void);

/* Write characters as they are, if port has the focus; else false, and nothing happens. */
__must_check bool console_write_raw(const struct console_port *port, const char *text, size_t len);

/*
 * A terminal comes and goes. When its VM is named by "focus=" among the machine's bootargs, it gets the
 * focus. Context: no lock of RANK_INPUT or above held.
 */
void console_attach(struct console_port *port);
void console_detach(struct console_port *port);

/* Give the focus to a VM's terminal; NULL, or a VM without one: to none. Context: as console_attach(). */
void console_set_focus(const struct vm *vm);

/* The same, unless another VM has it or the machine's bootargs say "focus=". */
void console_offer_focus(const struct vm *vm);

/* The VM with the n-th terminal (from 0), and the one with the focus. NULL: none. Context: likewise. */
const struct vm *console_nth(unsigned int n);
const struct vm *console_focus(void);

/* Characters that arrived; handles the escape key. Context: the UART's interrupt on the boot CPU. */
void console_rx_interrupt(void);
void console_enable_rx(void);

#endif
