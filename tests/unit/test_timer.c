// SPDX-License-Identifier: MIT
/* One-shot timers of a CPU, against a counter that the test sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/timer.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define NR_TIMERS	8

static struct timer timers[NR_TIMERS];
static unsigned int order[64], nr_fired;

static struct timer_queue *queue(void)
{
	return &this_cpu()->timers;
}

static void fired(struct timer *timer)
{
	assert_false(timer_is_armed(timer));
	order[nr_fired++] = (unsigned int)(timer - timers);
}

static int setup(void **state)
{
	fake_reset();
	for (unsigned int i = 0; i < NR_TIMERS; i++)
		timer_init(&timers[i], fired);
	nr_fired = 0;
	return 0;
}

static void interrupt_at(uint64_t now)
{
	fake_counter = now;
	timer_interrupt(queue());
}

static void test_timers_fire_in_the_order_of_their_deadlines(void **state)
{
	timer_arm(queue(), &timers[0], 300);
	timer_arm(queue(), &timers[1], 100);
	timer_arm(queue(), &timers[2], 200);
	assert_int_equal(fake_timer_deadline, 100);
	interrupt_at(250);
	assert_int_equal(nr_fired, 2);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	assert_int_equal(fake_timer_deadline, 300);
	interrupt_at(300);
	assert_int_equal(nr_fired, 3);
	assert_int_equal(order[2], 0);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
}

static void test_equal_deadlines_fire_in_the_order_of_arming(void **state)
{
	for (unsigned int i = 0; i < 4; i++)
		timer_arm(queue(), &timers[3 - i], 50);
	interrupt_at(50);
	assert_int_equal(nr_fired, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(order[i], 3 - i);
}

static void test_a_timer_does_not_fire_before_its_deadline(void **state)
{
	timer_arm(queue(), &timers[0], 100);
	interrupt_at(99);
	assert_int_equal(nr_fired, 0);
	assert_true(timer_is_armed(&timers[0]));
	assert_int_equal(fake_timer_deadline, 100);
	interrupt_at(100);
	assert_int_equal(nr_fired, 1);
	interrupt_at(200);
	assert_int_equal(nr_fired, 1);
}

static void test_a_deadline_that_has_passed_is_programmed_all_the_same(void **state)
{
	fake_counter = 1000;
	timer_arm(queue(), &timers[0], 10);
	/* The hardware fires at once for it. */
	assert_int_equal(fake_timer_deadline, 10);
	assert_int_equal(nr_fired, 0);
	interrupt_at(1000);
	assert_int_equal(nr_fired, 1);
}

static void test_a_cancelled_timer_does_not_fire(void **state)
{
	timer_arm(queue(), &timers[0], 100);
	timer_arm(queue(), &timers[1], 200);
	timer_cancel(queue(), &timers[0]);
	assert_false(timer_is_armed(&timers[0]));
	assert_int_equal(fake_timer_deadline, 200);
	timer_cancel(queue(), &timers[0]);
	interrupt_at(1000);
	assert_int_equal(nr_fired, 1);
	assert_int_equal(order[0], 1);
	timer_cancel(queue(), &timers[1]);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
}

static void test_cancelling_the_last_timer_stops_the_tick(void **state)
{
	timer_arm(queue(), &timers[0], 100);
	timer_cancel(queue(), &timers[0]);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
}

static void test_arming_again_moves_the_deadline(void **state)
{
	timer_arm(queue(), &timers[0], 100);
	timer_arm(queue(), &timers[1], 200);
	timer_arm(queue(), &timers[0], 300);
	assert_int_equal(fake_timer_deadline, 200);
	timer_arm(queue(), &timers[1], 400);
	interrupt_at(350);
	assert_int_equal(nr_fired, 1);
	assert_int_equal(order[0], 0);
	interrupt_at(400);
	assert_int_equal(nr_fired, 2);
}

static void periodic(struct timer *timer)
{
	fired(timer);
	timer_arm(queue(), timer, fake_counter + 100);
}

static void test_a_timer_may_arm_itself_again_when_it_fires(void **state)
{
	timer_init(&timers[0], periodic);
	timer_arm(queue(), &timers[0], 100);
	for (uint64_t now = 100; now <= 1000; now += 100)
		interrupt_at(now);
	assert_int_equal(nr_fired, 10);
	assert_int_equal(fake_timer_deadline, 1100);
}

static void canceller(struct timer *timer)
{
	fired(timer);
	timer_cancel(queue(), &timers[1]);
	timer_arm(queue(), &timers[2], fake_counter);
}

