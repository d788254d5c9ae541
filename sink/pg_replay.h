/* SPDX-License-Identifier: MIT */
/*
 * pg_replay.h - writes one record again that was a dead letter, as a batch would have.
 *
 * Blocking, on any connection, within the caller's transaction: for an operator's program, not for
 * the sink.
 */
#ifndef SINK_PG_REPLAY_H
#define SINK_PG_REPLAY_H

#include "sink/pg_error.h"

#include <sluice/sink.h>

enum slu_replay {
	SLU_REPLAY_WRITTEN = 1,
	SLU_REPLAY_SUPERSEDED, /* the row there has this version or a newer one, and stays */
	SLU_REPLAY_REFUSED,    /* again: `trouble` tells why. The transaction has failed */
	SLU_REPLAY_LOST,       /* the connection, or memory; `trouble` tells */
};

/* Writes `row` of `stream`, whose statements fit the database, or removes its key. The record is
 * not trusted: what no row can hold is refused before it is sent. */
enum slu_replay slu_replay_write(PGconn *connection, const struct sluice_stream *stream,
                                 const struct sluice_row *row, struct slu_trouble *trouble);

/* Judges a result that is an error, for the stages around it: REFUSED or LOST. */
enum slu_replay slu_replay_fail(PGconn *connection, const PGresult *result, const char *where,
                                struct slu_trouble *trouble);

#endif
