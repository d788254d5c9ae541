/* SPDX-License-Identifier: MIT */
/*
 * migration_alone.h - the step of a script that can't be in a transaction.
 *
 *      session lock; version = target, dirty; statement; statement; ..; version clean; unlock
 *
 * That is golang-migrate's way for all scripts. A process that dies in between, or a statement that
 * fails, leaves the database dirty at the target (for a script that takes a version back, that is
 * the version below), and nobody but an operator can know what of the script is done. The error
 * says what to look at, and the command that ends it.
 *
 * It needs a session of its own: behind a transaction pooler it is refused before anything ran.
 */
#ifndef DB_MIGRATE_MIGRATION_ALONE_H
#define DB_MIGRATE_MIGRATION_ALONE_H

#include "db/migrate/migration_run.h"

/* slu_migration_run_step for such a script. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_alone_step(struct slu_migration_run *run,
                                                              const struct slu_migration_step *step,
                                                              struct sluice_error *error);

/* The names of indexes that a failed CREATE INDEX CONCURRENTLY left, quoted for SQL, with ", "
 * between them: those that are INVALID and that nobody is building. NULL for none, also when the
 * server does not tell. Free it. */
char *slu_migration_invalid_indexes(PGconn *connection);

#endif
