/* SPDX-License-Identifier: MIT */
/*
 * scripted_sink.h - a sink that does what it is told.
 *
 * It copies every row it is given, follows orders (commit, hold, refuse, halt), and watches that
 * the flusher keeps the rules of sluice/sink.h: the first one broken is in `violation`, and fails
 * the test when the sink is freed. Runs may follow each other: the record goes on over them, and
 * numbers are those within the run.
 */
#ifndef TESTS_UNIT_SCRIPTED_SINK_H
#define TESTS_UNIT_SCRIPTED_SINK_H

#include <sluice/sink.h>

#include <pthread.h>

/* Two streams: state, with a key, and append. */

struct item {
	uint64_t value; /* before the key: nobody may take a record's start for its key */
	uint64_t id;
	char note[40];
};

struct event {
	uint64_t cause;
	uint64_t value;
};

extern const struct sluice_stream items;
extern const struct sluice_stream events;
extern const struct sluice_streams world_streams;

union any_record {
	struct item item;
	struct event event;
};

struct seen_row {
	const struct sluice_stream *stream;
	uint64_t version;
	bool removed;
	union any_record record;
};

enum { SCRIPTED_LANES = 256 };

struct seen_batch {
	uint64_t number;
	size_t first_row; /* in `rows` */
	size_t row_count;
	size_t part_count;
	uint64_t records; /* how far it moves the positions, all lanes */
};

struct scripted_sink {
	struct sluice_sink sink;
	pthread_mutex_t
		mutex; /* held by whoever reads or writes below while a flusher thread runs */

	/* the script */
	enum sluice_status start_status;
	enum sluice_state state;
	bool ready;
	uint64_t commit_up_to; /* batches up to this number are committed as they come */
	uint64_t replicated;
	uint64_t unreplicated;
	uint64_t dead_lettered;                        /* of the run's rows committed so far: */
	uint64_t dead_lettered_of[SLUICE_STREAMS_MAX]; /* so many of each stream */
	unsigned refusals; /* so many submits from now on find no memory */
	unsigned begin_refusals;
	uint64_t positions[SCRIPTED_LANES]; /* where the next run begun stands */
	bool hold_positions;                /* does not tell them yet */
	bool hold_sealed;
	uint64_t reconnects;
	char reason[64];

	/* the record */
	struct sluice_sink_setup setup;
	struct sluice_generation generation; /* the last one begun */
	unsigned starts, begins, seals, closes, refused;
	_Atomic uint64_t steps;
	uint64_t submitted; /* batches, of all runs */
	struct seen_batch *batches;
	size_t batch_capacity;
	struct seen_row *rows;
	size_t row_count, row_capacity;
	uint64_t to[SCRIPTED_LANES]; /* where the batches have brought each lane */
	char violation[128];

	/* between two calls of the flusher */
	uint64_t submitted_before; /* the run was begun */
	uint64_t told_positions[SCRIPTED_LANES];
	bool told; /* them */
	bool sealing;
	bool told_ready;
	uint64_t refused_checksum; /* of the batch just refused, 0: none was */
	char told_reason[64];
};

/* One that is running, ready, and commits everything. */
struct scripted_sink *scripted_sink_new(void);
/* The core's close of a sink is only counted: what it saw stays, until this. */
void scripted_sink_free(struct scripted_sink *sink);

/* Changes the state while a flusher thread may be running. */
void scripted_sink_turn(struct scripted_sink *sink, enum sluice_state state, const char *reason);
/* Commits batches up to `number`, also while a flusher thread is running. */
void scripted_sink_commit(struct scripted_sink *sink, uint64_t number);

/* The last batch that the sink took. */
const struct seen_batch *scripted_sink_last(const struct scripted_sink *sink);
/* Row `index` of the batch. */
const struct seen_row *scripted_sink_row(const struct scripted_sink *sink,
                                         const struct seen_batch *batch, size_t index);

#endif
