// SPDX-License-Identifier: MIT
/* Hypercalls as a guest makes them: function identifier in x0, results in x0 to x3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/workaround.h"
#include "kernel/base/random.h"
#include "kernel/hvc/hvc.h"
#include "kernel/hvc/pvtime.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define TRNG_VERSION	0x84000050
#define TRNG_FEATURES	0x84000051
#define TRNG_GET_UUID	0x84000052
#define TRNG_RND_32	0x84000053
#define TRNG_RND_64	0xc4000053
#define PV_FEATURES	0xc5000020
#define PV_ST		0xc5000021

/* Services of one owner, as many as anybody likes, in an order that is nobody's. */
#define SHARED_OWNER	48
#define SHARED(first)	(BIT(31) | SHARED_OWNER << 24 | (first))

static int64_t first_function(struct vcpu *v)
{
	return (int64_t)(v->arch.frame.x[0] & 0xffff);
}

static const struct hvc_func shared_funcs[] = { { HVC_32, first_function } };

#define SHARED_SERVICE(name, number)	\
	HVC_SERVICE(name) = { .first = HVC_ID(SHARED_OWNER, number), .nr = 1, .funcs = shared_funcs }

SHARED_SERVICE(shared_3, 0x300);
SHARED_SERVICE(shared_1, 0x100);
SHARED_SERVICE(shared_4, 0xff00);
SHARED_SERVICE(shared_0, 0);
SHARED_SERVICE(shared_2, 0x101);

/* All that a guest may find. What is not here must not be there. */
static const uint32_t known[] = {
	SMCCC_VERSION, SMCCC_ARCH_FEATURES,
	SMCCC_ARCH_WORKAROUND_1, SMCCC_ARCH_WORKAROUND_2, SMCCC_ARCH_WORKAROUND_3,
	PSCI_VERSION, PSCI_CPU_SUSPEND_32, PSCI_CPU_SUSPEND_64, PSCI_CPU_OFF, PSCI_CPU_ON_32, PSCI_CPU_ON_64,
	PSCI_AFFINITY_INFO_32, PSCI_AFFINITY_INFO_64, PSCI_MIGRATE_INFO_TYPE, PSCI_SYSTEM_OFF,
	PSCI_SYSTEM_RESET, PSCI_FEATURES, PSCI_SYSTEM_SUSPEND_32, PSCI_SYSTEM_SUSPEND_64,
	PSCI_SYSTEM_RESET2_32, PSCI_SYSTEM_RESET2_64,
	TRNG_VERSION, TRNG_FEATURES, TRNG_GET_UUID, TRNG_RND_32, TRNG_RND_64,
	PV_FEATURES, PV_ST,
	SCHISM_CALL_UID, SCHISM_CALL_REVISION, SCHISM_CALL_NULL,
	SHARED(0), SHARED(0x100), SHARED(0x101), SHARED(0x300), SHARED(0xff00),
};

static struct vm *vm;
static struct vcpu *vcpu;

static int setup(void **state)
{
	fake_machine_boot(1);
	vm = fake_vm("guest", MIN(2, CONFIG_MAX_VCPUS));
	fake_vm_start(vm);
	vcpu = fake_run_until_guest(sched_run);
	this_cpu()->exit_work = false;
	return 0;
}

static int64_t call(uint64_t fid, uint64_t x1, uint64_t x2, uint64_t x3)
{
	uint64_t *x = vcpu->arch.frame.x;

	x[0] = fid;
	x[1] = x1;
	x[2] = x2;
	x[3] = x3;
	hvc_call(vcpu, 0);
	return (int64_t)x[0];
}

static bool is_known(uint32_t fid)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i] == fid)
			return true;
	}
	return false;
}

