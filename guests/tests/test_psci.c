// SPDX-License-Identifier: MIT
/*
 * test_psci: PSCI (DEN0022E), SMCCC (DEN0028), TRNG (DEN0098), stolen time (DEN0057) and Schism's vendor
 * service. Best with 4 vCPUs. What ends the VM is in test_reset.c.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define PSCI_MIGRATE_32		0x84000005
#define PSCI_UNKNOWN		0x840000fe
#define SMCCC_ARCH_SOC_ID	0x80000002
#define WORKAROUND_NOT_REQUIRED	1
#define PFR0_CSV2		GENMASK(59, 56)
#define PFR1_SSBS		GENMASK(7, 4)
#define MMFR1_ECBHB		GENMASK(63, 60)
#define TRNG_VERSION		0x84000050
#define TRNG_FEATURES		0x84000051
#define TRNG_GET_UUID		0x84000052
#define TRNG_RND_32		0x84000053
#define TRNG_RND_64		0xc4000053
#define TRNG_INVALID		(-2)
#define PV_TIME_FEATURES	0xc5000020
#define PV_TIME_ST		0xc5000021
#define ON			0
#define OFF			1
#define SGI			3

static int64_t hvc(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)
{
	return (int64_t)guest_hvc0(fn, a1, a2, a3).x0;
}

static int64_t smc(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)
{
	return (int64_t)guest_smc0(fn, a1, a2, a3).x0;
}

/* 32-bit results are signed 32-bit numbers; how a register's upper half is filled is not said. */
static bool is(int64_t result, int32_t want)
{
	return (int32_t)result == want;
}

static void test_version(void)
{
	uint64_t version = (uint64_t)hvc(PSCI_VERSION, 0, 0, 0);

	test_check(version >> 16 == 1 && (version & 0xffff) >= 1, "is 1.1 or later");
	test_check(is(hvc(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0), 2), "no trusted OS to migrate");
}

static void test_features(void)
{
	static const struct {
		const char *name;
		uint32_t fn;
	} rows[] = {
		{ "PSCI_VERSION", PSCI_VERSION }, { "CPU_SUSPEND 32", PSCI_CPU_SUSPEND_32 },
		{ "CPU_SUSPEND 64", PSCI_CPU_SUSPEND_64 }, { "CPU_OFF", PSCI_CPU_OFF },
		{ "CPU_ON 32", PSCI_CPU_ON_32 }, { "CPU_ON 64", PSCI_CPU_ON_64 },
		{ "AFFINITY_INFO 32", PSCI_AFFINITY_INFO_32 }, { "AFFINITY_INFO 64", PSCI_AFFINITY_INFO_64 },
		{ "MIGRATE_INFO_TYPE", PSCI_MIGRATE_INFO_TYPE }, { "SYSTEM_OFF", PSCI_SYSTEM_OFF },
		{ "SYSTEM_RESET", PSCI_SYSTEM_RESET }, { "PSCI_FEATURES", PSCI_FEATURES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		test_check(hvc(PSCI_FEATURES, rows[i].fn, 0, 0) >= 0, rows[i].name);
	test_check(is(hvc(PSCI_FEATURES, PSCI_MIGRATE_32, 0, 0), PSCI_NOT_SUPPORTED),
		   "MIGRATE is not supported");
	test_check(is(hvc(PSCI_FEATURES, PSCI_UNKNOWN, 0, 0), PSCI_NOT_SUPPORTED),
		   "unknown is not supported");
	test_check(is(hvc(PSCI_FEATURES, 0, 0, 0), PSCI_NOT_SUPPORTED), "0 is not supported");
	test_check(is(hvc(PSCI_FEATURES, PSCI_VERSION | BIT(30), 0, 0), PSCI_NOT_SUPPORTED),
		   "PSCI_VERSION has no 64-bit form");
}

static void test_features_schism(void)
{
	test_check(hvc(PSCI_FEATURES, SMCCC_VERSION, 0, 0) >= 0, "SMCCC_VERSION");
	test_check(hvc(PSCI_FEATURES, PSCI_SYSTEM_SUSPEND_32, 0, 0) >= 0, "SYSTEM_SUSPEND 32");
	test_check(hvc(PSCI_FEATURES, PSCI_SYSTEM_SUSPEND_64, 0, 0) >= 0, "SYSTEM_SUSPEND 64");
	test_check(hvc(PSCI_FEATURES, PSCI_SYSTEM_RESET2_32, 0, 0) >= 0, "SYSTEM_RESET2 32");
	test_check(hvc(PSCI_FEATURES, PSCI_SYSTEM_RESET2_64, 0, 0) >= 0, "SYSTEM_RESET2 64");
	test_check(is(hvc(PSCI_FEATURES, TRNG_RND_64, 0, 0), PSCI_NOT_SUPPORTED), "not the TRNG");
}

/* No call of these may succeed, whoever's service it would be. */
static const uint32_t unknown_calls[] = {
	0, 0x84000007, 0x8400001f, 0x84000100, 0x8400ffff, 0x84010000, 0xc4000000, 0x04000000,
	0x80000003, 0x81000000, 0x82000000, 0x83000000, 0x85000000, 0x86000001, 0x87000000,
	0xb0000000, 0xb2000000, 0xbf00ff01, 0xffffffff,
};

static void test_unknown(void)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(unknown_calls); i++)
		ok &= is(hvc(unknown_calls[i], 0, 0, 0), PSCI_NOT_SUPPORTED);
	test_check(ok, "functions by HVC");
}

