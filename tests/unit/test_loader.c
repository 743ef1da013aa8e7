// SPDX-License-Identifier: MIT
/* Where images go in a VM's RAM, which is a buffer here. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/load/guest_dtb.h"
#include "kernel/load/loader.h"
#include "kernel/mm/page.h"
#include "schism/abi/guest_layout.h"

#define RAM		UINT64_C(0x40000000)
#define RAM_SIZE	MIB(16)
#define KERNEL_SIZE	0x5000
#define IMAGE_SIZE	0x10000		/* with .bss */
#define DTB_SIZE	1234

static struct vm vm;
static struct vm_region second;		/* of its memory, if it has a size */
static uint8_t ram[RAM_SIZE];
static uint8_t kernel[KERNEL_SIZE], ramdisk[0x2345];
static const char *why;
static bool no_window;
static uint64_t cleaned;
static ipa_t told_ramdisk;
static uint64_t told_size;

/* ---- what the loader calls ---- */

int vm_write(struct vm *v, ipa_t to, const void *from, uint64_t len)
{
	if (no_window)
		return -ENOMEM;
	if (!len)
		return 0;
	assert_true(to.ipa >= RAM && len <= RAM_SIZE && to.ipa - RAM <= RAM_SIZE - len);
	memcpy(ram + (to.ipa - RAM), from, len);
	return 0;
}

int vm_zero(struct vm *v, ipa_t to, uint64_t len)
{
	if (no_window)
		return -ENOMEM;
	memset(ram + (to.ipa - RAM), 0, MIN(len, RAM_SIZE));
	return 0;
}

int vm_clean(struct vm *v, ipa_t at, uint64_t len)
{
	assert_int_equal(at.ipa, RAM + cleaned);
	cleaned += len;
	return 0;
}

int guest_dtb_build(const struct vm *v, ipa_t at, uint64_t size, void *buf, size_t *len)
{
	told_ramdisk = at;
	told_size = size;
	memset(buf, 'D', DTB_SIZE);
	*len = DTB_SIZE;
	return 0;
}

int guest_dtb_overlay(void *buf, void *overlay, size_t size, size_t *len, const char **text)
{
	*text = "FDT_ERR_BADOVERLAY";
	if (*(char *)overlay != 'O')
		return -EINVAL;
	memset((char *)buf + DTB_SIZE, 'O', size);
	*len = DTB_SIZE + size;
	return 0;
}

void *hyp_alloc_pages(unsigned int n)
{
	return calloc(n, PAGE_SIZE);
}

void hyp_free_pages(void *va, unsigned int n)
{
	free(va);
}

/* ---- */

/* Until all is there. */
static int load(void)
{
	bool done = false;
	int err;

	vm.desc.regions[0] = (struct vm_region){ .ipa = vm.desc.ram_ipa, .size = vm.desc.ram_size };
	vm.desc.nr_regions = 1;
	if (second.size)
		vm.desc.regions[vm.desc.nr_regions++] = second;
	vm.ram[0].dirty = vm.ram[1].dirty = true;
	err = loader_begin(&vm, &why);
	while (!err && !done)
		err = loader_step(&vm, &done, &why);
	return err;
}

static void put64(unsigned int offset, uint64_t val)
{
	memcpy(kernel + offset, &val, sizeof(val));
}

static void make_linux(uint64_t text_offset)
{
	put64(8, text_offset);
	put64(16, IMAGE_SIZE);
	put64(24, 0xa);
	memcpy(kernel + 56, "ARM\x64", 4);
	vm.desc.protocol = VM_PROTOCOL_LINUX;
}

/* One segment, of which the file has all but a page. */
static void make_elf(uint64_t paddr, uint64_t entry)
{
	Elf64_Ehdr ehdr = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_AARCH64, .e_entry = entry, .e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
	};
	Elf64_Phdr phdr = {
		.p_type = PT_LOAD, .p_offset = 0x1000, .p_filesz = 0x4000, .p_memsz = 0x5000,
		.p_paddr = paddr, .p_vaddr = paddr,
	};

	memcpy(kernel, &ehdr, sizeof(ehdr));
	memcpy(kernel + sizeof(ehdr), &phdr, sizeof(phdr));
	vm.desc.protocol = VM_PROTOCOL_ELF;
}

