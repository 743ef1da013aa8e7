// SPDX-License-Identifier: MIT
/*
 * Machine discovery on the device trees of tests/unit/dts, on those with one property spoilt, and
 * on randomly damaged ones. Trees are allocated to size, so that the sanitizer sees reads outside.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "kernel/platform/machine.h"
#include "kernel/platform/serial.h"
#include "tests/unit/dtb.h"
#include "tests/unit/random.h"

/* Drivers as they are built in; what they do is no matter here. */
SERIAL_DRIVER(pl011) = { .compatible = "arm,pl011" };
SERIAL_DRIVER(sbsa_uart) = { .compatible = "arm,sbsa-uart" };
SERIAL_DRIVER(another) = { .compatible = "example,uart" };

static struct machine m;
static struct machine_error err;
static struct mem_region early;
static const struct serial_driver *driver;
static uint8_t *fdt;
static uint32_t size;

static void discover(const char *name)
{
	free(fdt);
	fdt = dtb_load(name, &size);
	if (machine_discover(fdt, size, &m, &err) != 0)
		fail_msg("%s: %s %s %s", name, err.path, err.property, err.what);
	assert_ptr_equal(m.fdt, fdt);
	assert_int_equal(m.fdt_size, size);
}

static int free_tree(void **state)
{
	(void)state;
	free(fdt);
	fdt = NULL;
	return 0;
}

static void assert_region(struct mem_region region, uint64_t base, uint64_t bytes)
{
	assert_int_equal(region.base.pa, base);
	assert_int_equal(region.size, bytes);
}

static void assert_early_uart(uint64_t base)
{
	assert_int_equal(machine_find_uart(fdt, &early, &driver), 0);
	assert_int_equal(early.base.pa, base);
}

/* Whole machines */

static void test_qemu_virt_is_discovered_completely(void **state)
{
	(void)state;
	discover("qemu_virt");
	assert_string_equal(m.model, "linux,dummy-virt");
	assert_string_equal(m.bootargs, "loglevel=debug vms=2");
	assert_region(m.initrd, 0x48000000, 0x12345);
	assert_int_equal(m.nr_ram, 1);
	assert_region(m.ram[0], 0x40000000, GIB(2));
	assert_int_equal(m.nr_reserved, 0);
	assert_int_equal(m.nr_cpus, 4);
	assert_int_equal(m.nr_cpus_present, 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(m.cpus[i].mpidr, i);
		assert_true(m.cpus[i].psci);
	}
	assert_int_equal(m.psci, PSCI_CONDUIT_SMC);
	assert_true(m.has_pcie);
	assert_false(m.has_smmu);
	assert_int_equal(m.rng_seed_len, 32);
	assert_int_equal(m.rng_seed[0], 0x42);
}

static void test_qemu_virt_has_its_gic_and_timers(void **state)
{
	(void)state;
	discover("qemu_virt");
	assert_true(m.has_gicv3);
	assert_string_equal(m.gic_compatible, "arm,gic-v3");
	assert_region(m.gicd, 0x8000000, 0x10000);
	assert_int_equal(m.nr_gicr, 1);
	assert_region(m.gicr[0], 0x80a0000, 0xf60000);
	assert_int_equal(m.gicr_stride, 0);
	assert_int_equal(m.gic_maint_intid, 25);
	assert_int_equal(m.nr_its, 1);
	assert_region(m.its[0], 0x8080000, 0x20000);
	assert_int_equal(m.timer_sec_intid, 29);
	assert_int_equal(m.timer_phys_intid, 30);
	assert_int_equal(m.timer_virt_intid, 27);
	assert_int_equal(m.timer_hyp_intid, 26);
	assert_int_equal(m.pmu_intid, 23);
}

static void test_qemu_virt_has_its_devices(void **state)
{
	(void)state;
	discover("qemu_virt");
	assert_true(m.has_uart);
	assert_region(m.uart.regs, 0x9000000, 0x1000);
	assert_int_equal(m.uart.intid, 33);
	assert_false(m.uart.edge);
	assert_true(machine_node_is(fdt, m.uart.node, "arm,primecell"));
	assert_false(machine_node_is(fdt, m.uart.node, "arm,prime"));
	assert_int_equal(m.uart_clock_hz, 24000000);
	assert_int_equal(m.uart_baud, 0);
	assert_early_uart(0x9000000);
	assert_true(m.has_rtc);
	assert_region(m.rtc.regs, 0x9010000, 0x1000);
	assert_int_equal(m.rtc.intid, 34);
	assert_int_equal(m.nr_virtio, 4);
	assert_region(m.virtio[3].regs, 0xa003e00, 0x200);
	assert_int_equal(m.virtio[3].intid, 79);
	assert_true(m.virtio[3].edge);
}

static void test_ram_is_sorted_merged_and_trimmed_to_pages(void **state)
{
	(void)state;
	discover("memory");
	assert_int_equal(m.nr_ram, 3);
	assert_region(m.ram[0], 0x10000000, 0x400000);
	assert_region(m.ram[1], 0x80001000, 0x3fffe000);
	assert_region(m.ram[2], 0x840000000, 0x80000000);
}

static void test_reservations_of_both_kinds_are_listed(void **state)
{
	(void)state;
	discover("memory");
	assert_int_equal(m.nr_reserved, 5);
	assert_region(m.reserved[0], 0x80000000, 0x10000);
	assert_region(m.reserved[1], 0x880000000, 0x1234);
	assert_region(m.reserved[2], 0x90000000, 0x40000);
	assert_region(m.reserved[3], 0x890000000, 0x1000);
	assert_region(m.reserved[4], 0x98000000, 0x2000);
}

