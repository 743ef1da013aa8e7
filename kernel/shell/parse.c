// SPDX-License-Identifier: MIT
/* What the shell makes of a line, and of numbers; see parse.h. */
#include "kernel/shell/parse.h"

#include "lib/fmt.h"
#include "lib/string.h"

bool shell_split(struct shell_args *args, const char *line)
{
	char *at = args->text;

	strlcpy(args->text, line, sizeof(args->text));
	args->n = 0;
	for (;;) {
		while (*at == ' ')
			at++;
		if (!*at)
			return true;
		if (args->n == SHELL_MAX_WORDS)
			return false;
		args->word[args->n++] = at;
		while (*at && *at != ' ')
			at++;
		if (*at)
			*at++ = '\0';
	}
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 99;
}

bool shell_number(const char *word, uint64_t max, uint64_t *value)
{
	unsigned int base = 10;
	uint64_t sum = 0;

	if (word[0] == '0' && (word[1] | 0x20) == 'x') {
		base = 16;
		word += 2;
	}
	if (!*word)
		return false;
	for (; *word; word++) {
		unsigned int digit = digit_value(*word);

		if (digit >= base || digit > max || sum > max / base || sum * base > max - digit)
			return false;
		sum = sum * base + digit;
	}
	*value = sum;
	return true;
}

static size_t common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

unsigned int shell_complete(const char *word, size_t len, shell_nth *nth, const char **common,
			    size_t *common_len)
{
	unsigned int matches = 0;
	const char *it;

	for (unsigned int i = 0; nth && (it = nth(i)); i++) {
		if (strncmp(it, word, len) != 0)
			continue;
		if (!matches++) {
			*common = it;
			*common_len = strlen(it);
		}
		*common_len = MIN(*common_len, common_length(*common, it));
	}
	return matches;
}

#define NAME_MAX	32

/* Characters to insert, remove, change or swap to make b of a; both shorter than NAME_MAX. */
static unsigned int slips(const char *a, const char *b)
{
	unsigned int rows[3][NAME_MAX + 1], i, j;
	size_t n = strlen(b);

	for (j = 0; j <= n; j++)
		rows[0][j] = j;
	for (i = 1; a[i - 1]; i++) {
		unsigned int *row = rows[i % 3], *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (j = 1; j <= n; j++) {
			row[j] = MIN(MIN(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
	}
	return rows[(i - 1) % 3][n];
}

const char *shell_nearest(const char *word, shell_nth *nth)
{
	unsigned int best = strlen(word) < 4 ? 2 : 3, n;
	const char *nearest = NULL, *it;

	for (unsigned int i = 0; *word && strlen(word) < NAME_MAX && (it = nth(i)); i++) {
		if (strlen(it) >= NAME_MAX)
			continue;
		n = strncmp(it, word, strlen(word)) ? slips(word, it) : 0;
		if (n < best) {
			best = n;
			nearest = it;
		}
	}
	return nearest;
}

const char *shell_format_time(char *buf, size_t size, uint64_t us)
{
	uint64_t ms = us / 1000, s = ms / 1000, min = s / 60, h = min / 60, days = h / 24;
	size_t len = days ? (size_t)fmt_snprintf(buf, size, "%lu d ", days) : 0;

	fmt_snprintf(buf + len, size - len, "%lu:%02lu:%02lu.%03lu", h % 24, min % 60, s % 60, ms % 1000);
	return buf;
}

static bool bit(const uint32_t *words, unsigned int i)
{
	return words[i / 32] >> i % 32 & 1;
}

const char *shell_format_bits(char *buf, size_t size, const uint32_t *words, unsigned int first,
			      unsigned int last)
{
	static const char cut[] = "...";
	unsigned int end = (last + 1) * 32, to;
	size_t len = 0;

	strlcpy(buf, "none", size);
	for (unsigned int from = first * 32; from < end; from = to + 1) {
		const char *comma = len ? "," : "";
		char text[24];
		size_t n;

		to = from;
		if (!bit(words, from))
			continue;
		while (to + 1 < end && bit(words, to + 1))
			to++;
		n = to == from ? (size_t)fmt_snprintf(text, sizeof(text), "%s%u", comma, from) :
				 (size_t)fmt_snprintf(text, sizeof(text), "%s%u-%u", comma, from, to);
		if (len + n + sizeof(cut) > size) {
			strlcpy(buf + len, cut, size - len);
			break;
		}
		memcpy(buf + len, text, n + 1);
		len += n;
	}
	return buf;
}
