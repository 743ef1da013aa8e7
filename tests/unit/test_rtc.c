// SPDX-License-Identifier: MIT
/* The emulated PL031, on a machine whose clock and counter the test turns. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/timer.h"
#include "kernel/mm/hyp.h"
#include "kernel/vdev/clock.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vm.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"

#define DR	0x00
#define MR	0x04
#define LR	0x08
#define CR	0x0c
#define IMSC	0x10
#define RIS	0x14
#define MIS	0x18
#define ICR	0x1c

#define TODAY	1700000000u

static struct vm vm;
static bool line;
static uint32_t machine_clock;

static const struct vdev_ops *rtc_ops(void)
{
	SECTION_FOREACH(struct vdev_ops, it, schism_vdev) {
		if (!strcmp(it->name, "rtc"))
			return it;
	}
	abort();
}

int vdev_attach(struct vm *v, const struct vdev_ops *ops, uint64_t base, uint64_t size, struct vcpu *vcpu,
		void *state)
{
	assert_int_equal(base, GUEST_RTC_IPA);
	assert_int_equal(size, GUEST_RTC_SIZE);
	v->vdevs[v->nr_vdevs++] = (struct vdev){ ops, base, size, vcpu, state };
	return 0;
}

void vgic_set_line(struct vcpu *vcpu, unsigned int intid, bool level)
{
	assert_int_equal(intid, GUEST_RTC_INTID);
	line = level;
}

volatile void *hyp_map_device(const struct mem_region *regs)
{
	return &machine_clock;
}

bool machine_node_is(const void *fdt, int node, const char *compat)
{
	return !strcmp(compat, "test,rtc");
}

static uint32_t machine_clock_read(const volatile void *regs)
{
	return *(const volatile uint32_t *)regs;
}

RTC_DRIVER(test_rtc) = {
	.compatible = "test,rtc",
	.read = machine_clock_read,
};

static uint32_t get(uint32_t offset)
{
	struct vdev_access access = { .size = 4 };

	assert_true(rtc_ops()->access(NULL, &vm.vdevs[0], offset, &access));
	return (uint32_t)access.val;
}

static void put(uint32_t offset, uint32_t val)
{
	struct vdev_access access = { .size = 4, .write = true, .val = val };

	assert_true(rtc_ops()->access(NULL, &vm.vdevs[0], offset, &access));
}

static unsigned int fraction;		/* 64ths of a second of the machine's clock */

/* Let n 64ths of a second pass, with timer interrupts as they come. Returns how many came. */
static unsigned int pass(unsigned int n)
{
	unsigned int fired = 0;

	while (n--) {
		fake_counter += fake_counter_hz / 64;
		machine_clock += ++fraction % 64 == 0;
		if (fake_counter >= fake_timer_deadline) {
			fired++;
			timer_interrupt(&this_cpu()->timers);
		}
	}
	return fired;
}

static int setup(void **state)
{
	struct machine machine = { .has_rtc = true };

	fake_reset();
	machine_clock = TODAY;
	clock_init(&machine);
	memset(&vm, 0, sizeof(vm));
	line = false;
	assert_int_equal(rtc_ops()->create(&vm, rtc_ops()), 0);
	rtc_ops()->reset(&vm, &vm.vdevs[0]);
	return 0;
}

static int teardown(void **state)
{
	rtc_ops()->destroy(&vm, &vm.vdevs[0]);
	assert_true(list_empty(&cpus[0].timers.list));
	return 0;
}

static void test_time_is_that_of_the_machine_until_the_guest_sets_it(void **state)
{
	assert_int_equal(get(DR), TODAY);
	machine_clock += 5;
	assert_int_equal(get(DR), TODAY + 5);
	put(LR, 1000);
	assert_int_equal(get(DR), 1000);
	assert_int_equal(get(LR), 1000);
	machine_clock += 7;
	assert_int_equal(get(DR), 1007);
}

static void test_time_that_the_guest_set_outlives_its_reset_only(void **state)
{
	put(LR, 1000);
	put(MR, 2000);
	put(IMSC, 1);
	rtc_ops()->reset(&vm, &vm.vdevs[0]);
	assert_int_equal(get(DR), 1000);
	assert_int_equal(get(MR), 0);
	assert_int_equal(get(IMSC), 0);
	teardown(NULL);
	setup(NULL);
	assert_int_equal(get(DR), TODAY);
}

static void test_without_a_clock_time_starts_with_the_machine(void **state)
{
	struct machine machine = { .has_rtc = false };

	clock_init(&machine);
	fake_counter = 3 * fake_counter_hz;
	assert_int_equal(get(DR), 3);
}

