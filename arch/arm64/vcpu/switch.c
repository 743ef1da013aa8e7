// SPDX-License-Identifier: MIT
/*
 * Moving a vCPU onto a CPU and off it (Arm ARM D1, D19; GICv3 IHI 0069H section 9).
 *
 * Everything that a guest can see changes hands here: EL1 and EL0 system registers, pointer
 * authentication keys, virtual timer, stage-2 root, list registers. FP/SIMD registers follow lazily: a
 * vCPU runs with CPTR_EL2.TFP set until it uses them.
 */
#include "arch/vcpu.h"

#include "arch/arm64/boot/el2.h"
#include "arch/arm64/features.h"
#include "arch/arm64/gic/ich.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/entry.h"
#include "arch/arm64/vcpu/debug.h"
#include "arch/arm64/vcpu/fpsimd.h"
#include "arch/arm64/vcpu/lrs.h"
#include "arch/arm64/vcpu/pmu.h"
#include "arch/arm64/vcpu/ptimer.h"
#include "arch/arm64/vcpu/serror.h"
#include "arch/arm64/vcpu/vtimer.h"
#include "kernel/base/cpu.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/entry.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

/* Order matters to nobody; reset values are 0 unless arch_vcpu_reset() says otherwise. */
#define VCPU_SYSREGS(X)		\
	X(SP_EL0)		\
	X(SP_EL1)		\
	X(ELR_EL1)		\
	X(SPSR_EL1)		\
	X(SCTLR_EL1)		\
	X(CPACR_EL1)		\
	X(TTBR0_EL1)		\
	X(TTBR1_EL1)		\
	X(TCR_EL1)		\
	X(MAIR_EL1)		\
	X(AMAIR_EL1)		\
	X(VBAR_EL1)		\
	X(ESR_EL1)		\
	X(FAR_EL1)		\
	X(AFSR0_EL1)		\
	X(AFSR1_EL1)		\
	X(PAR_EL1)		\
	X(CONTEXTIDR_EL1)	\
	X(TPIDR_EL0)		\
	X(TPIDRRO_EL0)		\
	X(TPIDR_EL1)		\
	X(CSSELR_EL1)

enum vcpu_sysreg {
#define X(name) R_##name,
	VCPU_SYSREGS(X)
#undef X
	NR_VCPU_SYSREGS,
};

_Static_assert(NR_VCPU_SYSREGS <= ARCH_NR_SYSREGS, "struct arch_vcpu has too little room");

#define SCTLR_EL1_RESET	(SCTLR_EL1_RES1)
/*
 * seL4's elfloader: Device-nGnRnE, nGnRE, GRE, Normal non-cacheable, write-back (PTE_ENTRY_NORMAL),
 * write-through.
 */
#define ENTRY_MAIR	UINT64_C(0xaaff440c0400)
#define ENTRY_VA_BITS	48

static void set_translated(uint64_t *r, const struct vm_entry *entry)
{
	r[R_MAIR_EL1] = ENTRY_MAIR;
	r[R_TCR_EL1] = TCR_TSZ(ENTRY_VA_BITS) | TCR_CACHED | TCR_TG1_4K | TCR_AS | TCR_IPS(guest_parange()) |
		       (entry->shared ? TCR_INNER_SHAREABLE : 0);
	r[R_TTBR0_EL1] = entry->low.ipa;
	r[R_TTBR1_EL1] = entry->high.ipa;
	r[R_SCTLR_EL1] |= SCTLR_M | SCTLR_C | SCTLR_I;
}

void arch_vcpu_reset(struct vcpu *vcpu, const struct vm_entry *entry)
{
	struct arch_vcpu *arch = &vcpu->arch;

	memset(&arch->frame, 0, sizeof(arch->frame));
	memset(arch->sysregs, 0, sizeof(arch->sysregs));
	memset(&arch->pauth, 0, sizeof(arch->pauth));
	memset(&arch->vtimer, 0, sizeof(arch->vtimer));
	memset(&arch->ich, 0, sizeof(arch->ich));
	memset(&arch->debug, 0, sizeof(arch->debug));
	pmu_reset(vcpu);
	memset(&arch->fpsimd, 0, sizeof(arch->fpsimd));
	arch->fp_cpu = NULL;
	ptimer_reset(vcpu);
	arch->vdisr = 0;
	arch->tpidr2 = 0;
	arch->nr_exits = 0;

	arch->frame.elr = entry->pc;
	arch->frame.spsr = PSR_MODE_EL1H | PSR_DAIF;
	memcpy(arch->frame.x, entry->args, sizeof(entry->args));
	arch->sysregs[R_SCTLR_EL1] = SCTLR_EL1_RESET;
	if (entry->big_endian)
		arch->sysregs[R_SCTLR_EL1] |= SCTLR_EE;
	if (entry->translated)
		set_translated(arch->sysregs, entry);
	if (entry->all_vcpus)
		arch->sysregs[R_TPIDR_EL1] = vcpu->id;
	arch->vpidr = sysreg_read(midr_el1);
	arch->vmpidr = BIT(31) | vcpu->affinity;
	arch->vttbr = vm_vttbr(vcpu->vm);
	arch->hcr = el2_guest_hcr();
	arch->ich.vmcr = ich_vmcr_reset();
}

