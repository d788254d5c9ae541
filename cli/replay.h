/* SPDX-License-Identifier: MIT */
/*
 * replay.h - the engine threads: each plays its share of the day through Sluice, on time.
 *
 * One message: wait until it is due -> get the order -> move it -> put it -> put the execution.
 *
 * Open loop: a put's latency counts from when its message was due, so a thread that falls behind
 * shows it. A lane that is full is asked again until it takes the record; nothing is skipped. A
 * message is finished when all its rows were accepted, and only then a thread stops.
 */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include "cli/clock.h"
#include "cli/day.h"
#include "core/histogram.h"

#include <sluice/sluice.h>

#include <pthread.h>

struct slu_replay;

struct slu_engine {
	struct slu_replay *replay;
	pthread_t thread;
	size_t index;
	struct sluice_lane *lane;
	uint64_t finished;         /* messages; to be read after the join */
	uint64_t full;             /* puts refused for want of room, and asked again */
	enum sluice_status status; /* why it ended early, or SLUICE_OK */
	struct sluice_error error; /* filled unless SLUICE_OK */
	struct slu_order_namespace providers[SLU_SOURCE_COUNT_MAX];
	struct slu_histogram put_ns;      /* due to accepted */
	struct slu_histogram put_call_ns; /* the accepting call alone */
};

struct slu_replay {
	struct sluice *sluice;
	const struct slu_day *day;
	struct slu_call_clock clock;
	uint64_t stop_after_ns; /* play no message that is due later, since the start */
	struct slu_engine *engines;
	size_t engine_count;
	uint64_t start_ns;
	_Atomic bool go; /* release by start -> acquire by engines: else they read no start_ns */
	_Atomic bool stop;
	_Atomic uint32_t ready;
	_Atomic uint32_t ended;
};

/* Starts day->thread_count engine threads. `replay` has sluice, day, clock and stop_after_ns.
 * Returns false with `error` filled; then nothing runs. */
bool slu_replay_start(struct slu_replay *replay, struct sluice_error *error);
/* Asks the threads to stop at their next message. */
void slu_replay_stop(struct slu_replay *replay);
bool slu_replay_ended(struct slu_replay *replay);
/* Waits for the threads. `finished` gets the number of messages of each. Returns the first status
 * other than SLUICE_OK, with its `error`. */
enum sluice_status slu_replay_join(struct slu_replay *replay, uint64_t *finished,
                                   struct sluice_error *error);
/* After the join. */
void slu_replay_free(struct slu_replay *replay);

#endif
