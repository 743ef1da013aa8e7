// SPDX-License-Identifier: MIT
/*
 * What guests see of identification registers: the table of idreg.c, on CPUs that have everything, nothing,
 * or anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/features.h"
#include "arch/arm64/trap/idreg.h"
#include "arch/arm64/trap/traps.h"
#include "arch/arm64/vcpu/pmu.h"
#include "lib/compiler.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define AA64PFR0	IDREG(4, 0)
#define AA64PFR1	IDREG(4, 1)
#define AA64ZFR0	IDREG(4, 4)
#define AA64DFR0	IDREG(5, 0)
#define AA64ISAR0	IDREG(6, 0)
#define AA64ISAR1	IDREG(6, 1)
#define AA64ISAR2	IDREG(6, 2)
#define AA64MMFR0	IDREG(7, 0)
#define AA64MMFR1	IDREG(7, 1)
#define AA64MMFR2	IDREG(7, 2)
#define AA64MMFR3	IDREG(7, 3)

uint64_t pmu_version(void)
{
	return 5;
}

uint64_t pmu_version_aarch32(void)
{
	return 4;
}

uint64_t guest_parange(void)
{
	return 2;
}

static uint64_t host[NR_IDREGS];

static uint64_t field(unsigned int reg, unsigned int lsb)
{
	return idreg_read(reg) >> lsb & 0xf;
}

static void set(unsigned int reg, unsigned int lsb, uint64_t val)
{
	host[reg] = (host[reg] & ~(UINT64_C(0xf) << lsb)) | val << lsb;
}

/* A machine of one CPU. */
static void boot(void)
{
	idreg_forget();
	fake_log_clear();
	idreg_add_cpu(0, host);
}

/* 7 in each field: more than any version that there is, and not "not there". */
static int setup(void **state)
{
	for (unsigned int i = 0; i < NR_IDREGS; i++)
		host[i] = 0x7777777777777777;
	boot();
	return 0;
}

