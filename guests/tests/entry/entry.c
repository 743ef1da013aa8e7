// SPDX-License-Identifier: MIT
/*
 * test_entry_*: the exact state in which each protocol enters a guest. guests/lib/entry.S has recorded it.
 * All but seL4's stay with the MMU off, so that they see memory as it is behind the caches.
 *
 * Arguments: entry=1, there to be found in the device tree; dtb=ADDRESS, where that is; ramdisk=SIZE, filled
 * with pattern(); far=ADDRESS far-size=SIZE, of an ELF's segment or another image with the same; before=SIZE,
 * of what lies before the image; more=ADDRESS more-size=SIZE, of another region of memory; supplied=1, the
 * device tree is the package's; reset=1, all of it is looked at after a reset.
 */
#include "guests/lib/entry.h"

#include "guests/lib/test.h"
#include "guests/tests/entry/rootserver.h"
#include "lib/string.h"

/* ENTRY, the one that this image is entered by. */
#define ENTRY_ELF	0
#define ENTRY_LINUX	1
#define ENTRY_RAW	2
#define ENTRY_SEL4	3
#define IS_SEL4		(ENTRY == ENTRY_SEL4)

#define RAM_END		(GUEST_RAM_IPA + GUEST_RAM_SIZE)
#define PAGE_SIZE	UINT64_C(4096)
#define BLOCK_SIZE	MIB(2)
#define MAX_EXTENTS	12
#define KERNEL_VA	UINT64_C(0xffffffffc0000000)
#define KERNEL_OFFSET	(KERNEL_VA - GUEST_RAM_IPA)

#define EL1		(1 << 2)
#define DAIF		0x3c0
#define SCTLR_RES1	0x30d00980
#define SCTLR_M_C_I	(BIT(0) | BIT(2) | BIT(12))
#define SEL4_MAIR	UINT64_C(0xaaff440c0400)
#define SEL4_TCR	UINT64_C(0x1085100510)
#define TCR_SHARED	UINT64_C(0x30003000)
#define TCR_IPS(range)	((range) << 32)

#define PTE_TABLE	(BIT(0) | BIT(1))
#define PTE_AF		BIT(10)
#define PTE_SHARED	(UINT64_C(3) << 8)
#define PTE_ATTR(n)	((uint64_t)(n) << 2)
#define ATTR_DEVICE	0
#define ATTR_NORMAL	4

#define RTC_DR		(GUEST_RTC_IPA + 0x00)
#define RTC_LR		(GUEST_RTC_IPA + 0x08)
#define RTC_DATE	0x70000000u	/* the clock alone goes on through a reset */

#define FDT_MAGIC	0xd00dfeed
#define FDT_BEGIN_NODE	1
#define FDT_END_NODE	2
#define FDT_PROP	3
#define FDT_NOP		4

static const uint64_t image_at[] = {
	[ENTRY_ELF] = 0x40230000, [ENTRY_LINUX] = 0x401fffc0, [ENTRY_RAW] = 0x40303000,
	[ENTRY_SEL4] = KERNEL_VA,
};

/* The manifest says where, or it lies in the upper half of memory. */
static const uint64_t tree_at[] = {
	[ENTRY_ELF] = GUEST_DTB_IPA, [ENTRY_LINUX] = 0x40400000, [ENTRY_RAW] = 0x40400000, [ENTRY_SEL4] = 0,
};

/* What lies in RAM; all else is zero. */
static struct extent {
	uint64_t base, size;
} extents[MAX_EXTENTS];
static unsigned int nr_extents;
static uint64_t tables[2][512] __aligned(4096) __section(".bss.tables");

static const struct guest_entry_state *state(unsigned int vcpu)
{
	/* The others write theirs while this one runs. */
	__asm__ volatile("" : : : "memory");
	return &guest_entry_states[vcpu];
}

static void add_extent(uint64_t base, uint64_t size)
{
	if (nr_extents < MAX_EXTENTS)
		extents[nr_extents++] = (struct extent){ base, size };
	else
		test_check(false, "the test has room for all extents");
}

static uint64_t image_pa(void)
{
	return IS_SEL4 ? (uint64_t)__image_start - KERNEL_OFFSET : (uint64_t)__image_start;
}

static uint64_t image_size(void)
{
	return (uint64_t)(__image_end - __image_start);
}

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + (i >> 8) + 3);
}

static bool has_pattern(uint64_t base, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++) {
		if (*(const volatile uint8_t *)(base + i) != pattern(i))
			return false;
	}
	return true;
}

/* ---- the device tree ---- */

static uint32_t be32(uint64_t at)
{
	return __builtin_bswap32(*(const volatile uint32_t *)at);
}

