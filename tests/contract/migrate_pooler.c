/* SPDX-License-Identifier: MIT */
/* migrate_pooler.c - the runner through PgBouncer in transaction mode, which gives each transaction
 * another session: what needs only a transaction works, what needs a session is refused. */
#include "db/migrate/migrate.h"

#include "db/clock.h"
#include "db/migrate/migration_lock.h"
#include "tests/contract/database.h"
#include "tests/contract/pooler.h"
#include "tests/script_directory.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_NS UINT64_C(60000000000)
#define POLL_NS UINT64_C(10000000)
#define SESSIONS 4 /* of the pooler with the server */

static char *dsn;
static PGconn *connection; /* past the pooler */
static struct pooler *pooler;
static struct script_directory directory;
static struct sluice_error error;

static void make(void)
{
	dsn = database_create(false);
	connection = database_connect(dsn);
	pooler = pooler_start(dsn, "transaction", SESSIONS);
	directory = script_directory_make();
}

static void clean(void)
{
	script_directory_remove(&directory);
	PQfinish(connection);
	pooler_stop(pooler);
	database_drop(dsn);
}

TestSuite(migrate_pooler, .init = make, .fini = clean);

static struct sluice_migrate_options options_for(const char *conninfo)
{
	return (struct sluice_migrate_options){.conninfo = conninfo, .directory = directory.path};
}

static enum sluice_status up(const char *conninfo)
{
	struct sluice_migrate_options options = options_for(conninfo);

	return slu_migrate_up(&options, SLU_MIGRATE_ALL, NULL, &error);
}

static struct slu_migrate_state state(void)
{
	struct sluice_migrate_options options = options_for(dsn);
	struct slu_migrate_state found;

	cr_assert_eq(slu_migrate_version(&options, &found, &error), SLUICE_OK, "%s", error.message);
	return found;
}

/* Advisory locks that some session of this database still holds. */
static int64_t held_locks(void)
{
	return database_query_int(connection,
	                          "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND "
	                          "database = (SELECT oid FROM pg_database WHERE datname = "
	                          "current_database())");
}

