// SPDX-License-Identifier: MIT
/*
 * A fuzzer without libFuzzer: each seed as it is, cut, and with a few bytes changed, the same ones each time.
 * Linked with one fuzz_NAME.c as the program seeds_NAME; the seeds are in build/fuzz/seeds/NAME.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/random.h"

#define ROUNDS		200		/* of each seed */
#define MAX_SIZE	(1 << 20)

static uint8_t seed[MAX_SIZE], input[MAX_SIZE];

static void play(size_t size)
{
	LLVMFuzzerTestOneInput(seed, size);
	for (unsigned int i = 0; i < ROUNDS && size; i++) {
		memcpy(input, seed, size);
		for (unsigned int n = 1 + random_below(4); n > 0; n--)
			input[random_below((unsigned int)size)] = (uint8_t)random_below(256);
		LLVMFuzzerTestOneInput(input, i % 4 ? size : random_below((unsigned int)size));
	}
}

static unsigned int play_all(const char *directory)
{
	struct dirent **entries;
	unsigned int seeds = 0;
	/* In an order that does not depend on the file system. */
	int n = scandir(directory, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[512];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		file = entries[i]->d_name[0] == '.' ? NULL : fopen(path, "rb");
		free(entries[i]);
		if (!file)
			continue;
		seeds++;
		play(fread(seed, 1, sizeof(seed), file));
		fclose(file);
	}
	if (n >= 0)
		free(entries);
	return seeds;
}

static void test_seeds_and_their_neighbours_are_read_or_refused(void **state)
{
	const char *build = getenv("SCHISM_BUILD");
	char directory[256];

	snprintf(directory, sizeof(directory), "%s/fuzz/seeds/%s", build ? build : "build",
		 program_invocation_short_name + strlen("seeds_"));
	assert_true(play_all(directory) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeds_and_their_neighbours_are_read_or_refused),
	};

	random_seed(program_invocation_short_name);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
