// SPDX-License-Identifier: MIT
/*
 * The life of a VM: requests, moves between states (vm.h), and what a policy makes of an end.
 *
 * A request changes the state under vm->lock and tells the CPUs concerned; what takes long, or must not have
 * a vCPU loaded, is done by the VM's one job: loading in bounded steps, finishing when the last vCPU has left
 * its CPU, taking apart. While the state is LOADING, or STOPPING without a live vCPU, the VM is the job's.
 *
 * Lock: vm->lock (RANK_VM) guards state, goal and the restart policy's fields. It is held while vCPUs are
 * told to stop, so that none of them is freed meanwhile.
 */
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"
#include "kernel/hvc/report.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/crash.h"
#include "kernel/vm/lifecycle.h"
#include "kernel/vm/loader.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"

/* A VM that ran for longer than this has its restarts so far forgiven. */
#define FORGIVEN_AFTER_US	10000000
#define MAX_BACKOFF_SHIFT	6

#define TO(state)	BIT(VM_##state)

static const uint8_t vm_moves[] = {
	[VM_DEFINED]  = TO(LOADING),
	[VM_LOADING]  = TO(RUNNING) | TO(STOPPED) | TO(CRASHED) | TO(DEFINED),
	[VM_RUNNING]  = TO(PAUSED) | TO(STOPPING),
	[VM_PAUSED]   = TO(RUNNING) | TO(STOPPING),
	[VM_STOPPING] = TO(STOPPED) | TO(CRASHED) | TO(LOADING) | TO(DEFINED),
	[VM_STOPPED]  = TO(LOADING) | TO(STOPPING),
	[VM_CRASHED]  = TO(LOADING) | TO(STOPPING),
};

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = {
		[VM_DEFINED] = "defined", [VM_LOADING] = "loading", [VM_RUNNING] = "running",
		[VM_PAUSED] = "paused", [VM_STOPPING] = "stopping", [VM_STOPPED] = "stopped",
		[VM_CRASHED] = "crashed",
	};

	return names[state];
}

static bool may_move(const struct vm *vm, enum vm_state to)
{
	return (vm_moves[vm->state] & BIT(to)) != 0;
}

/* Context: lock held. */
static void move(struct vm *vm, enum vm_state to)
{
	ASSERT(may_move(vm, to));
	/* Release: what the new state promises is visible to who reads it without the lock. */
	__atomic_store_n(&vm->state, to, __ATOMIC_RELEASE);
}

static void move_locking(struct vm *vm, enum vm_state to)
{
	spin_lock(&vm->lock);
	move(vm, to);
	spin_unlock(&vm->lock);
}

/* Why a request is refused: the VM is on its way somewhere, or there is no such move. */
static int refusal(const struct vm *vm)
{
	return vm->state == VM_LOADING || vm->state == VM_STOPPING ? -EBUSY : -EINVAL;
}

static void forget_restart(struct vm *vm)
{
	if (vm->restart_waits)
		timer_cancel(&vm->restart_cpu->timers, &vm->restart_timer);
	vm->restart_waits = false;
}

/* ---- into LOADING, and from there ---- */

static void begin_loading(struct vm *vm)
{
	forget_restart(vm);
	move(vm, VM_LOADING);
	vm->cancelled = false;
	vm->load.phase = VM_LOAD_ACQUIRE;
	job_queue(&vm->job);
}

int vm_start(struct vm *vm)
{
	int err = 0;

	if (vm->refused)
		return -EINVAL;
	spin_lock(&vm->lock);
	if (vm->state == VM_DEFINED || vm->state == VM_STOPPED || vm->state == VM_CRASHED) {
		vm->restarts = 0;
		begin_loading(vm);
	} else {
		err = refusal(vm);
	}
	spin_unlock(&vm->lock);
	return err;
}

