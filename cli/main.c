/* SPDX-License-Identifier: MIT */
/*
 * main.c - the program `sluice`: finds the subcommand and runs it.
 *
 * One table holds the subcommands; the help text and the dispatch come from it.
 */
#include "cli/commands.h"

#include <sluice/sluice.h>

#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"dead-letter", cli_letters, "look at, and replay, what the database refused"},
	{"demo", cli_demo, "play a trading day into Postgres and prove the result"},
	{"gen", cli_gen, "write typed C for migrations and queries"},
	{"lanes", cli_lanes, "look at, and carry, what engines left in a directory"},
	{"migrate", cli_migrate, "bring a database's schema up or down"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	size_t index;

	fputs("usage: sluice COMMAND [OPTION]...\n\n"
	      "Sluice carries records from trading threads to Postgres behind their back.\n\n"
	      "commands:\n",
	      out);
	for (index = 0; index < COMMAND_COUNT; index++)
		fprintf(out, "  %-11s %s\n", commands[index].name, commands[index].summary);
	fputs("\nsluice COMMAND --help tells a command's options; sluice --version the version.\n",
	      out);
}

int main(int argc, char **argv)
{
	size_t index;

	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("sluice %s\n", sluice_version());
		return CLI_OK;
	}
	for (index = 0; index < COMMAND_COUNT; index++)
		if (strcmp(argv[1], commands[index].name) == 0)
			return commands[index].run(argc - 1, argv + 1);
	fprintf(stderr, "sluice: there is no command '%s'; sluice --help lists them\n", argv[1]);
	return CLI_USAGE;
}