Test(migrate_pooler, transactional_scripts_go_up_and_down)
{
	struct sluice_migrate_options options = options_for(pooler_dsn(pooler));

	script_directory_add(&directory, "1_a.up.sql", "CREATE TABLE a (id int)");
	script_directory_add(&directory, "1_a.down.sql", "DROP TABLE a");
	script_directory_add(&directory, "2_b.up.sql", "CREATE TABLE b (id int)");
	script_directory_add(&directory, "2_b.down.sql", "DROP TABLE b");
	cr_assert_eq(up(pooler_dsn(pooler)), SLUICE_OK, "%s", error.message);
	cr_assert_eq(state().version, 2);
	cr_assert_eq(slu_migrate_down(&options, 1, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migrate_redo(&options, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migrate_goto(&options, 2, NULL, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migrate_force(&options, 1, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(state().version, 1);
	cr_assert_eq(held_locks(), 0);
}

/* What a script sets would otherwise wait in a pooled session for somebody else. */
Test(migrate_pooler, settings_of_a_script_do_not_stay_in_the_pool)
{
	PGconn *other = database_connect(pooler_dsn(pooler));
	int i;

	script_directory_add(&directory, "1_a.up.sql",
	                     "SET work_mem = '77MB'; CREATE SCHEMA s; SET search_path = s; "
	                     "CREATE TABLE a (id int)");
	cr_assert_eq(up(pooler_dsn(pooler)), SLUICE_OK, "%s", error.message);
	for (i = 0; i < 2 * SESSIONS; i++)
		cr_assert_eq(database_query_int(other, "SELECT (current_setting('work_mem') = "
		                                       "'77MB' OR current_schema() = 's')::int"),
		             0);
	PQfinish(other);
}

Test(migrate_pooler, a_failing_script_leaves_nothing_and_no_lock)
{
	script_directory_add(&directory, "1_a.up.sql", "CREATE TABLE a (id int)");
	script_directory_add(&directory, "2_b.up.sql", "CREATE TABLE b (id int); SELECT 1 / 0");
	cr_assert_eq(up(pooler_dsn(pooler)), SLUICE_FAILED);
	cr_assert_not_null(strstr(error.message, "2_b.up.sql:1: division by zero"), "%s",
	                   error.message);
	cr_assert_eq(state().version, 1);
	cr_assert_not(state().dirty);
	cr_assert_eq(database_query_int(connection, "SELECT (to_regclass('b') IS NULL)::int"), 1);
	cr_assert_eq(held_locks(), 0);
	script_directory_add(&directory, "2_b.up.sql", "CREATE TABLE b (id int)");
	cr_assert_eq(up(pooler_dsn(pooler)), SLUICE_OK, "%s", error.message);
}

/* ---- two at once ---- */

#define TWO_COUNT 10

static pid_t start_up(const char *conninfo)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(up(conninfo) != SLUICE_OK);
	return pid;
}

static int wait_for_end(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Waits until a runner is in the script that waits for us, and the other has come to the server. */
static void wait_for_both(void)
{
	uint64_t start_ns = slu_monotonic_ns();

	while (database_query_int(connection,
	                          "SELECT ((SELECT count(*) FROM pg_locks WHERE locktype = "
	                          "'advisory' AND objid = 4711 AND NOT granted) = 1 AND "
	                          "(SELECT count(*) FROM pg_stat_activity WHERE datname = "
	                          "current_database() AND pid <> pg_backend_pid()) >= 2)::int") ==
	       0) {
		cr_assert_lt(slu_monotonic_ns() - start_ns, WAIT_NS, "no two runners came");
		slu_pause_ns(POLL_NS);
	}
}

/* The first script waits for us until both runners are there; one waits in it, the other for its
 * lock. Had the lock stayed behind in another session, both would be in the script, or nobody. */
Test(migrate_pooler, of_two_runners_at_once_both_succeed_and_each_script_runs_once)
{
	char name[32];
	char text[128];
	pid_t runners[2];
	int i;

	for (i = 1; i <= TWO_COUNT; i++) {
		snprintf(name, sizeof(name), "%d_log.up.sql", i);
		snprintf(text, sizeof(text), "%sINSERT INTO log VALUES (%d)",
		         i == 1 ? "SELECT pg_advisory_xact_lock(4711); CREATE TABLE log (n int); "
		                : "",
		         i);
		script_directory_add(&directory, name, text);
	}
	database_run(connection, "SELECT pg_advisory_lock(4711)");
	runners[0] = start_up(pooler_dsn(pooler));
	runners[1] = start_up(pooler_dsn(pooler));
	wait_for_both();
	database_run(connection, "SELECT pg_advisory_unlock(4711)");
	for (i = 0; i < 2; i++)
		cr_assert_eq(wait_for_end(runners[i]), 0);
	cr_assert_eq(state().version, TWO_COUNT);
	cr_assert_eq(database_query_int(connection,
	                                "SELECT count(*) * 100 + count(DISTINCT n) FROM log"),
	             TWO_COUNT * 100 + TWO_COUNT);
	cr_assert_eq(held_locks(), 0);
}

/* golang-migrate, which holds its lock in a session, and past the pooler. */
Test(migrate_pooler, a_lock_that_others_hold_past_the_pooler_counts)
{
	struct sluice_migrate_options options = options_for(pooler_dsn(pooler));
	char sql[128];

	options.lock_timeout_ns = 1;
	script_directory_add(&directory, "1_a.up.sql", "CREATE TABLE a (id int)");
	snprintf(sql, sizeof(sql), "SELECT pg_advisory_lock(%u)",
	         (unsigned)slu_migration_lock_id("public", "schema_migrations", PQdb(connection)));
	database_run(connection, sql);
	cr_assert_eq(slu_migrate_up(&options, SLU_MIGRATE_ALL, NULL, &error), SLUICE_TIMEOUT, "%s",
	             error.message);
	cr_assert_not_null(strstr(error.message, "timeout: can't acquire database lock"), "%s",
	                   error.message);
	database_run(connection, "SELECT pg_advisory_unlock_all()");
	cr_assert_eq(up(pooler_dsn(pooler)), SLUICE_OK, "%s", error.message);
}

/* ---- what needs a session ---- */

Test(migrate_pooler, a_script_outside_of_a_transaction_is_refused_before_it_runs)
{
	script_directory_add(&directory, "1_a.up.sql", "CREATE TABLE a (id int)");
	script_directory_add(&directory, "2_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (id)");
	cr_assert_eq(up(pooler_dsn(pooler)), SLUICE_INVALID);
	cr_assert_str_eq(
		error.message,
		"2_i.up.sql can't run in a transaction, and needs a session of its own; but "
		"there is a connection pooler in between. Nothing of it was applied: "
		"connect to the server directly (--dsn), and run again");
	cr_assert_eq(state().version, 1);
	cr_assert_not(state().dirty);
	cr_assert_eq(held_locks(), 0);
	cr_assert_eq(up(dsn), SLUICE_OK, "%s", error.message);
	cr_assert_eq(state().version, 2);
}
