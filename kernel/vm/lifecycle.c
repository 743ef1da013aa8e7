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
#include "kernel/base/cpu.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/check/crash.h"
#include "kernel/console/console.h"
#include "kernel/hvc/report.h"
#include "kernel/load/loader.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/abort_log.h"
#include "kernel/vm/lifecycle.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "kernel/vm/vmtime.h"
#include "lib/errno.h"
#include "lib/fmt.h"

/* A VM that ran for longer than this has its restarts and resets so far forgiven. */
#define FORGIVEN_AFTER_US	10000000
#define MAX_BACKOFF_SHIFT	6
/* Resets are not limited in number, so each but the first in a row waits for that long at the least. */
#define RESET_BACKOFF_MS	10
/* Lines about resets: that many at once, and one per second. */
#define RESET_LINES		8
#define RESET_LINE_US		1000000

#define TO(state)	BIT(VM_##state)

static const uint8_t vm_moves[] = {
	[VM_DEFINED]  = TO(LOADING),
	[VM_LOADING]  = TO(RUNNING) | TO(STOPPED) | TO(CRASHED) | TO(DEFINED) | TO(STOPPING),
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

/* The shell's verb that makes a VM in such a state run. */
static const char *verb_for(enum vm_state state)
{
	static const char *const verbs[] = {
		[VM_DEFINED] = "start", [VM_PAUSED] = "resume", [VM_STOPPED] = "start",
		[VM_CRASHED] = "start",
	};

	return state < ARRAY_SIZE(verbs) ? verbs[state] : NULL;
}

bool vm_is_at_rest(const struct vm *vm)
{
	return verb_for(READ_ONCE(vm->state)) && !READ_ONCE(vm->restart_waits);
}

const char *vm_standing(const struct vm *vm, char *buf, size_t size)
{
	enum vm_state state = READ_ONCE(vm->state);
	const char *verb = verb_for(state);

	if (!verb)
		fmt_snprintf(buf, size, "%s", vm->name);
	else if (READ_ONCE(vm->restart_waits))
		fmt_snprintf(buf, size, "%s, which is %s and waits for its restart", vm->name,
			     vm_state_name(state));
	else if (IS_ENABLED(CONFIG_SHELL))
		fmt_snprintf(buf, size, "%s, which is %s: \"vm %s %s\" in the shell (Ctrl-%c s) makes it run",
			     vm->name, vm_state_name(state), verb, vm->name, CONFIG_CONSOLE_ESCAPE_KEY + '@');
	else
		fmt_snprintf(buf, size, "%s, which is %s", vm->name, vm_state_name(state));
	return buf;
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

static void begin_loading(struct vm *vm, bool keep_ram)
{
	forget_restart(vm);
	/* First of all: the job may be in a step for what came before, and sees LOADING without the lock. */
	WRITE_ONCE(vm->goal, VM_RUNNING);
	vm->load.phase = VM_LOAD_ACQUIRE;
	vm->load.keep_ram = keep_ram;
	vm->load.in_one_go = false;
	move(vm, VM_LOADING);
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
		vm->resets_in_a_row = 0;
		begin_loading(vm, false);
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
			return vm_acquire_step(vm, why);
		vm->load.phase = VM_LOAD_PLAN;
		return 0;
	case VM_LOAD_OWN:
	case VM_LOAD_PEOPLE:
	case VM_LOAD_DEVICES:
		return vm_acquire_step(vm, why);
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
	go_on = vm->goal == VM_RUNNING;
	if (go_on) {
		vm->started_at = arch_counter();
		vm->nr_live_vcpus = n;
		WRITE_ONCE(vm->life, vm->life + 1);
		move(vm, VM_RUNNING);
		/* With the lock held: none may be told to stop before the last has its start. */
		for (unsigned int i = 0; i < n; i++)
			sched_start(vm->vcpus[i]);
	}
	spin_unlock(&vm->lock);
	return go_on;
}

/*
 * Loading has ended otherwise than by running. True: what the VM has is to be given back, or what it has
 * got so far, and the job goes on with that.
 */
static bool end_loading(struct vm *vm, enum vm_state state)
{
	bool has_all, destroy;

	spin_lock(&vm->lock);
	/* At ACQUIRE it has all from an earlier load, or nothing. */
	has_all = vm->nr_vcpus && (vm->load.phase == VM_LOAD_ACQUIRE || vm->load.phase >= VM_LOAD_PLAN);
	destroy = vm_has_resources(vm) && (!has_all || vm->goal == VM_DEFINED);
	if (destroy)
		WRITE_ONCE(vm->goal, VM_DEFINED);
	move(vm, destroy ? VM_STOPPING : has_all ? state : VM_DEFINED);
	spin_unlock(&vm->lock);
	if (!destroy)
		end_machine_if_all_off();
	return destroy;
}

static bool load_failed(struct vm *vm, const char *why)
{
	log_err("%s: cannot be loaded: %s", vm->name, why);
	vm->crash_reason = VM_CRASH_LOAD;
	count_up(vm->crashes);
	vm_note_refused();
	return end_loading(vm, VM_CRASHED);
}

static bool load_cancelled(struct vm *vm)
{
	log_info("%s: stopped while it was loaded", vm->name);
	return end_loading(vm, VM_STOPPED);
}

/* Whether there is more to do. */
static bool loading(struct vm *vm)
{
	const char *why = "";
	bool done;
	int err;

	if (READ_ONCE(vm->goal) != VM_RUNNING)
		return load_cancelled(vm);
	err = load_step(vm, &done, &why);
	if (err)
		return load_failed(vm, why);
	if (done && !run(vm))
		return load_cancelled(vm);
	return !done;
}

static void give_up_at_boot(struct vm *vm)
{
	if (vm_has_resources(vm))
		vm_release(vm);
	move_locking(vm, VM_DEFINED);
}

int vm_claim_at_boot(struct vm *vm, const char **why)
{
	bool done;
	int err = 0;

	move_locking(vm, VM_LOADING);
	vm->goal = VM_RUNNING;
	vm->load.phase = VM_LOAD_ACQUIRE;
	vm->load.in_one_go = true;
	while (!err && vm->load.phase != VM_LOAD_WRITE)
		err = load_step(vm, &done, why);
	if (err)
		give_up_at_boot(vm);
	return err;
}

int vm_start_at_boot(struct vm *vm, const char **why)
{
	bool done = false;
	int err = 0;

	while (!err && !done)
		err = load_step(vm, &done, why);
	/* At boot nobody calls it off. */
	if (!err && run(vm))
		return 0;
	give_up_at_boot(vm);
	return err;
}

void vm_start_by_job(struct vm *vm)
{
	spin_lock(&vm->lock);
	vm->load.in_one_go = false;
	job_queue(&vm->job);
	spin_unlock(&vm->lock);
}

/* ---- out of RUNNING and PAUSED ---- */

/* All vCPUs go off, then the VM to goal. Context: lock held. self: a vCPU in whose trap handler this is. */
static void leave(struct vm *vm, const struct vcpu *self, enum vm_state goal)
{
	/* The goal first: who sees STOPPING without the lock sees where it leads. */
	WRITE_ONCE(vm->goal, goal);
	move(vm, VM_STOPPING);
	vm->warm = false;
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i] != self)
			sched_request_stop(vm->vcpus[i]);
	}
	if (!__atomic_load_n(&vm->nr_live_vcpus, __ATOMIC_ACQUIRE))
		job_queue(&vm->job);
}

