// SPDX-License-Identifier: MIT
/* ChaCha20's block function; see chacha20.h. */
#include "lib/chacha20.h"

void chacha20_init(uint32_t state[CHACHA20_WORDS])
{
	/* "expand 32-byte k" */
	static const uint32_t constants[CHACHA20_KEY] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	for (unsigned int i = 0; i < CHACHA20_WORDS; i++)
		state[i] = i < CHACHA20_KEY ? constants[i] : 0;
}

static __always_inline void quarter_round(uint32_t *x, unsigned int a, unsigned int b, unsigned int c,
					  unsigned int d)
{
	chacha20_quarter_round(&x[a], &x[b], &x[c], &x[d]);
}

/* A column round and a diagonal round. */
static __always_inline void double_round(uint32_t *x)
{
	quarter_round(x, 0, 4, 8, 12);
	quarter_round(x, 1, 5, 9, 13);
	quarter_round(x, 2, 6, 10, 14);
	quarter_round(x, 3, 7, 11, 15);
	quarter_round(x, 0, 5, 10, 15);
	quarter_round(x, 1, 6, 11, 12);
	quarter_round(x, 2, 7, 8, 13);
	quarter_round(x, 3, 4, 9, 14);
}

/*
 * The rounds work in out, not in a copy: what they leave there before the state is added would, on a stack,
 * give the key away together with the output.
 */
void chacha20_block(const uint32_t state[restrict CHACHA20_WORDS], uint32_t out[restrict CHACHA20_WORDS])
{
	for (unsigned int i = 0; i < CHACHA20_WORDS; i++)
		out[i] = state[i];
	for (unsigned int i = 0; i < 10; i++)
		double_round(out);
	for (unsigned int i = 0; i < CHACHA20_WORDS; i++)
		out[i] += state[i];
}
