/* SPDX-License-Identifier: MIT */
/* EL2's own walk of a guest's stage-1 tables, for crash records. */
#ifndef ARCH_ARM64_WALK_H
#define ARCH_ARM64_WALK_H

#include "lib/types.h"

struct arch_walk;
struct vcpu;

/*
 * Translate va as the vCPU's EL1 would, by the registers in vcpu->arch.sysregs and tables in its VM's RAM
 * (Arm ARM D8.2, AArch64.S1Translate), and the result by stage 2. Permissions are not looked at. The tables
 * may hold anything: at most ARCH_WALK_LEVELS descriptors are read, and only from RAM of the VM.
 */
void walk_stage1(struct vcpu *vcpu, uint64_t va, struct arch_walk *walk);

#endif
