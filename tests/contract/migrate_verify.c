/* SPDX-License-Identifier: MIT */
/* migrate_verify.c - `verify` finds down scripts that are wrong, and those that are wrong only when
 * there are rows. It starts servers of its own. */
#include "db/author/migration_verify.h"

#include "tests/script_directory.h"

#include <criterion/criterion.h>

static struct script_directory directory;
static struct sluice_migrate_options options;
static struct sluice_error error;
static char *answer;
static size_t answer_size;

static void make(void)
{
	directory = script_directory_make();
	options = (struct sluice_migrate_options){.directory = directory.path};
}

static void clean(void)
{
	free(answer);
	script_directory_remove(&directory);
}

TestSuite(migrate_verify, .init = make, .fini = clean);

static void add(const char *file, const char *text)
{
	script_directory_add(&directory, file, text);
}

static enum sluice_status verify(void)
{
	FILE *stream;
	enum sluice_status status;

	free(answer);
	stream = open_memstream(&answer, &answer_size);
	error.message[0] = '\0';
	status = slu_migration_verify(&options, stream, &error);
	fclose(stream);
	return status;
}

static void expect_ok(const char *expected)
{
	cr_assert_eq(verify(), SLUICE_OK, "%s\n%s", error.message, answer);
	cr_assert_str_eq(answer, expected, "%s", answer);
}

static void expect_refusal(enum sluice_status status, const char *message)
{
	cr_assert_eq(verify(), status, "%s\n%s", error.message, answer);
	cr_assert_str_eq(error.message, message, "%s", error.message);
	cr_assert_null(strstr(answer, "verified"), "%s", answer);
}

/* ---- what is right ---- */

Test(migrate_verify, the_shipped_schema_goes_up_down_and_up_with_rows)
{
	options = (struct sluice_migrate_options){.files = slu_embedded_migrations,
	                                          .file_count = slu_embedded_migrations_count};
	expect_ok("1 providers_and_strategies: up, down, up, seeded\n"
	          "2 orders_and_executions: up, down, up, seeded\n"
	          "3 balances_and_outbox: up, down, up, seeded\n"
	          "verified 3 migrations: up, down and up again, with data\n");
}

Test(migrate_verify, a_set_without_seeds_is_verified_and_says_so)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int)");
	add("0001_a.down.sql", "DROP TABLE a");
	expect_ok("1 a: up, down, up\n"
	          "verified 1 migrations: up, down and up again, but without data: there is no "
	          "seed file, like 0001_title.seed.sql\n");
}

Test(migrate_verify, a_version_without_a_down_script_goes_only_up_and_is_told)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int)");
	add("0001_rows.seed.sql", "INSERT INTO a VALUES (1)");
	add("0002_b.up.sql", "CREATE TABLE b (id int)");
	add("0002_b.down.sql", "DROP TABLE b");
	expect_ok("1 a: up only, there is no down script, seeded\n"
	          "2 b: up, down, up\n"
	          "verified 2 migrations: up, down and up again, with data; 1 of them without a "
	          "down script, only up\n");
}

Test(migrate_verify, scripts_outside_of_a_transaction_are_verified_too)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0001_a.seed.sql", "INSERT INTO a VALUES (1), (2)");
	add("0002_index.up.sql", "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)");
	add("0002_index.down.sql", "DROP INDEX CONCURRENTLY a_id");
	expect_ok("1 a: up, down, up, seeded\n2 index: up, down, up\n"
	          "verified 2 migrations: up, down and up again, with data\n");
}

/* ADD COLUMN puts a column last: no down script of DROP COLUMN can do better. */
Test(migrate_verify, another_order_of_columns_is_told_and_accepted)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int, b int NOT NULL DEFAULT 0, c int)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0002_drop_b.up.sql", "ALTER TABLE a DROP COLUMN b");
	add("0002_drop_b.down.sql", "ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 0");
	add("0002_drop_b.seed.sql", "INSERT INTO a VALUES (1, 2)");
	expect_ok("1 a: up, down, up\n"
	          "0002_drop_b.down.sql: a table has its columns in another order than before "
	          "0002_drop_b.up.sql; accepted\n"
	          "2 drop_b: up, down, up, seeded\n"
	          "verified 2 migrations: up, down and up again, with data\n");
}

