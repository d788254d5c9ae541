/* SPDX-License-Identifier: MIT */
/*
 * migration_seed.h - the rows that `verify` puts into the tables: VERSION_title.seed.sql.
 */
#ifndef DB_AUTHOR_MIGRATION_SEED_H
#define DB_AUTHOR_MIGRATION_SEED_H

#include "db/migrate/migrate.h"

struct slu_migration_seed {
	int64_t version;
	char *file; /* without the directory */
	char *text;
	size_t size;
};

struct slu_migration_seeds {
	struct slu_migration_seed *all; /* by name */
	size_t count;
};

/* Reads the seeds beside the user set of `options`, from directory or files. Returns SLUICE_OK,
 * SLUICE_INVALID, SLUICE_FAILED; free them in any case. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_seeds_read(struct slu_migration_seeds *seeds,
                         const struct sluice_migrate_options *options, struct sluice_error *error);
void slu_migration_seeds_free(struct slu_migration_seeds *seeds);

/* Runs a seed in one transaction. An error names file and line.  Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_seed_run(const struct slu_migration_seed *seed,
                                                            const char *conninfo,
                                                            struct sluice_error *error);

#endif
