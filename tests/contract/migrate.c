/* SPDX-License-Identifier: MIT */
/* migrate.c - the migration runner on a real server. */
#include "db/migrate/migrate.h"

#include "db/clock.h"
#include "db/migrate/migration_lock.h"
#include "tests/contract/database.h"
#include "tests/script_directory.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>

static char *dsn;
static PGconn *connection;
static struct script_directory directory;
static struct slu_migrate_options options;
static struct sluice_error error;
static size_t applied;

static void make(void)
{
	dsn = database_create(false);
	connection = database_connect(dsn);
	directory = script_directory_make();
	options = (struct slu_migrate_options){
		.conninfo = dsn,
		.directory = directory.path,
		.lock_timeout_ns = SLU_MIGRATE_LOCK_TIMEOUT_NS,
	};
}

static void clean(void)
{
	PQfinish(connection);
	database_drop(dsn);
	script_directory_remove(&directory);
}

TestSuite(migrate, .init = make, .fini = clean);

static enum sluice_status up(void)
{
	return slu_migrate_up(&options, SLU_MIGRATE_ALL, &applied, &error);
}

static int64_t version(void)
{
	struct slu_migrate_state state;

	cr_assert_eq(slu_migrate_version(&options, &state, &error), SLUICE_OK, "%s", error.message);
	cr_assert_not(state.dirty);
	return state.version;
}

/* All that can be said of the tables in `schemas`, as one text; free it. */
static char *describe(const char *schemas)
{
	static const char query[] =
		"WITH t AS (SELECT c.oid, c.oid::regclass::text AS name, c.reloptions "
		" FROM pg_class c WHERE c.relnamespace::regnamespace::text = ANY ($1::text[]) "
		" AND c.relname !~ '^schema_migrations'), "
		"lines AS (SELECT format('%s %s', name, reloptions) AS line FROM t "
		"UNION ALL SELECT format('%s.%s %s %s %s %s', name, attnum, attname, "
		"  format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)) "
		"  FROM t JOIN pg_attribute ON attrelid = oid "
		"  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attnum > 0 "
		"UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(c.oid)) "
		"  FROM t JOIN pg_constraint c ON conrelid = t.oid "
		"UNION ALL SELECT pg_get_indexdef(t.oid) FROM t "
		"UNION ALL SELECT format('%s.%s: %s', name, objsubid, description) "
		"  FROM t JOIN pg_description ON objoid = oid) "
		"SELECT coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"), '') FROM lines";
	PGresult *result = PQexecParams(connection, query, 1, NULL, &schemas, NULL, NULL, 0);
	char *text;

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(connection));
	text = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	return text;
}

/* ---- up, down ---- */

Test(migrate, the_shipped_schema_goes_up_and_down_and_up_again)
{
	char *before = describe("{public}");
	char *first;
	char *down;
	char *second;

	options.directory = NULL;
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	first = describe("{public,sluice}");
	cr_assert_eq(slu_migrate_down(&options, (size_t)version(), &error), SLUICE_OK, "%s",
	             error.message);
	cr_assert_eq(version(), -1);
	down = describe("{public}");
	cr_assert_str_eq(down, before);
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	second = describe("{public,sluice}");
	cr_assert_str_eq(second, first);
	cr_assert_not_null(strstr(first, "orders"));
	free(before);
	free(first);
	free(down);
	free(second);
}

Test(migrate, a_second_up_changes_nothing)
{
	options.directory = NULL;
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	cr_assert_eq(applied, 4); /* three of the user set, one of the library's */
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	cr_assert_eq(applied, 0);
	cr_assert_eq(version(), 3);
}

