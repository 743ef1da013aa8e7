// SPDX-License-Identifier: MIT
/*
 * test_gic: the GICv3 as a guest sees it (IHI 0069H), with affinity routing and one security state. Best
 * with 4 vCPUs. SPIs are raised by software; levels that a device drives are test_uart's.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

/* SPIs that nothing is connected to, here and on QEMU's virt board. */
#define SPI			42
#define NR_SPIS			6
#define SGI			3
#define PRIORITY(n)		((uint8_t)(0x20 + 8 * (n)))	/* urgent ones first, 5 bits */
/* To see that something does not happen. */
#define QUIET			test_us(20)

static bool is_quiet(unsigned int vcpu, unsigned int intid, uint64_t count)
{
	test_delay(QUIET);
	return test_irq_count(vcpu, intid) == count;
}

static bool arrives(unsigned int vcpu, unsigned int intid, uint64_t count)
{
	return TEST_WAIT(test_irq_count(vcpu, intid) >= count) && is_quiet(vcpu, intid, count);
}

static void pmr(uint64_t value)
{
	guest_write_sysreg(ICC_PMR_EL1, value);
	guest_isb();
}

/* As new, in group 1, edge-triggered, enabled, for this vCPU. */
static void spi_init(unsigned int intid)
{
	uint64_t icfgr = GUEST_GICD_IPA + GIC_ICFGR + intid / 16 * 4;
	uint64_t igroupr = GUEST_GICD_IPA + GIC_IGROUPR + intid / 32 * 4;

	test_gic_set(GIC_ICENABLER, intid);
	guest_mmio_write32(icfgr, guest_mmio_read32(icfgr) | 2u << intid % 16 * 2);
	guest_mmio_write32(igroupr, guest_mmio_read32(igroupr) | 1u << intid % 32);
	test_gic_set(GIC_ICPENDR, intid);
	test_gic_set(GIC_ICACTIVER, intid);
	test_gic_priority(intid, GIC_PRIORITY_DEFAULT);
	guest_mmio_write64(GICD_IROUTER(intid), guest_read_sysreg("mpidr_el1") & GENMASK(23, 0));
	test_gic_set(GIC_ISENABLER, intid);
}

static void spi_make_level(unsigned int intid)
{
	uint64_t icfgr = GUEST_GICD_IPA + GIC_ICFGR + intid / 16 * 4;

	test_gic_set(GIC_ICENABLER, intid);
	guest_mmio_write32(icfgr, guest_mmio_read32(icfgr) & ~(2u << intid % 16 * 2));
	test_gic_set(GIC_ISENABLER, intid);
}

/* IRQs masked, nothing pending, SGIs enabled at one priority, this handler. */
static void start_over(test_irq_fn *handler)
{
	uint64_t gicr = guest_gic_redist();

	guest_irq_mask();
	guest_hook(GUEST_HOOK_FIQ, NULL);
	test_irq_init();
	guest_write_sysreg(ICC_IGRPEN0_EL1, 0);
	guest_mmio_write32(gicr + GICR_SGI_FRAME + GIC_ICPENDR, 0xffff);
	guest_mmio_write32(gicr + GICR_SGI_FRAME + GIC_ICACTIVER, 0xffff);
	guest_mmio_write32(gicr + GICR_ISENABLER0, 0xffff);
	for (unsigned int i = 0; i < NR_SPIS; i++)
		spi_init(SPI + i);
	test_gic_sync();
	test_irq_handler(handler);
	guest_isb();
}

static uint64_t hppir1(void)
{
	guest_isb();
	return guest_read_sysreg(ICC_HPPIR1_EL1);
}

/* ---- registers ---- */

static void test_reset_values(void)
{
	uint64_t gicr = guest_gic_redist(), sgi = gicr + GICR_SGI_FRAME;

	test_check((guest_mmio_read32(GICD_CTLR) & 3) == 0, "GICD_CTLR: no group enabled");
	test_equal(guest_mmio_read32(gicr + GICR_WAKER), 6, "GICR_WAKER: asleep");
	test_equal(guest_mmio_read32(sgi + GIC_ISENABLER), 0, "GICR_ISENABLER0");
	test_equal(guest_mmio_read32(sgi + GIC_ISPENDR), 0, "GICR_ISPENDR0");
	test_equal(guest_mmio_read32(sgi + GIC_ISACTIVER), 0, "GICR_ISACTIVER0");
	test_equal(guest_mmio_read32(sgi + GIC_IGROUPR), 0, "GICR_IGROUPR0");
	test_equal(guest_mmio_read32(sgi + GIC_IPRIORITYR + 4 * 6), 0, "GICR_IPRIORITYR6");
	test_equal(guest_mmio_read32(sgi + GIC_ICFGR), 0xaaaaaaaa, "GICR_ICFGR0: SGIs are edge-triggered");
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + GIC_ISENABLER + 4), 0, "GICD_ISENABLER1");
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + GIC_ISACTIVER + 4), 0, "GICD_ISACTIVER1");
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + GIC_IPRIORITYR + 40), 0, "GICD_IPRIORITYR10");
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + GIC_ICFGR + 8), 0,
		   "GICD_ICFGR2: SPIs are level-sensitive");
	test_equal(guest_mmio_read64(GICD_IROUTER(SPI)), 0, "GICD_IROUTER");
	test_equal(guest_read_sysreg(ICC_PMR_EL1), 0, "ICC_PMR");
	test_equal(guest_read_sysreg(ICC_IGRPEN1_EL1), 0, "ICC_IGRPEN1");
	test_equal(guest_read_sysreg(ICC_CTLR_EL1) & 3, 0, "ICC_CTLR: EOImode, CBPR");
	test_equal(guest_read_sysreg(ICC_AP1R0_EL1), 0, "ICC_AP1R0");
}

static void test_identification(void)
{
	uint64_t typer = guest_mmio_read32(GICD_TYPER);
	uint64_t gicr = guest_gic_redist();
	uint64_t rtyper = guest_mmio_read64(gicr + GICR_TYPER);
	uint64_t ctlr = guest_read_sysreg(ICC_CTLR_EL1);

	test_check(FIELD_GET(GICD_TYPER_LINES, typer) >= 1, "GICD_TYPER: has SPIs");
	test_check(FIELD_GET(GICD_TYPER_IDBITS, typer) >= 9, "GICD_TYPER: 10 bits of INTID or more");
	test_equal(FIELD_GET(GIC_PIDR2_ARCH, guest_mmio_read32(GICD_PIDR2)), 3, "GICD_PIDR2: GICv3");
	test_equal(FIELD_GET(GIC_PIDR2_ARCH, guest_mmio_read32(gicr + GICR_PIDR2)), 3, "GICR_PIDR2: GICv3");
	test_equal(rtyper >> 32, MPIDR_AFFINITY(guest_read_sysreg("mpidr_el1")), "GICR_TYPER: affinity");
	test_equal(guest_mmio_read32(gicr + GICR_TYPER + 4), rtyper >> 32, "GICR_TYPER: high half");
	test_equal(guest_mmio_read32(gicr + GICR_TYPER), rtyper & 0xffffffff, "GICR_TYPER: low half");
	test_equal(FIELD_GET(GICR_TYPER_NUMBER, rtyper), 0, "GICR_TYPER: processor number");
	test_equal(guest_read_sysreg(ICC_SRE_EL1) & 1, 1, "ICC_SRE: SRE");
	test_check(FIELD_GET(ICC_CTLR_PRIBITS, ctlr) >= 4, "ICC_CTLR: 5 priority bits or more");
}

