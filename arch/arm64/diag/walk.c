// SPDX-License-Identifier: MIT
/* A guest's stage-1 translation, done by hand; see walk.h. */
#include "arch/arm64/diag/walk.h"

#include "arch/arm64/sysreg.h"
#include "arch/crash.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

#define TCR_T0SZ	GENMASK(5, 0)
#define TCR_T1SZ	GENMASK(21, 16)
#define TCR_EPD0	BIT(7)
#define TCR_EPD1	BIT(23)
#define TCR_TG0		GENMASK(15, 14)
#define TCR_TG1		GENMASK(31, 30)
#define TCR_IPS_FIELD	GENMASK(34, 32)
#define TCR_TBI0	BIT(37)
#define TCR_TBI1	BIT(38)
#define TCR_DS		BIT(59)
#define IPS_52_BITS	6
#define DESC_VALID	BIT(0)
#define DESC_TABLE	BIT(1)

/* One half of the address space: what TCR_EL1 and a TTBR say of it. */
struct half {
	uint64_t ttbr;
	unsigned int va_bits;
	unsigned int granule_bits;	/* 12, 14 or 16; 0: reserved */
	bool off;			/* EPDn */
	bool tbi;
	bool ds;			/* descriptors of 52 bits, 4 and 16 KiB granules (LPA2) */
	bool wide;			/* 52 bits in TTBRs, and in descriptors of the 64 KiB granule */
};

static struct half side_of(const struct vcpu *vcpu, uint64_t tcr, uint64_t va)
{
	static const uint8_t tg0[] = { 12, 16, 14, 0 }, tg1[] = { 0, 14, 12, 16 };

	if (va & BIT(55))
		return (struct half){
			.ttbr = arch_vcpu_sysreg(vcpu, ARCH_TTBR1_EL1),
			.va_bits = 64 - (unsigned int)FIELD_GET(TCR_T1SZ, tcr),
			.granule_bits = tg1[FIELD_GET(TCR_TG1, tcr)],
			.off = (tcr & TCR_EPD1) != 0, .tbi = (tcr & TCR_TBI1) != 0,
		};
	return (struct half){
		.ttbr = arch_vcpu_sysreg(vcpu, ARCH_TTBR0_EL1),
		.va_bits = 64 - (unsigned int)FIELD_GET(TCR_T0SZ, tcr),
		.granule_bits = tg0[FIELD_GET(TCR_TG0, tcr)],
		.off = (tcr & TCR_EPD0) != 0, .tbi = (tcr & TCR_TBI0) != 0,
	};
}

static struct half half_of(const struct vcpu *vcpu, uint64_t va)
{
	uint64_t tcr = arch_vcpu_sysreg(vcpu, ARCH_TCR_EL1);
	struct half h = side_of(vcpu, tcr, va);

	h.ds = (tcr & TCR_DS) && h.granule_bits != 16;
	h.wide = FIELD_GET(TCR_IPS_FIELD, tcr) == IPS_52_BITS && (h.ds || h.granule_bits == 16);
	return h;
}

/* The bits above the translated ones are all alike: 0 in the lower half, 1 in the upper one. */
static bool in_range(const struct half *h, uint64_t va)
{
	uint64_t top = GENMASK(h->tbi ? 55 : 63, h->va_bits);

	return (va & BIT(55)) ? (va & top) == top : !(va & top);
}

static const char *check_half(const struct half *h, uint64_t va)
{
	if (h->off)
		return "this half of the address space is off (TCR_EL1.EPD)";
	if (!h->granule_bits || h->va_bits < 16 || h->va_bits <= h->granule_bits ||
	    h->va_bits > (h->ds || h->granule_bits == 16 ? 52 : 48))
		return "TCR_EL1 has a size that is not supported here";
	if (!in_range(h, va))
		return "beyond TCR_EL1's size";
	return NULL;
}

/* Bits of the address below those that an entry of this level decides. */
static unsigned int shift_of(const struct half *h, int level)
{
	return h->granule_bits + (unsigned int)(3 - level) * (h->granule_bits - 3);
}

/* Whether a descriptor of this level may be a block: not at the levels that only tables have (D8.3.1). */
static bool has_blocks(const struct half *h, int level)
{
	return level >= (h->granule_bits == 12 ? 1 : 2) - (h->ds || h->wide);
}

