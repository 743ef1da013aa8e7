/* SPDX-License-Identifier: MIT */
/* Guests have performance monitors when a test says so. */
#ifndef TESTS_HOST_ARCH_PMU_H
#define TESTS_HOST_ARCH_PMU_H

#include "lib/types.h"

extern bool fake_pmu_offered;

static inline bool arch_pmu_offered(void)
{
	return fake_pmu_offered;
}

#endif
