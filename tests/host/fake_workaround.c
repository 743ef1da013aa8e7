// SPDX-License-Identifier: MIT
/* CPUs and firmware as the test has them. */
#include "arch/workaround.h"
#include "tests/host/fake.h"

int64_t fake_workarounds[NR_WORKAROUNDS] = { WORKAROUND_NONE, WORKAROUND_NONE, WORKAROUND_NONE };
unsigned int fake_workaround_calls;

int64_t arch_workaround_state(enum arch_workaround which)
{
	return fake_workarounds[which];
}

void arch_workaround(enum arch_workaround which)
{
	fake_workaround_calls++;
}
