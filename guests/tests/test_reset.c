// SPDX-License-Identifier: MIT
/*
 * test_reset: PSCI SYSTEM_RESET, and both forms of SYSTEM_RESET2 where there is one, with all vCPUs on. The
 * clock alone goes on through each reset, so its date says how often the VM has been reset. RAM beside the
 * images goes on through the warm ones.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define RTC_DR		(GUEST_RTC_IPA + 0x00)
#define RTC_LR		(GUEST_RTC_IPA + 0x08)
#define DATE(n)		(0x10000000u * (n))
#define DATE_RANGE	1000u

/* RAM that nothing is loaded to: its ends, and a page between. */
#define KEPT_AT(n)	(GUEST_WORK_IPA + (n) * ((uint64_t)GUEST_WORK_SIZE / 2 - 8))
#define NR_KEPT		3
#define FDT_MAGIC	0xedfe0dd0u

/* What a boot leaves to the next ones in such RAM. */
struct note {
	bool cleared;			/* RAM was zero after SYSTEM_RESET */
	bool kept;			/* and as it had been after SYSTEM_RESET2's 64-bit form */
	uint64_t not_refused;		/* types of reset that there are not */
};

#define NOTE		((struct note *)(GUEST_WORK_IPA + 0x10000))

static uint32_t dirty = 1;
static uint32_t arrived;
static const void *tree;

static void stay_on(void *arg __unused)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	for (;;)
		guest_relax();
}

/* Which boot this is: 0 to 3. */
static unsigned int boots(void)
{
	uint32_t now = guest_mmio_read32(RTC_DR);

	for (unsigned int n = 1; n <= 3; n++) {
		if (now - DATE(n) < DATE_RANGE)
			return n;
	}
	return 0;
}

/* Leave a mess behind: all vCPUs running, interrupts pending, RAM changed. */
static void make_a_mess(unsigned int boot)
{
	guest_mmio_write32(RTC_LR, DATE(boot + 1));
	test_irq_init();
	for (unsigned int i = 0; i < 16; i++)
		test_sgi_self(i);
	for (unsigned int i = 1; i < guest_nr_vcpus(); i++)
		test_start_vcpu(i, stay_on, NULL);
	TEST_WAIT(READ_ONCE(arrived) == guest_nr_vcpus() - 1);
	dirty = 2;
}

static void fill_ram(uint64_t seed)
{
	for (unsigned int i = 0; i < NR_KEPT; i++)
		*(uint64_t *)KEPT_AT(i) = seed + i;
}

static bool ram_holds(uint64_t seed)
{
	bool ok = true;

	for (unsigned int i = 0; i < NR_KEPT; i++)
		ok &= *(uint64_t *)KEPT_AT(i) == (seed ? seed + i : 0);
	return ok;
}

/* Reserved types of reset, and a vendor's. */
static void ask_for_resets_that_there_are_not(uint64_t fid)
{
	static const uint32_t types[] = { 1, 0x7fffffff, 0x80000000, 0xffffffff };

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		NOTE->not_refused += (int32_t)guest_hvc0(fid, types[i], 0, 0).x0 != PSCI_INVALID_PARAMETERS;
}

static void reset_warm(unsigned int boot, uint64_t fid)
{
	fill_ram(boot);
	ask_for_resets_that_there_are_not(fid);
	make_a_mess(boot);
	guest_hvc0(fid, 0, 0, 0);
	guest_fail(boot, fid, 0, "test_reset: SYSTEM_RESET2 has returned");
}

static void test_after(void)
{
	uint64_t sgi = guest_gic_redist() + GICR_SGI_FRAME;
	bool off = true;

	test_equal(dirty, 1, "RAM is as loaded");
	test_equal(arrived, 0, "and zero where it was");
	for (unsigned int i = 1; i < guest_nr_vcpus(); i++)
		off &= guest_vcpu_state(i) == 1;
	test_check(off, "the other vCPUs are off");
	test_equal(guest_mmio_read32(sgi + GIC_ISPENDR), 0, "nothing is pending");
	test_equal(guest_mmio_read32(sgi + GIC_ISENABLER), 0, "nor enabled");
	test_equal(guest_mmio_read32(sgi + GIC_IPRIORITYR), 0, "priorities are reset");
	test_check((guest_mmio_read32(GICD_CTLR) & 3) == 0, "no group is enabled");
	test_equal(guest_read_sysreg(ICC_PMR_EL1), 0, "ICC_PMR");
}

/* On QEMU's board a reset clears no RAM, and there is no other. */
static void test_ram(void)
{
	test_check(NOTE->cleared, "SYSTEM_RESET clears it");
	test_check(NOTE->kept, "SYSTEM_RESET2 keeps it, 64-bit form");
	test_check(ram_holds(2), "SYSTEM_RESET2 keeps it, 32-bit form");
	test_equal(*(const uint32_t *)tree, FDT_MAGIC, "the device tree is there");
	test_equal(NOTE->not_refused, 0, "SYSTEM_RESET2 has no other types");
}

static const struct test tests[] = {
	{ "after SYSTEM_RESET", test_after },
	{ "RAM", test_ram, .schism = true },
};

void guest_main(uint64_t dtb)
{
	unsigned int boot;

	guest_mmu_map(GUEST_RTC_IPA, GUEST_RTC_SIZE, GUEST_MAP_DEVICE);
	tree = (const void *)dtb;
	boot = boots();
	guest_printf("boot %u\n", boot);
	if (boot == 0) {
		fill_ram(7);
		make_a_mess(boot);
		guest_system_reset();
	}
	if (boot == 1 && (int32_t)guest_hvc0(PSCI_FEATURES, PSCI_SYSTEM_RESET2_64, 0, 0).x0 >= 0) {
		NOTE->cleared = ram_holds(0);
		reset_warm(boot, PSCI_SYSTEM_RESET2_64);
	}
	if (boot == 2) {
		NOTE->kept = ram_holds(1);
		reset_warm(boot, PSCI_SYSTEM_RESET2_32);
	}
	test_main("reset", tests, ARRAY_SIZE(tests));
}
