/* SPDX-License-Identifier: MIT */
/* migration_alone.c - dirty, statement by statement, clean.
 *
 * golang-migrate queues for the lock that we hold, with a snapshot; CREATE INDEX CONCURRENTLY waits
 * for all snapshots: a deadlock, which the server ends by failing one of the two. When it is ours
 * (40P01), nothing is lost: drop the half-built index, let the lock go for a moment so that the
 * other finds a dirty database and leaves, and run the statement again. */
#include "db/migrate/migration_alone.h"

#include "db/clock.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEADLOCK_DETECTED "40P01"
#define DEADLOCK_RETRIES 5
#define DEADLOCK_PAUSE_NS UINT64_C(200000000)

/* ---- indexes ---- */

/* One that is being built by others just now is no leftover. */
#define FROM_INVALID                                                                         \
	"FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "     \
	"WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT i.indexrelid = ANY ($1::oid[]) " \
	"AND i.indexrelid NOT IN (SELECT index_relid FROM "                                  \
	"pg_catalog.pg_stat_progress_create_index)"

static const char invalid_names[] =
	"SELECT string_agg(i.indexrelid::regclass::text, ', ' ORDER BY i.indexrelid) " FROM_INVALID;
static const char invalid_oids[] = "SELECT coalesce(array_agg(i.indexrelid), '{}') " FROM_INVALID;
static const char invalid_drops[] =
	"SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %s', i.indexrelid::regclass) " FROM_INVALID;

/* The first value of `query`; NULL for none, also when the server does not tell. Free it. */
static char *ask(PGconn *connection, const char *query, const char *except)
{
	PGresult *result = PQexecParams(connection, query, 1, NULL, &except, NULL, NULL, 0);
	char *value = NULL;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 &&
	    !PQgetisnull(result, 0, 0))
		value = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

char *slu_migration_invalid_indexes(PGconn *connection)
{
	return ask(connection, invalid_names, "{}");
}

/* ---- before ---- */

/* A transaction pooler answers with a process id of its own making. */
static enum sluice_status refuse_pooler(struct slu_migration_run *run, const char *file,
                                        struct sluice_error *error)
{
	PGresult *result = PQexec(run->connection, "SELECT pg_catalog.pg_backend_pid()");
	enum sluice_status status = SLUICE_OK;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		status = slu_migration_refused(run->connection, "ask for the session", result,
		                               run->sqlstate, error);
	else if (strtol(PQgetvalue(result, 0, 0), NULL, 10) != PQbackendPID(run->connection))
		status = sluice_error_set(
			error, SLUICE_INVALID,
			"%s can't run in a transaction, and needs a session of its own; but there "
			"is a connection pooler in between. Nothing of it was applied: connect to "
			"the server directly (--dsn), and run again",
			file);
	PQclear(result);
	return status;
}

/* One transaction of its own. */
static enum sluice_status write_state(struct slu_migration_run *run, struct slu_migrate_state state,
                                      const struct slu_migration_event *event,
                                      struct sluice_error *error)
{
	enum sluice_status status = slu_migration_run_command(run, "begin a transaction", "BEGIN",
	                                                      error);

	if (status == SLUICE_OK)
		status = slu_migration_run_write(run, state, error);
	if (status == SLUICE_OK && event != NULL)
		status = slu_migration_run_remember(run, event, run->state.version, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_commit(run, "the version", error);
	if (status != SLUICE_OK)
		slu_migration_run_roll_back(run, error);
	return status;
}

/* ---- after a failure ---- */

static void leave_transaction(struct slu_migration_run *run)
{
	if (PQtransactionStatus(run->connection) != PQTRANS_IDLE)
		PQclear(PQexec(run->connection, "ROLLBACK"));
}

/* Adds what to do to the cause that `error` holds. `invalid` are the indexes that were so before
 * the step. */
static void tell_remedy(struct slu_migration_run *run, const struct slu_migration_step *step,
                        const char *invalid, struct sluice_error *error)
{
	char *names;
	struct sluice_error cause;
	char drop[200] = "";
	int64_t undone = step->direction == SLU_UP ? run->state.version : step->files->version;

	if (error == NULL)
		return;
	cause = *error;
	names = ask(run->connection, invalid_names, invalid);
	if (names != NULL)
		snprintf(drop, sizeof(drop), " (DROP INDEX CONCURRENTLY %.120s, which is INVALID)",
		         names);
	free(names);
	sluice_error_set(error, SLUICE_FAILED,
	                 "%.210s. It ran outside of a transaction: the database is dirty at "
	                 "version %" PRId64
	                 ". Undo what it did%s, then `sluice migrate force %" PRId64
	                 "`, mend the script, and run again; or do the rest of it by hand, and "
	                 "`sluice migrate force %" PRId64 "`",
	                 cause.message, step->version, drop, undone, step->version);
}

/* Drops what the deadlock left, and gives its other side the time to go. */
static enum sluice_status make_way(struct slu_migration_run *run, const char *invalid,
                                   struct sluice_error *error)
{
	struct slu_migrate_state planned = run->state;
	struct slu_migrate_state found;
	enum sluice_status status;
	char *drop;

