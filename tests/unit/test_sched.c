// SPDX-License-Identifier: MIT
/*
 * The scheduler with real VMs, whose vCPUs do what the test says. On one CPU the test steps through exits;
 * on several, each CPU is a thread, and one of them at a time moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/irq.h"
#include "kernel/base/timer.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define NR_VMS		MIN(3, CONFIG_MAX_VMS)
#define TIMER_ON	1
#define PPI		20

static struct vm *vm[3];
static struct vcpu *v[3];
static struct vcpu *current;

static uint64_t slice(void)
{
	return timer_us_to_ticks(CONFIG_SCHED_SLICE_US);
}

/* Interrupts that woke vCPUs need the distributor on, and the CPU interface. */
static void enable_interrupts(struct vcpu *vcpu)
{
	vcpu->vm->vgic.enable_grp0 = true;
	vcpu->arch.ich.vmcr = UINT64_C(0xff) << 24 | 1;
	vcpu->vgic.priv[PPI].enabled = true;
	vcpu->vgic.priv[VGIC_VTIMER_INTID].enabled = true;
}

static void boot(unsigned int n)
{
	static const char *const names[] = { "a", "b", "c" };

	fake_machine_boot(1);
	for (unsigned int i = 0; i < n; i++) {
		vm[i] = fake_vm(names[i], 1);
		v[i] = vm[i]->vcpus[0];
		enable_interrupts(v[i]);
		fake_vm_start(vm[i]);
	}
	current = fake_run_until_guest(sched_run);
	this_cpu()->exit_work = false;
}

static struct vcpu *leave_guest(void)
{
	return current = fake_leave_guest(current);
}

static struct vcpu *run_for(uint64_t ticks)
{
	return current = fake_run_for(current, ticks);
}

static void sleep_until_timer(void)
{
	uint64_t next = MIN(fake_timer_deadline, fake_guest_timer(this_cpu()));

	if (next == UINT64_MAX)
		fail_msg("the CPU sleeps and nothing will wake it");
	fake_counter = MAX(fake_counter, next);
}

static int setup(void **state)
{
	if (NR_VMS == 3)
		boot(3);
	return 0;
}

#define NEEDS_THREE_VMS()	do { if (NR_VMS < 3) skip(); } while (0)

/* ---- one CPU ---- */

static void test_vcpus_take_turns_in_the_order_of_their_start(void **state)
{
	NEEDS_THREE_VMS();
	assert_ptr_equal(current, v[0]);
	for (unsigned int turn = 1; turn < 10; turn++) {
		assert_ptr_equal(run_for(slice() - 1), v[(turn - 1) % 3]);
		assert_ptr_equal(run_for(1), v[turn % 3]);
		assert_int_equal(current->state, VCPU_RUNNING);
		assert_int_equal(v[(turn + 1) % 3]->state, VCPU_READY);
		assert_ptr_equal(this_cpu()->current, current);
		assert_ptr_equal(this_cpu()->arch.loaded, current);
	}
}

static void test_time_on_the_cpu_is_shared_and_counted(void **state)
{
	NEEDS_THREE_VMS();
	run_for(slice() * 30);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(v[i]->run_ticks, 10 * slice());
		assert_true(v[i]->nr_switches >= 10);
	}
	assert_int_equal(this_cpu()->nr_switches, 31);
}

static void test_an_serror_is_the_vcpus_that_leaves(void **state)
{
	NEEDS_THREE_VMS();
	assert_ptr_equal(run_for(slice()), v[1]);
	fake_log_clear();
	fake_serror = true;
	assert_ptr_equal(run_for(slice()), v[2]);
	assert_false(fake_serror);
	assert_true(v[1]->arch.hcr & FAKE_HCR_VSE);
	assert_false((v[0]->arch.hcr | v[2]->arch.hcr) & FAKE_HCR_VSE);
	assert_true(fake_log_has("b: SError as vCPU 0 left its CPU, forwarded"));
}

static void test_a_lone_vcpu_has_no_tick_and_no_trap_on_wfi(void **state)
{
	boot(1);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
	assert_false(fake_vcpu.trap_wfe);
	assert_ptr_equal(run_for(slice() * 100), v[0]);
	assert_int_equal(v[0]->nr_switches, 1);
}

static void test_competition_starts_and_ends_the_tick(void **state)
{
	NEEDS_THREE_VMS();
	boot(2);
	assert_int_equal(fake_timer_deadline, fake_counter + slice());
	assert_true(fake_vcpu.trap_wfe);
	/* The other one blocks: no competition. */
	assert_ptr_equal(run_for(slice()), v[1]);
	sched_block(v[1]);
	assert_ptr_equal(leave_guest(), v[0]);
	assert_int_equal(fake_timer_deadline, UINT64_MAX);
	assert_false(fake_vcpu.trap_wfe);
	/* It wakes: a whole slice for the one that runs. */
	fake_counter += 12345;
	vgic_set_line(v[1], PPI, true);
	assert_ptr_equal(leave_guest(), v[0]);
	assert_int_equal(fake_timer_deadline, fake_counter + slice());
	assert_true(fake_vcpu.trap_wfe);
	assert_ptr_equal(run_for(slice()), v[1]);
}

