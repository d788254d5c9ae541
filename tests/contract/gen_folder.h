/* SPDX-License-Identifier: MIT */
/*
 * gen_folder.h - a project of its own for a test of the generator: configuration, schema, queries
 * and what was generated, which the test then changes.
 *
 * Runs use the server of the test (tests/with_postgres.c). Failures here are the setup's: they
 * abort.
 */
#ifndef TESTS_CONTRACT_GEN_FOLDER_H
#define TESTS_CONTRACT_GEN_FOLDER_H

#include "db/gen/gen.h"

struct gen_folder {
	char path[64];
	struct slu_gen_options options; /* for the next run */
	char *answer;                   /* of the last run */
	char *errors;
};

/* Makes an empty one. */
void gen_folder_make(struct gen_folder *folder);
/* Makes a copy of the shipped db/. */
void gen_folder_copy_shipped(struct gen_folder *folder);
void gen_folder_remove(struct gen_folder *folder);

/* Writes a file; its folder is made. */
void gen_folder_put(const struct gen_folder *folder, const char *name, const char *text);
/* Reads a file, to be freed. NULL when there is none. */
char *gen_folder_get(const struct gen_folder *folder, const char *name);
/* Replaces the only `before` in a file. */
void gen_folder_change(const struct gen_folder *folder, const char *name, const char *before,
                       const char *after);

/* Runs the generator as `options` says, and keeps what it told. */
enum sluice_status gen_folder_run(struct gen_folder *folder);
/* The same, and only compares. */
enum sluice_status gen_folder_check(struct gen_folder *folder, bool no_database);

/* The root of the source tree. */
const char *gen_folder_root(void);

#endif
