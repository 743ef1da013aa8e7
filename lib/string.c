// SPDX-License-Identifier: MIT
/*
 * Memory and string functions for the target, which has no C library.
 *
 * memcpy, memmove, memset and memcmp work in 64-bit words and access memory only at naturally
 * aligned addresses inside the objects they were given, so they are safe in Device memory and with
 * the MMU off. The compiler must not recognise their loops and turn them into calls of themselves.
 *
 * A test builds this file beside the host's own functions by defining SCHISM_STR(name).
 */
#include "lib/string.h"

#ifndef SCHISM_STR
#define SCHISM_STR(name)	name
#endif

#ifdef __clang__
#define NO_IDIOM	__attribute__((no_builtin))
#else
#define NO_IDIOM	__attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

#define WORD		sizeof(uint64_t)
#define UNROLL		8
#define BLOCK		(UNROLL * WORD)

typedef uint64_t __attribute__((may_alias)) word_t;

static inline size_t misalignment(const void *p)
{
	return (uintptr_t)p & (WORD - 1);
}

/* Bytes up to the next word boundary, n at most. */
static inline size_t head_bytes(const void *p, size_t n)
{
	size_t head = -(uintptr_t)p & (WORD - 1);

	return MIN(head, n);
}

/* Both pointers are aligned. Returns the number of bytes copied, less than a word short of n. */
NO_IDIOM static inline size_t copy_words(word_t *dst, const word_t *src, size_t n)
{
	size_t left = n;

	for (; left >= BLOCK; left -= BLOCK, dst += UNROLL, src += UNROLL) {
		word_t a = src[0], b = src[1], c = src[2], d = src[3];
		word_t e = src[4], f = src[5], g = src[6], h = src[7];

		dst[0] = a;
		dst[1] = b;
		dst[2] = c;
		dst[3] = d;
		dst[4] = e;
		dst[5] = f;
		dst[6] = g;
		dst[7] = h;
	}
	for (; left >= WORD; left -= WORD)
		*dst++ = *src++;
	return n - left;
}

/*
 * dst is aligned, src is not: read aligned words and shift neighbours together (little-endian).
 * Only words that lie wholly inside src are read, so the first, partial one is gathered bytewise.
 */
NO_IDIOM static inline size_t copy_shifted(word_t *dst, const uint8_t *src, size_t n)
{
	unsigned int skew = misalignment(src), head = WORD - skew;
	const word_t *from = (const word_t *)(src + head);
	word_t low = 0;
	size_t left = n;

	if (n < head)
		return 0;
	for (unsigned int i = 0; i < head; i++)
		low |= (word_t)src[i] << (8 * (skew + i));
	for (; left >= head + WORD; left -= WORD) {
		word_t high = *from++;

		*dst++ = low >> (8 * skew) | high << (8 * head);
		low = high;
	}
	return n - left;
}

/* From the start up: dst may overlap src if it starts before it. */
NO_IDIOM static inline void copy_forwards(uint8_t *dst, const uint8_t *src, size_t n)
{
	if (n >= WORD) {
		size_t head = head_bytes(dst, n), done;

		n -= head;
		while (head-- > 0)
			*dst++ = *src++;
		if (misalignment(src) == 0)
			done = copy_words((word_t *)dst, (const word_t *)src, n);
		else
			done = copy_shifted((word_t *)dst, src, n);
		dst += done;
		src += done;
		n -= done;
	}
	while (n-- > 0)
		*dst++ = *src++;
}

/* From the end down, for a destination that starts inside the source. */
NO_IDIOM static inline void copy_backwards(uint8_t *dst, const uint8_t *src, size_t n)
{
	uint8_t *d = dst + n;
	const uint8_t *s = src + n;

	if (misalignment(d) == misalignment(s)) {
		for (; n > 0 && misalignment(d) != 0; n--)
			*--d = *--s;
		for (; n >= WORD; n -= WORD) {
			d -= WORD;
			s -= WORD;
			*(word_t *)d = *(const word_t *)s;
		}
	}
	while (n-- > 0)
		*--d = *--s;
}