static uint64_t be64(uint64_t at)
{
	return (uint64_t)be32(at) << 32 | be32(at + 4);
}

static bool is_node(const char *name, const char *wanted)
{
	size_t len = strlen(wanted);

	return !strncmp(name, wanted, len) && (name[len] == '\0' || name[len] == '@');
}

/* Address of a property's value in a child of the root, or 0; *len gets its size. */
static uint64_t find_prop(uint64_t dtb, const char *node, const char *prop, uint32_t *len)
{
	uint64_t at = dtb + be32(dtb + 8), strings = dtb + be32(dtb + 12), end = at + be32(dtb + 36);
	bool inside = false;
	int depth = 0;

	while (at < end) {
		uint32_t token = be32(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			inside = depth++ == 1 && is_node((const char *)at, node);
			at = ALIGN_UP(at + strlen((const char *)at) + 1, 4);
		} else if (token == FDT_END_NODE) {
			inside = false;
			depth--;
		} else if (token == FDT_PROP) {
			*len = be32(at);
			if (inside && !strcmp((const char *)(strings + be32(at + 4)), prop))
				return at + 8;
			at = ALIGN_UP(at + 8 + *len, 4);
		} else if (token != FDT_NOP) {
			break;
		}
	}
	return 0;
}

static uint64_t chosen_number(uint64_t dtb, const char *prop)
{
	uint32_t len;
	uint64_t at = find_prop(dtb, "chosen", prop, &len);

	return at && len == 8 ? be64(at) : 0;
}

static const struct guest_mailbox *mailbox(void)
{
	return (const struct guest_mailbox *)GUEST_MAILBOX_IPA;
}

static void test_device_tree(void)
{
	uint64_t dtb = state(0)->x[0], memory, args;
	uint32_t len = 0;
	bool supplied;

	test_equal(dtb, guest_arg("dtb", tree_at[ENTRY]), "x0 is where it belongs");
	if (!test_equal(be32(dtb), FDT_MAGIC, "magic"))
		return;
	test_equal(be32(dtb + 4), be32(dtb + 12) + be32(dtb + 32), "totalsize has no slack");
	test_check(be32(dtb + 4) <= BLOCK_SIZE, "at most 2 MiB");
	memory = find_prop(dtb, "memory", "reg", &len);
	test_check(memory && len == 16 && be64(memory) == GUEST_RAM_IPA && be64(memory + 8) == GUEST_RAM_SIZE,
		   "/memory is the VM's");
	args = find_prop(dtb, "chosen", "bootargs", &len);
	test_check(args && guest_arg("entry", 0) == 1 && !strcmp((const char *)args, mailbox()->args),
		   "/chosen has the arguments");
	supplied = find_prop(dtb, "chosen", "supplied", &len) != 0;
	test_equal(supplied, guest_arg("supplied", 0), "is the one to be had");
	add_extent(dtb, be32(dtb + 4));
	if (ENTRY == ENTRY_LINUX || dtb == GUEST_RAM_IPA)
		return;
	test_check(!memcmp((const void *)GUEST_RAM_IPA, (const void *)dtb, be32(dtb + 4)),
		   "the start of memory has a copy");
	add_extent(GUEST_RAM_IPA, be32(dtb + 4));
}

static void test_ramdisk(void)
{
	uint64_t dtb = state(0)->x[0], size = guest_arg("ramdisk", 0);
	uint64_t start = chosen_number(dtb, "linux,initrd-start");
	uint64_t end = chosen_number(dtb, "linux,initrd-end");

	test_equal(end - start, size, "/chosen has its size");
	if (!size || end - start != size)
		return;
	test_check(start % PAGE_SIZE == 0 && start >= GUEST_RAM_IPA && end <= RAM_END, "in pages of RAM");
	test_check(has_pattern(start, size), "every byte");
	add_extent(start, size);
}

/* ---- seL4 ---- */

/* A map of the low addresses: devices, and RAM as it is. */
static void map_devices(void)
{
	uint64_t root = (uint64_t)tables[0] - KERNEL_OFFSET, level1 = (uint64_t)tables[1] - KERNEL_OFFSET;

	tables[0][0] = level1 | PTE_TABLE;
	tables[1][0] = PTE_AF | PTE_ATTR(ATTR_DEVICE) | BIT(0);
	tables[1][1] = GIB(1) | PTE_AF | PTE_ATTR(ATTR_NORMAL) | PTE_SHARED | BIT(0);
	guest_dsb();
	guest_write_sysreg("ttbr0_el1", root);
	guest_isb();
	__asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory");
}

