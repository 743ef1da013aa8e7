// SPDX-License-Identifier: MIT
/*
 * From the first C instruction to kernel_main(): an early console, then everything that could stop the
 * boot is looked at and named, then EL2's final map.
 */
#include "arch/arm64/boot/el2.h"
#include "arch/arm64/boot/mmu.h"
#include "arch/arm64/features.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/traps.h"
#include "arch/arm64/vcpu/pauth.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/pte.h"
#include "arch/smp.h"
#include "kernel/base/cpu.h"
#include "kernel/base/errcode.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/random.h"
#include "kernel/boot/boot.h"
#include "kernel/console/console.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/platform/this_machine.h"
#include "lib/fdt.h"
#include "lib/string.h"

#define FDT_MAGIC_BE	0xedfe0dd0	/* 0xd00dfeed as it lies in memory */
#define MAX_DTB		MIB(2)

#define PFR0_EL2	GENMASK(11, 8)
#define PFR0_GIC	GENMASK(27, 24)
#define MMFR0_TGRAN4	GENMASK(31, 28)

extern char _image_start[], _image_end[];

uintptr_t __stack_chk_guard = 0x5c15beef00000000;
void __stack_chk_fail(void) __noreturn;
void boot_main(uint64_t dtb, uint64_t image, uint64_t el) __noreturn;
void arch_switch_stack(uint64_t top, void (*fn)(void)) __noreturn;

static uint64_t dtb_pa;

static const uint32_t *map_tree(uint64_t va, uint64_t pa, uint64_t perms)
{
	mmu_early_map(va, pa, perms);
	mmu_early_map(va + BLOCK_SIZE, pa + BLOCK_SIZE, perms);
	return (const uint32_t *)(va + (pa & (BLOCK_SIZE - 1)));
}

/*
 * The device tree is where x0 says; a loader that only knows ELF leaves x0 at 0 and the tree at the
 * start of RAM, 2 MiB below the image (QEMU does).
 */
static const void *find_dtb(uint64_t dtb, uint64_t image)
{
	dtb_pa = dtb ? dtb : image - MIB(2);
	if (!IS_ALIGNED(dtb_pa, 8) || dtb_pa >> 47 || (!dtb && image < MIB(2)))
		return NULL;
	/* Writable for start_random() alone; in the final map it is not. */
	return map_tree(FIX_DTB_VA, dtb_pa, MAP_R | MAP_W);
}

/* Whether the tree's header is one at all; early_console() must not walk garbage. */
static bool header_ok(const void *fdt, uint64_t pa)
{
	return fdt && fdt_check_header(fdt) == 0 && fdt_totalsize(fdt) <= MAX_DTB &&
	       (pa & (BLOCK_SIZE - 1)) + fdt_totalsize(fdt) <= 2 * BLOCK_SIZE;
}

/*
 * Without a tree nothing is known, and nothing may be written: a UART's address on one board is a regulator's
 * on another. QEMU leaves its tree at the start of RAM for whatever it has not started as a kernel. So the
 * RAM that the image lies in is read where it would begin, and a tree that says that this is QEMU's board is
 * asked for the console, and for nothing else. NULL: there is none.
 */
static const void *board_tree(uint64_t image)
{
	uint64_t at = ALIGN_DOWN(image, GIB(1));
	const void *fdt = map_tree(FIX_BOARD_DTB_VA, at, MAP_R);

	return header_ok(fdt, at) && boot_is_debug_board(fdt) ? fdt : NULL;
}

static void early_console(const void *fdt, uint64_t image)
{
	const struct serial_driver *driver;
	struct mem_region regs;
	bool found = boot_find_console(fdt, &regs, &driver);

	/* A tree that is broken will be refused, and somebody should see it. */
	if (!found && !(fdt && machine_tree_is_whole(fdt)))
		found = boot_find_console(board_tree(image), &regs, &driver);
	if (!found)
		return;
	mmu_early_map(FIX_UART_VA, regs.base.pa, MAP_R | MAP_W | MAP_DEVICE);
	console_init((volatile void *)(FIX_UART_VA + (regs.base.pa & (BLOCK_SIZE - 1))), driver, 0, 0);
}