static void test_redistributors(void)
{
	unsigned int nr = guest_nr_vcpus(), last = 0;
	bool ok = true;

	for (unsigned int i = 0; i < nr; i++) {
		uint64_t typer = guest_mmio_read64(GUEST_GICR_IPA + i * GUEST_GICR_STRIDE + GICR_TYPER);

		ok &= typer >> 32 == i && FIELD_GET(GICR_TYPER_NUMBER, typer) == i;
		last += (typer & GICR_TYPER_LAST) != 0;
	}
	test_check(ok, "affinity and number of each");
	test_equal(last, 1, "one is the last");
}

static void test_waker(void)
{
	uint64_t waker = guest_gic_redist() + GICR_WAKER;

	guest_mmio_write32(waker, 0);
	test_check(TEST_WAIT(guest_mmio_read32(waker) == 0), "wakes");
	guest_mmio_write32(waker, GICR_WAKER_SLEEP);
	test_check(TEST_WAIT(guest_mmio_read32(waker) == 6), "sleeps");
	guest_mmio_write32(waker, 0);
	test_check(TEST_WAIT(guest_mmio_read32(waker) == 0), "wakes again");
}

static void set_and_clear(unsigned int set, unsigned int clear, unsigned int intid)
{
	test_gic_set(set, intid);
	test_check(test_gic_get(set, intid) && test_gic_get(clear, intid), "set");
	guest_mmio_write32(guest_gic_redist() + GICR_SGI_FRAME + set, 0);
	guest_mmio_write32(GUEST_GICD_IPA + set + 4, 0);
	test_check(test_gic_get(set, intid), "writing zeros changes nothing");
	test_gic_set(clear, intid);
	test_check(!test_gic_get(set, intid) && !test_gic_get(clear, intid), "clear");
}

static void bank_enable_sgi(void) { set_and_clear(GIC_ISENABLER, GIC_ICENABLER, SGI); }
static void bank_enable_spi(void) { set_and_clear(GIC_ISENABLER, GIC_ICENABLER, SPI); }
static void bank_pending_sgi(void) { set_and_clear(GIC_ISPENDR, GIC_ICPENDR, SGI); }
static void bank_pending_ppi(void) { set_and_clear(GIC_ISPENDR, GIC_ICPENDR, 20); }
static void bank_pending_spi(void) { set_and_clear(GIC_ISPENDR, GIC_ICPENDR, SPI); }
static void bank_active_sgi(void) { set_and_clear(GIC_ISACTIVER, GIC_ICACTIVER, SGI); }
static void bank_active_spi(void) { set_and_clear(GIC_ISACTIVER, GIC_ICACTIVER, SPI); }

static void test_banks(void)
{
	test_run("enable sgi", bank_enable_sgi);
	test_run("enable spi", bank_enable_spi);
	start_over(NULL);
	test_run("pending sgi", bank_pending_sgi);
	test_run("pending ppi", bank_pending_ppi);
	test_run("pending spi", bank_pending_spi);
	test_run("active sgi", bank_active_sgi);
	test_run("active spi", bank_active_spi);
}

static void test_banks_disabled(void)
{
	start_over(NULL);
	guest_mmio_write32(guest_gic_redist() + GICR_ICENABLER0, 0xffff);
	for (unsigned int i = 0; i < NR_SPIS; i++)
		test_gic_set(GIC_ICENABLER, SPI + i);
	test_banks();
}

static void test_priority_registers(void)
{
	uint64_t reg = GUEST_GICD_IPA + GIC_IPRIORITYR + 44;
	uint64_t private = guest_gic_redist() + GICR_IPRIORITYR(1);

	guest_mmio_write32(reg, 0x10203040);
	test_equal(guest_mmio_read32(reg), 0x10203040, "a word of SPIs");
	guest_mmio_write8(reg + 1, 0x88);
	test_equal(guest_mmio_read32(reg), 0x10208840, "a byte of it written");
	test_equal(guest_mmio_read8(reg + 3), 0x10, "a byte of it read");
	guest_mmio_write32(private, 0xa0b0c0d0);
	test_equal(guest_mmio_read32(private), 0xa0b0c0d0, "a word of SGIs");
	guest_mmio_write8(private + 3, 0x18);
	test_equal(guest_mmio_read8(private + 3), 0x18, "a byte of it");
	guest_mmio_write8(reg, 0xff);
	test_equal(guest_mmio_read8(reg) & 0xf8, 0xf8, "five bits are kept");
}

static void test_config_registers(void)
{
	uint64_t reg = GUEST_GICD_IPA + GIC_ICFGR + 8, sgis = guest_gic_redist() + GICR_SGI_FRAME + GIC_ICFGR;
	uint32_t old = guest_mmio_read32(reg);

	start_over(NULL);
	for (unsigned int i = 0; i < NR_SPIS; i++)
		test_gic_set(GIC_ICENABLER, SPI + i);
	guest_mmio_write32(reg, 0x00a00000);
	test_equal(guest_mmio_read32(reg), 0x00a00000, "two SPIs edge-triggered");
	guest_mmio_write32(reg, 0);
	test_equal(guest_mmio_read32(reg), 0, "all level-sensitive");
	guest_mmio_write32(reg, old);
	guest_mmio_write32(sgis, 0);
	test_equal(guest_mmio_read32(sgis), 0xaaaaaaaa, "SGIs stay edge-triggered");
}

static void test_irouter_registers(void)
{
	uint64_t reg = GICD_IROUTER(SPI);

	guest_mmio_write64(reg, 1);
	test_equal(guest_mmio_read64(reg), 1, "64 bits");
	guest_mmio_write32(reg, 0);
	test_equal(guest_mmio_read64(reg), 0, "low half");
	guest_mmio_write32(reg + 4, 1);
	test_equal(guest_mmio_read64(reg), UINT64_C(1) << 32, "high half");
	test_equal(guest_mmio_read32(reg + 4), 1, "high half read");
	guest_mmio_write64(reg, 0);
}

