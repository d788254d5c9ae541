/* SPDX-License-Identifier: MIT */
/*
 * pg_session.h - what a fresh connection is asked and told before its first batch, in two round
 * trips.
 *
 *      pipeline [ whose session | which server | settings | versions, columns (pg_schema.h)
 *                 | prepare fence | prepare write, remove of each stream
 *                 | columns again | look at the fence (pg_claim.h) ]
 *      pipeline [ take the fence | which rights ]
 *
 * Two transactions: a table that is missing leaves the fence as it was.
 *
 * The sink needs a server session of its own: its statements and settings live there. A pooler in
 * session mode gives one; in transaction mode it lends any free one, for a transaction at a time,
 * with what others left in it. So every session is marked, and one that comes with a mark is
 * another's. The first time a pooler is seen, the connection is dropped and dialed again: in
 * transaction mode the pooler lends the session just marked. Should it lend another, the sink goes
 * on; but the names of its statements are of this connection alone, so that a batch that ends up in
 * a strange session finds no statement, writes nothing and halts.
 */
#ifndef SINK_PG_SESSION_H
#define SINK_PG_SESSION_H

#include "sink/pg_connection.h"
#include "sink/pg_script.h"

/* Queues the first pipeline. Returns false when libpq refused. */
bool slu_session_send(struct slu_connection *connection);

/* Reads the answers. SLU_DONE: `epoch` and `applied` are filled, the connection is idle. */
enum slu_progress slu_session_step(struct slu_connection *connection);

/* The name of the prepared statement of a kind and stream (NULL for the fence's) in the session of
 * `connection`, at most SLU_STATEMENT_NAME_SIZE bytes with its terminator. No other connection of
 * anybody has it. */
#define SLU_STATEMENT_NAME_SIZE 64
void slu_session_name(const struct slu_connection *connection, char name[SLU_STATEMENT_NAME_SIZE],
                      enum slu_statement_kind kind, const struct sluice_stream *stream);

/* Whether an error shows that a pooler has led a batch to a strange session. Then `trouble` says
 * so. */
bool slu_session_strayed(struct slu_connection *connection, const char *sqlstate);

#endif
