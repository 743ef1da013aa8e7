// SPDX-License-Identifier: MIT
/* Features of the CPUs; see features.h. */
#include "arch/arm64/features.h"

#include "arch/arm64/sysreg.h"
#include "arch/stage2.h"
#include "lib/compiler.h"

#define ISAR1_APA	GENMASK(7, 4)
#define ISAR1_API	GENMASK(11, 8)
#define ISAR2_APA3	GENMASK(15, 12)

uint32_t el2_features;

static bool has_pauth, uses_pauth;

__no_stack_protector void features_init(void)
{
	has_pauth = (sysreg_read(id_aa64isar1_el1) & (ISAR1_APA | ISAR1_API)) ||
		    (sysreg_read(ID_AA64ISAR2_EL1) & ISAR2_APA3);
	uses_pauth = has_pauth && IS_ENABLED(CONFIG_BRANCH_PROTECTION);
}

bool cpu_has_pauth(void)
{
	return has_pauth;
}

bool cpu_uses_pauth(void)
{
	return uses_pauth;
}

/* Guests copy PARange to TCR_EL1.IPS: not more than stage 2 translates. */
uint64_t guest_parange(void)
{
	static const uint8_t ranges[] = { 32, 36, 40, 42, 44, 48 };
	uint64_t parange = 0;

	while (parange + 1 < ARRAY_SIZE(ranges) && ranges[parange + 1] <= arch_ipa_bits())
		parange++;
	return parange;
}
