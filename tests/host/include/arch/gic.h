/* SPDX-License-Identifier: MIT */
/* List-register format as on the target; tests/host/fake_vcpu.c has the functions. */
#ifndef TESTS_HOST_ARCH_GIC_H
#define TESTS_HOST_ARCH_GIC_H

#include "arch/arm64/include/arch/gic.h"

#endif
