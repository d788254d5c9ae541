/* SPDX-License-Identifier: MIT */
/*
 * lossy.h - the slots of a lane that records of streams which drop may take.
 *
 *      positions   [ 12 ][ 15 ][ 3 ][ 4 ][ 9 ]     the last `limit` of such records
 *                               ^ next: the oldest. Not yet released: the share is taken
 *
 * No count is kept of slots that come back, so the flusher need not know of it, and other streams pay
 * nothing.
 *
 * Thread: the lane's engine, inside a section.
 */
#ifndef SLU_LOSSY_H
#define SLU_LOSSY_H

#include "core/lane.h"

struct slu_lossy {
	uint64_t limit; /* slots */
	uint64_t next;
	bool lapped; /* every cell holds a position */
	uint64_t positions[];
};

/* The bytes of one whose limit is `percent` of `slots`, and at least one slot. */
static inline size_t slu_lossy_size(uint64_t slots, uint64_t percent)
{
	uint64_t limit = slots * percent / 100;

	return sizeof(struct slu_lossy) + (limit > 0 ? limit : 1) * sizeof(uint64_t);
}

static inline void slu_lossy_init(struct slu_lossy *lossy, uint64_t slots, uint64_t percent)
{
	lossy->limit = (slu_lossy_size(slots, percent) - sizeof(*lossy)) / sizeof(uint64_t);
}

/* Whether one more record may go into a slot. */
static inline bool slu_lossy_fits(const struct sluice_lane *lane)
{
	const struct slu_lossy *lossy = lane->shape.lossy;
	uint64_t slots = lane->shape.slot_mask + 1;
	uint64_t oldest = lossy->positions[lossy->next];

	/* room_until is `released` as it was last seen, and all slots. */
	if (!lossy->lapped || lane->engine.room_until > oldest + slots)
		return true;
	/* Relaxed: no slot is refilled on the strength of it. */
	return atomic_load_explicit(&lane->flusher.released, memory_order_relaxed) > oldest;
}

/* The record that is about to be committed is one of them. */
static inline void slu_lossy_take(const struct sluice_lane *lane)
{
	struct slu_lossy *lossy = lane->shape.lossy;

	lossy->positions[lossy->next] = slu_lane_position(lane);
	lossy->next++;
	if (lossy->next < lossy->limit)
		return;
	lossy->next = 0;
	lossy->lapped = true;
}

#endif