/* ---- what is forgotten ---- */

Test(migrate_verify, what_a_down_script_leaves_behind_is_shown)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int); CREATE TYPE side AS ENUM ('buy', 'sell')");
	add("0001_a.down.sql", "DROP TABLE a");
	expect_refusal(SLUICE_INVALID,
	               "0001_a.down.sql does not take back what 0001_a.up.sql did: it leaves the "
	               "difference shown. Mend it, and verify again");
	cr_assert_not_null(strstr(answer, "--- before 0001_a.up.sql\n+++ 0001_a.down.sql\n@@"));
	cr_assert_not_null(strstr(answer, "\n+CREATE TYPE public.side AS ENUM (\n"), "%s", answer);
}

Test(migrate_verify, what_a_down_script_does_not_restore_is_shown)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int DEFAULT 7); GRANT SELECT ON a TO PUBLIC; "
	                     "COMMENT ON TABLE a IS 'kept'");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0002_b.up.sql", "ALTER TABLE a ALTER id DROP DEFAULT; REVOKE ALL ON a FROM PUBLIC; "
	                     "COMMENT ON TABLE a IS 'other'");
	add("0002_b.down.sql", "SELECT 1");
	expect_refusal(SLUICE_INVALID,
	               "0002_b.down.sql does not take back what 0002_b.up.sql did: it leaves the "
	               "difference shown. Mend it, and verify again");
	cr_assert_not_null(strstr(answer, "\n-    id integer DEFAULT 7\n+    id integer\n"));
	cr_assert_not_null(strstr(answer, "\n-GRANT SELECT ON TABLE public.a TO PUBLIC;\n"));
	cr_assert_not_null(strstr(answer, "\n+COMMENT ON TABLE public.a IS 'other';\n"));
	cr_assert_not_null(strstr(answer, "1 a: up, down, up\n"));
}

/* ---- what only rows show ---- */

Test(migrate_verify, a_unique_key_that_later_rows_break_is_found)
{
	add("0001_a.up.sql", "CREATE TABLE a (name text CONSTRAINT a_name UNIQUE)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0002_plain.up.sql", "ALTER TABLE a DROP CONSTRAINT a_name");
	add("0002_plain.down.sql", "ALTER TABLE a ADD CONSTRAINT a_name UNIQUE (name)");
	cr_assert_eq(verify(), SLUICE_OK, "%s", error.message); /* an empty table hides it */
	add("0002_plain.seed.sql", "INSERT INTO a VALUES ('x'), ('x')");
	cr_assert_eq(verify(), SLUICE_FAILED);
	cr_assert_not_null(strstr(error.message, "down, with rows: 0002_plain.down.sql:1: "), "%s",
	                   error.message);
	cr_assert_not_null(strstr(error.message, "SQLSTATE 23505"), "%s", error.message);
}

Test(migrate_verify, an_up_script_meets_the_rows_of_earlier_seeds)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0001_a.seed.sql", "INSERT INTO a VALUES (1)");
	add("0002_b.up.sql", "ALTER TABLE a ADD COLUMN b int NOT NULL");
	add("0002_b.down.sql", "ALTER TABLE a DROP COLUMN b");
	cr_assert_eq(verify(), SLUICE_FAILED);
	cr_assert_not_null(
		strstr(error.message, "up, with the rows of earlier seeds: 0002_b.up.sql:1: "),
		"%s", error.message);
	cr_assert_not_null(strstr(error.message, "SQLSTATE 23502"), "%s", error.message);
}

/* 2's down script deletes rows, which must not hide them from 3. */
Test(migrate_verify, no_down_script_takes_the_rows_from_a_later_version)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0001_a.seed.sql", "INSERT INTO a VALUES (1)");
	add("0002_b.up.sql", "SELECT 1");
	add("0002_b.down.sql", "DELETE FROM a");
	add("0003_c.up.sql", "ALTER TABLE a ADD COLUMN c int NOT NULL");
	add("0003_c.down.sql", "ALTER TABLE a DROP COLUMN c");
	cr_assert_eq(verify(), SLUICE_FAILED);
	cr_assert_not_null(strstr(error.message, "0003_c.up.sql:1: "), "%s", error.message);
}

