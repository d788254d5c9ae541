/* SPDX-License-Identifier: MIT */
/* migration_lint.c - reads a directory of migrations as its next reader would.
 * One cycle: for each file: its name -> its place in the set -> its text. */
#include "db/author/migration_lint.h"

#include "db/author/lint_change.h"
#include "db/author/lint_finding.h"
#include "db/author/lint_script.h"
#include "db/author/lint_statement.h"
#include "db/author/migration_folder.h"

#include <sluice/sink.h>

#include <stdlib.h>
#include <string.h>

#define SEQUENCE_DIGITS_MAX 9 /* longer numbers are points in time, and have gaps */

/* ---- the set ---- */

static bool is_side(const struct slu_migration_entry *entry)
{
	return entry->name.kind == SLU_KIND_UP || entry->name.kind == SLU_KIND_DOWN;
}

/* The first file with this version and kind; NULL if there is none. */
static const struct slu_migration_entry *find(const struct slu_migration_folder *folder,
                                              int64_t version, enum slu_migration_kind kind)
{
	size_t i;

	for (i = 0; i < folder->count; i++) {
		if (folder->entries[i].name.kind == kind &&
		    folder->entries[i].name.version == version)
			return &folder->entries[i];
	}
	return NULL;
}

/* The newest version before `version`; -1 if there is none. */
static int64_t version_before(const struct slu_migration_folder *folder, int64_t version)
{
	int64_t before = -1;
	size_t i;

	for (i = 0; i < folder->count; i++) {
		const struct slu_migration_entry *entry = &folder->entries[i];

		if (is_side(entry) && entry->name.version < version && entry->name.version > before)
			before = entry->name.version;
	}
	return before;
}

static void lint_number(struct slu_lint *lint, const struct slu_migration_folder *folder,
                        const struct slu_migration_entry *entry)
{
	const struct slu_migration_entry *model = folder->entries;
	int64_t version = entry->name.version;
	int64_t before = version_before(folder, version);

	while (!is_side(model)) /* `entry` is one, at the latest */
		model++;
	if (entry->name.digit_count != model->name.digit_count)
		slu_lint_find(lint, 1,
		              "its number has %zu digits, that of %s has %zu: tools that sort by "
		              "name put them in the wrong order; rename it to %0*lld%s",
		              entry->name.digit_count, model->file, model->name.digit_count,
		              (int)model->name.digit_count, (long long)version,
		              entry->file + entry->name.digit_count);
	/* Once a version */
	if (entry->name.kind == SLU_KIND_DOWN && find(folder, version, SLU_KIND_UP) != NULL)
		return;
	if (before >= 0 && version - before > 1 && entry->name.digit_count <= SEQUENCE_DIGITS_MAX)
		slu_lint_find(lint, 1,
		              "there is no version %lld before it: one that comes later with a "
		              "lower number does not run; renumber it, or find the missing file",
		              (long long)before + 1);
}

/* An up or down script among the others. */
static void lint_side(struct slu_lint *lint, const struct slu_migration_folder *folder,
                      const struct slu_migration_entry *entry)
{
	bool is_up = entry->name.kind == SLU_KIND_UP;
	const struct slu_migration_entry *first = find(folder, entry->name.version,
	                                               entry->name.kind);
	const struct slu_migration_entry *other = find(folder, entry->name.version,
	                                               is_up ? SLU_KIND_DOWN : SLU_KIND_UP);

	if (strstr(entry->file, ".seed.") != NULL)
		slu_lint_find(lint, 1,
		              "is taken for a migration, for it has .%s. in its name; name a seed "
		              "NUMBER_title.seed.sql",
		              is_up ? "up" : "down");
	if (first != entry)
		slu_lint_find(lint, 1,
		              "is the same version and direction as %s; renumber one of "
		              "them",
		              first->file);
	if (other == NULL && is_up)
		slu_lint_find(lint, 1,
		              "has no down script; write one, if only to say that there "
		              "is no way back");
	else if (other == NULL)
		slu_lint_find(lint, 1, "has no up script; write one, or remove this");
	lint_number(lint, folder, entry);
}

static void lint_name(struct slu_lint *lint, const struct slu_migration_folder *folder,
                      const struct slu_migration_entry *entry)
{
	switch (entry->name.kind) {
	case SLU_KIND_UP:
	case SLU_KIND_DOWN:
		lint_side(lint, folder, entry);
		break;
	case SLU_KIND_SEED:
		if (find(folder, entry->name.version, SLU_KIND_UP) == NULL)
			slu_lint_find(lint, 1,
			              "there is no up script of version %lld for its "
			              "rows; rename it",
			              (long long)entry->name.version);
		break;
	case SLU_KIND_MISSPELT:
		slu_lint_find(lint, 1,
		              "is passed over: its name is not that of a migration; name "
		              "it NUMBER_title.up.sql, .down.sql or .seed.sql");
		break;
	case SLU_KIND_TOO_LARGE:
		slu_lint_find(lint, 1, "its version is above 9223372036854775807; renumber it");
		break;
	case SLU_KIND_OTHER:
		break;
	}
}

/* ---- the texts ---- */

static enum sluice_status lint_text(struct slu_lint *lint,
                                    const struct slu_migration_folder *folder,
                                    const struct slu_migration_entry *entry,
                                    struct sluice_error *error)
{
	struct slu_lint_statements statements = {NULL, 0};
	enum sluice_status status;
	char *text;
	size_t size;

	if (!is_side(entry) && entry->name.kind != SLU_KIND_SEED)
		return SLUICE_OK;
	status = slu_migration_folder_read(folder, entry, &text, &size, error);
	if (status != SLUICE_OK)
		return status;
	if (slu_lint_bytes(lint, text, size)) {
		status = slu_lint_statements_read(&statements, text, size, error);
		if (status == SLUICE_OK) {
			slu_lint_syntax(lint, &statements, text, size);
			slu_lint_transactions(lint, &statements, text);
			if (entry->name.kind == SLU_KIND_UP)
				slu_lint_changes(lint, &statements);
		}
		slu_lint_statements_free(&statements);
	}
	free(text);
	return status;
}

enum sluice_status slu_migration_lint(const char *directory, FILE *answer, size_t *findings,
                                      struct sluice_error *error)
{
	struct slu_lint lint = {.directory = directory, .answer = answer};
	struct slu_migration_folder folder;
	enum sluice_status status = slu_migration_folder_open(&folder, directory, error);
	size_t i;

	if (status == SLUICE_OK && folder.count == 0)
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "no migrations in %s: their names are like "
		                          "0001_create_orders.up.sql",
		                          directory);
	for (i = 0; i < folder.count && status == SLUICE_OK; i++) {
		lint.file = folder.entries[i].file;
		lint_name(&lint, &folder, &folder.entries[i]);
		status = lint_text(&lint, &folder, &folder.entries[i], error);
	}
	*findings = lint.findings;
	slu_migration_folder_free(&folder);
	return status;
}
