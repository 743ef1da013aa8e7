// SPDX-License-Identifier: MIT
/* Which devices a VM can have to itself, and what becomes of their interrupts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/irq.h"
#include "kernel/main.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vdev/passthrough.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "tests/host/fake.h"
#include "tests/unit/dtb.h"

#define GPIO_INTID	39

struct machine machine;

static struct vm vm;
static enum irq_result (*handler)(uint32_t intid);
static unsigned int raised, mapped;
static bool enabled, linked;

int irq_request(uint32_t intid, enum irq_result (*h)(uint32_t intid))
{
	handler = h;
	return 0;
}

void irqchip_enable(uint32_t intid, bool edge)
{
	assert_int_equal(intid, GPIO_INTID);
	/* Not before everything is there for it. */
	assert_true(linked);
	enabled = true;
}

void irqchip_disable_spi(uint32_t intid)
{
	enabled = false;
}

void vgic_link_spi(struct vm *v, unsigned int intid, uint32_t hw_intid)
{
	assert_false(enabled);
	assert_int_equal(intid, hw_intid);
	linked = true;
}

void vgic_raise_linked(struct vm *v, unsigned int intid)
{
	assert_ptr_equal(v, &vm);
	raised++;
}

int pgtable_map(struct pgtable *pt, uint64_t ia, pa_t pa, uint64_t size, uint64_t flags)
{
	assert_int_equal(ia, pa.pa);
	assert_true(flags & MAP_DEVICE);
	assert_false(flags & MAP_X);
	mapped++;
	return 0;
}

static const char *refusal(const char *path)
{
	const char *why = NULL;

	vm.desc.nr_passthrough = 1;
	vm.desc.passthrough[0] = path;
	return passthrough_prepare(&vm, &why) ? why : NULL;
}

static const struct vdev_ops *ops(void)
{
	SECTION_FOREACH(struct vdev_ops, it, schism_vdev)
		return it;
	return NULL;
}

static int setup(void **state)
{
	memset(&vm, 0, sizeof(vm));
	raised = mapped = 0;
	enabled = linked = false;
	return 0;
}

static void test_a_device_that_can_master_memory_or_might_is_refused(void **state)
{
	assert_non_null(strstr(refusal("/ethernet@9040000"), "masters memory"));
	/* Known to be harmless by itself, but served by a DMA engine. */
	assert_non_null(strstr(refusal("/serial@9050000"), "masters memory"));
}

static void test_registers_in_memory_or_of_schism_are_refused(void **state)
{
	assert_non_null(strstr(refusal("/gpio@40100000"), "lie in memory"));
	assert_non_null(strstr(refusal("/gpio@80a0000"), "are Schism's"));
	assert_non_null(strstr(refusal("/gpio@9080800"), "whole pages"));
}

static void test_an_interrupt_that_a_vm_cannot_have_is_refused(void **state)
{
	/* The emulated UART's, and one beyond those of the virtual distributor. */
	assert_non_null(strstr(refusal("/gpio@9060000"), "none that a VM can have"));
	assert_non_null(strstr(refusal("/gpio@9070000"), "none that a VM can have"));
}

static void test_what_is_not_there_is_refused(void **state)
{
	assert_non_null(refusal("/nothing@1"));
	assert_non_null(refusal("/"));
	assert_non_null(refusal(""));
}

static void test_a_device_comes_and_goes_with_its_vm(void **state)
{
	assert_null(refusal("/gpio@9030000"));
	/* Interrupts of nobody end at once. */
	assert_int_equal(handler(GPIO_INTID), IRQ_DONE);
	assert_int_equal(ops()->create(&vm, ops()), 0);
	assert_int_equal(mapped, 1);
	assert_int_equal(vm.nr_vdevs, 1);
	assert_int_equal(handler(GPIO_INTID), IRQ_DONE);
	vdev_reset_all(&vm);
	assert_true(enabled);
	assert_int_equal(handler(GPIO_INTID), IRQ_GUEST_OWNS);
	assert_int_equal(raised, 1);
	vdev_destroy_all(&vm);
	assert_false(enabled);
	assert_int_equal(handler(GPIO_INTID), IRQ_DONE);
	assert_int_equal(raised, 1);
}

static void test_a_place_of_an_emulated_device_is_taken(void **state)
{
	assert_null(refusal("/rtc@9010000"));
	assert_int_equal(vdev_attach(&vm, ops(), 0x9010000, 0x1000, NULL, NULL), 0);
	assert_int_equal(ops()->create(&vm, ops()), -EEXIST);
	assert_int_equal(mapped, 0);
	/* And the other way round. */
	vm.nr_vdevs = 0;
	assert_int_equal(ops()->create(&vm, ops()), 0);
	assert_int_equal(vdev_attach(&vm, ops(), 0x9010fff, 1, NULL, NULL), -EEXIST);
	assert_int_equal(vdev_attach(&vm, ops(), 0x9000000, 0x20000, NULL, NULL), -EEXIST);
	assert_int_equal(vdev_attach(&vm, ops(), 0x9011000, 0x1000, NULL, NULL), 0);
}

static void test_no_more_devices_than_there_are_places(void **state)
{
	const char *why;

	/* Two have been found before. */
	for (unsigned int i = 0; i < 6; i++)
		assert_null(refusal("/gpio@9030000"));
	why = refusal("/gpio@9030000");
	assert_non_null(why);
	assert_non_null(strstr(why, "too many"));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_a_device_that_can_master_memory_or_might_is_refused),
		T(test_registers_in_memory_or_of_schism_are_refused),
		T(test_an_interrupt_that_a_vm_cannot_have_is_refused),
		T(test_what_is_not_there_is_refused),
		T(test_a_device_comes_and_goes_with_its_vm),
		T(test_a_place_of_an_emulated_device_is_taken),
		T(test_no_more_devices_than_there_are_places),
	};
#undef T
	struct machine_error err;
	uint32_t size;
	void *fdt = dtb_load("passthrough", &size);

	fake_reset();
	if (machine_discover(fdt, size, &machine, &err)) {
		fprintf(stderr, "passthrough.dts: %s: %s\n", err.path, err.what);
		return 1;
	}
	/* As if Schism's own clock were another one. */
	machine.has_rtc = false;
	machine.has_uart = false;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
