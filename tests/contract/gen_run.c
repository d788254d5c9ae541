/* SPDX-License-Identifier: MIT */
/* gen_run.c - whole runs of the generator: what it writes, what it refuses, and what it leaves
 * behind on a server. */
#include "cli/commands.h"
#include "tests/contract/database.h"
#include "tests/contract/gen_folder.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG                                                                   \
	"version: \"2\"\nsql:\n  - engine: postgresql\n    schema: schema.sql\n" \
	"    queries: queries\n"
#define SCHEMA \
	"CREATE TABLE things (id bigint PRIMARY KEY, name text NOT NULL, price numeric(32,16));\n"
#define GET "-- name: GetThing :one\nSELECT * FROM things WHERE id = @id;\n"

static struct gen_folder folder;

static void make(void)
{
	gen_folder_make(&folder);
	gen_folder_put(&folder, "sqlc.yaml", CONFIG);
	gen_folder_put(&folder, "schema.sql", SCHEMA);
	gen_folder_put(&folder, "queries/things.sql", GET);
}

static void clean(void)
{
	gen_folder_remove(&folder);
}

TestSuite(gen_run, .init = make, .fini = clean);

static void expect_has(const char *text, const char *words)
{
	cr_expect_not_null(strstr(text, words), "no '%s' in: %s", words, text);
}

static void expect_nothing_written(void)
{
	cr_expect_null(gen_folder_get(&folder, "generated/things.h"));
	cr_expect_null(gen_folder_get(&folder, "generated/things.c"));
	cr_expect_str_eq(folder.answer, "");
}

/* ---- what is written ---- */

Test(gen_run, a_query_file_becomes_a_header_and_a_source)
{
	char *header;

	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	expect_has(folder.answer, "/generated/things.h: 0 streams, 1 query\n");
	expect_has(folder.answer, "/generated/things.c: 0 streams, 1 query\n");
	cr_expect_str_eq(folder.errors, "");
	header = gen_folder_get(&folder, "generated/things.h");
	cr_assert_not_null(header);
	expect_has(header, "things_get_thing(struct pg_conn *connection, ");
	expect_has(header, "struct things_thing {\n");
	free(header);
}

Test(gen_run, a_second_run_changes_nothing)
{
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	expect_has(folder.answer, "/generated/things.h: unchanged\n");
	expect_has(folder.answer, "/generated/things.c: unchanged\n");
}

Test(gen_run, files_go_where_out_says)
{
	char out[128];
	char *header;

	snprintf(out, sizeof(out), "%s/elsewhere", folder.path);
	folder.options.out = out;
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	header = gen_folder_get(&folder, "elsewhere/things.h");
	cr_assert_not_null(header);
	free(header);
	cr_assert_null(gen_folder_get(&folder, "generated/things.h"));
}

