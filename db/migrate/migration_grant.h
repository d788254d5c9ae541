/* SPDX-License-Identifier: MIT */
/* migration_grant.h - which right a role lacks when the server refused it something. */
#ifndef DB_MIGRATE_MIGRATION_GRANT_H
#define DB_MIGRATE_MIGRATION_GRANT_H

#include "db/migrate/migration_run.h"

/* Adds to `error` what would help, when the last failure of `run` was one that has a known cause
 * outside of the scripts: a missing right, a server that only reads. Outside of a transaction. */
void slu_migration_grant_add(struct slu_migration_run *run, struct sluice_error *error);

#endif
