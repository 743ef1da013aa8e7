/* SPDX-License-Identifier: MIT */
/*
 * Random numbers for tests. The seed is the same every time, so that a run says something about the
 * change and not about the clock; SCHISM_TEST_SEED=N in the environment takes another one,
 * SCHISM_TEST_SEED=random the time. It is printed.
 */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t random_state;

/* Begin the sequence of a given seed. */
static inline void random_start(uint64_t seed)
{
	random_state = seed * 2654435769u + 1;
}

static inline void random_seed(const char *test)
{
	const char *given = getenv("SCHISM_TEST_SEED");
	uint64_t seed = 20231;

	if (given != NULL)
		seed = strcmp(given, "random") ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("%s: SCHISM_TEST_SEED=%llu\n", test, (unsigned long long)seed);
	fflush(stdout);
	random_start(seed);
}

/* 64 bits (xorshift64*). */
static inline uint64_t random_u64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

/* 0 .. n - 1 */
static inline uint32_t random_below(uint32_t n)
{
	return (uint32_t)((random_u64() >> 32) * n >> 32);
}

#endif
