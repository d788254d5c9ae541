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
 * A put into an append stream loads nothing from the cache, and nobody has a pointer to its slot
 * before it is committed. It needs to keep handlers out and no more, so it claims its position
 * instead: one store, and the commit, which moves the position, ends the claim. A handler that comes
 * between the load of the position and the store of the claim finds no claim and runs whole calls
 * there; the claim then is of a position that is past, or reserved, and is looked at once more.
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

/* A call on the lane is under way.  Thread: the lane's engine, or who excludes it. */
static inline bool slu_lane_engaged(const struct sluice_lane *lane)
{
	/* Relaxed: the engine reads what it wrote itself. */
	uint64_t section = atomic_load_explicit(&lane->engine.section, memory_order_relaxed);
	uint64_t claimed = atomic_load_explicit(&lane->engine.claimed, memory_order_relaxed);

	return section % 2 != 0 || claimed > slu_lane_position(lane);
}

/* False: this call interrupts another on the lane, and must leave it alone.  Thread: the lane's
 * engine. */
static inline bool slu_section_enter(struct sluice_lane *lane)
{
	uint64_t section = atomic_load_explicit(&lane->engine.section, memory_order_relaxed);

	if (__builtin_expect(slu_lane_engaged(lane), 0))
		return false;
	/* Relaxed: E6 says who orders it. */
	atomic_store_explicit(&lane->engine.section, section + 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); /* E6' */
	return true;
}

static inline void slu_section_exit(struct sluice_lane *lane)
{
	uint64_t section = atomic_load_explicit(&lane->engine.section, memory_order_relaxed);

	atomic_store_explicit(&lane->engine.section, section + 1, memory_order_release); /* E5 */
}

/* Claims the slot at `position`, for a commit that follows. False: nothing has changed. The call
 * interrupts another, or the position has moved or has no room as far as is known.
 * Thread: the lane's engine. */
static inline bool slu_lane_claim(struct sluice_lane *lane, uint64_t position)
{
	if (__builtin_expect(slu_lane_engaged(lane), 0))
		return false;
	atomic_store_explicit(&lane->engine.claimed, position + 1, memory_order_relaxed);
	/* The compiler must neither look before, when a handler may still come, nor write into the
	 * slot before. */
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(
		    position == slu_lane_position(lane) && position < lane->engine.room_until, 1))
		return true;
	atomic_store_explicit(&lane->engine.claimed, position, memory_order_relaxed);
	return false;
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
