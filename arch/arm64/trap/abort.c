// SPDX-License-Identifier: MIT
/*
 * Stage-2 faults of a guest: accesses to emulated devices, and everything that is not there.
 *
 * The faulting IPA is HPFAR_EL2's page with FAR_EL2's offset (Arm ARM D19.2: HPFAR_EL2). HPFAR_EL2 is valid
 * for translation, access-flag and address-size faults and for faults on a stage-1 table walk, of which it
 * has the page of the descriptor. Of stage-2 permission faults (a store to a read-only window, a fetch from
 * one), it is not: their IPA is found by walking the guest's tables.
 */
#include "arch/arm64/diag/walk.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/emulate.h"
#include "arch/arm64/trap/traps.h"
#include "arch/arm64/vector.h"
#include "arch/crash.h"
#include "kernel/base/log.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/abort_log.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/fmt.h"

#define ISS_SAS		GENMASK(23, 22)
#define ISS_SSE		BIT(21)
#define ISS_SRT		GENMASK(20, 16)
#define ISS_SF		BIT(15)

/* A translation fault that tells all about the access. */
#define ABT_USUAL	(ABT_ISV | FSC_TRANSLATION)
#define ABT_USUAL_MASK	(ABT_ISV | ABT_S1PTW | ABT_FNV | ABT_FSC_TYPE_MASK)

static uint64_t fault_page(void)
{
	return (sysreg_read(hpfar_el2) & GENMASK(43, 4)) << 8;
}

static uint64_t fault_ipa(uint64_t far)
{
	return fault_page() | (far & PAGE_MASK);
}

static bool is_translation_fault(uint32_t iss)
{
	return (iss & ABT_FSC_TYPE_MASK) == FSC_TRANSLATION ||
	       (iss & ABT_FSC_MASK) == 0;		/* address size, level 0: IPA out of range */
}

static bool has_syndrome(uint32_t iss)
{
	return (iss & (ABT_ISV | ABT_S1PTW | ABT_FNV)) == ABT_ISV;
}

static enum trap_outcome refuse(struct vcpu *vcpu, uint32_t fsc, uint64_t ipa, const char *why)
{
	vcpu->abort = (struct arch_abort){ .fsc = fsc, .ipa = ipa, .why = why };
	return TRAP_ABORT;
}

/* EL1's data accesses are big-endian by SCTLR_EL1.EE, EL0's by E0E, those of AArch32 by PSTATE.E. */
static bool is_big_endian(const struct vcpu *vcpu)
{
	uint64_t sctlr = sysreg_read(sctlr_el1), spsr = vcpu->arch.frame.spsr;

	if (spsr & PSR_AARCH32)
		return (spsr & PSR_E) != 0;
	return (sctlr & ((spsr & PSR_MODE_MASK) == PSR_MODE_EL0T ? SCTLR_E0E : SCTLR_EE)) != 0;
}

/* As nearly all guests are, whatever they are executing but AArch32. */
static inline bool is_plainly_little_endian(const struct vcpu *vcpu)
{
	return !(sysreg_read(sctlr_el1) & (SCTLR_EE | SCTLR_E0E)) && !(vcpu->arch.frame.spsr & PSR_AARCH32);
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

static __noinline enum trap_outcome refused_by_device(struct vcpu *vcpu, uint64_t ipa)
{
	return refuse(vcpu, FSC_SYNC_EXT, ipa, vdev_at(vcpu, ipa) ?
		      "no such register, or size" : "nothing is there");
}

/* Without swap, which is the frequent case, inlined into trap_data_abort(). */
static __always_inline enum trap_outcome mmio(struct vcpu *vcpu, uint32_t iss, uint64_t ipa, bool swap)
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
	if (swap)
		access->val = mmio_swap(access->val, size);
	if (!vdev_access(vcpu, access))
		return refused_by_device(vcpu, ipa);
	if (write)
		return TRAP_SKIP;
	val = zero_extend(access->val, upper);
	if (swap)
		val = mmio_swap(val, size);
	vcpu_set_reg(vcpu, rt, unlikely(iss & ISS_SSE) ? sign_extend(val, upper, iss) : val);
	return TRAP_SKIP;
}

/*
 * Stage 2 refuses a table of stage 1. The syndrome has stage 2's level; the guest is told that of its walk,
 * which is known by following its tables to the descriptor whose page HPFAR_EL2 names.
 */
static enum trap_outcome abort_on_walk(struct vcpu *vcpu, uint64_t va)
{
	struct arch_walk w;

	arch_vcpu_sync_sysregs(vcpu);
	walk_stage1(vcpu, va, &w);
	return refuse(vcpu, FSC_SYNC_EXT_WALK(walk_level_of(&w, fault_page())), fault_page(),
		      "no such stage-1 table");
}

/* The exception that hardware found first is kept where it is the guest's own: nothing is missing then. */
static uint32_t fsc_for_guest(uint32_t iss)
{
	uint32_t fsc = iss & ABT_FSC_MASK;

	return fsc == FSC_ALIGNMENT || fsc == FSC_UNSUPPORTED ? fsc : FSC_SYNC_EXT;
}

/* A fault without HPFAR_EL2. */
static enum trap_outcome abort_by_permission(struct vcpu *vcpu, uint32_t iss, uint64_t va)
{
	struct arch_walk w;

