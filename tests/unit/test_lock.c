// SPDX-License-Identifier: MIT
/* Spinlocks between threads that play CPUs, and the order in which locks nest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "kernel/base/lock.h"
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
	/* Its count comes around in between. */
	low.word = UINT32_MAX - 99;
	for (unsigned int i = 0; i < 70000; i++) {
		spin_lock(&low);
		spin_unlock(&low);
	}
	assert_int_equal(spin_sequence(&low) & 1, 0);
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

/* ---- patience ---- */

static unsigned int passed_over;

/* What another CPU does each time the one that waits looks away: it takes the lock again if it may. */
static void take_it_before(void)
{
	struct cpu *self = this_cpu();

	arch_set_this_cpu(&cpus[1]);
	spin_unlock(&low);
	if (spin_take(&low, 0)) {
		spin_check_enter(&low);
		passed_over++;
	}
	arch_set_this_cpu(self);
}

static void test_a_cpu_that_waits_is_passed_over_a_limited_number_of_times(void **state)
{
	if (CONFIG_NR_CPUS < 2)
		skip();
	passed_over = 0;
	arch_set_this_cpu(&cpus[1]);
	spin_lock(&low);
	arch_set_this_cpu(&cpus[0]);
	fake_relax = take_it_before;
	spin_lock(&low);
	fake_relax = NULL;
	assert_in_range(passed_over, SPIN_PATIENCE - 1, SPIN_PATIENCE + 2);
	spin_unlock(&low);
	/* And it has had it: the other one is not kept off any more. */
	arch_set_this_cpu(&cpus[1]);
	assert_true(spin_take(&low, 0));
	spin_release(&low);
}

/* ---- two at once ---- */

static struct spinlock pair[2];

static void *hammer_pair(void *arg)
{
	struct cpu *cpu = arg;
	unsigned int turn = cpu->id % 2;

	arch_set_this_cpu(cpu);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		/* Both orders: a deadlock, were they taken so. */
		spin_lock_pair(&pair[turn], &pair[!turn]);
		WRITE_ONCE(shared, READ_ONCE(shared) + 1);
		spin_unlock_pair(&pair[turn], &pair[!turn]);
	}
	return NULL;
}

static void test_two_locks_are_taken_in_one_order_by_all(void **state)
{
	pthread_t threads[4];

	shared = 0;
	spin_init(&pair[0], RANK_SCHED);
	spin_init(&pair[1], RANK_SCHED);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer_pair, &cpus[i]), 0);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(shared, NR_THREADS * ROUNDS);
	/* The same one twice is taken once. */
	spin_lock_pair(&pair[0], &pair[0]);
	spin_unlock_pair(&pair[0], &pair[0]);
	assert_int_equal(spin_sequence(&pair[0]) & 1, 0);
	assert_int_equal(this_cpu()->locks_held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_lock_can_be_taken_again_after_its_release, setup),
		cmocka_unit_test_setup(test_locks_nest_in_growing_rank, setup),
		cmocka_unit_test_setup(test_locks_in_falling_or_equal_rank_are_caught, setup),
		cmocka_unit_test_setup(test_one_cpu_at_a_time_holds_a_lock, setup),
		cmocka_unit_test_setup(test_a_cpu_that_waits_is_passed_over_a_limited_number_of_times, setup),
		cmocka_unit_test_setup(test_two_locks_are_taken_in_one_order_by_all, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
