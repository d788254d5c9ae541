/* SPDX-License-Identifier: MIT */
/*
 * migration_verify.h - tries a set of migrations on a server of its own: each up, down, and up
 * again, with rows in the tables.
 *
 * A down script that nobody ever ran is a hope. Most fail for one of two reasons: they forget
 * something that the up script made, or they only work while the tables are empty (a UNIQUE that
 * the rows no longer satisfy, a NOT NULL without a default). So:
 *
 *      for each version:
 *        dump A -> up -> dump B -> seed -> [ down -> dump = A? -> up -> dump = B? ]
 *      then, with all rows in place:  down to nothing -> first A? -> up to the end -> last B?
 *
 * What is in brackets happens in a copy of the database, so that each version meets the rows of all
 * seeds before it, whatever its own down script deletes.
 *
 * A seed is a script VERSION_title.seed.sql beside the migrations. golang-migrate and Sluice's
 * runner pass over such names. It need not be more than a few rows: one in each new table, one NULL
 * in each column that may be NULL, the keys that refer to other tables.
 */
#ifndef DB_AUTHOR_MIGRATION_VERIFY_H
#define DB_AUTHOR_MIGRATION_VERIFY_H

#include "db/migrate/migrate.h"

#include <stdio.h>

/* Verifies the user set of `options` (directory or files, and the stop flag; the server is
 * our own and gone afterwards). Prints a line for each version to `answer`, the difference if there
 * is one, and in the end what was verified.
 *
 * A version without a down script goes only up, and the last line says so. Where a table comes back
 * with its columns in another order, that is said but accepted: ADD COLUMN can't do better.
 *
 * Returns SLUICE_OK; SLUICE_INVALID when a script fails or leaves another schema than it should, or
 * a seed has no migration; SLUICE_FAILED when there is no server, no pg_dump, or the system
 * refused.  Progress: blocking, starts programs; call it from a thread that stays, see
 * db/server/disposable.h. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_verify(const struct sluice_migrate_options *options, FILE *answer,
                     struct sluice_error *error);

#endif
