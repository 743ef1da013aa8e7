/* SPDX-License-Identifier: MIT */
/*
 * Formatted text without floating point: a subset of ISO C11 section 7.21.6.1.
 *
 * Conversions %% %c %s %d %i %u %x %X %p; flags 0 # - + and space; width and precision as numbers
 * or '*'; lengths hh h l ll z t j. %p is always 0x and 16 digits. A NULL string prints as "(null)".
 * An unknown conversion is copied as it stands.
 */
#ifndef LIB_FMT_H
#define LIB_FMT_H

#include "lib/compiler.h"
#include "lib/types.h"

/*
 * Format into buf, size bytes long, cut where it does not fit and terminated unless size is 0.
 * Returns the length that the whole text has, without the terminator.
 */
int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) __printf_like(3, 0);
int fmt_snprintf(char *buf, size_t size, const char *fmt, ...) __printf_like(3, 4);

#endif
