// SPDX-License-Identifier: MIT
/* Manifests, good and bad: one is built with libfdt, and each test spoils it in its own way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/load/manifest.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vdev/vdev.h"
#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define MAX_SIZE	16384

static char blob[MAX_SIZE] __aligned(8);
static struct vm_desc desc;
static struct manifest_windows windows;
static struct manifest_error err;

/* What manifest_check.c asks the machine. */
struct machine machine;

static int no_create(struct vm *vm, const struct vdev_ops *ops)
{
	return 0;
}

VDEV(uart) = { .name = "uart", .create = no_create };
VDEV(rtc) = { .name = "rtc", .create = no_create };
VDEV(always) = { .create = no_create };

/* The package: one image that is good, one that is empty. */
static const char image[] = "an image";

static int find_image(void *ctx, const char *name, const void **data, size_t *size)
{
	assert_ptr_equal(ctx, blob);
	if (strcmp(name, "kernel.elf") && strcmp(name, "other") && strcmp(name, "empty"))
		return -ENOENT;
	*data = image;
	*size = strcmp(name, "empty") ? sizeof(image) : 0;
	return 0;
}

static const struct manifest_images images = { find_image, blob };

/* ---- building ---- */

static void must(int result)
{
	if (result < 0)
		fail_msg("libfdt: %s", fdt_strerror(result));
}

static int node(const char *path)
{
	int offset = fdt_path_offset(blob, path);

	must(offset);
	return offset;
}

static void set(const char *path, const char *name, const void *val, int len)
{
	must(fdt_setprop(blob, node(path), name, val, len));
}

static void set_string(const char *path, const char *name, const char *val)
{
	set(path, name, val, (int)strlen(val) + 1);
}

static void set_u64s(const char *path, const char *name, uint64_t a, uint64_t b, int count)
{
	fdt64_t cells[2] = { cpu_to_fdt64(a), cpu_to_fdt64(b) };

	set(path, name, cells, count * 8);
}

static void set_u32(const char *path, const char *name, uint32_t val)
{
	fdt32_t cell = cpu_to_fdt32(val);

	set(path, name, &cell, 4);
}

static void remove_prop(const char *path, const char *name)
{
	must(fdt_delprop(blob, node(path), name));
}

static void add_node(const char *parent, const char *name)
{
	must(fdt_add_subnode(blob, node(parent), name));
}

static void add_vm(const char *name)
{
	char path[64], memory[96];

	snprintf(path, sizeof(path), "/%s", name);
	snprintf(memory, sizeof(memory), "/%s/memory@40000000", name);
	add_node("/", name);
	set_string(path, "compatible", "schism,vm");
	set_string(path, "vm-name", name + 3);
	set_u32(path, "vcpus", 1);
	set_string(path, "protocol", "elf");
	set_string(path, "kernel", "kernel.elf");
	add_node(path, "memory@40000000");
	set_u64s(memory, "reg", GUEST_RAM_IPA, MIB(8), 2);
}

static int setup(void **state)
{
	must(fdt_create_empty_tree(blob, sizeof(blob)));
	set_string("/", "compatible", "schism,manifest-v1");
	set_u32("/", "#address-cells", 2);
	set_u32("/", "#size-cells", 2);
	add_vm("vm-a");
	windows.nr = 0;
	return 0;
}

static int read_vm(const char *path)
{
	return manifest_read_vm(blob, node(path), &images, &windows, &desc, &err);
}

static void assert_refused(const char *property, const char *what)
{
	int result = read_vm("/vm-a");

	if (result != -EINVAL || strcmp(err.node, "vm-a") || strcmp(err.property, property) ||
	    !strstr(err.what, what))
		fail_msg("%d, node %s: %s %s; expected: %s %s", result, err.node, err.property, err.what,
			 property, what);
}

/* ---- tests ---- */

static void test_a_plain_manifest_describes_its_vm(void **state)
{
	const char *why;

	assert_int_equal(manifest_check(blob, sizeof(blob), &why), 0);
	assert_int_equal(manifest_next_vm(blob, -1), node("/vm-a"));
	assert_true(manifest_next_vm(blob, node("/vm-a")) < 0);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_string_equal(desc.name, "a");
	assert_int_equal(desc.nr_vcpus, 1);
	assert_int_equal(desc.ram_ipa.ipa, GUEST_RAM_IPA);
	assert_int_equal(desc.ram_size, MIB(8));
	assert_int_equal(desc.protocol, VM_PROTOCOL_ELF);
	assert_ptr_equal(desc.kernel, image);
	assert_int_equal(desc.kernel_size, sizeof(image));
	assert_string_equal(desc.args, "");
	assert_false(desc.has_mailbox);
	assert_int_equal(desc.nr_devices, 0);
	assert_null(desc.ramdisk);
	assert_null(desc.dtb);
}

