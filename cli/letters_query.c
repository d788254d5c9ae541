/* SPDX-License-Identifier: MIT */
/* letters_query.c - pages of letters by their ids, so that a table of any size fits. */
#include "cli/letters_query.h"

#include <sluice/sink.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "500"
#define SLACK 64 /* a field of a fixed size may reach so far, wherever the description puts it */

#define LETTER                                                                           \
	"SELECT id, generation, lane, sequence, stream, version, removed, sqlstate, "    \
	"coalesce(constraint_name, ''), reason, to_char(refused_at AT TIME ZONE 'UTC', " \
	"'YYYY-MM-DD HH24:MI:SS'), encode(format, 'hex'), record FROM sluice.dead_letter WHERE "

#define FILTER                                                                               \
	"($1::bigint[] IS NULL OR id = ANY ($1)) AND ($2::text IS NULL OR stream = $2) AND " \
	"($3::text IS NULL OR sqlstate = $3) "

enum column {
	ID,
	GENERATION,
	LANE,
	SEQUENCE,
	STREAM,
	VERSION,
	REMOVED,
	SQLSTATE,
	CONSTRAINT,
	REASON,
	REFUSED_AT,
	FORMAT,
	RECORD,
};

enum sluice_status slu_letters_refused(PGconn *connection, const PGresult *result,
                                       struct sluice_error *error)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (sqlstate == NULL)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "the connection broke: %.*s. Every letter is where it was, "
		                        "or done: do it again",
		                        (int)strcspn(PQerrorMessage(connection), "\n"),
		                        PQerrorMessage(connection));
	if (strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "3F000") == 0)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "this database has no table sluice.dead_letter: is it the "
		                        "right one? `sluice migrate up` makes it");
	if (strcmp(sqlstate, "42501") == 0)
		return sluice_error_set(
			error, SLUICE_FAILED,
			"%s: this needs USAGE ON SCHEMA sluice, SELECT ON sluice.dead_letter, "
			"sluice.letter_format; to replay also UPDATE, DELETE ON sluice.dead_letter, and "
			"what writing the tables needs; to discard DELETE",
			message);
	return sluice_error_set(error, SLUICE_FAILED, "the database says %s: %s", sqlstate,
	                        message);
}

/* ---- one letter ---- */

struct letter {
	struct slu_letter_row row;
	unsigned char record[SLUICE_RECORD_SIZE_MAX + SLACK];
};

/* Copies the record if it is as large as its description says. */
static void read_record(struct letter *letter, const char *text)
{
	size_t size;
	unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &size);

	if (bytes == NULL || size != letter->row.stream->layout.size ||
	    size > SLUICE_RECORD_SIZE_MAX) {
		letter->row.stream = NULL;
		letter->row.unreadable = "its record has not the size that its format describes";
	} else {
		memcpy(letter->record, bytes, size);
		letter->row.record = letter->record;
	}
	PQfreemem(bytes);
}

static enum sluice_status read_letter(struct letter *letter, const PGresult *result, int index,
                                      PGconn *connection, struct slu_letters_formats *formats,
                                      struct sluice_error *error)
{
	enum sluice_status status;

	memset(letter, 0, sizeof(*letter));
	letter->row = (struct slu_letter_row){
		.id = PQgetvalue(result, index, ID),
		.generation = PQgetvalue(result, index, GENERATION),
		.lane = PQgetvalue(result, index, LANE),
		.sequence = PQgetvalue(result, index, SEQUENCE),
		.refused_at = PQgetvalue(result, index, REFUSED_AT),
		.stream_name = PQgetvalue(result, index, STREAM),
		.version_text = PQgetvalue(result, index, VERSION),
		.version = (uint64_t)strtoll(PQgetvalue(result, index, VERSION), NULL, 10),
		.removed = PQgetvalue(result, index, REMOVED)[0] == 't',
		.sqlstate = PQgetvalue(result, index, SQLSTATE),
		.constraint = PQgetvalue(result, index, CONSTRAINT),
		.reason = PQgetvalue(result, index, REASON),
		.unreadable = "its format is not in sluice.letter_format, or does not describe it",
	};
	status = slu_letters_stream(formats, connection, PQgetvalue(result, index, FORMAT),
	                            letter->row.stream_name, &letter->row.stream, error);
	if (letter->row.stream != NULL && letter->row.removed &&
	    letter->row.stream->kind != SLUICE_STATE) {
		letter->row.stream = NULL;
		letter->row.unreadable = "it removes, but its stream has no key";
	}
	if (status == SLUICE_OK && letter->row.stream != NULL)
		read_record(letter, PQgetvalue(result, index, RECORD));
	return status;
}

/* ---- many ---- */

struct walk {
	PGconn *connection;
	struct slu_letters_formats *formats;
	bool (*visit)(void *context, const struct slu_letter_row *row);
	void *context;
	uint64_t left;
	bool go_on;
	char after[24]; /* the last id seen */
};

static enum sluice_status visit_page(struct walk *walk, const PGresult *result,
                                     struct sluice_error *error)
{
	struct letter letter;
	enum sluice_status status = SLUICE_OK;

	for (int i = 0; i < PQntuples(result) && walk->go_on && status == SLUICE_OK; i++) {
		status = read_letter(&letter, result, i, walk->connection, walk->formats, error);
		if (status != SLUICE_OK)
			break;
		walk->go_on = walk->visit(walk->context, &letter.row) && --walk->left > 0;
		(void)snprintf(walk->after, sizeof(walk->after), "%s", letter.row.id);
	}
	walk->go_on &= PQntuples(result) == atoi(PAGE);
	return status;
}

enum sluice_status slu_letters_walk(PGconn *connection, struct slu_letters_formats *formats,
                                    const struct slu_letters_filter *filter, uint64_t limit,
                                    bool (*visit)(void *context, const struct slu_letter_row *row),
                                    void *context, struct sluice_error *error)
{
	struct walk walk = {connection, formats, visit, context, limit, limit > 0, "0"};
	enum sluice_status status = SLUICE_OK;

	while (walk.go_on && status == SLUICE_OK) {
		const char *values[] = {filter->ids, filter->stream, filter->sqlstate, walk.after};
		PGresult *result = PQexecParams(
			connection, LETTER FILTER "AND id > $4::bigint ORDER BY id LIMIT " PAGE, 4,
			NULL, values, NULL, NULL, 0);

		if (PQresultStatus(result) == PGRES_TUPLES_OK)
			status = visit_page(&walk, result, error);
		else
			status = slu_letters_refused(connection, result, error);
		PQclear(result);
	}
	return status;
}
