// SPDX-License-Identifier: MIT
/*
 * Formatted text (ISO C11 section 7.21.6.1, integers and strings only).
 *
 * A conversion is parsed into a struct spec, its argument becomes a prefix (sign, 0x) and a body of
 * digits or characters, and one function pads and emits all of them.
 */
#include "lib/fmt.h"
#include "lib/string.h"

#define DIGITS_MAX	22	/* 64 bits need 20 decimal digits */
#define LENGTH_MAX	0x7ffffff	/* of widths and precisions, so that no sum overflows */

struct out {
	char *buf;
	size_t size;
	size_t len;		/* of the whole text, even past size */
};

struct spec {
	bool left;
	bool zero;
	bool plus;
	bool space;
	bool alt;
	int width;
	int precision;		/* -1: not given */
	int bytes;		/* of the integer argument */
	char conv;
};

static void put(struct out *out, char c)
{
	if (out->len < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void put_text(struct out *out, const char *text, size_t len)
{
	size_t room = out->len < out->size ? out->size - out->len : 0;

	if (len <= 8) {
		while (len-- > 0)
			put(out, *text++);
		return;
	}
	if (room > 0)
		memcpy(out->buf + out->len, text, MIN(len, room));
	out->len += len;
}

static void put_repeated(struct out *out, char c, int count)
{
	for (; count > 0; count--) {
		if (out->len >= out->size) {
			out->len += count;
			return;
		}
		put(out, c);
	}
}

/* Padding, prefix, zeros, body, in the order that the flags ask for. */
static void put_field(struct out *out, const struct spec *spec, const char *prefix, int zeros,
		      const char *body, int len)
{
	int prefix_len = strlen(prefix);
	int pad = spec->width - prefix_len - zeros - len;

	if (!spec->left)
		put_repeated(out, ' ', pad);
	put_text(out, prefix, prefix_len);
	put_repeated(out, '0', zeros);
	put_text(out, body, len);
	if (spec->left)
		put_repeated(out, ' ', pad);
}

/* The digits of value, right-aligned before end; returns where they start. Zero has none. */
static char *digits_of(char *end, uint64_t value, unsigned int base, const char *alphabet)
{
	char *p = end;

	if (base == 16) {
		for (; value != 0; value >>= 4)
			*--p = alphabet[value & 15];
	} else {
		for (; value != 0; value /= 10)
			*--p = alphabet[value % 10];
	}
	return p;
}

static void put_number(struct out *out, const struct spec *spec, const char *prefix, uint64_t value)
{
	bool hex = spec->conv == 'x' || spec->conv == 'X' || spec->conv == 'p';
	char digits[DIGITS_MAX];
	char *end = digits + sizeof(digits);
	char *start = digits_of(end, value, hex ? 16 : 10,
				spec->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
	int len = end - start;
	int min = spec->precision;

	if (min < 0) {
		min = 1;
		if (spec->zero && !spec->left)
			min = MAX(min, spec->width - (int)strlen(prefix));
	}
	put_field(out, spec, prefix, MAX(min - len, 0), start, len);
}

static void put_signed(struct out *out, const struct spec *spec, int64_t value)
{
	const char *prefix = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

	put_number(out, spec, prefix, magnitude);
}

static void put_unsigned(struct out *out, const struct spec *spec, uint64_t value)
{
	const char *prefix = "";

	if (spec->alt && value != 0 && spec->conv != 'u')
		prefix = spec->conv == 'X' ? "0X" : "0x";
	put_number(out, spec, prefix, value);
}

static void put_pointer(struct out *out, struct spec *spec, const void *p)
{
	spec->precision = 16;
	put_number(out, spec, "0x", (uintptr_t)p);
}

static void put_string(struct out *out, const struct spec *spec, const char *s)
{
	size_t max = spec->precision < 0 ? LENGTH_MAX : (size_t)spec->precision;

	if (s == NULL)
		s = "(null)";
	put_field(out, spec, "", 0, s, strnlen(s, max));
}

/* A decimal number at *p, which moves past it. */
static int parse_number(const char **p)
{
	int value = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		value = MIN(value * 10 + (**p - '0'), LENGTH_MAX);
	return value;
}

static bool parse_flag(struct spec *spec, char c)
{
	switch (c) {
	case '-': return spec->left = true;
	case '0': return spec->zero = true;
	case '+': return spec->plus = true;
	case ' ': return spec->space = true;
	case '#': return spec->alt = true;
	default:  return false;
	}
}

static int parse_length(const char **p)
{
	char c = **p;

	switch (c) {
	case 'h':
	case 'l':
		(*p)++;
		if (**p != c)
			return c == 'h' ? sizeof(short) : sizeof(long);
		(*p)++;
		return c == 'h' ? sizeof(char) : sizeof(long long);
	case 'z':
	case 't':
	case 'j':
		(*p)++;
		return sizeof(uint64_t);
	default:
		return sizeof(int);
	}
}

_Static_assert(sizeof(size_t) == 8 && sizeof(ptrdiff_t) == 8 && sizeof(intmax_t) == 8,
	       "z, t and j are 64 bits wide");

struct args {
	va_list ap;
};

static void parse_width(const char **p, struct spec *spec, struct args *args)
{
	if (**p != '*') {
		spec->width = parse_number(p);
		return;
	}
	(*p)++;
	spec->width = va_arg(args->ap, int);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = spec->width < -LENGTH_MAX ? LENGTH_MAX : -spec->width;
	}
	spec->width = MIN(spec->width, LENGTH_MAX);
}

static void parse_precision(const char **p, struct spec *spec, struct args *args)
{
	spec->precision = -1;
	if (**p != '.')
		return;
	(*p)++;
	if (**p == '*') {
		(*p)++;
		spec->precision = va_arg(args->ap, int);
		spec->precision = spec->precision < 0 ? -1 : MIN(spec->precision, LENGTH_MAX);
	} else {
		spec->precision = parse_number(p);
	}
}

/* p is past the '%'. Returns what follows the conversion, or p when the text ends within it. */
static const char *parse_spec(const char *p, struct spec *spec, struct args *args)
{
	*spec = (struct spec){ 0 };
	while (parse_flag(spec, *p))
		p++;
	parse_width(&p, spec, args);
	parse_precision(&p, spec, args);
	spec->bytes = parse_length(&p);
	spec->conv = *p;
	return *p == '\0' ? p : p + 1;
}

static int64_t signed_arg(const struct spec *spec, struct args *args)
{
	switch (spec->bytes) {
	case 1:  return (signed char)va_arg(args->ap, int);
	case 2:  return (short)va_arg(args->ap, int);
	case 4:  return va_arg(args->ap, int);
	default: return va_arg(args->ap, int64_t);
	}
}

static uint64_t unsigned_arg(const struct spec *spec, struct args *args)
{
	switch (spec->bytes) {
	case 1:  return (unsigned char)va_arg(args->ap, unsigned int);
	case 2:  return (unsigned short)va_arg(args->ap, unsigned int);
	case 4:  return va_arg(args->ap, unsigned int);
	default: return va_arg(args->ap, uint64_t);
	}
}

/* Returns false when the conversion is unknown, and has then taken no argument. */
static bool convert(struct out *out, struct spec *spec, struct args *args)
{
	char c;

	switch (spec->conv) {
	case '%':
		put(out, '%');
		return true;
	case 'c':
		c = (char)va_arg(args->ap, int);
		put_field(out, spec, "", 0, &c, 1);
		return true;
	case 's':
		put_string(out, spec, va_arg(args->ap, const char *));
		return true;
	case 'd':
	case 'i':
		put_signed(out, spec, signed_arg(spec, args));
		return true;
	case 'u':
	case 'x':
	case 'X':
		put_unsigned(out, spec, unsigned_arg(spec, args));
		return true;
	case 'p':
		put_pointer(out, spec, va_arg(args->ap, const void *));
		return true;
	default:
		return false;
	}
}

int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out out = { .buf = buf, .size = size };
	struct args args;
	struct spec spec;

	va_copy(args.ap, ap);
	while (*fmt != '\0') {
		const char *start = fmt;

		if (*fmt++ != '%') {
			put(&out, *start);
			continue;
		}
		fmt = parse_spec(fmt, &spec, &args);
		if (!convert(&out, &spec, &args))
			put_text(&out, start, fmt - start);
	}
	va_end(args.ap);
	if (size > 0)
		buf[MIN(out.len, size - 1)] = '\0';
	return (int)MIN(out.len, (size_t)0x7fffffff);
}

int fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = fmt_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len;
}
