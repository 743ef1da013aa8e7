// SPDX-License-Identifier: MIT
#include "kernel/console/text.h"

#include "lib/fmt.h"
#include "lib/string.h"
#include "lib/utf8.h"

#define SEQUENCE_MAX	64			/* a longer one is none: text must not disappear for ever */
#define RAW_MAX		(2 * CONSOLE_LINE_MAX)	/* bytes that make a line, whatever they show */

/* ---- characters ---- */

static struct text_unit utf8_unit(const struct ring *ring, uint32_t i, uint32_t count)
{
	uint8_t text[UTF8_MAX];
	uint32_t n = MIN(count - i, UTF8_MAX);
	int len;

	for (uint32_t k = 0; k < n; k++)
		text[k] = ring_peek(ring, i + k);
	len = utf8_len(text, n);
	if (len < 0)
		return (struct text_unit){ TEXT_BAD, 1 };
	if (len == 2 && text[0] == 0xc2 && text[1] < 0xa0)
		return (struct text_unit){ TEXT_CONTROL, 2 };
	return (struct text_unit){ len ? TEXT_PRINTABLE : TEXT_CUT, (uint32_t)len };
}

struct text_unit console_text_char(const struct ring *ring, uint32_t i, uint32_t count)
{
	uint8_t c = ring_peek(ring, i);

	if (c >= 0x80)
		return utf8_unit(ring, i, count);
	if (c == '\n')
		return (struct text_unit){ TEXT_NEWLINE, 1 };
	if (c == '\r')
		return (struct text_unit){ TEXT_RETURN, 1 };
	return (struct text_unit){ (c >= ' ' && c < 0x7f) || c == '\t' ? TEXT_PRINTABLE : TEXT_CONTROL, 1 };
}

/* What ends a sequence depends on the character behind its escape. */
enum form { FORM_CONTROL, FORM_STRING, FORM_SHORT };

static enum form form_of(uint8_t c)
{
	if (c == '[')
		return FORM_CONTROL;
	return c && strchr("]P_^X", c) ? FORM_STRING : FORM_SHORT;
}

static bool is_last(enum form form, uint8_t c, uint32_t n)
{
	if (form == FORM_SHORT)
		return c >= '0';
	return form == FORM_CONTROL && n > 1 && c >= '@';
}

/* A control character ends it too, and is not a part of it, but for the one that ends strings. */
static uint32_t sequence_len(const struct ring *ring, uint32_t i, uint32_t count)
{
	enum form form = FORM_SHORT;

	for (uint32_t n = 1; n < SEQUENCE_MAX; n++) {
		uint8_t c;

		if (i + n == count)
			return 0;
		c = ring_peek(ring, i + n);
		if (n == 1)
			form = form_of(c);
		if (c < ' ')
			return form == FORM_STRING && c == '\a' ? n + 1 : n;
		if (is_last(form, c, n))
			return n + 1;
	}
	return SEQUENCE_MAX;
}

struct text_unit console_text_unit(const struct ring *ring, uint32_t i, uint32_t count)
{
	uint32_t len;

	if (ring_peek(ring, i) != '\033')
		return console_text_char(ring, i, count);
	len = sequence_len(ring, i, count);
	return (struct text_unit){ len ? TEXT_SEQUENCE : TEXT_CUT, len };
}

/* ---- lines ---- */

/* How a character is shown; the length. */
static size_t show(const struct ring *ring, uint32_t i, struct text_unit unit, char *text, size_t size)
{
	switch (unit.kind) {
	case TEXT_PRINTABLE:
		for (uint32_t k = 0; k < unit.len; k++)
			text[k] = (char)ring_peek(ring, i + k);
		return unit.len;
	case TEXT_BAD:
		return (size_t)fmt_snprintf(text, size, "\\x%02x", ring_peek(ring, i));
	case TEXT_CONTROL:
		text[0] = '?';
		return 1;
	default:
		return 0;
	}
}

/* Add what is i bytes into the ring; false when it does not fit. */
static bool add(struct text_piece *piece, const struct ring *ring, uint32_t i, struct text_unit unit)
{
	char text[8];
	size_t len = show(ring, i, unit, text, sizeof(text));

	if (piece->len + len > sizeof(piece->text))
		return false;
	memcpy(piece->text + piece->len, text, len);
	piece->len += len;
	return true;
}

void console_text_line(const struct ring *ring, uint32_t from, struct text_piece *piece)
{
	uint32_t count = ring_count(ring), i = from;

	piece->len = 0;
	piece->whole = false;
	while (i < count && !piece->whole) {
		struct text_unit unit = console_text_unit(ring, i, count);

		if (unit.kind == TEXT_CUT)
			break;
		piece->whole = unit.kind == TEXT_NEWLINE || i - from >= RAW_MAX || !add(piece, ring, i, unit);
		/* What is too much begins the next piece. */
		if (!piece->whole || unit.kind == TEXT_NEWLINE)
			i += unit.len;
	}
	piece->end = i;
}