static void test_what_every_guest_counts_on_exists(void **state)
{
	static const uint32_t must[] = {
		SMCCC_VERSION, SMCCC_ARCH_FEATURES, PSCI_VERSION, PSCI_FEATURES, PSCI_SYSTEM_OFF,
		PSCI_SYSTEM_RESET, PSCI_CPU_ON_64, PSCI_CPU_OFF, PSCI_AFFINITY_INFO_64, SCHISM_CALL_UID,
		SCHISM_CALL_REVISION, SCHISM_CALL_NULL,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(must); i++)
		assert_true(hvc_exists(must[i]));
	assert_int_equal(call(PSCI_VERSION, 0, 0, 0), 0x10001);
	assert_int_equal(call(SMCCC_VERSION, 0, 0, 0), 0x10002);
	assert_int_equal(call(SCHISM_CALL_NULL, 0, 0, 0), 0);
}

static void test_any_number_of_services_may_share_an_owner(void **state)
{
	static const uint32_t numbers[] = { 0, 0x100, 0x101, 0x300, 0xff00 };

	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_int_equal(call(SHARED(numbers[i]), 0, 0, 0), numbers[i]);
	assert_int_equal(call(SHARED(0x102), 0, 0, 0), SMCCC_NOT_SUPPORTED);
}

static void test_an_unknown_function_is_not_supported_and_touches_nothing(void **state)
{
	for (unsigned int i = 0; i < 100000; i++) {
		struct trapframe before, *frame = &vcpu->arch.frame;
		uint32_t fid = (uint32_t)random_u64();

		/* Often near what exists. */
		if (random_below(2))
			fid = known[random_below(ARRAY_SIZE(known))] ^ (uint32_t)BIT(random_below(32));
		else if (random_below(2))
			fid = (fid & 0xff000000) + random_below(0x80);
		if (is_known(fid))
			continue;
		assert_false(hvc_exists(fid));
		for (unsigned int n = 0; n < 31; n++)
			frame->x[n] = random_u64();
		frame->x[0] = (frame->x[0] & ~GENMASK(31, 0)) | fid;
		before = *frame;
		hvc_call(vcpu, 0);
		assert_int_equal(frame->x[0], UINT64_MAX);
		before.x[0] = UINT64_MAX;
		assert_memory_equal(frame, &before, sizeof(before));
	}
	assert_false(this_cpu()->exit_work);
	assert_int_equal(vm->state, VM_RUNNING);
}

static void test_the_upper_half_of_x0_is_no_part_of_the_function(void **state)
{
	assert_int_equal(call(UINT64_C(0xdeadbeef00000000) | PSCI_VERSION, 0, 0, 0), 0x10001);
}

static void test_another_immediate_is_another_call(void **state)
{
	for (unsigned int imm = 1; imm < 0x10000; imm++) {
		if (imm == GUEST_HVC_TASK_REPORT)
			continue;
		vcpu->arch.frame.x[0] = PSCI_SYSTEM_OFF;
		hvc_call(vcpu, imm);
		assert_int_equal(vcpu->arch.frame.x[0], UINT64_MAX);
	}
	assert_int_equal(vm->state, VM_RUNNING);
	vcpu->arch.frame.x[0] = GUEST_TASK_TEST;
	vcpu->arch.frame.x[1] = GUEST_EVENT_PASS;
	hvc_call(vcpu, GUEST_HVC_TASK_REPORT);
	assert_int_equal(vcpu->arch.frame.x[0], 0);
	assert_int_equal(vm->reports, 1);
}

static void test_psci_features_agrees_with_what_exists(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		bool psci = (known[i] & 0xbfffffe0) == 0x84000000 || known[i] == SMCCC_VERSION;

		if (psci)
			assert_int_equal(call(PSCI_FEATURES, known[i], 0, 0), hvc_exists(known[i]) ? 0 : -1);
	}
	for (unsigned int i = 0; i < 10000; i++) {
		uint32_t fid = (uint32_t)random_u64();

		if (!is_known(fid))
			assert_int_equal(call(PSCI_FEATURES, fid, 0, 0), -1);
	}
	/* No functions of PSCI: others' under the same owner, Schism's own, the architecture's but one. */
	assert_true(hvc_exists(TRNG_VERSION) && hvc_exists(TRNG_RND_64));
	assert_int_equal(call(PSCI_FEATURES, TRNG_VERSION, 0, 0), -1);
	assert_int_equal(call(PSCI_FEATURES, TRNG_FEATURES, 0, 0), -1);
	assert_int_equal(call(PSCI_FEATURES, TRNG_RND_32, 0, 0), -1);
	assert_int_equal(call(PSCI_FEATURES, TRNG_RND_64, 0, 0), -1);
	assert_int_equal(call(PSCI_FEATURES, SCHISM_CALL_NULL, 0, 0), -1);
	assert_int_equal(call(PSCI_FEATURES, SMCCC_ARCH_FEATURES, 0, 0), -1);
}

