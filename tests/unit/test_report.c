// SPDX-License-Identifier: MIT
/* Telemetry: task reports, mailboxes; and the accessors of guest RAM that it stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/hvc/report.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "schism/abi/guest_layout.h"
#include "schism/abi/hypercall.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

static struct vm *vm;

static int setup(void **state)
{
	fake_machine_boot(1);
	vm = fake_vm("guest", 1);
	fake_log_clear();
	return 0;
}

static int64_t report(uint64_t task, uint64_t event)
{
	uint64_t *x = vm->vcpus[0]->arch.frame.x;

	x[0] = task;
	x[1] = event;
	return handle_guest_task_report(vm->vcpus[0]);
}

/* The guest's RAM as it lies in physical memory. */
static uint8_t *ram(uint64_t ipa)
{
	return fake_mem_raw(vm->ram[0].base.pa + (ipa - GUEST_RAM_IPA));
}

/* ---- reports ---- */

static void test_a_report_prints_its_values_and_counts(void **state)
{
	uint64_t *x = vm->vcpus[0]->arch.frame.x;

	x[2] = 7;
	x[3] = 100;
	x[4] = 200;
	x[5] = UINT64_MAX;
	assert_int_equal(report(GUEST_TASK_COUNTER, GUEST_EVENT_PROGRESS), 0);
	assert_string_equal(fake_log_text(),
			    "guest: report 7: rounds=100 fp-checks=200 pauth-checks=18446744073709551615\n");
	assert_int_equal(vm->reports, 1);
	assert_int_equal(vm->failures, 0);
}

static void test_only_a_failure_counts_as_one(void **state)
{
	for (unsigned int task = GUEST_TASK_COUNTER; task <= GUEST_TASK_BENCH; task++) {
		for (unsigned int event = GUEST_EVENT_START; event <= GUEST_EVENT_FAIL; event++)
			assert_int_equal(report(task, event), 0);
	}
	assert_int_equal(vm->reports, 16);
	assert_int_equal(vm->failures, 4);
	assert_int_equal(fake_log_lines(), 16);
}

static void test_an_unknown_task_or_event_is_refused_and_not_counted(void **state)
{
	static const uint64_t values[] = { 0,          1,       4,           5,       64,
					   0xffffffff, BIT(32), BIT(32) | 1, BIT(63), UINT64_MAX };

	for (unsigned int t = 0; t < ARRAY_SIZE(values); t++) {
		for (unsigned int e = 0; e < ARRAY_SIZE(values); e++) {
			bool good = values[t] >= 1 && values[t] <= 4 && values[e] <= 3;

			assert_int_equal(report(values[t], values[e]), good ? 0 : SMCCC_INVALID_PARAMETER);
		}
	}
	assert_int_equal(vm->reports, 4);
	assert_int_equal(fake_log_lines(), 4);
}

static void test_a_flood_of_reports_is_counted_but_not_all_shown(void **state)
{
	unsigned int shown;

	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(report(GUEST_TASK_COUNTER, GUEST_EVENT_FAIL), 0);
	assert_int_equal(vm->reports, 1000);
	assert_int_equal(vm->failures, 1000);
	shown = fake_log_lines();
	assert_in_range(shown, 64, 256);
	/* Later there is room again, and it is told how much was hidden. */
	fake_counter += timer_us_to_ticks(1000000);
	fake_log_clear();
	report(GUEST_TASK_COUNTER, GUEST_EVENT_PROGRESS);
	assert_int_equal(fake_log_lines(), 2);
	assert_true(fake_log_has("guest: "));
	assert_true(fake_log_has("reports are not shown"));
}

/* The sequence numbers of the reports that are shown of n, each so many ms after the last. */
static unsigned int shown_of(unsigned int n, unsigned int task, unsigned int ms)
{
	fake_log_clear();
	for (unsigned int i = 0; i < n; i++) {
		fake_counter += timer_us_to_ticks(1000 * ms);
		report(task, GUEST_EVENT_PROGRESS);
	}
	return fake_log_lines();
}

static void test_progress_without_end_is_shown_more_and_more_rarely(void **state)
{
	report(GUEST_TASK_MEMWALK, GUEST_EVENT_START);
	assert_int_equal(shown_of(63, GUEST_TASK_MEMWALK, 100), 6);
	assert_int_equal(shown_of(1, GUEST_TASK_MEMWALK, 100), 1);
	assert_int_equal(vm->reports, 65);
	/* At last once a minute, beside the powers of two. */
	assert_in_range(shown_of(36000, GUEST_TASK_MEMWALK, 100), 60, 70);
	assert_false(fake_log_has("not shown"));
	/* It starts anew. */
	fake_log_clear();
	report(GUEST_TASK_MEMWALK, GUEST_EVENT_START);
	assert_int_equal(fake_log_lines(), 1);
	assert_int_equal(shown_of(4, GUEST_TASK_MEMWALK, 100), 3);
}

