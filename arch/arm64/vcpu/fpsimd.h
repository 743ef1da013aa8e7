/* SPDX-License-Identifier: MIT */
/*
 * FP/SIMD registers follow their vCPU lazily: it runs with CPTR_EL2.TFP set until it uses them (Arm ARM
 * D1.3), and they are saved whenever it leaves after that. So none of this needs an IPI.
 */
#ifndef ARCH_ARM64_VCPU_FPSIMD_H
#define ARCH_ARM64_VCPU_FPSIMD_H

#include "arch/arm64/sysreg.h"
#include "kernel/base/cpu.h"
#include "kernel/vm/vcpu.h"

/* Store and load the registers; fpsimd_regs.S. */
void fpsimd_save(struct arch_fpsimd *state);
void fpsimd_restore(const struct arch_fpsimd *state);

/* Give the registers to the vCPU that runs here and has just used them. */
void fpsimd_acquire(struct vcpu *vcpu);

static inline void fpsimd_trap(bool trap)
{
	sysreg_write(cptr_el2, CPTR_EL2_RES1 | CPTR_EL2_TZ | CPTR_EL2_TSM | CPTR_EL2_TTA | CPTR_EL2_TAM |
				       (trap ? CPTR_EL2_TFP : 0));
}

/*
 * vcpu comes to this CPU. The registers are its own when both sides say so: it may have run elsewhere since,
 * and another one here. If not, the first use traps.
 */
static inline void fpsimd_enter(const struct cpu *cpu, const struct vcpu *vcpu)
{
	fpsimd_trap(cpu->arch.fp_owner != vcpu || vcpu->arch.fp_cpu != cpu);
}

/* vcpu leaves this CPU: save the registers if it has used them. */
static inline void fpsimd_leave(struct cpu *cpu, struct vcpu *vcpu)
{
	if (cpu->arch.fp_owner == vcpu && !(sysreg_read(cptr_el2) & CPTR_EL2_TFP))
		fpsimd_save(&vcpu->arch.fpsimd);
}

#endif
