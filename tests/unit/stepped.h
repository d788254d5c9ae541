/* SPDX-License-Identifier: MIT */
/*
 * stepped.h - an instance with two leased lanes in a world of its own, whose flusher moves only when
 * it is stepped: what most tests of the core begin with.
 */
#ifndef TESTS_UNIT_STEPPED_H
#define TESTS_UNIT_STEPPED_H

#include "world.h"

#define MS 1000000u

struct fixture {
	struct world world;
	struct scripted_sink *sink;
	struct sluice *sluice;
	struct slu_flusher *flusher;
	struct sluice_lane *lane, *other; /* leased, the first and the second */
};

extern struct fixture f;

void open_with(const char *options);
/* The same, in the world as it is. */
void open_in_world(const char *options);
/* Closes it, and wants all its memory back. */
void tear_down(void);

/* Puts events 0, 1, 2.. into `lane`. */
void put_events(uint64_t count);
/* Steps every quarter of a millisecond. */
void step_for(uint64_t duration_ns);
/* Positions of `lane`. */
uint64_t released(void);
uint64_t acknowledged(void);
/* By all lanes, as the statistics say. */
uint64_t accepted(void);
/* Of an item, as get tells it; 0 when it was never put. */
uint64_t version_of(uint64_t id);

#endif
