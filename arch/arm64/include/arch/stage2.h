/* SPDX-License-Identifier: MIT */
/* Stage-2 control registers (Arm ARM D19.2: VTCR_EL2, VTTBR_EL2). */
#ifndef ARCH_STAGE2_H
#define ARCH_STAGE2_H

#include "kernel/base/addr.h"
#include "lib/types.h"

/* Width of an IPA: 40 bits, or what the CPU has if that is less. The same on all CPUs. */
unsigned int arch_ipa_bits(void);

/* Number of VMIDs that the CPUs have: 256 or 65536. */
unsigned int arch_nr_vmids(void);

/* VTTBR_EL2 for a tree. */
uint64_t arch_stage2_vttbr(pa_t root, uint16_t vmid);

#endif
