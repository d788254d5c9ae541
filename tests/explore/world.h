/* SPDX-License-Identifier: MIT */
/*
 * world.h - a whole instance for a scenario: sluice_open's, with its own flusher, as one more
 * thread.
 *
 * Its clock goes on by a second whenever the flusher waits, so that all is always due. Its sink
 * commits what it takes, and wants of it what a database would want: positions without a gap,
 * versions of a key in order, records whole.
 */
#ifndef TESTS_EXPLORE_WORLD_H
#define TESTS_EXPLORE_WORLD_H

#include "core/instance.h"
#include "explore.h"

/* A record of number n says so twice. */
struct world_record {
	uint64_t key;
	uint64_t number, again;
};

extern const struct sluice_stream world_states, world_events;
extern struct sluice *world_sluice;

/* Opens the instance; `threads` is how many threads will say world_leave. */
void world_open(size_t lanes, size_t shared_lanes, uint64_t lane_slots, unsigned threads);

/* The flusher stays where it waits first, until all have left: a scenario of engines alone. */
void world_hold_flusher(void);

struct sluice_lane *world_attach(void);
/* Puts number `number` of key 1, and again while there is no room. */
void world_put(struct sluice_lane *lane, const struct sluice_stream *stream, uint64_t number,
               struct sluice_ticket *ticket);
/* Warms key 1 with the record of number `number`. Returns whether it was first. */
bool world_warm(struct sluice_lane *lane, uint64_t number);
/* Gets key 1. Returns its version, 0 for a miss; checks that it is whole, and not older than
 * `version`. */
uint64_t world_get(struct sluice_lane *lane, uint64_t version);

/* The calling thread will not call any more. */
void world_leave(struct sluice_lane *lane);
/* A thread of the scenario: waits until all others have left, closes, and checks the account. */
void world_operator(void);

#endif
