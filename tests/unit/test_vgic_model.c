// SPDX-License-Identifier: MIT
/*
 * The virtual GIC against a reference model. A VM's vCPUs run on the CPU interface of fake_ich.c; the same
 * events happen to gic_model.c. After each step every vCPU must be offered what the model says, at most up
 * to a choice among equal priorities, registers must read alike, and whoever sleeps must have been woken.
 *
 * Left out, being unpredictable or beyond list registers: ICACTIVER for what a guest without split EOI is
 * still handling, or for a timer that it silenced meanwhile; a change of group or trigger while active;
 * IROUTER.IRM.
 *
 * SCHISM_TEST_SEED= repeats a run, SCHISM_TEST_TRACE=1 prints each step of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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
#include "tests/host/gic_model.h"
#include "tests/unit/random.h"

#define STEPS		250000		/* for each number of list registers */
#define DRAIN_EVERY	5000
#define PHASE		250
#define NR		MIN(3, CONFIG_MAX_VCPUS)
#define TIMER		VGIC_VTIMER_INTID
#define NOTHING		FAKE_ICH_SPURIOUS
#define SGI_FRAME	0x10000
#define VBPR0		GENMASK(23, 21)
#define VBPR1		GENMASK(20, 18)

static const uint64_t affinities[GIC_MODEL_CPUS] = { 0, 0x11, UINT64_C(0x0200000100) };

static struct vm vm;
static struct vcpu vcpu[NR];
static struct virq spis[VGIC_NR_SPIS];
static struct fake_ich hw[NR];
static struct gic_model model;

static bool running[NR];	/* on a CPU */
static bool busy[NR];		/* there in EL2, serving an access of its own */
static bool kicked[NR];
static bool timer_met[NR];	/* the virtual timer's condition */
static bool timer_phys[NR];	/* its physical interrupt is active */
static unsigned int dropped[NR][256], nr_dropped[NR];	/* split EOI: ended, not deactivated */
static unsigned long step;
static bool draining;
static bool calm;		/* for a while guests do little else than taking and ending interrupts */
static bool nesting;		/* and end them rarely */
static bool tracing;

static struct {
	unsigned long acks, preemptions, maintenance[8], trapped_dirs, freezes, timer_again;
} seen;

#define trace(...) \
	do { \
		if (tracing) \
			printf("%lu: " __VA_ARGS__), printf("\n"); \
	} while (0)

#define expect(cond, ...) \
	do { \
		if (!(cond)) { \
			printf("step %lu, %u list registers: " __VA_ARGS__); \
			printf("\n"); \
			fail_msg("the virtual GIC differs from the model"); \
		} \
	} while (0)

static struct gic_model_cpu *guest(unsigned int v)
{
	return &model.cpu[v];
}

/* ---- hypervisor ---- */

void sched_kick(struct vcpu *v)
{
	kicked[v->id] = true;
}

static void hardware_in(struct vcpu *v)
{
	fake_ich_load(&hw[v->id], &v->arch.ich, v->vgic.used_lrs);
}

static void hardware_out(struct vcpu *v)
{
	fake_ich_save(&hw[v->id], &v->arch.ich, v->vgic.used_lrs);
}

/* As arch/: a timer that the guest has silenced before it took the interrupt is low again. */
static void timer_check(unsigned int v)
{
	if (vgic_timer_is_raised(&vcpu[v]) && !timer_met[v]) {
		vgic_set_timer_line(&vcpu[v], false);
		timer_phys[v] = false;
	}
	if (timer_phys[v] && !vgic_timer_is_live(&vcpu[v]))
		timer_phys[v] = false;
	gic_model_line(&model, (int)v, TIMER, timer_met[v] && timer_phys[v]);
}

static void leave(unsigned int v)
{
	if (vcpu[v].vgic.in_memory)
		return;
	vcpu_vgic_out(&vcpu[v]);
	timer_check(v);
}

static void enter(unsigned int v)
{
	timer_check(v);
	vcpu_vgic_in(&vcpu[v]);
}

static bool in_guest(unsigned int v)
{
	return running[v] && !busy[v] && !vcpu[v].vgic.in_memory;
}

/* As arch/: the short way of a timer interrupt. What else it left the guest for comes the next time. */
static bool timer_again(unsigned int v)
{
	uint64_t lr = hw[v].regs.lr[0];

	if (!in_guest(v) || !vgic_timer_again(&vcpu[v], &lr))
		return false;
	hw[v].regs.lr[0] = lr;
	timer_phys[v] = true;
	gic_model_line(&model, (int)v, TIMER, true);
	seen.timer_again++;
	return true;
}

