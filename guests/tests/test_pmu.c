// SPDX-License-Identifier: MIT
/*
 * test_pmu: performance monitors (Arm ARM D11). Best with 2 vCPUs, and on fewer CPUs than there are vCPUs:
 * what one of them counts is none of the other's business. "sibling=1" in the arguments promises another VM
 * that is often busy.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"
#include "lib/fmt.h"

#define PMU_INTID	23
#define CYCLES		31
#define PMCR_E		BIT(0)
#define PMCR_P		BIT(1)
#define PMCR_C		BIT(2)
#define PMCR_LC		BIT(6)
#define PMCR_N		GENMASK(15, 11)
#define FILTER_P	BIT(31)
#define FILTER_U	BIT(30)
#define FILTER_NSH	BIT(27)
#define EVENT_SW_INCR	0x00
#define EVENT_INST	0x08
#define EVENT_CYCLES	0x11
#define USERENR_EN	BIT(0)
#define USERENR_SW	BIT(1)
#define USERENR_CR	BIT(2)
#define USERENR_ER	BIT(3)
#define EC_SVC		0x15
#define EC_SYSREG	0x18
#define SPINS		2000
#define PV_TIME_ST	0xc5000021

#define READ(reg)	guest_read_sysreg(#reg)
#define WRITE(reg, val)	do { guest_write_sysreg(#reg, val); guest_isb(); } while (0)

static unsigned int nr_counters(void)
{
	return (unsigned int)FIELD_GET(PMCR_N, READ(pmcr_el0));
}

static uint64_t all_counters(void)
{
	return BIT(CYCLES) | (BIT(nr_counters()) - 1);
}

/* Everything off and 0, the 64-bit cycle counter chosen. */
static void pmu_off(void)
{
	WRITE(pmcr_el0, PMCR_LC | PMCR_P | PMCR_C);
	WRITE(pmcntenclr_el0, UINT32_MAX);
	WRITE(pmintenclr_el1, UINT32_MAX);
	WRITE(pmovsclr_el0, UINT32_MAX);
	WRITE(pmuserenr_el0, 0);
	WRITE(pmccfiltr_el0, 0);
	WRITE(pmselr_el0, 0);
}

static void pmu_on(void)
{
	WRITE(pmcr_el0, PMCR_E | PMCR_LC);
}

static void set_counter(unsigned int n, uint64_t filter, uint64_t val)
{
	WRITE(pmselr_el0, n);
	WRITE(pmxevtyper_el0, filter);
	WRITE(pmxevcntr_el0, val);
}

static uint64_t get_counter(unsigned int n)
{
	WRITE(pmselr_el0, n);
	return READ(pmxevcntr_el0);
}

static uint64_t cycles(void)
{
	guest_isb();
	return READ(pmccntr_el0);
}

/* 2 instructions each. */
static void spin(uint64_t n)
{
	__asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(n) : : "cc");
}

/* ---- what there is ---- */

static void check_number(const char *what, uint64_t val)
{
	char name[48];

	fmt_snprintf(name, sizeof(name), "%s 0x%lx", what, val);
	test_check(true, name);
}

/* The lines tell what there is, so that they are the same only if that is. */
static void test_identification(void)
{
	check_number("PMUVer", guest_read_sysreg("s3_0_c0_c5_0") >> 8 & 0xf);
	check_number("PerfMon", guest_read_sysreg("s3_0_c0_c1_2") >> 24 & 0xf);
	check_number("event counters", nr_counters());
	check_number("PMCR.IMP and IDCODE", READ(pmcr_el0) >> 16 & 0xffff);
	check_number("PMCEID0", READ(pmceid0_el0));
	check_number("PMCEID1", READ(pmceid1_el0));
}

