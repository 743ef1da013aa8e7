// SPDX-License-Identifier: MIT
/*
 * The life of VMs on one CPU that another VM keeps busy: requests, illegal moves, policies, and that
 * everything comes back however often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "kernel/vm/vmtime.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define CYCLES	1000

static struct vm *busy, *vm;
static struct vcpu *current;

static struct vm_desc describe(const char *name)
{
	static const uint32_t kernel[] = { 0xd503207f, 0x17ffffff };	/* wfi; b . - 4 */
	struct vm_desc desc = {
		.nr_vcpus = MIN(2, CONFIG_MAX_VCPUS), .ram_ipa = { GUEST_RAM_IPA }, .ram_size = MIB(4),
		.protocol = VM_PROTOCOL_RAW, .kernel = kernel, .kernel_size = sizeof(kernel),
		.load_address = { GUEST_IMAGE_IPA }, .restart_limit = 3, .restart_backoff_ms = 10,
	};

	strlcpy(desc.name, name, sizeof(desc.name));
	return desc;
}

/* One VM that never ends, and one that is only described. */
static int setup(void **state)
{
	struct vm_desc desc = describe("vm");
	const char *why;

	if (CONFIG_MAX_VMS < 2)
		return 0;
	fake_machine_boot(1);
	busy = fake_vm("busy", 1);
	assert_int_equal(vm_define(&desc, &vm, &why), 0);
	fake_vm_start(busy);
	current = fake_run_until_guest(sched_run);
	return 0;
}

#define NEEDS_TWO_VMS()	do { if (CONFIG_MAX_VMS < 2) skip(); } while (0)

static uint64_t slice(void)
{
	return timer_us_to_ticks(CONFIG_SCHED_SLICE_US);
}

/* Until the VM has come to that state; the other one has its share of the CPU meanwhile. */
static void run_until(enum vm_state state)
{
	for (unsigned int i = 0; i < 50 && vm->state != state; i++)
		current = fake_run_for(current, slice());
	assert_int_equal(vm->state, state);
}

/* Until nothing waits to be done: what a machine leaves the next one would find. */
static void settle(void)
{
	for (unsigned int i = 0; i < 50 && job_pending(); i++)
		current = fake_run_for(current, slice());
	assert_false(job_pending());
}

static int teardown(void **state)
{
	if (CONFIG_MAX_VMS >= 2)
		settle();
	return 0;
}

static void start(void)
{
	assert_int_equal(vm_start(vm), 0);
	assert_int_equal(vm->state, VM_LOADING);
	run_until(VM_RUNNING);
}

/* Until one of the VM's vCPUs is on the CPU. */
static void run_until_current(void)
{
	for (unsigned int i = 0; i < 50 && current->vm != vm; i++)
		current = fake_run_for(current, slice());
	assert_ptr_equal(current->vm, vm);
}

static struct page_stats stats(void)
{
	struct page_stats s;

	page_get_stats(&s);
	return s;
}

static void assert_all_back(const struct page_stats *before)
{
	struct page_stats now = stats();

	assert_int_equal(now.free, before->free);
	assert_int_equal(now.pool_free, before->pool_free);
}

static void test_a_defined_vm_has_nothing_until_it_is_started(void **state)
{
	struct page_stats before;

	NEEDS_TWO_VMS();
	before = stats();
	assert_int_equal(vm->state, VM_DEFINED);
	assert_int_equal(vm->nr_vcpus, 0);
	start();
	assert_int_equal(vm->nr_vcpus, vm->desc.nr_vcpus);
	assert_true(stats().free < before.free);
	run_until_current();
	assert_int_equal(current->arch.frame.elr, vm->entry.pc);
	assert_int_equal(vm_destroy(vm), 0);
	run_until(VM_DEFINED);
	assert_int_equal(vm->nr_vcpus, 0);
	assert_all_back(&before);
	assert_ptr_equal(current->vm, busy);
}

static void test_a_paused_vm_does_not_run_and_goes_on_where_it_was(void **state)
{
	uint64_t ran;

	NEEDS_TWO_VMS();
	start();
	run_until_current();
	current->arch.frame.x[3] = 33;
	assert_int_equal(vm_pause(vm), 0);
	assert_int_equal(vm->state, VM_PAUSED);
	current = fake_leave_guest(current);
	ran = vm->vcpus[0]->run_ticks;
	for (unsigned int i = 0; i < 10; i++) {
		current = fake_run_for(current, slice());
		assert_ptr_equal(current->vm, busy);
	}
	/* An interrupt makes it ready, not running. */
	sched_kick(vm->vcpus[0]);
	current = fake_run_for(current, slice());
	assert_int_equal(vm->vcpus[0]->run_ticks, ran);
	assert_int_equal(vm_resume(vm), 0);
	run_until_current();
	assert_int_equal(current->arch.frame.x[3], 33);
}

