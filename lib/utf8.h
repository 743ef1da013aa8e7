/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629), a character at a time. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include "lib/types.h"

#define UTF8_MAX	4	/* bytes of a character */

/*
 * The length of the character that text begins with; 0: it may be one, but is cut; -1: no character begins so
 * (a stray continuation, an overlong form, a surrogate, beyond U+10FFFF). len is at least 1.
 */
int utf8_len(const uint8_t *text, size_t len);

#endif
