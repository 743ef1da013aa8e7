// SPDX-License-Identifier: MIT
/*
 * The virtual GIC as a guest meets it: it sets up registers, takes interrupts from the CPU interface of
 * fake_ich.c, ends them. Vcpus run at the same time where a test lets them; whoever is kicked, or has a
 * maintenance interrupt, leaves the guest and comes back before anything else happens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/gic.h"
#include "arch/vcpu.h"
#include "kernel/sched/sched.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "tests/host/fake.h"
#include "tests/host/fake_ich.h"
#include "tests/unit/random.h"

#define NR		MIN(4, CONFIG_MAX_VCPUS)
#define SPI(n)		(VGIC_NR_PRIVATE + (n))
#define SPURIOUS	FAKE_ICH_SPURIOUS
#define VTIMER		VGIC_VTIMER_INTID
#define VTIMER_HW	27
#define NOBODY		NULL

/* Offsets of the specification (IHI 0069H, 12.8 and 12.10). */
#define CTLR		0x0000
#define TYPER		0x0004
#define IIDR		0x0008
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
#define PIDR2		0xffe8
#define RD_TYPER	0x0008
#define RD_WAKER	0x0014
#define SGI_FRAME	0x10000

#define EACH_LR_COUNT(n) \
	for (unsigned int n##_i = 0, n = lr_counts[0]; n##_i < ARRAY_SIZE(lr_counts); \
	     n = lr_counts[MIN(++n##_i, ARRAY_SIZE(lr_counts) - 1)])

static const unsigned int lr_counts[] = { 1, 2, 4, 16 };

static struct vm vm;
static struct vcpu vcpu[NR];
static struct virq spis[VGIC_NR_SPIS];
static struct fake_ich hw[NR];
static bool running[NR];
static unsigned int kicked[NR];
static struct vcpu *const v0 = &vcpu[0];

void sched_kick(struct vcpu *v)
{
	kicked[v->id]++;
}

static void hardware_in(struct vcpu *v)
{
	fake_ich_load(&hw[v->id], &v->arch.ich, v->vgic.used_lrs);
}

static void hardware_out(struct vcpu *v)
{
	fake_ich_save(&hw[v->id], &v->arch.ich, v->vgic.used_lrs);
}

/* Who waits for other CPUs: those that were kicked leave their guests meanwhile. */
static void others_leave(void)
{
	for (unsigned int i = 0; i < NR; i++) {
		if (running[i] && kicked[i])
			vcpu_vgic_out(&vcpu[i]);
	}
}

/* Until nobody is kicked any more and no maintenance interrupt is there, and all are back in the guest. */
static void settle(void)
{
	for (unsigned int round = 0; round < 20; round++) {
		bool quiet = true;

		for (unsigned int i = 0; i < NR; i++) {
			struct vcpu *v = &vcpu[i];

			if (!running[i] || (!kicked[i] && !v->vgic.in_memory && !fake_ich_misr(&hw[i])))
				continue;
			quiet = false;
			kicked[i] = 0;
			vcpu_vgic_out(v);
			vcpu_vgic_in(v);
		}
		if (quiet)
			return;
	}
	fail_msg("the guest makes no progress: one maintenance interrupt after the other");
}

static void run(struct vcpu *v)
{
	running[v->id] = true;
	settle();
}

static void stop(struct vcpu *v)
{
	vcpu_vgic_out(v);
	running[v->id] = false;
}

static uint64_t rd(struct vcpu *redist, uint32_t offset, unsigned int size)
{
	uint64_t val = 0xdeadbeefdeadbeef;

	vgic_mmio(v0, redist, offset, size, false, &val);
	settle();
	if (size < 8)
		assert_int_equal(val >> size * 8, 0);
	return val;
}

static void wr(struct vcpu *redist, uint32_t offset, unsigned int size, uint64_t val)
{
	vgic_mmio(v0, redist, offset, size, true, &val);
	settle();
}

/* RAZ/WI by that size: what the registers there hold, is seen by words, stays. */
static bool ignored(struct vcpu *redist, uint32_t offset, unsigned int size)
{
	uint32_t word = offset & ~3u;
	uint64_t before[2] = { rd(redist, word, 4), rd(redist, word + 4, 4) };
	bool zero = rd(redist, offset, size) == 0;

	wr(redist, offset, size, UINT64_MAX);
	zero &= rd(redist, offset, size) == 0;
	wr(redist, offset, size, 0);
	return zero && rd(redist, word, 4) == before[0] && rd(redist, word + 4, 4) == before[1];
}

/* A bank's register for an interrupt: in the redistributor for private ones. */
static uint32_t reg(struct vcpu **redist, uint32_t bank, unsigned int bits, unsigned int intid)
{
	if (intid >= VGIC_NR_PRIVATE)
		*redist = NULL;
	return (*redist ? SGI_FRAME : 0) + bank + intid * bits / 32 * 4;
}

static void set_bit(struct vcpu *of, uint32_t bank, unsigned int intid)
{
	uint32_t offset = reg(&of, bank, 1, intid);

	wr(of, offset, 4, BIT(intid % 32));
}

static bool get_bit(struct vcpu *of, uint32_t bank, unsigned int intid)
{
	uint32_t offset = reg(&of, bank, 1, intid);

	return rd(of, offset, 4) & BIT(intid % 32);
}

static void set_priority(struct vcpu *of, unsigned int intid, unsigned int priority)
{
	uint32_t offset;

	of = intid < VGIC_NR_PRIVATE ? of : NULL;
	offset = (of ? SGI_FRAME : 0) + IPRIORITYR + intid;
	wr(of, offset, 1, priority);
}

static void set_edge(unsigned int intid, bool edge)
{
	uint32_t offset = ICFGR + intid / 16 * 4, old = (uint32_t)rd(NULL, offset, 4);
	uint32_t mask = 2u << intid % 16 * 2;

	wr(NULL, offset, 4, edge ? old | mask : old & ~mask);
}

static void enable(struct vcpu *of, unsigned int intid, unsigned int priority)
{
	set_priority(of, intid, priority);
	set_bit(of, ISENABLER, intid);
}

static void enable_edge(unsigned int intid, unsigned int priority)
{
	set_edge(intid, true);
	enable(NOBODY, intid, priority);
}

static void pulse(unsigned int intid)
{
	vgic_set_line(v0, intid, true);
	vgic_set_line(v0, intid, false);
	settle();
}

static void line(struct vcpu *v, unsigned int intid, bool level)
{
	vgic_set_line(v, intid, level);
	settle();
}

static uint32_t ack(struct vcpu *v)
{
	settle();
	return fake_ich_iar(&hw[v->id], true);
}

static void eoi(struct vcpu *v, uint32_t intid)
{
	fake_ich_eoir(&hw[v->id], true, intid);
	settle();
}

static void dir(struct vcpu *v, uint32_t intid)
{
	if (!fake_ich_dir(&hw[v->id], intid)) {
		vcpu_vgic_out(v);
		vgic_deactivate(v, intid);
	}
	settle();
}

/* A VM out of reset, with nr_lrs list registers. */
static void reset(unsigned int nr_lrs)
{
	fake_reset();
	fake_relax = others_leave;
	fake_ich_in = hardware_in;
	fake_ich_out = hardware_out;
	memset(&vm, 0, sizeof(vm));
	memset(vcpu, 0, sizeof(vcpu));
	memset(spis, 0, sizeof(spis));
	memset(hw, 0, sizeof(hw));
	memset(running, 0, sizeof(running));
	memset(kicked, 0, sizeof(kicked));
	vm.nr_vcpus = NR;
	vm.nr_lrs = nr_lrs;
	vm.vtimer_hw_intid = VTIMER_HW;
	for (unsigned int i = 0; i < NR; i++) {
		vm.vcpus[i] = &vcpu[i];
		vcpu[i].vm = &vm;
		vcpu[i].id = i;
		vcpu[i].affinity = i;
		hw[i].nr_lrs = nr_lrs;
		vcpu[i].arch.ich.vmcr = fake_ich_vmcr(0xff, 0);
		vgic_vcpu_init(&vcpu[i]);
	}
	vgic_vm_init(&vm);
	vgic_reset(&vm, spis);
}

/* What an operating system sets up: everything in group 1, the distributor on, vCPU 0 running. */
static void boot(unsigned int nr_lrs)
{
	reset(nr_lrs);
	run(v0);
	for (unsigned int i = 0; i < NR; i++)
		wr(&vcpu[i], SGI_FRAME + IGROUPR, 4, 0xffffffff);
	for (unsigned int i = 1; i < VGIC_NR_INTIDS / 32; i++)
		wr(NULL, IGROUPR + i * 4, 4, 0xffffffff);
	wr(NULL, CTLR, 4, BIT(1) | BIT(0));
}

static int setup(void **state)
{
	boot(4);
	return 0;
}

/* ---- from the line to the guest and back ---- */

static void test_an_edge_is_taken_once(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable_edge(SPI(5), 0xa0);
		assert_int_equal(ack(v0), SPURIOUS);
		pulse(SPI(5));
		assert_true(get_bit(NOBODY, ISPENDR, SPI(5)));
		assert_int_equal(ack(v0), SPI(5));
		assert_false(get_bit(NOBODY, ISPENDR, SPI(5)));
		assert_true(get_bit(NOBODY, ISACTIVER, SPI(5)));
		assert_int_equal(ack(v0), SPURIOUS);
		eoi(v0, SPI(5));
		assert_false(get_bit(NOBODY, ISACTIVER, SPI(5)));
		assert_int_equal(ack(v0), SPURIOUS);
		assert_int_equal(vcpu[0].vgic.used_lrs, 0);
	}
}

static void test_an_edge_while_active_is_taken_after_the_end(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable_edge(SPI(5), 0xa0);
		pulse(SPI(5));
		assert_int_equal(ack(v0), SPI(5));
		pulse(SPI(5));
		pulse(SPI(5));
		assert_true(get_bit(NOBODY, ISPENDR, SPI(5)));
		assert_true(get_bit(NOBODY, ISACTIVER, SPI(5)));
		assert_int_equal(ack(v0), SPURIOUS);
		eoi(v0, SPI(5));
		/* Two edges are one pending state. */
		assert_int_equal(ack(v0), SPI(5));
		eoi(v0, SPI(5));
		assert_int_equal(ack(v0), SPURIOUS);
	}
}

static void test_a_high_level_is_pending_again_after_its_end(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable(NOBODY, SPI(7), 0xa0);
		line(v0, SPI(7), true);
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(ack(v0), SPI(7));
			assert_int_equal(ack(v0), SPURIOUS);
			eoi(v0, SPI(7));
		}
		assert_int_equal(ack(v0), SPI(7));
		line(v0, SPI(7), false);
		eoi(v0, SPI(7));
		assert_int_equal(ack(v0), SPURIOUS);
	}
}