#define CALL_IMM(insn, imm)									\
	({											\
		register uint64_t x0_ __asm__("x0") = PSCI_VERSION;				\
												\
		__asm__ volatile(insn " #" #imm : "+r"(x0_) : : "x1", "x2", "x3", "memory");	\
		(int64_t)x0_;									\
	})

static void test_unknown_schism(void)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(unknown_calls); i++)
		ok &= smc(unknown_calls[i], 0, 0, 0) == PSCI_NOT_SUPPORTED;
	test_check(ok, "functions by SMC");
	test_equal((uint64_t)CALL_IMM("hvc", 1), (uint64_t)PSCI_NOT_SUPPORTED, "hvc #1");
	test_equal((uint64_t)CALL_IMM("hvc", 0x61), (uint64_t)PSCI_NOT_SUPPORTED, "hvc #0x61");
	test_equal((uint64_t)CALL_IMM("hvc", 0xffff), (uint64_t)PSCI_NOT_SUPPORTED, "hvc #0xffff");
	test_equal((uint64_t)CALL_IMM("smc", 1), (uint64_t)PSCI_NOT_SUPPORTED, "smc #1");
	test_equal((uint64_t)CALL_IMM("smc", 0x60), (uint64_t)PSCI_NOT_SUPPORTED, "smc #0x60");
	test_equal((uint64_t)guest_hvc_task_report(99, 0, 0, 0, 0, 0), (uint64_t)SMCCC_INVALID_PARAMETER,
		   "report of an unknown task");
	test_equal((uint64_t)guest_hvc_task_report(3, 99, 0, 0, 0, 0), (uint64_t)SMCCC_INVALID_PARAMETER,
		   "report of an unknown event");
}

/* x4 to x30 survive a call (SMCCC 1.1, 2.6), and x1 to x3 one that returns nothing in them. */
static void test_preserved(void)
{
	uint64_t x4, x17, x18, x29;

	__asm__ volatile(
		"stp x29, x18, [sp, #-16]!\n\t"
		"mov x0, %x[fn]\n\tmov x4, #44\n\tmov x17, #1717\n\tmov x18, #1818\n\tmov x29, #2929\n\t"
		"hvc #0\n\t"
		"mov x5, x29\n\tmov x6, x18\n\tldp x29, x18, [sp], #16\n\t"
		"mov %[x4], x4\n\tmov %[x17], x17\n\tmov %[x18], x6\n\tmov %[x29], x5"
		: [x4] "=&r"(x4), [x17] "=&r"(x17), [x18] "=&r"(x18), [x29] "=&r"(x29)
		: [fn] "r"((uint64_t)PSCI_VERSION)
		: "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x17", "memory");
	test_check(x4 == 44 && x17 == 1717 && x18 == 1818 && x29 == 2929, "x4, x17, x18, x29");
}

/* ---- CPU_ON, CPU_OFF, AFFINITY_INFO ---- */

static uint64_t nowhere(void)
{
	return guest_nr_vcpus();
}

static void nothing(void *arg __unused)
{
}

static uint32_t gate, arrivals;

static void stay_on(void *arg __unused)
{
	__atomic_fetch_add(&arrivals, 1, __ATOMIC_SEQ_CST);
	guest_notify();
	while (!READ_ONCE(gate))
		guest_relax();
}

