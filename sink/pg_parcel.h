/* SPDX-License-Identifier: MIT */
/*
 * pg_parcel.h - a batch as the sink keeps it until it is committed, and the search for the rows of it
 * that the database refuses.
 *
 *      rows --(pg_script.h)--> a transaction --> committed
 *        ^                          |
 *        |                          v an error of one of its rows
 *        +--- blame: one row becomes a letter, or the statement that failed is said row by row
 *
 * The rows themselves stay in the lanes; a parcel remembers which they are. A row that is refused
 * leaves its part and becomes a letter: the transaction that carries the rest writes it into
 * sluice.dead_letter.
 *
 * P1  A row is blamed only when it alone was refused: COPY named its line, or its statement held no
 *     other. So each attempt either names a row or narrows the next one down to single rows.
 * P2  Nothing is decided by a parcel alone: letters are committed with the rows, and a parcel given
 *     up leaves all its rows in the lanes.
 * P3  When too many rows are refused, they are not to blame but the table has changed. A run counts
 *     them, over its batches, and then holds back all that comes of the stream (pg_run.h).
 *
 * Pure but for memory.
 */
#ifndef SINK_PG_PARCEL_H
#define SINK_PG_PARCEL_H

#include "sink/pg_error.h"

#include <sluice/sink.h>

/* A row that was refused, or held back. */
struct slu_letter {
	const struct sluice_stream *stream;
	struct sluice_row row;
	struct slu_trouble trouble;
	bool held_back; /* it was not tried: its stream is halted */
};

/* Rows of a part, by their places in it. */
struct slu_span {
	size_t part;
	size_t first, end;
};

struct slu_parcel {
	struct sluice_batch batch; /* the rows not refused; a part may be empty */
	struct sluice_part parts[SLUICE_STREAMS_MAX];
	struct sluice_row *rows;
	struct slu_letter *letters; /* NULL while there is none */
	size_t letter_count, letter_room;
	struct slu_span singly; /* these are written row by row */
	bool without_copy
		[SLUICE_STREAMS_MAX]; /* by part: COPY fails in it, and does not tell where */
	unsigned patience;            /* so often an error that may pass by itself is waited for */
};

/* Remembers the rows of `batch`, and its positions. NULL when out of memory. */
struct slu_parcel *slu_parcel_make(const struct sluice_batch *batch);
void slu_parcel_free(struct slu_parcel *parcel);

enum slu_blame {
	SLU_BLAME_ROW = 1, /* one more letter: try again without it */
	SLU_BLAME_LATER,   /* not yet: try again, as the parcel now says */
	SLU_BLAME_PASSING, /* what it lacks may come: try again after a pause */
	SLU_BLAME_NOBODY,  /* `trouble` says why: an operator must look */
};

/* What to do about `trouble`, of an action SLU_ISOLATE. It came from the rows of `span`; with
 * first == end from none that is known. `copied`: by COPY. */
enum slu_blame slu_parcel_blame(struct slu_parcel *parcel, const struct slu_span *span, bool copied,
                                struct slu_trouble *trouble);

/* All that is left of part number `part` becomes letters, for `trouble`. Returns false when out of
 * memory: then nothing changed. */
bool slu_parcel_hold_back(struct slu_parcel *parcel, size_t part,
                          const struct slu_trouble *trouble);

/* How many rows of the stream have become letters. */
size_t slu_parcel_letters(const struct slu_parcel *parcel, const struct sluice_stream *stream);

#endif
