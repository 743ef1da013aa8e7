// SPDX-License-Identifier: MIT
/*
 * Moving a vCPU onto a CPU and off it (Arm ARM D1, D19; GICv3 IHI 0069H section 9).
 *
 * Everything that a guest can see changes hands here: EL1 and EL0 system registers, pointer
 * authentication keys, virtual timer, stage-2 root, list registers. FP/SIMD registers follow lazily: a
 * vCPU runs with CPTR_EL2.TFP set until it uses them.
 */
#include "arch/vcpu.h"

#include "arch/arm64/gich.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/traps.h"
#include "arch/gic.h"
#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/main.h"
#include "kernel/panic.h"
#include "kernel/vgic/vgic.h"
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
	X(ACTLR_EL1)		\
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
	X(CSSELR_EL1)		\
	X(MDSCR_EL1)

enum vcpu_sysreg {
#define X(name) R_##name,
	VCPU_SYSREGS(X)
#undef X
	NR_VCPU_SYSREGS,
};

_Static_assert(NR_VCPU_SYSREGS <= ARCH_NR_SYSREGS, "struct arch_vcpu has too little room");

#define SCTLR_EL1_RESET	(SCTLR_EL1_RES1)

void fpsimd_save(struct arch_fpsimd *state);
void fpsimd_restore(const struct arch_fpsimd *state);

void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t arg)
{
	struct arch_vcpu *arch = &vcpu->arch;

	memset(&arch->frame, 0, sizeof(arch->frame));
	memset(arch->sysregs, 0, sizeof(arch->sysregs));
	memset(&arch->pauth, 0, sizeof(arch->pauth));
	memset(&arch->vtimer, 0, sizeof(arch->vtimer));
	memset(&arch->gich, 0, sizeof(arch->gich));
	memset(&arch->fpsimd, 0, sizeof(arch->fpsimd));
	arch->fp_used = false;
	arch->injected_pc = 0;

	arch->frame.elr = pc;
	arch->frame.spsr = PSR_MODE_EL1H | PSR_DAIF;
	arch->frame.x[0] = arg;
	arch->sysregs[R_SCTLR_EL1] = SCTLR_EL1_RESET;
	arch->vpidr = sysreg_read(midr_el1);
	arch->vmpidr = BIT(31) | vcpu->affinity;
	arch->vttbr = vm_vttbr(vcpu->vm);
	arch->cntvoff = vcpu->vm->cntvoff;
	arch->hcr = HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_INNER | HCR_TSC |
		    HCR_TIDCP | BIT(31);
	if (cpu_has_pauth())
		arch->hcr |= BIT(HCR_APK_SHIFT) | BIT(HCR_API_SHIFT);
	arch->gich.vmcr = gich_vmcr_reset();
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

static void vtimer_save(struct vcpu *vcpu)
{
	struct arch_vtimer *t = &vcpu->arch.vtimer;

	t->ctl = sysreg_read(cntv_ctl_el0);
	t->cval = sysreg_read(cntv_cval_el0);
	t->cntkctl = sysreg_read(cntkctl_el1);
	sysreg_write(cntv_ctl_el0, 0);
	isb();
}

static void vtimer_load(struct vcpu *vcpu)
{
	const struct arch_vtimer *t = &vcpu->arch.vtimer;

	sysreg_write(cntvoff_el2, vcpu->arch.cntvoff);
	sysreg_write(cntkctl_el1, t->cntkctl);
	sysreg_write(cntv_cval_el0, t->cval);
	isb();
	sysreg_write(cntv_ctl_el0, t->ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK));
}

/* Whether the timer of a vCPU that is not loaded asserts its interrupt now. */
static bool vtimer_asserted(const struct vcpu *vcpu)
{
	return arch_vtimer_deadline(vcpu) <= arch_counter();
}

uint64_t arch_vtimer_deadline(const struct vcpu *vcpu)
{
	const struct arch_vtimer *t = &vcpu->arch.vtimer;

	if ((t->ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK)) != CNT_CTL_ENABLE)
		return UINT64_MAX;
	/* A compare value before the offset's wrap lies in the past. */
	return t->cval > UINT64_MAX - vcpu->arch.cntvoff ? UINT64_MAX - 1 : t->cval + vcpu->arch.cntvoff;
}

/* Whether the timer of the loaded vCPU asserts its interrupt now. */
static bool vtimer_asserted_live(void)
{
	uint64_t ctl = sysreg_read(cntv_ctl_el0);

	return (ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK | CNT_CTL_ISTATUS)) ==
	       (CNT_CTL_ENABLE | CNT_CTL_ISTATUS);
}

void vcpu_vgic_out(struct vcpu *vcpu)
{
	if (vcpu->vgic.in_memory)
		return;
	vcpu->vgic.in_memory = true;
	this_cpu()->exit_work = true;
	gich_save(&vcpu->arch.gich, vcpu->vgic.used_lrs);
	vgic_save(vcpu);
	/* The guest may have silenced its timer before it took the interrupt. */
	if (vgic_timer_is_raised(vcpu) && !vtimer_asserted_live()) {
		vgic_set_timer_line(vcpu, false);
		irqchip_set_active(machine.timer_virt_intid, false);
	}
}

