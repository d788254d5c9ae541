/* SPDX-License-Identifier: MIT */
/* migration_run.c - moves a version table together with the scripts it counts.
 * One step: BEGIN -> script -> version -> COMMIT. */
#include "db/migrate/migration_run.h"

#include "db/clock.h"
#include "db/migrate/migration_script.h"

#include <sluice/sink.h>

#include <stdlib.h>
#include <string.h>

#define UNDEFINED_TABLE "42P01"

static enum sluice_status out_of_memory(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED, "out of memory");
}

/* `doing` completes "can't ..". */
static enum sluice_status fail(const struct slu_migration_run *run, const char *doing,
                               const PGresult *result, struct sluice_error *error)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (sqlstate == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "can't %s: %s", doing,
		                        PQerrorMessage(run->connection));
	return sluice_error_set(error, SLUICE_FAILED, "can't %s: %s (SQLSTATE %s)", doing,
	                        PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), sqlstate);
}

static enum sluice_status command(struct slu_migration_run *run, const char *doing, const char *sql,
                                  struct sluice_error *error)
{
	PGresult *result = PQexec(run->connection, sql);
	enum sluice_status status = SLUICE_OK;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = fail(run, doing, result, error);
	PQclear(result);
	return status;
}

/* ---- the version table ---- */

/* Sets `run->schema` to a copy of `schema`, and `run->table` after it. */
static enum sluice_status name_table(struct slu_migration_run *run, const char *schema,
                                     struct sluice_error *error)
{
	char *quoted = PQescapeIdentifier(run->connection, schema, strlen(schema));

	run->schema = strdup(schema);
	if (quoted == NULL || asprintf(&run->table, "%s." SLU_MIGRATION_TABLE, quoted) < 0)
		run->table = NULL;
	PQfreemem(quoted);
	return run->schema != NULL && run->table != NULL ? SLUICE_OK : out_of_memory(error);
}

enum sluice_status slu_migration_run_init(struct slu_migration_run *run, PGconn *connection,
                                          FILE *progress, const char *schema,
                                          struct sluice_error *error)
{
	enum sluice_status status;
	PGresult *result;

	*run = (struct slu_migration_run){
		.connection = connection, .progress = progress, .label = ""};
	if (schema != NULL)
		return name_table(run, schema, error);
	result = PQexec(connection, "SELECT pg_catalog.current_schema()");
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		status = fail(run, "ask for the current schema", result, error);
	else if (PQgetisnull(result, 0, 0))
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "the role's search_path names no schema that exists: "
		                          "create the schema, or set search_path");
	else if (strcmp(PQgetvalue(result, 0, 0), SLU_MIGRATION_LIBRARY_SCHEMA) == 0)
		/* The default search_path begins with a schema of the role's name. */
		status =
			sluice_error_set(error, SLUICE_INVALID,
		                         "tables would go to the schema sluice, which Sluice keeps "
		                         "for itself: is the role named sluice, too? ALTER ROLE .. "
		                         "SET search_path = public, or use another role");
	else
		status = name_table(run, PQgetvalue(result, 0, 0), error);
	PQclear(result);
	return status;
}

void slu_migration_run_free(struct slu_migration_run *run)
{
	free(run->schema);
	free(run->table);
}

enum sluice_status slu_migration_run_read(struct slu_migration_run *run, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	const char *sqlstate;
	PGresult *result;
	char *sql;

	run->state = (struct slu_migrate_state){.version = -1, .dirty = false};
	if (asprintf(&sql, "SELECT version, dirty FROM %s LIMIT 1", run->table) < 0)
		return out_of_memory(error);
	result = PQexec(run->connection, sql);
	free(sql);
	sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	run->table_exists = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (run->table_exists && PQntuples(result) == 1) {
		run->state.version = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
		run->state.dirty = PQgetvalue(result, 0, 1)[0] == 't';
	} else if (!run->table_exists &&
	           (sqlstate == NULL || strcmp(sqlstate, UNDEFINED_TABLE) != 0)) {
		status = fail(run, "read the version", result, error);
	}
	PQclear(result);
	return status;
}

