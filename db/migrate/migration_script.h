/* SPDX-License-Identifier: MIT */
/*
 * migration_script.h - one migration script: may it run inside a transaction, and where did it
 * fail.
 */
#ifndef DB_MIGRATE_MIGRATION_SCRIPT_H
#define DB_MIGRATE_MIGRATION_SCRIPT_H

#include "db/migrate/migration_set.h"

#include <libpq-fe.h>

/* Returns SLUICE_INVALID, with file and line in `error`, when a statement of the script can't be
 * part of our transaction: transaction control, CONCURRENTLY, COPY from or to the client. What else
 * the server refuses inside a transaction, it refuses itself and harmlessly. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_script_check(const struct slu_migration_script *script, struct sluice_error *error);

/* Runs the script, which has passed the check, inside the transaction that `connection` has open.
 * Returns SLUICE_OK or SLUICE_FAILED, with file, line, the server's message and SQLSTATE in
 * `error`; then the transaction can only be rolled back.  Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_script_run(const struct slu_migration_script *script, PGconn *connection,
                         struct sluice_error *error);

#endif