static void test_what_a_guest_could_use_but_schism_does_not_switch_is_hidden(void **state)
{
	static const struct {
		unsigned int reg, lsb;
		const char *name;
	} hidden[] = {
		{ AA64PFR0, 8, "EL2" }, { AA64PFR0, 12, "EL3" }, { AA64PFR0, 28, "RAS" },
		{ AA64PFR0, 32, "SVE" }, { AA64PFR0, 36, "SEL2" }, { AA64PFR0, 40, "MPAM" },
		{ AA64PFR0, 44, "AMU" }, { AA64PFR0, 52, "RME" }, { AA64PFR1, 8, "MTE" },
		{ AA64PFR1, 12, "RAS_frac" }, { AA64PFR1, 16, "MPAM_frac" }, { AA64PFR1, 24, "SME" },
		{ AA64PFR1, 32, "CSV2_frac" }, { AA64PFR1, 36, "NMI" }, { AA64PFR1, 44, "GCS" },
		{ AA64PFR1, 48, "THE" }, { AA64DFR0, 4, "TraceVer" }, { AA64DFR0, 32, "PMSVer" },
		{ AA64DFR0, 40, "TraceFilt" }, { AA64DFR0, 44, "TraceBuffer" }, { AA64DFR0, 52, "BRBE" },
		{ AA64ISAR0, 24, "TME" }, { AA64ISAR1, 56, "XS" }, { AA64ISAR1, 60, "LS64" },
		{ AA64ISAR2, 0, "WFxT" }, { AA64ISAR2, 16, "MOPS" }, { AA64ISAR2, 32, "SYSREG_128" },
		{ AA64MMFR0, 44, "ExS" }, { AA64MMFR0, 56, "FGT" }, { AA64MMFR0, 60, "ECV" },
		{ AA64MMFR1, 4, "VMIDBits" }, { AA64MMFR1, 8, "VH" }, { AA64MMFR1, 16, "LO" },
		{ AA64MMFR1, 40, "HCX" }, { AA64MMFR1, 52, "TIDCP1" }, { AA64MMFR2, 12, "IESB" },
		{ AA64MMFR2, 24, "NV" }, { AA64MMFR2, 40, "FWB" }, { AA64MMFR2, 56, "EVT" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(hidden); i++) {
		if (field(hidden[i].reg, hidden[i].lsb))
			fail_msg("%s is shown", hidden[i].name);
	}
	/* And registers of which no field is known. */
	assert_int_equal(idreg_read(AA64ZFR0), 0);
	assert_int_equal(idreg_read(AA64MMFR3), 0);
	assert_int_equal(idreg_read(IDREG(5, 1)), 0);
	assert_int_equal(idreg_read(IDREG(7, 7)), 0);
}

static void test_versions_are_shown_up_to_what_is_known(void **state)
{
	assert_int_equal(field(AA64PFR0, 0), 2);		/* EL0 */
	assert_int_equal(field(AA64PFR0, 56), 1);		/* CSV2 */
	assert_int_equal(field(AA64MMFR1, 0), 2);		/* HAFDBS */
	assert_int_equal(field(AA64ISAR1, 4), 5);		/* APA */
	assert_int_equal(field(AA64DFR0, 12), 7);		/* BRPs: a number */
	set(AA64PFR0, 0, 1);
	set(AA64PFR0, 56, 0);
	boot();
	assert_int_equal(field(AA64PFR0, 0), 1);
	assert_int_equal(field(AA64PFR0, 56), 0);
}

static void test_some_fields_are_the_same_on_all_machines(void **state)
{
	for (unsigned int i = 0; i < 16; i++) {
		set(AA64PFR0, 4, i);
		set(AA64PFR0, 24, i);
		set(AA64DFR0, 0, i);
		set(AA64DFR0, 36, i);
		boot();
		assert_int_equal(field(AA64PFR0, 4), 1);	/* EL1 is AArch64 */
		assert_int_equal(field(AA64PFR0, 24), 1);	/* GICv3 */
		assert_int_equal(field(AA64DFR0, 0), 6);	/* Armv8.0 debug */
		assert_int_equal(field(AA64DFR0, 36), 15);	/* no double lock */
	}
}

static void test_what_says_not_there_by_all_ones_stays_so(void **state)
{
	set(AA64PFR0, 16, 15);
	set(AA64PFR0, 20, 15);
	set(AA64MMFR0, 24, 15);
	set(AA64MMFR0, 28, 0);
	boot();
	assert_int_equal(field(AA64PFR0, 16), 15);		/* FP */
	assert_int_equal(field(AA64PFR0, 20), 15);		/* AdvSIMD */
	assert_int_equal(field(AA64MMFR0, 24), 15);		/* TGran64 */
	assert_int_equal(field(AA64MMFR0, 28), 0);		/* TGran4 */
	set(AA64PFR0, 16, 0);
	set(AA64MMFR0, 28, 1);
	boot();
	assert_int_equal(field(AA64PFR0, 16), 0);
	assert_int_equal(field(AA64MMFR0, 28), 0);		/* without 52 bits */
}

static void test_values_of_the_machine_are_put_in(void **state)
{
	assert_int_equal(field(AA64DFR0, 8), 5);
	assert_int_equal(field(IDREG(1, 2), 24), 4);
	assert_int_equal(field(AA64MMFR0, 0), 2);
}

static void test_cpus_that_differ_are_narrowed_to_the_least_and_named(void **state)
{
	set(AA64ISAR0, 20, 2);
	set(AA64PFR0, 16, 1);
	boot();
	idreg_add_cpu(1, host);
	assert_int_equal(fake_log_lines(), 0);
	set(AA64ISAR0, 20, 0);
	set(AA64PFR0, 16, 15);
	idreg_add_cpu(2, host);
	assert_int_equal(field(AA64ISAR0, 20), 0);
	assert_int_equal(field(AA64PFR0, 16), 15);
	assert_int_equal(fake_log_lines(), 2);
	assert_true(fake_log_has("CPU 2: field Atomic of S3_0_C0_C6_0 is 0, so far 2"));
	/* More than the others does not come back. */
	set(AA64ISAR0, 20, 2);
	idreg_add_cpu(3, host);
	assert_int_equal(field(AA64ISAR0, 20), 0);
	/* What is hidden may differ. */
	fake_log_clear();
	set(AA64ISAR0, 20, 0);
	set(AA64PFR0, 32, 0);
	idreg_add_cpu(4, host);
	assert_int_equal(fake_log_lines(), 0);
}

static void test_no_field_is_more_than_the_cpu_has_unless_it_is_fixed(void **state)
{
	for (unsigned int n = 0; n < 2000; n++) {
		for (unsigned int i = 0; i < NR_IDREGS; i++)
			host[i] = random_u64();
		boot();
		for (unsigned int i = 0; i < NR_IDREGS * 16; i++) {
			unsigned int reg = i / 16, lsb = i % 16 * 4;
			uint64_t shown = field(reg, lsb), has = host[reg] >> lsb & 0xf;
			bool fixed = (reg == AA64PFR0 && (lsb == 4 || lsb == 24)) ||
				     (reg == AA64DFR0 && (lsb == 0 || lsb == 8 || lsb == 36)) ||
				     (reg == IDREG(1, 2) && lsb == 24) || (reg == AA64MMFR0 && lsb == 0);

			assert_true(fixed || shown <= has);
		}
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_what_a_guest_could_use_but_schism_does_not_switch_is_hidden),
		T(test_versions_are_shown_up_to_what_is_known),
		T(test_some_fields_are_the_same_on_all_machines),
		T(test_what_says_not_there_by_all_ones_stays_so),
		T(test_values_of_the_machine_are_put_in),
		T(test_cpus_that_differ_are_narrowed_to_the_least_and_named),
		T(test_no_field_is_more_than_the_cpu_has_unless_it_is_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
