// SPDX-License-Identifier: MIT
/*
 * Stage-1 translation tables that are wrong: descriptors that point at devices, at nothing, at themselves;
 * geometries that nobody uses. This guest's own map stays below TTBR0_EL1, in a copy of its root.
 */
#include "guests/tests/hostile/hostile.h"

#include "lib/string.h"

#define HIGH		UINT64_C(0xffffffffffff0000)
#define BAD_VA		(UINT64_C(8) << 30)		/* entry 8 of the root */
#define TCR_EPD1	BIT(23)
#define TCR_T1SZ	GENMASK(21, 16)

static void flush(void)
{
	__asm__ volatile("dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb" : : : "memory");
}

/* Each way to make the walker walk. */
static void touch(uint64_t va)
{
	static const uint32_t words[] = {
		0xf9400001, 0xf9000001, 0x39400001, 0xc85f7c01,		/* ldr, str, ldrb, ldxr */
		0xd5087800, 0xd5087820, 0xd5087840, 0xd5087860,		/* at s1e1r, s1e1w, s1e0r, s1e0w */
		0xd50b7423, 0xd50b7e20, 0xd50b7520,			/* dc zva, civac, ic ivau */
	};
	struct hostile_entry entry = { .elr = va, .spsr = SPSR_EL1H | SPSR_DAIF };
	struct hostile_end end;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		hostile_insn(SPSR_EL1H, words[i], va, 0);
		if (i < 4)
			hostile_insn(SPSR_EL0T, words[i], va, 0);
	}
	hostile_enter(&entry, &end);
	entry.spsr = SPSR_EL0T | SPSR_DAIF;
	hostile_enter(&entry, &end);
}

/* One descriptor in the root's copy, then one level down, then two. */
static void with_descriptor(uint64_t desc)
{
	static uint64_t *root, *level2, *level3;
	uint64_t old = guest_read_sysreg("ttbr0_el1");

	if (!root) {
		root = hostile_page();
		level2 = hostile_page();
		level3 = hostile_page();
	}
	memcpy(root, hostile_root(), HOSTILE_PAGE);
	guest_write_sysreg("ttbr0_el1", (uint64_t)root);
	for (unsigned int depth = 0; depth < 3; depth++) {
		root[BAD_VA >> 30] = depth == 0 ? desc : (uint64_t)level2 | PTE_TABLE | PTE_VALID;
		level2[0] = depth == 1 ? desc : (uint64_t)level3 | PTE_TABLE | PTE_VALID;
		level3[0] = desc;
		flush();
		touch(BAD_VA);
		touch(BAD_VA + 0x18);
	}
	guest_write_sysreg("ttbr0_el1", old);
	flush();
}

static const uint64_t bad_tables[] = {
	GUEST_GICD_IPA, GUEST_GICR_IPA, GUEST_UART_IPA, GUEST_RTC_IPA, IPA_HOLE, IPA_PVTIME, IPA_RAM_END,
	UINT64_C(1) << 40, UINT64_C(1) << 47, 0, 0xfffffffff000, UINT64_C(0xfff000),
};

static void table_at(uint64_t arg)
{
	with_descriptor(bad_tables[arg] | PTE_TABLE | PTE_VALID);
	with_descriptor(bad_tables[arg] | PTE_LEAF | PTE_USER);
	with_descriptor(bad_tables[arg] | PTE_VALID | PTE_AF);
}

/* The table is its own next level. */
static void recursive(uint64_t arg __unused)
{
	uint64_t *self = hostile_page();

	for (unsigned int i = 0; i < 512; i++)
		self[i] = (uint64_t)self | PTE_TABLE | PTE_VALID | PTE_AF;
	with_descriptor((uint64_t)self | PTE_TABLE | PTE_VALID | PTE_AF);
	/*
	 * At the last level this is a page: read-only, or the map that all else depends on would be written.
	 */
	with_descriptor((uint64_t)hostile_root() | PTE_TABLE | PTE_VALID | PTE_AF | PTE_RO);
}

static void garbage(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 150; i++)
		with_descriptor(hostile_random());
	for (unsigned int i = 0; i < 100; i++)
		with_descriptor((hostile_random() & ~UINT64_C(0x0000ffffc0000000)) | 1);
}

/* The walker sets access flags and dirty bits where it may not write, where the CPU does that itself. */
static void hardware_flags(uint64_t arg __unused)
{
	uint64_t tcr = guest_read_sysreg("tcr_el1");

	guest_write_sysreg("tcr_el1", tcr | BIT(39) | BIT(40));
	guest_isb();
	with_descriptor(IPA_PVTIME | PTE_TABLE | PTE_VALID);
	with_descriptor((GUEST_MAILBOX_IPA & ~UINT64_C(0xfff)) | PTE_VALID | PTE_TABLE | BIT(51) | PTE_RO);
	guest_write_sysreg("tcr_el1", tcr);
	flush();
}

