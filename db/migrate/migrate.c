/* SPDX-License-Identifier: MIT */
/* migrate.c - carries a database from one version of its schema to another.
 * Owns: one connection for the length of a call.  Borrows: the caller's options.
 * One cycle: read files -> connect -> look -> refuse or step, until there is nothing left to do.
 * Each step is planned on a look of its own, so that whatever others do in between is seen. */
#include "db/migrate/migrate.h"

#include "db/migrate/migrate_call.h"
#include "db/migrate/migration_run.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdlib.h>

/* ---- steps ---- */

static int64_t version_below(const struct slu_migration_run *run,
                             const struct slu_migration_line *line)
{
	const struct slu_migration_line *below = slu_migration_in_place_below(&run->ledger,
	                                                                      line->version);

	return below != NULL ? below->version : -1;
}

static enum sluice_status step_up(struct slu_migration_run *run,
                                  const struct slu_migration_line *line, struct sluice_error *error)
{
	struct slu_migration_step step = {
		.direction = SLU_UP,
		.files = line->files,
		/* A script that comes too late leaves the version where it is. */
		.version = line->version > run->state.version ? line->version : run->state.version,
		.previous = version_below(run, line),
	};

	return slu_migration_run_step(run, &step, error);
}

static enum sluice_status step_down(struct slu_migration_run *run,
                                    const struct slu_migration_line *line,
                                    struct sluice_error *error)
{
	int64_t below = version_below(run, line);
	struct slu_migration_step step = {
		.direction = SLU_DOWN,
		.files = line->files,
		.version = below,
		.previous = below,
	};

	return slu_migration_run_step(run, &step, error);
}

/* So that a script which can't run is found before the first one runs. */
static enum sluice_status check_scripts(const struct slu_migration_run *run,
                                        enum slu_direction direction, int64_t first, int64_t last,
                                        struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	for (i = 0; i < run->set.count && status == SLUICE_OK; i++) {
		const struct slu_migration *files = &run->set.migrations[i];
		const struct slu_migration_script *script = slu_migration_side(files, direction);

		if (files->version >= first && files->version <= last && script->text != NULL)
			status = slu_migration_script_check(script, error);
	}
	return status;
}

/* ---- up ---- */

/* The last version that `count` steps reach, for the check of their scripts. */
static int64_t reach(const struct slu_migration_run *run, int64_t limit, size_t count)
{
	int64_t last = -1;
	size_t i;

	for (i = 0; i < run->ledger.count && count > 0; i++) {
		const struct slu_migration_line *line = &run->ledger.lines[i];

		if (slu_migration_in_place(line) || line->version > limit)
			continue;
		last = line->version;
		count--;
	}
	return last;
}

/* Applies what is new, at most `count` and up to version `limit`. `except` may have been modified
 * (-1 for none). A quicker run is no reason to stop: what it left is done. */
static enum sluice_status go_up(struct slu_migration_run *run, int64_t limit, size_t count,
                                int64_t except, size_t *applied, struct sluice_error *error)
{
	bool all = run->options->allow_out_of_order;
	bool checked = false;
	enum sluice_status status = SLUICE_OK;

	while (status == SLUICE_OK && count > 0) {
		const struct slu_migration_line *line;

		status = slu_migration_run_look(run, error);
		if (status == SLUICE_OK)
			status = slu_migration_run_settle(run, error);
		if (status == SLUICE_OK && run->kind == SLU_USER_SET)
			status = slu_migration_check_up(&run->ledger, limit, all, except, error);
		if (status == SLUICE_OK && !checked)
			status = check_scripts(run, SLU_UP, 0, reach(run, limit, count), error);
		checked = true;
		if (status != SLUICE_OK)
			break;
		line = slu_migration_next_up(&run->ledger, limit, all);
		if (line == NULL)
			break;
		status = step_up(run, line, error);
		if (status == SLUICE_OK) {
			++*applied;
			--count;
		} else if (status == SLUICE_CONFLICT) {
			status = SLUICE_OK;
		}
	}
	return status;
}

/* An older library must not touch what a newer one made, not even by finding nothing to do: its
 * sink would write to tables it does not know. */
static enum sluice_status refuse_newer(struct slu_migration_run *run, struct sluice_error *error)
{
	enum sluice_status status = slu_migration_run_read(run, error);