static void test_a_level_that_goes_low_before_it_is_taken_is_gone(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable(NOBODY, SPI(7), 0xa0);
		line(v0, SPI(7), true);
		line(v0, SPI(7), false);
		assert_int_equal(ack(v0), SPURIOUS);
		assert_false(get_bit(NOBODY, ISPENDR, SPI(7)));
	}
}

static void test_a_level_goes_low_and_high_while_active(void **state)
{
	line(v0, SPI(7), true);
	enable(NOBODY, SPI(7), 0xa0);
	assert_int_equal(ack(v0), SPI(7));
	line(v0, SPI(7), false);
	line(v0, SPI(7), true);
	assert_int_equal(ack(v0), SPURIOUS);
	eoi(v0, SPI(7));
	assert_int_equal(ack(v0), SPI(7));
}

static void test_what_software_sets_pending_is_taken_however_often_the_guest_exits(void **state)
{
	EACH_LR_COUNT(n) {
		for (unsigned int edge = 0; edge < 2; edge++) {
			boot(n);
			set_edge(SPI(9), edge);
			enable(NOBODY, SPI(9), 0xa0);
			set_bit(NOBODY, ISPENDR, SPI(9));
			for (unsigned int i = 0; i < 3; i++) {
				assert_true(get_bit(NOBODY, ISPENDR, SPI(9)));
				stop(v0);
				run(v0);
			}
			assert_int_equal(ack(v0), SPI(9));
			assert_false(get_bit(NOBODY, ISPENDR, SPI(9)));
			stop(v0);
			run(v0);
			eoi(v0, SPI(9));
			assert_int_equal(ack(v0), SPURIOUS);
			assert_false(get_bit(NOBODY, ISPENDR, SPI(9)));
		}
	}
}

static void test_what_software_sets_pending_it_can_clear(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable_edge(SPI(9), 0xa0);
		enable(NOBODY, SPI(8), 0xa0);
		set_bit(NOBODY, ISPENDR, SPI(9));
		set_bit(NOBODY, ISPENDR, SPI(8));
		set_bit(NOBODY, ICPENDR, SPI(9));
		set_bit(NOBODY, ICPENDR, SPI(8));
		assert_int_equal(ack(v0), SPURIOUS);
		/* A line that is high cannot be cleared. */
		line(v0, SPI(8), true);
		set_bit(NOBODY, ICPENDR, SPI(8));
		assert_true(get_bit(NOBODY, ICPENDR, SPI(8)));
		assert_int_equal(ack(v0), SPI(8));
	}
}

static void test_a_disabled_interrupt_stays_pending_until_it_is_enabled(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		set_edge(SPI(1), true);
		pulse(SPI(1));
		assert_true(get_bit(NOBODY, ISPENDR, SPI(1)));
		assert_int_equal(ack(v0), SPURIOUS);
		enable(NOBODY, SPI(1), 0xa0);
		set_bit(NOBODY, ICENABLER, SPI(1));
		assert_false(get_bit(NOBODY, ISENABLER, SPI(1)));
		assert_true(get_bit(NOBODY, ISPENDR, SPI(1)));
		assert_int_equal(ack(v0), SPURIOUS);
		set_bit(NOBODY, ISENABLER, SPI(1));
		assert_int_equal(ack(v0), SPI(1));
		/* Disabled while active: the end works all the same. */
		set_bit(NOBODY, ICENABLER, SPI(1));
		pulse(SPI(1));
		eoi(v0, SPI(1));
		assert_false(get_bit(NOBODY, ISACTIVER, SPI(1)));
		assert_true(get_bit(NOBODY, ISPENDR, SPI(1)));
		assert_int_equal(ack(v0), SPURIOUS);
	}
}

static void test_a_group_that_is_off_holds_its_interrupts_back(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable_edge(SPI(1), 0xa0);
		wr(NULL, CTLR, 4, BIT(0));
		pulse(SPI(1));
		assert_true(get_bit(NOBODY, ISPENDR, SPI(1)));
		assert_int_equal(ack(v0), SPURIOUS);
		wr(NULL, CTLR, 4, BIT(1) | BIT(0));
		assert_int_equal(ack(v0), SPI(1));
		/* Pending again when the group goes off: its end does not let it through. */
		pulse(SPI(1));
		wr(NULL, CTLR, 4, BIT(0));
		eoi(v0, SPI(1));
		assert_int_equal(ack(v0), SPURIOUS);
		assert_true(get_bit(NOBODY, ISPENDR, SPI(1)));
		wr(NULL, CTLR, 4, BIT(1) | BIT(0));
		assert_int_equal(ack(v0), SPI(1));
	}
}