static void test_masks(void)
{
	pmu_off();
	WRITE(pmcntenset_el0, UINT64_MAX);
	test_equal(READ(pmcntenset_el0), all_counters(), "PMCNTENSET has PMCR.N counters");
	WRITE(pmcntenclr_el0, BIT(0));
	test_equal(READ(pmcntenclr_el0), all_counters() & ~BIT(0), "PMCNTENCLR clears one");
	WRITE(pmintenset_el1, UINT64_MAX);
	test_equal(READ(pmintenset_el1), all_counters(), "PMINTENSET");
	WRITE(pmintenclr_el1, UINT64_MAX);
	test_equal(READ(pmintenclr_el1), 0, "PMINTENCLR");
	WRITE(pmovsset_el0, UINT64_MAX);
	test_equal(READ(pmovsset_el0), all_counters(), "PMOVSSET");
	WRITE(pmovsclr_el0, BIT(CYCLES));
	test_equal(READ(pmovsclr_el0), all_counters() & ~BIT(CYCLES), "PMOVSCLR clears one");
	WRITE(pmuserenr_el0, 0xf);
	test_equal(READ(pmuserenr_el0), 0xf, "PMUSERENR");
	pmu_off();
}

static void test_counters(void)
{
	unsigned int nr = nr_counters();
	bool ok = true;

	pmu_off();
	for (unsigned int n = 0; n < nr; n++)
		set_counter(n, FILTER_P | n, 0x10000 + n);
	for (unsigned int n = 0; n < nr; n++) {
		ok &= get_counter(n) == 0x10000 + n;
		ok &= READ(pmxevtyper_el0) == (FILTER_P | n);
	}
	test_check(ok, "each has a value and an event of its own");
	test_check(READ(pmevcntr0_el0) == 0x10000 && READ(pmevtyper1_el0) == (FILTER_P | 1), "by number");
	WRITE(pmselr_el0, CYCLES);
	WRITE(pmxevtyper_el0, FILTER_U);
	test_equal(READ(pmccfiltr_el0), FILTER_U, "PMXEVTYPER of 31 is PMCCFILTR");
	WRITE(pmccntr_el0, UINT64_C(0x123456789a));
	WRITE(pmcr_el0, PMCR_LC | PMCR_P);
	test_check(get_counter(0) == 0 && get_counter(nr - 1) == 0, "PMCR.P clears them");
	test_equal(cycles(), UINT64_C(0x123456789a), "but not PMCCNTR");
	WRITE(pmcr_el0, PMCR_LC | PMCR_C);
	test_equal(cycles(), 0, "PMCR.C clears that");
	pmu_off();
}

/* ---- counting ---- */

static bool cycles_advance(void)
{
	uint64_t before = cycles();

	spin(SPINS);
	return cycles() > before;
}

static void test_cycles(void)
{
	pmu_off();
	test_check(!cycles_advance(), "stand at first");
	WRITE(pmcntenset_el0, BIT(CYCLES));
	test_check(!cycles_advance(), "stand without PMCR.E");
	pmu_on();
	test_check(cycles_advance(), "advance");
	WRITE(pmccfiltr_el0, FILTER_P);
	test_check(!cycles_advance(), "stand with EL1 filtered");
	WRITE(pmccfiltr_el0, FILTER_U);
	test_check(cycles_advance(), "advance with EL0 filtered");
	WRITE(pmcntenclr_el0, BIT(CYCLES));
	test_check(!cycles_advance(), "stand disabled");
	WRITE(pmcntenset_el0, BIT(CYCLES));
	WRITE(pmcr_el0, PMCR_LC);
	test_check(!cycles_advance(), "stand when PMCR.E is off again");
	pmu_off();
}

static uint64_t count(unsigned int event)
{
	pmu_off();
	set_counter(1, event, 0);
	WRITE(pmcntenset_el0, BIT(1));
	pmu_on();
	spin(SPINS);
	WRITE(pmcr_el0, PMCR_LC);
	return READ(pmevcntr1_el0);
}

static void test_events(void)
{
	uint64_t events = READ(pmceid0_el0);

	test_check(events & BIT(EVENT_SW_INCR) && events & BIT(EVENT_CYCLES), "SW_INCR and CPU_CYCLES exist");
	test_check(count(EVENT_CYCLES) >= SPINS, "CPU_CYCLES");
	if (events & BIT(EVENT_INST)) {
		uint64_t n = count(EVENT_INST);

		test_check(n >= 2 * SPINS && n < 3 * SPINS, "INST_RETIRED");
	}
	test_equal(count(EVENT_SW_INCR), 0, "none of SW_INCR");
	pmu_off();
}