static void test_alarm_comes_as_its_second_begins(void **state)
{
	/* However the counter's and the clock's seconds are apart. */
	for (unsigned int phase = 0; phase < 64; phase++) {
		uint32_t alarm = get(DR) + 3;

		put(MR, alarm);
		put(IMSC, 1);
		for (unsigned int i = 0; i < 5 * 64 && !line; i++)
			pass(1);
		assert_true(line);
		assert_int_equal(get(DR), alarm);
		assert_in_range(fraction % 64, 0, 2);
		assert_int_equal(get(MIS), 1);
		put(ICR, 1);
		assert_false(line);
		assert_int_equal(get(RIS), 0);
		pass(129);
		assert_false(line);
	}
}

static void test_alarm_costs_few_timer_interrupts(void **state)
{
	put(MR, TODAY + 7200);
	put(IMSC, 1);
	assert_in_range(pass(64 * 7200 + 4), 1, 40);
	assert_true(line);
}

static void test_without_interrupt_enabled_no_timer_runs_but_the_match_is_seen(void **state)
{
	put(MR, TODAY + 3);
	assert_true(list_empty(&cpus[0].timers.list));
	assert_int_equal(get(RIS), 0);
	pass(64 * 10);
	assert_int_equal(get(RIS), 1);
	assert_int_equal(get(MIS), 0);
	assert_false(line);
	put(IMSC, 1);
	assert_true(line);
	assert_true(list_empty(&cpus[0].timers.list));
}

static void test_alarm_for_now_is_immediate_and_for_the_past_never(void **state)
{
	put(IMSC, 1);
	put(MR, TODAY - 1);
	assert_false(line);
	put(MR, TODAY);
	assert_true(line);
}

static void test_setting_the_clock_moves_the_alarm(void **state)
{
	put(MR, TODAY + 1000);
	put(IMSC, 1);
	put(LR, TODAY + 998);
	pass(64);
	assert_false(line);
	pass(66);
	assert_true(line);
	put(ICR, 1);
	put(LR, TODAY + 1000);
	assert_true(line);
}

static void test_clock_that_is_set_back_raises_nothing(void **state)
{
	put(MR, TODAY + 100);
	put(IMSC, 1);
	machine_clock -= 50;
	assert_int_equal(get(RIS), 0);
	machine_clock += 149;
	assert_int_equal(get(RIS), 0);
	machine_clock += 1;
	assert_int_equal(get(RIS), 1);
}

static void test_match_register_of_reset_raises_nothing(void **state)
{
	put(IMSC, 1);
	pass(640);
	assert_int_equal(get(RIS), 0);
}

static void test_alarm_moves_to_the_cpu_that_touches_it_last(void **state)
{
	put(MR, TODAY + 1);
	put(IMSC, 1);
	assert_false(list_empty(&cpus[0].timers.list));
	fake_this_cpu = &cpus[1];
	put(MR, TODAY + 2);
	assert_true(list_empty(&cpus[0].timers.list));
	assert_false(list_empty(&cpus[1].timers.list));
	pass(200);
	assert_true(line);
	assert_true(list_empty(&cpus[1].timers.list));
	fake_this_cpu = &cpus[0];
}

static void test_identification_and_fixed_registers(void **state)
{
	static const uint8_t ids[] = { 0x31, 0x10, 0x14, 0, 0x0d, 0xf0, 0x05, 0xb1 };
	struct vdev_access narrow = { .size = 1 }, wide = { .size = 8 };

	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(get(0xfe0 + 4 * i), ids[i]);
	put(CR, 0);
	assert_int_equal(get(CR), 1);
	put(DR, 5);
	assert_int_equal(get(DR), TODAY);
	put(RIS, 1);
	assert_int_equal(get(RIS), 0);
	put(IMSC, 0xffffffff);
	assert_int_equal(get(IMSC), 1);
	assert_int_equal(get(0x100), 0);
	assert_true(rtc_ops()->access(NULL, &vm.vdevs[0], DR + 1, &narrow));
	assert_true(rtc_ops()->allows(&vm.vdevs[0], DR + 1, &narrow));
	assert_false(rtc_ops()->allows(&vm.vdevs[0], DR, &wide));
	assert_int_equal(narrow.val & 0xff, TODAY >> 8 & 0xff);
	assert_false(rtc_ops()->access(NULL, &vm.vdevs[0], DR, &wide));
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_time_is_that_of_the_machine_until_the_guest_sets_it),
		TEST(test_time_that_the_guest_set_outlives_its_reset_only),
		TEST(test_without_a_clock_time_starts_with_the_machine),
		TEST(test_alarm_comes_as_its_second_begins),
		TEST(test_alarm_costs_few_timer_interrupts),
		TEST(test_without_interrupt_enabled_no_timer_runs_but_the_match_is_seen),
		TEST(test_alarm_for_now_is_immediate_and_for_the_past_never),
		TEST(test_setting_the_clock_moves_the_alarm),
		TEST(test_clock_that_is_set_back_raises_nothing),
		TEST(test_match_register_of_reset_raises_nothing),
		TEST(test_alarm_moves_to_the_cpu_that_touches_it_last),
		TEST(test_identification_and_fixed_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