static void test_all_else_is_shown_always(void **state)
{
	shown_of(20, GUEST_TASK_COUNTER, 100);
	fake_log_clear();
	report(GUEST_TASK_COUNTER, GUEST_EVENT_PASS);
	report(GUEST_TASK_COUNTER, GUEST_EVENT_FAIL);
	assert_int_equal(fake_log_lines(), 2);
	assert_int_equal(shown_of(20, GUEST_TASK_TEST, 100), 20);
	fake_reports_arg = "all";
	report_init(vm);
	assert_int_equal(shown_of(20, GUEST_TASK_COUNTER, 100), 20);
	fake_reports_arg = NULL;
	report_init(vm);
	assert_true(shown_of(20, GUEST_TASK_COUNTER, 100) < 20);
}

static void test_a_report_waits_for_no_uart(void **state)
{
	fake_console_full = true;
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(report(GUEST_TASK_COUNTER, GUEST_EVENT_PASS), 0);
	assert_int_equal(vm->reports, 10);
	assert_int_equal(fake_log_lines(), 0);
	fake_console_full = false;
	report(GUEST_TASK_COUNTER, GUEST_EVENT_PASS);
	assert_int_equal(fake_log_lines(), 2);
	assert_true(fake_log_has("guest: 10 reports are not shown"));
}

/* ---- mailboxes ---- */

static struct guest_mailbox_slot *slot(unsigned int i)
{
	return &((struct guest_mailbox *)ram(GUEST_MAILBOX_IPA))->slots[i];
}

static void test_the_mailbox_is_ready_before_the_guest_starts(void **state)
{
	const struct guest_mailbox *mailbox = (void *)ram(GUEST_MAILBOX_IPA);

	assert_int_equal(mailbox->magic, GUEST_MAILBOX_MAGIC);
	assert_int_equal(mailbox->version, GUEST_MAILBOX_VERSION);
	assert_int_equal(mailbox->vm_id, vm->id);
	assert_int_equal(mailbox->nr_slots, GUEST_MAILBOX_SLOTS);
	assert_string_equal(mailbox->args, "");
}

static void test_a_dump_prints_the_slots_in_use(void **state)
{
	*slot(0) = (struct guest_mailbox_slot){ "first", 0x1234, 3 };
	*slot(GUEST_MAILBOX_SLOTS - 1) = (struct guest_mailbox_slot){ "last", 5, 1 };
	guest_shared_dump(vm);
	assert_string_equal(fake_log_text(),
			    "guest: mailbox\n"
			    "  first                    0x0000000000001234  written 3 times\n"
			    "  last                     0x0000000000000005  written 1 times\n");
}

static void test_names_that_are_no_text_are_not_printed(void **state)
{
	memset(slot(1)->name, 'x', GUEST_MAILBOX_NAME_LEN);	/* full, without an end */
	memset(&slot(1)->value, 'y', 16);
	strcpy(slot(2)->name, "bad\033[2J");
	strcpy(slot(3)->name, "new\nline");
	strcpy(slot(4)->name, "\377\376");
	guest_shared_dump(vm);
	assert_int_equal(fake_log_lines(), 2);
	assert_true(fake_log_has("  xxxxxxxxxxxxxxxxxxxxxxxx 0x7979797979797979"));
	assert_false(fake_log_has("\033"));
}

static void test_any_contents_of_a_mailbox_can_be_dumped(void **state)
{
	for (unsigned int i = 0; i < 200; i++) {
		for (unsigned int n = 0; n < GUEST_MAILBOX_SIZE; n++)
			ram(GUEST_MAILBOX_IPA)[n] = (uint8_t)random_u64();
		fake_log_clear();
		guest_shared_dump(vm);
		for (const char *c = fake_log_text(); *c; c++)
			assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	}
}

static void test_a_dump_of_all_visits_every_vm_and_skips_those_without(void **state)
{
	struct vm *other = CONFIG_MAX_VMS > 1 ? fake_vm("other", 1) : NULL;

	fake_log_clear();
	guest_shared_dump(NULL);
	assert_true(fake_log_has("guest: mailbox"));
	assert_int_equal(fake_log_has("other: mailbox"), other != NULL);
	vm->desc.has_mailbox = false;
	fake_log_clear();
	guest_shared_dump(NULL);
	assert_false(fake_log_has("guest: mailbox"));
}

static void test_a_mailbox_that_is_gone_is_not_dumped(void **state)
{
	*slot(0) = (struct guest_mailbox_slot){ "first", 0x1234, 3 };
	vm->desc.mailbox = ipa(GUEST_RAM_IPA + MIB(64));
	guest_shared_dump(vm);
	assert_false(fake_log_has("first"));
	vm->desc.mailbox = ipa(GUEST_MAILBOX_IPA);
	fake_mem_no_window = true;
	guest_shared_dump(vm);
	assert_false(fake_log_has("first"));
	fake_mem_no_window = false;
	guest_shared_dump(vm);
	assert_true(fake_log_has("first"));
}

/* ---- guest RAM ---- */