static void test_a_wake_up_does_not_lengthen_the_slice(void **state)
{
	uint64_t end;

	NEEDS_THREE_VMS();
	assert_ptr_equal(run_for(slice()), v[1]);
	sched_block(v[1]);
	assert_ptr_equal(leave_guest(), v[2]);
	end = fake_timer_deadline;
	run_for(slice() / 2);
	vgic_set_line(v[1], PPI, true);
	assert_ptr_equal(leave_guest(), v[2]);
	assert_int_equal(fake_timer_deadline, end);
	/* And the woken one stands last. */
	assert_ptr_equal(run_for(slice() / 2), v[0]);
	assert_ptr_equal(run_for(slice()), v[1]);
}

static void test_yielding_lets_the_next_one_run(void **state)
{
	NEEDS_THREE_VMS();
	run_for(slice() / 2);
	sched_yield(current);
	assert_ptr_equal(leave_guest(), v[1]);
	/* With a slice of its own. */
	assert_int_equal(fake_timer_deadline, fake_counter + slice());
	sched_yield(current);
	assert_ptr_equal(leave_guest(), v[2]);
	sched_yield(current);
	assert_ptr_equal(leave_guest(), v[0]);
}

static void test_yielding_alone_goes_on(void **state)
{
	boot(1);
	for (unsigned int i = 0; i < 3; i++) {
		sched_yield(current);
		assert_ptr_equal(leave_guest(), v[0]);
	}
	assert_int_equal(v[0]->nr_switches, 1);
	assert_int_equal(v[0]->state, VCPU_RUNNING);
	assert_false(v[0]->vgic.in_memory);
}

static void test_a_blocked_vcpu_does_not_run_until_it_is_woken(void **state)
{
	NEEDS_THREE_VMS();
	sched_block(current);
	assert_ptr_equal(leave_guest(), v[1]);
	assert_int_equal(v[0]->state, VCPU_BLOCKED);
	for (unsigned int i = 0; i < 6; i++)
		assert_ptr_not_equal(run_for(slice()), v[0]);
	vgic_set_line(v[0], PPI, true);
	assert_int_equal(v[0]->state, VCPU_READY);
	run_for(slice());
	assert_ptr_equal(run_for(slice()), v[0]);
}

static void test_an_interrupt_that_is_there_already_ends_the_block_at_once(void **state)
{
	NEEDS_THREE_VMS();
	vgic_set_line(v[0], PPI, true);
	sched_block(v[0]);
	assert_ptr_equal(leave_guest(), v[0]);
	assert_int_equal(v[0]->state, VCPU_RUNNING);
	assert_int_equal(v[0]->vgic.used_lrs, 1);
}

static void test_an_interrupt_between_block_and_exit_is_not_lost(void **state)
{
	NEEDS_THREE_VMS();
	sched_block(v[0]);
	vgic_set_line(v[0], PPI, true);
	assert_ptr_equal(leave_guest(), v[0]);
	assert_int_equal(v[0]->state, VCPU_RUNNING);
	assert_int_equal(v[0]->vgic.used_lrs, 1);
}

static void test_kicking_makes_a_running_vcpu_look_at_its_interrupts(void **state)
{
	NEEDS_THREE_VMS();
	assert_false(this_cpu()->exit_work);
	vgic_set_line(v[0], PPI, true);
	assert_true(this_cpu()->exit_work);
	assert_ptr_equal(leave_guest(), v[0]);
	assert_int_equal(v[0]->vgic.used_lrs, 1);
	/* One that waits for its turn, or is off, is left alone. */
	sched_kick(v[1]);
	assert_false(this_cpu()->exit_work);
	assert_int_equal(v[1]->state, VCPU_READY);
	v[2]->state = VCPU_OFF;
	sched_kick(v[2]);
	assert_int_equal(v[2]->state, VCPU_OFF);
	assert_false(this_cpu()->exit_work);
}

static void set_vtimer(struct vcpu *vcpu, uint64_t deadline)
{
	vcpu->arch.vtimer.ctl = TIMER_ON;
	vcpu->arch.vtimer.cval = deadline - vcpu->vm->cntvoff;
}

static void test_a_blocked_vcpu_wakes_when_its_timer_is_due(void **state)
{
	NEEDS_THREE_VMS();
	set_vtimer(v[0], 2 * slice() + slice() / 2);
	sched_block(v[0]);
	assert_ptr_equal(leave_guest(), v[1]);
	run_for(2 * slice());
	assert_int_equal(v[0]->state, VCPU_BLOCKED);
	run_for(slice() / 2 - 1);
	assert_int_equal(v[0]->state, VCPU_BLOCKED);
	run_for(1);
	assert_int_equal(v[0]->state, VCPU_READY);
	assert_true(fake_counter == 2 * slice() + slice() / 2);
	while (current != v[0])
		run_for(slice());
	/* It finds its timer's interrupt. */
	assert_int_equal(v[0]->vgic.used_lrs, 1);
}

