/* SPDX-License-Identifier: MIT */
/*
 * migrate.h - brings a database's schema up and down, one numbered script at a time.
 *
 * Two sets of migrations, each with its own version:
 *
 *      set       files           version table                  touched by
 *      library   db/sluice       sluice.schema_migrations       up, first and always to its end
 *      user      db/migrations   schema_migrations in the       up, down, version
 *                or --path       current schema
 *
 * Version table, file names and lock are golang-migrate's, so that either tool can go on where the
 * other stopped. Unlike golang-migrate, a script and its version are one transaction:
 *
 *      BEGIN; script; version; COMMIT
 *
 * so that a script that fails has done nothing, and there is no dirty state to clean up. Scripts
 * that can't live in a transaction (their own BEGIN or COMMIT, CREATE INDEX CONCURRENTLY) are
 * refused before any script is run. The version table is made by the first script that succeeds.
 *
 * As with golang-migrate, `up` looks only at versions above the database's: a script with a lower
 * version that arrives later is never run.
 */
#ifndef DB_MIGRATE_MIGRATE_H
#define DB_MIGRATE_MIGRATE_H

#include "db/migrate/migration_set.h"

#include <sluice/sluice.h>

#include <stdint.h>
#include <stdio.h>

#define SLU_MIGRATE_ALL SIZE_MAX
#define SLU_MIGRATE_LOCK_TIMEOUT_NS UINT64_C(15000000000) /* golang-migrate's default */

struct slu_migrate_options {
	const char
		*conninfo; /* libpq's, keywords or URI; "" or NULL leaves all to the environment */
	const char *directory; /* of the user set; NULL for `files` */
	const struct slu_migration_file *files;
	size_t file_count;
	uint64_t lock_timeout_ns; /* how long others may migrate before we give up */
	FILE *progress;           /* a line for each script, and the server's notices; or NULL */
};

/* All return SLUICE_OK, or with `error` filled: SLUICE_INVALID (files, conninfo, count, or a state
 * of the database that the files don't fit), SLUICE_TIMEOUT (the lock), SLUICE_FAILED (connection,
 * or the server refused a script). What earlier scripts of the same call did stays.
 * Thread: any.  Progress: blocking. */

/* Runs the library set's new scripts, then at most `limit` new ones of the user set. `*applied`
 * (may be NULL) is how many were run, of both sets, also on failure. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_up(const struct slu_migrate_options *options,
                                                    size_t limit, size_t *applied,
                                                    struct sluice_error *error);

/* Takes the last `count` versions of the user set back. Refuses, and changes nothing, when fewer
 * are in place. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_down(const struct slu_migrate_options *options,
                                                      size_t count, struct sluice_error *error);

struct slu_migrate_state {
	int64_t version; /* -1 when there is none */
	bool dirty;      /* another tool began this version and did not finish it */
};

/* Reads the user set's version. Changes nothing, needs no lock and no files. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_version(const struct slu_migrate_options *options,
                                                         struct slu_migrate_state *state,
                                                         struct sluice_error *error);

#endif
