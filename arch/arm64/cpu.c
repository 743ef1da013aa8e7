// SPDX-License-Identifier: MIT
/* What the kernel asks of the processor: timer, firmware calls, random numbers, cache maintenance. */
#include "arch/cpu.h"

#include "arch/arm64/sysreg.h"
#include "arch/gic.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/timer.h"
#include "kernel/platform/this_machine.h"
#include "schism/abi/hypercall.h"

#define ISAR0_RNDR	GENMASK(63, 60)
#define DCZID_DZP	BIT(4)

unsigned int arch_cpu_index(void)
{
	return this_cpu()->id;
}

static enum irq_result on_timer(uint32_t intid)
{
	timer_interrupt(&this_cpu()->timers);
	return IRQ_DONE;
}

int arch_timer_request_interrupt(void)
{
	return irq_request(machine.timer_hyp_intid, on_timer);
}

void arch_timer_arm(uint64_t deadline)
{
	if (deadline == UINT64_MAX) {
		sysreg_write(cnthp_ctl_el2, 0);
		isb();
		return;
	}
	sysreg_write(cnthp_cval_el2, deadline);
	sysreg_write(cnthp_ctl_el2, CNT_CTL_ENABLE);
	isb();
}

uint64_t arch_firmware_call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a1;
	register uint64_t x2 __asm__("x2") = a2;
	register uint64_t x3 __asm__("x3") = a3;

	if (machine.psci == PSCI_CONDUIT_SMC)
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : :
				 "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
				 "x15", "x16", "x17", "memory");
	else if (machine.psci == PSCI_CONDUIT_HVC)
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : :
				 "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
				 "x15", "x16", "x17", "memory");
	else
		x0 = (uint64_t)SMCCC_NOT_SUPPORTED;
	return x0;
}

void arch_power_off(void)
{
	arch_firmware_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void arch_reset(void)
{
	arch_firmware_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

/* Size of what DC ZVA clears, or 0 when it may not be used. */
static uint64_t zva_size(void)
{
	uint64_t dczid = sysreg_read(dczid_el0);

	return (dczid & DCZID_DZP) ? 0 : UINT64_C(4) << (dczid & 0xf);
}

static uint64_t dcache_line(void)
{
	return UINT64_C(4) << FIELD_GET(GENMASK(19, 16), sysreg_read(ctr_el0));
}

/* Applies op to [at, end) in steps, eight at a time: most of the work of a boot is done here. */
#define FOR_BLOCKS(op, at, end, step)							\
	do {										\
		uint64_t s_ = (step);							\
											\
		for (uint64_t a_ = (at); a_ < (end); a_ += 8 * s_) {			\
			op(a_); op(a_ + s_); op(a_ + 2 * s_); op(a_ + 3 * s_);		\
			op(a_ + 4 * s_); op(a_ + 5 * s_); op(a_ + 6 * s_); op(a_ + 7 * s_);	\
		}									\
	} while (0)

#define ZERO_BLOCK(a)		__asm__ volatile("dc zva, %0" : : "r"(a) : "memory")
#define ZERO_AND_CLEAN_BLOCK(a)	__asm__ volatile("dc zva, %0\n\tdc civac, %0" : : "r"(a) : "memory")

void arch_zero(void *va, uint64_t size)
{
	uint64_t step = zva_size(), at = (uint64_t)va, end = at + size;

	if (step && IS_ALIGNED(at | size, 8 * step)) {
		FOR_BLOCKS(ZERO_BLOCK, at, end, step);
		return;
	}
	for (; at < end; at += 16)
		__asm__ volatile("stp xzr, xzr, [%0]" : : "r"(at) : "memory");
}

void arch_zero_sync(void *va, uint64_t size)
{
	uint64_t step = zva_size(), at = (uint64_t)va;

	if (step && step == dcache_line() && IS_ALIGNED(at | size, 8 * step)) {
		FOR_BLOCKS(ZERO_AND_CLEAN_BLOCK, at, at + size, step);
		dsb(sy);
		return;
	}
	arch_zero(va, size);
	arch_sync_code(va, size);
}

void arch_sync_data(void *va, uint64_t size)
{
	uint64_t line = dcache_line(), end = (uint64_t)va + size;

	for (uint64_t at = ALIGN_DOWN((uint64_t)va, line); at < end; at += line)
		__asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
	dsb(sy);
}

void arch_sync_code(void *va, uint64_t size)
{
	/* To the point of coherency: the guest starts with its caches off. */
	arch_sync_data(va, size);
	__asm__ volatile("ic ialluis" : : : "memory");
	dsb(ish);
	isb();
}

bool arch_random_hw(uint64_t *value)
{
	uint64_t ok;

	if (!FIELD_GET(ISAR0_RNDR, sysreg_read(id_aa64isar0_el1)))
		return false;
	/* RNDR sets Z when it has none (DDI 0487, "RNDR, Random Number"). */
	__asm__ volatile("mrs %0, " sysreg_name(RNDR_EL0) "\n\tcset %1, ne"
			 : "=r"(*value), "=r"(ok) : : "cc");
	return ok;
}