static void test_all_asleep_the_cpu_waits_for_the_first_timer(void **state)
{
	NEEDS_THREE_VMS();
	fake_wfi = sleep_until_timer;
	set_vtimer(v[0], 9000);
	set_vtimer(v[1], 7000);
	set_vtimer(v[2], 8000);
	for (unsigned int i = 0; i < 2; i++) {
		sched_block(current);
		assert_ptr_equal(leave_guest(), v[i + 1]);
	}
	sched_block(v[2]);
	assert_ptr_equal(leave_guest(), v[1]);
	assert_int_equal(fake_counter, 7000);
	assert_false(this_cpu()->idle);
	v[1]->arch.vtimer.ctl = 0;
	vgic_set_timer_line(v[1], false);
	set_vtimer(v[1], 20000);
	sched_block(v[1]);
	assert_ptr_equal(leave_guest(), v[2]);
	assert_int_equal(fake_counter, 8000);
}

static void test_a_timer_that_is_due_already_wakes_at_once(void **state)
{
	NEEDS_THREE_VMS();
	boot(1);
	fake_wfi = sleep_until_timer;
	fake_counter = 5000;
	set_vtimer(v[0], 10);
	sched_block(v[0]);
	assert_ptr_equal(leave_guest(), v[0]);
	assert_int_equal(fake_counter, 5000);
}

static void test_a_masked_timer_wakes_nobody(void **state)
{
	NEEDS_THREE_VMS();
	v[0]->arch.vtimer.ctl = TIMER_ON | 2;
	v[0]->arch.vtimer.cval = 100;
	sched_block(v[0]);
	leave_guest();
	run_for(10 * slice());
	assert_int_equal(v[0]->state, VCPU_BLOCKED);
}

static void test_a_woken_vcpu_leaves_no_timer_behind(void **state)
{
	NEEDS_THREE_VMS();
	set_vtimer(v[0], 100 * slice());
	sched_block(v[0]);
	leave_guest();
	assert_true(timer_is_armed(&v[0]->wake_timer));
	vgic_set_line(v[0], PPI, true);
	assert_false(timer_is_armed(&v[0]->wake_timer));
}

static void test_a_vm_that_switches_off_runs_no_more_and_the_others_do(void **state)
{
	NEEDS_THREE_VMS();
	vm_guest_off(v[0]);
	assert_ptr_equal(leave_guest(), v[1]);
	assert_int_equal(v[0]->state, VCPU_OFF);
	assert_int_equal(vm[0]->state, VM_STOPPED);
	for (unsigned int i = 0; i < 6; i++)
		assert_ptr_not_equal(run_for(slice()), v[0]);
	sched_kick(v[0]);
	vgic_set_line(v[0], PPI, true);
	assert_int_equal(v[0]->state, VCPU_OFF);
}

static void test_a_vm_that_resets_starts_again_at_the_end_of_the_queue(void **state)
{
	NEEDS_THREE_VMS();
	v[0]->arch.frame.x[5] = 77;
	vm_guest_reset(v[0], false);
	assert_ptr_equal(leave_guest(), v[1]);
	assert_int_equal(vm[0]->state, VM_LOADING);
	assert_int_equal(vm[0]->resets, 1);
	/* Loading goes on by a step a switch, and the others have their turns meanwhile. */
	for (unsigned int i = 0; i < 20 && vm[0]->state == VM_LOADING; i++)
		assert_ptr_equal(run_for(slice()), v[1 + (i + 1) % 2]);
	assert_int_equal(vm[0]->state, VM_RUNNING);
	assert_int_equal(v[0]->arch.frame.x[5], 0);
	assert_int_equal(v[0]->arch.frame.elr, vm[0]->entry.pc);
	run_for(slice() * 2);
	assert_true(current == v[0] || v[0]->run_ticks > 0);
}

static void test_a_vm_that_crashes_takes_nobody_with_it(void **state)
{
	NEEDS_THREE_VMS();
	vm_crash(v[0], VM_CRASH_NO_VECTOR);
	assert_ptr_equal(leave_guest(), v[1]);
	assert_int_equal(vm[0]->state, VM_CRASHED);
	assert_int_equal(vm[0]->crash_reason, VM_CRASH_NO_VECTOR);
	assert_true(fake_log_has("a: CRASHED on vCPU 0"));
	assert_ptr_equal(run_for(slice()), v[2]);
	assert_ptr_equal(run_for(slice()), v[1]);
}

static void all_off(void *crash)
{
	for (unsigned int i = 0; i < 3; i++) {
		if (i == 1 && crash)
			vm_crash(current, VM_CRASH_NO_VECTOR);
		else
			vm_guest_off(current);
		leave_guest();
	}
}

static void test_the_machine_ends_with_its_last_vm(void **state)
{
	NEEDS_THREE_VMS();
	assert_true(fake_panics(all_off, NULL));
	assert_string_equal(fake_panic_text(), "the machine ended with success");
	boot(3);
	assert_true(fake_panics(all_off, &current));
	assert_string_equal(fake_panic_text(), "the machine ended with failure");
}

