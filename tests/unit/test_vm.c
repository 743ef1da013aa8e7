// SPDX-License-Identifier: MIT
/* Making VMs, with and without enough of everything: what was taken comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/mm/page.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"

static struct vm_desc desc;

static int setup(void **state)
{
	static const char kernel[] = "nop";

	fake_machine_boot(1);
	desc = (struct vm_desc){
		.name = "guest", .nr_vcpus = MIN(2, CONFIG_MAX_VCPUS), .ram_ipa = { GUEST_RAM_IPA },
		.ram_size = MIB(4), .protocol = VM_PROTOCOL_RAW, .kernel = kernel,
		.kernel_size = sizeof(kernel), .load_address = { GUEST_IMAGE_IPA },
	};
	return 0;
}

static struct page_stats stats(void)
{
	struct page_stats s;

	page_get_stats(&s);
	return s;
}

/* A VM that has got everything, its images too; or that was given up. */
static int make(struct vm **vm, const char **why)
{
	int err = vm_define(&desc, vm, why);

	return err ? err : fake_vm_load(*vm, why);
}

static int create(const char **why)
{
	struct vm *vm;

	return make(&vm, why);
}

static void test_a_new_vm_is_stopped_and_has_ram_of_its_own(void **state)
{
	struct vm *vm;
	const char *why;

	assert_int_equal(make(&vm, &why), 0);
	assert_int_equal(vm->state, VM_STOPPED);
	assert_int_equal(nr_vms, 1);
	assert_ptr_equal(vms[0], vm);
	assert_string_equal(vm->name, "guest");
	assert_int_equal(vm->ram[0].size, MIB(4));
	for (uint64_t at = 0; at < MIB(4); at += PAGE_SIZE) {
		struct pgtable_leaf leaf;

		assert_int_equal(pgtable_lookup(&vm->stage2.pt, GUEST_RAM_IPA + at, &leaf), 0);
		assert_int_equal(leaf.pa.pa, vm->ram[0].base.pa + at);
		assert_int_equal(page_record(leaf.pa)->owner, OWNER_VM(vm->id));
	}
	assert_memory_equal(fake_mem_raw(vm->ram[0].base.pa + MIB(2)), "nop", 4);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		assert_int_equal(vm->vcpus[i]->state, VCPU_OFF);
		assert_int_equal(vm->vcpus[i]->affinity, i);
	}
}

static uint64_t end_of_guard(const struct vm *vm)
{
	return vm->ram[0].base.pa + vm->ram[0].size + CONFIG_GUARD_PAGES_VM * PAGE_SIZE;
}

static void test_two_vms_share_neither_ram_nor_vmid(void **state)
{
	struct vm *a, *b;
	const char *why;

	if (CONFIG_MAX_VMS < 2)
		skip();
	assert_int_equal(make(&a, &why), 0);
	assert_int_equal(make(&b, &why), 0);
	assert_int_not_equal(a->stage2.vmid, b->stage2.vmid);
	assert_int_not_equal(vm_vttbr(a), vm_vttbr(b));
	assert_true(end_of_guard(a) <= b->ram[0].base.pa || end_of_guard(b) <= a->ram[0].base.pa);
}

static void test_ram_of_a_new_vm_holds_nothing_of_earlier_owners(void **state)
{
	struct carveout all;
	struct vm *vm;
	const char *why;

	assert_int_equal(carveout_alloc(MIB(64), 0, OWNER_VM(9), &all), 0);
	memset(fake_mem_raw(all.base.pa), 0xee, MIB(64));
	carveout_free(&all);
	assert_int_equal(make(&vm, &why), 0);
	for (uint64_t at = MIB(3); at < MIB(4); at++)
		assert_int_equal(*(uint8_t *)fake_mem_raw(vm->ram[0].base.pa + at), 0);
}

static void test_a_vm_that_cannot_be_made_gives_everything_back(void **state)
{
	unsigned int taken = 0, refused = 0;
	void *pages[4096];
	struct vm *vm = NULL;
	const char *why;

	/* With no pool page left, with one, and so on until it goes. */
	while (taken < ARRAY_SIZE(pages) && (pages[taken] = hyp_alloc_pages(1)))
		taken++;
	if (hyp_alloc_pages(1))
		skip();		/* the configuration's pool is larger than this test */
	for (;;) {
		struct page_stats before = stats(), after;
		int err;

		fake_mem_no_window = refused % 2;
		why = "";
		err = vm ? fake_vm_load(vm, &why) : vm_define(&desc, &vm, &why);
		after = stats();
		if (!err && vm->nr_vcpus)
			break;
		if (!err)
			continue;
		assert_true(err < 0 && why[0]);
		assert_int_equal(after.pool_free, before.pool_free);
		assert_int_equal(after.free, before.free);
		refused++;
		assert_true(taken > 0);
		if (!fake_mem_no_window)
			hyp_free_pages(pages[--taken], 1);
	}
	assert_true(refused > 10);
}

