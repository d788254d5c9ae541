/* SPDX-License-Identifier: MIT */
/* cli_lanes_line.c - the command line of `sluice lanes`: what is refused before anything is tried. */
#include "tests/contract/lanes_stage.h"

#include <criterion/criterion.h>
#include <string.h>

Test(lanes_line, a_wrong_command_line_is_told_and_nothing_is_tried)
{
	static const struct {
		const char *arguments[4];
		const char *told;
	} lines[] = {
		{{"list"}, "what to do is missing"},
		{{"/dev/shm", "sing"}, "there is no operation sing"},
		{{"/dev/shm", "list", "more"}, "an argument too many: more"},
		{{"/dev/shm", "list", "--all"}, "list does not take --all"},
		{{"/dev/shm", "drain", "--json"}, "drain does not take --json"},
		{{"/dev/shm", "export", "--dsn=x"}, "export does not take --dsn"},
		{{"/dev/shm", "drain", "--dsn=postgres://h/d?x-new-thing=1"}, "x-new-thing"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct said said = stage_run(lines[i].arguments[0], lines[i].arguments[1],
		                             lines[i].arguments[2], NULL);

		cr_expect_eq(said.status, 2, "%s: %d", lines[i].told, said.status);
		cr_expect_str_eq(said.out, "");
		cr_expect_not_null(strstr(said.err, lines[i].told), "%s", said.err);
		said_free(&said);
	}
}

Test(lanes_line, help_is_asked_for_and_goes_to_stdout)
{
	struct said said = stage_run("--help", NULL);

	cr_expect_eq(said.status, 0);
	cr_expect_str_eq(said.err, "");
	cr_expect_eq(strncmp(said.out, "usage: sluice lanes ", 20), 0);
	for (const char *name = "list\0verify\0drain\0export\0"; *name != '\0';
	     name += strlen(name) + 1)
		cr_expect_not_null(strstr(said.out, name), "%s", name);
	said_free(&said);
}

Test(lanes_line, a_directory_whose_name_is_too_long_is_refused)
{
	char name[SLUICE_TEXT_OPTION_SIZE + 1];
	struct said said;

	memset(name, 'x', SLUICE_TEXT_OPTION_SIZE);
	name[SLUICE_TEXT_OPTION_SIZE] = '\0';
	said = stage_run(name, "list", NULL);
	cr_expect_eq(said.status, 2);
	said_free(&said);
}