/* QEMU's own model keeps them. */
static void test_irouter_reserved(void)
{
	uint64_t reg = GICD_IROUTER(SPI);

	guest_mmio_write64(reg, ~UINT64_C(0));
	test_equal(guest_mmio_read64(reg) & ~GICD_IROUTER_IRM, UINT64_C(0xff00ffffff), "are zero");
	guest_mmio_write64(reg, 0);
}

static void test_banked_away(void)
{
	test_gic_set(GIC_ISENABLER, SGI);
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + GIC_ISENABLER), 0, "GICD_ISENABLER0");
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + GIC_IPRIORITYR + 4), 0, "GICD_IPRIORITYR1");
	test_equal(guest_mmio_read64(GICD_IROUTER(3)), 0, "GICD_IROUTER3");
	guest_mmio_write32(GUEST_GICD_IPA + GIC_ICENABLER, 1u << SGI);
	test_check(test_gic_get(GIC_ISENABLER, SGI), "GICD_ICENABLER0 has no effect");
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + 0x30), 0, "a reserved register reads as zero");
	guest_mmio_write32(GUEST_GICD_IPA + 0x30, ~0u);
	test_equal(guest_mmio_read32(GUEST_GICD_IPA + 0x30), 0, "and ignores writes");
}

struct sized {
	uint64_t addr, val;
	unsigned int size;
	bool write;
};

static void access_sized(void *arg)
{
	struct sized *a = arg;
	uint64_t val = a->val;

	if (a->write && a->size == 2)
		__asm__ volatile("strh %w0, [%1]" : : "rZ"((uint32_t)val), "r"(a->addr) : "memory");
	else if (a->write)
		a->size == 1 ? guest_mmio_write8(a->addr, (uint8_t)val) :
		a->size == 4 ? guest_mmio_write32(a->addr, (uint32_t)val) : guest_mmio_write64(a->addr, val);
	else if (a->size == 2)
		__asm__ volatile("ldrh %w0, [%1]" : "=r"(a->val) : "r"(a->addr) : "memory");
	else
		a->val = a->size == 1 ? guest_mmio_read8(a->addr) :
			 a->size == 4 ? guest_mmio_read32(a->addr) : guest_mmio_read64(a->addr);
}

/* Whether there was no abort; *val is what a read gave. */
static bool served(uint64_t addr, unsigned int size, bool write, uint64_t *val)
{
	struct sized a = { .addr = addr, .size = size, .write = write, .val = *val };
	struct guest_fault fault;
	bool ok = !guest_try(access_sized, &a, &fault);

	*val = a.val;
	return ok;
}

/* An access of that size reads zero, and a write of ones changes nothing of what a word read there. */
static bool ignores(uint64_t addr, unsigned int size)
{
	uint32_t word = guest_mmio_read32(addr & ~UINT64_C(3));
	uint64_t read = 1, ones = ~UINT64_C(0);

	return served(addr, size, false, &read) && read == 0 && served(addr, size, true, &ones) &&
	       guest_mmio_read32(addr & ~UINT64_C(3)) == word;
}

#define SIZES(a, b)	((a) | (b))

static const struct sized_row {
	const char *name;
	uint32_t offset;
	bool redist;
	uint8_t sizes;			/* in bytes, those that the register has */
} sized_rows[] = {
	{ "GICD_CTLR", 0x0000, false, 4 },
	{ "GICD_TYPER", 0x0004, false, 4 },
	{ "GICD_IIDR", 0x0008, false, 4 },
	{ "GICD_STATUSR", 0x0010, false, 4 },
	{ "GICD_SETSPI_NSR", 0x0040, false, 0 },
	{ "GICD_IGROUPR1", GIC_IGROUPR + 4, false, 4 },
	{ "GICD_ISENABLER1", GIC_ISENABLER + 4, false, 4 },
	{ "GICD_ICENABLER1", GIC_ICENABLER + 4, false, 4 },
	{ "GICD_ISPENDR1", GIC_ISPENDR + 4, false, 4 },
	{ "GICD_ICPENDR1", GIC_ICPENDR + 4, false, 4 },
	{ "GICD_ISACTIVER1", GIC_ISACTIVER + 4, false, 4 },
	{ "GICD_ICACTIVER1", GIC_ICACTIVER + 4, false, 4 },
	{ "GICD_IPRIORITYR10", GIC_IPRIORITYR + 40, false, SIZES(1, 4) },
	{ "GICD_ITARGETSR0", 0x0800, false, 0 },
	{ "GICD_ITARGETSR10", 0x0800 + 40, false, 0 },
	{ "GICD_ICFGR2", GIC_ICFGR + 8, false, 4 },
	{ "GICD_IGRPMODR1", 0x0d04, false, 0 },
	{ "GICD_NSACR2", 0x0e08, false, 0 },
	{ "GICD_SGIR", 0x0f00, false, 0 },
	{ "GICD_CPENDSGIR0", 0x0f10, false, 0 },
	{ "GICD_SPENDSGIR0", 0x0f20, false, 0 },
	{ "GICD_IROUTER40", 0x6000 + 8 * 40, false, SIZES(4, 8) },
	{ "GICD reserved", 0x9000, false, 0 },
	{ "GICR_IIDR", 0x0004, true, 4 },
	{ "GICR_TYPER", 0x0008, true, SIZES(4, 8) },
	{ "GICR_WAKER", 0x0014, true, 4 },
	{ "GICR_IGROUPR0", GICR_IGROUPR0, true, 4 },
	{ "GICR_ISENABLER0", GICR_ISENABLER0, true, 4 },
	{ "GICR_ISPENDR0", GICR_SGI_FRAME + GIC_ISPENDR, true, 4 },
	{ "GICR_ISACTIVER0", GICR_SGI_FRAME + GIC_ISACTIVER, true, 4 },
	{ "GICR_IPRIORITYR2", GICR_IPRIORITYR(2), true, SIZES(1, 4) },
	{ "GICR_ICFGR0", GICR_SGI_FRAME + GIC_ICFGR, true, 4 },
	{ "GICR reserved", GICR_SGI_FRAME + 0x1000, true, 0 },
};

/* Reads are served by every size; that one which the register lacks is RAZ/WI, and none is an abort. */
static void test_access_sizes(void)
{
	start_over(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sized_rows); i++) {
		const struct sized_row *row = &sized_rows[i];
		uint64_t base = row->redist ? guest_gic_redist() : GUEST_GICD_IPA;
		uint64_t addr = base + row->offset, val = 0;
		bool ok = true;

		for (unsigned int size = 1; size <= 8; size *= 2) {
			if (addr & (size - 1))
				continue;
			ok &= row->sizes & size ? served(addr, size, false, &val) : ignores(addr, size);
		}
		test_check(ok, row->name);
	}
	start_over(NULL);
}

static void test_registers(void)
{
	test_run("identification", test_identification);
	test_run("redistributors", test_redistributors);
	test_run("waker", test_waker);
	start_over(NULL);
	test_run("bank", test_banks_disabled);
	test_run("priority", test_priority_registers);
	test_run("config", test_config_registers);
	test_run("irouter", test_irouter_registers);
	test_run("private in distributor", test_banked_away);
	test_run("sizes", test_access_sizes);
}