/* Maintenance interrupts, the timer's interrupt, kicks: until everybody is in the guest again, for good. */
static void settle(void)
{
	for (unsigned int round = 0; round < 20; round++) {
		bool quiet = true;

		for (unsigned int v = 0; v < NR; v++) {
			bool fires = timer_met[v] && !timer_phys[v];
			uint64_t misr = in_guest(v) ? fake_ich_misr(&hw[v]) : 0;

			if (!running[v] || (in_guest(v) && !kicked[v] && !fires && !misr))
				continue;
			quiet = false;
			if (fires && timer_again(v))
				continue;
			kicked[v] = false;
			for (unsigned int i = 0; i < ARRAY_SIZE(seen.maintenance); i++)
				seen.maintenance[i] += misr >> i & 1;
			leave(v);
			if (fires) {
				vgic_set_timer_line(&vcpu[v], true);
				timer_phys[v] = true;
			}
			enter(v);
		}
		if (quiet)
			return;
	}
	expect(false, "guests make no progress", step, vm.nr_lrs);
}

static void switch_out(unsigned int v)
{
	trace("vcpu%u off", step, v);
	leave(v);
	timer_phys[v] = false;
	running[v] = false;
	/* Who has something to do is not put to sleep. */
	kicked[v] = vgic_has_deliverable(&vcpu[v]);
}

static void switch_in(unsigned int v)
{
	trace("vcpu%u on", step, v);
	vgic_set_timer_line(&vcpu[v], timer_met[v]);
	running[v] = true;
	kicked[v] = false;
	timer_phys[v] = vgic_timer_is_live(&vcpu[v]);
	enter(v);
}

/* ---- guest: its CPU interface ---- */

/* Deactivation by list register reaches the physical interrupt, which then follows the timer again. */
static void after_end(unsigned int v)
{
	if (!hw[v].nr_deactivated)
		return;
	hw[v].nr_deactivated = 0;
	expect(timer_phys[v], "vcpu%u: a list register ends a physical interrupt that is not active", step,
	       vm.nr_lrs, v);
	timer_phys[v] = false;
	gic_model_line(&model, (int)v, TIMER, false);
}

/* What the CPU interface signals to the vCPU; checked against the model. */
static uint32_t signalled(unsigned int v, bool *group1)
{
	unsigned int best = gic_model_highest(&model, (int)v);
	uint32_t intid = NOTHING;
	struct gic_model_irq *irq;

	*group1 = fake_ich_signals(&hw[v], true);
	if (*group1 || fake_ich_signals(&hw[v], false))
		intid = fake_ich_hppir(&hw[v], *group1);
	if (intid != NOTHING) {
		expect(intid < GIC_MODEL_INTIDS && gic_model_presented(&model, (int)v, intid),
		       "vcpu%u is offered %u, which is not pending", step, vm.nr_lrs, v, intid);
		irq = gic_model_irq(&model, (int)v, intid);
		expect(irq->priority == best && irq->group1 == *group1 &&
		       gic_model_preempts(&model, (int)v, best, *group1),
		       "vcpu%u is offered %u of priority 0x%x group %u, highest 0x%x, running 0x%x", step,
		       vm.nr_lrs, v, intid, irq->priority, irq->group1, best, gic_model_rpr(&model, (int)v));
		return intid;
	}
	for (uint32_t i = 0; best != GIC_MODEL_IDLE && i < GIC_MODEL_INTIDS; i++) {
		irq = gic_model_irq(&model, (int)v, i);
		if (irq->priority != best || !gic_model_presented(&model, (int)v, i))
			continue;
		/* One of equal priority but coarser binary point may have been chosen instead. */
		if (!gic_model_preempts(&model, (int)v, best, irq->group1))
			return NOTHING;
		intid = i;
	}
	expect(intid == NOTHING, "vcpu%u is offered nothing, not %u of priority 0x%x, running 0x%x", step,
	       vm.nr_lrs, v, intid, best, gic_model_rpr(&model, (int)v));
	return NOTHING;
}

static bool guest_ack(unsigned int v)
{
	bool group1;
	uint32_t intid = signalled(v, &group1);

	if (intid == NOTHING)
		return false;
	trace("vcpu%u acks %u, priority 0x%x", step, v, intid,
	      gic_model_irq(&model, (int)v, intid)->priority);
	expect(fake_ich_iar(&hw[v], group1) == intid, "IAR is not HPPIR", step, vm.nr_lrs);
	seen.acks++;
	seen.preemptions += guest(v)->nr_running > 0;
	gic_model_ack(&model, (int)v, intid);
	return true;
}

