// SPDX-License-Identifier: MIT
/*
 * The virtual GIC of a VM whose vCPUs run at the same time, each in a thread: they take and end interrupts,
 * raise lines, send SGIs and write registers of the distributor and of each other's redistributors, while
 * kicks make them fold and fill list registers. What is left alone then must be whole, and still deliver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/smp.h"

#include "arch/gic.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "tests/host/fake_ich.h"

#define NR		MIN(3, MIN(CONFIG_NR_CPUS, CONFIG_MAX_VCPUS))
#define NR_SPIS		8		/* of which lines are raised */
#define SPI(n)		(VGIC_NR_PRIVATE + (n))
#define PPI		20
#define RUN_MS		700

/* Offsets of the specification (IHI 0069H, 12.8 and 12.10). */
#define CTLR		0x0000
#define IGROUPR		0x0080
#define ISENABLER	0x0100
#define ICENABLER	0x0180
#define ISPENDR		0x0200
#define ICPENDR		0x0280
#define ISACTIVER	0x0300
#define ICACTIVER	0x0380
#define IPRIORITYR	0x0400
#define ICFGR		0x0c00
#define IROUTER		0x6000
#define SGI_FRAME	0x10000

static struct vm vm;
static struct vcpu vcpu[NR];
static struct virq spis[VGIC_NR_SPIS];
static struct fake_ich hw[NR];
static bool kicked[NR];

static unsigned int nr_idle;	/* vCPUs that ask for nothing more, and only follow kicks */

void sched_kick(struct vcpu *v)
{
	__atomic_store_n(&kicked[v->id], true, __ATOMIC_RELEASE);
}

static void hardware_in(struct vcpu *v)
{
	fake_ich_load(&hw[v->id], &v->arch.ich, v->vgic.used_lrs);
}

static void hardware_out(struct vcpu *v)
{
	fake_ich_save(&hw[v->id], &v->arch.ich, v->vgic.used_lrs);
}

/* ---- a vCPU and its guest ---- */

static void wr(struct vcpu *by, struct vcpu *redist, uint32_t offset, unsigned int size, uint64_t val)
{
	vgic_mmio(by, redist, offset, size, true, &val);
}

static uint64_t rd(struct vcpu *by, struct vcpu *redist, uint32_t offset)
{
	uint64_t val = 0;

	vgic_mmio(by, redist, offset, 4, false, &val);
	return val;
}

static struct vcpu *anyone(void)
{
	return &vcpu[below(NR)];
}

static void take_and_end(struct vcpu *v)
{
	uint32_t intid = fake_ich_iar(&hw[v->id], true);

	if (intid == FAKE_ICH_SPURIOUS)
		return;
	if (intid >= SPI(0))
		vgic_set_line(v, intid, false);
	fake_ich_eoir(&hw[v->id], true, intid);
}

static void drive_a_line(struct vcpu *v)
{
	if (below(4) == 0)
		vgic_set_line(anyone(), PPI, below(2));
	else
		vgic_set_line(v, SPI(below(NR_SPIS)), below(2));
}

static void write_a_bit(struct vcpu *v)
{
	static const uint32_t banks[] = {
		ISENABLER, ISENABLER, ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER, ICACTIVER, ICACTIVER,
	};
	uint32_t bank = banks[below(ARRAY_SIZE(banks))];

	if (below(2))
		wr(v, NULL, bank + 4, 4, BIT(below(NR_SPIS)));
	else
		wr(v, anyone(), SGI_FRAME + bank, 4, BIT(below(2) ? PPI : below(16)));
}

static void configure(struct vcpu *v)
{
	unsigned int intid = SPI(below(NR_SPIS));

	switch (below(4)) {
	case 0:
		wr(v, NULL, IROUTER + intid * 8, 8, below(NR));
		break;
	case 1:
		wr(v, NULL, IPRIORITYR + intid, 1, below(32) << 3);
		break;
	case 2:
		wr(v, NULL, ICFGR + SPI(0) / 4, 4, below(2) ? 0xaaaa : 0);
		break;
	default:
		(void)rd(v, NULL, below(2) ? ISPENDR + 4 : ISACTIVER + 4);
	}
}

static void send_sgi(struct vcpu *v)
{
	vgic_send_sgi(v, (uint64_t)below(16) << 24 | BIT(below(NR)), true);
}

static void do_something(struct vcpu *v)
{
	static void (*const things[])(struct vcpu *) = {
		take_and_end, take_and_end, take_and_end, drive_a_line, drive_a_line, send_sgi, write_a_bit,
		configure,
	};

	things[below(ARRAY_SIZE(things))](v);
}

/* What an exit does. */
static void leave_and_enter(struct vcpu *v)
{
	vcpu_vgic_out(v);
	if (below(4) == 0)
		(void)vgic_has_deliverable(v);
	vcpu_vgic_in(v);
}

