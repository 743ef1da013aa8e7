// SPDX-License-Identifier: MIT
/*
 * The life of VMs on several CPUs at once. Each CPU is a thread: it sleeps and runs guests as one does, an
 * IPI or a timer ends either. Guests block, switch each other on and off, crash, reset and suspend; meanwhile
 * any CPU asks for anything of any VM. What is left alone then must come to an end, and leave nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "kernel/invariants.h"
#include "kernel/irq.h"
#include "kernel/mm/page.h"
#include "kernel/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"
#include "tests/host/fake.h"
#include "tests/unit/random.h"

#define NR_CPUS		MIN(4, CONFIG_NR_CPUS)
#define NR_VMS		2
#define PPI		20
#define TIMER_ON	1
#define RANDOM_MS	1200
#define PATIENCE_MS	10000

enum phase {
	PHASE_RANDOM,
	PHASE_SETTLE,		/* requests to destroy, and nothing else */
	PHASE_QUIT,
};

static struct vm *victims[NR_VMS];
static enum phase phase;
static uint64_t seed;

static __thread uint64_t state;
static __thread unsigned int seen_ipis;
static __thread jmp_buf quit;

static uint32_t below(uint32_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * UINT64_C(2685821657736338717) >> 32) * n >> 32);
}

static enum phase now(void)
{
	return __atomic_load_n(&phase, __ATOMIC_ACQUIRE);
}

static uint64_t ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What is given back is looked at no more. The linker puts this around the kernel's function. */
void __real_hyp_free_pages(void *va, unsigned int n);
void __wrap_hyp_free_pages(void *va, unsigned int n);

void __wrap_hyp_free_pages(void *va, unsigned int n)
{
	if (va)
		memset(va, 0xa5, n * PAGE_SIZE);
	__real_hyp_free_pages(va, n);
}

/* And this: every release of a lock may be followed by anything. */
void __real_spin_check_leave(const struct spinlock *lock);
void __wrap_spin_check_leave(const struct spinlock *lock);

void __wrap_spin_check_leave(const struct spinlock *lock)
{
	__real_spin_check_leave(lock);
	if (state && below(16) == 0)
		usleep(below(100));
}

/* ---- requests from outside, as by a console's interrupt ---- */

/* A refusal is an answer, too; but stop and destroy are not refused. */
static void ask(int (*request)(struct vm *), struct vm *vm)
{
	int err = request(vm);

	ASSERT(!err || (request != vm_stop && request != vm_destroy));
}

static void request(void)
{
	static int (*const requests[])(struct vm *) = {
		vm_start, vm_start, vm_start, vm_pause, vm_resume, vm_resume, vm_reset, vm_stop, vm_destroy,
	};
	struct vm *vm = victims[below(NR_VMS)];

	if (below(16) == 0)
		vm_kill(vm, READ_ONCE(vm->life), VM_CRASH_WATCHDOG);
	else
		ask(requests[below(ARRAY_SIZE(requests))], vm);
}

static void destroy_all(void)
{
	for (unsigned int i = 0; i < NR_VMS; i++)
		ask(vm_destroy, victims[i]);
}

/* ---- a CPU ---- */

static bool interrupted(void)
{
	unsigned int id = this_cpu()->id;

	uint64_t next = MIN(READ_ONCE(fake_timer_deadlines[id]), fake_guest_timer(this_cpu()));

	return __atomic_load_n(&fake_ipis[id], __ATOMIC_SEQ_CST) != seen_ipis ||
	       next <= READ_ONCE(fake_counter);
}

static void take_interrupts(void)
{
	seen_ipis = __atomic_load_n(&fake_ipis[this_cpu()->id], __ATOMIC_SEQ_CST);
	irq_handle();
}

static void pass_time(void)
{
	__atomic_fetch_add(&fake_counter, below(2000), __ATOMIC_RELAXED);
	if (below(4) == 0)
		usleep(1);
}

static void sleep_until_interrupt(void)
{
	while (!interrupted()) {
		if (now() == PHASE_QUIT)
			longjmp(quit, 1);
		pass_time();
		if (now() == PHASE_RANDOM && below(64) == 0) {
			request();
			return;
		}
	}
	seen_ipis = __atomic_load_n(&fake_ipis[this_cpu()->id], __ATOMIC_SEQ_CST);
}

static void set_timer(struct vcpu *vcpu)
{
	vcpu->arch.vtimer.ctl = TIMER_ON;
	vcpu->arch.vtimer.cval = fake_counter + below(20000) - vcpu->vm->cntvoff;
}

static void kick_sibling(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	vgic_set_line(vm->vcpus[below(vm->nr_vcpus)], PPI, below(2));
}

static void freeze(struct vcpu *vcpu)
{
	vcpu_vgic_out(vcpu);
	vgic_freeze(vcpu);
	vgic_thaw(vcpu);
}

/* What ends the life of a VM that others count on is not for the VM that keeps the machine going. */
static void end_somehow(struct vcpu *vcpu)
{
	if (vcpu->vm != victims[0] && vcpu->vm != victims[1])
		return;
	switch (below(6)) {
	case 0:
		vm_guest_off(vcpu);
		break;
	case 1:
		vm_guest_reset(vcpu, below(2));
		break;
	case 2:
		vm_crash(vcpu, VM_CRASH_NO_VECTOR);
		break;
	default:
		sched_stop(vcpu);
	}
}

