// SPDX-License-Identifier: MIT
/* Where seL4's images go, and how its kernel is entered; and what hostile ones come to. */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/pte.h"
#include "kernel/load/sel4.h"
#include "tests/unit/random.h"

#define RAM		UINT64_C(0x40000000)
#define RAM_SIZE	MIB(8)
#define KERNEL_VA	UINT64_C(0xffffffffc0000000)
#define ROOT_VA		UINT64_C(0x400000)
#define MAX_SEGMENTS	4
#define FILE_SIZE	0x4000
#define ARCHIVE_SIZE	0x10000

struct image {
	uint8_t data[FILE_SIZE];
	size_t size;
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[MAX_SEGMENTS];
};

static struct image kernel, root;
static uint8_t dtb[256];
static uint32_t dtb_header[2];
/* Of its exact size and on the heap, so that the sanitizer sees who reads beyond it. */
static uint8_t *archive;
static size_t archive_size;
static struct sel4_plan plan;
static uint8_t ram[RAM_SIZE];
static uint8_t tables[SEL4_TABLES_SIZE] __aligned(8);

/* ---- making them ---- */

static void add_segment(struct image *image, uint64_t vaddr, uint64_t paddr, size_t filesz, uint64_t memsz)
{
	Elf64_Phdr *phdr = &image->phdrs[image->ehdr.e_phnum++];

	*phdr = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = image->size, .p_filesz = filesz, .p_memsz = memsz,
		.p_vaddr = vaddr, .p_paddr = paddr,
	};
	memset(image->data + image->size, 0x10 + image->ehdr.e_phnum, filesz);
	image->size += filesz;
}

static void init_image(struct image *image, uint64_t entry)
{
	memset(image, 0, sizeof(*image));
	image->ehdr = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_AARCH64, .e_entry = entry, .e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
	};
	image->size = sizeof(Elf64_Ehdr) + sizeof(image->phdrs);
}

static void add_file(const char *name, const void *data, size_t size)
{
	size_t names = strlen(name) + 1;
	uint8_t *at = archive + archive_size;

	assert_true(archive_size + 110 + names + size + 8 <= ARCHIVE_SIZE);
	sprintf((char *)at, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1, 0100644, 0, 0,
		1, 0, size, 0, 0, 0, 0, names, 0);
	memcpy(at + 110, name, names);
	archive_size = ALIGN_UP(archive_size + 110 + names, 4);
	if (size)
		memcpy(archive + archive_size, data, size);
	archive_size = ALIGN_UP(archive_size + size, 4);
}

static void add_image(const char *name, struct image *image)
{
	memcpy(image->data, &image->ehdr, sizeof(image->ehdr));
	memcpy(image->data + sizeof(image->ehdr), image->phdrs, sizeof(image->phdrs));
	add_file(name, image->data, image->size);
}

static void begin_archive(void)
{
	free(archive);
	archive = calloc(1, ARCHIVE_SIZE);
	archive_size = 0;
}

static void end_archive(void)
{
	add_file("TRAILER!!!", NULL, 0);
	archive = realloc(archive, archive_size);
}

static void make_archive(void)
{
	begin_archive();
	add_image("kernel.elf", &kernel);
	memcpy(dtb, dtb_header, sizeof(dtb_header));
	add_file("kernel.dtb", dtb, sizeof(dtb));
	add_image("rootserver", &root);
	end_archive();
}

static int setup(void **state)
{
	init_image(&kernel, KERNEL_VA + 0x10);
	add_segment(&kernel, KERNEL_VA, RAM, 0x1234, 0x2000);
	add_segment(&kernel, KERNEL_VA + 0x5000, RAM + 0x5000, 0x10, 0x2345);
	init_image(&root, ROOT_VA + 0x3000);
	add_segment(&root, ROOT_VA + 0x3000, ROOT_VA + 0x3000, 0x123, 0x456);
	add_segment(&root, ROOT_VA, ROOT_VA, 0x1001, 0x1001);
	memset(dtb, 'D', sizeof(dtb));
	dtb_header[0] = htobe32(0xd00dfeed);
	dtb_header[1] = htobe32(200);
	memset(ram, 0, sizeof(ram));
	make_archive();
	return 0;
}

static int teardown(void **state)
{
	free(archive);
	archive = NULL;
	return 0;
}

static int make_plan(unsigned int nr_vcpus)
{
	return sel4_plan(archive, archive_size, RAM, RAM_SIZE, nr_vcpus, &plan);
}

static void assert_planned(unsigned int nr_vcpus)
{
	struct sel4_piece piece;

	if (make_plan(nr_vcpus))
		fail_msg("%s", plan.why);
	sel4_write_tables(&plan, tables);
	for (unsigned int i = 0; sel4_piece(&plan, tables, i, &piece); i++) {
		if (!piece.len)
			continue;
		assert_true(piece.to >= RAM && piece.len <= RAM_SIZE);
		assert_true(piece.to - RAM <= RAM_SIZE - piece.len);
		memcpy(ram + (piece.to - RAM), piece.from, piece.len);
	}
}

