/* SPDX-License-Identifier: MIT */
/* migrate_cli.c - `sluice migrate` as its users meet it: exit status, stdout, stderr, word for
 * word. Where golang-migrate has a message for a case, ours begins with it. */
#include "cli/commands.h"
#include "tests/contract/migrate_stage.h"

#include <criterion/criterion.h>

#define LIBRARY "sluice 1/u sluice (N ms)\n"
#define MORE "`sluice migrate --help` tells what there is.\n"

static void make_three(void)
{
	stage_make();
	stage_add_table("0001", "a");
	stage_add_table("0002", "b");
	stage_add_table("0003", "c");
}

TestSuite(migrate_cli, .init = make_three, .fini = stage_clean);

/* ---- every operation, when all is well ---- */

Test(migrate_cli, up_tells_each_script_and_then_no_change)
{
	stage_expect("up 1", CLI_OK, "", LIBRARY "1/u a (N ms)\n");
	stage_expect("up", CLI_OK, "", "2/u b (N ms)\n3/u c (N ms)\n");
	stage_expect("up", CLI_OK, "", "no change\n");
}

Test(migrate_cli, up_n_with_fewer_new_applies_them_and_says_how_many_are_short)
{
	stage_expect("up 5", CLI_FAILED, "",
	             LIBRARY "1/u a (N ms)\n2/u b (N ms)\n3/u c (N ms)\n"
	                     "error: limit 2 short: what was new is applied. `sluice migrate up` "
	                     "applies what is new, and asks for no more\n");
	stage_expect("up 1", CLI_FAILED, "",
	             "error: limit 1 short: nothing is new. `sluice migrate up` applies what is "
	             "new, and asks for no more\n");
	cr_assert_eq(stage_version(), 3);
}

Test(migrate_cli, version_goes_to_stdout)
{
	stage_expect("version", CLI_FAILED, "",
	             "error: no migration: `sluice migrate up` applies them\n");
	stage_expect("up 2", CLI_OK, "", LIBRARY "1/u a (N ms)\n2/u b (N ms)\n");
	stage_expect("version", CLI_OK, "2\n", "");
	database_run(stage.connection, "UPDATE schema_migrations SET dirty = true");
	stage_expect("version", CLI_OK, "2 (dirty)\n", "");
}

Test(migrate_cli, down_tells_each_script)
{
	cr_assert_eq(stage_up(), SLUICE_OK);
	stage_expect("down 2", CLI_OK, "", "3/d c (N ms)\n2/d b (N ms)\n");
	stage_expect("down 2", CLI_FAILED, "",
	             "error: limit 1 short: only 1 of the migrations are in place. Nothing was "
	             "changed: `sluice migrate down --all --yes` takes them all back\n");
	stage_expect("down --all --yes", CLI_OK, "", "1/d a (N ms)\n");
	cr_assert_eq(stage_version(), -1);
}

Test(migrate_cli, goto_goes_both_ways)
{
	cr_assert_eq(stage_up(), SLUICE_OK);
	stage_expect("goto 1", CLI_OK, "", "3/d c (N ms)\n2/d b (N ms)\n");
	stage_expect("goto 2", CLI_OK, "", "2/u b (N ms)\n");
	stage_expect("goto 2", CLI_OK, "", "no change\n");
	stage_expect("goto 7", CLI_FAILED, "",
	             "error: no migration found for version 7 to go to; `sluice migrate status` "
	             "lists them\n");
	cr_assert_eq(stage_version(), 2);
}

Test(migrate_cli, redo_takes_back_and_applies_what_the_file_is_now)
{
	stage_expect("redo", CLI_FAILED, "",
	             "error: no migration: nothing is in place to do again; `sluice migrate up` "
	             "applies them\n");
	cr_assert_eq(stage_up(), SLUICE_OK);
	stage_add("0003_c.up.sql", "CREATE TABLE c (a int, b int)");
	stage_expect("redo", CLI_OK, "", "3/d c (N ms)\n3/u c (N ms)\n");
	database_run(stage.connection, "SELECT b FROM c");
	stage_expect("up", CLI_OK, "", "no change\n");
}

Test(migrate_cli, status_has_a_line_for_the_database_and_for_each_version)
{
	stage_expect("status", CLI_OK,
	             "database DB: no migration; Sluice's own tables: no migration, this "
	             "program's: version 1\n"
	             "0001  a  pending\n0002  b  pending\n0003  c  pending\n",
	             "");
	cr_assert_eq(stage_cli("up 2"), CLI_OK);
	stage_expect("status --exit-code", 3,
	             "database DB: version 2; Sluice's own tables: version 1\n"
	             "0001  a  applied TIME by postgres\n"
	             "0002  b  applied TIME by postgres\n"
	             "0003  c  pending\n",
	             "");
	cr_assert_eq(stage_up(), SLUICE_OK);
	cr_assert_eq(stage_cli("status --exit-code"), CLI_OK);
}

