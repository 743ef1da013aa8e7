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
 * Lock: passthrough->lock (RANK_VDEV) around vm, which the interrupt handler follows on any CPU.
 */
#include "kernel/vdev/passthrough.h"

#include "kernel/irq.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/main.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/guest_dtb.h"
#include "kernel/vm/vm.h"
#include "lib/dt.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define MAX_DEVICES	8

struct passthrough {
	/* fixed after passthrough_prepare() */
	const char *path;
	struct machine_dev dev;

	/* guarded by lock */
	struct spinlock lock;
	struct vm *vm;		/* who has it now */
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

static enum irq_result on_interrupt(uint32_t intid)
{
	struct passthrough *p = by_intid(intid);
	enum irq_result result = IRQ_DONE;

	if (!p)
		return result;
	spin_lock(&p->lock);
	if (p->vm) {
		vgic_raise_linked(p->vm, intid);
		result = IRQ_GUEST_OWNS;
	}
	spin_unlock(&p->lock);
	return result;
}

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

int passthrough_prepare(const struct vm *vm, const char **why)
{
	for (unsigned int i = 0; i < vm->desc.nr_passthrough; i++) {
		*why = "passthrough: too many devices";
		if (nr_devices == MAX_DEVICES)
			return -EINVAL;
		spin_init(&devices[nr_devices].lock, RANK_VDEV);
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

static void give(struct passthrough *p, struct vm *vm)
{
	spin_lock(&p->lock);
	p->vm = vm;
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
	irqchip_disable_spi(p->dev.intid);
	vgic_link_spi(vm, p->dev.intid, p->dev.intid);
	give(p, vm);
	irqchip_enable(p->dev.intid, p->dev.edge);
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
