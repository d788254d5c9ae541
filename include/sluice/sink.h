/* SPDX-License-Identifier: MIT */
/*
 * sink.h - the door between the core and where batches go.
 *
 * The flusher owns the sink: it alone calls these functions, from one thread, and none of them may
 * block. A sink takes batches in order, may hold several, and commits them in that order, each
 * whole or not at all. It keeps trying: a sink that lost its connection reconnects by itself, finds
 * out what was committed, and goes on with the rest. When only an operator can help it says HALTED
 * and takes nothing more.
 *
 *      start -> [submit | step]* -> close
 *
 * Exactly once is the sink's duty: a batch moves the positions of the lanes from `from` to `to`, in
 * one transaction with its rows, and only if they stand at `from`.
 */
#ifndef SLUICE_SINK_H
#define SLUICE_SINK_H

#include <sluice/sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One row to write. `record` points into a lane and is valid during submit only. */
struct sluice_row {
	const void *record;
	uint64_t version;
	bool removed; /* only the record's key is filled: delete its row */
};

/* The rows of one stream. Of a state stream each key comes once, in the order of its bytes. */
struct sluice_part {
	const struct sluice_stream *stream;
	const struct sluice_row *rows;
	size_t row_count;
	size_t removed_count; /* of the rows */
};

/* What one transaction carries: all of it or nothing. */
struct sluice_batch {
	uint64_t number;                 /* 1, 2, 3.. */
	const struct sluice_part *parts; /* in the order to write them, none empty */
	size_t part_count;
	size_t row_count;
	size_t lane_count;
	/* One position a lane: this batch holds the records after `from`, up to and with `to`.
	 * `from` is the `to` of the batch before, all 0 for the first. A batch without rows, of
	 * coalesced records only, still moves them. */
	const uint64_t *from;
	const uint64_t *to;
};

struct sluice_sink_setup {
	const struct sluice_streams *streams;
	struct sluice_uuid generation; /* this run's name: positions are counted within it */
	size_t lane_count;
	size_t in_flight_batches; /* the most batches to hold at a time */
	uint64_t seed;            /* for jitter */
	void (*log)(void *context, const char *line);
	void *log_context;
};

/* What the sink tells after a step. */
struct sluice_sink_progress {
	enum sluice_state state; /* CONNECTING, RUNNING or HALTED */
	uint64_t committed;      /* number of the last batch known committed */
	uint64_t reconnects;
	bool ready;         /* takes one more batch now */
	const char *reason; /* the last trouble, never NULL; valid until the next step */
	int fd;             /* wake the flusher for `events` (poll's) on this, -1 for nothing */
	short events;
	uint64_t wake_ns; /* and at this monotonic time at the latest, UINT64_MAX for never */
};

struct sluice_sink_ops {
	/* Called once, before anything else. Must not wait for the far end. */
	enum sluice_status (*start)(struct sluice_sink *sink, const struct sluice_sink_setup *setup,
	                            struct sluice_error *error);
	/* Takes a batch, copying what it needs. Called only while `ready`. Returns SLUICE_OK, or
	 * SLUICE_FAILED without having taken it (memory): the flusher offers it again. Content that
	 * can't be written halts the sink: see step. */
	enum sluice_status (*submit)(struct sluice_sink *sink, const struct sluice_batch *batch);
	/* Moves on as far as it goes without waiting. `now_ns` is monotonic. */
	void (*step)(struct sluice_sink *sink, uint64_t now_ns,
	             struct sluice_sink_progress *progress);
	/* Drops what is not committed and frees the sink. Also called if start failed or never was
	 * called. */
	void (*close)(struct sluice_sink *sink);
};

/* A sink begins with this. */
struct sluice_sink {
	const struct sluice_sink_ops *ops;
};

/* A sink that commits everything at once and keeps nothing: for measuring what the rest costs. NULL
 * when out of memory. */
SLUICE_API SLUICE_MUST_CHECK struct sluice_sink *sluice_null_open(void);

/* Fills `error` unless it is NULL. Returns `status`, so that a failing path is one line. */
SLUICE_API enum sluice_status sluice_error_set(struct sluice_error *error,
                                               enum sluice_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif
