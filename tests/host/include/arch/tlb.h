/* SPDX-License-Identifier: MIT */
/* Declarations as on the target; tests/host/fake_tlb.c records the calls. */
#ifndef TESTS_HOST_ARCH_TLB_H
#define TESTS_HOST_ARCH_TLB_H

#include "arch/arm64/include/arch/tlb.h"

#endif
