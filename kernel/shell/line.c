// SPDX-License-Identifier: MIT
/* The line editor; see line.h. */
#include "kernel/shell/line.h"

#include "lib/string.h"

#define CTRL(c)		((c) & 0x1f)
#define DELETE		0x7f

void shell_line_init(struct shell_line *line)
{
	memset(line, 0, sizeof(*line));
}

static enum shell_line_event move_to(struct shell_line *line, size_t cursor)
{
	if (cursor > line->len || cursor == line->cursor)
		return SHELL_LINE_NOTHING;
	line->cursor = cursor;
	return SHELL_LINE_CHANGED;
}

static enum shell_line_event left(struct shell_line *line)
{
	return line->cursor ? move_to(line, line->cursor - 1) : SHELL_LINE_NOTHING;
}

static enum shell_line_event right(struct shell_line *line)
{
	return move_to(line, line->cursor + 1);
}

static enum shell_line_event home(struct shell_line *line)
{
	return move_to(line, 0);
}

static enum shell_line_event end(struct shell_line *line)
{
	return move_to(line, line->len);
}

/* Take out [from, to); the cursor stands at from then. */
static enum shell_line_event cut(struct shell_line *line, size_t from, size_t to)
{
	if (from == to)
		return SHELL_LINE_NOTHING;
	memmove(line->text + from, line->text + to, line->len - to + 1);
	line->len -= to - from;
	line->cursor = from;
	return SHELL_LINE_CHANGED;
}

static enum shell_line_event cut_left(struct shell_line *line)
{
	return cut(line, line->cursor ? line->cursor - 1 : 0, line->cursor);
}

static enum shell_line_event cut_right(struct shell_line *line)
{
	return cut(line, line->cursor, MIN(line->cursor + 1, line->len));
}

static enum shell_line_event cut_before(struct shell_line *line)
{
	return cut(line, 0, line->cursor);
}

static enum shell_line_event cut_word(struct shell_line *line)
{
	size_t from = line->cursor;

	while (from && line->text[from - 1] == ' ')
		from--;
	while (from && line->text[from - 1] != ' ')
		from--;
	return cut(line, from, line->cursor);
}

static enum shell_line_event show_anew(struct shell_line *line)
{
	return SHELL_LINE_CHANGED;
}

static enum shell_line_event cut_after(struct shell_line *line)
{
	return cut(line, line->cursor, line->len);
}

static enum shell_line_event set_text(struct shell_line *line, const char *text)
{
	line->len = strlcpy(line->text, text, sizeof(line->text));
	line->cursor = line->len;
	return SHELL_LINE_CHANGED;
}

/* The line that was typed back lines ago. */
static char *past(struct shell_line *line, unsigned int back)
{
	return line->history[(line->nr_history - back) % SHELL_HISTORY];
}

static enum shell_line_event up(struct shell_line *line)
{
	if (line->back == MIN(line->nr_history, SHELL_HISTORY))
		return SHELL_LINE_NOTHING;
	if (!line->back)
		strlcpy(line->own, line->text, sizeof(line->own));
	return set_text(line, past(line, ++line->back));
}

static enum shell_line_event down(struct shell_line *line)
{
	if (!line->back)
		return SHELL_LINE_NOTHING;
	line->back--;
	return set_text(line, line->back ? past(line, line->back) : line->own);
}

static enum shell_line_event done(struct shell_line *line)
{
	return SHELL_LINE_DONE;
}

static enum shell_line_event cancel(struct shell_line *line)
{
	return SHELL_LINE_CANCELLED;
}

static enum shell_line_event complete(struct shell_line *line)
{
	return SHELL_LINE_COMPLETE;
}

static enum shell_line_event leave(struct shell_line *line)
{
	return line->len ? cut_right(line) : SHELL_LINE_END;
}

static enum shell_line_event begin_escape(struct shell_line *line)
{
	line->escape = 1;
	line->param = 0;
	return SHELL_LINE_NOTHING;
}

struct key {
	char c;
	enum shell_line_event (*run)(struct shell_line *line);
};

