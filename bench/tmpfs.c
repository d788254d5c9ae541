/* SPDX-License-Identifier: MIT */
/* tmpfs.c - a directory of lanes, made and removed. */
#include "bench/tmpfs.h"

#include "bench/measure.h"

#include <dirent.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static char made[SLU_TMPFS_PATH_SIZE]; /* "": none */

/* Files only, but for the lock each of them is somebody's lanes. Returns how many of those. */
static size_t remove_files(void)
{
	size_t lanes = 0;
	DIR *directory = opendir(made);
	struct dirent *entry;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		lanes += strcmp(entry->d_name, "lock") != 0;
		(void)unlinkat(dirfd(directory), entry->d_name, 0);
	}
	closedir(directory);
	return lanes;
}

static void remove_at_exit(void)
{
	if (made[0] == '\0')
		return;
	(void)remove_files();
	(void)rmdir(made);
}

void slu_tmpfs_make(char path[SLU_TMPFS_PATH_SIZE])
{
	static bool registered;
	struct statfs system;

	if (statfs("/dev/shm", &system) != 0 || system.f_type != TMPFS_MAGIC)
		slu_measure_fail("/dev/shm is no tmpfs: mount one there to measure lanes on it");
	if (!registered && atexit(remove_at_exit) != 0)
		slu_measure_fail("no memory");
	registered = true;
	memcpy(made, "/dev/shm/sluice-bench-XXXXXX", sizeof("/dev/shm/sluice-bench-XXXXXX"));
	if (mkdtemp(made) == NULL) {
		made[0] = '\0';
		slu_measure_fail("no directory can be made in /dev/shm");
	}
	memcpy(path, made, sizeof(made));
}

void slu_tmpfs_remove(void)
{
	size_t lanes = remove_files();

	if (rmdir(made) != 0 || lanes > 0)
		slu_measure_fail("%zu files of lanes were left in %s", lanes, made);
	made[0] = '\0';
}
