/* SPDX-License-Identifier: MIT */
/* migrate.c - the migration runner on a real server: what a run does to the database, and what a
 * failing one leaves. */
#include "tests/contract/migrate_stage.h"

#include <criterion/criterion.h>

TestSuite(migrate, .init = stage_make, .fini = stage_clean);

/* The shipped set instead of the directory's. */
static void use_shipped(void)
{
	stage.options.directory = NULL;
	stage.options.files = slu_embedded_migrations;
	stage.options.file_count = slu_embedded_migrations_count;
}

static enum sluice_status take_down(size_t count)
{
	return slu_migrate_down(&stage.options, count, &stage.error);
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
	PGresult *result = PQexecParams(stage.connection, query, 1, NULL, &schemas, NULL, NULL, 0);
	char *text;

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s",
	             PQerrorMessage(stage.connection));
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

	use_shipped();
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	first = describe("{public,sluice}");
	cr_assert_eq(take_down((size_t)stage_version()), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_version(), -1);
	down = describe("{public}");
	cr_assert_str_eq(down, before);
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
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
	use_shipped();
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage.applied, 4); /* three of the user set, one of the library's */
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage.applied, 0);
	cr_assert_eq(stage_version(), 3);
}

Test(migrate, the_library_set_goes_first_and_down_leaves_it)
{
	stage_add("1_needs_lane.up.sql", "CREATE VIEW lanes AS SELECT * FROM sluice.lane");
	stage_add("1_needs_lane.down.sql", "DROP VIEW lanes");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(take_down(1), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_version(), -1);
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT version FROM sluice.schema_migrations"),
	             1);
	cr_assert_eq(database_query_int(stage.connection, "SELECT count(*) FROM sluice.lane"), 0);
}

Test(migrate, up_n_and_down_n_move_by_n)
{
	use_shipped();
	cr_assert_eq(slu_migrate_up(&stage.options, 2, &stage.applied, &stage.error), SLUICE_OK,
	             "%s", stage.error.message);
	cr_assert_eq(stage_version(), 2);
	cr_assert_eq(take_down(1), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_version(), 1);
	cr_assert_eq(slu_migrate_up(&stage.options, 9, &stage.applied, &stage.error),
	             SLUICE_INVALID);
	cr_assert_eq(stage_version(), 3);
}

Test(migrate, down_by_more_than_is_there_is_refused_and_changes_nothing)
{
	use_shipped();
	cr_assert_eq(slu_migrate_up(&stage.options, 2, &stage.applied, &stage.error), SLUICE_OK,
	             "%s", stage.error.message);
	cr_assert_eq(take_down(3), SLUICE_INVALID);
	cr_assert_eq(stage_version(), 2);
}

Test(migrate, a_version_without_a_script_only_moves_the_version)
{
	stage_add("1_a.down.sql", "SELECT 1");
	stage_add("2_b.up.sql", " -- nothing\n");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_version(), 2);
	cr_assert_eq(take_down(2), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_version(), -1);
}

Test(migrate, settings_of_one_script_do_not_reach_the_next)
{
	stage_add("1_a.up.sql",
	          "CREATE SCHEMA other; SET search_path = other; CREATE TABLE t (a int)");
	stage_add("2_b.up.sql", "CREATE TABLE t (a int)");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	database_query_int(stage.connection, "SELECT count(*) FROM other.t");
	database_query_int(stage.connection, "SELECT count(*) FROM public.t");
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT version FROM public.schema_migrations"),
	             2);
}

/* ---- the version table ---- */

Test(migrate, the_version_table_is_golang_migrates)
{
	use_shipped();
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(
		database_query_int(
			stage.connection,
			"SELECT count(*) FROM information_schema.columns "
			"WHERE table_schema = 'public' AND table_name = 'schema_migrations' "
			"AND is_nullable = 'NO' AND (ordinal_position, column_name, data_type) "
			"IN ((1, 'version', 'bigint'), (2, 'dirty', 'boolean'))"),
		2);
	cr_assert_eq(
		database_query_int(
			stage.connection,
			"SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conrelid = "
			"'public.schema_migrations'::regclass AND conkey = '{1}'"),
		1);
	cr_assert_eq(database_query_int(stage.connection, "SELECT count(*) FROM schema_migrations"),
	             1);
}

Test(migrate, goes_on_where_golang_migrate_stopped)
{
	stage_add("1_a.up.sql", "never to be run");
	stage_add("2_b.up.sql", "CREATE TABLE b (a int)");
	database_run(stage.connection,
	             "CREATE TABLE schema_migrations (version bigint not null primary key, "
	             "dirty boolean not null); INSERT INTO schema_migrations VALUES (1, false)");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert_eq(stage_version(), 2);
}

/* ---- failures ---- */

/* Runs `text` as version 2 after a good version 1. It must fail so that nothing is seen of it, with
 * `place` and `cause` in the error. */
