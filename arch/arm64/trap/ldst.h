/* SPDX-License-Identifier: MIT */
/*
 * What a load or store does, from its instruction word: for those whose abort comes without a valid syndrome.
 * Pure computation. Why, and what is left out: docs/design/emulated-access.md.
 */
#ifndef ARCH_ARM64_TRAP_LDST_H
#define ARCH_ARM64_TRAP_LDST_H

#include "lib/compiler.h"
#include "lib/types.h"

struct ldst {
	bool load;
	bool is_signed;		/* what is loaded is sign-extended, else zero-extended */
	bool to_64;		/* to 64 bits; else to 32, and the upper half of the register becomes zero */
	uint8_t size;		/* bytes of an element */
	uint8_t nr;		/* elements, side by side: 2 of a pair, else 1 */
	uint8_t rt[2];		/* one for each element; 31: the zero register */
	uint8_t rn;		/* base; 31: SP */
	bool writeback;		/* the base becomes base + offset */
	bool post;		/* and the access is at the base as it was */
	bool by_register;	/* the offset is register rm, extended and shifted; else imm */
	int64_t imm;
	uint8_t rm;
	uint8_t extend;		/* as encoded: 2 UXTW, 3 LSL, 6 SXTW, 7 SXTX */
	uint8_t shift;
};

/*
 * Decode a load or store of one or two general registers: unsigned or unscaled immediate offset, pre- and
 * post-index, register offset; pairs, also non-temporal (Arm ARM C4.1.88, DDI 0487). False for every other
 * instruction, and where the architecture leaves open what it does (C6.2: writeback to a register that is
 * loaded or stored, a pair loaded into one register).
 */
__must_check bool ldst_decode(uint32_t insn, struct ldst *out);

/*
 * Whether an instruction may access memory: a load, store or atomic of any kind, or one by address (DC
 * ZVA).
 */
bool ldst_is_memory(uint32_t insn);

/* The offset from the base, which is the change of the base with writeback; rm is that register's value. */
int64_t ldst_offset(const struct ldst *ldst, uint64_t rm);

/* What the register becomes whose element was loaded with this value, zero-extended. */
uint64_t ldst_extend(const struct ldst *ldst, uint64_t val);

#endif
