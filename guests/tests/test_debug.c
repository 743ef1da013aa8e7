// SPDX-License-Identifier: MIT
/*
 * test_debug: self-hosted debug at EL1 (Arm ARM D2): breakpoint and watchpoint registers, their exceptions,
 * single step, BRK, the OS lock; and that what one vCPU sets up is its own affair.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define MDSCR_SS		BIT(0)
#define MDSCR_KDE		BIT(13)
#define MDSCR_MDE		BIT(15)
#define OSLSR_OSLK		BIT(1)
#define SPSR_SS			BIT(21)
#define SPSR_D			BIT(9)

/* DBGBCR, DBGWCR: enabled at EL1, all four bytes of an instruction; eight bytes of a doubleword. */
#define BCR_EL1			(BIT(0) | 1 << 1 | 0xf << 5)
#define WCR_EL1			(BIT(0) | 1 << 1 | 0xff << 5)
#define WCR_LOAD		BIT(3)
#define WCR_STORE		BIT(4)

#define EC_BREAKPOINT		0x31
#define EC_STEP			0x33
#define EC_WATCHPOINT		0x35
#define EC_BRK			0x3c
#define FSC_DEBUG		0x22

/* Debug exceptions that the hook has seen. */
static struct {
	unsigned int breakpoints, watchpoints, steps, brks;
	uint64_t elr, far, esr;
	unsigned int steps_left;
	uint64_t step_pcs[8];
} seen;

static void mdscr(uint64_t value)
{
	guest_write_sysreg("mdscr_el1", value);
	guest_isb();
}

static void debug_on(uint64_t more)
{
	mdscr(MDSCR_KDE | MDSCR_MDE | more);
	__asm__ volatile("msr daifclr, #8\n\tisb" : : : "memory");
}

static void debug_off(void)
{
	__asm__ volatile("msr daifset, #8" : : : "memory");
	mdscr(0);
	guest_write_sysreg("dbgbcr0_el1", 0);
	guest_write_sysreg("dbgwcr0_el1", 0);
	guest_isb();
}

/* An exception of each kind is answered so that the program goes on behind it. */
static bool take_debug(struct guest_frame *frame)
{
	uint64_t esr = guest_read_sysreg("esr_el1");

	seen.esr = esr;
	seen.elr = frame->elr;
	switch (ESR_EC(esr)) {
	case EC_BREAKPOINT:
		seen.breakpoints++;
		guest_write_sysreg("dbgbcr0_el1", 0);
		guest_isb();
		return true;
	case EC_WATCHPOINT:
		seen.watchpoints++;
		seen.far = guest_read_sysreg("far_el1");
		frame->elr += 4;
		return true;
	case EC_STEP:
		if (seen.steps < ARRAY_SIZE(seen.step_pcs))
			seen.step_pcs[seen.steps] = frame->elr;
		seen.steps++;
		if (--seen.steps_left)
			frame->spsr |= SPSR_SS;
		else
			mdscr(MDSCR_KDE | MDSCR_MDE);
		return true;
	case EC_BRK:
		seen.brks++;
		frame->elr += 4;
		return true;
	default:
		return false;
	}
}

static void start_over(void)
{
	debug_off();
	seen = (typeof(seen)){ 0 };
	guest_hook(GUEST_HOOK_SYNC, take_debug);
}

static volatile uint64_t watched[4] __aligned(64);

static void __noinline breakpoint_here(void)
{
	__asm__ volatile("nop" : : : "memory");
}

/* ---- registers ---- */