static void test_every_property_arrives(void **state)
{
	set_u32("/vm-a", "vcpus", CONFIG_MAX_VCPUS);
	set_string("/vm-a", "bootargs", "rounds=3 quiet");
	set_u64s("/vm-a", "mailbox", GUEST_MAILBOX_IPA, 0, 1);
	set("/vm-a", "devices", "rtc\0uart", 9);
	set_string("/vm-a", "protocol", "linux");
	set_string("/vm-a", "ramdisk", "other");
	set_string("/vm-a", "dtb", "other");
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.nr_vcpus, CONFIG_MAX_VCPUS);
	assert_string_equal(desc.args, "rounds=3 quiet");
	assert_true(desc.has_mailbox);
	assert_int_equal(desc.mailbox.ipa, GUEST_MAILBOX_IPA);
	assert_int_equal(desc.nr_devices, 2);
	assert_ptr_equal(desc.devices[0], &rtc);
	assert_ptr_equal(desc.devices[1], &uart);
	assert_int_equal(desc.protocol, VM_PROTOCOL_LINUX);
	assert_ptr_equal(desc.ramdisk, image);
	assert_ptr_equal(desc.dtb, image);

	setup(state);
	set_string("/vm-a", "protocol", "raw");
	set_u64s("/vm-a", "load-address", GUEST_RAM_IPA + MIB(1), 0, 1);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.protocol, VM_PROTOCOL_RAW);
	assert_int_equal(desc.load_address.ipa, GUEST_RAM_IPA + MIB(1));
	set_u32("/vm-a", "load-address", 0);
	assert_refused("load-address", "is not one number of two cells");
}

static void test_raw_kernels_lie_at_any_multiple_of_4(void **state)
{
	set_string("/vm-a", "protocol", "raw");
	set_u64s("/vm-a", "load-address", GUEST_RAM_IPA + 0x80404, 0, 1);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.load_address.ipa, GUEST_RAM_IPA + 0x80404);
	set_u64s("/vm-a", "load-address", GUEST_RAM_IPA + MIB(8) - 4, 0, 1);
	assert_int_equal(read_vm("/vm-a"), 0);
	set_u64s("/vm-a", "load-address", GUEST_RAM_IPA + 0x80402, 0, 1);
	assert_refused("load-address", "is not a multiple of 4");
	set_u64s("/vm-a", "load-address", GUEST_RAM_IPA + MIB(8), 0, 1);
	assert_refused("load-address", "is not in the VM's memory");
}

static void test_ramdisk_and_place_of_the_tree_are_for_all_but_sel4(void **state)
{
	static const char *const protocols[] = { "elf", "linux", "raw" };

	set_string("/vm-a", "ramdisk", "other");
	set_u64s("/vm-a", "dtb-address", GUEST_RAM_IPA + MIB(1) + 8, 0, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(protocols); i++) {
		set_string("/vm-a", "protocol", protocols[i]);
		assert_int_equal(read_vm("/vm-a"), 0);
		assert_ptr_equal(desc.ramdisk, image);
		assert_true(desc.has_dtb_address);
		assert_int_equal(desc.dtb_address.ipa, GUEST_RAM_IPA + MIB(1) + 8);
	}
	set_string("/vm-a", "protocol", "sel4");
	assert_refused("ramdisk", "is for protocol \"elf\" or \"linux\" or \"raw\" only");
	remove_prop("/vm-a", "ramdisk");
	assert_refused("dtb-address", "is for protocol \"elf\" or \"linux\" or \"raw\" only");
}

static void add_image(const char *name, uint64_t at, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/vm-a/%s", name);
	add_node("/vm-a", name);
	set_u64s(path, "load-address", at, 0, 1);
	set_string(path, "file", file);
}

static void test_images_lie_beside_the_kernel(void **state)
{
	add_image("image@1", GUEST_RAM_IPA + MIB(3) + 4, "other");
	add_image("image@2", GUEST_RAM_IPA + MIB(2), "kernel.elf");
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.nr_images, 2);
	/* libfdt puts a new node before the others. */
	assert_int_equal(desc.images[0].at.ipa, GUEST_RAM_IPA + MIB(2));
	assert_string_equal(desc.images[0].name, "image@40200000");
	assert_int_equal(desc.images[1].at.ipa, GUEST_RAM_IPA + MIB(3) + 4);
	assert_ptr_equal(desc.images[1].data, image);
	assert_int_equal(desc.images[1].size, sizeof(image));
}

