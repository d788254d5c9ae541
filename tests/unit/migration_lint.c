/* SPDX-License-Identifier: MIT */
/* migration_lint.c - what lint finds, in its own words, and what it leaves alone. */
#include "db/author/migration_lint.h"

#include "db/migrate/migration_set.h"
#include "tests/script_directory.h"

#include <criterion/criterion.h>

static struct script_directory directory;
static struct sluice_error error;
static char *answer;
static size_t findings;

static void make(void)
{
	directory = script_directory_make();
}

static void clean(void)
{
	free(answer);
	script_directory_remove(&directory);
}

TestSuite(migration_lint, .init = make, .fini = clean);

static void add(const char *file, const char *text)
{
	script_directory_add(&directory, file, text);
}

/* Takes the directory out of the answer: it is another each time. */
static void shorten(void)
{
	size_t size = strlen(directory.path) + 1;
	char *at = answer;

	while ((at = strstr(at, directory.path)) != NULL)
		memmove(at, at + size, strlen(at + size) + 1);
}

static enum sluice_status lint(void)
{
	enum sluice_status status;
	size_t size;
	FILE *stream;

	free(answer);
	stream = open_memstream(&answer, &size);
	status = slu_migration_lint(directory.path, stream, &findings, &error);
	fclose(stream);
	shorten();
	return status;
}

static void expect(const char *expected)
{
	size_t lines = 0;
	const char *at;

	cr_assert_eq(lint(), SLUICE_OK, "%s", error.message);
	cr_expect_str_eq(answer, expected, "%s", answer);
	for (at = expected; *at != '\0'; at++)
		lines += *at == '\n';
	cr_expect_eq(findings, lines);
}

/* ---- the set ---- */

static void add_embedded(const struct sluice_migration_file *files, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		script_directory_add_bytes(&directory, files[i].name, files[i].text, files[i].size);
}

Test(migration_lint, the_shipped_migrations_are_clean)
{
	add_embedded(slu_embedded_migrations, slu_embedded_migrations_count);
	expect("");
}

Test(migration_lint, the_librarys_own_migrations_are_clean)
{
	add_embedded(slu_embedded_sluice, slu_embedded_sluice_count);
	expect("");
}

Test(migration_lint, a_directory_without_migrations_or_none_at_all_is_refused)
{
	add("README.md", "");
	cr_assert_eq(lint(), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "no migrations in /tmp/"), "%s", error.message);
	cr_assert_eq(slu_migration_lint("/nowhere", stderr, &findings, &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "can't read the directory /nowhere: "), "%s",
	                   error.message);
}

Test(migration_lint, names_that_are_passed_over_are_found)
{
	add("0001_a.up.sql", "SELECT 1");
	add("0001_a.down.sql", "SELECT 1");
	add("0002_x.upp.sql", "never read;;; '");
	add("0002x.up.sql", "");
	add("9223372036854775808_a.up.sql", "");
	add("notes.txt", "");
	expect("0002_x.upp.sql:1: is passed over: its name is not that of a migration; name it "
	       "NUMBER_title.up.sql, .down.sql or .seed.sql\n"
	       "0002x.up.sql:1: is passed over: its name is not that of a migration; name it "
	       "NUMBER_title.up.sql, .down.sql or .seed.sql\n"
	       "9223372036854775808_a.up.sql:1: its version is above 9223372036854775807; renumber "
	       "it\n");
}

Test(migration_lint, duplicates_gaps_and_missing_sides_are_found)
{
	add("0001_a.up.sql", "SELECT 1");
	add("0001_a.down.sql", "SELECT 1");
	add("0001_b.up.sql", "SELECT 1");
	add("0004_c.up.sql", "SELECT 1");
	add("0005_d.down.sql", "SELECT 1");
	expect("0001_b.up.sql:1: is the same version and direction as 0001_a.up.sql; renumber one "
	       "of them\n"
	       "0004_c.up.sql:1: has no down script; write one, if only to say that there is no "
	       "way back\n"
	       "0004_c.up.sql:1: there is no version 2 before it: one that comes later with a "
	       "lower number does not run; renumber it, or find the missing file\n"
	       "0005_d.down.sql:1: has no up script; write one, or remove this\n");
}