static int setup(void **state)
{
	memset(&vm, 0, sizeof(vm));
	second.size = 0;
	memset(ram, 0xaa, sizeof(ram));
	memset(kernel, 'K', sizeof(kernel));
	memset(ramdisk, 'R', sizeof(ramdisk));
	vm.desc.ram_ipa = ipa(RAM);
	vm.desc.ram_size = RAM_SIZE;
	vm.desc.kernel = kernel;
	vm.desc.kernel_size = sizeof(kernel);
	no_window = false;
	cleaned = 0;
	return 0;
}

static int teardown(void **state)
{
	loader_free(&vm);
	return 0;
}

static void give_ramdisk(uint64_t size)
{
	vm.desc.ramdisk = ramdisk;
	vm.desc.ramdisk_size = size;
}

static void assert_loaded(void)
{
	if (load())
		fail_msg("%s", why);
}

static void assert_refused(int err, const char *text)
{
	assert_int_equal(load(), err);
	if (!strstr(why, text))
		fail_msg("\"%s\" says nothing of \"%s\"", why, text);
	/* Nothing was written. */
	for (size_t i = 0; i < sizeof(ram); i += 512)
		assert_int_equal(ram[i], 0xaa);
}

static void assert_at(uint64_t at, const void *data, size_t size)
{
	assert_memory_equal(ram + (at - RAM), data, size);
}

static void assert_zero(uint64_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(ram[at - RAM + i], 0);
}

static void assert_dtb_at(uint64_t at)
{
	static uint8_t expected[DTB_SIZE];

	memset(expected, 'D', sizeof(expected));
	assert_int_equal(vm.dtb.ipa.ipa, at);
	assert_at(at, expected, sizeof(expected));
}

static void test_linux_lies_its_text_offset_above_the_base_of_memory(void **state)
{
	static const uint64_t offsets[] = { 0x80000, 0xfffc0, 0x1004, MIB(2), MIB(5) + 64 };

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		make_linux(offsets[i]);
		assert_loaded();
		assert_int_equal(vm.entry.pc, RAM + offsets[i]);
		assert_at(vm.entry.pc, kernel, sizeof(kernel));
		/* There is nothing below it. */
		assert_zero(RAM, offsets[i]);
	}
}

/* There QEMU has its own code, and loads what asks for less 2 MiB higher. */
static void test_linux_leaves_the_first_4_kib_of_memory_alone(void **state)
{
	make_linux(0);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + MIB(2));
	make_linux(0xffc);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + MIB(2) + 0xffc);
	make_linux(0x1000);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + 0x1000);
}

static void test_linux_base_is_a_multiple_of_2_mib_in_any_memory(void **state)
{
	vm.desc.ram_ipa = ipa(RAM + PAGE_SIZE);
	vm.desc.ram_size -= PAGE_SIZE;
	make_linux(0x80000);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + MIB(2) + 0x80000);
}

static void test_linux_from_before_3_17_is_loaded_with_room_above_it(void **state)
{
	make_linux(0);
	put64(16, 0);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + 0x80000);
	assert_zero(RAM + 0x80000 + KERNEL_SIZE, MIB(7));
	assert_dtb_at(RAM + MIB(8));
}

static void test_linux_whose_text_offset_is_outside_the_memory_is_refused(void **state)
{
	make_linux(RAM_SIZE);
	assert_refused(-EFAULT, "kernel: 0x41000000");
	make_linux(-(uint64_t)MIB(4));
	assert_refused(-EFAULT, "kernel: 0x3fc00000");
}