static void test_images_that_cannot_be_are_refused(void **state)
{
	add_image("image@1", GUEST_RAM_IPA + 2, "other");
	assert_refused("load-address", "is not a multiple of 4");
	set_u64s("/vm-a/image@1", "load-address", GUEST_RAM_IPA, 0, 2);
	assert_refused("load-address", "is not one number of two cells");
	remove_prop("/vm-a/image@1", "load-address");
	assert_refused("load-address", "is missing in an image node");
	set_u64s("/vm-a/image@1", "load-address", GUEST_RAM_IPA, 0, 1);
	set_string("/vm-a/image@1", "file", "none");
	assert_refused("file", "names \"none\", which the package does not have");
	set_string("/vm-a/image@1", "file", "empty");
	assert_refused("file", "is empty");
	remove_prop("/vm-a/image@1", "file");
	assert_refused("file", "is missing in an image node");
	set_string("/vm-a/image@1", "file", "other");
	set_string("/vm-a/image@1", "kernel", "other");
	assert_refused("kernel", "is not a property of an image");
	remove_prop("/vm-a/image@1", "kernel");
	set_string("/vm-a", "protocol", "sel4");
	assert_refused("image", "is for protocol \"elf\" or \"linux\" or \"raw\" only");
	set_string("/vm-a", "protocol", "linux");
	for (unsigned int i = 0; i < VM_MAX_IMAGES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "image@a%u", i);
		add_image(name, GUEST_RAM_IPA, "other");
	}
	assert_refused("image", "has more than 4 nodes");
}

static void test_all_vms_are_found_in_their_order(void **state)
{
	static const char *const names[] = { "vm-a", "vm-b", "vm-c" };
	int at = -1;

	/* Subnodes are added at the front. */
	setup(state);
	must(fdt_del_node(blob, node("/vm-a")));
	for (unsigned int i = 3; i-- > 0;)
		add_vm(names[i]);
	add_node("/", "window");
	set_string("/window", "compatible", "schism,shared-memory");
	assert_int_equal(manifest_next_window(blob, -1), node("/window"));
	assert_true(manifest_next_window(blob, node("/window")) < 0);
	for (unsigned int i = 0; i < 3; i++) {
		at = manifest_next_vm(blob, at);
		assert_true(at >= 0);
		assert_string_equal(fdt_get_name(blob, at, NULL), names[i]);
	}
	assert_true(manifest_next_vm(blob, at) < 0);
}

static void test_what_is_no_manifest_is_refused_as_a_whole(void **state)
{
	const char *why = NULL;
	static const char zeros[64] __aligned(8);

	assert_int_equal(manifest_check(zeros, sizeof(zeros), &why), -EINVAL);
	assert_non_null(why);
	assert_int_equal(manifest_check(blob, 0, &why), -EINVAL);
	assert_int_equal(manifest_check(blob, 20, &why), -EINVAL);
	/* libfdt takes the names of such trees for paths, and its check fails over one that is none. */
	fdt_set_version(blob, 3);
	fdt_set_last_comp_version(blob, 1);
	assert_int_equal(manifest_check(blob, sizeof(blob), &why), -EINVAL);
	setup(state);
	must(fdt_pack(blob));
	assert_int_equal(manifest_check(blob, fdt_totalsize(blob) - 1, &why), -EINVAL);
	assert_int_equal(manifest_check(blob, fdt_totalsize(blob), &why), 0);
	setup(state);
	set_string("/", "compatible", "linux,dummy-virt");
	assert_int_equal(manifest_check(blob, sizeof(blob), &why), -EINVAL);
	assert_non_null(strstr(why, "schism,manifest-v1"));
}

