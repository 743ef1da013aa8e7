/* SPDX-License-Identifier: MIT */
/* Between the console's files: terminals in console.c and port.c, the UART in output.c. */
#ifndef KERNEL_CONSOLE_OUTPUT_H
#define KERNEL_CONSOLE_OUTPUT_H

#include "kernel/console/console.h"

/* The next character that arrived, or SERIAL_BREAK; -1: none. And whether there is an interrupt for it. */
int console_out_getc(void);
bool console_out_has_irqs(void);

/* Whose output passes as it is; NULL: nobody's. What the terminal has begun comes out. */
void console_out_set_focus(struct console_port *port);
struct console_port *console_out_focus(void);

/* The terminal's ring holds something for the screen: a whole line, or anything while it has the focus. */
void console_out_kick(struct console_port *port);

/* What is printed next was asked for: nothing is held; and that is over. */
void console_out_pause_hold(bool pause);

/*
 * Show what the terminal has begun if it has been silent for long enough; counter value now. Whether it was
 * shown, or may have to be later.
 */
enum begun { BEGUN_NOTHING, BEGUN_WAITS, BEGUN_SHOWN };
enum begun console_out_look_at_begun(struct console_port *port, uint64_t now);

/*
 * A terminal goes, and the focus with it if it had that. What it has left is printed as far as there is
 * room: the rest is lost, and a mark tells how much. It may be thousands of lines: nobody must wait for them.
 */
void console_out_forget(struct console_port *port);

#endif
