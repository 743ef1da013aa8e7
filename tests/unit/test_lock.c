// SPDX-License-Identifier: MIT
/* Ticket locks between threads that play CPUs, and the order in which locks nest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "kernel/lock.h"
#include "tests/host/fake.h"

#define NR_THREADS	MIN(4, CONFIG_NR_CPUS)
#define ROUNDS		20000

static struct spinlock low, high;

static int setup(void **state)
{
	fake_reset();
	spin_init(&low, RANK_VM);
	spin_init(&high, RANK_CONSOLE);
	return 0;
}

static void test_a_lock_can_be_taken_again_after_its_release(void **state)
{
	/* More often than its tickets count. */
	for (unsigned int i = 0; i < 70000; i++) {
		spin_lock(&low);
		spin_unlock(&low);
	}
	assert_int_equal(this_cpu()->locks_held, 0);
}

static void test_locks_nest_in_growing_rank(void **state)
{
	spin_lock(&low);
	spin_lock(&high);
	spin_unlock(&high);
	spin_unlock(&low);
	/* Released in the other order, too. */
	spin_lock(&low);
	spin_lock(&high);
	spin_unlock(&low);
	spin_unlock(&high);
	assert_int_equal(this_cpu()->locks_held, 0);
}

static void take_in_falling_rank(void *arg)
{
	spin_lock(&high);
	spin_lock(&low);
}

static void take_twice(void *arg)
{
	spin_lock(&low);
	spin_lock(&low);
}

static void take_two_of_a_rank(void *arg)
{
	struct spinlock other;

	spin_init(&other, RANK_VM);
	spin_lock(&low);
	spin_lock(&other);
}

static void test_locks_in_falling_or_equal_rank_are_caught(void **state)
{
	if (!IS_ENABLED(CONFIG_DEBUG_ASSERT))
		skip();
	assert_true(fake_panics(take_in_falling_rank, NULL));
	assert_true(fake_panics(take_twice, NULL));
	assert_true(fake_panics(take_two_of_a_rank, NULL));
}

static unsigned int shared, inside;
static bool overlapped;

static void *hammer(void *arg)
{
	arch_set_this_cpu(arg);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int seen;

		spin_lock(&low);
		if (__atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED) != 1)
			overlapped = true;
		/* Not atomic: the lock alone keeps it whole. */
		seen = READ_ONCE(shared);
		if (i % 64 == 0)
			arch_cpu_relax();
		WRITE_ONCE(shared, seen + 1);
		__atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
		spin_unlock(&low);
	}
	return NULL;
}

static void test_one_cpu_at_a_time_holds_a_lock(void **state)
{
	pthread_t threads[4];

	shared = inside = 0;
	overlapped = false;
	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &cpus[i]), 0);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_false(overlapped);
	assert_int_equal(shared, NR_THREADS * ROUNDS);
}

static unsigned int arrived, served[4], nr_served;

static void *wait_in_line(void *arg)
{
	struct cpu *cpu = arg;

	arch_set_this_cpu(cpu);
	spin_lock(&low);
	served[nr_served++] = cpu->id;
	spin_unlock(&low);
	return NULL;
}

static void test_a_lock_serves_in_the_order_of_arrival(void **state)
{
	pthread_t threads[4];

	nr_served = 0;
	spin_lock(&low);
	for (arrived = 1; arrived < NR_THREADS; arrived++) {
		assert_int_equal(pthread_create(&threads[arrived], NULL, wait_in_line, &cpus[arrived]), 0);
		while (READ_ONCE(low.next) != arrived + 1)
			arch_cpu_relax();
	}
	spin_unlock(&low);
	for (unsigned int i = 1; i < NR_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(nr_served, NR_THREADS - 1);
	for (unsigned int i = 0; i < nr_served; i++)
		assert_int_equal(served[i], i + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_lock_can_be_taken_again_after_its_release, setup),
		cmocka_unit_test_setup(test_locks_nest_in_growing_rank, setup),
		cmocka_unit_test_setup(test_locks_in_falling_or_equal_rank_are_caught, setup),
		cmocka_unit_test_setup(test_one_cpu_at_a_time_holds_a_lock, setup),
		cmocka_unit_test_setup(test_a_lock_serves_in_the_order_of_arrival, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
