// SPDX-License-Identifier: MIT
/* What the shell makes of a line, and of numbers; see shell_parse.h. */
#include "kernel/shell_parse.h"

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
