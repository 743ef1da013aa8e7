/* SPDX-License-Identifier: MIT */
/*
 * ChaCha20's block function (RFC 8439, section 2.3): 512 bits in, 512 bits out, in constant time. Whoever
 * knows all of the output but not the key learns nothing of the key.
 */
#ifndef LIB_CHACHA20_H
#define LIB_CHACHA20_H

#include "lib/compiler.h"
#include "lib/types.h"

#define CHACHA20_WORDS		16
#define CHACHA20_KEY_WORDS	8

/* Places in the state; before the key are four constants. All are 32-bit words, as little-endian bytes. */
#define CHACHA20_KEY		4
#define CHACHA20_COUNTER	12
#define CHACHA20_NONCE		13

/* A state whose key, counter and nonce are 0, for the caller to fill in. */
void chacha20_init(uint32_t state[CHACHA20_WORDS]);

/* One block of the key stream into out, which is not the state; the state stays. About 1200 instructions. */
void chacha20_block(const uint32_t state[restrict CHACHA20_WORDS], uint32_t out[restrict CHACHA20_WORDS]);

static inline uint32_t chacha20_rotate(uint32_t x, unsigned int left)
{
	return x << left | x >> (32 - left);
}

/* Section 2.1. */
static __always_inline void chacha20_quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = chacha20_rotate(*d ^ *a, 16);
	*c += *d;
	*b = chacha20_rotate(*b ^ *c, 12);
	*a += *b;
	*d = chacha20_rotate(*d ^ *a, 8);
	*c += *d;
	*b = chacha20_rotate(*b ^ *c, 7);
}

#endif
