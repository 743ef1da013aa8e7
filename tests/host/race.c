// SPDX-License-Identifier: MIT
/* What happens at race points: mostly nothing, or other threads run meanwhile. */
#define _GNU_SOURCE	/* usleep() */
#include "tests/host/race.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define PASSES_MIN	200	/* race points that a thread passes until other places are slow */
#define PASSES_MORE	4000
#define NAPS		16	/* and so often it sleeps until then, at most */
#define FEW		4

/* Of each thread. */
static __thread unsigned int one_in;	/* 0: it does not sleep */
static __thread const char *focus;
static __thread bool focused;		/* slow there, and nowhere else */
static __thread uint64_t state;
static __thread unsigned int passes;	/* left until other places are slow */
static __thread unsigned int naps;	/* likewise */
static __thread uint64_t slow;		/* chooses them */

void race_begin(unsigned long long seed, unsigned int places, const char *folder)
{
	one_in = places;
	focus = folder;
	state = seed * 2654435769u + 1;
	passes = 0;
}

static uint64_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((next() >> 32) * n >> 32);
}

/*
 * A window of a few instructions is met if a thread is slow in just that place, and the others are not:
 * sleeping everywhere now and then makes all slower and meets nothing.
 */
static bool is_slow(uint64_t place, const char *source)
{
	if (!passes--) {
		passes = PASSES_MIN + below(PASSES_MORE);
		naps = NAPS;
		slow = next();
		focused = below(2);
	}
	if (focused && strncmp(source, focus, strlen(focus)))
		return false;
	return ((place ^ slow) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % (focused ? FEW : one_in) == 0;
}

/* Mostly it is enough to be second; now and then, long enough for a vCPU to come and go. */
void race_delay(const char *source)
{
	if (!one_in || !is_slow((uintptr_t)__builtin_return_address(0), source))
		return;
	if (below(2))
		return;
	usleep(1 + below(below(16) ? 100 : 3000));
	if (!--naps)
		passes = 0;
}