static void test_whoever_is_ready_runs_within_a_round(void **state)
{
	uint64_t last_run[3] = { 0 };

	NEEDS_THREE_VMS();
	fake_wfi = sleep_until_timer;
	for (unsigned int step = 0; step < 20000; step++) {
		struct vcpu *some = v[random_below(3)];

		switch (random_below(6)) {
		case 0:
			sched_yield(current);
			break;
		case 1:
			/* Never without a way to wake. */
			set_vtimer(current, fake_counter + 1 + random_below((unsigned int)slice() * 2));
			sched_block(current);
			break;
		case 2:
			vgic_set_line(some, PPI, true);
			break;
		case 3:
			vgic_set_line(some, PPI, false);
			break;
		default:
			run_for(random_below((unsigned int)slice()));
		}
		leave_guest();
		for (unsigned int i = 0; i < 3; i++) {
			bool is_current = v[i] == current;

			assert_int_equal(v[i]->state == VCPU_RUNNING, is_current);
			assert_int_equal(!list_empty(&v[i]->rq_link), v[i]->state == VCPU_READY);
			if (v[i]->state != VCPU_READY)
				last_run[i] = fake_counter;
			assert_true(fake_counter - last_run[i] <= 3 * slice());
		}
	}
}

/* ---- several CPUs ---- */

static void be(unsigned int cpu)
{
	arch_set_this_cpu(&cpus[cpu]);
}

static jmp_buf asleep;

static void stop_here(void)
{
	longjmp(asleep, 1);
}

static void test_new_vcpus_spread_over_the_cpus(void **state)
{
	if (NR_VMS < 3 || CONFIG_NR_CPUS < 3)
		skip();
	fake_machine_boot(3);
	for (unsigned int i = 0; i < 3; i++) {
		vm[i] = fake_vm("x", 1);
		fake_vm_start(vm[i]);
		assert_ptr_equal(vm[i]->vcpus[0]->cpu, &cpus[i]);
		/* Those that are not this CPU are told. */
		assert_int_equal(fake_ipis[i], i != 0);
	}
}

static void test_an_interrupt_for_a_vcpu_elsewhere_sends_an_ipi(void **state)
{
	struct vcpu *there;

	if (NR_VMS < 3 || CONFIG_NR_CPUS < 2)
		skip();
	fake_machine_boot(2);
	for (unsigned int i = 0; i < 2; i++) {
		vm[i] = fake_vm("x", 1);
		v[i] = vm[i]->vcpus[0];
		enable_interrupts(v[i]);
		fake_vm_start(vm[i]);
	}
	be(1);
	there = fake_run_until_guest(sched_run);
	assert_ptr_equal(there, v[1]);
	be(0);
	current = fake_run_until_guest(sched_run);
	assert_ptr_equal(current, v[0]);
	cpus[1].exit_work = false;
	fake_ipis[1] = 0;
	vgic_set_line(v[1], PPI, true);
	assert_int_equal(fake_ipis[1], 1);
	assert_true(cpus[1].exit_work);
	/* There it goes into a list register. */
	be(1);
	assert_ptr_equal(sched_exit_work(v[1]), v[1]);
	assert_int_equal(v[1]->vgic.used_lrs, 1);
	be(0);
}

static void test_an_idle_cpu_takes_what_a_busy_one_cannot_run(void **state)
{
	if (NR_VMS < 3 || CONFIG_NR_CPUS < 2)
		skip();
	fake_machine_boot(1);
	for (unsigned int i = 0; i < 2; i++) {
		vm[i] = fake_vm("x", 1);
		v[i] = vm[i]->vcpus[0];
		fake_vm_start(vm[i]);
	}
	current = fake_run_until_guest(sched_run);
	assert_ptr_equal(current, v[0]);
	sched_init_cpu(&cpus[1]);
	cpus[1].online = true;
	be(1);
	assert_ptr_equal(fake_run_until_guest(sched_run), v[1]);
	assert_ptr_equal(v[1]->cpu, &cpus[1]);
	be(0);
	/* No competition any more here. */
	this_cpu()->exit_work = true;
	assert_ptr_equal(leave_guest(), v[0]);
	assert_int_equal(fake_timer_deadlines[0], UINT64_MAX);
}

static void test_a_vcpu_stays_on_the_cpus_that_it_is_allowed(void **state)
{
	if (NR_VMS < 3 || CONFIG_NR_CPUS < 3)
		skip();
	fake_machine_boot(3);
	for (unsigned int i = 0; i < 3; i++) {
		vm[i] = fake_vm("x", 1);
		vm[i]->vcpus[0]->cpu_mask = BIT(2);
		fake_vm_start(vm[i]);
		assert_ptr_equal(vm[i]->vcpus[0]->cpu, &cpus[2]);
	}
	be(2);
	current = fake_run_until_guest(sched_run);
	assert_ptr_equal(current, vm[0]->vcpus[0]);
	be(0);
	/* The others idle all the same. */
	fake_wfi = stop_here;
	if (!setjmp(asleep))
		fake_run_until_guest(sched_run);
	assert_null(cpus[0].current);
	assert_true(cpus[0].idle);
	assert_int_equal(cpus[2].rq.nr_queued, 2);
}

