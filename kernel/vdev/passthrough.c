// SPDX-License-Identifier: MIT
/*
 * Devices of the machine that a VM has to itself: registers mapped at their physical address, the interrupt
 * delivered under its own INTID through a hardware-linked list register, the node copied into the VM's device
 * tree.
 *
 * What can master memory stays out: without an SMMU nothing would keep it to the VM's own. A device tree does
 * not say whether a device can, so those that are known not to are listed. So does what shares a page of
 * registers with something else. A device is not reset with its VM: no general way is known to.
 *
 * The interrupt comes to the CPU of the vCPU that takes it: where it arrives on another one, it is sent
 * there from then on. It can still interrupt another VM's vCPU, and a guest with several vCPUs can end it
 * from afar, over and over. FOREIGN_BURST of those in a millisecond, and it is held at the distributor
 * until its vCPU has run.
 *
 * Lock: passthrough->lock (RANK_VDEV) around vm, which the interrupt handler follows on any CPU. With it
 * held the VM's vCPUs stay.
 */
#include "kernel/vdev/passthrough.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/lock.h"
#include "kernel/base/log.h"
#include "kernel/base/rate_limit.h"
#include "kernel/base/timer.h"
#include "kernel/load/guest_dtb.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/dt.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define MAX_DEVICES	8

/* Interrupts that may come while a vCPU of another VM runs: so many at once, and per millisecond. */
#define FOREIGN_BURST	8
#define HOLD_US		1000

struct passthrough {
	/* fixed after passthrough_prepare() */
	const char *path;
	struct machine_dev dev;

	/* guarded by lock */
	struct spinlock lock;
	struct vm *vm;		/* who has it now */
	const struct cpu *routed_to;
	struct budget foreign;	/* interrupts at another VM's cost */
	bool held;		/* too many: not signalled, until held_for has run */
	const struct vcpu *held_for;	/* NULL: nobody would take it */
	uint64_t held_since;	/* how often that one had been switched in */
	struct timer timer;	/* looks whether it has */
	struct cpu *timer_cpu;	/* on whose queue that is */
};

static struct passthrough devices[MAX_DEVICES];
static unsigned int nr_devices;

/* Devices that are registers and an interrupt, and nothing else: none of them can master memory by itself. */
static const char *const only_registers[] = {
	"arm,pl011", "arm,pl031", "arm,pl050", "arm,pl061", "arm,sp804", "arm,sp805", "ns16550a",
	"snps,dw-apb-gpio", "snps,dw-apb-uart", "snps,dw-wdt",
};

/* Properties that say that one of them is served by somebody who can. */
static const char *const dma_properties[] = { "dma-coherent", "dmas", "iommus", "iommu-map" };

/* Properties that mean another thing in the VM's tree, or nothing. */
static const char *const not_copied[] = {
	"reg", "interrupts", "interrupt-parent", "interrupts-extended", "clocks", "phandle", "linux,phandle",
};

static bool is_listed(const char *name, const char *const *list, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!strcmp(name, list[i]))
			return true;
	}
	return false;
}

static bool is_only_registers(const struct dt *dt, int node)
{
	bool known = false;

	for (unsigned int i = 0; i < ARRAY_SIZE(only_registers); i++)
		known |= dt_list_contains(dt_get(dt, node, "compatible"), only_registers[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_properties); i++)
		known &= !dt_get(dt, node, dma_properties[i]).val;
	return known;
}

static bool any_overlap(const struct mem_region *r, const struct mem_region *list, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (r->base.pa < list[i].base.pa + list[i].size && list[i].base.pa < r->base.pa + r->size)
			return true;
	}
	return false;
}

/* What a tree calls a device's registers may be anything: memory, or what Schism itself drives. */
static bool is_elsewhere(const struct mem_region *r)
{
	const struct machine *m = &machine;

	return r->size && r->base.pa + r->size > r->base.pa && !any_overlap(r, m->ram, m->nr_ram) &&
	       !any_overlap(r, m->reserved, m->nr_reserved) && !any_overlap(r, &m->gicd, 1) &&
	       !any_overlap(r, m->gicr, m->nr_gicr) && !any_overlap(r, m->its, m->nr_its) &&
	       !(m->has_uart && any_overlap(r, &m->uart.regs, 1)) &&
	       !(m->has_rtc && any_overlap(r, &m->rtc.regs, 1));
}

/* A VM can have it: not one of those that it takes from devices that are emulated. */
static bool is_spi_for_vm(uint32_t intid)
{
	return intid >= VGIC_NR_PRIVATE && intid < VGIC_NR_INTIDS && intid != GUEST_UART_INTID &&
	       intid != GUEST_RTC_INTID && intid != GUEST_WATCHDOG_INTID;
}

static struct passthrough *by_intid(uint32_t intid)
{
	for (unsigned int i = 0; i < nr_devices; i++) {
		if (devices[i].dev.intid == intid)
			return &devices[i];
	}
	return NULL;
}

/* ---- its interrupt ---- */