Test(migration_lint, a_gap_is_told_once_a_version)
{
	add("0001_a.up.sql", "SELECT 1");
	add("0001_a.down.sql", "SELECT 1");
	add("0003_c.up.sql", "SELECT 1");
	add("0003_c.down.sql", "SELECT 1");
	expect("0003_c.up.sql:1: there is no version 2 before it: one that comes later with a "
	       "lower number does not run; renumber it, or find the missing file\n");
}

Test(migration_lint, timestamps_have_gaps_and_a_set_may_begin_anywhere)
{
	add("20240101000000_a.up.sql", "SELECT 1");
	add("20240101000000_a.down.sql", "SELECT 1");
	add("20250101000000_b.up.sql", "SELECT 1");
	add("20250101000000_b.down.sql", "SELECT 1");
	expect("");
}

Test(migration_lint, mixed_padding_is_found_with_the_name_that_is_right)
{
	add("0001_a.up.sql", "SELECT 1");
	add("0001_a.down.sql", "SELECT 1");
	add("2_b.up.sql", "SELECT 1");
	add("0002_b.down.sql", "SELECT 1");
	expect("2_b.up.sql:1: its number has 1 digits, that of 0001_a.down.sql has 4: tools that "
	       "sort by name put them in the wrong order; rename it to 0002_b.up.sql\n");
}

Test(migration_lint, a_seed_needs_a_migration_and_must_not_be_taken_for_one)
{
	add("0001_a.up.sql", "SELECT 1");
	add("0001_a.down.sql", "SELECT 1");
	add("0001_a.seed.sql", "DELETE FROM a"); /* what a seed changes is its own affair */
	add("0001_a.up.seed.sql", "SELECT 1");
	add("0002_b.seed.sql", "SELECT 1");
	expect("0001_a.up.seed.sql:1: is taken for a migration, for it has .up. in its name; name "
	       "a seed NUMBER_title.seed.sql\n"
	       "0001_a.up.sql:1: is the same version and direction as 0001_a.up.seed.sql; renumber "
	       "one of them\n"
	       "0002_b.seed.sql:1: there is no up script of version 2 for its rows; rename it\n");
}

/* ---- the script ---- */

/* `text` as the up script of a whole set. */
static void expect_in(const char *text, const char *expected)
{
	add("1_a.up.sql", text);
	add("1_a.down.sql", "DROP TABLE a");
	expect(expected);
}

Test(migration_lint, bytes_that_are_no_text_are_found)
{
	add("1_a.down.sql", "SELECT 1");
	script_directory_add_bytes(&directory, "1_a.up.sql", "SELECT 1;\n\0", 11);
	expect("1_a.up.sql:2: holds a NUL byte, which SQL cannot; if it is UTF-16, save it as "
	       "UTF-8\n");
	expect_in("\xef\xbb\xbfSELECT 1", "1_a.up.sql:1: begins with a byte order mark, at which "
	                                  "the server fails; save it as UTF-8 without one\n");
	expect_in("-- \xe2\x82\xac\n-- \xf0\x9f\x98\x80\nSELECT 1", "");
}