/* CPU 0 has two: who idles is told only if it may run the one that waits. */
static void test_an_idle_cpu_is_woken_only_for_what_it_may_run(void **state)
{
	if (NR_VMS < 3 || CONFIG_NR_CPUS < 3)
		skip();
	fake_machine_boot(1);
	for (unsigned int i = 0; i < 2; i++) {
		vm[i] = fake_vm("x", 1);
		v[i] = vm[i]->vcpus[0];
		v[i]->cpu_mask = BIT(0);
		fake_vm_start(vm[i]);
	}
	for (unsigned int i = 1; i < 3; i++) {
		sched_init_cpu(&cpus[i]);
		cpus[i].online = true;
		cpus[i].idle = true;
	}
	current = fake_run_until_guest(sched_run);
	assert_int_equal(fake_ipis[1] + fake_ipis[2], 0);
	run_for(slice());
	assert_int_equal(fake_ipis[1] + fake_ipis[2], 0);
	/* Not the first who idles, but the first who is allowed to. */
	v[0]->cpu_mask = v[1]->cpu_mask = BIT(0) | BIT(2);
	run_for(slice());
	assert_int_equal(fake_ipis[1], 0);
	assert_int_equal(fake_ipis[2], 1);
}

static void test_stopping_a_vm_takes_all_its_vcpus_off_wherever_they_are(void **state)
{
	struct vm *smp;

	if (CONFIG_MAX_VCPUS < 4 || CONFIG_NR_CPUS < 2 || NR_VMS < 3)
		skip();
	fake_machine_boot(2);
	smp = fake_vm("smp", 4);
	vm[1] = fake_vm("other", 1);
	fake_vm_start(smp);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(vm_cpu_on(smp, i, smp->entry.pc, i), 0);
	assert_int_equal(smp->nr_live_vcpus, 4);
	/* One of them blocked, one on each CPU, one waiting. */
	be(1);
	assert_ptr_equal(fake_run_until_guest(sched_run), smp->vcpus[1]);
	be(0);
	assert_ptr_equal(fake_run_until_guest(sched_run), smp->vcpus[0]);
	sched_block(smp->vcpus[0]);
	current = sched_exit_work(smp->vcpus[0]);
	assert_ptr_equal(current, smp->vcpus[2]);
	fake_vm_start(vm[1]);
	assert_int_equal(smp->vcpus[3]->state, VCPU_READY);

	fake_ipis[1] = 0;
	vm_guest_off(current);
	assert_int_equal(smp->vcpus[0]->state, VCPU_OFF);
	assert_int_equal(smp->vcpus[3]->state, VCPU_OFF);
	assert_int_equal(fake_ipis[1], 1);
	current = sched_exit_work(current);
	assert_int_equal(smp->vcpus[2]->state, VCPU_OFF);
	assert_ptr_equal(current->vm, vm[1]);
	assert_int_equal(smp->state, VM_STOPPING);
	be(1);
	/* Nothing is left for it but sleep; it finishes the VM before. */
	fake_wfi = stop_here;
	if (!setjmp(asleep))
		sched_exit_work(smp->vcpus[1]);
	be(0);
	assert_int_equal(smp->state, VM_STOPPED);
	assert_int_equal(smp->vcpus[1]->state, VCPU_OFF);
	assert_int_equal(smp->nr_live_vcpus, 0);
}

static void test_a_vcpu_can_be_switched_on_once(void **state)
{
	struct vm *smp;

	if (CONFIG_MAX_VCPUS < 2)
		skip();
	fake_machine_boot(1);
	smp = fake_vm("smp", 2);
	/* Not before its VM runs. */
	assert_int_equal(vm_cpu_on(smp, 1, smp->entry.pc, 9), -3);
	fake_vm_start(smp);
	assert_int_equal(vm_affinity_info(smp, 1, 0), 1);
	assert_int_equal(vm_cpu_on(smp, 1, 0x1000, 9), -9);
	assert_int_equal(vm_cpu_on(smp, 1, smp->entry.pc + 2, 9), -9);
	assert_int_equal(vm_cpu_on(smp, 1, UINT64_MAX - 3, 9), -9);
	assert_int_equal(vm_cpu_on(smp, 2, smp->entry.pc, 9), -2);
	assert_int_equal(vm_cpu_on(smp, 1, smp->entry.pc, 9), 0);
	assert_int_equal(smp->vcpus[1]->arch.frame.x[0], 9);
	assert_int_equal(smp->vcpus[1]->arch.frame.elr, smp->entry.pc);
	assert_int_equal(vm_cpu_on(smp, 1, smp->entry.pc, 9), -4);
	assert_int_equal(vm_affinity_info(smp, 1, 0), 0);
	assert_int_equal(vm_affinity_info(smp, 7, 0), -2);
	current = fake_run_until_guest(sched_run);
	assert_ptr_equal(current, smp->vcpus[0]);
	assert_ptr_equal(run_for(slice()), smp->vcpus[1]);
	/* Off by itself, and on again. */
	sched_stop(current);
	assert_ptr_equal(leave_guest(), smp->vcpus[0]);
	assert_int_equal(vm_affinity_info(smp, 1, 0), 1);
	assert_int_equal(smp->state, VM_RUNNING);
	assert_int_equal(vm_cpu_on(smp, 1, smp->entry.pc, 10), 0);
	assert_int_equal(smp->vcpus[1]->arch.frame.x[0], 10);
}

/* ---- several CPUs at random: each is in a guest or asleep, and they step one after another ---- */

#define STEP_CPUS	MIN(3, CONFIG_NR_CPUS)
#define MAX_VCPU	6

