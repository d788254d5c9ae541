/* SPDX-License-Identifier: MIT */
/*
 * day.h - the trading day to play: the messages of all sources in one order, each with its time and
 * its engine thread.
 *
 *      file A  --\
 *      file B  ---> by time --> due at rate --> thread = hash(source, order) --> replay
 *      or flow --/                                                          \--> expected
 *
 * All messages of an order go to one engine thread, in their file's order. A day is played
 * `repeats` times; message m of repetition r is included in a run exactly when its thread got that
 * far: slu_day_played. Replay and verification share this and the messages, and nothing more.
 */
#ifndef CLI_DAY_H
#define CLI_DAY_H

#include "cli/flow.h"
#include "cli/lobster.h"
#include "cli/names.h"

#define SLU_SOURCE_COUNT_MAX 16
#define SLU_THREAD_COUNT_MAX 64
#define SLU_ALIAS_SIZE_MAX 263 /* "lobster:" and a file name */

struct slu_source {
	const char *path; /* NULL: the synthetic flow */
	char alias[SLU_ALIAS_SIZE_MAX + 1];
	char stem[SLU_STEM_SIZE_MAX + 1];
	char instrument[SLU_INSTRUMENT_SIZE_MAX + 1];
	struct slu_lobster_file file;
	/* What the database says when the run is announced there: */
	int64_t provider_id;
	uint64_t repeat_first; /* this run's repetitions are repeat_first + 0, 1, 2.. */
};

struct slu_day {
	struct slu_source sources[SLU_SOURCE_COUNT_MAX];
	size_t source_count;
	struct slu_message *messages; /* sorted by time, without halts */
	size_t message_count;
	uint64_t rows;      /* of one repetition */
	uint64_t orders;    /* different ones in one repetition, at most */
	uint64_t length_ns; /* when the next repetition begins */
	uint64_t repeats;
	size_t thread_count;
	uint32_t thread_messages[SLU_THREAD_COUNT_MAX]; /* of one repetition */
	/* Sums over the files. */
	uint64_t lines;
	uint64_t malformed;
	uint64_t halts;
};

struct slu_day_reason {
	char text[400];
};

/* Names the source after the file at `path`. Returns false with `reason` when its name can't serve,
 * or an earlier source has it. */
bool slu_day_add_file(struct slu_day *day, const char *path, struct slu_day_reason *reason);

/* Reads all files. The first malformed lines of each are told on `out`. Returns false with `reason`
 * when one can't be read, or holds no message. */
bool slu_day_read_files(struct slu_day *day, FILE *out, struct slu_day_reason *reason);

/* Merges the files that were read into one day, rows evenly at `rate` a second. */
bool slu_day_merge(struct slu_day *day, uint64_t rate, struct slu_day_reason *reason);

/* Makes the day of a synthetic flow instead. */
bool slu_day_make(struct slu_day *day, const struct slu_flow_shape *shape,
                  struct slu_day_reason *reason);

/* Deals the messages out to `thread_count` engine threads. */
void slu_day_deal(struct slu_day *day, size_t thread_count);

/* Whether `message` of repetition `repeat` (from 0) was played, when each engine thread has
 * finished as many messages as `finished` says. */
static inline bool slu_day_played(const struct slu_day *day, const uint64_t *finished,
                                  const struct slu_message *message, uint64_t repeat)
{
	return repeat * day->thread_messages[message->thread] + message->ordinal <
	       finished[message->thread];
}

void slu_day_free(struct slu_day *day);

#endif
