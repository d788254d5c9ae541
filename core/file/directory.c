/* SPDX-License-Identifier: MIT */
/* directory.c - whose directory, which lock, which files. */
#include "core/file/directory.h"

#include "core/file/system.h"

#include <sluice/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define QUARANTINE "quarantine"
#define SUFFIX ".lanes"
#define SUFFIX_NEW ".lanes.new"
#define UUID_TEXT_SIZE 36

/* The numbers of statfs(2); linux/magic.h has most of them. */
#define TMPFS 0x01021994u
#define HUGETLBFS 0x958458f6u

/* Where a mapping is a network's or another program's to keep, or a lock is not everybody's. */
static const struct {
	uint32_t magic;
	const char *name;
} systems_refused[] = {
	{0x6969, "NFS"},
	{0xff534d42, "CIFS"},
	{0xfe534d42, "SMB"},
	{0x517b, "SMB"},
	{0x00c36400, "Ceph"},
	{0x01021997, "9P"},
	{0x65735546, "FUSE"},
	{0x5346414f, "AFS"},
	{0x73757245, "Coda"},
	{0x0bd00bd0, "Lustre"},
	{0x47504653, "GPFS"},
	{0x01161970, "GFS2"},
	{0x7461636f, "OCFS2"},
	{0x786f4256, "a virtual machine's shared folder"},
	{0xbacbacbc, "a virtual machine's shared folder"},
};

/* That copy on write. */
static const uint32_t systems_copying[] = {
	0x9123683e, /* btrfs */
	0x2fc12fc1, /* ZFS */
	0xca451a4e, /* bcachefs */
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static enum sluice_status fail(const struct slu_directory *directory, const char *what,
                               const char *name, struct sluice_error *error)
{
	int cause = errno;

	return sluice_error_set(error, SLUICE_FAILED, "%s%s%s: %s: %s", directory->path,
	                        name[0] != '\0' ? "/" : "", name, what, strerror(cause));
}

static enum sluice_status distrust(const struct slu_directory *directory, const char *why,
                                   struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID, "%s can't hold lanes: %s", directory->path,
	                        why);
}

/* ---- open: the directory itself ---- */

static enum sluice_status check_owner(const struct slu_directory *directory,
                                      struct sluice_error *error)
{
	struct stat stat;

	if (directory->env->files->stat(directory->fd, &stat) != 0)
		return fail(directory, "looking at it", "", error);
	if (stat.st_uid != geteuid())
		return distrust(directory, "it belongs to another user", error);
	if ((stat.st_mode & 07777) != 0700)
		return distrust(directory, "it must be closed to others: chmod 0700", error);
	return SLUICE_OK;
}

static enum sluice_status refuse_system(const struct slu_directory *directory, const char *name,
                                        struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID,
	                        "%s can't hold lanes: it is on %s, which does not keep a mapping "
	                        "when the process dies; use tmpfs or a local disk",
	                        directory->path, name);
}

static void tell_risk(struct slu_directory *directory, uint32_t magic)
{
	const char *risk = "puts may wait while its pages are written back; tmpfs never does";

	for (size_t i = 0; i < COUNT_OF(systems_copying); i++)
		if (systems_copying[i] == magic)
			risk = "it copies on write: when the disk is full, a put may kill the "
			       "process";
	snprintf(directory->risk, sizeof(directory->risk), "%.60s is not on tmpfs: %s",
	         directory->path, risk);
}

/* What keeps the file from being an ordinary local one. */
static enum sluice_status check_system(struct slu_directory *directory, struct sluice_error *error)
{
	struct statfs stat;
	uint32_t magic;

	if (directory->env->files->stat_system(directory->fd, &stat) != 0)
		return fail(directory, "looking at its file system", "", error);
	magic = (uint32_t)stat.f_type;
	for (size_t i = 0; i < COUNT_OF(systems_refused); i++)
		if (systems_refused[i].magic == magic)
			return refuse_system(directory, systems_refused[i].name, error);
	directory->page_size = magic == HUGETLBFS ? (size_t)stat.f_bsize : 4096;
	if (magic != TMPFS && magic != HUGETLBFS)
		tell_risk(directory, magic);
	return SLUICE_OK;
}

