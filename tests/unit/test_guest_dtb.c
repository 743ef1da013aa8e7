// SPDX-License-Identifier: MIT
/* Generated device trees, read back with the host's libfdt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/pmu.h"
#include "kernel/base/random.h"
#include "kernel/load/guest_dtb.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/fdt.h"
#include "tests/host/fake.h"

#define RAM	UINT64_C(0x40000000)
#define GIC	"/intc@8000000"

static struct vm vm;
static struct vcpu vcpus[CONFIG_MAX_VCPUS];
static void *blob;
static size_t blob_size;
static bool greedy;
static int fp_users, fp_uses;

void arch_fp_begin(void)
{
	assert_int_equal(fp_users++, 0);
	fp_uses++;
}

void arch_fp_end(void)
{
	assert_int_equal(--fp_users, 0);
}

/* ---- devices of the test's own ---- */

static void gic_describe(const struct vm *v, struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "intc", 0x8000000, 0x10000);
	guest_dtb_flag(dtb, "interrupt-controller");
	guest_dtb_numbers(dtb, "#interrupt-cells", 3);
	guest_dtb_numbers(dtb, "phandle", GUEST_DTB_PHANDLE_GIC);
	guest_dtb_end_node(dtb);
}

VDEV(test_gic) = { .describe = gic_describe };

static void terminal_describe(const struct vm *v, struct guest_dtb *dtb)
{
	static const uint8_t bulk[GUEST_DTB_MAX];

	guest_dtb_begin_node(dtb, "terminal", 0x9000000, 0x1000);
	guest_dtb_strings(dtb, "compatible", "test,terminal\0test,any");
	guest_dtb_spi(dtb, 33, GUEST_DTB_LEVEL);
	if (greedy)
		guest_dtb_bytes(dtb, "bulk", bulk, sizeof(bulk));
	guest_dtb_end_node(dtb);
	guest_dtb_console(dtb, "terminal", 0x9000000);
}

VDEV(test_terminal) = { .name = "terminal", .describe = terminal_describe };

static void clock_describe(const struct vm *v, struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "clock", 0x9010000, 0x1000);
	guest_dtb_end_node(dtb);
}

VDEV(test_clock) = { .name = "clock", .describe = clock_describe };

/* ---- */

static int setup(void **state)
{
	static const uint8_t seed[32] = "what the boot loader may give";

	fake_reset();
	random_init(seed, sizeof(seed));
	memset(&vm, 0, sizeof(vm));
	vm.desc.ram_ipa = ipa(RAM);
	vm.desc.ram_size = GIB(5);
	vm.desc.regions[0] = (struct vm_region){ .ipa = ipa(RAM), .size = GIB(5) };
	vm.desc.nr_regions = 1;
	vm.nr_vcpus = 3;
	for (unsigned int i = 0; i < vm.nr_vcpus; i++) {
		vcpus[i] = (struct vcpu){ .id = i, .affinity = i };
		vm.vcpus[i] = &vcpus[i];
	}
	strcpy(vm.desc.args, "console=ttyAMA0 \"quoted text\"");
	vm.desc.devices[vm.desc.nr_devices++] = vdev_find("terminal");
	greedy = false;
	blob = aligned_alloc(8, GUEST_DTB_MAX);
	return 0;
}

static int teardown(void **state)
{
	free(blob);
	return 0;
}

static void build(uint64_t ramdisk, uint64_t size)
{
	fp_uses = 0;
	assert_int_equal(guest_dtb_build(&vm, ipa(ramdisk), size, blob, &blob_size), 0);
	assert_int_equal(fp_users, 0);
	assert_int_equal(fp_uses, 1);
	assert_int_equal(fdt_check_full(blob, blob_size), 0);
}

static const void *prop(const char *path, const char *name, int *len)
{
	int node = fdt_path_offset(blob, path);

	if (node < 0)
		fail_msg("no node %s", path);
	return fdt_getprop(blob, node, name, len);
}

