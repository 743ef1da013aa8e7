// SPDX-License-Identifier: MIT
/* What PSCI asks of the vCPUs of a running VM (DEN0022, section 5). */
#include "arch/vcpu.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "schism/abi/hypercall.h"

static struct vcpu *find_vcpu(struct vm *vm, uint64_t affinity)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i]->affinity == affinity)
			return vm->vcpus[i];
	}
	return NULL;
}

static bool is_entry(const struct vm *vm, uint64_t entry)
{
	return vm_has_ram(vm, entry, sizeof(uint32_t)) && !(entry & 3);
}

int64_t vm_cpu_on(struct vm *vm, uint64_t affinity, uint64_t entry, uint64_t context)
{
	struct vcpu *target = find_vcpu(vm, affinity);
	int64_t result = PSCI_ALREADY_ON;

	if (!target)
		return PSCI_INVALID_PARAMETERS;
	if (!is_entry(vm, entry))
		return PSCI_INVALID_ADDRESS;
	/* One at a time: of two that start the same vCPU, the second finds it on. */
	spin_lock(&vm->lock);
	if (vm->state != VM_RUNNING && vm->state != VM_PAUSED) {
		result = PSCI_DENIED;
	} else if (__atomic_load_n(&target->state, __ATOMIC_ACQUIRE) == VCPU_OFF) {
		/* Acquire: what its last CPU did to it is done; pairs with set_off(). */
		__atomic_fetch_add(&vm->nr_live_vcpus, 1, __ATOMIC_RELAXED);
		arch_vcpu_reset(target, &(struct vm_entry){ .pc = entry, .args = { context },
							    .big_endian = arch_el1_is_big_endian() });
		sched_start(target);
		if (vm->state == VM_PAUSED)
			sched_pause(target);
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

static bool others_are_off(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;

	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i] != vcpu && READ_ONCE(vm->vcpus[i]->state) != VCPU_OFF)
			return false;
	}
	return true;
}

int64_t vm_system_suspend(struct vcpu *vcpu, uint64_t entry, uint64_t context)
{
	if (!is_entry(vcpu->vm, entry))
		return PSCI_INVALID_ADDRESS;
	/* Only one that is on can switch another one on: none does until this one goes on. */
	if (!others_are_off(vcpu))
		return PSCI_DENIED;
	vcpu->suspended = true;
	vcpu->resume_entry = entry;
	vcpu->resume_context = context;
	vcpu->resume_big_endian = arch_el1_is_big_endian();
	sched_block(vcpu);
	return PSCI_SUCCESS;
}
