/* SPDX-License-Identifier: MIT */
/*
 * migrate.h - brings a database's schema up and down, one numbered script at a time.
 *
 * Two sets of migrations, each with its own version:
 *
 *      set       files           version table                  touched by
 *      library   db/sluice       sluice.schema_migrations       up, first and always to its end
 *      user      db/migrations   schema_migrations in the       every call
 *                or --path       current schema
 *
 * Version table, file names and lock are golang-migrate's, so that either tool can go on where the
 * other stopped. Unlike golang-migrate, a script and its version are one transaction:
 *
 *      BEGIN; lock; look again; script; version; history; COMMIT
 *
 * so that a script that fails has done nothing, there is no dirty state to clean up, and nothing
 * depends on the session: a transaction pooler in between is harmless. Scripts that can't live in a
 * transaction run as golang-migrate runs all of them (migration_alone.h).
 *
 * A history beside the version table remembers what was applied, with the hash of its files
 * (migration_history.h). So a script that was changed, lost, or numbered below the database's
 * version is an error, and not a surprise later (migration_ledger.h).
 */
#ifndef DB_MIGRATE_MIGRATE_H
#define DB_MIGRATE_MIGRATE_H

#include "db/migrate/migration_set.h"

#include <sluice/migrate.h>

#include <stdint.h>
#include <stdio.h>

#define SLU_MIGRATE_ALL SIZE_MAX

struct slu_migrate_state {
	int64_t version; /* -1 when there is none */
	bool dirty;      /* a script was begun outside of a transaction, and not finished */
};

/* All return SLUICE_OK, or with `error` filled what sluice_migrate_up returns; SLUICE_CONFLICT when
 * another run moved the database meanwhile, in a way that needs a second look. What earlier scripts
 * of the same call did stays. All but version, status, force and drop refuse a dirty database.
 * Thread: any.  Progress: blocking. */

/* Runs the library set's new scripts, then at most `limit` new ones of the user set. `*applied`
 * (may be NULL) is how many were run, of both sets, also on failure. SLUICE_INVALID, after the fact,
 * when a limit was given and fewer were new. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_up(const struct sluice_migrate_options *options,
                                                    size_t limit, size_t *applied,
                                                    struct sluice_error *error);

/* Takes the last `count` versions of the user set back, or SLU_MIGRATE_ALL. Refuses, and changes
 * nothing, when fewer are in place. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_down(const struct sluice_migrate_options *options,
                                                      size_t count, struct sluice_error *error);

/* Goes up or down to exactly `version`. `*moved` (may be NULL) is the number of scripts run. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_goto(const struct sluice_migrate_options *options,
                                                      int64_t version, size_t *moved,
                                                      struct sluice_error *error);

/* Takes the last version back and applies it again, as its files are now: the one call that runs
 * files which were changed since. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_redo(const struct sluice_migrate_options *options,
                                                      struct sluice_error *error);

/* Reads the user set's version. Changes nothing, needs no lock and no files. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_version(const struct sluice_migrate_options *options, struct slu_migrate_state *state,
                    struct sluice_error *error);

/* Writes where the database stands to `answer`: a line in all, then one for each migration.
 * `*attention` says whether something is pending or wrong. Changes nothing, needs no lock. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_status(const struct sluice_migrate_options *options, FILE *answer, bool *attention,
                   struct sluice_error *error);

/* Makes `version` (-1 for none) the database's, clean, and runs nothing. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_force(const struct sluice_migrate_options *options,
                                                       int64_t version, struct sluice_error *error);

/* Records the versions that another tool applied, with the files as they are now; only `version`
 * unless that is -1, and then also one that seemed never applied. `*count` is how many. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_adopt(const struct sluice_migrate_options *options,
                                                       int64_t version, size_t *count,
                                                       struct sluice_error *error);

/* Accepts changed files as what was applied, and forgets versions whose files are gone. `*count` is
 * how many. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_repair(const struct sluice_migrate_options *options, size_t *count,
                   struct sluice_error *error);

/* Drops the current schema with all that is in it, and makes it anew, empty, with the same owner,
 * grants and comment. Tells what it drops to `options->progress`. Refuses when that would reach
 * beyond the schema, or take an extension that is not the role's. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_drop(const struct sluice_migrate_options *options,
                                                      struct sluice_error *error);

/* The newest version of the library set in this library: what sluice.schema_migrations holds after
 * slu_migrate_up. */
int64_t slu_library_set_version(void);

#endif
