// SPDX-License-Identifier: MIT
/*
 * A generic watchdog per VM (Arm Base System Architecture, DEN0094, appendix A: "Generic watchdog", revision
 * 1).
 *
 * Two frames of registers. While enabled, the compare value is that many ticks ahead of the counter as the
 * offset says; a refresh puts it there again. When the counter passes it the first time, WS0 and the
 * interrupt are asserted, the second time WS1, which here ends the VM as crashed: its policy may restart it.
 * The counter is the VM's own: while the VM is paused, the watchdog stands still with it.
 *
 * Lock: watchdog->lock (RANK_VDEV).
 */
#include "kernel/base/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/timer.h"
#include "kernel/load/guest_dtb.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vm.h"
#include "kernel/vm/vmtime.h"
#include "schism/abi/guest_layout.h"

/* Refresh frame. */
#define WRR		0x000
/* Control frame. */
#define WCS		0x000
#define WOR_LOW		0x008
#define WOR_HIGH	0x00c
#define WCV_LOW		0x010
#define WCV_HIGH	0x014
/* Both. */
#define W_IIDR		0xfcc

#define WCS_EN		BIT(0)
#define WCS_WS0		BIT(1)
#define WCS_WS1		BIT(2)
#define WOR_HIGH_MASK	GENMASK(15, 0)	/* 48 bits in all */
#define IIDR		0x0001043b	/* architecture revision 1, implementer as Arm's */

struct watchdog {
	struct spinlock lock;
	/* guarded by lock */
	struct vm *vm;			/* NULL: unused */
	bool enabled, ws0;
	uint64_t offset;		/* ticks */
	uint64_t compare;		/* the VM's counter value */
	struct timer timer;
	struct timer_queue *queue;	/* that the timer was last armed on */
};

/* Not from the pool: a timer may be firing on another CPU while its VM goes. */
static struct watchdog watchdogs[CONFIG_MAX_VMS];

/* All below: lock held. */

static void settle(struct watchdog *w)
{
	if (w->queue)
		timer_cancel(w->queue, &w->timer);
	w->queue = NULL;
	vgic_set_line(w->vm->vcpus[0], GUEST_WATCHDOG_INTID, w->ws0);
	if (!w->enabled || READ_ONCE(w->vm->clock_stands))
		return;
	w->queue = &this_cpu()->timers;
	timer_arm(w->queue, &w->timer, vmtime_to_counter(w->vm, w->compare));
}

static void start_period(struct watchdog *w)
{
	w->compare = vmtime_now(w->vm) + w->offset;
}

static void refresh(struct watchdog *w)
{
	w->ws0 = false;
	start_period(w);
	settle(w);
}

static void write_control(struct watchdog *w, uint32_t offset, uint32_t val)
{
	switch (offset) {
	case WCS:
		w->enabled = (val & WCS_EN) != 0;
		refresh(w);
		break;
	case WOR_LOW:
		w->offset = (w->offset & ~GENMASK(31, 0)) | val;
		refresh(w);
		break;
	case WOR_HIGH:
		w->offset = (w->offset & GENMASK(31, 0)) | (val & WOR_HIGH_MASK) << 32;
		refresh(w);
		break;
	case WCV_LOW:
		w->compare = (w->compare & ~GENMASK(31, 0)) | val;
		settle(w);
		break;
	case WCV_HIGH:
		w->compare = (w->compare & GENMASK(31, 0)) | (uint64_t)val << 32;
		settle(w);
		break;
	}
}

static uint32_t read_control(const struct watchdog *w, uint32_t offset)
{
	switch (offset) {
	case WCS:
		return (w->enabled ? WCS_EN : 0) | (w->ws0 ? WCS_WS0 : 0);
	case WOR_LOW:
		return (uint32_t)w->offset;
	case WOR_HIGH:
		return (uint32_t)(w->offset >> 32);
	case WCV_LOW:
		return (uint32_t)w->compare;
	case WCV_HIGH:
		return (uint32_t)(w->compare >> 32);
	case W_IIDR:
		return IIDR;
	default:
		return 0;
	}
}

/* Whether the second period has ended, too. */
static bool period_ended(struct watchdog *w)
{
	/* Disarmed or refreshed while the timer was about to fire. */
	if (!w->vm || !w->enabled || vmtime_now(w->vm) < w->compare)
		return false;
	if (w->ws0) {
		w->enabled = false;
		return true;
	}
	w->ws0 = true;
	start_period(w);
	settle(w);
	return false;
}