Test(migrate, the_library_set_goes_first_and_down_leaves_it)
{
	script_directory_add(&directory, "1_needs_lane.up.sql",
	                     "CREATE VIEW lanes AS SELECT * FROM sluice.lane");
	script_directory_add(&directory, "1_needs_lane.down.sql", "DROP VIEW lanes");
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migrate_down(&options, 1, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(version(), -1);
	cr_assert_eq(database_query_int(connection, "SELECT version FROM sluice.schema_migrations"),
	             1);
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM sluice.lane"), 0);
}

Test(migrate, up_n_and_down_n_move_by_n)
{
	options.directory = NULL;
	cr_assert_eq(slu_migrate_up(&options, 2, &applied, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(version(), 2);
	cr_assert_eq(slu_migrate_down(&options, 1, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(version(), 1);
	cr_assert_eq(slu_migrate_up(&options, 9, &applied, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(version(), 3);
}

Test(migrate, down_by_more_than_is_there_is_refused_and_changes_nothing)
{
	options.directory = NULL;
	cr_assert_eq(slu_migrate_up(&options, 2, &applied, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migrate_down(&options, 3, &error), SLUICE_INVALID);
	cr_assert_eq(version(), 2);
}

Test(migrate, a_version_without_a_script_only_moves_the_version)
{
	script_directory_add(&directory, "1_a.down.sql", "SELECT 1");
	script_directory_add(&directory, "2_b.up.sql", " -- nothing\n");
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	cr_assert_eq(version(), 2);
	cr_assert_eq(slu_migrate_down(&options, 2, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(version(), -1);
}

Test(migrate, settings_of_one_script_do_not_reach_the_next)
{
	script_directory_add(
		&directory, "1_a.up.sql",
		"CREATE SCHEMA other; SET search_path = other; CREATE TABLE t (a int)");
	script_directory_add(&directory, "2_b.up.sql", "CREATE TABLE t (a int)");
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	database_query_int(connection, "SELECT count(*) FROM other.t");
	database_query_int(connection, "SELECT count(*) FROM public.t");
	cr_assert_eq(database_query_int(connection, "SELECT version FROM public.schema_migrations"),
	             2);
}

/* ---- the version table ---- */

Test(migrate, the_version_table_is_golang_migrates)
{
	options.directory = NULL;
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	cr_assert_eq(
		database_query_int(
			connection,
			"SELECT count(*) FROM information_schema.columns "
			"WHERE table_schema = 'public' AND table_name = 'schema_migrations' "
			"AND is_nullable = 'NO' AND (ordinal_position, column_name, data_type) "
			"IN ((1, 'version', 'bigint'), (2, 'dirty', 'boolean'))"),
		2);
	cr_assert_eq(
		database_query_int(
			connection,
			"SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conrelid = "
			"'public.schema_migrations'::regclass AND conkey = '{1}'"),
		1);
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM schema_migrations"), 1);
}

Test(migrate, goes_on_where_golang_migrate_stopped)
{
	script_directory_add(&directory, "1_a.up.sql", "never to be run");
	script_directory_add(&directory, "2_b.up.sql", "CREATE TABLE b (a int)");
	database_run(connection,
	             "CREATE TABLE schema_migrations (version bigint not null primary key, "
	             "dirty boolean not null); INSERT INTO schema_migrations VALUES (1, false)");
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	cr_assert_eq(version(), 2);
}

Test(migrate, a_dirty_database_is_refused)
{
	struct slu_migrate_state state;

	options.directory = NULL;
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	database_run(connection, "UPDATE schema_migrations SET version = 2, dirty = true");
	cr_assert_eq(up(), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "Dirty database version 2"));
	cr_assert_eq(slu_migrate_down(&options, 1, &error), SLUICE_INVALID);
	cr_assert_eq(slu_migrate_version(&options, &state, &error), SLUICE_OK);
	cr_assert(state.dirty);
	cr_assert_eq(state.version, 2);
}

Test(migrate, a_version_that_the_files_do_not_have_is_refused)
{
	options.directory = NULL;
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	database_run(connection, "UPDATE schema_migrations SET version = 7");
	cr_assert_eq(up(), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "no migration found for version 7"));
	cr_assert_eq(slu_migrate_down(&options, 1, &error), SLUICE_INVALID);
}

/* ---- failures ---- */

/* Runs `text` as version 2 after a good version 1. It must fail so that nothing is seen of it, with
 * `place` and `cause` in the error. */
static void expect_failure(const char *text, enum sluice_status status, const char *place,
                           const char *cause)
{
	script_directory_add(&directory, "0001_good.up.sql",
	                     "CREATE TABLE good (a int PRIMARY KEY)");
	cr_assert_eq(up(), SLUICE_OK, "%s", error.message);
	script_directory_add(&directory, "0002_bad.up.sql", text);
	cr_assert_eq(up(), status, "%s", error.message);
	cr_assert_not_null(strstr(error.message, place), "%s", error.message);
	cr_assert_not_null(strstr(error.message, cause), "%s", error.message);
	cr_assert_eq(version(), 1);
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM pg_tables WHERE "
	                                            "schemaname = 'public' AND tablename NOT IN "
	                                            "('good', 'schema_migrations')"),
	             0);
}

Test(migrate, a_failing_script_leaves_version_and_schema_and_is_not_dirty)
{
	expect_failure("CREATE TABLE bad (a int);\n\nINSERT INTO nowhere VALUES (1);\n",
	               SLUICE_FAILED, "0002_bad.up.sql:3: ", "SQLSTATE 42P01");
}

Test(migrate, a_syntax_error_is_placed_behind_characters_of_several_bytes)
{
	expect_failure("CREATE TABLE bad (a int);\n-- \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\n"
	               "-- \xe2\x82\xac\xe2\x82\xac\nCREATE TABEL c ();\n\n",
	               SLUICE_FAILED, "0002_bad.up.sql:4: ", "SQLSTATE 42601");
}

Test(migrate, an_error_without_a_place_is_placed_at_its_statement)
{
	expect_failure("CREATE TABLE bad (a int);\nINSERT INTO good VALUES (1);\n"
	               "-- again\n\nINSERT INTO good VALUES (1);\nSELECT 1;\n",
	               SLUICE_FAILED, "0002_bad.up.sql:5: ", "SQLSTATE 23505");
}

Test(migrate, an_error_found_at_commit_undoes_the_script)
{
	expect_failure("CREATE TABLE bad (a int PRIMARY KEY REFERENCES good DEFERRABLE INITIALLY "
	               "DEFERRED);\nINSERT INTO bad VALUES (7);\n",
	               SLUICE_FAILED, "can't commit", "SQLSTATE 23503");
}

Test(migrate, no_row_contents_are_in_an_error)
{
	expect_failure("INSERT INTO good VALUES (918273);\nINSERT INTO good VALUES (918273);",
	               SLUICE_FAILED, "0002_bad.up.sql:2: ", "SQLSTATE 23505");
	cr_assert_null(strstr(error.message, "918273"), "%s", error.message);
}

Test(migrate, transaction_control_is_refused_before_anything_runs)
{
	expect_failure("CREATE TABLE bad (a int);\ncommit;\nSELECT 1;\n", SLUICE_INVALID,
	               "0002_bad.up.sql:2: ", "COMMIT");
}

Test(migrate, a_script_that_is_its_own_transaction_is_refused)
{
	expect_failure("\n\nBEGIN;\nCREATE TABLE bad (a int);\nEND;", SLUICE_INVALID,
	               "0002_bad.up.sql:3: ", "BEGIN");
}

Test(migrate, concurrently_is_refused_before_anything_runs)
{
	expect_failure("CREATE TABLE bad (a int);\n/* x */ CREATE INDEX CONCURRENTLY ON good (a);",
	               SLUICE_INVALID, "0002_bad.up.sql:2: ", "CONCURRENTLY");
}

Test(migrate, copy_from_stdin_is_refused_before_anything_runs)
{
	expect_failure("CREATE TABLE bad (a int);\nCOPY bad FROM STDIN;\n1\n\\.\n", SLUICE_INVALID,
	               "0002_bad.up.sql:2: ", "COPY");
}

Test(migrate, what_the_server_refuses_in_a_transaction_says_so)
{
	expect_failure("VACUUM good", SLUICE_FAILED, "0002_bad.up.sql:1: ", "SQLSTATE 25001");
}

Test(migrate, a_script_that_can_not_run_keeps_those_before_it_from_running)
{
	script_directory_add(&directory, "1_a.up.sql", "CREATE TABLE a (a int)");
	script_directory_add(&directory, "2_b.up.sql", "COMMIT");
	cr_assert_eq(up(), SLUICE_INVALID);
	cr_assert_eq(version(), -1);
}

Test(migrate, a_missing_database_is_told_with_its_remedy)
{
	char *missing;

	cr_assert_gt(asprintf(&missing, "%s dbname=gone password=geheim", dsn), 0);
	options.directory = NULL;
	options.conninfo = missing;
	cr_assert_eq(up(), SLUICE_FAILED);
	cr_assert_not_null(strstr(error.message, "\"gone\""), "%s", error.message);
	cr_assert_not_null(strstr(error.message, "createdb"), "%s", error.message);
	cr_assert_null(strstr(error.message, "geheim"), "%s", error.message);
	free(missing);
}

Test(migrate, a_conninfo_that_can_not_be_read_is_not_repeated)
{
	options.directory = NULL;
	options.conninfo = "password = 'geheim";
	cr_assert_eq(up(), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "connection string"), "%s", error.message);
	cr_assert_null(strstr(error.message, "geheim"));
}

Test(migrate, a_role_whose_tables_would_go_to_the_library_schema_is_refused)
{
	char *owner;

	cr_assert_gt(asprintf(&owner, "%s options='-c search_path=sluice,public'", dsn), 0);
	options.directory = NULL;
	options.conninfo = owner;
	cr_assert_eq(up(), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "search_path"));
	free(owner);
}

/* ---- the lock ---- */

static uint32_t lock_id(const char *slash)
{
	char database[72];

	snprintf(database, sizeof(database), "%s%s", slash, PQdb(connection));
	return slu_migration_lock_id("public", "schema_migrations", database);
}

static void take_lock(uint32_t id)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT pg_advisory_lock(%" PRIu32 ")", id);
	database_run(connection, sql);
}

Test(migrate, gives_up_when_golang_migrates_program_holds_the_lock)
{
	options.directory = NULL;
	options.lock_timeout_ns = 1;
	take_lock(lock_id("/"));
	cr_assert_eq(up(), SLUICE_TIMEOUT, "%s", error.message);
	cr_assert_not_null(strstr(error.message, "can't acquire database lock"));
	cr_assert_eq(version(), -1);
}

Test(migrate, gives_up_when_golang_migrates_library_holds_the_lock)
{
	options.directory = NULL;
	options.lock_timeout_ns = 1;
	take_lock(lock_id(""));
	cr_assert_eq(up(), SLUICE_TIMEOUT, "%s", error.message);
	cr_assert_eq(version(), -1);
}

struct runner {
	pthread_t thread;
	size_t applied;
	enum sluice_status status;
};

static void *run_up(void *argument)
{
	struct runner *runner = argument;

	runner->status = slu_migrate_up(&options, SLU_MIGRATE_ALL, &runner->applied, NULL);
	return NULL;
}

/* Waits until a query on the server returns `value`. */
static void wait_for(const char *sql, int64_t value)
{
	while (database_query_int(connection, sql) != value)
		slu_pause_ns(10000000);
}

/* The first runner is held up inside its script while the second one arrives. */
Test(migrate, of_two_runners_one_waits_and_finds_nothing_to_do, .timeout = 120)
{
	struct runner runners[2] = {{.applied = 0}};

	script_directory_add(&directory, "1_slow.up.sql",
	                     "SELECT pg_advisory_xact_lock(4711); CREATE TABLE slow (a int)");
	options.lock_timeout_ns = UINT64_C(100000000000);
	take_lock(4711);
	pthread_create(&runners[0].thread, NULL, run_up, &runners[0]);
	wait_for("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
	         "objid = 4711",
	         1);
	pthread_create(&runners[1].thread, NULL, run_up, &runners[1]);
	wait_for("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
	         "application_name = 'sluice migrate' AND query LIKE '%pg_try_advisory_lock(%'",
	         1);
	database_run(connection, "SELECT pg_advisory_unlock(4711)");
	pthread_join(runners[0].thread, NULL);
	pthread_join(runners[1].thread, NULL);
	cr_assert_eq(runners[0].status, SLUICE_OK);
	cr_assert_eq(runners[1].status, SLUICE_OK);
	cr_assert_eq(runners[0].applied, 2);
	cr_assert_eq(runners[1].applied, 0);
}
