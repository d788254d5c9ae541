/* SPDX-License-Identifier: MIT */
/* migration_ledger.c - judges each version, and finds the next one to run. */
#include "db/migrate/migration_ledger.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_SHOWN 12 /* digits, as git shows them */

/* ---- make ---- */

static const struct slu_migration_record *find_record(const struct slu_migration_history *history,
                                                      int64_t version)
{
	size_t i;

	for (i = 0; i < history->count; i++)
		if (history->records[i].version == version)
			return &history->records[i];
	return NULL;
}

static struct slu_migration_line *add_line(struct slu_migration_ledger *ledger, int64_t version,
                                           const struct slu_migration_history *history)
{
	struct slu_migration_line *line = &ledger->lines[ledger->count++];

	*line = (struct slu_migration_line){.version = version};
	if (version <= ledger->version)
		line->record = find_record(history, version);
	return line;
}

/* Whether some record in place knows that `version` was passed over. */
static bool was_passed_over(const struct slu_migration_ledger *ledger,
                            const struct slu_migration_history *history, int64_t version)
{
	size_t i;

	for (i = 0; i < history->count; i++) {
		const struct slu_migration_record *record = &history->records[i];

		if (record->version <= ledger->version && record->previous_version < version &&
		    version < record->version)
			return true;
	}
	return false;
}

static void judge(const struct slu_migration_ledger *ledger,
                  const struct slu_migration_history *history, struct slu_migration_line *line)
{
	if (line->version > ledger->version) {
		line->standing = SLU_PENDING;
	} else if (line->files == NULL) {
		line->standing = SLU_MISSING;
	} else if (line->record != NULL) {
		line->up_modified = strcmp(line->files->up.sha256, line->record->up_sha256) != 0;
		line->down_modified = strcmp(line->files->down.sha256, line->record->down_sha256) !=
		                      0;
		line->standing = line->up_modified || line->down_modified ? SLU_MODIFIED
		                                                          : SLU_APPLIED;
	} else if (line->version < ledger->version &&
	           was_passed_over(ledger, history, line->version)) {
		line->standing = SLU_OUT_OF_ORDER;
	} else {
		line->standing = SLU_UNVERIFIED;
	}
}

static int by_version(const void *left, const void *right)
{
	int64_t a = ((const struct slu_migration_line *)left)->version;
	int64_t b = ((const struct slu_migration_line *)right)->version;

	return (a > b) - (a < b);
}

/* Files first, then what only the history knows, then what only the version table knows. */
enum sluice_status slu_migration_ledger_make(struct slu_migration_ledger *ledger,
                                             const struct slu_migration_set *set,
                                             const struct slu_migration_history *history,
                                             int64_t version, struct sluice_error *error)
{
	size_t i;

	*ledger = (struct slu_migration_ledger){.version = version, .directory = set->directory};
	ledger->lines = calloc(set->count + history->count + 1, sizeof(*ledger->lines));
	if (ledger->lines == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	for (i = 0; i < set->count; i++)
		add_line(ledger, set->migrations[i].version, history)->files = &set->migrations[i];
	for (i = 0; i < history->count; i++) {
		int64_t recorded = history->records[i].version;

		if (recorded <= version && slu_migration_set_find(set, recorded) == set->count)
			add_line(ledger, recorded, history);
	}
	if (version >= 0 && slu_migration_line_of(ledger, version) == NULL)
		add_line(ledger, version, history);
	for (i = 0; i < ledger->count; i++)
		judge(ledger, history, &ledger->lines[i]);
	qsort(ledger->lines, ledger->count, sizeof(*ledger->lines), by_version);
	return SLUICE_OK;
}

void slu_migration_ledger_free(struct slu_migration_ledger *ledger)
{
	free(ledger->lines);
	*ledger = (struct slu_migration_ledger){.lines = NULL};
}

/* ---- find ---- */

const struct slu_migration_line *slu_migration_line_of(const struct slu_migration_ledger *ledger,
                                                       int64_t version)
{
	size_t i;

	for (i = 0; i < ledger->count; i++)
		if (ledger->lines[i].version == version)
			return &ledger->lines[i];
	return NULL;
}

const struct slu_migration_line *slu_migration_next_up(const struct slu_migration_ledger *ledger,
                                                       int64_t limit, bool all)
{
	size_t i;

	for (i = 0; i < ledger->count; i++) {
		const struct slu_migration_line *line = &ledger->lines[i];

		if (line->version <= limit &&
		    (line->standing == SLU_PENDING || (all && line->standing == SLU_OUT_OF_ORDER)))
			return line;
	}
	return NULL;
}

const struct slu_migration_line *
slu_migration_in_place_below(const struct slu_migration_ledger *ledger, int64_t version)
{
	size_t i;

	for (i = ledger->count; i > 0; i--) {
		const struct slu_migration_line *line = &ledger->lines[i - 1];

		if (line->version < version && slu_migration_in_place(line))
			return line;
	}
	return NULL;
}

size_t slu_migration_in_place_count(const struct slu_migration_ledger *ledger)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < ledger->count; i++)
		count += slu_migration_in_place(&ledger->lines[i]);
	return count;
}