static void test_smccc_discovery_finds_the_architecture_calls(void **state)
{
	assert_int_equal(call(SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0), 0);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0), 0);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, PSCI_VERSION, 0, 0), -1);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, SCHISM_CALL_NULL, 0, 0), -1);
	/* SOC_ID: there is none. */
	assert_int_equal(call(SMCCC_ARCH_FEATURES, 0x80000002, 0, 0), -1);
}

static void test_a_workaround_is_what_the_cpus_need_and_calls_firmware_only_then(void **state)
{
	static const uint32_t fids[] = {
		[WORKAROUND_1] = SMCCC_ARCH_WORKAROUND_1, [WORKAROUND_2] = SMCCC_ARCH_WORKAROUND_2,
		[WORKAROUND_3] = SMCCC_ARCH_WORKAROUND_3,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(fids); i++) {
		for (int64_t need = -1; need <= 1; need++) {
			fake_workaround_calls = 0;
			fake_workarounds[i] = need;
			assert_int_equal(call(SMCCC_ARCH_FEATURES, fids[i], 0, 0), need);
			assert_int_equal(fake_workaround_calls, 0);
			assert_int_equal(call(fids[i], 1, 0, 0), need == WORKAROUND_NONE ? -1 : 0);
			assert_int_equal(fake_workaround_calls, need == WORKAROUND_CALL);
		}
		fake_workarounds[i] = WORKAROUND_NONE;
	}
}

static void test_the_uid_is_a_uuid_in_four_words(void **state)
{
	static const uint8_t uuid[16] = { 0x5c, 0x15, 0xc4, 0x1a, 0x6d, 0x7e, 0x4f, 0x0b,
					  0x9a, 0x3e, 0x2b, 0x1d, 0x8e, 0x7f, 0x5c, 0x15 };
	uint32_t words[4];

	call(SCHISM_CALL_UID, 0, 0, 0);
	for (unsigned int i = 0; i < 4; i++) {
		words[i] = (uint32_t)vcpu->arch.frame.x[i];
		assert_int_equal(vcpu->arch.frame.x[i] >> 32, 0);
	}
	/* Least significant byte first (DEN0028, 6.2). */
	assert_memory_equal(words, uuid, sizeof(uuid));
}

static void test_system_off_and_reset_stop_the_vm_that_calls(void **state)
{
	call(PSCI_SYSTEM_OFF, 0, 0, 0);
	assert_int_equal(vm->state, VM_STOPPING);
	assert_true(this_cpu()->exit_work);
	setup(state);
	call(PSCI_SYSTEM_RESET, 0, 0, 0);
	assert_int_equal(vm->state, VM_STOPPING);
	assert_int_equal(vm->goal, VM_LOADING);
	assert_false(vm->warm);
}

static void test_system_reset2_knows_the_warm_reset_only(void **state)
{
	static const uint32_t forms[] = { PSCI_SYSTEM_RESET2_32, PSCI_SYSTEM_RESET2_64 };
	/* Reserved ones, then a vendor's. */
	static const uint32_t types[] = { 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff };

	for (unsigned int form = 0; form < ARRAY_SIZE(forms); form++) {
		assert_int_equal(call(PSCI_FEATURES, forms[form], 0, 0), PSCI_SUCCESS);
		for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
			assert_int_equal(call(forms[form], types[i], 0, 0), PSCI_INVALID_PARAMETERS);
		assert_int_equal(vm->state, VM_RUNNING);
		/* The type has 32 bits; the cookie is a vendor's affair. */
		call(forms[form], BIT(32), 77, 0);
		assert_int_equal(vm->state, VM_STOPPING);
		assert_int_equal(vm->goal, VM_LOADING);
		assert_true(vm->warm);
		setup(state);
	}
}

