// SPDX-License-Identifier: MIT
/* The arm64 Image header. Images are allocated to size, so that the sanitizer sees reads outside. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/linux_image.h"
#include "tests/unit/random.h"

#define IMAGE_LEN	4096

/* By offset, as booting.rst counts them. */
#define TEXT_OFFSET	8
#define IMAGE_SIZE	16
#define FLAGS		24
#define MAGIC		56

static uint8_t image[IMAGE_LEN];
static struct linux_image_info info;
static const char *why;

static void put64(unsigned int offset, uint64_t val)
{
	for (unsigned int i = 0; i < 8; i++)
		image[offset + i] = (uint8_t)(val >> 8 * i);
}

/* What Debian's 6.1 has. */
static int setup(void **state)
{
	memset(image, 0, sizeof(image));
	put64(TEXT_OFFSET, 0);
	put64(IMAGE_SIZE, 0x1ab0000);
	put64(FLAGS, 0xa);
	memcpy(image + MAGIC, "ARM\x64", 4);
	return 0;
}

static int check(size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	int err;

	memcpy(copy, image, size);
	why = NULL;
	err = linux_image_check(copy, size, &info, &why);
	free(copy);
	return err;
}

static void test_image_tells_its_offset_and_size(void **state)
{
	put64(TEXT_OFFSET, 0x80000);
	assert_int_equal(check(IMAGE_LEN), 0);
	assert_int_equal(info.text_offset, 0x80000);
	assert_int_equal(info.size, 0x1ab0000);
}

static void test_file_longer_than_its_header_says_counts_in_full(void **state)
{
	put64(IMAGE_SIZE, 100);
	assert_int_equal(check(IMAGE_LEN), 0);
	assert_int_equal(info.size, IMAGE_LEN);
}

static void test_other_files_are_no_image(void **state)
{
	assert_int_equal(check(63), -ENOEXEC);
	assert_int_equal(check(0), -ENOEXEC);
	image[MAGIC] = 'X';
	assert_int_equal(check(IMAGE_LEN), -ENOEXEC);
	assert_non_null(strstr(why, "no arm64 Image"));
}

static void test_big_endian_kernel_is_refused(void **state)
{
	put64(FLAGS, 0xb);
	assert_int_equal(check(IMAGE_LEN), -EINVAL);
	assert_non_null(strstr(why, "big-endian"));
}

/* booting.rst: its text_offset is 0x80000, whatever the header says. */
static void test_kernel_older_than_3_17_has_no_size_and_a_fixed_offset(void **state)
{
	put64(IMAGE_SIZE, 0);
	put64(TEXT_OFFSET, 0x0000080000000000);
	assert_int_equal(check(IMAGE_LEN), 0);
	assert_int_equal(info.text_offset, 0x80000);
	assert_int_equal(info.size, IMAGE_LEN);
}

static void test_text_offset_is_taken_as_it_is(void **state)
{
	static const uint64_t offsets[] = { 0xfffc0, 0x80, 4, 0x200000, 0x12345678 };

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		put64(TEXT_OFFSET, offsets[i]);
		assert_int_equal(check(IMAGE_LEN), 0);
		assert_int_equal(info.text_offset, offsets[i]);
	}
}

static void test_text_offset_at_which_no_instruction_can_be_is_refused(void **state)
{
	put64(TEXT_OFFSET, 0x80002);
	assert_int_equal(check(IMAGE_LEN), -EINVAL);
	assert_non_null(strstr(why, "text_offset that is not a multiple of 4"));
	put64(TEXT_OFFSET, UINT64_MAX);
	assert_int_equal(check(IMAGE_LEN), -EINVAL);
}

static void test_random_headers_give_bounded_answers(void **state)
{
	for (unsigned int i = 0; i < 20000; i++) {
		setup(NULL);
		for (unsigned int n = random_below(8); n > 0; n--)
			image[random_below(64)] = (uint8_t)random_u64();
		if (check(64 + random_below(64)) == 0) {
			assert_int_equal(info.text_offset % 4, 0);
			assert_true(info.size >= 64);
		} else {
			assert_non_null(why);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_image_tells_its_offset_and_size, setup),
		cmocka_unit_test_setup(test_file_longer_than_its_header_says_counts_in_full, setup),
		cmocka_unit_test_setup(test_other_files_are_no_image, setup),
		cmocka_unit_test_setup(test_big_endian_kernel_is_refused, setup),
		cmocka_unit_test_setup(test_kernel_older_than_3_17_has_no_size_and_a_fixed_offset, setup),
		cmocka_unit_test_setup(test_text_offset_is_taken_as_it_is, setup),
		cmocka_unit_test_setup(test_text_offset_at_which_no_instruction_can_be_is_refused, setup),
		cmocka_unit_test(test_random_headers_give_bounded_answers),
	};

	random_seed("test_linux_image");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