/* QEMU and U-Boot have it there: above the kernel, out of the way of what grows behind that. */
static void test_device_tree_lies_in_the_upper_half_of_memory_in_a_block_of_2_mib(void **state)
{
	make_linux(0);
	assert_loaded();
	assert_dtb_at(RAM + MIB(8));
	vm.desc.ram_size = MIB(14);
	assert_loaded();
	assert_dtb_at(RAM + MIB(8));
}

static void test_device_tree_lies_128_mib_into_large_memory(void **state)
{
	make_linux(0);
	vm.desc.ram_size = GIB(2);
	no_window = true;
	assert_int_equal(load(), -ENOMEM);
	assert_int_equal(vm.dtb.ipa.ipa, RAM + MIB(128));
}

static void test_device_tree_lies_above_a_kernel_that_reaches_into_the_upper_half(void **state)
{
	make_linux(0);
	put64(16, MIB(9));
	assert_loaded();
	assert_dtb_at(RAM + MIB(12));
	/* No block is left, but pages. */
	put64(16, MIB(13) - 0x800);
	assert_loaded();
	assert_dtb_at(RAM + MIB(15));
	/* Nor those: below it, rather than not at all. */
	put64(16, MIB(14));
	assert_loaded();
	assert_dtb_at(RAM);
}

static void test_device_tree_lies_where_the_manifest_says(void **state)
{
	make_elf(RAM + MIB(1), RAM + MIB(1));
	vm.desc.has_dtb_address = true;
	vm.desc.dtb_address = ipa(RAM + MIB(3) + 8);
	assert_loaded();
	assert_dtb_at(RAM + MIB(3) + 8);
	assert_zero(RAM, MIB(1));
	memset(ram, 0xaa, sizeof(ram));
	vm.desc.dtb_address = ipa(RAM + MIB(1) + 0x4ff8);
	assert_refused(-EINVAL, "dtb-address: 0x40104ff8 with 0x4d2 bytes overlaps the kernel at 0x40100000");
	vm.desc.dtb_address = ipa(RAM + RAM_SIZE - 8);
	assert_refused(-EFAULT, "dtb-address: 0x40fffff8");
}

/* As QEMU has it for those: x0 is not what they look at. */
static void test_firmware_and_elf_kernels_have_a_copy_of_the_tree_at_the_start_of_memory(void **state)
{
	static uint8_t expected[DTB_SIZE];

	memset(expected, 'D', sizeof(expected));
	make_elf(RAM + MIB(1), RAM + MIB(1));
	assert_loaded();
	assert_dtb_at(RAM + MIB(8));
	assert_at(RAM, expected, sizeof(expected));
	vm.desc.protocol = VM_PROTOCOL_RAW;
	vm.desc.load_address = ipa(RAM + MIB(2));
	assert_loaded();
	assert_dtb_at(RAM + MIB(8));
	assert_at(RAM, expected, sizeof(expected));
	/* Unless something else is there. */
	vm.desc.load_address = ipa(RAM + 0x400);
	assert_loaded();
	assert_dtb_at(RAM + MIB(8));
	assert_zero(RAM, 0x400);
}

static void test_ramdisk_lies_at_the_end_in_pages_of_its_own(void **state)
{
	make_linux(0);
	give_ramdisk(sizeof(ramdisk));
	assert_loaded();
	assert_int_equal(told_ramdisk.ipa, RAM + RAM_SIZE - 0x3000);
	assert_int_equal(told_size, sizeof(ramdisk));
	assert_at(told_ramdisk.ipa, ramdisk, sizeof(ramdisk));
}

static void test_ramdisk_gives_way_to_the_mailbox(void **state)
{
	make_linux(0);
	give_ramdisk(sizeof(ramdisk));
	vm.desc.has_mailbox = true;
	vm.desc.mailbox = ipa(RAM + RAM_SIZE - PAGE_SIZE);
	assert_loaded();
	assert_int_equal(told_ramdisk.ipa, RAM + RAM_SIZE - PAGE_SIZE - 0x3000);
}