/* One bounded step; *done when the VM can run. */
static int load_step(struct vm *vm, bool *done, const char **why)
{
	int err = 0;

	*done = false;
	switch (vm->load.phase) {
	case VM_LOAD_ACQUIRE:
		if (!vm->nr_vcpus)
			err = vm_acquire(vm, why);
		vm->load.phase = VM_LOAD_PLAN;
		return err;
	case VM_LOAD_PLAN:
		err = loader_begin(vm, why);
		vm->load.phase = VM_LOAD_WRITE;
		return err;
	default:
		return loader_step(vm, done, why);
	}
}

/* False: called off meanwhile. */
static bool run(struct vm *vm)
{
	unsigned int n = vm->entry.all_vcpus ? vm->nr_vcpus : 1;
	bool go_on;

	vm_power_on(vm);
	spin_lock(&vm->lock);
	go_on = !vm->cancelled;
	if (go_on) {
		vm->started_at = arch_counter();
		vm->nr_live_vcpus = n;
		move(vm, VM_RUNNING);
		/* With the lock held: none may be told to stop before the last has its start. */
		for (unsigned int i = 0; i < n; i++)
			sched_start(vm->vcpus[i]);
	}
	spin_unlock(&vm->lock);
	return go_on;
}

static void load_failed(struct vm *vm, const char *why)
{
	bool acquired = vm->nr_vcpus != 0;

	log_err("%s: cannot be loaded: %s", vm->name, why);
	vm->crash_reason = VM_CRASH_LOAD;
	vm->crashes++;
	move_locking(vm, acquired ? VM_CRASHED : VM_DEFINED);
	vm_note_refused();
	end_machine_if_all_off();
}

static void load_cancelled(struct vm *vm)
{
	move_locking(vm, vm->nr_vcpus ? VM_STOPPED : VM_DEFINED);
	log_info("%s: stopped while it was loaded", vm->name);
	end_machine_if_all_off();
}

/* Whether there is more to do. */
static bool loading(struct vm *vm)
{
	const char *why = "";
	bool done;
	int err;

	if (READ_ONCE(vm->cancelled)) {
		load_cancelled(vm);
		return false;
	}
	err = load_step(vm, &done, &why);
	if (err)
		load_failed(vm, why);
	else if (done && !run(vm))
		load_cancelled(vm);
	return !err && !done;
}

int vm_start_at_boot(struct vm *vm, const char **why)
{
	bool done = false;
	int err = 0;

	move_locking(vm, VM_LOADING);
	vm->load.phase = VM_LOAD_ACQUIRE;
	while (!err && !done)
		err = load_step(vm, &done, why);
	/* At boot nobody calls it off. */
	if (!err && run(vm))
		return 0;
	if (vm->nr_vcpus)
		vm_release(vm);
	move_locking(vm, VM_DEFINED);
	return err;
}

/* ---- out of RUNNING and PAUSED ---- */

/* All vCPUs go off, then the VM to goal. Context: lock held. self: a vCPU in whose trap handler this is. */
static void leave(struct vm *vm, const struct vcpu *self, enum vm_state goal)
{
	move(vm, VM_STOPPING);
	vm->goal = goal;
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i] != self)
			sched_request_stop(vm->vcpus[i]);
	}
	if (!__atomic_load_n(&vm->nr_live_vcpus, __ATOMIC_ACQUIRE))
		job_queue(&vm->job);
}

/* From one of its vCPUs. False when the VM is on its way already. */
static bool leave_from(struct vcpu *vcpu, enum vm_state goal)
{
	struct vm *vm = vcpu->vm;
	bool first;

	spin_lock(&vm->lock);
	first = vm->state == VM_RUNNING || vm->state == VM_PAUSED;
	if (first) {
		vm->by_hand = false;
		leave(vm, vcpu, goal);
	}
	spin_unlock(&vm->lock);
	sched_stop(vcpu);
	return first;
}

void vm_guest_off(struct vcpu *vcpu)
{
	leave_from(vcpu, VM_STOPPED);
}

void vm_guest_reset(struct vcpu *vcpu)
{
	leave_from(vcpu, VM_LOADING);
}

