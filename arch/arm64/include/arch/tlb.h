/* SPDX-License-Identifier: MIT */
/* Translation table maintenance (Arm ARM D8.13). All operations complete before they return. */
#ifndef ARCH_TLB_H
#define ARCH_TLB_H

#include "lib/types.h"

/* Make descriptor writes visible to table walks on all CPUs. */
void arch_pt_sync(void);

/* Forget EL2's translations of [va, va + size), on all CPUs. */
void arch_tlb_flush_el2(uint64_t va, uint64_t size);

/* Forget translations of [ipa, ipa + size) by the VM whose VTTBR_EL2 is vttbr, on all CPUs. */
void arch_tlb_flush_ipa(uint64_t vttbr, uint64_t ipa, uint64_t size);

/* Forget everything cached for that VM, on all CPUs. */
void arch_tlb_flush_vm(uint64_t vttbr);

#endif
