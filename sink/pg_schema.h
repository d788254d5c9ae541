/* SPDX-License-Identifier: MIT */
/*
 * pg_schema.h - is this the database that the streams were generated for?
 *
 * A column that was altered under a running program is the quiet kind of damage: a numeric(32,16)
 * that became a numeric(32,2) takes every price, rounded. So each new connection asks, before
 * anything of a batch is sent:
 *
 *      SLU_ASK_LIBRARY    at which version are Sluice's own tables?    this library's
 *      SLU_ASK_USER       at which version are the user's?             the streams', or newer
 *      SLU_ASK_COLUMNS    what are the columns of the streams' tables? what was compiled
 *
 * The last is asked twice. First before the statements are prepared, which would fail on a missing
 * column with fewer words; and again after it: from then on, and to the end of the transaction,
 * their tables are locked against an ALTER that was under way. What is altered while a connection
 * lives is seen by the next one.
 */
#ifndef SINK_PG_SCHEMA_H
#define SINK_PG_SCHEMA_H

#include "sink/pg_connection.h"

enum slu_schema_question {
	SLU_ASK_LIBRARY = 0,
	SLU_ASK_USER,
	SLU_ASK_COLUMNS,
};

/* Queues a question, one statement of a pipeline. Returns false when libpq refused, or out of
 * memory. */
bool slu_schema_ask(PGconn *pg, enum slu_schema_question question,
                    const struct sluice_streams *streams);

/* Judges the answer to a question, or its error. SLU_PENDING: it is as it should be. SLU_STOPPED:
 * the connection's trouble names the difference and what mends it. */
enum slu_progress slu_schema_judge(struct slu_connection *connection,
                                   enum slu_schema_question question, const PGresult *result);

#endif
