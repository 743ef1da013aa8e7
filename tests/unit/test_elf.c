// SPDX-License-Identifier: MIT
/*
 * The ELF reader on images built here with the host's <elf.h>, whose layout is not ours. Images are
 * allocated to size, so that the sanitizer sees reads outside.
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/elf.h"
#include "tests/unit/random.h"

#define NR_PHDRS	4
#define TEXT_AT		0x200
#define DATA_AT		0x300
#define IMAGE_LEN	0x340

static struct {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[NR_PHDRS];
	uint8_t rest[IMAGE_LEN - sizeof(Elf64_Ehdr) - NR_PHDRS * sizeof(Elf64_Phdr)];
} image;

static struct elf64_info info;
static struct elf64_segment seg;
static const char *why;

/* Text and data with bss at 0x4020_0000, linked 1 TiB higher, a note and an empty segment. */
static void build(void)
{
	memset(&image, 0, sizeof(image));
	image.ehdr = (Elf64_Ehdr) {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_AARCH64,
		.e_version = EV_CURRENT,
		.e_entry = 0x10040200010,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = NR_PHDRS,
	};
	image.phdr[0] = (Elf64_Phdr) { .p_type = PT_NOTE, .p_offset = 0x99999, .p_filesz = 0x10 };
	image.phdr[1] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = DATA_AT, .p_filesz = 0x40,
		.p_memsz = 0x1000, .p_paddr = 0x40210000, .p_vaddr = 0x10040210000,
	};
	image.phdr[2] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = TEXT_AT, .p_filesz = 0x100,
		.p_memsz = 0x100, .p_paddr = 0x40200000, .p_vaddr = 0x10040200000,
	};
	image.phdr[3] = (Elf64_Phdr) { .p_type = PT_LOAD, .p_paddr = 0x1000, .p_vaddr = 0x1000 };
	memset((uint8_t *)&image + TEXT_AT, 't', 0x100);
	memset((uint8_t *)&image + DATA_AT, 'd', 0x40);
}

static uint8_t *copy_of(size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, &image, n);
	return copy;
}

static int check(void)
{
	return elf64_check(&image, IMAGE_LEN, &info, &why);
}

static void test_an_executable_is_summed_up(void **state)
{
	(void)state;
	build();
	assert_int_equal(check(), 0);
	assert_int_equal(info.phnum, NR_PHDRS);
	assert_int_equal(info.nr_load, 2);
	assert_int_equal(info.paddr_low, 0x40200000);
	assert_int_equal(info.paddr_high, 0x40211000);
}

static void test_the_entry_point_becomes_physical(void **state)
{
	(void)state;
	build();
	assert_int_equal(check(), 0);
	assert_int_equal(info.entry, 0x40200010);
	image.ehdr.e_entry = 0x40200020;
	assert_int_equal(check(), 0);
	assert_int_equal(info.entry, 0x40200020);
}

static void test_segments_are_shown_as_they_are_loaded(void **state)
{
	(void)state;
	build();
	assert_int_equal(elf64_segment(&image, IMAGE_LEN, 1, &seg), 0);
	assert_int_equal(seg.paddr, 0x40210000);
	assert_int_equal(seg.vaddr, 0x10040210000);
	assert_int_equal(seg.filesz, 0x40);
	assert_int_equal(seg.memsz, 0x1000);
	assert_int_equal(seg.flags, ELF_PF_R | ELF_PF_W);
	assert_ptr_equal(seg.data, (uint8_t *)&image + DATA_AT);
	assert_int_equal(elf64_segment(&image, IMAGE_LEN, 2, &seg), 0);
	assert_int_equal(seg.flags, ELF_PF_R | ELF_PF_X);
}

static void test_what_is_not_loaded_is_no_segment(void **state)
{
	(void)state;
	build();
	assert_int_equal(elf64_segment(&image, IMAGE_LEN, 0, &seg), -ENOENT);
	assert_int_equal(elf64_segment(&image, IMAGE_LEN, 3, &seg), -ENOENT);
	assert_int_equal(elf64_segment(&image, IMAGE_LEN, NR_PHDRS, &seg), -ENOENT);
	assert_int_equal(elf64_segment(&image, IMAGE_LEN, UINT32_MAX, &seg), -ENOENT);
}

static void test_other_kinds_of_files_are_named(void **state)
{
	(void)state;
	build();
	image.ehdr.e_machine = EM_X86_64;
	assert_int_equal(check(), -ENOEXEC);
	assert_string_equal(why, "is not an ELF file for AArch64");
	build();
	image.ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(check(), -ENOEXEC);
	build();
	image.ehdr.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(check(), -ENOEXEC);
	build();
	image.ehdr.e_type = ET_REL;
	assert_int_equal(check(), -ENOEXEC);
	build();
	assert_true(elf_is_elf(&image, IMAGE_LEN));
	assert_false(elf_is_elf(&image, 3));
	image.ehdr.e_ident[0] = 'M';
	assert_false(elf_is_elf(&image, IMAGE_LEN));
	assert_int_equal(check(), -ENOEXEC);
}

