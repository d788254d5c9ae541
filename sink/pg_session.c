/* SPDX-License-Identifier: MIT */
/*
 * pg_session.c - whose session, which server, settings, schema, prepared statements, fence.
 *
 * A prepared write checks itself: it takes the logarithm of zero unless every row it was given was
 * inserted or updated. A row can be missing because the version guard refused it (another writer of
 * that key, or a clock that went back) or because a trigger dropped it. Asking for the affected count
 * would come too late: in a pipeline the answer arrives together with the commit. What it costs is
 * within the noise: 1,000 orders a statement, medians of 60, two runs: insert 13.9 and 14.9 ms without
 * the check, 14.5 and 14.2 with it; update 16.8 and 17.7 without, 16.9 and 17.7 with.
 */
#include "sink/pg_session.h"

#include "sink/pg_claim.h"
#include "sink/pg_fence.h"
#include "sink/pg_rights.h"
#include "sink/pg_schema.h"

#include <stdio.h>
#include <stdlib.h>

/* The mark is a setting: it lasts as long as the session, or until a pooler in session mode cleans
 * that for the next client. */
static const char whose_sql[] = "SELECT pg_backend_pid(), current_setting('sluice.session', true)";

/* lock_timeout ends the wait for the row of a zombie that does not hear us (pg_fence.h, end), and
 * idle_in_transaction_session_timeout ends one that is not ours to end. Generic plans: else each array statement would be planned anew with its values. Names of
 * types are compared: they are quoted only where they must be. */
static const char settings_sql[] =
	"SELECT set_config('sluice.session', $1, false), "
	"set_config('statement_timeout', '30s', false), "
	"set_config('lock_timeout', '5s', false), "
	"set_config('idle_in_transaction_session_timeout', '30s', false), "
	"set_config('jit', 'off', false), "
	"set_config('plan_cache_mode', 'force_generic_plan', false), "
	"set_config('quote_all_identifiers', 'off', false)";

/* What stands in the pipeline. */
enum step {
	WHOSE,
	SERVER,
	SETTINGS,
	LIBRARY,
	USER,
	COLUMNS,
	FENCE,
	STREAM,
	LOOK,
	END,
	CLAIM,
	RIGHTS,
};

enum {
	PID_COLUMN = 0,
	MARK_COLUMN = 1,
	MARK_SIZE = 32,
};

/* This connection, as nobody else calls theirs. Not by the run: one that died is carried on by
 * another process. */
static void make_mark(const struct slu_connection *connection, char mark[MARK_SIZE])
{
	(void)snprintf(mark, MARK_SIZE, "%016llx_%u",
	               (unsigned long long)connection->target->chance, (unsigned)connection->dials);
}

void slu_session_name(const struct slu_connection *connection, char name[SLU_STATEMENT_NAME_SIZE],
                      enum slu_statement_kind kind, const struct sluice_stream *stream)
{
	char mark[MARK_SIZE];

	make_mark(connection, mark);
	if (stream == NULL)
		(void)snprintf(name, SLU_STATEMENT_NAME_SIZE, "sluice_%s_fence", mark);
	else
		(void)snprintf(name, SLU_STATEMENT_NAME_SIZE, "sluice_%s_%s%u", mark,
		               kind == SLU_REMOVE ? "remove" : "write", (unsigned)stream->index);
}

/* ---- sending ---- */

static bool set(const struct slu_connection *connection)
{
	char mark[MARK_SIZE];
	const char *values[] = {mark};

	make_mark(connection, mark);
	return PQsendQueryParams(connection->pg, settings_sql, 1, NULL, values, NULL, NULL, 0) == 1;
}

static bool prepare(const struct slu_connection *connection, enum slu_statement_kind kind,
                    const struct sluice_stream *stream, const char *sql)
{
	char name[SLU_STATEMENT_NAME_SIZE];

	slu_session_name(connection, name, kind, stream);
	return PQsendPrepare(connection->pg, name, sql, 0, NULL) == 1;
}

