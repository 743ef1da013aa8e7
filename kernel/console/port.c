// SPDX-License-Identifier: MIT
/*
 * A guest's side of its terminal: how much it may print, and what becomes of what is too much.
 *
 * Characters are granted in batches, as far as the ring and the guest's budget of CONFIG_CONSOLE_GUEST_RATE
 * allow: the ring only gets emptier and the budget larger, so that a grant stays good without another look.
 * A guest that writes when nothing is granted loses characters, until there is room for a good many; then
 * a mark in its output tells how many are missing.
 *
 * Nothing here takes a lock: the owner's guards the port. console_port_room() reads single words, and is
 * right for some moment during the call.
 */
#include "arch/cpu.h"
#include "kernel/base/timer.h"
#include "kernel/console/output.h"
#include "lib/fmt.h"

#define BATCH	256
#define RESUME	512	/* that must have room before a guest that lost characters is heard again */
#define RESERVE	64	/* of the ring: the end of a line, and a mark */

static uint64_t may_put(const struct console_port *port)
{
	uint64_t space = ring_space(&port->out), n;

	if (space <= RESERVE)
		return 0;
	n = MIN(space - RESERVE, budget_left(&port->budget, arch_counter()));
	return READ_ONCE(port->dropped) && n < RESUME ? 0 : n;
}

uint64_t console_port_room(const struct console_port *port)
{
	unsigned int granted = READ_ONCE(port->granted);

	return granted >= BATCH / 2 ? granted : granted + may_put(port);
}

static bool put(struct console_port *port, char c)
{
	if (!ring_put(&port->out, (uint8_t)c))
		return false;
	if (c == '\n' || ++port->run > CONSOLE_LINE_MAX) {
		port->run = c != '\n';
		console_out_kick(port);
		return true;
	}
	/* The character is in the ring before the focus is looked at; pairs with console_out_set_focus(). */
	arch_memory_barrier();
	if (console_out_focus() == port)
		console_out_kick(port);
	else
		console_watch_begun();
	return true;
}

static void mark_dropped(struct console_port *port)
{
	char text[RESERVE];
	int len = fmt_snprintf(text, sizeof(text), "%s... %lu characters dropped\r\n",
			       port->run ? "\r\n" : "", port->dropped);

	if (ring_space(&port->out) < (uint32_t)len)
		return;
	for (int i = 0; i < len; i++)
		put(port, text[i]);
	WRITE_ONCE(port->dropped, 0);
}

static bool grant(struct console_port *port)
{
	uint64_t n = MIN(may_put(port), BATCH);

	if (!n)
		return false;
	if (port->dropped)
		mark_dropped(port);
	budget_take(&port->budget, arch_counter(), n);
	WRITE_ONCE(port->granted, (unsigned int)n);
	return true;
}

void console_port_put(struct console_port *port, char c)
{
	if (unlikely(!port->granted) && !grant(port)) {
		WRITE_ONCE(port->dropped, port->dropped + 1);
		return;
	}
	WRITE_ONCE(port->granted, port->granted - 1);
	put(port, c);
}

void console_port_end_line(struct console_port *port)
{
	if (port->run && ring_count(&port->out))
		put(port, '\n');
	if (port->dropped)
		mark_dropped(port);
	port->run = 0;
}