static void guest_eoi(unsigned int v)
{
	unsigned int intid;
	bool group1;

	if (!guest(v)->nr_running || nr_dropped[v] == ARRAY_SIZE(dropped[v]))
		return;
	intid = gic_model_eoi(&model, (int)v, &group1);
	trace("vcpu%u ends %u", step, v, intid);
	if (guest(v)->split_eoi)
		dropped[v][nr_dropped[v]++] = intid;
	fake_ich_eoir(&hw[v], group1, intid);
	after_end(v);
}

static bool is_being_handled(int v, unsigned int intid, bool without_split)
{
	for (unsigned int i = 0; i < guest((unsigned int)v)->nr_running; i++) {
		if (guest((unsigned int)v)->running[i].intid == intid)
			return !without_split || !guest((unsigned int)v)->split_eoi;
	}
	return false;
}

static bool is_handled_anywhere(unsigned int v, unsigned int intid, bool without_split)
{
	if (intid < GIC_MODEL_PRIVATE)
		return is_being_handled((int)v, intid, without_split);
	for (int i = 0; i < NR; i++) {
		if (is_being_handled(i, intid, without_split))
			return true;
	}
	return false;
}

/* ICC_DIR_EL1, by any vCPU for a shared interrupt. As arch/ does where it traps. */
static void guest_dir(unsigned int v, unsigned int intid)
{
	if (!guest(v)->split_eoi || is_handled_anywhere(v, intid, false))
		return;
	trace("vcpu%u deactivates %u", step, v, intid);
	if (!fake_ich_dir(&hw[v], intid)) {
		busy[v] = true;
		seen.trapped_dirs++;
		leave(v);
		vgic_freeze(&vcpu[v]);
		vgic_deactivate(&vcpu[v], intid);
		vgic_thaw(&vcpu[v]);
		timer_check(v);
		busy[v] = false;
	}
	gic_model_dir(&model, (int)v, intid);
	after_end(v);
}

static void guest_dir_any(unsigned int v)
{
	unsigned int from = random_below(4) ? v : random_below(NR);
	unsigned int i, intid;

	if (!nr_dropped[from] || !guest(v)->split_eoi)
		return;
	i = random_below(nr_dropped[from]);
	intid = dropped[from][i];
	if (from != v && intid < GIC_MODEL_PRIVATE)
		return;
	/* Somebody took it before it was made inactive behind his back, and has not ended it: not yet. */
	if (is_handled_anywhere(v, intid, false))
		return;
	dropped[from][i] = dropped[from][--nr_dropped[from]];
	guest_dir(v, intid);
}

static void guest_set_interface(unsigned int v)
{
	struct gic_model_cpu *c = guest(v);

	trace("vcpu%u: PMR 0x%x, groups %u %u, BPR %u %u, split %u", step, v, c->pmr, c->group_on[0],
	      c->group_on[1], c->bpr[0], c->bpr[1], c->split_eoi);
	hw[v].regs.vmcr = FIELD_PREP(ICH_VMCR_VPMR, c->pmr) | FIELD_PREP(VBPR0, c->bpr[0]) |
			  FIELD_PREP(VBPR1, c->bpr[1]) | (c->split_eoi ? ICH_VMCR_VEOIM : 0) |
			  (c->group_on[0] ? ICH_VMCR_VENG0 : 0) | (c->group_on[1] ? ICH_VMCR_VENG1 : 0);
}

static void guest_configure(unsigned int v)
{
	struct gic_model_cpu *c = guest(v);

	c->pmr = random_below(3) ? 0xff : random_below(32) << 3;
	c->group_on[0] = random_below(4) != 0;
	c->group_on[1] = random_below(6) != 0;
	if (!c->nr_running) {
		c->bpr[0] = random_below(2) ? 2 : 2 + random_below(6);
		c->bpr[1] = random_below(2) ? 3 : 3 + random_below(5);
		if (!nr_dropped[v])
			c->split_eoi = random_below(3) == 0;
	}
	guest_set_interface(v);
}

/* ---- guest: registers ---- */