static void test_absent_nodes_leave_their_fields_empty(void **state)
{
	(void)state;
	discover("memory");
	assert_string_equal(m.model, "");
	assert_string_equal(m.bootargs, "");
	assert_string_equal(m.gic_compatible, "");
	assert_int_equal(m.initrd.size, 0);
	assert_int_equal(m.nr_cpus, 0);
	assert_int_equal(m.psci, PSCI_CONDUIT_NONE);
	assert_false(m.has_gicv3);
	assert_false(m.has_uart);
	assert_false(m.has_rtc);
	assert_int_equal(m.nr_virtio, 0);
	assert_int_equal(m.timer_hyp_intid, 0);
	assert_null(m.rng_seed);
	assert_int_equal(machine_find_uart(fdt, &early, &driver), -ENOENT);
}

static void test_names_and_order_of_nodes_mean_nothing(void **state)
{
	(void)state;
	discover("renamed");
	assert_string_equal(m.model, "anonymous");
	assert_region(m.initrd, 0x123400000, 0x100000);
	assert_int_equal(m.nr_ram, 1);
	assert_region(m.ram[0], 0x80000000, 0x10000000);
	assert_int_equal(m.nr_cpus, 2);
	assert_int_equal(m.cpus[0].mpidr, 0x100);
	assert_false(m.cpus[0].psci);
	assert_int_equal(m.cpus[1].mpidr, 0);
	assert_true(m.cpus[1].psci);
	assert_int_equal(m.psci, PSCI_CONDUIT_HVC);
}

static void test_gic_with_several_regions_and_its_is_read(void **state)
{
	(void)state;
	discover("renamed");
	assert_true(m.has_gicv3);
	assert_region(m.gicd, 0x1000000, 0x10000);
	assert_int_equal(m.nr_gicr, 2);
	assert_region(m.gicr[0], 0x1100000, 0x200000);
	assert_region(m.gicr[1], 0x1500000, 0x200000);
	assert_int_equal(m.gicr_stride, 0x40000);
	assert_int_equal(m.gic_maint_intid, 25);
	assert_int_equal(m.nr_its, 2);
	assert_region(m.its[0], 0x1900000, 0x20000);
	assert_region(m.its[1], 0x1b00000, 0x20000);
}

static void test_pmu_interrupts_that_are_not_private_are_not_used(void **state)
{
	(void)state;
	discover("renamed");
	assert_int_equal(m.pmu_intid, 0);
	discover("gicv2");
	assert_int_equal(m.pmu_intid, 0);
}

static void test_timer_interrupts_are_found_by_name(void **state)
{
	(void)state;
	discover("renamed");
	assert_int_equal(m.timer_sec_intid, 29);
	assert_int_equal(m.timer_phys_intid, 30);
	assert_int_equal(m.timer_virt_intid, 27);
	assert_int_equal(m.timer_hyp_intid, 26);
}

static void test_console_is_found_through_alias_and_two_buses(void **state)
{
	(void)state;
	discover("renamed");
	assert_region(m.uart.regs, 0x30001040, 0x1000);
	assert_int_equal(m.uart.intid, 65);
	assert_true(m.uart.edge);
	assert_int_equal(m.uart_clock_hz, 48000000);
	assert_int_equal(m.uart_baud, 57600);
	assert_early_uart(0x30001040);
}

static void test_device_outside_its_bus_ranges_is_not_there(void **state)
{
	(void)state;
	discover("renamed");
	assert_false(m.has_rtc);
}

static void test_interrupts_of_other_controllers_are_not_misread(void **state)
{
	(void)state;
	discover("renamed");
	assert_int_equal(m.nr_virtio, 2);
	assert_int_equal(m.virtio[0].intid, 0);
	assert_int_equal(m.virtio[1].intid, 0);
}

static void test_gicv2_is_named_and_not_driven(void **state)
{
	(void)state;
	discover("gicv2");
	assert_false(m.has_gicv3);
	assert_string_equal(m.gic_compatible, "arm,cortex-a15-gic");
	assert_true(m.has_uart);
	assert_int_equal(m.uart.intid, 0);
	assert_int_equal(m.timer_hyp_intid, 0);
	assert_early_uart(0x9000000);
}

static void test_cpus_without_psci_and_with_wide_affinity_are_read(void **state)
{
	(void)state;
	discover("cpus");
	assert_int_equal(m.psci, PSCI_CONDUIT_NONE);
	assert_int_equal(m.nr_cpus, 3);
	assert_int_equal(m.nr_cpus_present, 3);
	assert_int_equal(m.cpus[0].mpidr, 0x100000100);
	assert_true(m.cpus[0].psci);
	assert_int_equal(m.cpus[1].mpidr, 0);
	assert_false(m.cpus[1].psci);
	assert_int_equal(m.cpus[2].mpidr, 0x20301);
	assert_false(m.cpus[2].psci);
	assert_string_equal(m.cpus[0].enable_method, "psci");
	assert_string_equal(m.cpus[1].enable_method, "spin-table");
	assert_string_equal(m.cpus[2].enable_method, "");
}

