// SPDX-License-Identifier: MIT
/*
 * A PL011 (DDI 0183G) whose transmitter ends on Schism's console. Characters are gathered until a line is
 * complete or full, and printed as "[name] line". It transmits whether or not the guest enabled it, as
 * software expects that never sets CR. Nothing is received.
 */
#include "kernel/console.h"
#include "kernel/mm/page.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define LINE_MAX	160

#define UARTDR		0x00
#define UARTRSR		0x04
#define UARTFR		0x18
#define UARTIBRD	0x24
#define UARTFBRD	0x28
#define UARTLCR_H	0x2c
#define UARTCR		0x30
#define UARTIFLS	0x34
#define UARTIMSC	0x38
#define UARTRIS		0x3c
#define UARTMIS		0x40
#define UARTICR		0x44
#define UARTPERIPHID0	0xfe0

#define FR_RXFE		BIT(4)
#define FR_TXFE		BIT(7)
#define INT_TX		BIT(5)
#define INT_ALL		0x7ffu

struct vuart {
	char line[LINE_MAX];
	unsigned int len;
	uint32_t ibrd, fbrd, lcr, cr, ifls, imsc, ris;
};

static void flush(const struct vm *vm, struct vuart *uart)
{
	char text[VM_NAME_LEN + LINE_MAX + 4];
	int len = fmt_snprintf(text, sizeof(text), "[%s] %.*s", vm->name, (int)uart->len, uart->line);

	console_write_line(text, (size_t)len);
	uart->len = 0;
}

static void transmit(const struct vm *vm, struct vuart *uart, char c)
{
	uart->ris |= INT_TX;
	if (c == '\r')
		return;
	if (c == '\n') {
		flush(vm, uart);
		return;
	}
	/* Nothing that a guest prints may steer the terminal, but a tab. */
	uart->line[uart->len++] = (c >= ' ' && c < 0x7f) || c == '\t' ? c : '?';
	if (uart->len == LINE_MAX)
		flush(vm, uart);
}

static const struct {
	uint32_t offset;
	size_t field;
	uint32_t mask;
} plain_regs[] = {
	{ UARTIBRD, offsetof(struct vuart, ibrd), 0xffff },
	{ UARTFBRD, offsetof(struct vuart, fbrd), 0x3f },
	{ UARTLCR_H, offsetof(struct vuart, lcr), 0xff },
	{ UARTCR, offsetof(struct vuart, cr), 0xff87 },
	{ UARTIFLS, offsetof(struct vuart, ifls), 0x3f },
	{ UARTIMSC, offsetof(struct vuart, imsc), INT_ALL },
};

static uint32_t *plain_reg(struct vuart *uart, uint32_t offset, uint32_t *mask)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(plain_regs); i++) {
		if (plain_regs[i].offset == offset) {
			*mask = plain_regs[i].mask;
			return (uint32_t *)((char *)uart + plain_regs[i].field);
		}
	}
	return NULL;
}

static uint32_t uart_read(struct vuart *uart, uint32_t offset)
{
	/* PrimeCell identification, one byte a register (3.3.16 on). */
	static const uint8_t ids[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	uint32_t mask, *reg = plain_reg(uart, offset, &mask);

	if (reg)
		return *reg;
	if (offset >= UARTPERIPHID0)
		return ids[(offset - UARTPERIPHID0) / 4];
	switch (offset) {
	case UARTFR:
		return FR_RXFE | FR_TXFE;
	case UARTRIS:
		return uart->ris;
	case UARTMIS:
		return uart->ris & uart->imsc;
	default:
		return 0;
	}
}

static void uart_write(const struct vm *vm, struct vuart *uart, uint32_t offset, uint32_t val)
{
	uint32_t mask, *reg = plain_reg(uart, offset, &mask);

	if (reg)
		*reg = val & mask;
	else if (offset == UARTDR)
		transmit(vm, uart, (char)val);
	else if (offset == UARTICR)
		uart->ris &= ~val;
}

static int uart_create(struct vm *vm, const struct vdev_ops *ops)
{
	struct vuart *uart = hyp_alloc_pages(1);
	int err;

	if (!uart)
		return -ENOMEM;
	err = vdev_attach(vm, ops, GUEST_UART_IPA, GUEST_UART_SIZE, NULL, uart);
	if (err)
		hyp_free_pages(uart, 1);
	return err;
}

static void uart_reset(struct vm *vm, struct vdev *dev)
{
	struct vuart *uart = dev->state;

	if (uart->len)
		flush(vm, uart);
	*uart = (struct vuart){ .cr = 0x300, .ifls = 0x12 };
}

static void uart_destroy(struct vm *vm, struct vdev *dev)
{
	uart_reset(vm, dev);
	hyp_free_pages(dev->state, 1);
}

static bool uart_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	/* Registers are 32 bits apart; narrower accesses see their low part. */
	if (access->size == 8)
		return false;
	if (access->write)
		uart_write(vcpu->vm, dev->state, offset & ~3u, (uint32_t)access->val);
	else
		access->val = uart_read(dev->state, offset & ~3u) >> (offset & 3) * 8;
	return true;
}

VDEV(uart) = {
	.name = "uart",
	.create = uart_create,
	.reset = uart_reset,
	.destroy = uart_destroy,
	.access = uart_access,
};