Test(migrate_verify, an_up_script_that_depends_on_rows_is_found)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0002_b.up.sql", "DO $$ BEGIN IF EXISTS (SELECT FROM a) THEN CREATE TABLE more ();"
	                     " END IF; END $$; CREATE TABLE b ()");
	add("0002_b.down.sql", "DROP TABLE IF EXISTS more; DROP TABLE b");
	add("0002_b.seed.sql", "INSERT INTO a VALUES (1)");
	expect_refusal(SLUICE_INVALID,
	               "0002_b.up.sql makes another schema the second time: the difference is "
	               "shown. What it makes must not depend on rows");
	cr_assert_not_null(strstr(answer, "--- the first time\n+++ 0002_b.up.sql again\n"));
	cr_assert_not_null(strstr(answer, "\n+CREATE TABLE public.more (\n"), "%s", answer);
}

/* 1's down script works with 1's rows; those of 2 are in its way. */
Test(migrate_verify, the_way_down_to_nothing_meets_all_rows)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int)");
	add("0001_a.down.sql",
	    "DO $$ BEGIN IF EXISTS (SELECT FROM a WHERE id = 2) THEN RAISE 'two'; END IF; END $$;"
	    "DROP TABLE a");
	add("0001_a.seed.sql", "INSERT INTO a VALUES (1)");
	add("0002_b.up.sql", "CREATE TABLE b (id int)");
	add("0002_b.down.sql", "DROP TABLE b");
	add("0002_b.seed.sql", "INSERT INTO a VALUES (2)");
	cr_assert_eq(verify(), SLUICE_FAILED);
	cr_assert_not_null(
		strstr(error.message, "down to nothing, with all rows: 0001_a.down.sql:1: two"),
		"%s", error.message);
	cr_assert_not_null(strstr(answer, "2 b: up, down, up, seeded\n"), "%s", answer);
}

/* ---- seeds ---- */

Test(migrate_verify, a_failing_seed_is_named_with_its_line)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int PRIMARY KEY)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0001_a.seed.sql", "INSERT INTO a VALUES (1);\n\nINSERT INTO a VALUES (1);\n");
	expect_refusal(SLUICE_FAILED,
	               "0001_a.seed.sql:3: duplicate key value violates unique constraint "
	               "\"a_pkey\" (SQLSTATE 23505)");
	add("0001_a.seed.sql", "\nINSERT INTO nowhere VALUES (1);\n");
	expect_refusal(SLUICE_FAILED, "0001_a.seed.sql:2: relation \"nowhere\" does not exist "
	                              "(SQLSTATE 42P01)");
	add("0001_a.seed.sql", "COPY a FROM STDIN");
	expect_refusal(SLUICE_INVALID,
	               "0001_a.seed.sql: COPY from STDIN or to STDOUT needs a client that sends or "
	               "takes the rows: write INSERT instead");
}

Test(migrate_verify, a_seed_without_a_migration_is_refused)
{
	add("0001_a.up.sql", "SELECT 1");
	add("0002_b.seed.sql", "SELECT 1");
	expect_refusal(SLUICE_INVALID, "0002_b.seed.sql: there is no migration 2 for its rows: "
	                               "rename the file");
}

Test(migrate_verify, all_seeds_of_a_version_are_run_in_the_order_of_their_names)
{
	add("0001_a.up.sql", "CREATE TABLE a (id int PRIMARY KEY)");
	add("0001_a.down.sql", "DROP TABLE a");
	add("0001_a.seed.sql", "INSERT INTO a VALUES (1)");
	add("0001_b.seed.sql", "UPDATE a SET id = id / (SELECT count(*) FROM a)");
	expect_ok("1 a: up, down, up, seeded\n"
	          "verified 1 migrations: up, down and up again, with data\n");
}

Test(migrate_verify, files_that_are_no_set_are_refused_before_a_server_is_started)
{
	cr_assert_eq(verify(), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "no migrations in "), "%s", error.message);
	cr_assert_str_eq(answer, "");
}