static void test_each_mistake_is_named_by_property_and_in_words(void **state)
{
	static const struct {
		const char *name;
		const void *val;
		int len;		/* -1: without the property */
		const char *property, *what;
	} rows[] = {
		{ "vm-name", NULL, -1, "vm-name", "is missing" },
		{ "vm-name", "", 1, "vm-name", "is not 1 to 31 letters" },
		{ "vm-name", "0123456789012345678901234567890x", 33, "vm-name", "is not 1 to 31 letters" },
		{ "vm-name", "a b", 4, "vm-name", "is not 1 to 31 letters" },
		{ "vm-name", "a\033[2J", 6, "vm-name", "is not 1 to 31 letters" },
		{ "vm-name", "name", 4, "vm-name", "is not a string" },
		{ "vm-name", "", 0, "vm-name", "is not a string" },
		{ "vm-name", "a\0b", 4, "vm-name", "is not a string" },
		{ "vcpus", NULL, -1, "vcpus", "is missing" },
		{ "vcpus", "\0\0\0\0", 4, "vcpus", "is 0" },
		{ "vcpus", "\0\0\1\0", 4, "vcpus", "is 256" },
		{ "vcpus", "\0\0\0\1\0\0\0\1", 8, "vcpus", "is not one cell" },
		{ "vcpus", "", 0, "vcpus", "is not one cell" },
		{ "protocol", NULL, -1, "protocol", "is missing" },
		{ "protocol", "efi", 4, "protocol", "is \"efi\"" },
		{ "protocol", "elf", 3, "protocol", "is not a string" },
		{ "protocol", "elf\0raw", 8, "protocol", "is not a string" },
		{ "kernel", NULL, -1, "kernel", "is missing" },
		{ "kernel", "none", 5, "kernel", "names \"none\", which the package does not have" },
		{ "kernel", "manifest.dtb", 13, "kernel", "names \"manifest.dtb\", which cannot be a file" },
		{ "kernel", "", 1, "kernel", "names \"\", which cannot be a file" },
		{ "kernel", "a/b", 4, "kernel", "names \"a/b\", which cannot be a file" },
		{ "kernel", "empty", 6, "kernel", "is empty" },
		{ "kernel", "kernel.elf\0other", 17, "kernel", "is not a string" },
		{ "ramdisk", "none", 5, "ramdisk", "does not have" },
		{ "dtb", "none", 5, "dtb", "does not have" },
		{ "dtb-address", "\0\0\0\0\x40\x10\0\4", 8, "dtb-address", "is not a multiple of 8" },
		{ "dtb-address", "\0\0\0\0\x40\x80\0\0", 8, "dtb-address", "is not in the VM's memory" },
		{ "load-address", "\0\0\0\0\x40\x10\0\0", 8, "load-address", "is for protocol \"raw\" only" },
		{ "mailbox", "\0\0\0\0", 4, "mailbox", "is not one number of two cells" },
		{ "mailbox", "\0\0\0\0\x40\x10\0\x80", 8, "mailbox", "is not a page inside" },
		{ "mailbox", "\0\0\0\0\x3f\xff\xf0\0", 8, "mailbox", "is not a page inside" },
		{ "mailbox", "\0\0\0\0\x40\x80\0\0", 8, "mailbox", "is not a page inside" },
		{ "mailbox", "\xff\xff\xff\xff\xff\xff\xf0\0", 8, "mailbox", "is not a page inside" },
		{ "bootargs", "x", 1, "bootargs", "is not a string" },
		{ "devices", "uart", 4, "devices", "is not a list of strings" },
		{ "devices", "", 0, "devices", "is not a list of strings" },
		{ "devices", "gpu", 4, "devices", "lists \"gpu\", which does not exist" },
		{ "devices", "watchdog", 9, "devices",
		  "lists \"watchdog\", which this build lacks: CONFIG_VDEV_WATCHDOG is off" },
		{ "devices", "uart\0gpu", 9, "devices", "lists \"gpu\"" },
		{ "devices", "uart\0uart", 10, "devices", "lists \"uart\" twice" },
		{ "vcpu", "\0\0\0\1", 4, "vcpu", "is not a property of a VM" },
		{ "compatible", "schism,vn", 10, "compatible", "is neither" },
		{ "entry", "\0\0\0\0\x40\x10\0\2", 8, "entry", "is not a multiple of 4" },
		{ "entry", "\0\0\0\0\x40\x80\0\0", 8, "entry", "at 0x40800000 is not in the VM's memory" },
		{ "dtb-overlay", "none", 5, "dtb-overlay", "does not have" },
		{ "cpus", "", 0, "cpus", "is not a list of cells" },
		{ "cpus", "\0\0\0", 3, "cpus", "is not a list of cells" },
		{ "cpus", "\0\0\0\x40", 4, "cpus", "lists 64" },
		{ "cpus", "\0\0\0\1\0\0\0\1", 8, "cpus", "lists 1 twice" },
		{ "pinned", "", 0, "pinned", "needs cpus" },
		{ "pinned", "\0\0\0\1", 4, "pinned", "is a flag" },
		{ "time-slice-us", "\0\0\0\x63", 4, "time-slice-us", "is 99: it must be 100 to 1000000" },
		{ "time-slice-us", "\0\x0f\x42\x41", 4, "time-slice-us", "is 1000001" },
		{ "autostart", "\0\0\0\2", 4, "autostart", "is 2: it must be 0 to 1" },
		{ "autostart", "", 0, "autostart", "is not one cell" },
		{ "on-crash", "explode", 8, "on-crash",
		  "is \"explode\", none of \"stop\", \"restart\", \"poweroff\"" },
		{ "on-shutdown", "", 1, "on-shutdown", "is \"\"" },
		{ "restart-limit", "\0\0\0\0", 4, "restart-limit", "is 0: it must be 1 to 1000" },
		{ "restart-backoff-ms", "\0\1\0\0", 4, "restart-backoff-ms",
		  "is 65536: it must be 0 to 60000" },
		{ "memory-limit", "\0\0\0\0\0\x7f\xf0\0", 8, "memory-limit", "is 0x7ff000" },
		{ "memory-limit", "\0\0\0\0", 4, "memory-limit", "is not one number" },
		{ "passthrough", "uart", 5, "passthrough", "lists \"uart\", which is no path" },
		{ "passthrough", "/", 2, "passthrough", "which is no path" },
		{ "passthrough", "/a\0/a", 6, "passthrough", "lists \"/a\" twice" },
		{ "passthrough", "/a\0/b\0/c\0/d\0/e", 15, "passthrough", "lists more than 4" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		if (rows[i].len < 0)
			remove_prop("/vm-a", rows[i].name);
		else
			set("/vm-a", rows[i].name, rows[i].val, rows[i].len);
		assert_refused(rows[i].property, rows[i].what);
	}
}

static void test_memory_is_whole_pages_above_the_devices(void **state)
{
	static const struct {
		uint64_t base, size;
		const char *what;	/* NULL: good */
	} rows[] = {
		{ GUEST_RAM_IPA, PAGE_SIZE, NULL },
		{ GUEST_RAM_IPA + PAGE_SIZE, MIB(1), NULL },
		{ GIB(100), GIB(100), NULL },
		{ GUEST_RAM_IPA, 0, "is empty" },
		{ GUEST_RAM_IPA, 0x1800, "multiple of 4 KiB" },
		{ GUEST_RAM_IPA + 0x800, MIB(1), "multiple of 4 KiB" },
		{ GUEST_RAM_IPA - PAGE_SIZE, MIB(1), "lies outside" },
		{ 0, GIB(2), "lies outside" },
		{ GUEST_RAM_IPA, GIB(511), NULL },
		{ GUEST_RAM_IPA, GIB(511) + PAGE_SIZE, "lies outside" },
		{ GUEST_RAM_IPA, GIB(513), "lies outside" },
		{ GIB(513), MIB(1), "lies outside" },
		{ ~PAGE_MASK, PAGE_SIZE * 2, "lies outside" },
		{ GUEST_RAM_IPA, ~PAGE_MASK, "lies outside" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		set_u64s("/vm-a/memory@40000000", "reg", rows[i].base, rows[i].size, 2);
		if (rows[i].what) {
			assert_refused("memory", rows[i].what);
			continue;
		}
		assert_int_equal(read_vm("/vm-a"), 0);
		assert_int_equal(desc.ram_ipa.ipa, rows[i].base);
		assert_int_equal(desc.ram_size, rows[i].size);
	}
	setup(state);
	remove_prop("/vm-a/memory@40000000", "reg");
	assert_refused("memory", "has no reg");
	setup(state);
	set_u64s("/vm-a/memory@40000000", "reg", GUEST_RAM_IPA, 0, 1);
	assert_refused("reg", "is not one address and one size");
	setup(state);
	must(fdt_del_node(blob, node("/vm-a/memory@40000000")));
	assert_refused("memory", "is missing");
}

static void add_memory(const char *name, uint64_t base, uint64_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/vm-a/%s", name);
	add_node("/vm-a", name);
	set_u64s(path, "reg", base, size, 2);
}

static void test_memory_regions_ascend_and_the_limit_is_at_least_their_sum(void **state)
{
	add_memory("memory@80000000", GIB(2), MIB(8));
	add_memory("memory@60000000", 0x60000000, MIB(4));
	set_u64s("/vm-a/memory@80000000", "phys", GIB(4), 0, 1);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.nr_regions, 3);
	assert_int_equal(desc.regions[0].ipa.ipa, GUEST_RAM_IPA);
	assert_int_equal(desc.regions[1].ipa.ipa, 0x60000000);
	assert_int_equal(desc.regions[1].size, MIB(4));
	assert_false(desc.regions[1].fixed);
	assert_int_equal(desc.regions[2].ipa.ipa, GIB(2));
	assert_true(desc.regions[2].fixed);
	assert_int_equal(desc.regions[2].pa.pa, GIB(4));
	assert_int_equal(desc.ram_ipa.ipa, GUEST_RAM_IPA);
	assert_int_equal(desc.memory_limit, MIB(20));
	set_u64s("/vm-a", "memory-limit", MIB(64), 0, 1);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.memory_limit, MIB(64));
	set_u64s("/vm-a", "memory-limit", MIB(20) - PAGE_SIZE, 0, 1);
	assert_refused("memory-limit", "is 0x13ff000");
}

