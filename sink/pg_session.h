/* SPDX-License-Identifier: MIT */
/*
 * pg_session.h - what a fresh connection is told before its first batch, in one round trip.
 *
 *      pipeline [ settings | prepare fence | prepare write, remove of each stream | open the fence
 * ]
 *
 * One transaction: a table that is missing leaves the fence as it was.
 */
#ifndef SINK_PG_SESSION_H
#define SINK_PG_SESSION_H

#include "sink/pg_connection.h"
#include "sink/pg_script.h"

/* Queues the pipeline. Returns false when libpq refused. */
bool slu_session_send(struct slu_connection *connection);

/* Reads the answers. SLU_DONE: `epoch` and `applied` are filled, the connection is idle. */
enum slu_progress slu_session_step(struct slu_connection *connection);

/* The name of the prepared statement of a kind and stream (NULL for the fence's), at most
 * SLU_STATEMENT_NAME_SIZE bytes with its terminator. */
#define SLU_STATEMENT_NAME_SIZE 32
void slu_session_name(char name[SLU_STATEMENT_NAME_SIZE], enum slu_statement_kind kind,
                      const struct sluice_stream *stream);

#endif
