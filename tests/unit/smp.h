/* SPDX-License-Identifier: MIT */
/*
 * Tests on several CPUs at once: each is a thread, which does something at random over and over until the
 * time is over, and sleeps at race points. Included before the kernel's headers: the C library's <sched.h>
 * has a sched_yield() as the kernel has.
 */
#ifndef TESTS_UNIT_SMP_H
#define TESTS_UNIT_SMP_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/host/fake.h"
#include "tests/host/race.h"
#include "tests/unit/random.h"

#define SMP_RACES	200	/* of so many race points, threads are slow at one */

static __thread uint64_t smp_state;
static bool smp_is_over;

/* 0 .. n - 1, of the calling thread. */
static inline uint32_t below(uint32_t n)
{
	smp_state ^= smp_state >> 12;
	smp_state ^= smp_state << 25;
	smp_state ^= smp_state >> 27;
	return (uint32_t)((smp_state * UINT64_C(2685821657736338717) >> 32) * n >> 32);
}

/* Acquire: what the test did before it ended the time is seen. */
static inline bool smp_over(void)
{
	return __atomic_load_n(&smp_is_over, __ATOMIC_ACQUIRE);
}

/* SCHISM_TEST_MS in the environment: how long it lasts, in milliseconds. */
static inline unsigned int smp_ms(unsigned int normally)
{
	const char *given = getenv("SCHISM_TEST_MS");

	return given ? (unsigned int)strtoul(given, NULL, 0) : normally;
}

/* The calling thread is that CPU from now on, often slow in the sources of folder. */
static inline void smp_begin(struct cpu *cpu, uint64_t seed, const char *folder)
{
	arch_set_this_cpu(cpu);
	smp_state = (seed + cpu->id) * 2654435769u + 1;
	race_begin(smp_state, SMP_RACES, folder);
}

struct smp_cpu {
	struct cpu *cpu;
	uint64_t seed;
	const char *folder;
	void (*body)(struct cpu *cpu);
};

static void *smp_thread(void *arg)
{
	const struct smp_cpu *s = arg;

	smp_begin(s->cpu, s->seed, s->folder);
	s->body(s->cpu);
	return NULL;
}

/* body on nr CPUs at once, for ms milliseconds: then smp_over(), and body is to return. */
static inline void smp_run(unsigned int nr, unsigned int ms, const char *folder,
			   void (*body)(struct cpu *cpu))
{
	struct smp_cpu s[CONFIG_NR_CPUS];
	pthread_t threads[CONFIG_NR_CPUS];
	uint64_t seed = random_u64() >> 8;

	smp_is_over = false;
	for (unsigned int i = 0; i < nr; i++) {
		s[i] = (struct smp_cpu){ &cpus[i], seed, folder, body };
		if (pthread_create(&threads[i], NULL, smp_thread, &s[i]))
			abort();
	}
	usleep(1000 * smp_ms(ms));
	__atomic_store_n(&smp_is_over, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
}

#endif
