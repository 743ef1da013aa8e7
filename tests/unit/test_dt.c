// SPDX-License-Identifier: MIT
/* The device tree reader against libfdt, on the trees of tests/unit/dts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "lib/dt.h"
#include "tests/unit/dtb.h"
#include "tests/unit/random.h"

static const char *const trees[] = {
	"qemu_virt", "memory", "renamed", "gicv2", "cpus", "fvp", "raspberry",
};

static struct dt dt;
static uint32_t size;
static uint8_t *blob;

static void open_tree(const char *name)
{
	const char *why;

	blob = dtb_load(name, &size);
	assert_int_equal(dt_open(&dt, blob, size, &why), 0);
	assert_null(why);
}

static void test_tokens_come_as_libfdt_sees_them(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(trees); t++) {
		struct dt_cursor c = { 0 };
		enum dt_token token;
		int offset = 0, next = 0, len;
		const char *name;
		const void *val;

		open_tree(trees[t]);
		do {
			uint32_t tag;

			do {
				offset = next;
				tag = fdt_next_tag(blob, offset, &next);
			} while (tag == FDT_NOP);
			token = dt_next(&dt, &c);
			assert_int_equal(c.offset, offset);
			assert_int_equal(token, tag == FDT_BEGIN_NODE ? DT_BEGIN_NODE :
						tag == FDT_PROP ? DT_PROP :
						tag == FDT_END_NODE ? DT_END_NODE : DT_END);
			if (token == DT_BEGIN_NODE)
				assert_string_equal(c.name, fdt_get_name(blob, offset, NULL));
			if (token != DT_PROP)
				continue;
			val = fdt_getprop_by_offset(blob, offset, &name, &len);
			assert_ptr_equal(c.prop.val, val);
			assert_int_equal(c.prop.len, len);
			assert_string_equal(c.name, name);
		} while (token != DT_END);
		free(blob);
	}
}

static void test_paths_and_properties_are_found_as_libfdt_finds_them(void **state)
{
	static char path[200], ours[200];

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(trees); t++) {
		open_tree(trees[t]);
		for (int node = 0; node >= 0; node = fdt_next_node(blob, node, NULL)) {
			int prop, len;

			assert_int_equal(fdt_get_path(blob, node, path, sizeof(path)), 0);
			dt_path(&dt, node, ours, sizeof(ours));
			assert_string_equal(ours, path);
			assert_int_equal(dt_find(&dt, path, strlen(path)), node);
			fdt_for_each_property_offset(prop, blob, node) {
				const char *name;
				const void *val = fdt_getprop_by_offset(blob, prop, &name, &len);

				assert_ptr_equal(dt_get(&dt, node, name).val, val);
				assert_int_equal(dt_get(&dt, node, name).len, len);
			}
			assert_null(dt_get(&dt, node, "no-such-property").val);
		}
		free(blob);
	}
}

static int find(const char *path)
{
	return dt_find(&dt, path, strlen(path));
}

static void test_unit_addresses_may_be_left_out_of_paths(void **state)
{
	(void)state;
	open_tree("fvp");
	assert_true(find("/bus/motherboard-bus/iofpga-bus/serial@a0000") > 0);
	assert_int_equal(find("/bus/motherboard-bus/iofpga-bus/serial"),
			 find("/bus@8000000/motherboard-bus@8000000/iofpga-bus/serial@90000"));
	assert_int_equal(find("//cpus///cpu@100/"), find("/cpus/cpu@100"));
	assert_int_equal(find("/"), 0);
	free(blob);
}

static void test_paths_that_lead_nowhere_are_not_found(void **state)
{
	static const char *const paths[] = {
		"", "chosen", "/cho", "/chosenx", "/chosen/x", "/cpus/cpu@1", "/cpus/cpu@",
		"/cpu@100", "/bus@8000000/serial@90000", "/serial", "/bus@8000000@", "/@",
		"/memory@80000000/vram@18000000",
	};

	(void)state;
	open_tree("fvp");
	for (size_t p = 0; p < ARRAY_SIZE(paths); p++)
		assert_int_equal(find(paths[p]), -ENOENT);
	assert_int_equal(dt_find(&dt, "/chosen", 4), -ENOENT);
	free(blob);
}

static void test_long_paths_are_cut(void **state)
{
	char path[12] = "", one[1] = "x";

	(void)state;
	open_tree("fvp");
	dt_path(&dt, find("/bus/motherboard-bus"), path, sizeof(path));
	assert_string_equal(path, "/bus@800000");
	dt_path(&dt, find("/bus/motherboard-bus"), one, sizeof(one));
	assert_string_equal(one, "");
	dt_path(&dt, 12345678, path, sizeof(path));
	assert_string_equal(path, "");
	free(blob);
}

static void test_reservations_are_listed_to_their_end(void **state)
{
	uint64_t base, bytes;

	(void)state;
	open_tree("memory");
	assert_int_equal(dt_reservation(&dt, 0, &base, &bytes), 0);
	assert_int_equal(base, 0x80000000);
	assert_int_equal(bytes, 0x10000);
	assert_int_equal(dt_reservation(&dt, 1, &base, &bytes), 0);
	assert_int_equal(base, 0x880000000);
	assert_int_equal(dt_reservation(&dt, 2, &base, &bytes), -ENOENT);
	assert_int_equal(dt_reservation(&dt, UINT32_MAX, &base, &bytes), -EINVAL);
	free(blob);
}

static void test_string_lists_end_where_the_property_does(void **state)
{
	struct dt_prop list = { .val = "one\0two\0thr", .len = 11 };
	struct dt_prop whole = list;

	(void)state;
	assert_true(dt_list_contains(whole, "one"));
	assert_true(dt_list_contains(whole, "two"));
	assert_false(dt_list_contains(whole, "thr"));
	assert_false(dt_list_contains(whole, "tw"));
	assert_false(dt_list_contains((struct dt_prop){ .val = NULL }, "one"));
	assert_string_equal(dt_next_string(&list), "one");
	assert_string_equal(dt_next_string(&list), "two");
	assert_null(dt_next_string(&list));
	assert_null(dt_next_string(&list));
}

static void test_numbers_are_one_or_two_cells(void **state)
{
	static const uint32_t raw[3] __aligned(8) = { 0x01000000, 0x02000000, 0 };
	uint64_t value;

	(void)state;
	assert_true(dt_prop_number((struct dt_prop){ raw, 4 }, &value));
	assert_int_equal(value, 1);
	assert_true(dt_prop_number((struct dt_prop){ raw, 8 }, &value));
	assert_int_equal(value, 0x100000002);
	assert_false(dt_prop_number((struct dt_prop){ raw, 12 }, &value));
	assert_false(dt_prop_number((struct dt_prop){ raw, 0 }, &value));
	assert_false(dt_prop_number((struct dt_prop){ NULL, 4 }, &value));
}

static int reopen(const char **why)
{
	return dt_open(&dt, blob, size, why);
}

static void test_broken_headers_are_refused(void **state)
{
	const char *why = NULL;

	(void)state;
	blob = dtb_load("cpus", &size);
	for (uint32_t n = 0; n < size; n++)
		assert_int_equal(dt_open(&dt, blob, n, &why), -EINVAL);
	assert_int_equal(dt_open(&dt, blob + 4, size - 4, &why), -EINVAL);
	assert_string_equal(why, "the device tree is not 8-byte aligned");

	fdt_set_magic(blob, 0xd00dfeec);
	assert_int_equal(reopen(&why), -EINVAL);
	fdt_set_magic(blob, 0xd00dfeed);
	fdt_set_version(blob, 16);
	assert_int_equal(reopen(&why), -EINVAL);
	fdt_set_version(blob, 17);
	fdt_set_totalsize(blob, 0x80000000);
	assert_int_equal(dt_open(&dt, blob, UINT64_MAX, &why), -EINVAL);
	fdt_set_totalsize(blob, size);
	fdt_set_off_dt_struct(blob, UINT32_MAX & ~3u);
	assert_int_equal(reopen(&why), -EINVAL);
	fdt_set_off_dt_struct(blob, 58);
	assert_int_equal(reopen(&why), -EINVAL);
	fdt_set_off_dt_struct(blob, 56);
	fdt_set_size_dt_struct(blob, size - 55);
	assert_int_equal(reopen(&why), -EINVAL);
	fdt_set_size_dt_struct(blob, UINT32_MAX);
	assert_int_equal(reopen(&why), -EINVAL);
	fdt_set_size_dt_struct(blob, 16);
	fdt_set_size_dt_strings(blob, UINT32_MAX);
	assert_int_equal(reopen(&why), -EINVAL);
	fdt_set_size_dt_strings(blob, 16);
	fdt_set_off_mem_rsvmap(blob, size + 8);
	assert_int_equal(reopen(&why), -EINVAL);
	assert_non_null(why);
	free(blob);
}

/* Go through the whole tree, which may be broken, and touch both ends of all that it shows. */
static size_t read_all(void)
{
	struct dt_cursor c = { 0 };
	enum dt_token token;
	size_t sum = 0;

	while ((token = dt_next(&dt, &c)) < DT_END) {
		const uint8_t *val = c.prop.val;

		sum += token == DT_END_NODE ? 0 : strlen(c.name);
		if (token == DT_PROP && c.prop.len > 0)
			sum += val[0] + val[c.prop.len - 1];
		assert_in_range(c.offset, 0, dt.structure_size);
		if (token == DT_PROP)
			assert_true(val + c.prop.len <= dt.structure + dt.structure_size);
	}
	return sum + token;
}