static void test_memory_regions_that_cannot_be_are_refused(void **state)
{
	add_memory("memory@40700000", GUEST_RAM_IPA + MIB(8) - PAGE_SIZE, MIB(1));
	assert_refused("memory", "overlaps the memory at 0x40");
	setup(state);
	for (unsigned int i = 0; i < VM_MAX_REGIONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "memory@%u", i);
		add_memory(name, GIB(2 + i), MIB(1));
	}
	assert_refused("memory", "has more than 4 regions");
	setup(state);
	set_u64s("/vm-a/memory@40000000", "phys", 0x50000800, 0, 1);
	assert_refused("phys", "is 0x50000800: it must be a multiple of 4 KiB");
	set_u64s("/vm-a/memory@40000000", "phys", ~PAGE_MASK, 0, 1);
	assert_refused("phys", "below 2^48");
	set_u64s("/vm-a/memory@40000000", "phys", 0x50000000, 0, 1);
	add_memory("memory@80000000", GIB(2), MIB(8));
	set_u64s("/vm-a/memory@80000000", "phys", 0x507ff000, 0, 1);
	assert_refused("phys", "overlaps the one at 0x50");
	setup(state);
	set_u32("/vm-a/memory@40000000", "fixed", 1);
	assert_refused("fixed", "is not a property of memory");
	setup(state);
	add_node("/vm-a/memory@40000000", "part");
	assert_refused("memory@40000000", "has a child node");
	setup(state);
	add_node("/vm-a", "memorandum");
	assert_refused("memorandum", "is neither a memory nor a shared nor an image node");
}

