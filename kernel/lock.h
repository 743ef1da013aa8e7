/* SPDX-License-Identifier: MIT */
/*
 * Ticket spinlocks with ranks. EL2 runs with interrupts masked, so a lock never has an interrupt
 * handler as its second taker. Ranks are the lock order: a CPU takes locks only in growing rank;
 * checked with CONFIG_DEBUG_ASSERT.
 *
 *   RANK_VM          vm->lock: lifecycle, stage-2 of one VM
 *   RANK_CRASH       crash records
 *   RANK_INPUT       who reads from the console
 *   RANK_VDEV        one emulated device
 *   RANK_HYP         EL2's own page tables
 *   RANK_MEM         page records, carve-outs, EL2's pool
 *   RANK_VGIC        one VM's distributor and interrupt states
 *   RANK_SCHED       one CPU's run queue
 *   RANK_TIMER       one CPU's timer list
 *   RANK_JOB         EL2's own work
 *   RANK_IRQCHIP     physical distributor
 *   RANK_LOG         log ring
 *   RANK_CONSOLE     console output
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "arch/cpu.h"
#include "lib/types.h"

enum lock_rank {
	RANK_VM,
	RANK_CRASH,
	RANK_INPUT,
	RANK_VDEV,
	RANK_HYP,
	RANK_MEM,
	RANK_VGIC,
	RANK_SCHED,
	RANK_TIMER,
	RANK_JOB,
	RANK_IRQCHIP,
	RANK_LOG,
	RANK_CONSOLE,
};

struct spinlock {
	uint16_t next;
	uint16_t owner;
	uint8_t rank;
};

#define SPINLOCK_INIT(r)	{ .rank = (r) }

void spin_init(struct spinlock *lock, enum lock_rank rank);

/* With CONFIG_DEBUG_ASSERT: panic when this CPU holds a lock of the same or a higher rank. */
void spin_check_enter(const struct spinlock *lock);
void spin_check_leave(const struct spinlock *lock);

static inline void spin_lock(struct spinlock *lock)
{
	uint16_t ticket;

	if (IS_ENABLED(CONFIG_DEBUG_ASSERT))
		spin_check_enter(lock);
	ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	/* Acquire: what the last owner wrote under the lock is seen by what follows. */
	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
		arch_cpu_relax();
}

static inline void spin_unlock(struct spinlock *lock)
{
	/* Release: what was written under the lock is seen before the next owner proceeds. */
	__atomic_store_n(&lock->owner, (uint16_t)(lock->owner + 1), __ATOMIC_RELEASE);
	if (IS_ENABLED(CONFIG_DEBUG_ASSERT))
		spin_check_leave(lock);
}

#endif