/* Without slashes at the end: behind a link they would make the system follow it. */
static enum sluice_status take_path(struct slu_directory *directory, const char *path,
                                    struct sluice_error *error)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	if (size >= sizeof(directory->path))
		return sluice_error_set(error, SLUICE_INVALID,
		                        "the directory's name has %zu bytes; %zu are possible",
		                        size, sizeof(directory->path) - 1);
	memcpy(directory->path, path, size);
	return SLUICE_OK;
}

static enum sluice_status open_itself(struct slu_directory *directory, enum slu_directory_use use,
                                      struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;
	enum sluice_status status;

	if (use == SLU_DIRECTORY_OWN &&
	    files->make_directory_at(AT_FDCWD, directory->path, 0700) != 0 && errno != EEXIST)
		return fail(directory, "making it, but none above it", "", error);
	directory->fd = files->open_at(AT_FDCWD, directory->path,
	                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (directory->fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return distrust(directory, "it is a link, or no directory", error);
	if (directory->fd < 0)
		return fail(directory, "opening it", "", error);
	status = check_owner(directory, error);
	return status == SLUICE_OK ? check_system(directory, error) : status;
}

/* ---- open: the lock ---- */

/* Always as long, so that one write replaces what a former holder left, and nobody reads half of
 * it. */
static void print_holder(struct slu_directory *directory)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "%-20d\n", (int)getpid());

	/* Only the text of an error message: if it can't be written, that is poorer. */
	(void)directory->env->files->write(directory->lock_fd, text, (size_t)size, 0);
}

static enum sluice_status tell_holder(struct slu_directory *directory, int fd,
                                      struct sluice_error *error)
{
	char text[32] = {0}, holder[48] = "another process";
	long pid = 0;

	if (directory->env->files->read(fd, text, sizeof(text) - 1, 0) > 0)
		pid = strtol(text, NULL, 10);
	directory->env->files->close(fd);
	if (pid > 0)
		snprintf(holder, sizeof(holder), "process %ld", pid);
	return sluice_error_set(error, SLUICE_BUSY,
	                        "%s is held by %s: one process at a time carries what lies there. "
	                        "End it, or use another directory",
	                        directory->path, holder);
}

static enum sluice_status take_lock(struct slu_directory *directory, struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;
	struct stat opened, named;
	int fd = files->open_at(directory->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	                        0600);

	if (fd < 0)
		return fail(directory, "opening it", LOCK_NAME, error);
	if (files->lock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return tell_holder(directory, fd, error);
		files->close(fd);
		return fail(directory, "locking it", LOCK_NAME, error);
	}
	/* Somebody removed and made it anew in between: two locks, two holders. */
	if (files->stat(fd, &opened) != 0 ||
	    files->stat_at(directory->fd, LOCK_NAME, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
	    opened.st_ino != named.st_ino || opened.st_dev != named.st_dev) {
		files->close(fd);
		return distrust(directory, "its lock file was replaced while it was taken", error);
	}
	directory->lock_fd = fd;
	print_holder(directory);
	return SLUICE_OK;
}

enum sluice_status slu_directory_open(struct slu_directory *directory, struct slu_env *env,
                                      const char *path, enum slu_directory_use use,
                                      struct sluice_error *error)
{
	enum sluice_status status;

	memset(directory, 0, sizeof(*directory));
	directory->env = env;
	directory->fd = -1;
	directory->lock_fd = -1;
	status = take_path(directory, path, error);
	if (status == SLUICE_OK)
		status = open_itself(directory, use, error);
	if (status == SLUICE_OK && use == SLU_DIRECTORY_OWN)
		status = take_lock(directory, error);
	if (status != SLUICE_OK)
		slu_directory_close(directory);
	return status;
}

void slu_directory_close(struct slu_directory *directory)
{
	if (directory->lock_fd >= 0)
		directory->env->files->close(directory->lock_fd);
	if (directory->fd >= 0)
		directory->env->files->close(directory->fd);
	directory->lock_fd = -1;
	directory->fd = -1;
}

void slu_directory_forget(struct slu_directory *directory)
{
	slu_directory_close(directory); /* closing a copy of the descriptor leaves the lock alone */
}

/* ---- files ---- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t size = strlen(name), tail = strlen(suffix);

	return size == UUID_TEXT_SIZE + tail && strcmp(name + size - tail, suffix) == 0;
}

static DIR *open_listing(const struct slu_directory *directory, const char *below)
{
	int fd = directory->env->files->open_at(directory->fd, below,
	                                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	DIR *listing = fd >= 0 ? directory->env->files->open_listing(fd) : NULL;

	if (fd >= 0 && listing == NULL)
		directory->env->files->close(fd);
	return listing;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool add_name(struct slu_listing *listing, const char *name)
{
	char(*names)[SLU_FILE_NAME_SIZE] = realloc(listing->names,
	                                           (listing->count + 1) * sizeof(*names));

	if (names == NULL)
		return false;
	listing->names = names;
	memcpy(names[listing->count++], name, strlen(name) + 1); /* as long as SUFFIX lets it */
	return true;
}

