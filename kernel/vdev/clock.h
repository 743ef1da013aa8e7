/* SPDX-License-Identifier: MIT */
/* The date, in seconds, from the machine's real-time clock. */
#ifndef KERNEL_VDEV_CLOCK_H
#define KERNEL_VDEV_CLOCK_H

#include "kernel/platform/machine.h"
#include "lib/compiler.h"
#include "lib/types.h"

/* A driver: a row in the set "schism_rtc", found by the compatible string. */
struct rtc_driver {
	const char *compatible;
	uint32_t (*read)(const volatile void *regs);	/* seconds since 1970 */
};

#define RTC_DRIVER(name)	static const struct rtc_driver name SECTION_ENTRY(schism_rtc)

/* Find and map the machine's clock. Context: boot CPU, once. */
void clock_init(const struct machine *m);

/*
 * Seconds since 1970 in UTC; without a clock or a driver for it, seconds since reset. Wraps at 2^32.
 * Callable on every CPU, with any lock held.
 */
uint32_t clock_seconds(void);

#endif