static uint64_t guest_read(unsigned int v, int frame, uint32_t offset, unsigned int size)
{
	uint32_t base = frame < 0 ? 0 : SGI_FRAME;
	uint64_t val = UINT64_MAX;

	busy[v] = true;
	/* Those that need the state of list registers would do it, but without a look at the timer. */
	if (offset >= GIC_MODEL_ISPENDR && offset < GIC_MODEL_IPRIORITYR)
		leave(v);
	vgic_mmio(&vcpu[v], frame < 0 ? NULL : &vcpu[frame], base + offset, size, false, &val);
	busy[v] = false;
	return val;
}

/* What GICD_CTLR.RWP promises when it reads as 0: nobody is offered any more what has been disabled. */
static void check_disabled(void)
{
	for (unsigned int v = 0; v < NR; v++) {
		const struct gic_model_irq *irq;
		uint32_t intid = NOTHING;

		if (in_guest(v))
			intid = fake_ich_hppir(&hw[v], fake_ich_signals(&hw[v], true));
		if (intid == NOTHING)
			continue;
		irq = gic_model_irq(&model, (int)v, intid);
		expect(irq->enabled && model.group_on[irq->group1], "vcpu%u is still offered %u", step,
		       vm.nr_lrs, v, intid);
	}
}

static void guest_write(unsigned int v, int frame, uint32_t offset, unsigned int size, uint64_t val)
{
	uint32_t base = frame < 0 ? 0 : SGI_FRAME;

	trace("vcpu%u writes frame %d+0x%x, %u bytes: 0x%lx", step, v, frame, offset, size, val);
	busy[v] = true;
	leave(v);
	vgic_mmio(&vcpu[v], frame < 0 ? NULL : &vcpu[frame], base + offset, size, true, &val);
	busy[v] = false;
	gic_model_write(&model, frame, offset, size, val);
	if (offset < GIC_MODEL_IPRIORITYR)
		check_disabled();
}

/* The hardware timer's line is only known while its interrupt is not active. */
static uint64_t unknown_bits(int frame, uint32_t offset)
{
	bool pending = offset == GIC_MODEL_ISPENDR || offset == GIC_MODEL_ICPENDR;

	return frame >= 0 && pending && gic_model_irq(&model, frame, TIMER)->active ? BIT(TIMER) : 0;
}

static void compare(unsigned int v, int frame, uint32_t offset, unsigned int size)
{
	uint64_t got = guest_read(v, frame, offset, size);
	uint64_t want = gic_model_read(&model, frame, offset, size);
	uint64_t unknown = unknown_bits(frame, offset);

	trace("vcpu%u reads frame %d+0x%x, %u bytes: 0x%lx", step, v, frame, offset, size, got);
	expect(!((got ^ want) & ~unknown), "frame %d+0x%x reads 0x%lx, should be 0x%lx", step, vm.nr_lrs,
	       frame, offset, got, want);
}

static const uint32_t one_bit_banks[] = {
	GIC_MODEL_IGROUPR, GIC_MODEL_ISENABLER, GIC_MODEL_ICENABLER, GIC_MODEL_ISPENDR, GIC_MODEL_ICPENDR,
	GIC_MODEL_ISACTIVER, GIC_MODEL_ICACTIVER,
};

static void random_read(unsigned int v)
{
	int frame = (int)random_below(NR + 1) - 1;
	uint32_t from = frame < 0 ? GIC_MODEL_PRIVATE : 0;

	switch (random_below(6)) {
	case 0:
		compare(v, frame, GIC_MODEL_IPRIORITYR + from + random_below(8) * 4, 4);
		break;
	case 1:
		compare(v, frame, GIC_MODEL_IPRIORITYR + from + random_below(32), 1);
		break;
	case 2:
		compare(v, frame, GIC_MODEL_ICFGR + from / 4 + random_below(2) * 4, 4);
		break;
	case 3:
		if (random_below(2))
			compare(v, -1, GIC_MODEL_IROUTER + 8 * (GIC_MODEL_PRIVATE + random_below(32)), 8);
		else
			compare(v, -1, GIC_MODEL_CTLR, 4);
		break;
	default:
		compare(v, frame, one_bit_banks[random_below(ARRAY_SIZE(one_bit_banks))] + from / 8, 4);
	}
}

static uint32_t active_bits(int frame)
{
	return (uint32_t)gic_model_read(&model, frame, GIC_MODEL_ISACTIVER + (frame < 0 ? 4 : 0), 4);
}