Test(migration_lint, what_is_not_utf_8_is_found)
{
	static const char *const texts[] = {
		"SELECT 1\n-- \xe9t\xe9",   "SELECT 1\n-- \x80",
		"SELECT 1\n-- \xc0\x80",    "SELECT 1\n-- \xed\xa0\x80",
		"SELECT 1\n-- \xe2\x82",    "SELECT 1\n-- \xf5\x80\x80\x80",
		"SELECT 1\n-- \xe0\x80\x80"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_in(texts[i],
		          "1_a.up.sql:2: holds a byte that is not UTF-8; save it as UTF-8\n");
}

Test(migration_lint, what_has_no_end_is_found_where_it_begins)
{
	expect_in("SELECT 1;\nSELECT 'it is;\n",
	          "1_a.up.sql:2: a string begins here and has no end; close it\n");
	expect_in("SELECT 1;\n/* why\n",
	          "1_a.up.sql:2: a comment begins here and has no end; close it\n");
	expect_in("SELECT $x$ $y$",
	          "1_a.up.sql:1: a string begins here and has no end; close it\n");
}

Test(migration_lint, an_empty_script_is_found_unless_it_says_why)
{
	expect_in("",
	          "1_a.up.sql:1: does nothing; write the script, or say why there is nothing to "
	          "do: -- sluice: allow\n");
	expect_in("-- later\n;\n", "1_a.up.sql:1: does nothing; write the script, or say why there "
	                           "is nothing to do: -- sluice: allow\n");
	expect_in("-- The number was used elsewhere. -- no\n-- sluice: allow\n", "");
}

Test(migration_lint, what_a_runner_can_not_run_is_found)
{
	expect_in("BEGIN;\nSELECT 1;\nCOMMIT;\n",
	          "1_a.up.sql:1: BEGIN: transaction control in a script, which then is not one "
	          "transaction with its version; take it out\n"
	          "1_a.up.sql:3: COMMIT: transaction control in a script, which then is not one "
	          "transaction with its version; take it out\n");
	expect_in("SAVEPOINT s;\nROLLBACK TO s;\n", "");
	expect_in("COPY t FROM STDIN;\n",
	          "1_a.up.sql:1: COPY from STDIN or to STDOUT needs a client that sends or takes "
	          "the rows; write INSERT\n");
	expect_in("SELECT 1;\n\\i other.sql\n",
	          "1_a.up.sql:2: a command of psql, which is not SQL; "
	          "say it in SQL\n");
	expect_in("DO $$ BEGIN COMMIT; END $$;\nSELECT '\nCOMMIT;';\n", "");
}

Test(migration_lint, what_must_be_alone_is_found_only_in_company)
{
	expect_in("CREATE INDEX CONCURRENTLY i ON t (a);\n", "");
	expect_in("-- sluice: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a)", "");
	expect_in("SELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);\nVACUUM t;\n",
	          "1_a.up.sql:2: CREATE .. can't be in a transaction, and other statements are in "
	          "the same script; move it to a migration of its own\n"
	          "1_a.up.sql:3: VACUUM .. can't be in a transaction, and other statements are in "
	          "the same script; move it to a migration of its own\n");
	expect_in("SELECT 1; REFRESH MATERIALIZED VIEW CONCURRENTLY v;\n", "");
}

Test(migration_lint, a_down_script_is_read_too_but_may_drop)
{
	add("1_a.up.sql", "CREATE TABLE a (id int)");
	add("1_a.down.sql", "DROP TABLE a;\nCOMMIT;\n");
	expect("1_a.down.sql:2: COMMIT: transaction control in a script, which then is not one "
	       "transaction with its version; take it out\n");
}

/* ---- the change ---- */

/* Each has one finding, which begins with `what` and offers the allowance. */
static const struct {
	const char *text;
	const char *what;
} changes[] = {
	{"DROP TABLE t", "drops a table with its rows; "},
	{"DROP TABLE IF EXISTS s.t, u CASCADE", "drops a table with its rows; "},
	{"DROP SCHEMA s CASCADE", "drops tables with their rows; "},
	{"TRUNCATE t", "deletes all rows, and lets "},
	{"TRUNCATE TABLE ONLY t, u", "deletes all rows, and lets "},
	{"DELETE FROM t", "deletes all rows; "},
	{"DELETE FROM t USING (SELECT 1 WHERE true) x", "deletes all rows; "},
	{"ALTER TABLE t DROP COLUMN a", "drops a column "},
	{"alter table if exists only \"t\" drop a", "drops a column "},
	{"ALTER TABLE t ADD COLUMN a int NOT NULL", "a new column that is NOT NULL "},
	{"ALTER TABLE t ADD a int CHECK (a > 0 AND true) NOT NULL", "a new column that is NOT "},
	{"ALTER TABLE t ADD COLUMN IF NOT EXISTS a numeric(32, 16) NOT NULL", "a new column that "},
	{"ALTER TABLE t ADD a bigserial", "a value of its own for each row "},
	{"ALTER TABLE t ADD a uuid NOT NULL DEFAULT gen_random_uuid()", "a value of its own "},
	{"ALTER TABLE t ADD a int GENERATED ALWAYS AS (b + 1) STORED", "a value of its own "},
	{"ALTER TABLE t ADD a int UNIQUE", "builds an index "},
	{"ALTER TABLE t ADD a int REFERENCES u", "checks all rows "},
	{"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "checks all rows "},
	{"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (b)", "checks all rows "},
	{"ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", "builds an index "},
	{"ALTER TABLE t ADD PRIMARY KEY (a)", "builds an index "},
	{"ALTER TABLE t ADD EXCLUDE USING gist (a WITH &&)", "builds an index "},
	{"ALTER TABLE t ALTER COLUMN a TYPE bigint", "a change of type "},
	{"ALTER TABLE t ALTER a SET DATA TYPE bigint USING a::bigint", "a change of type "},
	{"ALTER TABLE t ALTER a SET NOT NULL", "SET NOT NULL reads all rows "},
	{"ALTER TABLE t RENAME TO u", "a new name stops engines "},
	{"ALTER TABLE t RENAME COLUMN a TO b", "a new name stops engines "},
	{"ALTER TABLE t RENAME a TO b", "a new name stops engines "},
	{"ALTER TYPE t RENAME VALUE 'a' TO 'b'", "a new name stops engines "},
	{"ALTER TABLE t SET SCHEMA s", "another schema stops engines "},
	{"ALTER TABLE t SET UNLOGGED", "rewrites the table"},
	{"CREATE INDEX ON t (a)", "CREATE INDEX lets nobody write "},
	{"CREATE UNIQUE INDEX IF NOT EXISTS i ON ONLY s.t (a)", "CREATE INDEX lets nobody write "},
	{"REINDEX TABLE t", "REINDEX lets nobody write "},
	{"CLUSTER t", "locks the table "},
	{"LOCK TABLE t", "locks the table "},
	{"CREATE TABLE u (a int); DROP TABLE u, t", "drops a table with its rows; "},
	{"DROP TABLE t; CREATE TABLE t (a int)", "drops a table with its rows; "},
	{"CREATE TABLE \"T\" (a int); DROP TABLE T", "drops a table with its rows; "},
};

Test(migration_lint, dangerous_changes_are_found)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char expected[128];

		snprintf(expected, sizeof(expected), "1_a.up.sql:1: %s", changes[i].what);
		add("1_a.up.sql", changes[i].text);
		add("1_a.down.sql", "SELECT 1");
		cr_assert_eq(lint(), SLUICE_OK);
		cr_expect_eq(findings, 1, "%s\n%s", changes[i].text, answer);
		cr_expect_eq(strncmp(answer, expected, strlen(expected)), 0, "%s\n%s",
		             changes[i].text, answer);
		cr_expect_not_null(
			strstr(answer, ", or say above it why it is right: -- sluice: allow\n"),
			"%s", answer);
	}
}

