/* SPDX-License-Identifier: MIT */
/*
 * migration_lint.h - finds in migration files what would hurt later, without a database.
 *
 * Three kinds of findings, all of the form `file:line: what is wrong; what to do`:
 *
 *      the set       names that are passed over, twice or missing numbers, a side that is missing
 *      the script    what a runner can't run: transaction control, COPY from the client, ..
 *      the change    what loses data, stops a running engine, or holds a lock for long
 *
 * A finding of the third kind is a question, and `-- sluice: allow` answers it: on the statement's
 * line, or in the comment above it. Say there, too, why it is right.
 */
#ifndef DB_AUTHOR_MIGRATION_LINT_H
#define DB_AUTHOR_MIGRATION_LINT_H

#include <sluice/sluice.h>

#include <stdio.h>

/* Reads the files of `directory` and prints a line to `answer` for each finding, file by file in
 * the order of names. `*findings` is how many. Returns SLUICE_OK, also with findings;
 * SLUICE_INVALID when there is no such directory, or nothing like a migration in it; SLUICE_FAILED
 * when the system refused.  Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_lint(const char *directory, FILE *answer,
                                                        size_t *findings,
                                                        struct sluice_error *error);

#endif
