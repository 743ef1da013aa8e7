/* SPDX-License-Identifier: MIT */
/* Addresses, as on the target; nothing is mapped at them on the host. */
#ifndef TESTS_HOST_ARCH_LAYOUT_H
#define TESTS_HOST_ARCH_LAYOUT_H

#include "arch/arm64/include/arch/layout.h"

#endif