static void test_swinc(void)
{
	pmu_off();
	set_counter(0, EVENT_SW_INCR, 0);
	set_counter(1, EVENT_SW_INCR, 0);
	set_counter(2, EVENT_SW_INCR | FILTER_P, 0);
	WRITE(pmcntenset_el0, BIT(0) | BIT(2));
	WRITE(pmswinc_el0, BIT(0));
	test_equal(get_counter(0), 0, "not without PMCR.E");
	pmu_on();
	for (unsigned int i = 0; i < 5; i++)
		WRITE(pmswinc_el0, BIT(0) | BIT(1) | BIT(2));
	test_equal(get_counter(0), 5, "5 times");
	test_equal(get_counter(1), 0, "not when disabled");
	test_equal(get_counter(2), 0, "not when EL1 is filtered");
	test_equal(READ(pmovsset_el0), 0, "no overflow");
	set_counter(0, EVENT_SW_INCR, UINT32_MAX);
	WRITE(pmswinc_el0, BIT(0));
	test_equal(get_counter(0) & UINT32_MAX, 0, "wraps at 32 bits");
	test_equal(READ(pmovsset_el0), BIT(0), "and overflows");
	pmu_off();
}

/* ---- the interrupt ---- */

static uint32_t ignored;	/* how often the handler leaves the cause alone */
static uint64_t seen[GUEST_MAX_VCPUS];

static void on_overflow(unsigned int intid)
{
	if (intid != PMU_INTID)
		return;
	seen[guest_vcpu_id()] = READ(pmovsset_el0);
	if (ignored) {
		ignored--;
		return;
	}
	WRITE(pmovsclr_el0, UINT32_MAX);
	guest_dsb();
}

static bool pending(void)
{
	guest_dsb();
	return test_gic_get(GIC_ISPENDR, PMU_INTID);
}

static void irq_setup(void)
{
	pmu_off();
	test_irq_init();
	test_gic_set(GIC_ISENABLER, PMU_INTID);
}

/* Counter 0 overflows at the next PMSWINC, with an interrupt. */
static void arm_swinc(void)
{
	set_counter(0, EVENT_SW_INCR, UINT32_MAX);
	WRITE(pmcntenset_el0, BIT(0));
	WRITE(pmintenset_el1, BIT(0));
	pmu_on();
}

static void test_overflow_cycles(void)
{
	irq_setup();
	test_irq_handler(on_overflow);
	WRITE(pmccntr_el0, UINT64_MAX - 20000);
	WRITE(pmcntenset_el0, BIT(CYCLES));
	WRITE(pmintenset_el1, BIT(CYCLES));
	guest_irq_unmask();
	pmu_on();
	test_check(TEST_WAIT(test_irq_count(0, PMU_INTID)), "interrupts");
	test_equal(seen[0], BIT(CYCLES), "PMOVSSET says which");
	test_check(cycles() < BIT(40), "it has wrapped");
	spin(SPINS);
	test_equal(test_irq_count(0, PMU_INTID), 1, "once");
	guest_irq_mask();
	test_check(!pending(), "not pending any more");
	pmu_off();
}

static void test_overflow_event(void)
{
	irq_setup();
	test_irq_handler(on_overflow);
	set_counter(0, EVENT_CYCLES, UINT32_MAX - 20000);
	WRITE(pmcntenset_el0, BIT(0));
	WRITE(pmintenset_el1, BIT(0));
	guest_irq_unmask();
	pmu_on();
	/* An emulator may look for an overflow only when somebody looks at the counter. */
	test_check(TEST_WAIT(get_counter(0) && test_irq_count(0, PMU_INTID)), "interrupts");
	test_equal(seen[0], BIT(0), "PMOVSSET says which");
	guest_irq_mask();
	pmu_off();
}

