/* SPDX-License-Identifier: MIT */
/*
 * script_directory.h - a directory of migration scripts that lives as long as a test.
 */
#ifndef TESTS_SCRIPT_DIRECTORY_H
#define TESTS_SCRIPT_DIRECTORY_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct script_directory {
	char path[64];
};

static inline struct script_directory script_directory_make(void)
{
	struct script_directory directory = {"/tmp/sluice-test-XXXXXX"};

	if (mkdtemp(directory.path) == NULL)
		abort();
	return directory;
}

static inline void script_directory_add_bytes(const struct script_directory *directory,
                                              const char *file, const char *bytes, size_t size)
{
	char path[320];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", directory->path, file);
	stream = fopen(path, "w");
	if (stream == NULL || fwrite(bytes, 1, size, stream) != size || fclose(stream) != 0)
		abort();
}

static inline void script_directory_add(const struct script_directory *directory, const char *file,
                                        const char *text)
{
	script_directory_add_bytes(directory, file, text, strlen(text));
}

static inline int script_directory_remove_entry(const char *path, const struct stat *about,
                                                int kind, struct FTW *place)
{
	(void)about;
	(void)kind;
	(void)place;
	return remove(path);
}

static inline void script_directory_remove(const struct script_directory *directory)
{
	nftw(directory->path, script_directory_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
