/* SPDX-License-Identifier: MIT */
/*
 * migrate.h - brings a database's tables up to date, for an engine that does so when it starts.
 *
 * The same runner as `sluice migrate up`: first the tables that Sluice keeps for itself, then the
 * migrations given here. Each script is one transaction together with its version, so that one that
 * fails has changed nothing; several engines that start at once wait for each other, and all but
 * the first find nothing to do.
 *
 *      static const struct sluice_migration_file files[] = {{"0001_orders.up.sql", text, size}};
 *      struct sluice_migrate_options options = {.conninfo = "service=trading",
 *                                               .files = files, .file_count = 1};
 *      if (sluice_migrate_up(&options, NULL, &error) != SLUICE_OK)
 *              refuse_to_start(error.message);
 *
 * Part of libsluice-postgres.
 */
#ifndef SLUICE_MIGRATE_H
#define SLUICE_MIGRATE_H

#include <sluice/sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A migration inside the program. The name is that of a file, as golang-migrate has it:
 * 0001_what_it_does.up.sql, 0001_what_it_does.down.sql. Other names are passed over. */
struct sluice_migration_file {
	const char *name;
	const char *text;
	size_t size; /* bytes */
};

enum sluice_migrate_stop {
	SLUICE_MIGRATE_GO_ON = 0,
	SLUICE_MIGRATE_STOP_AFTER, /* the script that is running */
	SLUICE_MIGRATE_STOP_NOW,   /* cancel the script that is running */
};

/* All but the first three may stay zero. */
struct sluice_migrate_options {
	const char *conninfo;  /* libpq's, keywords or URI; "" or NULL leaves all to the
	                          environment */
	const char *directory; /* with the migrations; NULL for `files` */
	const struct sluice_migration_file *files;
	size_t file_count;             /* 0 and no directory: only Sluice's own tables */
	const char *version_schema;    /* of the version table; NULL for the current schema */
	const char *version_table;     /* NULL for schema_migrations */
	uint64_t lock_timeout_ns;      /* how long others may migrate before we give up; 0 for the
	                                  default, 15 s */
	uint64_t statement_timeout_ns; /* for each statement of a script; 0 for the server's */
	bool allow_out_of_order;       /* also run new scripts below the database's version */
	/* Called with a line for each script, and with the server's notices. */
	void (*progress)(void *context, const char *line);
	/* Asked about every 100 ms, and between scripts. */
	enum sluice_migrate_stop (*stop)(void *context);
	void *context; /* of both */
};

/* Runs every migration that is not in the database yet. `*applied` (may be NULL) is how many were
 * run, also on failure; Sluice's own count, too. Returns SLUICE_OK, or with `error` filled:
 * SLUICE_INVALID (files, conninfo, or a state of the database that the files don't fit: a script
 * that was changed after it was applied, a version that is unknown here, a newer Sluice's tables),
 * SLUICE_TIMEOUT (the lock), SLUICE_FAILED (connection, a script that the server refused, or a stop
 * that was asked for). What earlier scripts of the same call did stays. Installs no signal handler.
 * Thread: any.  Progress: blocking. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_migrate_up(const struct sluice_migrate_options *options, size_t *applied,
                  struct sluice_error *error);

#ifdef __cplusplus
}
#endif

#endif
