/* SPDX-License-Identifier: MIT */
/* Ways into a guest and out of EL2's masks that are in vectors.S. */
#ifndef ARCH_ARM64_TRAP_ENTRY_H
#define ARCH_ARM64_TRAP_ENTRY_H

#include "lib/compiler.h"
#include "lib/types.h"

struct vcpu;

/* The first way into a guest: where EL2 has no PAuth key of its own, and where it has. */
void arch_enter_guest_plain(struct vcpu *vcpu) __noreturn;
void arch_enter_guest_pauth(struct vcpu *vcpu) __noreturn;

/* Take the pending SError by unmasking it for a moment; false if there was none. */
bool serror_take_unmasked(void);

#endif
