// SPDX-License-Identifier: MIT
/*
 * A PL031 real-time clock (DDI 0224) per VM: the machine's date plus what the guest has set it apart by.
 * The clock always runs, as after firmware that started it, and goes on through a reset of the VM.
 *
 * RTCRIS rises when the clock reaches RTCMR. Whether it has is found out at each access and, while the
 * guest has the interrupt enabled, by a timer.
 *
 * Lock: vrtc->lock (RANK_VDEV).
 */
#include "arch/cpu.h"
#include "arch/nospec.h"
#include "kernel/base/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/timer.h"
#include "kernel/load/guest_dtb.h"
#include "kernel/vdev/clock.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

/* Registers by word (table 3-1). */
enum {
	RTCDR = 0x00 / 4,
	RTCMR = 0x04 / 4,
	RTCLR = 0x08 / 4,
	RTCCR = 0x0c / 4,
	RTCIMSC = 0x10 / 4,
	RTCRIS = 0x14 / 4,
	RTCMIS = 0x18 / 4,
	RTCICR = 0x1c / 4,
	NR_REGS,
	RTCPERIPHID0 = 0xfe0 / 4,
};

#define CR_START	BIT(0)
#define INT_MATCH	BIT(0)

/*
 * The timer's longest wait, for the case that the machine's clock is set, and its step in the last second
 * before the match, since seconds of the counter and of the clock don't begin together.
 */
#define LONGEST_WAIT_S	3600
#define STEPS_PER_S	32

struct vrtc {
	struct spinlock lock;
	/* guarded by lock */
	struct vm *vm;			/* NULL: unused */
	uint32_t reg[NR_REGS];
	uint32_t offset;		/* seconds ahead of the machine's clock */
	uint32_t seen;			/* up to this second, matches have been noticed */
	bool line_level;		/* of the interrupt */
	struct timer timer;
	struct timer_queue *queue;	/* that the timer was last armed on */
};

/* Not from the pool: a timer may be firing on another CPU while its VM goes. */
static struct vrtc rtcs[CONFIG_MAX_VMS];

static uint32_t now(const struct vrtc *rtc)
{
	return clock_seconds() + rtc->offset;
}

/* Notice a match in one of the seconds since the last look. A clock that went back matches nothing. */
static void catch_up(struct vrtc *rtc)
{
	uint32_t passed = now(rtc) - rtc->seen;

	if ((int32_t)passed > 0 && rtc->reg[RTCMR] - rtc->seen - 1 < passed)
		rtc->reg[RTCRIS] = INT_MATCH;
	rtc->seen += passed;
}

/* Compare anew, with the current second, too. */
static void look_again(struct vrtc *rtc)
{
	rtc->seen = now(rtc) - 1;
	catch_up(rtc);
}

static uint32_t read_masked_status(struct vrtc *rtc)
{
	return rtc->reg[RTCRIS] & rtc->reg[RTCIMSC];
}

static void write_match(struct vrtc *rtc, uint32_t val)
{
	rtc->reg[RTCMR] = val;
	look_again(rtc);
}

static void write_load(struct vrtc *rtc, uint32_t val)
{
	rtc->reg[RTCLR] = val;
	rtc->offset = val - clock_seconds();
	look_again(rtc);
}

static void write_mask(struct vrtc *rtc, uint32_t val)
{
	rtc->reg[RTCIMSC] = val & INT_MATCH;
}

static void clear_interrupt(struct vrtc *rtc, uint32_t val)
{
	rtc->reg[RTCRIS] &= ~val;
}

static uint32_t read_data(struct vrtc *rtc)
{
	return now(rtc);
}

/* Without .read, the stored value; without .write, writes are ignored. */
static const struct {
	uint32_t (*read)(struct vrtc *rtc);
	void (*write)(struct vrtc *rtc, uint32_t val);
} rtc_regs[NR_REGS] = {
	[RTCDR]   = { .read = read_data },
	[RTCMR]   = { .write = write_match },
	[RTCLR]   = { .write = write_load },
	[RTCIMSC] = { .write = write_mask },
	[RTCMIS]  = { .read = read_masked_status },
	[RTCICR]  = { .write = clear_interrupt },
};

/* PrimeCell identification, one byte a register (3.3.9 on). */
static const uint8_t rtc_ids[8] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static uint32_t rtc_read(struct vrtc *rtc, unsigned int i)
{
	if (i >= RTCPERIPHID0)
		return rtc_ids[index_nospec(i - RTCPERIPHID0, ARRAY_SIZE(rtc_ids))];
	if (i >= NR_REGS)
		return 0;
	i = (unsigned int)index_nospec(i, NR_REGS);
	return rtc_regs[i].read ? rtc_regs[i].read(rtc) : rtc->reg[i];
}