void vm_crash(struct vcpu *vcpu, enum vm_crash_reason reason)
{
	struct vm *vm = vcpu->vm;

	if (!leave_from(vcpu, VM_CRASHED))
		return;
	vm->crash_reason = reason;
	vm->crashes++;
	crash_record(vcpu, reason);
	guest_shared_dump(vm);
}

void vm_kill(struct vm *vm, enum vm_crash_reason reason)
{
	spin_lock(&vm->lock);
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		vm->by_hand = false;
		vm->crash_reason = reason;
		vm->record_waits = true;
		leave(vm, NULL, VM_CRASHED);
	}
	spin_unlock(&vm->lock);
}

/* From outside, to goal; states is where that is possible. */
static int leave_by_hand(struct vm *vm, enum vm_state goal, uint32_t states)
{
	int err = 0;

	spin_lock(&vm->lock);
	if (BIT(vm->state) & states) {
		forget_restart(vm);
		vm->by_hand = true;
		leave(vm, NULL, goal);
	} else {
		err = refusal(vm);
	}
	spin_unlock(&vm->lock);
	return err;
}

int vm_reset(struct vm *vm)
{
	return leave_by_hand(vm, VM_LOADING, TO(RUNNING) | TO(PAUSED));
}

int vm_destroy(struct vm *vm)
{
	return leave_by_hand(vm, VM_DEFINED, TO(RUNNING) | TO(PAUSED) | TO(STOPPED) | TO(CRASHED));
}

int vm_stop(struct vm *vm)
{
	int err = 0;

	spin_lock(&vm->lock);
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		vm->by_hand = true;
		leave(vm, NULL, VM_STOPPED);
	} else if (vm->state == VM_LOADING) {
		WRITE_ONCE(vm->cancelled, true);
	} else if (vm->restart_waits) {
		forget_restart(vm);
		job_queue(&vm->job);
	} else {
		err = refusal(vm);
	}
	spin_unlock(&vm->lock);
	return err;
}

int vm_pause(struct vm *vm)
{
	int err = 0;

	spin_lock(&vm->lock);
	if (vm->state == VM_RUNNING) {
		move(vm, VM_PAUSED);
		for (unsigned int i = 0; i < vm->nr_vcpus; i++)
			sched_pause(vm->vcpus[i]);
	} else {
		err = refusal(vm);
	}
	spin_unlock(&vm->lock);
	return err;
}

int vm_resume(struct vm *vm)
{
	int err = 0;

	spin_lock(&vm->lock);
	if (vm->state == VM_PAUSED) {
		move(vm, VM_RUNNING);
		for (unsigned int i = 0; i < vm->nr_vcpus; i++)
			sched_resume(vm->vcpus[i]);
	} else {
		err = refusal(vm);
	}
	spin_unlock(&vm->lock);
	return err;
}

/* ---- the end, and what a policy makes of it ---- */

static void restart_now(struct timer *timer)
{
	struct vm *vm = container_of(timer, struct vm, restart_timer);

	spin_lock(&vm->lock);
	/* A request that came meanwhile has had its way. */
	if (vm->restart_waits)
		begin_loading(vm);
	spin_unlock(&vm->lock);
}

/* Context: lock held. */
static void plan_restart(struct vm *vm)
{
	const struct vm_desc *desc = &vm->desc;
	uint64_t ms;

	if (timer_ticks_to_us(arch_counter() - vm->started_at) > FORGIVEN_AFTER_US)
		vm->restarts = 0;
	if (vm->restarts >= desc->restart_limit) {
		log_warn("%s: restarted %u times in a row: left off", vm->name, vm->restarts);
		return;
	}
	ms = (uint64_t)desc->restart_backoff_ms << MIN(vm->restarts, MAX_BACKOFF_SHIFT);
	vm->restarts++;
	log_info("%s: restart %u of %u in %lu ms", vm->name, vm->restarts, desc->restart_limit, ms);
	vm->restart_waits = true;
	vm->restart_cpu = this_cpu();
	timer_arm(&this_cpu()->timers, &vm->restart_timer, arch_counter() + timer_us_to_ticks(ms * 1000));
}

