// SPDX-License-Identifier: MIT
/*
 * test_uart: the PL011 (DDI 0183): identification, flags, loopback, interrupts and their level. Only what
 * holds for every model of it; the console works all the while.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"
#include "lib/string.h"

#define REG(offset)	(GUEST_UART_IPA + (offset))
#define DR		REG(0x00)
#define RSR		REG(0x04)
#define FR		REG(0x18)
#define IBRD		REG(0x24)
#define FBRD		REG(0x28)
#define LCR_H		REG(0x2c)
#define CR		REG(0x30)
#define IFLS		REG(0x34)
#define IMSC		REG(0x38)
#define RIS		REG(0x3c)
#define MIS		REG(0x40)
#define ICR		REG(0x44)

#define DR_BE		BIT(10)
#define RSR_BE		BIT(2)
#define FR_BUSY		BIT(3)
#define FR_RXFE		BIT(4)
#define FR_TXFF		BIT(5)
#define FR_RXFF		BIT(6)
#define FR_TXFE		BIT(7)
#define LCR_8BIT	(BIT(6) | BIT(5))
#define LCR_BRK		BIT(0)
#define LCR_FEN		BIT(4)
#define CR_UARTEN	BIT(0)
#define CR_LBE		BIT(7)
#define CR_TXE		BIT(8)
#define CR_RXE		BIT(9)
#define CR_ON		(CR_UARTEN | CR_TXE | CR_RXE)
#define INT_RX		BIT(4)
#define INT_TX		BIT(5)
#define INT_RT		BIT(6)
#define INT_BE		BIT(9)
#define INT_ALL		0x7ff

static uint32_t get(uint64_t reg)
{
	return guest_mmio_read32(reg);
}

static void set(uint64_t reg, uint32_t value)
{
	guest_mmio_write32(reg, value);
}

static void uart_on(uint32_t more_cr)
{
	set(CR, 0);
	set(IMSC, 0);
	set(LCR_H, LCR_8BIT | LCR_FEN);
	set(ICR, INT_ALL);
	set(CR, CR_ON | more_cr);
}

static void test_identification(void)
{
	static const uint8_t ids[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	bool ok = true;

	for (unsigned int i = 0; i < 8; i++) {
		uint32_t id = get(REG(0xfe0 + 4 * i)), mask = i == 2 ? 0x0f : 0xff;

		ok &= (id & mask) == (ids[i] & mask) && id <= 0xff;
	}
	test_check(ok, "PrimeCell PL011");
	test_equal(guest_mmio_read8(REG(0xfe0)), 0x11, "a byte of it");
	test_equal(get(REG(0xff0)), 0x0d, "a word of it");
}

static void test_registers(void)
{
	uart_on(0);
	set(IBRD, 0xffff);
	set(FBRD, 0x3f);
	test_equal(get(IBRD), 0xffff, "IBRD");
	test_equal(get(FBRD), 0x3f, "FBRD");
	set(IBRD, 13);
	set(FBRD, 1);
	test_equal(get(LCR_H), LCR_8BIT | LCR_FEN, "LCR_H");
	test_equal(get(CR), CR_ON, "CR");
	set(IMSC, INT_RX);
	test_equal(get(IMSC), INT_RX, "IMSC");
	set(IMSC, 0);
	test_equal(get(MIS), 0, "MIS");
	test_equal(get(IFLS), 0x12, "IFLS at reset");
}

static void test_flags(void)
{
	uart_on(0);
	test_check(TEST_WAIT(get(FR) & FR_TXFE), "transmitter gets empty");
	test_check(!(get(FR) & (FR_TXFF | FR_BUSY)), "not full, not busy");
	test_check((get(FR) & (FR_RXFE | FR_RXFF)) == FR_RXFE, "nothing received");
}

static void test_loopback(void)
{
	bool ok = true;

	uart_on(CR_LBE);
	for (unsigned int i = 0; i < 8; i++)
		set(DR, 'a' + i);
	ok = TEST_WAIT(!(get(FR) & FR_RXFE));
	for (unsigned int i = 0; ok && i < 8; i++)
		ok = (get(DR) & 0xff) == 'a' + i;
	ok = ok && (get(FR) & FR_RXFE);
	uart_on(0);
	test_check(ok, "eight characters come back");
}

static uint64_t silencing;

static void silence(unsigned int intid)
{
	if (intid == GUEST_UART_INTID && test_irq_count(0, intid) >= silencing)
		set(IMSC, 0);
}

static void test_interrupt(void)
{
	bool clear, low;

	test_irq_init();
	guest_mmio_write64(GICD_IROUTER(GUEST_UART_INTID), 0);
	test_gic_priority(GUEST_UART_INTID, GIC_PRIORITY_DEFAULT);
	guest_mmio_write32(GUEST_GICD_IPA + GIC_IGROUPR + 4, ~0u);
	test_irq_handler(silence);
	silencing = 1;
	uart_on(0);
	guest_irq_unmask();
	test_gic_set(GIC_ISENABLER, GUEST_UART_INTID);
	test_equal(test_irq_count(0, GUEST_UART_INTID), 0, "none at first");
	guest_puts(" \n");
	test_check(get(RIS) & INT_TX, "RIS after a character is sent");
	test_check(!(get(MIS) & INT_TX), "masked: MIS");
	test_delay(test_us(20));
	test_equal(test_irq_count(0, GUEST_UART_INTID), 0, "masked: not taken");
	set(IMSC, INT_TX);
	test_check(TEST_WAIT(test_irq_count(0, GUEST_UART_INTID) == 1), "unmasked: taken");
	test_delay(test_us(20));
	test_equal(test_irq_count(0, GUEST_UART_INTID), 1, "once, since the handler masks it");

	/* Level: as long as it is asserted. */
	test_irq_handler(silence);
	silencing = 5;
	set(IMSC, INT_TX);
	test_check(TEST_WAIT(test_irq_count(0, GUEST_UART_INTID) == 5), "not silenced: taken again");
	test_delay(test_us(20));
	test_equal(test_irq_count(0, GUEST_UART_INTID), 5, "until it is silenced");

	guest_irq_mask();
	set(IMSC, INT_TX);
	test_check(TEST_WAIT(test_gic_get(GIC_ISPENDR, GUEST_UART_INTID)), "IRQs masked: pending");
	test_gic_set(GIC_ICPENDR, GUEST_UART_INTID);
	test_check(test_gic_get(GIC_ISPENDR, GUEST_UART_INTID), "ICPENDR does not clear a level");
	/* Saying so would raise it again. */
	set(ICR, INT_TX);
	clear = !(get(RIS) & INT_TX) && !get(MIS);
	low = TEST_WAIT(!test_gic_get(GIC_ISPENDR, GUEST_UART_INTID));
	set(IMSC, 0);
	test_check(clear, "ICR: RIS and MIS are clear");
	test_check(low, "ICR: no longer pending");
	test_irq_handler(NULL);
	guest_irq_unmask();
	test_delay(test_us(20));
	test_equal(test_irq_count(0, GUEST_UART_INTID), 0, "nor taken");
	guest_irq_mask();
}

