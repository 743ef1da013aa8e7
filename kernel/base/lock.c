// SPDX-License-Identifier: MIT
/* Spinlocks; see lock.h for the order in which they nest. */
#include "kernel/base/lock.h"

#include "kernel/base/cpu.h"
#include "kernel/base/panic.h"

void spin_init(struct spinlock *lock, enum lock_rank rank)
{
	*lock = (struct spinlock)SPINLOCK_INIT((uint8_t)rank);
}

void spin_check_enter(const struct spinlock *lock)
{
	struct cpu *cpu = this_cpu();

	ASSERT((cpu->locks_held >> lock->rank) == 0);
	cpu->locks_held |= 1u << lock->rank;
}

void spin_check_leave(const struct spinlock *lock)
{
	this_cpu()->locks_held &= ~(1u << lock->rank);
}

/* One that asks already is served first: the place is taken by the next who waits for long. */
static void ask(struct spinlock *lock, uint16_t me)
{
	uint16_t nobody = 0;

	__atomic_compare_exchange_n(&lock->asker, &nobody, me, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void spin_wait(struct spinlock *lock)
{
	uint16_t me = (uint16_t)(this_cpu()->id + 1);
	uint32_t start = spin_sequence(lock);

	while (!spin_take(lock, me)) {
		/* It is taken and released in two steps. */
		if (spin_sequence(lock) - start > 2 * SPIN_PATIENCE)
			ask(lock, me);
		arch_cpu_relax();
	}
	if (__atomic_load_n(&lock->asker, __ATOMIC_RELAXED) == me)
		__atomic_store_n(&lock->asker, 0, __ATOMIC_RELAXED);
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b)
{
	spin_lock(MIN(a, b));
	/* Its rank is held and checked. */
	if (a != b && !spin_take(MAX(a, b), 0))
		spin_wait(MAX(a, b));
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
{
	if (a != b)
		spin_release(MAX(a, b));
	spin_unlock(MIN(a, b));
}
