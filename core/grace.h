/* SPDX-License-Identifier: MIT */
/*
 * grace.h - when no engine thread can hold an old pointer any more.
 *
 * Every call on a lane, by the thread that leases it or has borrowed it, is a section: the lane's
 * counter is odd from before the call loads a pointer from the cache until it is done with it. A
 * grace period has passed when each counter was seen even, or seen to have moved, after it began.
 * Engine threads pay one store at each end and never enter the kernel: no waking, no registration.
 *
 * The same counter keeps a signal handler out of a call that it interrupted: found odd, the section
 * can't be entered. A handler that comes between the load and the store of an entry finds it even,
 * and runs a whole call there; the store then puts the counter back by two. That is harmless: an
 * odd value once seen by a grace period stays until its section is left, and one that is met again
 * is waited for once more.
 *
 * E5  section: release at exit -> acquire by the flusher's poll. Else memory is reused under a
 *     reader's last load. A poll that finds the next entry's plain store instead is ordered as well:
 *     it belongs to the release sequence that the exit began (C11 5.1.2.4; C++20 has dropped that).
 * E6  section: entered by a plain store, which the processor may let later loads of the cache
 *     overtake. The flusher pays for that: a grace period begins with a barrier on every processor
 *     that runs this process (membarrier). An engine whose entry the flusher does not see after
 *     that will load what the flusher had stored before it.
 * E6' The compiler, too, must keep those loads behind the entry: a signal fence, no instruction.
 *
 * One grace period runs at a time, polled, never waited for. They are spaced, because each
 * interrupts the processors that engine threads run on (flusher.c).
 */
#ifndef SLU_GRACE_H
#define SLU_GRACE_H

#include "core/lane.h"

/* `*section` is for exit_from. False: this call interrupts another on the lane, and must leave it
 * alone.  Thread: the lane's engine. */
static inline bool slu_section_enter_as(struct sluice_lane *lane, uint64_t *section)
{
	*section = atomic_load_explicit(&lane->engine.section, memory_order_relaxed);
	if (__builtin_expect(*section % 2 != 0, 0))
		return false;
	*section += 1;
	/* Relaxed: E6 says who orders it. */
	atomic_store_explicit(&lane->engine.section, *section, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); /* E6' */
	return true;
}

/* Without reading the counter again: that would wait for the entry's store, and the next call's
 * entry for this one's. Nobody has moved it meanwhile. */
static inline void slu_section_exit_from(struct sluice_lane *lane, uint64_t section)
{
	atomic_store_explicit(&lane->engine.section, section + 1, memory_order_release); /* E5 */
}

/* The same for a call that does not count instructions. */
static inline bool slu_section_enter(struct sluice_lane *lane)
{
	uint64_t section;

	return slu_section_enter_as(lane, &section);
}

static inline void slu_section_exit(struct sluice_lane *lane)
{
	slu_section_exit_from(lane,
	                      atomic_load_explicit(&lane->engine.section, memory_order_relaxed));
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
