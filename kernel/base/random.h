/* SPDX-License-Identifier: MIT */
/*
 * Random numbers, for canaries, keys and guests: on each CPU a generator of its own, ChaCha20 with fast key
 * erasure (docs/design/random.md). Whoever sees numbers learns nothing of others, be they earlier, later or
 * another CPU's; whoever sees the state learns nothing of those that have been handed out.
 *
 * No locks: a generator is used by its own CPU, to the end, with interrupts masked.
 */
#ifndef KERNEL_BASE_RANDOM_H
#define KERNEL_BASE_RANDOM_H

#include "lib/chacha20.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct cpu;

struct random {
	uint32_t state[CHACHA20_WORDS];	/* what the next block is made of: the key is secret */
	uint32_t block[CHACHA20_WORDS];	/* the last words are still to be handed out, the others are 0 */
	unsigned int left;		/* how many */
	unsigned int until_reseed;	/* blocks; 0: the CPU's RNDR is to be asked */
	bool has_entropy;		/* 256 bits from somewhere that nobody can foretell */
};

/*
 * Start the boot CPU's generator with a seed of the boot loader's (NULL, 0: none), the counter and, where
 * there is one, RNDR. The seed counts as entropy if it has 32 bytes or more and they are not all the same,
 * which is what a blanked one looks like; more than 512 are not looked at. Context: this CPU's struct is set,
 * before the first random_word().
 */
void random_init(const void *seed, size_t size);

/* Start another CPU's generator with a key drawn from this one's. Context: before that CPU runs. */
void random_init_cpu(struct cpu *cpu);

/*
 * Whether this CPU's numbers are worth something. If they are not, but the CPU has RNDR, that is asked once
 * more, so a yes may follow a no. At most some 600 instructions.
 */
bool random_has_entropy(void);

/* 64 bits. Every fourth time some 1300 instructions, 2000 at most; else 20. Context: interrupts masked. */
uint64_t random_word(void);

#endif