static void gate_close(void)
{
	WRITE_ONCE(gate, 0);
	WRITE_ONCE(arrivals, 0);
	guest_dsb();
}

static void gate_open(void)
{
	WRITE_ONCE(gate, 1);
	guest_notify();
}

static void test_affinity(void)
{
	int64_t level1 = hvc(PSCI_AFFINITY_INFO_64, 0, 1, 0);

	test_check(is(hvc(PSCI_AFFINITY_INFO_64, 0, 0, 0), ON), "this vCPU is on");
	test_check(is(hvc(PSCI_AFFINITY_INFO_32, 0, 0, 0), ON), "this vCPU is on, 32-bit call");
	test_check(is(hvc(PSCI_AFFINITY_INFO_64, nowhere(), 0, 0), PSCI_INVALID_PARAMETERS), "no such vCPU");
	test_check(is(level1, ON) || is(level1, PSCI_INVALID_PARAMETERS), "level 1 is on, or not supported");
}

static void test_affinity_schism(void)
{
	test_check(is(hvc(PSCI_AFFINITY_INFO_64, 0, 4, 0), PSCI_INVALID_PARAMETERS), "no such level");
	test_check(is(hvc(PSCI_AFFINITY_INFO_64, UINT64_C(1) << 32, 0, 0), PSCI_INVALID_PARAMETERS),
		   "no such vCPU in Aff3");
	test_check(is(hvc(PSCI_AFFINITY_INFO_32, UINT64_C(1) << 32, 0, 0), ON),
		   "the 32-bit call ignores upper halves");
}

static void test_on_self(void)
{
	uint64_t entry, context;

	guest_vcpu_prepare(1, nothing, NULL, &entry, &context);
	test_check(is(hvc(PSCI_CPU_ON_64, 0, entry, context), PSCI_ALREADY_ON), "the caller is on");
	test_check(is(hvc(PSCI_CPU_ON_64, nowhere(), entry, context), PSCI_INVALID_PARAMETERS),
		   "no such vCPU");
	test_check(is(hvc(PSCI_CPU_ON_64, UINT64_C(0xff0000), entry, context), PSCI_INVALID_PARAMETERS),
		   "no such cluster");
}

