// SPDX-License-Identifier: MIT
/* The empty flash: ones at every width and offset, whatever was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "schism/abi/guest_layout.h"

static struct vm vm;
static struct vcpu vcpu = { .vm = &vm };

static int setup(void **state)
{
	vm = (struct vm){ .desc = { .devices = { vdev_find("flash") }, .nr_devices = 1 } };
	assert_non_null(vm.desc.devices[0]);
	assert_int_equal(vdev_create_all(&vm), 0);
	return 0;
}

static uint64_t ones(unsigned int size)
{
	return size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

static bool flash_access(uint64_t ipa, unsigned int size, bool write, uint64_t *val)
{
	struct vdev_access access = { .ipa = ipa, .size = size, .write = write, .val = *val };
	bool allowed = vdev_allows(&vcpu, &access);
	bool served = vdev_access(&vcpu, &access);

	assert_int_equal(allowed, served);
	*val = access.val;
	return served;
}

static void test_reads_give_ones_at_every_width_and_offset(void **state)
{
	static const uint64_t at[] = { 0, 8, 0x1000, 0x3fffff8, };

	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		for (unsigned int size = 1; size <= 8; size *= 2) {
			uint64_t val = 0;

			assert_true(flash_access(GUEST_FLASH_IPA + at[i], size, false, &val));
			assert_int_equal(val, ones(size));
		}
	}
}

static void test_writes_and_commands_change_nothing(void **state)
{
	for (unsigned int size = 1; size <= 8; size *= 2) {
		uint64_t query = 0x98, val = 0;

		assert_true(flash_access(GUEST_FLASH_IPA + 0x550, size, true, &query));
		assert_true(flash_access(GUEST_FLASH_IPA + 0x550, size, false, &val));
		assert_int_equal(val, ones(size));
	}
}

static void test_the_window_is_that_of_the_second_bank(void **state)
{
	uint64_t val = 0;

	assert_true(flash_access(0x07ffffff, 1, false, &val));
	assert_false(flash_access(0x03ffffff, 1, false, &val));
	assert_false(flash_access(0x08000000, 1, false, &val));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reads_give_ones_at_every_width_and_offset, setup),
		cmocka_unit_test_setup(test_writes_and_commands_change_nothing, setup),
		cmocka_unit_test_setup(test_the_window_is_that_of_the_second_bank, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