static void trap(struct vcpu *vcpu)
{
	switch (below(10)) {
	case 0:
		sched_yield(vcpu);
		break;
	case 1:
	case 2:
	case 3:
		set_timer(vcpu);
		sched_block(vcpu);
		break;
	case 4:
		(void)vm_cpu_on(vcpu->vm, below(vcpu->vm->nr_vcpus), vcpu->vm->entry.pc, 0);
		break;
	case 5:
		if (below(3) == 0)
			end_somehow(vcpu);
		break;
	case 6:
		freeze(vcpu);
		break;
	case 7:
		set_timer(vcpu);
		(void)vm_system_suspend(vcpu, vcpu->vm->entry.pc, 0);
		break;
	case 8:
		request();
		break;
	default:
		kick_sibling(vcpu);
	}
}

static void enable_interrupts(struct vcpu *vcpu)
{
	vcpu->vm->vgic.enable_grp0 = true;
	vcpu->arch.gich.vmcr = UINT64_C(0xff) << 24 | 1;
	vcpu->vgic.priv[PPI].enabled = true;
	vcpu->vgic.priv[VGIC_VTIMER_INTID].enabled = true;
}

/* In the guest, until an exit. */
static void run_guest(struct vcpu *vcpu)
{
	enable_interrupts(vcpu);
	while (!interrupted() && now() != PHASE_QUIT) {
		pass_time();
		if (now() == PHASE_RANDOM && below(2)) {
			trap(vcpu);
			return;
		}
		if (now() == PHASE_SETTLE && below(64) == 0) {
			destroy_all();
			return;
		}
	}
	take_interrupts();
}

static void *be_cpu(void *arg)
{
	struct cpu *cpu = arg;
	struct vcpu *vcpu;

	arch_set_this_cpu(cpu);
	state = (seed + cpu->id) * 2654435769u + 1;
	if (setjmp(quit))
		return NULL;
	vcpu = fake_run_until_guest(sched_run);
	while (now() != PHASE_QUIT) {
		ASSERT(cpu->current == vcpu && vcpu->state == VCPU_RUNNING);
		run_guest(vcpu);
		if (READ_ONCE(cpu->exit_work))
			vcpu = sched_exit_work(vcpu);
	}
	return NULL;
}

/* ---- the test ---- */

static struct vm *define(const char *name)
{
	static const uint32_t kernel[] = { 0xd503207f, 0x17ffffff };	/* wfi; b . - 4 */
	struct vm_desc desc = {
		.nr_vcpus = MIN(3, CONFIG_MAX_VCPUS), .ram_ipa = { GUEST_RAM_IPA }, .ram_size = MIB(2),
		.protocol = VM_PROTOCOL_RAW, .kernel = kernel, .kernel_size = sizeof(kernel),
		.load_address = { GUEST_RAM_IPA + KIB(64) }, .restart_limit = 1000,
		.on_crash = VM_ACTION_RESTART,
	};
	struct vm *vm;
	const char *why;

	strlcpy(desc.name, name, sizeof(desc.name));
	assert_int_equal(vm_define(&desc, &vm, &why), 0);
	return vm;
}

static bool all_gone(void)
{
	bool gone = true;

	for (unsigned int i = 0; i < NR_VMS; i++)
		gone &= READ_ONCE(victims[i]->state) == VM_DEFINED && !READ_ONCE(victims[i]->job.running);
	return gone;
}

static void test_whatever_is_asked_of_vms_nothing_is_lost(void **unused)
{
	pthread_t threads[NR_CPUS];
	struct page_stats before, after;
	uint64_t end;
	bool gone;

	if (NR_CPUS < 2 || CONFIG_MAX_VMS < NR_VMS + 1)
		skip();
	fake_machine_boot(NR_CPUS);
	fake_wfi = sleep_until_interrupt;
	phase = PHASE_RANDOM;
	fake_vm_start(fake_vm("busy", 1));
	victims[0] = define("x");
	victims[1] = define("y");
	page_get_stats(&before);
	for (unsigned int i = 0; i < NR_CPUS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, be_cpu, &cpus[i]), 0);
	usleep(RANDOM_MS * 1000);
	__atomic_store_n(&phase, PHASE_SETTLE, __ATOMIC_RELEASE);
	end = ms() + PATIENCE_MS;
	/* Without locks: this thread is no CPU. */
	while (!(gone = all_gone()) && ms() < end)
		usleep(1000);
	__atomic_store_n(&phase, PHASE_QUIT, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < NR_CPUS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < NR_VMS; i++)
		printf("%s: %s, %lu crashes, %lu resets\n", victims[i]->name,
		       vm_state_name(victims[i]->state), victims[i]->crashes, victims[i]->resets);
	assert_true(gone);
	page_get_stats(&after);
	assert_int_equal(after.free, before.free);
	assert_int_equal(after.pool_free, before.pool_free);
	assert_true(invariants_check());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatever_is_asked_of_vms_nothing_is_lost),
	};

	random_seed("test_lifecycle_smp");
	seed = random_u64() >> 8;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