static void test_fvp_peripherals_are_found_below_three_buses(void **state)
{
	(void)state;
	discover("fvp");
	assert_int_equal(m.nr_ram, 2);
	assert_region(m.ram[1], 0x880000000, GIB(2));
	assert_int_equal(m.nr_reserved, 2);
	assert_int_equal(m.cpus[2].mpidr, 0x10000);
	assert_region(m.gicd, 0x2f000000, 0x10000);
	assert_region(m.gicr[0], 0x2f100000, 0x200000);
	assert_true(m.has_smmu);
	assert_true(m.has_pcie);
	assert_region(m.uart.regs, 0x1c0a0000, 0x1000);
	assert_int_equal(m.uart_clock_hz, 24000000);
	assert_int_equal(m.uart_baud, 115200);
	assert_region(m.rtc.regs, 0x1c170000, 0x1000);
	assert_early_uart(0x1c0a0000);
}

static void test_fvp_interrupts_go_through_the_interrupt_map(void **state)
{
	(void)state;
	discover("fvp");
	assert_int_equal(m.uart.intid, 38);
	assert_false(m.uart.edge);
	assert_int_equal(m.rtc.intid, 36);
	assert_int_equal(m.nr_virtio, 2);
	assert_int_equal(m.virtio[0].intid, 74);
	assert_true(m.virtio[0].edge);
	assert_int_equal(m.virtio[1].intid, 0);
	assert_int_equal(m.timer_hyp_intid, 26);
	assert_int_equal(m.gic_maint_intid, 25);
}

static void test_console_that_is_no_pl011_is_reported_as_what_it_is(void **state)
{
	(void)state;
	discover("raspberry");
	assert_true(m.has_uart);
	assert_true(machine_node_is(fdt, m.uart.node, "brcm,bcm2835-aux-uart"));
	assert_region(m.uart.regs, 0xfe215040, 0x40);
	assert_int_equal(m.uart_clock_hz, 0);
	assert_int_equal(m.uart_baud, 115200);
	/* The early console knows the PL011 only, and takes the first that is enabled. */
	assert_early_uart(0xfe201000);
}

static void test_raspberry_ram_gic_and_cpus_are_read(void **state)
{
	(void)state;
	discover("raspberry");
	assert_int_equal(m.nr_ram, 3);
	assert_region(m.ram[0], 0, 0x3b400000);
	assert_region(m.ram[1], 0x40000000, 0xbc000000);
	assert_region(m.ram[2], 0x100000000, GIB(4));
	assert_int_equal(m.nr_reserved, 1);
	assert_region(m.reserved[0], 0, 0x1000);
	assert_false(m.has_gicv3);
	assert_string_equal(m.gic_compatible, "arm,gic-400");
	assert_int_equal(m.nr_cpus, 2);
	assert_false(m.cpus[0].psci);
	assert_string_equal(m.bootargs, "");
}

/* One property changed */

/* A tree with room to edit; discovered again by rediscover(), in memory of its exact size. */
static uint8_t edited[16384] __aligned(8);

static void edit(const char *name)
{
	uint8_t *original = dtb_load(name, &size);

	assert_int_equal(fdt_open_into(original, edited, sizeof(edited)), 0);
	free(original);
}

static int rediscover(void)
{
	fdt_pack(edited);
	free(fdt);
	size = fdt_totalsize(edited);
	fdt = malloc(size);
	memcpy(fdt, edited, size);
	fdt_open_into(edited, edited, sizeof(edited));
	return machine_discover(fdt, size, &m, &err);
}

static int node(const char *path)
{
	int offset = fdt_path_offset(edited, path);

	assert_true(offset >= 0);
	return offset;
}

static void set_bytes(const char *path, const char *property, const void *val, int len)
{
	assert_int_equal(fdt_setprop(edited, node(path), property, val, len), 0);
}

static void set_cells(const char *path, const char *property, int n, ...)
{
	uint32_t cells[16];
	va_list ap;

	va_start(ap, n);
	for (int i = 0; i < n; i++)
		cells[i] = cpu_to_fdt32(va_arg(ap, uint32_t));
	va_end(ap);
	set_bytes(path, property, cells, n * 4);
}

static void set_string(const char *path, const char *property, const char *val)
{
	set_bytes(path, property, val, (int)strlen(val) + 1);
}

static void assert_refused(const char *path, const char *property)
{
	assert_int_equal(rediscover(), -EINVAL);
	assert_string_equal(err.path, path);
	assert_string_equal(err.property, property);
	assert_non_null(err.what);
	assert_true(strlen(err.what) > 0);
}

static void test_other_cell_counts_are_refused_by_name_where_they_matter(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_cells("/", "#address-cells", 1, 3);
	assert_refused("/", "#address-cells");
	edit("qemu_virt");
	set_cells("/", "#size-cells", 1, 0);
	assert_refused("/", "#size-cells");
	edit("qemu_virt");
	set_cells("/cpus", "#address-cells", 1, 3);
	assert_refused("/cpus", "#address-cells");
	edit("qemu_virt");
	set_cells("/", "#size-cells", 2, 0, 2);
	assert_refused("/", "#size-cells");
	/* Nothing that is used lies below. */
	edit("qemu_virt");
	set_cells("/platform-bus@c000000", "#address-cells", 1, 7);
	assert_int_equal(rediscover(), 0);
}

