/* SPDX-License-Identifier: MIT */
/*
 * ring_copy.c - memcpy into the next slot, then one release store of the index.
 *
 * It never looks for room, which makes it the least that handing bytes over can cost, and no ring
 * to use: whoever puts must know that the consumer is close behind.
 */
#include "bench/pages.h"
#include "bench/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64
#define PAIR 128 /* bytes: what a writer must own not to be disturbed by another */

struct ring {
	unsigned char *slots;
	size_t slot_mask;
	_Alignas(PAIR) _Atomic uint64_t published; /* written by the engine */
	_Alignas(PAIR) uint64_t taken;             /* the consumer's */
};

static inline size_t slot_size(size_t size)
{
	return (size + LINE - 1) / LINE * LINE;
}

static inline unsigned char *slot_at(const struct ring *ring, uint64_t position, size_t size)
{
	return ring->slots + (position & ring->slot_mask) * slot_size(size);
}

static inline size_t put_all(struct ring *ring, const unsigned char *records, size_t stride,
                             size_t count, size_t size)
{
	/* Relaxed: the engine's own. */
	uint64_t position = atomic_load_explicit(&ring->published, memory_order_relaxed);

	for (size_t i = 0; i < count; i++, position++) {
		memcpy(slot_at(ring, position, size), records + i * stride, size);
		atomic_store_explicit(&ring->published, position + 1, memory_order_release);
	}
	return count;
}

static inline bool put_one(struct ring *ring, const void *record, size_t size)
{
	return put_all(ring, record, 0, 1, size) == 1;
}

static inline uint64_t take_all(struct ring *ring, uint64_t *sum, size_t size)
{
	uint64_t published = atomic_load_explicit(&ring->published, memory_order_acquire);
	uint64_t count = published - ring->taken;

	for (; ring->taken < published; ring->taken++)
		*sum += slu_record_sum(slot_at(ring, ring->taken, size), size);
	return count;
}

static void *open_ring(size_t slots, size_t size)
{
	struct ring *ring = aligned_alloc(PAIR, sizeof(*ring));

	if (ring == NULL)
		return NULL;
	*ring = (struct ring){.slot_mask = slots - 1};
	ring->slots = slu_pages_allocate(slots * slot_size(size));
	if (ring->slots == NULL) {
		free(ring);
		return NULL;
	}
	return ring;
}

static void close_ring(void *argument)
{
	struct ring *ring = argument;

	slu_pages_free(ring->slots);
	free(ring);
}

SLU_RECORD_SIZES(SLU_RING_OF_SIZE)

const struct slu_ring_ops *slu_ring_copy(size_t size)
{
	switch (size) {
		SLU_RECORD_SIZES(SLU_RING_CASE)
	default:
		return NULL;
	}
}
