// SPDX-License-Identifier: MIT
/*
 * VMs: creation, start, and the ways they end; states in vm.h.
 *
 * A guest's request changes only the state, and takes its vCPUs off; vm_finish() does the rest from the
 * scheduler, on the CPU that the last of them leaves.
 */
#include "kernel/vm/vm.h"

#include "arch/cpu.h"
#include "arch/gic.h"
#include "arch/stage2.h"
#include "arch/tlb.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"
#include "kernel/hvc/pvtime.h"
#include "kernel/hvc/report.h"
#include "kernel/log.h"
#include "kernel/main.h"
#include "kernel/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/loader.h"
#include "kernel/vm/vcpu.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "schism/abi/hypercall.h"

/* Tables for 64 GiB in 2 MiB blocks, or for a few scattered megabytes in pages. */
#define STAGE2_QUOTA	80
#define PAGES_FOR(type)	DIV_ROUND_UP(sizeof(type), PAGE_SIZE)

struct vm *vms[CONFIG_MAX_VMS];
unsigned int nr_vms;
static bool ending;
static bool some_refused;

void vm_init(void)
{
	nr_vms = 0;
}

void vm_note_refused(void)
{
	some_refused = true;
}

uint64_t vm_vttbr(const struct vm *vm)
{
	return vm->stage2.pt.vttbr;
}

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = {
		[VM_STOPPED] = "stopped", [VM_RUNNING] = "running", [VM_STOPPING] = "stopping",
		[VM_RESETTING] = "resetting", [VM_CRASHING] = "crashing", [VM_CRASHED] = "crashed",
	};

	return names[state];
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
	vcpu->cpu_mask = ~UINT64_C(0);
	list_init(&vcpu->rq_link);
	list_init(&vcpu->wake_timer.link);
	return vcpu;
}

static void vm_destroy(struct vm *vm)
{
	vdev_destroy_all(vm);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		hyp_free_pages(vm->vcpus[i], PAGES_FOR(struct vcpu));
	loader_free(vm);
	pvtime_destroy(vm);
	hyp_free_pages(vm->spis, VGIC_SPI_PAGES);
	if (vm->ram.size)
		carveout_free(&vm->ram);
	stage2_destroy(&vm->stage2);
	hyp_free_pages(vm, PAGES_FOR(struct vm));
}

static int create_memory(struct vm *vm, const char **why)
{
	uint64_t guard = CONFIG_GUARD_PAGES_VM * PAGE_SIZE;
	int err;

	/* VMID 0 stays unused, so that a stale VTTBR_EL2 of 0 is nobody's. */
	*why = "no page-table pages left";
	err = stage2_init(&vm->stage2, (uint16_t)(vm->id + 1), arch_ipa_bits(), STAGE2_QUOTA);
	if (err)
		return err;
	*why = "not enough contiguous RAM";
	err = carveout_alloc(vm->desc.ram_size, guard, OWNER_VM(vm->id), &vm->ram);
	if (err)
		return err;
	*why = "its RAM does not fit its address space";
	err = stage2_map_ram(&vm->stage2, vm->desc.ram_ipa, vm->ram.base, vm->ram.size);
	if (err)
		return err;
	*why = "no page for its stolen-time records";
	return pvtime_create(vm);
}

static int create_vcpus(struct vm *vm, const char **why)
{
	*why = "no pages left for its vCPUs";
	vm->spis = hyp_alloc_pages(VGIC_SPI_PAGES);
	if (!vm->spis)
		return -ENOMEM;
	for (unsigned int i = 0; i < vm->desc.nr_vcpus; i++) {
		vm->vcpus[i] = vcpu_create(vm, i);
		if (!vm->vcpus[i])
			return -ENOMEM;
		vm->nr_vcpus++;
	}
	return 0;
}

static void reset_interrupts(struct vm *vm)
{
	spin_lock(&vm->vgic.lock);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vgic_vcpu_reset(vm->vcpus[i]);
	vgic_vm_reset(vm, vm->spis);
	spin_unlock(&vm->vgic.lock);
}