/* ---- SGIs ---- */

static void sgi_to(unsigned int vcpu, unsigned int intid)
{
	guest_dsb();
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)intid << 24 | BIT(vcpu));
	guest_isb();
}

static void test_sgi_self_all(void)
{
	bool ok = true;

	start_over(NULL);
	guest_irq_unmask();
	for (unsigned int i = 0; i < 16; i++) {
		test_sgi_self(i);
		ok &= TEST_WAIT(test_irq_count(0, i) == 1);
	}
	test_check(ok, "each of 16");
	test_delay(QUIET);
	for (unsigned int i = 0; i < 16; i++)
		ok &= test_irq_count(0, i) == 1;
	test_check(ok, "once");
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)SGI << 24);
	guest_isb();
	test_check(is_quiet(0, SGI, 1), "an empty target list");
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)SGI << 24 | UINT64_C(0xfe) << 16 | 1);
	guest_isb();
	test_check(is_quiet(0, SGI, 1), "a cluster that is not there");
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)SGI << 24 | ICC_SGIR_IRM);
	guest_isb();
	test_check(is_quiet(0, SGI, 1), "all but self");
	guest_irq_mask();
	test_sgi_self(SGI);
	test_sgi_self(SGI);
	test_sgi_self(SGI);
	guest_irq_unmask();
	test_check(arrives(0, SGI, 2), "three pending are one");
	guest_irq_mask();
	test_equal(guest_read_sysreg(ICC_IAR1_EL1), GIC_INTID_NONE, "then nothing is pending");
}

/* A vCPU that takes interrupts until told to stop. */
static uint32_t servers, stop;

static void serve(void *arg __unused)
{
	test_irq_init();
	guest_mmio_write32(guest_gic_redist() + GICR_ISENABLER0, 0xffff);
	test_gic_sync();
	guest_irq_unmask();
	__atomic_fetch_add(&servers, 1, __ATOMIC_SEQ_CST);
	guest_notify();
	while (!READ_ONCE(stop))
		guest_relax();
	guest_irq_mask();
}

static bool servers_start(void)
{
	unsigned int nr = guest_nr_vcpus();
	bool ok = true;

	stop = servers = 0;
	guest_dsb();
	for (unsigned int i = 1; i < nr; i++)
		ok &= test_start_vcpu(i, serve, NULL);
	return ok && TEST_WAIT(READ_ONCE(servers) == nr - 1);
}

static bool servers_stop(void)
{
	bool ok = true;

	WRITE_ONCE(stop, 1);
	guest_notify();
	for (unsigned int i = 1; i < guest_nr_vcpus(); i++)
		ok &= test_join(i);
	return ok;
}

static void answer(unsigned int intid)
{
	if (guest_vcpu_id())
		sgi_to(0, intid);
}

static void test_sgi_others(void)
{
	unsigned int nr = guest_nr_vcpus();
	bool ok = true;

	start_over(NULL);
	guest_irq_unmask();
	test_check(servers_start(), "others are on");
	for (unsigned int i = 1; i < nr; i++) {
		sgi_to(i, SGI);
		ok &= TEST_WAIT(test_irq_count(i, SGI) == 1);
	}
	test_check(ok, "each other one");
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)(SGI + 1) << 24 | ICC_SGIR_IRM);
	guest_isb();
	for (unsigned int i = 1; i < nr; i++)
		ok &= TEST_WAIT(test_irq_count(i, SGI + 1) == 1);
	test_check(ok, "all but self");
	guest_write_sysreg(ICC_SGI1R_EL1, (uint64_t)(SGI + 2) << 24 | GENMASK(nr - 1, 0));
	guest_isb();
	for (unsigned int i = 0; i < nr; i++)
		ok &= TEST_WAIT(test_irq_count(i, SGI + 2) == 1);
	test_check(ok, "a list with self in it");
	test_delay(QUIET);
	ok = test_irq_count(0, SGI) == 0 && test_irq_count(0, SGI + 1) == 0;
	for (unsigned int i = 1; i < nr; i++)
		ok &= test_irq_count(i, SGI) == 1 && test_irq_count(i, SGI + 1) == 1;
	test_check(ok, "none too many");

	test_irq_handler(answer);
	for (unsigned int i = 0; i < 8; i++) {
		sgi_to(1, SGI);
		if (!TEST_WAIT(test_irq_count(0, SGI) == i + 1))
			break;
	}
	test_equal(test_irq_count(0, SGI), 8, "there and back");
	guest_irq_mask();
	test_check(servers_stop(), "others are off");
}

static void test_sgi_remote_registers(void)
{
	uint64_t frame = GUEST_GICR_IPA + GUEST_GICR_STRIDE + GICR_SGI_FRAME;

	start_over(NULL);
	test_check(servers_start(), "others are on");
	guest_mmio_write32(frame + GIC_ISPENDR, 1u << SGI);
	test_check(TEST_WAIT(test_irq_count(1, SGI) == 1), "set pending by its redistributor");
	guest_mmio_write32(frame + GIC_ICENABLER, 1u << SGI);
	test_gic_sync();
	sgi_to(1, SGI);
	test_check(is_quiet(1, SGI, 1), "disabled by its redistributor");
	test_check(guest_mmio_read32(frame + GIC_ISPENDR) >> SGI & 1, "pending there");
	guest_mmio_write32(frame + GIC_ISENABLER, 1u << SGI);
	test_check(TEST_WAIT(test_irq_count(1, SGI) == 2), "enabled by its redistributor");
	test_check(!(guest_mmio_read32(frame + GIC_ISPENDR) >> SGI & 1), "no longer pending there");
	test_check(servers_stop(), "others are off");
}

/* ---- pending ---- */

static void pending_until_enabled(unsigned int intid)
{
	start_over(NULL);
	test_gic_set(GIC_ICENABLER, intid);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, intid);
	test_check(is_quiet(0, intid, 0), "disabled: not taken");
	test_check(test_gic_get(GIC_ISPENDR, intid), "disabled: pending");
	test_equal(hppir1(), GIC_INTID_NONE, "disabled: HPPIR");
	test_gic_set(GIC_ISENABLER, intid);
	test_check(arrives(0, intid, 1), "enabled: taken once");
	test_check(!test_gic_get(GIC_ISPENDR, intid), "taken: not pending");
	test_check(!test_gic_get(GIC_ISACTIVER, intid), "ended: not active");

	guest_irq_mask();
	test_gic_set(GIC_ISPENDR, intid);
	test_equal(hppir1(), intid, "masked: HPPIR");
	test_gic_set(GIC_ICENABLER, intid);
	test_equal(hppir1(), GIC_INTID_NONE, "disabled while pending: HPPIR");
	test_check(test_gic_get(GIC_ISPENDR, intid), "disabled while pending: stays pending");
	guest_irq_unmask();
	test_check(is_quiet(0, intid, 1), "disabled while pending: not taken");
	test_gic_set(GIC_ISENABLER, intid);
	test_check(arrives(0, intid, 2), "enabled again: taken");

	guest_irq_mask();
	test_gic_set(GIC_ISPENDR, intid);
	test_equal(hppir1(), intid, "masked again: HPPIR");
	test_gic_set(GIC_ICPENDR, intid);
	test_equal(hppir1(), GIC_INTID_NONE, "cleared: HPPIR");
	guest_irq_unmask();
	test_check(is_quiet(0, intid, 2), "cleared: not taken");
}

