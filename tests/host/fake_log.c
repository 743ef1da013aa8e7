// SPDX-License-Identifier: MIT
/* Log lines and console lines, kept in memory one after the other. */
#include "tests/host/fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/base/errcode.h"
#include "kernel/base/log.h"
#include "kernel/console/console.h"

static char text[65536];
static size_t used;
static bool busy;		/* a thread writes */
bool fake_console_full;

static void append(const char *line, size_t len)
{
	while (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
		;
	if (used + len + 2 <= sizeof(text)) {
		memcpy(text + used, line, len);
		used += len;
		text[used++] = '\n';
		text[used] = '\0';
	}
	__atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

void fake_log_clear(void)
{
	used = 0;
	text[0] = '\0';
}

const char *fake_log_text(void)
{
	return text;
}

bool fake_log_has(const char *what)
{
	return strstr(text, what) != NULL;
}

unsigned int fake_log_lines(void)
{
	unsigned int lines = 0;

	for (size_t i = 0; i < used; i++)
		lines += text[i] == '\n';
	return lines;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	append(line, strlen(line));
}

bool console_has_room(void)
{
	return !fake_console_full;
}

const struct vm *fake_focus;

const struct vm *console_focus(void)
{
	return fake_focus;
}

bool console_shell_has_focus(void)
{
	return false;
}

void console_say_hint(void)
{
}

void console_write_line(const char *line, size_t len)
{
	append(line, len);
}
