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
 *      start -> [begin -> [submit | step]* -> seal]* -> close
 *
 * Exactly once is the sink's duty: a batch moves the positions of the lanes from `from` to `to`, in
 * one transaction with its rows, and only if they stand at `from`. The positions are those of one
 * generation, one run of an engine. Runs that died before all was carried come first, each begun where
 * the far end says that it stopped, and sealed when the rest is there; then the living one.
 */
#ifndef SLUICE_SINK_H
#define SLUICE_SINK_H

#include <sluice/sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One row to write. `record` points into a lane, and stays valid until the row's batch is told
 * committed, or the next begin or close. */
struct sluice_row {
	const void *record; /* layout.size bytes may be read, */
	uint64_t version;
	bool removed;  /* only the record's key is filled: delete its row */
	uint16_t size; /* and so many were put: those behind are undefined */
	uint32_t lane; /* with `sequence` (1, 2, 3..) the record's name within its generation */
	uint64_t sequence;
};

/* The rows of one stream. Of a state stream each key comes once, in the order of its bytes. Valid
 * during submit only. */
struct sluice_part {
	const struct sluice_stream *stream;
	const struct sluice_row *rows;
	size_t row_count;
	size_t removed_count; /* of the rows */
};

/* What one transaction carries: all of it or nothing. */
struct sluice_batch {
	uint64_t number;                 /* 1, 2, 3.. within its generation */
	const struct sluice_part *parts; /* in the order to write them, none empty */
	size_t part_count;
	size_t row_count;
	size_t lane_count;
	/* One position a lane: this batch holds the records after `from`, up to and with `to`.
	 * `from` is the `to` of the batch before, for the first what `progress.positions` told. A
	 * batch without rows, of coalesced records only, still moves them. */
	const uint64_t *from;
	const uint64_t *to;
};

struct sluice_sink_setup {
	const struct sluice_streams *streams;
	const void *format; /* the streams' descriptions as bytes, as lane files hold them; valid */
	size_t format_size; /* until close. For whoever is to read records without this program */
	size_t in_flight_batches; /* the most batches to hold at a time */
	uint64_t seed;            /* for jitter, and for names that no other process uses */
	void (*log)(void *context, const char *line);
	void *log_context;
};

/* One run of an engine. */
struct sluice_generation {
	struct sluice_uuid id; /* its name: positions are counted within it */
	size_t lane_count;
	bool known; /* the far end has heard of it: if it says it has not, something is wrong */
};

/* What the sink tells after a step. */
struct sluice_sink_progress {
	enum sluice_state state; /* CONNECTING, RUNNING, HALTED or FENCED */
	uint64_t committed;      /* number of the last batch known committed, 0 after begin */
	/* Number of the last one known to be on a synchronous standby, too: then all before it are. 0
	 * after begin. And how many batches should have been, but their wait was given up. */
	uint64_t replicated;
	uint64_t unreplicated;
	/* Rows of the batches up to that one which the far end refused, and which are kept there
	 * for an operator instead: dead letters. 0 after begin. And how many of each stream; NULL
	 * while there are none. Valid until the next step. */
	uint64_t dead_lettered;
	const uint64_t *dead_lettered_of;
	uint64_t halted_streams; /* all of whose rows become dead letters for now */
	/* Where the generation's lanes stood at the far end when it was begun, one position a lane:
	 * 0 for a new one. NULL until that is known. Valid until the next begin or close. */
	const uint64_t *positions;
	bool sealed; /* what seal asked for is done */
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
	/* The batches that follow are of this generation. Called after start, and again when the
	 * generation before is sealed or given up, never while a batch is held. `committed` starts
	 * anew, `positions` is not known until the far end has told, and `ready` is not set before.
	 * Returns SLUICE_OK, or SLUICE_FAILED (memory): nothing changed. */
	enum sluice_status (*begin)(struct sluice_sink *sink,
	                            const struct sluice_generation *generation);
	/* Has it written down that the generation has ended and all of it is committed. Called once
	 * a generation, while no batch is held; `sealed` tells when it is done. */
	void (*seal)(struct sluice_sink *sink);
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