static void pending_sgi(void) { pending_until_enabled(SGI); }
static void pending_spi(void) { pending_until_enabled(SPI); }

static void test_pending(void)
{
	test_run("sgi", pending_sgi);
	test_run("spi", pending_spi);
}

/* ---- level and edge, by software ---- */

static void test_level(void)
{
	start_over(NULL);
	spi_make_level(SPI);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(arrives(0, SPI, 1), "set pending: taken once");
	guest_irq_mask();
	test_gic_set(GIC_ISPENDR, SPI);
	for (unsigned int i = 0; i < 10; i++)
		test_gic_set(GIC_ISENABLER, SPI + 1);
	test_delay(QUIET);
	test_check(test_gic_get(GIC_ISPENDR, SPI), "masked: stays pending");
	test_equal(hppir1(), SPI, "masked: HPPIR");
	guest_irq_unmask();
	test_check(arrives(0, SPI, 2), "unmasked: taken once");
	guest_irq_mask();
	test_gic_set(GIC_ISPENDR, SPI);
	test_gic_set(GIC_ICPENDR, SPI);
	guest_irq_unmask();
	test_check(is_quiet(0, SPI, 2), "cleared: not taken");
}

static void raise_itself(unsigned int intid)
{
	if (test_irq_count(0, intid) == 1)
		test_gic_set(GIC_ISPENDR, intid);
}

static void edge_while_active(void)
{
	start_over(raise_itself);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(arrives(0, SPI, 2), "edge: taken again");
	start_over(raise_itself);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, SGI);
	test_check(arrives(0, SGI, 2), "sgi: taken again");
	start_over(raise_itself);
	spi_make_level(SPI);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(arrives(0, SPI, 2), "level: taken again");
	guest_irq_mask();
}

/* ---- active ---- */

static struct {
	bool pending, active, pending_again, active_again;
	uint64_t rpr;
} seen;

static void look_at_state(unsigned int intid)
{
	seen.pending = test_gic_get(GIC_ISPENDR, intid);
	seen.active = test_gic_get(GIC_ISACTIVER, intid);
	seen.rpr = guest_read_sysreg(ICC_RPR_EL1);
	if (test_irq_count(0, intid) != 1)
		return;
	test_gic_set(GIC_ISPENDR, intid);
	seen.pending_again = test_gic_get(GIC_ISPENDR, intid);
	seen.active_again = test_gic_get(GIC_ISACTIVER, intid);
}

static void active_states(unsigned int intid)
{
	start_over(look_at_state);
	test_gic_priority(intid, PRIORITY(3));
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, intid);
	test_check(arrives(0, intid, 2), "taken, and taken again");
	test_check(!seen.pending && seen.active, "in the handler: active, not pending");
	test_equal(seen.rpr, PRIORITY(3), "in the handler: running priority");
	test_check(seen.pending_again && seen.active_again, "raised there: active and pending");
	test_check(!test_gic_get(GIC_ISACTIVER, intid), "afterwards: inactive");
	test_equal(guest_read_sysreg(ICC_RPR_EL1), 0xff, "afterwards: idle priority");

	test_gic_set(GIC_ISACTIVER, intid);
	test_gic_set(GIC_ISPENDR, intid);
	test_check(is_quiet(0, intid, 2), "activated by register: not taken");
	test_check(test_gic_get(GIC_ISACTIVER, intid) && test_gic_get(GIC_ISPENDR, intid),
		   "activated by register: active and pending");
	test_gic_set(GIC_ICACTIVER, intid);
	test_check(arrives(0, intid, 3), "deactivated by register: taken");
	guest_irq_mask();
}

static void active_sgi(void) { active_states(SGI); }
static void active_spi(void) { active_states(SPI); }

static void disable_in_handler(unsigned int intid)
{
	test_gic_set(GIC_ICENABLER, intid);
	test_gic_set(GIC_ISPENDR, intid);
}

static void active_disabled(void)
{
	start_over(disable_in_handler);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(arrives(0, SPI, 1), "not taken again");
	test_check(!test_gic_get(GIC_ISACTIVER, SPI) && test_gic_get(GIC_ISPENDR, SPI), "inactive, pending");
	test_irq_handler(NULL);
	test_gic_set(GIC_ISENABLER, SPI);
	test_check(arrives(0, SPI, 1), "enabled: taken");
	guest_irq_mask();
}

static void clear_active_in_handler(unsigned int intid)
{
	if (test_irq_count(0, intid) == 1)
		test_gic_set(GIC_ICACTIVER, intid);
}

static void active_cleared(void)
{
	start_over(clear_active_in_handler);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(arrives(0, SPI, 1), "taken");
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(arrives(0, SPI, 2), "taken the next time");
	guest_irq_mask();
}

static void test_active(void)
{
	test_run("sgi", active_sgi);
	test_run("spi", active_spi);
	test_run("disabled in handler", active_disabled);
	test_run("deactivated in handler", active_cleared);
}

/* ---- priorities ---- */

static bool log_is_sorted(unsigned int first, unsigned int nr)
{
	const struct test_irqs *irqs = &test_irqs[0];

	for (unsigned int i = 0; i < nr; i++) {
		if (irqs->log[i] != first + nr - 1 - i)
			return false;
	}
	return irqs->logged == nr;
}

/* The higher the INTID, the more urgent. */
static void set_priorities(unsigned int first, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		test_gic_priority(first + i, PRIORITY(nr - 1 - i));
}

static void order_sgis(void)
{
	start_over(NULL);
	set_priorities(0, 16);
	for (unsigned int i = 0; i < 16; i++)
		test_sgi_self(i);
	test_equal(hppir1(), 15, "HPPIR is the most urgent");
	guest_irq_unmask();
	test_check(TEST_WAIT(READ_ONCE(test_irqs[0].logged) == 16), "all of 16 are taken");
	test_check(log_is_sorted(0, 16), "in order");
	guest_irq_mask();
}

