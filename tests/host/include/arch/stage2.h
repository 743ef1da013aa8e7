/* SPDX-License-Identifier: MIT */
/* Declarations as on the target; tests/host/fake_tlb.c has the functions. */
#ifndef TESTS_HOST_ARCH_STAGE2_H
#define TESTS_HOST_ARCH_STAGE2_H

#include "arch/arm64/include/arch/stage2.h"

#endif
