/* SPDX-License-Identifier: MIT */
/* database.c - libpq, with patience that ends. */
#include "cli/database.h"

#include "cli/commands.h"
#include "cli/migrate_dsn.h"

#include <sluice/sink.h>

#include <string.h>

#define CONNECT_TIMEOUT "10" /* seconds, unless the DSN says otherwise */

/* Notices may hold row contents, and stderr is for what we say. */
static void swallow(void *context, const char *message)
{
	(void)context;
	(void)message;
}

/* The conninfo may hold a password and is printed nowhere; what libpq says of a connection that
 * failed names host, port, user and database only. */
static int dial(PGconn **connection, const char *conninfo, const char *name,
                struct sluice_error *error)
{
	/* A keyword of the DSN counts more than the one before it. */
	static const char *const keywords[] = {"connect_timeout", "dbname",
	                                       "fallback_application_name", NULL};
	const char *const values[] = {CONNECT_TIMEOUT, conninfo, name, NULL};
	const char *said;

	*connection = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(*connection) == CONNECTION_OK) {
		(void)PQsetNoticeProcessor(*connection, swallow, NULL);
		return CLI_OK;
	}
	said = PQerrorMessage(*connection);
	sluice_error_set(error, SLUICE_FAILED,
	                 "the database does not answer: %.*s\nCorrect --dsn until psql connects "
	                 "with it, and try again: nothing was touched",
	                 (int)strcspn(said, "\n"), said);
	PQfinish(*connection);
	*connection = NULL;
	return CLI_FAILED;
}

int slu_database_connect(PGconn **connection, const char *dsn, const char *name,
                         struct sluice_error *error)
{
	struct slu_migrate_dsn read = {.conninfo = NULL};
	int status = CLI_USAGE;

	*connection = NULL;
	if (dsn == NULL || slu_migrate_dsn_read(&read, dsn, error) == SLUICE_OK)
		status = dial(connection, read.conninfo != NULL ? read.conninfo : "", name, error);
	slu_migrate_dsn_free(&read);
	return status;
}