static void order_spis(void)
{
	start_over(NULL);
	set_priorities(SPI, NR_SPIS);
	for (unsigned int i = 0; i < NR_SPIS; i++)
		test_gic_set(GIC_ISPENDR, SPI + (i * 5 + 2) % NR_SPIS);
	guest_irq_unmask();
	test_check(TEST_WAIT(READ_ONCE(test_irqs[0].logged) == NR_SPIS), "all of 6 SPIs are taken");
	test_check(log_is_sorted(SPI, NR_SPIS), "in order");
	guest_irq_mask();
	start_over(NULL);
	for (unsigned int i = 0; i < NR_SPIS; i++)
		test_gic_set(GIC_ISPENDR, SPI + i);
	set_priorities(SPI, NR_SPIS);
	guest_irq_unmask();
	test_check(TEST_WAIT(READ_ONCE(test_irqs[0].logged) == NR_SPIS) && log_is_sorted(SPI, NR_SPIS),
		   "priorities changed while pending");
	guest_irq_mask();
}

static void order_mask(void)
{
	start_over(NULL);
	test_gic_priority(SGI, PRIORITY(5));
	pmr(PRIORITY(5));
	guest_irq_unmask();
	test_sgi_self(SGI);
	test_check(is_quiet(0, SGI, 0), "PMR equal to the priority masks");
	pmr(PRIORITY(6));
	test_check(arrives(0, SGI, 1), "PMR one step higher does not");
	pmr(0);
	test_sgi_self(SGI);
	test_check(is_quiet(0, SGI, 1), "PMR 0 masks all");
	test_gic_priority(SGI, 0);
	test_check(is_quiet(0, SGI, 1), "even the highest priority");
	pmr(8);
	test_check(arrives(0, SGI, 2), "which is above all others");
	pmr(0xff);
	test_gic_priority(SGI, 0xf8);
	test_sgi_self(SGI);
	test_check(TEST_WAIT(guest_read_sysreg(ICC_PMR_EL1) >= 0xf8), "PMR keeps five bits");
	guest_irq_mask();
	start_over(NULL);
}

static void test_priority(void)
{
	test_run("sgis", order_sgis);
	test_run("spis", order_spis);
	test_run("mask", order_mask);
}

/* ---- preemption ---- */

static unsigned int depth, max_depth, nest_first, nest_end;
static uint64_t nest_rpr[16];

/* Raise the next one, which is more urgent, and let it in. */
static void nest(unsigned int intid)
{
	depth++;
	if (depth > max_depth)
		max_depth = depth;
	nest_rpr[intid - nest_first] = guest_read_sysreg(ICC_RPR_EL1);
	if (intid + 1 < nest_end)
		test_gic_set(GIC_ISPENDR, intid + 1);
	guest_irq_unmask();
	guest_isb();
	test_delay(QUIET);
	guest_irq_mask();
	depth--;
}

static void nest_start(unsigned int first, unsigned int nr)
{
	start_over(nest);
	depth = max_depth = 0;
	nest_first = first;
	nest_end = first + nr;
	set_priorities(first, nr);
	guest_irq_unmask();
	test_gic_set(GIC_ISPENDR, first);
}

static bool nest_rprs_are_right(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (nest_rpr[i] != PRIORITY(nr - 1 - i))
			return false;
	}
	return true;
}

static bool none_is_active(unsigned int first, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (test_gic_get(GIC_ISACTIVER, first + i))
			return false;
	}
	return true;
}

static void nested_sgis(void)
{
	nest_start(0, 12);
	test_check(TEST_WAIT(READ_ONCE(test_irqs[0].logged) == 12), "12 SGIs are taken");
	test_equal(max_depth, 12, "each in the handler of the one before");
	test_check(nest_rprs_are_right(12), "with its own running priority");
	test_check(none_is_active(0, 12), "none stays active");
	test_equal(guest_read_sysreg(ICC_AP1R0_EL1), 0, "nor its priority");
	test_sgi_self(0);
	test_check(TEST_WAIT(READ_ONCE(test_irqs[0].logged) == 24), "again");
	guest_irq_mask();
}

static void nested_spis(void)
{
	nest_start(SPI, NR_SPIS);
	test_check(TEST_WAIT(READ_ONCE(test_irqs[0].logged) == NR_SPIS), "6 SPIs are taken");
	test_equal(max_depth, NR_SPIS, "each in the handler of the one before");
	test_check(none_is_active(SPI, NR_SPIS), "none stays active");
	guest_irq_mask();
}

/* The first handler raises another one and lets interrupts in. */
static void let_in(unsigned int intid)
{
	depth++;
	if (depth > max_depth)
		max_depth = depth;
	if (intid == SGI) {
		test_sgi_self(SGI + 1);
		guest_irq_unmask();
		test_delay(QUIET);
		guest_irq_mask();
	}
	depth--;
}

static unsigned int try_preempt(uint8_t running, uint8_t pending, uint64_t bpr)
{
	start_over(let_in);
	guest_write_sysreg(ICC_BPR1_EL1, bpr);
	guest_isb();
	depth = max_depth = 0;
	test_gic_priority(SGI, running);
	test_gic_priority(SGI + 1, pending);
	guest_irq_unmask();
	test_sgi_self(SGI);
	if (!TEST_WAIT(test_irq_count(0, SGI + 1) == 1))
		max_depth = 0;
	guest_irq_mask();
	guest_write_sysreg(ICC_BPR1_EL1, 0);
	guest_isb();
	return max_depth;
}

static void test_binary_point(void)
{
	test_equal(try_preempt(0x88, 0x80, 0), 2, "one step preempts at the smallest binary point");
	test_equal(try_preempt(0x80, 0x80, 0), 1, "the same priority does not");
	test_equal(try_preempt(0x80, 0x88, 0), 1, "a lower one does not");
	test_equal(try_preempt(0x88, 0x80, 4), 1, "at 4 bits 3 and below don't count");
	test_equal(try_preempt(0x90, 0x80, 4), 2, "but bit 4 does");
	test_equal(try_preempt(0xf0, 0x80, 7), 1, "at 7 bit 7 alone counts");
	test_equal(try_preempt(0xf0, 0x10, 7), 2, "and 0 preempts");
}

static void test_preemption(void)
{
	test_run("sgis", nested_sgis);
	test_run("spis", nested_spis);
	test_run("binary point", test_binary_point);
}

/* ---- EOImode 1 ---- */

static unsigned int acknowledge(void)
{
	unsigned int intid = (unsigned int)guest_read_sysreg(ICC_IAR1_EL1);

	guest_dsb();
	return intid;
}

static void drop(unsigned int intid)
{
	guest_write_sysreg(ICC_EOIR1_EL1, intid);
	guest_isb();
}

static void deactivate(unsigned int intid)
{
	guest_write_sysreg(ICC_DIR_EL1, intid);
	guest_isb();
}

static void eoimode1(void)
{
	start_over(NULL);
	guest_write_sysreg(ICC_CTLR_EL1, ICC_CTLR_EOIMODE);
	guest_isb();
}

