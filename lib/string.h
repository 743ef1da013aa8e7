/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions with the C library's names and meaning (ISO C11 section 7.24). The
 * target has no C library: lib/string.c provides them for Schism, for libfdt, and for the calls
 * that the compiler makes by itself. Host builds take the host's own.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "lib/types.h"

#if __STDC_HOSTED__
#include <stdlib.h>
#include <string.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* As in C, but for errno: a value that does not fit is ULONG_MAX. */
unsigned long strtoul(const char *restrict s, char **restrict end, int base);
#endif

/*
 * Copy the string src into dst of size bytes, cut where it does not fit and always terminated
 * unless size is 0. Returns strlen(src): at least size when it was cut.
 */
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 38)
#define LIBC_HAS_STRLCPY
#endif
#endif
#ifndef LIBC_HAS_STRLCPY
static inline size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);
	size_t n = len < size ? len : size - 1;

	if (size == 0)
		return len;
	memcpy(dst, src, n);
	dst[n] = '\0';
	return len;
}
#endif

#endif
