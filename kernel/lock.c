// SPDX-License-Identifier: MIT
/* Ticket spinlocks; see lock.h for the order in which they nest. */
#include "kernel/lock.h"

#include "arch/cpu.h"
#include "kernel/cpu.h"
#include "kernel/panic.h"
#include "lib/compiler.h"

void spin_init(struct spinlock *lock, enum lock_rank rank)
{
	*lock = (struct spinlock)SPINLOCK_INIT((uint8_t)rank);
}

static void rank_enter(const struct spinlock *lock)
{
	struct cpu *cpu = this_cpu();

	ASSERT((cpu->locks_held >> lock->rank) == 0);
	cpu->locks_held |= 1u << lock->rank;
}

static void rank_leave(const struct spinlock *lock)
{
	this_cpu()->locks_held &= ~(1u << lock->rank);
}

void spin_lock(struct spinlock *lock)
{
	uint16_t ticket;

	if (IS_ENABLED(CONFIG_DEBUG_ASSERT))
		rank_enter(lock);
	ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	/* Acquire: what the last owner wrote under the lock is seen by what follows. */
	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
		arch_cpu_relax();
}

void spin_unlock(struct spinlock *lock)
{
	/* Release: what was written under the lock is seen before the next owner proceeds. */
	__atomic_store_n(&lock->owner, (uint16_t)(lock->owner + 1), __ATOMIC_RELEASE);
	if (IS_ENABLED(CONFIG_DEBUG_ASSERT))
		rank_leave(lock);
}
