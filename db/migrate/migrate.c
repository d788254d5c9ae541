/* SPDX-License-Identifier: MIT */
/* migrate.c - carries a database from one version of its schema to another.
 * Owns: one connection for the length of a call.  Borrows: the caller's options.
 * One cycle: read files -> connect -> for each set: lock -> read version -> check all scripts ->
 * steps -> unlock. */
#include "db/migrate/migrate.h"

#include "db/migrate/migration_lock.h"
#include "db/migrate/migration_run.h"
#include "db/migrate/migration_script.h"
#include "db/migrate/migration_set.h"

#include <sluice/sink.h>

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_S "15"

/* ---- connect ---- */

static void print_notice(void *progress, const char *message)
{
	if (progress != NULL)
		fputs(message, progress);
}

/* The scripts are UTF-8, whatever PGCLIENTENCODING says. */
static enum sluice_status connect_to(const struct slu_migrate_options *options, PGconn **connection,
                                     struct sluice_error *error)
{
	const char *conninfo = options->conninfo != NULL ? options->conninfo : "";
	const char *timeout_s = getenv("PGCONNECT_TIMEOUT");
	const char *const names[] = {"connect_timeout", "dbname", "client_encoding",
	                             "application_name", NULL};
	const char *const values[] = {timeout_s != NULL ? timeout_s : CONNECT_TIMEOUT_S, conninfo,
	                              "UTF8", "sluice migrate", NULL};
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);

	*connection = NULL;
	if (parsed == NULL)
		return sluice_error_set(
			error, SLUICE_INVALID,
			"the connection string can't be read (it is not shown: it "
			"may hold a password). Its form is \"host=.. dbname=..\" or "
			"\"postgresql://host/dbname\"");
	PQconninfoFree(parsed);
	*connection = PQconnectdbParams(names, values, 1);
	if (PQstatus(*connection) != CONNECTION_OK) {
		sluice_error_set(error, SLUICE_FAILED,
		                 "%sCheck the connection string, that the server runs, and that "
		                 "the database exists: migrations do not create it (createdb does)",
		                 PQerrorMessage(*connection));
		PQfinish(*connection);
		*connection = NULL;
		return SLUICE_FAILED;
	}
	PQsetNoticeProcessor(*connection, print_notice, options->progress);
	return SLUICE_OK;
}

/* ---- one set, under its lock ---- */

/* Finds where the database stands in the set: `*next` is the index of the first migration that is
 * not in place. Refuses a database about which these files can say nothing. */
static enum sluice_status locate(const struct slu_migration_run *run,
                                 const struct slu_migration_set *set, size_t *next,
                                 struct sluice_error *error)
{
	long long version = run->state.version;

	*next = 0;
	if (run->state.dirty)
		return sluice_error_set(
			error, SLUICE_INVALID,
			"Dirty database version %lld: another tool began a migration and did not "
			"finish it. Find out what of it is in the database and complete or undo it "
			"by hand; then set %s to the version that is true, dirty = false",
			version, run->table);
	if (version < 0)
		return SLUICE_OK;
	*next = slu_migration_set_find(set, run->state.version);
	if (*next == set->count)
		return sluice_error_set(
			error, SLUICE_INVALID,
			"no migration found for version %lld, at which %s says the database is: it "
			"was brought there by newer files or by others. Use those",
			version, run->table);
	++*next;
	return SLUICE_OK;
}

/* So that a script which can't run is found before the first one runs. */
static enum sluice_status check_scripts(const struct slu_migration_set *set,
                                        enum slu_direction direction, size_t first, size_t count,
                                        struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	for (i = first; i < first + count && status == SLUICE_OK; i++) {
		const struct slu_migration_script *script = slu_migration_side(&set->migrations[i],
		                                                               direction);

		if (script->text != NULL)
			status = slu_migration_script_check(script, error);
	}
	return status;
}

static enum sluice_status go_up(struct slu_migration_run *run, const struct slu_migration_set *set,
                                size_t limit, size_t *applied, struct sluice_error *error)
{
	enum sluice_status status;
	size_t next;
	size_t count;

	status = locate(run, set, &next, error);
	if (status != SLUICE_OK)
		return status;
	count = set->count - next < limit ? set->count - next : limit;
	status = check_scripts(set, SLU_UP, next, count, error);
	for (; count > 0 && status == SLUICE_OK; count--, next++) {
		const struct slu_migration *migration = &set->migrations[next];

		status = slu_migration_run_step(run, SLU_UP, migration, migration->version, error);
		*applied += status == SLUICE_OK;
	}
	return status;
}

