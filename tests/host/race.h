/* SPDX-License-Identifier: MIT */
/*
 * Shared memory as host builds see it. The Makefile includes this in front of every source compiled for the
 * host, so that the kernel's code needs no other words:
 *
 *   READ_ONCE(), WRITE_ONCE()
 *			relaxed atomics, for ThreadSanitizer takes volatile for a plain access
 *   __atomic_*()	as they are, and so the locks built of them, but with race points around
 *   race_point()	another CPU may come first here: where a test asks for it, the thread sleeps now and
 *			then (tests/host/race.c); in programs without that file it is nothing
 *
 * They stand before and behind each access: what was read may be outdated at once, and what was written may
 * be seen long before what comes next.
 */
#ifndef TESTS_HOST_RACE_H
#define TESTS_HOST_RACE_H

/* No header may come before those that the source includes. */

/*
 * From now on the calling thread is slow at some race points, and after a while at others, as its seed says:
 * half of the time at one in so many places (0: never), the other half at one in a few in the sources whose
 * paths begin with folder.
 */
void race_begin(unsigned long long seed, unsigned int places, const char *folder);

/* Maybe sleeps. The place is that of the call, in source. */
void race_delay(const char *source) __attribute__((weak));

/* Not where tests and fakes look at each other: that would only make them slow. */
static inline void race_point(void)
{
	if (race_delay && __builtin_strncmp(__BASE_FILE__, "tests/", 6))
		race_delay(__BASE_FILE__);
}

/* Within its own expansion a macro's name is the compiler's function. */
#define __atomic_load_n(p, order)							\
	race_around(__atomic_load_n(p, order))
#define __atomic_store_n(p, val, order)							\
	(race_point(), __atomic_store_n(p, val, order), race_point())
#define __atomic_exchange_n(p, val, order)						\
	race_around(__atomic_exchange_n(p, val, order))
#define __atomic_fetch_add(p, val, order)						\
	race_around(__atomic_fetch_add(p, val, order))
#define __atomic_fetch_sub(p, val, order)						\
	race_around(__atomic_fetch_sub(p, val, order))
#define __atomic_fetch_or(p, val, order)						\
	race_around(__atomic_fetch_or(p, val, order))
#define __atomic_fetch_and(p, val, order)						\
	race_around(__atomic_fetch_and(p, val, order))
#define __atomic_add_fetch(p, val, order)						\
	race_around(__atomic_add_fetch(p, val, order))
#define __atomic_sub_fetch(p, val, order)						\
	race_around(__atomic_sub_fetch(p, val, order))
#define __atomic_compare_exchange_n(p, expected, val, weak, success, failure)		\
	race_around(__atomic_compare_exchange_n(p, expected, val, weak, success, failure))

/* A name of its own for each result, since one operation may hold another. */
#define race_around(operation)		race_number(operation, __COUNTER__)
#define race_number(operation, n)	race_name(operation, n)
#define race_name(operation, n)		race_store(operation, race_result_##n)
#define race_store(operation, result)			\
	({						\
		race_point();				\
		__typeof__(operation) result = (operation);	\
		race_point();				\
		result;					\
	})

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, val)	__atomic_store_n(&(x), val, __ATOMIC_RELAXED)

#endif
