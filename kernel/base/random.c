// SPDX-License-Identifier: MIT
/* Random numbers; see random.h, and docs/design/random.md for why it is done in this way. */
#include "kernel/base/random.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "lib/string.h"

#define SEED_MIN	32
#define SEED_MAX	512
#define KEY_SIZE	(CHACHA20_KEY_WORDS * sizeof(uint32_t))

/* RNDR is asked for a key's worth every 64 blocks (2 KiB), for each word so often before it is given up. */
#define RESEED_BLOCKS	64
#define HW_TRIES	10

/* What a block is for, in its nonce: output, or to absorb so many bytes. */
#define FOR_OUTPUT	0
#define TO_ABSORB(n)	(uint32_t)(n)

/* The first half of a block is the next key, before anybody gets anything of the second. */
static void next_block(struct random *r, uint32_t purpose)
{
	r->state[CHACHA20_NONCE] = purpose;
	chacha20_block(r->state, r->block);
	memcpy(&r->state[CHACHA20_KEY], r->block, KEY_SIZE);
	memset(r->block, 0, KEY_SIZE);
	r->left = CHACHA20_WORDS - CHACHA20_KEY_WORDS;
}

static void drop_output(struct random *r)
{
	memset(r->block, 0, sizeof(r->block));
	r->left = 0;
}

/* In pieces of a key's size: each is added to the key, which a block then makes another one. */
static void absorb(struct random *r, const void *data, size_t size)
{
	uint8_t *key = (uint8_t *)&r->state[CHACHA20_KEY];
	const uint8_t *bytes = data;

	for (size_t at = 0; at < size; at += KEY_SIZE) {
		size_t n = MIN(size - at, KEY_SIZE);

		for (size_t i = 0; i < n; i++)
			key[i] ^= bytes[at + i];
		next_block(r, TO_ABSORB(n));
		drop_output(r);
	}
}

static void add_to_key(struct random *r, unsigned int pair, uint64_t word)
{
	uint32_t *key = &r->state[CHACHA20_KEY + 2 * pair];

	key[0] ^= (uint32_t)word;
	key[1] ^= (uint32_t)(word >> 32);
}

static bool draw_hw(uint64_t *word)
{
	for (unsigned int i = 0; i < HW_TRIES; i++) {
		if (arch_random_hw(word))
			return true;
	}
	return false;
}

/*
 * All of a key at once, or it does not count: bit by bit, whoever knew the state could guess along. A part is
 * added all the same; the next block tries again.
 */
static void reseed(struct random *r)
{
	for (unsigned int pair = 0; pair < CHACHA20_KEY_WORDS / 2; pair++) {
		uint64_t word;

		if (!draw_hw(&word))
			return;
		add_to_key(r, pair, word);
	}
	/* What is left of the last block is worth what the key was before. */
	drop_output(r);
	r->has_entropy = true;
	r->until_reseed = RESEED_BLOCKS;
}

static void refill(struct random *r)
{
	if (!r->until_reseed)
		reseed(r);
	if (r->until_reseed)
		r->until_reseed--;
	next_block(r, FOR_OUTPUT);
}

static bool seed_is_entropy(const uint8_t *seed, size_t size)
{
	size_t same = 0;

	while (same < size && seed[same] == seed[0])
		same++;
	return size >= SEED_MIN && same < size;
}

static void start(struct random *r)
{
	memset(r, 0, sizeof(*r));
	chacha20_init(r->state);
}

void random_init(const void *seed, size_t size)
{
	struct random *r = &this_cpu()->random;
	uint64_t now = arch_counter();

	size = MIN(size, (size_t)SEED_MAX);
	start(r);
	absorb(r, &now, sizeof(now));
	absorb(r, seed, size);
	r->has_entropy = seed_is_entropy(seed, size);
	reseed(r);
}

void random_init_cpu(struct cpu *cpu)
{
	struct random *r = &cpu->random;

	start(r);
	for (unsigned int pair = 0; pair < CHACHA20_KEY_WORDS / 2; pair++)
		add_to_key(r, pair, random_word());
	r->has_entropy = this_cpu()->random.has_entropy;
}

bool random_has_entropy(void)
{
	struct random *r = &this_cpu()->random;

	if (!r->has_entropy)
		reseed(r);
	return r->has_entropy;
}

uint64_t random_word(void)
{
	struct random *r = &this_cpu()->random;
	uint32_t *at;
	uint64_t word;

	if (!r->left)
		refill(r);
	at = &r->block[CHACHA20_WORDS - r->left];
	word = at[0] | (uint64_t)at[1] << 32;
	/* Nobody shall find it here. */
	at[0] = at[1] = 0;
	r->left -= 2;
	return word;
}
