// SPDX-License-Identifier: MIT
/* Interrupts without end, and the CPU interface's registers out of order. */
#include "guests/tests/hostile/hostile.h"

#include "guests/lib/gic_regs.h"

static uint64_t storm_end;

static void silence(void)
{
	guest_write_sysreg("cntv_ctl_el0", 0);
	guest_write_sysreg("cntp_ctl_el0", 0);
	guest_mmio_write32(GUEST_UART_IPA + 0x38, 0);
}

/*
 * An interrupt's handler that does nothing about its cause: it comes again at once, before the interrupted
 * code gets on. So it is the handler that ends the storm.
 */
static bool leave_asserted(struct guest_frame *frame __unused)
{
	uint64_t group0 = guest_read_sysreg(ICC_IAR0_EL1), group1 = guest_read_sysreg(ICC_IAR1_EL1);

	if (guest_counter() > storm_end)
		silence();
	if (group1 < GIC_INTID_SPECIAL)
		guest_write_sysreg(ICC_EOIR1_EL1, group1);
	if (group0 < GIC_INTID_SPECIAL)
		guest_write_sysreg(ICC_EOIR0_EL1, group0);
	guest_isb();
	return true;
}

static void take_for(uint64_t ticks)
{
	storm_end = guest_counter() + ticks;
	guest_hook(GUEST_HOOK_IRQ, leave_asserted);
	guest_irq_unmask();
	while (guest_counter() < storm_end)
		;
	guest_irq_mask();
	silence();
}

static void enable(unsigned int intid, uint8_t priority)
{
	test_gic_priority(intid, priority);
	test_gic_set(GIC_IGROUPR, intid);
	test_gic_set(GIC_ISENABLER, intid);
}

/* Due long ago, and enabled again by nobody: the line just stays. */
static void timer_storm(uint64_t arg)
{
	if (arg) {
		guest_write_sysreg("cntp_cval_el0", 0);
		guest_write_sysreg("cntp_ctl_el0", 1);
		enable(30, 0x40);
	} else {
		guest_write_sysreg("cntv_cval_el0", 0);
		guest_write_sysreg("cntv_ctl_el0", 1);
		enable(27, 0x40);
	}
	guest_isb();
	take_for(test_us(5000));
}

/* The UART's transmitter is always ready, and says so. */
static void uart_storm(uint64_t arg __unused)
{
	guest_mmio_write32(GUEST_UART_IPA + 0x38, 0x7ff);
	guest_mmio_write32(GUEST_UART_IPA, '\n');
	enable(GUEST_UART_INTID, 0x40);
	take_for(test_us(5000));
}

/* To itself, all sixteen, each with another priority, at once and in a loop. */
static void sgi_storm(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 16; i++)
		enable(i, (uint8_t)(i << 4));
	guest_hook(GUEST_HOOK_IRQ, leave_asserted);
	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < 16; i++)
			test_sgi_self(i);
		guest_irq_unmask();
		guest_isb();
		guest_irq_mask();
	}
}

/* Everything that can be pending is, more than any CPU has list registers for. */
static void all_pending(uint64_t arg)
{
	for (unsigned int n = 1; n < 8; n++) {
		guest_mmio_write32(GUEST_GICD_IPA + GIC_IGROUPR + 4 * n, ~0u);
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ISENABLER + 4 * n, ~0u);
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ISPENDR + 4 * n, ~0u);
		if (arg)
			guest_mmio_write32(GUEST_GICD_IPA + GIC_ISACTIVER + 4 * n, ~0u);
	}
	for (unsigned int i = 32; i < 256; i++)
		test_gic_priority(i, (uint8_t)(hostile_random()));
	guest_mmio_write32(guest_gic_redist() + GICR_ISENABLER0, ~0u);
	guest_mmio_write32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISPENDR, ~0u);
	take_for(test_us(3000));
	for (unsigned int n = 1; n < 8; n++)
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ICACTIVER + 4 * n, ~0u);
	take_for(test_us(3000));
	guest_write_sysreg("cntv_ctl_el0", 0);
}