static struct vcpu *all[MAX_VCPU];
static unsigned int nr_all;

static void sleep_or_wake(void)
{
	if (MIN(fake_timer_deadlines[this_cpu()->id], fake_guest_timer(this_cpu())) > fake_counter)
		longjmp(asleep, 1);
}

/*
 * The test has jumped out of its WFI: on from there, with the time until now counted as it would have been.
 */
static void go_on_halted(struct vcpu *vcpu)
{
	vcpu->halted_ticks += fake_counter - vcpu->run_since;
	vcpu->run_since = fake_counter;
	vcpu->halted = false;
	WRITE_ONCE(this_cpu()->idle, false);
	sched_exit_work(vcpu);
}

/* One exit of the CPU's guest, or one look around of a CPU that sleeps. */
static void step_cpu(unsigned int cpu, void (*action)(struct vcpu *vcpu))
{
	struct vcpu *vcpu = cpus[cpu].current;

	be(cpu);
	if (!setjmp(asleep)) {
		if (!vcpu) {
			fake_run_until_guest(sched_run);
		} else {
			if (action && !vcpu->halted)
				action(vcpu);
			irq_handle();
			if (vcpu->halted)
				go_on_halted(vcpu);
			else if (READ_ONCE(this_cpu()->exit_work))
				sched_exit_work(vcpu);
		}
	}
	be(0);
}

static void random_action(struct vcpu *vcpu)
{
	switch (random_below(8)) {
	case 0:
		sched_yield(vcpu);
		break;
	case 1:
	case 2:
		set_vtimer(vcpu, fake_counter + 1 + random_below((unsigned int)slice() * 2));
		sched_block(vcpu);
		break;
	case 3:
		if (vcpu->vm->nr_vcpus > 1)
			(void)vm_cpu_on(vcpu->vm, random_below(vcpu->vm->nr_vcpus), vcpu->vm->entry.pc, 0);
		break;
	case 4:
		/* A VM whose vCPUs are all off is over; the boot vCPU stays. */
		if (vcpu->id)
			sched_stop(vcpu);
		break;
	case 5:
		if (random_below(20) == 0)
			vm_guest_reset(vcpu, random_below(2));
		break;
	default:
		vgic_set_line(all[random_below(nr_all)], PPI, random_below(2));
	}
	if (!vcpu->vgic.priv[PPI].enabled)
		enable_interrupts(vcpu);
}

static void check_states(void)
{
	unsigned int queued[CONFIG_NR_CPUS] = { 0 };

	for (unsigned int i = 0; i < nr_all; i++) {
		const struct vcpu *vcpu = all[i];
		bool on_cpu = false;

		for (unsigned int c = 0; c < STEP_CPUS; c++) {
			if (cpus[c].current != vcpu)
				continue;
			assert_false(on_cpu);
			assert_ptr_equal(cpus[c].arch.loaded, vcpu);
			on_cpu = true;
		}
		assert_int_equal(vcpu->state == VCPU_RUNNING, on_cpu);
		assert_int_equal(vcpu->state == VCPU_READY, !list_empty(&vcpu->rq_link));
		if (vcpu->state == VCPU_READY)
			queued[vcpu->cpu->id]++;
	}
	for (unsigned int c = 0; c < STEP_CPUS; c++)
		assert_int_equal(cpus[c].rq.nr_queued, queued[c]);
}

/* Left to themselves for a while, the CPUs run everybody who was ready. */
static void check_all_ready_run(void)
{
	uint64_t switches[MAX_VCPU];
	bool ready[MAX_VCPU];

	for (unsigned int i = 0; i < nr_all; i++) {
		switches[i] = all[i]->nr_switches;
		ready[i] = all[i]->state == VCPU_READY;
	}
	for (unsigned int round = 0; round < 4 * MAX_VCPU; round++) {
		fake_counter += slice() / 2;
		for (unsigned int c = 0; c < STEP_CPUS; c++)
			step_cpu(c, NULL);
	}
	for (unsigned int i = 0; i < nr_all; i++)
		assert_true(!ready[i] || all[i]->nr_switches > switches[i]);
}

static void test_no_vcpu_is_lost_or_doubled_among_cpus(void **state)
{
	unsigned int smp_vcpus = MIN(4, CONFIG_MAX_VCPUS);

	if (NR_VMS < 3)
		skip();
	fake_machine_boot(STEP_CPUS);
	nr_all = 0;
	for (unsigned int i = 0; i < 3; i++) {
		struct vm *one = fake_vm("x", i ? 1 : smp_vcpus);

		for (unsigned int n = 0; n < one->nr_vcpus; n++)
			all[nr_all++] = one->vcpus[n];
		fake_vm_start(one);
	}
	fake_wfi = sleep_or_wake;
	for (unsigned int step = 0; step < 30000; step++) {
		fake_counter += random_below((unsigned int)slice() / 4);
		step_cpu(random_below(STEP_CPUS), random_action);
		check_states();
		if (step % 500 == 499)
			check_all_ready_run();
	}
}

/* ---- nobody idles while somebody waits, and all wait alike ---- */