/* What may be made inactive: not what the guest will end itself, nor a timer whose line is out of sight. */
static uint32_t clearable_bits(int frame)
{
	unsigned int first = frame < 0 ? GIC_MODEL_PRIVATE : 0;
	unsigned int of = frame < 0 ? 0 : (unsigned int)frame;
	uint32_t bits = UINT32_MAX;

	for (unsigned int i = 0; i < 32; i++) {
		bool lost_timer = first + i == TIMER && (!running[of] || !timer_met[of]);

		if (lost_timer || is_handled_anywhere(of, first + i, true))
			bits &= ~(1u << i);
	}
	return bits;
}

static void clear_active(unsigned int v, int frame)
{
	guest_write(v, frame, GIC_MODEL_ICACTIVER + (frame < 0 ? 4 : 0), 4, clearable_bits(frame));
}

/* Set and clear banks: one to three interrupts, or all at once. */
static void write_bits(unsigned int v, int frame, uint32_t bank)
{
	uint32_t bits = 0, offset = bank + (frame < 0 ? 4 : 0);

	for (unsigned int i = 1 + random_below(3); i; i--)
		bits |= 1u << random_below(32);
	if (!random_below(40))
		bits = UINT32_MAX;
	if (bank == GIC_MODEL_IGROUPR)
		bits = (uint32_t)gic_model_read(&model, frame, offset, 4) ^ (bits & ~active_bits(frame));
	if (bank == GIC_MODEL_ICACTIVER)
		bits &= clearable_bits(frame);
	guest_write(v, frame, offset, 4, bits);
}

static void write_config(unsigned int v)
{
	unsigned int first = random_below(2) * 16;
	uint32_t offset = GIC_MODEL_ICFGR + (GIC_MODEL_PRIVATE + first) / 4;
	unsigned int n = random_below(16);

	if (!gic_model_irq(&model, 0, GIC_MODEL_PRIVATE + first + n)->active)
		guest_write(v, -1, offset, 4, gic_model_read(&model, -1, offset, 4) ^ UINT64_C(2) << n * 2);
}

static void write_route(unsigned int v)
{
	uint32_t offset = GIC_MODEL_IROUTER + 8 * (GIC_MODEL_PRIVATE + random_below(32));
	uint64_t val = random_below(8) ? affinities[random_below(NR)] : 0x77;

	if (random_below(2)) {
		guest_write(v, -1, offset, 8, val);
	} else {
		guest_write(v, -1, offset, 4, val & UINT32_MAX);
		guest_write(v, -1, offset + 4, 4, val >> 32);
	}
}

static void random_write(unsigned int v)
{
	static const uint8_t likely[] = { 1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 0, 5, 6, 6, 6 };
	int frame = (int)random_below(NR + 1) - 1;
	uint32_t from = frame < 0 ? GIC_MODEL_PRIVATE : 0;

	switch (random_below(8)) {
	case 0:
		guest_write(v, frame, GIC_MODEL_IPRIORITYR + from + random_below(32), 1, random_below(256));
		break;
	case 1:
		guest_write(v, frame, GIC_MODEL_IPRIORITYR + from + random_below(8) * 4, 4,
			    random_u64() >> 32);
		break;
	case 2:
		write_config(v);
		break;
	case 3:
		write_route(v);
		break;
	case 4:
		if (!random_below(4))
			guest_write(v, -1, GIC_MODEL_CTLR, 4, random_below(3) ? 3 : random_below(4));
		break;
	default:
		write_bits(v, frame, one_bit_banks[likely[random_below(ARRAY_SIZE(likely))]]);
	}
}

static void send_sgi(unsigned int v)
{
	uint64_t aff = affinities[random_below(NR)];
	uint64_t val = (aff >> 32 & 0xff) << 48 | (aff >> 4 & 15) << 44 | (aff >> 16 & 0xff) << 32 |
		       (uint64_t)random_below(16) << 24 | (aff >> 8 & 0xff) << 16;
	bool group1 = random_below(4) != 0;

	val |= random_below(4) ? BIT(aff & 15) : random_below(0x10000);
	if (!random_below(4))
		val |= BIT(40);
	trace("vcpu%u sends SGI 0x%lx", step, v, val);
	busy[v] = true;
	leave(v);
	vgic_send_sgi(&vcpu[v], val, group1);
	busy[v] = false;
	gic_model_sgi(&model, (int)v, val, group1);
}

/* ---- devices ---- */

static void set_line(int v, unsigned int intid, bool level)
{
	trace("line of %u (vcpu%d): %u", step, intid, v, level);
	vgic_set_line(&vcpu[v], intid, level);
	gic_model_line(&model, v, intid, level);
}

