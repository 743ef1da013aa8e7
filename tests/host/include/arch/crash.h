/* SPDX-License-Identifier: MIT */
/* Structures as on the target; tests/host/fake_vcpu.c has the functions. */
#ifndef TESTS_HOST_ARCH_CRASH_H
#define TESTS_HOST_ARCH_CRASH_H

#include "arch/arm64/include/arch/crash.h"

#endif