/* Nothing but its row names a driver. */
static void test_a_uart_is_found_by_the_row_of_its_driver(void **state)
{
	(void)state;
	edit("qemu_virt");
	assert_int_equal(rediscover(), 0);
	assert_ptr_equal(m.uart_driver, &pl011);
	set_string("/pl011@9000000", "compatible", "example,uart");
	assert_int_equal(rediscover(), 0);
	assert_ptr_equal(m.uart_driver, &another);
	assert_int_equal(m.uart.regs.base.pa, 0x9000000);
	assert_early_uart(0x9000000);
	assert_ptr_equal(driver, &another);
	/* Named by stdout-path, but nobody's: the boot has to say that nothing drives it. */
	set_string("/pl011@9000000", "compatible", "example,other");
	assert_int_equal(rediscover(), 0);
	assert_true(m.has_uart);
	assert_null(m.uart_driver);
}

static void test_missing_cell_counts_take_their_defaults(void **state)
{
	(void)state;
	edit("qemu_virt");
	assert_int_equal(fdt_delprop(edited, 0, "#address-cells"), 0);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(fdt_delprop(edited, 0, "#size-cells"), 0);
	assert_refused("/memory@40000000", "reg");
}

static void test_broken_memory_nodes_are_refused(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_cells("/memory@40000000", "reg", 3, 0, 0x40000000, 0);
	assert_refused("/memory@40000000", "reg");
	edit("qemu_virt");
	set_cells("/memory@40000000", "reg", 4, 0xffffffff, 0xfffff000, 0, 0x2000);
	assert_refused("/memory@40000000", "reg");
	edit("qemu_virt");
	assert_int_equal(fdt_delprop(edited, node("/memory@40000000"), "reg"), 0);
	assert_refused("/memory@40000000", "reg");
}

static void test_more_ram_banks_than_fit_are_refused(void **state)
{
	uint32_t cells[4 * (MACHINE_MAX_RAM + 1)] = { 0 };

	(void)state;
	edit("qemu_virt");
	for (int i = 0; i <= MACHINE_MAX_RAM; i++) {
		cells[4 * i + 1] = cpu_to_fdt32((MACHINE_MAX_RAM - i) * 0x200000);
		cells[4 * i + 3] = cpu_to_fdt32(0x100000);
	}
	set_bytes("/memory@40000000", "reg", cells, 16 * MACHINE_MAX_RAM);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.nr_ram, MACHINE_MAX_RAM);
	for (int i = 1; i < MACHINE_MAX_RAM; i++)
		assert_true(m.ram[i - 1].base.pa < m.ram[i].base.pa);
	set_bytes("/memory@40000000", "reg", cells, sizeof(cells));
	assert_refused("/memory@40000000", "reg");
}

static void test_a_bank_that_bridges_others_swallows_them(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_cells("/memory@40000000", "reg", 16, 0, 0x1000, 0, 0x1000, 0, 0x5000, 0, 0x1000,
		  0, 0x3000, 0, 0x1000, 0, 0x2000, 0, 0x3000);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.nr_ram, 1);
	assert_region(m.ram[0], 0x1000, 0x5000);
}

static void test_reserved_memory_that_can_not_be_placed_is_refused(void **state)
{
	(void)state;
	edit("memory");
	assert_int_equal(fdt_delprop(edited, node("/reserved-memory"), "ranges"), 0);
	assert_refused("/reserved-memory", "ranges");
	edit("memory");
	set_cells("/reserved-memory/shared", "reg", 2, 0, 0x98000000);
	assert_refused("/reserved-memory/shared", "reg");
}

static void test_more_reservations_than_fit_are_refused(void **state)
{
	(void)state;
	edit("memory");
	for (int i = 0; i < MACHINE_MAX_RESERVED; i++)
		assert_int_equal(fdt_add_mem_rsv(edited, 0x1000u * i, 0x1000), 0);
	assert_refused("", "reg");
}

static void test_cpu_nodes_without_a_sensible_mpidr_are_refused(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_cells("/cpus/cpu@2", "reg", 1, 0x80000002);
	assert_refused("/cpus/cpu@2", "reg");
	edit("qemu_virt");
	set_cells("/cpus/cpu@2", "reg", 1, 1);
	assert_refused("/cpus/cpu@2", "reg");
	edit("qemu_virt");
	set_cells("/cpus/cpu@2", "reg", 0);
	assert_refused("/cpus/cpu@2", "reg");
}

static void test_cpus_beyond_the_configured_number_are_counted_only(void **state)
{
	char name[16];
	int cpu;

	(void)state;
	edit("qemu_virt");
	for (int i = 0; i < CONFIG_NR_CPUS; i++) {
		snprintf(name, sizeof(name), "cpu@%x", 0x100 + i);
		cpu = fdt_add_subnode(edited, node("/cpus"), name);
		assert_int_equal(fdt_setprop_string(edited, cpu, "device_type", "cpu"), 0);
		assert_int_equal(fdt_setprop_u32(edited, cpu, "reg", 0x100 + i), 0);
	}
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.nr_cpus, CONFIG_NR_CPUS);
	assert_int_equal(m.nr_cpus_present, CONFIG_NR_CPUS + 4);
}

static void test_unknown_psci_conduits_are_refused(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_string("/psci", "method", "svc");
	assert_refused("/psci", "method");
	set_bytes("/psci", "method", "smc", 3);
	assert_refused("/psci", "method");
	set_string("/psci", "status", "disabled");
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.psci, PSCI_CONDUIT_NONE);
}