static void expect_failure(const char *text, enum sluice_status status, const char *place,
                           const char *cause)
{
	stage_add("0001_good.up.sql", "CREATE TABLE good (a int PRIMARY KEY)");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	stage_add("0002_bad.up.sql", text);
	cr_assert_eq(stage_up(), status, "%s", stage.error.message);
	cr_assert_not_null(strstr(stage.error.message, place), "%s", stage.error.message);
	cr_assert_not_null(strstr(stage.error.message, cause), "%s", stage.error.message);
	cr_assert_eq(stage_version(), 1);
	cr_assert_eq(
		database_query_int(stage.connection,
	                           "SELECT count(*) FROM pg_tables WHERE "
	                           "schemaname = 'public' AND tablename NOT IN "
	                           "('good', 'schema_migrations', 'schema_migrations_history')"),
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
	cr_assert_null(strstr(stage.error.message, "918273"), "%s", stage.error.message);
}

Test(migrate, copy_from_stdin_is_refused_before_anything_runs)
{
	expect_failure("CREATE TABLE bad (a int);\nCOPY bad FROM STDIN;\n1\n\\.\n", SLUICE_INVALID,
	               "0002_bad.up.sql:2: ", "COPY");
}

Test(migrate, a_script_that_can_not_run_keeps_those_before_it_from_running)
{
	stage_add("1_a.up.sql", "CREATE TABLE a (a int)");
	stage_add("2_b.up.sql", "COPY a FROM STDIN");
	cr_assert_eq(stage_up(), SLUICE_INVALID);
	cr_assert_eq(stage_version(), -1);
}

Test(migrate, a_missing_database_is_told_with_its_remedy)
{
	char *missing;

	cr_assert_gt(asprintf(&missing, "%s dbname=gone password=geheim", stage.dsn), 0);
	use_shipped();
	stage.options.conninfo = missing;
	cr_assert_eq(stage_up(), SLUICE_FAILED);
	cr_assert_not_null(strstr(stage.error.message, "\"gone\""), "%s", stage.error.message);
	cr_assert_not_null(strstr(stage.error.message, "createdb"), "%s", stage.error.message);
	cr_assert_null(strstr(stage.error.message, "geheim"), "%s", stage.error.message);
	free(missing);
}

Test(migrate, a_conninfo_that_can_not_be_read_is_not_repeated)
{
	use_shipped();
	stage.options.conninfo = "password = 'geheim";
	cr_assert_eq(stage_up(), SLUICE_INVALID);
	cr_assert_not_null(strstr(stage.error.message, "connection string"), "%s",
	                   stage.error.message);
	cr_assert_null(strstr(stage.error.message, "geheim"));
}

Test(migrate, a_role_whose_tables_would_go_to_the_library_schema_is_refused)
{
	char *owner;

	cr_assert_gt(asprintf(&owner, "%s options='-c search_path=sluice,public'", stage.dsn), 0);
	use_shipped();
	stage.options.conninfo = owner;
	cr_assert_eq(stage_up(), SLUICE_INVALID);
	cr_assert_not_null(strstr(stage.error.message, "search_path"));
	free(owner);
}

/* ---- the public call ---- */

Test(migrate, an_engine_without_migrations_of_its_own_gets_sluices_tables)
{
	stage.options.directory = NULL;
	cr_assert_eq(sluice_migrate_up(&stage.options, &stage.applied, &stage.error), SLUICE_OK,
	             "%s", stage.error.message);
	cr_assert_eq(stage.applied, 1);
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT version FROM sluice.schema_migrations"),
	             slu_library_set_version());
	cr_assert_not(stage_has_table("schema_migrations"));
}

Test(migrate, an_engine_brings_its_migrations_along)
{
	static const char text[] = "CREATE TABLE own (a int)";
	static const struct sluice_migration_file files[] = {
		{"README.md", "nothing of that kind", 20},
		{"0001_own.up.sql", text, sizeof(text) - 1},
	};

	stage.options.directory = NULL;
	stage.options.files = files;
	stage.options.file_count = 2;
	cr_assert_eq(sluice_migrate_up(&stage.options, &stage.applied, &stage.error), SLUICE_OK,
	             "%s", stage.error.message);
	cr_assert_eq(stage.applied, 2);
	cr_assert(stage_has_table("own"));
	cr_assert_eq(sluice_migrate_up(&stage.options, NULL, NULL), SLUICE_OK);
}

Test(migrate, a_statement_timeout_is_for_the_scripts_only)
{
	stage_add("0001_a.up.sql", "SELECT pg_sleep(60)");
	stage.options.statement_timeout_ns = 20000000;
	cr_assert_eq(stage_up(), SLUICE_FAILED);
	cr_assert_not_null(strstr(stage.error.message, "statement timeout (SQLSTATE 57014)"), "%s",
	                   stage.error.message);
	cr_assert_eq(stage_version(), -1);
}
