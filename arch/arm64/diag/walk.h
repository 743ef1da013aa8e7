/* SPDX-License-Identifier: MIT */
/*
 * EL2's own walk of a guest's stage-1 tables: for crash records, for aborts on the guest's walks, and to
 * find instructions that have to be decoded. By software, since AT S1E1R says nothing of the tables, and
 * may leave wrong translations in the TLB of some CPUs when TTBRs and TCR have just changed (Cortex-A57
 * erratum 1319537, Cortex-A72 1319367).
 */
#ifndef ARCH_ARM64_DIAG_WALK_H
#define ARCH_ARM64_DIAG_WALK_H

#include "lib/types.h"

struct arch_walk;
struct vcpu;

/*
 * Translate va as the vCPU's EL1 would, by the registers in vcpu->arch.sysregs and tables in its VM's RAM
 * (Arm ARM D8.2, AArch64.S1Translate), and the result by stage 2. Permissions are not looked at. The tables
 * may hold anything: at most ARCH_WALK_LEVELS descriptors are read, and only from RAM of the VM.
 */
void walk_stage1(struct vcpu *vcpu, uint64_t va, struct arch_walk *walk);

/*
 * The level of the descriptor in the page of table_ipa: of the walk whose access to it stage 2 refused. If
 * there is none, since a table was changed meanwhile, or EL2 may not read one (a shared window) that the
 * processor may: the level behind the last one that is known, at most 3.
 */
int walk_level_of(const struct arch_walk *walk, uint64_t table_ipa);

#endif