static void test_group_0_arrives_as_fiq(void **state)
{
	enable_edge(SPI(1), 0xa0);
	wr(NULL, IGROUPR + 4, 4, (uint32_t)~BIT(1));
	pulse(SPI(1));
	assert_false(fake_ich_signals(&hw[0], true));
	assert_true(fake_ich_signals(&hw[0], false));
	assert_int_equal(fake_ich_iar(&hw[0], false), SPI(1));
	fake_ich_eoir(&hw[0], false, SPI(1));
	settle();
	assert_false(get_bit(NOBODY, ISACTIVER, SPI(1)));
}

static void test_software_can_set_and_clear_the_active_state(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable_edge(SPI(3), 0xa0);
		set_bit(NOBODY, ISACTIVER, SPI(3));
		assert_true(get_bit(NOBODY, ISACTIVER, SPI(3)));
		pulse(SPI(3));
		assert_int_equal(ack(v0), SPURIOUS);
		set_bit(NOBODY, ICACTIVER, SPI(3));
		assert_false(get_bit(NOBODY, ICACTIVER, SPI(3)));
		assert_int_equal(ack(v0), SPI(3));
	}
}

/* ---- more interrupts than list registers ---- */

static void test_all_pending_interrupts_are_taken_in_the_order_of_priority(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		for (unsigned int i = 0; i < 25; i++) {
			enable_edge(SPI(i), (i * 7 % 25) << 3);
			pulse(SPI(i));
		}
		for (unsigned int i = 0; i < 25; i++) {
			uint32_t intid = ack(v0);

			assert_int_not_equal(intid, SPURIOUS);
			assert_int_equal((intid - SPI(0)) * 7 % 25, i);
			eoi(v0, intid);
		}
		assert_int_equal(ack(v0), SPURIOUS);
		assert_int_equal(fake_ich_rpr(&hw[0]), 0xff);
	}
}

static void test_levels_in_overflow_are_not_lost_either(void **state)
{
	EACH_LR_COUNT(n) {
		unsigned int taken[20] = { 0 };

		boot(n);
		for (unsigned int i = 0; i < 20; i++) {
			enable(NOBODY, SPI(i), 0x80);
			line(v0, SPI(i), true);
		}
		for (unsigned int i = 0; i < 20; i++) {
			uint32_t intid = ack(v0);

			assert_true(intid >= SPI(0) && intid < SPI(20));
			taken[intid - SPI(0)]++;
			line(v0, intid, false);
			eoi(v0, intid);
		}
		for (unsigned int i = 0; i < 20; i++)
			assert_int_equal(taken[i], 1);
		assert_int_equal(ack(v0), SPURIOUS);
	}
}

static void test_the_timer_and_other_interrupts_share_one_list_register(void **state)
{
	boot(1);
	enable(v0, VTIMER, 0xa0);
	enable_edge(SPI(0), 0xa0);
	for (unsigned int round = 0; round < 3; round++) {
		unsigned int seen = 0;

		/* The physical timer has fired and left its interrupt active. */
		vcpu_vgic_out(v0);
		vgic_set_timer_line(v0, true);
		pulse(SPI(0));
		for (unsigned int i = 0; i < 2; i++) {
			uint32_t intid = ack(v0);

			assert_true(intid == VTIMER || intid == SPI(0));
			seen |= 1 << (intid == VTIMER);
			eoi(v0, intid);
			if (intid != VTIMER)
				continue;
			/* Ended by hardware, or else by whoever looks at the timer after the exit. */
			stop(v0);
			if (vgic_timer_is_raised(v0))
				vgic_set_timer_line(v0, false);
			run(v0);
		}
		assert_int_equal(seen, 3);
		assert_int_equal(ack(v0), SPURIOUS);
	}
}

static void test_a_more_urgent_interrupt_preempts(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		enable_edge(SPI(0), 0xc0);
		enable_edge(SPI(1), 0x40);
		enable_edge(SPI(2), 0xc0);
		pulse(SPI(0));
		assert_int_equal(ack(v0), SPI(0));
		pulse(SPI(2));
		assert_int_equal(ack(v0), SPURIOUS);
		pulse(SPI(1));
		/* With few list registers the others have to make room for it. */
		assert_int_equal(ack(v0), SPI(1));
		assert_int_equal(fake_ich_rpr(&hw[0]), 0x40);
		eoi(v0, SPI(1));
		assert_int_equal(ack(v0), SPURIOUS);
		eoi(v0, SPI(0));
		assert_int_equal(ack(v0), SPI(2));
		eoi(v0, SPI(2));
	}
}

/* Software that restores its state: 20 active interrupts, the most urgent one first. */
static void boot_with_active_ones(unsigned int nr_lrs, unsigned int eoimode)
{
	boot(nr_lrs);
	stop(v0);
	vcpu[0].arch.ich.vmcr = fake_ich_vmcr(0xff, eoimode);
	run(v0);
	for (unsigned int i = 0; i < 20; i++) {
		enable_edge(SPI(i), 0x40 + i * 8);
		set_bit(NOBODY, ISACTIVER, SPI(i));
	}
	stop(v0);
	for (unsigned int i = 0; i < 20; i++)
		vcpu[0].arch.ich.ap1r[0] |= BIT((0x40 + i * 8) >> 3);
	run(v0);
}

static void test_active_interrupts_beyond_the_list_registers_can_be_ended(void **state)
{
	for (unsigned int eoimode = 0; eoimode < 2; eoimode++) {
		EACH_LR_COUNT(n) {
			boot_with_active_ones(n, eoimode);
			for (unsigned int i = 0; i < 20; i++) {
				assert_true(get_bit(NOBODY, ISACTIVER, SPI(i)));
				pulse(SPI(i));
				/* Once for the state that was restored, once for the pulse. */
				for (unsigned int time = 0; time < 2; time++) {
					assert_int_equal(ack(v0), time ? SPI(i) : SPURIOUS);
					eoi(v0, SPI(i));
					if (eoimode)
						dir(v0, SPI(i));
				}
				assert_false(get_bit(NOBODY, ISACTIVER, SPI(i)));
			}
			assert_int_equal(fake_ich_rpr(&hw[0]), 0xff);
			assert_int_equal(ack(v0), SPURIOUS);
		}
	}
}

static void test_an_end_without_a_list_register_is_noticed_at_once(void **state)
{
	EACH_LR_COUNT(n) {
		boot_with_active_ones(n, 0);
		/* The first one that no list register holds is pending again. */
		pulse(SPI(n));
		for (unsigned int i = 0; i <= n; i++) {
			assert_int_equal(ack(v0), SPURIOUS);
			eoi(v0, SPI(i));
		}
		assert_int_equal(ack(v0), SPI(n));
	}
}

static void test_with_split_eoi_an_interrupt_stays_active_until_it_is_deactivated(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		stop(v0);
		vcpu[0].arch.ich.vmcr = fake_ich_vmcr(0xff, 1);
		run(v0);
		enable(NOBODY, SPI(0), 0xa0);
		enable_edge(SPI(1), 0xa0);
		line(v0, SPI(0), true);
		assert_int_equal(ack(v0), SPI(0));
		eoi(v0, SPI(0));
		assert_true(get_bit(NOBODY, ISACTIVER, SPI(0)));
		assert_int_equal(ack(v0), SPURIOUS);
		/* Another one of the same priority gets through now, whatever holds the list registers. */
		pulse(SPI(1));
		assert_int_equal(ack(v0), SPI(1));
		dir(v0, SPI(0));
		assert_false(get_bit(NOBODY, ISACTIVER, SPI(0)));
		eoi(v0, SPI(1));
		dir(v0, SPI(1));
		assert_int_equal(ack(v0), SPI(0));
	}
}

