/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the rings that puts are compared with, as rings.c drives them. For C and C++.
 *
 * Each kind of ring is compiled for each size of record, so that sizes are constants in it, as they
 * are where such a ring is used. One thread puts, another drains.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "bench/record_bytes.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct slu_ring_ops {
	void *(*open)(size_t slots); /* a power of two; NULL: no memory */
	/* Puts `count` records that stand `stride` bytes apart. Returns how many found room; none
	 * after the first that did not. */
	size_t (*burst)(void *ring, const unsigned char *records, size_t stride, size_t count);
	bool (*put)(void *ring, const void *record);
	/* Takes and reads all that is there, and adds to the sum. Returns how many. */
	uint64_t (*drain)(void *ring, uint64_t *sum);
	void (*close)(void *ring);
};

/* Each returns the ring for records of `size` bytes, one of SLU_RECORD_SIZES; else NULL. */
const struct slu_ring_ops *slu_ring_copy(size_t size);
const struct slu_ring_ops *slu_ring_spsc(size_t size);
const struct slu_ring_ops *slu_ring_ck(size_t size);
const struct slu_ring_ops *slu_ring_boost(size_t size);
const struct slu_ring_ops *slu_ring_moodycamel(size_t size);

/* For a C file that has, with the size as a constant, open_ring(slots, size), put_one(ring,
 * record, size), put_all(ring, records, stride, count, size), take_all(ring, sum, size), and
 * close_ring(ring): the same for one size, and its ops. */
#define SLU_RING_OF_SIZE(size)                                                              \
	static void *open_##size(size_t slots)                                              \
	{                                                                                   \
		return open_ring(slots, size);                                              \
	}                                                                                   \
	static size_t burst_##size(void *ring, const unsigned char *records, size_t stride, \
	                           size_t count)                                            \
	{                                                                                   \
		return put_all(ring, records, stride, count, size);                         \
	}                                                                                   \
	static bool put_##size(void *ring, const void *record)                              \
	{                                                                                   \
		return put_one(ring, record, size);                                         \
	}                                                                                   \
	static uint64_t drain_##size(void *ring, uint64_t *sum)                             \
	{                                                                                   \
		return take_all(ring, sum, size);                                           \
	}                                                                                   \
	SLU_RING_OPS(size)

#define SLU_RING_OPS(size)                                                                    \
	static const struct slu_ring_ops ops_##size = {open_##size, burst_##size, put_##size, \
	                                               drain_##size, close_ring};

/* In a switch over sizes: returns the ops of one. */
#define SLU_RING_CASE(size) \
	case size:          \
		return &ops_##size;

#ifdef __cplusplus
}
#endif

#endif
