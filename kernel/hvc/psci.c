// SPDX-License-Identifier: MIT
/* PSCI for guests (DEN0022E, section 5): version 1.1, the functions of a VM with one power domain. */
#include "kernel/hvc/hvc.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#define PSCI_1_1	0x00010001
#define FN(fid)		((fid) & 0xffff)

static int64_t psci_version(struct vcpu *vcpu)
{
	return PSCI_1_1;
}

static int64_t psci_features(struct vcpu *vcpu)
{
	uint32_t fid = (uint32_t)vcpu->arch.frame.x[1];

	return hvc_exists(fid) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
}

static int64_t psci_system_off(struct vcpu *vcpu)
{
	vm_power_off(vcpu);
	return PSCI_INTERNAL_FAILURE;	/* what a caller would see that came back; none does */
}

static int64_t psci_system_reset(struct vcpu *vcpu)
{
	vm_reset(vcpu);
	return PSCI_INTERNAL_FAILURE;
}

static const struct hvc_func psci_funcs[] = {
	[FN(PSCI_VERSION)] = { HVC_32, psci_version },
	[FN(PSCI_SYSTEM_OFF)] = { HVC_32, psci_system_off },
	[FN(PSCI_SYSTEM_RESET)] = { HVC_32, psci_system_reset },
	[FN(PSCI_FEATURES)] = { HVC_32, psci_features },
};

HVC_SERVICE(psci) = { .owner = 4, .nr = ARRAY_SIZE(psci_funcs), .funcs = psci_funcs };
