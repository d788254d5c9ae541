/* SPDX-License-Identifier: MIT */
/* letters.h - the operations of `sluice dead-letter`. */
#ifndef CLI_LETTERS_H
#define CLI_LETTERS_H

#include "cli/letters_query.h"

/* The subcommand: commands.h. */

struct slu_letters_request {
	const char *dsn; /* as given; NULL for libpq's environment */
	struct slu_letters_filter filter;
	const char *output; /* export: a file; NULL for stdout */
	uint64_t limit;     /* list */
	bool all;           /* replay: without a filter */
	bool yes;           /* discard: really */
};

/* Each returns the program's exit status. What was asked for goes to stdout, all else to stderr. */
int slu_letters_list(PGconn *connection, const struct slu_letters_request *request);
int slu_letters_show(PGconn *connection, const struct slu_letters_request *request);
int slu_letters_export(PGconn *connection, const struct slu_letters_request *request);
int slu_letters_replay(PGconn *connection, const struct slu_letters_request *request);
int slu_letters_discard(PGconn *connection, const struct slu_letters_request *request);

/* Tells stderr. Returns CLI_FAILED. */
int slu_letters_fail(const struct sluice_error *error);

#endif
