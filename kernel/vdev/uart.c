// SPDX-License-Identifier: MIT
/*
 * A PL011 (DDI 0183G, revision r1p5) per VM, whose line ends on Schism's console.
 *
 * Time is not modelled but where output has to wait. What is written has been sent at once: the transmit
 * FIFO is empty, so its interrupt rises with each character written. Only when the console or the guest's
 * budget (kernel/console/port.c) has no room is the FIFO full, and the interrupt comes when half of one would
 * fit. A receive timeout has passed as soon as something is received. A BREAK that the guest sends goes
 * nowhere, but in loopback.
 *
 * One thing is as in QEMU's model, not as DDI 0183 has it: while the receive interrupt is on and the
 * timeout's is off, the former rises with the first character, whatever UARTIFLS says (2.4.2 has it wait for
 * the level). A driver that was only ever run on QEMU asks for that one alone, and would never see a line
 * that is shorter.
 *
 * The transmitter works whether or not the guest enabled it; the receiver too, until the guest writes CR for
 * the first time. What is typed while the receiver is off or its FIFO full waits in a ring behind the FIFO,
 * so that pasted text arrives.
 *
 * Lock: vuart->lock (RANK_VDEV), around everything but reads without a side effect: those look at one
 * register or at one index of the FIFO, and are right for some moment during the access.
 */
#include "arch/nospec.h"
#include "kernel/base/lock.h"
#include "kernel/console/console.h"
#include "kernel/load/guest_dtb.h"
#include "kernel/mm/page.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vm.h"
#include "lib/bitmap.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/ring.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define FIFO_DEPTH	32
#define TYPED_MAX	2048
#define BREAK		SERIAL_BREAK

/* Registers by word (table 3-1). */
enum {
	UARTDR = 0x00 / 4,
	UARTRSR = 0x04 / 4,		/* UARTECR when written */
	UARTFR = 0x18 / 4,
	UARTILPR = 0x20 / 4,
	UARTIBRD = 0x24 / 4,
	UARTFBRD = 0x28 / 4,
	UARTLCR_H = 0x2c / 4,
	UARTCR = 0x30 / 4,
	UARTIFLS = 0x34 / 4,
	UARTIMSC = 0x38 / 4,
	UARTRIS = 0x3c / 4,
	UARTMIS = 0x40 / 4,
	UARTICR = 0x44 / 4,
	UARTDMACR = 0x48 / 4,
	NR_REGS,
	UARTPERIPHID0 = 0xfe0 / 4,
};

#define DR_BE		BIT(10)
#define DR_OE		BIT(11)
#define RSR_BE		BIT(2)
#define RSR_OE		BIT(3)

#define FR_CTS		BIT(0)
#define FR_DSR		BIT(1)
#define FR_DCD		BIT(2)
#define FR_BUSY		BIT(3)
#define FR_RXFE		BIT(4)
#define FR_TXFF		BIT(5)
#define FR_RXFF		BIT(6)
#define FR_TXFE		BIT(7)
#define FR_RI		BIT(8)

#define LCR_BRK		BIT(0)
#define LCR_FEN		BIT(4)

#define CR_UARTEN	BIT(0)
#define CR_LBE		BIT(7)
#define CR_TXE		BIT(8)
#define CR_RXE		BIT(9)
#define CR_DTR		BIT(10)
#define CR_RTS		BIT(11)
#define CR_OUT1		BIT(12)
#define CR_OUT2		BIT(13)

#define IFLS_RX		GENMASK(5, 3)
#define IFLS_RESET	0x12

#define INT_RI		BIT(0)
#define INT_CTS		BIT(1)
#define INT_DCD		BIT(2)
#define INT_DSR		BIT(3)
#define INT_RX		BIT(4)
#define INT_TX		BIT(5)
#define INT_RT		BIT(6)
#define INT_BE		BIT(9)
#define INT_OE		BIT(10)
#define INT_ALL		0x7ff

/* Characters that wait: a bit of breaks is set where the byte in the ring stands for a BREAK. */
struct chars {
	struct ring ring;
	uint64_t *breaks;
};

struct vuart {
	struct vm *vm;			/* fixed after uart_create() */
	struct console_port port;

