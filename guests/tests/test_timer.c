// SPDX-License-Identifier: MIT
/*
 * test_timer: the EL1 virtual and physical timers and the counters (Arm ARM D11). Each timer goes through
 * the same tests. A deadline may be met late, since somebody else may have the CPU; never early, and never
 * not at all.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define CTL_ENABLE	BIT(0)
#define CTL_IMASK	BIT(1)
#define CTL_ISTATUS	BIT(2)
#define NEVER		(~UINT64_C(0))

#define TIMER_ACCESSORS(t)									\
	static uint64_t t##_ctl(void) { return guest_read_sysreg("cnt" #t "_ctl_el0"); }	\
	static uint64_t t##_cval(void) { return guest_read_sysreg("cnt" #t "_cval_el0"); }	\
	static uint64_t t##_tval(void) { return guest_read_sysreg("cnt" #t "_tval_el0"); }	\
	static void t##_set_ctl(uint64_t v) { guest_write_sysreg("cnt" #t "_ctl_el0", v); guest_isb(); } \
	static void t##_set_cval(uint64_t v) { guest_write_sysreg("cnt" #t "_cval_el0", v); guest_isb(); } \
	static void t##_set_tval(uint64_t v) { guest_write_sysreg("cnt" #t "_tval_el0", v); guest_isb(); }

TIMER_ACCESSORS(v)
TIMER_ACCESSORS(p)

static uint64_t v_count(void)
{
	return guest_counter();
}

static uint64_t p_count(void)
{
	guest_isb();
	return guest_read_sysreg("cntpct_el0");
}

struct timer {
	const char *name;
	unsigned int intid;
	uint64_t (*count)(void), (*ctl)(void), (*cval)(void), (*tval)(void);
	void (*set_ctl)(uint64_t), (*set_cval)(uint64_t), (*set_tval)(uint64_t);
};

#define TIMER(title, t, ppi)									\
	{ title, ppi, t##_count, t##_ctl, t##_cval, t##_tval, t##_set_ctl, t##_set_cval, t##_set_tval }

static const struct timer timers[] = {
	TIMER("virtual", v, 27),
	TIMER("physical", p, 30),
};

static const struct timer *t;		/* the one under test */
static uint64_t early, periodic;

/* Silences its timer; or rearms it, while there are periods left. */
static void timer_irq(unsigned int intid)
{
	const struct timer *of = intid == timers[0].intid ? &timers[0] : &timers[1];

	if (of->count() < of->cval() || !(of->ctl() & CTL_ISTATUS))
		early++;
	if (periodic) {
		periodic--;
		of->set_cval(of->cval() + test_us(50));
	} else {
		of->set_ctl(CTL_ENABLE | CTL_IMASK);
	}
}

static void timers_off(void)
{
	guest_irq_mask();
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		timers[i].set_ctl(0);
		timers[i].set_cval(NEVER);
	}
	early = periodic = 0;
	test_irq_handler(timer_irq);
}

static void start_at(uint64_t cval)
{
	t->set_cval(cval);
	t->set_ctl(CTL_ENABLE);
}

static uint64_t taken(void)
{
	return test_irq_count(guest_vcpu_id(), t->intid);
}

static void wfi(void)
{
	guest_dsb();
	__asm__ volatile("wfi" : : : "memory");
}

/* ---- */

static void test_registers(void)
{
	uint64_t before, tval, ticks = test_us(16000);

	timers_off();
	t->set_cval(UINT64_C(0x123456789abcdef0));
	test_equal(t->cval(), UINT64_C(0x123456789abcdef0), "CVAL keeps 64 bits");
	t->set_ctl(CTL_IMASK);
	test_equal(t->ctl() & 3, CTL_IMASK, "CTL keeps IMASK");
	t->set_ctl(0);
	test_equal(t->ctl() & 3, 0, "CTL keeps 0");
	t->set_ctl(~UINT64_C(0) & ~CTL_ENABLE);
	test_equal(t->ctl() & ~CTL_ISTATUS, CTL_IMASK, "CTL's reserved bits are zero");
	before = t->count();
	t->set_tval(ticks);
	tval = t->tval();
	test_check(t->cval() >= before + ticks && t->cval() <= t->count() + ticks, "TVAL sets CVAL");
	test_check(tval <= ticks, "TVAL counts down");
	test_check(t->tval() < tval, "and down");
	t->set_tval(0xffffffff);
	test_check(t->cval() < t->count(), "TVAL is signed");
	t->set_cval(t->count() - 1);
	test_check((int32_t)t->tval() < 0 && t->tval() >> 32 == 0, "TVAL of the past is negative, 32 bits");
}

