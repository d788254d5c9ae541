/* SPDX-License-Identifier: MIT */
/*
 * query.c - one statement at a time: send, check, decode row by row.
 *
 * Owns: results and what was taken apart, until sluice_rows_free.  Borrows: connections, queries.
 */
#include <sluice/query.h>

#include "sink/pg_arena.h"
#include "sink/pg_decode.h"
#include "sink/query_answer.h"
#include "sink/query_failure.h"
#include "sink/query_parameters.h"

#include <stdio.h>
#include <stdlib.h>

enum { BINARY = 1 };

/* ---- answers ---- */

bool slu_answer_is_one(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

enum sluice_status slu_answer_check(const struct slu_prepared *prepared, const PGresult *result,
                                    struct sluice_error *error)
{
	const struct sluice_query *query = prepared->query;
	int expected = query->row != NULL ? query->row->column_count : 0;
	bool same = expected == 0 || PQnfields(result) == expected;
	int column;

	for (column = 0; same && column < expected; column++)
		same = PQftype(result, column) == prepared->row_types[column] &&
		       PQfformat(result, column) == BINARY;
	if (same)
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_INVALID,
	                        "query %s: the answer's columns are not those that the server "
	                        "described: PQreset the connection",
	                        query->name);
}

/* ---- running ---- */

/* Runs the statement once. An error of the server's is left in `*result`, for the caller to
 * judge. */
static enum sluice_status run_once(PGconn *connection, const struct sluice_query *query,
                                   const void *params, PGresult **result,
                                   struct sluice_error *error)
{
	const struct slu_prepared *prepared = NULL;
	enum sluice_status status = slu_prepared_get(connection, query, &prepared, error);
	struct slu_parameters parameters;

	if (status != SLUICE_OK)
		return status;
	if (slu_parameters_init(&parameters, query))
		status = slu_parameters_fill(&parameters, prepared, params, error);
	else
		status = sluice_error_set(error, SLUICE_FAILED, "query %s: out of memory",
		                          query->name);
	if (status == SLUICE_OK) {
		*result = PQexecPrepared(connection, query->statement, parameters.count,
		                         parameters.values, parameters.sizes, parameters.formats,
		                         BINARY);
		if (slu_answer_is_one(*result))
			status = slu_answer_check(prepared, *result, error);
		else
			status = slu_query_failed(connection, *result, query, error);
	}
	slu_parameters_free(&parameters);
	return status;
}

static enum sluice_status run(PGconn *connection, const struct sluice_query *query,
                              const void *params, PGresult **result, struct sluice_error *error)
{
	bool idle = PQtransactionStatus(connection) == PQTRANS_IDLE;
	enum sluice_status status;

	*result = NULL;
	status = run_once(connection, query, params, result, error);
	if (status == SLUICE_FAILED && slu_prepared_lost(connection, query, *result, idle)) {
		PQclear(*result);
		*result = NULL;
		status = run_once(connection, query, params, result, error);
	}
	if (status != SLUICE_OK) {
		PQclear(*result);
		*result = NULL;
	}
	return status;
}

enum sluice_status sluice_query_exec(struct pg_conn *connection, const struct sluice_query *query,
                                     const void *params, struct sluice_outcome *outcome,
                                     struct sluice_error *error)
{
	PGresult *result;
	enum sluice_status status = run(connection, query, params, &result, error);

	if (status == SLUICE_OK && outcome != NULL) {
		(void)snprintf(outcome->tag, sizeof(outcome->tag), "%s", PQcmdStatus(result));
		outcome->row_count = strtoull(PQcmdTuples(result), NULL, 10);
	}
	PQclear(result);
	return status;
}

enum sluice_status sluice_query_many(struct pg_conn *connection, const struct sluice_query *query,
                                     const void *params, struct sluice_rows *rows,
                                     struct sluice_error *error)
{
	PGresult *result;
	enum sluice_status status = run(connection, query, params, &result, error);

	slu_rows_init(rows, query, result);
	return status;
}

enum sluice_status sluice_query_one(struct pg_conn *connection, const struct sluice_query *query,
                                    const void *params, struct sluice_rows *rows, void *row,
                                    struct sluice_error *error)
{
	enum sluice_status status = sluice_query_many(connection, query, params, rows, error);

	return status == SLUICE_OK ? sluice_rows_next(rows, row, error) : status;
}

/* ---- rows ---- */

void slu_rows_init(struct sluice_rows *rows, const struct sluice_query *query, PGresult *result)
{
	memset(rows, 0, sizeof(*rows));
	rows->query = query;
	rows->result = result;
	if (query->row != NULL && result != NULL)
		rows->count = (size_t)PQntuples(result);
}

enum sluice_status sluice_rows_next(struct sluice_rows *rows, void *row, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	const struct sluice_layout *layout;
	struct slu_subject subject = {.kind = "query", .part = "column"};
	int column;

	if (rows->next >= rows->count)
		return SLUICE_MISS;
	layout = rows->query->row;
	subject.name = rows->query->name;
	memset(row, 0, layout->size);
	for (column = 0; column < layout->column_count && status == SLUICE_OK; column++) {
		int index = (int)rows->next;
		const char *bytes = PQgetisnull(rows->result, index, column)
		                            ? NULL
		                            : PQgetvalue(rows->result, index, column);
		int size = PQgetlength(rows->result, index, column);

		status = slu_value_get(row, &subject, &layout->columns[column],
		                       (const unsigned char *)bytes, (size_t)size, &rows->memory,
		                       error);
	}
	rows->next++;
	return status;
}

void sluice_rows_free(struct sluice_rows *rows)
{
	PQclear(rows->result);
	slu_arena_free(&rows->memory);
	memset(rows, 0, sizeof(*rows));
}
