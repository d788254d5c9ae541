/* SPDX-License-Identifier: MIT */
/*
 * query_batch.c - one statement for many structs, in a pipeline.
 *
 * The one sync at its end makes it one transaction. We read while we write, so that the server
 * never stands with full hands before a client that stands the same; and we hand libpq no more
 * than a chunk while bytes of before are unsent, so that it keeps no more.
 *
 *      send a chunk -> flush -> read what is there -> wait -> .. -> sync -> read to its end
 *
 * A batch that fails on our side must not reach its sync whole: a statement that is none comes
 * before.
 */
#include "sink/query_answer.h"
#include "sink/query_failure.h"
#include "sink/query_parameters.h"

#include <errno.h>
#include <poll.h>

enum {
	BINARY = 1,
	CHUNK_SIZE = 64 * 1024,
	CHUNK_ITEMS = 256,
};

/* An error at the server, so that nothing before it stays. Its log shows this line. */
static const char undo_sql[] = "this batch was given up by its client";

struct batch {
	PGconn *connection;
	const struct sluice_query *query;
	const struct slu_prepared *prepared;
	const char *params;
	size_t count;
	sluice_batch_item *each;
	void *context;
	struct slu_parameters parameters;
	size_t sent;     /* items, and at last the statement that undoes them */
	size_t answered; /* of those */
	bool answering;  /* the next item's answer has begun */
	bool idle;       /* no transaction was open */
	bool syncing;    /* all is sent */
	bool synced;     /* all is answered */
	bool lost;       /* the server does not know the statement: nothing has happened */
	enum sluice_status status;
	struct sluice_error first; /* its cause */
};

static void fail(struct batch *batch, enum sluice_status status, const struct sluice_error *cause)
{
	if (batch->status != SLUICE_OK)
		return;
	batch->status = status;
	batch->first = *cause;
}

/* The same, because of item number `index`. */
static void fail_at(struct batch *batch, size_t index, enum sluice_status status,
                    const struct sluice_error *cause)
{
	struct sluice_error error;

	(void)sluice_error_set(&error, status, "item %zu of the batch: %s", index, cause->message);
	fail(batch, status, &error);
}

/* The connection broke, or libpq has no memory. What the server made of the batch is known only
 * if its end was not sent. */
static void break_off(struct batch *batch)
{
	struct sluice_error error;

	if (batch->status == SLUICE_OK && batch->syncing && batch->idle)
		(void)sluice_error_set(&error, SLUICE_FAILED,
		                       "query %s: the connection broke before the server said "
		                       "whether the batch is committed: look before you send it "
		                       "again",
		                       batch->query->name);
	else
		(void)slu_query_failed(batch->connection, NULL, batch->query, &error);
	fail(batch, SLUICE_FAILED, &error);
}

/* ---- sending ---- */

static bool send_item(struct batch *batch)
{
	const char *params = batch->params;
	struct slu_parameters *parameters = &batch->parameters;
	struct sluice_error error;
	enum sluice_status status;

	if (batch->query->params != NULL)
		params += batch->sent * batch->query->params->size;
	status = slu_parameters_fill(parameters, batch->prepared, params, &error);
	if (status == SLUICE_OK &&
	    PQsendQueryPrepared(batch->connection, batch->query->statement, parameters->count,
	                        parameters->values, parameters->sizes, parameters->formats,
	                        BINARY) != 1)
		status = slu_query_failed(batch->connection, NULL, batch->query, &error);
	if (status != SLUICE_OK) {
		fail_at(batch, batch->sent, status, &error);
		return false;
	}
	batch->sent++;
	return true;
}

static void send_chunk(struct batch *batch)
{
	size_t bytes = 0;
	size_t items = 0;

	while (batch->status == SLUICE_OK && batch->sent < batch->count && bytes < CHUNK_SIZE &&
	       items++ < CHUNK_ITEMS) {
		if (send_item(batch))
			bytes += batch->parameters.bytes.size;
	}
}

/* Ends the pipeline. Returns false when it can't be ended safely. */
static bool send_end(struct batch *batch)
{
	if (batch->status != SLUICE_OK) {
		if (PQsendQueryParams(batch->connection, undo_sql, 0, NULL, NULL, NULL, NULL, 0) !=
		    1)
			return false;
		batch->sent++;
	}
	batch->syncing = PQpipelineSync(batch->connection) == 1;
	return batch->syncing;
}

/* ---- reading ---- */

/* Hands an item's answer out. */
static void deliver(struct batch *batch, PGresult *result)
{
	struct sluice_error error;
	struct sluice_rows rows;
	enum sluice_status status;

	if (batch->status == SLUICE_OK) {
		status = slu_answer_check(batch->prepared, result, &error);
		if (status != SLUICE_OK)
			fail_at(batch, batch->answered, status, &error);
	}
	if (batch->status != SLUICE_OK || batch->each == NULL) {
		PQclear(result);
		return;
	}
	slu_rows_init(&rows, batch->query, result);
	batch->each(batch->context, batch->answered, &rows);
	sluice_rows_free(&rows);
}

