// SPDX-License-Identifier: MIT
/* Ticket spinlocks; see lock.h for the order in which they nest. */
#include "kernel/lock.h"

#include "kernel/cpu.h"
#include "kernel/panic.h"

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