	arch_vcpu_sync_sysregs(vcpu);
	walk_stage1(vcpu, va, &w);
	return refuse(vcpu, fsc_for_guest(iss), w.end ? ARCH_NO_IPA : w.ipa,
		      "not allowed there");
}

/* SP of the exception level that the guest is at, by PSTATE.SP. */
static bool uses_sp_el1(const struct vcpu *vcpu)
{
	return (vcpu->arch.frame.spsr & PSR_MODE_MASK) == PSR_MODE_EL1H;
}

/* A device is there, but the syndrome does not say what was to be done to it. */
static enum trap_outcome without_syndrome(struct vcpu *vcpu, uint32_t iss, uint64_t far)
{
	bool sp_el1 = uses_sp_el1(vcpu);
	struct emulation e = {
		.far = far, .ipa = fault_ipa(far), .write = (iss & ABT_WNR) != 0,
		.big_endian = is_big_endian(vcpu), .sp = sp_el1 ? sysreg_read(sp_el1) : sysreg_read(sp_el0),
	};
	enum trap_outcome outcome;

	arch_vcpu_sync_sysregs(vcpu);
	outcome = emulate_access(vcpu, &e);
	if (outcome == TRAP_ABORT) {
		refuse(vcpu, FSC_SYNC_EXT, e.ipa, e.why);
		vcpu->abort.insn = e.insn;
	} else if (sp_el1) {
		sysreg_write(sp_el1, e.sp);
	} else {
		sysreg_write(sp_el0, e.sp);
	}
	return outcome;
}

static enum trap_outcome other_data_abort(struct vcpu *vcpu, uint32_t iss, uint64_t far)
{
	if (iss & ABT_S1PTW)
		return abort_on_walk(vcpu, far);
	if (!is_translation_fault(iss))
		return abort_by_permission(vcpu, iss, far);
	if (!vdev_at(vcpu, fault_ipa(far)))
		return refuse(vcpu, FSC_SYNC_EXT, fault_ipa(far), "nothing is there");
	if (iss & ABT_CM)
		return refuse(vcpu, FSC_SYNC_EXT, fault_ipa(far), "a device has no cache");
	return without_syndrome(vcpu, iss, far);
}

static __noinline enum trap_outcome rare_data_abort(struct vcpu *vcpu, uint32_t iss)
{
	uint64_t far = sysreg_read(far_el2);
	enum trap_outcome outcome;

	if (has_syndrome(iss) && is_translation_fault(iss))
		outcome = mmio(vcpu, iss, fault_ipa(far), is_big_endian(vcpu));
	else
		outcome = other_data_abort(vcpu, iss, far);
	vcpu->exits[outcome == TRAP_SKIP ? EXIT_MMIO : EXIT_ABORT]++;
	return outcome;
}

enum trap_outcome trap_data_abort(struct vcpu *vcpu, const struct trap *trap)
{
	uint32_t iss = trap->iss;

	if (likely((iss & ABT_USUAL_MASK) == ABT_USUAL && is_plainly_little_endian(vcpu))) {
		vcpu->exits[EXIT_MMIO]++;
		return mmio(vcpu, iss, fault_ipa(sysreg_read(far_el2)), false);
	}
	return rare_data_abort(vcpu, iss);
}

enum trap_outcome trap_instr_abort(struct vcpu *vcpu, const struct trap *trap)
{
	uint64_t far = sysreg_read(far_el2);

	vcpu->exits[EXIT_ABORT]++;
	/*
	 * The first instruction of a handler. An abort would go to another vector in the same page, for
	 * ever. Nothing is injected, so that ESR_EL1 and ELR_EL1 keep what the guest was given first: the
	 * cause of it all.
	 */
	if (is_at_vector(vcpu->arch.frame.elr, vcpu->arch.frame.spsr, sysreg_read(vbar_el1)))
		vm_crash(vcpu, VM_CRASH_NO_VECTOR);
	if (trap->iss & ABT_S1PTW)
		return abort_on_walk(vcpu, far);
	if (!is_translation_fault(trap->iss))
		return abort_by_permission(vcpu, trap->iss, far);
	return refuse(vcpu, FSC_SYNC_EXT, fault_ipa(far), vdev_at(vcpu, fault_ipa(far)) ?
		      "a device holds no instructions" : "nothing is there");
}

static const char *what_was_done(const struct trap *trap)
{
	if (trap->ec == EC_IABT_LOWER)
		return "fetch";
	if (trap->iss & ABT_CM)
		return "DC or AT";
	return (trap->iss & ABT_WNR) ? "write" : "read";
}

/* One short line: it is formatted with interrupts masked, after a walk of the guest's tables. */
void abort_report(struct vcpu *vcpu, const struct trap *trap, uint64_t far)
{
	const struct arch_abort *abort = &vcpu->abort;
	bool by_ipa = abort->ipa != ARCH_NO_IPA;
	char insn[24] = "", more_text[40] = "";
	uint64_t more;

	if (!abort_log_may_print(vcpu->vm, &more))
		return;
	if (abort->insn)
		fmt_snprintf(insn, sizeof(insn), " (%08x)", abort->insn);
	if (more)
		fmt_snprintf(more_text, sizeof(more_text), " (%lu more, not shown)", more);
	log_info("%s: abort: %s of %s 0x%lx, pc 0x%lx%s: %s%s", vcpu->vm->name, what_was_done(trap),
		 by_ipa ? "IPA" : "VA", by_ipa ? abort->ipa : far, vcpu->arch.frame.elr, insn, abort->why,
		 more_text);
}
