/* SPDX-License-Identifier: MIT */
/*
 * migration_script.h - one migration script: may it run inside a transaction, and where did it
 * fail.
 */
#ifndef DB_MIGRATE_MIGRATION_SCRIPT_H
#define DB_MIGRATE_MIGRATION_SCRIPT_H

#include "db/migrate/migration_set.h"
#include "db/migrate/migration_watch.h"
#include "db/sql_script.h"

#include <libpq-fe.h>

/* In a comment before the first statement: run this script outside of a transaction. */
#define SLU_MIGRATION_DIRECTIVE "-- sluice: no-transaction"

/* Whether the script has to run outside of a transaction: because it says so, or because one of its
 * statements can't be in one (CREATE INDEX CONCURRENTLY, VACUUM, ALTER SYSTEM, ..) or ends or
 * begins one itself. What else the server refuses inside a transaction, it refuses harmlessly. */
bool slu_migration_script_alone(const struct slu_migration_script *script);

/* Returns SLUICE_INVALID, with file and line in `error`, when a statement of the script can't be
 * run by us at all: COPY from or to the client. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_script_check(const struct slu_migration_script *script, struct sluice_error *error);

#define SLU_SQLSTATE_SIZE 6

/* Runs the script, which has passed the check, inside the transaction that `connection` has open.
 * Returns SLUICE_OK or SLUICE_FAILED, with file, line, the server's message and SQLSTATE in
 * `error`; then the transaction can only be rolled back. `sqlstate` is "" when it is the connection
 * that failed.  Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_script_run(const struct slu_migration_script *script, PGconn *connection,
                         struct slu_migration_watch *watch, char sqlstate[SLU_SQLSTATE_SIZE],
                         struct sluice_error *error);

/* Runs one statement of the script, which ends at `end`, as a query of its own. As above, but
 * `error` tells only the cause: what that leaves behind, the caller knows. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_statement_run(const struct slu_migration_script *script,
                            const struct slu_sql_statement *statement, size_t end,
                            PGconn *connection, struct slu_migration_watch *watch,
                            char sqlstate[SLU_SQLSTATE_SIZE], struct sluice_error *error);

#endif
