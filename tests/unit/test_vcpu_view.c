// SPDX-License-Identifier: MIT
/* A vCPU's registers as somebody outside its VM sees them, while it runs, sleeps and moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vcpu_view.h"
#include "kernel/vm/vm.h"
#include "tests/host/fake.h"

static struct vm *vm;
static struct vcpu *vcpu;
static struct vcpu_regs regs;

/* A VM of two vCPUs, the first of which runs on cpus[on]; the caller is cpus[0]. */
static void boot(unsigned int on)
{
	fake_machine_boot(2);
	vm = fake_vm("guest", 2);
	vcpu = vm->vcpus[0];
	vcpu->cpu_mask = BIT(on);
	fake_vm_start(vm);
	fake_this_cpu = &cpus[on];
	assert_ptr_equal(fake_run_until_guest(sched_run), vcpu);
	fake_this_cpu = &cpus[0];
}

/* What the guest has in its registers now. */
static void guest_is_at(uint64_t pc)
{
	vcpu->arch.frame.elr = pc;
	fake_sysreg = pc + 1;
}

static void on_cpu(unsigned int i, void (*what)(void))
{
	fake_this_cpu = &cpus[i];
	what();
	fake_this_cpu = &cpus[0];
}

static void assert_fetched(uint64_t pc, uint64_t sysreg)
{
	assert_int_equal(regs.frame.elr, pc);
	assert_int_equal(regs.sysregs[0], sysreg);
}

static void test_what_is_off_has_them_in_memory(void **state)
{
	boot(0);
	vm->vcpus[1]->arch.frame.elr = 5;
	vm->vcpus[1]->arch.sysregs[0] = 6;
	vcpu_fetch_begin(vm, 1);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_DONE);
	assert_fetched(5, 6);
	assert_null(regs.cpu);
	assert_string_equal(regs.state, "off");
}

static void test_there_is_none_of_that_number(void **state)
{
	boot(0);
	vcpu_fetch_begin(vm, 2);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_NONE);
}

static void test_what_was_interrupted_here_is_fetched_at_once(void **state)
{
	boot(0);
	guest_is_at(100);
	vcpu_fetch_begin(vm, 0);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_DONE);
	assert_fetched(100, 101);
	assert_ptr_equal(regs.cpu, &cpus[0]);
	assert_string_equal(regs.state, "running");
}

static void test_another_cpu_is_asked_and_answers_with_one_moment(void **state)
{
	boot(1);
	guest_is_at(100);
	vcpu_fetch_begin(vm, 0);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_ASKED);
	assert_int_equal(fake_fetches[1], 1);
	/* Not its own. */
	vcpu_fetch_answer();
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_ASKED);
	on_cpu(1, vcpu_fetch_answer);
	/* The guest has gone on, and another interrupt comes too late. */
	guest_is_at(200);
	on_cpu(1, vcpu_fetch_answer);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_DONE);
	assert_fetched(100, 101);
	assert_ptr_equal(regs.cpu, &cpus[1]);
	assert_int_equal(fake_fetches[1], 2);
	assert_int_equal(fake_fetches[0], 0);
}

static void test_what_has_left_its_cpu_meanwhile_is_found_in_memory(void **state)
{
	boot(1);
	guest_is_at(100);
	vcpu_fetch_begin(vm, 0);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_ASKED);
	vcpu->state = VCPU_BLOCKED;
	vcpu->arch.sysregs[0] = 7;
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_DONE);
	assert_fetched(100, 7);
	assert_null(regs.cpu);
	vcpu->state = VCPU_RUNNING;
}

static void test_the_answer_to_an_earlier_request_is_not_taken(void **state)
{
	boot(1);
	guest_is_at(100);
	vcpu_fetch_begin(vm, 0);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_ASKED);
	on_cpu(1, vcpu_fetch_answer);
	guest_is_at(200);
	vcpu_fetch_begin(vm, 0);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_ASKED);
	on_cpu(1, vcpu_fetch_answer);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_DONE);
	assert_fetched(200, 201);
	/* And nobody wants any now. */
	on_cpu(1, vcpu_fetch_answer);
	assert_int_equal(vcpu_fetch_look(&regs), VCPU_FETCH_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_off_has_them_in_memory),
		cmocka_unit_test(test_there_is_none_of_that_number),
		cmocka_unit_test(test_what_was_interrupted_here_is_fetched_at_once),
		cmocka_unit_test(test_another_cpu_is_asked_and_answers_with_one_moment),
		cmocka_unit_test(test_what_has_left_its_cpu_meanwhile_is_found_in_memory),
		cmocka_unit_test(test_the_answer_to_an_earlier_request_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
