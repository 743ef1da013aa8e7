// SPDX-License-Identifier: MIT
/*
 * Devices of the machine that a VM has to itself: registers mapped at their physical address, the interrupt
 * delivered under its own INTID through a hardware-linked list register, the node copied into the VM's device
 * tree.
 *
 * What can master memory stays out: without an SMMU nothing would keep it to the VM's own. So does what
 * shares a page of registers with something else. A device is not reset with its VM: no general way is known
 * to.
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

/* Properties that say that a device reads or writes memory by itself; and what does so without any. */
static const char *const dma_properties[] = { "dma-coherent", "dmas", "iommus", "iommu-map" };
static const char *const dma_compatibles[] = {
	"virtio,mmio", "pci-host-ecam-generic", "arm,pl330", "qemu,fw-cfg-mmio",
};

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

static bool masters_memory(const struct dt *dt, int node)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_properties); i++) {
		if (dt_get(dt, node, dma_properties[i]).val)
			return true;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_compatibles); i++) {
		if (dt_list_contains(dt_get(dt, node, "compatible"), dma_compatibles[i]))
			return true;
	}
	return false;
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
	if (masters_memory(&dt, p->dev.node))
		return "passthrough: a device masters memory, and nothing keeps it to the VM's own";
	if (!IS_ALIGNED(p->dev.regs.base.pa | p->dev.regs.size, PAGE_SIZE))
		return "passthrough: a device's registers are not whole pages: others share them";
	if (p->dev.intid && (p->dev.intid < VGIC_NR_PRIVATE || p->dev.intid >= VGIC_NR_INTIDS))
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
	int err = vdev_attach(vm, ops, regs->base.pa, 0, NULL, p);

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

VDEV(passthrough) = {
	.create = passthrough_create,
	.describe = passthrough_describe,
	.reset = passthrough_reset,
	.destroy = passthrough_destroy,
};
