// SPDX-License-Identifier: MIT
/*
 * What reaches the UART: Schism's lines, guests' lines and raw output, the prompt.
 *
 * Characters go to the transmitter while it takes them, then into the wire, a buffer that the transmit
 * interrupt empties. A guest's line is begun only if the wire has room for all of it; else the terminal
 * joins the waiting ones, and they have a line each in turn when there is room again. Schism's line is
 * never turned away: when the wire is full, its writer sends by polling until the line fits. While a VM has
 * the focus, lines may be held instead (held.c): they leave as those of a terminal do. Before the
 * interrupt is there, and in a panic, everything is sent by polling.
 *
 * Lock: console_lock (RANK_CONSOLE), held for one line or one terminal's ring at a time. The focus is
 * changed under it and console.c's ports_lock, and read under either.
 */
#include "kernel/console/output.h"

#include "arch/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/timer.h"
#include "kernel/console/held.h"
#include "kernel/console/text.h"
#include "kernel/platform/machine.h"
#include "kernel/vm/vm.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define WIRE_SIZE	8192
#define WIRE_FOR_LOG	1024		/* of it, what guests leave free */
#define LINE_ROOM	(WIRE_FOR_LOG + CONSOLE_PREFIX_LEN + CONSOLE_LINE_MAX + PROMPT_MAX + 48)
#define PROMPT_MAX	128
#define LINES_A_TURN	16		/* that one interrupt prints at most */
#define HELD_A_TURN	4		/* of those that were held, and may be longer */
#define SILENCE_US	500000		/* after which a begun line is shown; twice that for a next piece */
#define PIECES_MAX	8		/* that make it longer */
#define POLLS		1000000		/* until the transmitter counts as dead */

static struct spinlock console_lock = SPINLOCK_INIT(RANK_CONSOLE);
static const struct serial_driver *driver;
static volatile void *uart;
/* from boot on, until some CPU panics; read without a lock */
static bool panicking;
static bool has_irqs;			/* the interrupt empties the wire */

/* guarded by console_lock */
static uint8_t wire_data[WIRE_SIZE];
static struct ring wire = { .buf = wire_data, .size = WIRE_SIZE };
static struct list_head waiting = LIST_HEAD_INIT(waiting);
static bool tx_irq;			/* asked for */
static bool dead;			/* the last character was not taken in all of POLLS */
static bool mid_line;			/* raw output has left the cursor in a line */
static struct console_port *raw_port;	/* whose it was; NULL: gone */
static bool steered;			/* and may have left the terminal in any state */
static bool hold_wanted;		/* lines wait while a VM has the focus */
static bool hold_paused;		/* but not while somebody looks at what he asked for */
static struct {
	char text[PROMPT_MAX];
	size_t len, cursor;
	bool shown;
} prompt;

/* guarded by console_lock and ports_lock */
static struct console_port *focus;

void console_init(volatile void *regs, const struct serial_driver *with, uint32_t clock_hz, uint32_t baud)
{
	driver = with;
	uart = regs;
	if (driver)
		driver->init(regs, clock_hz, baud);
}

bool console_is_up(void)
{
	return driver != NULL;
}

bool console_is_panicking(void)
{
	return READ_ONCE(panicking);
}

int console_out_getc(void)
{
	return driver->getc(uart);
}

static void lock_output(void)
{
	if (!console_is_panicking())
		spin_lock(&console_lock);
}

static void unlock_output(void)
{
	if (!console_is_panicking())
		spin_unlock(&console_lock);
}

/* ---- to the transmitter ---- */

/* A terminal's ring may be filled meanwhile. */
static bool is_empty(const struct ring *ring)
{
	return READ_ONCE(ring->head) == ring->tail;
}

/* Waits for room; a transmitter that has died must not take EL2 with it. */
static void send(char c)
{
	for (unsigned int n = dead ? POLLS : 0; n <= POLLS; n++) {
		if (driver->write(uart, &c, 1)) {
			dead = false;
			return;
		}
		arch_cpu_relax();
	}
	dead = true;
}

