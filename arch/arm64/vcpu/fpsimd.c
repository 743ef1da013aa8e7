// SPDX-License-Identifier: MIT
/* FP/SIMD registers for a vCPU that uses them, and for EL2 where a library may; see fpsimd.h. */
#include "arch/arm64/vcpu/fpsimd.h"

#include "arch/vcpu.h"
#include "kernel/base/panic.h"

void fpsimd_acquire(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();

	fpsimd_trap(false);
	isb();
	fpsimd_restore(&vcpu->arch.fpsimd);
	vcpu->arch.fp_cpu = cpu;
	cpu->arch.fp_owner = vcpu;
}

void arch_fp_begin(void)
{
	ASSERT(!this_cpu()->arch.loaded);
	this_cpu()->arch.fp_owner = NULL;
	fpsimd_trap(false);
	isb();
}

void arch_fp_end(void)
{
	fpsimd_trap(true);
	isb();
}
