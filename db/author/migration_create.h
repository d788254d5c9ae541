/* SPDX-License-Identifier: MIT */
/*
 * migration_create.h - begins a new migration: two files under the next number.
 */
#ifndef DB_AUTHOR_MIGRATION_CREATE_H
#define DB_AUTHOR_MIGRATION_CREATE_H

#include <sluice/sluice.h>

#include <stdio.h>

/* Makes NUMBER_name.up.sql and NUMBER_name.down.sql in `directory`, each with a first comment line,
 * and prints both paths to `answer`, a line each.
 *
 * NUMBER continues what is there: the newest number plus one, with as many digits; or the present
 * second (UTC, YYYYMMDDhhmmss) when the newest has 14 digits. In an empty directory it is 0001.
 * In the name, letters become small, and whatever is neither letter nor digit becomes one `_`.
 *
 * Returns SLUICE_OK; SLUICE_INVALID when nothing of the name is left, the directory is missing, or
 * no number is left; SLUICE_FAILED when the system refused. Then neither file is there. Never
 * writes to a file that exists.  Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_create(const char *directory, const char *name,
                                                          FILE *answer, struct sluice_error *error);

#endif
