// SPDX-License-Identifier: MIT
/* Crash records: taking and printing what the processor knew (arch/crash.h). */
#include "arch/crash.h"

#include "arch/arm64/diag/walk.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/vector.h"
#include "kernel/base/cpu.h"
#include "kernel/base/log.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

#define INSNS_BEFORE	2	/* of those shown, what precedes the PC */

/* Of the guest to EL2, or of any of its levels to its EL1. */
static bool is_abort(unsigned int ec)
{
	return ec == EC_IABT_LOWER || ec == EC_DABT_LOWER || ec == EC_IABT_CUR || ec == EC_DABT_CUR;
}

static unsigned int ec_of(uint64_t esr)
{
	return (unsigned int)(esr >> ESR_EC_SHIFT) & 0x3f;
}

static void capture_insns(struct vcpu *vcpu, struct arch_crash *c)
{
	uint64_t back = MIN(c->pc_walk.ipa & PAGE_MASK, (uint64_t)INSNS_BEFORE * 4);

	if (c->pc_walk.end || back < INSNS_BEFORE * 4)
		return;
	if (!vm_read(vcpu->vm, ipa(c->pc_walk.ipa - back), c->insns, sizeof(c->insns)))
		c->nr_insns = ARCH_CRASH_INSNS;
}

static void capture_exits(const struct arch_vcpu *arch, struct arch_crash *c)
{
	c->nr_exits = MIN(arch->nr_exits, (unsigned int)ARCH_NR_EXITS);
	for (unsigned int i = 0; i < c->nr_exits; i++)
		c->exits[i] = arch->exits[(arch->nr_exits - c->nr_exits + i) % ARCH_NR_EXITS];
}

void arch_crash_capture(struct vcpu *vcpu, struct arch_crash *c)
{
	struct arch_vcpu *arch = &vcpu->arch;

	memset(c, 0, sizeof(*c));
	arch_vcpu_sync_sysregs(vcpu);
	c->frame = arch->frame;
	memcpy(c->sysregs, arch->sysregs, sizeof(c->sysregs));
	c->esr = (uint64_t)arch->trap.ec << ESR_EC_SHIFT | (arch->trap.il == 4 ? ESR_IL : 0) | arch->trap.iss;
	if (this_cpu()->arch.loaded == vcpu && is_abort(arch->trap.ec))
		c->far = sysreg_read(far_el2);
	c->at_vector = arch->trap.ec == EC_IABT_LOWER &&
		       is_at_vector(c->frame.elr, c->frame.spsr, arch_vcpu_sysreg(vcpu, ARCH_VBAR_EL1));
	c->first_esr = arch_vcpu_sysreg(vcpu, ARCH_ESR_EL1);
	c->first_pc = arch_vcpu_sysreg(vcpu, ARCH_ELR_EL1);
	walk_stage1(vcpu, c->frame.elr, &c->pc_walk);
	if (c->far)
		walk_stage1(vcpu, c->far, &c->far_walk);
	capture_insns(vcpu, c);
	capture_exits(arch, c);
}

static void show_frame(const struct trapframe *f)
{
	for (unsigned int i = 0; i < 28; i += 4)
		log_err("  x%-2u %016lx %016lx %016lx %016lx", i, f->x[i], f->x[i + 1], f->x[i + 2],
			f->x[i + 3]);
	log_err("  x28 %016lx %016lx %016lx", f->x[28], f->x[29], f->x[30]);
	log_err("  pc  %016lx spsr %08lx", f->elr, f->spsr);
}

static const char *what_of(uint64_t esr)
{
	unsigned int ec = ec_of(esr);

	if (ec == EC_IABT_LOWER || ec == EC_IABT_CUR)
		return "an instruction";
	return (esr & ABT_WNR) ? "a write" : "a read";
}

static void show_esr(const char *what, uint64_t esr)
{
	const char *class = esr_ec_name(ec_of(esr));

	if (is_abort(ec_of(esr)))
		log_err("  %s 0x%08lx: %s, %s of %s", what, esr, class, esr_fsc_name(esr & ABT_FSC_MASK),
			what_of(esr));
	else
		log_err("  %s 0x%08lx: %s", what, esr, class);
}

/*
 * The exception whose vector could not be fetched: the guest's registers still tell of it, because nothing
 * was injected since. It may be the guest's own, which EL2 has not seen.
 */
static void show_first(const struct arch_crash *c)
{
	static const char *const kinds[] = { "synchronous", "IRQ", "FIQ", "SError" };
	/* VBAR_EL1 is aligned to all of its vectors. */
	unsigned int kind = (unsigned int)(c->frame.elr / VECTOR_SIZE) % ARRAY_SIZE(kinds);

	log_err("  first exception: %s, at pc 0x%lx, to the vector at 0x%lx", kinds[kind], c->first_pc,
		c->frame.elr);
	if (kind != 0)
		return;
	show_esr("first exception: ESR", c->first_esr);
	if (ec_of(c->first_esr) == EC_FP)
		log_err("  FP/SIMD is off (CPACR_EL1)");
}

static void show_walk(const char *what, const struct arch_walk *w)
{
	if (!w->mmu_on)
		log_err("  %s 0x%lx: stage 1 is off", what, w->va);
	else
		log_err("  %s 0x%lx: stage 1%s%s", what, w->va, w->end ? ": " : " translates",
			w->end ? w->end : "");
	for (unsigned int i = 0; i < w->nr; i++)
		log_err("    level %d at IPA 0x%lx: %016lx", w->steps[i].level, w->steps[i].at,
			w->steps[i].desc);
	if (w->missing)
		log_err("    level %d at IPA 0x%lx: cannot be read", w->steps[w->nr].level,
			w->steps[w->nr].at);
	if (!w->end && w->in_stage2)
		log_err("    IPA 0x%lx, stage 2: PA 0x%lx", w->ipa, w->pa);
	else if (!w->end)
		log_err("    IPA 0x%lx, stage 2: nothing there", w->ipa);
}

static void show_insns(const struct arch_crash *c)
{
	if (c->nr_insns)
		log_err("  instructions: %08x %08x <%08x> %08x", c->insns[0], c->insns[1], c->insns[2],
			c->insns[3]);
	else
		log_err("  instructions: cannot be read");
}

void arch_crash_show(const struct arch_crash *c)
{
	show_frame(&c->frame);
	arch_vcpu_show_sysregs(c->sysregs);
	if (c->at_vector)
		show_first(c);
	show_esr("last exit: ESR", c->esr);
	show_insns(c);
	show_walk("pc", &c->pc_walk);
	if (c->far)
		show_walk("FAR", &c->far_walk);
	for (unsigned int i = 0; i < c->nr_exits; i++)
		log_err("  exit %d: ESR 0x%08lx (%s), pc 0x%lx", (int)i - (int)c->nr_exits, c->exits[i].esr,
			esr_ec_name(ec_of(c->exits[i].esr)), c->exits[i].pc);
}
