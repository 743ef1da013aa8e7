// SPDX-License-Identifier: MIT
/*
 * uart_input: what a PL011 makes of what is typed, with FIFOs on and the receive interrupt alone asked for:
 * it says when to type, and what came. tests/boot/test_guests.py compares QEMU's model with Schism's.
 */
#include "guests/lib/guest.h"

#define REG(offset)	(GUEST_UART_IPA + (offset))
#define DR		REG(0x00)
#define RSR		REG(0x04)
#define FR		REG(0x18)
#define LCR_H		REG(0x2c)
#define CR		REG(0x30)
#define IFLS		REG(0x34)
#define IMSC		REG(0x38)
#define MIS		REG(0x40)
#define ICR		REG(0x44)

#define FR_RXFE		BIT(4)
#define LCR_8BIT_FIFO	(BIT(6) | BIT(5) | BIT(4))
#define CR_ON		(BIT(0) | BIT(8) | BIT(9))
#define INT_RX		BIT(4)

static void say_what_comes(const char *what)
{
	uint32_t data, status, more, mis;

	guest_printf("type %s\n", what);
	while (!(guest_mmio_read32(MIS) & INT_RX))
		;
	data = guest_mmio_read32(DR);
	status = guest_mmio_read32(RSR);
	more = !(guest_mmio_read32(FR) & FR_RXFE);
	mis = guest_mmio_read32(MIS) & INT_RX;
	guest_printf("came: DR %03x RSR %x more %u MIS %x\n", data, status, more, mis);
}

void guest_main(uint64_t dtb __unused)
{
	guest_mmio_write32(CR, 0);
	guest_mmio_write32(LCR_H, LCR_8BIT_FIFO);
	guest_mmio_write32(IFLS, 0x12);
	guest_mmio_write32(ICR, 0x7ff);
	guest_mmio_write32(IMSC, INT_RX);
	guest_mmio_write32(CR, CR_ON);
	say_what_comes("a character");
	say_what_comes("a BREAK");
	say_what_comes("another character");
}