/* Everything that a reset does too: RAM, images, interrupts, devices, the boot vCPU. */
static int vm_prepare(struct vm *vm, const char **why)
{
	int err = loader_load(vm, why);

	if (err)
		return err;
	reset_interrupts(vm);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		arch_vcpu_reset(vm->vcpus[i], vm->entry.ipa, vm->dtb.ipa.ipa);
	vdev_reset_all(vm);
	/* The same VMID and address-space identifiers, but other tables. */
	arch_tlb_flush_vm(vm->stage2.pt.vttbr);
	return 0;
}

static void say_created(const struct vm *vm)
{
	const unsigned int *leaves = vm->stage2.pt.nr_leaves;

	log_info("%s: VM %u, VMID %u, %u vCPU(s), RAM %lu KiB at IPA 0x%lx = PA 0x%lx "
		 "(%u x 2 MiB, %u x 4 KiB)",
		 vm->name, vm->id, vm->stage2.vmid, vm->nr_vcpus, vm->ram.size >> 10, vm->desc.ram_ipa.ipa,
		 vm->ram.base.pa, leaves[2], leaves[3]);
}

int vm_create(const struct vm_desc *desc, struct vm **out, const char **why)
{
	struct vm *vm;
	int err;

	*why = "CONFIG_MAX_VMS VMs exist already";
	if (nr_vms == CONFIG_MAX_VMS)
		return -E2BIG;
	*why = "no pages left for the VM";
	vm = hyp_alloc_pages(PAGES_FOR(struct vm));
	if (!vm)
		return -ENOMEM;
	vm->id = nr_vms;
	vm->desc = *desc;
	vm->name = vm->desc.name;
	vm->nr_lrs = arch_vgic_nr_lrs();
	vm->vtimer_hw_intid = machine.timer_virt_intid;
	spin_init(&vm->lock, RANK_VM);
	spin_init(&vm->vgic.lock, RANK_VGIC);
	err = create_memory(vm, why);
	if (!err)
		err = create_vcpus(vm, why);
	if (!err) {
		/* Devices lower their lines even in a VM that is given up halfway. */
		reset_interrupts(vm);
		*why = "no room for its devices";
		err = vdev_create_all(vm);
	}
	if (!err)
		err = vm_prepare(vm, why);
	if (err) {
		vm_destroy(vm);
		return err;
	}
	vms[nr_vms++] = vm;
	say_created(vm);
	*out = vm;
	return 0;
}

void vm_start(struct vm *vm)
{
	spin_lock(&vm->lock);
	vm->state = VM_RUNNING;
	vm->nr_live_vcpus = 1;
	spin_unlock(&vm->lock);
	sched_start(vm->vcpus[0]);
}

bool vm_vcpu_gone(struct vm *vm)
{
	return __atomic_sub_fetch(&vm->nr_live_vcpus, 1, __ATOMIC_ACQ_REL) == 0;
}

static struct vcpu *find_vcpu(struct vm *vm, uint64_t affinity)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i]->affinity == affinity)
			return vm->vcpus[i];
	}
	return NULL;
}

int64_t vm_cpu_on(struct vm *vm, uint64_t affinity, uint64_t entry, uint64_t context)
{
	struct vcpu *target = find_vcpu(vm, affinity);
	int64_t result = PSCI_ALREADY_ON;

	if (!target)
		return PSCI_INVALID_PARAMETERS;
	if (entry < vm->desc.ram_ipa.ipa || entry - vm->desc.ram_ipa.ipa >= vm->desc.ram_size ||
	    (entry & 3))
		return PSCI_INVALID_ADDRESS;
	/* One at a time: of two that start the same vCPU, the second finds it on. */
	spin_lock(&vm->lock);
	if (vm->state != VM_RUNNING) {
		result = PSCI_DENIED;
	} else if (READ_ONCE(target->state) == VCPU_OFF) {
		__atomic_fetch_add(&vm->nr_live_vcpus, 1, __ATOMIC_RELAXED);
		arch_vcpu_reset(target, entry, context);
		sched_start(target);
		result = PSCI_SUCCESS;
	}
	spin_unlock(&vm->lock);
	return result;
}

int64_t vm_affinity_info(struct vm *vm, uint64_t affinity, unsigned int level)
{
	struct vcpu *target = find_vcpu(vm, affinity);

	/* From PSCI 1.0 on, levels above 0 need not be supported (5.1.5). */
	if (level || !target)
		return PSCI_INVALID_PARAMETERS;
	return READ_ONCE(target->state) == VCPU_OFF ? 1 : 0;
}