	struct spinlock lock;
	/* guarded by lock */
	uint32_t reg[NR_REGS];
	bool cr_written;		/* since reset */
	bool overrun;			/* a character was lost since the last one was read */
	bool line_level;		/* of the interrupt */
	bool tx_waits;			/* the transmit interrupt is due when there is room */
	struct chars fifo, typed;
	uint8_t fifo_data[FIFO_DEPTH];
	uint8_t typed_data[TYPED_MAX];
	uint64_t fifo_breaks[BITMAP_WORDS(FIFO_DEPTH)];
	uint64_t typed_breaks[BITMAP_WORDS(TYPED_MAX)];
	uint8_t out_data[CONSOLE_RING_SIZE];
};

#define VUART_PAGES	DIV_ROUND_UP(sizeof(struct vuart), PAGE_SIZE)

/* ---- characters that wait ---- */

static unsigned int nr_chars(const struct chars *chars)
{
	return ring_count(&chars->ring);
}

static bool chars_put(struct chars *chars, int c)
{
	unsigned int slot = chars->ring.head & (chars->ring.size - 1);

	if (!ring_put(&chars->ring, (uint8_t)c))
		return false;
	if (c == BREAK)
		bitmap_set(chars->breaks, slot);
	else
		bitmap_clear(chars->breaks, slot);
	return true;
}

static bool chars_get(struct chars *chars, int *c)
{
	unsigned int slot = chars->ring.tail & (chars->ring.size - 1);
	uint8_t byte;

	if (!ring_get(&chars->ring, &byte))
		return false;
	*c = bitmap_test(chars->breaks, slot) ? BREAK : byte;
	return true;
}

/* ---- output ---- */

/* It rises by writing, or when the room that a driver counts on after it has come. */
static void update_transmit_interrupt(struct vuart *uart)
{
	if (console_port_room(&uart->port) >= FIFO_DEPTH / 2) {
		uart->reg[UARTRIS] |= INT_TX;
		uart->tx_waits = false;
		return;
	}
	uart->reg[UARTRIS] &= ~(uint32_t)INT_TX;
	uart->tx_waits = true;
	console_watch_room();
}

static void transmit(struct vuart *uart, char c)
{
	console_port_put(&uart->port, c);
	update_transmit_interrupt(uart);
}

/* ---- input ---- */

static unsigned int fifo_depth(const struct vuart *uart)
{
	return uart->reg[UARTLCR_H] & LCR_FEN ? FIFO_DEPTH : 1;
}

/* How full it is when the receive interrupt rises, with this mask. */
static unsigned int fifo_level(const struct vuart *uart, uint32_t imsc)
{
	static const uint8_t eighths[8] = { 1, 2, 4, 6, 7, 7, 7, 7 };

	if (!(uart->reg[UARTLCR_H] & LCR_FEN) || (imsc & (INT_RX | INT_RT)) == INT_RX)
		return 1;
	return FIFO_DEPTH / 8 * eighths[FIELD_GET(IFLS_RX, uart->reg[UARTIFLS])];
}

/* The FIFO has changed, or the level has: what the guest has cleared may rise anew. */
static void update_receive_interrupts(struct vuart *uart)
{
	unsigned int count = nr_chars(&uart->fifo);
	uint32_t ris = uart->reg[UARTRIS] & ~(uint32_t)(INT_RX | INT_RT);

	if (count)
		ris |= INT_RT;
	if (count >= fifo_level(uart, uart->reg[UARTIMSC]))
		ris |= INT_RX;
	uart->reg[UARTRIS] = ris;
}

static void lose(struct vuart *uart)
{
	uart->overrun = true;
	uart->reg[UARTRSR] |= RSR_OE;
	uart->reg[UARTRIS] |= INT_OE;
}

/* Whether the wire is connected to the receiver. */
static bool hears(const struct vuart *uart)
{
	uint32_t cr = uart->reg[UARTCR];

	if (cr & CR_LBE)
		return false;
	return !uart->cr_written || (cr & (CR_UARTEN | CR_RXE)) == (CR_UARTEN | CR_RXE);
}

static void into_fifo(struct vuart *uart, int c)
{
	if (!chars_put(&uart->fifo, c))
		return;
	if (c == BREAK)
		uart->reg[UARTRIS] |= INT_BE;
	update_receive_interrupts(uart);
}