/* From one of its vCPUs. False when the VM is on its way already. */
static bool leave_from(struct vcpu *vcpu, enum vm_state goal, bool warm)
{
	struct vm *vm = vcpu->vm;
	bool first;

	spin_lock(&vm->lock);
	first = vm->state == VM_RUNNING || vm->state == VM_PAUSED;
	if (first) {
		vm->by_hand = false;
		leave(vm, vcpu, goal);
		vm->warm = warm;
	}
	spin_unlock(&vm->lock);
	sched_stop(vcpu);
	return first;
}

void vm_guest_off(struct vcpu *vcpu)
{
	leave_from(vcpu, VM_STOPPED, false);
}

void vm_guest_reset(struct vcpu *vcpu, bool warm)
{
	leave_from(vcpu, VM_LOADING, warm);
}

void vm_crash(struct vcpu *vcpu, enum vm_crash_reason reason)
{
	struct vm *vm = vcpu->vm;

	if (!leave_from(vcpu, VM_CRASHED, false))
		return;
	vm->crash_reason = reason;
	count_up(vm->crashes);
	crash_record(vcpu, reason);
	guest_shared_dump(vm);
}

void vm_kill(struct vm *vm, uint64_t life, enum vm_crash_reason reason)
{
	spin_lock(&vm->lock);
	if (vm->life == life && (vm->state == VM_RUNNING || vm->state == VM_PAUSED)) {
		vm->by_hand = false;
		vm->crash_reason = reason;
		vm->record_waits = true;
		leave(vm, NULL, VM_CRASHED);
	}
	spin_unlock(&vm->lock);
}