static void test_receive_interrupt(void)
{
	bool received, taken;

	silencing = 1;
	test_irq_handler(silence);
	uart_on(CR_LBE);
	set(LCR_H, LCR_8BIT);		/* a FIFO of one */
	set(IMSC, INT_RX);
	guest_irq_unmask();
	set(DR, 'x');
	taken = TEST_WAIT(test_irq_count(0, GUEST_UART_INTID) == 1);
	guest_irq_mask();
	received = (get(RIS) & INT_RX) && (get(DR) & 0xff) == 'x' && !(get(RIS) & INT_RX);
	uart_on(0);
	test_check(taken, "taken in loopback");
	test_check(received, "reading the character clears it");
}

/* ---- from a 32-bit program ---- */

#define USER_VA			UINT64_C(0xc0000000)
#define PTE_USER_CODE		0x200000000007c7	/* Normal, inner shareable, read-only, PXN */
#define PTE_USER_DEVICE		0x60000000000443	/* Device, never executable */
#define PTE_TABLE		3
#define SPSR_THUMB_USER		(BIT(8) | BIT(7) | BIT(6) | BIT(5) | 0x10)

static uint64_t user_level2[512] __aligned(4096), user_level3[512] __aligned(4096);
static uint64_t user_code[512] __aligned(4096);
static struct guest_frame kernel, user;

/* cmp r3, r3; itete eq; ldreq r1, [r2]; movne r4, #1; moveq r5, #1; movne r6, #1; svc #0 */
static const uint16_t conditional_load[] = { 0x429b, 0xbf0b, 0x6811, 0x2401, 0x2501, 0x2601, 0xdf00 };