static void add_window(const char *name, uint64_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/%s", name);
	add_node("/", name);
	set_string(path, "compatible", "schism,shared-memory");
	set_string(path, "window-name", name);
	set_u64s(path, "size", size, 0, 1);
}

static int read_window(const char *path)
{
	return manifest_read_window(blob, node(path), &windows, &err);
}

static void add_share(const char *vm, uint64_t at, uint64_t size, const char *window)
{
	char path[64];

	add_node(vm, "shared@0");
	snprintf(path, sizeof(path), "%s/shared@0", vm);
	set_u64s(path, "reg", at, size, 2);
	set_string(path, "window", window);
}

static void test_shared_windows_are_found_by_name(void **state)
{
	add_window("ring", MIB(1));
	add_window("frames", MIB(64));
	assert_int_equal(read_window("/ring"), 0);
	assert_int_equal(read_window("/frames"), 0);
	assert_int_equal(windows.nr, 2);
	assert_string_equal(windows.window[1].name, "frames");
	assert_int_equal(windows.window[1].size, MIB(64));
	add_share("/vm-a", GIB(1) - MIB(64), MIB(64), "frames");
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.nr_shares, 1);
	assert_int_equal(desc.shares[0].window, 1);
	assert_int_equal(desc.shares[0].ipa.ipa, GIB(1) - MIB(64));
	assert_false(desc.shares[0].read_only);
	set("/vm-a/shared@0", "read-only", "", 0);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_true(desc.shares[0].read_only);
	set_u32("/vm-a/shared@0", "read-only", 0);
	assert_refused("read-only", "is a flag");
}

static void test_shared_windows_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint64_t at, size;
		const char *window, *property, *what;
	} rows[] = {
		{ GIB(2), MIB(1), "rung", "window", "names \"rung\", which is no shared window" },
		{ GIB(2), MIB(2), "ring", "shared",
		  "has 0x200000 bytes, and the window \"ring\" has 0x100000" },
		{ GUEST_UART_IPA, MIB(1), "ring", "shared", "lies outside 0x10000000 to 512 GiB" },
		{ GUEST_RAM_IPA + MIB(7), MIB(1), "ring", "shared", "overlaps the memory at 0x40000000" },
		{ GIB(2) + 1, MIB(1), "ring", "shared", "multiple of 4 KiB" },
	};

	add_window("ring", MIB(1));
	assert_int_equal(read_window("/ring"), 0);
	assert_int_equal(read_window("/ring"), -EINVAL);
	assert_string_equal(err.what, "is \"ring\", as of another window");
	assert_int_equal(err.code, BOOT_E_BAD_WINDOW);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		windows.nr = 1;
		add_share("/vm-a", rows[i].at, rows[i].size, rows[i].window);
		assert_refused(rows[i].property, rows[i].what);
	}
	setup(state);
	windows.nr = 1;
	add_node("/vm-a", "shared@1");
	set_u64s("/vm-a/shared@1", "reg", GIB(3), MIB(1), 2);
	set_string("/vm-a/shared@1", "window", "ring");
	add_share("/vm-a", GIB(2), MIB(1), "ring");
	assert_refused("window", "names \"ring\" twice");
	setup(state);
	add_window("big", MIB(64) + PAGE_SIZE);
	assert_int_equal(read_window("/big"), -EINVAL);
	assert_string_equal(err.property, "size");
	set_string("/big", "window-name", "a/b");
	assert_int_equal(read_window("/big"), -EINVAL);
	assert_string_equal(err.property, "window-name");
}

static void test_cpus_are_for_all_vcpus_or_pinned_one_each(void **state)
{
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.cpu_mask[0], UINT64_MAX);
	set_u32("/vm-a", "vcpus", 2);
	set("/vm-a", "cpus", "\0\0\0\3\0\0\0\1", 8);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.cpu_mask[0], 0xa);
	assert_int_equal(desc.cpu_mask[1], 0xa);
	set("/vm-a", "pinned", "", 0);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.cpu_mask[0], 0x8);
	assert_int_equal(desc.cpu_mask[1], 0x2);
	set_u32("/vm-a", "vcpus", 3);
	assert_refused("cpus", "lists 2 CPUs for 3 pinned vCPUs");
}

