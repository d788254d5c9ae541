/* SPDX-License-Identifier: MIT */
/* migrate_faults.c - runners that die, servers that die, two runners at once. */
#include "db/migrate/migrate.h"

#include "db/clock.h"
#include "db/migrate/migration_lock.h"
#include "db/server/disposable.h"
#include "tests/contract/cut_wire.h"
#include "tests/contract/database.h"
#include "tests/script_directory.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_NS UINT64_C(60000000000)
#define POLL_NS UINT64_C(10000000)

static char *dsn;
static PGconn *connection;
static struct script_directory directory;
static struct sluice_error error;

static void make(void)
{
	directory = script_directory_make();
	dsn = database_create(false);
	connection = database_connect(dsn);
	/* No server dies here but one of a test's own. */
	database_run(connection, "SET client_min_messages = warning; DO $$ BEGIN EXECUTE format("
	                         "'ALTER DATABASE %I SET synchronous_commit = off', "
	                         "current_database()); END $$");
}

static void clean(void)
{
	PQfinish(connection);
	database_drop(dsn);
	script_directory_remove(&directory);
}

TestSuite(migrate_faults, .init = make, .fini = clean);

static struct sluice_migrate_options options_for(const char *conninfo)
{
	return (struct sluice_migrate_options){.conninfo = conninfo, .directory = directory.path};
}

/* Waits until `sql`, a count, is `expected`. */
static void wait_for_count(const char *sql, int64_t expected)
{
	uint64_t start_ns = slu_monotonic_ns();

	while (database_query_int(connection, sql) != expected) {
		cr_assert_lt(slu_monotonic_ns() - start_ns, WAIT_NS, "still not %lld: %s",
		             (long long)expected, sql);
		slu_pause_ns(POLL_NS);
	}
}

/* The server may still be about to notice that its client is gone. */
static void wait_for_silence(void)
{
	wait_for_count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
	               "AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
	               0);
}

static struct slu_migrate_state read_state(void)
{
	struct slu_migrate_state state = {.version = -1};

	if (database_query_int(connection,
	                       "SELECT (to_regclass('schema_migrations') IS NULL)::int"))
		return state;
	state.version = database_query_int(connection, "SELECT coalesce(max(version), -1) FROM "
	                                               "schema_migrations");
	state.dirty = database_query_int(connection, "SELECT coalesce(bool_or(dirty), false)::int "
	                                             "FROM schema_migrations");
	return state;
}

static int up(const char *conninfo)
{
	struct sluice_migrate_options options = options_for(conninfo);

	return slu_migrate_up(&options, SLU_MIGRATE_ALL, NULL, &error) != SLUICE_OK;
}

static int down(const char *conninfo)
{
	struct sluice_migrate_options options = options_for(conninfo);

	return slu_migrate_down(&options, SLU_MIGRATE_ALL, &error) != SLUICE_OK;
}

/* ---- a runner that dies ---- */

/* Two versions of two statements: version n is table n with one row. */
static void add_two(void)
{
	char name[32];
	char text[128];
	int i;

	for (i = 1; i <= 2; i++) {
		snprintf(name, sizeof(name), "%d_t.up.sql", i);
		snprintf(text, sizeof(text),
		         "CREATE TABLE t%d (a int);\nINSERT INTO t%d VALUES (1);\n", i, i);
		script_directory_add(&directory, name, text);
		snprintf(name, sizeof(name), "%d_t.down.sql", i);
		snprintf(text, sizeof(text), "DELETE FROM t%d;\nDROP TABLE t%d;\n", i, i);
		script_directory_add(&directory, name, text);
	}
}

/* Asks the server for a truth; # in it is `number`. */
static bool holds(const char *sql, int64_t number)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	bool answer;

	fputs("SELECT (", stream);
	for (; *sql != '\0'; sql++) {
		if (*sql == '#')
			fprintf(stream, "%lld", (long long)number);
		else
			fputc(*sql, stream);
	}
	fputs(")::int", stream);
	fclose(stream);
	answer = database_query_int(connection, text) == 1;
	free(text);
	return answer;
}

