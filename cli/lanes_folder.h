/* SPDX-License-Identifier: MIT */
/*
 * lanes_folder.h - a directory of lanes' files, seen from outside: nothing is locked or changed,
 * and an engine may run in it meanwhile.
 *
 * The file of a living run is being written while it is read. Whatever a reader makes of it says
 * nothing: it is in use, never damaged.
 */
#ifndef CLI_LANES_FOLDER_H
#define CLI_LANES_FOLDER_H

#include "core/file/reader.h"

#include <stdio.h>

struct slu_lanes_folder {
	struct slu_env *env;
	struct slu_directory directory;
	struct slu_listing listing;
	uint64_t holder; /* the process that holds the directory's lock; 0 for none */
};

/* Returns SLUICE_OK, or another status with `error` filled. Close it in any case. */
enum sluice_status slu_lanes_folder_open(struct slu_lanes_folder *folder, const char *path,
                                         struct sluice_error *error);
void slu_lanes_folder_close(struct slu_lanes_folder *folder);

enum slu_lanes_presence {
	SLU_LANES_THERE,
	SLU_LANES_IN_USE, /* by the process that holds the lock */
	SLU_LANES_GONE,   /* since it was listed: all of it was carried */
};

/* Reads file number `index`. Close the reader in any case. */
enum sluice_status slu_lanes_folder_read(const struct slu_lanes_folder *folder, size_t index,
                                         struct slu_reader *reader,
                                         enum slu_lanes_presence *presence,
                                         struct sluice_error *error);

/* The verdict in a word. */
const char *slu_lanes_verdict(const struct slu_reader *reader, enum slu_lanes_presence presence);

/* Tells stderr what a command could not do, and why. Returns CLI_FAILED. */
int slu_lanes_fail(const struct sluice_error *error);

#endif