static void assert_refused(int err, const char *text)
{
	make_archive();
	assert_int_equal(make_plan(1), err);
	if (!strstr(plan.why, text))
		fail_msg("\"%s\" says nothing of \"%s\"", plan.why, text);
}

static void assert_bytes(uint64_t at, uint8_t byte, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (ram[at - RAM + i] != byte)
			fail_msg("0x%lx: 0x%x, not 0x%x", at + i, ram[at - RAM + i], byte);
	}
}

/* ---- what is where ---- */

static void test_images_lie_where_the_elfloader_puts_them(void **state)
{
	uint64_t rootserver = RAM + 0x9000;

	assert_planned(1);
	assert_bytes(RAM + 0x1100, 0x11, 0x134);
	assert_bytes(RAM + 0x1234, 0, 0x5000 - 0x1234);
	assert_bytes(RAM + 0x5000, 0x12, 0x10);
	assert_bytes(RAM + 0x5010, 0, 0x2335);
	/* The kernel ends at 0x7345. */
	assert_memory_equal(ram + 0x8000, dtb, 200);
	assert_bytes(RAM + 0x8000 + 200, 0, 0x1000 - 200);
	assert_bytes(rootserver, 0x12, 0x1001);
	assert_bytes(rootserver + 0x1001, 0, 0x1fff);
	assert_bytes(rootserver + 0x3000, 0x11, 0x123);
	assert_bytes(rootserver + 0x3123, 0, 0x1000 - 0x123);
	assert_int_equal(plan.places[SEL4_TABLE].base, rootserver + 0x4000);
}

static void test_registers_are_those_that_the_kernel_expects(void **state)
{
	const struct vm_entry *e = &plan.entry;

	assert_planned(1);
	assert_int_equal(e->pc, KERNEL_VA + 0x10);
	assert_int_equal(e->args[0], RAM + 0x9000);
	assert_int_equal(e->args[1], RAM + 0xd000);
	assert_int_equal(e->args[2], RAM + 0x9000 - ROOT_VA);
	assert_int_equal(e->args[3], ROOT_VA + 0x3000);
	assert_int_equal(e->args[4], RAM + 0x8000);
	assert_int_equal(e->args[5], 200);
	assert_true(e->all_vcpus && e->translated && !e->shared);
	assert_int_equal(e->low.ipa, RAM + 0xd000);
	assert_int_equal(e->high.ipa, RAM + 0xe000);
}

/* What an address becomes by the tables in RAM, or 0. */
static uint64_t translate(uint64_t root_table, uint64_t va)
{
	uint64_t at = root_table;
	pte_t pte = 0;

	for (int level = 0; level <= 2; level++) {
		memcpy(&pte, ram + (at - RAM) + 8 * ((va >> pte_level_shift(level)) % 512), sizeof(pte));
		if (!pte_is_table(pte, level))
			return pte_is_leaf(pte, level) ? (pte & PTE_ADDR) + va % pte_level_size(level) : 0;
		at = pte & PTE_ADDR;
	}
	return 0;
}

static pte_t first_block(void)
{
	pte_t pte;

	memcpy(&pte, tables + 3 * PAGE_SIZE, sizeof(pte));
	return pte;
}

static void test_tables_map_the_kernels_window_as_far_as_there_is_memory(void **state)
{
	assert_planned(1);
	assert_int_equal(translate(plan.entry.high.ipa, KERNEL_VA), RAM);
	assert_int_equal(translate(plan.entry.high.ipa, KERNEL_VA + RAM_SIZE - 1), RAM + RAM_SIZE - 1);
	assert_int_equal(translate(plan.entry.high.ipa, KERNEL_VA + RAM_SIZE), 0);
	assert_int_equal(translate(plan.entry.high.ipa, KERNEL_VA - 1), 0);
	for (uint64_t va = 0; va < GIB(2); va += MIB(2))
		assert_int_equal(translate(plan.entry.low.ipa, va), 0);
	/* AF, attribute 4, a block. */
	assert_int_equal(first_block(), RAM | 1 << 10 | 4 << 2 | 1);
}

static void test_tables_of_several_vcpus_are_inner_shareable(void **state)
{
	assert_planned(4);
	assert_true(plan.entry.shared);
	assert_int_equal(first_block(), RAM | 1 << 10 | 3 << 8 | 4 << 2 | 1);
}