static void test_ramdisk_stays_within_32_gib_of_the_kernel(void **state)
{
	make_linux(0);
	give_ramdisk(sizeof(ramdisk));
	vm.desc.ram_size = GIB(64);
	no_window = true;
	assert_int_equal(load(), -ENOMEM);
	assert_int_equal(told_ramdisk.ipa, RAM + GIB(32) - 0x3000);
}

static void test_linux_without_room_for_its_bss_is_refused(void **state)
{
	make_linux(0);
	vm.desc.ram_size = MIB(2) + IMAGE_SIZE - PAGE_SIZE;
	assert_refused(-EFAULT, "kernel:");
}

static void test_ramdisk_without_room_is_refused(void **state)
{
	make_linux(0);
	vm.desc.ram_size = MIB(2) + IMAGE_SIZE;
	give_ramdisk(sizeof(ramdisk));
	assert_loaded();
	assert_true(told_ramdisk.ipa < RAM + MIB(2));
	memset(ram, 0xaa, sizeof(ram));
	give_ramdisk(MIB(2) + 1);
	assert_refused(-ENOSPC, "ramdisk:");
	give_ramdisk(UINT64_MAX);
	assert_refused(-ENOSPC, "ramdisk:");
}

#define SECOND	(RAM + MIB(8))

/* A small region at the base, and one of 8 MiB. */
static void give_two_regions(uint64_t first)
{
	vm.desc.ram_size = first;
	second = (struct vm_region){ .ipa = ipa(SECOND), .size = MIB(8) };
}

static void test_linux_goes_to_the_second_region_if_the_first_is_too_small(void **state)
{
	make_linux(0);
	give_two_regions(MIB(2) + IMAGE_SIZE - PAGE_SIZE);
	give_ramdisk(sizeof(ramdisk));
	assert_loaded();
	assert_int_equal(vm.entry.pc, SECOND + MIB(2));
	assert_at(SECOND + MIB(2), kernel, sizeof(kernel));
	/* The tree is above the kernel, in its region; for the ramdisk there is room in the first. */
	assert_dtb_at(SECOND + MIB(4));
	assert_at(RAM + MIB(2) + IMAGE_SIZE - PAGE_SIZE - 0x3000, ramdisk, sizeof(ramdisk));
	/* One page more, and the first is large enough. */
	give_two_regions(MIB(2) + IMAGE_SIZE);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + MIB(2));
}

static void test_ramdisk_goes_to_the_second_region_if_the_first_has_no_room(void **state)
{
	make_linux(0);
	give_two_regions(MIB(2) + IMAGE_SIZE);
	give_ramdisk(sizeof(ramdisk));
	vm.desc.has_mailbox = true;
	vm.desc.mailbox = ipa(RAM + MIB(2) - 0x3000 + PAGE_SIZE);
	assert_loaded();
	assert_int_equal(told_ramdisk.ipa, RAM + MIB(2) - 0x3000 - 0x2000);
	give_two_regions(MIB(2) + IMAGE_SIZE);
	vm.desc.ramdisk_size = MIB(2);
	vm.desc.ramdisk = ram;
	no_window = true;
	assert_int_equal(load(), -ENOMEM);
	assert_int_equal(told_ramdisk.ipa, SECOND + MIB(6));
}

static void test_ramdisk_in_another_region_is_within_32_gib_of_the_kernel_too(void **state)
{
	make_linux(0);
	give_ramdisk(sizeof(ramdisk));
	give_two_regions(MIB(1));
	no_window = true;
	second = (struct vm_region){ .ipa = ipa(RAM + GIB(29)), .size = MIB(64) };
	assert_int_equal(load(), -ENOMEM);
	assert_int_equal(told_ramdisk.ipa, RAM + MIB(1) - 0x3000);
	second.ipa = ipa(RAM + GIB(31));
	assert_int_equal(load(), -ENOMEM);
	assert_int_equal(told_ramdisk.ipa, RAM + GIB(31) + MIB(64) - 0x3000);
}

