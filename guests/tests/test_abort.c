// SPDX-License-Identifier: MIT
/*
 * test_abort: what a guest is told of accesses that reach nothing, register by register: of its own, and of
 * the walks of its translation tables, where a table is missing at each level (Arm ARM D19.2: ESR_ELx).
 */
#include "guests/lib/test.h"

/* Nothing is there, neither in a VM nor on QEMU virt. */
#define NOWHERE		(GUEST_RAM_IPA - MIB(4))
#define HIGH		UINT64_C(0xffff000000000000)	/* the lowest of 48 bits in the upper half */
#define TCR_UPPER	(UINT64_C(16) << 16 | UINT64_C(5) << 24 | UINT64_C(3) << 28 | UINT64_C(2) << 30)
#define TCR_EPD1	BIT(23)
#define PTE_TABLE	3
/* Normal, read-only, accessed */
#define PTE_PAGE	(UINT64_C(3) | BIT(2) | BIT(7) | UINT64_C(3) << 8 | BIT(10))
#define ESR_EA		BIT(9)
#define ESR_CM		BIT(8)
#define ESR_DATA	((uint64_t)ESR_EC_DABT_SAME_EL << 26 | ESR_IL)
#define ESR_FETCH	((uint64_t)ESR_EC_IABT_SAME_EL << 26 | ESR_IL)
#define FSC_WALK(level)	(0x14 + (level))

static uint64_t tables[4][512] __aligned(4096);

static void flush(void)
{
	__asm__ volatile("dsb ishst\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory");
}

/* What would be a table of that level is nowhere; at level 4, the page. */
static void miss(unsigned int level)
{
	for (unsigned int i = 0; i + 1 < ARRAY_SIZE(tables); i++)
		tables[i][0] = (uint64_t)tables[i + 1] | PTE_TABLE;
	if (level > 0)
		tables[level - 1][0] = NOWHERE | (level == 4 ? PTE_PAGE : PTE_TABLE);
	guest_write_sysreg("ttbr1_el1", level ? (uint64_t)tables[0] : NOWHERE);
	guest_isb();
	flush();
}

static void at_s1e1r(void *addr)
{
	__asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(addr) : "memory");
}

static void at_s1e0w(void *addr)
{
	__asm__ volatile("at s1e0w, %0\n\tisb" : : "r"(addr) : "memory");
}

static void jump(void *addr)
{
	__asm__ volatile("blr %0" : : "r"(addr) : "x30", "memory");
}

static const struct access {
	const char *name;
	void (*probe)(void *addr);
	uint64_t esr;			/* less the fault status */
	bool only_walk;			/* does not read or fetch what it translates */
} accesses[] = {
	{ "load", guest_probe_ldr_w, ESR_DATA },
	{ "store", guest_probe_str_x, ESR_DATA | ESR_WNR, true },
	{ "load of a pair", guest_probe_ldp, ESR_DATA },
	{ "store with post-index", guest_probe_str_post, ESR_DATA | ESR_WNR, true },
	{ "fetch", jump, ESR_FETCH },
	{ "AT, read", at_s1e1r, ESR_DATA | ESR_WNR | ESR_CM, true },
	{ "AT, EL0 write", at_s1e0w, ESR_DATA | ESR_WNR | ESR_CM, true },
};

static void try(const struct access *access, uint64_t addr, uint64_t fsc)
{
	struct guest_fault fault = { 0 };

	guest_try(access->probe, (void *)addr, &fault);
	/* EA says what the implementation likes. */
	if (test_equal(fault.esr & ~ESR_EA, access->esr | fsc, access->name))
		test_equal(fault.far, addr, "and its address");
}

static void try_level(unsigned int level)
{
	miss(level);
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		if (level < 4)
			try(&accesses[i], HIGH + 0x18, FSC_WALK(level));
		else if (!accesses[i].only_walk)
			try(&accesses[i], HIGH + 0x18, ESR_FSC_SYNC_EXTERNAL);
	}
}

static void test_root(void)
{
	try_level(0);
}

static void test_level1(void)
{
	try_level(1);
}

static void test_level2(void)
{
	try_level(2);
}

static void test_level3(void)
{
	try_level(3);
}

static void test_page(void)
{
	try_level(4);
}

/* AT does not translate by stage 2: there it finds nothing wrong. */
static void test_at(void)
{
	miss(4);
	at_s1e1r((void *)HIGH);
	test_equal(guest_read_sysreg("par_el1") & (GENMASK(47, 12) | 1), NOWHERE,
		   "AT of a page that is nowhere");
}

static const struct test tests[] = {
	{ "no root", test_root },
	{ "no table of level 1", test_level1 },
	{ "no table of level 2", test_level2 },
	{ "no table of level 3", test_level3 },
	{ "no page", test_page },
	{ "translated", test_at },
};

void guest_main(uint64_t dtb __unused)
{
	uint64_t tcr = guest_read_sysreg("tcr_el1");

	guest_write_sysreg("tcr_el1", (tcr & ~(TCR_EPD1 | GENMASK(31, 16))) | TCR_UPPER);
	guest_isb();
	test_main("abort", tests, ARRAY_SIZE(tests));
}
