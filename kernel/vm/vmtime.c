// SPDX-License-Identifier: MIT
/* When a VM's clock stands, and what of it follows; see vmtime.h. */
#include "kernel/vm/vmtime.h"

#include "arch/cpu.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

uint64_t vmtime_now(const struct vm *vm)
{
	/*
	 * Acquire: stood_since is that of this stop. While the clock is let go, time may seem to be earlier.
	 */
	bool stands = __atomic_load_n(&vm->clock_stands, __ATOMIC_ACQUIRE);

	return (stands ? READ_ONCE(vm->stood_since) : arch_counter()) - READ_ONCE(vm->cntvoff);
}

uint64_t vmtime_to_counter(const struct vm *vm, uint64_t at)
{
	uint64_t offset = READ_ONCE(vm->cntvoff);

	/* A value that the offset carries beyond the counter's end never comes. */
	return at > UINT64_MAX - offset ? UINT64_MAX : at + offset;
}

void vmtime_reset(struct vm *vm)
{
	WRITE_ONCE(vm->cntvoff, 0);
	__atomic_store_n(&vm->clock_stands, false, __ATOMIC_RELEASE);
}

static bool is_on_a_cpu(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (READ_ONCE(vm->vcpus[i]->state) == VCPU_RUNNING)
			return true;
	}
	return false;
}

void vmtime_stop_if_left(struct vm *vm)
{
	if (vm->state != VM_PAUSED || vm->clock_stands || is_on_a_cpu(vm))
		return;
	WRITE_ONCE(vm->stood_since, arch_counter());
	__atomic_store_n(&vm->clock_stands, true, __ATOMIC_RELEASE);
	vdev_clock_all(vm);
}

void vmtime_go(struct vm *vm)
{
	if (!vm->clock_stands)
		return;
	WRITE_ONCE(vm->cntvoff, vm->cntvoff + arch_counter() - vm->stood_since);
	__atomic_store_n(&vm->clock_stands, false, __ATOMIC_RELEASE);
	vdev_clock_all(vm);
}