/* Version 0.1 has the functions' numbers in the tree, and not those that Schism calls. */
static void test_psci_of_before_0_2_is_none(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_string("/psci", "compatible", "arm,psci");
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.psci, PSCI_CONDUIT_NONE);
	set_string("/psci", "compatible", "arm,psci-0.2");
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.psci, PSCI_CONDUIT_SMC);
}

static void test_gic_nodes_that_contradict_their_binding_are_refused(void **state)
{
	static const char *const gic = "/intc@8000000";

	(void)state;
	edit("qemu_virt");
	set_cells(gic, "#interrupt-cells", 1, 2);
	assert_refused(gic, "#interrupt-cells");
	edit("qemu_virt");
	set_cells(gic, "#redistributor-regions", 1, 2);
	assert_refused(gic, "reg");
	edit("qemu_virt");
	set_cells(gic, "#redistributor-regions", 1, 0);
	assert_refused(gic, "#redistributor-regions");
	edit("qemu_virt");
	set_cells(gic, "#redistributor-regions", 1, 0x80000000);
	assert_refused(gic, "#redistributor-regions");
	edit("qemu_virt");
	set_cells(gic, "redistributor-stride", 2, 0, 0x8000);
	assert_refused(gic, "redistributor-stride");
	edit("qemu_virt");
	assert_int_equal(fdt_delprop(edited, node(gic), "ranges"), 0);
	assert_refused(gic, "ranges");
	edit("qemu_virt");
	set_cells(gic, "interrupts", 3, 1, 16, 4);
	assert_refused(gic, "interrupts");
}

static void test_impossible_interrupts_are_refused(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_cells("/pl011@9000000", "interrupts", 3, 0, 988, 4);
	assert_refused("/pl011@9000000", "interrupts");
	set_cells("/pl011@9000000", "interrupts", 3, 4, 1, 4);
	assert_refused("/pl011@9000000", "interrupts");
	set_cells("/pl011@9000000", "interrupts", 3, 0, 987, 4);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 1019);
	set_cells("/pl011@9000000", "interrupts", 2, 0, 1);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 0);
}

static void test_only_specifiers_of_the_gic_are_read(void **state)
{
	uint32_t gic, other;

	(void)state;
	edit("renamed");
	gic = fdt_get_phandle(edited, node("/n11"));
	other = fdt_get_phandle(edited, node("/n10"));
	set_cells("/n2/n20/n200", "interrupts-extended", 10, other, 0, 7, 4, 0, gic, 0, 8, 4, 0);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 0);
	set_cells("/n2/n20/n200", "interrupts-extended", 5, gic, 0, 8, 4, 0);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 40);
	/* One cell short. */
	set_cells("/n2/n20/n200", "interrupts-extended", 4, gic, 0, 8, 4);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 0);
}

static void test_interrupt_maps_to_other_controllers_are_not_misread(void **state)
{
	static const char *const bus = "/bus@8000000";
	uint32_t gic;

	(void)state;
	edit("fvp");
	gic = fdt_get_phandle(edited, node("/interrupt-controller@2f000000"));
	set_cells(bus, "interrupt-map", 9, 0, 0, 6, gic, 0, 0, 0, 9, 4);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 41);
	set_cells(bus, "interrupt-map", 9, 0, 0, 6, gic + 100, 0, 0, 0, 9, 4);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 0);
	set_cells(bus, "interrupt-map", 8, 0, 0, 6, gic, 0, 0, 0, 9);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 0);
	set_cells(bus, "interrupt-map", 9, 0, 0, 6, gic, 0, 0, 0, 9, 4);
	set_cells(bus, "interrupt-map-mask", 3, 0, 1, 63);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.intid, 0);
}

static void test_registers_and_ranges_that_are_no_whole_entries_are_refused(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_cells("/pl011@9000000", "reg", 5, 0, 0x9000000, 0, 0x1000, 0);
	assert_refused("/pl011@9000000", "reg");
	edit("fvp");
	set_cells("/bus@8000000", "ranges", 6, 0, 0x8000000, 0, 0x8000000, 0x18000000, 0);
	assert_refused("/bus@8000000", "ranges");
	edit("fvp");
	set_cells("/bus@8000000", "ranges", 5, 0, 0x8000000, 0xffffffff, 0xf0000000, 0x18000000);
	assert_refused("/bus@8000000", "ranges");
}

static void test_initrd_addresses_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_cells("/chosen", "linux,initrd-end", 1, 0x47ffffff);
	assert_refused("/chosen", "linux,initrd-end");
	set_cells("/chosen", "linux,initrd-end", 3, 0, 0, 0x49000000);
	assert_refused("/chosen", "linux,initrd-end");
	assert_int_equal(fdt_delprop(edited, node("/chosen"), "linux,initrd-end"), 0);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.initrd.size, 0);
}

static void test_command_line_that_is_no_string_is_refused(void **state)
{
	(void)state;
	edit("qemu_virt");
	set_bytes("/chosen", "bootargs", "endless", 7);
	assert_refused("/chosen", "bootargs");
}

static void test_console_falls_back_to_the_first_pl011(void **state)
{
	static const char *const nowhere[] = {
		"", "/", "/nothing", "serial0", "serial0:115200", ":115200", "/chosen",
		"/cpus/cpu@0",
		"/pl011@9000000/x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		edit("qemu_virt");
		set_string("/chosen", "stdout-path", nowhere[i]);
		if (strcmp(nowhere[i], "/cpus/cpu@0") == 0) {
			assert_refused("/cpus", "#size-cells");
		} else {
			assert_int_equal(rediscover(), 0);
			assert_true(m.has_uart);
			assert_int_equal(m.uart.regs.base.pa, 0x9000000);
			assert_int_equal(m.uart_baud, 0);
		}
		assert_early_uart(0x9000000);
	}
	edit("qemu_virt");
	set_bytes("/chosen", "stdout-path", "/pl031", 6);
	assert_int_equal(rediscover(), 0);
	assert_early_uart(0x9000000);
}

