/* SPDX-License-Identifier: MIT */
/* As on the target; tests/host/fake_cpu.c has the functions. */
#ifndef TESTS_HOST_ARCH_WORKAROUND_H
#define TESTS_HOST_ARCH_WORKAROUND_H

#include "arch/arm64/include/arch/workaround.h"

#endif