Test(migration_lint, an_allowance_answers_each_of_them)
{
	static const struct {
		const char *before;
		const char *after;
	} forms[] = {
		{"-- sluice: allow\n", ";\n"},
		{"-- Nobody knows it any more.\n-- sluice: allow: dropped in 2.4\n\n", ";\n"},
		{"", "; -- sluice: allow\n"},
		{"SELECT 1; -- unrelated\n", " -- sluice: allow\n;\n"},
	};
	size_t i;
	size_t j;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (strchr(changes[i].text, ';') != NULL)
			continue;
		for (j = 0; j < sizeof(forms) / sizeof(forms[0]); j++) {
			char text[512];

			snprintf(text, sizeof(text), "%s%s%s", forms[j].before, changes[i].text,
			         forms[j].after);
			expect_in(text, "");
		}
	}
}

Test(migration_lint, an_allowance_is_for_one_statement)
{
	static const char found[] =
		"drops a table with its rows; drop it when no program knows it any more, or say "
		"above it why it is right: -- sluice: allow\n";
	char expected[256];

	snprintf(expected, sizeof(expected), "1_a.up.sql:2: %s", found);
	expect_in("DROP TABLE t; -- sluice: allow\nDROP TABLE u;\n", expected);
	snprintf(expected, sizeof(expected), "1_a.up.sql:1: %s", found);
	expect_in("DROP TABLE t;\n-- sluice: allow\nDROP TABLE u;\n", expected);
	expect_in("DROP TABLE t;\n\nSELECT '-- sluice: allow';\n", expected);
}

