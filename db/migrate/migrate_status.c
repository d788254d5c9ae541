/* SPDX-License-Identifier: MIT */
/* migrate_status.c - tells where a database stands, and changes nothing. */
#include "db/migrate/migrate.h"

#include "db/migrate/migrate_call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum sluice_status slu_migrate_version(const struct sluice_migrate_options *options,
                                       struct slu_migrate_state *state, struct sluice_error *error)
{
	struct slu_migrate_call call;
	enum sluice_status status = slu_migrate_call_begin_bare(&call, options, error);

	if (status == SLUICE_OK)
		status = slu_migration_run_read(&call.run, error);
	if (status == SLUICE_OK)
		*state = call.run.state;
	slu_migrate_call_end(&call);
	return status;
}

/* ---- status ---- */

static const char *title_of(const struct slu_migration_line *line)
{
	if (line->files == NULL)
		return line->record != NULL ? line->record->up_file : "?";
	return line->files->up.text != NULL ? line->files->up.title : line->files->down.title;
}

static void print_standing(const struct slu_migration_line *line, FILE *answer)
{
	const struct slu_migration_record *record = line->record;

	switch (line->standing) {
	case SLU_APPLIED:
		fprintf(answer, "%s %s by %s\n",
		        strcmp(record->action, "up") == 0 ? "applied" : "adopted", record->at,
		        record->by);
		break;
	case SLU_UNVERIFIED:
		fputs("applied by another tool (unverified)\n", answer);
		break;
	case SLU_MODIFIED:
		fprintf(answer, "modified: %s changed since %s, when %s applied it\n",
		        !line->up_modified     ? "the down script was"
		        : !line->down_modified ? "the up script was"
		                               : "both scripts were",
		        record->at, record->by);
		break;
	case SLU_MISSING:
		if (record != NULL)
			fprintf(answer, "missing: applied %s by %s, and its files are gone\n",
			        record->at, record->by);
		else
			fputs("missing: the database is at it, and there are no files\n", answer);
		break;
	case SLU_OUT_OF_ORDER:
		fputs("out of order: below the database's version, and never applied\n", answer);
		break;
	case SLU_PENDING:
		fputs("pending\n", answer);
		break;
	}
}

/* As many digits as the files have: 0001 and not 1. */
static int digits_of(const struct slu_migration_line *line)
{
	const struct slu_migration *files = line->files;
	const char *file;

	if (files == NULL)
		return 1;
	file = files->up.text != NULL ? files->up.file : files->down.file;
	return (int)strspn(file, "0123456789");
}

static void print_ledger(const struct slu_migration_run *run, FILE *answer, bool *attention)
{
	const struct slu_migration_ledger *ledger = &run->ledger;
	int digits = 1;
	int width = 1;
	size_t i;

	for (i = 0; i < ledger->count; i++) {
		int length = (int)strlen(title_of(&ledger->lines[i]));

		digits = digits_of(&ledger->lines[i]) > digits ? digits_of(&ledger->lines[i])
		                                               : digits;
		width = length > width ? length : width;
	}
	for (i = 0; i < ledger->count; i++) {
		const struct slu_migration_line *line = &ledger->lines[i];

		fprintf(answer, "%0*" PRId64 "  %-*s  ", digits, line->version, width,
		        title_of(line));
		if (run->state.dirty && line->version == run->state.version)
			fputs("dirty: a script was begun and not finished\n", answer);
		else
			print_standing(line, answer);
		*attention |= line->standing != SLU_APPLIED && line->standing != SLU_UNVERIFIED;
	}
}

static void print_version(struct slu_migrate_state state, FILE *answer)
{
	if (state.version < 0 && !state.dirty)
		fputs("no migration", answer);
	else
		fprintf(answer, "version %" PRId64 "%s", state.version,
		        state.dirty ? " (dirty)" : "");
}

/* The library set's version is a second, smaller question. */
static enum sluice_status print_summary(const struct slu_migrate_call *call, FILE *answer,
                                        bool *attention, struct sluice_error *error)
{
	struct slu_migration_run library;
	enum sluice_status status = slu_migration_run_open(&library, SLU_LIBRARY_SET,
	                                                   call->run.options, error);

	if (status == SLUICE_OK)
		status = slu_migration_run_attach(&library, call->connection, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_read(&library, error);
	if (status == SLUICE_OK) {
		fprintf(answer, "database %s: ", PQdb(call->connection));
		print_version(call->run.state, answer);
		fputs("; Sluice's own tables: ", answer);
		print_version(library.state, answer);
		if (library.state.version != slu_library_set_version())
			fprintf(answer, ", this program's: version %" PRId64,
			        slu_library_set_version());
		fputc('\n', answer);
		*attention |= call->run.state.dirty || library.state.dirty ||
		              library.state.version != slu_library_set_version();
	}
	slu_migration_run_close(&library);
	return status;
}

enum sluice_status slu_migrate_status(const struct sluice_migrate_options *options, FILE *answer,
                                      bool *attention, struct sluice_error *error)
{
	struct slu_migrate_call call;
	enum sluice_status status = slu_migrate_call_begin(&call, options, error);

	*attention = false;
	if (status == SLUICE_OK)
		status = slu_migration_run_look(&call.run, error);
	if (status == SLUICE_OK)
		status = print_summary(&call, answer, attention, error);
	if (status == SLUICE_OK)
		print_ledger(&call.run, answer, attention);
	slu_migrate_call_end(&call);
	return status;
}
