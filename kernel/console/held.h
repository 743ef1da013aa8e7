/* SPDX-License-Identifier: MIT */
/*
 * Lines that are kept off the screen while a guest draws on it, in their order. Guarded by the console's
 * lock.
 */
#ifndef KERNEL_CONSOLE_HELD_H
#define KERNEL_CONSOLE_HELD_H

#include "lib/ring.h"

#define HELD_LINE_MAX	512	/* bytes of a line */

bool held_is_empty(void);
bool held_has_room(size_t len);

/* Add a piece of a line; and its end. When there is no room the oldest lines are lost, and counted. */
void held_add(const char *text, size_t len);
void held_end_line(void);

/* Take the oldest line, cut to size; returns its length. */
size_t held_take(char *text, size_t size);

/* How many lines were lost since this was last asked. */
uint64_t held_take_lost(void);

/* All of them as they are kept, each with a newline: for a panic, which may only look. */
const struct ring *held_ring(void);

#endif