static void test_a_firing_timer_may_cancel_and_arm_others(void **state)
{
	timer_init(&timers[0], canceller);
	timer_arm(queue(), &timers[0], 100);
	timer_arm(queue(), &timers[1], 100);
	interrupt_at(100);
	assert_int_equal(nr_fired, 2);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 2);
}

static void test_the_queue_agrees_with_a_model_whatever_happens(void **state)
{
	uint64_t deadline[NR_TIMERS];

	memset(deadline, 0xff, sizeof(deadline));
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int i = random_below(NR_TIMERS);
		uint64_t earliest = UINT64_MAX, last = 0;

		switch (random_below(4)) {
		case 0:
		case 1:
			deadline[i] = fake_counter + random_below(1000) - MIN(fake_counter, 100);
			timer_arm(queue(), &timers[i], deadline[i]);
			break;
		case 2:
			deadline[i] = UINT64_MAX;
			timer_cancel(queue(), &timers[i]);
			break;
		default:
			nr_fired = 0;
			interrupt_at(fake_counter + random_below(200));
			for (unsigned int n = 0; n < nr_fired; n++) {
				assert_true(deadline[order[n]] <= fake_counter);
				assert_true(deadline[order[n]] >= last);
				last = deadline[order[n]];
				deadline[order[n]] = UINT64_MAX;
			}
			for (i = 0; i < NR_TIMERS; i++)
				assert_true(deadline[i] == UINT64_MAX || deadline[i] > fake_counter);
		}
		for (i = 0; i < NR_TIMERS; i++) {
			assert_int_equal(timer_is_armed(&timers[i]), deadline[i] != UINT64_MAX);
			earliest = MIN(earliest, deadline[i]);
		}
		assert_int_equal(fake_timer_deadline, earliest);
	}
}

static void test_microseconds_and_ticks_convert_without_overflow(void **state)
{
	static const uint64_t frequencies[] = { 1000000, 19200000, 24000000, 62500000, 1000000000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(frequencies); i++) {
		uint64_t hz = fake_counter_hz = frequencies[i];

		assert_int_equal(timer_us_to_ticks(0), 0);
		assert_int_equal(timer_us_to_ticks(1000000), hz);
		assert_int_equal(timer_us_to_ticks(10000), hz / 100);
		assert_int_equal(timer_us_to_ticks(1), hz / 1000000);
		assert_int_equal(timer_ticks_to_us(hz), 1000000);
		assert_int_equal(timer_ticks_to_us(hz * 3 / 2), 1500000);
		/* A century of uptime, there and back. */
		assert_int_equal(timer_us_to_ticks(UINT64_C(3155760000) * 1000000), 3155760000 * hz);
		assert_int_equal(timer_ticks_to_us(3155760000 * hz), UINT64_C(3155760000) * 1000000);
	}
	fake_counter_hz = 62500000;
	assert_int_equal(timer_us_to_ticks(2), 125);
	assert_int_equal(timer_ticks_to_us(124), 1);
	assert_int_equal(timer_ticks_to_us(125), 2);
}

static void test_a_counter_without_a_frequency_divides_by_nothing(void **state)
{
	fake_counter_hz = 0;
	assert_int_equal(timer_ticks_to_us(12345), 0);
	assert_int_equal(timer_us_to_ticks(12345), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_timers_fire_in_the_order_of_their_deadlines, setup),
		cmocka_unit_test_setup(test_equal_deadlines_fire_in_the_order_of_arming, setup),
		cmocka_unit_test_setup(test_a_timer_does_not_fire_before_its_deadline, setup),
		cmocka_unit_test_setup(test_a_deadline_that_has_passed_is_programmed_all_the_same, setup),
		cmocka_unit_test_setup(test_a_cancelled_timer_does_not_fire, setup),
		cmocka_unit_test_setup(test_cancelling_the_last_timer_stops_the_tick, setup),
		cmocka_unit_test_setup(test_arming_again_moves_the_deadline, setup),
		cmocka_unit_test_setup(test_a_timer_may_arm_itself_again_when_it_fires, setup),
		cmocka_unit_test_setup(test_a_firing_timer_may_cancel_and_arm_others, setup),
		cmocka_unit_test_setup(test_the_queue_agrees_with_a_model_whatever_happens, setup),
		cmocka_unit_test_setup(test_microseconds_and_ticks_convert_without_overflow, setup),
		cmocka_unit_test_setup(test_a_counter_without_a_frequency_divides_by_nothing, setup),
	};

	random_seed("test_timer");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
