/* SPDX-License-Identifier: MIT */
/*
 * migration_folder.h - the files of a directory of migrations, sorted by name, each with its kind.
 *
 * A migration_set is what the runner will do; this is what an author has written, mistakes and all.
 */
#ifndef DB_AUTHOR_MIGRATION_FOLDER_H
#define DB_AUTHOR_MIGRATION_FOLDER_H

#include "db/author/migration_name.h"

struct slu_migration_entry {
	char *file; /* without the directory */
	struct slu_migration_name name;
};

struct slu_migration_folder {
	int fd;
	struct slu_migration_entry *entries; /* subdirectories and files of no interest left out */
	size_t count;
};

/* Returns SLUICE_OK; SLUICE_INVALID when there is no such directory; SLUICE_FAILED. Free it in any
 * case. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_folder_open(struct slu_migration_folder *folder,
                                                               const char *directory,
                                                               struct sluice_error *error);
void slu_migration_folder_free(struct slu_migration_folder *folder);

/* Reads a file. `*text` is NUL-terminated, may have NULs inside, and is the caller's to free. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_folder_read(const struct slu_migration_folder *folder,
                          const struct slu_migration_entry *entry, char **text, size_t *size,
                          struct sluice_error *error);

#endif
