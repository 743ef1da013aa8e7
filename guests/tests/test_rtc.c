// SPDX-License-Identifier: MIT
/*
 * test_rtc: the PL031 (DDI 0224): identification, setting, counting, and the alarm. Takes a few seconds of
 * the machine's time.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define REG(offset)	(GUEST_RTC_IPA + (offset))
#define DR		REG(0x00)
#define MR		REG(0x04)
#define LR		REG(0x08)
#define CR		REG(0x0c)
#define IMSC		REG(0x10)
#define RIS		REG(0x14)
#define MIS		REG(0x18)
#define ICR		REG(0x1c)
#define SOME_DATE	0x60000000u
#define VTIMER_INTID	27

static uint32_t get(uint64_t reg)
{
	return guest_mmio_read32(reg);
}

static void set(uint64_t reg, uint32_t value)
{
	guest_mmio_write32(reg, value);
}

static void test_identification(void)
{
	static const uint8_t ids[8] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	bool ok = true;

	for (unsigned int i = 0; i < 8; i++) {
		uint32_t id = get(REG(0xfe0 + 4 * i)), mask = i == 2 ? 0x0f : 0xff;

		ok &= (id & mask) == ids[i] && id <= 0xff;
	}
	test_check(ok, "PrimeCell PL031");
	test_check(get(CR) & 1, "it is running");
	test_check(get(DR) > 1577836800u, "the date is after 2019");
}

static void test_set(void)
{
	uint32_t first;

	set(LR, SOME_DATE);
	first = get(DR);
	test_check(first == SOME_DATE || first == SOME_DATE + 1, "DR follows LR");
	test_equal(get(LR), SOME_DATE, "LR reads back");
	set(MR, 0x12345678);
	test_equal(get(MR), 0x12345678, "MR reads back");
}

static void silence(unsigned int intid)
{
	if (intid == GUEST_RTC_INTID)
		set(IMSC, 0);
	else
		guest_write_sysreg("cntv_ctl_el0", 0);
}

/* Sleep for a moment, or until the alarm; then interrupts are let in. */
static void nap(void)
{
	guest_irq_mask();
	guest_write_sysreg("cntv_cval_el0", guest_counter() + test_second() / 64);
	guest_write_sysreg("cntv_ctl_el0", 1);
	guest_isb();
	__asm__ volatile("wfi" : : : "memory");
	guest_write_sysreg("cntv_ctl_el0", 0);
	guest_isb();
	guest_irq_unmask();
	guest_isb();
}

/* TEST_WAIT() for longer, and asleep. */
#define WAIT_SECONDS(seconds, condition)							\
	({											\
		uint64_t end_ = guest_counter() + (seconds) * test_second();			\
												\
		while (!(condition) && guest_counter() < end_)					\
			nap();									\
		(condition);									\
	})

static void test_advance(void)
{
	uint32_t first = get(DR);
	uint64_t start;

	test_irq_init();
	test_irq_handler(silence);
	test_gic_set(GIC_ISENABLER, VTIMER_INTID);
	test_check(WAIT_SECONDS(2, get(DR) != first) && get(DR) - first == 1, "by one");
	start = guest_counter();
	test_check(WAIT_SECONDS(2, get(DR) - first >= 2), "and again");
	test_check(guest_counter() - start > test_second() / 2, "after a second");
}

#define TAKEN	test_irq_count(0, GUEST_RTC_INTID)

static void test_alarm(void)
{
	uint32_t now;

	guest_mmio_write64(GICD_IROUTER(GUEST_RTC_INTID), 0);
	test_gic_priority(GUEST_RTC_INTID, GIC_PRIORITY_DEFAULT);
	guest_mmio_write32(GUEST_GICD_IPA + GIC_IGROUPR + 4, ~0u);
	test_irq_handler(silence);
	set(IMSC, 0);
	set(ICR, 1);
	test_gic_set(GIC_ISENABLER, GUEST_RTC_INTID);
	guest_irq_unmask();
	now = get(DR);
	set(MR, now + 1000);
	set(ICR, 1);
	set(IMSC, 1);
	test_equal(get(RIS) | get(MIS), 0, "none before its time");
	set(MR, now + 2);
	test_check(TAKEN == 0 || get(DR) >= now + 2, "not at once");
	test_check(WAIT_SECONDS(4, TAKEN == 1), "taken");
	test_check(get(DR) - now >= 2 && get(DR) - now <= 3, "in time");
	test_equal(get(RIS), 1, "RIS");
	test_equal(get(MIS), 0, "MIS, masked by the handler");
	test_equal(get(IMSC), 0, "IMSC");
	set(ICR, 1);
	test_equal(get(RIS), 0, "ICR clears RIS");
	set(IMSC, 1);
	test_delay(test_us(100));
	test_equal(TAKEN, 1, "not taken again");
	set(IMSC, 0);
	guest_irq_mask();
}

/* The vCPU sleeps until the alarm: nothing but the clock's own timer can wake it. */
static void test_wake(void)
{
	uint32_t now;

	test_irq_handler(silence);
	now = get(DR);
	set(ICR, 1);
	set(MR, now + 2);
	set(IMSC, 1);
	while (!TAKEN) {
		guest_dsb();
		__asm__ volatile("wfi" : : : "memory");
		guest_irq_unmask();
		guest_isb();
		guest_irq_mask();
	}
	test_check(get(DR) - now >= 2, "WFI until the alarm");
	set(ICR, 1);
}

static const struct test tests[] = {
	{ "identification", test_identification },
	{ "set", test_set },
	{ "advances", test_advance },
	{ "alarm", test_alarm },
	{ "wake", test_wake },
};

void guest_main(uint64_t dtb __unused)
{
	guest_mmu_map(GUEST_RTC_IPA, GUEST_RTC_SIZE, GUEST_MAP_DEVICE);
	test_main("rtc", tests, ARRAY_SIZE(tests));
}