static void test_policy_has_defaults_and_can_be_chosen(void **state)
{
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_true(desc.autostart);
	assert_int_equal(desc.on_crash, VM_ACTION_STOP);
	assert_int_equal(desc.on_shutdown, VM_ACTION_STOP);
	assert_int_equal(desc.restart_limit, 5);
	assert_int_equal(desc.restart_backoff_ms, 100);
	assert_int_equal(desc.slice_us, 0);
	assert_false(desc.has_entry);
	set_u32("/vm-a", "autostart", 0);
	set_string("/vm-a", "on-crash", "restart");
	set_string("/vm-a", "on-shutdown", "poweroff");
	set_u32("/vm-a", "restart-limit", 1000);
	set_u32("/vm-a", "restart-backoff-ms", 0);
	set_u32("/vm-a", "time-slice-us", 100);
	set_u64s("/vm-a", "entry", GUEST_IMAGE_IPA, 0, 1);
	set_string("/vm-a", "dtb-overlay", "other");
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_false(desc.autostart);
	assert_int_equal(desc.on_crash, VM_ACTION_RESTART);
	assert_int_equal(desc.on_shutdown, VM_ACTION_POWEROFF);
	assert_int_equal(desc.restart_limit, 1000);
	assert_int_equal(desc.restart_backoff_ms, 0);
	assert_int_equal(desc.slice_us, 100);
	assert_true(desc.has_entry);
	assert_int_equal(desc.entry, GUEST_IMAGE_IPA);
	assert_ptr_equal(desc.overlay, image);
	set_string("/vm-a", "dtb", "other");
	assert_refused("dtb-overlay", "is for the generated device tree");
	setup(state);
	set_string("/vm-a", "protocol", "sel4");
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.protocol, VM_PROTOCOL_SEL4);
	set_string("/vm-a", "dtb", "other");
	assert_refused("dtb", "is for protocol \"elf\" or \"linux\" or \"raw\" only");
}

/* vm-b is read after vm-a, and said to claim what vm-a has; or NULL: not. */
static void assert_conflict(const char *property, const char *what)
{
	static struct vm_desc a;

	assert_int_equal(read_vm("/vm-a"), 0);
	a = desc;
	assert_int_equal(read_vm("/vm-b"), 0);
	if (!property) {
		assert_int_equal(manifest_check_pair(&desc, &a, &err), 0);
		return;
	}
	assert_int_equal(manifest_check_pair(&desc, &a, &err), -EINVAL);
	assert_int_equal(err.code, BOOT_E_VM_CONFLICT);
	assert_string_equal(err.property, property);
	assert_non_null(strstr(err.what, what));
}

static void test_two_vms_cannot_have_the_same(void **state)
{
	add_vm("vm-b");
	set("/vm-a", "passthrough", "/a\0/b", 6);
	set_u64s("/vm-a/memory@40000000", "phys", 0x50000000, 0, 1);
	assert_conflict(NULL, NULL);
	set_u64s("/vm-b/memory@40000000", "phys", 0x507ff000, 0, 1);
	assert_conflict("phys", "at 0x507ff000 overlaps the one at 0x50000000 of VM \"a\"");
	set_u64s("/vm-b/memory@40000000", "phys", 0x50800000, 0, 1);
	assert_conflict(NULL, NULL);
	set_string("/vm-b", "passthrough", "/b");
	assert_conflict("passthrough", "lists \"/b\", as does VM \"a\"");
	set_string("/vm-b", "vm-name", "a");
	assert_conflict("vm-name", "is that of another VM \"a\"");
}

static void test_arguments_fit_where_they_go(void **state)
{
	char args[VM_ARGS_LEN + 1];

	memset(args, 'x', sizeof(args));
	args[VM_ARGS_LEN] = '\0';
	set_string("/vm-a", "bootargs", args);
	assert_refused("bootargs", "is longer than 1023 characters");
	args[VM_ARGS_LEN - 1] = '\0';
	set_string("/vm-a", "bootargs", args);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_string_equal(desc.args, args);
	set_u64s("/vm-a", "mailbox", GUEST_MAILBOX_IPA, 0, 1);
	assert_refused("bootargs", "is longer than 255 characters, which the mailbox has room for");
	args[GUEST_MAILBOX_ARGS_LEN - 1] = '\0';
	set_string("/vm-a", "bootargs", args);
	assert_int_equal(read_vm("/vm-a"), 0);
}

static void test_an_empty_device_stands_for_none(void **state)
{
	set("/vm-a", "devices", "", 1);
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_int_equal(desc.nr_devices, 0);
}

static void test_what_is_refused_is_said_in_printable_characters(void **state)
{
	set("/vm-a", "protocol", "a\033[2J\xff", 7);
	assert_refused("protocol", "is \"a?[2J?\", none of");
	remove_prop("/vm-a", "protocol");
	set_u32("/vm-a", "a\tb", 1);
	assert_refused("a?b", "is not a property of a VM");
	setup(state);
	set_u32("/vm-a", "", 1);
	assert_refused("?", "is not a property of a VM");
}