static void map_user(void)
{
	uint64_t *root = (uint64_t *)(guest_read_sysreg("ttbr0_el1") & GENMASK(47, 12));

	memcpy(user_code, conditional_load, sizeof(conditional_load));
	user_level3[0] = (uint64_t)user_code | PTE_USER_CODE;
	user_level3[1] = GUEST_UART_IPA | PTE_USER_DEVICE;
	user_level2[0] = (uint64_t)user_level3 | PTE_TABLE;
	root[USER_VA >> 30] = (uint64_t)user_level2 | PTE_TABLE;
	/* It is shorter than a cache line. */
	__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb"
			 : : "r"(user_code) : "memory");
}

/* SVC at EL1: there. */
static bool enter_user(struct guest_frame *frame)
{
	kernel = *frame;
	memset(frame->x, 0, sizeof(frame->x));
	frame->x[2] = USER_VA + 0x1000 + (FR - GUEST_UART_IPA);
	frame->elr = USER_VA;
	frame->spsr = SPSR_THUMB_USER;
	return true;
}

/* Whatever ends it: back. */
static bool leave_user(struct guest_frame *frame)
{
	user = *frame;
	*frame = kernel;
	return true;
}

static void test_it_block(void)
{
	if ((guest_read_sysreg("id_aa64pfr0_el1") & 0xf) != 2) {
		test_skip("no AArch32 at EL0");
		return;
	}
	map_user();
	guest_hook(GUEST_HOOK_SYNC, enter_user);
	guest_hook(GUEST_HOOK_OTHER, leave_user);
	__asm__ volatile("svc #0" : : : "memory");
	guest_hook(GUEST_HOOK_SYNC, NULL);
	guest_hook(GUEST_HOOK_OTHER, NULL);
	test_equal(user.elr, USER_VA + sizeof(conditional_load), "it comes to its end");
	test_check(user.x[1] & FR_TXFE, "a conditional load");
	test_check(!user.x[4] && user.x[5] == 1 && !user.x[6], "the conditions behind it");
}

/* What is received is read before anything is said. */
static void test_break(void)
{
	uint32_t ris, data, status, rest;
	bool taken;

	silencing = 1;
	test_irq_handler(silence);
	uart_on(CR_LBE);
	set(IMSC, INT_BE);
	guest_irq_unmask();
	set(LCR_H, LCR_8BIT | LCR_FEN | LCR_BRK);
	taken = TEST_WAIT(test_irq_count(0, GUEST_UART_INTID) == 1);
	guest_irq_mask();
	ris = get(RIS);
	set(LCR_H, LCR_8BIT | LCR_FEN);
	set(DR, 'y');
	data = get(DR);
	status = get(RSR);
	rest = get(DR);
	set(ICR, INT_BE);
	ris &= ~get(RIS);
	uart_on(0);
	test_check(taken, "taken in loopback");
	test_check(ris & INT_BE, "RIS, until ICR clears it");
	test_equal(data, DR_BE, "DR");
	test_equal(status, RSR_BE, "RSR");
	test_equal(rest, 'y', "DR of what comes behind it");
}

/* As QEMU's model: DDI 0183 would have it wait for the level, and the timeout interrupt tell. */
static void test_first_character(void)
{
	uint32_t alone, both;

	uart_on(CR_LBE);
	set(IMSC, INT_RX | INT_RT);
	set(DR, 'x');
	both = get(MIS);
	set(IMSC, INT_RX);
	alone = get(MIS);
	uart_on(0);
	set(LCR_H, LCR_8BIT);		/* empties the FIFO */
	test_equal(both, INT_RT, "with the timeout interrupt: that one alone");
	test_equal(alone, INT_RX, "without: the receive interrupt");
}

static const struct test tests[] = {
	{ "identification", test_identification },
	{ "registers", test_registers },
	{ "flags", test_flags },
	{ "loopback", test_loopback, .schism = true },	/* QEMU 7.2 has none */
	{ "interrupt", test_interrupt },
	{ "receive interrupt", test_receive_interrupt, .schism = true },
	{ "break", test_break, .schism = true },
	{ "first character", test_first_character, .schism = true },
	{ "in an IT block", test_it_block },
};

void guest_main(uint64_t dtb __unused)
{
	test_main("uart", tests, ARRAY_SIZE(tests));
}
