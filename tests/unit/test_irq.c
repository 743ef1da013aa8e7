// SPDX-License-Identifier: MIT
/* Who gets which physical interrupt, with a GIC that the test fills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/base/irq.h"
#include "lib/errno.h"
#include "tests/host/fake.h"

static uint32_t waiting[64], ended[64];
static unsigned int nr_waiting, nr_dropped, nr_ended, nr_handled[IRQ_MAX];

uint32_t irqchip_ack(void)
{
	return nr_waiting ? waiting[--nr_waiting] : IRQ_SPURIOUS;
}

void irqchip_drop_priority(uint32_t intid)
{
	nr_dropped++;
}

void irqchip_deactivate(uint32_t intid)
{
	ended[nr_ended++] = intid;
}

static enum irq_result handle(uint32_t intid)
{
	nr_handled[intid]++;
	return intid == 27 ? IRQ_GUEST_OWNS : IRQ_DONE;
}

static int setup(void **state)
{
	fake_reset();
	nr_waiting = nr_dropped = nr_ended = 0;
	return 0;
}

static void arrives(uint32_t intid)
{
	waiting[nr_waiting++] = intid;
}

static void test_every_interrupt_of_a_gic_can_have_a_handler(void **state)
{
	assert_int_equal(irq_request(IRQ_MAX, handle), -EINVAL);
	assert_int_equal(irq_request(UINT32_MAX, handle), -EINVAL);
	/* Two that nobody asks for, for the next test. */
	for (uint32_t intid = 0; intid < IRQ_MAX - 2; intid++)
		assert_int_equal(irq_request(intid, handle), 0);
	for (uint32_t intid = 0; intid < IRQ_MAX - 2; intid++) {
		assert_int_equal(irq_request(intid, handle), -EBUSY);
		arrives(intid);
		irq_handle();
		assert_int_equal(nr_handled[intid], 1);
		assert_int_equal(nr_dropped, intid + 1);
		if (nr_ended == 64)
			nr_ended = 0;
	}
	assert_int_equal(this_cpu()->nr_spurious, 0);
}

static void test_what_nobody_asked_for_is_ended_and_counted(void **state)
{
	arrives(IRQ_MAX - 1);
	arrives(IRQ_MAX - 2);
	irq_handle();
	assert_int_equal(this_cpu()->nr_spurious, 2);
	assert_int_equal(nr_ended, 2);
}

static void test_what_a_guest_deactivates_stays_active(void **state)
{
	arrives(27);
	arrives(28);
	irq_handle();
	assert_int_equal(nr_dropped, 2);
	assert_int_equal(nr_ended, 1);
	assert_int_equal(ended[0], 28);
}

static void test_a_call_handles_no_more_than_sixteen(void **state)
{
	for (unsigned int i = 0; i < 40; i++)
		arrives(30);
	irq_handle();
	assert_int_equal(nr_waiting, 24);
	irq_handle();
	irq_handle();
	assert_int_equal(nr_waiting, 0);
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_every_interrupt_of_a_gic_can_have_a_handler),
		T(test_what_nobody_asked_for_is_ended_and_counted),
		T(test_what_a_guest_deactivates_stays_active),
		T(test_a_call_handles_no_more_than_sixteen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
