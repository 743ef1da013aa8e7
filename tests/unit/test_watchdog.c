// SPDX-License-Identifier: MIT
/* The emulated generic watchdog, on a counter that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/timer.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "kernel/vm/vmtime.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define WRR	0x000
#define WCS	0x000
#define WOR	0x008
#define WCV	0x010
#define IIDR	0xfcc
#define EN	1u
#define WS0	2u
#define LIFE	7
#define OFFSET_MAX	((UINT64_C(1) << 48) - 1)

static struct vm vm;
static struct vcpu vcpu = { .vm = &vm };
static const struct vdev_ops *ops(void);

static bool line;
static unsigned int bites;
static struct vdev *refresh, *control;

int vdev_attach(struct vm *v, const struct vdev_ops *ops, uint64_t base, uint64_t size, struct vcpu *owner,
		void *state)
{
	v->vdevs[v->nr_vdevs++] = (struct vdev){ ops, base, size, owner, state };
	return 0;
}

void vgic_set_line(struct vcpu *to, unsigned int intid, bool level)
{
	assert_ptr_equal(to, &vcpu);
	assert_int_equal(intid, GUEST_WATCHDOG_INTID);
	line = level;
}

void vm_kill(struct vm *v, uint64_t life, enum vm_crash_reason reason)
{
	assert_ptr_equal(v, &vm);
	assert_int_equal(life, LIFE);
	assert_int_equal(reason, VM_CRASH_WATCHDOG);
	bites++;
}

void vdev_clock_all(struct vm *v)
{
	ops()->clock(v, refresh);
	ops()->clock(v, control);
}

static const struct vdev_ops *ops(void)
{
	SECTION_FOREACH(struct vdev_ops, it, schism_vdev)
		return it;
	abort();
}

static bool access(struct vdev *dev, uint32_t offset, unsigned int size, bool write, uint64_t *val)
{
	struct vdev_access access = { .ipa = dev->base + offset, .size = size, .write = write, .val = *val };
	bool allowed = ops()->allows(dev, offset, &access);
	bool done = ops()->access(&vcpu, dev, offset, &access);

	assert_int_equal(allowed, done);
	*val = access.val;
	return done;
}

static void put(struct vdev *dev, uint32_t offset, unsigned int size, uint64_t val)
{
	assert_true(access(dev, offset, size, true, &val));
}

static uint64_t get(uint32_t offset, unsigned int size)
{
	uint64_t val = 0;

	assert_true(access(control, offset, size, false, &val));
	return val;
}

/* Time passes, and the timer interrupt comes when it is due. */
static void pass(uint64_t ticks)
{
	fake_counter += ticks;
	if (fake_timer_deadline <= fake_counter)
		timer_interrupt(&this_cpu()->timers);
}

static int setup(void **state)
{
	if (vm.nr_vdevs)
		ops()->destroy(&vm, &vm.vdevs[0]);
	fake_reset();
	vm = (struct vm){ .id = 0, .nr_vcpus = 1, .vcpus = { &vcpu }, .life = LIFE };
	vcpu.state = VCPU_OFF;
	line = false;
	bites = 0;
	assert_int_equal(ops()->create(&vm, ops()), 0);
	assert_int_equal(vm.nr_vdevs, 2);
	refresh = &vm.vdevs[0];
	control = &vm.vdevs[1];
	assert_int_equal(refresh->base, GUEST_WATCHDOG_REFRESH_IPA);
	ops()->reset(&vm, refresh);
	ops()->reset(&vm, control);
	fake_counter = 1000000;
	return 0;
}

static void test_it_is_off_after_a_reset(void **state)
{
	assert_int_equal(get(WCS, 4), 0);
	assert_int_equal(get(WOR, 8), 0);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
	pass(UINT64_C(1) << 50);
	assert_int_equal(bites, 0);
	assert_false(line);
}

static void test_first_the_interrupt_then_the_bite(void **state)
{
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	assert_int_equal(get(WCV, 8), fake_counter + 500);
	pass(499);
	assert_int_equal(get(WCS, 4), EN);
	pass(1);
	assert_int_equal(get(WCS, 4), EN | WS0);
	assert_true(line);
	assert_int_equal(get(WCV, 8), fake_counter + 500);
	pass(499);
	assert_int_equal(bites, 0);
	pass(1);
	assert_int_equal(bites, 1);
	/* Once. */
	pass(100000);
	assert_int_equal(bites, 1);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
}

static void test_a_refresh_begins_anew_and_lowers_the_line(void **state)
{
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	for (unsigned int i = 0; i < 10; i++) {
		pass(500 + i);
		assert_true(line);
		put(refresh, WRR, 4, 0);
		assert_false(line);
		assert_int_equal(get(WCS, 4), EN);
		assert_int_equal(get(WCV, 8), fake_counter + 500);
	}
	/* Writing the offset, or the control register, is a refresh, too. */
	pass(500);
	put(control, WOR, 4, 700);
	assert_int_equal(get(WCS, 4), EN);
	assert_int_equal(get(WCV, 8), fake_counter + 700);
	pass(700);
	put(control, WCS, 4, EN);
	assert_int_equal(get(WCS, 4), EN);
	assert_int_equal(bites, 0);
}

