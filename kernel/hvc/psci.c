// SPDX-License-Identifier: MIT
/*
 * PSCI for guests (DEN0022E, section 5): version 1.1. A VM has one power domain; its deepest state is
 * standby, which CPU_SUSPEND enters whatever it asks for.
 */
#include "kernel/hvc/hvc.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#define PSCI_1_1		0x00010001
#define FN(fid)			((fid) & 0xffff)
#define PSCI_LAST		0x1f	/* function numbers that are set aside for PSCI */
#define MIGRATE_NOT_REQUIRED	2	/* a Trusted OS is not present */
#define POWER_STATE_POWERDOWN	BIT(16)
#define POWER_STATE_MBZ		(GENMASK(31, 26) | GENMASK(23, 17))
#define RESET2_WARM		0

/* The 32-bit forms see 32 bits of their arguments (DEN0028, 3.1). */
static uint64_t arg(const struct vcpu *vcpu, unsigned int n)
{
	bool is64 = vcpu->arch.frame.x[0] & BIT(30);

	return is64 ? vcpu->arch.frame.x[n] : (uint32_t)vcpu->arch.frame.x[n];
}

static int64_t psci_version(struct vcpu *vcpu)
{
	return PSCI_1_1;
}

static int64_t psci_cpu_suspend(struct vcpu *vcpu)
{
	uint64_t state = arg(vcpu, 1);

	/* A powerdown request may be granted as standby (5.4.2); the call then returns. */
	if (state & POWER_STATE_MBZ)
		return PSCI_INVALID_PARAMETERS;
	sched_block(vcpu);
	return PSCI_SUCCESS;
}

static int64_t psci_cpu_off(struct vcpu *vcpu)
{
	sched_stop(vcpu);
	return PSCI_DENIED;	/* what a caller would see that came back; none does */
}

static int64_t psci_cpu_on(struct vcpu *vcpu)
{
	return vm_cpu_on(vcpu->vm, arg(vcpu, 1), arg(vcpu, 2), arg(vcpu, 3));
}

static int64_t psci_affinity_info(struct vcpu *vcpu)
{
	uint64_t level = arg(vcpu, 2);

	if (level > 3)
		return PSCI_INVALID_PARAMETERS;
	return vm_affinity_info(vcpu->vm, arg(vcpu, 1), (unsigned int)level);
}

static int64_t psci_migrate_info_type(struct vcpu *vcpu)
{
	return MIGRATE_NOT_REQUIRED;
}

static int64_t psci_features(struct vcpu *vcpu)
{
	uint32_t fid = (uint32_t)vcpu->arch.frame.x[1];
	/* Others share the owner (DEN0028, table 6-4): the TRNG's functions are none of PSCI's. */
	bool own = HVC_OWNER(fid) == OWNER_STANDARD && FN(fid) <= PSCI_LAST;

	/* And SMCCC_VERSION, through which SMCCC is discovered (DEN0028, 7.2). */
	return (own || fid == SMCCC_VERSION) && hvc_exists(fid) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
}

static int64_t psci_system_off(struct vcpu *vcpu)
{
	vm_guest_off(vcpu);
	return PSCI_INTERNAL_FAILURE;
}

static int64_t psci_system_reset(struct vcpu *vcpu)
{
	vm_guest_reset(vcpu, false);
	return PSCI_INTERNAL_FAILURE;
}

static int64_t psci_system_reset2(struct vcpu *vcpu)
{
	/* 32 bits in both forms. Others are reserved, or with bit 31 a vendor's: there are none. */
	if ((uint32_t)vcpu->arch.frame.x[1] != RESET2_WARM)
		return PSCI_INVALID_PARAMETERS;
	vm_guest_reset(vcpu, true);
	return PSCI_INTERNAL_FAILURE;
}

static int64_t psci_system_suspend(struct vcpu *vcpu)
{
	return vm_system_suspend(vcpu, arg(vcpu, 1), arg(vcpu, 2));
}

static const struct hvc_func psci_funcs[] = {
	[FN(PSCI_VERSION)] = { HVC_32, psci_version },
	[FN(PSCI_CPU_SUSPEND_32)] = { HVC_32 | HVC_64, psci_cpu_suspend },
	[FN(PSCI_CPU_OFF)] = { HVC_32, psci_cpu_off },
	[FN(PSCI_CPU_ON_32)] = { HVC_32 | HVC_64, psci_cpu_on },
	[FN(PSCI_AFFINITY_INFO_32)] = { HVC_32 | HVC_64, psci_affinity_info },
	[FN(PSCI_MIGRATE_INFO_TYPE)] = { HVC_32, psci_migrate_info_type },
	[FN(PSCI_SYSTEM_OFF)] = { HVC_32, psci_system_off },
	[FN(PSCI_SYSTEM_RESET)] = { HVC_32, psci_system_reset },
	[FN(PSCI_FEATURES)] = { HVC_32, psci_features },
	[FN(PSCI_SYSTEM_SUSPEND_32)] = { HVC_32 | HVC_64, psci_system_suspend },
	[FN(PSCI_SYSTEM_RESET2_32)] = { HVC_32 | HVC_64, psci_system_reset2 },
};

HVC_SERVICE(psci) = { .first = HVC_ID(OWNER_STANDARD, 0), .nr = ARRAY_SIZE(psci_funcs), .funcs = psci_funcs };