/* Runs `before`, the name of the version table, and `after`, as one command. */
static enum sluice_status table_command(struct slu_migration_run *run, const char *before,
                                        const char *after, struct sluice_error *error)
{
	enum sluice_status status;
	char *sql;

	if (asprintf(&sql, "%s %s %s", before, run->table, after) < 0)
		return out_of_memory(error);
	status = command(run, "write the version", sql, error);
	free(sql);
	return status;
}

/* The script may have changed the session's settings or role. They are reset first: so the version
 * table belongs to who runs the migrations, and ten scripts in one run do what they do in ten runs.
 * DELETE, where golang-migrate has TRUNCATE, lets a monitor read the version meanwhile. */
static enum sluice_status write_version(struct slu_migration_run *run, int64_t version,
                                        struct sluice_error *error)
{
	enum sluice_status status;
	char values[64];

	status = command(run, "reset the session",
	                 "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL", error);
	if (status == SLUICE_OK && !run->table_exists)
		status = table_command(
			run, "CREATE TABLE",
			"(version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)", error);
	if (status == SLUICE_OK)
		status = table_command(run, "DELETE FROM", "", error);
	if (status == SLUICE_OK && version >= 0) {
		snprintf(values, sizeof(values), "VALUES (%lld, false)", (long long)version);
		status = table_command(run, "INSERT INTO", values, error);
	}
	return status;
}

/* ---- a step ---- */

static enum sluice_status commit(struct slu_migration_run *run,
                                 const struct slu_migration_script *script,
                                 struct sluice_error *error)
{
	const char *file = script->file != NULL ? script->file : "a version without a script";
	PGresult *result = PQexec(run->connection, "COMMIT");
	enum sluice_status status = SLUICE_OK;

	if (PQstatus(run->connection) != CONNECTION_OK)
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "the connection broke at the COMMIT of %s: `sluice "
		                          "migrate version` tells whether it arrived; to run "
		                          "again is safe either way",
		                          file);
	else if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = fail(run, "commit", result, error);
	else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "the server rolled %s back at its COMMIT; nothing of it "
		                          "was applied",
		                          file);
	PQclear(result);
	return status;
}

/* As golang-migrate prints it: 1/u create_orders (14.2ms). */
static void print_progress(const struct slu_migration_run *run, enum slu_direction direction,
                           const struct slu_migration *migration, uint64_t duration_ns)
{
	const struct slu_migration_script *script = slu_migration_side(migration, direction);

	if (run->progress != NULL)
		fprintf(run->progress, "%s%lld/%c %s (%.1fms)\n", run->label,
		        (long long)migration->version, direction == SLU_UP ? 'u' : 'd',
		        script->text != NULL ? script->title : "<empty>",
		        (double)duration_ns / 1e6);
}

enum sluice_status slu_migration_run_step(struct slu_migration_run *run,
                                          enum slu_direction direction,
                                          const struct slu_migration *migration, int64_t version,
                                          struct sluice_error *error)
{
	const struct slu_migration_script *script = slu_migration_side(migration, direction);
	uint64_t start_ns = slu_monotonic_ns();
	enum sluice_status status = command(run, "begin a transaction", "BEGIN", error);

	if (status == SLUICE_OK && script->text != NULL)
		status = slu_migration_script_run(script, run->connection, error);
	if (status == SLUICE_OK)
		status = write_version(run, version, error);
	if (status == SLUICE_OK)
		status = commit(run, script, error);
	if (status != SLUICE_OK) {
		/* Leaves `error` alone: the cause is worth more than its echo. */
		PQclear(PQexec(run->connection, "ROLLBACK"));
		return status;
	}
	run->table_exists = true;
	run->state.version = version;
	print_progress(run, direction, migration, slu_monotonic_ns() - start_ns);
	return SLUICE_OK;
}
