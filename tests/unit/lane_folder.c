/* SPDX-License-Identifier: MIT */
/* lane_folder.c - a run's file made by hand, without an instance. */
#include "lane_folder.h"

#include "core/lane.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void folder_init(struct lane_folder *folder)
{
	world_init(&folder->world);
	folder->world.env.files = &slu_file_system;
	strcpy(folder->path, "/dev/shm/sluice-folder-XXXXXX");
	cr_assert_not_null(mkdtemp(folder->path));
	assert_status(slu_directory_open(&folder->directory, &folder->world.env, folder->path,
	                                 SLU_DIRECTORY_OWN, &folder->error),
	              SLUICE_OK);
	sluice_uuid7(&folder->id);
}

void folder_free(struct lane_folder *folder)
{
	char command[96];

	slu_generation_close(&folder->generation, &folder->world.env);
	slu_directory_close(&folder->directory);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder->path);
	cr_assert_eq(system(command), 0);
}

enum sluice_status folder_create(struct lane_folder *folder)
{
	struct slu_generation_plan plan = {
		.generation = folder->id,
		.streams = &world_streams,
		.lane_count = FOLDER_LANES,
		.slot_count = FOLDER_SLOTS,
		.slot_size = FOLDER_SLOT_SIZE,
		.first_version = 1000,
	};

	return slu_generation_create(&folder->generation, &folder->world.env, &folder->directory,
	                             &plan, &folder->error);
}

struct slu_slot *folder_slot(struct lane_folder *folder, size_t lane, uint64_t position)
{
	return (struct slu_slot *)(void *)(folder->generation.lanes +
	                                   lane * folder->generation.lane_size +
	                                   position % FOLDER_SLOTS * FOLDER_SLOT_SIZE);
}

void folder_put(struct lane_folder *folder, size_t lane, uint64_t count)
{
	uint64_t first = atomic_load(&folder->generation.hints[lane].seen);

	for (uint64_t p = first; p < first + count; p++) {
		struct slu_slot *slot = folder_slot(folder, lane, p);
		struct event event = {.value = p};

		slot->epoch = 5 + p / 10;
		slot->length = sizeof(event);
		slot->stream = 1;
		memcpy(slot->record, &event, sizeof(event));
		atomic_store(&slot->seq, p + 1);
	}
	atomic_store(&folder->generation.hints[lane].seen, first + count);
	/* A lap is only begun when the one before is committed. */
	if (first + count >= FOLDER_SLOTS)
		atomic_store(&folder->generation.hints[lane].acknowledged,
		             first + count + 1 - FOLDER_SLOTS);
}

struct slu_reader folder_read(struct lane_folder *folder)
{
	struct slu_reader reader;

	assert_status(slu_reader_open(&reader, &folder->directory, folder->generation.name,
	                              &folder->error),
	              SLUICE_OK);
	return reader;
}

enum slu_verdict folder_verdict(struct lane_folder *folder)
{
	struct slu_reader reader = folder_read(folder);
	enum slu_verdict verdict = reader.verdict;

	cr_assert_eq(verdict == SLU_FILE_SOUND, reader.reason[0] == '\0', "%s", reader.reason);
	slu_reader_close(&reader);
	return verdict;
}

int folder_open_file(struct lane_folder *folder)
{
	int fd = openat(folder->directory.fd, folder->generation.name, O_RDWR | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	return fd;
}

size_t open_descriptors(void)
{
	DIR *listing = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(listing) != NULL)
		count++;
	closedir(listing);
	return count;
}

/* ---- a file system that fails ---- */

static struct {
	size_t at, calls;
	int cause;
	bool sticky;
} failing;

void failing_set(size_t at, int cause, bool sticky)
{
	failing.at = at;
	failing.calls = 0;
	failing.cause = cause;
	failing.sticky = sticky;
}

size_t failing_calls(void)
{
	return failing.calls;
}

static bool fails(void)
{
	failing.calls++;
	if (failing.at == 0 || failing.calls < failing.at ||
	    (failing.calls > failing.at && !failing.sticky))
		return false;
	errno = failing.cause;
	return true;
}

static int failing_open_at(int directory, const char *path, int flags, mode_t mode)
{
	return fails() ? -1 : slu_file_system.open_at(directory, path, flags, mode);
}

static int failing_make_directory_at(int directory, const char *path, mode_t mode)
{
	return fails() ? -1 : slu_file_system.make_directory_at(directory, path, mode);
}

static int failing_stat(int fd, struct stat *stat)
{
	return fails() ? -1 : slu_file_system.stat(fd, stat);
}

static int failing_stat_at(int directory, const char *path, struct stat *stat, int flags)
{
	return fails() ? -1 : slu_file_system.stat_at(directory, path, stat, flags);
}

static int failing_stat_system(int fd, struct statfs *stat)
{
	return fails() ? -1 : slu_file_system.stat_system(fd, stat);
}

static int failing_lock(int fd, int operation)
{
	return fails() ? -1 : slu_file_system.lock(fd, operation);
}

static int failing_allocate(int fd, off_t offset, off_t size)
{
	return fails() ? failing.cause : slu_file_system.allocate(fd, offset, size);
}

static int failing_truncate(int fd, off_t size)
{
	return fails() ? -1 : slu_file_system.truncate(fd, size);
}

static void *failing_map(size_t size, int fd)
{
	return fails() ? MAP_FAILED : slu_file_system.map(size, fd);
}

static int failing_advise(void *memory, size_t size, int advice)
{
	return fails() ? -1 : slu_file_system.advise(memory, size, advice);
}

static int failing_lock_memory(const void *memory, size_t size)
{
	return fails() ? -1 : slu_file_system.lock_memory(memory, size);
}

static ssize_t failing_read(int fd, void *bytes, size_t size, off_t offset)
{
	return fails() ? -1 : slu_file_system.read(fd, bytes, size, offset);
}

static ssize_t failing_write(int fd, const void *bytes, size_t size, off_t offset)
{
	return fails() ? -1 : slu_file_system.write(fd, bytes, size, offset);
}

static int failing_rename_at(int from_directory, const char *from, int to_directory, const char *to,
                             unsigned flags)
{
	return fails() ? -1
	               : slu_file_system.rename_at(from_directory, from, to_directory, to, flags);
}

static int failing_unlink_at(int directory, const char *path)
{
	return fails() ? -1 : slu_file_system.unlink_at(directory, path);
}

static int failing_sync(int fd)
{
	return fails() ? -1 : slu_file_system.sync(fd);
}

static DIR *failing_open_listing(int fd)
{
	return fails() ? NULL : slu_file_system.open_listing(fd);
}

const struct slu_file_system failing_file_system = {
	.open_at = failing_open_at,
	.close = close,
	.make_directory_at = failing_make_directory_at,
	.stat = failing_stat,
	.stat_at = failing_stat_at,
	.stat_system = failing_stat_system,
	.lock = failing_lock,
	.allocate = failing_allocate,
	.truncate = failing_truncate,
	.map = failing_map,
	.unmap = munmap,
	.advise = failing_advise,
	.lock_memory = failing_lock_memory,
	.read = failing_read,
	.write = failing_write,
	.rename_at = failing_rename_at,
	.unlink_at = failing_unlink_at,
	.sync = failing_sync,
	.open_listing = failing_open_listing,
};
