// SPDX-License-Identifier: MIT
/* The virtual CPU interface, after the pseudocode of IHI 0069H, chapter 12.4 and 6.3. */
#include "tests/host/fake_ich.h"

#include "arch/gic.h"
#include "kernel/base/panic.h"
#include "lib/string.h"

#define VMCR_VBPR0	GENMASK(23, 21)
#define VMCR_VBPR1	GENMASK(20, 18)
#define VMCR_VCBPR	BIT(4)
#define LR_STATE	(LR_PENDING | LR_ACTIVE)
#define MIN_BPR0	2	/* with 5 bits of priority */
#define MIN_BPR1	3

uint64_t fake_ich_vmcr(unsigned int pmr, unsigned int eoimode)
{
	return FIELD_PREP(ICH_VMCR_VPMR, pmr) | (eoimode ? ICH_VMCR_VEOIM : 0) | ICH_VMCR_VENG0 |
	       ICH_VMCR_VENG1;
}

static unsigned int priority(uint64_t lr)
{
	return (unsigned int)FIELD_GET(LR_PRIORITY, lr);
}

static uint32_t vintid(uint64_t lr)
{
	return (uint32_t)FIELD_GET(LR_VINTID, lr);
}

static void check_lr(const struct fake_ich *g, unsigned int n)
{
	uint64_t lr = g->regs.lr[n];

	if (!(lr & LR_STATE))
		return;
	if (priority(lr) & 7)
		panic("LR%u has priority 0x%x, more than 5 bits", n, priority(lr));
	if ((lr & LR_HW) && (lr & LR_STATE) == LR_STATE)
		panic("LR%u: a hardware interrupt is pending and active", n);
	if ((lr & LR_HW) && (FIELD_GET(LR_PINTID, lr) < 16 || FIELD_GET(LR_PINTID, lr) > 1019))
		panic("LR%u: physical interrupt %u", n, (unsigned int)FIELD_GET(LR_PINTID, lr));
	if (vintid(lr) >= 1020)
		panic("LR%u holds INTID %u", n, vintid(lr));
	for (unsigned int i = 0; i < n; i++) {
		if ((g->regs.lr[i] & LR_STATE) && vintid(g->regs.lr[i]) == vintid(lr))
			panic("LR%u and LR%u both hold INTID %u", i, n, vintid(lr));
	}
}

void fake_ich_load(struct fake_ich *g, const struct arch_ich *regs, unsigned int used)
{
	if (used > g->nr_lrs)
		panic("%u list registers of %u", used, g->nr_lrs);
	g->regs = *regs;
	memset(&g->regs.lr[used], 0, (ARRAY_SIZE(g->regs.lr) - used) * sizeof(g->regs.lr[0]));
	for (unsigned int i = 0; i < used; i++)
		check_lr(g, i);
}

void fake_ich_save(const struct fake_ich *g, struct arch_ich *regs, unsigned int used)
{
	uint64_t unused[ARRAY_SIZE(regs->lr)];

	memcpy(unused, regs->lr, sizeof(unused));
	*regs = g->regs;
	memcpy(&regs->lr[used], &unused[used], (ARRAY_SIZE(unused) - used) * sizeof(unused[0]));
}

uint64_t fake_ich_misr(const struct fake_ich *g)
{
	unsigned int valid = 0, pending = 0;
	uint64_t misr = 0;

	if (!(g->regs.hcr & ICH_HCR_EN))
		return 0;
	for (unsigned int i = 0; i < g->nr_lrs; i++) {
		uint64_t lr = g->regs.lr[i];

		valid += (lr & LR_STATE) != 0;
		pending += (lr & LR_STATE) == LR_PENDING;
		if (!(lr & (LR_STATE | LR_HW)) && (lr & LR_EOI))
			misr |= MISR_EOI;
	}
	if ((g->regs.hcr & ICH_HCR_UIE) && valid <= 1)
		misr |= MISR_U;
	if ((g->regs.hcr & ICH_HCR_LRENPIE) && (g->regs.hcr & ICH_HCR_EOICOUNT))
		misr |= MISR_LRENP;
	if ((g->regs.hcr & ICH_HCR_NPIE) && !pending)
		misr |= MISR_NP;
	/* Four enables and four conditions in the same bits: group 0 on, off; group 1 on, off. */
	misr |= g->regs.hcr & (g->regs.vmcr & ICH_VMCR_VENG0 ? MISR_VGRP0E : MISR_VGRP0D);
	misr |= g->regs.hcr & (g->regs.vmcr & ICH_VMCR_VENG1 ? MISR_VGRP1E : MISR_VGRP1D);
	return misr;
}

/* The bits of a priority that count for preemption. */
static unsigned int group_mask(const struct fake_ich *g, bool group1)
{
	unsigned int bpr0 = MAX((unsigned int)FIELD_GET(VMCR_VBPR0, g->regs.vmcr), MIN_BPR0);
	unsigned int bpr1 = MAX((unsigned int)FIELD_GET(VMCR_VBPR1, g->regs.vmcr), MIN_BPR1);

	if (group1 && !(g->regs.vmcr & VMCR_VCBPR))
		return 0xffu << bpr1 & 0xff;
	return 0xffu << (bpr0 + 1) & 0xff;
}

