// SPDX-License-Identifier: MIT
#include "kernel/console/held.h"

#define HELD_SIZE	16384

static uint8_t data[HELD_SIZE];
static struct ring held = { .buf = data, .size = HELD_SIZE };
static uint64_t lost;

const struct ring *held_ring(void)
{
	return &held;
}

bool held_is_empty(void)
{
	return !ring_count(&held);
}

bool held_has_room(size_t len)
{
	return ring_space(&held) >= len;
}

size_t held_take(char *text, size_t size)
{
	size_t n = 0;
	uint8_t c;

	while (ring_get(&held, &c) && c != '\n') {
		if (n < size)
			text[n++] = (char)c;
	}
	return n;
}

static void add(char c)
{
	while (!ring_put(&held, (uint8_t)c)) {
		held_take(NULL, 0);
		lost++;
	}
}

void held_add(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		add(text[i]);
}

void held_end_line(void)
{
	add('\n');
}

uint64_t held_take_lost(void)
{
	uint64_t n = lost;

	lost = 0;
	return n;
}