Test(gen_run, a_left_over_file_is_told_and_left)
{
	char *old;

	gen_folder_put(&folder, "generated/old.c", "int old;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	expect_has(folder.errors, "generated/old.c is not made from any query file: remove it\n");
	old = gen_folder_get(&folder, "generated/old.c");
	cr_assert_str_eq(old, "int old;\n");
	free(old);
}

static const char every_type_schema[] =
	"CREATE TYPE mood AS ENUM ('sad', 'glad');\n"
	"CREATE DOMAIN money_ AS numeric(18,4);\n"
	"CREATE TABLE things (id uuid, part int4, a bool, b int2, c int8, d float4, e float8,"
	" f numeric(10,2), g numeric(38,10), h text, i varchar(10), j char(3), k bytea,"
	" l json, m jsonb, n timestamptz, o timestamp, p date, q time, r interval, s inet,"
	" t mood, u money_, version int8 NOT NULL, PRIMARY KEY (id, part));\n"
	"CREATE TABLE lists (a bool[], b int2[], c int4[], d int8[], e float4[], f float8[],"
	" g numeric(10,2)[], h numeric(38,10)[], i text[], j bytea[], k jsonb[], l uuid[],"
	" m timestamptz[], n date[], o interval[], p inet[], q mood[], r text, s mood);\n";

static const char every_type_queries[] =
	"-- name: Things :exec\n"
	"-- @stream state record(thing) key(id, part) version(version)\n"
	"-- @text h 9, i 40, j 12, k 3, l 30, m 31\n"
	"INSERT INTO things (id, part, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q,"
	" r, s, t, u, version) VALUES (@id, @part, @a, @b, @c, @d, @e, @f, @g, @h, @i, @j,"
	" @k, @l, @m, @n, @o, @p, @q, @r, @s, @t, @u, @version);\n"
	"-- name: ListThings :many\n"
	"SELECT * FROM things WHERE t = @t AND u < @u;\n"
	"-- name: PutList :exec\n"
	"INSERT INTO lists (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s)"
	" VALUES (@a, @b, @c, @d, @e, @f, @g, @h, @i, @j, @k, @l, @m, @n, @o, @p, @q,"
	" @r, @s);\n"
	"-- name: ListLists :many\n"
	"SELECT * FROM lists;\n";

/* Every type that a column can have, in a stream where it can be part of one and in a row and
 * parameters, compiles; layouts are asserted there. */
Test(gen_run, every_type_compiles)
{
	char command[2048];

	gen_folder_put(&folder, "schema.sql", every_type_schema);
	gen_folder_put(&folder, "queries/things.sql", every_type_queries);
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	snprintf(command, sizeof(command),
	         "cc -std=c11 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror "
	         "-fsyntax-only -I'%s/include' %s/generated/things.c",
	         gen_folder_root(), folder.path);
	cr_expect_eq(system(command), 0);
	snprintf(command, sizeof(command),
	         "c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I'%s/include' -x c++ "
	         "%s/generated/things.h",
	         gen_folder_root(), folder.path);
	cr_expect_eq(system(command), 0);
}

/* ---- what is wrong ---- */

Test(gen_run, a_wrong_query_is_shown_and_nothing_is_written)
{
	gen_folder_put(&folder, "queries/things.sql",
	               GET "\n-- name: Broken :many\nSELECT id, pric FROM things;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_INVALID);
	expect_has(folder.errors,
	           "/queries/things.sql:5:12: error: column \"pric\" does not exist\n"
	           "  SELECT id, pric FROM things;\n"
	           "             ^~~~\n");
	expect_has(folder.errors, "1 error; nothing was written\n");
	expect_nothing_written();
}

Test(gen_run, the_errors_of_all_files_are_told)
{
	gen_folder_put(&folder, "queries/a.sql", "-- name: A :one\nSELECT nothing;\n");
	gen_folder_put(&folder, "queries/b.sql", "-- name: B :ome\nSELECT 1;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_INVALID);
	expect_has(folder.errors, "/queries/a.sql:2:8: error: ");
	expect_has(folder.errors, "/queries/b.sql:1:");
	expect_has(folder.errors, "2 errors; nothing was written\n");
	expect_nothing_written();
}

/* What was written before stays, too. */
Test(gen_run, an_error_leaves_the_files_as_they_were)
{
	char *before;
	char *after;

	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	before = gen_folder_get(&folder, "generated/things.c");
	gen_folder_put(&folder, "schema.sql", "CREATE TABLE things (id int PRIMARY KEY);\n");
	gen_folder_put(&folder, "queries/z.sql", "-- name: Z :one\nSELECT nothing;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_INVALID);
	after = gen_folder_get(&folder, "generated/things.c");
	cr_assert_str_eq(before, after);
	free(before);
	free(after);
}

Test(gen_run, a_wrong_schema_is_shown)
{
	gen_folder_put(&folder, "schema.sql", SCHEMA "CREATE TABLE more (\n  id bigin\n);\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_INVALID);
	expect_has(folder.errors, "/schema.sql:3:6: error: type \"bigin\" does not exist\n"
	                          "    id bigin\n       ^\n");
	expect_nothing_written();
}

Test(gen_run, a_wrong_migration_is_told)
{
	gen_folder_change(&folder, "sqlc.yaml", "schema.sql", "migrations");
	gen_folder_put(&folder, "migrations/0001_things.up.sql", SCHEMA "SELECT nothing;\n");
	cr_assert_neq(gen_folder_run(&folder), SLUICE_OK);
	expect_has(folder.errors, "0001_things.up.sql");
	expect_has(folder.errors, "\"nothing\" does not exist");
	expect_nothing_written();
}

Test(gen_run, two_files_of_one_name_are_refused)
{
	gen_folder_put(&folder, "more/things.sql", "-- name: Now :one\nSELECT now() AS at;\n");
	gen_folder_put(&folder, "sqlc.yaml",
	               CONFIG
	               "  - engine: postgresql\n    schema: schema.sql\n    queries: more\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_INVALID);
	expect_has(folder.errors, "/more/things.sql: error: ");
	expect_has(folder.errors,
	           "/queries/things.sql has the same name, and both become things.h\n"
	           "hint: rename one of the two\n");
	expect_nothing_written();
}

Test(gen_run, names_that_meet_in_c_are_refused)
{
	gen_folder_put(&folder, "queries/things.sql",
	               "-- name: List :many\nSELECT id FROM things;\n"
	               "-- name: ListNext :one\nSELECT id FROM things;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_INVALID);
	expect_has(folder.errors, "/queries/things.sql: error: two things would be called "
	                          "things_list_next in C; ");
	expect_nothing_written();
}

Test(gen_run, a_missing_configuration_is_told)
{
	folder.options.config = "/nowhere/sqlc.yaml";
	cr_assert_neq(gen_folder_run(&folder), SLUICE_OK);
	expect_has(folder.errors, "/nowhere/sqlc.yaml");
	expect_has(folder.errors, "1 error; nothing was written\n");
}

/* ---- the server ---- */

/* Those of this process: other tests run beside this one. */
static int64_t count_databases(void)
{
	PGconn *connection = database_connect(getenv("SLUICE_TEST_DSN"));
	char sql[160];
	int64_t count;

	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM pg_database WHERE starts_with(datname, 'sluice_gen_%ld_')",
	         (long)getpid());
	count = database_query_int(connection, sql);
	PQfinish(connection);
	return count;
}

Test(gen_run, no_database_stays_behind)
{
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	cr_assert_eq(count_databases(), 0);
	gen_folder_put(&folder, "schema.sql", "CREATE nonsense;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_INVALID);
	cr_assert_eq(count_databases(), 0);
}

static bool always(void)
{
	return true;
}

static bool after_some_steps(void)
{
	static int steps;

	return ++steps > 3;
}

Test(gen_run, an_interrupted_run_cleans_up)
{
	folder.options.interrupted = after_some_steps;
	gen_folder_put(&folder, "queries/a.sql", "-- name: A :one\nSELECT now() AS at;\n");
	gen_folder_put(&folder, "queries/b.sql", "-- name: B :one\nSELECT now() AS at;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_FAILED);
	expect_has(folder.errors, "error: interrupted\n");
	cr_assert_eq(count_databases(), 0);
	expect_nothing_written();
	folder.options.interrupted = always;
	cr_assert_eq(gen_folder_run(&folder), SLUICE_FAILED);
	expect_nothing_written();
}

Test(gen_run, a_server_that_is_not_there_is_told_without_secrets)
{
	folder.options.dsn = "host=/nowhere password=hush user=me";
	cr_assert_eq(gen_folder_run(&folder), SLUICE_FAILED);
	expect_has(folder.errors, "error: can't connect: ");
	expect_has(folder.errors, "1 error; nothing was written\n");
	cr_expect_null(strstr(folder.errors, "hush"));
}

Test(gen_run, a_uri_names_a_server_too)
{
	PGconn *connection = database_connect(getenv("SLUICE_TEST_DSN"));
	char uri[512];

	snprintf(uri, sizeof(uri), "postgresql://%s@/postgres?host=%s&port=%s", PQuser(connection),
	         PQhost(connection), PQport(connection));
	PQfinish(connection);
	folder.options.dsn = uri;
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
}

Test(gen_run, a_server_of_its_own_serves_as_well)
{
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	folder.options.dsn = NULL;
	cr_assert_eq(gen_folder_check(&folder, false), SLUICE_OK, "%s", folder.errors);
	expect_has(folder.answer, "generated: as generated, 2 files\n");
}

/* ---- the command ---- */

/* Up to four arguments, NULL for none. */
static int command(const char *first, const char *second, const char *third, const char *fourth)
{
	char *argv[] = {(char *)"gen", (char *)first,  (char *)second,
	                (char *)third, (char *)fourth, NULL};
	int argc = 1;

	while (argv[argc] != NULL)
		argc++;
	return cli_gen(argc, argv);
}

Test(gen_run, the_command_tells_differences_from_wrong_usage)
{
	char config[128];

	cr_redirect_stdout();
	cr_redirect_stderr();
	snprintf(config, sizeof(config), "--config=%s", folder.options.config);
	cr_assert_eq(command(config, "--dsn", folder.options.dsn, NULL), CLI_OK);
	cr_assert_eq(command(config, "--check", "--no-database", NULL), CLI_OK);
	gen_folder_put(&folder, "queries/things.sql", GET "-- changed\n");
	cr_assert_eq(command(config, "--check", "--no-database", NULL), CLI_FAILED);
	cr_assert_eq(command(config, "--no-database", NULL, NULL), CLI_USAGE);
	cr_assert_eq(command(config, "--ephemeral", "--dsn", ""), CLI_USAGE);
	cr_assert_eq(command(config, "--check", "--no-database", "--ephemeral"), CLI_USAGE);
	cr_assert_eq(command(config, "something", NULL, NULL), CLI_USAGE);
	cr_assert_eq(command("--unknown", NULL, NULL, NULL), CLI_USAGE);
	cr_assert_eq(command("--help", NULL, NULL, NULL), CLI_OK);
}