/* Whether the session ended with it: after the last item's answer such an error may come when all
 * is committed. */
static bool is_fatal(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity == NULL || strcmp(severity, "ERROR") != 0;
}

static void take_error(struct batch *batch, const PGresult *result)
{
	struct sluice_error error;

	if (batch->status != SLUICE_OK) /* ours, or a consequence */
		return;
	(void)slu_query_failed(batch->connection, result, batch->query, &error);
	if (batch->answered < batch->sent)
		fail_at(batch, batch->answered, SLUICE_FAILED, &error);
	else if (!is_fatal(result)) /* as late as the commit: a deferred constraint */
		fail(batch, SLUICE_FAILED, &error);
	batch->lost = batch->answered == 0 &&
	              slu_prepared_lost(batch->connection, batch->query, result, batch->idle);
}

static void take_result(struct batch *batch, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		batch->answering = true;
		deliver(batch, result);
		return;
	case PGRES_PIPELINE_SYNC:
		batch->synced = true;
		break;
	case PGRES_PIPELINE_ABORTED:
		batch->answering = true;
		break;
	default:
		batch->answering = batch->answered < batch->sent;
		take_error(batch, result);
		break;
	}
	PQclear(result);
}

/* Reads what has arrived. Each item's answer ends with a NULL. */
static void read_answers(struct batch *batch)
{
	while (!batch->synced && (batch->answered < batch->sent || batch->syncing) &&
	       PQstatus(batch->connection) == CONNECTION_OK && !PQisBusy(batch->connection)) {
		PGresult *result = PQgetResult(batch->connection);

		if (result != NULL) {
			take_result(batch, result);
		} else if (batch->answering) {
			batch->answering = false;
			batch->answered++;
		}
	}
}

/* ---- both ---- */

static void wait_for_server(const PGconn *connection, bool to_write)
{
	struct pollfd socket = {.fd = PQsocket(connection),
	                        .events = (short)(to_write ? POLLIN | POLLOUT : POLLIN)};

	while (poll(&socket, 1, -1) < 0 && errno == EINTR)
		;
}

static void pump(struct batch *batch)
{
	PGconn *connection = batch->connection;
	int unsent = 0;

	while (!batch->synced) {
		if (unsent == 0 && !batch->syncing) {
			send_chunk(batch);
			if ((batch->status != SLUICE_OK || batch->sent == batch->count) &&
			    !send_end(batch))
				break;
		}
		unsent = PQflush(connection);
		if (unsent < 0 || PQconsumeInput(connection) == 0)
			break;
		read_answers(batch);
		if (PQstatus(connection) != CONNECTION_OK)
			break;
		if (!batch->synced && (unsent > 0 || batch->syncing))
			wait_for_server(connection, unsent > 0);
	}
	if (!batch->synced)
		break_off(batch);
}

static enum sluice_status run(struct batch *batch)
{
	PGconn *connection = batch->connection;
	int nonblocking = PQisnonblocking(connection);

	batch->idle = PQtransactionStatus(connection) == PQTRANS_IDLE;
	if (PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1) {
		pump(batch);
		(void)PQexitPipelineMode(connection);
	} else {
		break_off(batch);
	}
	(void)PQsetnonblocking(connection, nonblocking);
	return batch->status;
}

static enum sluice_status run_once(struct batch *batch, struct sluice_error *error)
{
	enum sluice_status status = slu_prepared_get(batch->connection, batch->query,
	                                             &batch->prepared, error);

	if (status != SLUICE_OK)
		return status;
	if (slu_parameters_init(&batch->parameters, batch->query)) {
		status = run(batch);
		if (status != SLUICE_OK)
			(void)sluice_error_set(error, status, "%s", batch->first.message);
	} else {
		status = sluice_error_set(error, SLUICE_FAILED, "query %s: out of memory",
		                          batch->query->name);
	}
	slu_parameters_free(&batch->parameters);
	return status;
}

enum sluice_status sluice_query_batch(struct pg_conn *connection, const struct sluice_query *query,
                                      const void *params, size_t count, sluice_batch_item *each,
                                      void *context, struct sluice_error *error)
{
	const struct batch start = {.connection = connection,
	                            .query = query,
	                            .params = params,
	                            .count = count,
	                            .each = each,
	                            .context = context,
	                            .status = SLUICE_OK};
	struct batch batch = start;
	enum sluice_status status = run_once(&batch, error);

	if (batch.lost) {
		batch = start;
		status = run_once(&batch, error);
	}
	return status;
}
