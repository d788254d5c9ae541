/* SPDX-License-Identifier: MIT */
/* gen_config_folder.h - a folder to stand in, with a schema, queries and a configuration. */
#ifndef TESTS_UNIT_GEN_CONFIG_FOLDER_H
#define TESTS_UNIT_GEN_CONFIG_FOLDER_H

#include "db/gen/read/config.h"

/* For .init and .fini: the folder has db/migrations, db/queries with a.sql and b.sql (and others
 * that don't count), db/empty, db/one.sql. */
void folder_set_up(void);
void folder_tear_down(void);

void folder_write(const char *name, const char *text);

/* Reads a configuration; `path` as slu_config_read takes it. What was told is in `told`. */
extern char told[2048];
enum sluice_status read_config(struct slu_config *config, const char *path);

#endif
