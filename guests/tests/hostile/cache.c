// SPDX-License-Identifier: MIT
/* Storms of cache, TLB and address-translation maintenance. */
#include "guests/tests/hostile/hostile.h"

/* Every level that CLIDR tells of, and levels, sets and ways that nobody has. */
static void set_way(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t val = hostile_random();

		if (i & 1)
			val &= 0xe | GENMASK(31, 28) | 0xfc0;
		__asm__ volatile("dc isw, %0\n\tdc csw, %0\n\tdc cisw, %0" : : "r"(val) : "memory");
	}
	guest_dsb();
}

static void cache_levels(uint64_t arg __unused)
{
	for (uint64_t sel = 0; sel < 64; sel++) {
		guest_write_sysreg("csselr_el1", sel | (sel & 1 ? hostile_random() : 0));
		guest_isb();
		(void)guest_read_sysreg("ccsidr_el1");
	}
	guest_write_sysreg("csselr_el1", 0);
}

static void by_address(uint64_t arg __unused)
{
	static const uint32_t words[] = {
		/* ivac, cvac, cvau, civac, ivau */
		0xd5087620, 0xd50b7a20, 0xd50b7b20, 0xd50b7e20, 0xd50b7520,
		/* at s1e1r, s1e1w, s1e0r, s1e0w */
		0xd5087800, 0xd5087820, 0xd5087840, 0xd5087860,
	};

	for (unsigned int i = 0; i < 3000; i++)
		hostile_insn(i & 1 ? SPSR_EL0T : SPSR_EL1H, words[hostile_random() % ARRAY_SIZE(words)],
			     hostile_random() >> (hostile_random() & 63), 0);
}

static void tlbi_storm(uint64_t arg)
{
	for (unsigned int i = 0; i < (arg ? 2000 : 5000); i++) {
		uint64_t val = hostile_random();

		__asm__ volatile("tlbi vae1is, %0\n\ttlbi vaae1, %0\n\ttlbi vale1is, %0\n\ttlbi aside1is, %0"
				 : : "r"(val) : "memory");
		if (i % 16 == 0)
			__asm__ volatile("tlbi vmalle1is\n\tic ialluis\n\tdsb ish" : : : "memory");
	}
	guest_dsb();
	guest_isb();
}

static void tlbi_here(void *arg __unused)
{
	uint64_t end = guest_counter() + test_us(20000);

	while (guest_counter() < end)
		__asm__ volatile("yield\n\ttlbi vmalle1is\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
}

static void tlbi_from_all(uint64_t arg __unused)
{
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_start_vcpu(id, tlbi_here, NULL);
	tlbi_here(NULL);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_join(id);
}

/* Two vCPUs that take the same line from each other, with exclusives that never end. */
static uint64_t contended[8] __aligned(64);

static void contend(void *arg __unused)
{
	uint64_t end = guest_counter() + test_us(20000);
	uint64_t x, y;

	while (guest_counter() < end)
		__asm__ volatile("yield\n\tldaxr %0, [%2]\n\tadd %0, %0, #1\n\tstlxr %w1, %0, [%2]\n\t"
				 "dc civac, %2"
				 : "=&r"(x), "=&r"(y) : "r"(contended) : "memory");
}

static void exclusives(uint64_t arg __unused)
{
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_start_vcpu(id, contend, NULL);
	contend(NULL);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_join(id);
}

/* One vCPU executes an access that has no syndrome, and another one makes it a different instruction. */
static void change_code(void *arg __unused)
{
	static const uint32_t words[] = {
		/* str and ldr w1, [x0], #4; stp w1, w2, [x0]; ldp w1, w2, [x0], #8 */
		0xb8004401, 0xb8404401, 0x29000801, 0x28c10801,
		/* str q0, [x0]; nop; ldr w1, [x0]; str w1, [x2], #4 */
		0x3d800000, INSN_NOP, 0xb9400001, 0xb8004441,
	};
	uint64_t end = guest_counter() + test_us(20000);

	for (unsigned int i = 0; guest_counter() < end; i++)
		hostile_code(&words[i % ARRAY_SIZE(words)], 1);
}

static void changed_meanwhile(uint64_t arg __unused)
{
	uint64_t at = GUEST_GICD_IPA + 0x440, until = guest_counter() + test_us(20000);
	uint32_t nop = INSN_NOP;
	struct hostile_end end;

	hostile_code(&nop, 1);
	test_start_vcpu(1, change_code, NULL);
	while (guest_counter() < until) {
		hostile_run(SPSR_EL1H, at, 0x80808080, &end);
		if (end.x0 != at && end.x0 != at + 4 && end.x0 != at + 8)
			guest_fail(at, end.x0, 0, "hostile: a base of %lx became %lx", at, end.x0);
	}
	test_join(1);
}

static const struct behaviour cache_rows[] = {
	{ "set-way", set_way },
	{ "levels", cache_levels },
	{ "by-address", by_address },
	{ "tlbi-storm", tlbi_storm, 0 },
	{ "tlbi-from-all", tlbi_from_all, 0, COMES_BACK, 2 },
	{ "exclusives", exclusives, 0, COMES_BACK, 2 },
	{ "changed-meanwhile", changed_meanwhile, 0, COMES_BACK, 2 },
};

const struct family cache_family = FAMILY(cache);
