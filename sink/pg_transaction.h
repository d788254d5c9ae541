/* SPDX-License-Identifier: MIT */
/*
 * pg_transaction.h - says a script to Postgres over a ready connection, until it is committed.
 *
 *      begin -> step* -> SLU_DONE       committed, and the connection is idle again
 *                     -> SLU_STOPPED    connection->trouble tells why
 *
 * A stopped connection is dropped, whatever state it is in; whether the batch was committed is for
 * the fence to tell, on the next one.
 *
 * Stopped with SLU_ISOLATE, a row was refused, one of `failed`.
 *
 * SLU_DONE proves a commit: either the sync of a pipeline without BEGIN was reached without an
 * error before it, or COMMIT was answered with its own tag, after every COPY had counted the rows
 * it was sent. A COMMAND_OK proves nothing: of a pipeline it comes before the commit, and COMMIT in
 * a failed transaction gives one, too, with the tag ROLLBACK.
 */
#ifndef SINK_PG_TRANSACTION_H
#define SINK_PG_TRANSACTION_H

#include "sink/pg_connection.h"
#include "sink/pg_script.h"

struct slu_transaction {
	const struct slu_script *script;
	size_t segment;           /* index of the one being said */
	bool entered;             /* its first byte was handed to libpq */
	bool all_sent;            /* and its last: the sync of a pipeline, the string */
	size_t sent;              /* index of the next statement of a pipeline to send */
	size_t answered;          /* index of the next statement to be answered */
	struct slu_span failed;   /* rows of which one was refused; first == end: not known */
	bool failed_copy;         /* by COPY */
	bool synchronous;         /* the commit waits for a standby, as the fence told */
	uint64_t unconfirmed;     /* warnings on the connection that it did not, before */
	bool copying;             /* the server waits for data */
	size_t copied;            /* bytes of them handed over */
	uint64_t moves;           /* grows whenever something happened; */
	uint64_t silent_moves;    /* it was this when something last did, */
	uint64_t silent_until_ns; /* and waiting for more ends then */
};

/* The segment that is being said. */
static inline const struct slu_segment *
slu_transaction_segment(const struct slu_transaction *transaction)
{
	return &transaction->script->segments[transaction->segment];
}

/* The statement that is to be answered next. */
static inline const struct slu_statement *
slu_transaction_answered(const struct slu_transaction *transaction)
{
	return &transaction->script->statements[transaction->answered];
}

/* `script` must be made for this connection's epoch (slu_script_set_epoch) and not be refused. */
void slu_transaction_begin(struct slu_transaction *transaction, const struct slu_script *script,
                           const struct slu_connection *connection, uint64_t now_ns);

/* Of one that is done: what has become of it on a standby. */
enum slu_replication {
	SLU_LOCAL = 1,   /* nothing was waited for */
	SLU_UNCONFIRMED, /* the wait was given up */
	SLU_REPLICATED,  /* a standby has confirmed it */
};
enum slu_replication slu_transaction_replication(const struct slu_transaction *transaction,
                                                 const struct slu_connection *connection);

/* Stops, too, when nothing has happened for 30 s. */
enum slu_progress slu_transaction_step(struct slu_transaction *transaction,
                                       struct slu_connection *connection, uint64_t now_ns);

#endif