static void test_level(void)
{
	irq_setup();
	test_irq_handler(on_overflow);
	arm_swinc();
	test_check(!pending(), "low at first");
	WRITE(pmswinc_el0, BIT(0));
	test_check(pending(), "rises at an overflow");
	WRITE(pmintenclr_el1, BIT(0));
	test_check(!pending(), "falls with PMINTENCLR");
	WRITE(pmintenset_el1, BIT(0));
	test_check(pending(), "rises with PMINTENSET");
	WRITE(pmovsclr_el0, BIT(0));
	test_check(!pending(), "falls with PMOVSCLR");
	WRITE(pmovsset_el0, BIT(0));
	test_check(pending(), "rises with PMOVSSET");
	WRITE(pmovsclr_el0, BIT(0));
	guest_irq_unmask();
	spin(SPINS);
	test_equal(test_irq_count(0, PMU_INTID), 0, "nothing is taken of what has gone");
	ignored = 2;
	WRITE(pmovsset_el0, BIT(0));
	test_check(TEST_WAIT(test_irq_count(0, PMU_INTID) == 3), "comes again until the cause is gone");
	spin(SPINS);
	test_equal(test_irq_count(0, PMU_INTID), 3, "and then no more");
	guest_irq_mask();
	pmu_off();
}

static void test_level_schism(void)
{
	irq_setup();
	arm_swinc();
	WRITE(pmswinc_el0, BIT(0));
	WRITE(pmcr_el0, PMCR_LC);
	test_check(!pending(), "falls with PMCR.E");
	test_equal(READ(pmovsset_el0), BIT(0), "which leaves PMOVSSET");
	pmu_on();
	test_check(pending(), "and rises with it");
	pmu_off();
	test_check(!pending(), "low in the end");
}

/* ---- EL0: with the MMU off, so that it can get at its code ---- */

struct el0_result {
	uint64_t val, esr;
};

struct el0_result el0_run(const char *code);

__asm__(
	".pushsection .text.el0, \"ax\"\n"
	".balign 2048\n"
	"el0_vectors:\n"
	".rept 8\n\tb .\n\t.balign 128\n.endr\n"
	"	mrs x1, esr_el1\n"
	"	msr sctlr_el1, x10\n\tisb\n"
	"	msr vbar_el1, x9\n\tisb\n"
	"	ret\n"
	".balign 128\n"
	".rept 7\n\tb .\n\t.balign 128\n.endr\n"
	".globl el0_run\n.type el0_run, %function\n"
	"el0_run:\n"
	"	mrs x9, vbar_el1\n\tmrs x10, sctlr_el1\n"
	"	adr x11, el0_vectors\n\tmsr vbar_el1, x11\n"
	"	mov x12, #0x3c0\n\tmsr spsr_el1, x12\n"
	"	msr elr_el1, x0\n"
	"	bic x12, x10, #1\n\tmsr sctlr_el1, x12\n\tisb\n"
	"	eret\n"
	"el0_userenr:	mrs x0, pmuserenr_el0\n\tsvc #0\n"
	"el0_userenr_write:	msr pmuserenr_el0, x0\n\tsvc #0\n"
	"el0_pmcr:	mrs x0, pmcr_el0\n\tsvc #0\n"
	"el0_cycles:	mrs x0, pmccntr_el0\n\tsvc #0\n"
	"el0_cycles_write:	msr pmccntr_el0, x0\n\tsvc #0\n"
	"el0_counter:	mrs x0, pmevcntr0_el0\n\tsvc #0\n"
	"el0_selected:	mov x0, #1\n\tmsr pmselr_el0, x0\n\tisb\n\tmrs x0, pmxevcntr_el0\n\tsvc #0\n"
	"el0_swinc:	mov x0, #1\n\tmsr pmswinc_el0, x0\n\tsvc #0\n"
	"el0_inten:	mrs x0, pmintenset_el1\n\tsvc #0\n"
	".popsection\n");

