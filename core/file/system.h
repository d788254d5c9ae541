/* SPDX-License-Identifier: MIT */
/*
 * system.h - the file system, as far as the core uses it.
 *
 * The seam where a test makes the n-th call fail. Each function is the system call of its name: the
 * same arguments, the same return value, errno on failure.
 */
#ifndef SLU_FILE_SYSTEM_H
#define SLU_FILE_SYSTEM_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

struct slu_file_system {
	int (*open_at)(int directory, const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	int (*make_directory_at)(int directory, const char *path, mode_t mode);
	int (*stat)(int fd, struct stat *stat);
	int (*stat_at)(int directory, const char *path, struct stat *stat, int flags);
	int (*stat_system)(int fd, struct statfs *stat);
	int (*lock)(int fd, int operation);
	int (*allocate)(int fd, off_t offset,
	                off_t size); /* returns an errno, as posix_fallocate */
	int (*truncate)(int fd, off_t size);
	void *(*map)(size_t size, int fd); /* shared, to read and write */
	int (*unmap)(void *memory, size_t size);
	int (*advise)(void *memory, size_t size, int advice);
	int (*lock_memory)(const void *memory, size_t size);
	ssize_t (*read)(int fd, void *bytes, size_t size, off_t offset);
	ssize_t (*write)(int fd, const void *bytes, size_t size, off_t offset);
	int (*rename_at)(int from_directory, const char *from, int to_directory, const char *to,
	                 unsigned flags);
	int (*unlink_at)(int directory, const char *path);
	int (*sync)(int fd);
	DIR *(*open_listing)(int fd); /* takes the descriptor */
};

/* The operating system's. */
extern const struct slu_file_system slu_file_system;

#endif