static void test_one_refused_vm_does_not_hide_the_next(void **state)
{
	add_vm("vm-b");
	remove_prop("/vm-b", "kernel");
	assert_int_equal(read_vm("/vm-b"), -EINVAL);
	assert_string_equal(err.node, "vm-b");
	assert_int_equal(read_vm("/vm-a"), 0);
	assert_string_equal(err.what, "");
}

static void use(const char *manifest, size_t size)
{
	const char *why;

	if (manifest_check(manifest, size, &why))
		return;
	for (int at = manifest_next_vm(manifest, -1); at >= 0; at = manifest_next_vm(manifest, at)) {
		int result = manifest_read_vm(manifest, at, &images, &windows, &desc, &err);

		assert_true(result == 0 || result == -EINVAL);
		assert_true(memchr(err.node, 0, sizeof(err.node)) && memchr(err.what, 0, sizeof(err.what)) &&
			    memchr(err.property, 0, sizeof(err.property)));
		if (result == 0) {
			assert_true(memchr(desc.name, 0, sizeof(desc.name)) && desc.name[0]);
			assert_true(memchr(desc.args, 0, sizeof(desc.args)) != NULL);
			assert_true(desc.nr_vcpus >= 1 && desc.nr_vcpus <= CONFIG_MAX_VCPUS);
			assert_true(desc.nr_devices <= VM_MAX_DEVICES);
			assert_true(IS_ALIGNED(desc.ram_ipa.ipa | desc.ram_size, PAGE_SIZE));
		} else {
			assert_true(err.what[0]);
		}
	}
}

static void test_damaged_manifests_are_read_or_refused(void **state)
{
	size_t size;
	char *copy;

	set_string("/vm-a", "bootargs", "rounds=3");
	set_u64s("/vm-a", "mailbox", GUEST_MAILBOX_IPA, 0, 1);
	set("/vm-a", "devices", "rtc\0uart", 9);
	add_vm("vm-b");
	set_string("/vm-b", "protocol", "linux");
	set_string("/vm-b", "ramdisk", "other");
	must(fdt_pack(blob));
	size = fdt_totalsize(blob);
	/* Memory of its own, so that one byte too far is seen. */
	copy = malloc(size);
	for (unsigned int i = 0; i < 20000; i++) {
		memcpy(copy, blob, size);
		for (unsigned int n = 1 + random_below(3); n > 0; n--)
			copy[random_below((unsigned int)size)] ^= (char)(1 + random_below(255));
		use(copy, size);
	}
	free(copy);
	for (size_t cut = 0; cut < size; cut++) {
		copy = malloc(cut + 1);
		memcpy(copy, blob, cut);
		use(copy, cut);
		free(copy);
	}
}

/* A length that leads back to the property itself: libfdt would go round for ever. */
static void test_a_property_that_leads_back_to_itself_is_refused(void **state)
{
	char name[] = "loop";
	const char *why = NULL;
	uint32_t *cell;

	set_string("/vm-a", "bootargs", name);
	must(fdt_pack(blob));
	/* The value is four characters and a NUL, behind length and name. */
	for (cell = (uint32_t *)blob; memcmp(cell, name, sizeof(name)); cell++)
		;
	cell[-2] = cpu_to_fdt32((uint32_t)-12);
	alarm(20);
	assert_int_equal(manifest_check(blob, fdt_totalsize(blob), &why), -EINVAL);
	alarm(0);
	assert_non_null(why);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_a_plain_manifest_describes_its_vm),
		T(test_every_property_arrives),
		T(test_raw_kernels_lie_at_any_multiple_of_4),
		T(test_ramdisk_and_place_of_the_tree_are_for_all_but_sel4),
		T(test_images_lie_beside_the_kernel),
		T(test_images_that_cannot_be_are_refused),
		T(test_all_vms_are_found_in_their_order),
		T(test_what_is_no_manifest_is_refused_as_a_whole),
		T(test_each_mistake_is_named_by_property_and_in_words),
		T(test_memory_is_whole_pages_above_the_devices),
		T(test_memory_regions_ascend_and_the_limit_is_at_least_their_sum),
		T(test_memory_regions_that_cannot_be_are_refused),
		T(test_shared_windows_are_found_by_name),
		T(test_shared_windows_that_cannot_be_are_refused),
		T(test_cpus_are_for_all_vcpus_or_pinned_one_each),
		T(test_policy_has_defaults_and_can_be_chosen),
		T(test_two_vms_cannot_have_the_same),
		T(test_arguments_fit_where_they_go),
		T(test_an_empty_device_stands_for_none),
		T(test_what_is_refused_is_said_in_printable_characters),
		T(test_one_refused_vm_does_not_hide_the_next),
		T(test_damaged_manifests_are_read_or_refused),
		T(test_a_property_that_leads_back_to_itself_is_refused),
	};
#undef T

	random_seed("test_manifest");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
