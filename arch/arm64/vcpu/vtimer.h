/* SPDX-License-Identifier: MIT */
/* The virtual timer of guests, CNTV_*_EL0, which is the hardware's while the vCPU is on a CPU; vtimer.c. */
#ifndef ARCH_ARM64_VCPU_VTIMER_H
#define ARCH_ARM64_VCPU_VTIMER_H

#include "lib/types.h"

struct vcpu;

/* Take the timer off this CPU, or put it there with the offset of the VM's clock. Context: the vCPU's CPU. */
void vtimer_save(struct vcpu *vcpu);
void vtimer_load(struct vcpu *vcpu);

/* Whether the timer of the loaded vCPU asserts its interrupt now. */
bool vtimer_is_asserted(void);

/* Make the timer's physical interrupt active or not: no second one comes while it is. Context: as above. */
void vtimer_set_phys_active(struct vcpu *vcpu, bool active);

/* Raise or lower the lines of both timers of a vCPU that comes, as they are by now. Context: as above. */
void timers_load(struct vcpu *vcpu);

#endif