static bool table_is(uint64_t table, unsigned int index, uint64_t entry)
{
	const volatile uint64_t *t = (const volatile uint64_t *)table;
	bool same = t[index] == entry;

	for (unsigned int i = 0; i < 512; i++)
		same &= i == index || !t[i];
	return same;
}

static void test_sel4_tables(void)
{
	const uint64_t *r = state(0)->sysregs;
	uint64_t low = state(0)->x[1], high = low + PAGE_SIZE;
	const volatile uint64_t *blocks = (const volatile uint64_t *)(low + 3 * PAGE_SIZE);
	uint64_t attrs = PTE_AF | PTE_ATTR(ATTR_NORMAL) | BIT(0) | (guest_nr_vcpus() > 1 ? PTE_SHARED : 0);
	bool same = true;

	test_equal(r[ENTRY_TTBR0_EL1], low, "TTBR0_EL1");
	test_equal(r[ENTRY_TTBR1_EL1], high, "TTBR1_EL1");
	test_check(table_is(low, 0, 0), "the low half is empty");
	test_check(table_is(high, 511, (high + PAGE_SIZE) | PTE_TABLE), "level 0");
	test_check(table_is(high + PAGE_SIZE, 511, (high + 2 * PAGE_SIZE) | PTE_TABLE), "level 1");
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t at = GUEST_RAM_IPA + i * BLOCK_SIZE;

		same &= blocks[i] == (at < RAM_END ? at | attrs : 0);
	}
	test_check(same, "blocks map all of RAM, and no more");
	add_extent(low, 4 * PAGE_SIZE);
}

static void test_sel4_images(void)
{
	const uint64_t *x = state(0)->x;
	uint64_t dtb = ALIGN_UP(image_pa() + image_size(), PAGE_SIZE);
	uint64_t root = ALIGN_UP(dtb + be32(dtb + 4), PAGE_SIZE);
	uint64_t data = root + ROOT_DATA_VA - ROOT_VA;

	test_equal(be32(dtb), FDT_MAGIC, "a device tree follows the kernel");
	test_equal(x[4], dtb, "x4 is its address");
	test_equal(x[5], be32(dtb + 4), "x5 its size");
	test_equal(x[0], root, "x0 is where the root server begins");
	test_equal(x[1], root + ALIGN_UP(ROOT_END - ROOT_VA, PAGE_SIZE), "x1 where it ends");
	test_equal(x[2], root - ROOT_VA, "x2 is how far it was moved");
	test_equal(x[3], ROOT_ENTRY, "x3 its virtual entry point");
	test_equal(*(const volatile uint32_t *)root, ROOT_TEXT, "its first segment");
	test_equal(*(const volatile uint32_t *)data, ROOT_DATA, "its second segment");
	/* The rest of it has to be zero. */
	add_extent(dtb, be32(dtb + 4));
	add_extent(root, 2 * sizeof(uint32_t));
	add_extent(data, sizeof(uint32_t));
}

/* ---- what all have ---- */

static void check_general(const struct guest_entry_state *s)
{
	unsigned int first = IS_SEL4 ? 6 : 1;
	bool zero = !s->sp;

	for (unsigned int i = first; i < ARRAY_SIZE(s->x); i++)
		zero &= !s->x[i];
	test_check(zero, "the others and SP are zero");
	test_equal(s->pc, image_at[ENTRY] + (uint64_t)(guest_entry - __image_start),
		   "entered where it was linked");
}

static void check_system(unsigned int vcpu)
{
	const uint64_t *r = state(vcpu)->sysregs;
	bool zero = true;
	uint64_t tcr = SEL4_TCR | TCR_IPS(guest_read_sysreg("id_aa64mmfr0_el1") & 0xf) |
		       (guest_nr_vcpus() > 1 ? TCR_SHARED : 0);

	test_equal(r[ENTRY_CurrentEL], EL1, "EL1");
	test_equal(r[ENTRY_DAIF], DAIF, "all exceptions are masked");
	test_equal(r[ENTRY_SPSel], 1, "SP_EL1 is selected");
	test_equal(r[ENTRY_SCTLR_EL1], SCTLR_RES1 | (IS_SEL4 ? SCTLR_M_C_I : 0), "SCTLR_EL1");
	test_equal(r[ENTRY_TCR_EL1], IS_SEL4 ? tcr : 0, "TCR_EL1");
	test_equal(r[ENTRY_MAIR_EL1], IS_SEL4 ? SEL4_MAIR : 0, "MAIR_EL1");
	if (!IS_SEL4)
		test_equal(r[ENTRY_TTBR0_EL1] | r[ENTRY_TTBR1_EL1], 0, "TTBR0_EL1, TTBR1_EL1");
	test_equal(r[ENTRY_MPIDR_EL1], BIT(31) | vcpu, "MPIDR_EL1");
	test_equal(r[ENTRY_TPIDR_EL1], IS_SEL4 ? vcpu : 0, "TPIDR_EL1");
	test_equal(r[ENTRY_CNTFRQ_EL0], guest_arg("hz", 0), "CNTFRQ_EL0");
	for (unsigned int i = ENTRY_CNTV_CTL_EL0; i < GUEST_ENTRY_NR_SYSREGS; i++)
		zero &= !r[i];
	test_check(zero, "all the others are zero");
}