static void test_istatus(void)
{
	timers_off();
	t->set_ctl(CTL_ENABLE | CTL_IMASK);
	test_check(!(t->ctl() & CTL_ISTATUS), "clear before");
	t->set_cval(t->count());
	test_check(TEST_WAIT(t->ctl() & CTL_ISTATUS), "set when due");
	test_check(!test_gic_get(GIC_ISPENDR, t->intid), "IMASK: not pending");
	t->set_cval(NEVER);
	test_check(!(t->ctl() & CTL_ISTATUS), "clear when moved on");
	guest_irq_unmask();
	t->set_cval(0);
	test_delay(test_us(20));
	test_equal(taken(), 0, "IMASK: no interrupt");
	t->set_ctl(CTL_ENABLE);
	test_check(TEST_WAIT(taken() == 1), "unmasked: interrupt");
	timers_off();
}

static void test_fire(void)
{
	timers_off();
	guest_irq_unmask();
	start_at(t->count() + test_us(50));
	test_check(taken() == 0 || t->count() >= t->cval(), "by CVAL: not before");
	test_check(TEST_WAIT(taken() == 1), "by CVAL");
	t->set_ctl(0);
	t->set_tval(test_us(50));
	t->set_ctl(CTL_ENABLE);
	test_check(TEST_WAIT(taken() == 2), "by TVAL");
	start_at(t->count() - 1);
	test_check(TEST_WAIT(taken() == 3), "past deadline");
	start_at(0);
	test_check(TEST_WAIT(taken() == 4), "deadline 0");
	t->set_tval(0);
	t->set_ctl(CTL_ENABLE);
	test_check(TEST_WAIT(taken() == 5), "TVAL 0");
	t->set_tval((uint32_t)-100);
	t->set_ctl(CTL_ENABLE);
	test_check(TEST_WAIT(taken() == 6), "TVAL negative");
	test_delay(test_us(50));
	test_equal(taken(), 6, "none too many");
	test_equal(early, 0, "none early");
}

static void test_not_fire(void)
{
	static const struct {
		const char *name;
		uint64_t cval;
	} rows[] = {
		{ "CVAL of all ones", NEVER },
		{ "CVAL of 2^63", BIT(63) },
		{ "CVAL below all ones", NEVER - 100 },
	};

	timers_off();
	guest_irq_unmask();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start_at(rows[i].cval);
		test_delay(test_us(30));
		test_check(taken() == 0 && !(t->ctl() & CTL_ISTATUS), rows[i].name);
	}
	t->set_tval(0x7fffffff);
	test_delay(test_us(30));
	test_check(taken() == 0 && !(t->ctl() & CTL_ISTATUS), "TVAL of the most positive");
	start_at(t->count() + test_us(20000));
	test_delay(test_us(10));
	t->set_ctl(0);
	t->set_cval(NEVER);
	test_delay(test_us(30000));
	test_equal(taken(), 0, "cancelled by ENABLE");
	start_at(t->count() + test_us(20000));
	t->set_cval(NEVER);
	test_delay(test_us(30000));
	test_equal(taken(), 0, "moved on by CVAL");
	timers_off();
}

/* Leaves it asserted twice. */
static void timer_irq_lazy(unsigned int intid)
{
	if (test_irq_count(guest_vcpu_id(), intid) == 3)
		timer_irq(intid);
}

static void test_level(void)
{
	timers_off();
	start_at(0);
	test_check(TEST_WAIT(test_gic_get(GIC_ISPENDR, t->intid)), "due: pending");
	t->set_ctl(CTL_ENABLE | CTL_IMASK);
	test_check(TEST_WAIT(!test_gic_get(GIC_ISPENDR, t->intid)), "masked: no longer pending");
	guest_irq_unmask();
	test_delay(test_us(20));
	test_equal(taken(), 0, "nor taken");
	test_irq_handler(timer_irq_lazy);
	t->set_ctl(CTL_ENABLE);
	test_check(TEST_WAIT(taken() == 3), "taken until it is silenced");
	test_delay(test_us(50));
	test_equal(taken(), 3, "and no longer");

	timers_off();
	test_gic_set(GIC_ICENABLER, t->intid);
	guest_irq_unmask();
	start_at(0);
	test_delay(test_us(20));
	test_equal(taken(), 0, "disabled in the GIC: not taken");
	test_check(t->ctl() & CTL_ISTATUS, "disabled in the GIC: ISTATUS");
	test_gic_set(GIC_ISENABLER, t->intid);
	test_check(TEST_WAIT(taken() == 1), "enabled: taken");
	timers_off();
}

