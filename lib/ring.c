// SPDX-License-Identifier: MIT
/*
 * Byte ring, single producer and single consumer.
 *
 * Each index has one writer, which publishes it with a store-release once the byte is written (or
 * read), and the other side reads it with a load-acquire before it touches that byte.
 */
#include "lib/ring.h"

void ring_init(struct ring *ring, void *buf, uint32_t size)
{
	ring->buf = buf;
	ring->size = size;
	ring->head = 0;
	ring->tail = 0;
}

bool ring_put(struct ring *ring, uint8_t byte)
{
	uint32_t head = ring->head;

	/* Pairs with ring_get(): its read of the slot comes before our reuse of it. */
	if (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == ring->size)
		return false;
	ring->buf[head & (ring->size - 1)] = byte;
	/* Pairs with ring_get(): the byte is there before the index says so. */
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool ring_get(struct ring *ring, uint8_t *byte)
{
	uint32_t tail = ring->tail;

	/* Pairs with ring_put(): the byte is there once the index says so. */
	if (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail)
		return false;
	*byte = ring->buf[tail & (ring->size - 1)];
	/* Pairs with ring_put(): our read of the slot comes before its reuse. */
	__atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}
