// SPDX-License-Identifier: MIT
/*
 * The life of VMs on several CPUs at once. Each CPU is a thread: it sleeps and runs guests as one does, an
 * IPI or a timer ends either. Guests block, switch each other on and off, crash, reset and suspend; meanwhile
 * any CPU asks for anything of any VM. What is left alone then must come to an end, and leave nothing behind.
 */
#define _GNU_SOURCE	/* pthread_timedjoin_np() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "kernel/base/irq.h"
#include "kernel/base/panic.h"
#include "kernel/check/invariants.h"
#include "kernel/hvc/report.h"
#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vcpu_view.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"
#include "schism/abi/hypercall.h"
#include "tests/host/fake.h"
#include "tests/host/race.h"
#include "tests/unit/random.h"

#define NR_CPUS		MIN(4, CONFIG_NR_CPUS)
#define NR_VMS		2
#define PPI		20
#define TIMER_ON	1

/* As the guest sees them (IHI 0069H, 12.8 and 12.10). */
#define GICD_CTLR		0x0000
#define GICD_CTLR_GROUP0	1
#define GICR_ISENABLER0		0x10100

#define RANDOM_MS	2500
#define RACES		200	/* of so many race points, threads are slow at one */
#define PATIENCE_MS	10000

enum phase {
	PHASE_RANDOM,
	PHASE_SETTLE,		/* requests to destroy, and nothing else */
	PHASE_QUIT,
};

static struct vm *victims[NR_VMS];
static enum phase phase;
static unsigned int nr_requests;	/* that CPUs are about to make in PHASE_RANDOM */
static uint64_t nr_reports[CONFIG_MAX_VMS];
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

/* SCHISM_TEST_MS in the environment: for as long is everything asked for, in milliseconds. */
static unsigned int random_ms(void)
{
	const char *given = getenv("SCHISM_TEST_MS");

	return given ? (unsigned int)strtoul(given, NULL, 0) : RANDOM_MS;
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
		vm_start, vm_start, vm_start, vm_pause, vm_resume, vm_resume, vm_pause, vm_resume, vm_resume,
		vm_reset, vm_stop, vm_destroy,
	};
	struct vm *vm = victims[below(NR_VMS)];

	__atomic_add_fetch(&nr_requests, 1, __ATOMIC_SEQ_CST);
	/* Not one that comes late: it might start what is to end. */
	if (__atomic_load_n(&phase, __ATOMIC_SEQ_CST) != PHASE_RANDOM)
		;
	else if (below(16) == 0)
		vm_kill(vm, READ_ONCE(vm->life), VM_CRASH_WATCHDOG);
	else
		ask(requests[below(ARRAY_SIZE(requests))], vm);
	__atomic_sub_fetch(&nr_requests, 1, __ATOMIC_SEQ_CST);
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
	       next <= arch_counter();
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
		if (now() == PHASE_RANDOM && below(16) == 0) {
			request();
			return;
		}
	}
	seen_ipis = __atomic_load_n(&fake_ipis[this_cpu()->id], __ATOMIC_SEQ_CST);
}

static void set_timer(struct vcpu *vcpu)
{
	vcpu->arch.vtimer.ctl = TIMER_ON;
	vcpu->arch.vtimer.cval = arch_counter() + below(20000) - READ_ONCE(vcpu->vm->cntvoff);
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

static void report(struct vcpu *vcpu)
{
	vcpu->arch.frame.x[0] = GUEST_TASK_COUNTER;
	vcpu->arch.frame.x[1] = GUEST_EVENT_PROGRESS;
	ASSERT(!handle_guest_task_report(vcpu));
	__atomic_fetch_add(&nr_reports[vcpu->vm->id], 1, __ATOMIC_RELAXED);
}

/* Somebody at the console looks at it. */
static void look(void)
{
	struct vcpu_view view;

	(void)vcpu_view(vms[below(nr_vms)], below(CONFIG_MAX_VCPUS), &view);
}

static void trap(struct vcpu *vcpu)
{
	switch (below(12)) {
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
	case 9:
		report(vcpu);
		break;
	case 10:
		look();
		break;
	default:
		kick_sibling(vcpu);
	}
}

static void enable_interrupts(struct vcpu *vcpu)
{
	uint64_t group0 = GICD_CTLR_GROUP0, timer_and_ppi = BIT(VGIC_VTIMER_INTID) | BIT(PPI);

	vcpu->arch.ich.vmcr = UINT64_C(0xff) << 24 | 1;
	vgic_mmio(vcpu, NULL, GICD_CTLR, 4, true, &group0);
	vgic_mmio(vcpu, vcpu, GICR_ISENABLER0, 4, true, &timer_and_ppi);
}

static bool is_wanted_off(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->stop) || READ_ONCE(vcpu->paused);
}