/* Move what was typed into the FIFO, as far as it has room. */
static void receive(struct vuart *uart)
{
	int c;

	if (!hears(uart))
		return;
	while (nr_chars(&uart->fifo) < fifo_depth(uart) && chars_get(&uart->typed, &c))
		into_fifo(uart, c);
}

static void loop_back(struct vuart *uart, int c)
{
	if (nr_chars(&uart->fifo) >= fifo_depth(uart))
		lose(uart);
	else
		into_fifo(uart, c);
}

static void forget_chars(struct vuart *uart)
{
	uart->typed.breaks = uart->typed_breaks;
	ring_init(&uart->typed.ring, uart->typed_data, TYPED_MAX);
}

static void fifo_flush(struct vuart *uart)
{
	uart->fifo.breaks = uart->fifo_breaks;
	ring_init(&uart->fifo.ring, uart->fifo_data, FIFO_DEPTH);
	update_receive_interrupts(uart);
}

/* In loopback the receiver hears a line that is held low: a BREAK when that begins, and nothing more. */
static bool is_broken(uint32_t lcr, uint32_t cr)
{
	return (cr & CR_LBE) && (lcr & LCR_BRK);
}

static void loop_back_break(struct vuart *uart, bool before)
{
	if (!before && is_broken(uart->reg[UARTLCR_H], uart->reg[UARTCR]))
		loop_back(uart, BREAK);
}

/* ---- registers ---- */

/* A BREAK reads as one 0 that is marked; UARTRSR has the mark of what was read last (3.3.2). */
static uint32_t read_data(struct vuart *uart)
{
	uint32_t error = uart->overrun ? DR_OE : 0;
	int c;

	if (!chars_get(&uart->fifo, &c))
		return 0;
	uart->overrun = false;
	uart->reg[UARTRSR] &= ~(uint32_t)RSR_BE;
	if (c == BREAK) {
		uart->reg[UARTRSR] |= RSR_BE;
		error |= DR_BE;
	}
	update_receive_interrupts(uart);
	receive(uart);
	return (uint8_t)c | error;
}

static void write_data(struct vuart *uart, uint32_t val)
{
	if (uart->reg[UARTCR] & CR_LBE) {
		uart->reg[UARTRIS] |= INT_TX;
		if (!is_broken(uart->reg[UARTLCR_H], uart->reg[UARTCR]))
			loop_back(uart, (uint8_t)val);
	} else {
		transmit(uart, (char)val);
	}
}

static void clear_errors(struct vuart *uart, uint32_t val)
{
	uart->reg[UARTRSR] = 0;
}

/* In loopback the modem's inputs are our own outputs; else nothing is connected to them. */
static const struct {
	uint32_t cr, fr, interrupt;
} modem_lines[] = {
	{ CR_DTR, FR_DSR, INT_DSR },
	{ CR_RTS, FR_CTS, INT_CTS },
	{ CR_OUT1, FR_DCD, INT_DCD },
	{ CR_OUT2, FR_RI, INT_RI },
};

static bool modem_input(unsigned int i, uint32_t cr)
{
	return (cr & CR_LBE) && (cr & modem_lines[i].cr);
}

static uint32_t read_flags(struct vuart *uart)
{
	unsigned int count = nr_chars(&uart->fifo);
	uint32_t cr = READ_ONCE(uart->reg[UARTCR]), flags = FR_TXFE;

	if (!READ_ONCE(uart->port.granted) && !console_port_room(&uart->port))
		flags = FR_TXFF | FR_BUSY;
	for (unsigned int i = 0; (cr & CR_LBE) && i < ARRAY_SIZE(modem_lines); i++)
		flags |= modem_input(i, cr) ? modem_lines[i].fr : 0;
	if (!count)
		flags |= FR_RXFE;
	else if (count >= fifo_depth(uart))
		flags |= FR_RXFF;
	return flags;
}

static void line_control_changed(struct vuart *uart, uint32_t old)
{
	if ((uart->reg[UARTLCR_H] ^ old) & LCR_FEN)
		fifo_flush(uart);
	loop_back_break(uart, is_broken(old, uart->reg[UARTCR]));
	receive(uart);
}

