/* SPDX-License-Identifier: MIT */
/*
 * What a guest has put into its terminal's ring, as characters: one of UTF-8, or an escape sequence, is taken
 * whole, or left until it is complete. Pure; the ring's consumer.
 */
#ifndef KERNEL_CONSOLE_TEXT_H
#define KERNEL_CONSOLE_TEXT_H

#include "kernel/console/console.h"

enum text_kind {
	TEXT_CUT,		/* its rest has yet to come */
	TEXT_PRINTABLE,
	TEXT_NEWLINE,
	TEXT_RETURN,
	TEXT_CONTROL,		/* of one byte, or of C1 in UTF-8's two */
	TEXT_SEQUENCE,		/* an escape sequence (ECMA-48), as far as it is one */
	TEXT_BAD,		/* a byte that is not UTF-8 */
};

struct text_unit {
	enum text_kind kind;
	uint32_t len;		/* bytes of the ring; 0 if it is cut */
};

/* The one that begins i bytes into the ring, of which count are there; i < count. */
struct text_unit console_text_unit(const struct ring *ring, uint32_t i, uint32_t count);

/* The same, with an escape as a character for itself: for what passes as it is. */
struct text_unit console_text_char(const struct ring *ring, uint32_t i, uint32_t count);

/* A piece of a line in a form that cannot steer the terminal; not terminated. */
struct text_piece {
	char text[CONSOLE_LINE_MAX];
	size_t len;
	uint32_t end;		/* bytes of the ring up to its end, with the line's */
	bool whole;		/* the line has ended with it, or no more fits into a line */
};

/*
 * What the ring has of the line that begins from bytes into it: tabs and printable characters are kept,
 * bytes that are not UTF-8 become \xNN, other control characters '?', escape sequences and carriage returns
 * nothing.
 */
void console_text_line(const struct ring *ring, uint32_t from, struct text_piece *piece);

#endif