static void timer_fired(struct timer *timer)
{
	struct watchdog *w = container_of(timer, struct watchdog, timer);
	struct vm *vm;
	uint64_t life;
	bool ended;

	spin_lock(&w->lock);
	vm = w->vm;
	ended = period_ended(w);
	/* It was enabled in this one; when the lock is dropped, another may begin. */
	life = vm ? READ_ONCE(vm->life) : 0;
	spin_unlock(&w->lock);
	if (ended)
		vm_kill(vm, life, VM_CRASH_WATCHDOG);
}

/* 32-bit registers; a doubleword access is one of two of them (WOR and WCV). */
static bool watchdog_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	struct watchdog *w = dev->state;
	bool is_refresh = dev->base == GUEST_WATCHDOG_REFRESH_IPA;

	if (access->size < 4)
		return false;
	spin_lock(&w->lock);
	if (!access->write)
		access->val = 0;
	for (unsigned int i = 0; i < access->size / 4; i++, offset += 4) {
		if (access->write && is_refresh && offset == WRR)
			refresh(w);
		else if (access->write && !is_refresh)
			write_control(w, offset, (uint32_t)(access->val >> 32 * i));
		else if (!access->write && (!is_refresh || offset == W_IIDR))
			access->val |= (uint64_t)read_control(w, offset) << 32 * i;
	}
	spin_unlock(&w->lock);
	return true;
}

/* Called for each of the frames. */
static void watchdog_reset(struct vm *vm, struct vdev *dev)
{
	struct watchdog *w = dev->state;

	spin_lock(&w->lock);
	w->enabled = false;
	w->offset = 0;
	w->ws0 = false;
	w->compare = 0;
	settle(w);
	spin_unlock(&w->lock);
}

static void watchdog_clock(struct vm *vm, struct vdev *dev)
{
	struct watchdog *w = dev->state;

	spin_lock(&w->lock);
	settle(w);
	spin_unlock(&w->lock);
}

static void set_owner(struct watchdog *w, struct vm *vm)
{
	spin_lock(&w->lock);
	w->vm = vm;
	spin_unlock(&w->lock);
}

static int watchdog_create(struct vm *vm, const struct vdev_ops *ops)
{
	struct watchdog *w = &watchdogs[vm->id];
	int err;

	if (!w->timer.fire) {
		spin_init(&w->lock, RANK_VDEV);
		timer_init(&w->timer, timer_fired);
	}
	set_owner(w, vm);
	err = vdev_attach(vm, ops, GUEST_WATCHDOG_REFRESH_IPA, GUEST_WATCHDOG_FRAME_SIZE, NULL, w);
	if (!err)
		err = vdev_attach(vm, ops, GUEST_WATCHDOG_CONTROL_IPA, GUEST_WATCHDOG_FRAME_SIZE, NULL, w);
	return err;
}

static void watchdog_destroy(struct vm *vm, struct vdev *dev)
{
	struct watchdog *w = dev->state;

	/* The first of its frames takes it along. */
	if (!w->vm)
		return;
	watchdog_reset(vm, dev);
	set_owner(w, NULL);
}

static void watchdog_describe(const struct vm *vm, struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "watchdog", GUEST_WATCHDOG_CONTROL_IPA, GUEST_DTB_NO_REG);
	guest_dtb_string(dtb, "compatible", "arm,sbsa-gwdt");
	guest_dtb_numbers(dtb, "reg", 0, GUEST_WATCHDOG_CONTROL_IPA, 0, GUEST_WATCHDOG_FRAME_SIZE,
			  0, GUEST_WATCHDOG_REFRESH_IPA, 0, GUEST_WATCHDOG_FRAME_SIZE);
	guest_dtb_spi(dtb, GUEST_WATCHDOG_INTID, GUEST_DTB_LEVEL);
	guest_dtb_end_node(dtb);
}

static bool watchdog_allows(struct vdev *dev, uint32_t offset, const struct vdev_access *access)
{
	return access->size >= 4;
}

VDEV(watchdog) = {
	.name = "watchdog",
	.create = watchdog_create,
	.describe = watchdog_describe,
	.reset = watchdog_reset,
	.destroy = watchdog_destroy,
	.clock = watchdog_clock,
	.access = watchdog_access,
	.allows = watchdog_allows,
};
