/* SPDX-License-Identifier: MIT */
/* migration_folder.c - lists a directory, and reads files out of it. */
#include "db/author/migration_folder.h"

#include <sluice/sink.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum sluice_status out_of_memory(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED, "out of memory while reading migrations");
}

static bool is_directory(int fd, const char *file)
{
	struct stat about;

	return fstatat(fd, file, &about, 0) == 0 && S_ISDIR(about.st_mode);
}

static enum sluice_status add(struct slu_migration_folder *folder, const char *file,
                              struct sluice_error *error)
{
	struct slu_migration_entry *entry = &folder->entries[folder->count];
	enum sluice_status status = slu_migration_name_parse(file, &entry->name, error);

	if (status != SLUICE_OK || entry->name.kind == SLU_KIND_OTHER ||
	    is_directory(folder->fd, file))
		return status;
	entry->file = strdup(file);
	if (entry->file == NULL)
		return out_of_memory(error);
	folder->count++;
	return SLUICE_OK;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

enum sluice_status slu_migration_folder_open(struct slu_migration_folder *folder,
                                             const char *directory, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	struct dirent **listed = NULL;
	int count;
	int i;

	*folder = (struct slu_migration_folder){
		.fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	count = folder->fd < 0 ? -1 : scandirat(folder->fd, ".", &listed, NULL, by_name);
	if (count < 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "can't read the directory %s: %s. If it is the right one, "
		                        "make it: mkdir -p %s",
		                        directory, strerror(errno), directory);
	folder->entries = calloc((size_t)count + 1, sizeof(*folder->entries));
	if (folder->entries == NULL)
		status = out_of_memory(error);
	for (i = 0; i < count; i++) {
		if (status == SLUICE_OK)
			status = add(folder, listed[i]->d_name, error);
		free(listed[i]);
	}
	free(listed);
	return status;
}

void slu_migration_folder_free(struct slu_migration_folder *folder)
{
	size_t i;

	for (i = 0; i < folder->count; i++)
		free(folder->entries[i].file);
	free(folder->entries);
	if (folder->fd >= 0)
		close(folder->fd);
	*folder = (struct slu_migration_folder){.fd = -1};
}

/* Fills `*text` from `stream`; false when the system refuses or memory does. */
static bool read_all(FILE *stream, char **text, size_t *size)
{
	struct stat about;
	size_t capacity;

	if (fstat(fileno(stream), &about) != 0)
		return false;
	capacity = (size_t)about.st_size + 1;
	*text = malloc(capacity);
	if (*text == NULL)
		return false;
	*size = fread(*text, 1, capacity - 1, stream); /* what is appended meanwhile is left out */
	(*text)[*size] = '\0';
	return !ferror(stream);
}

enum sluice_status slu_migration_folder_read(const struct slu_migration_folder *folder,
                                             const struct slu_migration_entry *entry, char **text,
                                             size_t *size, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	/* Without blocking: it might be a pipe, of which we then read nothing. */
	int fd = openat(folder->fd, entry->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");

	*text = NULL;
	if (stream == NULL || !read_all(stream, text, size)) {
		status = sluice_error_set(error, SLUICE_FAILED, "can't read %s: %s", entry->file,
		                          strerror(errno));
		free(*text);
		*text = NULL;
	}
	if (stream != NULL)
		fclose(stream);
	else if (fd >= 0)
		close(fd);
	return status;
}