/* The guest writes ICC_IGRPEN<n>_EL1. */
static void set_groups(struct vcpu *v, bool group0, bool group1)
{
	uint64_t *vmcr = &hw[v->id].regs.vmcr;

	*vmcr &= ~(ICH_VMCR_VENG0 | ICH_VMCR_VENG1);
	*vmcr |= (group0 ? ICH_VMCR_VENG0 : 0) | (group1 ? ICH_VMCR_VENG1 : 0);
	settle();
}

static void test_a_group_that_the_cpu_interface_has_off_is_not_in_the_way_of_the_other(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		set_groups(v0, false, true);
		/* More urgent ones of group 0 than there are list registers. */
		wr(NULL, IGROUPR + 4, 4, 0xfff00000);
		for (unsigned int i = 0; i < 21; i++) {
			enable_edge(SPI(i), i < 20 ? 0x20 : 0xa0);
			pulse(SPI(i));
		}
		assert_int_equal(ack(v0), SPI(20));
		eoi(v0, SPI(20));
		assert_int_equal(ack(v0), SPURIOUS);
		set_groups(v0, true, true);
		for (unsigned int i = 0; i < 20; i++) {
			uint32_t intid = (settle(), fake_ich_iar(&hw[0], false));

			assert_true(intid >= SPI(0) && intid < SPI(20));
			fake_ich_eoir(&hw[0], false, intid);
		}
		settle();
		assert_false(fake_ich_signals(&hw[0], false));
		/* And off again, with interrupts waiting. */
		for (unsigned int i = 0; i < 21; i++)
			pulse(SPI(i));
		set_groups(v0, false, true);
		assert_int_equal(ack(v0), SPI(20));
	}
}

static void test_with_split_eoi_a_priority_drop_ends_nothing_even_if_it_is_counted(void **state)
{
	boot(1);
	stop(v0);
	vcpu[0].arch.ich.vmcr = fake_ich_vmcr(0xff, 1);
	run(v0);
	set_bit(NOBODY, ISACTIVER, SPI(0));
	set_bit(NOBODY, ISACTIVER, SPI(1));
	/* As QEMU does: the specification has EOIcount follow the end, not the drop. */
	hw[0].regs.hcr |= FIELD_PREP(ICH_HCR_EOICOUNT, 1);
	stop(v0);
	run(v0);
	assert_true(get_bit(NOBODY, ISACTIVER, SPI(0)));
	assert_true(get_bit(NOBODY, ISACTIVER, SPI(1)));
}

/* ---- software-generated interrupts ---- */

static uint64_t sgir(unsigned int intid, uint64_t aff, unsigned int targets, bool all_others)
{
	uint64_t rs = (aff & 0xff) / 16;

	return (aff >> 32 & 0xff) << 48 | rs << 44 | (uint64_t)all_others << 40 | (aff >> 16 & 0xff) << 32 |
	       (uint64_t)intid << 24 | (aff >> 8 & 0xff) << 16 | targets;
}

static unsigned int who_has(unsigned int intid)
{
	unsigned int mask = 0;

	for (unsigned int i = 0; i < NR; i++)
		mask |= get_bit(&vcpu[i], ISPENDR, intid) ? 1u << i : 0;
	return mask;
}

static void test_an_sgi_reaches_exactly_its_targets(void **state)
{
	const unsigned int all = (1u << NR) - 1;

	for (unsigned int targets = 0; targets <= 0xff; targets++) {
		vgic_send_sgi(v0, sgir(3, 0, targets, false), true);
		assert_int_equal(who_has(3), targets & all);
		for (unsigned int i = 0; i < NR; i++)
			set_bit(&vcpu[i], ICPENDR, 3);
	}
	vgic_send_sgi(v0, sgir(4, 0, 0, true), true);
	assert_int_equal(who_has(4), all & ~1u);
	/* Other clusters, other ranges. */
	vgic_send_sgi(v0, sgir(5, 0x100, 0xffff, false), true);
	vgic_send_sgi(v0, sgir(5, 0x10000, 0xffff, false), true);
	vgic_send_sgi(v0, sgir(5, UINT64_C(1) << 32, 0xffff, false), true);
	vgic_send_sgi(v0, sgir(5, 16, 0xffff, false), true);
	assert_int_equal(who_has(5), 0);
}

static void test_an_sgi_finds_any_affinity(void **state)
{
	static const uint64_t affinities[] = { 0x12, 0x0302, UINT64_C(0x0700040005), 0xff0f };

	if (NR < ARRAY_SIZE(affinities))
		skip();
	for (unsigned int i = 0; i < ARRAY_SIZE(affinities); i++)
		vcpu[i].affinity = affinities[i];
	for (unsigned int i = 0; i < ARRAY_SIZE(affinities); i++) {
		uint64_t aff = affinities[i];

		vgic_send_sgi(v0, sgir(i, aff, 1u << (aff & 15), false), true);
		assert_int_equal(who_has(i), 1 << i);
	}
}

static void test_an_sgi_of_the_wrong_group_reaches_nobody(void **state)
{
	vgic_send_sgi(v0, sgir(6, 0, 1, false), false);
	assert_int_equal(who_has(6), 0);
	wr(v0, SGI_FRAME + IGROUPR, 4, 0xffffffff & ~BIT(6));
	vgic_send_sgi(v0, sgir(6, 0, 1, false), true);
	assert_int_equal(who_has(6), 0);
	vgic_send_sgi(v0, sgir(6, 0, 1, false), false);
	assert_int_equal(who_has(6), 1);
}

static void test_an_sgi_to_oneself_is_taken_and_ended(void **state)
{
	EACH_LR_COUNT(n) {
		boot(n);
		for (unsigned int intid = 0; intid < VGIC_NR_SGIS; intid++) {
			enable(v0, intid, 0x60);
			vgic_send_sgi(v0, sgir(intid, 0, 1, false), true);
		}
		for (unsigned int i = 0; i < VGIC_NR_SGIS; i++) {
			uint32_t intid = ack(v0);

			assert_true(intid < VGIC_NR_SGIS);
			eoi(v0, intid);
		}
		assert_int_equal(ack(v0), SPURIOUS);
		assert_int_equal(who_has(0), 0);
	}
}

static void test_an_sgi_kicks_its_target_and_is_taken_by_it(void **state)
{
	struct vcpu *v1 = &vcpu[1 % NR];

	if (NR < 2)
		skip();
	run(v1);
	enable(v1, 2, 0x60);
	vgic_send_sgi(v0, sgir(2, 0, 2, false), true);
	assert_int_not_equal(kicked[1], 0);
	assert_int_equal(ack(v1), 2);
	/* Again while active there: not lost. */
	vgic_send_sgi(v0, sgir(2, 0, 2, false), true);
	assert_int_equal(ack(v1), SPURIOUS);
	eoi(v1, 2);
	assert_int_equal(ack(v1), 2);
	assert_int_equal(ack(v0), SPURIOUS);
}

/* ---- private interrupts, routing ---- */

static void test_private_interrupts_are_each_vcpus_own(void **state)
{
	struct vcpu *v1 = &vcpu[1 % NR];

	if (NR < 2)
		skip();
	run(v1);
	enable(v0, 20, 0x80);
	enable(v1, 20, 0x40);
	line(v1, 20, true);
	assert_int_equal(ack(v0), SPURIOUS);
	assert_int_equal(ack(v1), 20);
	assert_int_equal(fake_ich_rpr(&hw[1]), 0x40);
	assert_false(get_bit(v0, ISACTIVER, 20));
	assert_true(get_bit(v1, ISACTIVER, 20));
	set_bit(v0, ICENABLER, 20);
	assert_true(get_bit(v1, ISENABLER, 20));
}

