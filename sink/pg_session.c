/* SPDX-License-Identifier: MIT */
/*
 * pg_session.c - settings, prepared statements, fence.
 *
 * A prepared write checks itself: it divides by zero unless every row it was given was inserted or
 * updated. A row can be missing because the version guard refused it (another writer of that key,
 * or a clock that went back) or because a trigger dropped it. Asking for the affected count would
 * come too late: in a pipeline the answer arrives together with the commit. What it costs is within
 * the noise: 1,000 orders a statement, medians of 60, two runs: insert 13.9 and 14.9 ms without the
 * check, 14.5 and 14.2 with it; update 16.8 and 17.7 without, 16.9 and 17.7 with.
 */
#include "sink/pg_session.h"

#include "sink/pg_array.h"
#include "sink/pg_fence.h"

#include <stdio.h>
#include <stdlib.h>

/* lock_timeout ends the wait for a zombie's row, and idle_in_transaction_session_timeout ends a
 * zombie. Generic plans: else each array statement would be planned anew with its values. */
static const char settings_sql[] =
	"SELECT set_config('statement_timeout', '30s', false), "
	"set_config('lock_timeout', '5s', false), "
	"set_config('idle_in_transaction_session_timeout', '30s', false), "
	"set_config('jit', 'off', false), "
	"set_config('plan_cache_mode', 'force_generic_plan', false)";

enum {
	AT_SETTINGS = 0,
	AT_FENCE = 1,
	AT_STREAMS = 2,
	EPOCH_COLUMN = 0,
	APPLIED_COLUMN = 1,
};

void slu_session_name(char name[SLU_STATEMENT_NAME_SIZE], enum slu_statement_kind kind,
                      const struct sluice_stream *stream)
{
	if (stream == NULL)
		(void)snprintf(name, SLU_STATEMENT_NAME_SIZE, "sluice_fence");
	else
		(void)snprintf(name, SLU_STATEMENT_NAME_SIZE, "sluice_%s_%u",
		               kind == SLU_REMOVE ? "remove" : "write", (unsigned)stream->index);
}

/* ---- sending ---- */

static bool prepare(PGconn *pg, enum slu_statement_kind kind, const struct sluice_stream *stream,
                    const char *sql)
{
	char name[SLU_STATEMENT_NAME_SIZE];

	slu_session_name(name, kind, stream);
	return PQsendPrepare(pg, name, sql, 0, NULL) == 1;
}

static bool prepare_write(PGconn *pg, const struct sluice_stream *stream)
{
	static const char format[] = "WITH written AS (%s RETURNING 1) "
				     "SELECT 1 / (count(*) = cardinality($1))::int FROM written";
	size_t size = sizeof(format) + strlen(stream->write_sql);
	char *sql = malloc(size);
	bool sent;

	if (sql == NULL)
		return false;
	(void)snprintf(sql, size, format, stream->write_sql);
	sent = prepare(pg, SLU_WRITE, stream, sql);
	free(sql);
	return sent;
}

static bool prepare_streams(PGconn *pg, const struct sluice_streams *streams)
{
	bool sent = true;
	size_t index;

	for (index = 0; index < streams->count && sent; index++) {
		const struct sluice_stream *stream = streams->streams[index];

		sent = prepare_write(pg, stream);
		if (sent && stream->kind == SLUICE_STATE)
			sent = prepare(pg, SLU_REMOVE, stream, stream->remove_sql);
	}
	return sent;
}

