/* SPDX-License-Identifier: MIT */
/* config_paths.c - joins, matches and lists paths. */
#include "db/gen/read/config_paths.h"

#include "db/gen/read/query_tokens.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Owns `path`, also when it fails. */
static bool add(struct slu_paths *paths, char *path)
{
	char **room = path == NULL ? NULL : slu_room(paths->paths, paths->count, sizeof(*room));

	if (room == NULL) {
		free(path);
		return false;
	}
	paths->paths = room;
	room[paths->count++] = path;
	return true;
}

/* `written` as seen from here, without ./ before it and slashes behind it. NULL when out of
 * memory. */
static char *join(const char *config, const char *written)
{
	const char *slash = strrchr(config, '/');
	size_t folder = slash == NULL || written[0] == '/' ? 0 : (size_t)(slash - config) + 1;
	size_t size;
	char *path;

	while (written[0] == '.' && written[1] == '/') {
		written += 2;
		while (written[0] == '/')
			written++;
	}
	if (written[0] == '\0')
		written = ".";
	size = strlen(written);
	while (size > 1 && written[size - 1] == '/')
		size--;
	path = malloc(folder + size + 1);
	if (path == NULL)
		return NULL;
	memcpy(path, config, folder);
	memcpy(path + folder, written, size);
	path[folder + size] = '\0';
	return path;
}

static bool add_matches(struct slu_paths *paths, const char *pattern)
{
	glob_t matches;
	int result = glob(pattern, 0, NULL, &matches);
	bool ok = result == 0 || result == GLOB_NOMATCH;
	size_t i;

	for (i = 0; result == 0 && ok && i < matches.gl_pathc; i++)
		ok = add(paths, strdup(matches.gl_pathv[i]));
	globfree(&matches);
	return ok;
}

bool slu_paths_add(struct slu_paths *paths, const char *config, const char *written)
{
	char *path = join(config, written);
	bool ok = path != NULL;
	struct stat about;

	if (ok && stat(path, &about) == 0)
		return add(paths, path);
	if (ok && strpbrk(path, "*?[") != NULL)
		ok = add_matches(paths, path);
	free(path);
	return ok;
}

static int is_query_file(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return entry->d_name[0] != '.' && size > 4 &&
	       strcmp(entry->d_name + size - 4, ".sql") == 0 &&
	       !(size > 9 && strcmp(entry->d_name + size - 9, ".down.sql") == 0);
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static bool list_directory(struct slu_paths *files, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_query_file, by_name);
	bool ok = count >= 0;
	int i;

	for (i = 0; i < count; i++) {
		char *file = NULL;

		if (ok)
			ok = asprintf(&file, "%s/%s", path, entries[i]->d_name) >= 0 &&
			     add(files, file);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

bool slu_paths_list(struct slu_paths *files, const char *path)
{
	struct stat about;

	if (stat(path, &about) != 0)
		return false;
	return S_ISDIR(about.st_mode) ? list_directory(files, path) : add(files, strdup(path));
}

void slu_paths_free(struct slu_paths *paths)
{
	size_t i;

	for (i = 0; i < paths->count; i++)
		free(paths->paths[i]);
	free(paths->paths);
	paths->paths = NULL;
	paths->count = 0;
}