static void random_line(void)
{
	unsigned int intid = 16 + random_below(GIC_MODEL_INTIDS - 16);
	int v = (int)random_below(NR);

	if (intid != TIMER)
		set_line(v, intid, random_below(2));
}

static void random_timer(unsigned int v)
{
	timer_met[v] = random_below(2);
	trace("timer of vcpu%u: %u", step, v, timer_met[v]);
	/* It fires, or else the guest that silenced it is not interrupted at once. */
	if (timer_met[v] || random_below(2))
		kicked[v] |= running[v];
}

/* ---- all of it ---- */

static void random_end(void)
{
	unsigned int v = random_below(NR);

	if (!in_guest(v) || (nesting && random_below(8)))
		return;
	if (random_below(3))
		guest_eoi(v);
	else
		guest_dir_any(v);
}

/* Another vCPU that is not in EL2 already accesses registers, too. */
static void access_meanwhile(void)
{
	unsigned int v = random_below(NR);

	if (!in_guest(v))
		return;
	if (random_below(2))
		random_read(v);
	else
		random_write(v);
}

/*
 * A CPU waits until others have left their guests; meanwhile these go on, and may come back. The end of an
 * interrupt is known to whoever looks later: it traps or is reported at once.
 */
static void meanwhile(void)
{
	for (unsigned int v = 0; v < NR; v++) {
		if (running[v] && !busy[v] && kicked[v]) {
			kicked[v] = false;
			seen.freezes++;
			leave(v);
			if (!draining && random_below(2))
				enter(v);
		}
		if (draining)
			continue;
		random_end();
		if (!random_below(4))
			access_meanwhile();
		for (unsigned int i = 0; i < NR; i++) {
			if (in_guest(i) && fake_ich_misr(&hw[i]))
				leave(i);
		}
	}
}

static void check(void)
{
	bool group1;

	for (unsigned int v = 0; v < NR; v++) {
		if (running[v]) {
			signalled(v, &group1);
			expect(fake_ich_rpr(&hw[v]) == gic_model_rpr(&model, (int)v), "vcpu%u: RPR", step,
			       vm.nr_lrs, v);
			continue;
		}
		expect(vgic_has_deliverable(&vcpu[v]) == (gic_model_highest(&model, (int)v) < guest(v)->pmr),
		       "vcpu%u: deliverable", step, vm.nr_lrs, v);
		expect(kicked[v] || !vgic_has_deliverable(&vcpu[v]), "vcpu%u is not woken", step,
		       vm.nr_lrs, v);
	}
}

static void compare_all(unsigned int v)
{
	for (int frame = -1; frame < NR; frame++) {
		uint32_t from = frame < 0 ? GIC_MODEL_PRIVATE : 0;

		for (unsigned int i = 0; i < ARRAY_SIZE(one_bit_banks); i++)
			compare(v, frame, one_bit_banks[i] + from / 8, 4);
		for (uint32_t i = 0; i < 32; i += 4)
			compare(v, frame, GIC_MODEL_IPRIORITYR + from + i, 4);
		for (uint32_t i = 0; i < 32; i += 16)
			compare(v, frame, GIC_MODEL_ICFGR + (from + i) / 4, 4);
		for (uint32_t i = 0; frame < 0 && i < 32; i++)
			compare(v, frame, GIC_MODEL_IROUTER + 8 * (from + i), 8);
	}
}

/* The guest ends all that it handles. */
static void finish(unsigned int v)
{
	while (guest(v)->nr_running) {
		guest_eoi(v);
		settle();
		while (nr_dropped[v]) {
			guest_dir(v, dropped[v][--nr_dropped[v]]);
			settle();
		}
	}
	while (nr_dropped[v]) {
		guest_dir(v, dropped[v][--nr_dropped[v]]);
		settle();
	}
}

static bool take_one(unsigned int v)
{
	uint32_t intid;

	check();
	if (!guest_ack(v))
		return false;
	settle();
	/* The handler quiets the device. */
	intid = guest(v)->running[guest(v)->nr_running - 1].intid;
	if (intid == TIMER)
		timer_met[v] = false;
	else if (intid >= VGIC_NR_SGIS)
		set_line((int)v, intid, false);
	settle();
	finish(v);
	return true;
}