static void test_registers(void)
{
	check_general(state(0));
}

static void test_system_registers(void)
{
	check_system(0);
}

static void test_counter(void)
{
	uint64_t before = guest_counter();

	test_delay(100);
	test_check(guest_counter() > before, "counts");
}

static void test_segments(void)
{
	uint64_t far = guest_arg("far", 0), size = guest_arg("far-size", 0);

	test_equal(state(0)->dirty, 0, "what memsz has beyond filesz is zero");
	if (far) {
		test_check(has_pattern(far, size), "what lies far away");
		add_extent(far, size);
	}
}

static bool is_known(uint64_t at)
{
	for (unsigned int i = 0; i < nr_extents; i++) {
		if (at - extents[i].base < extents[i].size)
			return true;
	}
	return false;
}

/* First byte in RAM that is not zero and nobody's, or 0. */
static uint64_t find_dirt(uint64_t base, uint64_t end)
{
	for (uint64_t at = base; at < end; at += 8) {
		if (!*(const volatile uint64_t *)at)
			continue;
		for (uint64_t byte = at; byte < at + 8; byte++) {
			if (*(const volatile uint8_t *)byte && !is_known(byte))
				return byte;
		}
	}
	return 0;
}

static void test_rest_of_memory(void)
{
	uint64_t more = guest_arg("more", 0), more_end = more + guest_arg("more-size", 0);

	add_extent(image_pa() - guest_arg("before", 0), image_size() + guest_arg("before", 0));
	add_extent(GUEST_MAILBOX_IPA, GUEST_MAILBOX_SIZE);
	test_equal(find_dirt(GUEST_RAM_IPA, RAM_END), 0, "is zero");
	if (more)
		test_equal(find_dirt(more, more_end), 0, "is zero in the other region");
}

static void test_other_vcpus(void)
{
	bool same = true, started = true;

	for (unsigned int i = 1; i < guest_nr_vcpus(); i++) {
		if (!IS_SEL4) {
			test_check(!state(i)->recorded && guest_vcpu_state(i) == 1, "is off");
			continue;
		}
		started &= TEST_WAIT(state(i)->recorded);
		check_system(i);
		check_general(state(i));
		for (unsigned int n = 0; n < 6; n++)
			same &= state(i)->x[n] == state(0)->x[n];
		same &= state(i)->sysregs[ENTRY_TTBR0_EL1] == state(0)->sysregs[ENTRY_TTBR0_EL1] &&
			state(i)->sysregs[ENTRY_TTBR1_EL1] == state(0)->sysregs[ENTRY_TTBR1_EL1];
	}
	if (IS_SEL4)
		test_check(started && same, "have the arguments and tables of vCPU 0");
}

static const struct test tests[] = {
	{ "registers", test_registers },
	{ "system registers", test_system_registers },
	{ "counter", test_counter },
	{ "segments", test_segments },
	{ IS_SEL4 ? "images" : "device tree", IS_SEL4 ? test_sel4_images : test_device_tree },
	{ IS_SEL4 ? "tables" : "ramdisk", IS_SEL4 ? test_sel4_tables : test_ramdisk },
	{ "rest of memory", test_rest_of_memory },
	{ "other vCPUs", test_other_vcpus },
};

/* Leave something behind in what the loader wrote, and in what it did not. */
static void reset_once(void)
{
	uint64_t dtb = state(0)->x[IS_SEL4 ? 4 : 0];

	if (guest_mmio_read32(RTC_DR) >= RTC_DATE)
		return;
	guest_mmio_write32(RTC_LR, RTC_DATE);
	memset((void *)dtb, 0x55, PAGE_SIZE);
	memset((void *)GUEST_WORK_IPA, 0x55, GUEST_WORK_SIZE);
	guest_system_reset();
}

void guest_entry_main(void)
{
	if (IS_SEL4)
		map_devices();
	if (guest_arg("reset", 0))
		reset_once();
	test_main("entry", tests, ARRAY_SIZE(tests));
}
