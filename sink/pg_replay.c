/* SPDX-License-Identifier: MIT */
/* pg_replay.c - a batch of one row, by the stream's own statements. */
#include "sink/pg_replay.h"

#include "sink/pg_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX ((size_t)1 << 20) /* of one encoded record: more than any can be */
#define COLUMNS_MAX 1600            /* of a table in Postgres */

/* The parameters: arrays of one element. */
struct encoded {
	struct slu_buffer bytes;
	size_t offsets[COLUMNS_MAX + 2];
	int count;
};

static bool put_column(struct encoded *encoded, const struct sluice_stream *stream,
                       const struct sluice_column *column, const struct sluice_row *row,
                       struct sluice_error *error)
{
	const struct slu_selection one = {row, 1, 0, 1, row->removed};

	encoded->offsets[encoded->count++] = encoded->bytes.size;
	return slu_array_put(&encoded->bytes, stream, column, &one, error) == SLUICE_OK;
}

/* A write takes all columns; a removal the key and the version. */
static bool encode(struct encoded *encoded, const struct sluice_stream *stream,
                   const struct sluice_row *row, struct sluice_error *error)
{
	static const struct sluice_column version = {.name = "version", .type = SLUICE_VERSION};
	size_t columns = row->removed ? stream->key_column_count : stream->layout.column_count;
	bool fine = columns <= COLUMNS_MAX;

	if (!fine)
		sluice_error_set(error, SLUICE_INVALID,
		                 "stream %.64s has %zu columns: no table has", stream->name,
		                 columns);
	for (size_t i = 0; i < columns && fine; i++)
		fine = put_column(encoded, stream, &stream->layout.columns[i], row, error);
	if (fine && row->removed)
		fine = put_column(encoded, stream, &version, row, error);
	encoded->offsets[encoded->count] = encoded->bytes.size;
	return fine;
}

static PGresult *execute(PGconn *connection, const char *sql, const struct encoded *encoded)
{
	const char *values[COLUMNS_MAX + 1];
	int sizes[COLUMNS_MAX + 1];
	int formats[COLUMNS_MAX + 1];

	for (int i = 0; i < encoded->count; i++) {
		values[i] = (const char *)encoded->bytes.bytes + encoded->offsets[i];
		sizes[i] = (int)(encoded->offsets[i + 1] - encoded->offsets[i]);
		formats[i] = 1;
	}
	return PQexecParams(connection, sql, encoded->count, NULL, values, sizes, formats, 0);
}

enum slu_replay slu_replay_fail(PGconn *connection, const PGresult *result, const char *where,
                                struct slu_trouble *trouble)
{
	slu_trouble_of_result(trouble, connection, result, where);
	return PQstatus(connection) == CONNECTION_OK && trouble->sqlstate[0] != '\0'
	               ? SLU_REPLAY_REFUSED
	               : SLU_REPLAY_LOST;
}

/* Of a state stream no row is affected when the guard refuses the version. An append stream's row
 * can only be dropped by a trigger. A removal may find nothing. */
static enum slu_replay judge(PGconn *connection, const struct sluice_stream *stream,
                             const struct sluice_row *row, const PGresult *result,
                             struct slu_trouble *trouble)
{
	char where[SLU_REASON_SIZE];

	(void)snprintf(where, sizeof(where), "%s stream %.64s",
	               row->removed ? "remove from" : "write to", stream->name);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return slu_replay_fail(connection, result, where, trouble);
	if (row->removed || strcmp(PQcmdTuples((PGresult *)result), "0") != 0)
		return SLU_REPLAY_WRITTEN;
	if (stream->kind == SLUICE_STATE)
		return SLU_REPLAY_SUPERSEDED;
	slu_trouble_set(trouble, SLU_ISOLATE, "%s: a trigger or a rule dropped the row", where);
	return SLU_REPLAY_REFUSED;
}

enum slu_replay slu_replay_write(PGconn *connection, const struct sluice_stream *stream,
                                 const struct sluice_row *row, struct slu_trouble *trouble)
{
	struct encoded encoded = {.count = 0};
	struct sluice_error error;
	enum slu_replay outcome = SLU_REPLAY_LOST;

	slu_buffer_init(&encoded.bytes, BYTES_MAX);
	if (!encode(&encoded, stream, row, &error)) {
		slu_trouble_set(trouble, SLU_ISOLATE, "%s", error.message);
		outcome = SLU_REPLAY_REFUSED;
	} else if (encoded.bytes.failure != SLU_BUFFER_FINE) {
		slu_trouble_set(trouble, SLU_RETRY, "out of memory");
	} else {
		PGresult *result = execute(connection,
		                           row->removed ? stream->remove_sql : stream->write_sql,
		                           &encoded);

		outcome = judge(connection, stream, row, result, trouble);
		PQclear(result);
	}
	slu_buffer_free(&encoded.bytes);
	return outcome;
}
