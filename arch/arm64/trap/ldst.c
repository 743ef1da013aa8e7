// SPDX-License-Identifier: MIT
/* Decoding loads and stores; see ldst.h. */
#include "arch/arm64/trap/ldst.h"

#include "lib/compiler.h"

#define F_SIZE		GENMASK(31, 30)
#define F_OPC		GENMASK(23, 22)
#define F_UNSIGNED	BIT(24)		/* of single ones: an offset of 12 bits, scaled */
#define F_IMM12		GENMASK(21, 10)
#define F_BY_REGISTER	BIT(21)
#define F_IMM9		GENMASK(20, 12)
#define F_RM		GENMASK(20, 16)
#define F_EXTEND	GENMASK(15, 13)
#define F_SCALED	BIT(12)
#define F_KIND		GENMASK(11, 10)
#define F_PAIR_KIND	GENMASK(24, 23)
#define F_LOAD		BIT(22)
#define F_IMM7		GENMASK(21, 15)
#define F_RT2		GENMASK(14, 10)
#define F_RN		GENMASK(9, 5)
#define F_RT		GENMASK(4, 0)

/* Bits 29 to 27; V, which is 0 for general registers; and bit 25, which is always 0 in loads and stores. */
#define CLASS		GENMASK(29, 25)
#define CLASS_SINGLE	(7u << 27)
#define CLASS_PAIR	(5u << 27)

enum { UNSCALED, POST, UNPRIVILEGED, PRE };		/* F_KIND */
enum { REGISTER_OFFSET = 2 };				/* F_KIND with F_BY_REGISTER */
enum { PAIR_NO_ALLOCATE, PAIR_POST, PAIR_OFFSET, PAIR_PRE };	/* F_PAIR_KIND */
enum { SP = 31 };

static int64_t sign_extend(uint64_t val, unsigned int bits)
{
	return (int64_t)(val << (64 - bits)) >> (64 - bits);
}

/* opc, by size: 0 a store, 1 a load, 2 a signed load to 64 bits, 3 one to 32; not all sizes have all. */
static bool decode_opc(uint32_t insn, struct ldst *out)
{
	unsigned int size = (unsigned int)FIELD_GET(F_SIZE, insn), opc = (unsigned int)FIELD_GET(F_OPC, insn);

	out->size = (uint8_t)(1u << size);
	out->nr = 1;
	out->load = opc != 0;
	out->is_signed = opc >= 2;
	out->to_64 = opc == 2 || size == 3;
	/* Signed ones widen; the encoding that would load a doubleword to a doubleword is PRFM. */
	return opc < 2 || size < (opc == 2 ? 3 : 2);
}

static bool decode_single_offset(uint32_t insn, struct ldst *out)
{
	unsigned int kind = (unsigned int)FIELD_GET(F_KIND, insn);
	unsigned int size = (unsigned int)FIELD_GET(F_SIZE, insn);

	if (insn & F_UNSIGNED) {
		out->imm = (int64_t)(FIELD_GET(F_IMM12, insn) << size);
		return true;
	}
	if (insn & F_BY_REGISTER) {
		out->by_register = true;
		out->rm = (uint8_t)FIELD_GET(F_RM, insn);
		out->extend = (uint8_t)FIELD_GET(F_EXTEND, insn);
		out->shift = (insn & F_SCALED) ? (uint8_t)size : 0;
		/* Extensions of less than a word do not exist here; other kinds are atomics. */
		return kind == REGISTER_OFFSET && (out->extend & 2);
	}
	out->imm = sign_extend(FIELD_GET(F_IMM9, insn), 9);
	out->post = kind == POST;
	out->writeback = kind == POST || kind == PRE;
	return kind != UNPRIVILEGED;
}

static bool decode_single(uint32_t insn, struct ldst *out)
{
	if (!decode_opc(insn, out) || !decode_single_offset(insn, out))
		return false;
	return !(out->writeback && out->rn == out->rt[0] && out->rn != SP);
}

static bool decode_pair(uint32_t insn, struct ldst *out)
{
	unsigned int opc = (unsigned int)FIELD_GET(F_SIZE, insn);
	unsigned int kind = (unsigned int)FIELD_GET(F_PAIR_KIND, insn);

	out->load = (insn & F_LOAD) != 0;
	out->nr = 2;
	out->size = opc == 2 ? 8 : 4;
	out->is_signed = opc == 1;
	out->to_64 = opc != 0;
	out->rt[1] = (uint8_t)FIELD_GET(F_RT2, insn);
	out->imm = sign_extend(FIELD_GET(F_IMM7, insn), 7) * out->size;
	out->post = kind == PAIR_POST;
	out->writeback = kind == PAIR_POST || kind == PAIR_PRE;
	/* 1 is LDPSW, which has neither a store (that is STGP) nor a non-temporal form. */
	if (opc == 3 || (opc == 1 && (!out->load || kind == PAIR_NO_ALLOCATE)))
		return false;
	if (out->load && out->rt[0] == out->rt[1])
		return false;
	return !(out->writeback && out->rn != SP && (out->rn == out->rt[0] || out->rn == out->rt[1]));
}

bool ldst_decode(uint32_t insn, struct ldst *out)
{
	*out = (struct ldst){
		.rt = { (uint8_t)FIELD_GET(F_RT, insn) }, .rn = (uint8_t)FIELD_GET(F_RN, insn),
	};
	switch (insn & CLASS) {
	case CLASS_SINGLE:
		return decode_single(insn, out);
	case CLASS_PAIR:
		return decode_pair(insn, out);
	default:
		return false;
	}
}

bool ldst_is_memory(uint32_t insn)
{
	/* Loads and stores; SVE's; SYS, with DC and IC. */
	return (insn & (BIT(27) | BIT(25))) == BIT(27) || (insn & GENMASK(28, 25)) == BIT(26) ||
	       (insn & GENMASK(31, 19)) == 0xd5080000;
}

int64_t ldst_offset(const struct ldst *ldst, uint64_t rm)
{
	if (!ldst->by_register)
		return ldst->imm;
	switch (ldst->extend) {
	case 2:
		rm = (uint32_t)rm;
		break;
	case 6:
		rm = (uint64_t)sign_extend(rm, 32);
		break;
	default:
		break;
	}
	return (int64_t)(rm << ldst->shift);
}

uint64_t ldst_extend(const struct ldst *ldst, uint64_t val)
{
	if (ldst->is_signed)
		val = (uint64_t)sign_extend(val, 8 * ldst->size);
	return ldst->to_64 ? val : (uint32_t)val;
}
