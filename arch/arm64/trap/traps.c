// SPDX-License-Identifier: MIT
/*
 * Traps from guests (Arm ARM D1.3, D19.2: ESR_EL2).
 *
 * ESR is decoded once; handlers[] finds the handler by exception class; the handler returns an outcome,
 * and only trap_guest_sync() acts on it. What no handler claims gives the guest an UNDEF.
 */
#include "arch/arm64/trap/traps.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/features.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/aarch32.h"
#include "arch/arm64/vcpu/fpsimd.h"
#include "arch/arm64/vcpu/serror.h"
#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/log.h"
#include "kernel/hvc/hvc.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

extern char vectors_plain[], vectors_pauth[];

bool trap_guest_hvc(struct vcpu *vcpu, uint64_t esr);
struct vcpu *trap_guest_sync(struct vcpu *vcpu, uint64_t esr);
struct vcpu *trap_guest_irq(struct vcpu *vcpu);
struct vcpu *trap_guest_serror(struct vcpu *vcpu, uint64_t esr);

__no_stack_protector void traps_init(void)
{
	sysreg_write(vbar_el2, (uint64_t)(cpu_uses_pauth() ? vectors_pauth : vectors_plain));
	isb();
}

static enum trap_outcome trap_wfx(struct vcpu *vcpu, const struct trap *trap)
{
	vcpu->exits[EXIT_WFX]++;
	if (unlikely(vcpu->arch.frame.spsr & PSR_AARCH32) &&
	    !aarch32_condition_holds(vcpu->arch.frame.spsr, trap->iss))
		return TRAP_SKIP;
	/* WFE, and the forms with a timeout, may come back at once. */
	if (trap->iss & WFX_TI_MASK)
		sched_yield(vcpu);
	else
		sched_block(vcpu);
	return TRAP_SKIP;
}

static enum trap_outcome trap_fp(struct vcpu *vcpu, const struct trap *trap)
{
	vcpu->exits[EXIT_FP]++;
	fpsimd_acquire(vcpu);
	return TRAP_RESUME;
}

/* Comes with x0-x18 in the frame only; see vectors.S. The PC is behind the HVC already. */
bool trap_guest_hvc(struct vcpu *vcpu, uint64_t esr)
{
	vcpu->exits[EXIT_HVC]++;
	hvc_call(vcpu, esr & 0xffff);
	return READ_ONCE(this_cpu()->exit_work);
}

static enum trap_outcome trap_smc(struct vcpu *vcpu, const struct trap *trap)
{
	vcpu->exits[EXIT_SMC]++;
	/* SMCCC has no calls by other immediates. */
	if (trap->iss & 0xffff)
		vcpu_set_reg(vcpu, 0, (uint64_t)SMCCC_NOT_SUPPORTED);
	else
		hvc_call(vcpu, 0);
	return TRAP_SKIP;	/* the PC points at the SMC */
}

static enum trap_outcome (*const handlers[64])(struct vcpu *vcpu, const struct trap *trap) = {
	[EC_WFX] = trap_wfx,
	[EC_CP15] = trap_coprocessor,
	[EC_CP15_64] = trap_coprocessor,
	[EC_CP14] = trap_coprocessor,
	[EC_CP14_MEM] = trap_coprocessor,
	[EC_CP14_64] = trap_coprocessor,
	[EC_FP] = trap_fp,
	[EC_SMC64] = trap_smc,
	[EC_SYSREG] = trap_sysreg,
	[EC_IABT_LOWER] = trap_instr_abort,
	[EC_DABT_LOWER] = trap_data_abort,
};

static void unclaimed(struct vcpu *vcpu, const struct trap *trap)
{
	vcpu->exits[EXIT_OTHER]++;
	log_debug("%s: unclaimed trap, EC 0x%02x (%s), pc 0x%lx: UNDEF", vcpu->vm->name, trap->ec,
		  esr_ec_name(trap->ec), vcpu->arch.frame.elr);
}

static __noinline uint64_t advance_aarch32(uint64_t spsr)
{
	return aarch32_advance(spsr);
}

static inline void skip(struct vcpu *vcpu, const struct trap *trap)
{
	struct trapframe *frame = &vcpu->arch.frame;

	frame->elr += trap->il;
	/* As if it had been executed: stepped over, and no branch. AArch32 has no BTYPE, but IT. */
	if (unlikely(frame->spsr & PSR_AARCH32))
		frame->spsr = advance_aarch32(frame->spsr);
	else
		frame->spsr &= ~(PSR_SS | PSR_BTYPE);
}

static void act(struct vcpu *vcpu, const struct trap *trap, enum trap_outcome outcome)
{
	switch (outcome) {
	case TRAP_RESUME:
		break;
	case TRAP_SKIP:
		skip(vcpu, trap);
		break;
	case TRAP_UNDEF:
		inject_undef(vcpu, trap);
		break;
	case TRAP_ABORT:
		/* A VM that has crashed meanwhile keeps its registers for the record. */
		if (vcpu->vm->state != VM_STOPPING)
			inject_abort(vcpu, trap, sysreg_read(far_el2));
		break;
	case TRAP_GUEST:
		inject_trap(vcpu, trap);
		break;
	}
}

/* What any exit ends with: back to the same vCPU, unless something else has to be done first. */
static inline struct vcpu *resume(struct vcpu *vcpu)
{
	if (likely(!READ_ONCE(this_cpu()->exit_work)))
		return vcpu;
	return sched_exit_work(vcpu);
}

static inline void note_exit(struct arch_vcpu *arch, uint64_t esr)
{
	struct arch_exit *exit = &arch->exits[arch->nr_exits++ % ARCH_NR_EXITS];

	exit->esr = esr;
	exit->pc = arch->frame.elr;
}

struct vcpu *trap_guest_sync(struct vcpu *vcpu, uint64_t esr)
{
	struct trap *trap = &vcpu->arch.trap;
	enum trap_outcome (*handler)(struct vcpu *, const struct trap *);
	enum trap_outcome outcome = TRAP_UNDEF;

	note_exit(&vcpu->arch, esr);
	trap->ec = (uint32_t)(esr >> ESR_EC_SHIFT) & 0x3f;
	trap->iss = esr & ESR_ISS_MASK;
	trap->il = (esr & ESR_IL) ? 4 : 2;
	handler = handlers[trap->ec];
	if (likely(handler))
		outcome = handler(vcpu, trap);
	else
		unclaimed(vcpu, trap);
	/* The frequent one first. */
	if (likely(outcome == TRAP_SKIP))
		skip(vcpu, trap);
	else
		act(vcpu, trap, outcome);
	return resume(vcpu);
}

struct vcpu *trap_guest_irq(struct vcpu *vcpu)
{
	vcpu->exits[EXIT_IRQ]++;
	irq_handle();
	return resume(vcpu);
}

struct vcpu *trap_guest_serror(struct vcpu *vcpu, uint64_t esr)
{
	/* An asynchronous error of the guest's own making: it gets it as such. */
	vcpu->exits[EXIT_OTHER]++;
	log_warn("%s: SError, ESR 0x%lx, forwarded", vcpu->vm->name, esr);
	serror_forward(vcpu);
	return resume(vcpu);
}