static void test_an_spi_goes_where_its_routing_says(void **state)
{
	struct vcpu *v1 = &vcpu[1 % NR];

	if (NR < 2)
		skip();
	run(v1);
	enable(NOBODY, SPI(4), 0x80);
	line(v0, SPI(4), true);
	assert_true(fake_ich_signals(&hw[0], true));
	/* Pending: it moves. */
	wr(NULL, IROUTER + 8 * SPI(4), 8, 1);
	assert_false(fake_ich_signals(&hw[0], true));
	assert_int_equal(ack(v1), SPI(4));
	/* Active: it stays until its end, then it moves. */
	wr(NULL, IROUTER + 8 * SPI(4), 8, 0);
	assert_int_equal(ack(v0), SPURIOUS);
	eoi(v1, SPI(4));
	assert_int_equal(ack(v1), SPURIOUS);
	assert_int_equal(ack(v0), SPI(4));
	eoi(v0, SPI(4));
	/* To nobody: it waits. */
	wr(NULL, IROUTER + 8 * SPI(4), 8, 0x7f);
	assert_int_equal(ack(v0), SPURIOUS);
	assert_int_equal(ack(v1), SPURIOUS);
	assert_true(get_bit(NOBODY, ISPENDR, SPI(4)));
	wr(NULL, IROUTER + 8 * SPI(4), 8, 1);
	assert_int_equal(ack(v1), SPI(4));
}

static void test_routing_is_read_and_written_in_halves(void **state)
{
	uint32_t at = IROUTER + 8 * SPI(10);

	wr(NULL, at, 8, ~UINT64_C(0));
	/* Aff3, IRM, Aff2 to Aff0; the rest is reserved. */
	assert_int_equal(rd(NULL, at, 8) & ~BIT(31), UINT64_C(0xff00ffffff));
	wr(NULL, at, 8, 0);
	wr(NULL, at + 4, 4, 0xffffff12);
	assert_int_equal(rd(NULL, at, 8), UINT64_C(0x1200000000));
	wr(NULL, at, 4, 0x00345678);
	assert_int_equal(rd(NULL, at, 8), UINT64_C(0x1200345678));
	assert_int_equal(rd(NULL, at, 4), 0x345678);
	assert_int_equal(rd(NULL, at + 4, 4), 0x12);
	wr(NULL, at, 4, 0);
	assert_int_equal(rd(NULL, at, 8), UINT64_C(0x1200000000));
	/* Private interrupts have none. */
	wr(NULL, IROUTER + 8 * 31, 8, 1);
	assert_int_equal(rd(NULL, IROUTER + 8 * 31, 8), 0);
	assert_true(ignored(NULL, at, 2));
	assert_true(ignored(NULL, at, 1));
}

/* ---- registers ---- */

static void test_set_and_clear_banks_ignore_zeros(void **state)
{
	static const struct {
		uint32_t set, clear;
	} pairs[] = { { ISENABLER, ICENABLER }, { ISPENDR, ICPENDR }, { ISACTIVER, ICACTIVER } };

	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++) {
		for (unsigned int word = 0; word < VGIC_NR_INTIDS / 32; word++) {
			struct vcpu *of = word ? NULL : v0;
			uint32_t base = (of ? SGI_FRAME : 0) + word * 4;

			wr(of, base + pairs[i].clear, 4, 0xffffffff);
			assert_int_equal(rd(of, base + pairs[i].set, 4), 0);
			wr(of, base + pairs[i].set, 4, 0x80402011);
			assert_int_equal(rd(of, base + pairs[i].set, 4), 0x80402011);
			assert_int_equal(rd(of, base + pairs[i].clear, 4), 0x80402011);
			wr(of, base + pairs[i].set, 4, 0);
			wr(of, base + pairs[i].clear, 4, 0);
			assert_int_equal(rd(of, base + pairs[i].set, 4), 0x80402011);
			wr(of, base + pairs[i].clear, 4, 0x00400010);
			assert_int_equal(rd(of, base + pairs[i].set, 4), 0x80002001);
			wr(of, base + pairs[i].clear, 4, 0xffffffff);
		}
	}
}

static void test_priorities_have_five_bits_and_are_accessed_by_byte_and_word(void **state)
{
	wr(NULL, IPRIORITYR + SPI(0), 4, 0xffa57f01);
	assert_int_equal(rd(NULL, IPRIORITYR + SPI(0), 4), 0xf8a07800);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(rd(NULL, IPRIORITYR + SPI(i), 1), 0xf8a07800 >> i * 8 & 0xff);
	wr(NULL, IPRIORITYR + SPI(2), 1, 0x13);
	assert_int_equal(rd(NULL, IPRIORITYR + SPI(0), 4), 0xf8107800);
	wr(v0, SGI_FRAME + IPRIORITYR + 17, 1, 0x90);
	assert_int_equal(rd(v0, SGI_FRAME + IPRIORITYR + 16, 4), 0x9000);
	assert_int_equal(rd(NULL, IPRIORITYR + VGIC_NR_INTIDS - 4, 4), 0);
	assert_true(ignored(NULL, IPRIORITYR + SPI(0), 2));
	assert_true(ignored(NULL, IPRIORITYR + SPI(0), 8));
}

static void test_configuration_has_one_bit_that_can_be_set(void **state)
{
	wr(NULL, ICFGR + SPI(0) / 4, 4, 0xffffffff);
	assert_int_equal(rd(NULL, ICFGR + SPI(0) / 4, 4), 0xaaaaaaaa);
	wr(NULL, ICFGR + SPI(0) / 4, 4, 0x55555555);
	assert_int_equal(rd(NULL, ICFGR + SPI(0) / 4, 4), 0);
	/* SGIs are edge-triggered for ever. */
	wr(v0, SGI_FRAME + ICFGR, 4, 0);
	assert_int_equal(rd(v0, SGI_FRAME + ICFGR, 4), 0xaaaaaaaa);
}

static void test_private_interrupts_are_not_in_the_distributor(void **state)
{
	static const uint32_t one_bit[] = { IGROUPR, ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER,
					    ICACTIVER };

	enable(v0, 20, 0x80);
	for (unsigned int i = 0; i < ARRAY_SIZE(one_bit); i++) {
		wr(NULL, one_bit[i], 4, 0xffffffff);
		assert_int_equal(rd(NULL, one_bit[i], 4), 0);
		/* And shared ones not in a redistributor. */
		wr(v0, SGI_FRAME + one_bit[i] + 4, 4, 0xffffffff);
		assert_int_equal(rd(v0, SGI_FRAME + one_bit[i] + 4, 4), 0);
	}
	assert_true(get_bit(v0, ISENABLER, 20));
	assert_false(get_bit(v0, ISPENDR, 20));
	assert_false(get_bit(NOBODY, ISENABLER, SPI(0)));
	wr(NULL, IPRIORITYR + 20, 1, 0x10);
	assert_int_equal(rd(NULL, IPRIORITYR + 20, 1), 0);
	assert_int_equal(rd(v0, SGI_FRAME + IPRIORITYR + 20, 1), 0x80);
	wr(NULL, ICFGR, 8 / 2, 0xffffffff);
	assert_int_equal(rd(NULL, ICFGR, 4), 0);
}