static bool prepare_write(const struct slu_connection *connection,
                          const struct sluice_stream *stream)
{
	static const char format[] = "WITH written AS (%s RETURNING 1) "
				     "SELECT pg_catalog.ln((count(*) = cardinality($1))::int) "
				     "FROM written";
	size_t size = sizeof(format) + strlen(stream->write_sql);
	char *sql = malloc(size);
	bool sent;

	if (sql == NULL)
		return false;
	(void)snprintf(sql, size, format, stream->write_sql);
	sent = prepare(connection, SLU_WRITE, stream, sql);
	free(sql);
	return sent;
}

static bool prepare_streams(const struct slu_connection *connection)
{
	const struct sluice_streams *streams = connection->target->streams;
	bool sent = true;
	size_t index;

	for (index = 0; index < streams->count && sent; index++) {
		const struct sluice_stream *stream = streams->streams[index];

		sent = prepare_write(connection, stream);
		if (sent && stream->kind == SLUICE_STATE)
			sent = prepare(connection, SLU_REMOVE, stream, stream->remove_sql);
	}
	return sent;
}

/* What only informs comes behind the fence: an owner that waits for answers is overtaken by one that
 * doesn't. */
static bool send_second(const struct slu_connection *connection)
{
	return slu_claim_take(connection) &&
	       PQsendQueryParams(connection->pg, slu_rights_sql, 0, NULL, NULL, NULL, NULL, 0) ==
	               1 &&
	       PQpipelineSync(connection->pg) == 1;
}

