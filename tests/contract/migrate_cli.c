/* SPDX-License-Identifier: MIT */
/* migrate_cli.c - `sluice migrate` as its users meet it: exit status, stdout, stderr. */
#include "cli/commands.h"
#include "tests/contract/database.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

static char *dsn;

static void make(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
	dsn = database_create(false);
}

static void clean(void)
{
	database_drop(dsn);
}

TestSuite(migrate_cli, .init = make, .fini = clean);

/* Runs `sluice migrate --dsn .. OPERATION ARGUMENT`, either may be NULL. */
static int run(const char *operation, const char *argument)
{
	char *argv[] = {(char *)"migrate", (char *)"--dsn",  dsn,
	                (char *)operation, (char *)argument, NULL};
	int argc = 3 + (operation != NULL) + (argument != NULL);
	int status = cli_migrate(argc, argv);

	fflush(stdout);
	fflush(stderr);
	return status;
}

Test(migrate_cli, version_goes_to_stdout_and_nothing_else_does)
{
	cr_assert_eq(run("up", NULL), CLI_OK);
	cr_assert_eq(run("version", NULL), CLI_OK);
	cr_assert_stdout_eq_str("3\n");
}

Test(migrate_cli, a_second_up_says_no_change)
{
	char text[1024] = "";
	FILE *err = cr_get_redirected_stderr();
	size_t size;

	cr_assert_eq(run("up", "2"), CLI_OK);
	cr_assert_eq(run("up", NULL), CLI_OK);
	cr_assert_eq(run("up", NULL), CLI_OK);
	size = fread(text, 1, sizeof(text) - 1, err);
	text[size] = '\0';
	cr_assert_not_null(strstr(text, "sluice 1/u lane ("), "%s", text);
	cr_assert_not_null(strstr(text, "ms)\n3/u balances_and_outbox ("), "%s", text);
	cr_assert_not_null(strstr(text, "ms)\nno change\n"), "%s", text);
}

Test(migrate_cli, down_needs_a_number)
{
	cr_assert_eq(run("up", NULL), CLI_OK);
	cr_assert_eq(run("down", NULL), CLI_USAGE);
	cr_assert_eq(run("down", "0"), CLI_USAGE);
	cr_assert_eq(run("down", "1x"), CLI_USAGE);
	cr_assert_eq(run("down", "99999999999999999999"), CLI_USAGE);
	cr_assert_eq(run("version", NULL), CLI_OK);
	cr_assert_eq(run("down", "4"), CLI_FAILED);
	cr_assert_eq(run("down", "3"), CLI_OK);
	cr_assert_stdout_eq_str("3\n");
}

Test(migrate_cli, version_of_an_empty_database_fails)
{
	cr_assert_eq(run("version", NULL), CLI_FAILED);
}

Test(migrate_cli, wrong_usage_is_told_apart_from_failure)
{
	cr_assert_eq(run(NULL, NULL), CLI_USAGE);
	cr_assert_eq(run("sideways", NULL), CLI_USAGE);
	cr_assert_eq(run("version", "1"), CLI_USAGE);
	cr_assert_eq(run("--unknown", NULL), CLI_USAGE);
	cr_assert_stdout_eq_str("");
}