/* Leave VM_RUNNING for state: all vCPUs go off. False when the VM is leaving already. */
static bool vm_leave(struct vcpu *vcpu, enum vm_state state)
{
	struct vm *vm = vcpu->vm;
	bool first;

	spin_lock(&vm->lock);
	first = vm->state == VM_RUNNING;
	if (first)
		vm->state = state;
	spin_unlock(&vm->lock);
	for (unsigned int i = 0; first && i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i] != vcpu)
			sched_request_stop(vm->vcpus[i]);
	}
	sched_stop(vcpu);
	return first;
}

void vm_power_off(struct vcpu *vcpu)
{
	vm_leave(vcpu, VM_STOPPING);
}

void vm_reset(struct vcpu *vcpu)
{
	vm_leave(vcpu, VM_RESETTING);
}

static const char *crash_text(enum vm_crash_reason reason)
{
	static const char *const texts[] = {
		[VM_CRASH_NONE] = "none",
		[VM_CRASH_NO_VECTOR] = "an exception came, and the guest's vector for it cannot be fetched",
		[VM_CRASH_LOAD] = "its images could not be loaded again",
	};

	return texts[reason];
}

void vm_crash(struct vcpu *vcpu, enum vm_crash_reason reason)
{
	struct vm *vm = vcpu->vm;

	if (!vm_leave(vcpu, VM_CRASHING))
		return;
	vm->crash_reason = reason;
	log_err("%s: CRASHED on vCPU %u: %s", vm->name, vcpu->id, crash_text(reason));
	arch_vcpu_dump(vcpu);
	guest_shared_dump(vm);
}

static void finish_reset(struct vm *vm)
{
	const char *why;

	if (vm_prepare(vm, &why)) {
		log_err("%s: CRASHED: %s: %s", vm->name, crash_text(VM_CRASH_LOAD), why);
		vm->crash_reason = VM_CRASH_LOAD;
		vm->state = VM_CRASHED;
		return;
	}
	vm->resets++;
	log_info("%s: reset (%lu so far)", vm->name, vm->resets);
	vm_start(vm);
}

static void end_machine(void)
{
	bool good = !some_refused;

	for (unsigned int i = 0; i < nr_vms; i++) {
		const struct vm *vm = vms[i];
		uint64_t switches = 0, us = 0;

		for (unsigned int v = 0; v < vm->nr_vcpus; v++) {
			switches += vm->vcpus[v]->nr_switches;
			us += timer_ticks_to_us(vm->vcpus[v]->run_ticks);
		}
		log_info("%s: %s, %lu switches, %lu us on CPU", vm->name, vm_state_name(vm->state), switches,
			 us);
		good = good && vm->state == VM_STOPPED && !vm->failures;
	}
	log_info("all VMs are off: powering off, %s", good ? "success" : "failure");
	machine_end(good ? 0 : 1);
}

static bool is_alive(const struct vm *vm)
{
	enum vm_state state = READ_ONCE(vm->state);

	return state != VM_STOPPED && state != VM_CRASHED;
}

static void end_machine_if_all_off(void)
{
	for (unsigned int i = 0; i < nr_vms; i++) {
		if (is_alive(vms[i]))
			return;
	}
	/* Of two CPUs that see this at the same time, one does it. */
	if (!__atomic_exchange_n(&ending, true, __ATOMIC_ACQ_REL))
		end_machine();
}

void vm_finish(struct vm *vm)
{
	switch (vm->state) {
	case VM_STOPPING:
		vdev_reset_all(vm);
		guest_shared_dump(vm);
		log_info("%s: off, %lu reports, %lu failed", vm->name, vm->reports, vm->failures);
		__atomic_store_n(&vm->state, VM_STOPPED, __ATOMIC_RELEASE);
		break;
	case VM_CRASHING:
		vdev_reset_all(vm);
		__atomic_store_n(&vm->state, VM_CRASHED, __ATOMIC_RELEASE);
		break;
	case VM_RESETTING:
		finish_reset(vm);
		break;
	default:
		/* All vCPUs switched themselves off: nobody is left who could switch one on again. */
		vdev_reset_all(vm);
		log_warn("%s: all its vCPUs are off", vm->name);
		__atomic_store_n(&vm->state, VM_STOPPED, __ATOMIC_RELEASE);
		break;
	}
	end_machine_if_all_off();
}
