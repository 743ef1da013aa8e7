// SPDX-License-Identifier: MIT
/*
 * gpio_os: a VM with a device of the machine's own, QEMU virt's GPIO controller (PL061), on whose pin 3 the
 * power button is. Reports each press; after presses=N of them PASS.
 *
 * mode=storm: pin 3 interrupts for as long as it is low, and that is always: what is ended comes again at
 * once, for ms=N.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define GPIO			0x09030000
#define GPIO_SIZE		0x1000
#define GPIOIS			(GPIO + 0x404)	/* 1: level */
#define GPIOIEV			(GPIO + 0x40c)	/* 1: rising edge */
#define GPIOIE			(GPIO + 0x410)
#define GPIOMIS			(GPIO + 0x418)
#define GPIOIC			(GPIO + 0x41c)
#define GPIOPERIPHID0		(GPIO + 0xfe0)
#define PL061_ID		0x61
#define GPIO_INTID		39
#define POWER_BUTTON		BIT(3)
#define TCR_T0SZ		GENMASK(5, 0)
#define TCR_EPD1		BIT(23)
#define TCR_TG1			GENMASK(31, 30)
#define TCR_TG1_4K		BIT(31)
#define UPPER_HALF		UINT64_C(0xffffff8000000000)
/* At whatever level of the walk; the others are the guest's own stage 1. */
#define FSC_IS_EXTERNAL(fsc)	(((fsc) & 0x30) == 0x10)

static volatile uint64_t presses, strays;
static uint64_t storm_end;		/* counter value; 0: presses are waited for */

static bool on_irq(struct guest_frame *frame __unused)
{
	uint64_t intid = guest_read_sysreg("S3_0_C12_C12_0");	/* ICC_IAR1_EL1 */

	if (intid == GPIO_INTID && guest_mmio_read32(GPIOMIS) == POWER_BUTTON)
		presses++;
	else
		strays++;
	guest_mmio_write32(GPIOIC, POWER_BUTTON);
	/* In a storm nothing but this is run. */
	if (storm_end && guest_counter() > storm_end)
		guest_mmio_write32(GPIOIE, 0);
	if (intid < 1020)
		guest_write_sysreg("S3_0_C12_C12_1", intid);	/* ICC_EOIR1_EL1 */
	guest_isb();
	return true;
}

static void gpio_init(void)
{
	guest_mmu_map(GPIO, GPIO_SIZE, GUEST_MAP_DEVICE);
	if (guest_mmio_read32(GPIOPERIPHID0) != PL061_ID)
		guest_fail(0, 0, 0, "gpio_os: there is no PL061 at 0x%x", GPIO);
	guest_mmio_write32(GPIOIEV, POWER_BUTTON);
	guest_mmio_write32(GPIOIC, POWER_BUTTON);
	guest_mmio_write32(GPIOIE, POWER_BUTTON);
}

/*
 * Translation tables in a device: HCR_EL2.PTW makes an access that needs them abort, so that a walk, which
 * may be speculative, never reads a register.
 */
static void check_no_walk_reads_the_device(void)
{
	uint64_t tcr = guest_read_sysreg("tcr_el1");
	struct guest_fault fault = { 0 };
	bool aborts;

	guest_write_sysreg("ttbr1_el1", GPIO);
	/* The same geometry as the lower half: 39 bits, level 1 first, 4 KiB. */
	guest_write_sysreg("tcr_el1", (tcr & ~(TCR_EPD1 | TCR_TG1)) | (tcr & TCR_T0SZ) << 16 |
					      TCR_TG1_4K);
	guest_isb();
	aborts = guest_try(guest_probe_ldr_x, (void *)UPPER_HALF, &fault);
	guest_write_sysreg("tcr_el1", tcr);
	guest_isb();
	if (!aborts || !FSC_IS_EXTERNAL(ESR_FSC(fault.esr)))
		guest_fail(fault.esr, fault.far, 0, "gpio_os: a table walk has read the device");
}

static void spi_enable(unsigned int intid)
{
	unsigned int bit = intid % 32;

	guest_mmio_write32(GUEST_GICD_IPA + GIC_IGROUPR + intid / 32 * 4, 1u << bit);
	guest_mmio_write64(GICD_IROUTER(intid), 0);
	guest_mmio_write32(GUEST_GICD_IPA + GIC_ISENABLER + intid / 32 * 4, 1u << bit);
}

static void storm(void)
{
	storm_end = guest_counter() + test_us(1000 * guest_arg("ms", 100));
	guest_mmio_write32(GPIOIS, POWER_BUTTON);
	guest_mmio_write32(GPIOIEV, 0);
	spi_enable(GPIO_INTID);
	guest_irq_unmask();
	while (guest_counter() < storm_end)
		guest_relax();
	guest_mmio_write32(GPIOIE, 0);
	guest_irq_mask();
	guest_task_report(GUEST_TASK_TEST, strays ? GUEST_EVENT_FAIL : GUEST_EVENT_PASS, 1, presses,
			  strays, 0);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t wanted = guest_arg("presses", 2), told = 0;

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	gpio_init();
	check_no_walk_reads_the_device();
	guest_gic_init();
	guest_hook(GUEST_HOOK_IRQ, on_irq);
	if (guest_arg_is("mode", "storm")) {
		storm();
		return;
	}
	spi_enable(GPIO_INTID);
	guest_printf("gpio_os: waiting for the power button\n");
	while (told < wanted) {
		guest_irq_mask();
		if (told == presses)
			__asm__ volatile("wfi");
		guest_irq_unmask();
		guest_isb();
		if (told != presses)
			guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PROGRESS, ++told, presses, strays, 0);
	}
	guest_task_report(GUEST_TASK_TEST, strays ? GUEST_EVENT_FAIL : GUEST_EVENT_PASS, told + 1, presses,
			  strays, 0);
}
