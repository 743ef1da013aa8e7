// SPDX-License-Identifier: MIT
/*
 * Schism's invariants, each stated once more where all of its parties can be seen:
 *
 *   locks        this CPU holds none, and each comes free or changes hands
 *   run queues   hold as many vCPUs as they count, all READY and theirs
 *   vCPUs        are on a queue, on a CPU or on none, as their state says; as many live as the VM counts,
 *                and none of a VM that has ended
 *   interrupts   vgic_check()
 *   memory       page_check(); each page of a VM's RAM is that VM's by its record, where stage 2 maps it, and
 *                no further page is
 *
 * Other CPUs go on meanwhile. What they pass through while a vCPU moves is no error: what looks wrong is
 * looked at again for a while. What a lock guards is read under it.
 */
#include "kernel/check/invariants.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/log.h"
#include "kernel/base/timer.h"
#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

/*
 * Where QEMU has fewer host threads that run than CPUs, one may stop anywhere, with a lock held, for as long
 * as the host likes. Only what is broken is waited for to the end.
 */
#define SETTLE_US	1000000

static unsigned int nr_broken;

#define BROKEN(fmt, ...)							\
	do {									\
		nr_broken++;							\
		log_err("invariants: " fmt, ##__VA_ARGS__);			\
	} while (0)

static bool settles(bool (*holds)(const void *), const void *arg)
{
	uint64_t end = arch_counter() + timer_us_to_ticks(SETTLE_US);

	while (!holds(arg)) {
		if (arch_counter() > end)
			return false;
		arch_cpu_relax();
	}
	return true;
}

/* ---- locks ---- */

struct lock_view {
	const struct spinlock *lock;
	uint32_t sequence;
};

/* One that many want may be held at each look; but then it changes hands. */
static bool is_free_or_moves(const void *arg)
{
	const struct lock_view *view = arg;

	return !spin_is_held(view->lock) || spin_sequence(view->lock) != view->sequence;
}

static bool is_stuck(const struct spinlock *lock)
{
	struct lock_view view = { lock, spin_sequence(lock) };

	return !settles(is_free_or_moves, &view);
}

static void check_locks(void)
{
	if (this_cpu()->locks_held)
		BROKEN("CPU %u holds locks of ranks 0x%x", this_cpu()->id, this_cpu()->locks_held);
	for_each_online_cpu(cpu) {
		if (is_stuck(&cpu->rq.lock))
			BROKEN("the run queue of CPU %u stays locked", cpu->id);
		if (is_stuck(&cpu->timers.lock))
			BROKEN("the timers of CPU %u stay locked", cpu->id);
	}
	for (unsigned int i = 0; i < nr_vms; i++) {
		if (is_stuck(&vms[i]->lock) || is_stuck(&vms[i]->vgic.lock))
			BROKEN("%s stays locked", vms[i]->name);
	}
}

/* ---- scheduling ---- */

static void check_queue(struct cpu *cpu)
{
	const char *why = sched_check(cpu);

	if (why)
		BROKEN("CPU %u: %s (%u)", cpu->id, why, READ_ONCE(cpu->rq.nr_queued));
}

static bool is_where_its_state_says(const void *arg)
{
	const struct vcpu *vcpu = arg;
	bool queued = !list_looks_empty(&vcpu->rq_link);

	switch (READ_ONCE(vcpu->state)) {
	case VCPU_READY:
		return queued != READ_ONCE(vcpu->parked);
	case VCPU_RUNNING:
		return !queued && READ_ONCE(READ_ONCE(vcpu->cpu)->current) == vcpu;
	case VCPU_OFF:
		return !queued && !READ_ONCE(vcpu->parked) && !timer_is_armed(&vcpu->wake_timer);
	default:
		return !queued;
	}
}

static bool counts_its_live_vcpus(const void *arg)
{
	const struct vm *vm = arg;
	unsigned int live = 0;

	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		live += READ_ONCE(vm->vcpus[i]->state) != VCPU_OFF;
	return live == READ_ONCE(vm->nr_live_vcpus);
}

static void check_vcpus(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (!settles(is_where_its_state_says, vm->vcpus[i]))
			BROKEN("%s, vCPU %u: not where its state %u says", vm->name, i, vm->vcpus[i]->state);
	}
	if (!settles(counts_its_live_vcpus, vm))
		BROKEN("%s: counts %u live vCPUs", vm->name, vm->nr_live_vcpus);
	if ((vm->state == VM_STOPPED || vm->state == VM_CRASHED) && READ_ONCE(vm->nr_live_vcpus))
		BROKEN("%s: is %s, and %u vCPUs live", vm->name, vm_state_name(vm->state), vm->nr_live_vcpus);
}

