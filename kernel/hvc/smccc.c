// SPDX-License-Identifier: MIT
/* SMCCC discovery (DEN0028, section 7): the Arm architecture calls. */
#include "kernel/hvc/hvc.h"
#include "kernel/vm/vcpu.h"

#define SMCCC_1_2	0x00010002

static int64_t smccc_version(struct vcpu *vcpu)
{
	return SMCCC_1_2;
}

static int64_t smccc_arch_features(struct vcpu *vcpu)
{
	uint32_t fid = (uint32_t)vcpu->arch.frame.x[1];

	unsigned int owner = fid >> 24 & 0x3f;

	/* Of the architecture itself, and of the standard hypervisor service, which is found through this. */
	return (owner == 0 || owner == 5) && hvc_exists(fid) ? SMCCC_SUCCESS : SMCCC_NOT_SUPPORTED;
}

static const struct hvc_func smccc_funcs[] = {
	[0] = { HVC_32, smccc_version },
	[1] = { HVC_32, smccc_arch_features },
};

HVC_SERVICE(smccc) = { .owner = 0, .nr = ARRAY_SIZE(smccc_funcs), .funcs = smccc_funcs };