extern const char el0_userenr[], el0_userenr_write[], el0_pmcr[], el0_cycles[], el0_cycles_write[],
	el0_counter[], el0_selected[], el0_swinc[], el0_inten[];

static const struct {
	const char *name, *code;
	uint64_t bits;			/* of PMUSERENR, each of which allows it */
} el0_rows[] = {
	{ "PMCR", el0_pmcr, USERENR_EN },
	{ "PMCCNTR", el0_cycles, USERENR_EN | USERENR_CR },
	{ "write PMCCNTR", el0_cycles_write, USERENR_EN },
	{ "PMEVCNTR0", el0_counter, USERENR_EN | USERENR_ER },
	{ "PMSELR and PMXEVCNTR", el0_selected, USERENR_EN | USERENR_ER },
	{ "PMSWINC", el0_swinc, USERENR_EN | USERENR_SW },
};

static void el0_row(size_t i)
{
	bool ok = true;

	for (uint64_t bits = 0; bits < 16; bits++) {
		struct el0_result got;

		WRITE(pmuserenr_el0, bits);
		got = el0_run(el0_rows[i].code);
		ok &= ESR_EC(got.esr) == (bits & el0_rows[i].bits ? EC_SVC : EC_SYSREG);
	}
	test_check(ok, el0_rows[i].name);
}

static void test_el0(void)
{
	struct el0_result got;

	pmu_off();
	for (size_t i = 0; i < ARRAY_SIZE(el0_rows); i++)
		el0_row(i);
	test_equal(ESR_EC(el0_run(el0_userenr).esr), EC_SVC, "PMUSERENR always");
	test_equal(ESR_EC(el0_run(el0_userenr_write).esr), ESR_EC_UNKNOWN, "not write it");
	test_equal(ESR_EC(el0_run(el0_inten).esr), ESR_EC_UNKNOWN, "not PMINTENSET");
	WRITE(pmuserenr_el0, USERENR_ER);
	set_counter(1, 0, 4711);
	set_counter(0, 0, 44);
	got = el0_run(el0_counter);
	test_equal(got.val, 44, "value of PMEVCNTR0");
	got = el0_run(el0_selected);
	test_equal(got.val, 4711, "value of PMXEVCNTR");
	WRITE(pmovsclr_el0, 0);
	test_equal(READ(pmselr_el0), 1, "PMSELR is as EL0 wrote it");
	pmu_off();
}

static void test_el0_counts(void)
{
	pmu_off();
	WRITE(pmuserenr_el0, USERENR_SW);
	set_counter(0, EVENT_SW_INCR | FILTER_P, UINT32_MAX - 2);
	WRITE(pmcntenset_el0, BIT(0));
	pmu_on();
	el0_run(el0_swinc);
	el0_run(el0_swinc);
	test_equal(get_counter(0) & UINT32_MAX, UINT32_MAX, "with EL1 filtered");
	WRITE(pmovsclr_el0, UINT32_MAX);
	el0_run(el0_swinc);
	test_equal(READ(pmovsset_el0), BIT(0), "overflows");
	set_counter(0, EVENT_SW_INCR | FILTER_U, 7);
	el0_run(el0_swinc);
	test_equal(get_counter(0), 7, "not with EL0 filtered");
	pmu_off();
}

/* ---- several vCPUs ---- */

static uint32_t ready, go;

