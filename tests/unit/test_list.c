// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/list.h"

struct item {
	int value;
	struct list_head link;
};

/* Do the values come in this order, forwards and backwards? */
static void assert_order(struct list_head *list, const int *values, unsigned int n)
{
	struct list_head *it = list;
	struct item *item;
	unsigned int i = 0;

	list_for_each_entry(item, list, link) {
		assert_in_range(i, 0, n - 1);
		assert_int_equal(item->value, values[i++]);
	}
	assert_int_equal(i, n);
	while (n > 0) {
		it = it->prev;
		assert_int_equal(list_entry(it, struct item, link)->value, values[--n]);
	}
	assert_ptr_equal(it->prev, list);
}

static void test_new_list_is_empty(void **state)
{
	struct list_head list = LIST_HEAD_INIT(list), other;
	struct item *item;

	(void)state;
	list_init(&other);
	assert_true(list_empty(&list));
	assert_true(list_empty(&other));
	assert_null(list_first_entry_or_null(&list, struct item, link));
	list_for_each_entry(item, &list, link)
		fail();
}

static void test_list_add_puts_first_and_list_add_tail_last(void **state)
{
	struct list_head list = LIST_HEAD_INIT(list);
	struct item items[4] = { { .value = 0 }, { .value = 1 }, { .value = 2 }, { .value = 3 } };

	(void)state;
	list_add(&items[0].link, &list);
	list_add_tail(&items[1].link, &list);
	list_add(&items[2].link, &list);
	list_add_tail(&items[3].link, &list);
	assert_false(list_empty(&list));
	assert_order(&list, (int[]){ 2, 0, 1, 3 }, 4);
	assert_int_equal(list_first_entry(&list, struct item, link)->value, 2);
	assert_int_equal(list_last_entry(&list, struct item, link)->value, 3);
}

static void test_items_are_inserted_beside_others(void **state)
{
	struct list_head list = LIST_HEAD_INIT(list);
	struct item items[3] = { { .value = 0 }, { .value = 1 }, { .value = 2 } };

	(void)state;
	list_add(&items[0].link, &list);
	list_add(&items[1].link, &items[0].link);
	list_add_tail(&items[2].link, &items[1].link);
	assert_order(&list, (int[]){ 0, 2, 1 }, 3);
}

static void test_removed_item_is_unqueued_and_can_be_removed_again(void **state)
{
	struct list_head list = LIST_HEAD_INIT(list);
	struct item items[3] = { { .value = 0 }, { .value = 1 }, { .value = 2 } };

	(void)state;
	for (int i = 0; i < 3; i++)
		list_add_tail(&items[i].link, &list);
	list_del(&items[1].link);
	assert_true(list_empty(&items[1].link));
	assert_order(&list, (int[]){ 0, 2 }, 2);
	list_del(&items[1].link);
	assert_order(&list, (int[]){ 0, 2 }, 2);
	list_del(&items[0].link);
	list_del(&items[2].link);
	assert_true(list_empty(&list));
}

static void test_items_may_be_freed_while_they_are_visited(void **state)
{
	struct list_head list = LIST_HEAD_INIT(list);
	struct item *item, *ahead;
	int sum = 0;

	(void)state;
	for (int i = 1; i <= 5; i++) {
		item = malloc(sizeof(*item));
		item->value = i;
		list_add_tail(&item->link, &list);
	}
	list_for_each_entry_safe(item, ahead, &list, link) {
		sum += item->value;
		list_del(&item->link);
		free(item);
	}
	assert_int_equal(sum, 15);
	assert_true(list_empty(&list));
}

/* At a list's end there is no entry: a pointer to one would not be aligned. UBSan would stop here. */
static void test_entries_may_be_aligned_more_than_their_list(void **state)
{
	struct wide {
		_Alignas(16) int value;
		struct list_head link;
	} items[3] = { { .value = 0 }, { .value = 1 }, { .value = 2 } }, *item, *ahead;
	struct {
		_Alignas(16) struct list_head even;
		uint64_t between;
		struct list_head odd;
	} lists;

	(void)state;
	for (unsigned int odd = 0; odd < 2; odd++) {
		struct list_head *list = odd ? &lists.odd : &lists.even;
		int n = 0;

		list_init(list);
		for (unsigned int i = 0; i < ARRAY_SIZE(items); i++)
			list_add_tail(&items[i].link, list);
		list_for_each_entry(item, list, link)
			assert_int_equal(item->value, n++);
		assert_null(item);
		list_for_each_entry_safe(item, ahead, list, link)
			list_del(&item->link);
		assert_null(item);
		assert_true(list_empty(list));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_list_is_empty),
		cmocka_unit_test(test_list_add_puts_first_and_list_add_tail_last),
		cmocka_unit_test(test_items_are_inserted_beside_others),
		cmocka_unit_test(test_removed_item_is_unqueued_and_can_be_removed_again),
		cmocka_unit_test(test_items_may_be_freed_while_they_are_visited),
		cmocka_unit_test(test_entries_may_be_aligned_more_than_their_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
