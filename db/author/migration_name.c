/* SPDX-License-Identifier: MIT */
/* migration_name.c - sorts file names into kinds.
 * Which names are migrations is the runner's to say, so it is asked: a set of this one file. */
#include "db/author/migration_name.h"

#include "db/migrate/migration_set.h"

#include <ctype.h>
#include <string.h>

#define DIGITS "0123456789"

static bool ends_with(const char *text, const char *end)
{
	size_t text_size = strlen(text);
	size_t end_size = strlen(end);

	return text_size >= end_size && strcmp(text + text_size - end_size, end) == 0;
}

/* VERSION_title.seed.sql. Sets the version; a kind of OTHER says that it is none. */
static void parse_seed(const char *file, struct slu_migration_name *name)
{
	const char *at;

	if (name->digit_count == 0 || file[name->digit_count] != '_' ||
	    !ends_with(file, ".seed.sql"))
		return;
	name->kind = SLU_KIND_SEED;
	for (at = file; isdigit((unsigned char)*at); at++) {
		if (__builtin_mul_overflow(name->version, 10, &name->version) ||
		    __builtin_add_overflow(name->version, *at - '0', &name->version))
			name->kind = SLU_KIND_TOO_LARGE;
	}
}

/* Generous: a name that somebody may have meant for a migration. */
static bool looks_like_migration(const char *file, size_t digit_count)
{
	static const char *const ends[] = {".up.sql", ".down.sql", ".seed.sql"};
	size_t i;

	if (digit_count > 0 && (ends_with(file, ".sql") || strstr(file, ".up") != NULL ||
	                        strstr(file, ".down") != NULL))
		return true;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (ends_with(file, ends[i]))
			return true;
	}
	return false;
}

enum sluice_status slu_migration_name_parse(const char *file, struct slu_migration_name *name,
                                            struct sluice_error *error)
{
	const struct sluice_migration_file alone = {.name = file, .text = "", .size = 0};
	struct slu_migration_set set;
	enum sluice_status status = slu_migration_set_embedded(&set, &alone, 1, error);

	*name = (struct slu_migration_name){.digit_count = strspn(file, DIGITS)};
	if (status == SLUICE_INVALID) { /* one empty file has nothing else that could be wrong */
		name->kind = SLU_KIND_TOO_LARGE;
		return SLUICE_OK;
	}
	if (status != SLUICE_OK)
		return status;
	if (set.count == 1) {
		name->kind = set.migrations[0].up.text != NULL ? SLU_KIND_UP : SLU_KIND_DOWN;
		name->version = set.migrations[0].version;
	} else {
		parse_seed(file, name);
		if (name->kind == SLU_KIND_OTHER && looks_like_migration(file, name->digit_count))
			name->kind = SLU_KIND_MISSPELT;
	}
	slu_migration_set_free(&set);
	return SLUICE_OK;
}