/* ---- refuse ---- */

static enum sluice_status refuse_modified(const struct slu_migration_ledger *ledger,
                                          const struct slu_migration_line *line, bool up,
                                          struct sluice_error *error)
{
	const struct slu_migration_script *script = up ? &line->files->up : &line->files->down;
	const char *was = up ? line->record->up_sha256 : line->record->down_sha256;
	const char *was_file = up ? line->record->up_file : line->record->down_file;
	const char *file = script->text != NULL ? script->file : was_file;
	char restore[240] = "The program it was applied with still has it";

	if (ledger->directory != NULL)
		snprintf(restore, sizeof(restore), "`git checkout -- %.90s/%.80s` brings it back",
		         ledger->directory, file);
	return sluice_error_set(error, SLUICE_INVALID,
	                        "%.80s was changed after it was applied: sha256 %.*s then, %.*s "
	                        "now. Nothing was changed. %s; `sluice migrate repair` accepts "
	                        "the new text as what was applied",
	                        file, HASH_SHOWN, was[0] != '\0' ? was : "none", HASH_SHOWN,
	                        script->sha256[0] != '\0' ? script->sha256 : "none", restore);
}

static enum sluice_status refuse_missing(const struct slu_migration_ledger *ledger,
                                         const struct slu_migration_line *line,
                                         struct sluice_error *error)
{
	const struct slu_migration_line *below;
	char force[80] = "`sluice migrate force -1`";

	if (line->version != ledger->version)
		return sluice_error_set(
			error, SLUICE_INVALID,
			"%.80s, applied %s by %.63s, is missing. Bring the file back (`git log "
			"--diff-filter=D --name-only` tells where it went); `sluice migrate repair` "
			"forgets it, if it is gone for good",
			line->record->up_file[0] != '\0' ? line->record->up_file
							 : line->record->down_file,
			line->record->at, line->record->by);
	below = slu_migration_in_place_below(ledger, line->version);
	if (below != NULL)
		snprintf(force, sizeof(force), "`sluice migrate force %" PRId64 "`",
		         below->version);
	return sluice_error_set(error, SLUICE_INVALID,
	                        "no migration found for version %" PRId64
	                        ", at which the database is: newer files or others brought it "
	                        "there. Use those (--path DIR); %s says that it is at the version "
	                        "below instead, and runs nothing",
	                        line->version, force);
}

/* The command that gives `script` the number after the last one, with as many digits. */
static void tell_renumber(const struct slu_migration_ledger *ledger,
                          const struct slu_migration_script *script, char *text, size_t size)
{
	const struct slu_migration_line *last = &ledger->lines[ledger->count - 1];
	int digits = (int)strspn(script->file, "0123456789");

	if (ledger->directory == NULL || last->version == INT64_MAX)
		snprintf(text, size, "a higher number");
	else
		snprintf(text, size,
		         "the next number (`cd %.60s; git mv %.60s %0*" PRId64 "%.50s`)",
		         ledger->directory, script->file, digits, last->version + 1,
		         script->file + digits);
}

static enum sluice_status refuse_out_of_order(const struct slu_migration_ledger *ledger,
                                              const struct slu_migration_line *line,
                                              struct sluice_error *error)
{
	const struct slu_migration_script *script = line->files->up.text != NULL
	                                                    ? &line->files->up
	                                                    : &line->files->down;
	char renumber[260];

	tell_renumber(ledger, script, renumber, sizeof(renumber));
	return sluice_error_set(error, SLUICE_INVALID,
	                        "%.60s is out of order: below version %" PRId64
	                        ", at which the database is, and never applied. Give it %s, or run "
	                        "it as it is: `sluice migrate up --allow-out-of-order`. If another "
	                        "tool ran it: `sluice migrate adopt %" PRId64 "`",
	                        script->file, ledger->version, renumber, line->version);
}

enum sluice_status slu_migration_check_up(const struct slu_migration_ledger *ledger, int64_t limit,
                                          bool all, int64_t except, struct sluice_error *error)
{
	size_t i;

	for (i = 0; i < ledger->count; i++) {
		const struct slu_migration_line *line = &ledger->lines[i];

		if (line->standing == SLU_MISSING)
			return refuse_missing(ledger, line, error);
		if (line->up_modified && line->version != except)
			return refuse_modified(ledger, line, true, error);
		if (line->standing == SLU_OUT_OF_ORDER && !all && line->version <= limit)
			return refuse_out_of_order(ledger, line, error);
	}
	return SLUICE_OK;
}

enum sluice_status slu_migration_check_down(const struct slu_migration_ledger *ledger,
                                            const struct slu_migration_line *line,
                                            struct sluice_error *error)
{
	if (line->standing == SLU_MISSING)
		return refuse_missing(ledger, line, error);
	if (line->up_modified || line->down_modified)
		return refuse_modified(ledger, line, line->up_modified, error);
	return SLUICE_OK;
}