static void test_registers(void)
{
	uint64_t dfr0 = guest_read_sysreg("id_aa64dfr0_el1");

	test_check((dfr0 & 0xf) >= 6, "ID_AA64DFR0: Armv8 debug");
	test_check((dfr0 >> 12 & 0xf) >= 1 && (dfr0 >> 20 & 0xf) >= 1,
		   "2 breakpoints and watchpoints or more");
	guest_write_sysreg("oslar_el1", 1);
	guest_isb();
	test_check(guest_read_sysreg("oslsr_el1") & OSLSR_OSLK, "OSLAR locks");
	guest_write_sysreg("oslar_el1", 0);
	guest_isb();
	test_check(!(guest_read_sysreg("oslsr_el1") & OSLSR_OSLK), "OSLAR unlocks");
	guest_write_sysreg("osdlr_el1", 0);
	guest_write_sysreg("dbgbvr0_el1", GUEST_IMAGE_IPA);
	guest_write_sysreg("dbgbcr0_el1", BCR_EL1 & ~BIT(0));
	guest_write_sysreg("dbgwvr1_el1", GUEST_WORK_IPA);
	guest_write_sysreg("dbgwcr1_el1", WCR_EL1 & ~BIT(0));
	guest_isb();
	test_equal(guest_read_sysreg("dbgbvr0_el1"), GUEST_IMAGE_IPA, "DBGBVR0");
	test_equal(guest_read_sysreg("dbgbcr0_el1"), BCR_EL1 & ~BIT(0), "DBGBCR0");
	test_equal(guest_read_sysreg("dbgwvr1_el1"), GUEST_WORK_IPA, "DBGWVR1");
	test_equal(guest_read_sysreg("dbgwcr1_el1"), WCR_EL1 & ~BIT(0), "DBGWCR1");
	mdscr(MDSCR_KDE);
	test_equal(guest_read_sysreg("mdscr_el1") & (MDSCR_KDE | MDSCR_MDE), MDSCR_KDE, "MDSCR");
	mdscr(0);
}

/* ---- breakpoint ---- */

static void break_at(void (*fn)(void))
{
	guest_write_sysreg("dbgbvr0_el1", (uint64_t)fn);
	guest_write_sysreg("dbgbcr0_el1", BCR_EL1);
	guest_isb();
}

static void test_breakpoint(void)
{
	start_over();
	break_at(breakpoint_here);
	breakpoint_here();
	test_equal(seen.breakpoints, 0, "not without MDSCR.MDE");
	debug_on(0);
	breakpoint_here();
	test_equal(seen.breakpoints, 1, "taken");
	test_equal(seen.elr, (uint64_t)breakpoint_here, "at its address");
	test_equal(ESR_FSC(seen.esr), FSC_DEBUG, "syndrome");
	breakpoint_here();
	test_equal(seen.breakpoints, 1, "not when disabled");
	break_at(breakpoint_here);
	__asm__ volatile("msr daifset, #8\n\tisb" : : : "memory");
	breakpoint_here();
	test_equal(seen.breakpoints, 1, "not with PSTATE.D");
	__asm__ volatile("msr daifclr, #8\n\tisb" : : : "memory");
	mdscr(MDSCR_MDE);
	breakpoint_here();
	test_equal(seen.breakpoints, 1, "not without MDSCR.KDE");
	debug_on(0);
	breakpoint_here();
	test_equal(seen.breakpoints, 2, "taken again");
	start_over();
}

static void test_brk(void)
{
	start_over();
	__asm__ volatile("brk #0x123" : : : "memory");
	test_equal(seen.brks, 1, "taken");
	test_equal(seen.esr & 0xffff, 0x123, "its immediate");
	start_over();
}

/* ---- watchpoint ---- */

static void watch(const volatile uint64_t *at, uint64_t kinds)
{
	guest_write_sysreg("dbgwvr0_el1", (uint64_t)at);
	guest_write_sysreg("dbgwcr0_el1", WCR_EL1 | kinds);
	guest_isb();
}

static uint64_t load(const volatile uint64_t *at)
{
	uint64_t value = 0;

	__asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(at) : "memory");
	return value;
}

static void store(volatile uint64_t *at, uint64_t value)
{
	__asm__ volatile("str %0, [%1]" : : "r"(value), "r"(at) : "memory");
}

static void test_watchpoint(void)
{
	start_over();
	watched[1] = 1;
	watch(&watched[1], WCR_STORE);
	store(&watched[1], 2);
	test_equal(seen.watchpoints, 0, "not without MDSCR.MDE");
	debug_on(0);
	store(&watched[1], 3);
	test_equal(seen.watchpoints, 1, "store");
	test_equal(seen.far, (uint64_t)&watched[1], "its address");
	test_equal((seen.esr & ESR_WNR) != 0, 1, "is a write");
	test_equal(watched[1], 2, "the store was not done");
	test_equal(load(&watched[1]), 2, "load is not watched");
	store(&watched[0], 1);
	store(&watched[2], 1);
	test_equal(seen.watchpoints, 1, "nor are the neighbours");
	watch(&watched[1], WCR_LOAD);
	load(&watched[1]);
	test_equal(seen.watchpoints, 2, "load");
	test_equal((seen.esr & ESR_WNR) != 0, 0, "is a read");
	store(&watched[1], 4);
	test_equal(seen.watchpoints, 2, "store is not watched");
	debug_off();
	load(&watched[1]);
	test_equal(seen.watchpoints, 2, "not when disabled");
	start_over();
}