static void send_text(const char *text)
{
	while (*text)
		send(*text++);
}

static void send_wire(void)
{
	uint8_t c;

	while (!console_is_panicking() && ring_get(&wire, &c))
		send((char)c);
}

/*
 * From a panic: whoever is at the wire keeps it. What waits is sent, maybe twice; but the wire is left as it
 * is, and not used any more, for with two that empty it its end would be lost. So with lines that are held.
 */
static void send_copy_of(const struct ring *ring, const char *newline)
{
	uint32_t at = READ_ONCE(ring->tail), n = MIN(READ_ONCE(ring->head) - at, ring->size);

	for (; n; n--) {
		char c = (char)ring->buf[at++ % ring->size];

		if (c == '\n')
			send_text(newline);
		else
			send(c);
	}
}

/* What the transmitter did not take. */
static void wait_with(char c)
{
	uint8_t oldest;

	if (!READ_ONCE(has_irqs)) {
		send_wire();
		send(c);
		return;
	}
	if (ring_put(&wire, (uint8_t)c))
		return;
	if (ring_get(&wire, &oldest))
		send((char)oldest);
	ring_put(&wire, (uint8_t)c);
}

static void put(const char *text, size_t len)
{
	size_t sent = 0;

	if (!console_is_panicking() && is_empty(&wire))
		sent = driver->write(uart, text, len);
	for (; sent < len; sent++)
		wait_with(text[sent]);
}

/* As far as the transmitter goes without waiting: the wire is one or two stretches of its buffer. */
static void drain(void)
{
	while (!is_empty(&wire)) {
		uint32_t at = wire.tail % WIRE_SIZE, n = MIN(ring_count(&wire), WIRE_SIZE - at);
		size_t sent = driver->write(uart, (const char *)wire_data + at, n);

		ring_skip(&wire, (uint32_t)sent);
		if (sent < n)
			return;
	}
}

static void want_tx_irq(bool wanted)
{
	if (!READ_ONCE(has_irqs) || wanted == tx_irq)
		return;
	tx_irq = wanted;
	driver->set_irqs(uart, true, wanted);
}

/* Whether a guest may put a line, or a character with less, into the wire. */
static bool has_room(uint32_t needed)
{
	return !READ_ONCE(has_irqs) || WIRE_SIZE - (READ_ONCE(wire.head) - READ_ONCE(wire.tail)) >= needed;
}

bool console_has_room(void)
{
	return has_room(LINE_ROOM);
}

/* ---- lines and the prompt ---- */

static void draw_prompt(void)
{
	char back[16];

	put(prompt.text, prompt.len);
	if (prompt.cursor < prompt.len)
		put(back, (size_t)fmt_snprintf(back, sizeof(back), "\033[%zuD", prompt.len - prompt.cursor));
}

static void erase_prompt(void)
{
	put("\r\033[K", 4);
}

/*
 * A line is to be read, whatever raw output has begun: give up an unfinished sequence (CAN), then ASCII, not
 * shifted, and no attributes (ECMA-35, ECMA-48). A guest that draws has to draw anew anyway.
 */
static void calm_terminal(void)
{
	static const char calm[] = "\030\033(B\017\033[m";

	if (steered)
		put(calm, sizeof(calm) - 1);
	steered = false;
}

static void begin_line(void)
{
	calm_terminal();
	if (prompt.shown)
		erase_prompt();
	else if (mid_line)
		put("\r\n", 2);
	mid_line = false;
}

static void end_line(void)
{
	put("\r\n", 2);
	if (prompt.shown)
		draw_prompt();
}

/* A line in parts, the unused ones empty. */
struct line {
	struct {
		const char *text;
		size_t len;
	} part[4];
};

static void show_line(const struct line *line)
{
	begin_line();
	for (unsigned int i = 0; i < ARRAY_SIZE(line->part) && line->part[i].text; i++)
		put(line->part[i].text, line->part[i].len);
	end_line();
}

/* ---- lines that wait while a guest draws ---- */

