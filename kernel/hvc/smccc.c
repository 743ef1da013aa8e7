// SPDX-License-Identifier: MIT
/* SMCCC discovery and workarounds (DEN0028, section 7): the Arm architecture calls. */
#include "arch/workaround.h"
#include "kernel/hvc/hvc.h"
#include "kernel/vm/vcpu.h"

#define SMCCC_1_2	0x00010002
#define FN(fid)		((fid) & 0xffff)

static int64_t smccc_version(struct vcpu *vcpu)
{
	return SMCCC_1_2;
}

static int64_t smccc_arch_features(struct vcpu *vcpu)
{
	uint32_t fid = (uint32_t)vcpu->arch.frame.x[1];
	unsigned int owner = HVC_OWNER(fid);

	switch (fid) {
	case SMCCC_ARCH_WORKAROUND_1:
		return arch_workaround_state(WORKAROUND_1);
	case SMCCC_ARCH_WORKAROUND_2:
		return arch_workaround_state(WORKAROUND_2);
	case SMCCC_ARCH_WORKAROUND_3:
		return arch_workaround_state(WORKAROUND_3);
	default:
		/* Of the architecture itself, and of the standard hypervisor service, found through this. */
		return (owner == OWNER_ARCH || owner == OWNER_STANDARD_HYP) && hvc_exists(fid) ?
		       SMCCC_SUCCESS : SMCCC_NOT_SUPPORTED;
	}
}

static int64_t workaround(enum arch_workaround which)
{
	int64_t state = arch_workaround_state(which);

	if (state == WORKAROUND_CALL)
		arch_workaround(which);
	return state == WORKAROUND_NONE ? SMCCC_NOT_SUPPORTED : SMCCC_SUCCESS;
}

static int64_t workaround_1(struct vcpu *vcpu)
{
	return workaround(WORKAROUND_1);
}

static int64_t workaround_2(struct vcpu *vcpu)
{
	return workaround(WORKAROUND_2);
}

static int64_t workaround_3(struct vcpu *vcpu)
{
	return workaround(WORKAROUND_3);
}

static const struct hvc_func smccc_funcs[] = {
	[0] = { HVC_32, smccc_version },
	[1] = { HVC_32, smccc_arch_features },
};

HVC_SERVICE(smccc) = { .first = HVC_ID(OWNER_ARCH, 0), .nr = ARRAY_SIZE(smccc_funcs), .funcs = smccc_funcs };

static const struct hvc_func workaround_funcs[] = {
	{ HVC_32, workaround_2 },
	{ HVC_32, workaround_1 },
};

HVC_SERVICE(workarounds) = {
	.first = HVC_ID(OWNER_ARCH, FN(SMCCC_ARCH_WORKAROUND_2)), .nr = ARRAY_SIZE(workaround_funcs),
	.funcs = workaround_funcs,
};

static const struct hvc_func history_funcs[] = {
	{ HVC_32, workaround_3 },
};

HVC_SERVICE(branch_history) = {
	.first = HVC_ID(OWNER_ARCH, FN(SMCCC_ARCH_WORKAROUND_3)), .nr = ARRAY_SIZE(history_funcs),
	.funcs = history_funcs,
};