static void assert_cells(const char *path, const char *name, const uint32_t *cells, unsigned int n)
{
	int len;
	const fdt32_t *found = prop(path, name, &len);

	assert_non_null(found);
	assert_int_equal(len, 4 * n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(fdt32_to_cpu(found[i]), cells[i]);
}

#define assert_numbers(path, name, ...)					\
	assert_cells(path, name, (const uint32_t[]){ __VA_ARGS__ },	\
		     sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static void assert_list(const char *path, const char *name, const char *list, size_t size)
{
	int len;
	const char *found = prop(path, name, &len);

	assert_non_null(found);
	assert_int_equal(len, size);
	assert_memory_equal(found, list, size);
}

#define assert_text(path, name, literal)	assert_list(path, name, literal, sizeof(literal))

static void test_tree_is_packed(void **state)
{
	build(0, 0);
	assert_int_equal(fdt_totalsize(blob), blob_size);
	assert_int_equal(fdt_off_dt_strings(blob) + fdt_size_dt_strings(blob), blob_size);
	assert_int_equal(fdt_off_dt_struct(blob) + fdt_size_dt_struct(blob), fdt_off_dt_strings(blob));
}

static void test_tree_describes_memory_beyond_4_gib(void **state)
{
	build(0, 0);
	assert_numbers("/", "#address-cells", 2);
	assert_numbers("/", "#size-cells", 2);
	assert_numbers("/memory@40000000", "reg", 0, 0x40000000, 1, 0x40000000);
	assert_text("/memory@40000000", "device_type", "memory");
}

static void test_each_vcpu_is_a_cpu_started_by_psci(void **state)
{
	build(0, 0);
	assert_numbers("/cpus/cpu@2", "reg", 0, 2);
	assert_text("/cpus/cpu@2", "enable-method", "psci");
	assert_text("/cpus/cpu@0", "device_type", "cpu");
	assert_true(fdt_path_offset(blob, "/cpus/cpu@3") < 0);
	assert_text("/psci", "method", "hvc");
	assert_text("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
}

static void test_a_hypervisor_is_named_by_a_name_of_its_own(void **state)
{
	build(0, 0);
	assert_text("/hypervisor", "compatible", "schism,hypervisor");
}

static void test_timer_has_four_level_interrupts_of_the_interrupt_controller(void **state)
{
	build(0, 0);
	assert_numbers("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	assert_numbers("/", "interrupt-parent", 1);
	assert_numbers(GIC, "phandle", 1);
}

static void test_pmu_is_there_if_guests_have_one(void **state)
{
	build(0, 0);
	assert_true(fdt_path_offset(blob, "/pmu") < 0);
	fake_pmu_offered = true;
	build(0, 0);
	assert_text("/pmu", "compatible", "arm,armv8-pmuv3");
	assert_numbers("/pmu", "interrupts", 1, 7, 4);
}

static void test_clock_that_devices_name_is_there(void **state)
{
	build(0, 0);
	assert_numbers("/apb-pclk", "phandle", GUEST_DTB_PHANDLE_CLOCK);
	assert_numbers("/apb-pclk", "clock-frequency", 24000000);
	assert_numbers("/apb-pclk", "#clock-cells", 0);
}

static void test_only_granted_devices_are_described(void **state)
{
	build(0, 0);
	assert_numbers("/terminal@9000000", "reg", 0, 0x9000000, 0, 0x1000);
	assert_numbers("/terminal@9000000", "interrupts", 0, 1, 4);
	assert_text("/terminal@9000000", "compatible", "test,terminal\0test,any");
	assert_true(fdt_path_offset(blob, "/clock@9010000") < 0);
	vm.desc.devices[vm.desc.nr_devices++] = vdev_find("clock");
	build(0, 0);
	assert_true(fdt_path_offset(blob, "/clock@9010000") >= 0);
}

static void test_console_is_stdout_where_there_is_one(void **state)
{
	int len;

	build(0, 0);
	assert_text("/chosen", "stdout-path", "/terminal@9000000");
	vm.desc.nr_devices = 0;
	build(0, 0);
	assert_null(prop("/chosen", "stdout-path", &len));
	assert_int_equal(len, -FDT_ERR_NOTFOUND);
}

static void test_bootargs_are_passed_as_they_are(void **state)
{
	build(0, 0);
	assert_text("/chosen", "bootargs", "console=ttyAMA0 \"quoted text\"");
}

static void test_ramdisk_is_named_by_its_first_byte_and_the_one_behind_it(void **state)
{
	int len;

	build(UINT64_C(0x123456000), 0x1001);
	assert_numbers("/chosen", "linux,initrd-start", 1, 0x23456000);
	assert_numbers("/chosen", "linux,initrd-end", 1, 0x23457001);
	build(0, 0);
	assert_null(prop("/chosen", "linux,initrd-start", &len));
}

static void test_each_tree_has_a_random_seed_of_its_own(void **state)
{
	uint8_t first[32], kaslr[8];
	int len;

	build(0, 0);
	memcpy(first, prop("/chosen", "rng-seed", &len), sizeof(first));
	assert_int_equal(len, sizeof(first));
	memcpy(kaslr, prop("/chosen", "kaslr-seed", &len), sizeof(kaslr));
	assert_int_equal(len, sizeof(kaslr));
	assert_memory_not_equal(first, kaslr, sizeof(kaslr));
	build(0, 0);
	assert_memory_not_equal(first, prop("/chosen", "rng-seed", &len), sizeof(first));
	assert_memory_not_equal(kaslr, prop("/chosen", "kaslr-seed", &len), sizeof(kaslr));
}

/* A kernel would think itself safe with seeds that can be guessed. */
static void test_without_entropy_a_tree_has_no_seeds(void **state)
{
	int len;

	random_init(NULL, 0);
	build(0, 0);
	assert_null(prop("/chosen", "rng-seed", &len));
	assert_null(prop("/chosen", "kaslr-seed", &len));
}

static void test_tree_of_the_most_vcpus_and_bootargs_fits(void **state)
{
	for (vm.nr_vcpus = 0; vm.nr_vcpus < CONFIG_MAX_VCPUS; vm.nr_vcpus++) {
		vcpus[vm.nr_vcpus].affinity = vm.nr_vcpus;
		vm.vcpus[vm.nr_vcpus] = &vcpus[vm.nr_vcpus];
	}
	memset(vm.desc.args, 'a', sizeof(vm.desc.args) - 1);
	build(UINT64_C(0x123456000), 0x1001);
}

static void test_tree_that_is_too_large_is_refused(void **state)
{
	greedy = true;
	assert_int_equal(guest_dtb_build(&vm, ipa(0), 0, blob, &blob_size), -ENOSPC);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

/* /fragment@0/__overlay__ for the root, with x = <1> and a phandle in it, offset bytes from its start. */
static void make_overlay(void *overlay, size_t size, uint32_t offset)
{
	int node;

	assert_int_equal(fdt_create_empty_tree(overlay, (int)size), 0);
	node = fdt_add_subnode(overlay, 0, "__local_fixups__");
	node = fdt_add_subnode(overlay, node, "fragment@0");
	node = fdt_add_subnode(overlay, node, "__overlay__");
	assert_int_equal(fdt_setprop_u32(overlay, node, "x", offset), 0);
	node = fdt_add_subnode(overlay, 0, "fragment@0");
	assert_int_equal(fdt_setprop_string(overlay, node, "target-path", "/"), 0);
	node = fdt_add_subnode(overlay, node, "__overlay__");
	assert_int_equal(fdt_setprop_u32(overlay, node, "x", 1), 0);
}

static void test_an_overlay_that_points_out_of_its_properties_is_refused(void **state)
{
	static const uint32_t bad[] = { 1, 4, 0x10000, 0x7ffffffe, 0xfffffffd };
	char overlay[1024] __aligned(8);
	const char *why;
	int len;

	build(0, 0);
	make_overlay(overlay, sizeof(overlay), 0);
	assert_int_equal(guest_dtb_overlay(blob, overlay, sizeof(overlay), &blob_size, &why), 0);
	assert_non_null(prop("/", "x", &len));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		build(0, 0);
		make_overlay(overlay, sizeof(overlay), bad[i]);
		assert_int_equal(guest_dtb_overlay(blob, overlay, sizeof(overlay), &blob_size, &why),
				 -EINVAL);
		assert_string_equal(why, "FDT_ERR_BADOVERLAY");
	}
}

/* libfdt goes through it by recursion, on a stack of a few pages. */
static void test_an_overlay_of_many_levels_is_refused(void **state)
{
	char overlay[4096] __aligned(8);
	const char *why;
	int node;

	build(0, 0);
	make_overlay(overlay, sizeof(overlay), 0);
	node = fdt_path_offset(overlay, "/fragment@0/__overlay__");
	for (unsigned int i = 0; i < 100; i++)
		node = fdt_add_subnode(overlay, node, "n");
	assert_true(node > 0);
	assert_int_equal(guest_dtb_overlay(blob, overlay, sizeof(overlay), &blob_size, &why), -EINVAL);
	assert_string_equal(why, "FDT_ERR_BADOVERLAY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tree_is_packed),
		TEST(test_tree_describes_memory_beyond_4_gib),
		TEST(test_each_vcpu_is_a_cpu_started_by_psci),
		TEST(test_a_hypervisor_is_named_by_a_name_of_its_own),
		TEST(test_timer_has_four_level_interrupts_of_the_interrupt_controller),
		TEST(test_pmu_is_there_if_guests_have_one),
		TEST(test_clock_that_devices_name_is_there),
		TEST(test_only_granted_devices_are_described),
		TEST(test_console_is_stdout_where_there_is_one),
		TEST(test_bootargs_are_passed_as_they_are),
		TEST(test_ramdisk_is_named_by_its_first_byte_and_the_one_behind_it),
		TEST(test_each_tree_has_a_random_seed_of_its_own),
		TEST(test_without_entropy_a_tree_has_no_seeds),
		TEST(test_tree_of_the_most_vcpus_and_bootargs_fits),
		TEST(test_tree_that_is_too_large_is_refused),
		TEST(test_an_overlay_that_points_out_of_its_properties_is_refused),
		TEST(test_an_overlay_of_many_levels_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
