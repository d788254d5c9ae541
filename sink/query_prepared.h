/* SPDX-License-Identifier: MIT */
/*
 * query_prepared.h - which queries a connection has prepared, and what their statements are made
 * of.
 *
 * Kept as instance data of the connection: it goes with it, and PQreset empties it. What the
 * server forgot without telling (DISCARD ALL, a pooler that changed servers) shows when a
 * statement is used; then it is prepared once more, unless a transaction is open that has failed
 * by that.
 */
#ifndef SINK_QUERY_PREPARED_H
#define SINK_QUERY_PREPARED_H

#include <sluice/query.h>
#include <sluice/sink.h>

#include <libpq-fe.h>

struct slu_prepared {
	struct slu_prepared *next;
	const struct sluice_query *query; /* outlives the connection */
	bool fits;                        /* the database's description was compared with it */
	bool stale;                       /* the server has it, but must prepare it anew */
	Oid *row_types;                   /* as the server numbers them; a column each */
	Oid *elements; /* of parameters that are arrays, else 0; a parameter each */
	Oid types[];
};

/* Checks that the connection can run queries: idle, not in pipeline mode, UTF8. Then finds the
 * query's statement, or prepares and describes it. It stays valid until the next call. Returns
 * SLUICE_OK, SLUICE_INVALID with the remedy in `error`, SLUICE_FAILED. */
enum sluice_status slu_prepared_get(PGconn *connection, const struct sluice_query *query,
                                    const struct slu_prepared **prepared,
                                    struct sluice_error *error);

/* Asks the server anew what the query's statement takes, and keeps nothing on the connection. Sets
 * `*prepared`, to be freed by the caller in any case. Returns as slu_prepared_get. */
enum sluice_status slu_prepared_describe(PGconn *connection, const struct sluice_query *query,
                                         struct slu_prepared **prepared,
                                         struct sluice_error *error);

/* Whether `result`, an error, says that the statement is gone or outdated: then it will be
 * prepared again by the next slu_prepared_get. `idle`: no transaction was open before, so that it
 * may be tried again now. Returns true if it may. */
bool slu_prepared_lost(PGconn *connection, const struct sluice_query *query, const PGresult *result,
                       bool idle);

#endif
