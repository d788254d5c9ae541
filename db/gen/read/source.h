/* SPDX-License-Identifier: MIT */
/*
 * source.h - a file that the generator reads, and what it has to say about a place in it.
 *
 *      db/queries/trading.sql:12:24: error: column "pric" does not exist
 *        SELECT id, state, pric FROM orders WHERE id = @id;
 *                          ^~~~
 *      hint: Perhaps you meant to reference the column "orders.price".
 */
#ifndef DB_GEN_READ_SOURCE_H
#define DB_GEN_READ_SOURCE_H

#include <sluice/sluice.h>

#include <stdio.h>

struct slu_source {
	char *path;
	char *text; /* NUL-terminated, without a NUL inside, UTF-8 */
	size_t size;
};

/* Reads a file whole. Returns SLUICE_OK, SLUICE_INVALID for bytes that are no text, SLUICE_FAILED.
 * Free the source in any case. */
SLUICE_MUST_CHECK enum sluice_status slu_source_read(struct slu_source *source, const char *path,
                                                     struct sluice_error *error);
void slu_source_free(struct slu_source *source);

/* `size` bytes from `offset` on; a `size` of 0 is one place. */
struct slu_place {
	const struct slu_source *source;
	size_t offset;
	size_t size;
};

/* Where findings go. One run has one. */
struct slu_findings {
	FILE *out;
	size_t error_count;
};

/* Tells an error: `format` is one sentence without its end. `hint` tells what helps, NULL for
 * nothing. A place without a source (a column of an answer) is told without its line, one whose
 * source has no text (a file that can't be read) by its path alone. Columns count characters. */
void slu_finding(struct slu_findings *findings, struct slu_place place, const char *hint,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
