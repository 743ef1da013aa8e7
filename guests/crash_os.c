// SPDX-License-Identifier: MIT
/*
 * crash_os: goes wrong on purpose. Its VM has to die, or spin, alone.
 *
 * Argument mode=
 *   novector  (default) VBAR_EL1 names an address that stage 1 maps and stage 2 does not, then a
 *             load from outside RAM: the abort can't be delivered
 *   nomap     VBAR_EL1 names an address that stage 1 does not map, then the same load: the guest
 *             takes aborts at its vector for ever, without the hypervisor ever being asked. (Not
 *             under qemu -icount: it counts no instruction, so its clock stops.)
 *   fp        the same VBAR_EL1, then a SIMD instruction with CPACR_EL1 as at reset: the guest's own
 *             exception, which goes past the hypervisor
 *   irq       the same VBAR_EL1, then an interrupt
 *   undef     an undefined instruction, with vectors: the runtime reports FAIL and switches off
 *   overflow  recursion until the stack is used up: the same
 *   reset     PSCI SYSTEM_RESET
 *   fail      nothing but a FAIL report
 *   spin      loops for ever, with interrupts masked
 *   watchdog  switches its watchdog on, refreshes it some times, then hangs with interrupts masked
 */
#include "guests/lib/guest.h"

#define NOWHERE		(GUEST_RAM_IPA - MIB(4))	/* nor is anything there on QEMU virt */
#define PAGE_SIZE	4096

static void no_vectors(void)
{
	guest_mmu_map(NOWHERE, PAGE_SIZE, GUEST_MAP_RX);
	guest_write_sysreg("vbar_el1", NOWHERE);
	guest_isb();
}

static void load_from_nowhere(void)
{
	guest_mmu_map(NOWHERE + PAGE_SIZE, PAGE_SIZE, GUEST_MAP_RW);
	guest_probe_ldr_x((void *)(NOWHERE + PAGE_SIZE));
}

static void crash_novector(void)
{
	no_vectors();
	load_from_nowhere();
}

static void crash_fp(void)
{
	no_vectors();
	guest_write_sysreg("cpacr_el1", 0);
	guest_isb();
	__asm__ volatile(".arch_extension fp\n\t.global crash_fp_insn\ncrash_fp_insn:\tfmov d0, xzr"
			 : : : "memory");
}

static void crash_irq(void)
{
	guest_gic_init();
	guest_timer_start(1000);
	guest_irq_mask();
	no_vectors();
	guest_irq_unmask();
	for (;;)
		;
}

static void crash_nomap(void)
{
	guest_write_sysreg("vbar_el1", NOWHERE);
	guest_isb();
	load_from_nowhere();
}

static void crash_undef(void)
{
	__asm__ volatile(".inst 0x00000000");		/* UDF #0 */
}

/* 0: none. Only there because a compiler refuses recursion that it sees has no end. */
static uint64_t depth_limit;

static uint64_t __noinline overflow(uint64_t depth)
{
	volatile uint64_t room[32];

	room[depth % 32] = depth;
	if (READ_ONCE(depth_limit) == depth)
		return depth;
	return overflow(depth + 1) + room[depth % 32];
}

static void crash_overflow(void)
{
	guest_log_value("overflow", overflow(1));
}

static void crash_fail(void)
{
	guest_fail(1, 2, 3, "crash_os: as asked");
}

static void crash_spin(void)
{
	for (;;)
		;
}

#define WATCHDOG_WRR		GUEST_WATCHDOG_REFRESH_IPA
#define WATCHDOG_WCS		GUEST_WATCHDOG_CONTROL_IPA
#define WATCHDOG_WOR		(GUEST_WATCHDOG_CONTROL_IPA + 8)
#define WATCHDOG_MS		5

static void crash_watchdog(void)
{
	uint64_t period = guest_read_sysreg("cntfrq_el0") / 1000 * WATCHDOG_MS;

	guest_mmu_map(GUEST_WATCHDOG_REFRESH_IPA, 2 * GUEST_WATCHDOG_FRAME_SIZE, GUEST_MAP_DEVICE);
	guest_mmio_write32(WATCHDOG_WOR, (uint32_t)period);
	guest_mmio_write32(WATCHDOG_WCS, 1);
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t end = guest_counter() + period / 2;

		while (guest_counter() < end)
			;
		guest_mmio_write32(WATCHDOG_WRR, 0);
	}
	guest_puts("crash_os: no more refreshing\n");
	for (;;)
		;
}

static const struct mode {
	const char *name;
	void (*crash)(void);
} modes[] = {
	{ "novector", crash_novector },
	{ "nomap", crash_nomap },
	{ "fp", crash_fp },
	{ "irq", crash_irq },
	{ "undef", crash_undef },
	{ "overflow", crash_overflow },
	{ "reset", guest_system_reset },
	{ "fail", crash_fail },
	{ "spin", crash_spin },
	{ "watchdog", crash_watchdog },
};

void guest_main(uint64_t dtb __unused)
{
	const struct mode *mode = &modes[0];

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (guest_arg_is("mode", modes[i].name))
			mode = &modes[i];
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, mode - modes, 0, 0);
	guest_log_facts();
	guest_printf("crash_os: mode %s\n", mode->name);
	mode->crash();
	guest_fail(mode - modes, 0, 0, "crash_os: still alive after %s", mode->name);
}
