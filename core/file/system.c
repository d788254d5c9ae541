/* SPDX-License-Identifier: MIT */
/* system.c - each call as the system has it. */
#include "core/file/system.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
	return openat(directory, path, flags, mode);
}

static int stat_fd(int fd, struct stat *stat)
{
	return fstat(fd, stat);
}

static int stat_at(int directory, const char *path, struct stat *stat, int flags)
{
	return fstatat(directory, path, stat, flags);
}

static void *map_shared(size_t size, int fd)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int unlink_at(int directory, const char *path)
{
	return unlinkat(directory, path, 0);
}

const struct slu_file_system slu_file_system = {
	.open_at = open_at,
	.close = close,
	.make_directory_at = mkdirat,
	.stat = stat_fd,
	.stat_at = stat_at,
	.stat_system = fstatfs,
	.lock = flock,
	.allocate = posix_fallocate,
	.truncate = ftruncate,
	.map = map_shared,
	.unmap = munmap,
	.advise = madvise,
	.lock_memory = mlock,
	.read = pread,
	.write = pwrite,
	.rename_at = renameat2,
	.unlink_at = unlink_at,
	.sync = fsync,
	.open_listing = fdopendir,
};
