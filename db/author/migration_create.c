/* SPDX-License-Identifier: MIT */
/* migration_create.c - next number, clean title, two new files.
 * The files already there tell which style of numbers to go on with; there is no option for it. */
#include "db/author/migration_create.h"

#include "db/author/migration_folder.h"

#include <sluice/sink.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_DIGIT_COUNT 4
#define TIMESTAMP_DIGIT_COUNT 14 /* golang-migrate's default */

/* ---- number and title ---- */

/* The present second as a number like 20250131235959. */
static int64_t timestamp(void)
{
	time_t now = time(NULL);
	struct tm utc;
	char digits[32];

	gmtime_r(&now, &utc);
	strftime(digits, sizeof(digits), "%Y%m%d%H%M%S", &utc);
	return strtoll(digits, NULL, 10);
}

/* Always above every version that is there: what is below the newest never runs. */
static enum sluice_status next_version(const struct slu_migration_folder *folder,
                                       struct slu_migration_name *next, struct sluice_error *error)
{
	struct slu_migration_name newest = {.version = -1};
	size_t i;

	for (i = 0; i < folder->count; i++) {
		const struct slu_migration_name *name = &folder->entries[i].name;

		if ((name->kind == SLU_KIND_UP || name->kind == SLU_KIND_DOWN) &&
		    name->version > newest.version)
			newest = *name;
	}
	*next = (struct slu_migration_name){.version = 1, .digit_count = FIRST_DIGIT_COUNT};
	if (newest.version < 0)
		return SLUICE_OK;
	if (newest.version == INT64_MAX)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "no number is left after %lld: renumber that migration",
		                        (long long)newest.version);
	next->version = newest.version + 1;
	next->digit_count = newest.digit_count;
	/* Two in one second, or a colleague's clock ahead of ours: then newest + 1 it is. */
	if (newest.digit_count == TIMESTAMP_DIGIT_COUNT && timestamp() > newest.version)
		next->version = timestamp();
	return SLUICE_OK;
}

/* Turns "Add  Venues!" into add_venues; `title` has room for all of `name`. */
static void clean(const char *name, char *title)
{
	size_t size = 0;

	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)*name;
		bool plain = c < 0x80 && isalnum(c);

		if (plain)
			title[size++] = (char)tolower(c);
		else if (size > 0 && title[size - 1] != '_')
			title[size++] = '_';
	}
	if (size > 0 && title[size - 1] == '_')
		size--;
	title[size] = '\0';
}

/* ---- the files ---- */

/* What the two files hold: a first line that asks for the reason. */
static const struct side {
	const char *end;
	const char *before;
	const char *after;
} sides[] = {
	{".up.sql", "-- ", ": what it is for."},
	{".down.sql", "-- Takes ", " back, with rows in the tables."},
};

/* Makes `stem`.up.sql or .down.sql with its first line. Leaves nothing behind when it fails. */
static enum sluice_status write_file(const struct slu_migration_folder *folder, const char *stem,
                                     const struct side *side, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	char *file;
	int fd;

	if (asprintf(&file, "%s%s", stem, side->end) < 0)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	fd = openat(folder->fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || dprintf(fd, "%s%s%s\n", side->before, stem, side->after) < 0) {
		status = sluice_error_set(error, SLUICE_FAILED, "can't write %s: %s", file,
		                          strerror(errno));
		if (fd >= 0)
			unlinkat(folder->fd, file, 0);
	}
	if (fd >= 0)
		close(fd);
	free(file);
	return status;
}

static enum sluice_status write_files(const struct slu_migration_folder *folder, const char *stem,
                                      struct sluice_error *error)
{
	enum sluice_status status = write_file(folder, stem, &sides[0], error);
	char *file;

	if (status != SLUICE_OK)
		return status;
	status = write_file(folder, stem, &sides[1], error);
	if (status != SLUICE_OK && asprintf(&file, "%s%s", stem, sides[0].end) >= 0) {
		unlinkat(folder->fd, file, 0);
		free(file);
	}
	return status;
}

enum sluice_status slu_migration_create(const char *directory, const char *name, FILE *answer,
                                        struct sluice_error *error)
{
	char *title = calloc(strlen(name) + 1, 1);
	struct slu_migration_folder folder = {.fd = -1};
	struct slu_migration_name next;
	enum sluice_status status = SLUICE_OK;
	char *stem = NULL;

	if (title == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	clean(name, title);
	if (title[0] == '\0')
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "the name has no letter or digit: say what the migration "
		                          "does, as in add_venues");
	if (status == SLUICE_OK)
		status = slu_migration_folder_open(&folder, directory, error);
	if (status == SLUICE_OK)
		status = next_version(&folder, &next, error);
	if (status == SLUICE_OK && asprintf(&stem, "%0*lld_%s", (int)next.digit_count,
	                                    (long long)next.version, title) < 0) {
		stem = NULL;
		status = sluice_error_set(error, SLUICE_FAILED, "out of memory");
	}
	if (status == SLUICE_OK)
		status = write_files(&folder, stem, error);
	if (status == SLUICE_OK)
		fprintf(answer, "%s/%s%s\n%s/%s%s\n", directory, stem, sides[0].end, directory,
		        stem, sides[1].end);
	free(stem);
	free(title);
	slu_migration_folder_free(&folder);
	return status;
}
