// SPDX-License-Identifier: MIT
/* Arm PrimeCell real-time clock, PL031 (DDI 0224). Firmware has set and started it; it is only read. */
#include "kernel/base/mmio.h"
#include "kernel/vdev/clock.h"

#define RTCDR	0x00

static uint32_t pl031_read(const volatile void *regs)
{
	return mmio_read32(regs, RTCDR);
}

RTC_DRIVER(pl031) = {
	.compatible = "arm,pl031",
	.read = pl031_read,
};