static void sysregs_save(uint64_t *r)
{
#define X(name) r[R_##name] = sysreg_read(name);
	VCPU_SYSREGS(X)
#undef X
}

static void sysregs_load(const uint64_t *r)
{
#define X(name) sysreg_write(name, r[R_##name]);
	VCPU_SYSREGS(X)
#undef X
}

/* Key A of the instruction keys is in the vCPU already when EL2 has a key of its own. */
static void pauth_save(struct arch_pauth *k)
{
	if (!cpu_uses_pauth()) {
		k->ia[0] = sysreg_read(APIAKEYLO_EL1);
		k->ia[1] = sysreg_read(APIAKEYHI_EL1);
	}
	k->ib[0] = sysreg_read(APIBKEYLO_EL1);
	k->ib[1] = sysreg_read(APIBKEYHI_EL1);
	k->da[0] = sysreg_read(APDAKEYLO_EL1);
	k->da[1] = sysreg_read(APDAKEYHI_EL1);
	k->db[0] = sysreg_read(APDBKEYLO_EL1);
	k->db[1] = sysreg_read(APDBKEYHI_EL1);
	k->ga[0] = sysreg_read(APGAKEYLO_EL1);
	k->ga[1] = sysreg_read(APGAKEYHI_EL1);
}

static void pauth_load(const struct arch_pauth *k)
{
	if (!cpu_uses_pauth()) {
		sysreg_write(APIAKEYLO_EL1, k->ia[0]);
		sysreg_write(APIAKEYHI_EL1, k->ia[1]);
	}
	sysreg_write(APIBKEYLO_EL1, k->ib[0]);
	sysreg_write(APIBKEYHI_EL1, k->ib[1]);
	sysreg_write(APDAKEYLO_EL1, k->da[0]);
	sysreg_write(APDAKEYHI_EL1, k->da[1]);
	sysreg_write(APDBKEYLO_EL1, k->db[0]);
	sysreg_write(APDBKEYHI_EL1, k->db[1]);
	sysreg_write(APGAKEYLO_EL1, k->ga[0]);
	sysreg_write(APGAKEYHI_EL1, k->ga[1]);
}

/*
 * Registers of features that guests are not told of, but could use. VDISR_EL2 is what a guest gets as
 * DISR_EL1, since HCR_EL2.AMO is set.
 */
static void hidden_save(struct arch_vcpu *arch)
{
	if (el2_features & EL2_RAS)
		arch->vdisr = sysreg_read(VDISR_EL2);
	if (el2_features & EL2_TPIDR2)
		arch->tpidr2 = sysreg_read(TPIDR2_EL0);
}

static void hidden_load(const struct arch_vcpu *arch)
{
	if (el2_features & EL2_RAS)
		sysreg_write(VDISR_EL2, arch->vdisr);
	if (el2_features & EL2_TPIDR2)
		sysreg_write(TPIDR2_EL0, arch->tpidr2);
}

/*
 * vCPUs of one VM share its VMID but not their TLBs: what another one left on this CPU may translate
 * differently for the same ASID (D8.13: a PE's entries are private to it).
 */
static void flush_other_vcpu(struct vcpu *vcpu, struct cpu *cpu)
{
	uint16_t *last = &vcpu->vm->last_vcpu[cpu->id];

	if (*last == vcpu->id + 1)
		return;
	if (*last)
		__asm__ volatile("tlbi vmalle1\n\tic iallu\n\tdsb nsh\n\tisb" : : : "memory");
	*last = (uint16_t)(vcpu->id + 1);
}

