// SPDX-License-Identifier: MIT
/* Which devices a VM can have to itself, and what becomes of their interrupts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/mm/pgtable.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vdev/passthrough.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "tests/host/fake.h"
#include "tests/unit/dtb.h"

#define GPIO_INTID	39

struct machine machine;

static struct vm vm, other_vm;
static struct vcpu vcpus[2], other;
static const struct vcpu *target;
static enum irq_result (*handler)(uint32_t intid);
static unsigned int raised, mapped, routes;
static bool enabled, linked;
static const struct cpu *goes_to;

int irq_request(uint32_t intid, enum irq_result (*h)(uint32_t intid))
{
	handler = h;
	return 0;
}

void irqchip_enable_spi(uint32_t intid, bool edge, const struct cpu *cpu)
{
	assert_int_equal(intid, GPIO_INTID);
	/* Not before everything is there for it. */
	assert_true(linked);
	enabled = true;
	goes_to = cpu;
}

void irqchip_route_spi(uint32_t intid, const struct cpu *cpu)
{
	assert_int_equal(intid, GPIO_INTID);
	goes_to = cpu;
	routes++;
}

void irqchip_hold_spi(uint32_t intid, bool hold)
{
	assert_int_equal(intid, GPIO_INTID);
	assert_int_equal(enabled, hold);
	enabled = !hold;
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
	fake_counter += 10;
}

const struct vcpu *vgic_spi_target(struct vm *v, unsigned int intid)
{
	return target;
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
	uint64_t now = fake_counter;

	fake_reset();
	/* The devices remember the last test: it is over for a while. */
	fake_counter = now + timer_us_to_ticks(1000000);
	memset(&vm, 0, sizeof(vm));
	for (unsigned int i = 0; i < 2; i++) {
		vcpus[i] = (struct vcpu){ .vm = &vm, .cpu = &cpus[i], .cpu_mask = 3 };
		vm.vcpus[vm.nr_vcpus++] = &vcpus[i];
	}
	other = (struct vcpu){ .vm = &other_vm, .cpu = &cpus[0] };
	target = &vcpus[0];
	cpus[1].online = true;
	raised = mapped = routes = 0;
	enabled = linked = false;
	goes_to = NULL;
	return 0;
}

/* The same device in each test: an interrupt is one device's. */
static void find_gpio(void)
{
	static const char path[] = "/gpio@9030000";
	static bool found;

	vm.desc.nr_passthrough = 1;
	vm.desc.passthrough[0] = path;
	if (!found)
		assert_null(refusal(path));
	found = true;
}

/* The VM has it, and is reset. */
static void pass_through(void)
{
	find_gpio();
	assert_int_equal(ops()->create(&vm, ops()), 0);
	vdev_reset_all(&vm);
	assert_true(enabled);
}

static void interrupt(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		assert_int_equal(handler(GPIO_INTID), IRQ_GUEST_OWNS);
}

static void wait_us(uint64_t us)
{
	uint64_t end = fake_counter + timer_us_to_ticks(us);

	while (fake_timer_deadline <= end) {
		fake_counter = MAX(fake_counter, fake_timer_deadline);
		timer_interrupt(&this_cpu()->timers);
	}
	fake_counter = end;
}

#define NEEDS_TWO_CPUS()	do { if (CONFIG_NR_CPUS < 2 || CONFIG_MAX_VCPUS < 2) skip(); } while (0)

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
	find_gpio();
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

static void test_the_interrupt_comes_to_the_cpu_of_its_vcpu_and_follows_it(void **state)
{
	NEEDS_TWO_CPUS();
	vcpus[0].cpu_mask = BIT(1);
	/* Whoever resets the VM, and before its vCPU was anywhere. */
	pass_through();
	assert_ptr_equal(goes_to, &cpus[1]);
	vcpus[0].cpu = &cpus[1];
	interrupt(5);
	assert_int_equal(routes, 0);
	/* The guest has it sent to another vCPU; then that one moves. */
	target = &vcpus[1];
	vcpus[1].cpu = &cpus[0];
	interrupt(5);
	assert_ptr_equal(goes_to, &cpus[0]);
	assert_int_equal(routes, 1);
	vcpus[1].cpu = &cpus[1];
	interrupt(5);
	assert_ptr_equal(goes_to, &cpus[1]);
	assert_int_equal(routes, 2);
	/* And to nobody. */
	target = NULL;
	interrupt(1);
	assert_int_equal(routes, 2);
	vdev_destroy_all(&vm);
}

static void test_a_storm_at_another_vms_cost_is_held_until_its_vcpu_has_run(void **state)
{
	NEEDS_TWO_CPUS();
	pass_through();
	this_cpu()->current = &other;
	vcpus[0].state = VCPU_READY;
	vcpus[0].nr_switches = 7;
	interrupt(7);
	assert_true(enabled);
	interrupt(1);
	assert_false(enabled);
	assert_int_equal(vm.dev_irqs_foreign, 8);
	assert_int_equal(vm.dev_irqs_held, 1);
	/* What was on its way is taken all the same. */
	interrupt(1);
	assert_int_equal(raised, 9);
	wait_us(20000);
	assert_false(enabled);
	vcpus[0].nr_switches++;
	wait_us(1100);
	assert_true(enabled);
	/* Nor is it held for ever from a vCPU that sleeps. */
	interrupt(8);
	assert_false(enabled);
	vcpus[0].state = VCPU_BLOCKED;
	wait_us(1100);
	assert_true(enabled);
	vdev_destroy_all(&vm);
}

static void test_few_at_another_vms_cost_and_any_at_its_own_are_not_held(void **state)
{
	NEEDS_TWO_CPUS();
	pass_through();
	this_cpu()->current = &other;
	for (unsigned int i = 0; i < 100; i++) {
		interrupt(7);
		wait_us(1000);
	}
	this_cpu()->current = &vcpus[1];
	interrupt(1000);
	this_cpu()->current = NULL;
	interrupt(1000);
	assert_true(enabled);
	assert_int_equal(vm.dev_irqs_held, 0);
	assert_int_equal(vm.dev_irqs_foreign, 700);
	/* All of the time is the VM's. */
	assert_int_equal(vm.dev_irqs, 2700);
	assert_int_equal(vm.dev_irq_ticks, 27000);
	vdev_destroy_all(&vm);
}

static void test_what_was_held_starts_anew_with_its_vm_and_ends_with_it(void **state)
{
	NEEDS_TWO_CPUS();
	pass_through();
	this_cpu()->current = &other;
	vcpus[0].state = VCPU_READY;
	interrupt(8);
	assert_false(enabled);
	vdev_reset_all(&vm);
	assert_true(enabled);
	wait_us(5000);
	interrupt(8);
	assert_false(enabled);
	vdev_destroy_all(&vm);
	vcpus[0].nr_switches++;
	wait_us(5000);
	assert_false(enabled);
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
		T(test_the_interrupt_comes_to_the_cpu_of_its_vcpu_and_follows_it),
		T(test_a_storm_at_another_vms_cost_is_held_until_its_vcpu_has_run),
		T(test_few_at_another_vms_cost_and_any_at_its_own_are_not_held),
		T(test_what_was_held_starts_anew_with_its_vm_and_ends_with_it),
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
