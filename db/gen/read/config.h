/* SPDX-License-Identifier: MIT */
/*
 * config.h - sqlc's own configuration file, read for what has a meaning in C.
 *
 *      version 2   sql: [- engine, schema, queries, gen.go.{package,overrides}, ..]
 *      version 1   packages: [- engine, schema, queries, name], overrides
 *
 * Looked for as sqlc does: sqlc.yaml, sqlc.yml, sqlc.json. `schema` and `queries` are a path or a
 * list of paths, each a file or a directory, relative to the file. An override with `nullable: true`
 * for a `column` makes it nullable here; `false` never takes NULL away, since sqlc does not read it.
 * Go types are passed over.
 */
#ifndef DB_GEN_READ_CONFIG_H
#define DB_GEN_READ_CONFIG_H

#include "db/gen/read/source.h"

/* A column that may hold NULL, whatever the catalog says. */
struct slu_override {
	char *column; /* schema.table.column or table.column */
};

/* One entry of `sql`. */
struct slu_config_set {
	char **schemas; /* paths, from where we stand */
	size_t schema_count;
	char **query_files; /* the .sql files, in order of their names */
	size_t query_file_count;
	struct slu_override *overrides;
	size_t override_count;
};

struct slu_config {
	struct slu_source source;
	struct slu_config_set *sets;
	size_t set_count;
};

/* Reads `path`, NULL for the usual names in the current directory. Returns as slu_query_file_read;
 * free it in any case. */
SLUICE_MUST_CHECK enum sluice_status slu_config_read(struct slu_config *config, const char *path,
                                                     struct slu_findings *findings);
void slu_config_free(struct slu_config *config);

#endif
