/* SPDX-License-Identifier: MIT */
/*
 * migration_set.h - a set of migrations: numbered pairs of SQL scripts, from a directory or from
 * the program itself.
 *
 * File names are golang-migrate's: VERSION_TITLE.up.EXT and VERSION_TITLE.down.EXT, VERSION in
 * decimal digits, `0001` and `1` alike. Names of any other form are passed over, subdirectories
 * too. Versions are ordered as numbers. A version may have only one of the two scripts.
 */
#ifndef DB_MIGRATE_MIGRATION_SET_H
#define DB_MIGRATE_MIGRATION_SET_H

#include <sluice/migrate.h>

/* Written by embed.cmake. The first is part of the program, the second of the library. */
extern const struct sluice_migration_file slu_embedded_migrations[]; /* db/migrations */
extern const size_t slu_embedded_migrations_count;
extern const struct sluice_migration_file slu_embedded_sluice[]; /* db/sluice */
extern const size_t slu_embedded_sluice_count;

#define SLU_SHA256_TEXT_SIZE 65

struct slu_migration_script {
	char *file;  /* its name, without the directory */
	char *title; /* the part that tells what it does */
	char *text;  /* NUL-terminated, without a NUL inside; NULL when the version has no such
	                script */
	size_t size;
	char sha256[SLU_SHA256_TEXT_SIZE]; /* of `text`, in hex; "" until slu_migration_history_hash
	                                      fills it in, and without a script */
};

struct slu_migration {
	int64_t version; /* >= 0 */
	struct slu_migration_script up;
	struct slu_migration_script down;
};

struct slu_migration_set {
	struct slu_migration *migrations; /* by version, each once */
	size_t count;
	char *directory; /* they came from; NULL when they are part of a program */
};

/* Reads the files of `directory`. Returns SLUICE_OK; SLUICE_INVALID when two files are one version
 * and direction, a version is above 2^63 - 1, a script holds a NUL byte, or there is no migration
 * at all; SLUICE_FAILED when the system refused. Unless SLUICE_OK the set is empty. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_set_read(struct slu_migration_set *set,
                                                            const char *directory,
                                                            struct sluice_error *error);

/* The same for files inside the program. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_set_embedded(struct slu_migration_set *set, const struct sluice_migration_file *files,
                           size_t file_count, struct sluice_error *error);

/* The index of `version`, or `count` when the set does not have it. */
size_t slu_migration_set_find(const struct slu_migration_set *set, int64_t version);

void slu_migration_set_free(struct slu_migration_set *set);

#endif
