// SPDX-License-Identifier: MIT
/* Reading VM descriptions: manifests built here with libfdt, changed in one place each. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/vdev/vdev.h"
#include "kernel/vm/manifest.h"
#include "lib/fdt.h"
#include "tests/unit/random.h"

#define BLOB_MAX	4096

static uint8_t blob[BLOB_MAX] __aligned(8);
static int vm_node, memory_node;
static struct vm_desc desc;
static struct manifest_error err;

VDEV(test_terminal) = { .name = "terminal" };
VDEV(test_clock) = { .name = "clock" };
VDEV(test_gic) = { .name = NULL };

static int find_image(void *ctx, const char *name, const void **data, size_t *size)
{
	static const struct {
		const char *name, *data;
		size_t size;
	} files[] = {
		{ "kernel", "K", 1 }, { "ramdisk", "RR", 2 }, { "tree", "TTT", 3 }, { "empty", "", 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		if (!strcmp(name, files[i].name)) {
			*data = files[i].data;
			*size = files[i].size;
			return 0;
		}
	}
	return -ENOENT;
}

static const struct manifest_images images = { find_image, NULL };

static void find_nodes(void)
{
	vm_node = fdt_path_offset(blob, "/vm-test");
	memory_node = fdt_path_offset(blob, "/vm-test/memory@40000000");
}

static void set(int *node, const char *name, const void *data, size_t size)
{
	assert_int_equal(fdt_setprop(blob, *node, name, data, (int)size), 0);
	find_nodes();
}

static void set_string(const char *name, const char *value)
{
	set(&vm_node, name, value, strlen(value) + 1);
}

static void set_cells(int *node, const char *name, const uint64_t *cells, unsigned int n)
{
	fdt64_t value[8];

	for (unsigned int i = 0; i < n; i++)
		value[i] = cpu_to_fdt64(cells[i]);
	set(node, name, value, n * sizeof(fdt64_t));
}

static void set_memory(uint64_t base, uint64_t size)
{
	set_cells(&memory_node, "reg", (const uint64_t[]){ base, size }, 2);
}

static void set_address(const char *name, uint64_t address)
{
	set_cells(&vm_node, name, &address, 1);
}

static void set_vcpus(uint32_t n)
{
	fdt32_t cell = cpu_to_fdt32(n);

	set(&vm_node, "vcpus", &cell, sizeof(cell));
}

static int setup(void **state)
{
	assert_int_equal(fdt_create_empty_tree(blob, BLOB_MAX), 0);
	assert_int_equal(fdt_setprop_string(blob, 0, "compatible", "schism,manifest-v1"), 0);
	vm_node = fdt_add_subnode(blob, 0, "vm-test");
	memory_node = fdt_add_subnode(blob, vm_node, "memory@40000000");
	set_string("compatible", "schism,vm");
	set_string("protocol", "linux");
	set_string("kernel", "kernel");
	set_memory(0x40000000, MIB(64));
	return 0;
}

static int read_vm(void)
{
	const char *why;

	assert_int_equal(manifest_check(blob, fdt_totalsize(blob), &why), 0);
	return manifest_read_vm(blob, manifest_next_vm(blob, -1), &images, &desc, &err);
}

static void assert_accepted(void)
{
	if (read_vm())
		fail_msg("node %s: %s %s", err.node, err.property, err.what);
}

static void assert_refused(const char *property, const char *what)
{
	assert_int_equal(read_vm(), -EINVAL);
	assert_string_equal(err.node, "vm-test");
	assert_string_equal(err.property, property);
	if (!strstr(err.what, what))
		fail_msg("\"%s\" says nothing of \"%s\"", err.what, what);
}

static void test_full_description_is_read(void **state)
{
	set_string("vm-name", "mine");
	set_vcpus(CONFIG_MAX_VCPUS);
	set_string("ramdisk", "ramdisk");
	set_string("dtb", "tree");
	set_string("bootargs", "a=b c");
	set(&vm_node, "devices", "terminal\0clock", 15);
	assert_accepted();
	assert_string_equal(desc.name, "mine");
	assert_int_equal(desc.nr_vcpus, CONFIG_MAX_VCPUS);
	assert_int_equal(desc.ram_ipa.ipa, 0x40000000);
	assert_int_equal(desc.ram_size, MIB(64));
	assert_int_equal(desc.protocol, VM_PROTOCOL_LINUX);
	assert_int_equal(desc.kernel_size, 1);
	assert_int_equal(desc.ramdisk_size, 2);
	assert_int_equal(desc.dtb_size, 3);
	assert_string_equal(desc.args, "a=b c");
	assert_int_equal(desc.nr_devices, 2);
	assert_ptr_equal(desc.devices[0], &test_terminal);
	assert_ptr_equal(desc.devices[1], &test_clock);
}

static void test_least_description_has_defaults(void **state)
{
	assert_accepted();
	assert_string_equal(desc.name, "vm-test");
	assert_int_equal(desc.nr_vcpus, 1);
	assert_null(desc.ramdisk);
	assert_null(desc.dtb);
	assert_int_equal(desc.nr_devices, 0);
	assert_false(desc.has_mailbox);
	assert_int_equal(desc.load_address.ipa, 0x40200000);
}

static void test_memory_may_be_as_large_as_addresses_are(void **state)
{
	set_memory(0x40000000, GIB(256));
	assert_accepted();
	assert_int_equal(desc.ram_size, GIB(256));
}

static void test_impossible_memory_is_refused(void **state)
{
	set_memory(0x40000000, 0);
	assert_refused("memory", "empty");
	set_memory(0x40000000, 4095);
	assert_refused("memory", "4 KiB");
	set_memory(0x3ffff000, MIB(1));
	assert_refused("memory", "0x3ffff000");
	set_memory(0x40000000, UINT64_C(0xfffffffffffff000));
	assert_refused("memory", "512 GiB");
	set_memory(UINT64_C(0xfffffffffffff000), MIB(1));
	assert_refused("memory", "512 GiB");
	set(&memory_node, "reg", "1234", 4);
	assert_refused("reg", "one address and one size");
}

static void test_impossible_vcpus_are_refused(void **state)
{
	set_vcpus(0);
	assert_refused("vcpus", "is 0");
	set_vcpus(CONFIG_MAX_VCPUS + 1);
	assert_refused("vcpus", "CONFIG_MAX_VCPUS");
	set(&vm_node, "vcpus", "12345678", 8);
	assert_refused("vcpus", "one cell");
}

static void test_images_that_are_not_there_are_named(void **state)
{
	set_string("kernel", "vmlinux");
	assert_refused("kernel", "\"vmlinux\"");
	set_string("kernel", "kernel");
	set_string("ramdisk", "root");
	assert_refused("ramdisk", "\"root\"");
	set_string("ramdisk", "empty");
	assert_refused("ramdisk", "empty");
	set(&vm_node, "kernel", "kernel", 6);
	assert_refused("kernel", "is not a string");
}

static void test_protocol_must_be_known(void **state)
{
	set_string("protocol", "multiboot");
	assert_refused("protocol", "\"multiboot\"");
	fdt_delprop(blob, vm_node, "protocol");
	assert_refused("protocol", "missing");
}

static void test_properties_of_another_protocol_are_refused(void **state)
{
	set_string("protocol", "elf");
	set_string("ramdisk", "ramdisk");
	assert_refused("ramdisk", "\"linux\"");
	fdt_delprop(blob, vm_node, "ramdisk");
	set_address("load-address", 0x40400000);
	assert_refused("load-address", "\"raw\"");
	set_string("protocol", "raw");
	assert_accepted();
	assert_int_equal(desc.load_address.ipa, 0x40400000);
	set_address("load-address", 0x40400800);
	assert_refused("load-address", "4 KiB");
}

static void test_devices_must_exist_and_stand_once(void **state)
{
	set_string("devices", "teapot");
	assert_refused("devices", "\"teapot\"");
	set(&vm_node, "devices", "clock\0clock", 12);
	assert_refused("devices", "\"clock\" twice");
	set(&vm_node, "devices", "clock", 5);
	assert_refused("devices", "list of strings");
	set_string("devices", "");
	assert_accepted();
	assert_int_equal(desc.nr_devices, 0);
}

static void test_bootargs_must_fit_where_they_go(void **state)
{
	char args[VM_ARGS_LEN + 1];

	memset(args, 'x', sizeof(args));
	args[VM_ARGS_LEN - 1] = '\0';
	set_string("bootargs", args);
	assert_accepted();
	set_address("mailbox", 0x40100000);
	assert_refused("bootargs", "mailbox");
	args[255] = '\0';
	set_string("bootargs", args);
	assert_accepted();
	fdt_delprop(blob, vm_node, "mailbox");
	memset(args, 'x', VM_ARGS_LEN);
	args[VM_ARGS_LEN] = '\0';
	set_string("bootargs", args);
	assert_refused("bootargs", "1023");
}

static void test_mailbox_must_be_a_page_of_the_memory(void **state)
{
	set_address("mailbox", 0x40000000 + MIB(64) - PAGE_SIZE);
	assert_accepted();
	assert_true(desc.has_mailbox);
	set_address("mailbox", 0x40000000 + MIB(64));
	assert_refused("mailbox", "0x44000000");
	set_address("mailbox", 0x40000010);
	assert_refused("mailbox", "page");
	set_address("mailbox", 0);
	assert_refused("mailbox", "page");
}

static void test_mistyped_property_is_refused(void **state)
{
	set_string("bootarg", "x");
	assert_refused("bootarg", "not a property");
}

static void test_names_must_fit(void **state)
{
	set_string("vm-name", "a234567890123456789012345678901");
	assert_accepted();
	set_string("vm-name", "a2345678901234567890123456789012");
	assert_refused("vm-name", "31");
	set_string("vm-name", "");
	assert_refused("vm-name", "empty");
}

static void test_other_trees_are_no_manifest(void **state)
{
	const char *why;

	assert_int_equal(manifest_check(blob, 20, &why), -EINVAL);
	fdt_setprop_string(blob, 0, "compatible", "linux,dummy-virt");
	assert_int_equal(manifest_check(blob, fdt_totalsize(blob), &why), -EINVAL);
	assert_non_null(strstr(why, "schism,manifest-v1"));
}

static void test_random_damage_never_leads_outside(void **state)
{
	static uint8_t good[BLOB_MAX];
	const char *why;

	set_string("devices", "terminal");
	set_string("ramdisk", "ramdisk");
	set_address("mailbox", 0x40100000);
	assert_int_equal(fdt_pack(blob), 0);
	memcpy(good, blob, sizeof(good));
	for (unsigned int i = 0; i < 20000; i++) {
		uint32_t size = fdt_totalsize(good);
		uint8_t *copy = aligned_alloc(8, ALIGN_UP(size, 8));

		memcpy(copy, good, size);
		for (unsigned int n = 1 + random_below(4); n > 0; n--)
			copy[random_below(size)] = (uint8_t)random_u64();
		if (!manifest_check(copy, size, &why)) {
			int node = -1;

			while ((node = manifest_next_vm(copy, node)) >= 0) {
				if (!manifest_read_vm(copy, node, &images, &desc, &err))
					assert_non_null(desc.kernel);
			}
		}
		free(copy);
	}
}

#define TEST(name)	cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_full_description_is_read),
		TEST(test_least_description_has_defaults),
		TEST(test_memory_may_be_as_large_as_addresses_are),
		TEST(test_impossible_memory_is_refused),
		TEST(test_impossible_vcpus_are_refused),
		TEST(test_images_that_are_not_there_are_named),
		TEST(test_protocol_must_be_known),
		TEST(test_properties_of_another_protocol_are_refused),
		TEST(test_devices_must_exist_and_stand_once),
		TEST(test_bootargs_must_fit_where_they_go),
		TEST(test_mailbox_must_be_a_page_of_the_memory),
		TEST(test_mistyped_property_is_refused),
		TEST(test_names_must_fit),
		TEST(test_other_trees_are_no_manifest),
		TEST(test_random_damage_never_leads_outside),
	};

	random_seed("test_manifest");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