static void control_changed(struct vuart *uart, uint32_t old)
{
	uart->cr_written = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(modem_lines); i++) {
		if (modem_input(i, old) != modem_input(i, uart->reg[UARTCR]))
			uart->reg[UARTRIS] |= modem_lines[i].interrupt;
	}
	loop_back_break(uart, is_broken(uart->reg[UARTLCR_H], old));
	receive(uart);
}

static void levels_changed(struct vuart *uart, uint32_t old)
{
	update_receive_interrupts(uart);
}

/* What the mask says of the level is all that it changes here. */
static void mask_changed(struct vuart *uart, uint32_t old)
{
	if (fifo_level(uart, uart->reg[UARTIMSC]) != fifo_level(uart, old))
		update_receive_interrupts(uart);
}

static uint32_t read_masked_status(struct vuart *uart)
{
	return READ_ONCE(uart->reg[UARTRIS]) & READ_ONCE(uart->reg[UARTIMSC]);
}

static void clear_interrupts(struct vuart *uart, uint32_t val)
{
	uart->reg[UARTRIS] &= ~val;
}

/*
 * What a register does beyond being memory: a read of .read instead of the stored value, a write by
 * .write, or else of the bits in .mask, after which .changed is told the old value.
 */
static const struct {
	uint32_t mask;
	uint32_t (*read)(struct vuart *uart);
	void (*write)(struct vuart *uart, uint32_t val);
	void (*changed)(struct vuart *uart, uint32_t old);
} uart_regs[NR_REGS] = {
	[UARTDR]    = { .read = read_data, .write = write_data },
	[UARTRSR]   = { .write = clear_errors },
	[UARTFR]    = { .read = read_flags },
	[UARTILPR]  = { .mask = 0xff },
	[UARTIBRD]  = { .mask = 0xffff },
	[UARTFBRD]  = { .mask = 0x3f },
	[UARTLCR_H] = { .mask = 0xff, .changed = line_control_changed },
	[UARTCR]    = { .mask = 0xff87, .changed = control_changed },
	[UARTIFLS]  = { .mask = 0x3f, .changed = levels_changed },
	[UARTIMSC]  = { .mask = INT_ALL, .changed = mask_changed },
	[UARTMIS]   = { .read = read_masked_status },
	[UARTICR]   = { .write = clear_interrupts },
	[UARTDMACR] = { .mask = 0x7 },
};

/* PrimeCell identification, one byte a register (3.3.16 on); revision 3 has FIFOs of 32. */
static const uint8_t uart_ids[8] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static uint32_t uart_read(struct vuart *uart, unsigned int i)
{
	if (i >= UARTPERIPHID0)
		return uart_ids[index_nospec(i - UARTPERIPHID0, ARRAY_SIZE(uart_ids))];
	if (i >= NR_REGS)
		return 0;
	i = (unsigned int)index_nospec(i, NR_REGS);
	return uart_regs[i].read ? uart_regs[i].read(uart) : READ_ONCE(uart->reg[i]);
}

static void uart_write(struct vuart *uart, unsigned int i, uint32_t val)
{
	uint32_t old;

	if (i >= NR_REGS)
		return;
	i = (unsigned int)index_nospec(i, NR_REGS);
	if (uart_regs[i].write) {
		uart_regs[i].write(uart, val);
		return;
	}
	old = uart->reg[i];
	uart->reg[i] = (old & ~uart_regs[i].mask) | (val & uart_regs[i].mask);
	if (uart_regs[i].changed)
		uart_regs[i].changed(uart, old);
}

static void update_line(struct vuart *uart)
{
	bool level = read_masked_status(uart) != 0;

	if (level == uart->line_level)
		return;
	uart->line_level = level;
	vgic_set_line(uart->vm->vcpus[0], GUEST_UART_INTID, level);
}

/* What has a side effect. Out of line, so that a poll of the flags pays nothing for it. */
static __noinline bool uart_locked_access(struct vuart *uart, unsigned int i, unsigned int lane,
					  struct vdev_access *access)
{
	spin_lock(&uart->lock);
	if (!access->write)
		access->val = uart_read(uart, i) >> lane;
	else if (!lane)
		uart_write(uart, i, (uint32_t)access->val);
	update_line(uart);
	spin_unlock(&uart->lock);
	return true;
}

