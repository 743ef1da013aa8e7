/* SPDX-License-Identifier: MIT */
/*
 * Byte ring for one producer and one consumer, which need no lock between them, on different CPUs
 * if need be. All of the capacity is usable: head and tail count bytes for ever and wrap at 2^32.
 */
#ifndef LIB_RING_H
#define LIB_RING_H

#include "lib/types.h"

struct ring {
	uint8_t *buf;
	uint32_t size;		/* bytes, a power of two */
	uint32_t head;		/* bytes ever put; written by the producer */
	uint32_t tail;		/* bytes ever taken; written by the consumer */
};

/* Make an empty ring over buf of size bytes, a power of two up to 2^31; buf stays the caller's. */
void ring_init(struct ring *ring, void *buf, uint32_t size);

/* Producer: append a byte. Returns false, having done nothing, when the ring is full. */
bool ring_put(struct ring *ring, uint8_t byte);

/* Consumer: take the oldest byte into *byte. Returns false when the ring is empty. */
bool ring_get(struct ring *ring, uint8_t *byte);

/* Consumer: the byte after i others, of those that wait; and take n of them unread. */
static inline uint8_t ring_peek(const struct ring *ring, uint32_t i)
{
	return ring->buf[(ring->tail + i) & (ring->size - 1)];
}

static inline void ring_skip(struct ring *ring, uint32_t n)
{
	/* Pairs with ring_put(): the slots were read before their reuse. */
	__atomic_store_n(&ring->tail, ring->tail + n, __ATOMIC_RELEASE);
}

/* Bytes that wait, and bytes that fit; at least so many as seen from the side that acts on them. */
static inline uint32_t ring_count(const struct ring *ring)
{
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - tail;
}

static inline uint32_t ring_space(const struct ring *ring)
{
	return ring->size - ring_count(ring);
}

#endif