static void test_segments_outside_the_file_or_the_address_space_are_refused(void **state)
{
	(void)state;
	build();
	image.phdr[1].p_offset = IMAGE_LEN - 0x3f;
	assert_int_equal(check(), -EINVAL);
	build();
	image.phdr[1].p_offset = UINT64_MAX - 0x3f;
	assert_int_equal(check(), -EINVAL);
	build();
	image.phdr[1].p_filesz = UINT64_MAX;
	image.phdr[1].p_memsz = UINT64_MAX;
	assert_int_equal(check(), -EINVAL);
	build();
	image.phdr[1].p_memsz = 0x3f;
	assert_int_equal(check(), -EINVAL);
	build();
	image.phdr[1].p_paddr = UINT64_MAX - 0xffe;
	assert_int_equal(check(), -EINVAL);
	build();
	image.phdr[1].p_vaddr = UINT64_MAX - 0xffe;
	assert_int_equal(check(), -EINVAL);
	assert_non_null(why);
}

static void test_program_headers_outside_the_file_are_refused(void **state)
{
	(void)state;
	build();
	image.ehdr.e_phoff = IMAGE_LEN - 1;
	assert_int_equal(check(), -EINVAL);
	build();
	image.ehdr.e_phoff = UINT64_MAX - 8;
	assert_int_equal(check(), -EINVAL);
	build();
	image.ehdr.e_phnum = 0xffff;
	assert_int_equal(check(), -EINVAL);
	build();
	image.ehdr.e_phentsize = 0;
	assert_int_equal(check(), -EINVAL);
	assert_string_equal(why, "has a program header that lies or points outside the file");
}

static void test_an_executable_that_loads_nothing_is_refused(void **state)
{
	(void)state;
	build();
	image.phdr[1].p_type = PT_NULL;
	image.phdr[2].p_type = PT_NULL;
	assert_int_equal(check(), -EINVAL);
	assert_string_equal(why, "has no segment to load");
}

static void test_an_executable_cut_anywhere_is_refused(void **state)
{
	(void)state;
	build();
	for (size_t n = 0; n < IMAGE_LEN; n++) {
		uint8_t *copy = copy_of(n);

		assert_true(elf64_check(copy, n, &info, &why) < 0);
		assert_non_null(why);
		free(copy);
	}
}

static void test_images_may_lie_at_odd_addresses(void **state)
{
	uint8_t *copy = malloc(IMAGE_LEN + 1);

	(void)state;
	build();
	memcpy(copy + 1, &image, IMAGE_LEN);
	assert_int_equal(elf64_check(copy + 1, IMAGE_LEN, &info, &why), 0);
	assert_int_equal(info.entry, 0x40200010);
	free(copy);
}

static void test_random_damage_never_leads_outside(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		size_t n = IMAGE_LEN - (random_below(4) ? 0 : random_below(IMAGE_LEN));
		uint8_t *copy;
		unsigned int sum = 0;

		build();
		copy = copy_of(n);
		for (unsigned int flips = 1 + random_below(6); flips > 0; flips--)
			copy[random_below(MIN(n, TEXT_AT))] = (uint8_t)random_u64();
		if (elf64_check(copy, n, &info, &why) == 0)
			for (unsigned int p = 0; p < info.phnum; p++)
				if (elf64_segment(copy, n, p, &seg) == 0)
					for (uint64_t b = 0; b < seg.filesz; b++)
						sum += ((const uint8_t *)seg.data)[b];
		assert_true(sum < UINT32_MAX);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_executable_is_summed_up),
		cmocka_unit_test(test_the_entry_point_becomes_physical),
		cmocka_unit_test(test_segments_are_shown_as_they_are_loaded),
		cmocka_unit_test(test_what_is_not_loaded_is_no_segment),
		cmocka_unit_test(test_other_kinds_of_files_are_named),
		cmocka_unit_test(test_segments_outside_the_file_or_the_address_space_are_refused),
		cmocka_unit_test(test_program_headers_outside_the_file_are_refused),
		cmocka_unit_test(test_an_executable_that_loads_nothing_is_refused),
		cmocka_unit_test(test_an_executable_cut_anywhere_is_refused),
		cmocka_unit_test(test_images_may_lie_at_odd_addresses),
		cmocka_unit_test(test_random_damage_never_leads_outside),
	};

	random_seed("test_elf");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