static void rtc_write(struct vrtc *rtc, unsigned int i, uint32_t val)
{
	if (i >= NR_REGS)
		return;
	i = (unsigned int)index_nospec(i, NR_REGS);
	if (rtc_regs[i].write)
		rtc_regs[i].write(rtc, val);
}

static void stop_timer(struct vrtc *rtc)
{
	if (rtc->queue)
		timer_cancel(rtc->queue, &rtc->timer);
}

/* Counter ticks until it is worth looking again. */
static uint64_t ticks_to_match(const struct vrtc *rtc)
{
	/* A match in this very second has been noticed: the next one is 2^32 seconds away. */
	uint32_t whole = rtc->reg[RTCMR] - now(rtc) - 1;

	if (!whole)
		return arch_counter_hz() / STEPS_PER_S;
	return MIN(whole, LONGEST_WAIT_S) * arch_counter_hz();
}

static void start_timer(struct vrtc *rtc)
{
	stop_timer(rtc);
	rtc->queue = &this_cpu()->timers;
	timer_arm(rtc->queue, &rtc->timer, arch_counter() + ticks_to_match(rtc));
}

/* Line and timer follow the registers. */
static void settle(struct vrtc *rtc)
{
	bool level = read_masked_status(rtc) != 0;

	if (level != rtc->line_level) {
		rtc->line_level = level;
		vgic_set_line(rtc->vm->vcpus[0], GUEST_RTC_INTID, level);
	}
	if (rtc->reg[RTCIMSC] && !level)
		start_timer(rtc);
	else
		stop_timer(rtc);
}

static void timer_fired(struct timer *timer)
{
	struct vrtc *rtc = container_of(timer, struct vrtc, timer);

	spin_lock(&rtc->lock);
	if (rtc->vm) {
		catch_up(rtc);
		settle(rtc);
	}
	spin_unlock(&rtc->lock);
}

static bool rtc_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	struct vrtc *rtc = dev->state;
	unsigned int i = offset / 4, lane = offset % 4 * 8;

	/* Registers are 32 bits apart; narrower accesses see a part. */
	if (access->size == 8)
		return false;
	spin_lock(&rtc->lock);
	catch_up(rtc);
	if (!access->write)
		access->val = rtc_read(rtc, i) >> lane;
	else if (!lane)
		rtc_write(rtc, i, (uint32_t)access->val);
	settle(rtc);
	spin_unlock(&rtc->lock);
	return true;
}

/* The interrupt's line is low already: the interrupt controller is reset before its devices. */
static void rtc_reset(struct vm *vm, struct vdev *dev)
{
	struct vrtc *rtc = dev->state;

	spin_lock(&rtc->lock);
	stop_timer(rtc);
	memset(rtc->reg, 0, sizeof(rtc->reg));
	rtc->reg[RTCCR] = CR_START;
	rtc->seen = now(rtc);
	rtc->line_level = false;
	spin_unlock(&rtc->lock);
}

static void set_owner(struct vrtc *rtc, struct vm *vm)
{
	spin_lock(&rtc->lock);
	rtc->vm = vm;
	rtc->offset = 0;
	spin_unlock(&rtc->lock);
}

static int rtc_create(struct vm *vm, const struct vdev_ops *ops)
{
	struct vrtc *rtc = &rtcs[vm->id];
	int err = vdev_attach(vm, ops, GUEST_RTC_IPA, GUEST_RTC_SIZE, NULL, rtc);

	if (err)
		return err;
	if (!rtc->timer.fire) {
		spin_init(&rtc->lock, RANK_VDEV);
		timer_init(&rtc->timer, timer_fired);
	}
	set_owner(rtc, vm);
	return 0;
}

static void rtc_destroy(struct vm *vm, struct vdev *dev)
{
	rtc_reset(vm, dev);
	set_owner(dev->state, NULL);
}

static void rtc_describe(const struct vm *vm, struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "pl031", GUEST_RTC_IPA, GUEST_RTC_SIZE);
	guest_dtb_strings(dtb, "compatible", "arm,pl031\0arm,primecell");
	guest_dtb_spi(dtb, GUEST_RTC_INTID, GUEST_DTB_LEVEL);
	guest_dtb_string(dtb, "clock-names", "apb_pclk");
	guest_dtb_numbers(dtb, "clocks", GUEST_DTB_PHANDLE_CLOCK);
	guest_dtb_end_node(dtb);
}

static bool rtc_allows(struct vdev *dev, uint32_t offset, const struct vdev_access *access)
{
	return access->size != 8;
}

VDEV(rtc) = {
	.name = "rtc",
	.create = rtc_create,
	.describe = rtc_describe,
	.reset = rtc_reset,
	.destroy = rtc_destroy,
	.access = rtc_access,
	.allows = rtc_allows,
};