unsigned int fake_ich_rpr(const struct fake_ich *g)
{
	uint32_t active = (uint32_t)(g->regs.ap0r[0] | g->regs.ap1r[0]);

	return active ? (unsigned int)__builtin_ctz(active) << 3 : 0xff;
}

/* The list register of the highest priority pending interrupt whose group is on; -1: none. */
static int find_pending(const struct fake_ich *g)
{
	int best = -1;

	for (unsigned int i = 0; i < g->nr_lrs; i++) {
		uint64_t lr = g->regs.lr[i];
		uint64_t enable = (lr & LR_GROUP1) ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0;

		if ((lr & LR_STATE) != LR_PENDING || !(g->regs.vmcr & enable))
			continue;
		if (best < 0 || priority(lr) < priority(g->regs.lr[best]))
			best = (int)i;
	}
	return best;
}

static bool can_preempt(const struct fake_ich *g, uint64_t lr)
{
	unsigned int mask = group_mask(g, (lr & LR_GROUP1) != 0);
	unsigned int running = fake_ich_rpr(g);

	if (priority(lr) >= FIELD_GET(ICH_VMCR_VPMR, g->regs.vmcr))
		return false;
	return running == 0xff || (priority(lr) & mask) < (running & mask);
}

static int find_signalled(const struct fake_ich *g, bool group1)
{
	int n = (g->regs.hcr & ICH_HCR_EN) ? find_pending(g) : -1;

	if (n < 0 || !!(g->regs.lr[n] & LR_GROUP1) != group1 || !can_preempt(g, g->regs.lr[n]))
		return -1;
	return n;
}

bool fake_ich_signals(const struct fake_ich *g, bool group1)
{
	return find_signalled(g, group1) >= 0;
}

uint32_t fake_ich_hppir(const struct fake_ich *g, bool group1)
{
	int n = find_pending(g);

	if (n < 0 || !!(g->regs.lr[n] & LR_GROUP1) != group1)
		return FAKE_ICH_SPURIOUS;
	return vintid(g->regs.lr[n]);
}

uint32_t fake_ich_iar(struct fake_ich *g, bool group1)
{
	int n = find_signalled(g, group1);
	unsigned int level;

	if (n < 0)
		return FAKE_ICH_SPURIOUS;
	level = (priority(g->regs.lr[n]) & group_mask(g, group1)) >> 3;
	if (group1)
		g->regs.ap1r[0] |= BIT(level);
	else
		g->regs.ap0r[0] |= BIT(level);
	g->regs.lr[n] = (g->regs.lr[n] & ~LR_STATE) | LR_ACTIVE;
	return vintid(g->regs.lr[n]);
}

static int find_active(const struct fake_ich *g, uint32_t intid)
{
	for (unsigned int i = 0; i < g->nr_lrs; i++) {
		if ((g->regs.lr[i] & LR_ACTIVE) && vintid(g->regs.lr[i]) == intid)
			return (int)i;
	}
	return -1;
}

static void count_eoi(struct fake_ich *g)
{
	uint64_t count = FIELD_GET(ICH_HCR_EOICOUNT, g->regs.hcr) + 1;

	g->regs.hcr = (g->regs.hcr & ~ICH_HCR_EOICOUNT) | FIELD_PREP(ICH_HCR_EOICOUNT, count);
}

static void deactivate(struct fake_ich *g, int n)
{
	g->regs.lr[n] &= ~LR_ACTIVE;
	if ((g->regs.lr[n] & LR_HW) && g->nr_deactivated < ARRAY_SIZE(g->deactivated))
		g->deactivated[g->nr_deactivated++] = (uint32_t)FIELD_GET(LR_PINTID, g->regs.lr[n]);
}

/* The most urgent active priority goes, and is returned; -1 when it is not the group's, or there is none. */
static int drop_priority(struct fake_ich *g, bool group1)
{
	uint64_t *mine = group1 ? &g->regs.ap1r[0] : &g->regs.ap0r[0];
	uint64_t other = group1 ? g->regs.ap0r[0] : g->regs.ap1r[0];
	int level;

	if (!*mine || (other && __builtin_ctzll(other) < __builtin_ctzll(*mine)))
		return -1;
	level = __builtin_ctzll(*mine);
	*mine &= *mine - 1;
	return level << 3;
}

void fake_ich_eoir(struct fake_ich *g, bool group1, uint32_t intid)
{
	bool split = (g->regs.vmcr & ICH_VMCR_VEOIM) != 0;
	int n = find_active(g, intid), dropped;

	if (intid >= 1020)
		return;
	dropped = drop_priority(g, group1);
	if (dropped < 0)
		return;
	if (n < 0) {
		if (!split || g->counts_drops)
			count_eoi(g);
		return;
	}
	/* Another interrupt than the one whose priority was dropped is left alone. */
	if (!split && !!(g->regs.lr[n] & LR_GROUP1) == group1 &&
	    (priority(g->regs.lr[n]) & group_mask(g, group1)) == (unsigned int)dropped)
		deactivate(g, n);
}

bool fake_ich_dir(struct fake_ich *g, uint32_t intid)
{
	int n = find_active(g, intid);

	if (g->regs.hcr & ICH_HCR_TDIR)
		return false;
	if (!(g->regs.vmcr & ICH_VMCR_VEOIM) || intid >= 1020)
		return true;
	if (n < 0)
		count_eoi(g);
	else
		deactivate(g, n);
	return true;
}
