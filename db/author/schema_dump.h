/* SPDX-License-Identifier: MIT */
/*
 * schema_dump.h - the schema of a database as text, to be compared with another.
 *
 * It is pg_dump's, with owners, grants and comments, less what is not the author's: the version
 * tables, Sluice's own schema, and lines that differ each time (pg_dump's key against tampering).
 */
#ifndef DB_AUTHOR_SCHEMA_DUMP_H
#define DB_AUTHOR_SCHEMA_DUMP_H

#include <sluice/sluice.h>

/* The line that pg_dump writes before each object begins so. */
#define SLU_SCHEMA_DUMP_LANDMARK "-- Name: "

/* Runs the pg_dump of the directory `programs`. `*text` is the caller's to free.
 * Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status slu_schema_dump(const char *programs, const char *conninfo,
                                                     char **text, struct sluice_error *error);

/* Whether two dumps say the same but for the order of columns within tables. False, too, when out
 * of memory. */
bool slu_schema_dump_same_but_order(const char *left, const char *right);

#endif
