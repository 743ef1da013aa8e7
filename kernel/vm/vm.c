// SPDX-License-Identifier: MIT
/*
 * What a VM is made of: the table of VMs, and giving one its memory, vCPUs and devices and taking them back.
 * When that happens is decided in lifecycle.c.
 */
#include "kernel/vm/vm.h"

#include "arch/gic.h"
#include "arch/stage2.h"
#include "arch/tlb.h"
#include "arch/vcpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/log.h"
#include "kernel/hvc/pvtime.h"
#include "kernel/hvc/report.h"
#include "kernel/load/loader.h"
#include "kernel/platform/this_machine.h"
#include "kernel/sched/sched.h"
#include "kernel/vdev/shared_memory.h"
#include "kernel/vm/abort_log.h"
#include "kernel/vm/lifecycle.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vmtime.h"
#include "lib/errno.h"
#include "lib/string.h"

/* Tables for 64 GiB in 2 MiB blocks, or for a few scattered megabytes in pages. */
#define STAGE2_QUOTA	80
/* Some 5,000 instructions where DC ZVA works. */
#define VM_CLEAR_STEP	KIB(128)
#define PAGES_FOR(type)	DIV_ROUND_UP(sizeof(type), PAGE_SIZE)

_Static_assert(CONFIG_MAX_VMS * VM_MAX_REGIONS + SHARED_MAX_WINDOWS <= PAGE_MAX_CARVEOUTS,
	       "all VMs can have all regions");

struct vm *vms[CONFIG_MAX_VMS];
unsigned int nr_vms;

void vm_init(void)
{
	nr_vms = 0;
}

struct vm *vm_find(const char *name)
{
	for (unsigned int i = 0; i < nr_vms; i++) {
		if (!strcmp(vms[i]->name, name))
			return vms[i];
	}
	return NULL;
}

/* ---- fixed physical places ---- */

static void free_fixed(struct vm *vm, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (vm->desc.regions[i].fixed)
			carveout_free(&vm->fixed[i]);
	}
}

/*
 * RAM at a fixed place is taken when the VM is defined and kept for it, by EL2, while the VM has none: or
 * else it would depend on who starts first whether the place is free.
 */
static int take_fixed(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->desc.nr_regions; i++) {
		const struct vm_region *r = &vm->desc.regions[i];

		if (r->fixed && carveout_take(r->pa, r->size, OWNER_HYP, &vm->fixed[i])) {
			free_fixed(vm, i);
			return -ENOMEM;
		}
	}
	return 0;
}

int vm_define(const struct vm_desc *desc, struct vm **out, const char **why)
{
	struct vm *vm;

	*why = "CONFIG_MAX_VMS VMs exist already";
	if (nr_vms == CONFIG_MAX_VMS)
		return -E2BIG;
	*why = "no pages left for the VM";
	vm = hyp_alloc_pages(PAGES_FOR(struct vm));
	if (!vm)
		return -ENOMEM;
	vm->id = nr_vms;
	vm->desc = *desc;
	if (!desc->nr_regions) {
		vm->desc.regions[0] = (struct vm_region){ .ipa = desc->ram_ipa, .size = desc->ram_size };
		vm->desc.nr_regions = 1;
	}
	vm->name = vm->desc.name;
	*why = "memory: the fixed physical range is not free RAM";
	if (take_fixed(vm)) {
		hyp_free_pages(vm, PAGES_FOR(struct vm));
		return -ENOMEM;
	}
	vm->vtimer_hw_intid = machine.timer_virt_intid;
	spin_init(&vm->lock, RANK_VM);
	vgic_vm_init(vm);
	lifecycle_init(vm);
	report_init(vm);
	abort_log_init(vm);
	vms[nr_vms++] = vm;
	*out = vm;
	return 0;
}

uint64_t vm_vttbr(const struct vm *vm)
{
	return vm->stage2.pt.vttbr;
}

/* ---- memory ---- */

/* A place for each region. */
static int reserve_memory(struct vm *vm, const char **why)
{
	int err;

	/* VMID 0 stays unused, so that a stale VTTBR_EL2 of 0 is nobody's. There are more VMIDs than VMs. */
	*why = "no page-table pages left";
	err = stage2_init(&vm->stage2, (uint16_t)(vm->id + 1), arch_ipa_bits(), STAGE2_QUOTA);
	*why = err ? *why : "not enough contiguous RAM";
	for (unsigned int i = 0; !err && i < vm->desc.nr_regions; i++) {
		const struct vm_region *r = &vm->desc.regions[i];

		if (r->fixed)
			vm->ram[i] = vm->fixed[i];
		else
			err = carveout_reserve(r->size, CONFIG_GUARD_PAGES_VM * PAGE_SIZE, &vm->ram[i]);
	}
	return err;
}