static void test_on_address_schism(void)
{
	static const struct {
		const char *name;
		uint64_t entry;
	} rows[] = {
		{ "0", 0 }, { "a device", GUEST_UART_IPA }, { "below RAM", GUEST_RAM_IPA - 4 },
		{ "above RAM", GUEST_RAM_IPA + GUEST_RAM_SIZE }, { "all ones", ~UINT64_C(3) },
		{ "not aligned", GUEST_RAM_IPA + 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		test_check(is(hvc(PSCI_CPU_ON_64, 1, rows[i].entry, 0), PSCI_INVALID_ADDRESS), rows[i].name);
	test_check(is(guest_vcpu_state(1), OFF), "the vCPU is off still");
}

struct entry_state {
	uint64_t daif, el, sp_sel, sctlr_c, id, arg_ok;
};

static void look_around(void *arg)
{
	struct entry_state *state = arg;

	state->daif = guest_read_sysreg("daif");
	state->el = guest_read_sysreg("CurrentEL");
	state->sp_sel = guest_read_sysreg("spsel");
	state->id = guest_vcpu_id();
}

static void test_on(void)
{
	struct entry_state state = { 0 };

	gate_close();
	test_check(is(guest_vcpu_state(1), OFF), "off at first");
	test_check(test_start_vcpu(1, stay_on, NULL), "CPU_ON succeeds");
	test_check(TEST_WAIT(READ_ONCE(arrivals) == 1), "it runs");
	test_check(is(guest_vcpu_state(1), ON), "AFFINITY_INFO says on");
	test_check(is(hvc(PSCI_CPU_ON_64, 1, GUEST_IMAGE_IPA, 0), PSCI_ALREADY_ON), "again is ALREADY_ON");
	gate_open();
	test_check(test_join(1), "CPU_OFF ends it");
	test_check(test_on_vcpu(1, look_around, &state), "it can be switched on anew");
	test_check(state.daif == 0x3c0 && state.el == 4 && state.sp_sel == 1 && state.id == 1,
		   "at EL1h with DAIF masked");
}

static void test_on_off_often(void)
{
	bool ok = true;

	gate_open();
	WRITE_ONCE(arrivals, 0);
	for (unsigned int i = 0; i < 20; i++)
		ok &= test_on_vcpu(1, stay_on, NULL);
	test_check(ok && READ_ONCE(arrivals) == 20, "20 times");
}

static void test_all(void)
{
	unsigned int nr = guest_nr_vcpus();
	bool ok = true;

	gate_close();
	for (unsigned int i = 1; i < nr; i++)
		ok &= test_start_vcpu(i, stay_on, NULL);
	ok = ok && TEST_WAIT(READ_ONCE(arrivals) == nr - 1);
	test_check(ok, "on together");
	gate_open();
	for (unsigned int i = 1; i < nr; i++)
		ok &= test_join(i);
	test_check(ok, "off together");
}

/* Several vCPUs switch the last one on at the same moment. */
static struct {
	uint64_t entry, context, target;
	uint32_t ready, go, success, refused, other;
} race;

static void race_call(void)
{
	int64_t result = hvc(PSCI_CPU_ON_64, race.target, race.entry, race.context);
	uint32_t *count = &race.other;

	if (result == PSCI_SUCCESS)
		count = &race.success;
	else if (is(result, PSCI_ALREADY_ON) || is(result, PSCI_ON_PENDING))
		count = &race.refused;
	__atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
}

static void racer(void *arg __unused)
{
	__atomic_fetch_add(&race.ready, 1, __ATOMIC_SEQ_CST);
	guest_notify();
	while (!READ_ONCE(race.go))
		guest_relax();
	race_call();
}

static bool race_once(unsigned int nr)
{
	bool ok = true;

	gate_close();
	race.target = nr - 1;
	race.ready = race.go = race.success = race.refused = race.other = 0;
	guest_vcpu_prepare(nr - 1, stay_on, NULL, &race.entry, &race.context);
	for (unsigned int i = 1; i < nr - 1; i++)
		ok &= test_start_vcpu(i, racer, NULL);
	ok = ok && TEST_WAIT(READ_ONCE(race.ready) == nr - 2);
	WRITE_ONCE(race.go, 1);
	guest_notify();
	race_call();
	for (unsigned int i = 1; i < nr - 1; i++)
		ok &= test_join(i);
	ok = ok && TEST_WAIT(READ_ONCE(arrivals));
	gate_open();
	ok &= test_join(nr - 1);
	return ok && race.success == 1 && race.refused == nr - 2 && race.other == 0 &&
	       READ_ONCE(arrivals) == 1;
}

static void test_race(void)
{
	bool ok = true;

	for (unsigned int i = 0; i < 10; i++)
		ok &= race_once(guest_nr_vcpus());
	test_check(ok, "exactly one CPU_ON succeeds");
}

/* ---- CPU_SUSPEND ---- */

static void send_sgi_to_0(void *arg __unused)
{
	/* Give it time to suspend itself; if it has not, the interrupt is pending before: as good. */
	test_delay(test_us(200));
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)SGI << 24 | BIT(0));
	guest_isb();
}

static void test_suspend_pending(void)
{
	test_irq_init();
	test_irq_handler(NULL);
	test_gic_set(GIC_ISENABLER, SGI);
	test_sgi_self(SGI);
	test_check(is(hvc(PSCI_CPU_SUSPEND_64, 0, 0, 0), PSCI_SUCCESS), "returns with an interrupt pending");
	test_check(is(hvc(PSCI_CPU_SUSPEND_32, 0, 0, 0), PSCI_SUCCESS), "the 32-bit call, too");
	test_equal(test_irq_count(0, SGI), 0, "although IRQs are masked");
	guest_irq_unmask();
	test_check(TEST_WAIT(test_irq_count(0, SGI) == 1), "the interrupt is taken afterwards");
	guest_irq_mask();
	test_check(is(hvc(PSCI_CPU_SUSPEND_64, BIT(31), 0, 0), PSCI_INVALID_PARAMETERS), "reserved bits");
}

static void test_suspend_sgi(void)
{
	test_irq_handler(NULL);
	test_check(test_start_vcpu(1, send_sgi_to_0, NULL), "start another vCPU");
	test_check(is(hvc(PSCI_CPU_SUSPEND_64, 0, 0, 0), PSCI_SUCCESS), "returns when that sends an SGI");
	guest_irq_unmask();
	test_check(TEST_WAIT(test_irq_count(0, SGI) == 1), "which is taken");
	guest_irq_mask();
	test_check(test_join(1), "join");
}

/* ---- SYSTEM_SUSPEND ---- */

#define VTIMER		27
#define TIMER_ENABLE	BIT(0)