static void test_a_structure_block_cut_anywhere_is_broken_there(void **state)
{
	uint32_t whole;

	(void)state;
	open_tree("renamed");
	whole = dt.structure_size;
	for (dt.structure_size = 0; dt.structure_size < whole; dt.structure_size++) {
		/* A block of its own, so that the sanitizer sees what is behind. */
		uint8_t *block = malloc(dt.structure_size ? dt.structure_size : 1);
		const uint8_t *original = dt.structure;

		memcpy(block, original, dt.structure_size);
		dt.structure = block;
		assert_true(read_all() > 0);
		assert_int_equal(find("/aliases/nothing"), -ENOENT);
		dt.structure = original;
		free(block);
	}
	free(blob);
}

/* Keeps what is read from being optimised away. */
static volatile size_t sink;

static void test_random_damage_never_leads_outside(void **state)
{
	static char path[64];
	uint8_t *copy;
	const char *why;

	(void)state;
	blob = dtb_load("renamed", &size);
	copy = malloc(size);
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t base, bytes;
		size_t sum;

		memcpy(copy, blob, size);
		for (unsigned int n = 1 + random_below(8); n > 0; n--)
			copy[random_below(random_below(4) ? size : 64)] ^= 1u << random_below(8);
		if (dt_open(&dt, copy, size, &why) != 0)
			continue;
		sum = read_all();
		for (unsigned int r = 0; dt_reservation(&dt, r, &base, &bytes) == 0; r++)
			sum += base;
		dt_path(&dt, (int)random_below(size), path, sizeof(path));
		sum += find("/n2/n20/n200") + dt_get(&dt, (int)random_below(2 * size), "reg").len;
		sink = sum;
	}
	free(copy);
	free(blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_come_as_libfdt_sees_them),
		cmocka_unit_test(test_paths_and_properties_are_found_as_libfdt_finds_them),
		cmocka_unit_test(test_unit_addresses_may_be_left_out_of_paths),
		cmocka_unit_test(test_paths_that_lead_nowhere_are_not_found),
		cmocka_unit_test(test_long_paths_are_cut),
		cmocka_unit_test(test_reservations_are_listed_to_their_end),
		cmocka_unit_test(test_string_lists_end_where_the_property_does),
		cmocka_unit_test(test_numbers_are_one_or_two_cells),
		cmocka_unit_test(test_broken_headers_are_refused),
		cmocka_unit_test(test_a_structure_block_cut_anywhere_is_broken_there),
		cmocka_unit_test(test_random_damage_never_leads_outside),
	};

	random_seed("test_dt");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
