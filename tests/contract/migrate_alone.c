/* SPDX-License-Identifier: MIT */
/* migrate_alone.c - scripts that can't be in a transaction: golang-migrate's dirty protocol, the
 * remedies it needs, and the deadlock it can run into. */
#include "cli/commands.h"
#include "db/clock.h"
#include "db/migrate/migration_lock.h"
#include "tests/contract/migrate_stage.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>

/* A table with a duplicate, for a unique index to fail on. */
static void make_applied(void)
{
	stage_make();
	stage_add("0001_a.up.sql", "CREATE TABLE a (a int); INSERT INTO a VALUES (1), (1)");
	stage_add("0001_a.down.sql", "DROP TABLE a");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
}

TestSuite(migrate_alone, .init = make_applied, .fini = stage_clean);

static int64_t valid_indexes(const char *name)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = "
	         "to_regclass('%s')",
	         name);
	return database_query_int(stage.connection, sql);
}

Test(migrate_alone, an_index_is_built_concurrently_up_and_down)
{
	stage_add("0002_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (a)");
	stage_add("0002_i.down.sql", "DROP INDEX CONCURRENTLY i");
	stage_expect("up", CLI_OK, "", "2/u i (N ms)\n");
	cr_assert_eq(valid_indexes("i"), 1);
	cr_assert_eq(stage_version(), 2);
	stage_expect("down 1", CLI_OK, "", "2/d i (N ms)\n");
	cr_assert_eq(stage_version(), 1);
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT count(*) FROM schema_migrations_history WHERE "
	                                "version = 2"),
	             2);
}

Test(migrate_alone, several_such_statements_and_others_run_one_by_one)
{
	stage_add("0002_i.up.sql",
	          "CREATE INDEX CONCURRENTLY i ON a (a);\nVACUUM a;\nINSERT INTO a VALUES (2);\n"
	          "CREATE INDEX CONCURRENTLY j ON a (a);\n");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(valid_indexes("j"), 1);
}

Test(migrate_alone, a_script_may_bring_its_own_transaction)
{
	stage_add("0002_b.up.sql", "BEGIN;\nCREATE TABLE b (a int);\nCOMMIT;\n");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert(stage_has_table("b"));
	cr_assert_eq(stage_version(), 2);
}

Test(migrate_alone, a_script_may_ask_for_it)
{
	stage_add("0002_b.up.sql", "-- Why it has to be so.\n-- sluice: no-transaction\n"
	                           "CREATE TABLE b (a int);\nINSERT INTO nowhere VALUES (1);\n");
	cr_assert_eq(stage_up(), SLUICE_FAILED);
	cr_assert(stage_has_table("b"));
	cr_assert(stage_dirty());
}

/* ---- failures ---- */

Test(migrate_alone, a_failed_unique_index_is_named_and_the_remedy_works)
{
	stage_add("0002_u.up.sql",
	          "-- each a once\nCREATE UNIQUE INDEX CONCURRENTLY u ON a (a);\n");
	stage_expect(
		"up", CLI_FAILED, "",
		"error: 0002_u.up.sql:2: could not create unique index \"u\" (SQLSTATE 23505). "
		"It ran outside of a transaction: the database is dirty at version 2. Undo "
		"what it did (DROP INDEX CONCURRENTLY u, which is INVALID), then `sluice "
		"migrate force 1`, mend the script, and run again; or do the rest of it by "
		"hand, and `sluice migrate force 2`\n");
	stage_expect(
		"up", CLI_FAILED, "",
		"error: Dirty database version 2. Fix and force version. A script was begun "
		"and not finished. Complete or undo it by hand (DROP INDEX CONCURRENTLY u, "
		"which is INVALID); then `sluice migrate force 2` if it is complete, or, if it "
		"was on its way up and is undone, `sluice migrate force 1`\n");
	database_run(stage.connection, "DROP INDEX CONCURRENTLY u");
	database_run(stage.connection, "TRUNCATE a");
	stage_expect("force 1", CLI_OK, "", "");
	stage_expect("up", CLI_OK, "", "2/u u (N ms)\n");
	cr_assert_eq(valid_indexes("u"), 1);
}

Test(migrate_alone, an_index_that_was_invalid_before_is_nobodys_leftover)
{
	PGresult *result = PQexec(stage.connection, "CREATE UNIQUE INDEX CONCURRENTLY x ON a (a)");

	cr_assert_eq(PQresultStatus(result), PGRES_FATAL_ERROR);
	PQclear(result);
	stage_add("0002_b.up.sql", "VACUUM nowhere");
	stage_expect(
		"up", CLI_FAILED, "",
		"error: 0002_b.up.sql:1: relation \"nowhere\" does not exist (SQLSTATE 42P01). "
		"It ran outside of a transaction: the database is dirty at version 2. Undo "
		"what it did, then `sluice migrate force 1`, mend the script, and run again; "
		"or do the rest of it by hand, and `sluice migrate force 2`\n");
}