static void test_window_ends_with_its_gib(void **state)
{
	kernel.phdrs[0].p_vaddr = KERNEL_VA + GIB(1) - MIB(2);
	kernel.phdrs[1].p_vaddr = kernel.phdrs[0].p_vaddr + 0x5000;
	kernel.ehdr.e_entry = kernel.phdrs[0].p_vaddr;
	make_archive();
	assert_planned(1);
	assert_int_equal(translate(plan.entry.high.ipa, kernel.ehdr.e_entry), RAM);
	assert_int_equal(translate(plan.entry.high.ipa, kernel.ehdr.e_entry + MIB(2)), 0);
}

/* ---- what is refused ---- */

static void test_archive_without_an_image_is_refused(void **state)
{
	static const char *const names[] = { "kernel.elf", "kernel.dtb", "rootserver" };

	for (unsigned int missing = 0; missing < 3; missing++) {
		begin_archive();
		for (unsigned int i = 0; i < 3; i++)
			add_file(i == missing ? "other" : names[i], dtb, sizeof(dtb));
		end_archive();
		assert_int_equal(make_plan(1), -EINVAL);
		assert_non_null(strstr(plan.why, names[missing]));
	}
}

static void test_file_that_is_no_archive_is_refused(void **state)
{
	archive[0] = 'x';
	assert_int_equal(make_plan(1), -ENOEXEC);
	assert_non_null(strstr(plan.why, "is no CPIO of seL4's images: "));
}

static void test_images_that_are_not_elf_are_refused(void **state)
{
	kernel.ehdr.e_ident[1] = 'X';
	assert_refused(-ENOEXEC, "kernel.elf is not an ELF file");
	setup(NULL);
	root.ehdr.e_machine = EM_X86_64;
	assert_refused(-ENOEXEC, "rootserver is not an ELF file for AArch64");
	setup(NULL);
	root.phdrs[1].p_filesz = FILE_SIZE;
	assert_refused(-EINVAL, "rootserver has a program header that lies");
}

static void test_kernel_that_no_linear_window_maps_is_refused(void **state)
{
	kernel.phdrs[1].p_paddr += 0x1000;
	assert_refused(-EINVAL, "different distances");
	setup(NULL);
	kernel.phdrs[0].p_vaddr += 0x1000;
	kernel.phdrs[1].p_vaddr += 0x1000;
	kernel.ehdr.e_entry += 0x1000;
	assert_refused(-EINVAL, "blocks of 2 MiB");
	setup(NULL);
	kernel.phdrs[0].p_vaddr = RAM;
	kernel.phdrs[1].p_vaddr = RAM + 0x5000;
	kernel.ehdr.e_entry = RAM;
	assert_refused(-EINVAL, "upper half");
	setup(NULL);
	kernel.phdrs[1].p_vaddr -= GIB(1);
	kernel.phdrs[1].p_paddr -= GIB(1);
	assert_refused(-EINVAL, "more than one GiB");
}

static void test_kernel_outside_the_memory_is_refused(void **state)
{
	kernel.phdrs[0].p_paddr -= MIB(2);
	kernel.phdrs[1].p_paddr -= MIB(2);
	assert_refused(-EFAULT, "kernel.elf at 0x3fe00000-");
	setup(NULL);
	kernel.phdrs[1].p_memsz = RAM_SIZE;
	assert_refused(-EFAULT, "lies outside the memory");
	setup(NULL);
	kernel.phdrs[0].p_paddr = kernel.phdrs[1].p_paddr = UINT64_MAX - MIB(4) + 1;
	kernel.phdrs[0].p_vaddr = kernel.phdrs[1].p_vaddr = UINT64_MAX - MIB(4) + 1;
	kernel.ehdr.e_entry = kernel.phdrs[0].p_vaddr;
	assert_refused(-EFAULT, "lies outside the memory");
}

static void test_entry_points_outside_the_segments_are_refused(void **state)
{
	kernel.ehdr.e_entry = KERNEL_VA - 4;
	assert_refused(-EINVAL, "kernel.elf has its entry point");
	setup(NULL);
	kernel.ehdr.e_entry = KERNEL_VA + 2;
	assert_refused(-EINVAL, "kernel.elf has its entry point");
	setup(NULL);
	root.ehdr.e_entry = ROOT_VA + 0x3456;
	assert_refused(-EINVAL, "rootserver has its entry point");
}

static void test_rootserver_larger_than_the_memory_is_refused(void **state)
{
	root.phdrs[1].p_vaddr = 0;
	root.phdrs[0].p_vaddr = BIT(48);
	root.ehdr.e_entry = 0;
	assert_refused(-EFAULT, "rootserver spans 0x1000000000456 bytes");
	setup(NULL);
	root.phdrs[1].p_vaddr += 0x10;
	assert_refused(-EINVAL, "rootserver begins at 0x400010");
}