static void test_long_alias_names_are_no_aliases(void **state)
{
	static char name[4096];

	(void)state;
	edit("renamed");
	memset(name, 'a', sizeof(name) - 1);
	set_string("/chosen", "stdout-path", name);
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.regs.base.pa, 0x10000);
	assert_early_uart(0x10000);
}

static void test_alias_that_names_itself_leads_nowhere(void **state)
{
	(void)state;
	edit("renamed");
	set_string("/aliases", "console", "console");
	assert_int_equal(rediscover(), 0);
	assert_int_equal(m.uart.regs.base.pa, 0x10000);
	assert_early_uart(0x10000);
}

static void test_disabled_devices_and_those_on_disabled_buses_are_not_there(void **state)
{
	(void)state;
	edit("fvp");
	set_string("/bus@8000000", "status", "disabled");
	assert_int_equal(rediscover(), 0);
	assert_false(m.has_uart);
	assert_false(m.has_rtc);
	assert_int_equal(m.nr_virtio, 0);
	assert_true(m.has_gicv3);
	assert_int_equal(machine_find_uart(fdt, &early, &driver), -ENOENT);
	edit("qemu_virt");
	set_string("/pl031@9010000", "status", "fail-sss");
	set_string("/pl011@9000000", "status", "ok");
	assert_int_equal(rediscover(), 0);
	assert_false(m.has_rtc);
	assert_true(m.has_uart);
}

static void test_transports_beyond_the_table_are_left_out(void **state)
{
	static uint8_t big[65536] __aligned(8);
	char name[24];
	int dev;

	(void)state;
	edit("qemu_virt");
	assert_int_equal(fdt_open_into(edited, big, sizeof(big)), 0);
	for (uint32_t i = 0; i < MACHINE_MAX_VIRTIO; i++) {
		fdt32_t reg[4] = { 0, cpu_to_fdt32(0xb000000 + i * 0x200), 0, cpu_to_fdt32(0x200) };
		fdt32_t irq[3] = { 0, cpu_to_fdt32(50 + i), cpu_to_fdt32(1) };

		snprintf(name, sizeof(name), "t%u", i);
		dev = fdt_add_subnode(big, 0, name);
		fdt_setprop_string(big, dev, "compatible", "virtio,mmio");
		fdt_setprop(big, dev, "reg", reg, sizeof(reg));
		assert_int_equal(fdt_setprop(big, dev, "interrupts", irq, sizeof(irq)), 0);
	}
	assert_int_equal(machine_discover(big, sizeof(big), &m, &err), 0);
	assert_int_equal(m.nr_virtio, MACHINE_MAX_VIRTIO);
	for (uint32_t i = 0; i < MACHINE_MAX_VIRTIO; i++)
		assert_true(m.virtio[i].intid >= 48);
	assert_true(m.has_uart);
	assert_int_equal(m.uart.intid, 33);
	assert_int_equal(m.rtc.intid, 34);
}

static void test_console_is_found_among_many_pl011s(void **state)
{
	char name[16], path[16];
	int dev;

	(void)state;
	for (int wanted = 0; wanted < 12; wanted++) {
		edit("cpus");
		for (int i = 11; i >= 0; i--) {
			fdt32_t base = cpu_to_fdt32(0x10000 * (i + 1));
			fdt32_t reg[3] = { 0, base, cpu_to_fdt32(0x1000) };

			snprintf(name, sizeof(name), "u%d", i);
			dev = fdt_add_subnode(edited, 0, name);
			fdt_setprop_string(edited, dev, "compatible", "arm,pl011");
			assert_int_equal(fdt_setprop(edited, dev, "reg", reg, sizeof(reg)), 0);
		}
		assert_true(fdt_add_subnode(edited, 0, "chosen") > 0);
		snprintf(path, sizeof(path), "/u%d", wanted);
		set_string("/chosen", "stdout-path", path);
		assert_int_equal(rediscover(), 0);
		assert_int_equal(m.uart.regs.base.pa, 0x10000 * (wanted + 1));
	}
}

static void test_nodes_nested_too_deep_are_refused(void **state)
{
	int parent = 0;

	(void)state;
	edit("cpus");
	for (int i = 0; i < 40; i++)
		parent = fdt_add_subnode(edited, parent, "d");
	assert_true(parent > 0);
	assert_int_equal(rediscover(), -EINVAL);
	assert_string_equal(err.what, "nodes are nested too deep");
}

