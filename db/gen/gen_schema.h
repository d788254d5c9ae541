/* SPDX-License-Identifier: MIT */
/*
 * gen_schema.h - the files that a schema is made from: migrations, or plain SQL in order of name.
 */
#ifndef DB_GEN_GEN_SCHEMA_H
#define DB_GEN_GEN_SCHEMA_H

#include "db/gen/read/config.h"
#include "db/migrate/migration_set.h"

struct slu_gen_schema {
	const char *directory;        /* of the migrations; NULL for none. The configuration's */
	struct slu_migration_set set; /* its files */
	struct slu_source *files;     /* plain SQL, to be run after the migrations */
	size_t file_count;
};

/* Reads what `config` names as schema. Tells what is wrong, and returns SLUICE_INVALID or
 * SLUICE_FAILED then. Free it in any case. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_schema_read(struct slu_gen_schema *schema,
                                                         const struct slu_config_set *config,
                                                         struct slu_findings *findings);
void slu_gen_schema_free(struct slu_gen_schema *schema);

/* The newest migration's version, 0 for none. */
int64_t slu_gen_schema_version(const struct slu_gen_schema *schema);

/* Makes the schema in the empty database of `conninfo`. Tells what is wrong. `interrupted` as in
 * gen.h. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_schema_apply(const struct slu_gen_schema *schema,
                                                          const char *conninfo,
                                                          bool (*interrupted)(void),
                                                          struct slu_findings *findings);

#endif