/*
 * The end, in state, and what the policy makes of it where the VM came there of itself: one step for whoever
 * takes the lock. Between the two a VM would look as if it were over, and a request would be overruled.
 */
static void come_to_end(struct vm *vm, enum vm_state state, bool by_hand)
{
	bool crashed = state == VM_CRASHED, poweroff;
	enum vm_action action = crashed ? vm->desc.on_crash : vm->desc.on_shutdown;

	spin_lock(&vm->lock);
	move(vm, state);
	if (!by_hand && action == VM_ACTION_RESTART)
		plan_restart(vm);
	spin_unlock(&vm->lock);
	poweroff = !by_hand && action == VM_ACTION_POWEROFF;
	if (!poweroff)
		return;
	log_info("%s: %s, and that ends the machine", vm->name, crashed ? "crashed" : "off");
	end_machine("a VM's policy", !crashed);
}

static void finish_off(struct vm *vm)
{
	vdev_reset_all(vm);
	guest_shared_dump(vm);
	log_info("%s: off, %lu reports, %lu failed", vm->name, vm->reports, vm->failures);
	come_to_end(vm, VM_STOPPED, vm->by_hand);
}

static void finish_crash(struct vm *vm)
{
	if (vm->record_waits) {
		vm->crashes++;
		crash_record(vm->vcpus[0], vm->crash_reason);
		guest_shared_dump(vm);
	}
	vm->record_waits = false;
	vdev_reset_all(vm);
	come_to_end(vm, VM_CRASHED, false);
}

static void finish_reset(struct vm *vm)
{
	vm->resets++;
	log_info("%s: reset (%lu so far)", vm->name, vm->resets);
	spin_lock(&vm->lock);
	begin_loading(vm);
	spin_unlock(&vm->lock);
}

static void finish_destroy(struct vm *vm)
{
	vm_release(vm);
	move_locking(vm, VM_DEFINED);
	log_info("%s: destroyed", vm->name);
}

/* The last vCPU has left its CPU. */
static void finish(struct vm *vm)
{
	switch (vm->goal) {
	case VM_LOADING:
		finish_reset(vm);
		break;
	case VM_CRASHED:
		finish_crash(vm);
		break;
	case VM_DEFINED:
		finish_destroy(vm);
		break;
	default:
		finish_off(vm);
		break;
	}
	end_machine_if_all_off();
}

/* All vCPUs switched themselves off: nobody is left who could switch one on again. */
static void end_without_vcpus(struct vm *vm)
{
	spin_lock(&vm->lock);
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		log_warn("%s: all its vCPUs are off", vm->name);
		vm->by_hand = false;
		leave(vm, NULL, VM_STOPPED);
	}
	spin_unlock(&vm->lock);
}

/* The VM's job; true: there is more to do at once. */
static bool step(struct job *job)
{
	struct vm *vm = container_of(job, struct vm, job);
	bool live = __atomic_load_n(&vm->nr_live_vcpus, __ATOMIC_ACQUIRE) != 0;

	switch (__atomic_load_n(&vm->state, __ATOMIC_ACQUIRE)) {
	case VM_LOADING:
		return loading(vm);
	case VM_STOPPING:
		if (!live)
			finish(vm);
		return false;
	case VM_RUNNING:
	case VM_PAUSED:
		if (!live)
			end_without_vcpus(vm);
		return false;
	default:
		end_machine_if_all_off();
		return false;
	}
}

void lifecycle_init(struct vm *vm)
{
	job_init(&vm->job, step);
	timer_init(&vm->restart_timer, restart_now);
}

void vm_vcpu_gone(struct vm *vm)
{
	/* Release and acquire: what the vCPUs did is visible to who takes the VM apart. */
	if (!__atomic_sub_fetch(&vm->nr_live_vcpus, 1, __ATOMIC_ACQ_REL))
		job_queue(&vm->job);
}
