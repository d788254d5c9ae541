/* SPDX-License-Identifier: MIT */
/* migration_run.c - moves a version table together with the scripts it counts.
 * One step: begin, lock, look again -> script -> version -> history -> commit. */
#include "db/migrate/migration_run.h"

#include "db/clock.h"
#include "db/migrate/migration_alone.h"
#include "db/migrate/migration_grant.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum sluice_status out_of_memory(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED, "out of memory");
}

enum sluice_status slu_migration_run_command(struct slu_migration_run *run, const char *doing,
                                             const char *sql, struct sluice_error *error)
{
	PGresult *result = PQexec(run->connection, sql);
	enum sluice_status status = SLUICE_OK;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = slu_migration_refused(run->connection, doing, result, run->sqlstate,
		                               error);
	PQclear(result);
	return status;
}

/* ---- look ---- */

/* Asks before it reads: a SELECT from a table that is not there would end the transaction. */
static enum sluice_status find_tables(struct slu_migration_run *run, struct sluice_error *error)
{
	const char *const names[] = {run->table, run->history};
	PGresult *result = PQexecParams(run->connection,
	                                "SELECT pg_catalog.to_regclass($1) IS NOT NULL, "
	                                "pg_catalog.to_regclass($2) IS NOT NULL",
	                                2, NULL, names, NULL, NULL, 0);
	enum sluice_status status = SLUICE_OK;

	if (PQresultStatus(result) == PGRES_TUPLES_OK) {
		run->table_exists = PQgetvalue(result, 0, 0)[0] == 't';
		run->history_exists = PQgetvalue(result, 0, 1)[0] == 't';
	} else {
		status = slu_migration_refused(run->connection, "look for the version table",
		                               result, run->sqlstate, error);
	}
	PQclear(result);
	return status;
}

static enum sluice_status read_state(struct slu_migration_run *run, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	PGresult *result;
	char *sql;

	run->state = (struct slu_migrate_state){.version = -1, .dirty = false};
	if (!run->table_exists)
		return SLUICE_OK;
	if (asprintf(&sql, "SELECT version, dirty FROM %s LIMIT 1", run->table) < 0)
		return out_of_memory(error);
	result = PQexec(run->connection, sql);
	free(sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		status = slu_migration_refused(run->connection, "read the version", result,
		                               run->sqlstate, error);
	} else if (PQntuples(result) == 1) {
		run->state.version = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
		run->state.dirty = PQgetvalue(result, 0, 1)[0] == 't';
	}
	PQclear(result);
	return status;
}

static enum sluice_status read_past(struct slu_migration_run *run, struct sluice_error *error)
{
	slu_migration_history_free(&run->past);
	if (!run->history_exists)
		return SLUICE_OK;
	return slu_migration_history_read(run->connection, run->history, &run->past, run->sqlstate,
	                                  error);
}

enum sluice_status slu_migration_run_read(struct slu_migration_run *run, struct sluice_error *error)
{
	enum sluice_status status = find_tables(run, error);

	if (status == SLUICE_OK)
		status = read_state(run, error);
	if (status != SLUICE_OK)
		slu_migration_grant_add(run, error);
	return status;
}

enum sluice_status slu_migration_run_look(struct slu_migration_run *run, struct sluice_error *error)
{
	enum sluice_status status = find_tables(run, error);

	if (status == SLUICE_OK)
		status = read_state(run, error);
	if (status == SLUICE_OK)
		status = read_past(run, error);
	if (status == SLUICE_OK)
		status = slu_migration_history_hash(run->connection, &run->set, run->sqlstate,
		                                    error);
	slu_migration_ledger_free(&run->ledger);
	if (status == SLUICE_OK)
		status = slu_migration_ledger_make(&run->ledger, &run->set, &run->past,
		                                   run->state.version, error);
	if (status != SLUICE_OK)
		slu_migration_grant_add(run, error);
	return status;
}

/* Which of the two commands is right, only the operator can know. */
static enum sluice_status refuse_dirty(const struct slu_migration_run *run,
                                       struct sluice_error *error)
{
	const struct slu_migration_line *below;
	char invalid[200] = "";
	char *names;

