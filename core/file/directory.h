/* SPDX-License-Identifier: MIT */
/*
 * directory.h - the directory in which runs leave their lanes.
 *
 *      DIR/lock                      held by the living process; its pid is in it
 *      DIR/<generation>.lanes        one file a run (generation.h); gone once all is committed
 *      DIR/<generation>.lanes.new    being made: nobody has put into it yet
 *      DIR/quarantine/               damaged files, kept for an operator
 *
 * One process at a time. What is read back from here is untrusted: the directory must belong to
 * the process's user and be closed to all others (0700), is opened once, never through a link, and
 * every file is reached from that descriptor.
 */
#ifndef SLU_FILE_DIRECTORY_H
#define SLU_FILE_DIRECTORY_H

#include "core/env.h"

#define SLU_FILE_NAME_SIZE 64 /* "<generation>.lanes" with its terminator, and room */

struct slu_directory {
	struct slu_env *env;
	char path[SLUICE_TEXT_OPTION_SIZE];
	int fd;      /* -1 while not open */
	int lock_fd; /* -1 while not held */
	/* What the file system can do to puts, as a sentence for an operator: "" for tmpfs and
	 * hugetlbfs. */
	char risk[160];
	size_t page_size; /* of its mappings: a huge page's on hugetlbfs */
};

enum slu_directory_use {
	SLU_DIRECTORY_OWN,  /* made if it is missing, and locked */
	SLU_DIRECTORY_LOOK, /* must be there; not locked, nothing is changed */
};

/* Opens `path`. Returns SLUICE_OK; SLUICE_INVALID when it can't be trusted or its file system can't
 * hold lanes (a network's, FUSE); SLUICE_BUSY, with the holder's pid in `error`, when another
 * process or another instance holds it; SLUICE_FAILED with the system's reason. */
enum sluice_status slu_directory_open(struct slu_directory *directory, struct slu_env *env,
                                      const char *path, enum slu_directory_use use,
                                      struct sluice_error *error);
/* Gives the lock back, if it is held. */
void slu_directory_close(struct slu_directory *directory);
/* In a forked child: lets go of what it inherited, so that the lock ends with the parent. */
void slu_directory_forget(struct slu_directory *directory);

struct slu_listing {
	char (*names)[SLU_FILE_NAME_SIZE]; /* of lane files, oldest first */
	size_t count;
	size_t quarantined; /* files in quarantine/ */
};

/* Lists the lane files: in the order of their names, which is that of the runs (version 7
 * uuids). */
enum sluice_status slu_directory_list(const struct slu_directory *directory,
                                      struct slu_listing *listing, struct sluice_error *error);
void slu_listing_free(struct slu_listing *listing);

/* Removes files whose making was cut short: none of them has ever taken a record. */
enum sluice_status slu_directory_clean(struct slu_directory *directory, struct sluice_error *error);
/* Removes a lane file for good, also across a loss of power. Already gone: SLUICE_OK. */
enum sluice_status slu_directory_remove(struct slu_directory *directory, const char *name,
                                        struct sluice_error *error);
/* Renames a file, to a name in the directory `below`. Never replaces one. False with errno. */
bool slu_directory_rename(struct slu_directory *directory, const char *from, int below,
                          const char *to);
/* Moves a lane file to quarantine/. Never replaces one that is there. */
enum sluice_status slu_directory_quarantine(struct slu_directory *directory, const char *name,
                                            struct sluice_error *error);

#endif