static bool open_fence(PGconn *pg, const struct slu_target *target)
{
	static const int formats[] = {1, 1};
	struct slu_buffer zeros;
	const char *values[2];
	int sizes[2];
	uint64_t *positions = calloc(target->lane_count, sizeof(*positions));
	bool sent = false;

	slu_buffer_init(&zeros, SIZE_MAX);
	if (positions != NULL)
		slu_array_put_positions(&zeros, positions, target->lane_count);
	if (positions != NULL && zeros.failure == SLU_BUFFER_FINE) {
		values[0] = (const char *)target->generation.bytes;
		sizes[0] = sizeof(target->generation.bytes);
		values[1] = (const char *)zeros.bytes;
		sizes[1] = (int)zeros.size;
		sent = PQsendQueryParams(pg, slu_fence_open_sql, 2, NULL, values, sizes, formats,
		                         1) == 1;
	}
	slu_buffer_free(&zeros);
	free(positions);
	return sent;
}

bool slu_session_send(struct slu_connection *connection)
{
	PGconn *pg = connection->pg;

	connection->answered = 0;
	return PQenterPipelineMode(pg) == 1 &&
	       PQsendQueryParams(pg, settings_sql, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
	       prepare(pg, SLU_FENCE, NULL, slu_fence_move_sql) &&
	       prepare_streams(pg, connection->target->streams) &&
	       open_fence(pg, connection->target) && PQpipelineSync(pg) == 1;
}

/* ---- answers ---- */

/* The stream whose prepare was statement `at`, NULL past them all: the fence's opening. */
static const struct sluice_stream *stream_at(const struct sluice_streams *streams, size_t at)
{
	size_t next = AT_STREAMS;
	size_t index;

	for (index = 0; index < streams->count; index++) {
		next += streams->streams[index]->kind == SLUICE_STATE ? 2 : 1;
		if (at < next)
			return streams->streams[index];
	}
	return NULL;
}

static enum slu_progress fail(struct slu_connection *connection, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const struct sluice_stream *stream = stream_at(connection->target->streams,
	                                               connection->answered);
	char where[SLU_REASON_SIZE];

	if (connection->answered == AT_FENCE && sqlstate != NULL &&
	    (strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "3F000") == 0)) {
		slu_trouble_set(&connection->trouble, SLU_HALT,
		                "the tables of schema sluice are missing: run `sluice migrate up`");
		return SLU_STOPPED;
	}
	if (connection->answered >= AT_STREAMS && stream != NULL)
		(void)snprintf(where, sizeof(where), "preparing stream %.64s", stream->name);
	else
		(void)snprintf(where, sizeof(where), "%s",
		               connection->answered == AT_SETTINGS ? "session settings" : "fence");
	slu_trouble_of_result(&connection->trouble, connection->pg, result, where);
	return SLU_STOPPED;
}

static enum slu_progress read_fence(struct slu_connection *connection, const PGresult *result)
{
	const struct slu_target *target = connection->target;

	if (PQntuples(result) != 1 || PQnfields(result) != 2 ||
	    PQgetlength(result, 0, EPOCH_COLUMN) != sizeof(uint64_t) ||
	    !slu_array_get_positions((const unsigned char *)PQgetvalue(result, 0, APPLIED_COLUMN),
	                             (size_t)PQgetlength(result, 0, APPLIED_COLUMN),
	                             connection->applied, target->lane_count)) {
		slu_trouble_set(&connection->trouble, SLU_HALT,
		                "sluice.lane holds a row of this run that this run never wrote");
		return SLU_STOPPED;
	}
	connection->epoch =
		slu_read_be64((const unsigned char *)PQgetvalue(result, 0, EPOCH_COLUMN));
	return SLU_PENDING;
}

static enum slu_progress take(struct slu_connection *connection, const PGresult *result)
{
	const struct sluice_streams *streams = connection->target->streams;
	ExecStatusType status = PQresultStatus(result);
	size_t at = connection->answered;

	if (status == PGRES_PIPELINE_SYNC)
		return PQexitPipelineMode(connection->pg) == 1
		               ? SLU_DONE
		               : slu_connection_lost(connection, "session setup");
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return fail(connection, result);
	connection->answered++;
	if (at >= AT_STREAMS && stream_at(streams, at) == NULL)
		return read_fence(connection, result);
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
		progress = take(connection, result);
		PQclear(result);
	}
	return progress;
}
