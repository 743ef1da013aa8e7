/* SPDX-License-Identifier: MIT */
/* The steps of bringing translation up; mmu.c. */
#ifndef ARCH_ARM64_BOOT_MMU_H
#define ARCH_ARM64_BOOT_MMU_H

#include "lib/types.h"

/* In the early map (head.S): 2 MiB around pa at the 2 MiB-aligned address va of the device region. */
void mmu_early_map(uint64_t va, uint64_t pa, uint64_t perms);

/* Leave the early map for hyp_pgtable, with write-implies-never-execute. */
void mmu_switch_to_final(void);

/* Set VTCR_EL2 on this CPU. */
void mmu_stage2_init(void);

#endif