/* Tables and version say the same, of both sets, and nothing is dirty. */
static void expect_whole(size_t request)
{
	struct slu_migrate_state state = read_state();
	int64_t version = state.version < 0 ? 0 : state.version;
	int i;

	cr_assert_not(state.dirty, "dirty after request %zu", request);
	cr_assert(holds("SELECT count(*) = # AND count(*) FILTER (WHERE substr(tablename, 2)::int "
	                "<= #) = # FROM pg_tables WHERE tablename ~ '^t[0-9]$'",
	                version),
	          "version %lld after request %zu", (long long)version, request);
	for (i = 1; i <= version; i++)
		cr_assert(holds("SELECT count(*) = 1 FROM t#", i), "request %zu", request);
	cr_assert(holds("SELECT (to_regclass('sluice.lane') IS NULL) = "
	                "(to_regclass('sluice.schema_migrations') IS NULL)",
	                0),
	          "request %zu", request);
}

/* Much quicker than another database. */
static void empty_database(void)
{
	database_run(connection,
	             "DROP SCHEMA IF EXISTS public, sluice CASCADE; CREATE SCHEMA public");
}

/* Cuts `work` at each of its requests, in an empty database each time, or one that has gone up if
 * `from_top`. However it ends, whole versions are there, and the next run ends it. */
static void cut_everywhere(int (*work)(const char *conninfo), bool from_top, enum cut cut)
{
	struct cut_end end = {.reached = true};
	size_t request;

	for (request = 1; end.reached; request++) {
		empty_database();
		if (from_top)
			cr_assert_eq(up(dsn), 0, "%s", error.message);
		end = cut_wire(dsn, work, request, cut);
		cr_assert_eq(end.status,
		             !end.reached        ? 0
		             : cut == CUT_CLIENT ? -1
		                                 : 1,
		             "request %zu", request);
		wait_for_silence();
		expect_whole(request);
		cr_assert_eq(up(dsn), 0, "request %zu: %s", request, error.message);
		expect_whole(request);
		cr_assert_eq(read_state().version, 2);
	}
	cr_assert_gt(request, 15); /* there was something to cut */
}

Test(migrate_faults, killed_at_any_request_of_up_whole_versions_are_there)
{
	add_two();
	cut_everywhere(up, false, CUT_CLIENT);
}

Test(migrate_faults, cut_off_at_any_request_of_up_whole_versions_are_there)
{
	add_two();
	cut_everywhere(up, false, CUT_CONNECTION);
}

Test(migrate_faults, killed_at_any_request_of_down_whole_versions_are_there)
{
	add_two();
	cut_everywhere(down, true, CUT_CLIENT);
}

/* ---- a runner that dies outside of a transaction ---- */

/* What can't be in a transaction may be left half done, but never unnoticed: clean means that it is
 * either there and valid, or not there at all. Returns whether it was dirty. */
static bool mend_if_dirty(size_t request)
{
	struct sluice_migrate_options options = options_for(dsn);
	struct slu_migrate_state state = read_state();

	if (!state.dirty) {
		cr_assert(holds("SELECT count(*) = (# = 2)::int FROM pg_index WHERE indexrelid = "
		                "to_regclass('t1_a') AND indisvalid",
		                state.version),
		          "request %zu", request);
		return false;
	}
	cr_assert_eq(state.version, 2, "request %zu", request);
	cr_assert_eq(up(dsn), 1, "request %zu", request);
	cr_assert_not_null(strstr(error.message, "Dirty database version 2"), "%s", error.message);
	database_run(connection, "DROP INDEX IF EXISTS t1_a");
	cr_assert_eq(slu_migrate_force(&options, 1, &error), SLUICE_OK, "%s", error.message);
	return true;
}