static void test_device_tree_goes_to_the_second_region_if_the_first_is_full(void **state)
{
	make_elf(RAM, RAM);
	give_two_regions(0x5000);
	assert_loaded();
	assert_dtb_at(SECOND);
}

static void test_file_that_is_no_image_is_refused(void **state)
{
	make_linux(0);
	kernel[56] = 0;
	assert_refused(-ENOEXEC, "kernel: is no arm64 Image");
}

static void test_elf_is_loaded_at_its_physical_addresses(void **state)
{
	make_elf(RAM + MIB(1), RAM + MIB(1) + 8);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + MIB(1) + 8);
	assert_at(RAM + MIB(1), kernel + 0x1000, 0x4000);
	assert_zero(RAM + MIB(1) + 0x4000, 0x1000);
}

static void test_device_tree_comes_behind_a_kernel_where_memory_is_small(void **state)
{
	make_elf(RAM, RAM);
	vm.desc.ram_size = MIB(1);
	assert_loaded();
	assert_dtb_at(RAM + 0x5000);
}

static void give_image(unsigned int i, uint64_t at, uint64_t size)
{
	static uint8_t data[RAM_SIZE];

	memset(data, 'I', sizeof(data));
	vm.desc.images[i] = (struct vm_image){ .at = ipa(at), .data = data, .size = size };
	snprintf(vm.desc.images[i].name, VM_IMAGE_NAME_LEN, "image@%lx", at);
	vm.desc.nr_images = i + 1;
}

static void test_further_images_lie_at_their_addresses(void **state)
{
	make_elf(RAM + MIB(1), RAM + MIB(1));
	give_ramdisk(sizeof(ramdisk));
	give_image(0, RAM + MIB(2) + 4, 0x1001);
	give_image(1, RAM + RAM_SIZE - 0x1000, 0x1000);
	give_image(2, RAM + MIB(8), MIB(4));
	assert_loaded();
	assert_at(RAM + MIB(2) + 4, vm.desc.images[0].data, 0x1001);
	assert_zero(RAM + MIB(2) + 4 + 0x1001, 0x1000);
	assert_at(RAM + RAM_SIZE - 0x1000, vm.desc.images[1].data, 0x1000);
	assert_at(RAM + MIB(8), vm.desc.images[2].data, MIB(4));
	/* What has no address gives way. */
	assert_int_equal(told_ramdisk.ipa, RAM + RAM_SIZE - 0x4000);
	assert_dtb_at(RAM + MIB(12));
}

static void test_further_images_that_overlap_or_lie_outside_are_refused(void **state)
{
	make_elf(RAM + MIB(1), RAM + MIB(1));
	give_image(0, RAM + MIB(1) + 0x4ffc, 8);
	assert_refused(-EINVAL, "image@40104ffc: 0x40104ffc with 0x8 bytes overlaps the kernel at 0x401");
	give_image(0, RAM + RAM_SIZE - 4, 8);
	assert_refused(-EFAULT, "image@40fffffc: 0x40fffffc with 0x8 bytes lies outside the memory");
	give_image(0, UINT64_MAX - 3, 8);
	assert_refused(-EFAULT, "lies outside the memory");
	give_image(0, RAM + MIB(2), 0x1000);
	give_image(1, RAM + MIB(2), 0x1000);
	assert_refused(-EINVAL, "image@40200000: 0x40200000 with 0x1000 bytes overlaps the image@40200000");
	give_image(1, RAM + MIB(3), 0x1000);
	vm.desc.has_mailbox = true;
	vm.desc.mailbox = ipa(RAM + MIB(3));
	assert_refused(-EINVAL, "overlaps the mailbox");
}

