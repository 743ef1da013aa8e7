// SPDX-License-Identifier: MIT
/*
 * draw: asks for random numbers (TRNG, DEN0098), and prints what it is told. Each vCPU in turn asks for 192
 * bits, rounds=N times: "DRAW vcpu result x1 x2 x3". tests/boot/test_random.py judges.
 */
#include "guests/lib/test.h"

#define TRNG_RND_64	0xc4000053
#define MAX_ROUNDS	64

static struct guest_smccc drawn[MAX_ROUNDS];
static uint64_t rounds;

static void draw(void *arg __unused)
{
	for (uint64_t i = 0; i < rounds; i++)
		drawn[i] = guest_hvc0(TRNG_RND_64, 192, 0x1111, 0x2222);
}

static void print(unsigned int vcpu)
{
	for (uint64_t i = 0; i < rounds; i++)
		guest_printf("DRAW %u %ld %016lx %016lx %016lx\n", vcpu, (int64_t)drawn[i].x0, drawn[i].x1,
			     drawn[i].x2, drawn[i].x3);
}

void guest_main(uint64_t dtb __unused)
{
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	rounds = MIN(guest_arg("rounds", 4), (uint64_t)MAX_ROUNDS);
	draw(NULL);
	print(0);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++) {
		if (!test_on_vcpu(id, draw, NULL))
			guest_fail(id, 0, 0, "draw: vCPU %u does not start", id);
		print(id);
	}
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, rounds, 0, 0);
}
