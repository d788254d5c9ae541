/* SPDX-License-Identifier: MIT */
/* server.c - start, migrate, connect; then statements. */
#include "bench/server.h"

#include "bench/measure.h"

#include "db/migrate/migrate.h"
#include "db/server/disposable.h"

#include <libpq-fe.h>
#include <stdlib.h>

#define SQL_SIZE 4096

/* For atexit, which passes nothing. */
static struct slu_disposable *running;

static void stop(void)
{
	struct sluice_error error;

	if (slu_disposable_stop(running, &error) != SLUICE_OK)
		fprintf(stderr, "%s\n", error.message);
	running = NULL;
}

static PGresult *ask(struct slu_server *server, const char *sql)
{
	PGresult *result = PQexec(server->connection, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		slu_measure_fail("%s", PQerrorMessage(server->connection));
	return result;
}

void slu_server_tell(struct slu_server *server, const char *sql)
{
	PQclear(ask(server, sql));
}

void slu_server_open(struct slu_server *server)
{
	struct sluice_migrate_options migrate = {.files = slu_embedded_migrations,
	                                         .file_count = slu_embedded_migrations_count};
	struct sluice_error error;

	running = slu_disposable_start(&error);
	if (running == NULL)
		slu_measure_fail("%s", error.message);
	if (atexit(stop) != 0)
		slu_measure_fail("no room for an exit handler");
	server->dsn = slu_disposable_dsn(running);
	server->directory = slu_disposable_directory(running);
	migrate.conninfo = server->dsn;
	if (slu_migrate_up(&migrate, SLU_MIGRATE_ALL, NULL, &error) != SLUICE_OK)
		slu_measure_fail("%s", error.message);
	server->connection = PQconnectdb(server->dsn);
	if (PQstatus(server->connection) != CONNECTION_OK)
		slu_measure_fail("%s", PQerrorMessage(server->connection));
	slu_server_tell(server,
	                "INSERT INTO providers (id, adapter_identifier, alias, display_name) "
	                "VALUES (1, 'bench', 'bench', 'bench')");
}

void slu_server_close(struct slu_server *server)
{
	PQfinish(server->connection);
	server->connection = NULL;
	stop();
}

void slu_server_digest(struct slu_server *server, const struct sluice_stream *stream, char *text,
                       size_t size)
{
	char sql[SQL_SIZE];
	PGresult *result;
	size_t used = (size_t)snprintf(sql, sizeof(sql),
	                               "SELECT count(*) || ' ' || "
	                               "sum(hashtextextended(concat_ws('|'");

	for (size_t i = 0; i < stream->layout.column_count; i++)
		if (stream->layout.columns[i].type != SLUICE_VERSION)
			used += (size_t)snprintf(sql + used, sizeof(sql) - used,
			                         ", coalesce(%s::text, '~')",
			                         stream->layout.columns[i].name);
	snprintf(sql + used, sizeof(sql) - used, "), 0)::numeric) FROM %s", stream->name);
	result = ask(server, sql);
	snprintf(text, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
}