/* Time stands still for it: a timer that had so long to go when it was paused has as long to go after it. */
static void test_a_paused_vms_timers_wait_with_it(void **state)
{
	struct vcpu *vcpu;
	uint64_t left = 40 * slice(), stolen;

	NEEDS_TWO_VMS();
	start();
	run_until_current();
	vcpu = current;
	vcpu->vgic.priv[VGIC_VTIMER_INTID].enabled = true;
	vcpu->arch.ich.vmcr = UINT64_C(0xff) << 24 | 1;
	vm->vgic.enable_grp0 = true;
	vcpu->arch.vtimer.ctl = 1;
	vcpu->arch.vtimer.cval = vmtime_now(vm) + left;
	sched_block(vcpu);
	current = fake_leave_guest(current);
	assert_int_equal(vcpu->state, VCPU_BLOCKED);
	current = fake_run_for(current, left / 4);
	stolen = vcpu->stolen_ticks;
	assert_int_equal(vm_pause(vm), 0);
	assert_true(vm->clock_stands);
	current = fake_run_for(current, 10 * left);
	assert_int_equal(vmtime_now(vm), vcpu->arch.vtimer.cval - left * 3 / 4);
	assert_int_equal(vcpu->state, VCPU_BLOCKED);
	assert_int_equal(vm_resume(vm), 0);
	assert_int_equal(vm->cntvoff, 10 * left);
	current = fake_run_for(current, left * 3 / 4 - 1);
	assert_int_equal(vcpu->state, VCPU_BLOCKED);
	current = fake_run_for(current, 1);
	assert_int_not_equal(vcpu->state, VCPU_BLOCKED);
	assert_int_equal(vcpu->stolen_ticks, stolen);
	/* A new life begins at the machine's time. */
	assert_int_equal(vm_reset(vm), 0);
	run_until(VM_RUNNING);
	assert_int_equal(vm->cntvoff, 0);
}

/* The bite was decided in a life that has ended meanwhile. */
static void test_a_watchdog_of_an_earlier_life_kills_nobody(void **state)
{
	uint64_t life;

	NEEDS_TWO_VMS();
	start();
	life = vm->life;
	assert_int_equal(vm_reset(vm), 0);
	run_until(VM_LOADING);
	run_until(VM_RUNNING);
	vm_kill(vm, life, VM_CRASH_WATCHDOG);
	assert_int_equal(vm->state, VM_RUNNING);
	vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
	assert_int_not_equal(vm->state, VM_RUNNING);
}

static void test_a_blocked_vcpu_that_wakes_while_paused_runs_after_the_pause(void **state)
{
	struct vcpu *vcpu;

	NEEDS_TWO_VMS();
	start();
	run_until_current();
	vcpu = current;
	sched_block(vcpu);
	current = fake_leave_guest(current);
	assert_int_equal(vcpu->state, VCPU_BLOCKED);
	assert_int_equal(vm_pause(vm), 0);
	sched_kick(vcpu);
	assert_int_equal(vcpu->state, VCPU_READY);
	current = fake_run_for(current, slice() * 3);
	assert_ptr_equal(current->vm, busy);
	assert_int_equal(vm_resume(vm), 0);
	run_until_current();
}

static void test_a_paused_vm_can_be_stopped_and_reset(void **state)
{
	NEEDS_TWO_VMS();
	start();
	assert_int_equal(vm_pause(vm), 0);
	assert_int_equal(vm_stop(vm), 0);
	run_until(VM_STOPPED);
	start();
	run_until_current();
	assert_int_equal(vm_pause(vm), 0);
	assert_int_equal(vm_reset(vm), 0);
	run_until(VM_RUNNING);
	assert_int_equal(vm->resets, 1);
}

