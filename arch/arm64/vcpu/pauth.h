/* SPDX-License-Identifier: MIT */
/* EL2's own pointer-authentication key. */
#ifndef ARCH_ARM64_VCPU_PAUTH_H
#define ARCH_ARM64_VCPU_PAUTH_H

#include "arch/arm64/features.h"
#include "arch/arm64/sysreg.h"
#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/random.h"

/* SCTLR_EL2.EnIA */
#define SCTLR_ENIA_MASK		0x80000000

/* Inline: a function that returned would authenticate its return address with a key it was not signed by. */
static __always_inline void pauth_use_own_key(struct cpu *cpu)
{
	if (!cpu_uses_pauth())
		return;
	cpu->arch.apia[0] = random_word();
	cpu->arch.apia[1] = random_word();
	sysreg_write(APIAKEYLO_EL1, cpu->arch.apia[0]);
	sysreg_write(APIAKEYHI_EL1, cpu->arch.apia[1]);
	sysreg_write(sctlr_el2, sysreg_read(sctlr_el2) | SCTLR_ENIA_MASK);
	isb();
}

#endif