bool slu_session_send(struct slu_connection *connection)
{
	const struct sluice_streams *streams = connection->target->streams;
	PGconn *pg = connection->pg;

	connection->answered = 0;
	return PQenterPipelineMode(pg) == 1 &&
	       PQsendQueryParams(pg, whose_sql, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
	       PQsendQueryParams(pg, slu_server_sql, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
	       set(connection) && slu_schema_ask(pg, SLU_ASK_LIBRARY, streams) &&
	       slu_schema_ask(pg, SLU_ASK_USER, streams) &&
	       slu_schema_ask(pg, SLU_ASK_COLUMNS, streams) &&
	       prepare(connection, SLU_FENCE, NULL, slu_fence_move_sql) &&
	       prepare_streams(connection) && slu_schema_ask(pg, SLU_ASK_COLUMNS, streams) &&
	       slu_claim_look(connection) && PQpipelineSync(pg) == 1;
}

/* ---- answers ---- */

/* Which step the answer number `at` belongs to, as they were queued. `*stream` is
 * that of a STREAM. */
static enum step step_at(const struct sluice_streams *streams, size_t at,
                         const struct sluice_stream **stream)
{
	static const enum step first[] = {WHOSE, SERVER, SETTINGS, LIBRARY, USER, COLUMNS, FENCE};
	size_t next = sizeof(first) / sizeof(first[0]);
	size_t index;

	*stream = NULL;
	if (at < next)
		return first[at];
	for (index = 0; index < streams->count; index++) {
		*stream = streams->streams[index];
		next += (*stream)->kind == SLUICE_STATE ? 2 : 1;
		if (at < next)
			return STREAM;
	}
	*stream = NULL;
	if (at == next)
		return COLUMNS;
	if (at == next + 1)
		return LOOK;
	if (at == next + 2)
		return END;
	return at == next + 3 ? CLAIM : RIGHTS;
}

#define STRAYED                                                                                   \
	"a pooler lends the sink sessions that others use (transaction pooling): connect to the " \
	"server directly, or through a pool in session mode"

bool slu_session_strayed(struct slu_connection *connection, const char *sqlstate)
{
	if (connection->pooled == 0 || sqlstate == NULL || strcmp(sqlstate, "26000") != 0)
		return false;
	slu_trouble_set(&connection->trouble, SLU_HALT, "%s", STRAYED);
	return true;
}

/* Behind a pooler the process that serves us is not the one that we were told of. */
static enum slu_progress read_whose(struct slu_connection *connection, const PGresult *result)
{
	const char *mark = PQgetvalue(result, 0, MARK_COLUMN); /* "" for NULL */

	if (mark[0] != '\0') {
		slu_trouble_set(&connection->trouble, SLU_HALT, "%s", STRAYED);
		return SLU_STOPPED;
	}
	if (connection->pooled == 0 &&
	    strtol(PQgetvalue(result, 0, PID_COLUMN), NULL, 10) != PQbackendPID(connection->pg))
		connection->pooled = connection->dials;
	return SLU_PENDING;
}

static enum slu_progress read_server(struct slu_connection *connection, const PGresult *result)
{
	slu_server_read(&connection->server, result);
	return slu_server_follows(&connection->target->server, &connection->server,
	                          &connection->trouble)
	               ? SLU_PENDING
	               : SLU_STOPPED;
}

/* Once a run, by its first session. */
static enum slu_progress read_rights(const struct slu_connection *connection,
                                     const PGresult *result)
{
	const struct slu_target *target = connection->target;
	char text[SLU_RIGHTS_TEXT_SIZE];

	if (!target->owned && target->warn != NULL && slu_rights_read(result, text))
		target->warn(target->warn_context, text);
	return SLU_PENDING;
}

/* The first half is answered, and the mark is there to stay. */
static enum slu_progress go_on(struct slu_connection *connection)
{
	if (connection->pooled == connection->dials) {
		slu_trouble_set(
			&connection->trouble, SLU_RETRY,
			"a pooler is in between: dialing again, to see whose sessions it lends");
		return SLU_STOPPED;
	}
	connection->looked = true;
	if (!send_second(connection))
		return slu_connection_lost(connection, "fence");
	slu_connection_flush(connection);
	return SLU_PENDING;
}

static enum slu_progress finish(struct slu_connection *connection)
{
	if (PQexitPipelineMode(connection->pg) != 1)
		return slu_connection_lost(connection, "session setup");
	return SLU_DONE;
}

static enum slu_progress fail(struct slu_connection *connection, const PGresult *result,
                              enum step step, const struct sluice_stream *stream)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	char where[SLU_REASON_SIZE];

	if (step == FENCE && sqlstate != NULL && strcmp(sqlstate, "42P01") == 0) {
		slu_trouble_set(&connection->trouble, SLU_HALT,
		                "the tables of schema sluice are missing: run `sluice migrate up`");
		return SLU_STOPPED;
	}
	if (step == STREAM)
		(void)snprintf(where, sizeof(where), "preparing stream %.64s", stream->name);
	else
		(void)snprintf(where, sizeof(where), "%s",
		               step < LIBRARY ? "session settings" : "fence");
	slu_trouble_of_result(&connection->trouble, connection->pg, result, where);
	return SLU_STOPPED;
}

static enum slu_progress hear(struct slu_connection *connection, const PGresult *result)
{
	const struct sluice_stream *stream;
	enum step step = step_at(connection->target->streams, connection->answered, &stream);
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_PIPELINE_SYNC)
		return connection->looked ? finish(connection) : go_on(connection);
	connection->answered++;
	if (step == LIBRARY)
		return slu_schema_judge(connection, SLU_ASK_LIBRARY, result);
	if (step == USER)
		return slu_schema_judge(connection, SLU_ASK_USER, result);
	if (step == COLUMNS)
		return slu_schema_judge(connection, SLU_ASK_COLUMNS, result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return fail(connection, result, step, stream);
	if (step == WHOSE)
		return read_whose(connection, result);
	if (step == SERVER)
		return read_server(connection, result);
	if (step == RIGHTS)
		return read_rights(connection, result);
	if (step == LOOK)
		return slu_claim_found(connection, result);
	if (step == END)
		return slu_claim_ended(connection, result);
	if (step == CLAIM)
		return slu_claim_taken(connection, result);
	return SLU_PENDING;
}

enum slu_progress slu_session_step(struct slu_connection *connection)
{
	enum slu_progress progress = SLU_PENDING;

	slu_connection_flush(connection);
	slu_connection_receive(connection);
	while (progress == SLU_PENDING) {
		PGresult *result;

		progress = slu_connection_result(connection, &result);
		if (progress != SLU_DONE)
			return progress;
		progress = hear(connection, result);
		PQclear(result);
	}
	return progress;
}