/* Taken and never ended: as deep as priorities go, then ends of what was never taken. */
static void no_end(uint64_t mode)
{
	guest_write_sysreg(ICC_CTLR_EL1, mode ? ICC_CTLR_EOIMODE : 0);
	guest_isb();
	for (unsigned int i = 0; i < 16; i++)
		enable(i, (uint8_t)(0xf0 - (i << 4)));
	for (unsigned int i = 0; i < 16; i++) {
		test_sgi_self(i);
		(void)guest_read_sysreg(ICC_IAR1_EL1);
	}
	for (unsigned int i = 0; i < 300; i++) {
		uint64_t intid = i & 1 ? hostile_random() : hostile_random() & 0xff;

		guest_write_sysreg(ICC_EOIR1_EL1, intid);
		guest_write_sysreg(ICC_DIR_EL1, intid);
		guest_write_sysreg(ICC_EOIR0_EL1, intid);
	}
	guest_isb();
}

/* SGIs with all targets, clusters, ranges and modes, by all three registers. */
static void sgi_values(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t val = hostile_random();

		if (i & 1)
			val &= GENMASK(27, 24) | GENMASK(15, 0) | ICC_SGIR_IRM;
		guest_write_sysreg(ICC_SGI1R_EL1, val);
		guest_write_sysreg(ICC_SGI0R_EL1, val);
		guest_write_sysreg(ICC_ASGI1R_EL1, val);
	}
}

/* ICC_* registers that the virtual interface implements itself, with anything. */
static void icc_registers(uint64_t arg)
{
	static const uint32_t crm_op2[] = {
		0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x90, 0x91, 0x92, 0x93, 0xb1, 0xb3, 0xc0,
		0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
	};
	static const uint32_t hvc = 0xd4000022;

	for (unsigned int i = 0; i < 3000; i++) {
		uint32_t at = crm_op2[hostile_random() % ARRAY_SIZE(crm_op2)];
		uint32_t insn = INSN_SYSREG(3, 0, 12, at >> 4, at & 7, 0) |
			(hostile_random() & 3 ? 0 : INSN_READ);

		hostile_insn(SPSR_EL1H, insn, hostile_random() >> (hostile_random() & 63), 0);
		if (i % 8 == 0)
			hostile_insn(SPSR_EL1H, INSN_SYSREG(3, 0, 4, 6, 0, 0), hostile_random(), 0);
		if (i % 4 == 0)
			test_sgi_self((unsigned int)hostile_random() & 0xf);
		if (arg && i % 4 == 1)
			hostile_insn(SPSR_EL1H, hvc, 0, 0);
	}
}

/* Active priorities that nothing has, while interrupts come. */
static void active_priorities(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 16; i++)
		enable(i, (uint8_t)(i << 4));
	for (unsigned int i = 0; i < 1000; i++) {
		guest_write_sysreg(ICC_AP1R0_EL1, hostile_random());
		guest_write_sysreg(ICC_AP0R0_EL1, hostile_random());
		test_sgi_self(i & 15);
		(void)guest_read_sysreg(ICC_IAR1_EL1);
		guest_write_sysreg(ICC_EOIR1_EL1, hostile_random() & 0x3ff);
		(void)guest_read_sysreg(ICC_RPR_EL1);
	}
}