NO_IDIOM void *SCHISM_STR(memcpy)(void *restrict dst, const void *restrict src, size_t n)
{
	copy_forwards(dst, src, n);
	return dst;
}

NO_IDIOM void *SCHISM_STR(memmove)(void *dst, const void *src, size_t n)
{
	if ((uintptr_t)dst - (uintptr_t)src >= n)
		copy_forwards(dst, src, n);
	else
		copy_backwards(dst, src, n);
	return dst;
}

NO_IDIOM void *SCHISM_STR(memset)(void *dst, int c, size_t n)
{
	uint8_t *d = dst;
	word_t pattern = (uint8_t)c * UINT64_C(0x0101010101010101);
	word_t *w;

	if (n >= WORD) {
		for (size_t head = head_bytes(d, n); head > 0; head--, n--)
			*d++ = (uint8_t)c;
		for (w = (word_t *)d; n >= BLOCK; n -= BLOCK, w += UNROLL) {
			w[0] = pattern;
			w[1] = pattern;
			w[2] = pattern;
			w[3] = pattern;
			w[4] = pattern;
			w[5] = pattern;
			w[6] = pattern;
			w[7] = pattern;
		}
		for (; n >= WORD; n -= WORD)
			*w++ = pattern;
		d = (uint8_t *)w;
	}
	while (n-- > 0)
		*d++ = (uint8_t)c;
	return dst;
}

NO_IDIOM int SCHISM_STR(memcmp)(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;

	if (misalignment(p) == misalignment(q)) {
		for (; n > 0 && misalignment(p) != 0 && *p == *q; n--, p++, q++)
			;
		if (misalignment(p) == 0) {
			for (; n >= WORD; n -= WORD, p += WORD, q += WORD)
				if (*(const word_t *)p != *(const word_t *)q)
					break;
		}
	}
	for (; n > 0; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

NO_IDIOM void *SCHISM_STR(memchr)(const void *s, int c, size_t n)
{
	for (const uint8_t *p = s; n > 0; n--, p++)
		if (*p == (uint8_t)c)
			return (void *)p;
	return NULL;
}

NO_IDIOM size_t SCHISM_STR(strlen)(const char *s)
{
	const char *p = s;

	while (*p != '\0')
		p++;
	return p - s;
}

NO_IDIOM size_t SCHISM_STR(strnlen)(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0')
		n++;
	return n;
}

NO_IDIOM char *SCHISM_STR(strchr)(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (*s == '\0')
			return NULL;
	}
}

NO_IDIOM char *SCHISM_STR(strrchr)(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (*s == '\0')
			return (char *)last;
	}
}

NO_IDIOM int SCHISM_STR(strcmp)(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

NO_IDIOM int SCHISM_STR(strncmp)(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (uint8_t)*a - (uint8_t)*b;
		if (*a == '\0')
			break;
	}
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Value of a digit in any base up to 36; 36 for what is none. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 36;
}

static bool has_hex_prefix(const char *s)
{
	return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16;
}

unsigned long SCHISM_STR(strtoul)(const char *restrict s, char **restrict end, int base)
{
	const char *p = s, *digits;
	unsigned long value = 0;
	bool negative, overflow = false;

	while (is_space(*p))
		p++;
	negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	if ((base == 0 || base == 16) && has_hex_prefix(p)) {
		p += 2;
		base = 16;
	} else if (base == 0) {
		base = *p == '0' ? 8 : 10;
	}
	for (digits = p; digit_value(*p) < (unsigned int)base; p++) {
		overflow |= __builtin_mul_overflow(value, (unsigned long)base, &value);
		overflow |= __builtin_add_overflow(value, digit_value(*p), &value);
	}
	if (end != NULL)
		*end = (char *)(p == digits ? s : p);
	if (overflow)
		return -1UL;
	return negative ? -value : value;
}
