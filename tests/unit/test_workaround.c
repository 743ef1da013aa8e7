// SPDX-License-Identifier: MIT
/* What guests are told of firmware's workarounds, by CPUs and firmware of all kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/boot/workaround.h"
#include "arch/arm64/trap/idreg.h"
#include "arch/cpu.h"
#include "arch/workaround.h"
#include "kernel/platform/this_machine.h"
#include "lib/compiler.h"
#include "schism/abi/hypercall.h"

#define CORTEX_A53	0x410fd034
#define CORTEX_A57	0x411fd070
#define PFR0		IDREG(4, 0)
#define PFR1		IDREG(4, 1)
#define MMFR1		IDREG(7, 1)

static const uint32_t fids[NR_WORKAROUNDS] = {
	SMCCC_ARCH_WORKAROUND_1, SMCCC_ARCH_WORKAROUND_2, SMCCC_ARCH_WORKAROUND_3,
};

struct machine machine;

static uint64_t host[NR_IDREGS];
static int64_t version, answers[NR_WORKAROUNDS];
static unsigned int asked, called[NR_WORKAROUNDS];
static uint64_t argument;

/* The firmware. */
uint64_t arch_firmware_call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
	if (function == PSCI_FEATURES)
		return a1 == SMCCC_VERSION && version ? 0 : (uint32_t)-1;
	if (function == SMCCC_VERSION)
		return (uint64_t)version;
	for (unsigned int i = 0; i < NR_WORKAROUNDS; i++) {
		if (function == SMCCC_ARCH_FEATURES && a1 == fids[i]) {
			asked++;
			return (uint32_t)answers[i];
		}
		if (function == fids[i]) {
			called[i]++;
			argument = a1;
			return 0;
		}
	}
	fail_msg("firmware is called with 0x%lx", function);
	return (uint64_t)-1;
}

static int setup(void **state)
{
	workaround_forget();
	memset(host, 0, sizeof(host));
	memset(called, 0, sizeof(called));
	asked = 0;
	machine.psci = PSCI_CONDUIT_SMC;
	version = 0x10002;
	for (unsigned int i = 0; i < NR_WORKAROUNDS; i++)
		answers[i] = -1;
	return 0;
}

static void assert_states(int64_t one, int64_t two, int64_t three)
{
	assert_int_equal(arch_workaround_state(WORKAROUND_1), one);
	assert_int_equal(arch_workaround_state(WORKAROUND_2), two);
	assert_int_equal(arch_workaround_state(WORKAROUND_3), three);
}

static void test_without_help_a_cpu_that_says_nothing_may_be_vulnerable(void **state)
{
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(-1, -1, -1);
}

static void test_a_cpu_that_does_not_speculate_needs_none(void **state)
{
	workaround_add_cpu(CORTEX_A53, host);
	assert_states(1, 1, 1);
	assert_int_equal(asked, 0);
}

static void test_identification_registers_go_before_firmware(void **state)
{
	answers[WORKAROUND_1] = answers[WORKAROUND_2] = answers[WORKAROUND_3] = 0;
	host[PFR0] = UINT64_C(1) << 56;		/* CSV2 */
	host[PFR1] = UINT64_C(2) << 4;		/* SSBS: the guest's own switch */
	host[MMFR1] = UINT64_C(1) << 60;	/* ECBHB */
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(1, -1, 1);
	assert_int_equal(asked, 0);
	assert_int_equal(called[WORKAROUND_2], 0);
}

static void test_csv2_of_3_covers_branch_history(void **state)
{
	host[PFR0] = UINT64_C(2) << 56;
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(1, -1, -1);
	setup(state);
	host[PFR0] = UINT64_C(3) << 56;
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(1, -1, 1);
}

static void test_what_firmware_has_is_called_but_the_switch_is_on_for_good(void **state)
{
	answers[WORKAROUND_1] = answers[WORKAROUND_2] = answers[WORKAROUND_3] = 0;
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(0, 1, 0);
	assert_int_equal(called[WORKAROUND_2], 1);
	assert_int_equal(argument, 1);
	arch_workaround(WORKAROUND_1);
	arch_workaround(WORKAROUND_3);
	assert_int_equal(called[WORKAROUND_1], 1);
	assert_int_equal(called[WORKAROUND_3], 1);
}

static void test_words_that_the_specification_does_not_have_are_none(void **state)
{
	answers[WORKAROUND_1] = -2;
	answers[WORKAROUND_2] = 5;
	answers[WORKAROUND_3] = 1;
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(-1, -1, 1);
}

static void test_old_firmware_is_not_asked(void **state)
{
	answers[WORKAROUND_1] = 0;
	version = 0x10000;
	workaround_add_cpu(CORTEX_A57, host);
	version = 0;
	workaround_add_cpu(CORTEX_A57, host);
	machine.psci = PSCI_CONDUIT_NONE;
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(-1, -1, -1);
	assert_int_equal(asked, 0);
}

static void test_the_neediest_cpu_decides(void **state)
{
	workaround_add_cpu(CORTEX_A53, host);
	assert_states(1, 1, 1);
	answers[WORKAROUND_1] = 0;
	workaround_add_cpu(CORTEX_A57, host);
	assert_states(0, -1, -1);
	workaround_add_cpu(CORTEX_A53, host);
	assert_states(0, -1, -1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_without_help_a_cpu_that_says_nothing_may_be_vulnerable),
		T(test_a_cpu_that_does_not_speculate_needs_none),
		T(test_identification_registers_go_before_firmware),
		T(test_csv2_of_3_covers_branch_history),
		T(test_what_firmware_has_is_called_but_the_switch_is_on_for_good),
		T(test_words_that_the_specification_does_not_have_are_none),
		T(test_old_firmware_is_not_asked),
		T(test_the_neediest_cpu_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
