/* SPDX-License-Identifier: MIT */
/* Words, numbers, completion and lists of numbers for the shell. Pure. */
#ifndef KERNEL_SHELL_PARSE_H
#define KERNEL_SHELL_PARSE_H

#include "kernel/shell/line.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define SHELL_MAX_WORDS		8

struct shell_args {
	unsigned int n;
	const char *word[SHELL_MAX_WORDS];	/* word[0] is the command */
	char text[SHELL_LINE_MAX + 1];		/* that they are in */
};

/* Split a line at blanks; false when there are more than SHELL_MAX_WORDS. */
__must_check bool shell_split(struct shell_args *args, const char *line);

/* All of word as a number, decimal or hexadecimal after 0x, up to max. */
__must_check bool shell_number(const char *word, uint64_t max, uint64_t *value);

/* The candidate number i, NULL beyond the last. */
typedef const char *shell_nth(unsigned int i);

/*
 * How many candidates begin with the len characters at word; *common: one of them, *common_len: how much of
 * it is the beginning of all. nth NULL: none.
 */
unsigned int shell_complete(const char *word, size_t len, shell_nth *nth, const char **common,
			    size_t *common_len);

/*
 * The candidate that word was most likely meant to be: that begins with it, or is one slip of the fingers
 * away, for four characters and more two; NULL: none.
 */
const char *shell_nearest(const char *word, shell_nth *nth);

/* A time in microseconds as "2 d 3:04:05.678", without days when there are none. Returns buf. */
const char *shell_format_time(char *buf, size_t size, uint64_t us);

/*
 * The numbers of the bits that are set in words[first] to words[last], 32 in a word, as "0-7,27,30"; "none";
 * cut with "..." where they do not fit. Returns buf.
 */
const char *shell_format_bits(char *buf, size_t size, const uint32_t *words, unsigned int first,
			      unsigned int last);

#endif
