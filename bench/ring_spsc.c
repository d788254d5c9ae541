/* SPDX-License-Identifier: MIT */
/*
 * ring_spsc.c - a ring of rigtorp::SPSCQueue's design, in C.
 *
 * Four lines of their own: where the engine writes, what it last saw of the reader, where the
 * consumer reads, what it last saw of the writer. Each end looks at the other's line only when what
 * it remembers says full, or empty. One slot stays free, to tell the two apart, and the slots stand
 * between lines that nobody uses. The consumer reads in place.
 */
#include "bench/pages.h"
#include "bench/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64

struct ring {
	unsigned char *slots, *memory;
	size_t capacity;
	_Alignas(LINE) _Atomic size_t write;
	_Alignas(LINE) size_t read_seen;
	_Alignas(LINE) _Atomic size_t read;
	_Alignas(LINE) size_t write_seen;
};

static inline bool put_one(struct ring *ring, const void *record, size_t size)
{
	/* Relaxed: the engine's own. */
	size_t write = atomic_load_explicit(&ring->write, memory_order_relaxed);
	size_t next = write + 1 == ring->capacity ? 0 : write + 1;

	if (next == ring->read_seen) {
		ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
		if (next == ring->read_seen)
			return false;
	}
	memcpy(ring->slots + write * size, record, size);
	atomic_store_explicit(&ring->write, next, memory_order_release);
	return true;
}

static inline size_t put_all(struct ring *ring, const unsigned char *records, size_t stride,
                             size_t count, size_t size)
{
	size_t done = 0;

	while (done < count && put_one(ring, records + done * stride, size))
		done++;
	return done;
}

static inline bool take_one(struct ring *ring, uint64_t *sum, size_t size)
{
	/* Relaxed: the consumer's own. */
	size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);

	if (read == ring->write_seen) {
		ring->write_seen = atomic_load_explicit(&ring->write, memory_order_acquire);
		if (read == ring->write_seen)
			return false;
	}
	*sum += slu_record_sum(ring->slots + read * size, size);
	read = read + 1 == ring->capacity ? 0 : read + 1;
	atomic_store_explicit(&ring->read, read, memory_order_release);
	return true;
}

static inline uint64_t take_all(struct ring *ring, uint64_t *sum, size_t size)
{
	uint64_t count = 0;

	while (take_one(ring, sum, size))
		count++;
	return count;
}

static void *open_ring(size_t slots, size_t size)
{
	struct ring *ring = aligned_alloc(LINE, sizeof(*ring));

	if (ring == NULL)
		return NULL;
	*ring = (struct ring){.capacity = slots + 1};
	ring->memory = slu_pages_allocate(ring->capacity * size + 2 * LINE);
	if (ring->memory == NULL) {
		free(ring);
		return NULL;
	}
	ring->slots = ring->memory + LINE;
	return ring;
}

static void close_ring(void *argument)
{
	struct ring *ring = argument;

	slu_pages_free(ring->memory);
	free(ring);
}

SLU_RECORD_SIZES(SLU_RING_OF_SIZE)

const struct slu_ring_ops *slu_ring_spsc(size_t size)
{
	switch (size) {
		SLU_RECORD_SIZES(SLU_RING_CASE)
	default:
		return NULL;
	}
}
