// SPDX-License-Identifier: MIT
/*
 * SErrors come some time after the access that they are for. They are EL2's (HCR_EL2.AMO), masked while EL2
 * runs, and then taken from whoever runs next; hence a look at each switch, in arch_vcpu_save().
 */
#include "arch/arm64/vcpu/serror.h"

#include "kernel/base/log.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

void serror_leave(struct vcpu *vcpu)
{
	if (!serror_take())
		return;
	log_warn("%s: SError as vCPU %u left its CPU, forwarded", vcpu->vm->name, vcpu->id);
	serror_forward(vcpu);
}