static void check_cpu(void)
{
	uint64_t pfr0 = sysreg_read(id_aa64pfr0_el1);

	if (FIELD_GET(MMFR0_TGRAN4, sysreg_read(id_aa64mmfr0_el1)) == 0xf)
		boot_fail(BOOT_E_CPU_FEATURE, "no 4 KiB translation granule (ID_AA64MMFR0_EL1.TGran4)");
	if (!FIELD_GET(PFR0_GIC, pfr0))
		boot_fail(BOOT_E_NO_GICV3, "the CPU has no GIC system registers (ID_AA64PFR0_EL1.GIC); "
			  "the device tree says \"%s\"", machine.gic_compatible);
}

static void read_machine(const void *fdt)
{
	struct machine_error err = { 0 };

	if (machine_discover(fdt, fdt_totalsize(fdt), &machine, &err))
		boot_fail(BOOT_E_BAD_DTB, "%s%s%s%s%s", err.path, err.property[0] ? ", property " : "",
			  err.property, err.path[0] || err.property[0] ? ": " : "",
			  err.what ? err.what : "malformed");
	machine.fdt_pa = dtb_pa;
}

/*
 * Before the first canary and key. The seed is used once: with what else the generator started from it would
 * give all of them to whoever reads the tree, or that RAM, later.
 */
static void start_random(void)
{
	uint8_t *seed = machine.rng_seed;

	random_init(seed, machine.rng_seed_len);
	if (!seed)
		return;
	memset(seed, 0, machine.rng_seed_len);
	/* To memory: a reset may leave what lies there, but not what is in the caches. */
	arch_sync_code(seed, machine.rng_seed_len);
	machine.rng_seed = NULL;
	machine.rng_seed_len = 0;
}

static __no_stack_protector void boot_final_map(uint64_t image)
{
	struct mem_region area;

	boot_plan_memory(image, (uint64_t)(_image_end - _image_start), &area);
	if (hyp_map_init(pa(image), &machine, &area))
		boot_fail(BOOT_E_RAM_TOO_SMALL, "EL2's page tables do not fit their static memory");
	mmu_switch_to_final();
	/* The same registers at the same address, now with the driver and settings of the tree. */
	if (machine.has_uart)
		console_init((volatile void *)(FIX_UART_VA + (machine.uart.regs.base.pa & PAGE_MASK)),
			     machine.uart_driver, machine.uart_clock_hz, machine.uart_baud);
	page_init(&area);
	hyp_map_use_pool();
}

/* On the boot CPU's own stack, between guard pages. Never returns, so no caller's key or canary matters. */
static __no_stack_protector void boot_on_own_stack(void)
{
	/* The low byte 0 ends a string that overruns into it. */
	__stack_chk_guard = random_word() & ~UINT64_C(0xff);
	pauth_use_own_key(this_cpu());
	kernel_main();
}

__no_stack_protector void boot_main(uint64_t dtb, uint64_t image, uint64_t el)
{
	struct cpu *cpu = &cpus[0];
	const void *fdt;

	cpu->arch.fault_stack_top = arch_fault_stack(0);
	if (el == 2) {
		cpu_init_this(cpu, 0, sysreg_read(mpidr_el1) & (GENMASK(39, 32) | GENMASK(23, 0)));
		features_init();
		traps_init();
	} else {
		/* Locks look at struct cpu, which only EL2's TPIDR_EL2 can name. */
		console_panic_mode();
	}
	fdt = find_dtb(dtb, image);
	if (!fdt || *(const uint32_t *)fdt != FDT_MAGIC_BE) {
		early_console(NULL, image);
		boot_fail(BOOT_E_NO_DTB, "x0 = 0x%lx, and nothing that looks like one at 0x%lx", dtb, dtb_pa);
	}
	if (!header_ok(fdt, dtb_pa)) {
		early_console(NULL, image);
		boot_fail(BOOT_E_BAD_DTB, "at 0x%lx: %s", dtb_pa, fdt_strerror(fdt_check_header(fdt)));
	}
	early_console(fdt, image);
	read_machine(fdt);
	if (el != 2)
		boot_fail(BOOT_E_WRONG_EL, "this is EL%lu", el);
	boot_check_machine();
	check_cpu();
	start_random();
	boot_final_map(image);
	mmu_stage2_init();
	el2_init_cpu();
	if (hyp_map_stack(cpu))
		boot_fail(BOOT_E_RAM_TOO_SMALL, "no pages for a stack of %u KiB", CONFIG_STACK_KIB);
	arch_switch_stack(cpu->stack_top.va, boot_on_own_stack);
}

void __stack_chk_fail(void)
{
	panic("stack smashed: canary overwritten");
}
