/* SPDX-License-Identifier: MIT */
/*
 * lane_folder.h - a directory for lane files, the file of a run that died in it, and a file system
 * whose n-th call fails.
 */
#ifndef TESTS_UNIT_LANE_FOLDER_H
#define TESTS_UNIT_LANE_FOLDER_H

#include "world.h"

#include "core/file/format.h"
#include "core/file/reader.h"
#include "core/file/system.h"

#define FOLDER_LANES 2
#define FOLDER_SLOTS 64
#define FOLDER_SLOT_SIZE 128

struct lane_folder {
	struct world world;
	char path[64];
	struct slu_directory directory; /* open, owned */
	struct slu_generation generation;
	struct sluice_uuid id;
	struct sluice_error error;
};

/* Makes a directory on tmpfs and opens it. */
void folder_init(struct lane_folder *folder);
/* Removes it with all that is in it. */
void folder_free(struct lane_folder *folder);

/* Makes the file of a new run; then `count` events of `lane` are put as an engine puts them. */
enum sluice_status folder_create(struct lane_folder *folder);
void folder_put(struct lane_folder *folder, size_t lane, uint64_t count);
struct slu_slot *folder_slot(struct lane_folder *folder, size_t lane, uint64_t position);

/* Reads the run's file. Close the reader. */
struct slu_reader folder_read(struct lane_folder *folder);
/* The verdict alone. */
enum slu_verdict folder_verdict(struct lane_folder *folder);

/* Opens the run's file for damage. */
int folder_open_file(struct lane_folder *folder);

size_t open_descriptors(void);

/* ---- a file system that fails ---- */

/* As the system's, but call number `at` fails with `cause`, and, if `sticky`, all after it. Counts from
 * 1, closing and unmapping apart, which never fail. `at` 0: none does. */
void failing_set(size_t at, int cause, bool sticky);
size_t failing_calls(void); /* since then */
extern const struct slu_file_system failing_file_system;

#endif
