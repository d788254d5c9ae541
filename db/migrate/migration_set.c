/* SPDX-License-Identifier: MIT */
/* migration_set.c - gathers migration files into an ordered set.
 * One cycle: parse the name -> read the text -> add to the set; then sort. */
#include "db/migrate/migration_set.h"

#include <sluice/sink.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

struct name {
	int64_t version;
	bool down;
	const char *title; /* within the file name */
	size_t title_size;
};

enum name_form { NAME_OTHER, NAME_MIGRATION, NAME_TOO_LARGE };

/* ^([0-9]+)_(.*)\.(down|up)\.(.*)$ - greedy, so the last .up. or .down. is the direction. */
static enum name_form parse_name(const char *file, struct name *name)
{
	const char *at = file;
	const char *direction = NULL;
	bool too_large = false;

	name->version = 0;
	for (; *at >= '0' && *at <= '9'; at++)
		too_large |= __builtin_mul_overflow(name->version, 10, &name->version) ||
		             __builtin_add_overflow(name->version, *at - '0', &name->version);
	if (at == file || *at != '_')
		return NAME_OTHER;
	name->title = ++at;
	for (; *at != '\0'; at++) {
		bool down = strncmp(at, ".down.", 6) == 0;

		if (down || strncmp(at, ".up.", 4) == 0) {
			direction = at;
			name->down = down;
		}
	}
	if (direction == NULL)
		return NAME_OTHER;
	name->title_size = (size_t)(direction - name->title);
	return too_large ? NAME_TOO_LARGE : NAME_MIGRATION;
}

/* ---- the set ---- */

static enum sluice_status out_of_memory(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED, "out of memory while reading migrations");
}

/* The migration of `version`, made if need be. NULL when out of memory. */
static struct slu_migration *find_or_add(struct slu_migration_set *set, int64_t version)
{
	size_t index = slu_migration_set_find(set, version);
	struct slu_migration *migrations;

	if (index < set->count)
		return &set->migrations[index];
	migrations = realloc(set->migrations, (set->count + 1) * sizeof(*migrations));
	if (migrations == NULL)
		return NULL;
	set->migrations = migrations;
	memset(&migrations[set->count], 0, sizeof(*migrations));
	migrations[set->count].version = version;
	return &migrations[set->count++];
}

/* Adds a script. Owns `text` from here on, also when it fails. */
static enum sluice_status add(struct slu_migration_set *set, const char *file,
                              const struct name *name, char *text, size_t size,
                              struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	struct slu_migration *migration = find_or_add(set, name->version);
	struct slu_migration_script *script;

	if (migration == NULL) {
		free(text);
		return out_of_memory(error);
	}
	script = name->down ? &migration->down : &migration->up;
	if (script->text != NULL) {
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "duplicate migration file: %s is the same version and "
		                          "direction as %s; renumber one of them",
		                          file, script->file);
		free(text);
		return status;
	}
	script->text = text;
	script->size = size;
	script->file = strdup(file);
	script->title = strndup(name->title, name->title_size);
	if (script->file == NULL || script->title == NULL)
		return out_of_memory(error);
	if (memchr(text, '\0', size) != NULL)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "%s holds a NUL byte, which SQL cannot: is it UTF-16? Save "
		                        "it as UTF-8",
		                        file);
	return SLUICE_OK;
}

static int by_version(const void *left, const void *right)
{
	int64_t a = ((const struct slu_migration *)left)->version;
	int64_t b = ((const struct slu_migration *)right)->version;

	return (a > b) - (a < b);
}

/* Sorts what was read, or drops it if the reading failed. */
static enum sluice_status finish(struct slu_migration_set *set, enum sluice_status status)
{
	if (status != SLUICE_OK)
		slu_migration_set_free(set);
	else if (set->count > 0)
		qsort(set->migrations, set->count, sizeof(*set->migrations), by_version);
	return status;
}

size_t slu_migration_set_find(const struct slu_migration_set *set, int64_t version)
{
	size_t i = 0;

	while (i < set->count && set->migrations[i].version != version)
		i++;
	return i;
}

static void free_script(struct slu_migration_script *script)
{
	free(script->file);
	free(script->title);
	free(script->text);
}

