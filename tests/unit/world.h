/* SPDX-License-Identifier: MIT */
/*
 * world.h - a small world for the core to run in.
 *
 * A slu_env with its own clock, which only the test moves, and memory that is counted and can run
 * out; and an instance in it, whose flusher only moves when the test steps it.
 *
 *      test --- sluice_put ---> instance --- slu_flusher_step ---> scripted_sink
 *        \___ moves the clock, gives orders, then compares what went in with what came out ___/
 */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include "core/instance.h"
#include "scripted_sink.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>

/* Two numbers that must be equal, shown when they are not. */
#define assert_equal(actual, expected)                                                           \
	do {                                                                                     \
		const uint64_t actual_is = (uint64_t)(actual);                                   \
		const uint64_t expected_is = (uint64_t)(expected);                               \
		cr_assert_eq(actual_is, expected_is, "%s is %" PRIu64 ", not %" PRIu64, #actual, \
		             actual_is, expected_is);                                            \
	} while (0)

#define assert_status(actual, expected)                                                       \
	do {                                                                                  \
		const enum sluice_status actual_is = (actual);                                \
		const enum sluice_status expected_is = (expected);                            \
		cr_assert_eq(actual_is, expected_is, "%s is \"%s\", not \"%s\"", #actual,     \
		             sluice_status_name(actual_is), sluice_status_name(expected_is)); \
	} while (0)

/* ---- the world ---- */

struct world {
	struct slu_env env;
	_Atomic uint64_t now_ns; /* a flusher thread may read it */
	uint64_t realtime_us;
	uint64_t random; /* the seed of a splitmix64 */

	size_t map_calls;
	size_t map_fails_at; /* this call to map, counted from 1, finds no memory; 0: none does */
	size_t mapped;       /* regions not yet unmapped */
	size_t barriers;     /* calls to barrier_everywhere */

	/* Called, if set, when the owner of the world sleeps; then the clock goes to the end of the
	 * sleep. */
	void (*on_wait)(void *context);
	void *on_wait_context;
	pthread_t owner;
};

/* A clock at one hour, that moves when the owner sleeps, and nowhere else. */
void world_init(struct world *world);
/* The system's clock and waiting, for an instance with a running flusher; memory as above. */
void world_init_real(struct world *world);

uint64_t world_random(struct world *world);
/* What versions of new keys count from, in an instance that is opened now. */
uint64_t world_first_version(const struct world *world);

/* ---- an instance without a thread ---- */

/* As sluice_open makes it with these options, but its flusher only moves by world_step. */
struct sluice *world_open(struct world *world, struct scripted_sink *sink, const char *options);
/* Frees it, whatever it holds. */
void world_close(struct sluice *sluice);

/* Moves the clock on by `after_ns`, then the flusher by one step; returns what that returns. */
uint64_t world_step(struct sluice *sluice, uint64_t after_ns);
/* Steps so often, a millisecond apart, that all is written, committed and released, if the sink
 * lets it. */
void world_settle(struct sluice *sluice);

/* Leases the lane with this index. */
struct sluice_lane *world_attach(struct sluice *sluice, int index);

/* One record in, as the engine does it. */
enum sluice_status put_item(struct sluice_lane *lane, uint64_t id, uint64_t value);
enum sluice_status put_event(struct sluice_lane *lane, uint64_t value);
/* An item's value; fails the test unless it is there. */
uint64_t value_of(struct sluice_lane *lane, uint64_t id);

#endif