static void test_a_reset_clears_what_the_guest_has_done(void **state)
{
	uint64_t at;

	NEEDS_TWO_VMS();
	start();
	at = vm->ram[0].base.pa + MIB(3);
	memset(fake_mem_raw(at), 0xee, 4096);
	run_until_current();
	current->arch.frame.x[7] = 7;
	assert_int_equal(vm_reset(vm), 0);
	current = fake_leave_guest(current);
	run_until(VM_RUNNING);
	assert_int_equal(*(uint64_t *)fake_mem_raw(at), 0);
	assert_int_equal(vm->vcpus[0]->arch.frame.x[7], 0);
}

enum { START, PAUSE, RESUME, RESET, STOP, DESTROY };
static int (*const requests[])(struct vm *) = {
	[START] = vm_start, [PAUSE] = vm_pause, [RESUME] = vm_resume, [RESET] = vm_reset, [STOP] = vm_stop,
	[DESTROY] = vm_destroy,
};

static void test_moves_that_there_are_not_are_refused(void **state)
{
	static const struct { enum vm_state state; unsigned int legal; } rows[] = {
		{ VM_DEFINED, BIT(START) | BIT(STOP) | BIT(DESTROY) },
		{ VM_RUNNING, BIT(PAUSE) | BIT(RESET) | BIT(STOP) | BIT(DESTROY) },
		{ VM_PAUSED, BIT(RESUME) | BIT(RESET) | BIT(STOP) | BIT(DESTROY) },
		{ VM_STOPPED, BIT(START) | BIT(STOP) | BIT(DESTROY) },
		{ VM_CRASHED, BIT(START) | BIT(STOP) | BIT(DESTROY) },
	};

	NEEDS_TWO_VMS();
	for (unsigned int r = 0; r < ARRAY_SIZE(rows); r++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
			setup(state);
			if (rows[r].state != VM_DEFINED)
				start();
			if (rows[r].state == VM_PAUSED)
				assert_int_equal(vm_pause(vm), 0);
			if (rows[r].state == VM_STOPPED)
				assert_int_equal(vm_stop(vm), 0);
			if (rows[r].state == VM_CRASHED)
				vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
			run_until(rows[r].state);
			assert_int_equal(requests[i](vm), rows[r].legal & BIT(i) ? 0 : -EINVAL);
			settle();
		}
	}
}

static void test_between_two_states_a_request_is_told_to_wait(void **state)
{
	NEEDS_TWO_VMS();
	assert_int_equal(vm_start(vm), 0);
	assert_int_equal(vm_start(vm), -EBUSY);
	assert_int_equal(vm_pause(vm), -EBUSY);
	assert_int_equal(vm_reset(vm), -EBUSY);
}

static unsigned int steps_left;
static int (*request_then)(struct vm *);

static void call_off(void)
{
	if ((vm->state != VM_LOADING && vm->state != VM_STOPPING) || steps_left--)
		return;
	fake_irq_hook = NULL;
	assert_int_equal(request_then(vm), 0);
}

/* Begin to load, and after so many steps of that ask for something. False: it was through by then. */
static bool call_off_after(unsigned int steps, int (*request)(struct vm *))
{
	bool in_time;

	assert_int_equal(vm_start(vm), 0);
	steps_left = steps;
	request_then = request;
	fake_irq_hook = call_off;
	for (unsigned int i = 0; i < 50 && fake_irq_hook && vm->state != VM_RUNNING; i++)
		current = fake_run_for(current, slice());
	in_time = !fake_irq_hook;
	fake_irq_hook = NULL;
	return in_time;
}

static int stop_and_destroy(struct vm *v)
{
	/* Of the two, destroying wins, whichever comes last. */
	return vm_destroy(v) || vm_stop(v);
}

static void test_loading_is_called_off_by_a_stop_and_by_a_destroy(void **state)
{
	struct page_stats before;
	unsigned int steps = 0;

	NEEDS_TWO_VMS();
	before = stats();
	do {
		run_until(VM_DEFINED);
		if (call_off_after(steps, vm_stop)) {
			settle();
			assert_true(vm->state == VM_STOPPED || vm->state == VM_DEFINED);
			assert_int_equal(vm->state == VM_STOPPED, vm->nr_vcpus != 0);
		}
		assert_int_equal(vm_destroy(vm), 0);
		run_until(VM_DEFINED);
		assert_all_back(&before);
		if (call_off_after(steps, stop_and_destroy))
			run_until(VM_DEFINED);
		assert_int_equal(vm_destroy(vm), 0);
		run_until(VM_DEFINED);
		assert_all_back(&before);
	} while (call_off_after(++steps, vm_destroy));
	/* Places, records, vCPUs, images. */
	assert_true(steps >= 4);
	settle();
	assert_int_equal(vm_destroy(vm), 0);
	run_until(VM_DEFINED);
	assert_all_back(&before);
}