/* What the entry point finds, then the caller's registers, for the way back. */
struct suspension {
	uint64_t context, sctlr, el, daif, sp_sel;
	uint64_t regs[16];
};

/* Calls function with this entry point; the PSCI code, or 1 when it has come back by that. */
int64_t suspend_call(uint64_t function, struct suspension *s);
extern const char suspend_entry[];

__asm__(
	".pushsection .text.suspend, \"ax\"\n"
	"suspend_entry:\n"			/* x0: the suspension */
	"	mrs x1, sctlr_el1\n\tmrs x2, currentel\n\tmrs x3, daif\n\tmrs x4, spsel\n"
	"	stp x0, x1, [x0]\n\tstp x2, x3, [x0, #16]\n\tstr x4, [x0, #32]\n"
	"	ldp x19, x20, [x0, #40]\n\tldp x21, x22, [x0, #56]\n\tldp x23, x24, [x0, #72]\n"
	"	ldp x25, x26, [x0, #88]\n\tldp x27, x28, [x0, #104]\n\tldp x29, x30, [x0, #120]\n"
	"	ldp x1, x2, [x0, #136]\n\tldp x3, x4, [x0, #152]\n\tmov x5, #(3 << 20)\n"
	"	mov sp, x1\n\tmsr vbar_el1, x2\n\tmsr mair_el1, x3\n\tmsr tcr_el1, x4\n\tmsr cpacr_el1, x5\n"
	"	ldr x1, [x0, #168]\n\tmsr ttbr0_el1, x1\n\tisb\n"
	"	tlbi vmalle1\n\tic iallu\n\tdsb nsh\n\tisb\n"
	"	ldr x1, [x0, #176]\n\tmsr sctlr_el1, x1\n\tisb\n"
	"	mov x0, #1\n\tret\n"
	".globl suspend_call\n.type suspend_call, %function\n"
	"suspend_call:\n"
	"	stp x19, x20, [x1, #40]\n\tstp x21, x22, [x1, #56]\n\tstp x23, x24, [x1, #72]\n"
	"	stp x25, x26, [x1, #88]\n\tstp x27, x28, [x1, #104]\n\tstp x29, x30, [x1, #120]\n"
	"	mov x2, sp\n\tmrs x3, vbar_el1\n\tstp x2, x3, [x1, #136]\n"
	"	mrs x2, mair_el1\n\tmrs x3, tcr_el1\n\tstp x2, x3, [x1, #152]\n"
	"	mrs x2, ttbr0_el1\n\tmrs x3, sctlr_el1\n\tstp x2, x3, [x1, #168]\n"
	/* It will be read past the caches. */
	"	dc civac, x1\n\tadd x2, x1, #64\n\tdc civac, x2\n\tadd x2, x1, #128\n\tdc civac, x2\n"
	"	dsb sy\n"
	"	mov x2, x1\n\tadr x1, suspend_entry\n\thvc #0\n"
	"	ret\n"
	".popsection\n");

_Static_assert(offsetof(struct suspension, regs) == 40, "the offsets above");

static void wake_in(uint64_t ticks)
{
	guest_write_sysreg("cntv_cval_el0", guest_counter() + ticks);
	guest_write_sysreg("cntv_ctl_el0", TIMER_ENABLE);
	guest_isb();
}

static int64_t suspend(uint64_t function, struct suspension *s)
{
	int64_t result = suspend_call(function, s);

	/* The core's interface to the GIC has been off; the rest of that has not. */
	guest_write_sysreg(ICC_PMR_EL1, 0xff);
	guest_write_sysreg(ICC_IGRPEN1_EL1, 1);
	guest_isb();
	return result;
}

static void test_system_suspend(void)
{
	static struct suspension s __aligned(64);
	uint64_t start;

	test_irq_init();
	test_irq_handler(NULL);
	test_gic_set(GIC_ISENABLER, VTIMER);
	start = guest_counter();
	wake_in(test_us(2000));
	test_equal((uint64_t)suspend(PSCI_SYSTEM_SUSPEND_64, &s), 1, "comes back by its entry point");
	test_check(guest_counter() - start >= test_us(2000), "when the timer interrupts, not before");
	test_equal(s.context, (uint64_t)&s, "with its context in x0");
	test_check(s.el == 4 && s.sp_sel == 1 && s.daif == 0x3c0 && !(s.sctlr & 1), "as after a reset");
	test_equal(guest_read_sysreg("cntv_ctl_el0") & TIMER_ENABLE, 0, "the timer is off");
	guest_irq_unmask();
	test_delay(test_us(10));
	guest_irq_mask();
	test_equal(test_irq_count(0, VTIMER), 0, "and its interrupt gone");
}

