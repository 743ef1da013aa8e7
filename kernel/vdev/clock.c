// SPDX-License-Identifier: MIT
/* Which real-time clock tells the date. Written once at boot, so there is no lock. */
#include "kernel/vdev/clock.h"

#include "arch/cpu.h"
#include "kernel/base/timer.h"
#include "kernel/mm/hyp.h"

static const struct rtc_driver *driver;
static const volatile void *regs;

static const struct rtc_driver *find_driver(const struct machine *m)
{
	SECTION_FOREACH(struct rtc_driver, it, schism_rtc) {
		if (machine_node_is(m->fdt, m->rtc.node, it->compatible))
			return it;
	}
	return NULL;
}

void clock_init(const struct machine *m)
{
	driver = m->has_rtc ? find_driver(m) : NULL;
	regs = driver ? hyp_map_device(&m->rtc.regs) : NULL;
}

uint32_t clock_seconds(void)
{
	if (regs)
		return driver->read(regs);
	return (uint32_t)(timer_ticks_to_us(arch_counter()) / 1000000);
}
