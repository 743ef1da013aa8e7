/* SPDX-License-Identifier: MIT */
/*
 * What test guests (guests/tests) are written with.
 *
 * A test prints one line per check:
 *   PASS: gic: sgi: self
 *   FAIL: gic: sgi: self (got 1, not 2)
 *   SKIP: gic: sgi: others
 * The prefixes are the suite and the tests that test_run() has entered. A line is the same on every
 * machine, but for what stands in parentheses. Lines that begin with "PASS: gic: schism: " are of checks
 * that only a guest of Schism can make; the same binary on bare hardware leaves them out.
 *
 * All of it is for vCPU 0; other vCPUs leave results in memory.
 */
#ifndef GUESTS_LIB_TEST_H
#define GUESTS_LIB_TEST_H

#include "guests/lib/guest.h"

struct test {
	const char *name;
	void (*run)(void);
	unsigned int vcpus;		/* it needs so many; else it is skipped */
	bool schism;			/* exists under Schism only */
};

/* The body of guest_main(): report, run them all, report the counts, and switch off. */
void test_main(const char *suite, const struct test *tests, size_t nr) __noreturn;
/* Run one function below a prefix; tests nest. */
void test_run(const char *name, void (*run)(void));

/* One line. Returns ok. */
bool test_check(bool ok, const char *name);
/* The same for a value; bad ones are printed. */
bool test_equal(uint64_t got, uint64_t want, const char *name);
void test_skip(const char *name);

/* Where "schism: " lines may be printed. */
static inline bool test_under_schism(void)
{
	return guest_under_schism();
}

/*
 * Wait until the condition holds, for at most 250 ms; whether it does. Other vCPUs' changes are to be
 * read with READ_ONCE().
 */
#define TEST_WAIT(condition)									\
	({											\
		uint64_t deadline_ = guest_counter() + test_second() / 4;				\
												\
		while (!(condition) && guest_counter() < deadline_)				\
			guest_relax();								\
		(condition);									\
	})

/* Counter ticks. */
uint64_t test_second(void);
uint64_t test_us(uint64_t us);
/* Spin for that long. */
void test_delay(uint64_t ticks);

/* Run fn(arg) on vCPU id and wait until it is off again; false if that fails. */
bool test_on_vcpu(unsigned int id, void (*fn)(void *arg), void *arg);
/* Start it and don't wait; test_join() does. */
bool test_start_vcpu(unsigned int id, void (*fn)(void *arg), void *arg);
bool test_join(unsigned int id);

/* ---- interrupts: every IRQ is acknowledged, counted, handed to the handler, and ended ---- */

#define TEST_NR_INTIDS		64
#define TEST_LOG_SIZE		64

struct test_irqs {
	uint64_t count[TEST_NR_INTIDS];
	uint64_t spurious;
	unsigned int log[TEST_LOG_SIZE];	/* INTIDs in the order of their acknowledgement */
	unsigned int logged;
};

/* For each vCPU, as it saw them. */
extern struct test_irqs test_irqs[GUEST_MAX_VCPUS];

typedef void test_irq_fn(unsigned int intid);

/* Bring up the GIC for this vCPU, and take its IRQs in this way. IRQs stay masked. */
void test_irq_init(void);
/* Called between acknowledge and end, on every vCPU; NULL: nothing. Forgets all counts and logs. */
void test_irq_handler(test_irq_fn *fn);
uint64_t test_irq_count(unsigned int vcpu, unsigned int intid);

/* An interrupt's bit in a bank (GIC_ISENABLER...) of the distributor, or of this vCPU's redistributor. */
void test_gic_set(unsigned int bank, unsigned int intid);
bool test_gic_get(unsigned int bank, unsigned int intid);
void test_gic_priority(unsigned int intid, uint8_t priority);
/* Wait until a write to the distributor, or to this vCPU's redistributor, has taken effect. */
void test_gic_sync(void);
/* To this vCPU itself. */
void test_sgi_self(unsigned int intid);

#endif