Test(migrate_cli, force_moves_the_version_and_nothing_else)
{
	cr_assert_eq(stage_up(), SLUICE_OK);
	stage_expect("force 1", CLI_OK, "", "");
	stage_expect("version", CLI_OK, "1\n", "");
	cr_assert(stage_has_table("c"));
	stage_expect("force -1", CLI_OK, "", "");
	cr_assert_eq(stage_version(), -1);
	stage_expect("force 9", CLI_FAILED, "",
	             "error: no migration found for version 9 to force: from there no command "
	             "would go on. `sluice migrate status` lists them; -1 is none\n");
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT count(*) FROM schema_migrations_history WHERE "
	                                "action = 'force' AND by_role = current_user"),
	             2);
}

/* ---- wrong usage: nothing is tried ---- */

Test(migrate_cli, wrong_usage_is_told_with_the_right_one)
{
	static const struct {
		const char *command;
		const char *err;
	} cases[] = {
		{"", "error: what to do is missing: up, down, status, ..\n" MORE},
		{"sideways", "error: there is no operation sideways\n" MORE},
		{"--unknown", "error: there is no option --unknown\n" MORE},
		{"version 1", "error: there is an argument too many: 1\n" MORE},
		{"up 1 2", "error: there is an argument too many: 2\n" MORE},
		{"up 0", "error: up takes a number from 1, not 0\n" MORE},
		{"up 99999999999999999999",
	         "error: up takes a number from 1, not 99999999999999999999\n" MORE},
		{"up --yes", "error: up does not take --yes\n"},
		{"down",
	         "error: down needs to be told how many migrations to take back: `sluice migrate "
	         "down 1`, or `sluice migrate down --all --yes`\n" MORE},
		{"down 1x", "error: down takes a number from 1, not 1x\n" MORE},
		{"down --all",
	         "error: down --all takes every migration back, and its data with it: `sluice "
	         "migrate down --all --yes` does it\n" MORE},
		{"down 1 --all", "error: --all cannot be used with other arguments\n" MORE},
		{"goto", "error: goto needs the version to go to\n" MORE},
		{"goto -1",
	         "error: goto takes a version (`down --all --yes` goes to none), not -1\n" MORE},
		{"force", "error: force needs the version that is true, -1 for none\n" MORE},
		{"force -2", "error: force takes a version, -1 for none, not -2\n" MORE},
		{"drop",
	         "error: drop empties the current schema, with all tables and their data: `sluice "
	         "migrate drop --yes` does it\n" MORE},
		{"create",
	         "error: please specify name: what the migration does, like create_orders\n" MORE},
		{"--lock-timeout x up", "error: --lock-timeout takes seconds, up to 86400\n" MORE},
		{"--source github://x up",
	         "error: --source reads file://DIR and nothing else; --path DIR is the same\n" MORE},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		stage_expect(cases[i].command, CLI_USAGE, "", cases[i].err);
	cr_assert_not(stage_has_table("schema_migrations"));
}

/* ---- golang-migrate's command lines ---- */

Test(migrate_cli, golang_migrates_options_are_understood)
{
	char command[512];

	snprintf(command, sizeof(command),
	         "-source file://%s -database postgres:///%s?host=%s&user=postgres&"
	         "x-statement-timeout=60000 -verbose -prefetch 5 -lock-timeout 20 up",
	         stage.directory.path, PQdb(stage.connection), PQhost(stage.connection));
	cr_assert_eq(stage_cli_bare(command), CLI_OK, "%s", stage.err);
	cr_assert_eq(stage_version(), 3);
}

Test(migrate_cli, another_version_table_has_a_lock_and_a_history_of_its_own)
{
	char command[512];

	database_run(stage.connection, "CREATE SCHEMA books");
	snprintf(command, sizeof(command),
	         "-path %s -database pgx5:///%s?host=%s&user=postgres&x-migrations-table="
	         "%%22books%%22.%%22moves%%22&x-migrations-table-quoted=1 up 2",
	         stage.directory.path, PQdb(stage.connection), PQhost(stage.connection));
	cr_assert_eq(stage_cli_bare(command), CLI_OK, "%s", stage.err);
	cr_assert_eq(database_query_int(stage.connection, "SELECT version FROM books.moves"), 2);
	cr_assert_eq(
		database_query_int(stage.connection, "SELECT count(*) FROM books.moves_history"),
		2);
	cr_assert_eq(stage_version(), -1);
}

Test(migrate_cli, a_password_is_in_no_message)
{
	cr_assert_eq(stage_cli_bare("--dsn postgres://u:geheim@/x?host=/nowhere version"),
	             CLI_FAILED);
	cr_assert_null(strstr(stage.err, "geheim"), "%s", stage.err);
	cr_assert_eq(stage_cli_bare("--dsn postgres://u:geheim@/x?x-secret=geheim version"),
	             CLI_USAGE);
	cr_assert_str_eq(stage.err, "error: x-secret is not known: leave it out\n" MORE);
}

/* ---- help ---- */

Test(migrate_cli, help_is_what_the_readme_shows)
{
	static char readme[65536];
	char path[512];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%.*s../../db/README.md",
	         (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	size = fread(readme, 1, sizeof(readme) - 1, file);
	readme[size] = '\0';
	fclose(file);
	cr_assert_eq(stage_cli("--help"), CLI_OK);
	cr_assert_gt(strlen(stage.out), 1000);
	cr_assert_not_null(strstr(readme, stage.out), "%s", stage.out);
}