static void test_a_ramdisk_is_for_elf_and_raw_kernels_too(void **state)
{
	make_elf(RAM + MIB(1), RAM + MIB(1));
	give_ramdisk(sizeof(ramdisk));
	assert_loaded();
	assert_int_equal(told_ramdisk.ipa, RAM + RAM_SIZE - 0x3000);
	assert_at(told_ramdisk.ipa, ramdisk, sizeof(ramdisk));
	vm.desc.protocol = VM_PROTOCOL_RAW;
	vm.desc.load_address = ipa(RAM + MIB(2));
	told_size = 0;
	assert_loaded();
	assert_int_equal(told_size, sizeof(ramdisk));
	assert_at(told_ramdisk.ipa, ramdisk, sizeof(ramdisk));
}

static void test_compressed_kernels_are_named_whatever_the_protocol(void **state)
{
	static const enum vm_protocol protocols[] = {
		VM_PROTOCOL_ELF, VM_PROTOCOL_LINUX, VM_PROTOCOL_RAW, VM_PROTOCOL_SEL4,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(protocols); i++) {
		vm.desc.protocol = protocols[i];
		memcpy(kernel, "\xfd" "7zXZ", 6);
		assert_refused(-ENOEXEC, "kernel: is an xz-compressed file: xz -d it");
		memcpy(kernel, "\x27\x05\x19\x56", 4);
		assert_refused(-ENOEXEC, "kernel: is a uImage of U-Boot's");
	}
}

static void test_memory_full_of_kernel_is_refused(void **state)
{
	make_elf(RAM, RAM);
	vm.desc.ram_size = 0x5000;
	assert_refused(-ENOSPC, "memory: has no room for a device tree");
}

static void test_elf_outside_the_memory_is_refused(void **state)
{
	make_elf(RAM - 0x1000, RAM);
	assert_refused(-EFAULT, "kernel: 0x3ffff000");
	make_elf(RAM + RAM_SIZE - 0x4000, RAM + RAM_SIZE - 0x4000);
	assert_refused(-EFAULT, "kernel: 0x40ffc000");
	make_elf(RAM, 0x1000);
	assert_refused(-EFAULT, "entry point 0x1000");
}

static void test_mailbox_inside_the_kernel_is_refused(void **state)
{
	make_elf(RAM + MIB(1), RAM + MIB(1));
	vm.desc.has_mailbox = true;
	vm.desc.mailbox = ipa(RAM + MIB(1) + 0x4000);
	assert_refused(-EINVAL, "mailbox: 0x40104000");
	vm.desc.mailbox = ipa(RAM + MIB(1) + 0x5000);
	assert_loaded();
}

static void test_mailbox_holds_the_bootargs(void **state)
{
	const struct guest_mailbox *mailbox = (const void *)(ram + MIB(2));

	make_elf(RAM + MIB(1), RAM + MIB(1));
	vm.id = 3;
	vm.desc.has_mailbox = true;
	vm.desc.mailbox = ipa(RAM + MIB(2));
	strcpy(vm.desc.args, "rounds=7");
	assert_loaded();
	assert_int_equal(mailbox->magic, GUEST_MAILBOX_MAGIC);
	assert_int_equal(mailbox->vm_id, 3);
	assert_string_equal(mailbox->args, "rounds=7");
}

static void test_raw_kernel_lies_where_the_manifest_says(void **state)
{
	vm.desc.protocol = VM_PROTOCOL_RAW;
	vm.desc.load_address = ipa(RAM + MIB(3));
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + MIB(3));
	assert_at(RAM + MIB(3), kernel, sizeof(kernel));
	memset(ram, 0xaa, sizeof(ram));
	vm.desc.load_address = ipa(RAM + RAM_SIZE - PAGE_SIZE);
	assert_refused(-EFAULT, "kernel: 0x40fff000");
	vm.desc.load_address = ipa(RAM + 0x80404);
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + 0x80404);
	assert_at(RAM + 0x80404, kernel, sizeof(kernel));
}

