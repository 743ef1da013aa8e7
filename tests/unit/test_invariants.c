// SPDX-License-Identifier: MIT
/* The invariant checker: says that a sound system is clean, and names what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/base/cpu.h"
#include "kernel/check/invariants.h"
#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/lifecycle.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"

static struct vm *vm;

/* What does not come by itself would be waited for without end. */
static void let_time_pass(void)
{
	fake_counter += 100000;
}

static int setup(void **state)
{
	static const char kernel[] = "nop";
	struct vm_desc desc;
	const char *why;

	fake_machine_boot(1);
	fake_relax = let_time_pass;
	desc = (struct vm_desc){
		.name = "guest", .nr_vcpus = MIN(2, CONFIG_MAX_VCPUS), .ram_ipa = { GUEST_RAM_IPA },
		.ram_size = MIB(4), .protocol = VM_PROTOCOL_RAW, .kernel = kernel,
		.kernel_size = sizeof(kernel), .load_address = { GUEST_IMAGE_IPA },
	};
	assert_int_equal(vm_define(&desc, &vm, &why), 0);
	assert_int_equal(fake_vm_load(vm, &why), 0);
	fake_log_clear();
	return 0;
}

static void assert_broken(const char *text)
{
	fake_log_clear();
	assert_false(invariants_check());
	if (!fake_log_has(text))
		print_error("%s", fake_log_text());
	assert_true(fake_log_has(text));
	assert_false(fake_log_has("clean"));
}

static void test_a_stopped_vm_is_clean(void **state)
{
	assert_true(invariants_check());
	assert_true(fake_log_has("invariants: clean"));
}

static void test_a_page_of_somebody_else_in_a_vm_is_found(void **state)
{
	page_record(pa(vm->ram[0].base.pa + MIB(3)))->owner = OWNER_VM(7);
	assert_broken("not its own");
}

static void test_a_lost_page_is_found(void **state)
{
	vm->ram[0].size -= PAGE_SIZE;
	assert_broken("pages are its own");
}

static void test_a_page_that_is_mapped_nowhere_is_found(void **state)
{
	assert_int_equal(pgtable_unmap(&vm->stage2.pt, GUEST_RAM_IPA + MIB(2), PAGE_SIZE), 0);
	assert_broken("is not mapped to its page");
}

static void test_a_page_that_is_free_twice_is_found(void **state)
{
	struct carveout c;

	assert_int_equal(carveout_alloc(PAGE_SIZE, 0, OWNER_HYP, &c), 0);
	page_record(c.base)->owner = OWNER_NONE;
	page_record(c.base)->state = PAGE_FREE;
	assert_broken("in no extent");
}

static void test_a_queue_that_miscounts_is_found(void **state)
{
	this_cpu()->rq.nr_queued++;
	assert_broken("its run queue counts wrong (1)");
}

static void test_a_ready_vcpu_on_no_queue_is_found(void **state)
{
	vm->vcpus[0]->state = VCPU_READY;
	assert_broken("not where its state");
}

static void test_a_wrong_count_of_live_vcpus_is_found(void **state)
{
	vm->nr_live_vcpus++;
	assert_broken("counts 1 live vCPUs");
}

static void test_a_stranger_on_a_queue_is_found(void **state)
{
	struct vcpu *vcpu = vm->vcpus[0];

	list_add(&vcpu->rq_link, &this_cpu()->rq.queue);
	this_cpu()->rq.nr_queued++;
	vcpu->cpu = this_cpu();
	assert_broken("holds a vCPU that is not ready");
	vcpu->state = VCPU_READY;
	vcpu->cpu = NULL;
	assert_broken("holds a vCPU of another CPU");
}

static void test_a_vcpu_that_outlives_its_vm_is_found(void **state)
{
	fake_vm_start(vm);
	assert_true(invariants_check());
	vm->state = VM_STOPPED;
	assert_broken("is stopped, and 1 vCPUs live");
}

static void test_a_pending_interrupt_on_no_list_is_found(void **state)
{
	vm->vgic.spis[3].enabled = true;
	vm->vgic.spis[3].latch = true;
	assert_broken("not on the ap list of its target");
}

static void test_a_list_register_that_nobody_knows_is_found(void **state)
{
	vm->vcpus[0]->vgic.used_lrs = 1;
	assert_broken("list registers in use");
}

/* As CPU 1. */
static void take(struct spinlock *lock)
{
	arch_set_this_cpu(&cpus[1]);
	spin_lock(lock);
	arch_set_this_cpu(&cpus[0]);
}

static void give(struct spinlock *lock)
{
	struct cpu *self = this_cpu();

	arch_set_this_cpu(&cpus[1]);
	spin_unlock(lock);
	arch_set_this_cpu(self);
}

static void test_a_lock_that_stays_held_is_found(void **state)
{
	if (CONFIG_NR_CPUS < 2)
		skip();
	take(&vm->vgic.lock);
	assert_broken("guest stays locked");
	give(&vm->vgic.lock);
}

/* Whenever CPU 0 looks, it is somebody's; but who waits for it has it in the end. */
static void hand_over(void)
{
	static bool given;

	let_time_pass();
	if (!this_cpu()->locks_held) {
		give(&vm->vgic.lock);
		take(&vm->vgic.lock);
	} else if (!given) {
		given = true;
		give(&vm->vgic.lock);
	}
}

static void test_a_lock_that_many_want_does_not_stay_held(void **state)
{
	if (CONFIG_NR_CPUS < 2 || !IS_ENABLED(CONFIG_DEBUG_ASSERT))
		skip();
	take(&vm->vgic.lock);
	fake_relax = hand_over;
	assert_true(invariants_check());
}

static void test_a_lock_of_ones_own_is_found(void **state)
{
	spin_lock(&vm->lock);
	assert_broken("holds locks of ranks 0x1");
	spin_unlock(&vm->lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_stopped_vm_is_clean, setup),
		cmocka_unit_test_setup(test_a_page_of_somebody_else_in_a_vm_is_found, setup),
		cmocka_unit_test_setup(test_a_lost_page_is_found, setup),
		cmocka_unit_test_setup(test_a_page_that_is_mapped_nowhere_is_found, setup),
		cmocka_unit_test_setup(test_a_page_that_is_free_twice_is_found, setup),
		cmocka_unit_test_setup(test_a_queue_that_miscounts_is_found, setup),
		cmocka_unit_test_setup(test_a_ready_vcpu_on_no_queue_is_found, setup),
		cmocka_unit_test_setup(test_a_wrong_count_of_live_vcpus_is_found, setup),
		cmocka_unit_test_setup(test_a_stranger_on_a_queue_is_found, setup),
		cmocka_unit_test_setup(test_a_vcpu_that_outlives_its_vm_is_found, setup),
		cmocka_unit_test_setup(test_a_pending_interrupt_on_no_list_is_found, setup),
		cmocka_unit_test_setup(test_a_list_register_that_nobody_knows_is_found, setup),
		cmocka_unit_test_setup(test_a_lock_that_stays_held_is_found, setup),
		cmocka_unit_test_setup(test_a_lock_that_many_want_does_not_stay_held, setup),
		cmocka_unit_test_setup(test_a_lock_of_ones_own_is_found, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