static void split_one(void)
{
	eoimode1();
	test_gic_set(GIC_ISPENDR, SPI);
	test_equal(acknowledge(), SPI, "acknowledge");
	test_equal(guest_read_sysreg(ICC_RPR_EL1), GIC_PRIORITY_DEFAULT, "running priority");
	drop(SPI);
	test_equal(guest_read_sysreg(ICC_RPR_EL1), 0xff, "dropped: idle priority");
	test_check(test_gic_get(GIC_ISACTIVER, SPI), "dropped: active");
	test_gic_set(GIC_ISPENDR, SPI);
	test_equal(hppir1(), GIC_INTID_NONE, "dropped: not signalled again");
	test_equal(acknowledge(), GIC_INTID_NONE, "dropped: not taken again");
	deactivate(SPI);
	test_equal(acknowledge(), SPI, "deactivated: taken again");
	test_check(test_gic_get(GIC_ISACTIVER, SPI), "active again");
	drop(SPI);
	deactivate(SPI);
	test_check(!test_gic_get(GIC_ISACTIVER, SPI), "inactive");
}

/* All of them acknowledged and dropped, then deactivated out of order: more than list registers hold. */
static void split_many(void)
{
	bool ok = true;

	eoimode1();
	set_priorities(0, 16);
	for (unsigned int i = 0; i < 16; i++)
		test_sgi_self(i);
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int intid = acknowledge();

		ok &= intid == 15 - i;
		drop(intid);
	}
	test_check(ok, "16 SGIs in order");
	test_equal(guest_mmio_read32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISACTIVER), 0xffff,
		   "all active");
	for (unsigned int i = 0; i < 16; i++)
		test_sgi_self(i);
	test_equal(acknowledge(), GIC_INTID_NONE, "none taken again");
	ok = true;
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int intid = i * 7 % 16;

		deactivate(intid);
		ok &= acknowledge() == intid;
		drop(intid);
		deactivate(intid);
	}
	test_check(ok, "each one taken again when deactivated");
	test_equal(guest_mmio_read32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISACTIVER), 0, "all inactive");
	test_equal(acknowledge(), GIC_INTID_NONE, "nothing left");
}

/* Active all at once, in both meanings: priorities dropped last. */
static void split_nested(void)
{
	bool ok = true;

	eoimode1();
	set_priorities(0, 8);
	for (unsigned int i = 0; i < 8; i++) {
		test_sgi_self(i);
		ok &= acknowledge() == i;
	}
	test_check(ok, "8 nested");
	for (unsigned int i = 8; i-- > 0;)
		drop(i);
	test_equal(guest_read_sysreg(ICC_RPR_EL1), 0xff, "dropped");
	test_equal(guest_mmio_read32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISACTIVER), 0xff, "active");
	for (unsigned int i = 0; i < 8; i++)
		deactivate(i);
	test_equal(guest_mmio_read32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISACTIVER), 0, "deactivated");
}

static void deactivate_remotely(void *arg)
{
	guest_gic_init();
	guest_write_sysreg(ICC_CTLR_EL1, ICC_CTLR_EOIMODE);
	guest_isb();
	deactivate((unsigned int)(uint64_t)arg);
}

static void split_remote(void)
{
	eoimode1();
	test_gic_set(GIC_ISPENDR, SPI);
	test_equal(acknowledge(), SPI, "acknowledge");
	drop(SPI);
	test_check(test_on_vcpu(1, deactivate_remotely, (void *)SPI), "another vCPU deactivates");
	test_check(!test_gic_get(GIC_ISACTIVER, SPI), "inactive");
	test_gic_set(GIC_ISPENDR, SPI);
	test_equal(acknowledge(), SPI, "taken again");
	drop(SPI);
	deactivate(SPI);
}

static void test_eoimode1(void)
{
	test_run("one", split_one);
	test_run("many", split_many);
	test_run("nested", split_nested);
	if (guest_nr_vcpus() > 1)
		test_run("remote", split_remote);
	start_over(NULL);
}

/* EOImode 0, all active at once: ended from the inside out. */
static void test_eoimode0(void)
{
	bool ok = true;

	start_over(NULL);
	set_priorities(0, 10);
	for (unsigned int i = 0; i < 10; i++) {
		test_sgi_self(i);
		ok &= acknowledge() == i;
	}
	test_check(ok, "10 nested");
	test_equal(guest_mmio_read32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISACTIVER), 0x3ff, "active");
	for (unsigned int i = 10; i-- > 0;) {
		drop(i);
		ok &= guest_mmio_read32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISACTIVER) == BIT(i) - 1;
	}
	test_check(ok, "ended one by one");
	test_equal(guest_read_sysreg(ICC_RPR_EL1), 0xff, "idle priority");

	/* The ends come without an exit in between. */
	for (unsigned int i = 0; i < 10; i++) {
		test_sgi_self(i);
		ok &= acknowledge() == i;
	}
	for (unsigned int i = 10; i-- > 0;)
		drop(i);
	test_equal(guest_mmio_read32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ISACTIVER), 0,
		   "ended in a row");
	for (unsigned int i = 0; i < 10; i++)
		test_sgi_self(i);
	for (unsigned int i = 10; i-- > 0;) {
		ok &= acknowledge() == i;
		drop(i);
	}
	test_check(ok && acknowledge() == GIC_INTID_NONE, "all can be taken again");
}

/* ---- SPI routing ---- */

static void test_routing(void)
{
	unsigned int nr = guest_nr_vcpus();
	bool ok = true;

	start_over(NULL);
	guest_irq_unmask();
	test_check(servers_start(), "others are on");
	for (unsigned int i = 0; i < nr; i++) {
		guest_mmio_write64(GICD_IROUTER(SPI), i);
		test_gic_set(GIC_ISPENDR, SPI);
		ok &= TEST_WAIT(test_irq_count(i, SPI) == 1);
	}
	test_check(ok, "to each vCPU");
	test_delay(QUIET);
	for (unsigned int i = 0; i < nr; i++)
		ok &= test_irq_count(i, SPI) == 1;
	test_check(ok, "and no other");

	guest_irq_mask();
	guest_mmio_write64(GICD_IROUTER(SPI + 1), 0);
	test_gic_set(GIC_ISPENDR, SPI + 1);
	test_equal(hppir1(), SPI + 1, "pending here");
	guest_mmio_write64(GICD_IROUTER(SPI + 1), 1);
	test_check(TEST_WAIT(test_irq_count(1, SPI + 1) == 1), "routed elsewhere while pending");
	guest_isb();
	test_equal(acknowledge(), GIC_INTID_NONE, "no longer pending here");

	guest_mmio_write64(GICD_IROUTER(SPI + 2), 0);
	test_gic_set(GIC_ISPENDR, SPI + 2);
	test_equal(acknowledge(), SPI + 2, "active here");
	guest_mmio_write64(GICD_IROUTER(SPI + 2), 1);
	test_gic_set(GIC_ISPENDR, SPI + 2);
	test_check(is_quiet(1, SPI + 2, 0), "routed elsewhere while active: not taken there");
	drop(SPI + 2);
	test_check(TEST_WAIT(test_irq_count(1, SPI + 2) == 1), "until it is ended here");
	test_check(servers_stop(), "others are off");
}