static void boot_cpus(unsigned int nr_cpus, unsigned int nr_guests)
{
	fake_machine_boot(nr_cpus);
	for (unsigned int i = 0; i < nr_guests; i++) {
		vm[i] = fake_vm("x", 1);
		v[i] = vm[i]->vcpus[0];
		enable_interrupts(v[i]);
		fake_vm_start(vm[i]);
	}
	fake_wfi = sleep_or_wake;
}

static void run_cpus(unsigned int nr_cpus, unsigned int slices, void (*action)(struct vcpu *vcpu))
{
	for (unsigned int i = 0; i < 20 * slices; i++) {
		for (unsigned int c = 0; c < nr_cpus; c++)
			step_cpu(c, action);
		fake_counter += slice() / 20;
	}
}

static uint64_t run_time(const struct vcpu *vcpu)
{
	return vcpu->run_ticks + (vcpu->state == VCPU_RUNNING ? fake_counter - vcpu->run_since : 0);
}

static void test_three_that_spin_share_two_cpus_alike(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	if (NR_VMS < 3 || CONFIG_NR_CPUS < 2)
		skip();
	boot_cpus(2, 3);
	run_cpus(2, 60, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		least = MIN(least, run_time(v[i]));
		most = MAX(most, run_time(v[i]));
	}
	/* Two thirds of 60 slices each, within three slices. */
	assert_true(least >= 37 * slice() && most <= 43 * slice());
}

static void sleep_if_second(struct vcpu *vcpu)
{
	if (vcpu == v[1])
		sched_block(vcpu);
}

static void test_a_guest_that_only_sleeps_leaves_its_cpu_to_who_waits(void **state)
{
	if (NR_VMS < 3 || CONFIG_NR_CPUS < 2)
		skip();
	boot_cpus(2, 3);
	run_cpus(2, 40, sleep_if_second);
	/* The two that spin have a CPU each. */
	assert_true(run_time(v[0]) >= 37 * slice());
	assert_true(run_time(v[2]) >= 37 * slice());
	assert_true(run_time(v[1]) <= slice());
}

static void test_one_that_waits_alone_stays_loaded_and_counts_as_idle(void **state)
{
	if (CONFIG_NR_CPUS < 2)
		skip();
	boot_cpus(1, 1);
	step_cpu(0, NULL);
	assert_ptr_equal(cpus[0].current, v[0]);
	set_vtimer(v[0], fake_counter + 5000);
	sched_block(v[0]);
	step_cpu(0, NULL);
	assert_true(v[0]->halted);
	assert_true(cpus[0].idle);
	assert_int_equal(v[0]->state, VCPU_RUNNING);
	fake_counter += 5000;
	step_cpu(0, NULL);
	/* It goes on without a switch, and what it slept is not counted as run. */
	assert_false(v[0]->halted);
	assert_false(cpus[0].idle);
	assert_int_equal(v[0]->nr_switches, 1);
	assert_int_equal(v[0]->run_ticks, 0);
	assert_int_equal(v[0]->halted_ticks, 5000);
	assert_int_equal(v[0]->stolen_ticks, 0);
	assert_int_equal(v[0]->vgic.used_lrs, 1);
}

static void test_a_burst_of_wake_ups_spreads_over_the_idle_cpus(void **state)
{
	if (NR_VMS < 3 || CONFIG_NR_CPUS < 3)
		skip();
	boot_cpus(3, 3);
	for (unsigned int i = 0; i < 3; i++) {
		/* All of them have slept on the first CPU last. */
		v[i]->state = VCPU_BLOCKED;
		list_del(&v[i]->rq_link);
		v[i]->cpu->rq.nr_queued = 0;
		v[i]->cpu = &cpus[0];
	}
	for (unsigned int c = 0; c < 3; c++)
		step_cpu(c, NULL);
	for (unsigned int i = 0; i < 3; i++)
		vgic_set_line(v[i], PPI, true);
	for (unsigned int c = 0; c < 3; c++)
		assert_int_equal(cpus[c].rq.nr_queued, 1);
}

static void test_stop_and_pause_reach_a_halted_vcpu(void **state)
{
	NEEDS_THREE_VMS();
	boot_cpus(1, 2);
	step_cpu(0, NULL);
	/* The other one sleeps, too. */
	sched_yield(v[0]);
	step_cpu(0, NULL);
	sched_block(v[1]);
	step_cpu(0, NULL);
	assert_ptr_equal(cpus[0].current, v[0]);
	sched_block(v[0]);
	step_cpu(0, NULL);
	assert_true(v[0]->halted);
	sched_pause(v[0]);
	step_cpu(0, NULL);
	assert_int_equal(v[0]->state, VCPU_BLOCKED);
	assert_false(v[0]->halted);
	assert_null(cpus[0].current);
	/* What comes meanwhile parks it; the time until then and from then on is nobody's theft. */
	vgic_set_line(v[0], PPI, true);
	assert_true(v[0]->parked);
	fake_counter += 100000;
	sched_resume(v[0]);
	step_cpu(0, NULL);
	assert_ptr_equal(cpus[0].current, v[0]);
	assert_int_equal(v[0]->stolen_ticks, 0);
	vgic_set_line(v[0], PPI, false);
	sched_block(v[0]);
	step_cpu(0, NULL);
	assert_true(v[0]->halted);
	sched_request_stop(v[0]);
	step_cpu(0, NULL);
	assert_int_equal(v[0]->state, VCPU_OFF);
}