	slu_migration_lock_release(&run->lock);
	slu_pause_ns(DEADLOCK_PAUSE_NS);
	status = slu_migration_lock_take(&run->lock, &run->watch, error);
	if (status != SLUICE_OK)
		return status;
	status = slu_migration_run_read(run, error);
	found = run->state;
	run->state = planned;
	if (status == SLUICE_OK && !found.dirty)
		return slu_migration_run_moved(error);
	while (status == SLUICE_OK &&
	       (drop = ask(run->connection, invalid_drops, invalid)) != NULL) {
		status = slu_migration_run_command(run, "drop an INVALID index", drop, error);
		free(drop);
	}
	return status;
}

/* ---- statements ---- */

static enum sluice_status run_statement(struct slu_migration_run *run,
                                        const struct slu_migration_script *script,
                                        const struct slu_sql_statement *statement, size_t end,
                                        const char *invalid, struct sluice_error *error)
{
	enum sluice_status status;
	int retries = 0;

	for (;;) {
		struct sluice_error why;

		status = slu_migration_statement_run(script, statement, end, run->connection,
		                                     &run->watch, run->sqlstate, error);
		if (status == SLUICE_OK || !statement->concurrently ||
		    strcmp(run->sqlstate, DEADLOCK_DETECTED) != 0 || retries++ == DEADLOCK_RETRIES)
			return status;
		slu_migration_tell(run->options,
		                   "%s: a deadlock with another migration that waits for ours: "
		                   "its INVALID index is dropped, and the statement run again",
		                   script->file);
		if (make_way(run, invalid, &why) != SLUICE_OK)
			return status;
	}
}

static enum sluice_status run_statements(struct slu_migration_run *run,
                                         const struct slu_migration_script *script,
                                         const char *invalid, struct sluice_error *error)
{
	struct slu_sql_scan scan = {script->text, script->size, 0};
	struct slu_sql_statement statement;
	enum sluice_status status = slu_migration_run_limit(run, error);

	while (status == SLUICE_OK && slu_sql_next(&scan, &statement))
		status = run_statement(run, script, &statement, scan.at, invalid, error);
	if (status == SLUICE_OK && PQtransactionStatus(run->connection) != PQTRANS_IDLE)
		status =
			sluice_error_set(error, SLUICE_FAILED,
		                         "%s: ended inside the transaction it began: the COMMIT is "
		                         "missing",
		                         script->file);
	return status;
}

enum sluice_status slu_migration_alone_step(struct slu_migration_run *run,
                                            const struct slu_migration_step *step,
                                            struct sluice_error *error)
{
	const struct slu_migration_script *script = slu_migration_side(step->files,
	                                                               step->direction);
	struct slu_migrate_state target = {.version = step->version, .dirty = true};
	uint64_t start_ns;
	char *invalid;
	enum sluice_status status = refuse_pooler(run, script->file, error);

	if (status == SLUICE_OK)
		status = slu_migration_lock_take(&run->lock, &run->watch, error);
	if (status != SLUICE_OK)
		return status;
	invalid = ask(run->connection, invalid_oids, "{}");
	status = slu_migration_run_unmoved(run, error);
	if (status == SLUICE_OK)
		status = write_state(run, target, NULL, error);
	if (status != SLUICE_OK)
		goto unlock;
	start_ns = slu_monotonic_ns();
	status = run_statements(run, script, invalid != NULL ? invalid : "{}", error);
	if (status == SLUICE_OK) {
		uint64_t duration_ns = slu_monotonic_ns() - start_ns;
		struct slu_migration_event event = slu_migration_event_of(step, duration_ns);

		target.dirty = false;
		status = write_state(run, target, &event, error);
		if (status == SLUICE_OK)
			slu_migration_run_tell(run, step, duration_ns);
	}
	if (status != SLUICE_OK) {
		leave_transaction(run);
		tell_remedy(run, step, invalid != NULL ? invalid : "{}", error);
		PQclear(PQexec(run->connection, "RESET SESSION AUTHORIZATION; RESET ROLE; RESET "
		                                "ALL"));
	}
unlock:
	free(invalid);
	slu_migration_lock_release(&run->lock);
	return status;
}