static void test_system_suspend_sources(void)
{
	static struct suspension s __aligned(64);
	uint64_t start;

	test_irq_init();
	test_irq_handler(NULL);
	test_gic_set(GIC_ISENABLER, VTIMER);
	test_gic_set(GIC_ISENABLER, SGI);
	/* What an operating system does that powers down: its CPU interface lets nothing through. */
	guest_write_sysreg(ICC_IGRPEN1_EL1, 0);
	guest_write_sysreg(ICC_PMR_EL1, 0);
	guest_isb();
	start = guest_counter();
	wake_in(test_us(2000));
	test_equal((uint64_t)suspend(PSCI_SYSTEM_SUSPEND_32, &s), 1, "a masked interrupt wakes; 32-bit call");
	test_check(guest_counter() - start >= test_us(2000), "it took its time");
	test_gic_set(GIC_ICENABLER, SGI);
	test_sgi_self(SGI);
	start = guest_counter();
	wake_in(test_us(2000));
	test_equal((uint64_t)suspend(PSCI_SYSTEM_SUSPEND_64, &s), 1, "a disabled one does not");
	test_check(guest_counter() - start >= test_us(2000), "but the timer");
	test_gic_set(GIC_ISENABLER, SGI);
	start = guest_counter();
	test_equal((uint64_t)suspend(PSCI_SYSTEM_SUSPEND_64, &s), 1, "one that is pending already, at once");
	guest_irq_unmask();
	test_check(TEST_WAIT(test_irq_count(0, SGI) == 1), "and it is taken afterwards");
	guest_irq_mask();
}

static void test_system_suspend_refused(void)
{
	static const uint64_t bad[] = {
		0, GUEST_UART_IPA, GUEST_RAM_IPA + GUEST_RAM_SIZE, GUEST_IMAGE_IPA + 2, ~UINT64_C(3),
	};
	static struct suspension s __aligned(64);
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok &= is(hvc(PSCI_SYSTEM_SUSPEND_64, bad[i], 0, 0), PSCI_INVALID_ADDRESS);
	test_check(ok, "bad addresses");
	gate_close();
	test_check(test_start_vcpu(1, stay_on, NULL), "start another vCPU");
	test_check(is(suspend(PSCI_SYSTEM_SUSPEND_64, &s), PSCI_DENIED), "denied while that is on");
	gate_open();
	test_check(test_join(1), "it goes off");
	test_irq_handler(NULL);
	test_gic_set(GIC_ISENABLER, VTIMER);
	wake_in(test_us(500));
	test_equal((uint64_t)suspend(PSCI_SYSTEM_SUSPEND_64, &s), 1, "and not any more");
	test_check(test_on_vcpu(1, nothing, NULL), "the other vCPU can be started afterwards");
}

/* ---- what only Schism has ---- */

static void test_smccc(void)
{
	uint64_t version = (uint64_t)hvc(SMCCC_VERSION, 0, 0, 0);

	test_check(version >= 0x10001 && version < 0x20000, "version 1.1 or later");
	test_equal((uint64_t)smc(SMCCC_VERSION, 0, 0, 0), version, "the same by SMC");
	test_equal((uint64_t)smc(PSCI_VERSION, 0, 0, 0), (uint64_t)hvc(PSCI_VERSION, 0, 0, 0),
		   "PSCI_VERSION by SMC");
	test_check(hvc(SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0) >= 0, "ARCH_FEATURES of SMCCC_VERSION");
	test_check(hvc(SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0) >= 0, "ARCH_FEATURES of itself");
	test_equal((uint64_t)hvc(SMCCC_ARCH_FEATURES, SMCCC_ARCH_SOC_ID, 0, 0), (uint64_t)SMCCC_NOT_SUPPORTED,
		   "no SOC_ID");
	test_equal((uint64_t)hvc(SMCCC_ARCH_SOC_ID, 0, 0, 0), (uint64_t)SMCCC_NOT_SUPPORTED,
		   "SOC_ID is not supported");
	test_equal((uint64_t)hvc(SMCCC_ARCH_FEATURES, PSCI_VERSION, 0, 0), (uint64_t)SMCCC_NOT_SUPPORTED,
		   "PSCI is not an architecture call");
}

