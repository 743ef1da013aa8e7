/* SPDX-License-Identifier: MIT */
/* Descriptors are computed, so the host takes the real ones. */
#ifndef TESTS_HOST_ARCH_PTE_H
#define TESTS_HOST_ARCH_PTE_H

#include "arch/arm64/include/arch/pte.h"

#endif