/* Of a VM that has ended nobody would see it otherwise. */
static bool draws(const struct vm *vm)
{
	enum vm_state state = READ_ONCE(vm->state);

	return state == VM_RUNNING || state == VM_PAUSED;
}

static bool is_holding(void)
{
	return hold_wanted && !hold_paused && focus && draws(focus->vm) && !console_is_panicking();
}

/* Lines that waited and may leave. */
static bool held_is_due(void)
{
	return !held_is_empty() && !is_holding() && !console_is_panicking();
}

static void show_held(void)
{
	char text[HELD_LINE_MAX];
	uint64_t lost = held_take_lost();
	size_t len;

	if (lost) {
		len = (size_t)fmt_snprintf(text, sizeof(text), "... %lu lines were not kept", lost);
		show_line(&(struct line){ { { text, len } } });
	}
	len = held_take(text, sizeof(text));
	show_line(&(struct line){ { { text, len } } });
}

/* As far as there is room; without the interrupt, all of them. */
static void release_held(void)
{
	unsigned int n = 0;

	while (n < HELD_A_TURN && held_is_due() && has_room(LINE_ROOM)) {
		show_held();
		n += READ_ONCE(has_irqs);
	}
}

/* Behind those that wait. What leaves already is not lost: its writer waits, as for the wire. */
static void hold_line(const struct line *line)
{
	size_t len = 1;

	for (unsigned int i = 0; i < ARRAY_SIZE(line->part); i++)
		len += line->part[i].len;
	while (held_is_due() && !held_has_room(len))
		show_held();
	for (unsigned int i = 0; i < ARRAY_SIZE(line->part); i++)
		held_add(line->part[i].text, line->part[i].len);
	held_end_line();
	release_held();
}

static void write_line(const struct line *line)
{
	if (is_holding() || held_is_due())
		hold_line(line);
	else
		show_line(line);
}

static void ask_tx_irq(bool more)
{
	want_tx_irq(!is_empty(&wire) || held_is_due() || more);
}

void console_hold(bool hold)
{
	lock_output();
	hold_wanted = hold;
	hold_paused = false;
	if (driver)
		release_held();
	ask_tx_irq(tx_irq);
	unlock_output();
}

bool console_holds(void)
{
	return READ_ONCE(hold_wanted);
}

void console_out_pause_hold(bool pause)
{
	if (!driver || pause == READ_ONCE(hold_paused))
		return;
	lock_output();
	WRITE_ONCE(hold_paused, pause);
	release_held();
	ask_tx_irq(tx_irq);
	unlock_output();
}

void console_write_line(const char *text, size_t len)
{
	if (!driver)
		return;
	lock_output();
	write_line(&(struct line){ { { text, len } } });
	ask_tx_irq(tx_irq);
	unlock_output();
}

/* ---- the prompt ---- */

/* What the last prompt has become by a character at its end. */
static bool is_typed_on(const char *text, size_t len, size_t cursor)
{
	return prompt.shown && len == prompt.len + 1 && cursor == len && prompt.cursor == prompt.len &&
	       !memcmp(text, prompt.text, prompt.len);
}

void console_prompt_show(const char *text, size_t len, size_t cursor)
{
	bool typed_on;

	if (!driver)
		return;
	lock_output();
	len = MIN(len, PROMPT_MAX - 1);
	typed_on = is_typed_on(text, len, cursor);
	if (!typed_on)
		begin_line();
	memcpy(prompt.text, text, len);
	prompt.len = len;
	prompt.cursor = MIN(cursor, len);
	prompt.shown = true;
	if (typed_on)
		put(text + len - 1, 1);
	else
		draw_prompt();
	ask_tx_irq(tx_irq);
	unlock_output();
}

static void end_prompt(void (*how)(void))
{
	lock_output();
	if (driver && prompt.shown)
		how();
	prompt.shown = false;
	ask_tx_irq(tx_irq);
	unlock_output();
}

static void go_below(void)
{
	put("\r\n", 2);
}

void console_prompt_leave(void)
{
	end_prompt(go_below);
}

void console_prompt_hide(void)
{
	end_prompt(erase_prompt);
}

/* ---- guests' output ---- */

