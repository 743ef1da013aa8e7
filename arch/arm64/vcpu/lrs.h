/* SPDX-License-Identifier: MIT */
/* The list registers of a vCPU that comes; lrs.c. Those of one that is here: vcpu_vgic_in() and _out(). */
#ifndef ARCH_ARM64_VCPU_LRS_H
#define ARCH_ARM64_VCPU_LRS_H

struct vcpu;

/* Put the vCPU's most urgent interrupts into this CPU's list registers. Context: the vCPU's CPU. */
void vcpu_fill_lrs(struct vcpu *vcpu);

#endif
