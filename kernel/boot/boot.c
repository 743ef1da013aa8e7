// SPDX-License-Identifier: MIT
/* What can stop a boot, looked at before anything depends on it. */
#include "kernel/boot/boot.h"

#include "kernel/base/cpu.h"
#include "kernel/base/errcode.h"
#include "kernel/console/console.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/platform/serial.h"
#include "kernel/platform/this_machine.h"
#include "lib/errno.h"

/* The boot CPU is number 0, wherever the tree lists it. */
static void put_boot_cpu_first(void)
{
	for (unsigned int i = 0; i < machine.nr_cpus; i++) {
		struct machine_cpu it = machine.cpus[i];

		if (it.mpidr == this_cpu()->mpidr) {
			machine.cpus[i] = machine.cpus[0];
			machine.cpus[0] = it;
		}
	}
}

bool boot_is_debug_board(const void *fdt)
{
	return machine_node_is(fdt, 0, CONFIG_DEBUG_UART_BOARD);
}

bool boot_find_console(const void *fdt, struct mem_region *regs, const struct serial_driver **driver)
{
	bool any_board = CONFIG_DEBUG_UART_BOARD[0] == '\0';

	if (fdt && !machine_find_uart(fdt, regs, driver))
		return true;
	*driver = serial_driver_for("arm,pl011");
	*regs = (struct mem_region){ pa(CONFIG_DEBUG_UART_BASE), PAGE_SIZE };
	return CONFIG_DEBUG_UART_BASE && (any_board || (fdt && boot_is_debug_board(fdt)));
}

/* From here on as if the tree had named what there is instead. */
static void check_console(void)
{
	const char *why = machine.has_uart ? "stdout-path names none that there is a driver for; " : "";
	struct mem_region regs;

	if (machine.has_uart && machine.uart_driver)
		return;
	machine.has_uart = boot_find_console(machine.fdt, &regs, &machine.uart_driver);
	machine.uart = (struct machine_dev){ .regs = regs };
	if (machine.has_uart)
		boot_complain(BOOT_E_NO_UART, "%sgoing on with the UART at 0x%lx", why, regs.base.pa);
	else
		boot_complain(BOOT_E_NO_UART, "%sgoing on without", why);
}

/* What can be done without, and what follows. */
static void check_psci(void)
{
	unsigned int lacking = 0, one = 0;

	for (unsigned int i = 1; i < machine.nr_cpus; i++) {
		if (!machine.cpus[i].psci) {
			lacking++;
			one = i;
		}
	}
	if (machine.psci == PSCI_CONDUIT_NONE)
		boot_complain(BOOT_E_NO_PSCI, "no psci node of version 0.2 or later: %u other CPU(s) stay "
			      "off, and the machine can neither switch off nor reset, but halts",
			      machine.nr_cpus - 1);
	else if (lacking)
		boot_complain(BOOT_E_CPU_METHOD, "%u CPU(s) stay off: CPU %u, MPIDR 0x%lx, has the "
			      "enable-method \"%s\"", lacking, one, machine.cpus[one].mpidr,
			      machine.cpus[one].enable_method);
}

void boot_check_machine(void)
{
	put_boot_cpu_first();
	if (!machine.has_gicv3)
		boot_fail(BOOT_E_NO_GICV3, "the device tree's interrupt controller is \"%s\"",
			  machine.gic_compatible[0] ? machine.gic_compatible : "none");
	if (!machine.nr_gicr || !machine.gicd.size)
		boot_fail(BOOT_E_NO_GICV3, "its node names no distributor and redistributors in reg");
	if (!machine.gic_maint_intid)
		boot_fail(BOOT_E_NO_GICV3, "its node names no maintenance interrupt");
	if (!machine.timer_hyp_intid || !machine.timer_virt_intid)
		boot_fail(BOOT_E_NO_TIMER, "the device tree has %s",
			  machine.timer_virt_intid ? "a timer node without the hypervisor timer" :
						     "no usable timer node");
	if (!machine.nr_ram)
		boot_fail(BOOT_E_NO_RAM, "no enabled memory node with a non-empty reg");
	check_console();
	check_psci();
}

enum { KEEP_IMAGE, KEEP_DTB, KEEP_INITRD, NR_KEEP };

static const char *const keep_names[NR_KEEP] = { "the image", "the device tree", "the initrd" };

static bool overlaps(const struct mem_region *a, const struct mem_region *b)
{
	return a->size && b->size && a->base.pa < b->base.pa + b->size &&
	       b->base.pa < a->base.pa + a->size;
}

static void check_overlaps(const struct mem_region *keep)
{
	for (unsigned int i = 0; i < NR_KEEP; i++) {
		for (unsigned int j = i + 1; j < NR_KEEP; j++) {
			if (overlaps(&keep[i], &keep[j]))
				boot_fail(BOOT_E_OVERLAP, "%s at 0x%lx-0x%lx, %s at 0x%lx-0x%lx",
					  keep_names[i], keep[i].base.pa, keep[i].base.pa + keep[i].size,
					  keep_names[j], keep[j].base.pa, keep[j].base.pa + keep[j].size);
		}
	}
}

static bool in_ram(const struct mem_region *r)
{
	for (unsigned int i = 0; i < machine.nr_ram; i++) {
		const struct mem_region *ram = &machine.ram[i];

		if (r->base.pa >= ram->base.pa && r->size <= ram->size &&
		    r->base.pa - ram->base.pa <= ram->size - r->size)
			return true;
	}
	return false;
}

void boot_plan_memory(uint64_t image, uint64_t size, struct mem_region *area)
{
	struct mem_region keep[NR_KEEP] = {
		[KEEP_IMAGE] = { pa(image), size },
		[KEEP_DTB] = { pa(machine.fdt_pa), machine.fdt_size },
		[KEEP_INITRD] = machine.initrd,
	};
	uint64_t needed = 0;
	int err;

	check_overlaps(keep);
	if (machine.initrd.size && !in_ram(&machine.initrd))
		boot_fail(BOOT_E_OVERLAP, "the initrd at 0x%lx, %lu bytes, is not in RAM",
			  machine.initrd.base.pa, machine.initrd.size);
	err = page_plan(&machine, keep, NR_KEEP, area, &needed);
	if (err == -ENODEV)
		boot_fail(BOOT_E_NO_RAM, "the memory nodes are empty");
	if (err)
		boot_fail(BOOT_E_RAM_TOO_SMALL, "EL2 needs %lu KiB in one piece beside the image",
			  needed >> 10);
}
