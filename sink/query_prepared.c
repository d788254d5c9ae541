/* SPDX-License-Identifier: MIT */
/*
 * query_prepared.c - a list per connection, kept by libpq's events.
 *
 * Owns: the list.  Borrows: connections, queries.
 * One statement: find -> prepare -> describe -> compare -> use -> lost -> find ..
 */
#include "sink/query_prepared.h"

#include "sink/query_failure.h"
#include "sink/query_fit.h"

#include <libpq-events.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct registry {
	struct slu_prepared *first;
};

/* ---- the list ---- */

static void forget_all(struct registry *registry)
{
	while (registry->first != NULL) {
		struct slu_prepared *next = registry->first->next;

		free(registry->first);
		registry->first = next;
	}
}

/* Queries of one text share a statement. */
static bool share(const struct slu_prepared *prepared, const struct sluice_query *query)
{
	return strcmp(prepared->query->statement, query->statement) == 0;
}

static void forget(struct registry *registry, const struct sluice_query *query)
{
	struct slu_prepared **link = &registry->first;

	while (*link != NULL) {
		struct slu_prepared *prepared = *link;

		if (share(prepared, query)) {
			*link = prepared->next;
			free(prepared);
		} else {
			link = &prepared->next;
		}
	}
}

static struct slu_prepared *find(const struct registry *registry, const struct sluice_query *query)
{
	struct slu_prepared *prepared = registry->first;

	while (prepared != NULL && prepared->query != query)
		prepared = prepared->next;
	return prepared;
}

static bool is_on_server(const struct registry *registry, const struct sluice_query *query)
{
	const struct slu_prepared *prepared = registry->first;

	while (prepared != NULL && !share(prepared, query))
		prepared = prepared->next;
	return prepared != NULL;
}

static struct slu_prepared *allocate(const struct sluice_query *query)
{
	size_t columns = query->row != NULL ? query->row->column_count : 0;
	size_t params = query->params != NULL ? query->params->column_count : 0;
	struct slu_prepared *prepared =
		calloc(1, sizeof(*prepared) + (columns + params) * sizeof(prepared->types[0]));

	if (prepared == NULL)
		return NULL;
	prepared->query = query;
	prepared->row_types = prepared->types;
	prepared->elements = prepared->types + columns;
	return prepared;
}

static struct slu_prepared *add(struct registry *registry, const struct sluice_query *query)
{
	struct slu_prepared *prepared = allocate(query);

	if (prepared == NULL)
		return NULL;
	prepared->next = registry->first;
	registry->first = prepared;
	return prepared;
}

/* ---- a connection's own ---- */

static int on_event(PGEventId id, void *info, void *unused)
{
	struct registry *registry;

	(void)unused;
	if (id == PGEVT_CONNRESET) {
		registry = PQinstanceData(((PGEventConnReset *)info)->conn, on_event);
		if (registry != NULL)
			forget_all(registry);
	} else if (id == PGEVT_CONNDESTROY) {
		registry = PQinstanceData(((PGEventConnDestroy *)info)->conn, on_event);
		if (registry != NULL)
			forget_all(registry);
		free(registry);
	}
	return 1;
}

static struct registry *registry_of(PGconn *connection)
{
	struct registry *registry = PQinstanceData(connection, on_event);

	if (registry != NULL)
		return registry;
	registry = calloc(1, sizeof(*registry));
	if (registry == NULL)
		return NULL;
	if (PQregisterEventProc(connection, on_event, "sluice queries", NULL) == 0 ||
	    PQsetInstanceData(connection, on_event, registry) == 0) {
		free(registry);
		return NULL;
	}
	return registry;
}

static enum sluice_status check_connection(const PGconn *connection,
                                           const struct sluice_query *query,
                                           struct sluice_error *error)
{
	const char *encoding;

	if (PQstatus(connection) != CONNECTION_OK)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "query %s: the connection is broken: PQreset it, or open "
		                        "another",
		                        query->name);
	if (PQpipelineStatus(connection) != PQ_PIPELINE_OFF)
		return sluice_error_set(
			error, SLUICE_INVALID,
			"query %s: the connection is in pipeline mode: leave it, or "
			"use another connection",
			query->name);
	if (PQtransactionStatus(connection) == PQTRANS_ACTIVE)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "query %s: the connection is busy with another statement: "
		                        "read its results to the end first",
		                        query->name);
	encoding = PQparameterStatus(connection, "client_encoding");
	if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "query %s: the connection's client_encoding is %s: connect "
		                        "with client_encoding=UTF8",
		                        query->name, encoding != NULL ? encoding : "unknown");
	return SLUICE_OK;
}

/* ---- preparing ---- */

static bool has_sqlstate(const PGresult *result, const char *sqlstate)
{
	const char *found = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return found != NULL && strcmp(found, sqlstate) == 0;
}

static void deallocate(PGconn *connection, const struct sluice_query *query)
{
	char *name = PQescapeIdentifier(connection, query->statement, strlen(query->statement));
	char sql[256];

	if (name == NULL)
		return;
	if ((size_t)snprintf(sql, sizeof(sql), "DEALLOCATE %s", name) < sizeof(sql))
		PQclear(PQexec(connection, sql));
	PQfreemem(name);
}

