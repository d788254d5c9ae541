/* SPDX-License-Identifier: MIT */
/*
 * migration_watch.h - what the caller sees of a run while it lasts, and how the caller ends it.
 */
#ifndef DB_MIGRATE_MIGRATION_WATCH_H
#define DB_MIGRATE_MIGRATION_WATCH_H

#include <sluice/migrate.h>

#include <libpq-fe.h>

struct slu_migration_watch {
	const struct sluice_migrate_options *options;
	bool announced; /* that a stop was asked for */
	bool cancelled;
};

/* Gives a line to the caller's progress, if there is one. */
void slu_migration_tell(const struct sluice_migrate_options *options, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether the caller asked for an end of any kind. */
bool slu_migration_stopping(const struct slu_migration_watch *watch);

/* PQgetResult that hears the caller meanwhile: it says so at the first request, and cancels the
 * query at the second. The result then is the server's error, or success if that was quicker. */
PGresult *slu_migration_result(struct slu_migration_watch *watch, PGconn *connection);

#endif
