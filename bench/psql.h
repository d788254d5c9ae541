/* SPDX-License-Identifier: MIT */
/* psql.h - what one would load rows with: psql, its \copy, and a file. */
#ifndef BENCH_PSQL_H
#define BENCH_PSQL_H

#include <sluice/stream.h>

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

struct slu_psql {
	char program[PATH_MAX];
	const char *dsn;
};

/* Finds the psql that belongs to the server's programs. All here ends the program when it fails. */
void slu_psql_find(struct slu_psql *psql, const char *dsn);

/* Runs commands, up to a NULL, in one session. */
void slu_psql_run(const struct slu_psql *psql, const char *const *commands);

/* Loads a file into an append stream's table by one \copy. */
void slu_psql_append(const struct slu_psql *psql, const struct sluice_stream *stream,
                     const char *file);

/* Loads a file into a state stream's table, in one transaction: \copy into a temporary table, and
 * from there the stream's own INSERT .. ON CONFLICT. */
void slu_psql_merge(const struct slu_psql *psql, const struct sluice_stream *stream,
                    const char *file);

/* Writes a row of such a file, the text form of COPY: the stream's columns in their order,
 * `version` for the version. Texts must hold nothing that COPY wants escaped, decimals no more than
 * 64 bits, times nothing before 1970. */
void slu_psql_write_row(FILE *file, const struct sluice_stream *stream, const void *record,
                        uint64_t version);

#endif
