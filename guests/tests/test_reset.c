// SPDX-License-Identifier: MIT
/*
 * test_reset: PSCI SYSTEM_RESET, and SYSTEM_RESET2 where there is one, with all vCPUs on. The clock alone
 * goes on through a reset, so its date says how often the VM has been reset.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define RTC_DR		(GUEST_RTC_IPA + 0x00)
#define RTC_LR		(GUEST_RTC_IPA + 0x08)
#define DATE(n)		(0x10000000u * (n))
#define DATE_RANGE	1000u

static uint32_t dirty = 1;
static uint32_t arrived;

static void stay_on(void *arg __unused)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	for (;;)
		guest_relax();
}

/* Which boot this is: 0, 1, 2. */
static unsigned int boots(void)
{
	uint32_t now = guest_mmio_read32(RTC_DR);

	for (unsigned int n = 1; n <= 2; n++) {
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

static const struct test tests[] = {
	{ "after SYSTEM_RESET", test_after },
};

void guest_main(uint64_t dtb __unused)
{
	unsigned int boot;

	guest_mmu_map(GUEST_RTC_IPA, GUEST_RTC_SIZE, GUEST_MAP_DEVICE);
	boot = boots();
	guest_printf("boot %u\n", boot);
	if (boot == 0) {
		make_a_mess(boot);
		guest_system_reset();
	}
	if (boot == 1 && (int32_t)guest_hvc0(PSCI_FEATURES, PSCI_SYSTEM_RESET2_64, 0, 0).x0 >= 0) {
		make_a_mess(boot);
		guest_hvc0(PSCI_SYSTEM_RESET2_64, 0, 0, 0);
		guest_fail(boot, 0, 0, "test_reset: SYSTEM_RESET2 has returned");
	}
	test_main("reset", tests, ARRAY_SIZE(tests));
}