void vcpu_vgic_in(struct vcpu *vcpu)
{
	vgic_load(vcpu);
	gich_load(&vcpu->arch.gich, vcpu->vgic.used_lrs);
	vcpu->vgic.in_memory = false;
}

enum irq_result vcpu_timer_interrupt(uint32_t intid)
{
	struct vcpu *vcpu = this_cpu()->current;

	if (!vcpu)
		return IRQ_DONE;
	vcpu_vgic_out(vcpu);
	vgic_set_timer_line(vcpu, true);
	/* Physically active until the guest ends the virtual interrupt, or the vCPU leaves this CPU. */
	return IRQ_GUEST_OWNS;
}

enum irq_result vcpu_maintenance_interrupt(uint32_t intid)
{
	/* Folding and refilling list registers is what takes the reason away. */
	if (this_cpu()->current)
		vcpu_vgic_out(this_cpu()->current);
	return IRQ_DONE;
}

unsigned int arch_vgic_nr_lrs(void)
{
	return gich_nr_lrs();
}

unsigned int arch_vgic_nr_lrs_hw(void)
{
	return gich_nr_lrs_hw();
}

static void fp_trap(bool trap)
{
	sysreg_write(cptr_el2, CPTR_EL2_RES1 | CPTR_EL2_TZ | CPTR_EL2_TSM | (trap ? CPTR_EL2_TFP : 0));
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
	if (cpu_has_pauth())
		pauth_load(&arch->pauth);
	fp_trap(cpu->arch.fp_owner != vcpu);

	vgic_set_timer_line(vcpu, vtimer_asserted(vcpu));
	vcpu_vgic_in(vcpu);
	if (vgic_timer_is_live(vcpu))
		irqchip_set_active(machine.timer_virt_intid, true);
	vtimer_load(vcpu);
}

void arch_vcpu_save(struct vcpu *vcpu, struct cpu *cpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	ASSERT(cpu->arch.loaded == vcpu);
	vcpu_vgic_out(vcpu);
	vtimer_save(vcpu);
	/* The physical interrupt is this CPU's next vCPU's as well: nothing of ours may stay active. */
	if (vgic_timer_is_live(vcpu))
		irqchip_set_active(machine.timer_virt_intid, false);
	if (cpu_has_pauth())
		pauth_save(&arch->pauth);
	sysregs_save(arch->sysregs);
	cpu->arch.loaded = NULL;
}

void arch_fpsimd_flush(struct cpu *cpu)
{
	struct vcpu *owner = cpu->arch.fp_owner;

	if (!owner)
		return;
	fp_trap(false);
	isb();
	fpsimd_save(&owner->arch.fpsimd);
	cpu->arch.fp_owner = NULL;
	fp_trap(true);
	isb();
}

void arch_fpsimd_acquire(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();

	arch_fpsimd_flush(cpu);
	fp_trap(false);
	isb();
	fpsimd_restore(&vcpu->arch.fpsimd);
	vcpu->arch.fp_used = true;
	cpu->arch.fp_owner = vcpu;
}

void arch_vcpu_trap_wfi(struct vcpu *vcpu, bool trap)
{
	uint64_t hcr = trap ? vcpu->arch.hcr | HCR_TWI : vcpu->arch.hcr & ~(uint64_t)HCR_TWI;

	if (hcr == vcpu->arch.hcr)
		return;
	vcpu->arch.hcr = hcr;
	sysreg_write(hcr_el2, hcr);
}


void arch_vcpu_dump(struct vcpu *vcpu)
{
	static const char *const names[] = {
#define X(name) #name,
		VCPU_SYSREGS(X)
#undef X
	};
	const struct trapframe *f = &vcpu->arch.frame;

	if (this_cpu()->arch.loaded == vcpu)
		sysregs_save(vcpu->arch.sysregs);
	for (unsigned int i = 0; i < 28; i += 4)
		log_err("  x%-2u %016lx %016lx %016lx %016lx", i, f->x[i], f->x[i + 1], f->x[i + 2],
			f->x[i + 3]);
	log_err("  x28 %016lx %016lx %016lx", f->x[28], f->x[29], f->x[30]);
	log_err("  pc  %016lx spsr %08lx", f->elr, f->spsr);
	for (unsigned int i = 0; i < NR_VCPU_SYSREGS; i += 3)
		log_err("  %-14s %016lx  %-14s %016lx  %-14s %016lx", names[i], vcpu->arch.sysregs[i],
			names[i + 1], vcpu->arch.sysregs[i + 1], names[i + 2],
			vcpu->arch.sysregs[i + 2]);
}

_Static_assert(NR_VCPU_SYSREGS % 3 == 0, "arch_vcpu_dump() prints three registers to a line");

void arch_enter_guest_plain(struct vcpu *vcpu) __noreturn;
void arch_enter_guest_pauth(struct vcpu *vcpu) __noreturn;

void arch_enter_guest(struct vcpu *vcpu)
{
	if (cpu_uses_pauth())
		arch_enter_guest_pauth(vcpu);
	arch_enter_guest_plain(vcpu);
}
