/* SPDX-License-Identifier: MIT */
/* migration_history.c - the table behind the memory of the runner. */
#include "db/migrate/migration_history.h"

#include "db/migrate/migration_script.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTEA_OID 17

static const char tool[] = "sluice " SLUICE_VERSION_STRING;

enum sluice_status slu_migration_refused(PGconn *connection, const char *doing,
                                         const PGresult *result, char *sqlstate,
                                         struct sluice_error *error)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = state != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
	                                    : PQerrorMessage(connection);

	snprintf(sqlstate, SLU_SQLSTATE_SIZE, "%s", state != NULL ? state : "");
	if (state == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "can't %s: %.*s", doing,
		                        (int)strcspn(message, "\n"), message);
	return sluice_error_set(error, SLUICE_FAILED, "can't %s: %.200s (SQLSTATE %s)", doing,
	                        message, state);
}

/* Runs `format`, with the table's name as its argument, and `count` parameters. */
static enum sluice_status run(PGconn *connection, const char *table, const char *format,
                              const char *doing, int count, const char *const *values,
                              PGresult **answer, char *sqlstate, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	PGresult *result;
	char *sql;

	if (asprintf(&sql, format, table) < 0)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	result = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);
	free(sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		status = slu_migration_refused(connection, doing, result, sqlstate, error);
	if (status == SLUICE_OK && answer != NULL)
		*answer = result;
	else
		PQclear(result);
	return status;
}

/* ---- hashes ---- */

static enum sluice_status hash(PGconn *connection, struct slu_migration_script *script,
                               char *sqlstate, struct sluice_error *error)
{
	static const Oid types[] = {BYTEA_OID};
	static const int formats[] = {1};
	const char *values[] = {script->text};
	int lengths[] = {(int)script->size};
	enum sluice_status status = SLUICE_OK;
	PGresult *result;

	if (script->text == NULL || script->sha256[0] != '\0')
		return SLUICE_OK;
	result = PQexecParams(connection, "SELECT pg_catalog.encode(pg_catalog.sha256($1), 'hex')",
	                      1, types, values, lengths, formats, 0);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		snprintf(script->sha256, sizeof(script->sha256), "%s", PQgetvalue(result, 0, 0));
	else
		status = slu_migration_refused(connection, "hash a script", result, sqlstate,
		                               error);
	PQclear(result);
	return status;
}

enum sluice_status slu_migration_history_hash(PGconn *connection, struct slu_migration_set *set,
                                              char *sqlstate, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	for (i = 0; i < set->count && status == SLUICE_OK; i++) {
		status = hash(connection, &set->migrations[i].up, sqlstate, error);
		if (status == SLUICE_OK)
			status = hash(connection, &set->migrations[i].down, sqlstate, error);
	}
	return status;
}

/* ---- the table ---- */

enum sluice_status slu_migration_history_create(PGconn *connection, const char *table,
                                                char *sqlstate, struct sluice_error *error)
{
	static const char ddl[] = "CREATE TABLE %s ("
				  "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
				  "version bigint NOT NULL, "
				  "action text NOT NULL, "
				  "previous_version bigint NOT NULL, "
				  "up_file text, down_file text, up_sha256 text, down_sha256 text, "
				  "at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), "
				  "duration interval, "
				  "by_role text NOT NULL DEFAULT current_user, "
				  "tool text NOT NULL)";

	return run(connection, table, ddl, "create the history of migrations", 0, NULL, NULL,
	           sqlstate, error);
}

static void fill_record(struct slu_migration_record *record, const PGresult *result, int row)
{
	record->version = strtoll(PQgetvalue(result, row, 1), NULL, 10);
	record->previous_version = strtoll(PQgetvalue(result, row, 2), NULL, 10);
	record->action = PQgetvalue(result, row, 3);
	record->up_file = PQgetvalue(result, row, 4);
	record->down_file = PQgetvalue(result, row, 5);
	record->up_sha256 = PQgetvalue(result, row, 6);
	record->down_sha256 = PQgetvalue(result, row, 7);
	record->at = PQgetvalue(result, row, 8);
	record->by = PQgetvalue(result, row, 9);
}

