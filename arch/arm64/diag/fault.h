/* SPDX-License-Identifier: MIT */
/* Exceptions from EL2 itself; fault.c. */
#ifndef ARCH_ARM64_DIAG_FAULT_H
#define ARCH_ARM64_DIAG_FAULT_H

#include "lib/compiler.h"

struct cpu;

/*
 * Say what has happened, from the registers in cpu->arch.fault_frame, and end the machine. kind: 0
 * synchronous, 1 IRQ, 2 FIQ, 3 SError. Context: the CPU's fault stack.
 */
void el2_fault_report(struct cpu *cpu, unsigned int kind) __noreturn;

#endif
