// SPDX-License-Identifier: MIT
/* Structure offsets for assembly: compiled to text, turned into generated/asm-offsets.h. */
#include "kernel/base/cpu.h"
#include "kernel/vm/vcpu.h"
#include "lib/types.h"

#define DEFINE(name, value)	\
	__asm__ volatile("\n.ascii \"->" #name " %0\"" : : "i"((uint64_t)(value)))

int main(void);
int main(void)
{
	DEFINE(FRAME_ELR, offsetof(struct trapframe, elr));
	DEFINE(VCPU_EL2_SP, offsetof(struct arch_vcpu, el2_sp));
	DEFINE(VCPU_APIA, offsetof(struct arch_vcpu, pauth.ia));
	DEFINE(CPU_APIA, offsetof(struct cpu, arch.apia));
	DEFINE(CPU_FAULT_FRAME, offsetof(struct cpu, arch.fault_frame));
	DEFINE(CPU_FAULT_STACK, offsetof(struct cpu, arch.fault_stack_top));
	DEFINE(CPU_FAULT_DEPTH, offsetof(struct cpu, arch.fault_depth));
	return 0;
}
