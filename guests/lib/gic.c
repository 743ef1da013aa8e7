// SPDX-License-Identifier: MIT
/*
 * GICv3 for one vCPU and its private interrupts (IHI 0069H): affinity routing, group 1, EOImode 0.
 */
#include "guests/lib/guest.h"

#define GICD_CTLR		(GUEST_GICD_IPA + 0x0000)
#define GICD_CTLR_ENABLE_G1	BIT(1)
#define GICD_CTLR_ARE		BIT(4)
#define GICD_CTLR_RWP		BIT(31)

/* Redistributor: RD frame, then SGI frame 64 KiB higher. */
#define GICR_CTLR		0x0000
#define GICR_CTLR_RWP		BIT(3)
#define GICR_TYPER		0x0008
#define GICR_TYPER_LAST		BIT(4)
#define GICR_WAKER		0x0014
#define GICR_WAKER_SLEEP	BIT(1)
#define GICR_WAKER_ASLEEP	BIT(2)
#define GICR_IGROUPR0		0x10080
#define GICR_ISENABLER0		0x10100
#define GICR_ICENABLER0		0x10180
#define GICR_IPRIORITYR(n)	(0x10400 + 4 * (n))

/* ICC_* by encoding: not every assembler knows the names without a -march that has them. */
#define ICC_PMR_EL1		"s3_0_c4_c6_0"
#define ICC_IAR1_EL1		"s3_0_c12_c12_0"
#define ICC_EOIR1_EL1		"s3_0_c12_c12_1"
#define ICC_BPR1_EL1		"s3_0_c12_c12_3"
#define ICC_CTLR_EL1		"s3_0_c12_c12_4"
#define ICC_SRE_EL1		"s3_0_c12_c12_5"
#define ICC_IGRPEN1_EL1		"s3_0_c12_c12_7"

#define NR_PRIVATE		32
#define INTID_SPECIAL		1020
#define PRIORITY		0xa0
#define MPIDR_AFFINITY(mpidr)	(((mpidr) & 0xffffff) | (((mpidr) >> 8) & 0xff000000))

void guest_handle_irq(struct guest_frame *frame);
extern uint64_t guest_recovery_sp;

static uint64_t gicr;
static void (*handlers[NR_PRIVATE])(void);
static uint64_t nr_spurious;

static void gicd_wait_rwp(void)
{
	while (guest_mmio_read32(GICD_CTLR) & GICD_CTLR_RWP)
		;
}

/* This vCPU's redistributor, by affinity; 0 if the list ends first. */
static uint64_t gicr_find(void)
{
	uint64_t affinity = MPIDR_AFFINITY(guest_read_sysreg("mpidr_el1"));
	uint64_t base = GUEST_GICR_IPA;
	uint64_t typer;

	do {
		typer = guest_mmio_read64(base + GICR_TYPER);
		if (typer >> 32 == affinity)
			return base;
		base += GUEST_GICR_STRIDE;
	} while (!(typer & GICR_TYPER_LAST));
	return 0;
}

void guest_gic_init(void)
{
	gicd_wait_rwp();
	guest_mmio_write32(GICD_CTLR, GICD_CTLR_ARE);
	gicd_wait_rwp();
	guest_mmio_write32(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1);
	gicd_wait_rwp();

	gicr = gicr_find();
	if (!gicr)
		guest_fail(0, 0, 0, "guest: no redistributor has this vCPU's affinity");
	guest_mmio_write32(gicr + GICR_WAKER,
			   guest_mmio_read32(gicr + GICR_WAKER) & ~(uint32_t)GICR_WAKER_SLEEP);
	while (guest_mmio_read32(gicr + GICR_WAKER) & GICR_WAKER_ASLEEP)
		;
	guest_mmio_write32(gicr + GICR_ICENABLER0, 0xffffffff);
	while (guest_mmio_read32(gicr + GICR_CTLR) & GICR_CTLR_RWP)
		;
	guest_mmio_write32(gicr + GICR_IGROUPR0, 0xffffffff);
	for (unsigned int i = 0; i < NR_PRIVATE / 4; i++)
		guest_mmio_write32(gicr + GICR_IPRIORITYR(i), PRIORITY * 0x01010101u);

	guest_write_sysreg(ICC_SRE_EL1, 7);
	guest_isb();
	guest_write_sysreg(ICC_PMR_EL1, 0xff);
	guest_write_sysreg(ICC_BPR1_EL1, 0);
	guest_write_sysreg(ICC_CTLR_EL1, 0);
	guest_write_sysreg(ICC_IGRPEN1_EL1, 1);
	guest_isb();
}

void guest_irq_enable(unsigned int intid, void (*handler)(void))
{
	handlers[intid] = handler;
	guest_mmio_write32(gicr + GICR_ISENABLER0, 1u << intid);
}

uint64_t guest_irq_nr_spurious(void)
{
	return READ_ONCE(nr_spurious);
}

void guest_handle_irq(struct guest_frame *frame)
{
	uint64_t interrupted_recovery = guest_recovery_sp;
	uint64_t intid = guest_read_sysreg(ICC_IAR1_EL1);

	/* The acknowledge takes effect before the handler touches the device. */
	guest_dsb();
	if (intid >= INTID_SPECIAL) {
		nr_spurious++;
		return;
	}
	if (intid >= NR_PRIVATE || !handlers[intid])
		guest_fail(intid, frame->elr, 0, "guest: interrupt %lu that nobody enabled", intid);
	/* A fault in a handler is not what the interrupted guest_try() expects. */
	guest_recovery_sp = 0;
	handlers[intid]();
	guest_recovery_sp = interrupted_recovery;
	guest_write_sysreg(ICC_EOIR1_EL1, intid);
	guest_isb();
}
