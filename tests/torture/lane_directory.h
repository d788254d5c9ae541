/* SPDX-License-Identifier: MIT */
/* lane_directory.h - a directory for lanes in /dev/shm, gone when the test is. */
#ifndef TESTS_TORTURE_LANE_DIRECTORY_H
#define TESTS_TORTURE_LANE_DIRECTORY_H

#include <sluice/sluice.h>

struct lane_directory {
	char path[64];
};

/* Makes it, empty. Aborts when that can't be. */
void lane_directory_make(struct lane_directory *directory);
/* Removes it with all that is in it. */
void lane_directory_remove(const struct lane_directory *directory);
/* Removes what is in it. */
void lane_directory_clear(const struct lane_directory *directory);

/* Lane files in it; of the newest, the name without ".lanes" in `newest` (37 bytes; may be NULL).
 * */
size_t lane_directory_files(const struct lane_directory *directory, char *newest);
/* Files in its quarantine. */
size_t lane_directory_quarantined(const struct lane_directory *directory);

/* Opens an instance there: "dir=.. " and `options`. Prints why and exits with 1 if it can't be. */
struct sluice *lane_directory_open(const struct lane_directory *directory, struct sluice_sink *sink,
                                   const struct sluice_streams *streams, const char *options);

/* A lane of it, or the same end. */
struct sluice_lane *lane_directory_attach(struct sluice *sluice);

#endif