/* The other half of the address space has whatever geometry TCR_EL1 says. */
static void with_tcr(uint64_t bits, uint64_t ttbr1)
{
	uint64_t tcr = guest_read_sysreg("tcr_el1"), old = guest_read_sysreg("ttbr1_el1");

	guest_write_sysreg("ttbr1_el1", ttbr1);
	guest_write_sysreg("tcr_el1", (tcr & ~(TCR_EPD1 | GENMASK(31, 16))) | bits);
	flush();
	touch(HIGH);
	touch(~UINT64_C(0) << 40);
	touch(UINT64_C(0xffff800000001000));
	guest_write_sysreg("tcr_el1", tcr);
	guest_write_sysreg("ttbr1_el1", old);
	flush();
}

static void geometry(uint64_t granule)
{
	uint64_t *root = hostile_page();

	for (unsigned int i = 0; i < 512; i++)
		root[i] = hostile_random() | 3;
	for (uint64_t t1sz = 0; t1sz < 64; t1sz += 3)
		with_tcr(granule << 30 | t1sz << 16, (uint64_t)root + t1sz * 8);
}

static void output_sizes(uint64_t arg __unused)
{
	for (uint64_t ips = 0; ips < 8; ips++)
		with_tcr((UINT64_C(2) << 30) | UINT64_C(25) << 16 | ips << 32, UINT64_C(1) << (32 + 2 * ips));
	/* DS, HD, HA, E0PD, TBI, HPD, TCMA, and shareabilities that are reserved. */
	for (unsigned int i = 0; i < 60; i++)
		with_tcr((hostile_random() & GENMASK(63, 40)) | (hostile_random() & GENMASK(31,
											    16) & ~TCR_EPD1),
			 hostile_random());
}

static void ttbr1_bad(uint64_t arg __unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_tables); i++)
		with_tcr((UINT64_C(2) << 30) | UINT64_C(16) << 16, bad_tables[i] | BIT(0) |
			 UINT64_C(0xabcd) << 48);
}

/* The only root is where none can be: the next fetch, and that of the vector, abort on the walk. */
static void ttbr0_bad(uint64_t arg)
{
	const uint32_t words[] = { 0xd5182000, 0xd508871f, 0xd5033f9f, INSN_ISB, 0xf9400001 };
	struct hostile_end end;

	hostile_code(words, ARRAY_SIZE(words));
	hostile_run(SPSR_EL1H, bad_tables[arg], 0, &end);
}

/* The guest's own map: RAM's entry gone, while running from it. Its own vectors are gone with it. */
static void unmap_self(uint64_t arg)
{
	static const uint64_t entries[] = {
		IPA_HOLE | PTE_TABLE | PTE_VALID, GUEST_UART_IPA | PTE_TABLE | PTE_VALID,
	};
	const uint32_t words[] = { 0xf9000001, 0xd5033f9f, 0xd508871f, 0xd5033f9f, INSN_ISB, INSN_NOP };
	struct hostile_end end;

	hostile_code(words, ARRAY_SIZE(words));
	hostile_run(SPSR_EL1H, (uint64_t)&hostile_root()[GUEST_RAM_IPA >> 30], entries[arg], &end);
}

static const struct behaviour tables_rows[] = {
	{ "in-gicd", table_at, 0 },
	{ "in-gicr", table_at, 1 },
	{ "in-uart", table_at, 2 },
	{ "in-rtc", table_at, 3 },
	{ "in-hole", table_at, 4 },
	{ "in-pvtime", table_at, 5 },
	{ "behind-ram", table_at, 6 },
	{ "beyond-40-bits", table_at, 7 },
	{ "beyond-ipa", table_at, 8 },
	{ "at-0", table_at, 9 },
	{ "at-the-top", table_at, 10 },
	{ "recursive", recursive },
	{ "garbage", garbage },
	{ "hardware-flags", hardware_flags },
	{ "granule-reserved", geometry, 0 },
	{ "granule-16k", geometry, 1 },
	{ "granule-4k", geometry, 2 },
	{ "granule-64k", geometry, 3 },
	{ "output-sizes", output_sizes },
	{ "ttbr1-bad", ttbr1_bad },
	{ "ttbr0-in-hole", ttbr0_bad, 4, DIES },
	{ "ttbr0-in-uart", ttbr0_bad, 2, DIES },
	{ "ttbr0-behind-ram", ttbr0_bad, 6, DIES },
	{ "unmap-self-hole", unmap_self, 0, DIES },
	{ "unmap-self-uart", unmap_self, 1, DIES },
};

const struct family tables_family = FAMILY(tables);
