// SPDX-License-Identifier: MIT
/* Arm PrimeCell UART, PL011 (DDI 0183G). Transmission goes on, and reception begins, by interrupt. */
#include "kernel/base/mmio.h"
#include "kernel/console/console.h"

#define UARTDR		0x00
#define UARTFR		0x18
#define UARTIBRD	0x24
#define UARTFBRD	0x28
#define UARTLCR_H	0x2c
#define UARTCR		0x30
#define UARTIMSC	0x38
#define UARTICR		0x44

#define DR_BE		BIT(10)
#define FR_RXFE		BIT(4)
#define FR_TXFF		BIT(5)
#define LCR_FEN		BIT(4)
#define LCR_WLEN8	(3u << 5)
#define CR_UARTEN	BIT(0)
#define CR_TXE		BIT(8)
#define CR_RXE		BIT(9)
#define INT_RX		BIT(4)
#define INT_TX		BIT(5)
#define INT_RT		BIT(6)

static void pl011_init(volatile void *regs, uint32_t clock_hz, uint32_t baud)
{
	mmio_write32(regs, UARTIMSC, 0);
	mmio_write32(regs, UARTICR, 0x7ff);
	if (clock_hz && baud) {
		uint32_t divisor = (uint32_t)((uint64_t)clock_hz * 4 / baud);	/* in 1/64 */

		mmio_write32(regs, UARTCR, 0);
		mmio_write32(regs, UARTIBRD, divisor >> 6);
		mmio_write32(regs, UARTFBRD, divisor & 0x3f);
	}
	/* A write to LCR_H also takes over the divisor (3.3.7). */
	mmio_write32(regs, UARTLCR_H, LCR_WLEN8 | LCR_FEN);
	mmio_write32(regs, UARTCR, CR_UARTEN | CR_TXE | CR_RXE);
}

static size_t pl011_write(volatile void *regs, const char *text, size_t len)
{
	size_t n;

	for (n = 0; n < len && !(mmio_read32(regs, UARTFR) & FR_TXFF); n++)
		mmio_write32(regs, UARTDR, (uint8_t)text[n]);
	return n;
}

static int pl011_getc(volatile void *regs)
{
	uint32_t data;

	if (mmio_read32(regs, UARTFR) & FR_RXFE)
		return -1;
	data = mmio_read32(regs, UARTDR);
	return data & DR_BE ? SERIAL_BREAK : (int)(data & 0xff);
}

/*
 * The transmit interrupt comes when a FIFO that was fuller falls to half (2.4.2). It is asked for only
 * when the FIFO is full, so it will.
 */
static void pl011_set_irqs(volatile void *regs, bool rx, bool tx)
{
	mmio_write32(regs, UARTIMSC, (rx ? INT_RX | INT_RT : 0) | (tx ? INT_TX : 0));
}

SERIAL_DRIVER(pl011) = {
	.compatible = "arm,pl011",
	.init = pl011_init,
	.write = pl011_write,
	.getc = pl011_getc,
	.set_irqs = pl011_set_irqs,
};

/* The subset that Arm's server base specification asks for. */
SERIAL_DRIVER(sbsa_uart) = {
	.compatible = "arm,sbsa-uart",
	.init = pl011_init,
	.write = pl011_write,
	.getc = pl011_getc,
	.set_irqs = pl011_set_irqs,
};