/* A timer that ticks in an otherwise quiet guest, which mostly wants it to. */
static void tick(unsigned int v)
{
	if (random_below(4)) {
		guest_write(v, (int)v, GIC_MODEL_ISENABLER, 4, BIT(TIMER));
		settle();
	}
	for (unsigned int n = 0; n < 3; n++) {
		bool taken = false;

		timer_met[v] = true;
		settle();
		while (take_one(v))
			taken = true;
		timer_met[v] = false;
		/* One that it did not take has fallen, which EL2 sees at the next exit only. */
		kicked[v] = !taken || !random_below(4);
		settle();
	}
}

/* Nothing is stuck: guests that take interrupts as long as there are any end with none. */
static void drain(void)
{
	unsigned int taken = 0;

	draining = true;
	for (unsigned int v = 0; v < NR; v++) {
		if (!running[v])
			switch_in(v);
	}
	settle();
	for (unsigned int v = 0; v < NR; v++)
		finish(v);
	for (unsigned int v = 0; v < NR; v++) {
		guest(v)->pmr = 0xff;
		guest(v)->group_on[0] = guest(v)->group_on[1] = true;
		guest_set_interface(v);
		guest_write(v, (int)v, GIC_MODEL_ICACTIVER, 4, UINT32_MAX);
		settle();
	}
	guest_write(0, -1, GIC_MODEL_ICACTIVER + 4, 4, UINT32_MAX);
	settle();
	guest_write(0, -1, GIC_MODEL_CTLR, 4, 3);
	settle();
	for (bool any = true; any;) {
		any = false;
		for (unsigned int v = 0; v < NR; v++) {
			while (take_one(v)) {
				any = true;
				expect(++taken < 1000, "interrupts without end", step, vm.nr_lrs);
			}
		}
	}
	trace("drained: %u", step, taken);
	compare_all(random_below(NR));
	settle();
	for (unsigned int v = 0; v < NR; v++) {
		leave(v);
		expect(list_empty(&vcpu[v].vgic.ap_list), "vcpu%u: something is left", step, vm.nr_lrs, v);
		enter(v);
		assert_int_equal(gic_model_highest(&model, (int)v), GIC_MODEL_IDLE);
	}
	settle();
	for (unsigned int v = 0; v < NR; v++)
		tick(v);
	draining = false;
}

/* More at once than there are list registers, and nothing that keeps the vCPU from taking it. */
static void burst(unsigned int v)
{
	guest_write(v, -1, GIC_MODEL_CTLR, 4, 3);
	guest_write(v, -1, GIC_MODEL_ISENABLER + 4, 4, UINT32_MAX);
	guest_write(v, (int)v, GIC_MODEL_ISENABLER, 4, UINT32_MAX);
	clear_active(v, -1);
	clear_active(v, (int)v);
	settle();
	guest(v)->pmr = 0xff;
	guest(v)->group_on[0] = guest(v)->group_on[1] = true;
	guest_set_interface(v);
	for (unsigned int intid = GIC_MODEL_PRIVATE; intid < GIC_MODEL_INTIDS; intid++)
		set_line((int)v, intid, random_below(2));
	for (unsigned int i = 0; i < VGIC_NR_SGIS; i++)
		send_sgi(v);
}

static void random_step(void)
{
	unsigned int v = random_below(NR);
	unsigned int what = calm && random_below(50) ? 22 + random_below(53) : random_below(100);

	if (what < 12) {
		random_line();
	} else if (what < 16) {
		random_timer(v);
	} else if (!running[v]) {
		if (what < 50)
			switch_in(v);
	} else if (what < 22) {
		switch_out(v);
	} else if (what < 46) {
		guest_ack(v);
	} else if (what < 64) {
		if (!nesting || !random_below(8))
			guest_eoi(v);
	} else if (what < 74) {
		guest_dir_any(v);
	} else if (what < 75) {
		guest_dir(v, random_below(GIC_MODEL_INTIDS));
	} else if (what < 78) {
		guest_configure(v);
	} else if (what < 83) {
		send_sgi(v);
	} else if (what < 94) {
		random_write(v);
	} else if (what < 98) {
		random_read(v);
	} else if (what < 99 && !random_below(4)) {
		burst(v);
	} else {
		kicked[v] = true;	/* some exit */
	}
	if (!random_below(4))
		random_end();
	if (step % PHASE == 0) {
		calm = random_below(3) == 0;
		nesting = random_below(3) == 0;
		for (v = 0; calm && v < NR; v++) {
			if (running[v])
				burst(v);
			settle();
		}
	}
}

