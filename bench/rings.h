/* SPDX-License-Identifier: MIT */
/*
 * rings.h - what a put is compared with: two rings that carry records to a thread which reads them.
 *
 *      SLU_RING_COPY  memcpy into the next slot, then one release store of the index; never checks
 *                     for room, which makes it the least that handing bytes over can cost
 *      SLU_RING_CK    Concurrency Kit's ck_ring, one producer, one consumer, records by value
 *
 * The consumer looks every `poll_ns` and sums up what is there.  Thread: one owns the ring and
 * puts.
 */
#ifndef BENCH_RINGS_H
#define BENCH_RINGS_H

#include "bench/records.h"

enum slu_ring_kind { SLU_RING_COPY, SLU_RING_CK };

struct slu_ring;

/* `slots` is a power of two. The consumer is started by, and so on the processor of, the calling
 * thread. */
struct slu_ring *slu_ring_open(enum slu_ring_kind kind, const struct slu_records *records,
                               size_t slots, uint64_t poll_ns);

/* Puts all records of a burst, and returns how many found room. */
size_t slu_ring_burst(struct slu_ring *ring, const struct slu_records *records);

/* Waits until everything put has been read. */
void slu_ring_wait(const struct slu_ring *ring);

/* Stops the consumer, frees the ring, and returns the sum of all it had read. */
uint64_t slu_ring_close(struct slu_ring *ring);

#endif