/* Groups, priorities and binary points on and off around pending interrupts. */
static void interface_toggling(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 16; i++)
		enable(i, (uint8_t)(i << 4));
	guest_hook(GUEST_HOOK_IRQ, leave_asserted);
	guest_hook(GUEST_HOOK_FIQ, leave_asserted);
	for (unsigned int i = 0; i < 1500; i++) {
		uint64_t r = hostile_random();

		guest_write_sysreg(ICC_IGRPEN1_EL1, r & 1);
		guest_write_sysreg(ICC_IGRPEN0_EL1, r >> 1 & 1);
		guest_write_sysreg(ICC_PMR_EL1, r >> 8 & 0xff);
		guest_write_sysreg(ICC_BPR1_EL1, r >> 16 & 7);
		guest_write_sysreg(ICC_CTLR_EL1, r >> 20 & 3);
		guest_mmio_write32(guest_gic_redist() + GICR_IGROUPR0, (uint32_t)(r >> 32) | 0xffff0000);
		guest_mmio_write32(GICD_CTLR, (uint32_t)(r >> 24 & 3) | GICD_CTLR_ARE);
		test_sgi_self(i & 15);
		if (r & 4) {
			guest_irq_unmask();
			guest_irq_mask();
		}
	}
	guest_hook(GUEST_HOOK_FIQ, NULL);
}

/* ---- several vCPUs ---- */

static uint64_t flood_end;

static void flood(void *arg __unused)
{
	guest_gic_init();
	guest_mmio_write32(guest_gic_redist() + GICR_ISENABLER0, 0xffff);
	while (guest_counter() < READ_ONCE(flood_end)) {
		uint64_t intid = hostile_random() & 0xf;

		hostile_yield();
		guest_write_sysreg(ICC_SGI1R_EL1, ICC_SGIR_IRM | intid << 24);
		guest_write_sysreg(ICC_SGI1R_EL1, intid << 24 | 0xffff);
		guest_isb();
		(void)guest_read_sysreg(ICC_IAR1_EL1);
		guest_write_sysreg(ICC_EOIR1_EL1, intid);
	}
}

static void sgi_flood(uint64_t arg __unused)
{
	flood_end = guest_counter() + test_us(30000);
	guest_dsb();
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_start_vcpu(id, flood, NULL);
	flood(NULL);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_join(id);
}

/* SPIs that wander between vCPUs, are ended by those that did not take them, and point nowhere. */
static void wander(void *arg __unused)
{
	guest_gic_init();
	guest_irq_mask();
	while (guest_counter() < READ_ONCE(flood_end)) {
		unsigned int intid = 32 + ((unsigned int)hostile_random() & 31);

		hostile_yield();
		guest_mmio_write64(GICD_IROUTER(intid), hostile_random() & 0x80000007);
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ISPENDR + 4, BIT(intid & 31));
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ISENABLER + 4, BIT(intid & 31));
		intid = (unsigned int)guest_read_sysreg(ICC_IAR1_EL1);
		guest_write_sysreg(ICC_EOIR1_EL1,
				   hostile_random() & 1 ? intid : 32 + (hostile_random() & 31));
		guest_write_sysreg(ICC_DIR_EL1, 32 + (hostile_random() & 31));
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ICACTIVER + 4, BIT(intid & 31));
	}
}

static void spi_wandering(uint64_t arg __unused)
{
	flood_end = guest_counter() + test_us(30000);
	guest_dsb();
	guest_mmio_write32(GUEST_GICD_IPA + GIC_IGROUPR + 4, ~0u);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_start_vcpu(id, wander, NULL);
	wander(NULL);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_join(id);
	for (unsigned int i = 32; i < 64; i++)
		guest_mmio_write64(GICD_IROUTER(i), 0);
}

static const struct behaviour irq_rows[] = {
	{ "vtimer-storm", timer_storm, 0 },
	{ "ptimer-storm", timer_storm, 1 },
	{ "uart-storm", uart_storm },
	{ "sgi-storm", sgi_storm },
	{ "all-pending", all_pending, 0 },
	{ "all-active", all_pending, 1 },
	{ "no-end", no_end, 0 },
	{ "no-end-split", no_end, 1 },
	{ "sgi-values", sgi_values },
	{ "icc-registers", icc_registers, 0 },
	{ "icc-registers-exits", icc_registers, 1 },
	{ "active-priorities", active_priorities },
	{ "interface-toggling", interface_toggling },
	{ "sgi-flood", sgi_flood, 0, COMES_BACK, 2 },
	{ "spi-wandering", spi_wandering, 0, COMES_BACK, 2 },
};

const struct family irq_family = FAMILY(irq);