static void reset(unsigned int nr_lrs)
{
	fake_reset();
	fake_relax = meanwhile;
	fake_ich_in = hardware_in;
	fake_ich_out = hardware_out;
	memset(&vm, 0, sizeof(vm));
	memset(vcpu, 0, sizeof(vcpu));
	memset(spis, 0, sizeof(spis));
	memset(hw, 0, sizeof(hw));
	memset(&seen, 0, sizeof(seen));
	calm = nesting = false;
	gic_model_reset(&model, NR);
	vm.nr_vcpus = NR;
	vm.nr_lrs = nr_lrs;
	vm.vtimer_hw_intid = TIMER;
	for (unsigned int v = 0; v < NR; v++) {
		vm.vcpus[v] = &vcpu[v];
		vcpu[v].vm = &vm;
		vcpu[v].id = v;
		vcpu[v].affinity = model.cpu[v].affinity = affinities[v];
		hw[v].nr_lrs = nr_lrs;
		hw[v].counts_drops = v & 1;
		running[v] = busy[v] = kicked[v] = timer_met[v] = timer_phys[v] = false;
		nr_dropped[v] = 0;
		vgic_vcpu_init(&vcpu[v]);
	}
	vgic_vm_init(&vm);
	vgic_reset(&vm, spis);
}

/* Most interrupts on, in group 1; vCPUs in any state. */
static void boot(unsigned int nr_lrs)
{
	reset(nr_lrs);
	for (unsigned int v = 0; v < NR; v++) {
		switch_in(v);
		guest_configure(v);
		guest_write(v, (int)v, GIC_MODEL_IGROUPR, 4, random_u64() >> 32 | random_u64() >> 32);
		guest_write(v, (int)v, GIC_MODEL_ISENABLER, 4, random_u64() >> 32 | random_u64() >> 32);
	}
	guest_write(0, -1, GIC_MODEL_IGROUPR + 4, 4, random_u64() >> 32 | random_u64() >> 32);
	guest_write(0, -1, GIC_MODEL_ISENABLER + 4, 4, random_u64() >> 32 | random_u64() >> 32);
	guest_write(0, -1, GIC_MODEL_CTLR, 4, 3);
	settle();
}

static void run(unsigned int nr_lrs)
{
	boot(nr_lrs);
	for (step = 1; step <= STEPS; step++) {
		random_step();
		settle();
		check();
		if (step % DRAIN_EVERY == 0)
			drain();
	}
	printf("%u list registers: %lu acknowledged, %lu of them preempting; maintenance: EOI %lu, "
	       "LRENP %lu, NP %lu, groups %lu; %lu trapped DIR; %lu exits for a freeze; "
	       "%lu timers by the short way\n", nr_lrs, seen.acks,
	       seen.preemptions, seen.maintenance[0], seen.maintenance[2], seen.maintenance[3],
	       seen.maintenance[4] + seen.maintenance[5] + seen.maintenance[6] + seen.maintenance[7],
	       seen.trapped_dirs, seen.freezes, seen.timer_again);
	/* The steps have met what they are meant to test. */
	assert_true(seen.acks > STEPS / 50 && seen.preemptions > STEPS / 1000 && seen.freezes > STEPS / 1000);
	assert_true(seen.trapped_dirs > STEPS / 1000 && seen.maintenance[0] && seen.maintenance[2]);
	assert_true(seen.timer_again > STEPS / DRAIN_EVERY / 2);
	assert_true(nr_lrs > 4 || seen.maintenance[3]);
}

static void test_guests_see_what_the_model_says_with_1_list_register(void **state)
{
	run(1);
}

static void test_guests_see_what_the_model_says_with_2_list_registers(void **state)
{
	run(2);
}

static void test_guests_see_what_the_model_says_with_4_list_registers(void **state)
{
	run(4);
}

static void test_guests_see_what_the_model_says_with_16_list_registers(void **state)
{
	run(16);
}

/* Software had made the timer pending when it fired, and cleared the pending state afterwards. */
static void test_a_timer_behind_a_software_set_pending_is_not_lost(void **state)
{
	random_start(454);
	run(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guests_see_what_the_model_says_with_1_list_register),
		cmocka_unit_test(test_guests_see_what_the_model_says_with_2_list_registers),
		cmocka_unit_test(test_guests_see_what_the_model_says_with_4_list_registers),
		cmocka_unit_test(test_guests_see_what_the_model_says_with_16_list_registers),
		/* The last one, for it has a seed of its own. */
		cmocka_unit_test(test_a_timer_behind_a_software_set_pending_is_not_lost),
	};

	tracing = getenv("SCHISM_TEST_TRACE") != NULL;
	random_seed("test_vgic_model");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