Test(migrate_alone, a_failed_way_down_is_dirty_at_the_version_below)
{
	stage_add("0002_b.up.sql", "CREATE TABLE b (a int)");
	stage_add("0002_b.down.sql", "-- sluice: no-transaction\nDROP TABLE b; DROP TABLE nowhere");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_cli("down 1"), CLI_FAILED);
	stage_expect("version", CLI_OK, "1 (dirty)\n", "");
	stage_expect("force 1", CLI_OK, "", "");
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT count(*) FROM schema_migrations_history WHERE "
	                                "version = 2 AND action = 'lost'"),
	             1);
}

Test(migrate_alone, a_failure_inside_its_own_transaction_is_rolled_back_and_dirty)
{
	stage_add("0002_b.up.sql", "BEGIN;\nCREATE TABLE b (a int);\nSELECT 1/0;\nCOMMIT;\n");
	cr_assert_eq(stage_up(), SLUICE_FAILED);
	cr_assert_not_null(strstr(stage.error.message, "0002_b.up.sql:3: division by zero"), "%s",
	                   stage.error.message);
	cr_assert_not(stage_has_table("b"));
	cr_assert(stage_dirty());
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT count(*) FROM pg_locks WHERE locktype = "
	                                "'advisory' AND database = (SELECT oid FROM pg_database "
	                                "WHERE datname = current_database())"),
	             0);
}

Test(migrate_alone, what_is_left_is_looked_for_after_the_rollback)
{
	stage_add("0002_b.up.sql",
	          "CREATE INDEX i ON a (a);\n"
	          "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass;\n"
	          "BEGIN;\nSELECT 1/0;\nCOMMIT;\n");
	cr_assert_eq(stage_up(), SLUICE_FAILED);
	cr_assert_not_null(strstr(stage.error.message, "DROP INDEX CONCURRENTLY i"), "%s",
	                   stage.error.message);
}

Test(migrate_alone, a_transaction_that_is_left_open_is_told)
{
	stage_add("0002_b.up.sql", "BEGIN;\nCREATE TABLE b (a int);\n");
	cr_assert_eq(stage_up(), SLUICE_FAILED);
	cr_assert_not_null(strstr(stage.error.message, "the COMMIT is missing"), "%s",
	                   stage.error.message);
	cr_assert_not(stage_has_table("b"));
}

Test(migrate_alone, what_the_server_refuses_in_a_transaction_names_the_directive)
{
	stage_add("0002_b.up.sql", "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p");
	stage_expect(
		"up", CLI_FAILED, "",
		"error: 0002_b.up.sql:1: CREATE SUBSCRIPTION ... WITH (create_slot = true) "
		"cannot run inside a transaction block (SQLSTATE 25001): it can't be part of the transaction that Sluice puts "
		"around a script and its version. Nothing of this script was applied: make "
		"`-- sluice: no-transaction` its first line, and run again\n");
	cr_assert_eq(stage_version(), 1);
}

/* ---- golang-migrate waits for our lock while an index is built ---- */

static uint32_t lock_id(void)
{
	return slu_migration_lock_id("public", "schema_migrations", PQdb(stage.connection));
}

/* It queues for the lock, with a snapshot; and is never the one whom the server fails. */
static void *golang_migrate(void *argument)
{
	PGconn *connection = database_connect(stage.dsn);
	char sql[160];

	(void)argument;
	database_run(connection, "SET deadlock_timeout = '1h'");
	snprintf(sql, sizeof(sql), "SELECT pg_advisory_lock(%" PRIu32 ")", lock_id());
	database_run(connection, sql);
	PQfinish(connection);
	return NULL;
}

static void *run_up(void *argument)
{
	enum sluice_status *status = argument;

	*status = slu_migrate_up(&stage.options, SLU_MIGRATE_ALL, &stage.applied, &stage.error);
	return NULL;
}

static void wait_for(const char *sql, int64_t value)
{
	while (database_query_int(stage.connection, sql) != value)
		slu_pause_ns(10000000);
}

static void wait_for_queue(uint32_t id)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
	         "objid = %" PRIu32,
	         id);
	wait_for(sql, 1);
}

Test(migrate_alone, a_deadlock_with_a_waiting_golang_migrate_is_resolved, .timeout = 120)
{
	enum sluice_status status = SLUICE_FAILED;
	pthread_t other;
	pthread_t ours;

	stage_add("0002_i.up.sql", "SELECT pg_advisory_lock(4711);\n"
	                           "SELECT pg_advisory_unlock(4711);\n"
	                           "CREATE INDEX CONCURRENTLY i ON a (a);\n");
	database_run(stage.connection, "SELECT pg_advisory_lock(4711)");
	pthread_create(&ours, NULL, run_up, &status);
	wait_for_queue(4711);
	pthread_create(&other, NULL, golang_migrate, NULL);
	wait_for_queue(lock_id());
	database_run(stage.connection, "SELECT pg_advisory_unlock(4711)");
	pthread_join(ours, NULL);
	pthread_join(other, NULL);
	cr_assert_eq(status, SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_version(), 2);
	cr_assert_eq(valid_indexes("i"), 1);
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT count(*) FROM pg_index WHERE NOT indisvalid"),
	             0);
}
