// SPDX-License-Identifier: MIT
/* Timers at the ends of their range, and in loops. */
#include "guests/tests/hostile/hostile.h"

#include "guests/lib/gic_regs.h"

static const uint64_t values[] = {
	0, 1, ~UINT64_C(0), ~UINT64_C(0) - 1, BIT(63), BIT(63) - 1, 0xffffffff, UINT64_C(0x100000000),
	0x7fffffff, 0x80000000, 0xffffffff80000000,
};

static void set(bool physical, unsigned int reg, uint64_t val)
{
	/* CNTx_TVAL, CTL, CVAL */
	uint32_t insn = INSN_SYSREG(3, 3, 14, physical ? 2 : 3, reg, 0);

	hostile_insn(SPSR_EL1H, insn, val, 0);
}

static void extremes(uint64_t physical)
{
	test_gic_set(GIC_ISENABLER, physical ? 30 : 27);
	for (size_t c = 0; c < ARRAY_SIZE(values); c++) {
		for (unsigned int ctl = 0; ctl < 8; ctl++) {
			set(physical, 2, values[c]);
			set(physical, 1, ctl | (c & 1 ? ~UINT64_C(7) : 0));
			guest_hvc0(SMCCC_VERSION, 0, 0, 0);
			set(physical, 0, values[c]);
			guest_hvc0(SMCCC_VERSION, 0, 0, 0);
		}
	}
}

/* Off and on, past and future, faster than it can fire. */
static void toggling(uint64_t physical)
{
	test_gic_set(GIC_ISENABLER, physical ? 30 : 27);
	for (unsigned int i = 0; i < 1000; i++) {
		set(physical, 2, guest_counter() + (hostile_random() & 0xfff));
		set(physical, 1, 1);
		set(physical, 2, 0);
		set(physical, 1, hostile_random() & 3);
	}
}

/* WFI with a timer that is due already, enabled and masked in every way: it must not sleep for ever. */
static void wfi_due(uint64_t physical)
{
	const uint32_t wfi = 0xd503207f;

	for (unsigned int i = 0; i < 8; i++) {
		test_gic_set(i & 1 ? GIC_ISENABLER : GIC_ICENABLER, physical ? 30 : 27);
		guest_write_sysreg(ICC_PMR_EL1, i & 2 ? 0 : 0xff);
		guest_write_sysreg(ICC_IGRPEN1_EL1, !(i & 4));
		set(physical, 2, 0);
		set(physical, 1, 1);
		/* The other timer gets it out again, if it is the virtual one. */
		if (i == 1 || !physical) {
			test_gic_set(GIC_ISENABLER, 27);
			guest_write_sysreg(ICC_PMR_EL1, 0xff);
			guest_write_sysreg(ICC_IGRPEN1_EL1, 1);
			hostile_code(&wfi, 1);
			hostile_run_for(SPSR_EL1H | SPSR_DAIF, test_us(100), 0, 0);
		}
		set(physical, 1, 0);
	}
}

/* EL0's access to counters and timers, given and taken away. */
static void el0_access(uint64_t arg __unused)
{
	uint64_t old = guest_read_sysreg("cntkctl_el1");

	for (unsigned int i = 0; i < 256; i++) {
		guest_write_sysreg("cntkctl_el1", hostile_random());
		guest_isb();
		for (unsigned int crm = 0; crm < 4; crm++) {
			uint32_t insn = INSN_SYSREG(3, 3, 14, crm, hostile_random() & 7, 0);

			hostile_insn(SPSR_EL0T, insn | INSN_READ, 0, 0);
			hostile_insn(SPSR_EL0T, insn, hostile_random(), 0);
		}
	}
	guest_write_sysreg("cntkctl_el1", old);
}

/* The deadline of a timer that this vCPU has armed is all that there is: thousands of them. */
static void short_deadlines(uint64_t physical)
{
	for (unsigned int i = 0; i < 2000; i++) {
		set(physical, 0, 50 + (hostile_random() & 0x3f));
		set(physical, 1, 1);
	}
	set(physical, 1, 0);
}

static const struct behaviour time_rows[] = {
	{ "vtimer-extremes", extremes, 0 },
	{ "ptimer-extremes", extremes, 1 },
	{ "vtimer-toggling", toggling, 0 },
	{ "ptimer-toggling", toggling, 1 },
	{ "vtimer-wfi-due", wfi_due, 0 },
	{ "ptimer-wfi-due", wfi_due, 1 },
	{ "el0-access", el0_access },
	{ "vtimer-short", short_deadlines, 0 },
	{ "ptimer-short", short_deadlines, 1 },
};

const struct family time_family = FAMILY(time);
