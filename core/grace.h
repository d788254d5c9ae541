/* SPDX-License-Identifier: MIT */
/*
 * grace.h - when no engine thread can hold an old pointer any more.
 *
 * Every engine thread owns a lane, and every lane has a section counter: odd while its engine is
 * between loading a pointer from the cache and being done with it. A grace period has passed when
 * each counter was seen even, or seen to have moved, after it began. Engine threads pay one store at
 * each end and never enter the kernel: no waking, no registration.
 *
 * E5  section: release at exit -> acquire by the flusher's poll. Else memory is reused under a
 *     reader's last load.
 * E6  section: entered by a plain store, which the processor may let later loads of the cache
 *     overtake. The flusher pays for that: a grace period begins with a barrier on every processor
 *     that runs this process (membarrier). An engine whose entry the flusher does not see after that
 *     will load what the flusher had stored before it.
 * E6' The compiler, too, must keep those loads behind the entry: a signal fence, no instruction.
 *
 * One grace period runs at a time, polled, never waited for. They are spaced, because each interrupts
 * the processors that engine threads run on (flusher.c).
 */
#ifndef SLU_GRACE_H
#define SLU_GRACE_H

#include "core/lane.h"

/* Thread: the lane's engine. */
static inline void slu_section_enter(struct sluice_lane *lane)
{
	uint64_t section = atomic_load_explicit(&lane->engine.section, memory_order_relaxed);

	/* Relaxed: E6 says who orders it. */
	atomic_store_explicit(&lane->engine.section, section + 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); /* E6' */
}

static inline void slu_section_exit(struct sluice_lane *lane)
{
	uint64_t section = atomic_load_explicit(&lane->engine.section, memory_order_relaxed);

	atomic_store_explicit(&lane->engine.section, section + 1, memory_order_release); /* E5 */
}

/* The flusher's. */
struct slu_grace {
	struct slu_env *env;
	struct sluice_lane *lanes;
	size_t lane_count;
	uint64_t *sections; /* as seen at the start */
	size_t waiting_for; /* lanes before this one are done */
	bool running;
	uint64_t started_ns;
	uint64_t count; /* passed so far */
};

/* Thread: the flusher. May be called unless one runs. */
void slu_grace_start(struct slu_grace *grace, uint64_t now_ns);
/* True once, when the running one has passed. */
bool slu_grace_passed(struct slu_grace *grace);

#endif