	if (status == SLUICE_OK && run->state.version > slu_library_set_version())
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "this database was upgraded by a newer Sluice (its own "
		                          "tables are at version %" PRId64
		                          ", this one knows %" PRId64
		                          "): upgrade this program. Nothing was changed",
		                          run->state.version, slu_library_set_version());
	return status;
}

int64_t slu_library_set_version(void)
{
	struct slu_migration_set set;
	int64_t version = -1;

	if (slu_migration_set_embedded(&set, slu_embedded_sluice, slu_embedded_sluice_count,
	                               NULL) == SLUICE_OK)
		version = set.migrations[set.count - 1].version;
	slu_migration_set_free(&set);
	return version;
}

static enum sluice_status go_up_library(struct slu_migrate_call *call, size_t *applied,
                                        struct sluice_error *error)
{
	struct slu_migration_run library;
	enum sluice_status status = slu_migration_run_open(&library, SLU_LIBRARY_SET,
	                                                   call->run.options, error);

	if (status == SLUICE_OK)
		status = slu_migration_run_attach(&library, call->connection, error);
	if (status == SLUICE_OK)
		status = refuse_newer(&library, error);
	/* When there is nothing to do, the role needs no right but to read the version. */
	if (status == SLUICE_OK &&
	    (library.state.dirty || library.state.version != slu_library_set_version()))
		status = go_up(&library, INT64_MAX, SLU_MIGRATE_ALL, -1, applied, error);
	slu_migration_run_close(&library);
	return status;
}

enum sluice_status slu_migrate_up(const struct sluice_migrate_options *options, size_t limit,
                                  size_t *applied, struct sluice_error *error)
{
	struct slu_migrate_call call;
	size_t library = 0;
	size_t user = 0;
	enum sluice_status status = slu_migrate_call_connect(&call, options, error);

	if (status == SLUICE_OK)
		status = go_up_library(&call, &library, error);
	/* Only now: the schema sluice may be the one that the role's search_path begins with. */
	if (status == SLUICE_OK)
		status = slu_migration_run_attach(&call.run, call.connection, error);
	if (status == SLUICE_OK && (options->directory != NULL || options->file_count > 0))
		status = go_up(&call.run, INT64_MAX, limit, -1, &user, error);
	if (status == SLUICE_OK && limit != SLU_MIGRATE_ALL && user < limit)
		status = sluice_error_set(
			error, SLUICE_INVALID,
			"limit %zu short: %s. `sluice migrate up` applies what is "
			"new, and asks for no more",
			limit - user, user > 0 ? "what was new is applied" : "nothing is new");
	slu_migrate_call_end(&call);
	if (applied != NULL)
		*applied = library + user;
	return status;
}

enum sluice_status sluice_migrate_up(const struct sluice_migrate_options *options, size_t *applied,
                                     struct sluice_error *error)
{
	return slu_migrate_up(options, SLU_MIGRATE_ALL, applied, error);
}

/* ---- down ---- */

/* Everything that would be taken back has to be fit for it before the first is. */
static enum sluice_status check_down(struct slu_migration_run *run, int64_t above,
                                     struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	for (i = run->ledger.count; i > 0 && status == SLUICE_OK; i--) {
		const struct slu_migration_line *line = &run->ledger.lines[i - 1];

		if (line->version > above && slu_migration_in_place(line))
			status = slu_migration_check_down(&run->ledger, line, error);
	}
	if (status == SLUICE_OK)
		status = check_scripts(run, SLU_DOWN, above + 1, run->state.version, error);
	return status;
}

/* Takes back what is in place above `above`, from the state of the last look. Stops when others
 * moved the database meanwhile: what to take back was decided on another one. */
static enum sluice_status go_down(struct slu_migration_run *run, int64_t above, size_t *taken,
                                  struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	while (status == SLUICE_OK) {
		const struct slu_migration_line *line =
			slu_migration_in_place_below(&run->ledger, run->state.version + 1);
		int64_t left;

		if (line == NULL || line->version <= above)
			break;
		left = version_below(run, line);
		status = step_down(run, line, error);
		*taken += status == SLUICE_OK;
		if (status == SLUICE_OK)
			status = slu_migration_run_look(run, error);
		if (status == SLUICE_OK && run->state.version != left)
			status = slu_migration_run_moved(error);
	}
	return status;
}