Test(migration_lint, each_action_of_an_alter_table_is_looked_at)
{
	expect_in(
		"ALTER TABLE t\n"
		"\tADD COLUMN a numeric(32, 16) NOT NULL DEFAULT 0,\n"
		"\tDROP COLUMN b,\n"
		"\tALTER COLUMN c TYPE numeric(10, 2);\n",
		"1_a.up.sql:3: drops a column and what is in it, and stops engines that write it; "
		"drop it when no program knows it any more, or say above it why it is right: "
		"-- sluice: allow\n"
		"1_a.up.sql:4: a change of type can rewrite the table, which nobody can use "
		"meanwhile, and stops engines that write the old type; add a column of the new "
		"type, fill it, and move over, or say above it why it is right: -- sluice: "
		"allow\n");
}

Test(migration_lint, harmless_changes_are_left_alone)
{
	static const char *const harmless[] = {
		"CREATE TABLE t (a int NOT NULL, b serial UNIQUE REFERENCES u)",
		"ALTER TABLE t ADD COLUMN a int",
		"ALTER TABLE t ADD a int NOT NULL DEFAULT 0",
		"ALTER TABLE t ADD a timestamptz NOT NULL DEFAULT now()",
		"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
		"ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u NOT VALID",
		"ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i",
		"ALTER TABLE t VALIDATE CONSTRAINT c",
		"ALTER TABLE t DROP CONSTRAINT c",
		"ALTER TABLE t RENAME CONSTRAINT c TO d",
		"ALTER TABLE t ALTER CONSTRAINT c DEFERRABLE",
		"ALTER TABLE t ALTER a DROP NOT NULL, ALTER a SET DEFAULT 1, ALTER a DROP DEFAULT",
		"ALTER TABLE t ALTER COLUMN type SET STATISTICS 100",
		"ALTER TYPE side ADD VALUE 'short'",
		"DELETE FROM t WHERE a IS NULL",
		"DROP VIEW v",
		"DROP FUNCTION f",
		"REINDEX (VERBOSE) INDEX CONCURRENTLY i",
		"COMMENT ON TABLE t IS 'DROP TABLE t; TRUNCATE t'",
		"CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM t; END",
		"CREATE TABLE IF NOT EXISTS s.t (a int); CREATE INDEX ON s.t (a); TRUNCATE t",
		"CREATE TABLE t (a int); ALTER TABLE t ADD b int NOT NULL, DROP a; DELETE FROM t",
		"CREATE TABLE T (a int); DROP TABLE \"t\"",
		"CREATE TEMP TABLE t (a int); DROP TABLE T",
	};
	size_t i;

	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		expect_in(harmless[i], "");
}
