/* SPDX-License-Identifier: MIT */
/* gen_database.c - CREATE DATABASE and DROP DATABASE, and a conninfo for what is between.
 * Template0 and encoding UTF8, whatever the server's own are: the answer may not depend on them. */
#include "db/gen/gen_database.h"

#include "db/server/disposable.h"

#include <sluice/sink.h>

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs one statement on the server. */
static enum sluice_status run(const struct slu_gen_database *database, const char *sql,
                              const char *doing, struct sluice_error *error)
{
	PGconn *connection = PQconnectdb(database->dsn);
	enum sluice_status status = SLUICE_OK;
	PGresult *result = NULL;

	if (PQstatus(connection) != CONNECTION_OK) {
		status = sluice_error_set(error, SLUICE_FAILED, "can't connect: %s",
		                          PQerrorMessage(connection));
	} else {
		result = PQexec(connection, sql);
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			status = sluice_error_set(error, SLUICE_FAILED, "can't %s database %s: %s",
			                          doing, database->name,
			                          PQerrorMessage(connection));
	}
	PQclear(result);
	PQfinish(connection);
	if (status != SLUICE_OK)
		error->message[strcspn(error->message, "\n")] = '\0';
	return status;
}

/* ---- conninfo ---- */

/* keyword='value', quoted as conninfo wants it. */
static void put_keyword(FILE *out, const char *keyword, const char *value)
{
	fprintf(out, "%s='", keyword);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputs("' ", out);
}

/* `dsn`, which may be a URI, with another database. NULL with `error` filled. */
static char *with_database(const char *dsn, const char *name, struct sluice_error *error)
{
	char *complaint = NULL;
	PQconninfoOption *options = PQconninfoParse(dsn, &complaint);
	PQconninfoOption *option;
	char *conninfo = NULL;
	size_t size;
	FILE *out;

	if (options == NULL) {
		sluice_error_set(error, SLUICE_INVALID, "the DSN is not one: %s",
		                 complaint != NULL ? complaint : "out of memory");
		error->message[strcspn(error->message, "\n")] = '\0';
		PQfreemem(complaint);
		return NULL;
	}
	out = open_memstream(&conninfo, &size);
	for (option = options; out != NULL && option->keyword != NULL; option++) {
		if (option->val != NULL && strcmp(option->keyword, "dbname") != 0)
			put_keyword(out, option->keyword, option->val);
	}
	if (out != NULL)
		put_keyword(out, "dbname", name);
	if (out == NULL || fclose(out) != 0) {
		sluice_error_set(error, SLUICE_FAILED, "out of memory");
		free(conninfo);
		conninfo = NULL;
	}
	PQconninfoFree(options);
	return conninfo;
}

/* ---- open, create, drop, close ---- */

enum sluice_status slu_gen_database_open(struct slu_gen_database *database, const char *dsn,
                                         struct sluice_error *error)
{
	*database = (struct slu_gen_database){.server = NULL};
	if (dsn == NULL) {
		database->server = slu_disposable_start(error);
		if (database->server == NULL)
			return error->status;
		dsn = slu_disposable_dsn(database->server);
	}
	database->dsn = strdup(dsn);
	if (database->dsn == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	return SLUICE_OK;
}

enum sluice_status slu_gen_database_create(struct slu_gen_database *database,
                                           struct sluice_error *error)
{
	char name[sizeof(database->name)];
	enum sluice_status status;
	char sql[160];

	snprintf(name, sizeof(name), "sluice_gen_%ld_%u", (long)getpid(), ++database->made);
	snprintf(
		sql, sizeof(sql),
		"CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
		name);
	database->conninfo = with_database(database->dsn, name, error);
	if (database->conninfo == NULL)
		return error->status;
	memcpy(database->name, name, sizeof(name));
	status = run(database, sql, "create", error);
	if (status != SLUICE_OK)
		database->name[0] = '\0'; /* not ours to drop */
	return status;
}

enum sluice_status slu_gen_database_drop(struct slu_gen_database *database,
                                         struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	char sql[128];

	if (database->name[0] != '\0') {
		snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", database->name);
		status = run(database, sql, "drop", error);
	}
	free(database->conninfo);
	database->conninfo = NULL;
	database->name[0] = '\0';
	return status;
}

enum sluice_status slu_gen_database_close(struct slu_gen_database *database,
                                          struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	if (database->server != NULL)
		status = slu_disposable_stop(database->server, error);
	else
		status = slu_gen_database_drop(database, error);
	free(database->conninfo);
	free(database->dsn);
	*database = (struct slu_gen_database){.server = NULL};
	return status;
}
