// SPDX-License-Identifier: MIT
/* The empty virtio transports: what each width reads where, and who goes first where something else lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "schism/abi/guest_layout.h"

#define MAGIC	0x74726976u

static struct vm vm;
static struct vcpu vcpu = { .vm = &vm };

/* A device of the machine's, in the page of the last transports. */
#define OTHER_IPA	UINT64_C(0x0a003000)

static int other_create(struct vm *v, const struct vdev_ops *ops)
{
	return vdev_attach(v, ops, OTHER_IPA, PAGE_SIZE, NULL, NULL);
}

static bool other_access(struct vcpu *v, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	access->val = 0x5c;
	return true;
}

VDEV(test_other) = { .name = "other", .create = other_create, .access = other_access };

static int setup(void **state)
{
	vm = (struct vm){ .nr_vdevs = 0 };
	vcpu = (struct vcpu){ .vm = &vm };
	return 0;
}

static bool is_served(uint64_t ipa, unsigned int size, bool write, uint64_t *val)
{
	struct vdev_access access = { .ipa = ipa, .size = size, .write = write, .val = *val };
	bool allowed = vdev_allows(&vcpu, &access), served = vdev_access(&vcpu, &access);

	assert_int_equal(allowed, served);
	*val = size == 8 ? access.val : access.val & ((UINT64_C(1) << 8 * size) - 1);
	return served;
}

static uint64_t get(uint64_t ipa, unsigned int size)
{
	uint64_t val = 0;

	assert_true(is_served(ipa, size, false, &val));
	return val;
}

static void test_every_transport_is_there_and_empty(void **state)
{
	assert_int_equal(vdev_create_all(&vm), 0);
	for (uint64_t at = 0x0a000000; at < 0x0a004000; at += 0x200) {
		assert_int_equal(get(at, 4), MAGIC);
		assert_int_equal(get(at + 4, 4), 1);
		assert_int_equal(get(at + 8, 4), 0);
		assert_int_equal(get(at + 12, 4), 0x554d4551);
	}
}

static void test_a_vm_needs_not_list_them_and_they_end_where_the_boards_do(void **state)
{
	uint64_t val = 0;

	assert_int_equal(vdev_create_all(&vm), 0);
	assert_null(vdev_find("virtio"));
	assert_false(is_served(0x09fffffc, 4, false, &val));
	assert_int_equal(get(0x0a003ffc, 4), 0);
	assert_false(is_served(0x0a004000, 4, false, &val));
}

static void test_writes_of_any_width_change_nothing(void **state)
{
	assert_int_equal(vdev_create_all(&vm), 0);
	for (unsigned int size = 1; size <= 8; size *= 2) {
		for (uint64_t at = 0; at < 0x200; at += size) {
			uint64_t before = get(0x0a000400 + at, size), val = UINT64_MAX;

			assert_true(is_served(0x0a000400 + at, size, true, &val));
			assert_int_equal(get(0x0a000400 + at, size), before);
		}
	}
}

static void test_two_registers_are_read_at_once_but_no_neighbours(void **state)
{
	assert_int_equal(vdev_create_all(&vm), 0);
	assert_int_equal(get(0x0a000000, 8), MAGIC | UINT64_C(1) << 32);
	assert_int_equal(get(0x0a000008, 8), UINT64_C(0x554d4551) << 32);
	/* Where the next one's magic value would follow. */
	assert_int_equal(get(0x0a0001f8, 8), 0);
}

static void test_they_give_way_to_a_device_that_the_vm_has_there(void **state)
{
	uint64_t val = 0;

	vm.desc.devices[vm.desc.nr_devices++] = vdev_find("other");
	assert_int_equal(vdev_create_all(&vm), 0);
	assert_int_equal(vm.nr_vdevs, 1);
	assert_false(is_served(0x0a000000, 4, false, &val));
	assert_ptr_equal(vdev_at(&vcpu, OTHER_IPA)->ops, vm.desc.devices[0]);
	/* Any other that finds its place taken is an error, as before. */
	assert_int_equal(vm.desc.devices[0]->create(&vm, vm.desc.devices[0]), -EEXIST);
	assert_int_equal(vdev_create_all(&vm), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_transport_is_there_and_empty, setup),
		cmocka_unit_test_setup(test_a_vm_needs_not_list_them_and_they_end_where_the_boards_do, setup),
		cmocka_unit_test_setup(test_writes_of_any_width_change_nothing, setup),
		cmocka_unit_test_setup(test_two_registers_are_read_at_once_but_no_neighbours, setup),
		cmocka_unit_test_setup(test_they_give_way_to_a_device_that_the_vm_has_there, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
