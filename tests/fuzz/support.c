// SPDX-License-Identifier: MIT
/* What product code calls in a fuzzer: the log is dropped, a panic is a finding. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/pmu.h"
#include "arch/vcpu.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/random.h"

bool fake_pmu_offered;

void fuzz_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	abort();
}

void log_line(enum log_level level, const char *fmt, ...)
{
}

/* tests/host/include/arch/pmu.h */
bool fake_pmu_offered;

void arch_fp_begin(void)
{
}

void arch_fp_end(void)
{
}

bool random_has_entropy(void)
{
	return true;
}

uint64_t random_word(void)
{
	return 0;
}

void fuzz_touch(const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)((const volatile uint8_t *)data)[i];
}

void *fuzz_copy(const void *data, size_t size)
{
	/* malloc(0) may be anywhere. */
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	return size ? memcpy(copy, data, size) : copy;
}
