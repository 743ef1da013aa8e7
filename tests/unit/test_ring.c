// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ring.h"

static struct ring ring;
static uint8_t buf[8];

static void test_bytes_come_out_in_order(void **state)
{
	uint8_t byte;

	(void)state;
	ring_init(&ring, buf, sizeof(buf));
	assert_false(ring_get(&ring, &byte));
	for (unsigned int round = 0; round < 100; round++) {
		for (uint8_t i = 0; i < 5; i++)
			assert_true(ring_put(&ring, round + i));
		assert_int_equal(ring_count(&ring), 5);
		for (uint8_t i = 0; i < 5; i++) {
			assert_true(ring_get(&ring, &byte));
			assert_int_equal(byte, (uint8_t)(round + i));
		}
		assert_false(ring_get(&ring, &byte));
	}
}

static void test_full_ring_refuses_and_keeps_what_it_has(void **state)
{
	uint8_t byte;

	(void)state;
	ring_init(&ring, buf, sizeof(buf));
	for (uint8_t i = 0; i < sizeof(buf); i++) {
		assert_int_equal(ring_space(&ring), sizeof(buf) - i);
		assert_true(ring_put(&ring, i));
	}
	assert_int_equal(ring_space(&ring), 0);
	assert_false(ring_put(&ring, 99));
	for (uint8_t i = 0; i < sizeof(buf); i++) {
		assert_true(ring_get(&ring, &byte));
		assert_int_equal(byte, i);
	}
}

static void test_indices_wrap_around(void **state)
{
	uint8_t byte;

	(void)state;
	ring_init(&ring, buf, sizeof(buf));
	ring.head = ring.tail = UINT32_MAX - 2;
	for (uint8_t i = 0; i < sizeof(buf); i++)
		assert_true(ring_put(&ring, i));
	assert_false(ring_put(&ring, 0));
	assert_int_equal(ring_count(&ring), sizeof(buf));
	for (uint8_t i = 0; i < sizeof(buf); i++) {
		assert_true(ring_get(&ring, &byte));
		assert_int_equal(byte, i);
	}
	assert_int_equal(ring_count(&ring), 0);
}

#define TRANSFER	100000

static void *produce(void *arg)
{
	struct ring *r = arg;

	for (uint32_t i = 0; i < TRANSFER; i++)
		while (!ring_put(r, (uint8_t)(i * 7)))
			sched_yield();
	return NULL;
}

static void test_one_producer_and_one_consumer_need_no_lock(void **state)
{
	pthread_t producer;
	uint8_t byte;

	(void)state;
	ring_init(&ring, buf, sizeof(buf));
	assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
	for (uint32_t i = 0; i < TRANSFER; i++) {
		while (!ring_get(&ring, &byte))
			sched_yield();
		assert_int_equal(byte, (uint8_t)(i * 7));
	}
	pthread_join(producer, NULL);
	assert_int_equal(ring_count(&ring), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_come_out_in_order),
		cmocka_unit_test(test_full_ring_refuses_and_keeps_what_it_has),
		cmocka_unit_test(test_indices_wrap_around),
		cmocka_unit_test(test_one_producer_and_one_consumer_need_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
