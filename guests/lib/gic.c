// SPDX-License-Identifier: MIT
/*
 * GICv3 and private interrupts (IHI 0069H): affinity routing, group 1, EOImode 0. Handlers are common to
 * all vCPUs; each vCPU enables interrupts in its own redistributor.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/guest.h"

void guest_handle_irq(struct guest_frame *frame);
extern uint64_t guest_recovery_sp[];

static uint64_t gicrs[GUEST_MAX_VCPUS];
static void (*handlers[GIC_NR_PRIVATE])(void);
static uint64_t nr_spurious;

static void gicd_wait_rwp(void)
{
	while (guest_mmio_read32(GICD_CTLR) & GICD_CTLR_RWP)
		;
}

uint64_t guest_gic_redist(void)
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

static void gicd_init(void)
{
	gicd_wait_rwp();
	guest_mmio_write32(GICD_CTLR, GICD_CTLR_ARE);
	gicd_wait_rwp();
	guest_mmio_write32(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1);
	gicd_wait_rwp();
}

void guest_gic_init(void)
{
	uint64_t gicr = guest_gic_redist();

	if (!guest_vcpu_id())
		gicd_init();
	if (!gicr)
		guest_fail(0, 0, 0, "guest: no redistributor has this vCPU's affinity");
	gicrs[guest_vcpu_id()] = gicr;
	guest_mmio_write32(gicr + GICR_WAKER,
			   guest_mmio_read32(gicr + GICR_WAKER) & ~(uint32_t)GICR_WAKER_SLEEP);
	while (guest_mmio_read32(gicr + GICR_WAKER) & GICR_WAKER_ASLEEP)
		;
	guest_mmio_write32(gicr + GICR_ICENABLER0, 0xffffffff);
	while (guest_mmio_read32(gicr + GICR_CTLR) & GICR_CTLR_RWP)
		;
	guest_mmio_write32(gicr + GICR_IGROUPR0, 0xffffffff);
	for (unsigned int i = 0; i < GIC_NR_PRIVATE / 4; i++)
		guest_mmio_write32(gicr + GICR_IPRIORITYR(i), GIC_PRIORITY_DEFAULT * 0x01010101u);

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
	guest_mmio_write32(gicrs[guest_vcpu_id()] + GICR_ISENABLER0, 1u << intid);
}

uint64_t guest_irq_nr_spurious(void)
{
	return READ_ONCE(nr_spurious);
}

void guest_handle_irq(struct guest_frame *frame)
{
	uint64_t *recovery = &guest_recovery_sp[guest_vcpu_id()];
	uint64_t interrupted_recovery = *recovery;
	uint64_t intid;

	if (guest_hook_run(GUEST_HOOK_IRQ, frame))
		return;
	intid = guest_read_sysreg(ICC_IAR1_EL1);
	/* The acknowledge takes effect before the handler touches the device. */
	guest_dsb();
	if (intid >= GIC_INTID_SPECIAL) {
		nr_spurious++;
		return;
	}
	if (intid >= GIC_NR_PRIVATE || !handlers[intid])
		guest_fail(intid, frame->elr, 0, "guest: interrupt %lu that nobody enabled", intid);
	/* A fault in a handler is not what the interrupted guest_try() expects. */
	*recovery = 0;
	handlers[intid]();
	*recovery = interrupted_recovery;
	guest_write_sysreg(ICC_EOIR1_EL1, intid);
	guest_isb();
}
