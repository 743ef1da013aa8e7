/* SPDX-License-Identifier: MIT */
/*
 * How much of something one may have per time: n pieces each so many ticks, and what was not taken is
 * saved up to a burst. Pure arithmetic on counter values.
 */
#ifndef KERNEL_BASE_RATE_LIMIT_H
#define KERNEL_BASE_RATE_LIMIT_H

#include "lib/compiler.h"
#include "lib/types.h"

struct budget {
	uint64_t ticks_each;	/* what a piece costs; 0: nothing, so that burst is always left */
	uint64_t burst;		/* pieces, at most, that can be saved */
	uint64_t spent_until;	/* counter value up to which all time has been used for pieces */
};

/* Pieces that may be taken at counter value now. Safe beside budget_take(): right for before or after. */
static inline uint64_t budget_left(const struct budget *budget, uint64_t now)
{
	uint64_t spent = READ_ONCE(budget->spent_until);

	if (!budget->ticks_each)
		return budget->burst;
	if (now < spent)
		return 0;
	return MIN((now - spent) / budget->ticks_each, budget->burst);
}

/* Take n pieces, at most those that are left. */
static inline void budget_take(struct budget *budget, uint64_t now, uint64_t n)
{
	uint64_t saved = budget->burst * budget->ticks_each, spent = budget->spent_until;

	if (now > saved && spent < now - saved)
		spent = now - saved;
	WRITE_ONCE(budget->spent_until, spent + n * budget->ticks_each);
}

#endif