int vm_reset(struct vm *vm)
{
	int err = 0;

	spin_lock(&vm->lock);
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		vm->by_hand = true;
		leave(vm, NULL, VM_LOADING);
	} else {
		err = refusal(vm);
	}
	spin_unlock(&vm->lock);
	return err;
}

/*
 * On its way anywhere, a VM takes another goal; what has come to pass does not change by that: a crash stays
 * one, and of a VM that is being destroyed nothing is left to be stopped. Context: lock held.
 */
static void change_goal(struct vm *vm, enum vm_state goal)
{
	vm->by_hand = true;
	if (goal == VM_DEFINED || (vm->goal != VM_DEFINED && vm->goal != VM_CRASHED))
		WRITE_ONCE(vm->goal, goal);
}

int vm_destroy(struct vm *vm)
{
	spin_lock(&vm->lock);
	if (vm->state == VM_LOADING || vm->state == VM_STOPPING) {
		change_goal(vm, VM_DEFINED);
	} else if (vm->state != VM_DEFINED) {
		forget_restart(vm);
		vm->by_hand = true;
		leave(vm, NULL, VM_DEFINED);
	}
	spin_unlock(&vm->lock);
	return 0;
}

int vm_stop(struct vm *vm)
{
	spin_lock(&vm->lock);
	if (vm->state == VM_LOADING || vm->state == VM_STOPPING) {
		change_goal(vm, VM_STOPPED);
	} else if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		vm->by_hand = true;
		leave(vm, NULL, VM_STOPPED);
	} else if (vm->restart_waits) {
		forget_restart(vm);
		/* This may have been what the machine went on for. */
		job_queue(&vm->job);
	}
	spin_unlock(&vm->lock);
	return 0;
}