static void test_one_bit_banks_take_words_only(void **state)
{
	static const uint32_t banks[] = { IGROUPR, ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER,
					  ICACTIVER, ICFGR };

	/* What a write of ones to a clearing bank could clear. */
	wr(NULL, ISENABLER + 8, 4, UINT32_MAX);
	wr(NULL, ISPENDR + 8, 4, UINT32_MAX);
	wr(NULL, ISACTIVER + 8, 4, UINT32_MAX);
	for (unsigned int i = 0; i < ARRAY_SIZE(banks); i++) {
		assert_true(ignored(NULL, banks[i] + 8, 1));
		assert_true(ignored(NULL, banks[i] + 8, 2));
		assert_true(ignored(NULL, banks[i] + 8, 8));
		assert_false(ignored(NULL, banks[i] + 8, 4));
	}
}

static void test_the_distributor_says_what_it_is(void **state)
{
	uint64_t typer = rd(NULL, TYPER, 4);

	/* Affinity routing and one security state, for ever. */
	wr(NULL, CTLR, 4, 0);
	assert_int_equal(rd(NULL, CTLR, 4), BIT(6) | BIT(4));
	wr(NULL, CTLR, 4, 0xffffffff);
	assert_int_equal(rd(NULL, CTLR, 4), BIT(6) | BIT(4) | BIT(1) | BIT(0));
	assert_int_equal((FIELD_GET(GENMASK(4, 0), typer) + 1) * 32, VGIC_NR_INTIDS);
	assert_true(FIELD_GET(GENMASK(23, 19), typer) + 1 >= 8);
	assert_int_equal(rd(NULL, PIDR2, 4) & 0xf0, 0x30);
	assert_int_equal(rd(v0, PIDR2, 4) & 0xf0, 0x30);
	wr(NULL, TYPER, 4, 0);
	wr(NULL, PIDR2, 4, 0);
	assert_int_equal(rd(NULL, TYPER, 4), typer);
	assert_true(ignored(NULL, CTLR, 1));
	assert_true(ignored(NULL, TYPER, 2));
	/* GICv2's registers are gone. */
	wr(NULL, 0x820, 4, 0xffffffff);
	assert_int_equal(rd(NULL, 0x820, 4), 0);
	wr(NULL, 0xf00, 4, 0xffffffff);
	assert_int_equal(rd(NULL, 0xf00, 4), 0);
}

static void test_a_redistributor_says_whose_it_is(void **state)
{
	for (unsigned int i = 0; i < NR; i++)
		vcpu[i].affinity = UINT64_C(0x0400030200) + i;
	for (unsigned int i = 0; i < NR; i++) {
		uint64_t typer = rd(&vcpu[i], RD_TYPER, 8);

		assert_int_equal(typer >> 32, 0x04030200 + i);
		assert_int_equal(FIELD_GET(GENMASK(23, 8), typer), i);
		assert_int_equal(!!(typer & BIT(4)), i == NR - 1);
		/* No LPIs. */
		assert_int_equal(typer & (BIT(0) | BIT(1)), 0);
		assert_int_equal(rd(&vcpu[i], RD_TYPER, 4), (uint32_t)typer);
		assert_int_equal(rd(&vcpu[i], RD_TYPER + 4, 4), typer >> 32);
		assert_true(ignored(&vcpu[i], RD_TYPER, 2));
	}
}

static void test_a_redistributor_wakes_up_when_it_is_told(void **state)
{
	assert_int_equal(rd(v0, RD_WAKER, 4), BIT(2) | BIT(1));
	wr(v0, RD_WAKER, 4, 0);
	assert_int_equal(rd(v0, RD_WAKER, 4), 0);
	wr(v0, RD_WAKER, 4, BIT(1));
	assert_int_equal(rd(v0, RD_WAKER, 4), BIT(2) | BIT(1));
}

static void test_offsets_without_a_register_read_as_zero(void **state)
{
	for (uint32_t offset = 0x10; offset < 0x80; offset += 4) {
		wr(NULL, offset, 4, 0xffffffff);
		assert_int_equal(rd(NULL, offset, 4), 0);
	}
	for (uint32_t offset = 0x8000; offset < 0xffd0; offset += 4)
		assert_int_equal(rd(NULL, offset, 4), 0);
	for (uint32_t offset = 0x18; offset < 0xffd0; offset += 4)
		assert_int_equal(rd(v0, offset, 4), 0);
	for (uint32_t offset = 0xd00; offset < 0xffd0; offset += 8)
		assert_int_equal(rd(v0, SGI_FRAME + offset, 8), 0);
}

static void test_any_access_is_served_or_refused_and_never_more(void **state)
{
	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int size = 1u << random_below(4);
		struct vcpu *of = random_below(2) ? &vcpu[random_below(NR)] : NULL;
		uint32_t offset = random_below(of ? 0x20000 : 0x10000);
		uint64_t val = random_u64();

		if (random_below(2))
			offset &= of ? 0x10fff : 0xfff;
		offset &= ~(size - 1);
		vgic_mmio(v0, of, offset, size, random_below(2), &val);
		if (i % 64 == 0)
			settle();
	}
}

/* ---- the virtual timer ---- */

static void timer_fires(void)
{
	vcpu_vgic_out(v0);
	vgic_set_timer_line(v0, true);
	settle();
}

static void test_the_timers_end_deactivates_the_physical_interrupt(void **state)
{
	enable(v0, VTIMER, 0xa0);
	assert_true(v0->vgic.priv[VTIMER].enabled);
	timer_fires();
	assert_true(vgic_timer_is_live(v0));
	assert_true(vgic_timer_is_raised(v0));
	assert_int_equal(ack(v0), VTIMER);
	stop(v0);
	assert_true(vgic_timer_is_live(v0));
	assert_false(vgic_timer_is_raised(v0));
	run(v0);
	eoi(v0, VTIMER);
	assert_int_equal(hw[0].nr_deactivated, 1);
	assert_int_equal(hw[0].deactivated[0], VTIMER_HW);
	stop(v0);
	assert_false(vgic_timer_is_live(v0));
	run(v0);
	assert_int_equal(ack(v0), SPURIOUS);
	timer_fires();
	assert_int_equal(ack(v0), VTIMER);
}

static void test_a_timer_that_was_silenced_is_not_taken(void **state)
{
	enable(v0, VTIMER, 0xa0);
	timer_fires();
	stop(v0);
	vgic_set_timer_line(v0, false);
	assert_false(vgic_timer_is_live(v0));
	run(v0);
	assert_int_equal(ack(v0), SPURIOUS);
}

static void test_a_disabled_timer_waits_for_its_enable(void **state)
{
	timer_fires();
	assert_false(v0->vgic.priv[VTIMER].enabled);
	assert_int_equal(ack(v0), SPURIOUS);
	assert_true(vgic_timer_is_live(v0));
	enable(v0, VTIMER, 0xa0);
	assert_int_equal(ack(v0), VTIMER);
}

static void test_a_timer_made_pending_by_software_ends_without_the_physical_interrupt(void **state)
{
	enable(v0, VTIMER, 0xa0);
	set_bit(v0, ISPENDR, VTIMER);
	/* It can still fire. */
	assert_false(vgic_timer_is_live(v0));
	assert_int_equal(ack(v0), VTIMER);
	eoi(v0, VTIMER);
	assert_int_equal(hw[0].nr_deactivated, 0);
	assert_int_equal(ack(v0), SPURIOUS);
}

static void test_a_timer_that_fires_behind_a_software_set_pending_outlives_its_clearing(void **state)
{
	enable(v0, VTIMER, 0xa0);
	set_bit(v0, ISPENDR, VTIMER);
	timer_fires();
	set_bit(v0, ICPENDR, VTIMER);
	assert_true(get_bit(v0, ISPENDR, VTIMER));
	assert_int_equal(ack(v0), VTIMER);
	eoi(v0, VTIMER);
	assert_int_equal(hw[0].nr_deactivated, 1);
}