void slu_migration_set_free(struct slu_migration_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		free_script(&set->migrations[i].up);
		free_script(&set->migrations[i].down);
	}
	free(set->migrations);
	free(set->directory);
	memset(set, 0, sizeof(*set));
}

/* ---- from the program ---- */

static enum sluice_status too_large(const char *file, struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID,
	                        "%s: the version is above 9223372036854775807; rename the file",
	                        file);
}

enum sluice_status slu_migration_set_embedded(struct slu_migration_set *set,
                                              const struct sluice_migration_file *files,
                                              size_t file_count, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < file_count && status == SLUICE_OK; i++) {
		struct name name;
		enum name_form form = parse_name(files[i].name, &name);
		char *text;

		if (form == NAME_OTHER)
			continue;
		if (form == NAME_TOO_LARGE) {
			status = too_large(files[i].name, error);
			break;
		}
		text = malloc(files[i].size + 1);
		if (text == NULL) {
			status = out_of_memory(error);
			break;
		}
		memcpy(text, files[i].text, files[i].size);
		text[files[i].size] = '\0';
		status = add(set, files[i].name, &name, text, files[i].size, error);
	}
	return finish(set, status);
}

/* ---- from a directory ---- */

/* Reads the rest of `fd`, of `size` bytes if nobody writes to it meanwhile, and one byte more. */
static char *read_text(int fd, size_t *size)
{
	size_t capacity = *size + 1;
	char *text = malloc(capacity);
	size_t used = 0;

	while (text != NULL) {
		ssize_t got = read(fd, text + used, capacity - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || (got > 0 && used + (size_t)got == capacity)) {
			errno = got < 0 ? errno : EAGAIN; /* it grew while it was read */
			free(text);
			return NULL;
		}
		if (got == 0) {
			text[used] = '\0';
			*size = used;
			return text;
		}
		used += (size_t)got;
	}
	return NULL;
}

/* Adds `file` of the open directory, unless it is not a migration. */
static enum sluice_status add_file(struct slu_migration_set *set, int directory_fd,
                                   const char *file, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	struct name name;
	enum name_form form = parse_name(file, &name);
	struct stat about;
	char *text = NULL;
	size_t size;
	int fd;

	if (form == NAME_OTHER)
		return SLUICE_OK;
	if (form == NAME_TOO_LARGE)
		return too_large(file, error);
	fd = openat(directory_fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &about) != 0) {
		status = sluice_error_set(error, SLUICE_FAILED, "can't open %s: %s", file,
		                          strerror(errno));
	} else if (S_ISREG(about.st_mode)) {
		size = (size_t)about.st_size;
		text = read_text(fd, &size);
		if (text == NULL)
			status = sluice_error_set(error, SLUICE_FAILED, "can't read %s: %s", file,
			                          strerror(errno));
		else
			status = add(set, file, &name, text, size, error);
	} else if (!S_ISDIR(about.st_mode)) {
		status = sluice_error_set(error, SLUICE_INVALID, "%s is not a regular file", file);
	}
	if (fd >= 0)
		close(fd);
	return status;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

enum sluice_status slu_migration_set_read(struct slu_migration_set *set, const char *directory,
                                          struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	struct dirent **entries = NULL;
	int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = directory_fd < 0 ? -1 : scandirat(directory_fd, ".", &entries, NULL, by_name);
	int i;

	memset(set, 0, sizeof(*set));
	set->directory = strdup(directory);
	if (set->directory == NULL)
		status = out_of_memory(error);
	else if (count < 0)
		status = sluice_error_set(error, SLUICE_INVALID, "can't read the directory %s: %s",
		                          directory, strerror(errno));
	for (i = 0; i < count; i++) {
		if (status == SLUICE_OK)
			status = add_file(set, directory_fd, entries[i]->d_name, error);
		free(entries[i]);
	}
	free(entries);
	if (directory_fd >= 0)
		close(directory_fd);
	if (status == SLUICE_OK && set->count == 0)
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "no migrations in %s: their names are like "
		                          "0001_create_orders.up.sql",
		                          directory);
	return finish(set, status);
}
