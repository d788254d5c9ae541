/* SPDX-License-Identifier: MIT */
/* demo_options.h - the command line of `sluice demo`: one table for parsing, defaults and help. */
#ifndef CLI_DEMO_OPTIONS_H
#define CLI_DEMO_OPTIONS_H

#include "cli/day.h"

#include <stdio.h>

#define SLU_SECONDS_DEFAULT 10 /* of a synthetic flow */

struct slu_demo_options {
	const char *inputs[SLU_SOURCE_COUNT_MAX];
	size_t input_count;
	uint64_t threads;
	uint64_t rate;    /* rows a second, all threads together */
	uint64_t seconds; /* 0: not given */
	uint64_t repeat;
	uint64_t seed;
	uint64_t kill_server_at; /* seconds; 0: not given */
	bool strict;
	bool keep;
	bool help;
	const char *options; /* of sluice_open; "" when not given */
	const char *dsn;     /* NULL: a disposable server */
	const char *json;    /* NULL: none, "-": stdout */
};

/* Reads argv[1..]. Returns true, or false after telling on stderr what is wrong. */
bool slu_demo_options_parse(struct slu_demo_options *options, int argc, char **argv);

void slu_demo_help(FILE *out);

#endif
