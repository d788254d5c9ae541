/* SPDX-License-Identifier: MIT */
/* migration_connect.c - opens the connection of a run, and names the tables on it. */
#include "db/migrate/migration_run.h"

#include <sluice/sink.h>

#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_S "15"
#define NAME_SIZE_MAX 63 /* bytes: PostgreSQL cuts longer names */

static void print_notice(void *context, const char *message)
{
	slu_migration_tell(context, "%.*s", (int)strcspn(message, "\n"), message);
}

/* The scripts are UTF-8, whatever PGCLIENTENCODING says. */
enum sluice_status slu_migration_connect(const struct sluice_migrate_options *options,
                                         PGconn **connection, struct sluice_error *error)
{
	const char *conninfo = options->conninfo != NULL ? options->conninfo : "";
	const char *timeout_s = getenv("PGCONNECT_TIMEOUT");
	const char *const names[] = {"connect_timeout", "dbname", "client_encoding",
	                             "application_name", NULL};
	const char *const values[] = {timeout_s != NULL ? timeout_s : CONNECT_TIMEOUT_S, conninfo,
	                              "UTF8", "sluice migrate", NULL};
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);

	*connection = NULL;
	if (parsed == NULL && (conninfo[0] != '\0'))
		return sluice_error_set(
			error, SLUICE_INVALID,
			"the connection string can't be read (it is not shown: it "
			"may hold a password). Its form is \"host=.. dbname=..\" or "
			"\"postgresql://host/dbname\"");
	PQconninfoFree(parsed);
	*connection = PQconnectdbParams(names, values, 1);
	if (PQstatus(*connection) != CONNECTION_OK) {
		sluice_error_set(error, SLUICE_FAILED,
		                 "%sCheck the connection string, that the server runs, and that "
		                 "the database exists: migrations do not create it (createdb does)",
		                 PQerrorMessage(*connection));
		PQfinish(*connection);
		*connection = NULL;
		return SLUICE_FAILED;
	}
	PQsetNoticeProcessor(*connection, print_notice, (void *)options);
	return SLUICE_OK;
}

/* ---- tables ---- */

static enum sluice_status out_of_memory(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED, "out of memory");
}

/* `schema`.`table` and what stands behind it, quoted for SQL. NULL when out of memory. */
static char *quote(PGconn *connection, const char *schema, const char *table, const char *suffix)
{
	char *quoted_schema = PQescapeIdentifier(connection, schema, strlen(schema));
	char *quoted_table = NULL;
	char *plain = NULL;
	char *whole = NULL;

	if (asprintf(&plain, "%s%s", table, suffix) < 0)
		plain = NULL;
	if (plain != NULL)
		quoted_table = PQescapeIdentifier(connection, plain, strlen(plain));
	if (quoted_schema == NULL || quoted_table == NULL ||
	    asprintf(&whole, "%s.%s", quoted_schema, quoted_table) < 0)
		whole = NULL;
	free(plain);
	PQfreemem(quoted_table);
	PQfreemem(quoted_schema);
	return whole;
}

static enum sluice_status name_tables(struct slu_migration_run *run, const char *schema,
                                      const char *table, struct sluice_error *error)
{
	static const char suffix[] = "_history";

	if (table[0] == '\0' || strlen(table) + strlen(suffix) > NAME_SIZE_MAX)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "the version table's name has to have 1 to %zu bytes, so "
		                        "that its history can be named after it",
		                        NAME_SIZE_MAX - strlen(suffix));
	run->schema = strdup(schema);
	run->table = quote(run->connection, schema, table, "");
	run->history = quote(run->connection, schema, table, suffix);
	slu_migration_lock_init(&run->lock, run->connection, schema, table);
	return run->schema != NULL && run->table != NULL && run->history != NULL
	               ? SLUICE_OK
	               : out_of_memory(error);
}

static enum sluice_status name_in_current_schema(struct slu_migration_run *run, const char *table,
                                                 struct sluice_error *error)
{
	PGresult *result = PQexec(run->connection, "SELECT pg_catalog.current_schema()");
	enum sluice_status status;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		status = slu_migration_refused(run->connection, "ask for the current schema",
		                               result, run->sqlstate, error);
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
		status = name_tables(run, PQgetvalue(result, 0, 0), table, error);
	PQclear(result);
	return status;
}

enum sluice_status slu_migration_run_attach(struct slu_migration_run *run, PGconn *connection,
                                            struct sluice_error *error)
{
	const struct sluice_migrate_options *options = run->options;
	const char *table = options->version_table != NULL ? options->version_table
	                                                   : SLU_MIGRATION_TABLE;

	run->connection = connection;
	if (run->kind == SLU_LIBRARY_SET)
		return name_tables(run, SLU_MIGRATION_LIBRARY_SCHEMA, SLU_MIGRATION_TABLE, error);
	if (options->version_schema == NULL)
		return name_in_current_schema(run, table, error);
	if (strcmp(options->version_schema, SLU_MIGRATION_LIBRARY_SCHEMA) == 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "the schema sluice is Sluice's own: keep the version table "
		                        "in another one");
	return name_tables(run, options->version_schema, table, error);
}

/* ---- files ---- */

void slu_migration_run_open_bare(struct slu_migration_run *run,
                                 const struct sluice_migrate_options *options)
{
	*run = (struct slu_migration_run){
		.options = options, .watch = {.options = options}, .kind = SLU_USER_SET};
}

enum sluice_status slu_migration_run_open(struct slu_migration_run *run,
                                          enum slu_migration_kind kind,
                                          const struct sluice_migrate_options *options,
                                          struct sluice_error *error)
{
	slu_migration_run_open_bare(run, options);
	run->kind = kind;
	if (kind == SLU_LIBRARY_SET)
		return slu_migration_set_embedded(&run->set, slu_embedded_sluice,
		                                  slu_embedded_sluice_count, error);
	if (options->directory != NULL)
		return slu_migration_set_read(&run->set, options->directory, error);
	return slu_migration_set_embedded(&run->set, options->files, options->file_count, error);
}

void slu_migration_run_close(struct slu_migration_run *run)
{
	slu_migration_ledger_free(&run->ledger);
	slu_migration_history_free(&run->past);
	slu_migration_set_free(&run->set);
	free(run->schema);
	free(run->table);
	free(run->history);
}