static void be_vcpu(struct cpu *cpu)
{
	struct vcpu *v = &vcpu[cpu->id];
	bool idle = false;

	vcpu_vgic_in(v);
	/* Somebody may wait for list registers to be folded as long as not all are idle. */
	while (__atomic_load_n(&nr_idle, __ATOMIC_ACQUIRE) < NR) {
		if (!idle && !smp_over()) {
			do_something(v);
		} else if (!idle) {
			idle = true;
			__atomic_add_fetch(&nr_idle, 1, __ATOMIC_ACQ_REL);
		}
		if (v->vgic.in_memory || fake_ich_misr(&hw[v->id]) ||
		    __atomic_exchange_n(&kicked[v->id], false, __ATOMIC_ACQUIRE))
			leave_and_enter(v);
	}
	vcpu_vgic_out(v);
}

/* ---- the test ---- */

static void boot(void)
{
	fake_reset();
	fake_ich_in = hardware_in;
	fake_ich_out = hardware_out;
	vm.nr_vcpus = NR;
	vm.nr_lrs = 2;
	vm.vtimer_hw_intid = 27;
	for (unsigned int i = 0; i < NR; i++) {
		vm.vcpus[i] = &vcpu[i];
		vcpu[i].vm = &vm;
		vcpu[i].id = i;
		vcpu[i].affinity = i;
		hw[i].nr_lrs = vm.nr_lrs;
		vcpu[i].arch.ich.vmcr = fake_ich_vmcr(0xff, 0);
		vgic_vcpu_init(&vcpu[i]);
	}
	vgic_vm_init(&vm);
	vgic_reset(&vm, spis);
	for (unsigned int i = 0; i < NR; i++)
		wr(&vcpu[0], &vcpu[i], SGI_FRAME + IGROUPR, 4, 0xffffffff);
	wr(&vcpu[0], NULL, IGROUPR + 4, 4, 0xffffffff);
	wr(&vcpu[0], NULL, CTLR, 4, BIT(1) | BIT(0));
}

/* Takes and ends all that a vCPU has, alone; how often an interrupt was among it. */
static unsigned int drain(struct vcpu *v, uint32_t intid)
{
	unsigned int times = 0;

	for (unsigned int i = 0; i < 200; i++) {
		uint32_t taken;

		vcpu_vgic_in(v);
		taken = fake_ich_iar(&hw[v->id], true);
		if (taken != FAKE_ICH_SPURIOUS)
			fake_ich_eoir(&hw[v->id], true, taken);
		vcpu_vgic_out(v);
		if (taken == FAKE_ICH_SPURIOUS)
			return times;
		times += taken == intid;
	}
	fail_msg("vCPU %u takes interrupt after interrupt", v->id);
	return times;
}

/* All lines low, nothing pending or active, everything enabled. */
static void calm(void)
{
	for (unsigned int n = 0; n < NR_SPIS; n++)
		vgic_set_line(&vcpu[0], SPI(n), false);
	wr(&vcpu[0], NULL, ICPENDR + 4, 4, 0xffffffff);
	wr(&vcpu[0], NULL, ICACTIVER + 4, 4, 0xffffffff);
	wr(&vcpu[0], NULL, ISENABLER + 4, 4, 0xffffffff);
	for (unsigned int i = 0; i < NR; i++) {
		vgic_set_line(&vcpu[i], PPI, false);
		wr(&vcpu[0], &vcpu[i], SGI_FRAME + ICPENDR, 4, 0xffffffff);
		wr(&vcpu[0], &vcpu[i], SGI_FRAME + ICACTIVER, 4, 0xffffffff);
		/* A guest that took an interrupt and lost its active state has its priority still. */
		memset(vcpu[i].arch.ich.ap0r, 0, sizeof(vcpu[i].arch.ich.ap0r));
		memset(vcpu[i].arch.ich.ap1r, 0, sizeof(vcpu[i].arch.ich.ap1r));
	}
	for (unsigned int i = 0; i < NR; i++)
		assert_int_equal(drain(&vcpu[i], 0), 0);
}

static void check_what_is_left(void)
{
	const char *why = vgic_check(&vm);

	if (why)
		fail_msg("%s", why);
	calm();
	wr(&vcpu[0], NULL, ICFGR + SPI(0) / 4, 4, 0xaaaa);
	for (unsigned int n = 0; n < NR_SPIS; n++) {
		struct vcpu *to = &vcpu[n % NR];

		wr(&vcpu[0], NULL, IROUTER + SPI(n) * 8, 8, to->id);
		vgic_set_line(&vcpu[0], SPI(n), true);
		for (unsigned int i = 0; i < NR; i++)
			assert_int_equal(drain(&vcpu[i], SPI(n)), i == to->id);
	}
	assert_null(vgic_check(&vm));
}

static void test_vcpus_at_once_leave_a_whole_vgic(void **unused)
{
	if (NR < 2)
		skip();
	boot();
	smp_run(NR, RUN_MS, "kernel/vgic/", be_vcpu);
	check_what_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vcpus_at_once_leave_a_whole_vgic),
	};

	random_seed("test_vgic_smp");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
