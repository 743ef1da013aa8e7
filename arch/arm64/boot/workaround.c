// SPDX-License-Identifier: MIT
/*
 * Firmware's workarounds for speculation (DEN0028, 7.5 to 7.7), as guests find them.
 *
 * A guest's operating system asks once, and from then on calls at each of its context switches, or not at
 * all, on whichever CPU it runs. So it is told what holds of all CPUs: the least of the answers, of which
 * "not required" is the greatest. A CPU answers by its identification registers, by its model, and by its
 * firmware, in this order.
 */
#include "arch/arm64/boot/workaround.h"

#include "arch/arm64/trap/idreg.h"
#include "arch/cpu.h"
#include "arch/workaround.h"
#include "kernel/platform/this_machine.h"
#include "lib/compiler.h"
#include "schism/abi/hypercall.h"

#define MIDR_IMPLEMENTER	GENMASK(31, 24)
#define MIDR_PART		GENMASK(15, 4)
#define IMPLEMENTER_ARM		0x41
#define SMCCC_1_1		0x10001
#define SSBD_ENABLE		1

static const uint32_t functions[NR_WORKAROUNDS] = {
	[WORKAROUND_1] = SMCCC_ARCH_WORKAROUND_1,
	[WORKAROUND_2] = SMCCC_ARCH_WORKAROUND_2,
	[WORKAROUND_3] = SMCCC_ARCH_WORKAROUND_3,
};

static int64_t states[NR_WORKAROUNDS] = {
	WORKAROUND_NOT_REQUIRED, WORKAROUND_NOT_REQUIRED, WORKAROUND_NOT_REQUIRED,
};

/* Cortex-A35, A53, A55: in order, so that none of the three does anything (Arm's Spectre update). */
static bool is_in_order(uint64_t midr)
{
	uint64_t part = FIELD_GET(MIDR_PART, midr);

	return FIELD_GET(MIDR_IMPLEMENTER, midr) == IMPLEMENTER_ARM &&
	       (part == 0xd04 || part == 0xd03 || part == 0xd05);
}

static unsigned int field(uint64_t reg, unsigned int lsb)
{
	return reg >> lsb & 0xf;
}

/* What the identification registers say: not required, or WORKAROUND_NONE for "ask on". */
static int64_t by_idregs(enum arch_workaround which, uint64_t midr, const uint64_t *host)
{
	unsigned int csv2 = field(host[IDREG(4, 0)], 56);
	bool ok = false;

	if (which == WORKAROUND_1)
		ok = csv2 >= 1;
	else if (which == WORKAROUND_3)
		ok = csv2 >= 3 || field(host[IDREG(7, 1)], 60);		/* CSV2_3, ECBHB */
	return ok || is_in_order(midr) ? WORKAROUND_NOT_REQUIRED : WORKAROUND_NONE;
}

/* Firmware before SMCCC 1.1 may take an unknown identifier for something else. */
static bool firmware_can_be_asked(void)
{
	return machine.psci != PSCI_CONDUIT_NONE &&
	       (int32_t)arch_firmware_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) >= 0 &&
	       (int32_t)arch_firmware_call(SMCCC_VERSION, 0, 0, 0) >= SMCCC_1_1;
}

static int64_t by_firmware(enum arch_workaround which)
{
	int32_t answer;

	if (!firmware_can_be_asked())
		return WORKAROUND_NONE;
	answer = (int32_t)arch_firmware_call(SMCCC_ARCH_FEATURES, functions[which], 0, 0);
	return answer == WORKAROUND_CALL || answer == WORKAROUND_NOT_REQUIRED ? answer : WORKAROUND_NONE;
}

static int64_t state_of_cpu(enum arch_workaround which, uint64_t midr, const uint64_t *host)
{
	/* With SSBS, a guest has the switch itself. */
	bool own_switch = which == WORKAROUND_2 && field(host[IDREG(4, 1)], 4);
	int64_t state = by_idregs(which, midr, host);

	if (state == WORKAROUND_NONE && !own_switch)
		state = by_firmware(which);
	/* A switch of the CPU, not of a vCPU: on for all, and nothing left to call. */
	if (which == WORKAROUND_2 && state == WORKAROUND_CALL) {
		arch_firmware_call(functions[which], SSBD_ENABLE, 0, 0);
		state = WORKAROUND_NOT_REQUIRED;
	}
	return state;
}

void workaround_add_cpu(uint64_t midr, const uint64_t *host)
{
	for (unsigned int i = 0; i < NR_WORKAROUNDS; i++) {
		int64_t state = state_of_cpu(i, midr, host);

		states[i] = MIN(states[i], state);
	}
}

void workaround_forget(void)
{
	for (unsigned int i = 0; i < NR_WORKAROUNDS; i++)
		states[i] = WORKAROUND_NOT_REQUIRED;
}

int64_t arch_workaround_state(enum arch_workaround which)
{
	return states[which];
}

void arch_workaround(enum arch_workaround which)
{
	arch_firmware_call(functions[which], 0, 0, 0);
}