static void test_disabled_it_does_nothing(void **state)
{
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	pass(500);
	put(control, WCS, 4, 0);
	assert_false(line);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
	pass(5000);
	assert_int_equal(bites, 0);
}

static void test_the_offset_has_48_bits(void **state)
{
	put(control, WOR, 8, UINT64_MAX);
	assert_int_equal(get(WOR, 8), OFFSET_MAX);
	put(control, WCS, 4, EN);
	assert_int_equal(get(WCV, 8), fake_counter + OFFSET_MAX);
	assert_int_equal(get(WCV + 4, 4), (fake_counter + OFFSET_MAX) >> 32);
	pass(OFFSET_MAX - 1);
	assert_false(line);
	pass(1);
	assert_true(line);
	/* Read-only, or not there. */
	assert_int_equal(get(IIDR, 4), 0x0001043b);
	put(control, IIDR, 4, 0);
	assert_int_equal(get(IIDR, 4), 0x0001043b);
	assert_int_equal(get(0x800, 8), 0);
}

static void test_an_offset_of_nothing_bites_at_once_and_ends(void **state)
{
	put(control, WCS, 4, EN);
	pass(0);
	assert_int_equal(bites, 1);
	pass(1000);
	assert_int_equal(bites, 1);
}

static void test_a_compare_value_that_never_comes_never_bites(void **state)
{
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	put(control, WCV, 8, UINT64_MAX);
	pass(UINT64_C(1) << 60);
	assert_false(line);
	assert_int_equal(bites, 0);
	/* One that is past already comes at once. */
	put(control, WCV, 8, 1);
	pass(0);
	assert_true(line);
	assert_int_equal(bites, 0);
}

/* The sum of counter and offset wraps. */
static void test_the_end_of_the_counters_range_is_not_the_end(void **state)
{
	fake_counter = UINT64_MAX - 100;
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	pass(0);
	pass(0);
	assert_true(bites <= 1);
}

static void test_small_accesses_are_refused(void **state)
{
	uint64_t val = 0;

	assert_false(access(control, WCS, 1, true, &val));
	assert_false(access(control, WCS, 2, false, &val));
	assert_false(access(refresh, WRR, 1, true, &val));
}

static void test_destroyed_or_reset_it_bites_nobody(void **state)
{
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	pass(500);
	ops()->reset(&vm, refresh);
	assert_false(line);
	pass(5000);
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	ops()->destroy(&vm, refresh);
	ops()->destroy(&vm, control);
	vm.nr_vdevs = 0;
	vm.vcpus[0] = NULL;
	pass(5000);
	assert_int_equal(bites, 0);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
}

static void test_a_paused_vm_is_not_bitten(void **state)
{
	put(control, WOR, 4, 500);
	put(control, WCS, 4, EN);
	pass(300);
	vm.state = VM_PAUSED;
	/* Not before its last vCPU has left. */
	vcpu.state = VCPU_RUNNING;
	vmtime_stop_if_left(&vm);
	pass(50);
	vcpu.state = VCPU_BLOCKED;
	vmtime_stop_if_left(&vm);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
	for (unsigned int i = 0; i < 10; i++) {
		pass(100000);
		assert_int_equal(vmtime_now(&vm), 1000350);
		assert_false(line);
	}
	vm.state = VM_RUNNING;
	vmtime_go(&vm);
	/* What was left of the period is left of it still. */
	assert_int_equal(get(WCV, 8), 1000500);
	pass(149);
	assert_false(line);
	pass(1);
	assert_true(line);
	assert_int_equal(bites, 0);
	pass(500);
	assert_int_equal(bites, 1);
}

static void test_random_accesses_leave_one_timer_at_most(void **state)
{
	for (unsigned int n = 0; n < 100000; n++) {
		uint64_t val = random_u64() >> random_below(64);
		unsigned int size = 4u << random_below(2);

		access(random_below(4) ? control : refresh, random_below(8) * size, size, random_below(3),
		       &val);
		pass(random_below(4) ? random_below(1000) : random_u64() >> 32);
		assert_true(list_empty(&this_cpu()->timers.list) ||
			    this_cpu()->timers.list.next == this_cpu()->timers.list.prev);
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_it_is_off_after_a_reset),
		T(test_first_the_interrupt_then_the_bite),
		T(test_a_refresh_begins_anew_and_lowers_the_line),
		T(test_disabled_it_does_nothing),
		T(test_the_offset_has_48_bits),
		T(test_an_offset_of_nothing_bites_at_once_and_ends),
		T(test_a_compare_value_that_never_comes_never_bites),
		T(test_the_end_of_the_counters_range_is_not_the_end),
		T(test_small_accesses_are_refused),
		T(test_destroyed_or_reset_it_bites_nobody),
		T(test_a_paused_vm_is_not_bitten),
		T(test_random_accesses_leave_one_timer_at_most),
	};
#undef T

	random_seed("test_watchdog");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
