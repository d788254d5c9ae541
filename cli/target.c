/* SPDX-License-Identifier: MIT */
/*
 * target.c - the demo's own connections to the database.
 *
 * The conninfo may hold a password and is printed nowhere. What libpq says of a connection that
 * failed names host, port, user and database only.
 */
#include "cli/target.h"

#include <sluice/sink.h>

#include "cli/names.h"
#include "db/migrate/migrate.h"
#include "db/server/disposable.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT "10" /* seconds, unless the DSN says otherwise */

/* One statement, so that two runs can't claim the same numbers. A provider that is not the demo's
 * keeps whatever else its metadata holds. */
static const char announce_sql[] =
	"INSERT INTO providers (alias, display_name, adapter_identifier, status, metadata) "
	"VALUES ($1, $1, 'sluice-demo', 'replay', jsonb_build_object('next_repeat', $2::bigint)) "
	"ON CONFLICT (alias) DO UPDATE SET updated_at = now(), metadata = providers.metadata || "
	"jsonb_build_object('next_repeat', "
	"coalesce((providers.metadata ->> 'next_repeat')::bigint, 0) + $2::bigint) "
	"RETURNING id, (metadata ->> 'next_repeat')::bigint - $2::bigint";

/* libpq's words, without the line end behind them. */
static void trim(const char *message, char *trimmed, size_t size)
{
	size_t length = strlen(message);

	while (length > 0 && message[length - 1] == '\n')
		length--;
	snprintf(trimmed, size, "%.*s", (int)length, message);
}

PGconn *slu_target_connect(const struct slu_target *target, struct sluice_error *error)
{
	/* A keyword of the DSN counts more than the one before it. */
	static const char *const keywords[] = {"connect_timeout", "dbname",
	                                       "fallback_application_name", NULL};
	const char *const values[] = {CONNECT_TIMEOUT, target->conninfo, "sluice demo", NULL};
	PGconn *connection = PQconnectdbParams(keywords, values, 1);
	char cause[300];

	if (PQstatus(connection) == CONNECTION_OK)
		return connection;
	trim(PQerrorMessage(connection), cause, sizeof(cause));
	sluice_error_set(error, SLUICE_FAILED, "the database does not answer: %s\n%s", cause,
	                 target->server != NULL
	                         ? "This is the disposable server of this run: its log tells more."
	                         : "Start that server, or correct --dsn until psql connects with "
	                           "it; without --dsn a disposable server is started.");
	PQfinish(connection);
	return NULL;
}

static enum sluice_status start_server(struct slu_target *target, struct sluice_error *error)
{
	target->server = slu_disposable_start(error);
	if (target->server == NULL)
		return SLUICE_FAILED;
	target->conninfo = slu_disposable_dsn(target->server);
	return SLUICE_OK;
}

static enum sluice_status describe(struct slu_target *target, struct sluice_error *error)
{
	PGconn *connection = slu_target_connect(target, error);

	if (connection == NULL)
		return SLUICE_FAILED;
	snprintf(target->description, sizeof(target->description),
	         "%sPostgreSQL %s, fsync and synchronous_commit as %s: %s",
	         target->server != NULL ? "a disposable " : "",
	         PQparameterStatus(connection, "server_version"),
	         target->server != NULL ? "in production" : "it has them",
	         target->server != NULL ? slu_disposable_directory(target->server)
	                                : PQdb(connection));
	PQfinish(connection);
	return SLUICE_OK;
}

enum sluice_status slu_target_open(struct slu_target *target, const char *dsn,
                                   struct sluice_error *error)
{
	struct sluice_migrate_options migration = {.files = slu_embedded_migrations,
	                                           .file_count = slu_embedded_migrations_count};
	enum sluice_status status;

	*target = (struct slu_target){.conninfo = dsn};
	status = dsn == NULL ? start_server(target, error) : SLUICE_OK;
	if (status == SLUICE_OK)
		status = describe(target, error);
	migration.conninfo = target->conninfo;
	if (status == SLUICE_OK)
		status = slu_migrate_up(&migration, SLU_MIGRATE_ALL, NULL, error);
	return status;
}

static enum sluice_status announce(PGconn *connection, struct slu_source *source, uint64_t repeats,
                                   struct sluice_error *error)
{
	char count[24], cause[300];
	const char *const values[] = {source->alias, count};
	enum sluice_status status = SLUICE_OK;
	PGresult *result;

	snprintf(count, sizeof(count), "%" PRIu64, repeats);
	result = PQexecParams(connection, announce_sql, 2, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		trim(PQerrorMessage(connection), cause, sizeof(cause));
		status = sluice_error_set(error, SLUICE_FAILED, "provider %s: %s", source->alias,
		                          cause);
	} else {
		source->provider_id = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
		source->repeat_first = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
		if (source->repeat_first + repeats - 1 > SLU_REPEAT_MAX)
			status = sluice_error_set(error, SLUICE_FAILED,
			                          "provider %s: next_repeat in its metadata is "
			                          "beyond %" PRIu64 "; correct it",
			                          source->alias, SLU_REPEAT_MAX);
	}
	PQclear(result);
	return status;
}

enum sluice_status slu_target_announce(const struct slu_target *target, struct slu_day *day,
                                       struct sluice_error *error)
{
	PGconn *connection = slu_target_connect(target, error);
	enum sluice_status status = connection == NULL ? SLUICE_FAILED : SLUICE_OK;
	size_t index;

	for (index = 0; status == SLUICE_OK && index < day->source_count; index++)
		status = announce(connection, &day->sources[index], day->repeats, error);
	PQfinish(connection);
	return status;
}

enum sluice_status slu_target_kill(struct slu_target *target, struct sluice_error *error)
{
	enum sluice_status status = slu_disposable_kill9(target->server, error);

	return status == SLUICE_OK ? slu_disposable_restart(target->server, error) : status;
}

enum sluice_status slu_target_keep(struct slu_target *target, FILE *out, struct sluice_error *error)
{
	char directory[PATH_MAX], pg_ctl[PATH_MAX], dsn[PATH_MAX];
	enum sluice_status status;

	snprintf(directory, sizeof(directory), "%s", slu_disposable_directory(target->server));
	snprintf(pg_ctl, sizeof(pg_ctl), "%s", slu_disposable_pg_ctl(target->server));
	snprintf(dsn, sizeof(dsn), "%s", slu_disposable_dsn(target->server));
	status = slu_disposable_leave(target->server, error);
	target->server = NULL;
	if (status != SLUICE_OK)
		return status;
	fprintf(out, "kept          psql '%s'\n", dsn);
	if (geteuid() == 0)
		fprintf(out,
		        "to end it     su $(stat -c %%U %s) -s /bin/sh -c '%s stop -D %s/data' "
		        "&& rm -r %s\n",
		        directory, pg_ctl, directory, directory);
	else
		fprintf(out, "to end it     %s stop -D %s/data && rm -r %s\n", pg_ctl, directory,
		        directory);
	return SLUICE_OK;
}

enum sluice_status slu_target_close(struct slu_target *target, struct sluice_error *error)
{
	enum sluice_status status = slu_disposable_stop(target->server, error);

	target->server = NULL;
	return status;
}
