// SPDX-License-Identifier: MIT
/*
 * The end of the machine: when its last VM is off, or a VM's policy says so. Two things keep it: VMs of the
 * package that are yet to be started, and somebody at the shell. When they let go, what was put off is looked
 * at again.
 */
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/check/invariants.h"
#include "kernel/console/console.h"
#include "kernel/vm/lifecycle.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vcpu_view.h"
#include "kernel/vm/vm.h"

static bool ending;
static bool some_refused;
static bool kept;			/* VMs of the package are yet to be started */
static bool end_waits;			/* the last VM may have ended meanwhile */

void vm_note_refused(void)
{
	WRITE_ONCE(some_refused, true);
}

/* It may be on its way there still. Context: lock held. */
static bool has_crashed(const struct vm *vm)
{
	return vm->state == VM_CRASHED || (vm->state == VM_STOPPING && READ_ONCE(vm->goal) == VM_CRASHED);
}

/* Another VM of the machine that ends may still be taken apart. */
static bool say_end(struct vm *vm)
{
	uint64_t switches = 0, us = 0;
	bool good;

	spin_lock(&vm->lock);
	for (unsigned int v = 0; v < vm->nr_vcpus; v++) {
		switches += READ_ONCE(vm->vcpus[v]->nr_switches);
		us += vcpu_run_us(vm->vcpus[v]);
	}
	log_info("%s: %s, %lu switches, %lu us on CPU", vm->name, vm_state_name(vm->state), switches, us);
	good = !has_crashed(vm) && !READ_ONCE(vm->failures);
	spin_unlock(&vm->lock);
	return good;
}

static bool say_ends(void)
{
	bool good = !READ_ONCE(some_refused);

	for (unsigned int i = 0; i < nr_vms; i++)
		good = say_end(vms[i]) && good;
	return good;
}

static void end_as(const char *why, bool good)
{
	if (!good) {
		log_info("%s: failure", why);
		machine_fail();
	}
	log_info("%s: powering off, success", why);
	machine_end();
}

/* Of two CPUs that come to it at the same time, one does it. */
static bool i_end_it(void)
{
	return !__atomic_exchange_n(&ending, true, __ATOMIC_ACQ_REL);
}

void end_machine(const char *why, bool good)
{
	if (!i_end_it())
		return;
	good = say_ends() && good;
	end_as(why, invariants_check() && good);
}

void vm_end_machine_as_asked(void)
{
	if (!i_end_it())
		return;
	log_info("powering off, as the console asked");
	end_as("the console asked", say_ends());
}

static bool is_alive(struct vm *vm)
{
	bool alive;

	/* Locked: a restart that waits and the state that it leads to are one thing. */
	spin_lock(&vm->lock);
	alive = (vm->state != VM_DEFINED && vm->state != VM_STOPPED && vm->state != VM_CRASHED) ||
		vm->restart_waits;
	spin_unlock(&vm->lock);
	return alive;
}

void end_machine_if_all_off(void)
{
	if (__atomic_load_n(&kept, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&end_waits, true, __ATOMIC_SEQ_CST);
		/* Whoever lets go now may have looked before that was visible. */
		if (__atomic_load_n(&kept, __ATOMIC_SEQ_CST))
			return;
	}
	/* Whoever sits at the shell may start them again. */
	if (console_shell_has_focus()) {
		__atomic_store_n(&end_waits, true, __ATOMIC_SEQ_CST);
		/* It may have lost the focus before that was visible. */
		if (console_shell_has_focus())
			return;
	}
	for (unsigned int i = 0; i < nr_vms; i++) {
		if (is_alive(vms[i]))
			return;
	}
	end_machine("all VMs are off", true);
}

void vm_end_if_waiting(void)
{
	if (__atomic_exchange_n(&end_waits, false, __ATOMIC_SEQ_CST))
		end_machine_if_all_off();
}

void vm_keep_machine(bool keep)
{
	__atomic_store_n(&kept, keep, __ATOMIC_SEQ_CST);
	if (!keep)
		vm_end_if_waiting();
}