static void test_periodic(void)
{
	uint64_t start;

	timers_off();
	guest_irq_unmask();
	periodic = 50;
	start = t->count();
	start_at(start + test_us(50));
	test_check(TEST_WAIT(READ_ONCE(periodic) == 0 && taken() == 51), "51 periods");
	test_check(t->count() - start >= 51 * test_us(50), "take their time");
	test_equal(early, 0, "none early");
	timers_off();
}

static void test_wake(void)
{
	uint64_t cval;
	bool ok = true;

	timers_off();
	cval = t->count() + test_us(300);
	start_at(cval);
	while (t->count() < cval)
		wfi();
	test_check(TEST_WAIT(test_gic_get(GIC_ISPENDR, t->intid)), "WFI with IRQs masked");
	test_equal(taken(), 0, "nothing is taken meanwhile");
	guest_irq_unmask();
	test_check(TEST_WAIT(taken() == 1), "taken when unmasked");
	for (unsigned int i = 0; i < 10; i++) {
		guest_irq_mask();
		cval = t->count() + test_us(200);
		start_at(cval);
		while (taken() == i + 1) {
			wfi();
			guest_irq_unmask();
			guest_isb();
			guest_irq_mask();
		}
		ok &= t->count() >= cval;
	}
	test_check(ok && taken() == 11, "10 times");
	start_at(t->count() - 1);
	guest_irq_mask();
	t->set_ctl(CTL_ENABLE);
	wfi();
	guest_irq_unmask();
	test_check(TEST_WAIT(taken() == 12), "past deadline");
	test_equal(early, 0, "none early");
	timers_off();
}

static void test_timer(void)
{
	test_run("registers", test_registers);
	test_run("istatus", test_istatus);
	test_run("fires", test_fire);
	test_run("does not fire", test_not_fire);
	test_run("level", test_level);
	test_run("periodic", test_periodic);
	test_run("wfi", test_wake);
}

static void timer_irqs_init(void)
{
	test_irq_init();
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++)
		test_gic_set(GIC_ISENABLER, timers[i].intid);
}

static void test_virtual(void)
{
	timer_irqs_init();
	t = &timers[0];
	test_timer();
}

static void test_physical(void)
{
	timer_irqs_init();
	t = &timers[1];
	test_timer();
}

/* ---- both, and several vCPUs ---- */

static void test_both(void)
{
	uint64_t now;

	timers_off();
	now = timers[0].count();
	timers[0].set_cval(now + test_us(100));
	timers[1].set_cval(timers[1].count() + test_us(100));
	timers[0].set_ctl(CTL_ENABLE);
	timers[1].set_ctl(CTL_ENABLE);
	guest_irq_unmask();
	test_check(TEST_WAIT(test_irq_count(0, 27) == 1 && test_irq_count(0, 30) == 1), "at the same time");
	test_delay(test_us(50));
	test_check(test_irq_count(0, 27) == 1 && test_irq_count(0, 30) == 1, "once each");
	timers_off();
}

static bool vcpu_ok[GUEST_MAX_VCPUS];

static void tick_on_vcpu(void *arg __unused)
{
	unsigned int id = guest_vcpu_id();
	bool ok = true;

	timer_irqs_init();
	guest_irq_unmask();
	for (unsigned int i = 1; i <= 10; i++) {
		for (size_t n = 0; n < ARRAY_SIZE(timers); n++) {
			const struct timer *mine = &timers[n];

			mine->set_cval(mine->count() + test_us(50 * id));
			mine->set_ctl(CTL_ENABLE);
			ok = ok && TEST_WAIT(test_irq_count(id, mine->intid) == i);
		}
	}
	guest_irq_mask();
	vcpu_ok[id] = ok;
}

static void test_vcpus(void)
{
	unsigned int nr = guest_nr_vcpus();
	bool ok = true;

	timers_off();
	for (unsigned int i = 1; i < nr; i++)
		ok &= test_start_vcpu(i, tick_on_vcpu, NULL);
	for (unsigned int i = 1; i < nr; i++)
		ok &= test_join(i) && vcpu_ok[i];
	test_check(ok, "each takes its own");
	test_check(test_irq_count(0, 27) == 0 && test_irq_count(0, 30) == 0, "and no other");
	test_equal(early, 0, "none early");
}

