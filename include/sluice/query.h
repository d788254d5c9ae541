/* SPDX-License-Identifier: MIT */
/*
 * query.h - typed SQL over a connection of your own, for all that is not on the hot path.
 *
 * `sluice gen` writes a typed function for each named query of a file; those are thin wrappers
 * around the calls below, which nobody needs to call by hand. A call prepares its statement the
 * first time a connection sees it, sends the parameters and reads the rows in Postgres's binary
 * format, and checks on every answer that the columns are of the number and types the query was
 * generated for.
 *
 *      struct sluice_rows rows;
 *      struct trading_provider provider;
 *
 *      status = trading_get_provider(connection, &params, &rows, &provider, &error);
 *      if (status == SLUICE_OK)
 *              use(&provider);          .. texts and arrays point into `rows`
 *      sluice_rows_free(&rows);         .. always
 *
 * A connection is libpq's PGconn (struct pg_conn). Its client_encoding must be UTF8. None of the
 * calls begins or ends a transaction; each works inside one of yours.
 *
 * Errors: SLUICE_FAILED, with the SQLSTATE, the table and constraint it is about, and the
 * server's message unless that may quote values (classes 22, 23, P0, and what a function raised);
 * never the DETAIL. Or SLUICE_INVALID when a parameter has no form in SQL (a decimal beyond its
 * column, an enum value without a label), when the database is no longer what the query was
 * generated for, or an answer does not fit its struct (a NULL where none was expected, a NaN):
 * then the message names the column. When the connection broke meanwhile (PQstatus), nobody knows
 * whether a statement outside of a transaction was committed: look before you send it again.
 * Thread: one call at a time on a connection.  Progress: blocking.
 */
#ifndef SLUICE_QUERY_H
#define SLUICE_QUERY_H

#include <sluice/sluice.h>
#include <sluice/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pg_conn;
struct pg_result;

/* A query's descriptor, written by `sluice gen`. */
struct sluice_query {
	const char *name;      /* as in the query file */
	const char *statement; /* the prepared statement's name: one for each text of a query */
	const char *sql;       /* with $1, $2 .. for the parameters */
	const struct sluice_layout *params; /* NULL when it takes none */
	const struct sluice_layout *row;    /* NULL when it returns none */
	const char *copy_sql;               /* :copyfrom, beside the INSERT in `sql`; else NULL */
};

/* The rows of an answer, and all that they point to. */
struct sluice_rows {
	const struct sluice_query *query;
	struct pg_result *result;
	size_t count; /* rows in all */
	size_t next;  /* the row that sluice_rows_next gives next */
	void *memory; /* arrays that were taken apart */
};

/* What a statement did: the server's command tag ("UPDATE 3") and its number of rows, 0 if it has
 * none. */
struct sluice_outcome {
	char tag[64];
	uint64_t row_count;
};

/* Runs a query whose rows, if any, nobody wants. `params` may be NULL when it takes none, `outcome`
 * when nobody asks. Returns SLUICE_OK, SLUICE_FAILED, SLUICE_INVALID. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_query_exec(struct pg_conn *connection, const struct sluice_query *query, const void *params,
                  struct sluice_outcome *outcome, struct sluice_error *error);

/* Runs a query and fills `row` from its first row. Returns SLUICE_OK, SLUICE_MISS when there is
 * none, SLUICE_FAILED, SLUICE_INVALID. `rows` is set in any case. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_query_one(struct pg_conn *connection, const struct sluice_query *query, const void *params,
                 struct sluice_rows *rows, void *row, struct sluice_error *error);

/* Runs a query and keeps its rows. Returns SLUICE_OK, also without a row, SLUICE_FAILED,
 * SLUICE_INVALID. `rows` is set in any case. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_query_many(struct pg_conn *connection, const struct sluice_query *query, const void *params,
                  struct sluice_rows *rows, struct sluice_error *error);

/* Fills `row` from the next row. Returns SLUICE_OK, SLUICE_MISS after the last, SLUICE_FAILED
 * (memory), SLUICE_INVALID. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_rows_next(struct sluice_rows *rows, void *row, struct sluice_error *error);

/* Frees what a call left in `rows`; a zeroed one is allowed. */
SLUICE_API void sluice_rows_free(struct sluice_rows *rows);

/* Writes `count` structs by COPY: all or none, but for rows that a trigger drops: then
 * SLUICE_FAILED tells how many it kept. Returns SLUICE_OK, SLUICE_FAILED, SLUICE_INVALID; a
 * failure, also of a parameter, costs the transaction it is in. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_query_copy(struct pg_conn *connection,
                                                                  const struct sluice_query *query,
                                                                  const void *params, size_t count,
                                                                  struct sluice_error *error);

/* Called for each item of a batch, in order: `rows` holds what the query returned for item `index`,
 * and is freed afterwards. Must not use the connection. */
typedef void sluice_batch_item(void *context, size_t index, struct sluice_rows *rows);

/* Runs a query for each of `count` structs, in one pipeline and, unless the connection is in a
 * transaction, as one transaction: all or none. `each` may be NULL. Items that `each` has seen are
 * undone when a later one fails. Returns SLUICE_OK, SLUICE_FAILED, SLUICE_INVALID; the error names
 * the item. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_query_batch(struct pg_conn *connection, const struct sluice_query *query, const void *params,
                   size_t count, sluice_batch_item *each, void *context,
                   struct sluice_error *error);

#ifdef __cplusplus
}
#endif

#endif
