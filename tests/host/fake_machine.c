// SPDX-License-Identifier: MIT
/* A booted machine: what kernel/main.c does, as far as tests need it, and interrupts of EL2's own timer. */
#include "tests/host/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/base/irq.h"
#include "kernel/base/random.h"
#include "kernel/hvc/hvc.h"
#include "kernel/load/loader.h"
#include "kernel/mm/page.h"
#include "kernel/platform/this_machine.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define RAM_BASE	UINT64_C(0x40000000)

struct machine machine;
unsigned int fake_ipis[CONFIG_NR_CPUS];
unsigned int fake_fetches[CONFIG_NR_CPUS];
void (*fake_irq_hook)(void);

void irq_handle(void)
{
	struct cpu *cpu = this_cpu();

	if (fake_irq_hook)
		fake_irq_hook();
	if (READ_ONCE(fake_timer_deadlines[cpu->id]) <= arch_counter())
		timer_interrupt(&cpu->timers);
	fake_take_guest_timer(cpu);
}

void irqchip_send_ipi(const struct cpu *cpu, enum ipi ipi)
{
	if (ipi == IPI_KICK)
		__atomic_fetch_add(&fake_ipis[cpu->id], 1, __ATOMIC_SEQ_CST);
	if (ipi == IPI_FETCH)
		fake_fetches[cpu->id]++;
}

static void boot_memory(void)
{
	struct mem_region area;
	uint64_t needed;

	memset(&machine, 0, sizeof(machine));
	machine.ram[machine.nr_ram++] =
		(struct mem_region){ pa(RAM_BASE), KIB(CONFIG_HYP_POOL_KIB) + MIB(128) };
	machine.timer_virt_intid = 27;
	fake_mem_init(RAM_BASE, machine.ram[0].size);
	assert_int_equal(page_plan(&machine, NULL, 0, &area, &needed), 0);
	fake_mem_map(area.base.pa, area.size);
	page_init(&area);
}

/* With entropy, the same each time. */
static void boot_random(unsigned int nr_cpus)
{
	static const uint8_t seed[32] = "what the boot loader may give";

	random_init(seed, sizeof(seed));
	for (unsigned int i = 1; i < nr_cpus; i++)
		random_init_cpu(&cpus[i]);
}

const char *fake_reports_arg;

bool boot_arg(const char *name, char *buf, size_t size)
{
	if (!fake_reports_arg || strcmp(name, "reports") != 0)
		return false;
	strlcpy(buf, fake_reports_arg, size);
	return true;
}

void fake_machine_boot(unsigned int nr_cpus)
{
	fake_reset();
	fake_irq_hook = NULL;
	fake_reports_arg = NULL;
	fake_log_clear();
	fake_tlb_clear();
	memset(fake_ipis, 0, sizeof(fake_ipis));
	memset(fake_fetches, 0, sizeof(fake_fetches));
	memset(&fake_vcpu, 0, sizeof(fake_vcpu));
	boot_memory();
	for (unsigned int i = 0; i < nr_cpus; i++) {
		sched_init_cpu(&cpus[i]);
		cpus[i].online = true;
	}
	boot_random(nr_cpus);
	vm_init();
	hvc_init();
}

int fake_vm_load(struct vm *vm, const char **why)
{
	bool done = false;
	int err = vm_acquire(vm, why);

	if (!err)
		err = loader_begin(vm, why);
	while (!err && !done)
		err = loader_step(vm, &done, why);
	if (err) {
		if (vm->nr_vcpus)
			vm_release(vm);
		return err;
	}
	vm_power_on(vm);
	vm->state = VM_STOPPED;
	return 0;
}

struct vcpu *fake_leave_guest(struct vcpu *current)
{
	return READ_ONCE(this_cpu()->exit_work) ? sched_exit_work(current) : current;
}

struct vcpu *fake_run_for(struct vcpu *current, uint64_t ticks)
{
	uint64_t end = fake_counter + ticks;

	while (fake_timer_deadline <= end) {
		fake_counter = MAX(fake_counter, fake_timer_deadline);
		irq_handle();
		current = fake_leave_guest(current);
	}
	fake_counter = end;
	return fake_leave_guest(current);
}

void fake_vm_start(struct vm *vm)
{
	vm->started_at = fake_counter;
	vm->nr_live_vcpus = 1;
	vm->state = VM_RUNNING;
	sched_start(vm->vcpus[0]);
}

struct vm *fake_vm(const char *name, unsigned int nr_vcpus)
{
	static const uint32_t kernel[] = { 0xd503207f, 0x17ffffff };	/* wfi; b . - 4 */
	struct vm_desc desc = {
		.nr_vcpus = nr_vcpus, .ram_ipa = { GUEST_RAM_IPA }, .ram_size = MIB(4),
		.protocol = VM_PROTOCOL_RAW, .kernel = kernel, .kernel_size = sizeof(kernel),
		.load_address = { GUEST_IMAGE_IPA }, .has_mailbox = true, .mailbox = { GUEST_MAILBOX_IPA },
	};
	struct vm *vm = NULL;
	const char *why = "";

	strlcpy(desc.name, name, sizeof(desc.name));
	if (vm_define(&desc, &vm, &why) || fake_vm_load(vm, &why))
		fail_msg("%s: %s", name, why);
	return vm;
}
