/* SPDX-License-Identifier: MIT */
/*
 * Log lines: level, time since reset, text. A line goes to the log ring and, at or below
 * CONFIG_LOG_LEVEL, to the console as a whole. Callable from boot on, on every CPU, with any lock held
 * but the console's.
 */
#ifndef KERNEL_BASE_LOG_H
#define KERNEL_BASE_LOG_H

#include "lib/compiler.h"
#include "lib/types.h"

enum log_level {
	LOG_ERR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/* Write one line; a trailing newline is added. Lines over 256 bytes are cut and marked with "...". */
void log_line(enum log_level level, const char *fmt, ...) __printf_like(2, 3);

#define LOG_LINE_MAX	256

/* A line on the console alone, in the colours of its level where the console has them. */
void log_show(enum log_level level, const char *text, size_t len);

/*
 * The log again, line by line: begin with *at = 0, which becomes the place of the next line. text gets at
 * most LOG_LINE_MAX characters, not terminated. False at end, which log_end() gave before.
 */
uint64_t log_end(void);
__must_check bool log_read(uint64_t *at, uint64_t end, enum log_level *level, char *text, size_t *len);

#define log_at(level, ...)						\
	do {								\
		if ((int)(level) <= CONFIG_LOG_LEVEL)			\
			log_line(level, __VA_ARGS__);			\
	} while (0)

#define log_err(...)	log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)	log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_DEBUG, __VA_ARGS__)

#endif
