/* SPDX-License-Identifier: MIT */
/*
 * gen.h - the whole run: from a configuration to a folder of C files, or to what is wrong with it.
 *
 *      sqlc.yaml --> schema ----> database of its own --\
 *            \-----> queries ------------------------> analysis --> emit --> write, or compare
 *
 * Nothing is written unless everything is right.
 */
#ifndef DB_GEN_GEN_H
#define DB_GEN_GEN_H

#include <sluice/sluice.h>

#include <stdio.h>

struct slu_gen_options {
	const char *config; /* NULL: sqlc's usual names, in the current directory */
	const char *dsn;    /* a server to make a database on; NULL: a server of our own */
	const char *out;    /* NULL: `generated` beside the configuration */
	bool check;         /* write nothing, compare */
	bool no_database;   /* with check: compare only what the files were made from */
	FILE *answer;       /* a line a file */
	FILE *errors;       /* findings, and how many */
	/* Asked between steps; true ends the run, and everything is taken back. May be NULL. */
	bool (*interrupted)(void);
};

/* Returns SLUICE_OK; SLUICE_INVALID when the input is wrong; SLUICE_CONFLICT when `check` found
 * differences; SLUICE_FAILED when the system or the server refused, or it was interrupted. All has
 * been told by then.  Thread: the main thread (db/server/disposable.h says why).  Progress:
 * blocking. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_run(const struct slu_gen_options *options);

#endif