/*
 * Going on would not give it the interrupt: it would come back at once, while another CPU waits for its turn.
 */
static void test_wfi_in_a_frozen_vm_waits_for_the_thaw(void **state)
{
	struct vcpu *other;

	if (CONFIG_MAX_VCPUS < 2)
		skip();
	fake_machine_boot(1);
	vm[0] = fake_vm("x", 2);
	v[0] = vm[0]->vcpus[0];
	other = vm[0]->vcpus[1];
	enable_interrupts(v[0]);
	fake_vm_start(vm[0]);
	fake_wfi = sleep_or_wake;
	step_cpu(0, NULL);
	vgic_freeze(other);
	vgic_set_line(v[0], PPI, true);
	sched_block(v[0]);
	step_cpu(0, NULL);
	assert_true(v[0]->halted);
	vgic_thaw(other);
	step_cpu(0, NULL);
	assert_false(v[0]->halted);
	assert_int_equal(v[0]->vgic.used_lrs, 1);
}

/* The timer's interrupt is disabled while its time comes; who enables it then wakes the vCPU. */
static void test_enabling_the_interrupt_of_a_timer_that_is_due_wakes(void **state)
{
	struct virq *irq;

	for (unsigned int loaded = 0; loaded < 2; loaded++) {
		NEEDS_THREE_VMS();
		boot_cpus(1, loaded ? 1 : 2);
		step_cpu(0, NULL);
		irq = &v[0]->vgic.priv[VGIC_VTIMER_INTID];
		irq->enabled = false;
		set_vtimer(v[0], fake_counter + 1000);
		sched_block(v[0]);
		step_cpu(0, NULL);
		assert_int_equal(v[0]->state, loaded ? VCPU_RUNNING : VCPU_BLOCKED);
		fake_counter += 1000;
		step_cpu(0, NULL);
		assert_int_equal(v[0]->state, loaded ? VCPU_RUNNING : VCPU_BLOCKED);
		assert_int_equal(v[0]->halted, loaded);
		spin_lock(&v[0]->vgic.lock);
		vgic_open(irq);
		irq->enabled = true;
		vgic_close(irq);
		spin_unlock(&v[0]->vgic.lock);
		if (loaded)
			step_cpu(0, NULL);
		assert_int_equal(v[0]->state, loaded ? VCPU_RUNNING : VCPU_READY);
		assert_false(v[0]->halted);
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_vcpus_take_turns_in_the_order_of_their_start),
		T(test_time_on_the_cpu_is_shared_and_counted),
		T(test_an_serror_is_the_vcpus_that_leaves),
		T(test_a_lone_vcpu_has_no_tick_and_no_trap_on_wfi),
		T(test_competition_starts_and_ends_the_tick),
		T(test_a_wake_up_does_not_lengthen_the_slice),
		T(test_yielding_lets_the_next_one_run),
		T(test_yielding_alone_goes_on),
		T(test_a_blocked_vcpu_does_not_run_until_it_is_woken),
		T(test_an_interrupt_that_is_there_already_ends_the_block_at_once),
		T(test_an_interrupt_between_block_and_exit_is_not_lost),
		T(test_kicking_makes_a_running_vcpu_look_at_its_interrupts),
		T(test_a_blocked_vcpu_wakes_when_its_timer_is_due),
		T(test_all_asleep_the_cpu_waits_for_the_first_timer),
		T(test_a_timer_that_is_due_already_wakes_at_once),
		T(test_a_masked_timer_wakes_nobody),
		T(test_a_woken_vcpu_leaves_no_timer_behind),
		T(test_a_vm_that_switches_off_runs_no_more_and_the_others_do),
		T(test_a_vm_that_resets_starts_again_at_the_end_of_the_queue),
		T(test_a_vm_that_crashes_takes_nobody_with_it),
		T(test_the_machine_ends_with_its_last_vm),
		T(test_whoever_is_ready_runs_within_a_round),
		T(test_new_vcpus_spread_over_the_cpus),
		T(test_an_interrupt_for_a_vcpu_elsewhere_sends_an_ipi),
		T(test_an_idle_cpu_takes_what_a_busy_one_cannot_run),
		T(test_a_vcpu_stays_on_the_cpus_that_it_is_allowed),
		T(test_an_idle_cpu_is_woken_only_for_what_it_may_run),
		T(test_stopping_a_vm_takes_all_its_vcpus_off_wherever_they_are),
		T(test_a_vcpu_can_be_switched_on_once),
		T(test_no_vcpu_is_lost_or_doubled_among_cpus),
		T(test_three_that_spin_share_two_cpus_alike),
		T(test_a_guest_that_only_sleeps_leaves_its_cpu_to_who_waits),
		T(test_one_that_waits_alone_stays_loaded_and_counts_as_idle),
		T(test_a_burst_of_wake_ups_spreads_over_the_idle_cpus),
		T(test_stop_and_pause_reach_a_halted_vcpu),
		T(test_wfi_in_a_frozen_vm_waits_for_the_thaw),
		T(test_enabling_the_interrupt_of_a_timer_that_is_due_wakes),
	};
#undef T

	random_seed("test_sched");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