static void test_cpu_on_starts_the_vcpu_that_is_named(void **state)
{
	if (CONFIG_MAX_VCPUS < 2)
		skip();
	assert_int_equal(call(PSCI_AFFINITY_INFO_64, 1, 0, 0), 1);
	assert_int_equal(call(PSCI_CPU_ON_64, 5, vm->entry.pc, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(call(PSCI_CPU_ON_64, 1, 8, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(call(PSCI_CPU_ON_64, 0, vm->entry.pc, 0), PSCI_ALREADY_ON);
	assert_int_equal(call(PSCI_CPU_ON_64, 1, vm->entry.pc, 0x1234567890), 0);
	assert_int_equal(vm->vcpus[1]->arch.frame.x[0], 0x1234567890);
	assert_int_equal(call(PSCI_AFFINITY_INFO_64, 1, 0, 0), 0);
	assert_int_equal(call(PSCI_AFFINITY_INFO_64, 0, 4, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(call(PSCI_CPU_ON_64, 1, vm->entry.pc, 0), PSCI_ALREADY_ON);
}

static void test_the_32_bit_forms_see_32_bits_of_their_arguments(void **state)
{
	if (CONFIG_MAX_VCPUS < 2)
		skip();
	assert_int_equal(call(PSCI_CPU_ON_32, UINT64_C(0xffffffff00000001), BIT(63) | vm->entry.pc,
			      BIT(40) | 7), 0);
	assert_int_equal(vm->vcpus[1]->arch.frame.x[0], 7);
	assert_int_equal(vm->vcpus[1]->arch.frame.elr, vm->entry.pc);
}

#define WAKER	20

static unsigned int sleeps;

/* The first time, only a kick; then the interrupt. */
static void wake_second_time(void)
{
	if (sleeps++ == 0)
		sched_kick(vcpu);
	else
		vgic_set_line(vcpu, WAKER, true);
}

static void enable_waker(void)
{
	vm->vgic.enable_grp1 = true;
	vcpu->vgic.priv[WAKER].enabled = true;
	vcpu->vgic.priv[WAKER].group1 = true;
}

static void test_a_vcpu_starts_with_the_endianness_of_its_caller(void **state)
{
	if (CONFIG_MAX_VCPUS < 2)
		skip();
	assert_false(fake_vcpu.last_big_endian);
	fake_big_endian = true;
	assert_int_equal(call(PSCI_CPU_ON_64, 1, vm->entry.pc, 0), 0);
	fake_big_endian = false;
	assert_true(fake_vcpu.last_big_endian);
}

static void test_system_suspend_ends_with_the_endianness_that_it_began_with(void **state)
{
	enable_waker();
	vgic_set_line(vcpu, WAKER, true);
	fake_wfi = NULL;	/* panics */
	fake_big_endian = true;
	call(PSCI_SYSTEM_SUSPEND_64, vm->entry.pc, 7, 0);
	/* Whatever runs on the CPU then. */
	fake_big_endian = false;
	assert_ptr_equal(sched_exit_work(vcpu), vcpu);
	assert_true(fake_vcpu.last_big_endian);
}

static void test_system_suspend_starts_anew_when_an_interrupt_comes(void **state)
{
	const struct trapframe *frame = &vcpu->arch.frame;

	enable_waker();
	sleeps = 0;
	fake_wfi = wake_second_time;
	call(PSCI_SYSTEM_SUSPEND_64, vm->entry.pc + 8, 0x1234567890, 0);
	vcpu->arch.frame.x[5] = 55;
	assert_true(this_cpu()->exit_work);
	/* The CPU interface lets nothing through (no group, no priority): that is no obstacle. */
	assert_ptr_equal(sched_exit_work(vcpu), vcpu);
	assert_int_equal(sleeps, 2);
	assert_int_equal(frame->elr, vm->entry.pc + 8);
	assert_int_equal(frame->x[0], 0x1234567890);
	assert_int_equal(frame->x[5], 0);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_false(vcpu->suspended);
	/* From now on a wait is one again: the interrupt, which is pending still, ends it. */
	vcpu->arch.ich.vmcr = UINT64_MAX;
	vcpu->arch.frame.elr = 64;
	call(PSCI_CPU_SUSPEND_64, 0, 0, 0);
	assert_ptr_equal(sched_exit_work(vcpu), vcpu);
	assert_int_equal(frame->elr, 64);
}

static void test_system_suspend_ends_at_once_if_an_interrupt_is_pending(void **state)
{
	enable_waker();
	vgic_set_line(vcpu, WAKER, true);
	fake_wfi = NULL;	/* panics */
	call(PSCI_SYSTEM_SUSPEND_32, BIT(40) | vm->entry.pc, BIT(40) | 7, 0);
	assert_ptr_equal(sched_exit_work(vcpu), vcpu);
	assert_int_equal(vcpu->arch.frame.elr, vm->entry.pc);
	assert_int_equal(vcpu->arch.frame.x[0], 7);
}

static void test_system_suspend_is_refused_while_another_vcpu_is_on(void **state)
{
	assert_int_equal(call(PSCI_SYSTEM_SUSPEND_64, 8, 0, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(call(PSCI_SYSTEM_SUSPEND_64, vm->entry.pc + 2, 0, 0), PSCI_INVALID_ADDRESS);
	if (CONFIG_MAX_VCPUS < 2)
		skip();
	assert_int_equal(call(PSCI_CPU_ON_64, 1, vm->entry.pc, 0), 0);
	assert_int_equal(call(PSCI_SYSTEM_SUSPEND_64, vm->entry.pc, 0, 0), PSCI_DENIED);
	assert_false(vcpu->suspended);
}

static void test_random_numbers_come_in_the_amount_asked_for(void **state)
{
	const uint64_t *x = vcpu->arch.frame.x;

	if (!hvc_exists(TRNG_VERSION))
		skip();
	assert_true(call(TRNG_VERSION, 0, 0, 0) >= 0x10000);
	for (unsigned int bits = 1; bits <= 192; bits++) {
		assert_int_equal(call(TRNG_RND_64, bits, 0, 0), 0);
		assert_true(bits >= 64 || x[3] >> bits == 0);
		assert_true(bits > 64 ? bits >= 128 || x[2] >> (bits - 64) == 0 : x[2] == 0);
		assert_true(bits > 128 ? bits == 192 || x[1] >> (bits - 128) == 0 : x[1] == 0);
	}
	for (unsigned int bits = 1; bits <= 96; bits++) {
		assert_int_equal(call(TRNG_RND_32, bits, 0, 0), 0);
		assert_int_equal((x[1] | x[2] | x[3]) >> 32, 0);
	}
	assert_true(call(TRNG_RND_64, 0, 0, 0) < 0);
	assert_true(call(TRNG_RND_64, 193, 0, 0) < 0);
	assert_true(call(TRNG_RND_64, UINT64_MAX, 0, 0) < 0);
	assert_true(call(TRNG_RND_32, 97, 0, 0) < 0);
	assert_int_equal(call(TRNG_FEATURES, TRNG_RND_64, 0, 0), 0);
	assert_int_equal(call(TRNG_FEATURES, PSCI_VERSION, 0, 0), -1);
}

static void test_without_entropy_there_are_no_random_numbers(void **state)
{
	const uint64_t *x = vcpu->arch.frame.x;

	random_init(NULL, 0);
	for (unsigned int bits = 1; bits <= 192; bits++) {
		assert_int_equal(call(TRNG_RND_64, bits, 0x1111, 0x2222), -3);
		assert_int_equal(x[1] | x[2] | x[3], 0);
	}
	assert_int_equal(call(TRNG_RND_32, 96, 0x1111, 0x2222), -3);
	assert_int_equal(x[1] | x[2] | x[3], 0);
	/* What is wrong, is wrong all the same; and the service is there. */
	assert_int_equal(call(TRNG_RND_64, 0, 0, 0), -2);
	assert_int_equal(call(TRNG_RND_64, 193, 0, 0), -2);
	assert_true(call(TRNG_VERSION, 0, 0, 0) >= 0x10000);
	assert_int_equal(call(TRNG_FEATURES, TRNG_RND_64, 0, 0), 0);
}

static void test_a_refusal_leaves_no_bits_in_the_registers(void **state)
{
	const uint64_t *x = vcpu->arch.frame.x;

	assert_int_equal(call(TRNG_RND_64, 193, 0x1111, 0x2222), -2);
	assert_int_equal(x[1] | x[2] | x[3], 0);
}

static void test_stolen_time_counts_what_others_took(void **state)
{
	struct { uint32_t revision, attributes; uint64_t ns; } record;
	struct pgtable_leaf leaf;
	struct vcpu *other;
	int64_t at;

	if (!hvc_exists(PV_ST) || CONFIG_MAX_VMS < 2)
		skip();
	fake_machine_boot(1);
	vm = fake_vm("guest", 1);
	fake_vm_start(vm);
	fake_vm_start(fake_vm("other", 1));
	vcpu = fake_run_until_guest(sched_run);
	assert_int_equal(call(PV_FEATURES, PV_ST, 0, 0), 0);
	assert_int_equal(call(PV_FEATURES, PSCI_VERSION, 0, 0), -1);
	at = call(PV_ST, 0, 0, 0);
	assert_int_equal(pgtable_lookup(&vm->stage2.pt, (uint64_t)at, &leaf), 0);
	assert_int_equal(leaf.attrs & PTE_S2_W, 0);
	/* Another VM has the CPU for 5 ms. */
	sched_yield(vcpu);
	other = sched_exit_work(vcpu);
	assert_ptr_not_equal(other, vcpu);
	fake_counter += timer_us_to_ticks(5000);
	sched_yield(other);
	assert_ptr_equal(sched_exit_work(other), vcpu);
	memcpy(&record, fake_mem_raw(leaf.pa.pa), sizeof(record));
	assert_int_equal(record.ns, 5000000);
	assert_int_equal(record.revision, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_what_every_guest_counts_on_exists),
		T(test_any_number_of_services_may_share_an_owner),
		T(test_an_unknown_function_is_not_supported_and_touches_nothing),
		T(test_the_upper_half_of_x0_is_no_part_of_the_function),
		T(test_another_immediate_is_another_call),
		T(test_psci_features_agrees_with_what_exists),
		T(test_smccc_discovery_finds_the_architecture_calls),
		T(test_a_workaround_is_what_the_cpus_need_and_calls_firmware_only_then),
		T(test_the_uid_is_a_uuid_in_four_words),
		T(test_system_off_and_reset_stop_the_vm_that_calls),
		T(test_system_reset2_knows_the_warm_reset_only),
		T(test_cpu_on_starts_the_vcpu_that_is_named),
		T(test_the_32_bit_forms_see_32_bits_of_their_arguments),
		T(test_a_vcpu_starts_with_the_endianness_of_its_caller),
		T(test_system_suspend_ends_with_the_endianness_that_it_began_with),
		T(test_system_suspend_starts_anew_when_an_interrupt_comes),
		T(test_system_suspend_ends_at_once_if_an_interrupt_is_pending),
		T(test_system_suspend_is_refused_while_another_vcpu_is_on),
		T(test_random_numbers_come_in_the_amount_asked_for),
		T(test_without_entropy_there_are_no_random_numbers),
		T(test_a_refusal_leaves_no_bits_in_the_registers),
		T(test_stolen_time_counts_what_others_took),
	};
#undef T

	random_seed("test_hvc");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