/* Of a line whose beginning is on the screen, the rest. */
static void print_piece(const struct console_port *port, const struct text_piece *piece, const char *mark)
{
	const char *goes_on = port->begun.shown ? "... " : "";

	write_line(&(struct line){ {
		{ port->prefix, strlen(port->prefix) }, { goes_on, strlen(goes_on) },
		{ piece->text, piece->len }, { mark, strlen(mark) },
	} });
}

static bool print_line(struct console_port *port)
{
	struct text_piece piece;

	console_text_line(&port->out, port->begun.shown, &piece);
	if (!piece.whole)
		return false;
	/* All of it may be there already. */
	if (piece.len || !port->begun.shown)
		print_piece(port, &piece, "");
	ring_skip(&port->out, piece.end);
	port->begun.shown = 0;
	port->begun.pieces = 0;
	return true;
}

/* It stays in the ring: whoever gets the focus sees the whole of it. */
static void show_begun(struct console_port *port)
{
	struct text_piece piece;

	console_text_line(&port->out, port->begun.shown, &piece);
	port->begun.done = port->begun.head;
	if (piece.whole || !piece.len)
		return;
	print_piece(port, &piece, " ...");
	port->begun.shown = piece.end;
	port->begun.pieces = MIN(port->begun.pieces + 1, PIECES_MAX);
}

static enum begun look_at_begun(struct console_port *port, uint64_t now)
{
	uint32_t head = READ_ONCE(port->out.head);

	if (focus == port || is_empty(&port->out) || head == port->begun.done)
		return BEGUN_NOTHING;
	if (head != port->begun.head) {
		port->begun.head = head;
		port->begun.since = now;
	}
	/* Whole lines come first, those that wait. */
	if (now - port->begun.since < timer_us_to_ticks(SILENCE_US << port->begun.pieces) ||
	    !list_empty(&port->waiting) || !has_room(LINE_ROOM) || !held_is_empty() || is_holding())
		return BEGUN_WAITS;
	show_begun(port);
	return BEGUN_SHOWN;
}

enum begun console_out_look_at_begun(struct console_port *port, uint64_t now)
{
	enum begun begun;

	if (!driver)
		return BEGUN_NOTHING;
	lock_output();
	begun = look_at_begun(port, now);
	ask_tx_irq(tx_irq);
	unlock_output();
	return begun;
}

/* What is more than text and the movement of the cursor that comes with it. */
static bool can_steer(enum text_kind kind, uint8_t c)
{
	return kind == TEXT_BAD || (kind == TEXT_CONTROL && (c < '\a' || c > '\r'));
}

/* A character is not torn apart, neither by what others print nor where there is no more room. */
static void put_raw(struct console_port *port, struct text_unit unit)
{
	uint8_t c;

	if (raw_port != port)
		begin_line();
	raw_port = port;
	mid_line = unit.kind != TEXT_NEWLINE;
	steered |= can_steer(unit.kind, ring_peek(&port->out, 0));
	for (uint32_t n = unit.len; n && ring_get(&port->out, &c); n--)
		put((const char *)&c, 1);
}

/* Whether more is there, for which there was no room. */
static bool print_raw(struct console_port *port, bool wait)
{
	struct text_unit unit;

	while (!is_empty(&port->out)) {
		unit = console_text_char(&port->out, 0, ring_count(&port->out));
		if (unit.kind == TEXT_CUT)
			return false;
		if (!wait && !has_room(WIRE_FOR_LOG))
			return true;
		put_raw(port, unit);
	}
	return false;
}

/* Up to lines lines, or as much raw as there is room for; whether more is to come. */
static bool print_port(struct console_port *port, unsigned int lines)
{
	if (focus == port)
		return print_raw(port, false);
	for (unsigned int i = 0; i < lines; i++) {
		if (!has_room(LINE_ROOM) || held_is_due())
			return true;
		if (!print_line(port))
			return false;
	}
	return true;
}

