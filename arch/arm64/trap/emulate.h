/* SPDX-License-Identifier: MIT */
/* Accesses to emulated devices by instructions that come without a valid syndrome. */
#ifndef ARCH_ARM64_TRAP_EMULATE_H
#define ARCH_ARM64_TRAP_EMULATE_H

#include "arch/arm64/trap/traps.h"
#include "lib/types.h"

struct vcpu;

struct emulation {
	uint64_t far;		/* FAR_EL2, and the IPA that it was translated to */
	uint64_t ipa;
	bool write;		/* ISS.WnR */
	bool big_endian;	/* the guest's data accesses are */
	uint64_t sp;		/* of the guest's exception level; may be changed by writeback */
	/* out, where the outcome is TRAP_ABORT */
	const char *why;
	uint32_t insn;		/* what was executed; 0: it could not be read */
};

/*
 * Do what the instruction at the guest's PC does, to the device at e->ipa: TRAP_SKIP. TRAP_ABORT: it is not
 * one that is emulated, or the device refuses a part of it; nothing has been done then. TRAP_RESUME: what
 * is there now cannot have caused this fault, so another vCPU has changed it since: let the guest try
 * again. Context: the vCPU is loaded, its registers synchronized.
 */
enum trap_outcome emulate_access(struct vcpu *vcpu, struct emulation *e);

/* The bytes of a value of that size in the opposite order. */
static inline uint64_t mmio_swap(uint64_t val, unsigned int size)
{
	return __builtin_bswap64(val) >> (64 - 8 * size);
}

#endif