static enum sluice_status prepare(PGconn *connection, const struct sluice_query *query,
                                  struct sluice_error *error)
{
	bool idle = PQtransactionStatus(connection) == PQTRANS_IDLE;
	PGresult *result = PQprepare(connection, query->statement, query->sql, 0, NULL);
	enum sluice_status status = SLUICE_OK;

	/* Somebody else's of that name, or one that a pooler kept: don't guess what it says. */
	if (idle && has_sqlstate(result, "42P05")) {
		PQclear(result);
		deallocate(connection, query);
		result = PQprepare(connection, query->statement, query->sql, 0, NULL);
	}
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = slu_query_failed(connection, result, query, error);
	PQclear(result);
	return status;
}

/* Compares what the server says of the statement. Sets `*again` if it has to be prepared first. */
static enum sluice_status describe(PGconn *connection, struct slu_prepared *prepared, bool *again,
                                   struct sluice_error *error)
{
	bool idle = PQtransactionStatus(connection) == PQTRANS_IDLE;
	const struct sluice_query *query = prepared->query;
	PGresult *result = PQdescribePrepared(connection, query->statement);
	enum sluice_status status;

	if (PQresultStatus(result) == PGRES_COMMAND_OK) {
		status = slu_query_fit(connection, query, result, prepared->row_types,
		                       prepared->elements, error);
		prepared->fits = status == SLUICE_OK;
	} else {
		status = slu_query_failed(connection, result, query, error);
		*again = slu_prepared_lost(connection, query, result, idle);
	}
	PQclear(result);
	return status;
}

static enum sluice_status make(PGconn *connection, struct registry *registry,
                               const struct sluice_query *query, bool *again,
                               struct sluice_error *error)
{
	struct slu_prepared *prepared = find(registry, query);
	enum sluice_status status = SLUICE_OK;

	*again = false;
	if (prepared != NULL && prepared->stale) {
		deallocate(connection, query);
		forget(registry, query);
		prepared = NULL;
	}
	if (prepared == NULL) {
		if (!is_on_server(registry, query))
			status = prepare(connection, query, error);
		if (status != SLUICE_OK)
			return status;
		prepared = add(registry, query);
	}
	if (prepared == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "query %s: out of memory",
		                        query->name);
	return describe(connection, prepared, again, error);
}

enum sluice_status slu_prepared_get(PGconn *connection, const struct sluice_query *query,
                                    const struct slu_prepared **prepared,
                                    struct sluice_error *error)
{
	enum sluice_status status = check_connection(connection, query, error);
	struct registry *registry;
	bool again = false;

	if (status != SLUICE_OK)
		return status;
	registry = registry_of(connection);
	if (registry == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "query %s: out of memory",
		                        query->name);
	*prepared = find(registry, query);
	if (*prepared != NULL && (*prepared)->fits && !(*prepared)->stale)
		return SLUICE_OK;
	status = make(connection, registry, query, &again, error);
	if (again)
		status = make(connection, registry, query, &again, error);
	*prepared = find(registry, query);
	return status;
}

/* ---- without keeping it ---- */

static enum sluice_status describe_unnamed(PGconn *connection, struct slu_prepared *prepared,
                                           struct sluice_error *error)
{
	const struct sluice_query *query = prepared->query;
	PGresult *result = PQprepare(connection, "", query->sql, 0, NULL);
	enum sluice_status status;

	if (PQresultStatus(result) == PGRES_COMMAND_OK) {
		PQclear(result);
		result = PQdescribePrepared(connection, "");
	}
	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		status = slu_query_fit(connection, query, result, prepared->row_types,
		                       prepared->elements, error);
	else
		status = slu_query_failed(connection, result, query, error);
	PQclear(result);
	return status;
}

enum sluice_status slu_prepared_describe(PGconn *connection, const struct sluice_query *query,
                                         struct slu_prepared **prepared, struct sluice_error *error)
{
	enum sluice_status status = check_connection(connection, query, error);

	*prepared = NULL;
	if (status != SLUICE_OK)
		return status;
	*prepared = allocate(query);
	if (*prepared == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "query %s: out of memory",
		                        query->name);
	return describe_unnamed(connection, *prepared, error);
}

/* ---- losing ---- */

bool slu_prepared_lost(PGconn *connection, const struct sluice_query *query, const PGresult *result,
                       bool idle)
{
	struct registry *registry = PQinstanceData(connection, on_event);
	const char *source = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
	struct slu_prepared *prepared = registry != NULL ? find(registry, query) : NULL;

	/* With a context it is about a statement of some function's. */
	if (prepared == NULL || PQresultErrorField(result, PG_DIAG_CONTEXT) != NULL)
		return false;
	if (has_sqlstate(result, "26000")) {
		forget_all(registry); /* what takes one away rarely leaves the others */
		return idle;
	}
	/* "cached plan must not change result type", in whatever language it is said */
	if (has_sqlstate(result, "0A000") && source != NULL &&
	    strcmp(source, "RevalidateCachedQuery") == 0) {
		prepared->stale = true;
		return idle;
	}
	return false;
}