/* ---- memory ---- */

/* One leaf's part of a region: mapped where it belongs, and the VM's own. Returns its end. */
static uint64_t check_leaf(struct vm *vm, unsigned int region, uint64_t offset)
{
	const struct vm_region *r = &vm->desc.regions[region];
	pa_t want = pa(vm->ram[region].base.pa + offset);
	struct pgtable_leaf leaf;
	uint64_t end;

	if (pgtable_lookup(&vm->stage2.pt, r->ipa.ipa + offset, &leaf) || leaf.pa.pa != want.pa) {
		BROKEN("%s: IPA 0x%lx is not mapped to its page", vm->name, r->ipa.ipa + offset);
		return r->size;
	}
	end = MIN(r->size, offset + pte_level_size(leaf.level));
	for (; offset < end; offset += PAGE_SIZE) {
		const struct page *page = page_record(pa(vm->ram[region].base.pa + offset));

		if (!page || page->owner != OWNER_VM(vm->id) || page->state != PAGE_OWNED) {
			BROKEN("%s: IPA 0x%lx is mapped to a page that is not its own", vm->name,
			       r->ipa.ipa + offset);
			return r->size;
		}
	}
	return end;
}

/* Pages of each owner, of one look at all of them. */
static uint64_t owners[OWNER_VM(CONFIG_MAX_VMS)];

static void check_memory(struct vm *vm)
{
	uint64_t owned = 0;

	for (unsigned int i = 0; i < vm->desc.nr_regions; i++) {
		for (uint64_t at = 0; vm->ram[i].size && at < vm->desc.regions[i].size;)
			at = check_leaf(vm, i, at);
		owned += vm->ram[i].size / PAGE_SIZE;
	}
	/* Counted for all VMs at once before; this one may have changed since. */
	if (owners[OWNER_VM(vm->id)] != owned && page_count(OWNER_VM(vm->id)) != owned)
		BROKEN("%s: %lu pages are its own, its RAM has %lu", vm->name,
		       page_count(OWNER_VM(vm->id)), owned);
}

/* NULL, or what does not hold of its interrupts. */
static const char *check_interrupts(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (is_stuck(&vm->vcpus[i]->vgic.lock))
			return "the interrupts of a vCPU stay locked";
	}
	return vm->nr_vcpus ? vgic_check(vm) : NULL;
}

static void check_vm(struct vm *vm)
{
	const char *why;

	spin_lock(&vm->lock);
	/* Being loaded or taken apart, it is the job's. */
	if (vm->state != VM_LOADING && vm->state != VM_STOPPING) {
		check_vcpus(vm);
		check_memory(vm);
		why = check_interrupts(vm);
		if (why)
			BROKEN("%s: %s", vm->name, why);
	}
	spin_unlock(&vm->lock);
}

bool invariants_check(void)
{
	const char *why;

	nr_broken = 0;
	check_locks();
	/* Behind a lock that never comes free nothing else can be looked at. */
	if (nr_broken)
		return false;
	for_each_online_cpu(cpu)
		check_queue(cpu);
	page_count_owners(owners, ARRAY_SIZE(owners));
	for (unsigned int i = 0; i < nr_vms; i++)
		check_vm(vms[i]);
	why = page_check();
	if (why)
		BROKEN("%s", why);
	if (!nr_broken)
		log_info("invariants: clean");
	return !nr_broken;
}
