/* SPDX-License-Identifier: MIT */
/*
 * The console: one UART for Schism and all guests.
 *
 * Lines stay whole. Schism's own come as such; a guest's characters wait in its terminal's ring until a
 * line is there, and it is printed as "[name] line"; one that was begun, as a prompt, is printed after a
 * while of silence as "[name] begun ...", and what follows as "[name] ... rest". One guest at a time may
 * have the focus: what is typed is its input, and its output passes through character by character. The
 * escape key, then one more, moves the focus or shows something about the system. Or the shell has the
 * focus: then its prompt stays below what is printed.
 *
 * Nobody waits for the UART but Schism's own lines when its buffer is full, and then for as much room as
 * the line takes: the rest leaves by the transmit interrupt. What finds no room stays in the terminals'
 * rings, from which lines are taken in turn.
 */
#ifndef KERNEL_CONSOLE_CONSOLE_H
#define KERNEL_CONSOLE_CONSOLE_H

#include "kernel/base/addr.h"
#include "kernel/base/rate_limit.h"
#include "kernel/platform/serial.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/ring.h"
#include "lib/types.h"

struct vm;

#define CONSOLE_LINE_MAX	160	/* of a guest; longer ones are printed in pieces */
#define CONSOLE_RING_SIZE	4096	/* of a guest's output */
#define CONSOLE_PREFIX_LEN	48	/* "[name] " with colours */

/*
 * Who reads what is typed for Schism itself: a row in the set "schism_console". Each function may be missing.
 * Context of all: the UART's interrupt on the boot CPU, no lock held; enter also while the boot CPU boots.
 */
struct console_reader {
	void (*command)(char c);	/* the key behind the escape key */
	void (*enter)(void);		/* give the shell the focus, and show its prompt */
	void (*key)(char c);		/* the shell has the focus, and this was typed */
};

#define CONSOLE_READER(name)	\
	static const struct console_reader name SECTION_ENTRY(schism_console)

/*
 * A guest's terminal. Its owner fills in vm and the functions, which are called with RANK_INPUT held, and
 * guards what the output needs with a lock of its own.
 */
struct console_port {
	struct vm *vm;
	void (*input)(struct console_port *port, int c);	/* a character was typed, or SERIAL_BREAK */
	void (*room)(struct console_port *port);		/* console_watch_room()'s time is over */
	unsigned int (*unread)(struct console_port *port);	/* characters that the guest has not read */
	struct list_head link;

	/* the owner's: from console_port_put() */
	struct budget budget;
	unsigned int granted;		/* characters taken from the budget that have room in the ring */
	unsigned int run;		/* characters since the last one that was worth a look at the ring */
	uint64_t dropped;		/* since the last mark */

	struct ring out;		/* put by the owner, taken with the console's lock held */

	/* the console's, guarded by its lock */
	struct list_head waiting;	/* on the list of those that found no room */
	struct {
		uint32_t shown;		/* bytes of the ring that are on the screen as a begun line */
		unsigned int pieces;	/* in so many pieces */
		uint32_t head, done;	/* the ring's when it was last looked at, and after a piece */
		uint64_t since;		/* the counter when head was new */
	} begun;
	char prefix[CONSOLE_PREFIX_LEN];	/* fixed after console_attach() */
};

/*
 * What the machine's bootargs say: "colour=yes" or "no" (else CONFIG_LOG_COLOUR), "hold=yes". Once they are
 * known, before the first console_attach().
 */
void console_configure(void);

/* Whether the terminal shows colours; and that of a VM, as a sequence, "" without. */
bool console_has_colours(void);
const char *console_colour_of(const struct vm *vm);

/*
 * The VM that a line is about, which begins with its name, *named characters long, and a colon; NULL: none.
 * Context: any.
 */
const struct vm *console_vm_of_line(const char *text, size_t len, size_t *named);

