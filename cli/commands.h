/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the subcommands of the program `sluice`, a file each.
 *
 * Each takes its own arguments (argv[0] is its name) and returns the program's exit status.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* it was tried: the message says what stood in the way */
	CLI_USAGE = 2,  /* the command line is wrong: nothing was tried */
};

int cli_demo(int argc, char **argv);
int cli_gen(int argc, char **argv);
int cli_lanes(int argc, char **argv);
int cli_letters(int argc, char **argv);
int cli_migrate(int argc, char **argv);

#endif