static void test_guest_ram_is_read_and_written_across_blocks(void **state)
{
	static uint8_t out[5000], in[5000];

	for (unsigned int i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)random_u64();
	for (unsigned int i = 0; i < 200; i++) {
		/* Around the border of two 2 MiB blocks, and the ends. */
		uint64_t at = GUEST_RAM_IPA + random_below(3) * MIB(2);
		uint64_t len = random_below(sizeof(out) + 1);

		if (at == GUEST_RAM_IPA + MIB(4))
			at -= len;
		else if (at > GUEST_RAM_IPA)
			at -= random_below((unsigned int)len + 1);
		memset(in, 0, sizeof(in));
		assert_int_equal(vm_write(vm, ipa(at), out, len), 0);
		assert_memory_equal(ram(at), out, len);
		assert_int_equal(vm_read(vm, ipa(at), in, len), 0);
		assert_memory_equal(in, out, len);
		assert_int_equal(vm_zero(vm, ipa(at), len), 0);
		for (uint64_t n = 0; n < len; n++)
			assert_int_equal(ram(at)[n], 0);
	}
}

static void test_what_is_not_the_guests_is_neither_read_nor_written(void **state)
{
	static const struct {
		uint64_t ipa, len;
	} bad[] = {
		{ 0, 8 }, { GUEST_RAM_IPA - 8, 16 }, { GUEST_RAM_IPA + MIB(4) - 8, 16 },
		{ GUEST_RAM_IPA + MIB(4), 1 }, { GUEST_UART_IPA, 4 }, { BIT(40), 8 }, { UINT64_MAX - 4, 16 },
		{ GUEST_RAM_IPA, UINT64_MAX }, { UINT64_MAX, 1 },
	};
	uint8_t buf[16], before[16];

	memcpy(before, ram(GUEST_RAM_IPA + MIB(4) - 16), 16);
	memset(buf, 0x5a, sizeof(buf));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(vm_read(vm, ipa(bad[i].ipa), buf, bad[i].len), -EFAULT);
		assert_int_equal(vm_write(vm, ipa(bad[i].ipa), buf, bad[i].len), -EFAULT);
		assert_int_equal(vm_zero(vm, ipa(bad[i].ipa), bad[i].len), -EFAULT);
		for (unsigned int n = 0; n < sizeof(buf); n++)
			assert_int_equal(buf[n], 0x5a);
	}
	/* Not even the part that would have been allowed. */
	assert_memory_equal(ram(GUEST_RAM_IPA + MIB(4) - 16), before, 16);
}

static void test_a_page_that_belongs_to_another_is_refused(void **state)
{
	struct page *page = page_record(vm->ram[0].base);
	uint8_t buf[8];

	assert_int_equal(page->owner, OWNER_VM(vm->id));
	page->owner = OWNER_VM(vm->id + 1);
	assert_int_equal(vm_read(vm, ipa(GUEST_RAM_IPA), buf, sizeof(buf)), -EFAULT);
	assert_int_equal(vm_write(vm, ipa(GUEST_RAM_IPA), buf, sizeof(buf)), -EFAULT);
	page->owner = OWNER_VM(vm->id);
	assert_int_equal(vm_read(vm, ipa(GUEST_RAM_IPA), buf, sizeof(buf)), 0);
}

static void test_without_a_window_nothing_is_copied(void **state)
{
	uint8_t buf[8] = { 1 };

	fake_mem_no_window = true;
	assert_int_equal(vm_read(vm, ipa(GUEST_IMAGE_IPA), buf, sizeof(buf)), -ENOMEM);
	assert_int_equal(buf[0], 1);
	assert_int_equal(vm_write(vm, ipa(GUEST_IMAGE_IPA), buf, sizeof(buf)), -ENOMEM);
}

static void test_nothing_can_be_read_from_anywhere(void **state)
{
	assert_int_equal(vm_read(vm, ipa(GUEST_RAM_IPA), NULL, 0), 0);
	assert_int_equal(vm_write(vm, ipa(0), NULL, 0), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_a_report_prints_its_values_and_counts),
		T(test_only_a_failure_counts_as_one),
		T(test_an_unknown_task_or_event_is_refused_and_not_counted),
		T(test_a_flood_of_reports_is_counted_but_not_all_shown),
		T(test_progress_without_end_is_shown_more_and_more_rarely),
		T(test_all_else_is_shown_always),
		T(test_a_report_waits_for_no_uart),
		T(test_the_mailbox_is_ready_before_the_guest_starts),
		T(test_a_dump_prints_the_slots_in_use),
		T(test_names_that_are_no_text_are_not_printed),
		T(test_any_contents_of_a_mailbox_can_be_dumped),
		T(test_a_dump_of_all_visits_every_vm_and_skips_those_without),
		T(test_a_mailbox_that_is_gone_is_not_dumped),
		T(test_guest_ram_is_read_and_written_across_blocks),
		T(test_what_is_not_the_guests_is_neither_read_nor_written),
		T(test_a_page_that_belongs_to_another_is_refused),
		T(test_without_a_window_nothing_is_copied),
		T(test_nothing_can_be_read_from_anywhere),
	};
#undef T

	random_seed("test_report");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