static bool is_zero(const struct carveout *c)
{
	const uint64_t *at = fake_mem_raw(c->base.pa);

	for (uint64_t i = 0; i < c->size / sizeof(*at); i++) {
		if (at[i])
			return false;
	}
	return true;
}

static void test_what_a_destroyed_vm_leaves_is_zero_before_anybody_can_have_it(void **state)
{
	struct carveout ram;

	NEEDS_TWO_VMS();
	start();
	run_until_current();
	ram = vm->ram[0];
	memset(fake_mem_raw(ram.base.pa), 0xee, ram.size);
	assert_int_equal(vm_destroy(vm), 0);
	current = fake_leave_guest(current);
	for (unsigned int i = 0; i < 50 && vm->state != VM_DEFINED; i++) {
		const struct page *page = page_record(ram.base);

		assert_true(page->owner == OWNER_VM(vm->id) || is_zero(&ram));
		current = fake_run_for(current, slice());
	}
	assert_int_equal(vm->state, VM_DEFINED);
	assert_true(is_zero(&ram));
	assert_int_equal(page_record(ram.base)->state, PAGE_FREE);
}

static void test_clean_memory_is_not_cleared_again_and_dirty_memory_is(void **state)
{
	struct carveout ram;

	NEEDS_TWO_VMS();
	/* Nobody had it since the machine started. */
	assert_int_equal(carveout_alloc(MIB(4), 64 * KIB(1), OWNER_HYP, &ram), 0);
	assert_true(ram.dirty);
	carveout_free(&ram);
	memset(fake_mem_raw(ram.base.pa), 0xee, MIB(4));
	start();
	assert_int_equal(vm->ram[0].base.pa, ram.base.pa);
	assert_int_equal(*(uint64_t *)fake_mem_raw(ram.base.pa + MIB(3)), 0);
	assert_int_equal(vm_destroy(vm), 0);
	run_until(VM_DEFINED);
	/* Now that is known to be zero: were it not, nobody would look. */
	*(uint64_t *)fake_mem_raw(ram.base.pa + MIB(3)) = 77;
	start();
	assert_int_equal(vm->ram[0].base.pa, ram.base.pa);
	assert_int_equal(*(uint64_t *)fake_mem_raw(ram.base.pa + MIB(3)), 77);
	/* A reset clears what the guest may have written. */
	assert_int_equal(vm_reset(vm), 0);
	current = fake_leave_guest(current);
	run_until(VM_RUNNING);
	assert_int_equal(*(uint64_t *)fake_mem_raw(ram.base.pa + MIB(3)), 0);
}

static void guest_resets(void)
{
	vm_guest_reset(current, false);
}

static void guest_goes_off(void)
{
	vm_guest_off(current);
}

static void test_the_console_stays_with_a_vm_that_ends_and_the_log_says_so(void **state)
{
	NEEDS_TWO_VMS();
	fake_focus = busy;
	start();
	assert_int_equal(vm_stop(vm), 0);
	run_until(VM_STOPPED);
	settle();
	assert_false(fake_log_has("console: "));
	fake_focus = vm;
	start();
	assert_int_equal(vm_stop(vm), 0);
	run_until(VM_STOPPED);
	settle();
	assert_true(fake_log_has("console: stays with vm, which is stopped"));
	/* It goes on by itself. */
	fake_log_clear();
	vm->desc.on_crash = VM_ACTION_RESTART;
	start();
	run_until_current();
	vm_crash(current, VM_CRASH_NO_VECTOR);
	current = fake_leave_guest(current);
	run_until(VM_CRASHED);
	assert_false(fake_log_has("console: "));
	fake_focus = NULL;
}

static void guest_crashes(void)
{
	vm_crash(current, VM_CRASH_NO_VECTOR);
}

