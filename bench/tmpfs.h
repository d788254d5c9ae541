/* SPDX-License-Identifier: MIT */
/* tmpfs.h - a directory in /dev/shm for the lanes of a benchmark. */
#ifndef BENCH_TMPFS_H
#define BENCH_TMPFS_H

#include <stddef.h>

#define SLU_TMPFS_PATH_SIZE 64

/* Makes a directory that is removed, at the latest, when the program exits. One at a time. Fails
 * when /dev/shm is no tmpfs. */
void slu_tmpfs_make(char path[SLU_TMPFS_PATH_SIZE]);

/* Removes it. Fails when lanes are left in it: all was carried, so nothing may be. */
void slu_tmpfs_remove(void);

#endif