static enum sluice_status go_down(struct slu_migration_run *run,
                                  const struct slu_migration_set *set, size_t count,
                                  size_t *applied, struct sluice_error *error)
{
	enum sluice_status status;
	size_t next;

	status = locate(run, set, &next, error);
	if (status != SLUICE_OK)
		return status;
	if (count > next)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "can't go down by %zu: only %zu of the migrations are in "
		                        "place. Nothing was changed",
		                        count, next);
	status = check_scripts(set, SLU_DOWN, next - count, count, error);
	for (; count > 0 && status == SLUICE_OK; count--, next--) {
		int64_t version = next >= 2 ? set->migrations[next - 2].version : -1;

		status = slu_migration_run_step(run, SLU_DOWN, &set->migrations[next - 1], version,
		                                error);
		*applied += status == SLUICE_OK;
	}
	return status;
}

/* Moves `set`, whose version table is in `schema`, by at most `count`. */
static enum sluice_status move(const struct slu_migrate_options *options, PGconn *connection,
                               const struct slu_migration_set *set, const char *schema,
                               enum slu_direction direction, size_t count, size_t *applied,
                               struct sluice_error *error)
{
	struct slu_migration_run run;
	struct slu_migration_lock lock;
	enum sluice_status status;

	status = slu_migration_run_init(&run, connection, options->progress, schema, error);
	if (status != SLUICE_OK)
		goto out;
	run.label = schema != NULL ? SLU_MIGRATION_LIBRARY_SCHEMA " " : "";
	status = slu_migration_lock_take(&lock, connection, run.schema, SLU_MIGRATION_TABLE,
	                                 options->lock_timeout_ns, error);
	if (status != SLUICE_OK)
		goto out;
	status = slu_migration_run_read(&run, error);
	if (status == SLUICE_OK)
		status = direction == SLU_UP ? go_up(&run, set, count, applied, error)
		                             : go_down(&run, set, count, applied, error);
	slu_migration_lock_release(&lock);
out:
	slu_migration_run_free(&run);
	return status;
}

/* ---- the calls ---- */

static enum sluice_status read_user_set(const struct slu_migrate_options *options,
                                        struct slu_migration_set *set, struct sluice_error *error)
{
	if (options->directory != NULL)
		return slu_migration_set_read(set, options->directory, error);
	return slu_migration_set_embedded(set, options->files, options->file_count, error);
}

enum sluice_status slu_migrate_up(const struct slu_migrate_options *options, size_t limit,
                                  size_t *applied, struct sluice_error *error)
{
	struct slu_migration_set library = {NULL, 0};
	struct slu_migration_set user = {NULL, 0};
	PGconn *connection = NULL;
	size_t count = 0;
	enum sluice_status status;

	status = read_user_set(options, &user, error);
	if (status == SLUICE_OK)
		status = slu_migration_set_embedded(&library, slu_embedded_sluice,
		                                    slu_embedded_sluice_count, error);
	if (status == SLUICE_OK)
		status = connect_to(options, &connection, error);
	if (status == SLUICE_OK)
		status = move(options, connection, &library, SLU_MIGRATION_LIBRARY_SCHEMA, SLU_UP,
		              SLU_MIGRATE_ALL, &count, error);
	if (status == SLUICE_OK)
		status = move(options, connection, &user, NULL, SLU_UP, limit, &count, error);
	PQfinish(connection);
	slu_migration_set_free(&user);
	slu_migration_set_free(&library);
	if (applied != NULL)
		*applied = count;
	return status;
}

enum sluice_status slu_migrate_down(const struct slu_migrate_options *options, size_t count,
                                    struct sluice_error *error)
{
	struct slu_migration_set user = {NULL, 0};
	PGconn *connection = NULL;
	size_t applied = 0;
	enum sluice_status status;

	status = read_user_set(options, &user, error);
	if (status == SLUICE_OK)
		status = connect_to(options, &connection, error);
	if (status == SLUICE_OK)
		status = move(options, connection, &user, NULL, SLU_DOWN, count, &applied, error);
	PQfinish(connection);
	slu_migration_set_free(&user);
	return status;
}

enum sluice_status slu_migrate_version(const struct slu_migrate_options *options,
                                       struct slu_migrate_state *state, struct sluice_error *error)
{
	struct slu_migration_run run;
	PGconn *connection;
	enum sluice_status status = connect_to(options, &connection, error);

	if (status != SLUICE_OK)
		return status;
	status = slu_migration_run_init(&run, connection, NULL, NULL, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_read(&run, error);
	if (status == SLUICE_OK)
		*state = run.state;
	slu_migration_run_free(&run);
	PQfinish(connection);
	return status;
}