Test(migrate_faults, killed_at_any_request_outside_of_a_transaction_it_is_noticed)
{
	struct cut_end end = {.reached = true};
	size_t dirty = 0;
	size_t request;

	script_directory_add(&directory, "1_t.up.sql", "CREATE TABLE t1 (a int)");
	script_directory_add(&directory, "2_i.up.sql",
	                     "CREATE UNIQUE INDEX CONCURRENTLY t1_a ON t1 (a)");
	for (request = 1; end.reached; request++) {
		empty_database();
		end = cut_wire(dsn, up, request, CUT_CLIENT);
		wait_for_silence();
		dirty += mend_if_dirty(request);
		cr_assert_eq(up(dsn), 0, "request %zu: %s", request, error.message);
		cr_assert_eq(read_state().version, 2);
		cr_assert_not(mend_if_dirty(request));
	}
	cr_assert_gt(dirty, 1); /* before and after the statement, at least */
}

/* ---- a server that dies ---- */

static pid_t start(int (*work)(const char *conninfo), const char *conninfo)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(127);
		_exit(work(conninfo));
	}
	return pid;
}

static int wait_for_end(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A server of its own: with the one of all tests, the next tests would be gone. */
Test(migrate_faults, a_server_killed_in_the_middle_of_a_script_has_nothing_of_it)
{
	struct slu_disposable *server = slu_disposable_start(&error);
	char *shared_dsn = dsn;
	pid_t runner;

	cr_assert_not_null(server, "%s", error.message);
	dsn = strdup(slu_disposable_dsn(server));
	PQfinish(connection);
	connection = database_connect(dsn);
	add_two();
	script_directory_add(&directory, "2_t.up.sql",
	                     "CREATE TABLE t2 (a int); INSERT INTO t2 "
	                     "VALUES (1); SELECT pg_sleep(600)");
	runner = start(up, dsn);
	wait_for_count("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1);
	cr_assert_eq(slu_disposable_kill9(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(wait_for_end(runner), 1);
	cr_assert_eq(slu_disposable_restart(server, &error), SLUICE_OK, "%s", error.message);
	PQreset(connection);
	cr_assert_eq(read_state().version, 1);
	expect_whole(0);
	add_two();
	cr_assert_eq(up(dsn), 0, "%s", error.message);
	expect_whole(0);
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
	free(dsn);
	dsn = shared_dsn;
}

/* ---- two at once ---- */

#define TWO_COUNT 10

static void add_logged(void)
{
	char name[32];
	char text[128];
	int i;

	for (i = 1; i <= TWO_COUNT; i++) {
		snprintf(name, sizeof(name), "%d_log.up.sql", i);
		snprintf(text, sizeof(text), "%sINSERT INTO log VALUES (%d);\n",
		         i == 1 ? "CREATE TABLE log (n int);\n" : "", i);
		script_directory_add(&directory, name, text);
	}
}

/* The lock is held until both are there, so that they do meet. */
Test(migrate_faults, of_two_runners_at_once_both_succeed_and_each_script_runs_once)
{
	pid_t runners[2];
	char sql[128];

	add_logged();
	snprintf(sql, sizeof(sql), "SELECT pg_advisory_lock(%u)",
	         (unsigned)slu_migration_lock_id("public", "schema_migrations", PQdb(connection)));
	database_run(connection, sql);
	runners[0] = start(up, dsn);
	runners[1] = start(up, dsn);
	wait_for_count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
	               "AND application_name = 'sluice migrate'",
	               2);
	database_run(connection, "SELECT pg_advisory_unlock_all()");
	cr_assert_eq(wait_for_end(runners[0]), 0);
	cr_assert_eq(wait_for_end(runners[1]), 0);
	cr_assert_eq(read_state().version, TWO_COUNT);
	cr_assert(holds("SELECT array_agg(n ORDER BY n) = ARRAY(SELECT generate_series(1, #)) FROM "
	                "log",
	                TWO_COUNT));
	cr_assert(holds("SELECT array_agg(version::int ORDER BY id) = ARRAY(SELECT "
	                "generate_series(1, #)) FROM schema_migrations_history",
	                TWO_COUNT));
}