static void test_supplied_device_tree_is_passed_as_it_is(void **state)
{
	static const uint8_t tree[32] = { 0xd0, 0x0d, 0xfe, 0xed, 1, 2, 3 };

	make_linux(0);
	vm.desc.dtb = tree;
	vm.desc.dtb_size = sizeof(tree);
	assert_loaded();
	assert_int_equal(vm.dtb.ipa.ipa, RAM + MIB(8));
	assert_at(RAM + MIB(8), tree, sizeof(tree));
	memset(ram, 0xaa, sizeof(ram));
	vm.desc.dtb = kernel;
	assert_refused(-EINVAL, "dtb:");
}

static void test_second_load_clears_what_the_first_run_left(void **state)
{
	void *buf;

	make_linux(0);
	assert_loaded();
	buf = vm.dtb.buf;
	memset(ram, 0x55, sizeof(ram));
	assert_loaded();
	assert_ptr_equal(vm.dtb.buf, buf);
	assert_at(vm.entry.pc, kernel, sizeof(kernel));
	assert_zero(RAM + MIB(9), MIB(7));
	assert_dtb_at(RAM + MIB(8));
}

static void assert_kept(uint64_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(ram[at - RAM + i], 0x55);
}

/* Loaded, run, and reset warm. */
static void load_again(void)
{
	assert_loaded();
	assert_int_equal(cleaned, 0);
	memset(ram, 0x55, sizeof(ram));
	vm.load.keep_ram = true;
	assert_loaded();
	assert_int_equal(cleaned, vm.desc.ram_size);
}

static void test_warm_reset_keeps_ram_but_where_something_is_loaded(void **state)
{
	make_linux(0);
	give_ramdisk(sizeof(ramdisk));
	vm.desc.has_mailbox = true;
	vm.desc.mailbox = ipa(RAM + MIB(6));
	load_again();
	assert_at(vm.entry.pc, kernel, sizeof(kernel));
	/* What the image has not, and the header says that it needs. */
	assert_zero(vm.entry.pc + KERNEL_SIZE, IMAGE_SIZE - KERNEL_SIZE);
	assert_dtb_at(RAM + MIB(8));
	assert_at(told_ramdisk.ipa, ramdisk, sizeof(ramdisk));
	assert_zero(RAM + MIB(6) + sizeof(struct guest_mailbox) - 16, 16);
	assert_kept(RAM, MIB(2));
	assert_kept(vm.entry.pc + IMAGE_SIZE, MIB(6) - MIB(2) - IMAGE_SIZE);
	assert_kept(RAM + MIB(6) + GUEST_MAILBOX_SIZE, 0x1000);
	assert_kept(RAM + MIB(8) + DTB_SIZE, 0x1000);
	assert_kept(told_ramdisk.ipa - 0x1000, 0x1000);
	assert_kept(told_ramdisk.ipa + sizeof(ramdisk), RAM + RAM_SIZE - told_ramdisk.ipa - sizeof(ramdisk));
}

