// SPDX-License-Identifier: MIT
/* Test guests' lines, counts, waiting and interrupts; see test.h. */
#include "guests/lib/test.h"

#include "guests/lib/gic_regs.h"
#include "lib/string.h"

#define PREFIX_MAX	96

static struct {
	uint64_t passed, failed, skipped;
} counts;
static char prefix[PREFIX_MAX];

struct test_irqs test_irqs[GUEST_MAX_VCPUS];
static test_irq_fn *irq_handler;

/* ---- lines ---- */

static void line(const char *verdict, const char *name)
{
	guest_printf("%s: %s%s\n", verdict, prefix, name);
}

bool test_check(bool ok, const char *name)
{
	line(ok ? "PASS" : "FAIL", name);
	if (ok)
		counts.passed++;
	else
		counts.failed++;
	return ok;
}

bool test_equal(uint64_t got, uint64_t want, const char *name)
{
	if (got == want)
		return test_check(true, name);
	guest_printf("FAIL: %s%s (got 0x%lx, not 0x%lx)\n", prefix, name, got, want);
	counts.failed++;
	return false;
}

void test_skip(const char *name)
{
	line("SKIP", name);
	counts.skipped++;
}

static size_t prefix_push(const char *name)
{
	size_t old = strlen(prefix), len = strlen(name);

	if (old + len + 3 > PREFIX_MAX)
		guest_fail(0, 0, 0, "test: prefix too long: %s%s", prefix, name);
	memcpy(prefix + old, name, len);
	memcpy(prefix + old + len, ": ", 3);
	return old;
}

void test_run(const char *name, void (*run)(void))
{
	size_t old = prefix_push(name);

	run();
	prefix[old] = '\0';
}

static void run_one(const struct test *test)
{
	if (test->schism && !test_under_schism())
		return;
	if (test->vcpus > guest_nr_vcpus())
		test_skip(test->name);
	else
		test_run(test->name, test->run);
}

void test_main(const char *suite, const struct test *tests, size_t nr)
{
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	prefix_push(suite);
	for (size_t i = 0; i < nr; i++) {
		size_t old = strlen(prefix);

		if (tests[i].schism)
			prefix_push("schism");
		run_one(&tests[i]);
		prefix[old] = '\0';
	}
	guest_printf("END: %s: %lu passed, %lu failed, %lu skipped\n", suite, counts.passed, counts.failed,
		     counts.skipped);
	guest_task_report(GUEST_TASK_TEST, counts.failed ? GUEST_EVENT_FAIL : GUEST_EVENT_PASS, 1,
			  counts.passed, counts.failed, counts.skipped);
	guest_system_off();
}

/* ---- time and vCPUs ---- */

uint64_t test_second(void)
{
	return guest_read_sysreg("cntfrq_el0") & 0xffffffff;
}

uint64_t test_us(uint64_t us)
{
	return us * test_second() / 1000000;
}

void test_delay(uint64_t ticks)
{
	uint64_t start = guest_counter();

	while (guest_counter() - start < ticks)
		;
}

bool test_start_vcpu(unsigned int id, void (*fn)(void *arg), void *arg)
{
	return guest_vcpu_start(id, fn, arg) == PSCI_SUCCESS;
}

bool test_join(unsigned int id)
{
	return TEST_WAIT(guest_vcpu_state(id) == 1);
}

bool test_on_vcpu(unsigned int id, void (*fn)(void *arg), void *arg)
{
	return test_start_vcpu(id, fn, arg) && test_join(id);
}

/* ---- interrupts ---- */

static bool take_irq(struct guest_frame *frame __unused)
{
	struct test_irqs *irqs = &test_irqs[guest_vcpu_id()];
	unsigned int intid = (unsigned int)guest_read_sysreg(ICC_IAR1_EL1);
	test_irq_fn *handler = READ_ONCE(irq_handler);

	/* The acknowledge takes effect before the handler touches the device. */
	guest_dsb();
	if (intid >= TEST_NR_INTIDS) {
		irqs->spurious++;
		return true;
	}
	irqs->log[irqs->logged++ % TEST_LOG_SIZE] = intid;
	WRITE_ONCE(irqs->count[intid], irqs->count[intid] + 1);
	if (handler)
		handler(intid);
	guest_write_sysreg(ICC_EOIR1_EL1, intid);
	guest_isb();
	guest_notify();
	return true;
}

void test_irq_init(void)
{
	guest_gic_init();
	guest_hook(GUEST_HOOK_IRQ, take_irq);
}

void test_irq_handler(test_irq_fn *fn)
{
	memset(test_irqs, 0, sizeof(test_irqs));
	WRITE_ONCE(irq_handler, fn);
	guest_dsb();
}

uint64_t test_irq_count(unsigned int vcpu, unsigned int intid)
{
	return READ_ONCE(test_irqs[vcpu].count[intid]);
}

static uint64_t bank_base(unsigned int intid)
{
	return intid < GIC_NR_PRIVATE ? guest_gic_redist() + GICR_SGI_FRAME : GUEST_GICD_IPA;
}

void test_gic_sync(void)
{
	while (guest_mmio_read32(GICD_CTLR) & GICD_CTLR_RWP)
		;
	while (guest_mmio_read32(guest_gic_redist() + GICR_CTLR) & GICR_CTLR_RWP)
		;
}

void test_gic_set(unsigned int bank, unsigned int intid)
{
	guest_mmio_write32(bank_base(intid) + bank + intid / 32 * 4, 1u << intid % 32);
	test_gic_sync();
	guest_dsb();
	guest_isb();
}

bool test_gic_get(unsigned int bank, unsigned int intid)
{
	return guest_mmio_read32(bank_base(intid) + bank + intid / 32 * 4) >> intid % 32 & 1;
}

void test_gic_priority(unsigned int intid, uint8_t priority)
{
	guest_mmio_write8(bank_base(intid) + GIC_IPRIORITYR + intid, priority);
	guest_dsb();
}

void test_sgi_self(unsigned int intid)
{
	uint64_t mpidr = guest_read_sysreg("mpidr_el1");

	guest_dsb();
	guest_write_sysreg(ICC_SGI1R_EL1, (mpidr & GENMASK(39, 32)) << 16 | (mpidr & GENMASK(23, 16)) << 16 |
						  (mpidr & GENMASK(15, 8)) << 8 | (uint64_t)intid << 24 |
						  BIT(mpidr & 0xf));
	guest_isb();
}