	if (run->kind == SLU_LIBRARY_SET)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "Dirty database version %" PRId64
		                        " in %s: Sluice never leaves it so. Find out who did, and "
		                        "set it to what is true",
		                        run->state.version, run->table);
	names = slu_migration_invalid_indexes(run->connection);
	if (names != NULL)
		snprintf(invalid, sizeof(invalid),
		         " (DROP INDEX CONCURRENTLY %.120s, which is INVALID)", names);
	free(names);
	below = slu_migration_in_place_below(&run->ledger, run->state.version);
	if (run->state.version < 0 && run->ledger.count > 0)
		return sluice_error_set(
			error, SLUICE_INVALID,
			"Dirty database version -1. Fix and force version. To take "
			"the first version back was begun and not finished. Complete "
			"or undo it by hand%s; then `sluice migrate force -1` if it "
			"is complete, `sluice migrate force %" PRId64 "` if it is undone",
			invalid, run->ledger.lines[0].version);
	return sluice_error_set(error, SLUICE_INVALID,
	                        "Dirty database version %" PRId64
	                        ". Fix and force version. A script was begun and not finished. "
	                        "Complete or undo it by hand%s; then `sluice migrate force %" PRId64
	                        "` if it is complete, or, if it was on its way up and is undone, "
	                        "`sluice migrate force %" PRId64 "`",
	                        run->state.version, invalid, run->state.version,
	                        below != NULL ? below->version : -1);
}

/* golang-migrate marks every script so while it runs, and Sluice those outside of a transaction. Who
 * does that holds the lock. */
enum sluice_status slu_migration_run_settle(struct slu_migration_run *run,
                                            struct sluice_error *error)
{
	enum sluice_status status;

	if (!run->state.dirty)
		return SLUICE_OK;
	status = slu_migration_lock_begin(&run->lock, &run->watch, error);
	if (status != SLUICE_OK)
		return status;
	status = slu_migration_run_look(run, error);
	if (status == SLUICE_OK && run->state.dirty)
		status = refuse_dirty(run, error);
	slu_migration_run_roll_back(run, error);
	return status;
}

/* ---- begin ---- */

enum sluice_status slu_migration_run_moved(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_CONFLICT,
	                        "another run moved the database meanwhile. What is there now: "
	                        "`sluice migrate status`");
}

/* The ledger keeps pointing to the history of the last look. */
enum sluice_status slu_migration_run_unmoved(struct slu_migration_run *run,
                                             struct sluice_error *error)
{
	struct slu_migrate_state state = run->state;
	struct slu_migration_history past = run->past;
	enum sluice_status status;
	bool same;

	run->past = (struct slu_migration_history){.count = 0};
	status = find_tables(run, error);
	if (status == SLUICE_OK)
		status = read_state(run, error);
	if (status == SLUICE_OK)
		status = read_past(run, error);
	same = run->state.version == state.version && run->state.dirty == state.dirty &&
	       run->past.last_id == past.last_id;
	slu_migration_history_free(&run->past);
	run->past = past;
	run->state = state;
	if (status == SLUICE_OK && !same)
		status = slu_migration_run_moved(error);
	return status;
}

enum sluice_status slu_migration_run_limit(struct slu_migration_run *run,
                                           struct sluice_error *error)
{
	char sql[64];

	if (run->options->statement_timeout_ns == 0)
		return SLUICE_OK;
	snprintf(sql, sizeof(sql), "SET statement_timeout = %" PRIu64,
	         run->options->statement_timeout_ns / 1000000);
	return slu_migration_run_command(run, "set a statement timeout", sql, error);
}

enum sluice_status slu_migration_run_begin(struct slu_migration_run *run,
                                           struct sluice_error *error)
{
	enum sluice_status status = slu_migration_lock_begin(&run->lock, &run->watch, error);

	if (status != SLUICE_OK)
		return status;
	status = slu_migration_run_unmoved(run, error);
	if (status != SLUICE_OK)
		slu_migration_run_roll_back(run, error);
	return status;
}

/* ---- write ---- */

/* Runs `before`, the name of the version table, and `after`, as one command. */
static enum sluice_status table_command(struct slu_migration_run *run, const char *before,
                                        const char *after, struct sluice_error *error)
{
	enum sluice_status status;
	char *sql;

	if (asprintf(&sql, "%s %s %s", before, run->table, after) < 0)
		return out_of_memory(error);
	status = slu_migration_run_command(run, "write the version", sql, error);
	free(sql);
	return status;
}

/* The script may have changed the session's settings or role. They are reset first: so the version
 * table belongs to who runs the migrations, and ten scripts in one run do what they do in ten runs.
 * DELETE, where golang-migrate has TRUNCATE, lets a monitor read the version meanwhile. */
enum sluice_status slu_migration_run_write(struct slu_migration_run *run,
                                           struct slu_migrate_state state,
                                           struct sluice_error *error)
{
	enum sluice_status status = slu_migration_run_command(
		run, "reset the session", "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL",
		error);
	char values[64];

	/* A script of the library set has just made the schema; and golang-migrate may have made
	 * the table. */
	if (status == SLUICE_OK)
		status = find_tables(run, error);
	if (status == SLUICE_OK && !run->table_exists)
		status = table_command(
			run, "CREATE TABLE",
			"(version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)", error);
	if (status == SLUICE_OK && !run->history_exists)
		status = slu_migration_history_create(run->connection, run->history, run->sqlstate,
		                                      error);
	if (status == SLUICE_OK)
		status = table_command(run, "DELETE FROM", "", error);
	if (status == SLUICE_OK && (state.version >= 0 || state.dirty)) {
		snprintf(values, sizeof(values), "VALUES (%" PRId64 ", %s)", state.version,
		         state.dirty ? "true" : "false");
		status = table_command(run, "INSERT INTO", values, error);
	}
	return status;
}

