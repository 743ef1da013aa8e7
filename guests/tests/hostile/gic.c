// SPDX-License-Identifier: MIT
/* The distributor and the redistributors: random values, at random places, of random widths. */
#include "guests/tests/hostile/hostile.h"

#include "guests/lib/gic_regs.h"

static const uint32_t stores[] = { 0x39000001, 0x79000001, 0xb9000001, 0xf9000001 };
static const uint32_t loads[] = { 0x39400001, 0x79400001, 0xb9400001, 0xf9400001 };

/* Registers that do something, more often than the others. */
static uint64_t random_offset(uint64_t size)
{
	static const uint32_t banks[] = {
		0, 4, 8, 0x10, 0x14, 0x40, 0x48, 0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400,
		0x800, 0xc00, 0xd00, 0xe00, 0xf00, 0xf10, 0xf20, 0x6000, 0x6100, 0x7fe0, 0xc000, 0xffd0,
		0xffe8, 0x70, 0x78, 0xa0, 0xb0, 0xc0,
	};
	uint64_t offset = hostile_random() & (size - 1);

	if (hostile_random() & 7)
		offset = banks[hostile_random() % ARRAY_SIZE(banks)] + (hostile_random() & 0x7f) +
			 (size > 0x10000 && hostile_random() & 1 ? 0x10000 : 0);
	return offset & (size - 1);
}

static void one_access(uint64_t base, uint64_t size)
{
	unsigned int width = (unsigned int)hostile_random() & 3;
	uint64_t offset = random_offset(size) & ~((UINT64_C(1) << width) - 1);
	uint32_t word = hostile_random() & 3 ? stores[width] : loads[width];

	hostile_insn(SPSR_EL1H, word, base + offset, hostile_random() & hostile_random());
}

static void random_gicd(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 6000; i++)
		one_access(GUEST_GICD_IPA, GUEST_GICD_SIZE);
	guest_mmio_write32(GUEST_GICD_IPA, 0);
}

/* Of every vCPU that could exist, whether it does or not. */
static void random_gicr(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 6000; i++)
		one_access(GUEST_GICR_IPA + (hostile_random() & 7) * GUEST_GICR_STRIDE, GUEST_GICR_STRIDE);
}

/* The same with interrupts taken in between: what is pending, active and routed changes under way. */
static void random_and_take(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 1500; i++) {
		guest_write_sysreg(ICC_PMR_EL1, 0xff);
		guest_write_sysreg(ICC_IGRPEN1_EL1, 1);
		guest_write_sysreg(ICC_IGRPEN0_EL1, 1);
		guest_isb();
		one_access(GUEST_GICD_IPA, 0x1000);
		guest_mmio_write32(GICD_CTLR, GICD_CTLR_ENABLE_G0 | GICD_CTLR_ENABLE_G1 | GICD_CTLR_ARE);
		one_access(GUEST_GICR_IPA, GUEST_GICR_STRIDE);
		(void)guest_read_sysreg(ICC_IAR1_EL1);
		(void)guest_read_sysreg(ICC_IAR0_EL1);
		if (i & 1)
			guest_write_sysreg(ICC_EOIR1_EL1, hostile_random() & 0xff);
		if (i & 2)
			guest_write_sysreg(ICC_EOIR0_EL1, hostile_random() & 0xff);
		if (i & 4)
			guest_write_sysreg(ICC_DIR_EL1, hostile_random() & 0xff);
	}
}

/* The group enables and the sleep of redistributors, on and off, polled in between. */
static void toggling(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 1500; i++) {
		guest_mmio_write32(GICD_CTLR, (uint32_t)hostile_random());
		guest_mmio_write32(guest_gic_redist() + GICR_WAKER, (uint32_t)hostile_random());
		guest_mmio_write32(guest_gic_redist() + GICR_CTLR, (uint32_t)hostile_random());
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ICFGR + 4 * (hostile_random() & 15),
				   (uint32_t)hostile_random());
	}
}

/* Routes in halves, to nobody, to all. */
static void routes(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t at = GUEST_GICD_IPA + 0x6000 + (hostile_random() & 0x1ffc);

		if (i & 1)
			guest_mmio_write32(at, (uint32_t)hostile_random());
		else
			hostile_insn(SPSR_EL1H, stores[3], at & ~UINT64_C(7), hostile_random());
	}
}

static uint64_t end_of_all;

static void access_all(void *arg __unused)
{
	guest_gic_init();
	guest_irq_mask();
	while (guest_counter() < READ_ONCE(end_of_all)) {
		uint64_t r = hostile_random();
		uint64_t frame = GUEST_GICR_IPA + (r >> 8) % guest_nr_vcpus() * GUEST_GICR_STRIDE;
		uint64_t base = r & 1 ? GUEST_GICD_IPA : frame + GICR_SGI_FRAME;
		uint64_t bank = GIC_IGROUPR + (r >> 16) % 0xb80;

		hostile_yield();
		if (r & 2)
			guest_mmio_write32(base + (bank & ~UINT64_C(3)), (uint32_t)(r >> 32));
		else
			(void)guest_mmio_read32(base + (bank & ~UINT64_C(3)));
		(void)guest_read_sysreg(ICC_IAR1_EL1);
		guest_write_sysreg(ICC_EOIR1_EL1, r >> 40 & 0xff);
		guest_write_sysreg(ICC_SGI1R_EL1, r & (GENMASK(27, 24) | 0xff));
	}
}

/* Reads and writes that need all vCPUs' list registers, from all of them at once. */
static void from_all(uint64_t arg __unused)
{
	end_of_all = guest_counter() + test_us(30000);
	guest_dsb();
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_start_vcpu(id, access_all, NULL);
	access_all(NULL);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_join(id);
}

static const struct behaviour gic_rows[] = {
	{ "random-gicd", random_gicd },
	{ "random-gicr", random_gicr },
	{ "random-and-take", random_and_take },
	{ "toggling", toggling },
	{ "routes", routes },
	{ "from-all", from_all, 0, COMES_BACK, 2 },
};

const struct family gic_family = FAMILY(gic);
