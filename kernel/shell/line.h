/* SPDX-License-Identifier: MIT */
/*
 * A line of text that is being typed, with a history. Pure: no output, no allocation.
 *
 *   Left, Ctrl-B / Right, Ctrl-F     move            Up, Ctrl-P / Down, Ctrl-N   history
 *   Home, Ctrl-A / End, Ctrl-E       move far        Backspace, Delete           remove a character
 *   Ctrl-U / Ctrl-K                  remove what is before / after the cursor
 *   Ctrl-W                           remove the word before the cursor     Ctrl-L   show it anew
 *   Tab                              complete        Ctrl-C                      give up the line
 *   Ctrl-D in an empty line          the end of input
 */
#ifndef KERNEL_SHELL_LINE_H
#define KERNEL_SHELL_LINE_H

#include "lib/compiler.h"
#include "lib/types.h"

#define SHELL_LINE_MAX		100
#define SHELL_HISTORY		16

enum shell_line_event {
	SHELL_LINE_NOTHING,
	SHELL_LINE_CHANGED,	/* text or cursor: show it */
	SHELL_LINE_DONE,	/* Enter: text is what was typed, until shell_line_clear() */
	SHELL_LINE_CANCELLED,
	SHELL_LINE_COMPLETE,
	SHELL_LINE_END,
};

struct shell_line {
	char text[SHELL_LINE_MAX + 1];
	size_t len, cursor;

	char history[SHELL_HISTORY][SHELL_LINE_MAX + 1];
	unsigned int nr_history;	/* ever added */
	unsigned int back;		/* so far up that text is history's; 0: the line of its own */
	char own[SHELL_LINE_MAX + 1];	/* that line, meanwhile */

	unsigned int escape;		/* how much of an escape sequence has come */
	char param;			/* the digit in it */
	bool after_cr;			/* a line feed would belong to it */
};

/* An empty line, without a history: all zero does as well. */
void shell_line_init(struct shell_line *line);

/* A key. What does not fit or means nothing is ignored. */
enum shell_line_event shell_line_key(struct shell_line *line, char c);

/* Put text at the cursor, as far as it fits. */
void shell_line_insert(struct shell_line *line, const char *text, size_t len);

/*
 * What of the line is to be seen in so many columns, the cursor among them, into buf of columns + 1 bytes:
 * '<' and '>' stand for what is cut off. Returns the cursor's column.
 */
size_t shell_line_show(const struct shell_line *line, char *buf, size_t columns);

/* Begin a new line; what was typed goes into the history, unless it is blank or what was typed before. */
void shell_line_clear(struct shell_line *line);

#endif