void arch_vcpu_load(struct vcpu *vcpu, struct cpu *cpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	ASSERT(!cpu->arch.loaded);
	cpu->arch.loaded = vcpu;
	arch->el2_sp = cpu->stack_top.va;

	sysreg_write(vttbr_el2, arch->vttbr);
	sysreg_write(vmpidr_el2, arch->vmpidr);
	sysreg_write(vpidr_el2, arch->vpidr);
	sysreg_write(hcr_el2, arch->hcr);
	sysregs_load(arch->sysregs);
	if (el2_features)
		hidden_load(arch);
	if (cpu_has_pauth())
		pauth_load(&arch->pauth);
	fpsimd_enter(cpu, vcpu);
	arch_debug_load(vcpu);
	if (vcpu->pmu.used)
		pmu_load_used(vcpu);

	timers_load(vcpu);
	vcpu_fill_lrs(vcpu);
	if (vgic_timer_is_live(vcpu))
		vtimer_set_phys_active(vcpu, true);
	vtimer_load(vcpu);
	flush_other_vcpu(vcpu, cpu);
}

/* The hardware clears HCR_EL2.VSE when the guest takes the SError that EL2 made pending. */
static void keep_pending_serror(struct vcpu *vcpu)
{
	vcpu->arch.hcr = (vcpu->arch.hcr & ~(uint64_t)HCR_VSE) | (sysreg_read(hcr_el2) & HCR_VSE);
}

void arch_vcpu_save(struct vcpu *vcpu, struct cpu *cpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	ASSERT(cpu->arch.loaded == vcpu);
	vcpu_vgic_out(vcpu);
	vtimer_save(vcpu);
	timer_cancel(&cpu->timers, &arch->ptimer.timer);
	fpsimd_leave(cpu, vcpu);
	/* The physical interrupt is this CPU's next vCPU's as well: nothing of ours may stay active. */
	if (arch->vtimer.phys_active)
		vtimer_set_phys_active(vcpu, false);
	if (cpu_has_pauth())
		pauth_save(&arch->pauth);
	sysregs_save(arch->sysregs);
	if (el2_features)
		hidden_save(arch);
	if (unlikely(serror_is_pending()))
		serror_leave(vcpu);
	arch_debug_save(vcpu);
	if (vcpu->pmu.used)
		pmu_save_used(vcpu);
	keep_pending_serror(vcpu);
	cpu->arch.loaded = NULL;
}

void arch_vcpu_trap_wfe(struct vcpu *vcpu, bool trap)
{
	uint64_t hcr;

	keep_pending_serror(vcpu);
	hcr = trap ? vcpu->arch.hcr | HCR_TWE : vcpu->arch.hcr & ~(uint64_t)HCR_TWE;
	if (hcr == vcpu->arch.hcr)
		return;
	vcpu->arch.hcr = hcr;
	sysreg_write(hcr_el2, hcr);
}

bool arch_vcpu_serror_pending(const struct vcpu *vcpu)
{
	return (sysreg_read(hcr_el2) & HCR_VSE) != 0;
}

void arch_vcpu_sync_sysregs(struct vcpu *vcpu)
{
	if (this_cpu()->arch.loaded == vcpu)
		sysregs_save(vcpu->arch.sysregs);
}

static const char *const names[] = {
#define X(name) #name,
	VCPU_SYSREGS(X)
#undef X
};

const char *arch_vcpu_sysreg_name(unsigned int i)
{
	return i < ARRAY_SIZE(names) ? names[i] : NULL;
}

void arch_vcpu_show_sysregs(const uint64_t *r)
{
	for (unsigned int i = 0; i + 1 < NR_VCPU_SYSREGS; i += 2)
		log_err("  %-14s %016lx  %-14s %016lx", names[i], r[i], names[i + 1], r[i + 1]);
	if (NR_VCPU_SYSREGS % 2)
		log_err("  %-14s %016lx", names[NR_VCPU_SYSREGS - 1], r[NR_VCPU_SYSREGS - 1]);
}

uint64_t arch_vcpu_sysreg(const struct vcpu *vcpu, enum arch_sysreg_id id)
{
	static const uint8_t index[] = {
		[ARCH_SCTLR_EL1] = R_SCTLR_EL1, [ARCH_TCR_EL1] = R_TCR_EL1,
		[ARCH_TTBR0_EL1] = R_TTBR0_EL1, [ARCH_TTBR1_EL1] = R_TTBR1_EL1,
		[ARCH_VBAR_EL1] = R_VBAR_EL1, [ARCH_ESR_EL1] = R_ESR_EL1, [ARCH_ELR_EL1] = R_ELR_EL1,
	};

	return vcpu->arch.sysregs[index[id]];
}

bool arch_el1_is_big_endian(void)
{
	return (sysreg_read(sctlr_el1) & SCTLR_EE) != 0;
}

void arch_enter_guest(struct vcpu *vcpu)
{
	if (cpu_uses_pauth())
		arch_enter_guest_pauth(vcpu);
	arch_enter_guest_plain(vcpu);
}
