// SPDX-License-Identifier: MIT
/*
 * Log lines: formatted on the stack, written to the console whole, kept in a ring for whoever looks with
 * a debugger or after a crash (log_ring, oldest bytes overwritten).
 *
 * Lock: log_lock (RANK_LOG) around the ring.
 */
#include "kernel/base/log.h"

#include "arch/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define LINE_MAX	LOG_LINE_MAX
#define RING_SIZE	16384
#define COLOURS_MAX	16

static struct spinlock log_lock = SPINLOCK_INIT(RANK_LOG);
static struct {
	char text[RING_SIZE];
	uint64_t written;
} log_ring;

static const struct {
	const char *tag, *colour;
} levels[] = {
	[LOG_ERR] = { "error: ", "\033[31m" },
	[LOG_WARN] = { "warning: ", "\033[33m" },
	[LOG_INFO] = { "", "" },
	[LOG_DEBUG] = { "debug: ", "\033[2m" },
};

static size_t prefix(char *buf, size_t size, enum log_level level)
{
	uint64_t us = timer_ticks_to_us(arch_counter());

	if (!IS_ENABLED(CONFIG_LOG_TIMESTAMPS))
		return (size_t)fmt_snprintf(buf, size, "%s", levels[level].tag);
	return (size_t)fmt_snprintf(buf, size, "[%5lu.%06lu] %s", us / 1000000, us % 1000000,
				    levels[level].tag);
}

static void ring_append(const char *text, size_t len)
{
	bool lock = !console_is_panicking();
	uint64_t at;

	if (lock)
		spin_lock(&log_lock);
	at = log_ring.written;
	for (size_t i = 0; i < len; i++)
		log_ring.text[at++ % RING_SIZE] = text[i];
	log_ring.text[at++ % RING_SIZE] = '\n';
	/* log_end() looks without the lock. */
	WRITE_ONCE(log_ring.written, at);
	if (lock)
		spin_unlock(&log_lock);
}

/* Where the time has ended. */
static size_t message_at(const char *text, size_t len)
{
	for (size_t i = 0; i + 1 < len && IS_ENABLED(CONFIG_LOG_TIMESTAMPS); i++) {
		if (text[i] == ']')
			return i + 2;
	}
	return 0;
}

/* What the level colours is all of the line, else it is the name of a VM. */
static void show_coloured(enum log_level level, const char *text, size_t len)
{
	char line[LINE_MAX + COLOURS_MAX];
	size_t at = message_at(text, len), end = len;
	const char *colour = levels[level].colour;
	const struct vm *vm;
	size_t named;

	if (*colour) {
		at = 0;
	} else if ((vm = console_vm_of_line(text + at, len - at, &named))) {
		colour = console_colour_of(vm);
		end = at + named;
	}
	len = (size_t)fmt_snprintf(line, sizeof(line), "%.*s%s%.*s%s%.*s", (int)at, text, colour,
				   (int)(end - at), text + at, *colour ? "\033[0m" : "", (int)(len - end),
				   text + end);
	console_write_line(line, MIN(len, sizeof(line) - 1));
}

void log_show(enum log_level level, const char *text, size_t len)
{
	if (console_has_colours())
		show_coloured(level, text, len);
	else
		console_write_line(text, len);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char cut[] = "...";
	char line[LINE_MAX];
	size_t len = prefix(line, LINE_MAX, level);
	va_list ap;

	va_start(ap, fmt);
	len += (size_t)fmt_vsnprintf(line + len, LINE_MAX - len, fmt, ap);
	va_end(ap);
	if (len >= LINE_MAX) {
		len = LINE_MAX - 1;
		memcpy(line + len - (sizeof(cut) - 1), cut, sizeof(cut) - 1);
	}
	ring_append(line, len);
	log_show(level, line, len);
}

/* ---- the log again ---- */

uint64_t log_end(void)
{
	return READ_ONCE(log_ring.written);
}

static char ring_at(uint64_t at)
{
	return log_ring.text[at % RING_SIZE];
}

/* The oldest byte that begins a line, from at on. */
static uint64_t oldest_line(uint64_t at)
{
	if (log_ring.written <= RING_SIZE || at >= log_ring.written - RING_SIZE)
		return at;
	at = log_ring.written - RING_SIZE;
	while (at < log_ring.written && ring_at(at++) != '\n')
		;
	return at;
}

/* By the tag behind the time. */
static enum log_level level_of(const char *text, size_t len)
{
	size_t at = message_at(text, len);

	for (unsigned int i = 0; i < ARRAY_SIZE(levels); i++) {
		size_t tag = strlen(levels[i].tag);

		if (tag && len >= at + tag && !memcmp(text + at, levels[i].tag, tag))
			return (enum log_level)i;
	}
	return LOG_INFO;
}

bool log_read(uint64_t *at, uint64_t end, enum log_level *level, char *text, size_t *len)
{
	bool ended = false;

	*len = 0;
	spin_lock(&log_lock);
	*at = oldest_line(*at);
	while (!ended && *at < end) {
		char c = ring_at((*at)++);

		ended = c == '\n';
		if (!ended && *len < LOG_LINE_MAX)
			text[(*len)++] = c;
	}
	spin_unlock(&log_lock);
	*level = level_of(text, *len);
	return ended;
}
