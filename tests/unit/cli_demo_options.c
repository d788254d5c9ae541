/* SPDX-License-Identifier: MIT */
/* cli_demo_options.c - the command line of the demo, and what is said of a wrong one. */
#include "cli/demo_options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct slu_demo_options options;
static char told[1024];

/* Parses, and keeps what was told on stderr. */
static bool parse(int argc, const char *const *argv)
{
	FILE *kept = tmpfile();
	int saved = dup(STDERR_FILENO);
	bool ok;

	cr_assert(kept != NULL && saved >= 0 && dup2(fileno(kept), STDERR_FILENO) >= 0);
	ok = slu_demo_options_parse(&options, argc, (char **)(uintptr_t)argv);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(kept);
	told[fread(told, 1, sizeof(told) - 1, kept)] = '\0';
	fclose(kept);
	return ok;
}

#define PARSE(...)                                                                   \
	parse((int)(sizeof((const char *[]){"demo", __VA_ARGS__}) / sizeof(char *)), \
	      (const char *[]){"demo", __VA_ARGS__})

#define HINT "; sluice demo --help lists the options\n"

Test(demo_options, nothing_given_is_all_defaults)
{
	const char *argv[] = {"demo"};

	cr_assert(parse(1, argv), "%s", told);
	cr_expect_eq(options.threads, 2);
	cr_expect_eq(options.rate, 20000);
	cr_expect_eq(options.repeat, 1);
	cr_expect_eq(options.seed, 1);
	cr_expect_eq(options.seconds, 0);
	cr_expect_eq(options.kill_server_at, 0);
	cr_expect_eq(options.input_count, 0);
	cr_expect(!options.strict && !options.keep && !options.help);
	cr_expect(options.dsn == NULL && options.json == NULL);
	cr_expect_str_empty(options.options);
}

Test(demo_options, values_stand_behind_a_blank_or_an_equals_sign)
{
	cr_assert(PARSE("--input", "a.csv", "--input=b.csv", "--threads=3", "--rate", "7",
	                "--options=flush_delay=2ms lanes=3", "--strict", "--json", "-"),
	          "%s", told);
	cr_assert_eq(options.input_count, 2);
	cr_expect_str_eq(options.inputs[0], "a.csv");
	cr_expect_str_eq(options.inputs[1], "b.csv");
	cr_expect_eq(options.threads, 3);
	cr_expect_eq(options.rate, 7);
	cr_expect_str_eq(options.options, "flush_delay=2ms lanes=3");
	cr_expect(options.strict);
	cr_expect_str_eq(options.json, "-");
}

Test(demo_options, a_wrong_command_line_is_told_with_its_cause)
{
	cr_expect_not(PARSE("--rat", "7"));
	cr_expect_str_eq(told, "sluice demo: there is no option --rat" HINT);
	cr_expect_not(PARSE("--rate"));
	cr_expect_str_eq(told, "sluice demo: --rate needs a value: ROWS/S" HINT);
	cr_expect_not(PARSE("--strict=yes"));
	cr_expect_str_eq(told, "sluice demo: --strict takes no value" HINT);
	cr_expect_not(PARSE("--dsn", "", "--kill-server-at", "1"));
	cr_expect_str_eq(told, "sluice demo: --kill-server-at kills the disposable server only; "
	                       "leave --dsn away to have one" HINT);
	cr_expect_not(PARSE("--options", "flush_dely=2ms"));
	cr_expect_not_null(strstr(told, "flush_delay"), "%s", told);
}

Test(demo_options, numbers_have_bounds)
{
	static const char *const wrong[] = {
		"0", "65", "-1", "+1", " 1", "1x", "", "1.5", "18446744073709551617"};
	size_t index;

	for (index = 0; index < sizeof(wrong) / sizeof(wrong[0]); index++) {
		cr_expect_not(PARSE("--threads", wrong[index]), "'%s'", wrong[index]);
		cr_expect_str_eq(told, "sluice demo: --threads is an integer from 1 to 64" HINT);
	}
	cr_expect(PARSE("--threads", "64"));
	cr_expect(PARSE("--seed", "18446744073709551615"));
}

Test(demo_options, what_may_be_a_password_is_not_repeated)
{
	cr_expect_not(PARSE("postgres://me:secret@host/db"));
	cr_expect_str_eq(told, "sluice demo: argument 1: options begin with --" HINT);
	cr_expect_not(PARSE("--dns=postgres://me:secret@host/db"));
	cr_expect_str_eq(told, "sluice demo: there is no option --dns" HINT);
	cr_expect_not(PARSE("--dsn", "password=my secret"));
	cr_expect_null(strstr(told, "secret"), "%s", told);
	cr_expect_not_null(strstr(told, "--dsn is neither"), "%s", told);
}

Test(demo_options, help_names_every_option_and_needs_nothing_else_to_be_right)
{
	static const char *const names[] = {
		"--input",          "--threads", "--rate",    "--seconds",  "--repeat",
		"--seed",           "--strict",  "--options", "--dsn",      "--keep",
		"--kill-server-at", "--json",    "--help",    "flush_delay"};
	char help[8192] = "";
	FILE *out = fmemopen(help, sizeof(help), "w");
	size_t index;

	cr_assert(PARSE("--help", "--dsn", "x", "--keep"));
	cr_expect(options.help);
	slu_demo_help(out);
	fclose(out);
	for (index = 0; index < sizeof(names) / sizeof(names[0]); index++)
		cr_expect_not_null(strstr(help, names[index]), "%s", names[index]);
}
