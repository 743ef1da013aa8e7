// SPDX-License-Identifier: MIT
/*
 * Stage-2 faults of a guest: accesses to emulated devices, and everything that is not there.
 *
 * The faulting IPA is HPFAR_EL2's page with FAR_EL2's offset (Arm ARM D19.2: HPFAR_EL2). HPFAR_EL2 is
 * valid for translation and access-flag faults and for faults on a stage-1 table walk; stage-2
 * permission faults do not arise, because Schism maps guest RAM with all permissions.
 */
#include "arch/arm64/sysreg.h"
#include "arch/arm64/traps.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#define ISS_SAS		GENMASK(23, 22)
#define ISS_SSE		BIT(21)
#define ISS_SRT		GENMASK(20, 16)
#define ISS_SF		BIT(15)

static uint64_t fault_ipa(uint64_t far)
{
	return (sysreg_read(hpfar_el2) & GENMASK(43, 4)) << 8 | (far & PAGE_MASK);
}

static bool is_translation_fault(uint32_t iss)
{
	return (iss & ABT_FSC_TYPE_MASK) == FSC_TRANSLATION ||
	       (iss & ABT_FSC_MASK) == 0;		/* address size, level 0: IPA out of range */
}

/* Without a syndrome (LDP, writeback, SIMD) an access to a device cannot be emulated. */
static bool can_be_emulated(uint32_t iss)
{
	return (iss & (ABT_ISV | ABT_S1PTW | ABT_FNV)) == ABT_ISV && is_translation_fault(iss);
}

/* The value of a narrow load or store: what is left of val without its upper bits. */
static uint64_t zero_extend(uint64_t val, unsigned int upper)
{
	return val << upper >> upper;
}

static uint64_t sign_extend(uint64_t val, unsigned int upper, uint32_t iss)
{
	val = (uint64_t)((int64_t)(val << upper) >> upper);
	return (iss & ISS_SF) ? val : (uint32_t)val;
}

static enum trap_outcome mmio(struct vcpu *vcpu, uint32_t iss, uint64_t ipa)
{
	struct vdev_access *access = &vcpu->access;
	unsigned int rt = (unsigned int)FIELD_GET(ISS_SRT, iss);
	unsigned int size = 1u << FIELD_GET(ISS_SAS, iss), upper = 64 - 8 * size;
	bool write = (iss & ABT_WNR) != 0;
	uint64_t val;

	access->ipa = ipa;
	access->size = size;
	access->write = write;
	access->val = write ? zero_extend(vcpu_reg(vcpu, rt), upper) : 0;
	if (!vdev_access(vcpu, access))
		return TRAP_ABORT;
	if (write)
		return TRAP_SKIP;
	val = zero_extend(access->val, upper);
	vcpu_set_reg(vcpu, rt, unlikely(iss & ISS_SSE) ? sign_extend(val, upper, iss) : val);
	return TRAP_SKIP;
}

enum trap_outcome trap_data_abort(struct vcpu *vcpu, const struct trap *trap)
{
	uint32_t iss = trap->iss;

	if (unlikely(!can_be_emulated(iss))) {
		vcpu->exits[EXIT_ABORT]++;
		return TRAP_ABORT;
	}
	vcpu->exits[EXIT_MMIO]++;
	return mmio(vcpu, iss, fault_ipa(sysreg_read(far_el2)));
}

enum trap_outcome trap_instr_abort(struct vcpu *vcpu, const struct trap *trap)
{
	vcpu->exits[EXIT_ABORT]++;
	/*
	 * The handler that an earlier injection went to cannot be fetched either: another injection
	 * would go there again, for ever.
	 */
	if (vcpu->arch.injected_pc && vcpu->arch.frame.elr == vcpu->arch.injected_pc)
		vm_crash(vcpu, VM_CRASH_NO_VECTOR);
	return TRAP_ABORT;
}
