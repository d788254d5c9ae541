/* SPDX-License-Identifier: MIT */
/* database.c - databases that live as long as a test. */
#include "tests/contract/database.h"

#include "db/migrate/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void give_up(const char *doing, const char *why)
{
	fprintf(stderr, "database: can't %s: %s\n", doing, why);
	abort();
}

static const char *server_dsn(void)
{
	const char *dsn = getenv("SLUICE_TEST_DSN");

	if (dsn == NULL || dsn[0] == '\0')
		give_up("find the server",
		        "SLUICE_TEST_DSN is not set; run the test through with_postgres");
	return dsn;
}

PGconn *database_connect(const char *dsn)
{
	PGconn *connection = PQconnectdb(dsn);

	if (PQstatus(connection) != CONNECTION_OK)
		give_up("connect", PQerrorMessage(connection));
	return connection;
}

void database_run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType outcome = PQresultStatus(result);

	if (outcome != PGRES_COMMAND_OK && outcome != PGRES_TUPLES_OK)
		give_up(sql, PQerrorMessage(connection));
	PQclear(result);
}

int64_t database_query_int(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	int64_t value;
	char *end;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		give_up(sql, PQerrorMessage(connection));
	if (PQntuples(result) != 1 || PQnfields(result) != 1 || PQgetisnull(result, 0, 0))
		give_up(sql, "it does not return one value");
	value = strtoll(PQgetvalue(result, 0, 0), &end, 10);
	if (*end != '\0')
		give_up(sql, "it does not return an integer");
	PQclear(result);
	return value;
}

/* Runs `before`, the database's name, and `after`, as one command. */
static void run_on_server(const char *before, const char *name, const char *after)
{
	PGconn *connection = database_connect(server_dsn());
	char sql[256];

	snprintf(sql, sizeof(sql), "%s \"%s\" %s", before, name, after);
	database_run(connection, sql);
	PQfinish(connection);
}

char *database_create(bool migrated)
{
	struct sluice_migrate_options options = {.files = slu_embedded_migrations,
	                                         .file_count = slu_embedded_migrations_count};
	struct sluice_error error;
	struct timespec now;
	char name[64];
	char *dsn;

	/* Tests run side by side, in processes of their own. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(name, sizeof(name), "test_%ld_%lld_%ld", (long)getpid(), (long long)now.tv_sec,
	         now.tv_nsec);
	run_on_server("CREATE DATABASE", name, "");
	/* Of a keyword that comes twice, libpq takes the second. */
	if (asprintf(&dsn, "%s dbname=%s", server_dsn(), name) < 0)
		give_up("name a database", "out of memory");
	options.conninfo = dsn;
	if (migrated && slu_migrate_up(&options, SLU_MIGRATE_ALL, NULL, &error) != SLUICE_OK)
		give_up("migrate", error.message);
	return dsn;
}

void database_drop(char *dsn)
{
	run_on_server("DROP DATABASE", strrchr(dsn, '=') + 1, "WITH (FORCE)");
	free(dsn);
}