static void test_a_timer_set_pending_while_it_is_handled_comes_again(void **state)
{
	enable(v0, VTIMER, 0xa0);
	timer_fires();
	assert_int_equal(ack(v0), VTIMER);
	set_bit(v0, ISPENDR, VTIMER);
	eoi(v0, VTIMER);
	assert_int_equal(ack(v0), VTIMER);
	eoi(v0, VTIMER);
	assert_int_equal(hw[0].nr_deactivated, 1);
}

/* ---- waking ---- */

static void test_only_what_would_be_signalled_wakes_a_vcpu(void **state)
{
	enable(NOBODY, SPI(0), 0x80);
	stop(v0);
	assert_false(vgic_has_deliverable(v0));
	vgic_set_line(v0, SPI(0), true);
	assert_true(vgic_has_deliverable(v0));
	vcpu[0].arch.ich.vmcr = fake_ich_vmcr(0x80, 0);
	assert_false(vgic_has_deliverable(v0));
	vcpu[0].arch.ich.vmcr = fake_ich_vmcr(0x88, 0);
	assert_true(vgic_has_deliverable(v0));
	vcpu[0].arch.ich.vmcr &= ~ICH_VMCR_VENG1;
	assert_false(vgic_has_deliverable(v0));
	vcpu[0].arch.ich.vmcr = fake_ich_vmcr(0xff, 0);
	wr(NULL, CTLR, 4, 0);
	assert_false(vgic_has_deliverable(v0));
	wr(NULL, CTLR, 4, 3);
	set_bit(NOBODY, ICENABLER, SPI(0));
	assert_false(vgic_has_deliverable(v0));
	set_bit(NOBODY, ISENABLER, SPI(0));
	assert_true(vgic_has_deliverable(v0));
	/* Being handled: its line stays high, and WFI in the handler waits for something else. */
	run(v0);
	assert_int_equal(ack(v0), SPI(0));
	stop(v0);
	assert_false(vgic_has_deliverable(v0));
}

static void test_an_interrupt_kicks_the_vcpu_that_is_to_take_it(void **state)
{
	enable(NOBODY, SPI(0), 0x80);
	stop(v0);
	memset(kicked, 0, sizeof(kicked));
	vgic_set_line(v0, SPI(1), true);
	assert_int_equal(kicked[0], 0);
	vgic_set_line(v0, SPI(0), true);
	assert_int_equal(kicked[0], 1);
	vgic_set_line(v0, SPI(0), true);
	assert_int_equal(kicked[0], 1);
	vgic_set_line(v0, VGIC_NR_INTIDS, true);
	vgic_set_line(v0, UINT32_MAX, true);
}

static void test_a_reset_leaves_nothing_behind(void **state)
{
	enable(NOBODY, SPI(0), 0x80);
	enable(v0, 20, 0x80);
	line(v0, SPI(0), true);
	line(v0, 20, true);
	assert_int_not_equal(ack(v0), SPURIOUS);
	stop(v0);
	vgic_reset(&vm, spis);
	run(v0);
	assert_int_equal(ack(v0), SPURIOUS);
	assert_int_equal(rd(NULL, CTLR, 4) & 3, 0);
	for (uint32_t offset = IGROUPR; offset < ICFGR + 64; offset += 4) {
		assert_int_equal(rd(NULL, offset, 4), 0);
		if (offset != ICFGR)
			assert_int_equal(rd(v0, SGI_FRAME + offset, 4), 0);
	}
	for (unsigned int i = 0; i < NR; i++)
		assert_true(list_empty(&vcpu[i].vgic.ap_list));
}

/* ---- the timer's short way ---- */

/* The physical timer interrupt arrives while v0 is in the guest. Whether the short way did it. */
static bool timer_fires_in_guest(void)
{
	uint64_t lr = hw[0].regs.lr[0];
	bool again = vgic_timer_again(v0, &lr);

	if (again) {
		hw[0].regs.lr[0] = lr;
	} else {
		vcpu_vgic_out(v0);
		vgic_set_timer_line(v0, true);
		vcpu_vgic_in(v0);
	}
	return again;
}

static void test_a_timer_that_fires_again_costs_no_fold(void **state)
{
	unsigned int folds;

	enable(v0, VTIMER, 0x80);
	assert_false(timer_fires_in_guest());
	assert_int_equal(ack(v0), VTIMER);
	eoi(v0, VTIMER);
	folds = v0->vgic.nr_folds;
	for (unsigned int n = 1; n <= 30; n++) {
		assert_true(timer_fires_in_guest());
		assert_true(vgic_timer_is_live(v0));
		assert_int_equal(ack(v0), VTIMER);
		assert_int_equal(ack(v0), SPURIOUS);
		eoi(v0, VTIMER);
		assert_int_equal(hw[0].nr_deactivated, n + 1);
	}
	assert_int_equal(v0->vgic.nr_folds, folds);
	/* And its state is what it would be otherwise. */
	stop(v0);
	assert_false(v0->vgic.priv[VTIMER].active);
	assert_int_equal(v0->vgic.used_lrs, 0);
}

static void test_the_short_way_is_for_a_list_register_that_is_empty_and_alone(void **state)
{
	enable(v0, VTIMER, 0x80);
	assert_false(timer_fires_in_guest());
	/* Not yet taken; taken; and handled beside another one. */
	assert_false(timer_fires_in_guest());
	assert_int_equal(ack(v0), VTIMER);
	assert_false(timer_fires_in_guest());
	eoi(v0, VTIMER);
	enable(v0, 20, 0x80);
	line(v0, 20, true);
	assert_false(timer_fires_in_guest());
	line(v0, 20, false);
}

static void test_what_was_made_pending_meanwhile_takes_the_long_way(void **state)
{
	enable(v0, VTIMER, 0x80);
	timer_fires_in_guest();
	assert_int_equal(ack(v0), VTIMER);
	eoi(v0, VTIMER);
	assert_true(timer_fires_in_guest());
	assert_int_equal(ack(v0), VTIMER);
	eoi(v0, VTIMER);
	v0->vgic.priv[VTIMER].latch = true;
	assert_false(timer_fires_in_guest());
}

static void test_the_short_way_has_the_priority_of_today(void **state)
{
	enable(v0, VTIMER, 0x80);
	timer_fires_in_guest();
	assert_int_equal(ack(v0), VTIMER);
	eoi(v0, VTIMER);
	v0->vgic.priv[VTIMER].priority = 0x40;
	assert_true(timer_fires_in_guest());
	assert_int_equal(FIELD_GET(LR_PRIORITY, hw[0].regs.lr[0]), 0x40);
}

/* ---- linked shared interrupts ---- */

#define LINKED	SPI(7)

static void link_spi(void)
{
	enable(NOBODY, LINKED, 0x80);
	stop(v0);
	vgic_link_spi(&vm, LINKED, LINKED);
	run(v0);
	fake_deactivated = 0;
}

/* How often the hardware deactivated the physical one, for the guest. */
static unsigned int ended_by_hardware(void)
{
	return hw[0].nr_deactivated;
}

static void test_the_end_of_a_linked_interrupt_is_that_of_the_physical_one(void **state)
{
	link_spi();
	for (unsigned int n = 1; n <= 3; n++) {
		vgic_raise_linked(&vm, LINKED);
		settle();
		assert_int_equal(ack(v0), LINKED);
		assert_int_equal(ended_by_hardware(), n - 1);
		eoi(v0, LINKED);
		assert_int_equal(ended_by_hardware(), n);
		assert_int_equal(hw[0].deactivated[n - 1], LINKED);
		assert_int_equal(ack(v0), SPURIOUS);
	}
	assert_int_equal(fake_deactivated, 0);
}