/* Context: console_lock held. */
static void serve(struct console_port *port, unsigned int lines)
{
	/* Whoever waits already keeps its place in the queue. */
	if (list_empty(&port->waiting) && print_port(port, lines))
		list_add_tail(&port->waiting, &waiting);
	ask_tx_irq(!list_empty(&waiting) || tx_irq);
}

void console_out_kick(struct console_port *port)
{
	if (!driver)
		return;
	lock_output();
	serve(port, LINES_A_TURN);
	unlock_output();
}

void console_out_set_focus(struct console_port *port)
{
	struct console_port *old = focus;

	if (old == port || !driver)
		return;
	lock_output();
	WRITE_ONCE(focus, port);
	hold_paused = false;
	/* Orders this before the look at the rings; pairs with the barrier in port.c. */
	arch_memory_barrier();
	release_held();
	if (old)
		serve(old, LINES_A_TURN);
	if (port) {
		port->begun.shown = 0;
		port->begun.pieces = 0;
		serve(port, LINES_A_TURN);
	}
	ask_tx_irq(tx_irq);
	unlock_output();
}

struct console_port *console_out_focus(void)
{
	return READ_ONCE(focus);
}

/* What the terminal has left, as far as there is room; whether there is more. Context: console_lock held. */
static bool print_last(struct console_port *port)
{
	if (focus == port)
		print_raw(port, false);
	return focus != port && has_room(LINE_ROOM) && print_line(port);
}

static void mark_lost(struct console_port *port)
{
	char text[CONSOLE_PREFIX_LEN + 32];
	uint64_t lost = ring_count(&port->out) - port->begun.shown + port->dropped;

	if (!lost)
		return;
	write_line(&(struct line){ {
		{ text, (size_t)fmt_snprintf(text, sizeof(text), "%s... %lu characters dropped", port->prefix,
					     lost) },
	} });
}

void console_out_forget(struct console_port *port)
{
	bool more = true;

	if (!driver)
		return;
	/* Let others have the lock after each line. */
	while (more) {
		lock_output();
		more = print_last(port);
		unlock_output();
	}
	lock_output();
	if (focus == port)
		WRITE_ONCE(focus, NULL);
	/* What it has begun, nobody goes on with, though one with its address may come. */
	if (raw_port == port)
		raw_port = NULL;
	/* Nobody prints for it any more: off the list for good. */
	list_del(&port->waiting);
	release_held();
	mark_lost(port);
	ask_tx_irq(tx_irq);
	unlock_output();
}

/* ---- the transmit interrupt, and the end ---- */

void console_tx_interrupt(void)
{
	lock_output();
	drain();
	release_held();
	for (unsigned int n = 0; n < LINES_A_TURN && !list_empty(&waiting) && has_room(LINE_ROOM); n++) {
		struct console_port *port = list_first_entry(&waiting, struct console_port, waiting);

		list_del(&port->waiting);
		serve(port, 1);
	}
	ask_tx_irq(!list_empty(&waiting));
	unlock_output();
}

void console_enable_irqs(void)
{
	if (!driver)
		return;
	WRITE_ONCE(has_irqs, true);
	driver->set_irqs(uart, true, false);
}

bool console_out_has_irqs(void)
{
	return READ_ONCE(has_irqs);
}

bool console_is_busy(void)
{
	return READ_ONCE(wire.head) != READ_ONCE(wire.tail);
}

static void send_all(void)
{
	struct console_port *port;

	if (!driver)
		return;
	send_wire();
	while (!console_is_panicking() && !held_is_empty())
		show_held();
	list_for_each_entry(port, &waiting, waiting) {
		if (focus == port)
			print_raw(port, true);
		while (focus != port && print_line(port))
			;
	}
	send_wire();
}

void console_flush(void)
{
	lock_output();
	send_all();
	unlock_output();
}

void console_panic_mode(void)
{
	if (console_is_panicking())
		return;
	WRITE_ONCE(panicking, true);
	WRITE_ONCE(has_irqs, false);
	if (!driver)
		return;
	send_copy_of(&wire, "\n");
	if (held_ring()->head != held_ring()->tail)
		send_text("\r\n");
	send_copy_of(held_ring(), "\r\n");
}
