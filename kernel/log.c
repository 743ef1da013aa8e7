// SPDX-License-Identifier: MIT
/*
 * Log lines: formatted on the stack, written to the console whole, kept in a ring for whoever looks with
 * a debugger or after a crash (log_ring, oldest bytes overwritten).
 *
 * Lock: log_lock (RANK_LOG) around the ring.
 */
#include "kernel/log.h"

#include "arch/cpu.h"
#include "kernel/console.h"
#include "kernel/lock.h"
#include "kernel/timer.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define LINE_MAX	256
#define RING_SIZE	16384

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
	const char *colour = IS_ENABLED(CONFIG_LOG_COLOUR) ? levels[level].colour : "";
	uint64_t us = timer_ticks_to_us(arch_counter());

	if (!IS_ENABLED(CONFIG_LOG_TIMESTAMPS))
		return (size_t)fmt_snprintf(buf, size, "%s%s", colour, levels[level].tag);
	return (size_t)fmt_snprintf(buf, size, "%s[%5lu.%06lu] %s", colour, us / 1000000, us % 1000000,
				    levels[level].tag);
}

static void ring_append(const char *text, size_t len)
{
	bool lock = !console_is_panicking();

	if (lock)
		spin_lock(&log_lock);
	for (size_t i = 0; i < len; i++)
		log_ring.text[log_ring.written++ % RING_SIZE] = text[i];
	log_ring.text[log_ring.written++ % RING_SIZE] = '\n';
	if (lock)
		spin_unlock(&log_lock);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char cut[] = "...";
	static const char reset[] = "\033[0m";
	char line[LINE_MAX + sizeof(reset)];
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
	if (IS_ENABLED(CONFIG_LOG_COLOUR) && levels[level].colour[0]) {
		memcpy(line + len, reset, sizeof(reset) - 1);
		len += sizeof(reset) - 1;
	}
	console_write_line(line, len);
}
