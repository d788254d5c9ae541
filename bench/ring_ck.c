/* SPDX-License-Identifier: MIT */
/* ring_ck.c - Concurrency Kit's ck_ring, one producer, one consumer, records by value. */
#include "bench/pages.h"
#include "bench/ring.h"

#include <ck_ring.h>
#include <stdlib.h>

#define PAIR 128

struct ring {
	void *slots;
	_Alignas(PAIR) ck_ring_t ck;
};

static void *open_ring(size_t slots, size_t size)
{
	struct ring *ring = aligned_alloc(PAIR, sizeof(*ring));

	if (ring == NULL)
		return NULL;
	ring->slots = slu_pages_allocate(slots * size);
	if (ring->slots == NULL) {
		free(ring);
		return NULL;
	}
	ck_ring_init(&ring->ck, (unsigned int)slots);
	return ring;
}

static void close_ring(void *argument)
{
	struct ring *ring = argument;

	slu_pages_free(ring->slots);
	free(ring);
}

#define OF_SIZE(size)                                                                             \
	struct record_##size {                                                                    \
		_Alignas(8) unsigned char bytes[size];                                            \
	};                                                                                        \
	CK_RING_PROTOTYPE(of_##size, record_##size)                                               \
	static void *open_##size(size_t slots)                                                    \
	{                                                                                         \
		return open_ring(slots, size);                                                    \
	}                                                                                         \
	static bool put_##size(void *argument, const void *record)                                \
	{                                                                                         \
		struct ring *ring = argument;                                                     \
                                                                                                  \
		return ck_ring_enqueue_spsc_of_##size(&ring->ck, ring->slots,                     \
		                                      (struct record_##size *)(uintptr_t)record); \
	}                                                                                         \
	static size_t burst_##size(void *ring, const unsigned char *records, size_t stride,       \
	                           size_t count)                                                  \
	{                                                                                         \
		size_t done = 0;                                                                  \
                                                                                                  \
		while (done < count && put_##size(ring, records + done * stride))                 \
			done++;                                                                   \
		return done;                                                                      \
	}                                                                                         \
	static uint64_t drain_##size(void *argument, uint64_t *sum)                               \
	{                                                                                         \
		struct ring *ring = argument;                                                     \
		struct record_##size record;                                                      \
		uint64_t count = 0;                                                               \
                                                                                                  \
		for (; ck_ring_dequeue_spsc_of_##size(&ring->ck, ring->slots, &record); count++)  \
			*sum += slu_record_sum(&record, size);                                    \
		return count;                                                                     \
	}                                                                                         \
	SLU_RING_OPS(size)

SLU_RECORD_SIZES(OF_SIZE)

const struct slu_ring_ops *slu_ring_ck(size_t size)
{
	switch (size) {
		SLU_RECORD_SIZES(SLU_RING_CASE)
	default:
		return NULL;
	}
}
