/* SPDX-License-Identifier: MIT */
/* program.h - runs a subcommand in a process of its own, and keeps what it said. */
#ifndef TESTS_CONTRACT_PROGRAM_H
#define TESTS_CONTRACT_PROGRAM_H

#include <sys/types.h>

struct said {
	int status; /* its exit status; 128 + n for signal n */
	char *out, *err;
};

/* `arguments`: argv, its name first, up to a NULL. */
struct said program_run(int (*program)(int argc, char **argv), char **arguments);
/* The same, but kills it after a while, if it is not done by then. */
void program_run_and_kill(int (*program)(int argc, char **argv), char **arguments,
                          unsigned after_us);
void said_free(struct said *said);

#endif