/* Where a vCPU is; of one that is nowhere yet, where it may be. */
static const struct cpu *cpu_of(const struct vcpu *vcpu)
{
	const struct cpu *cpu = READ_ONCE(vcpu->cpu);

	if (vcpu->cpu_mask & BIT(cpu->id))
		return cpu;
	for_each_online_cpu(it) {
		if (vcpu->cpu_mask & BIT(it->id))
			return it;
	}
	return cpu;
}

/* Context: lock held. */
static void follow(struct passthrough *p, const struct vcpu *taker)
{
	const struct cpu *cpu = cpu_of(taker);

	if (cpu == p->routed_to)
		return;
	p->routed_to = cpu;
	irqchip_route_spi(p->dev.intid, cpu);
}

static void arm_timer(struct passthrough *p)
{
	p->timer_cpu = this_cpu();
	timer_arm(&this_cpu()->timers, &p->timer, arch_counter() + timer_us_to_ticks(HOLD_US));
}

/* Context: lock held. */
static void hold(struct passthrough *p, const struct vcpu *taker)
{
	p->held = true;
	p->held_for = taker;
	p->held_since = taker ? READ_ONCE(taker->nr_switches) : 0;
	irqchip_hold_spi(p->dev.intid, true);
	arm_timer(p);
	__atomic_fetch_add(&p->vm->dev_irqs_held, 1, __ATOMIC_RELAXED);
}

/* It waits for a CPU, as when the interrupt was held. */
static bool still_waits(const struct vcpu *vcpu, uint64_t since)
{
	return vcpu && READ_ONCE(vcpu->state) == VCPU_READY && READ_ONCE(vcpu->nr_switches) == since;
}

static void look_again(struct timer *timer)
{
	struct passthrough *p = container_of(timer, struct passthrough, timer);

	spin_lock(&p->lock);
	if (p->held && still_waits(p->held_for, p->held_since)) {
		arm_timer(p);
	} else if (p->held) {
		p->held = false;
		irqchip_hold_spi(p->dev.intid, false);
	}
	spin_unlock(&p->lock);
}

/* Context: lock held. */
static void interrupted_another(struct passthrough *p, const struct vcpu *taker, uint64_t now)
{
	__atomic_fetch_add(&p->vm->dev_irqs_foreign, 1, __ATOMIC_RELAXED);
	if (budget_left(&p->foreign, now))
		budget_take(&p->foreign, now, 1);
	if (!p->held && !budget_left(&p->foreign, now))
		hold(p, taker);
}

/* Context: lock held. */
static void take(struct passthrough *p)
{
	const struct vcpu *current = this_cpu()->current, *taker;
	uint64_t from = arch_counter();

	vgic_raise_linked(p->vm, p->dev.intid);
	taker = vgic_spi_target(p->vm, p->dev.intid);
	if (taker)
		follow(p, taker);
	if (current && current->vm != p->vm)
		interrupted_another(p, taker, from);
	__atomic_fetch_add(&p->vm->dev_irqs, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&p->vm->dev_irq_ticks, arch_counter() - from, __ATOMIC_RELAXED);
}

static enum irq_result on_interrupt(uint32_t intid)
{
	struct passthrough *p = by_intid(intid);
	enum irq_result result = IRQ_DONE;

	if (!p)
		return result;
	spin_lock(&p->lock);
	if (p->vm) {
		take(p);
		result = IRQ_GUEST_OWNS;
	}
	spin_unlock(&p->lock);
	return result;
}

/* ---- what can be passed through ---- */

static const char *find(struct passthrough *p, const char *path)
{
	const char *why;
	struct dt dt;

	if (dt_open(&dt, machine.fdt, machine.fdt_size, &why) ||
	    machine_find_device(machine.fdt, path, &p->dev))
		return "passthrough: a device is disabled, or has no registers that the CPU reaches";
	if (!is_only_registers(&dt, p->dev.node))
		return "passthrough: a device masters memory, or is not known not to";
	if (!IS_ALIGNED(p->dev.regs.base.pa | p->dev.regs.size, PAGE_SIZE))
		return "passthrough: a device's registers are not whole pages: others share them";
	if (!is_elsewhere(&p->dev.regs))
		return "passthrough: a device's registers lie in memory, or are Schism's";
	if (p->dev.intid && !is_spi_for_vm(p->dev.intid))
		return "passthrough: a device's interrupt is none that a VM can have";
	if (p->dev.intid && irq_request(p->dev.intid, on_interrupt))
		return "passthrough: a device's interrupt is in use";
	p->path = path;
	return NULL;
}

static void init(struct passthrough *p)
{
	spin_init(&p->lock, RANK_VDEV);
	timer_init(&p->timer, look_again);
	p->foreign = (struct budget){
		.ticks_each = timer_us_to_ticks(HOLD_US) / FOREIGN_BURST, .burst = FOREIGN_BURST,
	};
}

int passthrough_prepare(const struct vm *vm, const char **why)
{
	for (unsigned int i = 0; i < vm->desc.nr_passthrough; i++) {
		*why = "passthrough: too many devices";
		if (nr_devices == MAX_DEVICES)
			return -EINVAL;
		init(&devices[nr_devices]);
		*why = find(&devices[nr_devices], vm->desc.passthrough[i]);
		if (*why)
			return -EINVAL;
		nr_devices++;
	}
	return 0;
}