static void test_warm_reset_clears_an_elfs_bss_and_keeps_what_follows(void **state)
{
	make_elf(RAM + MIB(1), RAM + MIB(1) + 8);
	load_again();
	assert_at(RAM + MIB(1), kernel + 0x1000, 0x4000);
	assert_zero(RAM + MIB(1) + 0x4000, 0x1000);
	assert_kept(RAM + DTB_SIZE, MIB(1) - DTB_SIZE);
	assert_kept(RAM + MIB(1) + 0x5000, MIB(7) - 0x5000);
	assert_kept(RAM + MIB(8) + DTB_SIZE, MIB(8) - DTB_SIZE);
	/* And an ordinary one after it clears all again. */
	vm.load.keep_ram = false;
	assert_loaded();
	assert_zero(RAM + MIB(1) + 0x4000, MIB(7) - 0x4000);
	assert_zero(RAM + MIB(9), MIB(7));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

static void test_an_overlay_is_applied_to_the_generated_tree(void **state)
{
	static char overlay[100];

	make_linux(0);
	memset(overlay, 'O', sizeof(overlay));
	vm.desc.overlay = overlay;
	vm.desc.overlay_size = sizeof(overlay);
	assert_loaded();
	assert_at(vm.dtb.ipa.ipa + DTB_SIZE, overlay, sizeof(overlay));
	memset(ram, 0xaa, sizeof(ram));
	overlay[0] = 'x';
	assert_refused(-EINVAL, "dtb-overlay: cannot be applied: FDT_ERR_BADOVERLAY");
}

static void test_the_entry_point_may_be_another_than_the_formats(void **state)
{
	vm.desc.protocol = VM_PROTOCOL_RAW;
	vm.desc.load_address = ipa(RAM + 0x200000);
	vm.desc.has_entry = true;
	vm.desc.entry = RAM + 0x200400;
	assert_loaded();
	assert_int_equal(vm.entry.pc, RAM + 0x200400);
	assert_at(RAM + 0x200000, kernel, sizeof(kernel));
	memset(ram, 0xaa, sizeof(ram));
	vm.desc.entry = RAM + RAM_SIZE;
	assert_refused(-EFAULT, "entry point");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_linux_lies_its_text_offset_above_the_base_of_memory),
		TEST(test_linux_leaves_the_first_4_kib_of_memory_alone),
		TEST(test_linux_from_before_3_17_is_loaded_with_room_above_it),
		TEST(test_linux_whose_text_offset_is_outside_the_memory_is_refused),
		TEST(test_device_tree_lies_in_the_upper_half_of_memory_in_a_block_of_2_mib),
		TEST(test_device_tree_lies_128_mib_into_large_memory),
		TEST(test_device_tree_lies_above_a_kernel_that_reaches_into_the_upper_half),
		TEST(test_device_tree_lies_where_the_manifest_says),
		TEST(test_firmware_and_elf_kernels_have_a_copy_of_the_tree_at_the_start_of_memory),
		TEST(test_linux_base_is_a_multiple_of_2_mib_in_any_memory),
		TEST(test_ramdisk_lies_at_the_end_in_pages_of_its_own),
		TEST(test_ramdisk_gives_way_to_the_mailbox),
		TEST(test_ramdisk_stays_within_32_gib_of_the_kernel),
		TEST(test_linux_without_room_for_its_bss_is_refused),
		TEST(test_ramdisk_without_room_is_refused),
		TEST(test_linux_goes_to_the_second_region_if_the_first_is_too_small),
		TEST(test_ramdisk_goes_to_the_second_region_if_the_first_has_no_room),
		TEST(test_ramdisk_in_another_region_is_within_32_gib_of_the_kernel_too),
		TEST(test_device_tree_goes_to_the_second_region_if_the_first_is_full),
		TEST(test_file_that_is_no_image_is_refused),
		TEST(test_elf_is_loaded_at_its_physical_addresses),
		TEST(test_device_tree_comes_behind_a_kernel_where_memory_is_small),
		TEST(test_further_images_lie_at_their_addresses),
		TEST(test_further_images_that_overlap_or_lie_outside_are_refused),
		TEST(test_a_ramdisk_is_for_elf_and_raw_kernels_too),
		TEST(test_compressed_kernels_are_named_whatever_the_protocol),
		TEST(test_memory_full_of_kernel_is_refused),
		TEST(test_elf_outside_the_memory_is_refused),
		TEST(test_mailbox_inside_the_kernel_is_refused),
		TEST(test_mailbox_holds_the_bootargs),
		TEST(test_raw_kernel_lies_where_the_manifest_says),
		TEST(test_supplied_device_tree_is_passed_as_it_is),
		TEST(test_second_load_clears_what_the_first_run_left),
		TEST(test_warm_reset_keeps_ram_but_where_something_is_loaded),
		TEST(test_warm_reset_clears_an_elfs_bss_and_keeps_what_follows),
		TEST(test_an_overlay_is_applied_to_the_generated_tree),
		TEST(test_the_entry_point_may_be_another_than_the_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
