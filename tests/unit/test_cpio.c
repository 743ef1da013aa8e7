// SPDX-License-Identifier: MIT
/*
 * The CPIO reader on archives built here. Every archive handed to it is allocated to size, so that
 * the sanitizer sees reads outside.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cpio.h"
#include "tests/unit/random.h"

#define HEADER_LEN	110
#define MODE_AT		14	/* of the eight digits in a header */
#define FILESIZE_AT	54
#define NAMESIZE_AT	94

static uint8_t archive[4096];
static size_t archive_len;

static void pad(void)
{
	while (archive_len % 4 != 0)
		archive[archive_len++] = 0;
}

static void add(const char *name, const char *data)
{
	size_t namesize = strlen(name) + 1;

	archive_len += sprintf((char *)archive + archive_len,
			       "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1,
			       0100644, 0, 0, 1, 0, strlen(data), 0, 0, 0, 0, namesize, 0);
	memcpy(archive + archive_len, name, namesize);
	archive_len += namesize;
	pad();
	memcpy(archive + archive_len, data, strlen(data));
	archive_len += strlen(data);
	pad();
}

static void build(void)
{
	memset(archive, 0, sizeof(archive));
	archive_len = 0;
	add("manifest.dtb", "the manifest");
	add("empty", "");
	add("guests/a.elf", "x");
	add("b", "four");
	add("TRAILER!!!", "");
}

/* A copy of the first n bytes that ends where it says it ends. */
static uint8_t *copy_of(size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, archive, n);
	return copy;
}

static void assert_file(const void *cpio, size_t size, const char *name, const char *content)
{
	const void *data;
	size_t len;

	assert_int_equal(cpio_find(cpio, size, name, &data, &len), 0);
	assert_int_equal(len, strlen(content));
	assert_memory_equal(data, content, len);
	assert_int_equal(((const uint8_t *)data - (const uint8_t *)cpio) % 4, 0);
}

static void test_every_file_is_found_by_its_exact_name(void **state)
{
	const void *data;
	uint8_t *copy;
	size_t len;

	(void)state;
	build();
	copy = copy_of(archive_len);
	assert_file(copy, archive_len, "manifest.dtb", "the manifest");
	assert_file(copy, archive_len, "empty", "");
	assert_file(copy, archive_len, "guests/a.elf", "x");
	assert_file(copy, archive_len, "b", "four");
	assert_int_equal(cpio_find(copy, archive_len, "guests/a", &data, &len), -ENOENT);
	assert_int_equal(cpio_find(copy, archive_len, "a.elf", &data, &len), -ENOENT);
	assert_int_equal(cpio_find(copy, archive_len, "", &data, &len), -ENOENT);
	assert_int_equal(cpio_find(copy, archive_len, "TRAILER!!!", &data, &len), -ENOENT);
	free(copy);
}

static void test_entries_are_counted_up_to_the_trailer(void **state)
{
	const char *why;
	size_t count;

	(void)state;
	build();
	add("behind the trailer", "and not part of the archive");
	assert_int_equal(cpio_check(archive, archive_len, &count, &why), 0);
	assert_int_equal(count, 4);
	assert_null(why);
}

static void test_the_iterator_shows_names_modes_and_lengths(void **state)
{
	struct cpio_entry entry;
	struct cpio cpio;

	(void)state;
	build();
	cpio_begin(&cpio, archive, archive_len);
	assert_int_equal(cpio_next(&cpio, &entry), 0);
	assert_string_equal(entry.name, "manifest.dtb");
	assert_int_equal(entry.mode, 0100644);
	assert_int_equal(entry.len, 12);
	assert_int_equal(cpio_next(&cpio, &entry), 0);
	assert_string_equal(entry.name, "empty");
	assert_int_equal(entry.len, 0);
}