static const struct key keys[] = {
	{ CTRL('A'), home },	   { CTRL('B'), left },	 { CTRL('C'), cancel },	    { CTRL('D'), leave },
	{ CTRL('E'), end },	   { CTRL('F'), right }, { CTRL('H'), cut_left },   { CTRL('I'), complete },
	{ CTRL('J'), done },	   { CTRL('K'), cut_after }, { CTRL('M'), done },   { CTRL('N'), down },
	{ CTRL('L'), show_anew },  { CTRL('P'), up },	 { CTRL('U'), cut_before }, { CTRL('W'), cut_word },
	{ CTRL('['), begin_escape }, { DELETE, cut_left },
};

/* ESC [ or ESC O, and the letter. */
static const struct key escape_keys[] = {
	{ 'A', up }, { 'B', down }, { 'C', right }, { 'D', left }, { 'F', end }, { 'H', home },
};

/* ESC [, the digit, and '~'. */
static const struct key digit_keys[] = {
	{ '1', home }, { '3', cut_right }, { '4', end }, { '7', home }, { '8', end },
};

static enum shell_line_event run_key(struct shell_line *line, const struct key *table, size_t n, char c)
{
	for (size_t i = 0; i < n; i++) {
		if (table[i].c == c)
			return table[i].run(line);
	}
	return SHELL_LINE_NOTHING;
}

/* ECMA-48 5.4: parameter and intermediate bytes, then one of '@' to '~'. */
static enum shell_line_event escape_key(struct shell_line *line, char c)
{
	if (line->escape == 1) {
		line->escape = c == '[' || c == 'O' ? 2 : 0;
		return SHELL_LINE_NOTHING;
	}
	if (c >= ' ' && c < '@') {
		line->param = line->param ? '?' : c;
		return SHELL_LINE_NOTHING;
	}
	line->escape = 0;
	if (c == '~')
		return run_key(line, digit_keys, ARRAY_SIZE(digit_keys), line->param);
	return run_key(line, escape_keys, ARRAY_SIZE(escape_keys), c);
}

void shell_line_insert(struct shell_line *line, const char *text, size_t len)
{
	len = MIN(len, SHELL_LINE_MAX - line->len);
	memmove(line->text + line->cursor + len, line->text + line->cursor, line->len - line->cursor + 1);
	memcpy(line->text + line->cursor, text, len);
	line->len += len;
	line->cursor += len;
}

enum shell_line_event shell_line_key(struct shell_line *line, char c)
{
	bool lf_of_cr = line->after_cr && c == '\n';

	line->after_cr = c == '\r';
	if (lf_of_cr)
		return SHELL_LINE_NOTHING;
	if (line->escape)
		return escape_key(line, c);
	if (c < ' ' || c >= DELETE)
		return run_key(line, keys, ARRAY_SIZE(keys), c);
	if (line->len == SHELL_LINE_MAX)
		return SHELL_LINE_NOTHING;
	shell_line_insert(line, &c, 1);
	return SHELL_LINE_CHANGED;
}

size_t shell_line_show(const struct shell_line *line, char *buf, size_t columns)
{
	/* The last column is for the mark, or for the cursor behind the last character. */
	size_t from = line->cursor + 1 < columns ? 0 : line->cursor + 2 - columns;
	size_t len = MIN(line->len - from, columns);

	memcpy(buf, line->text + from, len);
	buf[len] = '\0';
	if (from)
		buf[0] = '<';
	if (line->len - from > columns)
		buf[len - 1] = '>';
	return line->cursor - from;
}

static bool is_blank(const char *text)
{
	while (*text == ' ')
		text++;
	return !*text;
}

void shell_line_clear(struct shell_line *line)
{
	if (!is_blank(line->text) && (!line->nr_history || strcmp(past(line, 1), line->text)))
		strlcpy(line->history[line->nr_history++ % SHELL_HISTORY], line->text, SHELL_LINE_MAX + 1);
	line->text[0] = '\0';
	line->len = 0;
	line->cursor = 0;
	line->back = 0;
}
