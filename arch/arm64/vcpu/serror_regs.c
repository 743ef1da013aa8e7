// SPDX-License-Identifier: MIT
/* The registers that a pending SError is taken from and given by; see serror.h. */
#include "arch/arm64/features.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/entry.h"
#include "arch/arm64/vcpu/serror.h"
#include "kernel/vm/vcpu.h"

bool serror_take(void)
{
	if (!(el2_features & EL2_RAS))
		return serror_take_unmasked();
	sysreg_write(DISR_EL1, 0);
	return true;
}

/* VSESR_EL2, its syndrome, is 0 for good (el2.c): no RAS for guests, so nothing is known of the error. */
void serror_forward(struct vcpu *vcpu)
{
	vcpu->arch.hcr |= HCR_VSE;
	sysreg_write(hcr_el2, vcpu->arch.hcr);
}