/* Another part of it becomes the VM's, by its records and in stage 2. */
static int own_some(struct vm *vm, const char **why)
{
	struct vm_load *at = &vm->load;
	const struct vm_region *r = &vm->desc.regions[at->piece];
	const struct carveout *c = &vm->ram[at->piece];
	uint64_t size = MIN(c->size - at->written, CARVEOUT_STEP);
	uint64_t from = at->written;

	at->written += size;
	if (at->written == c->size) {
		at->piece++;
		at->written = 0;
	}
	carveout_own(c, from, size, OWNER_VM(vm->id));
	*why = "its RAM does not fit its address space";
	return stage2_map_ram(&vm->stage2, ipa_add(r->ipa, from), pa_add(c->base, from), size);
}

/* ---- and back ---- */

/* What has been written is cleared; false: nothing is left to be. */
static bool clear_some(struct vm *vm)
{
	struct vm_release *at = &vm->release;
	const struct vm_region *r;
	struct carveout *c;
	uint64_t size;

	while (at->region < vm->desc.nr_regions && !vm->ram[at->region].dirty)
		at->region++;
	/* Without vCPUs it has not been written, nor is all of it mapped perhaps. */
	if (!vm->nr_vcpus || at->region == vm->desc.nr_regions)
		return false;
	r = &vm->desc.regions[at->region];
	c = &vm->ram[at->region];
	size = MIN(r->size - at->cleared, VM_CLEAR_STEP);
	if (vm_zero(vm, ipa_add(r->ipa, at->cleared), size)) {
		/* No window: it goes back dirty. */
		at->region = vm->desc.nr_regions;
		return false;
	}
	at->cleared += size;
	if (at->cleared == r->size) {
		c->dirty = false;
		at->cleared = 0;
	}
	return true;
}

/* To EL2, which keeps it for the VM. */
static bool give_fixed_some(struct vm *vm, unsigned int i)
{
	struct carveout *c = &vm->ram[i];
	uint64_t from = vm->fixed[i].size - c->size, size = MIN(c->size, CARVEOUT_STEP);

	vm->fixed[i].dirty = c->dirty;
	carveout_own(&vm->fixed[i], from, size, OWNER_HYP);
	c->size -= size;
	return true;
}

/* False: there is nothing left. */
static bool give_back_some(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->desc.nr_regions; i++) {
		if (!vm->ram[i].size)
			continue;
		if (vm->desc.regions[i].fixed)
			return give_fixed_some(vm, i);
		carveout_free_some(&vm->ram[i]);
		return true;
	}
	return false;
}

/* ---- vCPUs ---- */

/* CPUs that a vCPU may run on: as its description says, but at least one that there is. */
static uint64_t cpus_for(const struct vm *vm, unsigned int id)
{
	uint64_t mask = vm->desc.cpu_mask[id], online = 0;

	for_each_online_cpu(cpu)
		online |= BIT(cpu->id);
	if (mask && !(mask & online))
		log_warn("%s: vCPU %u: none of its cpus is online; it may run on all", vm->name, id);
	return mask & online ? mask : ~UINT64_C(0);
}

/* vCPU n has affinity n: what device trees and seL4 builds expect. */
static struct vcpu *vcpu_create(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = hyp_alloc_pages(PAGES_FOR(struct vcpu));

	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->affinity = id;
	vcpu->state = VCPU_OFF;
	vcpu->cpu = this_cpu();
	vcpu->cpu_mask = cpus_for(vm, id);
	list_init(&vcpu->rq_link);
	vgic_vcpu_init(vcpu);
	sched_vcpu_init(vcpu);
	return vcpu;
}

static int acquire_vcpu(struct vm *vm, const char **why)
{
	struct vcpu *vcpu;

	*why = "no pages left for its vCPUs";
	if (!vm->spis)
		vm->spis = hyp_alloc_pages(VGIC_SPI_PAGES);
	vcpu = vm->spis ? vcpu_create(vm, vm->nr_vcpus) : NULL;
	if (!vcpu)
		return -ENOMEM;
	/* Who looks at the VM from outside finds it whole, or not at all. */
	spin_lock(&vm->lock);
	vm->vcpus[vm->nr_vcpus] = vcpu;
	vm->nr_vcpus++;
	spin_unlock(&vm->lock);
	return 0;
}

