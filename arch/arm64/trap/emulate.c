// SPDX-License-Identifier: MIT
/*
 * Loads and stores without a valid syndrome (Arm ARM D19.2, ISS encoding for a Data Abort, ISV): pairs, and
 * those with writeback. The instruction is read from the guest's memory, through the guest's tables. It need
 * not be the one that faulted: the guest may have changed either since. So it counts only if the address, the
 * size and the direction that it asks for are those of the fault; docs/design/emulated-access.md.
 */
#include "arch/arm64/trap/emulate.h"

#include "arch/arm64/diag/walk.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/ldst.h"
#include "arch/crash.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"

#define SP	31

static enum trap_outcome refuse(struct emulation *e, const char *why)
{
	e->why = why;
	return TRAP_ABORT;
}

/* TRAP_SKIP: it has been read. Instructions are little-endian always (B2.6.1). */
static enum trap_outcome fetch(struct vcpu *vcpu, struct emulation *e)
{
	struct arch_walk w;
	int err;

	walk_stage1(vcpu, vcpu->arch.frame.elr, &w);
	/* Unmapped since: if so, the guest's next fetch faults in the guest. */
	if (w.end && w.nr > 0 && !w.missing)
		return TRAP_RESUME;
	if (w.end)
		return refuse(e, "its PC cannot be translated");
	err = vm_read(vcpu->vm, ipa(w.ipa), &e->insn, sizeof(e->insn));
	if (err == -EFAULT)
		return TRAP_RESUME;
	return err ? refuse(e, "its instruction cannot be read") : TRAP_SKIP;
}

static uint64_t base_of(const struct vcpu *vcpu, const struct emulation *e, const struct ldst *l)
{
	return l->rn == SP ? e->sp : vcpu_reg(vcpu, l->rn);
}

static void write_back(struct vcpu *vcpu, struct emulation *e, const struct ldst *l, uint64_t base)
{
	if (l->rn == SP)
		e->sp = base;
	else
		vcpu_set_reg(vcpu, l->rn, base);
}

/* FAR_EL2 is some address of the access; its upper eight bits may be a tag, and may be missing. */
static bool agrees(const struct emulation *e, const struct ldst *l, uint64_t at)
{
	return l->load != e->write && ((e->far - at) & GENMASK(55, 0)) < (uint64_t)l->size * l->nr;
}

static struct vdev_access element(const struct emulation *e, const struct ldst *l, uint64_t at,
				  unsigned int i)
{
	return (struct vdev_access){
		.ipa = (e->ipa & ~PAGE_MASK) + (at & PAGE_MASK) + i * l->size,
		.size = l->size, .write = !l->load,
	};
}

/* All of it lies in one page, and the device has each part of it: then nothing fails half-way. */
static bool is_allowed(struct vcpu *vcpu, struct emulation *e, const struct ldst *l, uint64_t at)
{
	e->why = "it crosses a page";
	if ((at & PAGE_MASK) + (uint64_t)l->size * l->nr > PAGE_SIZE)
		return false;
	e->why = "no such register, or size";
	for (unsigned int i = 0; i < l->nr; i++) {
		struct vdev_access access = element(e, l, at, i);

		if (!vdev_allows(vcpu, &access))
			return false;
	}
	return true;
}

static uint64_t in_order(const struct emulation *e, uint64_t val, unsigned int size)
{
	return e->big_endian ? mmio_swap(val, size) : val;
}

static bool perform(struct vcpu *vcpu, struct emulation *e, const struct ldst *l, uint64_t at)
{
	uint64_t mask = UINT64_MAX >> (64 - 8 * l->size), vals[2];

	for (unsigned int i = 0; i < l->nr; i++) {
		vcpu->access = element(e, l, at, i);
		if (!l->load)
			vcpu->access.val = in_order(e, vcpu_reg(vcpu, l->rt[i]) & mask, l->size);
		if (!vdev_access(vcpu, &vcpu->access))
			return false;
		vals[i] = in_order(e, vcpu->access.val & mask, l->size);
	}
	for (unsigned int i = 0; i < l->nr && l->load; i++)
		vcpu_set_reg(vcpu, l->rt[i], ldst_extend(l, vals[i]));
	return true;
}

enum trap_outcome emulate_access(struct vcpu *vcpu, struct emulation *e)
{
	enum trap_outcome fetched;
	uint64_t base, moved, at;
	struct ldst l;

	if (vcpu->arch.frame.spsr & PSR_AARCH32)
		return refuse(e, "AArch32 is not decoded");
	fetched = fetch(vcpu, e);
	if (fetched != TRAP_SKIP)
		return fetched;
	if (!ldst_is_memory(e->insn))
		return TRAP_RESUME;
	if (!ldst_decode(e->insn, &l))
		return refuse(e, "not an instruction that is emulated");
	base = base_of(vcpu, e, &l);
	moved = base + (uint64_t)ldst_offset(&l, vcpu_reg(vcpu, l.rm));
	at = l.post ? base : moved;
	if (!agrees(e, &l, at))
		return TRAP_RESUME;
	if (!is_allowed(vcpu, e, &l, at) || !perform(vcpu, e, &l, at))
		return TRAP_ABORT;
	if (l.writeback)
		write_back(vcpu, e, &l, moved);
	return TRAP_SKIP;
}
