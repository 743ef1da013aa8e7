/* SPDX-License-Identifier: MIT */
/*
 * Bit sets in arrays of 64-bit words, bit 0 being the lowest of word 0. Plain accesses: the caller
 * locks.
 */
#ifndef LIB_BITMAP_H
#define LIB_BITMAP_H

#include "lib/types.h"

#define BITMAP_BITS		64
#define BITMAP_WORDS(nbits)	DIV_ROUND_UP(nbits, BITMAP_BITS)

static inline void bitmap_set(uint64_t *map, unsigned int bit)
{
	map[bit / BITMAP_BITS] |= BIT(bit % BITMAP_BITS);
}

static inline void bitmap_clear(uint64_t *map, unsigned int bit)
{
	map[bit / BITMAP_BITS] &= ~BIT(bit % BITMAP_BITS);
}

static inline bool bitmap_test(const uint64_t *map, unsigned int bit)
{
	return (map[bit / BITMAP_BITS] >> (bit % BITMAP_BITS)) & 1;
}

/* The first bit that is 1 once map is exclusive-ored with flip, from bit start on; else nbits. */
static inline unsigned int bitmap_scan(const uint64_t *map, unsigned int nbits, unsigned int start,
				       uint64_t flip)
{
	uint64_t keep = ~UINT64_C(0) << (start % BITMAP_BITS);
	unsigned int bit;

	for (bit = ALIGN_DOWN(start, BITMAP_BITS); bit < nbits; bit += BITMAP_BITS) {
		uint64_t word = (map[bit / BITMAP_BITS] ^ flip) & keep;

		if (word != 0) {
			bit += __builtin_ctzll(word);
			break;
		}
		keep = ~UINT64_C(0);
	}
	return MIN(bit, nbits);
}

/* First clear bit of the first nbits; nbits when all are set. */
static inline unsigned int bitmap_find_first_zero(const uint64_t *map, unsigned int nbits)
{
	return bitmap_scan(map, nbits, 0, ~UINT64_C(0));
}

/* First set bit at or after start; nbits when there is none. */
static inline unsigned int bitmap_find_next_set(const uint64_t *map, unsigned int nbits,
						unsigned int start)
{
	return bitmap_scan(map, nbits, start, 0);
}

/* Visit every set bit in ascending order; the body may clear bits. */
#define bitmap_for_each_set(bit, map, nbits)				\
	for ((bit) = bitmap_find_next_set(map, nbits, 0); (bit) < (nbits);	\
	     (bit) = bitmap_find_next_set(map, nbits, (bit) + 1))

#endif