/* A set of values that differs in all registers from the other vCPU's, running, and what becomes of it. */
static bool hold_pmu(unsigned int id, unsigned int rounds)
{
	unsigned int nr = nr_counters();
	uint64_t enabled = BIT(CYCLES) | BIT(id);
	bool ok = true;

	pmu_off();
	for (unsigned int n = 0; n < nr; n++)
		set_counter(n, EVENT_SW_INCR | (id ? FILTER_U : 0), (id + 1) * 0x1000 + n);
	WRITE(pmccfiltr_el0, id ? FILTER_U : 0);
	WRITE(pmcntenset_el0, enabled);
	WRITE(pmintenset_el1, BIT(nr - 1 - id));
	WRITE(pmovsset_el0, BIT(id));
	WRITE(pmuserenr_el0, id + 1);
	WRITE(pmselr_el0, id + 2);
	WRITE(pmccntr_el0, (uint64_t)(id + 1) << 48);
	pmu_on();
	for (unsigned int i = 1; ok && i <= rounds; i++) {
		WRITE(pmswinc_el0, BIT(0) | BIT(1));
		guest_relax();
		spin(SPINS);
		ok &= READ(pmselr_el0) == id + 2;
		ok &= READ(pmcntenset_el0) == enabled && READ(pmintenset_el1) == BIT(nr - 1 - id);
		ok &= READ(pmovsset_el0) == BIT(id) && READ(pmuserenr_el0) == id + 1;
		ok &= READ(pmccfiltr_el0) == (id ? FILTER_U : 0);
		ok &= cycles() >> 48 == id + 1 && cycles_advance();
		ok &= READ(pmevcntr0_el0) == (id + 1) * 0x1000 + (id ? 0 : i);
		ok &= READ(pmevcntr1_el0) == (id + 1) * 0x1000 + 1 + (id ? i : 0);
	}
	pmu_off();
	return ok;
}

static void hold_other(void *arg)
{
	WRITE_ONCE(ready, 1);
	guest_notify();
	while (!READ_ONCE(go))
		guest_relax();
	*(bool *)arg = hold_pmu(1, 100);
}

static void test_two(void)
{
	bool other = false, own;

	WRITE_ONCE(ready, 0);
	WRITE_ONCE(go, 0);
	test_check(test_start_vcpu(1, hold_other, &other), "start another vCPU");
	test_check(TEST_WAIT(READ_ONCE(ready)), "it runs");
	WRITE_ONCE(go, 1);
	guest_notify();
	own = hold_pmu(0, 100);
	test_check(own, "this vCPU keeps its values");
	test_check(test_join(1) && other, "the other one, too");
}

/* One that uses its PMU, one that does not. */
static void spin_other(void *arg __unused)
{
	while (!READ_ONCE(go)) {
		spin(SPINS);
		guest_relax();
	}
}

static void test_one(void)
{
	WRITE_ONCE(go, 0);
	test_check(test_start_vcpu(1, spin_other, NULL), "start another vCPU");
	test_check(hold_pmu(0, 100), "this vCPU keeps its values");
	WRITE_ONCE(go, 1);
	guest_notify();
	test_check(test_join(1), "join");
}

static void overflow_here(void *arg __unused)
{
	irq_setup();
	arm_swinc();
	guest_irq_unmask();
	WRITE(pmswinc_el0, BIT(0));
	(void)TEST_WAIT(test_irq_count(guest_vcpu_id(), PMU_INTID));
	guest_irq_mask();
	pmu_off();
}

static void test_interrupt_of_each(void)
{
	bool ok = true;

	irq_setup();
	test_irq_handler(on_overflow);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		ok &= test_on_vcpu(id, overflow_here, NULL);
	test_check(ok, "run on each");
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		ok &= test_irq_count(id, PMU_INTID) == 1 && seen[id] == BIT(0);
	test_check(ok, "each takes its own");
	test_equal(test_irq_count(0, PMU_INTID), 0, "and nobody else's");
}

/* ---- what only Schism has ---- */

static void go_off_with_all_on(void *arg __unused)
{
	irq_setup();
	arm_swinc();
	WRITE(pmuserenr_el0, 0xf);
	WRITE(pmswinc_el0, BIT(0));
}

static void look_after_reset(void *arg)
{
	*(bool *)arg = !(READ(pmcr_el0) & PMCR_E) && !READ(pmuserenr_el0) && !READ(pmcntenset_el0) &&
		       !READ(pmintenset_el1) && !READ(pmovsset_el0) && !pending();
}

static void test_reset(void)
{
	bool clean = false;

	test_check(test_on_vcpu(1, go_off_with_all_on, NULL), "a vCPU goes off with its interrupt pending");
	test_check(test_on_vcpu(1, look_after_reset, &clean) && clean, "and comes back without");
}

