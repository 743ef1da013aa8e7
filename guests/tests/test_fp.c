// SPDX-License-Identifier: MIT
/*
 * test_fp: FP/SIMD and general registers survive whatever happens to the CPU meanwhile: interrupts, WFI,
 * other vCPUs and other VMs that fill the same registers with patterns of their own, and migration.
 * Argument seed=N makes the patterns of two VMs differ.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"
#include "lib/string.h"

#define VTIMER_INTID	27
#define ROUNDS		6
#define SPINS		20000
#define FPCR_PATTERN	GENMASK(26, 22)
#define FPSR_PATTERN	(BIT(27) | BIT(7) | GENMASK(4, 0))
#define EC_FP_TRAP	0x07

static struct {
	struct guest_cpu_state want, got;
	unsigned int bad;
	uint64_t rounds;
} states[GUEST_MAX_VCPUS];

static uint64_t seed;

static void tick(unsigned int intid __unused)
{
	guest_write_sysreg("cntv_cval_el0", guest_counter() + test_us(100));
	guest_isb();
}

/* Something has to end each WFI. */
static void ticks_start(void)
{
	test_irq_init();
	test_gic_set(GIC_ISENABLER, VTIMER_INTID);
	guest_write_sysreg("cntv_cval_el0", guest_counter() + test_us(100));
	guest_write_sysreg("cntv_ctl_el0", 1);
	guest_isb();
	guest_irq_unmask();
}

static void ticks_stop(void)
{
	guest_irq_mask();
	guest_write_sysreg("cntv_ctl_el0", 0);
	guest_isb();
}

static uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void fill(struct guest_cpu_state *to, uint64_t from)
{
	uint64_t state = (2 * from + 1) * UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned int i = 0; i < 32; i++) {
		to->v[i][0] = xorshift(&state);
		to->v[i][1] = xorshift(&state);
	}
	for (unsigned int i = 0; i < 31; i++)
		to->x[i] = xorshift(&state);
	to->fpcr = xorshift(&state) & FPCR_PATTERN;
	to->fpsr = xorshift(&state) & FPSR_PATTERN;
}

static bool is_held(const struct guest_cpu_state *want, const struct guest_cpu_state *got)
{
	return !memcmp(want->v, got->v, sizeof(want->v)) && want->fpcr == got->fpcr &&
	       want->fpsr == got->fpsr && !memcmp(&want->x[1], &got->x[1], sizeof(want->x) - 8);
}

static void hold(void *arg __unused)
{
	unsigned int id = guest_vcpu_id();

	ticks_start();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		fill(&states[id].want, seed * 1000 + id * 100 + states[id].rounds++);
		guest_cpu_hold(&states[id].want, &states[id].got, SPINS);
		if (!is_held(&states[id].want, &states[id].got))
			states[id].bad++;
	}
	ticks_stop();
}

static void test_alone(void)
{
	test_irq_handler(tick);
	hold(NULL);
	test_equal(states[0].bad, 0, "held over WFI and interrupts");
	test_check(test_irq_count(0, VTIMER_INTID) >= ROUNDS, "of which there were some");
}

static void test_vcpus(void)
{
	unsigned int nr = guest_nr_vcpus();
	uint64_t bad = 0;
	bool ok = true;

	test_irq_handler(tick);
	for (unsigned int i = 1; i < nr; i++)
		ok &= test_start_vcpu(i, hold, NULL);
	hold(NULL);
	for (unsigned int i = 1; i < nr; i++)
		ok &= TEST_WAIT(guest_vcpu_state(i) == 1) || test_join(i) || test_join(i) || test_join(i);
	for (unsigned int i = 0; i < nr; i++)
		bad += states[i].bad;
	test_check(ok, "all of them run");
	test_equal(bad, 0, "held by each");
}

/* What a vCPU finds in its registers has nothing of what others keep there. */
static uint64_t foreign;

static void look(void *arg __unused)
{
	struct guest_cpu_state *got = &states[guest_vcpu_id()].got;

	__asm__ volatile(".arch_extension fp\n\t.arch_extension simd\n\t"
			 "stp q0, q1, [%0]\n\tstp q30, q31, [%0, #32]" : : "r"(got) : "memory");
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int v = 0; v < 32; v++) {
			if (got->v[i][0] && got->v[i][0] == states[0].want.v[v][0])
				foreign++;
		}
	}
}

static void test_leak(void)
{
	foreign = 0;
	test_irq_handler(tick);
	hold(NULL);
	test_check(test_on_vcpu(1, look, NULL), "another vCPU looks");
	test_equal(foreign, 0, "and finds nothing");
}

/* An instruction that FPEN traps: the guest's own, not the hypervisor's. */
static bool trapped;

static bool take_fp_trap(struct guest_frame *frame __unused)
{
	if (ESR_EC(guest_read_sysreg("esr_el1")) != EC_FP_TRAP)
		return false;
	trapped = true;
	guest_write_sysreg("cpacr_el1", UINT64_C(3) << 20);
	guest_isb();
	return true;
}

static void test_trap(void)
{
	uint64_t in = 0x1122334455667788, out = 0;

	guest_hook(GUEST_HOOK_SYNC, take_fp_trap);
	__asm__ volatile(".arch_extension fp\n\tfmov d7, %1\n\t"
			 "msr cpacr_el1, xzr\n\tisb\n\t"
			 "fmov %0, d7" : "=r"(out) : "r"(in) : "memory");
	guest_hook(GUEST_HOOK_SYNC, NULL);
	test_check(trapped, "goes to the guest");
	test_equal(out, in, "and loses nothing");
}

static const struct test tests[] = {
	{ "alone", test_alone },
	{ "trap", test_trap },
	{ "vcpus", test_vcpus, .vcpus = 2 },
	{ "leak", test_leak, .vcpus = 2 },
};

void guest_main(uint64_t dtb __unused)
{
	seed = guest_arg("seed", 1);
	test_main("fp", tests, ARRAY_SIZE(tests));
}