static void test_a_description_that_does_not_fit_is_refused_in_words(void **state)
{
	struct page_stats before = stats(), after;
	const char *why = "";

	desc.ram_size = GIB(64);
	assert_int_equal(create(&why), -ENOMEM);
	assert_string_equal(why, "not enough contiguous RAM");
	setup(state);
	desc.ram_ipa = ipa(BIT(40) - MIB(2));
	assert_true(create(&why) < 0);
	assert_non_null(strstr(why, "address space"));
	setup(state);
	desc.load_address = ipa(GUEST_RAM_IPA + MIB(4));
	assert_true(create(&why) < 0);
	assert_non_null(strstr(why, "outside the memory"));
	setup(state);
	desc.protocol = VM_PROTOCOL_ELF;
	assert_int_equal(create(&why), -ENOEXEC);
	after = stats();
	assert_int_equal(after.free, before.free);
	/* The VM itself stays, with nothing. */
	assert_int_equal(after.pool_free, before.pool_free - DIV_ROUND_UP(sizeof(struct vm), PAGE_SIZE));
}

static void test_there_are_at_most_as_many_vms_as_configured(void **state)
{
	const char *why = "";
	unsigned int n = 0;

	desc.ram_size = MIB(1);
	desc.load_address = ipa(GUEST_RAM_IPA + KIB(512));
	desc.nr_vcpus = 1;
	while (n < CONFIG_MAX_VMS && !create(&why))
		n++;
	if (n < CONFIG_MAX_VMS)
		skip();		/* the configuration's pool does not suffice for all of them */
	assert_int_equal(create(&why), -E2BIG);
	assert_int_equal(nr_vms, CONFIG_MAX_VMS);
}

static void test_a_fixed_place_is_kept_for_its_vm(void **state)
{
	struct page_stats before;
	struct vm *fixed, *other;
	struct carveout c;
	const char *why;

	if (CONFIG_MAX_VMS < 3)
		skip();
	desc.nr_regions = 1;
	desc.regions[0] = (struct vm_region){
		.ipa = desc.ram_ipa, .size = MIB(4), .fixed = true, .pa = pa(0x42000000),
	};
	assert_int_equal(vm_define(&desc, &fixed, &why), 0);
	before = stats();
	/* Neither somebody else's fixed place, nor memory from anywhere, can be there. */
	assert_int_equal(vm_define(&desc, &other, &why), -ENOMEM);
	assert_non_null(strstr(why, "fixed physical range"));
	assert_int_equal(nr_vms, 1);
	assert_int_equal(carveout_alloc(MIB(64), 0, OWNER_VM(9), &c), 0);
	assert_true(c.base.pa >= 0x42400000 || c.base.pa + c.size <= 0x42000000);
	carveout_free(&c);
	assert_int_equal(fake_vm_load(fixed, &why), 0);
	assert_int_equal(fixed->ram[0].base.pa, 0x42000000);
	assert_int_equal(page_record(pa(0x42000000))->owner, OWNER_VM(fixed->id));
	vm_release(fixed);
	assert_int_equal(page_record(pa(0x42000000))->owner, OWNER_HYP);
	assert_int_equal(stats().free, before.free);
	assert_int_equal(stats().pool_free, before.pool_free);
}

static void test_a_vm_may_have_as_many_vcpus_as_configured(void **state)
{
	const char *why = "";

	desc.nr_vcpus = CONFIG_MAX_VCPUS;
	if (create(&why))
		fail_msg("%u vCPUs: %s", CONFIG_MAX_VCPUS, why);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_a_new_vm_is_stopped_and_has_ram_of_its_own),
		T(test_two_vms_share_neither_ram_nor_vmid),
		T(test_ram_of_a_new_vm_holds_nothing_of_earlier_owners),
		T(test_a_vm_that_cannot_be_made_gives_everything_back),
		T(test_a_description_that_does_not_fit_is_refused_in_words),
		T(test_there_are_at_most_as_many_vms_as_configured),
		T(test_a_fixed_place_is_kept_for_its_vm),
		T(test_a_vm_may_have_as_many_vcpus_as_configured),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