static bool uart_access(struct vcpu *vcpu, struct vdev *dev, uint32_t offset, struct vdev_access *access)
{
	struct vuart *uart = dev->state;
	unsigned int i = offset / 4, lane = offset % 4 * 8;

	/* Registers are 32 bits apart; narrower accesses see a part. */
	if (access->size == 8)
		return false;
	if (access->write || i == UARTDR)
		return uart_locked_access(uart, i, lane, access);
	access->val = uart_read(uart, i) >> lane;
	return true;
}

/* ---- the console's side ---- */

static struct vuart *vuart_of(struct console_port *port)
{
	return container_of(port, struct vuart, port);
}

static void uart_input(struct console_port *port, int c)
{
	struct vuart *uart = vuart_of(port);

	spin_lock(&uart->lock);
	if (!chars_put(&uart->typed, c) && hears(uart))
		lose(uart);
	receive(uart);
	update_line(uart);
	spin_unlock(&uart->lock);
}

static void uart_room(struct console_port *port)
{
	struct vuart *uart = vuart_of(port);

	spin_lock(&uart->lock);
	if (uart->tx_waits) {
		update_transmit_interrupt(uart);
		update_line(uart);
	}
	spin_unlock(&uart->lock);
}

/* Without the lock: right for some moment. */
static unsigned int uart_unread(struct console_port *port)
{
	struct vuart *uart = vuart_of(port);

	return nr_chars(&uart->fifo) + nr_chars(&uart->typed);
}

/* ---- life ---- */

/* The interrupt's line is low already: the interrupt controller is reset before its devices. */
static void uart_reset(struct vm *vm, struct vdev *dev)
{
	struct vuart *uart = dev->state;

	spin_lock(&uart->lock);
	console_port_end_line(&uart->port);
	memset(uart->reg, 0, sizeof(uart->reg));
	uart->reg[UARTCR] = CR_TXE | CR_RXE;
	uart->reg[UARTIFLS] = IFLS_RESET;
	uart->cr_written = false;
	uart->overrun = false;
	uart->line_level = false;
	uart->tx_waits = false;
	vgic_set_line(vm->vcpus[0], GUEST_UART_INTID, false);
	forget_chars(uart);
	fifo_flush(uart);
	spin_unlock(&uart->lock);
}

static int uart_create(struct vm *vm, const struct vdev_ops *ops)
{
	struct vuart *uart = hyp_alloc_pages(VUART_PAGES);
	int err;

	if (!uart)
		return -ENOMEM;
	err = vdev_attach(vm, ops, GUEST_UART_IPA, GUEST_UART_SIZE, NULL, uart);
	if (err) {
		hyp_free_pages(uart, VUART_PAGES);
		return err;
	}
	uart->vm = vm;
	uart->port = (struct console_port){
		.vm = vm, .input = uart_input, .room = uart_room, .unread = uart_unread,
	};
	spin_init(&uart->lock, RANK_VDEV);
	forget_chars(uart);
	fifo_flush(uart);
	console_attach(&uart->port, uart->out_data);
	return 0;
}

static void uart_destroy(struct vm *vm, struct vdev *dev)
{
	struct vuart *uart = dev->state;

	uart_reset(vm, dev);
	console_detach(&uart->port);
	hyp_free_pages(uart, VUART_PAGES);
}

static void uart_describe(const struct vm *vm, struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "pl011", GUEST_UART_IPA, GUEST_UART_SIZE);
	guest_dtb_strings(dtb, "compatible", "arm,pl011\0arm,primecell");
	guest_dtb_spi(dtb, GUEST_UART_INTID, GUEST_DTB_LEVEL);
	guest_dtb_strings(dtb, "clock-names", "uartclk\0apb_pclk");
	guest_dtb_numbers(dtb, "clocks", GUEST_DTB_PHANDLE_CLOCK, GUEST_DTB_PHANDLE_CLOCK);
	guest_dtb_end_node(dtb);
	guest_dtb_console(dtb, "pl011", GUEST_UART_IPA);
}

static bool uart_allows(struct vdev *dev, uint32_t offset, const struct vdev_access *access)
{
	return access->size != 8;
}

VDEV(uart) = {
	.name = "uart",
	.create = uart_create,
	.describe = uart_describe,
	.reset = uart_reset,
	.destroy = uart_destroy,
	.access = uart_access,
	.allows = uart_allows,
};
