// SPDX-License-Identifier: MIT
/* Files that hold a kernel, but are none. They are allocated to size: the sanitizer sees reads outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/packed.h"

static const char *why(const char *bytes, size_t size)
{
	char *copy = malloc(size ? size : 1);
	const char *text;

	memcpy(copy, bytes, size);
	text = packed_why(copy, size);
	free(copy);
	return text;
}

static void test_each_format_is_called_by_its_name_with_the_remedy(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *name, *remedy;
	} rows[] = {
		{ "\x1f\x8b\x08\0rest", 8, "a gzip-compressed file", "gzip -d" },
		{ "\xfd" "7zXZ\0rest", 10, "an xz-compressed file", "xz -d" },
		{ "\x28\xb5\x2f\xfdrest", 8, "a zstd-compressed file", "zstd -d" },
		{ "BZh91AY&SY", 10, "a bzip2-compressed file", "bzip2 -d" },
		{ "\x02\x21\x4c\x18rest", 8, "an lz4-compressed file", "lz4 -d" },
		{ "\x04\x22\x4d\x18rest", 8, "an lz4-compressed file", "lz4 -d" },
		{ "\x27\x05\x19\x56rest", 8, "a uImage", "from byte 64" },
		{ "\xd0\x0d\xfe\xedrest", 8, "a FIT image", "the kernel in it" },
		{ "MZ\0\0zimg", 8, "a compressed EFI application", "the Image" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = why(rows[i].bytes, rows[i].size);

		assert_non_null(text);
		assert_non_null(strstr(text, rows[i].name));
		assert_non_null(strstr(text, rows[i].remedy));
	}
}

static void test_kernels_and_short_files_are_none_of_them(void **state)
{
	static const char image[64] = { [56] = 'A', 'R', 'M', 'd' };

	assert_null(why(image, sizeof(image)));
	assert_null(why("\x7f" "ELF\2\1\1", 7));
	assert_null(why("MZ\0\x91" "abcd", 8));
	assert_null(why("", 0));
	assert_null(why("\xfd" "7zXZ", 5));
	assert_null(why("MZ\0\0zim", 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_format_is_called_by_its_name_with_the_remedy),
		cmocka_unit_test(test_kernels_and_short_files_are_none_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