/* The version that is left when `count` are taken back. */
static enum sluice_status count_down(const struct slu_migration_run *run, size_t count,
                                     int64_t *above, struct sluice_error *error)
{
	size_t in_place = slu_migration_in_place_count(&run->ledger);
	const struct slu_migration_line *line;

	*above = -1;
	if (count == SLU_MIGRATE_ALL)
		return SLUICE_OK;
	if (count > in_place)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "limit %zu short: only %zu of the migrations are in place. "
		                        "Nothing was changed: `sluice migrate down --all --yes` "
		                        "takes them all back",
		                        count - in_place, in_place);
	line = slu_migration_in_place_below(&run->ledger, run->state.version + 1);
	while (line != NULL && count-- > 0)
		line = slu_migration_in_place_below(&run->ledger, line->version);
	if (line != NULL)
		*above = line->version;
	return SLUICE_OK;
}

enum sluice_status slu_migrate_down(const struct sluice_migrate_options *options, size_t count,
                                    struct sluice_error *error)
{
	struct slu_migrate_call call;
	int64_t above = -1;
	size_t taken = 0;
	enum sluice_status status = slu_migrate_call_look(&call, options, error);

	if (status == SLUICE_OK)
		status = count_down(&call.run, count, &above, error);
	if (status == SLUICE_OK)
		status = check_down(&call.run, above, error);
	if (status == SLUICE_OK)
		status = go_down(&call.run, above, &taken, error);
	slu_migrate_call_end(&call);
	return status;
}

/* ---- goto, redo ---- */

enum sluice_status slu_migrate_goto(const struct sluice_migrate_options *options, int64_t version,
                                    size_t *moved, struct sluice_error *error)
{
	const struct slu_migration_line *line;
	struct slu_migrate_call call;
	size_t count = 0;
	enum sluice_status status = slu_migrate_call_look(&call, options, error);

	if (status == SLUICE_OK) {
		line = slu_migration_line_of(&call.run.ledger, version);
		if (line == NULL || line->standing == SLU_OUT_OF_ORDER)
			status = sluice_error_set(error, SLUICE_INVALID,
			                          "no migration found for version %" PRId64
			                          " to go to; `sluice migrate status` lists them",
			                          version);
	}
	if (status == SLUICE_OK && version < call.run.state.version) {
		status = check_down(&call.run, version, error);
		if (status == SLUICE_OK)
			status = go_down(&call.run, version, &count, error);
	} else if (status == SLUICE_OK) {
		status = go_up(&call.run, version, SLU_MIGRATE_ALL, -1, &count, error);
	}
	slu_migrate_call_end(&call);
	if (moved != NULL)
		*moved = count;
	return status;
}

enum sluice_status slu_migrate_redo(const struct sluice_migrate_options *options,
                                    struct sluice_error *error)
{
	const struct slu_migration_line *line = NULL;
	struct slu_migrate_call call;
	size_t count = 0;
	int64_t version = -1;
	enum sluice_status status = slu_migrate_call_look(&call, options, error);

	if (status == SLUICE_OK)
		version = call.run.state.version;
	if (status == SLUICE_OK && version < 0)
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "no migration: nothing is in place to do again; `sluice "
		                          "migrate up` applies them");
	if (status == SLUICE_OK) {
		line = slu_migration_line_of(&call.run.ledger, version);
		if (line->standing == SLU_MISSING)
			status = slu_migration_check_down(&call.run.ledger, line, error);
	}
	if (status == SLUICE_OK)
		status = check_scripts(&call.run, SLU_DOWN, version, version, error);
	if (status == SLUICE_OK)
		status = check_scripts(&call.run, SLU_UP, version, version, error);
	/* Everything below has to be fit for the way up before the way down is gone. */
	if (status == SLUICE_OK)
		status = slu_migration_check_up(&call.run.ledger, version,
		                                options->allow_out_of_order, version, error);
	if (status == SLUICE_OK)
		status = step_down(&call.run, line, error);
	if (status == SLUICE_OK)
		status = go_up(&call.run, version, SLU_MIGRATE_ALL, version, &count, error);
	slu_migrate_call_end(&call);
	return status;
}