static void release_vcpu(struct vm *vm)
{
	vm->nr_vcpus--;
	sched_forget(vm->vcpus[vm->nr_vcpus]);
	hyp_free_pages(vm->vcpus[vm->nr_vcpus], PAGES_FOR(struct vcpu));
	vm->vcpus[vm->nr_vcpus] = NULL;
}

/* ---- all of it ---- */

static void say_acquired(const struct vm *vm)
{
	const unsigned int *leaves = vm->stage2.pt.nr_leaves;

	log_info("%s: VM %u, VMID %u, %u vCPU(s), RAM %lu KiB at IPA 0x%lx = PA 0x%lx "
		 "(%u x 2 MiB, %u x 4 KiB)",
		 vm->name, vm->id, vm->stage2.vmid, vm->nr_vcpus, vm->ram[0].size >> 10, vm->desc.ram_ipa.ipa,
		 vm->ram[0].base.pa, leaves[2], leaves[3]);
	for (unsigned int i = 1; i < vm->desc.nr_regions; i++)
		log_info("%s: RAM %lu KiB at IPA 0x%lx = PA 0x%lx", vm->name, vm->ram[i].size >> 10,
			 vm->desc.regions[i].ipa.ipa, vm->ram[i].base.pa);
}

/* One vCPU; then what needs all of them. */
static int acquire_people(struct vm *vm, const char **why)
{
	if (vm->nr_vcpus < vm->desc.nr_vcpus)
		return acquire_vcpu(vm, why);
	vm->load.phase = VM_LOAD_DEVICES;
	vm->nr_lrs = arch_vgic_nr_lrs();
	memset(vm->last_vcpu, 0, sizeof(vm->last_vcpu));
	/* Devices lower their lines even in a VM that is given up halfway. */
	vgic_reset(vm, vm->spis);
	*why = "no page for its stolen-time records";
	return pvtime_create(vm);
}

static int acquire_devices(struct vm *vm, const char **why)
{
	int err;

	*why = "no room for its devices";
	err = vdev_create_all(vm);
	if (err)
		return err;
	say_acquired(vm);
	vm->load.phase = VM_LOAD_PLAN;
	return 0;
}

int vm_acquire_step(struct vm *vm, const char **why)
{
	struct vm_load *load = &vm->load;

	switch (load->phase) {
	case VM_LOAD_ACQUIRE:
		load->piece = 0;
		load->written = 0;
		load->phase = VM_LOAD_OWN;
		return reserve_memory(vm, why);
	case VM_LOAD_OWN:
		if (load->piece < vm->desc.nr_regions)
			return own_some(vm, why);
		load->phase = VM_LOAD_PEOPLE;
		return 0;
	case VM_LOAD_PEOPLE:
		return acquire_people(vm, why);
	default:
		return acquire_devices(vm, why);
	}
}

int vm_acquire(struct vm *vm, const char **why)
{
	int err = 0;

	vm->load.phase = VM_LOAD_ACQUIRE;
	while (!err && vm->load.phase < VM_LOAD_PLAN)
		err = vm_acquire_step(vm, why);
	if (err)
		vm_release(vm);
	return err;
}

/* One vCPU, or the rest, or a table of stage 2; false: nothing but memory is left. Lock held. */
static bool release_some(struct vm *vm)
{
	if (vm->nr_vcpus) {
		release_vcpu(vm);
		return true;
	}
	if (vm->spis) {
		hyp_free_pages(vm->spis, VGIC_SPI_PAGES);
		vm->spis = NULL;
	}
	loader_free(vm);
	pvtime_destroy(vm);
	return stage2_destroy_some(&vm->stage2);
}

bool vm_release_step(struct vm *vm)
{
	bool more = true;

	/* Who looks at the VM from outside holds the lock. */
	if (!vm->release.begun) {
		vm->release = (struct vm_release){ .begun = true };
		spin_lock(&vm->lock);
		vdev_destroy_all(vm);
		spin_unlock(&vm->lock);
		return true;
	}
	if (clear_some(vm))
		return true;
	spin_lock(&vm->lock);
	more = release_some(vm);
	spin_unlock(&vm->lock);
	if (more || give_back_some(vm))
		return true;
	vm->release.begun = false;
	return false;
}

void vm_release(struct vm *vm)
{
	while (vm_release_step(vm))
		;
}

void vm_power_on(struct vm *vm)
{
	vmtime_reset(vm);
	vgic_reset(vm, vm->spis);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		arch_vcpu_reset(vm->vcpus[i], &vm->entry);
	vdev_reset_all(vm);
	/* The same VMID and address-space identifiers, but other tables. */
	arch_tlb_flush_vm(vm->stage2.pt.vttbr);
}
