/* SPDX-License-Identifier: MIT */
/* migrate_call.h - one call of the runner: the user set on a connection of its own. */
#ifndef DB_MIGRATE_MIGRATE_CALL_H
#define DB_MIGRATE_MIGRATE_CALL_H

#include "db/migrate/migration_run.h"

struct slu_migrate_call {
	struct slu_migration_run run;
	PGconn *connection;
};

/* Reads the files and connects. End the call also on failure, as after each of these. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_call_connect(struct slu_migrate_call *call,
                         const struct sluice_migrate_options *options, struct sluice_error *error);

/* And attaches the user set. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_call_begin(struct slu_migrate_call *call, const struct sluice_migrate_options *options,
                       struct sluice_error *error);

/* The same without files. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_call_begin_bare(struct slu_migrate_call *call,
                            const struct sluice_migrate_options *options,
                            struct sluice_error *error);

/* Begins, looks, and refuses a dirty database. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_call_look(struct slu_migrate_call *call, const struct sluice_migrate_options *options,
                      struct sluice_error *error);

void slu_migrate_call_end(struct slu_migrate_call *call);

#endif
