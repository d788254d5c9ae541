/* SPDX-License-Identifier: MIT */
/*
 * pg_claim.h - a session makes the row of its run its own (pg_fence.h: look, then make or take).
 */
#ifndef SINK_PG_CLAIM_H
#define SINK_PG_CLAIM_H

#include "sink/pg_connection.h"

/* Queues the question whose the run is. Returns false when libpq refused. */
bool slu_claim_look(const struct slu_connection *connection);

/* Reads the answer: `found`, and the `epoch` that was seen. SLU_PENDING: it may be taken.
 * SLU_STOPPED: it is another's, or is gone. */
enum slu_progress slu_claim_found(struct slu_connection *connection, const PGresult *result);

/* Queues what ends a session left behind, and what takes the row. Returns false when libpq refused, or out of memory. */
bool slu_claim_take(const struct slu_connection *connection);

/* Reads the first answer, and tells of a session that was ended. SLU_PENDING. */
enum slu_progress slu_claim_ended(const struct slu_connection *connection, const PGresult *result);

/* Reads the second: `epoch`, `applied` and `sealed`. SLU_PENDING: it is ours. */
enum slu_progress slu_claim_taken(struct slu_connection *connection, const PGresult *result);

#endif
