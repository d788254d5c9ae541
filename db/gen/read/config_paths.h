/* SPDX-License-Identifier: MIT */
/* config_paths.h - the paths of a configuration, from where we stand. */
#ifndef DB_GEN_READ_CONFIG_PATHS_H
#define DB_GEN_READ_CONFIG_PATHS_H

#include <stdbool.h>
#include <stddef.h>

struct slu_paths {
	char **paths;
	size_t count;
};

/* Adds what `written` names, relative to the folder of the file `config`: itself, or all that match
 * it if it has *, ? or [ in it. Nothing is added when nothing is there. Returns false when out of
 * memory. */
bool slu_paths_add(struct slu_paths *paths, const char *config, const char *written);

/* Puts the .sql files of a directory in place of the directory, in order of their names; neither
 * hidden ones nor .down.sql. Returns false, with errno set, when it can't be read. */
bool slu_paths_list(struct slu_paths *files, const char *path);

void slu_paths_free(struct slu_paths *paths);

#endif
