/* SPDX-License-Identifier: MIT */
/*
 * letters_query.h - the letters of sluice.dead_letter that a filter lets through, oldest first.
 *
 * What is in the table is not trusted: a letter is checked against the description that it names
 * before a byte of its record is looked at.
 */
#ifndef CLI_LETTERS_QUERY_H
#define CLI_LETTERS_QUERY_H

#include "cli/letters_format.h"

struct slu_letters_filter {
	const char *ids;      /* as an array: "{7,9}"; NULL for any */
	const char *stream;   /* or NULL */
	const char *sqlstate; /* or NULL */
};

/* Texts and record are valid during a visit. */
struct slu_letter_row {
	const char *id, *generation, *lane, *sequence, *refused_at;
	const char *stream_name, *version_text;
	const char *sqlstate, *constraint, *reason; /* "" for none */
	bool removed;
	uint64_t version;
	const struct sluice_stream *stream; /* NULL: it can't be read, */
	const char *unreadable;             /* and why */
	const unsigned char *record;        /* layout.size bytes, and some zeros behind */
};

/* Visits up to `limit` letters, until `visit` returns false; it may use the connection, and remove
 * the letter. Streams stay valid as long as `formats`. Returns SLUICE_OK, or SLUICE_FAILED with
 * `error`. */
enum sluice_status slu_letters_walk(PGconn *connection, struct slu_letters_formats *formats,
                                    const struct slu_letters_filter *filter, uint64_t limit,
                                    bool (*visit)(void *context, const struct slu_letter_row *row),
                                    void *context, struct sluice_error *error);

/* What the database refused of the program, with the remedy if it is known. */
enum sluice_status slu_letters_refused(PGconn *connection, const PGresult *result,
                                       struct sluice_error *error);

#endif