static struct passthrough *by_path(const char *path)
{
	for (unsigned int i = 0; i < nr_devices; i++) {
		/* The very string: each VM's description has its own. */
		if (devices[i].path == path)
			return &devices[i];
	}
	return NULL;
}

/* To vm, or away from who had it. */
static void give(struct passthrough *p, struct vm *vm)
{
	spin_lock(&p->lock);
	p->vm = vm;
	p->held = false;
	p->held_for = NULL;
	p->routed_to = vm ? cpu_of(vm->vcpus[0]) : NULL;
	if (p->timer_cpu)
		timer_cancel(&p->timer_cpu->timers, &p->timer);
	spin_unlock(&p->lock);
}

static int attach(struct vm *vm, const struct vdev_ops *ops, struct passthrough *p)
{
	const struct mem_region *regs = &p->dev.regs;
	int err = vdev_attach(vm, ops, regs->base.pa, regs->size, NULL, p);

	if (!err)
		err = pgtable_map(&vm->stage2.pt, regs->base.pa, regs->base, regs->size,
				  MAP_R | MAP_W | MAP_DEVICE);
	return err;
}

static int passthrough_create(struct vm *vm, const struct vdev_ops *ops)
{
	for (unsigned int i = 0; i < vm->desc.nr_passthrough; i++) {
		struct passthrough *p = by_path(vm->desc.passthrough[i]);
		int err = p ? attach(vm, ops, p) : -ENOENT;

		if (err) {
			log_err("%s: %s cannot be passed through: its registers' place is taken", vm->name,
				vm->desc.passthrough[i]);
			return err;
		}
	}
	return 0;
}

/* The interrupt starts anew with the VM's; nothing of an earlier life is pending. */
static void passthrough_reset(struct vm *vm, struct vdev *dev)
{
	struct passthrough *p = dev->state;

	if (!p->dev.intid)
		return;
	/* First, so that nothing enables it again. */
	give(p, NULL);
	irqchip_disable_spi(p->dev.intid);
	vgic_link_spi(vm, p->dev.intid, p->dev.intid);
	give(p, vm);
	irqchip_enable_spi(p->dev.intid, p->dev.edge, p->routed_to);
}

static void passthrough_destroy(struct vm *vm, struct vdev *dev)
{
	struct passthrough *p = dev->state;

	give(p, NULL);
	if (p->dev.intid)
		irqchip_disable_spi(p->dev.intid);
}

static void copy_properties(struct guest_dtb *dtb, const struct dt *dt, int node)
{
	struct dt_cursor c = { .next = (uint32_t)node };

	if (dt_next(dt, &c) != DT_BEGIN_NODE)
		return;
	while (dt_next(dt, &c) == DT_PROP) {
		if (!is_listed(c.name, not_copied, ARRAY_SIZE(not_copied)))
			guest_dtb_bytes(dtb, c.name, c.prop.val, (size_t)c.prop.len);
	}
}

/* "name@unit" without the unit, which guest_dtb_begin_node() adds. */
static void node_name(const char *path, char *buf, size_t size)
{
	const char *name = path;
	size_t len;

	for (const char *at = path; *at; at++) {
		if (*at == '/')
			name = at + 1;
	}
	for (len = 0; name[len] && name[len] != '@'; len++)
		;
	strlcpy(buf, name, MIN(len + 1, size));
}

static void describe(struct guest_dtb *dtb, const struct passthrough *p)
{
	const struct mem_region *regs = &p->dev.regs;
	char name[32];
	const char *why;
	struct dt dt;

	if (dt_open(&dt, machine.fdt, machine.fdt_size, &why))
		return;
	node_name(p->path, name, sizeof(name));
	guest_dtb_begin_node(dtb, name, regs->base.pa, regs->size);
	copy_properties(dtb, &dt, p->dev.node);
	if (p->dev.intid)
		guest_dtb_spi(dtb, p->dev.intid, p->dev.edge ? GUEST_DTB_EDGE : GUEST_DTB_LEVEL);
	if (dt_get(&dt, p->dev.node, "clocks").val)
		guest_dtb_numbers(dtb, "clocks", GUEST_DTB_PHANDLE_CLOCK);
	guest_dtb_end_node(dtb);
}

static void passthrough_describe(const struct vm *vm, struct guest_dtb *dtb)
{
	for (unsigned int i = 0; i < vm->desc.nr_passthrough; i++) {
		const struct passthrough *p = by_path(vm->desc.passthrough[i]);

		if (p)
			describe(dtb, p);
	}
}

/* Its registers do not trap. */
static bool passthrough_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset,
			       struct vdev_access *access)
{
	return false;
}

VDEV(passthrough) = {
	.create = passthrough_create,
	.describe = passthrough_describe,
	.reset = passthrough_reset,
	.destroy = passthrough_destroy,
	.access = passthrough_access,
};
