/* SPDX-License-Identifier: MIT */
/* lanes_folder.c - the directory, its lock's holder, its files.
 * The holder is looked up in the kernel's list of locks: trying the lock would, for a moment, hold
 * it against an engine that is just starting. The list has the processes that this one can see:
 * from within a container, its own. */
#include "cli/lanes_folder.h"

#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- the holder ---- */

/* "4: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF"; "-> " stands before one who waits. */
static bool reads_as(const char *line, const struct stat *locked, uint64_t *pid)
{
	unsigned device_major, device_minor;
	uint64_t inode;

	if (sscanf(line, "%*u: FLOCK %*s %*s %" SCNu64 " %x:%x:%" SCNu64, pid, &device_major,
	           &device_minor, &inode) != 4)
		return false;
	return inode == locked->st_ino && device_major == major(locked->st_dev) &&
	       device_minor == minor(locked->st_dev);
}

static uint64_t find_holder(const struct slu_directory *directory)
{
	FILE *locks = fopen("/proc/locks", "re");
	uint64_t pid, holder = 0;
	struct stat locked;
	char line[256];

	if (locks == NULL)
		return 0;
	if (fstatat(directory->fd, "lock", &locked, AT_SYMLINK_NOFOLLOW) == 0)
		while (holder == 0 && fgets(line, sizeof(line), locks) != NULL)
			if (reads_as(line, &locked, &pid))
				holder = pid;
	fclose(locks);
	return holder;
}

/* ---- the folder ---- */

enum sluice_status slu_lanes_folder_open(struct slu_lanes_folder *folder, const char *path,
                                         struct sluice_error *error)
{
	enum sluice_status status;

	*folder = (struct slu_lanes_folder){.directory = {.fd = -1, .lock_fd = -1}};
	folder->env = slu_env_system(error);
	if (folder->env == NULL)
		return SLUICE_FAILED;
	status = slu_directory_open(&folder->directory, folder->env, path, SLU_DIRECTORY_LOOK,
	                            error);
	if (status != SLUICE_OK)
		return status;
	/* First: a run that begins after this look has made its file after it, too. */
	status = slu_directory_list(&folder->directory, &folder->listing, error);
	folder->holder = find_holder(&folder->directory);
	return status;
}

void slu_lanes_folder_close(struct slu_lanes_folder *folder)
{
	slu_listing_free(&folder->listing);
	slu_directory_close(&folder->directory);
}

/* ---- a file ---- */

static bool is_gone(const struct slu_lanes_folder *folder, const char *name)
{
	return faccessat(folder->directory.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
	       errno == ENOENT;
}

enum sluice_status slu_lanes_folder_read(const struct slu_lanes_folder *folder, size_t index,
                                         struct slu_reader *reader,
                                         enum slu_lanes_presence *presence,
                                         struct sluice_error *error)
{
	const char *name = folder->listing.names[index];
	enum sluice_status status;

	*reader = (struct slu_reader){.env = folder->env, .fd = -1};
	*presence = SLU_LANES_THERE;
	status = slu_reader_open(reader, &folder->directory, name, error);
	if (status == SLUICE_OK) {
		if (folder->holder != 0 && reader->this_boot && reader->pid == folder->holder)
			*presence = SLU_LANES_IN_USE;
		return SLUICE_OK;
	}
	if (!is_gone(folder, name))
		return status;
	*presence = SLU_LANES_GONE;
	return SLUICE_OK;
}

const char *slu_lanes_verdict(const struct slu_reader *reader, enum slu_lanes_presence presence)
{
	return presence == SLU_LANES_IN_USE ? "in use" : slu_verdict_name(reader->verdict);
}

int slu_lanes_fail(const struct sluice_error *error)
{
	fprintf(stderr, "error: %s\n", error->message);
	return CLI_FAILED;
}