/* ---- single step ---- */

extern char step_first[], step_last[];

/*
 * Steps that many instructions from step_first on, by returning from an exception. Not inlined: its labels
 * are there once.
 */
static void __noinline step(unsigned int count)
{
	uint64_t spsr = guest_read_sysreg("daif") | 5 | SPSR_SS;

	seen.steps_left = count;
	mdscr(MDSCR_KDE | MDSCR_MDE | MDSCR_SS);
	__asm__ volatile("msr spsr_el1, %0\n\t"
			 "adr x1, step_first\n\t"
			 "msr elr_el1, x1\n\t"
			 "isb\n\t"
			 "eret\n"
			 "step_first:\n\t"
			 "mov x2, #1\n\t"
			 "add x2, x2, #1\n\t"
			 "mrs x3, midr_el1\n\t"
			 "mrs x3, id_aa64pfr0_el1\n\t"
			 "nop\n"
			 "step_last:\n\t"
			 "nop"
			 : : "r"(spsr & ~SPSR_D) : "x1", "x2", "x3", "memory");
}

static bool steps_are(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (seen.step_pcs[i] != (uint64_t)step_first + 4 * (i + 1))
			return false;
	}
	return seen.steps == count;
}

static void test_step(void)
{
	start_over();
	step(1);
	test_check(steps_are(1), "one instruction");
	start_over();
	step(5);
	test_check(steps_are(5), "five instructions, a trapped one among them");
	test_equal(ESR_FSC(seen.esr), FSC_DEBUG, "syndrome");
	start_over();
}

/* A hypercall is stepped over as one instruction. */
static void test_step_hvc(void)
{
	uint64_t spsr, after = 0;

	start_over();
	spsr = (guest_read_sysreg("daif") | 5 | SPSR_SS) & ~SPSR_D;
	seen.steps_left = 1;
	mdscr(MDSCR_KDE | MDSCR_MDE | MDSCR_SS);
	__asm__ volatile("msr spsr_el1, %[spsr]\n\t"
			 "mov x0, %x[fn]\n\t"
			 "adr x1, 1f\n\t"
			 "msr elr_el1, x1\n\t"
			 "isb\n\t"
			 "eret\n"
			 "1:\n\t"
			 "hvc #0\n"
			 "2:\n\t"
			 "adr %[after], 2b\n\t"
			 "nop"
			 : [after] "=&r"(after)
			 : [spsr] "r"(spsr), [fn] "r"((uint64_t)PSCI_VERSION)
			 : "x0", "x1", "x2", "x3", "memory");
	test_equal(seen.steps, 1, "one step");
	test_equal(seen.step_pcs[0], after, "behind it");
	start_over();
}

/* ---- several vCPUs ---- */

static struct {
	bool ok;
	uint32_t arrived, go;
	uint64_t mdscr, bcr, wcr;
} other;

static void run_into_it(void *arg __unused)
{
	other.mdscr = guest_read_sysreg("mdscr_el1") & (MDSCR_KDE | MDSCR_MDE | MDSCR_SS);
	__asm__ volatile("msr daifclr, #8\n\tisb" : : : "memory");
	breakpoint_here();
	store(&watched[1], 5);
	__asm__ volatile("msr daifset, #8" : : : "memory");
	other.ok = true;
}

static void test_other_vcpu(void)
{
	start_over();
	break_at(breakpoint_here);
	watch(&watched[1], WCR_STORE);
	debug_on(0);
	other.ok = false;
	test_check(test_on_vcpu(1, run_into_it, NULL) && other.ok, "it runs");
	test_check(seen.breakpoints == 0 && seen.watchpoints == 0, "and hits nothing");
	test_equal(watched[1], 5, "its store was done");
	breakpoint_here();
	store(&watched[1], 6);
	test_check(seen.breakpoints == 1 && seen.watchpoints == 1, "but this one does");
	start_over();
}

static const struct test tests[] = {
	{ "registers", test_registers },
	{ "breakpoint", test_breakpoint },
	{ "brk", test_brk },
	{ "watchpoint", test_watchpoint },
	{ "step", test_step },
	{ "step over hvc", test_step_hvc },
	{ "other vcpu", test_other_vcpu, .vcpus = 2 },
};

void guest_main(uint64_t dtb __unused)
{
	test_main("debug", tests, ARRAY_SIZE(tests));
}