/* One row at least: the last id is there also when nothing is in place. */
enum sluice_status slu_migration_history_read(PGconn *connection, const char *table,
                                              struct slu_migration_history *history, char *sqlstate,
                                              struct sluice_error *error)
{
	static const char query[] =
		"WITH h AS (SELECT * FROM %s) "
		"SELECT (SELECT coalesce(max(id), 0) FROM h), r.version, r.previous_version, "
		"r.action, r.up_file, r.down_file, r.up_sha256, r.down_sha256, "
		"to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SSZ'), r.by_role "
		"FROM (SELECT) one LEFT JOIN (SELECT DISTINCT ON (version) * FROM h "
		"WHERE action <> 'force' ORDER BY version, id DESC) r "
		"ON r.action IN ('up', 'adopt', 'repair') ORDER BY r.version";
	enum sluice_status status = run(connection, table, query, "read the history of migrations",
	                                0, NULL, &history->texts, sqlstate, error);
	int rows;
	int row;

	history->count = 0;
	history->records = NULL;
	if (status != SLUICE_OK)
		return status;
	rows = PQntuples(history->texts);
	history->last_id = strtoll(PQgetvalue(history->texts, 0, 0), NULL, 10);
	if (PQgetisnull(history->texts, 0, 1))
		return SLUICE_OK;
	history->records = calloc((size_t)rows, sizeof(*history->records));
	if (history->records == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	for (row = 0; row < rows; row++)
		fill_record(&history->records[row], history->texts, row);
	history->count = (size_t)rows;
	return SLUICE_OK;
}

void slu_migration_history_free(struct slu_migration_history *history)
{
	free(history->records);
	PQclear(history->texts);
	*history = (struct slu_migration_history){.count = 0};
}

/* An empty text for NULL: a script that does not exist has neither name nor hash. */
static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

enum sluice_status slu_migration_history_add(PGconn *connection, const char *table,
                                             const struct slu_migration_event *event,
                                             char *sqlstate, struct sluice_error *error)
{
	static const char statement[] =
		"INSERT INTO %s (action, version, previous_version, up_file, down_file, "
		"up_sha256, down_sha256, duration, tool) VALUES ($1, $2, $3, nullif($4, ''), "
		"nullif($5, ''), nullif($6, ''), nullif($7, ''), "
		"nullif($8, '')::bigint * interval '1 microsecond', $9)";
	static const struct slu_migration none;
	const struct slu_migration *files = event->files != NULL ? event->files : &none;
	char version[24];
	char previous[24];
	char duration_us[24] = "";
	const char *const values[] = {event->action,
	                              version,
	                              previous,
	                              or_empty(files->up.file),
	                              or_empty(files->down.file),
	                              files->up.sha256,
	                              files->down.sha256,
	                              duration_us,
	                              tool};

	snprintf(version, sizeof(version), "%" PRId64, event->version);
	snprintf(previous, sizeof(previous), "%" PRId64, event->previous_version);
	if (event->duration_ns > 0)
		snprintf(duration_us, sizeof(duration_us), "%" PRIu64, event->duration_ns / 1000);
	return run(connection, table, statement, "write the history of migrations",
	           sizeof(values) / sizeof(values[0]), values, NULL, sqlstate, error);
}

enum sluice_status slu_migration_history_lose_above(PGconn *connection, const char *table,
                                                    int64_t version, char *sqlstate,
                                                    struct sluice_error *error)
{
	static const char statement[] = /* one argument, used twice */
		"INSERT INTO %1$s (version, action, previous_version, up_file, down_file, tool) "
		"SELECT version, 'lost', previous_version, up_file, down_file, $2 "
		"FROM (SELECT DISTINCT ON (version) * FROM %1$s WHERE action <> 'force' "
		"ORDER BY version, id DESC) r "
		"WHERE action IN ('up', 'adopt', 'repair') AND version > $1 ORDER BY version";
	char text[24];
	const char *const values[] = {text, tool};

	snprintf(text, sizeof(text), "%" PRId64, version);
	return run(connection, table, statement, "write the history of migrations", 2, values, NULL,
	           sqlstate, error);
}
