/* SPDX-License-Identifier: MIT */
/*
 * epoch.h - flush epochs: a consistent cut without a clock on the hot path.
 *
 * The flusher owns one counter. Engine threads read it when they put and stamp it into the slot; the
 * line stays in their caches between two advances. To gather, the flusher advances the counter from E
 * to E + 1, passes a full barrier, and only then reads how far each lane is published. The records
 * stamped <= E are a cut that is closed under causes:
 *
 * EP1 A record published before the flusher read its lane is seen.
 * EP2 A record published after that read came after the advance. Whoever saw it reads the counter
 *     later still, and so stamps its own records E + 1 or more. So no record of the cut was caused by
 *     one outside it.
 *
 * E3  advance: a sequentially consistent read-modify-write -> the flusher's loads of slot.seq that
 *     follow. Else those loads may run before the new epoch is visible, EP2 fails, and an effect is
 *     committed without its cause.
 *
 * EP2 needs a machine on which a store that one thread has seen is seen by all ("multi-copy atomic":
 * x86-64, ARMv8). Proof: tests/model/epoch.pml; without the barrier or without the stamps the model
 * finds an effect without its cause.
 *
 * The wall time of each advance is kept, so that a record's age is known without a clock read where it
 * was put.
 */
#ifndef SLU_EPOCH_H
#define SLU_EPOCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "flush epochs are argued for multi-copy atomic machines only: x86-64 and ARMv8"
#endif

#define SLU_PAIR \
	128 /* bytes: the prefetcher takes cache lines in pairs, so a writer owns whole pairs */

#define SLU_EPOCH_MARKS 4096

struct slu_epoch_mark {
	uint64_t epoch;
	uint64_t began_ns;
};

struct slu_epoch {
	/* Written by the flusher, read by every engine thread at every put: alone on its lines. */
	_Alignas(SLU_PAIR) _Atomic uint64_t now;

	/* The flusher's. When each epoch began, oldest first. */
	_Alignas(SLU_PAIR) struct slu_epoch_mark marks[SLU_EPOCH_MARKS];
	size_t mark_count;
};

void slu_epoch_init(struct slu_epoch *epoch, uint64_t now_ns);

/* The engine's read. Relaxed: EP2 needs no more than that it is not older than what this thread has
 * seen, which acquiring the record that caused this one (E1, or the cache's edge E4) already gives.
 */
static inline uint64_t slu_epoch_now(struct slu_epoch *epoch)
{
	return atomic_load_explicit(&epoch->now, memory_order_relaxed);
}

/* Begins a new epoch, and returns the one that ended. */
uint64_t slu_epoch_advance(struct slu_epoch *epoch, uint64_t now_ns);

/* When `stamp` began. When marks had to be thinned out (a long outage), the time of an earlier
 * epoch: an age is never understated, and overstated by at most 1/1000 of the time that the marks
 * span, or one advance. */
uint64_t slu_epoch_began_ns(const struct slu_epoch *epoch, uint64_t stamp);

/* No record stamped before `stamp` is left: forget those times. */
void slu_epoch_forget(struct slu_epoch *epoch, uint64_t stamp);

#endif
