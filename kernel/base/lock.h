/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks with ranks. EL2 runs with interrupts masked, so a lock never has an interrupt handler as its
 * second taker. Ranks are the lock order: a CPU takes locks only in growing rank; checked with
 * CONFIG_DEBUG_ASSERT.
 *
 * Whoever finds a lock free takes it. A lock that serves in the order of arrival hands itself to one
 * particular CPU, and under an emulator with fewer host cores than CPUs that one often sleeps, while all the
 * others wait for it. The unfairness is bounded: a CPU that was passed over SPIN_PATIENCE times asks for the
 * lock, and until it has had it nobody else takes it.
 *
 *   RANK_VM          vm->lock: lifecycle, stage-2 of one VM
 *   RANK_CRASH       crash records, and registers on their way to the shell
 *   RANK_INPUT       who reads from the console
 *   RANK_VDEV        one emulated device
 *   RANK_HYP         EL2's own page tables
 *   RANK_MEM         page records, carve-outs, EL2's pool
 *   RANK_VGIC        one VM's distributor: shared interrupts and where they are
 *   RANK_VGIC_CPU    one vCPU's list of interrupts
 *   RANK_SCHED       one CPU's run queue
 *   RANK_TIMER       one CPU's timer list
 *   RANK_JOB         EL2's own work
 *   RANK_IRQCHIP     physical distributor
 *   RANK_LOG         log ring
 *   RANK_CONSOLE     console output
 */
#ifndef KERNEL_BASE_LOCK_H
#define KERNEL_BASE_LOCK_H

#include "arch/cpu.h"
#include "lib/compiler.h"
#include "lib/types.h"

enum lock_rank {
	RANK_VM,
	RANK_CRASH,
	RANK_INPUT,
	RANK_VDEV,
	RANK_HYP,
	RANK_MEM,
	RANK_VGIC,
	RANK_VGIC_CPU,
	RANK_SCHED,
	RANK_TIMER,
	RANK_JOB,
	RANK_IRQCHIP,
	RANK_LOG,
	RANK_CONSOLE,
};

/* How often others may take a lock before one that waits. */
#define SPIN_PATIENCE	256

struct spinlock {
	uint32_t word;		/* odd while held; one more at each step, so that it is seen to move */
	uint8_t rank;
	uint16_t asker;		/* 1 + the CPU that asks for it, 0: none */
};

#define SPINLOCK_INIT(r)	{ .rank = (r) }

void spin_init(struct spinlock *lock, enum lock_rank rank);

/* With CONFIG_DEBUG_ASSERT: panic when this CPU holds a lock of the same or a higher rank. */
void spin_check_enter(const struct spinlock *lock);
void spin_check_leave(const struct spinlock *lock);

/* What spin_lock() does when the lock is not to be had at once. */
void spin_wait(struct spinlock *lock);

/* A number that changes whenever the lock is taken or released; odd while it is held. */
static inline uint32_t spin_sequence(const struct spinlock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
}

/* Whether somebody holds it: for assertions. */
static inline bool spin_is_held(const struct spinlock *lock)
{
	return (spin_sequence(lock) & 1) != 0;
}

/* Take the lock if it is free and asker, one plus a CPU's number or 0, may have it. No check of ranks. */
static inline bool spin_take(struct spinlock *lock, uint16_t asker)
{
	uint32_t word = spin_sequence(lock);
	uint16_t first = __atomic_load_n(&lock->asker, __ATOMIC_RELAXED);

	if ((word & 1) || (first && first != asker))
		return false;
	/* Acquire: what the last owner wrote under the lock is seen by what follows. */
	return __atomic_compare_exchange_n(&lock->word, &word, word + 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void spin_lock(struct spinlock *lock)
{
	if (IS_ENABLED(CONFIG_DEBUG_ASSERT))
		spin_check_enter(lock);
	if (unlikely(!spin_take(lock, 0)))
		spin_wait(lock);
}

static inline void spin_release(struct spinlock *lock)
{
	/* Release: what was written under the lock is seen before the next owner proceeds. */
	__atomic_store_n(&lock->word, spin_sequence(lock) + 1, __ATOMIC_RELEASE);
}

static inline void spin_unlock(struct spinlock *lock)
{
	spin_release(lock);
	if (IS_ENABLED(CONFIG_DEBUG_ASSERT))
		spin_check_leave(lock);
}

/*
 * Take two locks of one rank, which may be the same one, in the order of their addresses; and release them.
 */
void spin_lock_pair(struct spinlock *a, struct spinlock *b);
void spin_unlock_pair(struct spinlock *a, struct spinlock *b);

#endif