/* A tree whose structure block is these tags, where a node is called "" and a property "p". */
static int discover_tags(unsigned int n, const uint32_t *tags)
{
	static uint32_t raw[64];
	struct fdt_header *header = (struct fdt_header *)raw;
	unsigned int at = 14;

	memset(raw, 0, sizeof(raw));
	for (unsigned int i = 0; i < n; i++) {
		raw[at++] = cpu_to_fdt32(tags[i]);
		at += tags[i] == FDT_BEGIN_NODE ? 1 : tags[i] == FDT_PROP ? 2 : 0;
	}
	fdt_set_magic(header, FDT_MAGIC);
	fdt_set_totalsize(header, sizeof(raw));
	fdt_set_off_mem_rsvmap(header, 40);
	fdt_set_off_dt_struct(header, 56);
	fdt_set_size_dt_struct(header, 4 * at - 56);
	fdt_set_off_dt_strings(header, sizeof(raw) - 4);
	fdt_set_size_dt_strings(header, 4);
	memcpy(&raw[63], "p", 2);
	fdt_set_version(header, 17);
	fdt_set_last_comp_version(header, 16);
	memset(&err, 0, sizeof(err));
	return machine_discover(raw, sizeof(raw), &m, &err);
}

#define discover_structure(...) \
	discover_tags(sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (uint32_t[]){ __VA_ARGS__ })

static void test_structures_that_are_no_tree_are_refused(void **state)
{
	enum {
		BEGIN = FDT_BEGIN_NODE,
		PROP = FDT_PROP,
		NOP = FDT_NOP,
		DONE = FDT_END_NODE,
		END = FDT_END,
	};

	(void)state;
	assert_int_equal(discover_structure(BEGIN, DONE, END), 0);
	assert_int_equal(discover_structure(BEGIN, PROP, NOP, PROP, BEGIN, DONE, DONE, END), 0);

	assert_int_equal(discover_structure(END), -EINVAL);
	assert_int_equal(discover_structure(BEGIN, DONE), -EINVAL);
	assert_int_equal(discover_structure(BEGIN, END), -EINVAL);
	assert_int_equal(discover_structure(BEGIN, BEGIN, DONE, END), -EINVAL);
	assert_int_equal(discover_structure(BEGIN, DONE, 7, END), -EINVAL);
	assert_int_equal(discover_structure(BEGIN, DONE, BEGIN, DONE, END), -EINVAL);
	assert_string_equal(err.what, "broken device tree: more than one root");
	assert_int_equal(discover_structure(BEGIN, DONE, DONE, END), -EINVAL);
	assert_string_equal(err.what, "broken device tree: a node ends that never began");
	assert_int_equal(discover_structure(DONE, END), -EINVAL);
	assert_int_equal(discover_structure(BEGIN, BEGIN, DONE, PROP, DONE, END), -EINVAL);
	assert_string_equal(err.what, "broken device tree: a property after nodes");
	assert_int_equal(discover_structure(PROP, BEGIN, DONE, END), -EINVAL);
	assert_int_equal(discover_structure(BEGIN, DONE, PROP, END), -EINVAL);
}

/* Hostile trees */

static void check_invariants(void)
{
	size_t sum = strlen(m.bootargs) + strlen(m.model) + strlen(m.gic_compatible);

	assert_in_range(m.nr_ram, 0, MACHINE_MAX_RAM);
	assert_in_range(m.nr_reserved, 0, MACHINE_MAX_RESERVED);
	assert_in_range(m.nr_cpus, 0, CONFIG_NR_CPUS);
	assert_in_range(m.nr_gicr, 0, MACHINE_MAX_REDIST);
	assert_in_range(m.nr_its, 0, MACHINE_MAX_ITS);
	assert_in_range(m.nr_virtio, 0, MACHINE_MAX_VIRTIO);
	assert_in_range(m.uart.intid, 0, 1019);
	assert_in_range(m.gic_maint_intid, 0, 1019);
	for (unsigned int i = 0; i < m.nr_ram; i++) {
		assert_true(m.ram[i].size > 0);
		assert_true(IS_ALIGNED(m.ram[i].base.pa | m.ram[i].size, PAGE_SIZE));
		assert_true(m.ram[i].base.pa + m.ram[i].size > m.ram[i].base.pa);
		if (i > 0)
			assert_true(m.ram[i - 1].base.pa + m.ram[i - 1].size < m.ram[i].base.pa);
	}
	for (uint32_t i = 0; i < m.rng_seed_len; i++)
		sum += m.rng_seed[i];
	assert_true(sum < UINT32_MAX);
}

static void discover_damaged(const uint8_t *tree, uint32_t bytes)
{
	int rc;

	memset(&m, 0xa5, sizeof(m));
	memset(&err, 0xa5, sizeof(err));
	rc = machine_discover(tree, bytes, &m, &err);
	if (rc == 0) {
		check_invariants();
	} else {
		assert_true(strlen(err.path) < sizeof(err.path));
		assert_true(strlen(err.property) < sizeof(err.property));
		assert_true(strlen(err.what) > 0);
	}
	/* Its caller has checked the size. */
	if (bytes >= sizeof(struct fdt_header) && fdt_totalsize(tree) <= bytes) {
		(void)!machine_find_uart(tree, &early, &driver);
		assert_true(machine_tree_is_whole(tree) || rc != 0);
	}
}

static void test_a_tree_cut_anywhere_is_refused(void **state)
{
	(void)state;
	discover("renamed");
	for (uint32_t n = 0; n < size; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, fdt, n);
		assert_int_equal(machine_discover(copy, n, &m, &err), -EINVAL);
		/* Also when the header says that this is all. */
		if (n >= sizeof(struct fdt_header)) {
			fdt_set_totalsize(copy, n);
			discover_damaged(copy, n);
		}
		free(copy);
	}
}