/* What EL2 does for the guest is not the guest's to count, whatever it writes. */
static void test_el2(void)
{
	uint64_t n;

	pmu_off();
	WRITE(pmccfiltr_el0, FILTER_NSH);
	test_equal(READ(pmccfiltr_el0), 0, "PMCCFILTR.NSH stays 0");
	set_counter(1, EVENT_INST | FILTER_NSH, 0);
	WRITE(pmcntenset_el0, BIT(1));
	pmu_on();
	for (unsigned int i = 0; i < 100; i++)
		guest_hvc0(SCHISM_CALL_NULL, 0, 0, 0);
	WRITE(pmcr_el0, PMCR_LC);
	n = READ(pmevcntr1_el0);
	test_check(n < 100 * 20, "INST_RETIRED is of the guest alone");
	pmu_off();
}

static uint64_t stolen_ns(uint64_t record)
{
	return guest_mmio_read64(record + 8);
}

struct span {
	uint64_t ticks, cycles, stolen;
};

static struct span measure(uint64_t record, uint64_t ticks)
{
	uint64_t start = guest_counter(), c = cycles(), s = stolen_ns(record), now;

	do {
		spin(SPINS);
		now = guest_counter();
	} while (now - start < ticks);
	return (struct span){ now - start, cycles() - c,
			      (stolen_ns(record) - s) * test_second() / 1000000000 };
}

/*
 * Cycles in a thousand ticks, from spans too short for others to come in between most of the time, and too
 * long for the exits at their ends to matter.
 */
static uint64_t cycle_rate(uint64_t record)
{
	uint64_t best = 0;

	for (unsigned int i = 0; i < 20; i++) {
		struct span s = measure(record, test_us(800));
		uint64_t rate = s.cycles * 1000 / s.ticks;

		if (rate > best)
			best = rate;
	}
	return best;
}

/* While others have the CPU, the cycle counter stands. */
static void test_descheduled(void)
{
	uint64_t record = guest_hvc0(PV_TIME_ST, 0, 0, 0).x0, rate;
	struct span s;

	guest_mmu_map(ALIGN_DOWN(record, 4096), 4096, GUEST_MAP_RW);
	pmu_off();
	WRITE(pmcntenset_el0, BIT(CYCLES));
	pmu_on();
	rate = cycle_rate(record);
	s = measure(record, test_us(100000));
	test_check(s.cycles <= (s.ticks - s.stolen + s.ticks / 50) * rate / 1000,
		   "stolen time is not counted");
	if (guest_arg_is("sibling", "1"))
		test_check(s.stolen > s.ticks / 20, "a sibling has stolen time");
	pmu_off();
}

static const struct test tests[] = {
	{ "identification", test_identification },
	{ "masks", test_masks },
	{ "counters", test_counters },
	{ "cycles", test_cycles },
	{ "events", test_events },
	{ "swinc", test_swinc },
	{ "overflow of cycles", test_overflow_cycles },
	{ "overflow of an event", test_overflow_event },
	{ "level", test_level },
	{ "level", test_level_schism, .schism = true },
	{ "EL0", test_el0 },
	{ "EL0 counts", test_el0_counts },
	{ "two vCPUs", test_two, .vcpus = 2 },
	{ "one vCPU of two", test_one, .vcpus = 2 },
	{ "interrupts of others", test_interrupt_of_each, .vcpus = 2 },
	{ "reset", test_reset, .vcpus = 2, .schism = true },
	{ "EL2", test_el2, .schism = true },
	{ "descheduled", test_descheduled, .schism = true },
};

static void absent(void)
{
	test_skip("everything: there is none");
}

static const struct test no_tests[] = { { "PMU", absent } };

void guest_main(uint64_t dtb __unused)
{
	uint64_t version = guest_read_sysreg("s3_0_c0_c5_0") >> 8 & 0xf;

	if (version == 0 || version == 0xf)
		test_main("pmu", no_tests, ARRAY_SIZE(no_tests));
	test_main("pmu", tests, ARRAY_SIZE(tests));
}