static void test_on_its_way_to_any_end_a_vm_is_stopped_and_destroyed_all_the_same(void **state)
{
	static const struct { void (*end)(void); enum vm_state stopped; } rows[] = {
		{ guest_resets, VM_STOPPED }, { guest_goes_off, VM_STOPPED },
		/* What has happened stays true; but it is not started again. */
		{ guest_crashes, VM_CRASHED },
	};

	NEEDS_TWO_VMS();
	for (unsigned int r = 0; r < ARRAY_SIZE(rows); r++) {
		for (unsigned int destroy = 0; destroy < 2; destroy++) {
			settle();
			setup(state);
			vm->desc.on_crash = vm->desc.on_shutdown = VM_ACTION_RESTART;
			start();
			run_until_current();
			rows[r].end();
			assert_int_equal(vm->state, VM_STOPPING);
			assert_int_equal(destroy ? vm_destroy(vm) : vm_stop(vm), 0);
			current = fake_leave_guest(current);
			run_until(destroy ? VM_DEFINED : rows[r].stopped);
			current = fake_run_for(current, timer_us_to_ticks(1000000));
			assert_int_equal(vm->state, destroy ? VM_DEFINED : rows[r].stopped);
		}
	}
}

static void test_a_watchdogs_record_is_taken_even_of_a_vm_that_is_destroyed(void **state)
{
	NEEDS_TWO_VMS();
	start();
	run_until_current();
	vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
	assert_int_equal(vm_destroy(vm), 0);
	current = fake_leave_guest(current);
	run_until(VM_DEFINED);
	assert_int_equal(vm->crashes, 1);
	assert_true(fake_log_has("CRASHED"));
}

/* The guest resets itself as soon as it runs; for how many milliseconds it is off then. */
static uint64_t reset_once(void)
{
	uint64_t off = 0;

	run_until_current();
	vm_guest_reset(current, false);
	current = fake_leave_guest(current);
	for (unsigned int i = 0; i < 10000 && vm->state != VM_RUNNING; i++) {
		off += vm->state == VM_STOPPED;
		current = fake_run_for(current, timer_us_to_ticks(1000));
	}
	assert_int_equal(vm->state, VM_RUNNING);
	return off;
}

static void test_a_guest_that_resets_itself_over_and_over_waits_longer_each_time(void **state)
{
	static const unsigned int least[] = { 0, 20, 40, 80, 160, 320, 640, 1280, 1280, 1280 };

	NEEDS_TWO_VMS();
	vm->desc.restart_backoff_ms = 20;
	start();
	for (unsigned int i = 0; i < ARRAY_SIZE(least); i++)
		assert_in_range(reset_once(), least[i], least[i] + 2);
	assert_int_equal(vm->resets, ARRAY_SIZE(least));
	/* Ten seconds, and it may start over. */
	current = fake_run_for(current, timer_us_to_ticks(11000000));
	assert_int_equal(reset_once(), 0);
	assert_in_range(reset_once(), 20, 22);
	/* Whoever resets it from outside has no need to wait, nor does that count. */
	assert_int_equal(vm_reset(vm), 0);
	run_until(VM_RUNNING);
	assert_int_equal(reset_once(), 0);
}

static void test_resets_without_a_delay_of_their_own_wait_all_the_same(void **state)
{
	NEEDS_TWO_VMS();
	vm->desc.restart_backoff_ms = 0;
	start();
	reset_once();
	assert_in_range(reset_once(), 10, 12);
	assert_in_range(reset_once(), 20, 22);
}

static unsigned int reset_lines(unsigned int resets)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < resets; i++) {
		fake_log_clear();
		/* However fast: what makes them slow is another thing. */
		vm->resets_in_a_row = 0;
		reset_once();
		n += fake_log_has("vm: reset (");
	}
	return n;
}

static void test_the_log_does_not_fill_with_resets(void **state)
{
	unsigned int lines;
	uint64_t from;

	NEEDS_TWO_VMS();
	start();
	from = arch_counter();
	lines = reset_lines(100);
	assert_in_range(lines, 8, 9 + timer_ticks_to_us(arch_counter() - from) / 1000000);
}

static void test_a_guest_between_two_resets_is_stopped_destroyed_or_started(void **state)
{
	NEEDS_TWO_VMS();
	vm->desc.restart_backoff_ms = 60000;
	for (unsigned int i = 0; i < 20; i++) {
		start();
		reset_once();
		run_until_current();
		vm_guest_reset(current, false);
		current = fake_leave_guest(current);
		run_until(VM_STOPPED);
		assert_true(vm->restart_waits);
		if (i % 3 == 0) {
			start();
			assert_false(vm->restart_waits);
		} else if (i % 3 == 1) {
			assert_int_equal(vm_stop(vm), 0);
			current = fake_run_for(current, timer_us_to_ticks(70000000));
			assert_int_equal(vm->state, VM_STOPPED);
		}
		assert_int_equal(vm_destroy(vm), 0);
		run_until(VM_DEFINED);
	}
}