/* Whether ARCH_FEATURES says one of its three words, and the call the same as that. */
static bool workaround_is_consistent(uint64_t fid)
{
	int64_t says = hvc(SMCCC_ARCH_FEATURES, fid, 0, 0), does = hvc(fid, 0, 0, 0);

	return (says >= 0 && says <= WORKAROUND_NOT_REQUIRED && does == 0) ||
	       (says == SMCCC_NOT_SUPPORTED && does == SMCCC_NOT_SUPPORTED);
}

static bool workaround_is(uint64_t fid, int64_t state)
{
	return hvc(SMCCC_ARCH_FEATURES, fid, 0, 0) == state;
}

/* What the CPU does itself needs no call; where it has a switch, the guest uses that. */
static void test_workarounds(void)
{
	uint64_t pfr0 = guest_read_sysreg("id_aa64pfr0_el1"), pfr1 = guest_read_sysreg("id_aa64pfr1_el1");
	uint64_t mmfr1 = guest_read_sysreg("id_aa64mmfr1_el1");

	test_check(workaround_is_consistent(SMCCC_ARCH_WORKAROUND_1), "1 is called as it is said");
	test_check(workaround_is_consistent(SMCCC_ARCH_WORKAROUND_2), "2 is called as it is said");
	test_check(workaround_is_consistent(SMCCC_ARCH_WORKAROUND_3), "3 is called as it is said");
	test_check(!(pfr0 & PFR0_CSV2) || workaround_is(SMCCC_ARCH_WORKAROUND_1, WORKAROUND_NOT_REQUIRED),
		   "1 is not required with CSV2");
	test_check(!(pfr1 & PFR1_SSBS) || workaround_is(SMCCC_ARCH_WORKAROUND_2, SMCCC_NOT_SUPPORTED),
		   "2 is not there with SSBS");
	test_check(!(mmfr1 & MMFR1_ECBHB) || workaround_is(SMCCC_ARCH_WORKAROUND_3, WORKAROUND_NOT_REQUIRED),
		   "3 is not required with ECBHB");
}

static void test_smc_conduit(void)
{
	test_check(is(smc(PSCI_AFFINITY_INFO_64, 0, 0, 0), ON), "AFFINITY_INFO");
	test_check(is(smc(PSCI_CPU_ON_64, 0, GUEST_IMAGE_IPA, 0), PSCI_ALREADY_ON), "CPU_ON");
	test_check(is(smc(PSCI_FEATURES, PSCI_CPU_OFF, 0, 0), PSCI_SUCCESS), "FEATURES");
}

static void test_trng(void)
{
	struct guest_smccc a, b;

	test_check(hvc(TRNG_VERSION, 0, 0, 0) >= 0x10000, "version 1.0 or later");
	test_check(is(hvc(TRNG_FEATURES, TRNG_RND_64, 0, 0), 0), "has RND, 64-bit");
	test_check(is(hvc(TRNG_FEATURES, TRNG_RND_32, 0, 0), 0), "has RND, 32-bit");
	test_check(is(hvc(TRNG_FEATURES, PSCI_VERSION, 0, 0), -1), "has nothing of PSCI");
	a = guest_hvc0(TRNG_GET_UUID, 0, 0, 0);
	test_check((int32_t)a.x0 != -1 && (a.x1 | a.x2 | a.x3), "UUID");
	a = guest_hvc0(TRNG_RND_64, 192, 0, 0);
	b = guest_hvc0(TRNG_RND_64, 192, 0, 0);
	test_check(a.x0 == 0 && b.x0 == 0, "192 bits");
	test_check(a.x1 != b.x1 && a.x2 != b.x2 && a.x3 != b.x3 && a.x1 != a.x2 && a.x2 != a.x3,
		   "different ones each time");
	a = guest_hvc0(TRNG_RND_64, 65, 0, 0);
	test_check(a.x0 == 0 && a.x1 == 0 && a.x2 <= 1, "65 bits, and no more");
	a = guest_hvc0(TRNG_RND_32, 96, 0, 0);
	test_check(a.x0 == 0 && !((a.x1 | a.x2 | a.x3) >> 32), "96 bits in 32-bit registers");
	test_check(is(hvc(TRNG_RND_64, 193, 0, 0), TRNG_INVALID), "193 bits are too many");
	test_check(is(hvc(TRNG_RND_32, 97, 0, 0), TRNG_INVALID), "97 bits are too many for 32-bit registers");
	test_check(is(hvc(TRNG_RND_64, 0, 0, 0), TRNG_INVALID), "0 bits are too few");
}