enum sluice_status slu_directory_list(const struct slu_directory *directory,
                                      struct slu_listing *listing, struct sluice_error *error)
{
	DIR *open = open_listing(directory, ".");
	const struct dirent *entry;
	bool complete = open != NULL;

	memset(listing, 0, sizeof(*listing));
	while (complete && (errno = 0, entry = readdir(open)) != NULL)
		if (ends_with(entry->d_name, SUFFIX))
			complete = add_name(listing, entry->d_name);
	if (!complete || errno != 0) {
		enum sluice_status status = fail(directory, "listing it", "", error);

		if (open != NULL)
			closedir(open);
		slu_listing_free(listing);
		return status;
	}
	closedir(open);
	open = open_listing(directory, QUARANTINE);
	while (open != NULL && (entry = readdir(open)) != NULL)
		listing->quarantined += entry->d_name[0] != '.';
	if (open != NULL)
		closedir(open);
	if (listing->count > 0)
		qsort(listing->names, listing->count, sizeof(*listing->names), by_name);
	return SLUICE_OK;
}

void slu_listing_free(struct slu_listing *listing)
{
	free(listing->names);
	listing->names = NULL;
	listing->count = 0;
}

enum sluice_status slu_directory_clean(struct slu_directory *directory, struct sluice_error *error)
{
	DIR *open = open_listing(directory, ".");
	enum sluice_status status = SLUICE_OK;
	const struct dirent *entry;

	if (open == NULL)
		return fail(directory, "listing it", "", error);
	while (status == SLUICE_OK && (errno = 0, entry = readdir(open)) != NULL)
		if (ends_with(entry->d_name, SUFFIX_NEW) &&
		    directory->env->files->unlink_at(directory->fd, entry->d_name) != 0)
			status = fail(directory, "removing it", entry->d_name, error);
	if (status == SLUICE_OK && errno != 0)
		status = fail(directory, "listing it", "", error);
	closedir(open);
	return status;
}

enum sluice_status slu_directory_remove(struct slu_directory *directory, const char *name,
                                        struct sluice_error *error)
{
	if (directory->env->files->unlink_at(directory->fd, name) != 0 && errno != ENOENT)
		return fail(directory, "removing it", name, error);
	if (directory->env->files->sync(directory->fd) != 0)
		return fail(directory, "removing it for good", name, error);
	return SLUICE_OK;
}

bool slu_directory_rename(struct slu_directory *directory, const char *from, int below,
                          const char *to)
{
	const struct slu_file_system *files = directory->env->files;
	struct stat stat;

	if (files->rename_at(directory->fd, from, below, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL) /* a file system that does not know RENAME_NOREPLACE */
		return false;
	/* Nobody else makes names here: the directory is locked. */
	if (files->stat_at(below, to, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return false;
	}
	return errno == ENOENT && files->rename_at(directory->fd, from, below, to, 0) == 0;
}

enum sluice_status slu_directory_quarantine(struct slu_directory *directory, const char *name,
                                            struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;
	int below;
	bool moved;

	if (files->make_directory_at(directory->fd, QUARANTINE, 0700) != 0 && errno != EEXIST)
		return fail(directory, "making it", QUARANTINE, error);
	below = files->open_at(directory->fd, QUARANTINE,
	                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (below < 0)
		return fail(directory, "opening it", QUARANTINE, error);
	moved = slu_directory_rename(directory, name, below, name) && files->sync(below) == 0 &&
	        files->sync(directory->fd) == 0;
	if (!moved)
		(void)fail(directory, "moving it to quarantine/", name, error);
	files->close(below);
	return moved ? SLUICE_OK : SLUICE_FAILED;
}