/* The address in a descriptor, from that bit on (D8.3.1). */
static uint64_t address_in(const struct half *h, uint64_t desc, unsigned int from)
{
	uint64_t at = desc & GENMASK(h->ds ? 49 : 47, from);

	if (h->ds)
		return at | FIELD_GET(GENMASK(9, 8), desc) << 50;
	return h->wide ? at | FIELD_GET(GENMASK(15, 12), desc) << 48 : at;
}

/* A root table is aligned to its size; what a TTBR has below that is not looked at. */
static uint64_t root_of(const struct half *h, unsigned int size_bits)
{
	uint64_t high = h->wide ? FIELD_GET(GENMASK(5, 2), h->ttbr) << 48 : 0;

	return high | (h->ttbr & GENMASK(47, h->wide ? MAX(size_bits, 6u) : size_bits));
}

/* SCTLR_EL1.EE is the endianness of tables, too. */
static int read_desc(struct vcpu *vcpu, uint64_t at, uint64_t *desc)
{
	int err = vm_read(vcpu->vm, ipa(at), desc, sizeof(*desc));

	if (arch_vcpu_sysreg(vcpu, ARCH_SCTLR_EL1) & SCTLR_EE)
		*desc = __builtin_bswap64(*desc);
	return err;
}

static const char *walk_tables(struct vcpu *vcpu, const struct half *h, struct arch_walk *w)
{
	uint64_t in = w->va & GENMASK(h->va_bits - 1, 0), table, desc = 0;
	int level = 4 - (int)DIV_ROUND_UP(h->va_bits - h->granule_bits, h->granule_bits - 3);

	table = root_of(h, h->va_bits - shift_of(h, level) + 3);
	for (unsigned int top = h->va_bits; level <= 3; level++) {
		unsigned int shift = shift_of(h, level);
		uint64_t at = table + ((in & GENMASK(top - 1, shift)) >> shift) * 8;

		w->steps[w->nr].level = level;
		w->steps[w->nr].at = at;
		w->missing = read_desc(vcpu, at, &desc) != 0;
		if (w->missing)
			return "a table lies outside the VM's memory";
		w->steps[w->nr++].desc = desc;
		if (!(desc & DESC_VALID) || (!(desc & DESC_TABLE) && (level == 3 || !has_blocks(h, level))))
			return "an invalid descriptor";
		if (level == 3 || !(desc & DESC_TABLE)) {
			w->ipa = address_in(h, desc, shift) | (w->va & GENMASK(shift - 1, 0));
			return NULL;
		}
		table = address_in(h, desc, h->granule_bits);
		top = shift;
	}
	return "more levels than there are";
}

static const char *stage1(struct vcpu *vcpu, struct arch_walk *w)
{
	struct half h = half_of(vcpu, w->va);
	const char *why;

	w->mmu_on = (arch_vcpu_sysreg(vcpu, ARCH_SCTLR_EL1) & SCTLR_M) != 0;
	w->ipa = w->va;
	if (!w->mmu_on)
		return w->va >> 48 ? "beyond 48 bits" : NULL;
	why = check_half(&h, w->va);
	return why ? why : walk_tables(vcpu, &h, w);
}

void walk_stage1(struct vcpu *vcpu, uint64_t va, struct arch_walk *w)
{
	struct pgtable_leaf leaf;

	*w = (struct arch_walk){ .va = va };
	w->end = stage1(vcpu, w);
	if (w->end || pgtable_lookup(&vcpu->vm->stage2.pt, w->ipa, &leaf))
		return;
	w->in_stage2 = true;
	w->pa = leaf.pa.pa;
}

int walk_level_of(const struct arch_walk *w, uint64_t table_ipa)
{
	unsigned int nr = w->nr + w->missing;

	/*
	 * From the end: where a table serves several levels, the last one is it, or they would have failed,
	 * too.
	 */
	for (unsigned int i = nr; i > 0; i--) {
		if (w->steps[i - 1].at / PAGE_SIZE == table_ipa / PAGE_SIZE)
			return w->steps[i - 1].level;
	}
	return nr ? MIN(w->steps[nr - 1].level + 1, 3) : 0;
}
