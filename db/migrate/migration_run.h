/* SPDX-License-Identifier: MIT */
/*
 * migration_run.h - a version table on a connection, and the step from one version to the next.
 */
#ifndef DB_MIGRATE_MIGRATION_RUN_H
#define DB_MIGRATE_MIGRATION_RUN_H

#include "db/migrate/migrate.h"
#include "db/migrate/migration_set.h"

#include <libpq-fe.h>

struct slu_migration_run {
	PGconn *connection;
	FILE *progress;    /* or NULL */
	const char *label; /* before each progress line */
	char *schema;      /* of the version table */
	char *table;       /* with its schema, quoted for SQL */
	bool table_exists;
	struct slu_migrate_state state;
};

/* As golang-migrate's */
#define SLU_MIGRATION_TABLE "schema_migrations"

enum slu_direction { SLU_UP, SLU_DOWN };

static inline const struct slu_migration_script *
slu_migration_side(const struct slu_migration *migration, enum slu_direction direction)
{
	return direction == SLU_UP ? &migration->up : &migration->down;
}

/* The schema of the library set. */
#define SLU_MIGRATION_LIBRARY_SCHEMA "sluice"

/* `schema` holds the version table; NULL stands for the connection's current schema, which may not
 * be the library's. Free the run also when this fails. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_init(struct slu_migration_run *run,
                                                            PGconn *connection, FILE *progress,
                                                            const char *schema,
                                                            struct sluice_error *error);
void slu_migration_run_free(struct slu_migration_run *run);

/* Fills `run->state`. A table that does not exist yet is a database without a version. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_read(struct slu_migration_run *run,
                                                            struct sluice_error *error);

/* Runs the script of `migration` and makes `version` (-1 for none) the database's: both or neither.
 * The caller holds the lock. A migration without this script only moves the version. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_step(struct slu_migration_run *run,
                                                            enum slu_direction direction,
                                                            const struct slu_migration *migration,
                                                            int64_t version,
                                                            struct sluice_error *error);

#endif
