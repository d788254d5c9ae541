/* SPDX-License-Identifier: MIT */
/* rings.c - the plain ring, ck_ring, and the thread that drains either. */
#include "bench/rings.h"

#include <ck_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LINE 64
#define PAIR 128 /* bytes: what a writer must own not to be disturbed by another */

/* By value, ck_ring wants a type; each has its size in its name. */
struct record_128 {
	unsigned char bytes[128];
};
struct record_280 {
	unsigned char bytes[280];
};
struct record_384 {
	unsigned char bytes[384];
};

_Static_assert(sizeof(struct trading_execution) == sizeof(struct record_280), "an execution");
_Static_assert(sizeof(struct trading_order) == sizeof(struct record_384), "an order");

CK_RING_PROTOTYPE(of_128, record_128)
CK_RING_PROTOTYPE(of_280, record_280)
CK_RING_PROTOTYPE(of_384, record_384)

struct slu_ring {
	enum slu_ring_kind kind;
	enum slu_record_kind record;
	size_t record_size, slot_size, slot_mask;
	unsigned char *slots;
	uint64_t poll_ns;
	pthread_t consumer;
	_Atomic bool stop;
	uint64_t sum; /* the consumer's, read when it has ended */

	_Alignas(PAIR) _Atomic uint64_t published; /* written by the engine */
	_Alignas(PAIR) _Atomic uint64_t taken;     /* written by the consumer */
	_Alignas(PAIR) ck_ring_t ck;
};

/* ---- put ---- */

static size_t burst_copy(struct slu_ring *ring, const struct slu_records *records)
{
	uint64_t position = atomic_load_explicit(&ring->published, memory_order_relaxed);

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++, position++) {
		memcpy(ring->slots + (position & ring->slot_mask) * ring->slot_size,
		       records->bytes[i], records->size);
		atomic_store_explicit(&ring->published, position + 1, memory_order_release);
	}
	return SLU_MEASURE_BURST;
}

#define BURST_CK(size)                                                                          \
	static size_t burst_ck_##size(struct slu_ring *ring, const struct slu_records *records) \
	{                                                                                       \
		struct record_##size *slots = (struct record_##size *)ring->slots;              \
		size_t count = 0;                                                               \
                                                                                                \
		for (size_t i = 0; i < SLU_MEASURE_BURST; i++)                                  \
			count += ck_ring_enqueue_spsc_of_##size(                                \
				&ring->ck, slots, (struct record_##size *)records->bytes[i]);   \
		return count;                                                                   \
	}

BURST_CK(128)
BURST_CK(280)
BURST_CK(384)

size_t slu_ring_burst(struct slu_ring *ring, const struct slu_records *records)
{
	uint64_t published;
	size_t count;

	if (ring->kind == SLU_RING_COPY)
		return burst_copy(ring, records);
	count = ring->record == SLU_RECORD_TEST        ? burst_ck_128(ring, records)
	        : ring->record == SLU_RECORD_EXECUTION ? burst_ck_280(ring, records)
	                                               : burst_ck_384(ring, records);
	/* Once a burst, for slu_ring_wait: ck_ring itself does not need it. */
	published = atomic_load_explicit(&ring->published, memory_order_relaxed);
	atomic_store_explicit(&ring->published, published + count, memory_order_release);
	return count;
}

/* ---- drain ---- */

static bool take_ck(struct slu_ring *ring, void *record)
{
	switch (ring->record) {
	case SLU_RECORD_TEST:
		return ck_ring_dequeue_spsc_of_128(&ring->ck, (struct record_128 *)ring->slots,
		                                   record);
	case SLU_RECORD_EXECUTION:
		return ck_ring_dequeue_spsc_of_280(&ring->ck, (struct record_280 *)ring->slots,
		                                   record);
	default:
		return ck_ring_dequeue_spsc_of_384(&ring->ck, (struct record_384 *)ring->slots,
		                                   record);
	}
}

static uint64_t drain_copy(struct slu_ring *ring, uint64_t taken)
{
	uint64_t published = atomic_load_explicit(&ring->published, memory_order_acquire);

	for (; taken < published; taken++)
		ring->sum +=
			slu_record_sum(ring->slots + (taken & ring->slot_mask) * ring->slot_size,
		                       ring->record_size);
	return taken;
}

static uint64_t drain_ck(struct slu_ring *ring, uint64_t taken)
{
	_Alignas(LINE) unsigned char record[SLU_RECORD_STRIDE];

	for (; take_ck(ring, record); taken++)
		ring->sum += slu_record_sum(record, ring->record_size);
	return taken;
}

static void *consume(void *argument)
{
	struct slu_ring *ring = argument;
	const struct timespec pause = {.tv_nsec = (long)ring->poll_ns};
	uint64_t taken = 0;

	while (!atomic_load_explicit(&ring->stop, memory_order_acquire)) {
		taken = ring->kind == SLU_RING_COPY ? drain_copy(ring, taken)
		                                    : drain_ck(ring, taken);
		atomic_store_explicit(&ring->taken, taken, memory_order_release);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

void slu_ring_wait(const struct slu_ring *ring)
{
	/* The engine's own store: relaxed. */
	uint64_t published = atomic_load_explicit(&ring->published, memory_order_relaxed);

	while (atomic_load_explicit(&ring->taken, memory_order_acquire) < published)
		ck_pr_stall();
}

/* ---- open, close ---- */

struct slu_ring *slu_ring_open(enum slu_ring_kind kind, const struct slu_records *records,
                               size_t slots, uint64_t poll_ns)
{
	struct slu_ring *ring = aligned_alloc(PAIR, sizeof(*ring));
	size_t slot_size = (records->size + LINE - 1) / LINE * LINE;

	if (ring == NULL)
		slu_measure_fail("no memory for a ring");
	memset(ring, 0, sizeof(*ring));
	ring->kind = kind;
	ring->record = records->kind;
	ring->record_size = records->size;
	/* ck_ring puts one record right behind the other. */
	ring->slot_size = kind == SLU_RING_COPY ? slot_size : records->size;
	ring->slot_mask = slots - 1;
	ring->slots = aligned_alloc(4096, (slots * slot_size + 4095) / 4096 * 4096);
	ring->poll_ns = poll_ns;
	if (ring->slots == NULL)
		slu_measure_fail("no memory for a ring of %zu slots", slots);
	memset(ring->slots, 0, slots * slot_size);
	ck_ring_init(&ring->ck, (unsigned int)slots);
	if (pthread_create(&ring->consumer, NULL, consume, ring) != 0)
		slu_measure_fail("no thread for a ring's consumer");
	return ring;
}

uint64_t slu_ring_close(struct slu_ring *ring)
{
	uint64_t sum;

	slu_ring_wait(ring);
	atomic_store_explicit(&ring->stop, true, memory_order_release);
	pthread_join(ring->consumer, NULL);
	sum = ring->sum;
	free(ring->slots);
	free(ring);
	return sum;
}