/* The guest has ended it, and it fires again before its list register was folded. */
static void test_a_linked_interrupt_that_fires_again_at_once_is_not_lost(void **state)
{
	link_spi();
	vgic_raise_linked(&vm, LINKED);
	settle();
	assert_int_equal(ack(v0), LINKED);
	eoi(v0, LINKED);
	vgic_raise_linked(&vm, LINKED);
	settle();
	assert_int_equal(ack(v0), LINKED);
}

/* Taken on another CPU while its VM is being reset. */
static void test_what_was_pending_before_the_link_is_of_an_earlier_life(void **state)
{
	enable(NOBODY, LINKED, 0x80);
	stop(v0);
	vgic_raise_linked(&vm, LINKED);
	vgic_link_spi(&vm, LINKED, LINKED);
	run(v0);
	assert_int_equal(ack(v0), SPURIOUS);
}

static void test_clearing_a_linked_interrupt_frees_the_physical_one(void **state)
{
	link_spi();
	vgic_raise_linked(&vm, LINKED);
	settle();
	set_bit(v0, ICPENDR, LINKED);
	assert_int_equal(fake_deactivated, 1);
	assert_int_equal(ack(v0), SPURIOUS);
	vgic_raise_linked(&vm, LINKED);
	settle();
	assert_int_equal(ack(v0), LINKED);
	set_bit(v0, ICACTIVER, LINKED);
	assert_int_equal(fake_deactivated, 2);
	/* What was not active stays alone. */
	set_bit(v0, ICACTIVER, LINKED);
	set_bit(v0, ICPENDR, LINKED);
	assert_int_equal(fake_deactivated, 2);
}

/* ---- everything at once ---- */

static void random_guest_step(struct vcpu *v)
{
	static uint32_t stack[NR][64];
	static unsigned int depth[NR];
	unsigned int id = v->id;
	uint32_t intid;

	if (random_below(2)) {
		intid = fake_ich_iar(&hw[id], true);
		if (intid != SPURIOUS && depth[id] < 64)
			stack[id][depth[id]++] = intid;
	} else if (depth[id]) {
		fake_ich_eoir(&hw[id], true, stack[id][--depth[id]]);
	}
}

/*
 * No order of events trips an assertion, hangs, or brings list registers into a state that the architecture
 * does not define; fake_ich_load() looks at each.
 */
static void test_no_sequence_of_events_confuses_the_list_registers(void **state)
{
	static const uint32_t banks[] = { ISENABLER, ICENABLER, ISPENDR, ICPENDR,
					  ISACTIVER, ICACTIVER, IGROUPR };

	EACH_LR_COUNT(n) {
		boot(n);
		for (unsigned int step = 0; step < 20000; step++) {
			struct vcpu *v = &vcpu[random_below(NR)];
			unsigned int intid = random_below(48);

			switch (random_below(10)) {
			case 0:
				line(v, intid < 16 || intid == VTIMER ? SPI(0) : intid, random_below(2));
				break;
			case 1:
				vgic_send_sgi(v, sgir(random_below(16), 0, random_below(16), random_below(2)),
					      true);
				break;
			case 2:
				set_bit(v, banks[random_below(ARRAY_SIZE(banks))], intid);
				break;
			case 3:
				set_priority(v, intid, random_below(256));
				break;
			case 4:
				if (running[v->id])
					stop(v);
				else
					run(v);
				break;
			case 5:
				wr(NULL, IROUTER + 8 * SPI(random_below(16)), 8, random_below(NR + 1));
				break;
			case 6:
				wr(NULL, CTLR, 4, random_below(4) ? 3 : 0);
				break;
			case 7:
				if (running[v->id]) {
					vcpu_vgic_out(v);
					vgic_set_timer_line(v, random_below(2));
				}
				break;
			default:
				if (running[v->id] && !v->vgic.in_memory)
					random_guest_step(v);
			}
			settle();
		}
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_an_edge_is_taken_once),
		T(test_an_edge_while_active_is_taken_after_the_end),
		T(test_a_high_level_is_pending_again_after_its_end),
		T(test_a_level_that_goes_low_before_it_is_taken_is_gone),
		T(test_a_level_goes_low_and_high_while_active),
		T(test_what_software_sets_pending_is_taken_however_often_the_guest_exits),
		T(test_what_software_sets_pending_it_can_clear),
		T(test_a_disabled_interrupt_stays_pending_until_it_is_enabled),
		T(test_a_group_that_is_off_holds_its_interrupts_back),
		T(test_group_0_arrives_as_fiq),
		T(test_software_can_set_and_clear_the_active_state),
		T(test_all_pending_interrupts_are_taken_in_the_order_of_priority),
		T(test_levels_in_overflow_are_not_lost_either),
		T(test_the_timer_and_other_interrupts_share_one_list_register),
		T(test_a_more_urgent_interrupt_preempts),
		T(test_active_interrupts_beyond_the_list_registers_can_be_ended),
		T(test_an_end_without_a_list_register_is_noticed_at_once),
		T(test_with_split_eoi_an_interrupt_stays_active_until_it_is_deactivated),
		T(test_a_group_that_the_cpu_interface_has_off_is_not_in_the_way_of_the_other),
		T(test_with_split_eoi_a_priority_drop_ends_nothing_even_if_it_is_counted),
		T(test_an_sgi_reaches_exactly_its_targets),
		T(test_an_sgi_finds_any_affinity),
		T(test_an_sgi_of_the_wrong_group_reaches_nobody),
		T(test_an_sgi_to_oneself_is_taken_and_ended),
		T(test_an_sgi_kicks_its_target_and_is_taken_by_it),
		T(test_private_interrupts_are_each_vcpus_own),
		T(test_an_spi_goes_where_its_routing_says),
		T(test_routing_is_read_and_written_in_halves),
		T(test_set_and_clear_banks_ignore_zeros),
		T(test_priorities_have_five_bits_and_are_accessed_by_byte_and_word),
		T(test_configuration_has_one_bit_that_can_be_set),
		T(test_private_interrupts_are_not_in_the_distributor),
		T(test_one_bit_banks_take_words_only),
		T(test_the_distributor_says_what_it_is),
		T(test_a_redistributor_says_whose_it_is),
		T(test_a_redistributor_wakes_up_when_it_is_told),
		T(test_offsets_without_a_register_read_as_zero),
		T(test_any_access_is_served_or_refused_and_never_more),
		T(test_the_timers_end_deactivates_the_physical_interrupt),
		T(test_a_timer_that_was_silenced_is_not_taken),
		T(test_a_timer_made_pending_by_software_ends_without_the_physical_interrupt),
		T(test_a_timer_that_fires_behind_a_software_set_pending_outlives_its_clearing),
		T(test_a_timer_set_pending_while_it_is_handled_comes_again),
		T(test_a_disabled_timer_waits_for_its_enable),
		T(test_only_what_would_be_signalled_wakes_a_vcpu),
		T(test_an_interrupt_kicks_the_vcpu_that_is_to_take_it),
		T(test_a_reset_leaves_nothing_behind),
		T(test_a_timer_that_fires_again_costs_no_fold),
		T(test_the_short_way_is_for_a_list_register_that_is_empty_and_alone),
		T(test_what_was_made_pending_meanwhile_takes_the_long_way),
		T(test_the_short_way_has_the_priority_of_today),
		T(test_the_end_of_a_linked_interrupt_is_that_of_the_physical_one),
		T(test_a_linked_interrupt_that_fires_again_at_once_is_not_lost),
		T(test_what_was_pending_before_the_link_is_of_an_earlier_life),
		T(test_clearing_a_linked_interrupt_frees_the_physical_one),
		T(test_no_sequence_of_events_confuses_the_list_registers),
	};
#undef T

	random_seed("test_vgic");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