static void test_a_structure_block_cut_anywhere_is_refused(void **state)
{
	(void)state;
	discover("renamed");
	for (uint32_t n = 0; n < fdt_size_dt_struct(fdt); n++) {
		uint32_t whole = fdt_size_dt_struct(fdt);

		fdt_set_size_dt_struct(fdt, n);
		assert_int_equal(machine_discover(fdt, size, &m, &err), -EINVAL);
		(void)!machine_find_uart(fdt, &early, &driver);
		assert_false(machine_tree_is_whole(fdt));
		fdt_set_size_dt_struct(fdt, whole);
	}
	assert_true(machine_tree_is_whole(fdt));
}

static void damage(const char *name, unsigned int rounds)
{
	uint8_t *copy;

	discover(name);
	copy = malloc(size);
	for (unsigned int i = 0; i < rounds; i++) {
		memcpy(copy, fdt, size);
		for (unsigned int n = 1 + random_below(5); n > 0; n--) {
			uint32_t at = random_below(16) ? random_below(size) : random_below(40);

			copy[at] = random_below(2) ? copy[at] ^ (1u << random_below(8)) :
						     (uint8_t)random_u64();
		}
		discover_damaged(copy, size);
	}
	free(copy);
}

static void test_random_damage_never_leads_outside(void **state)
{
	(void)state;
	damage("qemu_virt", 5000);
	damage("renamed", 5000);
	damage("fvp", 4000);
	damage("memory", 3000);
	damage("raspberry", 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu_virt_is_discovered_completely),
		cmocka_unit_test(test_qemu_virt_has_its_gic_and_timers),
		cmocka_unit_test(test_qemu_virt_has_its_devices),
		cmocka_unit_test(test_ram_is_sorted_merged_and_trimmed_to_pages),
		cmocka_unit_test(test_reservations_of_both_kinds_are_listed),
		cmocka_unit_test(test_absent_nodes_leave_their_fields_empty),
		cmocka_unit_test(test_names_and_order_of_nodes_mean_nothing),
		cmocka_unit_test(test_gic_with_several_regions_and_its_is_read),
		cmocka_unit_test(test_pmu_interrupts_that_are_not_private_are_not_used),
		cmocka_unit_test(test_timer_interrupts_are_found_by_name),
		cmocka_unit_test(test_console_is_found_through_alias_and_two_buses),
		cmocka_unit_test(test_device_outside_its_bus_ranges_is_not_there),
		cmocka_unit_test(test_interrupts_of_other_controllers_are_not_misread),
		cmocka_unit_test(test_gicv2_is_named_and_not_driven),
		cmocka_unit_test(test_cpus_without_psci_and_with_wide_affinity_are_read),
		cmocka_unit_test(test_fvp_peripherals_are_found_below_three_buses),
		cmocka_unit_test(test_fvp_interrupts_go_through_the_interrupt_map),
		cmocka_unit_test(test_console_that_is_no_pl011_is_reported_as_what_it_is),
		cmocka_unit_test(test_raspberry_ram_gic_and_cpus_are_read),
		cmocka_unit_test(test_other_cell_counts_are_refused_by_name_where_they_matter),
		cmocka_unit_test(test_a_uart_is_found_by_the_row_of_its_driver),
		cmocka_unit_test(test_missing_cell_counts_take_their_defaults),
		cmocka_unit_test(test_broken_memory_nodes_are_refused),
		cmocka_unit_test(test_more_ram_banks_than_fit_are_refused),
		cmocka_unit_test(test_a_bank_that_bridges_others_swallows_them),
		cmocka_unit_test(test_reserved_memory_that_can_not_be_placed_is_refused),
		cmocka_unit_test(test_more_reservations_than_fit_are_refused),
		cmocka_unit_test(test_cpu_nodes_without_a_sensible_mpidr_are_refused),
		cmocka_unit_test(test_cpus_beyond_the_configured_number_are_counted_only),
		cmocka_unit_test(test_unknown_psci_conduits_are_refused),
		cmocka_unit_test(test_psci_of_before_0_2_is_none),
		cmocka_unit_test(test_gic_nodes_that_contradict_their_binding_are_refused),
		cmocka_unit_test(test_impossible_interrupts_are_refused),
		cmocka_unit_test(test_only_specifiers_of_the_gic_are_read),
		cmocka_unit_test(test_interrupt_maps_to_other_controllers_are_not_misread),
		cmocka_unit_test(test_registers_and_ranges_that_are_no_whole_entries_are_refused),
		cmocka_unit_test(test_initrd_addresses_that_contradict_each_other_are_refused),
		cmocka_unit_test(test_command_line_that_is_no_string_is_refused),
		cmocka_unit_test(test_console_falls_back_to_the_first_pl011),
		cmocka_unit_test(test_long_alias_names_are_no_aliases),
		cmocka_unit_test(test_alias_that_names_itself_leads_nowhere),
		cmocka_unit_test(test_disabled_devices_and_those_on_disabled_buses_are_not_there),
		cmocka_unit_test(test_transports_beyond_the_table_are_left_out),
		cmocka_unit_test(test_console_is_found_among_many_pl011s),
		cmocka_unit_test(test_nodes_nested_too_deep_are_refused),
		cmocka_unit_test(test_structures_that_are_no_tree_are_refused),
		cmocka_unit_test(test_a_tree_cut_anywhere_is_refused),
		cmocka_unit_test(test_a_structure_block_cut_anywhere_is_refused),
		cmocka_unit_test(test_random_damage_never_leads_outside),
	};

	random_seed("test_machine");
	return cmocka_run_group_tests(tests, NULL, free_tree);
}