static void test_a_vm_that_cannot_get_what_it_wants_is_defined_again(void **state)
{
	struct page_stats before;

	NEEDS_TWO_VMS();
	before = stats();
	vm->desc.regions[0].size = vm->desc.ram_size = GIB(32);
	assert_int_equal(vm_start(vm), 0);
	run_until(VM_DEFINED);
	assert_true(fake_log_has("vm: cannot be loaded: not enough contiguous RAM"));
	assert_all_back(&before);
	vm->desc.regions[0].size = vm->desc.ram_size = MIB(4);
	start();
}

static void test_a_crash_is_restarted_as_the_policy_says(void **state)
{
	NEEDS_TWO_VMS();
	vm->desc.on_crash = VM_ACTION_RESTART;
	start();
	for (unsigned int n = 1; n <= 3; n++) {
		vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
		run_until(VM_CRASHED);
		assert_int_equal(vm->restarts, n);
		run_until(VM_RUNNING);
	}
	vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
	run_until(VM_CRASHED);
	current = fake_run_for(current, slice() * 50);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_int_equal(vm->crashes, 4);
	/* By hand it can be started again, and has all its restarts again. */
	start();
	vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
	run_until(VM_CRASHED);
	run_until(VM_RUNNING);
}

static void test_a_vm_that_ran_for_long_has_all_its_restarts_again(void **state)
{
	NEEDS_TWO_VMS();
	vm->desc.on_crash = VM_ACTION_RESTART;
	start();
	for (unsigned int n = 0; n < 10; n++) {
		current = fake_run_for(current, timer_us_to_ticks(11000000));
		vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
		run_until(VM_CRASHED);
		assert_int_equal(vm->restarts, 1);
		run_until(VM_RUNNING);
	}
}

static void test_a_stop_calls_off_the_restart_that_waits(void **state)
{
	NEEDS_TWO_VMS();
	vm->desc.on_crash = VM_ACTION_RESTART;
	vm->desc.restart_backoff_ms = 60000;
	start();
	vm_kill(vm, vm->life, VM_CRASH_WATCHDOG);
	run_until(VM_CRASHED);
	assert_true(vm->restart_waits);
	assert_int_equal(vm_stop(vm), 0);
	current = fake_run_for(current, timer_us_to_ticks(70000000));
	assert_int_equal(vm->state, VM_CRASHED);
}

static void test_a_vm_stopped_by_hand_is_not_restarted(void **state)
{
	NEEDS_TWO_VMS();
	vm->desc.on_shutdown = VM_ACTION_RESTART;
	start();
	assert_int_equal(vm_stop(vm), 0);
	run_until(VM_STOPPED);
	current = fake_run_for(current, slice() * 50);
	assert_int_equal(vm->state, VM_STOPPED);
	start();
	run_until_current();
	vm_guest_off(current);
	current = fake_leave_guest(current);
	run_until(VM_STOPPED);
	run_until(VM_RUNNING);
}

static void stop_when_all_is_written(const struct fake_tlb_op *op)
{
	if (vm->state == VM_LOADING && vm->load.nr_pieces && vm->load.piece == vm->load.nr_pieces)
		assert_int_equal(vm_stop(vm), 0);
}

static void test_a_stop_in_the_last_step_of_loading_is_not_lost(void **state)
{
	NEEDS_TWO_VMS();
	assert_int_equal(vm_start(vm), 0);
	/* What becomes a VM's is flushed from the TLBs just before it runs. */
	fake_tlb_hook = stop_when_all_is_written;
	run_until(VM_STOPPED);
	fake_tlb_hook = NULL;
	assert_int_equal(vm->nr_live_vcpus, 0);
	start();
}

static jmp_buf asleep;

static void stop_here(void)
{
	longjmp(asleep, 1);
}

static void end_all(void *unused)
{
	vm_keep_machine(true);
	assert_int_equal(vm_stop(busy), 0);
	fake_wfi = stop_here;
	if (!setjmp(asleep))
		fake_leave_guest(current);
	/* Not the end: another one is about to be started. This is seen from outside. */
	assert_int_equal(busy->state, VM_STOPPED);
	busy->reports = 77;
	vm_keep_machine(false);
}