int vm_pause(struct vm *vm)
{
	int err = 0;

	spin_lock(&vm->lock);
	if (vm->state == VM_RUNNING) {
		move(vm, VM_PAUSED);
		for (unsigned int i = 0; i < vm->nr_vcpus; i++)
			sched_pause(vm->vcpus[i]);
		vmtime_stop_if_left(vm);
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
		vmtime_go(vm);
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
		begin_loading(vm, vm->warm);
	spin_unlock(&vm->lock);
}

/* n: how many it has waited for before. Context: lock held. */
static uint64_t wait_for_restart(struct vm *vm, uint32_t first_ms, unsigned int n)
{
	uint64_t ms = (uint64_t)first_ms << MIN(n, MAX_BACKOFF_SHIFT);

	vm->restart_waits = true;
	vm->restart_cpu = this_cpu();
	timer_arm(&this_cpu()->timers, &vm->restart_timer, arch_counter() + timer_us_to_ticks(ms * 1000));
	return ms;
}

static bool has_run_for_long(const struct vm *vm)
{
	return timer_ticks_to_us(arch_counter() - vm->started_at) > FORGIVEN_AFTER_US;
}

/* Context: lock held. */
static void plan_restart(struct vm *vm)
{
	const struct vm_desc *desc = &vm->desc;
	uint64_t ms;

	if (has_run_for_long(vm))
		vm->restarts = 0;
	if (vm->restarts >= desc->restart_limit) {
		log_warn("%s: restarted %u times in a row: left off", vm->name, vm->restarts);
		return;
	}
	ms = wait_for_restart(vm, desc->restart_backoff_ms, vm->restarts);
	vm->restarts++;
	log_info("%s: restart %u of %u in %lu ms", vm->name, vm->restarts, desc->restart_limit, ms);
}

static bool may_speak_of_resets(struct vm *vm)
{
	struct budget *budget = &vm->reset_lines;
	/* As if the counter had run before: the burst is there from the start. */
	uint64_t now = arch_counter() + budget->burst * budget->ticks_each;

	if (!budget_left(budget, now))
		return false;
	budget_take(budget, now, 1);
	return true;
}

/* The first is carried out at once, as are those from outside. Context: lock held. */
static void come_to_reset(struct vm *vm)
{
	unsigned int before = 0;
	uint64_t ms = 0;

	if (vm->by_hand || has_run_for_long(vm))
		vm->resets_in_a_row = 0;
	if (!vm->by_hand)
		before = vm->resets_in_a_row++;
	count_up(vm->resets);
	if (before) {
		move(vm, VM_STOPPED);
		ms = wait_for_restart(vm, MAX(vm->desc.restart_backoff_ms, RESET_BACKOFF_MS), before - 1);
	} else {
		begin_loading(vm, vm->warm);
	}
	if (!may_speak_of_resets(vm))
		return;
	if (ms)
		log_info("%s: %sreset (%lu so far), %u in a row: goes on in %lu ms", vm->name,
			 vm->warm ? "warm " : "", vm->resets, before + 1, ms);
	else
		log_info("%s: %sreset (%lu so far)", vm->name, vm->warm ? "warm " : "", vm->resets);
}

/* ---- the end: what there is to do, then the step to its state ---- */

static bool finish_reset(struct vm *vm)
{
	vdev_reset_all(vm);
	return true;
}

static bool finish_off(struct vm *vm)
{
	vdev_reset_all(vm);
	guest_shared_dump(vm);
	abort_log_end(vm);
	log_info("%s: off, %lu reports, %lu failed", vm->name, READ_ONCE(vm->reports),
		 READ_ONCE(vm->failures));
	return true;
}

/* Before anything else happens to it. */
static void take_record(struct vm *vm)
{
	if (!vm->record_waits)
		return;
	vm->record_waits = false;
	count_up(vm->crashes);
	crash_record(vm->vcpus[0], vm->crash_reason);
	guest_shared_dump(vm);
}

static bool finish_crash(struct vm *vm)
{
	vdev_reset_all(vm);
	abort_log_end(vm);
	return true;
}

static bool finish_destroy(struct vm *vm)
{
	abort_log_end(vm);
	if (vm_release_step(vm))
		return false;
	log_info("%s: destroyed", vm->name);
	return true;
}

/* The policy for an end of this kind. */
static enum vm_action policy(const struct vm *vm, enum vm_state goal)
{
	if (vm->by_hand || goal == VM_DEFINED)
		return VM_ACTION_STOP;
	return goal == VM_CRASHED ? vm->desc.on_crash : vm->desc.on_shutdown;
}

/* Context: lock held. */
static enum vm_action arrive(struct vm *vm, enum vm_state goal)
{
	enum vm_action action = policy(vm, goal);

	if (goal == VM_LOADING) {
		come_to_reset(vm);
		return VM_ACTION_RESTART;
	}
	move(vm, goal);
	if (action == VM_ACTION_RESTART)
		plan_restart(vm);
	return action;
}

/* It does not move of itself: whoever looks at the VM's last words may want to start it again. */
static void say_where_the_console_is(const struct vm *vm)
{
	char text[VM_STANDING_LEN];

	if (console_focus() == vm && vm_is_at_rest(vm))
		log_info("console: stays with %s", vm_standing(vm, text, sizeof(text)));
}

/*
 * The last vCPU has left its CPU. State, and what the policy makes of it, are one step for whoever takes the
 * lock: between the two a VM would look as if it were over, and a request would be overruled. True: there
 * is more to do, for the same goal or another one that was asked for meanwhile.
 */
static bool finish(struct vm *vm)
{
	/* False: there is more to do. */
	static bool (*const prepare[])(struct vm *) = {
		[VM_DEFINED] = finish_destroy, [VM_LOADING] = finish_reset, [VM_STOPPED] = finish_off,
		[VM_CRASHED] = finish_crash,
	};
	enum vm_state goal = READ_ONCE(vm->goal);
	enum vm_action action = VM_ACTION_STOP;
	bool arrived;

	take_record(vm);
	if (!prepare[goal](vm))
		return true;
	spin_lock(&vm->lock);
	arrived = vm->goal == goal;
	if (arrived)
		action = arrive(vm, goal);
	spin_unlock(&vm->lock);
	if (!arrived)
		return true;
	if (action == VM_ACTION_POWEROFF) {
		log_info("%s: %s, and that ends the machine", vm->name,
			 goal == VM_CRASHED ? "crashed" : "off");
		end_machine("a VM's policy", goal != VM_CRASHED);
	}
	end_machine_if_all_off();
	say_where_the_console_is(vm);
	return false;
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
		return !live && finish(vm);
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

void vm_vcpu_paused(struct vm *vm)
{
	spin_lock(&vm->lock);
	vmtime_stop_if_left(vm);
	spin_unlock(&vm->lock);
}

void lifecycle_init(struct vm *vm)
{
	job_init(&vm->job, step);
	timer_init(&vm->restart_timer, restart_now);
	vm->reset_lines = (struct budget){
		.ticks_each = timer_us_to_ticks(RESET_LINE_US), .burst = RESET_LINES,
	};
}

void vm_vcpu_gone(struct vm *vm)
{
	/* Release and acquire: what the vCPUs did is visible to who takes the VM apart. */
	if (!__atomic_sub_fetch(&vm->nr_live_vcpus, 1, __ATOMIC_ACQ_REL))
		job_queue(&vm->job);
}