/* Use the UART at regs with that driver from now on; NULL: none. clock_hz, baud: 0 is unknown. */
void console_init(volatile void *regs, const struct serial_driver *with, uint32_t clock_hz, uint32_t baud);
bool console_is_up(void);

/*
 * Write a line (text, then CR LF) as a whole, on a line of its own; never lost. From a panic the lock is not
 * waited for, and the line has left when this returns.
 */
void console_write_line(const char *text, size_t len);

/*
 * Whether lines of Schism and of other VMs are kept off the screen while a running VM has the focus, as they
 * would spoil what it draws. The last 16 KiB of them are kept; they come when the focus moves, when the VM
 * ends, with what the escape key shows, and at the machine's end. Boot argument "hold=yes".
 */
void console_hold(bool hold);
bool console_holds(void);

/* From now on everything is sent at once, what waited first. */
void console_panic_mode(void);
bool console_is_panicking(void);

/*
 * Whether a line has room without waiting for the UART, and leaves some: what a guest can make Schism say is
 * better lost than waited for. Right for some moment during the call.
 */
bool console_has_room(void);

/* Whether something waits for the UART. */
bool console_is_busy(void);

/* Send all that waits: the machine is about to end. */
void console_flush(void);

/*
 * A character of a guest's output; lost, and counted for a mark in the output, when there is no room.
 * console_port_room(): at least so many characters have room. Context: the owner's lock; room also without.
 */
void console_port_put(struct console_port *port, char c);
uint64_t console_port_room(const struct console_port *port);

/* The guest has ended: what it has begun is a line. Context: the owner's lock. */
void console_port_end_line(struct console_port *port);

/* Calls every terminal's room function in a while. Context: any lock below RANK_TIMER. */
void console_watch_room(void);

/*
 * A guest has begun a line that nobody sees yet: show it, marked, when it has been silent for a while.
 * Context: as console_watch_room().
 */
void console_watch_begun(void);

/*
 * A terminal comes and goes; out is CONSOLE_RING_SIZE bytes for its output. When its VM is named by "focus="
 * among the machine's bootargs, it gets the focus, but not the shell's. Detaching prints what it has left,
 * as far as there is room without waiting.
 * Context: no lock of RANK_INPUT or above held.
 */
void console_attach(struct console_port *port, void *out);
void console_detach(struct console_port *port);

/*
 * Give the focus to a VM's terminal; NULL, or a VM without one: to none. Or to the shell. Context: as
 * console_attach().
 */
void console_set_focus(const struct vm *vm);
void console_focus_shell(void);
bool console_shell_has_focus(void);

/* Go into the shell, if there is one (CONFIG_SHELL). Context: boot CPU, no lock held. */
void console_enter_shell(void);

/* The same, unless somebody else has it or the machine's bootargs say "focus=". */
void console_offer_focus(const struct vm *vm);

/* A BREAK for the terminal that has the focus, as if the line had one. Context: as console_attach(). */
void console_send_break(void);

/* The VM with the n-th terminal (from 0), and the one with the focus. NULL: none. Context: likewise. */
const struct vm *console_nth(unsigned int n);
const struct vm *console_focus(void);

/*
 * The prompt, which stays below the lines that are printed: show text with the cursor before its character
 * cursor; leave it where it is and go on below; take it away. Cut after 127 characters.
 */
void console_prompt_show(const char *text, size_t len, size_t cursor);
void console_prompt_leave(void);
void console_prompt_hide(void);

/* The UART's interrupt, on the boot CPU: what has arrived, and handles the escape key; room to transmit. */
void console_rx_interrupt(void);
void console_tx_interrupt(void);

/* There is a handler for it. */
void console_enable_irqs(void);

/* Say in the log what can be typed, if anything can. Context: no lock of RANK_INPUT or above held. */
void console_say_hint(void);

/* Take the UART's interrupt from now on, if it has one (not 0). Context: boot CPU, once. */
void console_use_interrupt(uint32_t intid, bool edge);

#endif