/* ---- counters ---- */
/* vCPU 1 waits for a timer whose interrupt is disabled; vCPU 0 enables that when the deadline has passed. */
static struct {
	bool asleep, awake;
} late;

static void sleep_for_a_disabled_timer(void *arg __unused)
{
	uint64_t redist;

	test_irq_init();
	redist = guest_gic_redist();
	guest_mmio_write32(redist + GICR_ICENABLER0, (uint32_t)BIT(t->intid));
	t->set_cval(t->count() + test_us(100));
	t->set_ctl(CTL_ENABLE);
	guest_irq_mask();
	WRITE_ONCE(late.asleep, true);
	guest_dsb();
	/* What else may end it, as an event does, does not count. */
	while (!(guest_mmio_read32(redist + GICR_ISENABLER0) & BIT(t->intid)))
		wfi();
	WRITE_ONCE(late.awake, true);
	t->set_ctl(0);
}

static bool enabling_wakes(const struct timer *timer)
{
	uint64_t redist = guest_gic_redist() + GUEST_GICR_STRIDE;
	bool ok;

	t = timer;
	late.asleep = late.awake = false;
	ok = test_start_vcpu(1, sleep_for_a_disabled_timer, NULL) && TEST_WAIT(READ_ONCE(late.asleep));
	test_delay(test_us(500));
	ok = ok && !READ_ONCE(late.awake);
	guest_mmio_write32(redist + GICR_ISENABLER0, (uint32_t)BIT(t->intid));
	ok = ok && TEST_WAIT(READ_ONCE(late.awake));
	return test_join(1) && ok;
}

static void test_enabled_late(void)
{
	timers_off();
	test_check(enabling_wakes(&timers[0]), "virtual");
	test_check(enabling_wakes(&timers[1]), "physical");
	timers_off();
}

static void test_counters(void)
{
	uint64_t last_v = guest_counter(), last_p = p_count();
	int64_t low = INT64_MIN, high = INT64_MAX;
	bool monotonic = true;

	for (unsigned int i = 0; i < 2000; i++) {
		uint64_t v1 = guest_counter(), p = p_count(), v2 = guest_counter();

		monotonic &= v1 >= last_v && v2 >= v1 && p >= last_p;
		last_v = v2;
		last_p = p;
		/* The offset is at least p - v2 and at most p - v1. */
		low = MAX(low, (int64_t)(p - v2));
		high = MIN(high, (int64_t)(p - v1));
	}
	test_check(test_second() > 0, "CNTFRQ is not 0");
	test_check(monotonic, "never go back");
	test_check(low <= high, "differ by a constant");
}

static struct {
	uint64_t turn, last_v, last_p, backwards, frequency;
} relay;

static bool relay_step(uint64_t me)
{
	uint64_t v, p;

	if (!TEST_WAIT(READ_ONCE(relay.turn) % 2 == me))
		return false;
	guest_dsb();
	v = guest_counter();
	p = p_count();
	if (v < relay.last_v || p < relay.last_p || test_second() != relay.frequency)
		relay.backwards++;
	relay.last_v = v;
	relay.last_p = p;
	guest_dsb();
	WRITE_ONCE(relay.turn, relay.turn + 1);
	guest_notify();
	return true;
}

static void relay_run(void *arg __unused)
{
	for (unsigned int i = 0; i < 20 && relay_step(1); i++)
		;
}

static void test_counters_of_vcpus(void)
{
	bool ok;

	relay.frequency = test_second();
	ok = test_start_vcpu(1, relay_run, NULL);
	for (unsigned int i = 0; i < 20; i++)
		ok = ok && relay_step(0);
	ok = ok && test_join(1);
	test_check(ok && relay.turn == 40, "40 turns");
	test_equal(relay.backwards, 0, "never go back");
}

static const struct test tests[] = {
	{ "virtual", test_virtual },
	{ "physical", test_physical },
	{ "both", test_both },
	{ "vcpus", test_vcpus, .vcpus = 2 },
	{ "enabled late", test_enabled_late, .vcpus = 2 },
	{ "counters", test_counters },
	{ "counters of vcpus", test_counters_of_vcpus, .vcpus = 2 },
};

void guest_main(uint64_t dtb __unused)
{
	test_main("timer", tests, ARRAY_SIZE(tests));
}