static void test_an_archive_of_the_cpio_tool_is_read(void **state)
{
	FILE *tool = popen("d=$(mktemp -d) && cd $d && echo content > file && "
			   "echo file | cpio --quiet -o -H newc && rm -r $d", "r");
	const void *data;
	size_t len;

	(void)state;
	archive_len = fread(archive, 1, sizeof(archive), tool);
	assert_int_equal(pclose(tool), 0);
	assert_int_equal(cpio_find(archive, archive_len, "file", &data, &len), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(data, "content\n", 8);
}

static void test_an_archive_cut_anywhere_is_refused_with_a_reason(void **state)
{
	const void *data;
	const char *why;
	size_t count, len;

	(void)state;
	build();
	for (size_t n = 0; n < archive_len; n++) {
		uint8_t *copy = copy_of(n);
		int rc = cpio_check(copy, n, &count, &why);

		/* Only the padding of the trailer's name may be missing. */
		assert_int_equal(rc, n >= archive_len - 3 ? 0 : -EINVAL);
		if (rc != 0)
			assert_non_null(why);
		(void)!cpio_find(copy, n, "b", &data, &len);
		free(copy);
	}
}

static void test_impossible_lengths_are_refused(void **state)
{
	static const char *const lengths[] = {
		"ffffffff", "fffffff0", "80000000", "7fffffff", "00010000", "0000g000",
		"-0000001", "       1",
	};
	const char *why;
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		build();
		memcpy(archive + FILESIZE_AT, lengths[i], 8);
		assert_int_equal(cpio_check(archive, archive_len, &count, &why), -EINVAL);
		build();
		memcpy(archive + NAMESIZE_AT, lengths[i], 8);
		assert_int_equal(cpio_check(archive, archive_len, &count, &why), -EINVAL);
		assert_non_null(why);
	}
}

static void test_numbers_that_are_not_hexadecimal_are_refused(void **state)
{
	const char *why;
	size_t count;

	(void)state;
	build();
	memcpy(archive + MODE_AT, "0o100644", 8);
	assert_int_equal(cpio_check(archive, archive_len, &count, &why), -EINVAL);
	assert_string_equal(why, "a header field is not hexadecimal");
}

static void test_names_without_an_end_are_refused(void **state)
{
	const char *why;
	size_t count;

	(void)state;
	build();
	memcpy(archive + NAMESIZE_AT, "00000000", 8);
	assert_int_equal(cpio_check(archive, archive_len, &count, &why), -EINVAL);
	build();
	memcpy(archive + NAMESIZE_AT, "0000000c", 8);
	assert_int_equal(cpio_check(archive, archive_len, &count, &why), -EINVAL);
	assert_string_equal(why, "a name is not terminated");
}

static void test_other_formats_are_refused(void **state)
{
	const char *why;
	size_t count;

	(void)state;
	build();
	memcpy(archive, "070702", 6);
	assert_int_equal(cpio_check(archive, archive_len, &count, &why), -EINVAL);
	memcpy(archive, "070707", 6);
	assert_int_equal(cpio_check(archive, archive_len, &count, &why), -EINVAL);
	assert_string_equal(why, "an entry does not begin with 070701");
}

static void test_random_damage_never_leads_outside(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct cpio_entry entry;
		struct cpio cpio;
		uint8_t *copy;
		size_t sum = 0;

		build();
		archive_len -= random_below(archive_len);
		copy = copy_of(archive_len);
		for (unsigned int n = 1 + random_below(4); n > 0; n--) {
			uint8_t byte = (uint8_t)random_u64();

			if (random_below(2))
				byte = "0123456789abcdefF"[random_below(17)];
			copy[random_below(archive_len)] = byte;
		}
		cpio_begin(&cpio, copy, archive_len);
		while (cpio_next(&cpio, &entry) == 0) {
			for (size_t b = 0; b < entry.len; b++)
				sum += ((const uint8_t *)entry.data)[b];
			sum += strlen(entry.name);
		}
		assert_true(sum < UINT32_MAX);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_file_is_found_by_its_exact_name),
		cmocka_unit_test(test_entries_are_counted_up_to_the_trailer),
		cmocka_unit_test(test_the_iterator_shows_names_modes_and_lengths),
		cmocka_unit_test(test_an_archive_of_the_cpio_tool_is_read),
		cmocka_unit_test(test_an_archive_cut_anywhere_is_refused_with_a_reason),
		cmocka_unit_test(test_impossible_lengths_are_refused),
		cmocka_unit_test(test_numbers_that_are_not_hexadecimal_are_refused),
		cmocka_unit_test(test_names_without_an_end_are_refused),
		cmocka_unit_test(test_other_formats_are_refused),
		cmocka_unit_test(test_random_damage_never_leads_outside),
	};

	random_seed("test_cpio");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
