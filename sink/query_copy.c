/* SPDX-License-Identifier: MIT */
/*
 * query_copy.c - structs by COPY, a chunk at a time, however many there are.
 *
 * One statement, so all or none: what is refused halfway is ended with an error of the server's.
 */
#include "sink/pg_copy.h"
#include "sink/query_failure.h"
#include "sink/query_parameters.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct copy {
	PGconn *connection;
	struct slu_prepared *prepared;
	const struct sluice_query *query;
	struct slu_buffer chunk;
	struct sluice_error *error;
};

static enum sluice_status put_row(struct copy *copy, const void *params)
{
	const struct sluice_layout *layout = copy->query->params;
	enum sluice_status status = SLUICE_OK;
	size_t column;

	slu_buffer_put_be16(&copy->chunk, layout->column_count);
	for (column = 0; column < layout->column_count && status == SLUICE_OK; column++)
		status = slu_parameter_put(&copy->chunk, copy->prepared, column, params,
		                           copy->error);
	if (status == SLUICE_OK)
		status = slu_parameters_check(&copy->chunk, copy->query, copy->error);
	return status;
}

static enum sluice_status send_chunk(struct copy *copy)
{
	struct slu_buffer *chunk = &copy->chunk;

	if (PQputCopyData(copy->connection, (const char *)chunk->bytes, (int)chunk->size) != 1)
		return slu_query_failed(copy->connection, NULL, copy->query, copy->error);
	chunk->size = 0;
	return SLUICE_OK;
}

static enum sluice_status send_rows(struct copy *copy, const void *params, size_t count)
{
	enum sluice_status status = SLUICE_OK;
	size_t index;

	slu_copy_begin(&copy->chunk);
	for (index = 0; index < count && status == SLUICE_OK; index++) {
		status = put_row(copy, (const char *)params + index * copy->query->params->size);
		if (status == SLUICE_OK && copy->chunk.size >= CHUNK_SIZE)
			status = send_chunk(copy);
	}
	if (status != SLUICE_OK)
		return status;
	slu_copy_end(&copy->chunk);
	status = slu_parameters_check(&copy->chunk, copy->query, copy->error);
	return status == SLUICE_OK ? send_chunk(copy) : status;
}

/* Judges the server's last word. A row that a trigger drops is not an error of the server's. */
static enum sluice_status judge(struct copy *copy, const PGresult *result, size_t count)
{
	unsigned long long arrived;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return slu_query_failed(copy->connection, result, copy->query, copy->error);
	arrived = strtoull(PQcmdTuples((PGresult *)result), NULL, 10);
	if (arrived == count)
		return SLUICE_OK;
	return sluice_error_set(copy->error, SLUICE_FAILED,
	                        "query %s: the server kept %llu of %zu rows: a trigger dropped "
	                        "the others; the rows it kept stay, unless your transaction is "
	                        "rolled back",
	                        copy->query->name, arrived, count);
}

/* Ends the COPY: well if `refusal` is NULL, else with that for an error. Returns false when libpq
 * can't; then its results have no end, either. */
static bool end(struct copy *copy, const char *refusal)
{
	return PQputCopyEnd(copy->connection, refusal) == 1;
}

static enum sluice_status send_all(struct copy *copy, const void *params, size_t count)
{
	enum sluice_status status = send_rows(copy, params, count);
	PGresult *result;

	/* The first cause stays in `error`: the server only hears that there is one. */
	if (!end(copy, status == SLUICE_OK ? NULL : "a row was refused by the client"))
		return status == SLUICE_OK
		               ? slu_query_failed(copy->connection, NULL, copy->query, copy->error)
		               : status;
	while ((result = PQgetResult(copy->connection)) != NULL) {
		if (status == SLUICE_OK)
			status = judge(copy, result, count);
		PQclear(result);
	}
	return status;
}

static enum sluice_status refuse(struct copy *copy, int found)
{
	PGresult *result;

	if (end(copy, "the columns differ")) {
		while ((result = PQgetResult(copy->connection)) != NULL)
			PQclear(result);
	}
	return sluice_error_set(copy->error, SLUICE_INVALID,
	                        "query %s no longer fits the database: COPY takes %d columns, this "
	                        "program was generated for %d: run sluice gen",
	                        copy->query->name, found, copy->query->params->column_count);
}

static enum sluice_status run(struct copy *copy, const void *params, size_t count)
{
	PGresult *result = PQexec(copy->connection, copy->query->copy_sql);
	int columns = PQnfields(result);
	bool binary = PQbinaryTuples(result) == 1;
	enum sluice_status status;

	if (PQresultStatus(result) != PGRES_COPY_IN)
		status = slu_query_failed(copy->connection, result, copy->query, copy->error);
	else if (columns != copy->query->params->column_count || !binary)
		status = refuse(copy, columns);
	else
		status = send_all(copy, params, count);
	PQclear(result);
	return status;
}

enum sluice_status sluice_query_copy(struct pg_conn *connection, const struct sluice_query *query,
                                     const void *params, size_t count, struct sluice_error *error)
{
	struct copy copy = {.connection = connection, .query = query, .error = error};
	enum sluice_status status;
	int nonblocking;

	assert(query->copy_sql != NULL && query->params != NULL);
	/* COPY does not look at types: the 4 bytes of an integer are a date, too. So its INSERT is
	 * described each time, and never run. */
	status = slu_prepared_describe(connection, query, &copy.prepared, error);
	if (status != SLUICE_OK) {
		free(copy.prepared);
		return status;
	}
	slu_buffer_init(&copy.chunk, SLU_QUERY_BYTES_MAX);
	/* Only a blocking connection bounds what libpq keeps of what we put. */
	nonblocking = PQisnonblocking(connection);
	(void)PQsetnonblocking(connection, 0);
	status = run(&copy, params, count);
	(void)PQsetnonblocking(connection, nonblocking);
	slu_buffer_free(&copy.chunk);
	free(copy.prepared);
	return status;
}