/* It is left to the caller to find it outside RAM; the sums are right. */
static void test_rootserver_as_large_as_the_memory_ends_beyond_it(void **state)
{
	root.phdrs[0].p_memsz = RAM_SIZE - 0x3000;
	make_archive();
	assert_int_equal(make_plan(1), 0);
	assert_int_equal(plan.places[SEL4_ROOTSERVER].size, RAM_SIZE);
	assert_int_equal(plan.places[SEL4_TABLE].base, RAM + 0x9000 + RAM_SIZE);
}

static void test_device_tree_that_lies_about_its_size_is_refused(void **state)
{
	dtb_header[1] = htobe32(sizeof(dtb) + 1);
	assert_refused(-EINVAL, "kernel.dtb is no device tree");
	dtb_header[1] = htobe32(UINT32_MAX);
	assert_refused(-EINVAL, "kernel.dtb is no device tree");
	dtb_header[1] = htobe32(4);
	assert_refused(-EINVAL, "kernel.dtb is no device tree");
	dtb_header[1] = htobe32(sizeof(dtb));
	dtb_header[0] = 0;
	assert_refused(-EINVAL, "kernel.dtb is no device tree");
	begin_archive();
	add_image("kernel.elf", &kernel);
	add_file("kernel.dtb", dtb, 3);
	add_image("rootserver", &root);
	end_archive();
	assert_int_equal(make_plan(1), -EINVAL);
}

/* Whatever is in the headers: a refusal in words, or places without overflow and pieces inside the places. */
static void check_any_plan(void)
{
	struct sel4_piece piece;

	if (make_plan(1 + (unsigned int)random_below(4))) {
		assert_int_not_equal(plan.why[0], '\0');
		return;
	}
	for (unsigned int i = 1; i < SEL4_PARTS; i++)
		assert_true(plan.places[i].base >= plan.places[i - 1].base + plan.places[i - 1].size);
	sel4_write_tables(&plan, tables);
	for (unsigned int i = 0; sel4_piece(&plan, tables, i, &piece); i++) {
		uint64_t end = plan.places[SEL4_TABLE].base + SEL4_TABLES_SIZE;

		if (!piece.len)
			continue;
		assert_true(piece.to >= plan.places[SEL4_KERNEL].base && piece.to + piece.len <= end);
		/* The sanitizer watches. */
		memcpy(ram, piece.from, MIN(piece.len, RAM_SIZE));
	}
}

static void test_random_damage_is_refused_or_harmless(void **state)
{
	static const uint64_t odd[] = {
		0, 1, 0xfff, RAM, UINT64_MAX, UINT64_MAX - 0xfff, KERNEL_VA, BIT(63),
	};
	size_t size = archive_size;
	uint8_t *good = malloc(size);

	memcpy(good, archive, size);
	for (unsigned int turn = 0; turn < 20000; turn++) {
		memcpy(archive, good, size);
		for (unsigned int n = 1 + (unsigned int)random_below(3); n; n--) {
			/* Mostly in headers of the CPIO and of both ELFs. */
			uint64_t at = random_below(4) ? random_below(500) : random_below(size - 8);
			uint64_t value = odd[random_below(ARRAY_SIZE(odd))];

			if (random_below(2))
				archive[at] ^= (uint8_t)(1 << random_below(8));
			else
				memcpy(archive + ALIGN_DOWN(at, 4), &value, sizeof(value));
		}
		check_any_plan();
	}
	free(good);
}

static void test_archive_cut_anywhere_is_refused(void **state)
{
	for (size_t cut = 0; cut < archive_size; cut += 13) {
		uint8_t *part = malloc(cut ? cut : 1);

		memcpy(part, archive, cut);
		assert_int_equal(sel4_plan(part, cut, RAM, RAM_SIZE, 1, &plan), -ENOEXEC);
		free(part);
	}
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_images_lie_where_the_elfloader_puts_them),
		TEST(test_registers_are_those_that_the_kernel_expects),
		TEST(test_tables_map_the_kernels_window_as_far_as_there_is_memory),
		TEST(test_tables_of_several_vcpus_are_inner_shareable),
		TEST(test_window_ends_with_its_gib),
		TEST(test_archive_without_an_image_is_refused),
		TEST(test_file_that_is_no_archive_is_refused),
		TEST(test_images_that_are_not_elf_are_refused),
		TEST(test_kernel_that_no_linear_window_maps_is_refused),
		TEST(test_kernel_outside_the_memory_is_refused),
		TEST(test_entry_points_outside_the_segments_are_refused),
		TEST(test_rootserver_larger_than_the_memory_is_refused),
		TEST(test_rootserver_as_large_as_the_memory_ends_beyond_it),
		TEST(test_device_tree_that_lies_about_its_size_is_refused),
		TEST(test_random_damage_is_refused_or_harmless),
		TEST(test_archive_cut_anywhere_is_refused),
	};

	random_seed("test_sel4");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