enum sluice_status slu_migration_run_remember(struct slu_migration_run *run,
                                              const struct slu_migration_event *event,
                                              int64_t above, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	if (run->past.count > 0)
		status = slu_migration_history_lose_above(run->connection, run->history, above,
		                                          run->sqlstate, error);
	if (status == SLUICE_OK)
		status = slu_migration_history_add(run->connection, run->history, event,
		                                   run->sqlstate, error);
	return status;
}

enum sluice_status slu_migration_run_commit(struct slu_migration_run *run, const char *what,
                                            struct sluice_error *error)
{
	PGresult *result = PQexec(run->connection, "COMMIT");
	enum sluice_status status = SLUICE_OK;

	if (PQstatus(run->connection) != CONNECTION_OK)
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "the connection broke at the COMMIT of %s: `sluice "
		                          "migrate version` tells whether it arrived; to run "
		                          "again is safe either way",
		                          what);
	else if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = slu_migration_refused(run->connection, "commit", result, run->sqlstate,
		                               error);
	else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "the server rolled %s back at its COMMIT; nothing of it "
		                          "was applied",
		                          what);
	PQclear(result);
	return status;
}

void slu_migration_run_roll_back(struct slu_migration_run *run, struct sluice_error *error)
{
	PQclear(PQexec(run->connection, "ROLLBACK"));
	slu_migration_grant_add(run, error);
}

/* ---- a step ---- */

struct slu_migration_event slu_migration_event_of(const struct slu_migration_step *step,
                                                  uint64_t duration_ns)
{
	return (struct slu_migration_event){
		.action = step->direction == SLU_UP ? "up" : "down",
		.version = step->files->version,
		.previous_version = step->previous,
		.files = step->files,
		.duration_ns = duration_ns,
	};
}

void slu_migration_run_tell(const struct slu_migration_run *run,
                            const struct slu_migration_step *step, uint64_t duration_ns)
{
	const struct slu_migration_script *script = slu_migration_side(step->files,
	                                                               step->direction);

	slu_migration_tell(run->options, "%s%" PRId64 "/%c %s (%.1fms)",
	                   run->kind == SLU_LIBRARY_SET ? "sluice " : "", step->files->version,
	                   step->direction == SLU_UP ? 'u' : 'd',
	                   script->text != NULL ? script->title : "<empty>",
	                   (double)duration_ns / 1e6);
}

static enum sluice_status step_in_transaction(struct slu_migration_run *run,
                                              const struct slu_migration_step *step,
                                              struct sluice_error *error)
{
	const struct slu_migration_script *script = slu_migration_side(step->files,
	                                                               step->direction);
	uint64_t start_ns;
	uint64_t duration_ns;
	enum sluice_status status = slu_migration_run_begin(run, error);

	if (status != SLUICE_OK)
		return status;
	start_ns = slu_monotonic_ns();
	status = slu_migration_run_limit(run, error);
	if (status == SLUICE_OK && script->text != NULL)
		status = slu_migration_script_run(script, run->connection, &run->watch,
		                                  run->sqlstate, error);
	duration_ns = slu_monotonic_ns() - start_ns;
	if (status == SLUICE_OK)
		status = slu_migration_run_write(
			run, (struct slu_migrate_state){.version = step->version}, error);
	if (status == SLUICE_OK) {
		struct slu_migration_event event = slu_migration_event_of(step, duration_ns);

		status = slu_migration_run_remember(run, &event, run->state.version, error);
	}
	if (status == SLUICE_OK)
		status = slu_migration_run_commit(
			run, script->text != NULL ? script->file : "a version without a script",
			error);
	if (status != SLUICE_OK)
		slu_migration_run_roll_back(run, error);
	else
		slu_migration_run_tell(run, step, duration_ns);
	return status;
}

enum sluice_status slu_migration_run_step(struct slu_migration_run *run,
                                          const struct slu_migration_step *step,
                                          struct sluice_error *error)
{
	const struct slu_migration_script *script = slu_migration_side(step->files,
	                                                               step->direction);

	run->sqlstate[0] = '\0';
	if (slu_migration_stopping(&run->watch))
		return sluice_error_set(error, SLUICE_FAILED,
		                        "stopped before %s: the database is at version %" PRId64
		                        ". `sluice migrate up` goes on from there",
		                        script->text != NULL ? script->file : "the next version",
		                        run->state.version);
	if (script->text != NULL && slu_migration_script_alone(script))
		return slu_migration_alone_step(run, step, error);
	return step_in_transaction(run, step, error);
}
