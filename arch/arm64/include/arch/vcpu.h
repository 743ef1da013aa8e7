/* SPDX-License-Identifier: MIT */
/*
 * The architectural part of a vCPU: everything that a guest sees of the processor, saved here whenever
 * the vCPU is not on a CPU. It stands first in struct vcpu, and the trap frame first in it: while the
 * guest runs, SP_EL2 points at the frame.
 */
#ifndef ARCH_VCPU_H
#define ARCH_VCPU_H

#include "lib/compiler.h"
#include "lib/types.h"

struct vcpu;
struct cpu;

/* EL1 and EL0 system registers that move with a vCPU; arch/arm64/vcpu.c has the list by name. */
#define ARCH_NR_SYSREGS		32

struct trapframe {
	uint64_t x[31];
	uint64_t elr;
	uint64_t spsr;
};

/* ESR_EL2 of the last exit, decoded once. */
struct trap {
	uint32_t ec;
	uint32_t iss;
	uint32_t il;		/* size of the instruction: 2 or 4 bytes */
};

struct arch_fpsimd {
	uint64_t q[32][2];
	uint64_t fpcr;
	uint64_t fpsr;
} __aligned(16);

struct arch_pauth {
	uint64_t ia[2], ib[2], da[2], db[2], ga[2];
};

/* The GIC's virtual CPU interface. */
struct arch_gich {
	uint64_t lr[16];
	uint64_t ap0r[4];
	uint64_t ap1r[4];
	uint64_t vmcr;
	uint64_t hcr;
};

struct arch_vtimer {
	uint64_t cval;
	uint64_t ctl;
	uint64_t cntkctl;
};

struct arch_vcpu {
	struct trapframe frame;		/* first: see above */
	uint64_t el2_sp;		/* EL2 stack of the CPU it runs on */
	struct trap trap;
	struct arch_pauth pauth;
	uint64_t hcr;
	uint64_t vmpidr;
	uint64_t vpidr;
	uint64_t vttbr;
	uint64_t cntvoff;
	uint64_t sysregs[ARCH_NR_SYSREGS];
	struct arch_vtimer vtimer;
	struct arch_gich gich;
	struct arch_fpsimd fpsimd;
	bool fp_used;			/* fpsimd holds or has held something */
	uint64_t injected_pc;		/* where the last injected exception went, 0 when progress was seen */
};

/*
 * Put the vCPU into the architectural reset state that PSCI and the arm64 boot protocol describe: EL1h,
 * DAIF masked, MMU off, entry point pc, x0 = arg, other registers 0 (DEN0022, 6.4).
 * Context: the vCPU is not on a CPU. vttbr: VTTBR_EL2 of its VM.
 */
void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t arg);

/* Moves a vCPU onto this CPU and off it: system registers, timer, stage 2, keys; FP lazily. */
void arch_vcpu_load(struct vcpu *vcpu, struct cpu *cpu);
void arch_vcpu_save(struct vcpu *vcpu, struct cpu *cpu);

/*
 * Take the list registers back to memory and fold them, so that interrupt states are current; and give
 * them out again. Out is idempotent; in happens before the guest goes on (cpu->exit_work).
 */
void vcpu_vgic_out(struct vcpu *vcpu);
void vcpu_vgic_in(struct vcpu *vcpu);

/* Writes back FP/SIMD registers that this CPU still holds for a vCPU, and forgets them. */
void arch_fpsimd_flush(struct cpu *cpu);

/* Whether WFI by the vCPU on this CPU traps. Context: the vCPU is loaded here. */
void arch_vcpu_trap_wfi(struct vcpu *vcpu, bool trap);

/* Counter value (CNTPCT) at which the vCPU's virtual timer fires; UINT64_MAX when it is off or masked. */
uint64_t arch_vtimer_deadline(const struct vcpu *vcpu);

/* Leaves EL2 for the vCPU, which is loaded. Does not return. */
void arch_enter_guest(struct vcpu *vcpu) __noreturn;

/* The vCPU's registers in words, for a crash record. Context: loaded or saved. */
void arch_vcpu_dump(struct vcpu *vcpu);

#endif