static void test_the_machine_does_not_end_before_all_vms_are_started(void **state)
{
	NEEDS_TWO_VMS();
	assert_true(fake_panics(end_all, NULL));
	assert_non_null(strstr(fake_panic_text(), "the machine ended"));
	assert_int_equal(busy->reports, 77);
}

static void test_a_thousand_lives_leak_nothing(void **state)
{
	struct page_stats before;

	NEEDS_TWO_VMS();
	before = stats();
	for (unsigned int n = 0; n < CYCLES; n++) {
		start();
		assert_int_equal(vm->stage2.vmid, vm->id + 1);
		if (n % 3 == 0) {
			run_until_current();
			vm_crash(current, VM_CRASH_NO_VECTOR);
			current = fake_leave_guest(current);
			run_until(VM_CRASHED);
		} else if (n % 3 == 1) {
			assert_int_equal(vm_stop(vm), 0);
			run_until(VM_STOPPED);
		}
		fake_log_clear();
		assert_int_equal(vm_destroy(vm), 0);
		run_until(VM_DEFINED);
		assert_all_back(&before);
	}
	assert_int_equal(busy->state, VM_RUNNING);
}

static void test_random_requests_at_random_times_lose_nothing(void **state)
{
	struct page_stats before;

	NEEDS_TWO_VMS();
	before = stats();
	vm->desc.on_crash = VM_ACTION_RESTART;
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int request = random_below(ARRAY_SIZE(requests));
		int err = requests[request](vm);

		if (request == STOP || request == DESTROY)
			assert_int_equal(err, 0);
		assert_true(err == 0 || err == -EINVAL || err == -EBUSY);
		if (current->vm == vm && !random_below(4))
			(random_below(2) ? guest_crashes : guest_resets)();
		if (random_below(2))
			current = fake_leave_guest(current);
		if (random_below(2))
			current = fake_run_for(current, random_below((unsigned int)slice() * 3));
		fake_log_clear();
	}
	for (unsigned int i = 0; i < 100 && vm->state != VM_DEFINED; i++) {
		assert_int_equal(vm_destroy(vm), 0);
		current = fake_run_for(current, slice());
	}
	assert_int_equal(vm->state, VM_DEFINED);
	assert_all_back(&before);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_defined_vm_has_nothing_until_it_is_started),
		T(test_a_paused_vm_does_not_run_and_goes_on_where_it_was),
		T(test_a_blocked_vcpu_that_wakes_while_paused_runs_after_the_pause),
		T(test_a_paused_vms_timers_wait_with_it),
		T(test_a_watchdog_of_an_earlier_life_kills_nobody),
		T(test_a_paused_vm_can_be_stopped_and_reset),
		T(test_a_reset_clears_what_the_guest_has_done),
		T(test_moves_that_there_are_not_are_refused),
		T(test_between_two_states_a_request_is_told_to_wait),
		T(test_loading_is_called_off_by_a_stop_and_by_a_destroy),
		T(test_what_a_destroyed_vm_leaves_is_zero_before_anybody_can_have_it),
		T(test_clean_memory_is_not_cleared_again_and_dirty_memory_is),
		T(test_on_its_way_to_any_end_a_vm_is_stopped_and_destroyed_all_the_same),
		T(test_a_watchdogs_record_is_taken_even_of_a_vm_that_is_destroyed),
		T(test_a_guest_that_resets_itself_over_and_over_waits_longer_each_time),
		T(test_resets_without_a_delay_of_their_own_wait_all_the_same),
		T(test_the_log_does_not_fill_with_resets),
		T(test_a_guest_between_two_resets_is_stopped_destroyed_or_started),
		T(test_a_vm_that_cannot_get_what_it_wants_is_defined_again),
		T(test_the_console_stays_with_a_vm_that_ends_and_the_log_says_so),
		T(test_a_crash_is_restarted_as_the_policy_says),
		T(test_a_vm_that_ran_for_long_has_all_its_restarts_again),
		T(test_a_stop_calls_off_the_restart_that_waits),
		T(test_a_vm_stopped_by_hand_is_not_restarted),
		T(test_a_stop_in_the_last_step_of_loading_is_not_lost),
		T(test_the_machine_does_not_end_before_all_vms_are_started),
		T(test_a_thousand_lives_leak_nothing),
		T(test_random_requests_at_random_times_lose_nothing),
	};
#undef T

	random_seed("test_lifecycle");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