static void probe_write(void *arg)
{
	guest_mmio_write64((uint64_t)arg, 1);
}

static void pv_time_other(void *arg)
{
	*(int64_t *)arg = hvc(PV_TIME_ST, 0, 0, 0);
}

static void test_pv_time(void)
{
	int64_t st = hvc(PV_TIME_ST, 0, 0, 0), other = -1;
	struct guest_fault fault;
	uint64_t first, second;

	test_check(is(hvc(SMCCC_ARCH_FEATURES, PV_TIME_FEATURES, 0, 0), 0), "found by ARCH_FEATURES");
	test_check(is(hvc(PV_TIME_FEATURES, PV_TIME_ST, 0, 0), 0), "has stolen time");
	test_check(is(hvc(PV_TIME_FEATURES, PSCI_VERSION, 0, 0), -1), "has nothing else");
	if (!test_check(st > 0 && IS_ALIGNED(st, 64), "ST is an aligned address"))
		return;
	guest_mmu_map(ALIGN_DOWN((uint64_t)st, 4096), 4096, GUEST_MAP_RW);
	test_equal(guest_mmio_read64((uint64_t)st), 0, "revision and attributes are 0");
	first = guest_mmio_read64((uint64_t)st + 8);
	test_delay(test_us(100));
	second = guest_mmio_read64((uint64_t)st + 8);
	test_check(second >= first && second < 1000000000u, "stolen time is plausible");
	test_check(guest_try(probe_write, (void *)st, &fault), "the record is read-only");
	if (guest_nr_vcpus() > 1)
		test_check(test_on_vcpu(1, pv_time_other, &other) && other > 0 && other != st,
			   "another vCPU has another record");
}

static void test_vendor(void)
{
	struct guest_smccc uid = guest_hvc0(SCHISM_CALL_UID, 0, 0, 0);
	struct guest_smccc revision = guest_hvc0(SCHISM_CALL_REVISION, 0, 0, 0);

	test_check(uid.x0 == 0x1ac4155c && uid.x1 == 0x0b4f7e6d && uid.x2 == 0x1d2b3e9a &&
			   uid.x3 == 0x155c7f8e,
		   "UID is Schism's");
	test_check(revision.x0 >= 1 && revision.x0 < 0x10000, "revision");
	test_equal((uint64_t)hvc(SCHISM_CALL_NULL, 0, 0, 0), 0, "null call");
	test_equal((uint64_t)smc(SCHISM_CALL_NULL, 0, 0, 0), 0, "null call by SMC");
	test_equal((uint64_t)hvc(SCHISM_CALL_NULL & ~BIT(30), 0, 0, 0), (uint64_t)SMCCC_NOT_SUPPORTED,
		   "null call has no 32-bit form");
}

static const struct test tests[] = {
	{ "version", test_version },
	{ "features", test_features },
	{ "features", test_features_schism, .schism = true },
	{ "unknown", test_unknown },
	{ "unknown", test_unknown_schism, .schism = true },
	{ "preserved registers", test_preserved },
	{ "affinity", test_affinity },
	{ "affinity", test_affinity_schism, .schism = true },
	{ "cpu_on", test_on_self },
	{ "cpu_on address", test_on_address_schism, .vcpus = 2, .schism = true },
	{ "cpu_on", test_on, .vcpus = 2 },
	{ "cpu_on often", test_on_off_often, .vcpus = 2 },
	{ "cpu_on all", test_all, .vcpus = 2 },
	{ "cpu_on race", test_race, .vcpus = 3 },
	{ "cpu_suspend", test_suspend_pending },
	{ "cpu_suspend sgi", test_suspend_sgi, .vcpus = 2 },
	{ "system_suspend", test_system_suspend, .schism = true },
	{ "system_suspend sources", test_system_suspend_sources, .schism = true },
	{ "system_suspend refused", test_system_suspend_refused, .vcpus = 2, .schism = true },
	{ "smccc", test_smccc, .schism = true },
	{ "workarounds", test_workarounds, .schism = true },
	{ "smc", test_smc_conduit, .schism = true },
	{ "trng", test_trng, .schism = true },
	{ "pv_time", test_pv_time, .schism = true },
	{ "vendor", test_vendor, .schism = true },
};

void guest_main(uint64_t dtb __unused)
{
	test_main("psci", tests, ARRAY_SIZE(tests));
}
