// SPDX-License-Identifier: MIT
/* Each of these breaks a protection that EL2 has, and has to end in a dump that names it. */
#include "kernel/boot/selftest.h"

#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/platform/this_machine.h"
#include "lib/string.h"

extern char _rodata_start[];

static void write_text(void)
{
	*(volatile uint32_t *)(uintptr_t)&selftest_run = 0;
}

static void write_rodata(void)
{
	*(volatile char *)_rodata_start = 0;
}

static void exec_data(void)
{
	static uint32_t code[] = { 0xd65f03c0 };	/* ret */
	void (*fn)(void) = (void (*)(void))(uintptr_t)code;

	fn();
	(void)*(volatile uint32_t *)code;	/* not a tail call: the dump names this function */
}

/* Not a tail call, and not to be optimized into a loop. */
static __noinline unsigned int recurse(volatile unsigned int depth)
{
	volatile char frame[256];

	frame[depth % sizeof(frame)] = (char)depth;
	if (depth == ~0u)
		return 0;
	return recurse(depth + 1) + (unsigned int)frame[depth % sizeof(frame)];
}

static void overflow_stack(void)
{
	recurse(0);
}

static void read_unmapped(void)
{
	/* Guest RAM, by its physical address: EL2 does not map it. */
	(void)*(volatile uint32_t *)(uintptr_t)machine.ram[0].base.pa;
}

static void assert_false(void)
{
	ASSERT(machine.nr_ram == 0);
}

static __noinline void smash_stack(void)
{
	char small[16];
	volatile char *at = small;

	for (unsigned int i = 0; i < 64; i++)
		at[i] = 0x55;
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "write-text", write_text },
	{ "write-rodata", write_rodata },
	{ "exec-data", exec_data },
	{ "stack-overflow", overflow_stack },
	{ "read-unmapped", read_unmapped },
	{ "assert", assert_false },
	{ "smash-stack", smash_stack },
};

void selftest_run(void)
{
	char name[32];

	if (!boot_arg("selftest", name, sizeof(name)))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(tests[i].name, name))
			continue;
		log_info("self-test %s", name);
		tests[i].run();
		panic("self-test %s went unnoticed", name);
	}
	log_err("no self-test is called \"%s\"", name);
}
