/* SPDX-License-Identifier: MIT */
/*
 * pg_transaction.c - segment after segment: send while the socket takes it, read what came, have it
 * judged (pg_answer.h).
 *
 * libpq's output buffer has no bound of its own. So nothing is handed over while bytes of before
 * are left in it, and what is handed over at a time is one statement or one chunk of a COPY.
 */
#include "sink/pg_transaction.h"

#include "sink/pg_answer.h"
#include "sink/pg_fence.h"
#include "sink/pg_session.h"

#include <poll.h>
#include <string.h>

enum {
	CHUNK_SIZE = 64 * 1024,
	/* A step ends after this many, if the socket took them all: the flusher has other work. */
	CHUNKS_A_STEP = 16,
};

#define SILENCE_NS_MAX sluice_seconds(30)

void slu_transaction_begin(struct slu_transaction *transaction, const struct slu_script *script,
                           const struct slu_connection *connection, uint64_t now_ns)
{
	memset(transaction, 0, sizeof(*transaction));
	transaction->script = script;
	transaction->unconfirmed = connection->unconfirmed;
	transaction->silent_until_ns = now_ns + SILENCE_NS_MAX;
}

enum slu_replication slu_transaction_replication(const struct slu_transaction *transaction,
                                                 const struct slu_connection *connection)
{
	if (!transaction->synchronous)
		return SLU_LOCAL;
	return connection->unconfirmed == transaction->unconfirmed ? SLU_REPLICATED
	                                                           : SLU_UNCONFIRMED;
}

/* ---- pipeline ---- */

static bool send_statement(const struct slu_script *script, const struct slu_statement *statement,
                           const struct slu_connection *connection)
{
	char name[SLU_STATEMENT_NAME_SIZE];
	PGconn *pg = connection->pg;

	if (statement->kind == SLU_BEGIN || statement->kind == SLU_COMMIT)
		return PQsendQueryParams(pg, statement->kind == SLU_BEGIN ? "BEGIN" : "COMMIT", 0,
		                         NULL, NULL, NULL, NULL, 0) == 1;
	if (statement->kind == SLU_SEAL || statement->kind == SLU_LETTER) /* not worth preparing */
		return PQsendQueryParams(
			       pg,
			       statement->kind == SLU_SEAL ? slu_fence_seal_sql : slu_letter_sql,
			       (int)statement->count, NULL, script->values + statement->first,
			       script->sizes + statement->first, script->formats + statement->first,
			       0) == 1;
	slu_session_name(connection, name, statement->kind, statement->stream);
	return PQsendQueryPrepared(pg, name, (int)statement->count,
	                           script->values + statement->first,
	                           script->sizes + statement->first,
	                           script->formats + statement->first, 0) == 1;
}

/* Sends what there is room for. `*fed` tells whether anything was. */
static enum slu_progress feed_pipeline(struct slu_transaction *transaction,
                                       struct slu_connection *connection, bool *fed)
{
	const struct slu_script *script = transaction->script;
	const struct slu_segment *segment = slu_transaction_segment(transaction);

	*fed = false;
	slu_connection_flush(connection);
	while (!connection->blocked && !transaction->all_sent) {
		bool sent;

		if (transaction->sent < segment->end) {
			sent = send_statement(script, &script->statements[transaction->sent],
			                      connection);
			transaction->sent++;
		} else {
			sent = PQpipelineSync(connection->pg) == 1;
			transaction->all_sent = true;
		}
		if (!sent)
			return slu_connection_lost(connection, "sending");
		transaction->moves++;
		*fed = true;
		slu_connection_flush(connection);
	}
	return SLU_PENDING;
}

static enum slu_progress read_pipeline(struct slu_transaction *transaction,
                                       struct slu_connection *connection)
{
	enum slu_progress progress = SLU_PENDING;

	while (progress == SLU_PENDING &&
	       (transaction->answered < transaction->sent || transaction->all_sent)) {
		PGresult *result;

		progress = slu_connection_result(connection, &result);
		if (progress != SLU_DONE)
			return progress;
		if (transaction->answered < transaction->sent)
			progress = slu_answer_judge(transaction, connection, result);
		else if (PQresultStatus(result) != PGRES_PIPELINE_SYNC)
			/* The commit itself can fail: a constraint that was put off till then. */
			progress = slu_answer_fail(transaction, connection, result);
		PQclear(result);
	}
	return progress;
}

static enum slu_progress play_pipeline(struct slu_transaction *transaction,
                                       struct slu_connection *connection)
{
	enum slu_progress progress;
	bool fed = true;

	if (!transaction->entered && PQenterPipelineMode(connection->pg) != 1)
		return slu_connection_lost(connection, "sending");
	transaction->entered = true;
	slu_connection_receive(connection);
	/* Reads again after feeding: a send that finds the socket full reads into libpq's buffer,
	 * and poll would not tell of what is there already. */
	do {
		progress = read_pipeline(transaction, connection);
		if (progress == SLU_PENDING)
			progress = feed_pipeline(transaction, connection, &fed);
		else
			fed = false;
	} while (progress == SLU_PENDING && fed);
	if (progress == SLU_DONE && PQexitPipelineMode(connection->pg) != 1)
		return slu_connection_lost(connection, "sending");
	return progress;
}

/* ---- string and COPY ---- */