/* A guest that does not leave by itself: whoever wants it off has to interrupt it. */
static void run_on(const struct vcpu *vcpu)
{
	uint64_t begin = ms();

	while (!interrupted() && now() == PHASE_RANDOM && ms() - begin < (is_wanted_off(vcpu) ? 2000 : 5))
		pass_time();
	if (!interrupted() && is_wanted_off(vcpu) && ms() - begin >= 2000)
		panic("%s, vCPU %u: is to leave its CPU, and nobody tells it", vcpu->vm->name, vcpu->id);
}

/* In the guest, until an exit. */
static void run_guest(struct vcpu *vcpu)
{
	enable_interrupts(vcpu);
	if (below(8) == 0)
		run_on(vcpu);
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
	race_begin(state, RACES, "kernel/sched/");
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
	bool gone = !__atomic_load_n(&nr_requests, __ATOMIC_SEQ_CST);

	for (unsigned int i = 0; i < NR_VMS; i++)
		gone &= READ_ONCE(victims[i]->state) == VM_DEFINED;
	return gone;
}

/* What there is to see when something has gone wrong: no lock may be waited for. */
static void show(void)
{
	for (unsigned int i = 0; i < NR_CPUS; i++)
		printf("CPU %u: counts %u on its queue%s%s, locks 0x%x\n", i, cpus[i].rq.nr_queued,
		       cpus[i].idle ? ", idle" : "", cpus[i].current ? ", in a guest" : "",
		       cpus[i].locks_held);
	for (unsigned int i = 0; i < nr_vms; i++) {
		const struct vm *vm = vms[i];

		printf("%s: %s, to be %s, %u live, %lu crashes, %lu resets\n", vm->name,
		       vm_state_name(vm->state), vm_state_name(vm->goal), vm->nr_live_vcpus, vm->crashes,
		       vm->resets);
		for (unsigned int v = 0; v < vm->nr_vcpus; v++)
			printf("  vCPU %u: state %u, of CPU %u%s%s\n", v, vm->vcpus[v]->state,
			       vm->vcpus[v]->cpu ? vm->vcpus[v]->cpu->id : 99,
			       vm->vcpus[v]->stop ? ", to stop" : "",
			       list_empty(&vm->vcpus[v]->rq_link) ? "" : ", queued");
	}
	fflush(stdout);
}

static void expect(bool holds, const char *what)
{
	if (holds)
		return;
	show();
	fail_msg("%s", what);
}

/* Without locks: this thread is no CPU. */
static bool wait_until_all_gone(void)
{
	uint64_t end = ms() + PATIENCE_MS;

	while (!all_gone() && ms() < end)
		usleep(1000);
	return all_gone();
}

static bool join(pthread_t thread)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	return !pthread_timedjoin_np(thread, NULL, &end);
}

/* All CPUs have come to rest. */
static void check_what_is_left(const struct page_stats *before)
{
	struct page_stats after;

	for (unsigned int i = 0; i < NR_VMS; i++)
		expect(!victims[i]->job.running, "a job has not ended");
	for (unsigned int i = 0; i < nr_vms; i++)
		expect(vms[i]->reports == nr_reports[i], "a report was lost");
	for (unsigned int i = 0; i < NR_CPUS; i++) {
		const struct vcpu *vcpu = cpus[i].current;
		const char *why = sched_check(&cpus[i]);

		expect(!why, why);
		expect(!vcpu || (vcpu->vm != victims[0] && vcpu->vm != victims[1]),
		       "a vCPU runs of a VM that is no more");
	}
	page_get_stats(&after);
	assert_int_equal(after.free, before->free);
	assert_int_equal(after.pool_free, before->pool_free);
	expect(invariants_check(), fake_log_text());
}

static void test_whatever_is_asked_of_vms_nothing_is_lost(void **unused)
{
	pthread_t threads[NR_CPUS];
	struct page_stats before;

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
	usleep(random_ms() * 1000);
	__atomic_store_n(&phase, PHASE_SETTLE, __ATOMIC_SEQ_CST);
	expect(wait_until_all_gone(), "a VM does not end");
	__atomic_store_n(&phase, PHASE_QUIT, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < NR_CPUS; i++)
		expect(join(threads[i]), "a CPU does not come to rest");
	for (unsigned int i = 0; i < NR_VMS; i++)
		printf("%s: %lu crashes, %lu resets\n", victims[i]->name, victims[i]->crashes,
		       victims[i]->resets);
	check_what_is_left(&before);
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