static void test_route_nowhere(void)
{
	start_over(NULL);
	guest_irq_unmask();
	guest_mmio_write64(GICD_IROUTER(SPI), 0xfe00);
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(is_quiet(0, SPI, 0), "not taken");
	test_check(test_gic_get(GIC_ISPENDR, SPI), "stays pending");
	guest_mmio_write64(GICD_IROUTER(SPI), 0);
	test_check(arrives(0, SPI, 1), "routed here: taken");
	guest_irq_mask();
}

/* ---- groups ---- */

static void test_group_enables(void)
{
	start_over(NULL);
	guest_irq_unmask();
	guest_write_sysreg(ICC_IGRPEN1_EL1, 0);
	guest_isb();
	test_sgi_self(SGI);
	test_check(is_quiet(0, SGI, 0), "ICC_IGRPEN1 0: not taken");
	guest_write_sysreg(ICC_IGRPEN1_EL1, 1);
	guest_isb();
	test_check(arrives(0, SGI, 1), "ICC_IGRPEN1 1: taken");
	guest_mmio_write32(GICD_CTLR, GICD_CTLR_ARE);
	test_gic_sync();
	test_sgi_self(SGI);
	test_check(is_quiet(0, SGI, 1), "GICD_CTLR.EnableGrp1 0: not taken");
	test_check(test_gic_get(GIC_ISPENDR, SGI), "GICD_CTLR.EnableGrp1 0: pending");
	guest_mmio_write32(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1);
	test_gic_sync();
	test_check(arrives(0, SGI, 2), "GICD_CTLR.EnableGrp1 1: taken");
	guest_irq_mask();
}

static uint64_t fiqs[GIC_NR_PRIVATE * 2];

static bool take_fiq(struct guest_frame *frame __unused)
{
	unsigned int intid = (unsigned int)guest_read_sysreg(ICC_IAR0_EL1);

	guest_dsb();
	if (intid < ARRAY_SIZE(fiqs))
		fiqs[intid]++;
	guest_write_sysreg(ICC_EOIR0_EL1, intid);
	guest_isb();
	return true;
}

static void set_group(unsigned int intid, bool group1)
{
	uint64_t reg = intid < GIC_NR_PRIVATE ? guest_gic_redist() + GICR_IGROUPR0 :
						GUEST_GICD_IPA + GIC_IGROUPR + intid / 32 * 4;
	uint32_t bit = 1u << intid % 32;
	uint32_t value = guest_mmio_read32(reg);

	guest_mmio_write32(reg, group1 ? value | bit : value & ~bit);
	guest_dsb();
}

static void test_group0(void)
{
	start_over(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fiqs); i++)
		fiqs[i] = 0;
	guest_hook(GUEST_HOOK_FIQ, take_fiq);
	guest_mmio_write32(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1 | GICD_CTLR_ENABLE_G0);
	guest_write_sysreg(ICC_IGRPEN0_EL1, 1);
	set_group(SGI, false);
	set_group(SPI, false);
	test_gic_sync();
	guest_irq_unmask();
	__asm__ volatile("msr daifclr, #1" : : : "memory");
	guest_write_sysreg(ICC_SGI0R_EL1, (uint64_t)SGI << 24 | 1);
	guest_isb();
	test_check(TEST_WAIT(READ_ONCE(fiqs[SGI]) == 1), "SGI0R: a FIQ");
	test_sgi_self(SGI);
	test_delay(QUIET);
	test_equal(READ_ONCE(fiqs[SGI]), 1, "SGI1R: not for an SGI of group 0");
	guest_write_sysreg(ICC_SGI0R_EL1, (uint64_t)(SGI + 1) << 24 | 1);
	guest_isb();
	test_check(is_quiet(0, SGI + 1, 0) && READ_ONCE(fiqs[SGI + 1]) == 0,
		   "SGI0R: not for an SGI of group 1");
	test_gic_set(GIC_ISPENDR, SPI);
	test_check(TEST_WAIT(READ_ONCE(fiqs[SPI]) == 1), "an SPI: a FIQ");
	test_check(test_irq_count(0, SPI) == 0 && test_irq_count(0, SGI) == 0, "and not an IRQ");
	guest_write_sysreg(ICC_IGRPEN0_EL1, 0);
	guest_isb();
	test_gic_set(GIC_ISPENDR, SPI);
	test_delay(QUIET);
	test_equal(READ_ONCE(fiqs[SPI]), 1, "ICC_IGRPEN0 0: not taken");
	guest_write_sysreg(ICC_IGRPEN0_EL1, 1);
	guest_isb();
	test_check(TEST_WAIT(READ_ONCE(fiqs[SPI]) == 2), "ICC_IGRPEN0 1: taken");
	test_sgi_self(SGI + 1);
	test_check(TEST_WAIT(test_irq_count(0, SGI + 1) == 1), "group 1 beside it: an IRQ");
	__asm__ volatile("msr daifset, #3" : : : "memory");
	set_group(SGI, true);
	set_group(SPI, true);
	start_over(NULL);
}

/* ---- WFI ---- */

static void test_wfi(void)
{
	start_over(NULL);
	test_sgi_self(SGI);
	__asm__ volatile("wfi" : : : "memory");
	test_equal(test_irq_count(0, SGI), 0, "a pending masked interrupt wakes");
	guest_irq_unmask();
	test_check(TEST_WAIT(test_irq_count(0, SGI) == 1), "and is taken when unmasked");
	guest_irq_mask();
}

static const struct test tests[] = {
	{ "reset", test_reset_values },
	{ "register", test_registers },
	{ "irouter reserved bits", test_irouter_reserved, .schism = true },
	{ "sgi self", test_sgi_self_all },
	{ "sgi others", test_sgi_others, .vcpus = 2 },
	{ "sgi remote", test_sgi_remote_registers, .vcpus = 2 },
	{ "pending", test_pending },
	{ "level", test_level },
	{ "raised while active", edge_while_active },
	{ "active", test_active },
	{ "priority", test_priority },
	{ "preemption", test_preemption },
	{ "eoimode 0", test_eoimode0 },
	{ "eoimode 1", test_eoimode1 },
	{ "routing", test_routing, .vcpus = 2 },
	{ "route nowhere", test_route_nowhere },
	{ "group enable", test_group_enables },
	{ "group 0", test_group0 },
	{ "wfi", test_wfi },
};

void guest_main(uint64_t dtb __unused)
{
	test_main("gic", tests, ARRAY_SIZE(tests));
}