/* An error while we copy is invisible until we end: libpq leaves it in its buffer. The server has
 * nothing else to say then but notices, so input that brings none is an error. Wrong guesses (a
 * changed setting) cost a retry. */
static bool is_interrupted(struct slu_connection *connection)
{
	struct pollfd socket = {.fd = PQsocket(connection->pg), .events = POLLIN};
	uint64_t notices = connection->notices;

	if (poll(&socket, 1, 0) <= 0)
		return false;
	slu_connection_receive(connection);
	(void)PQisBusy(connection->pg); /* counts the notices */
	return connection->broken || connection->notices == notices;
}

static bool end_copy(struct slu_transaction *transaction, struct slu_connection *connection,
                     const char *error)
{
	bool ended = PQputCopyEnd(connection->pg, error) == 1;

	transaction->copying = false;
	transaction->moves++;
	slu_connection_flush(connection);
	return ended;
}

static enum slu_progress feed_copy(struct slu_transaction *transaction,
                                   struct slu_connection *connection)
{
	const struct slu_statement *statement = slu_transaction_answered(transaction);
	const unsigned char *data = transaction->script->bytes.bytes + statement->copy_offset +
	                            transaction->copied;
	size_t left = statement->copy_size - transaction->copied;
	int chunks;

	slu_connection_flush(connection);
	for (chunks = 0; chunks < CHUNKS_A_STEP && left > 0 && !connection->blocked; chunks++) {
		size_t size = left < CHUNK_SIZE ? left : CHUNK_SIZE;

		if (PQputCopyData(connection->pg, (const char *)data, (int)size) != 1)
			return slu_connection_lost(connection, "sending");
		data += size;
		left -= size;
		transaction->copied += size;
		transaction->moves++;
		slu_connection_flush(connection);
	}
	connection->eager = left > 0;
	if (left > 0)
		return SLU_PENDING;
	if (!end_copy(transaction, connection, NULL))
		return slu_connection_lost(connection, "sending");
	return SLU_PENDING;
}

static enum slu_progress step_copy(struct slu_transaction *transaction,
                                   struct slu_connection *connection)
{
	connection->eager = false;
	if (!is_interrupted(connection))
		return feed_copy(transaction, connection);
	/* The result may be of interest even if this can't be sent any more. */
	(void)end_copy(transaction, connection, "ended early");
	return SLU_PENDING;
}

/* Reads the answers of a string up to the next COPY, or to the end: then SLU_DONE. */
static enum slu_progress read_string(struct slu_transaction *transaction,
                                     struct slu_connection *connection)
{
	enum slu_progress progress = SLU_PENDING;

	while (progress == SLU_PENDING && !transaction->copying) {
		PGresult *result;

		if (transaction->answered == slu_transaction_segment(transaction)->end)
			return slu_connection_idle(connection);
		progress = slu_connection_result(connection, &result);
		if (progress != SLU_DONE)
			return progress;
		transaction->copying = PQresultStatus(result) == PGRES_COPY_IN &&
		                       slu_transaction_answered(transaction)->kind == SLU_COPY;
		transaction->copied = 0;
		if (transaction->copying)
			progress = SLU_PENDING;
		else
			progress = slu_answer_judge(transaction, connection, result);
		PQclear(result);
	}
	return progress;
}

static enum slu_progress play_string(struct slu_transaction *transaction,
                                     struct slu_connection *connection)
{
	enum slu_progress progress = SLU_PENDING;

	if (!transaction->entered &&
	    PQsendQuery(connection->pg, (const char *)transaction->script->text.bytes) != 1)
		return slu_connection_lost(connection, "sending");
	transaction->entered = true;
	if (!transaction->copying) {
		slu_connection_flush(connection);
		slu_connection_receive(connection);
		progress = read_string(transaction, connection);
	}
	if (transaction->copying && progress == SLU_PENDING) {
		progress = step_copy(transaction, connection);
		/* As in play_pipeline: sending may have read. */
		if (progress == SLU_PENDING && !transaction->copying)
			progress = read_string(transaction, connection);
	}
	return progress;
}

/* ---- the whole ---- */

static enum slu_progress play(struct slu_transaction *transaction,
                              struct slu_connection *connection)
{
	while (transaction->segment < transaction->script->segment_count) {
		const struct slu_segment *segment = slu_transaction_segment(transaction);
		enum slu_progress progress = segment->pipeline
		                                     ? play_pipeline(transaction, connection)
		                                     : play_string(transaction, connection);

		if (progress != SLU_DONE)
			return progress;
		transaction->sent = transaction->answered = segment->end;
		transaction->segment++;
		transaction->entered = transaction->all_sent = false;
	}
	return SLU_DONE;
}

enum slu_progress slu_transaction_step(struct slu_transaction *transaction,
                                       struct slu_connection *connection, uint64_t now_ns)
{
	enum slu_progress progress = play(transaction, connection);

	if (progress != SLU_PENDING)
		return progress;
	if (transaction->moves != transaction->silent_moves) {
		transaction->silent_moves = transaction->moves;
		transaction->silent_until_ns = now_ns + SILENCE_NS_MAX;
	} else if (now_ns >= transaction->silent_until_ns) {
		slu_trouble_set(&connection->trouble, SLU_RETRY,
		                "the server was silent for 30 s in the middle of a batch");
		return SLU_STOPPED;
	}
	return SLU_PENDING;
}
