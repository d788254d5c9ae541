/* SPDX-License-Identifier: MIT */
/*
 * stream_sql.c - the statements of a stream.
 *
 *      COPY t (a, b) FROM STDIN (FORMAT binary)
 *
 *      INSERT INTO t (k, a, version, at) SELECT u.k, u.a, u.version, now()
 *      FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS u (k, a, version)
 *      ON CONFLICT (k) DO UPDATE SET a = excluded.a, version = excluded.version, at = excluded.at
 *      WHERE t.version < excluded.version
 *
 *      DELETE FROM t USING unnest($1::uuid[], $2::bigint[]) AS removed (k, version)
 *      WHERE t.k = removed.k AND t.version < removed.version
 *
 *      SELECT k, a, version FROM t
 *      SELECT k, a, version FROM t WHERE k = $1::uuid
 *
 * A value is sent as its column's base type and becomes the column's on the way in: an array of a
 * domain or of varchar would want its elements labelled as such.
 */
#include "db/gen/ask/describe.h"
#include "db/gen/ask/streams.h"

#include <stdlib.h>
#include <string.h>

/* What stands in front of a name: "", "u.", "excluded.". */
static void put_names(FILE *text, const struct slu_stream_draft *draft, const char *before)
{
	size_t i;

	for (i = 0; i < draft->record.field_count; i++)
		fprintf(text, "%s%s%s", i > 0 ? ", " : "", before, draft->columns[i].quoted);
}

/* Whether the INSERT's column `value` is an expression: no field of the record. */
static bool is_expression(const struct slu_stream_draft *draft, size_t value)
{
	return draft->query->insert.parameters[value] == SIZE_MAX;
}

static const char *quoted_name(const struct slu_stream_draft *draft, size_t value)
{
	int row = slu_stream_find_column(draft, draft->query->insert.columns[value]);

	return PQgetvalue(draft->table, row, SLU_TABLE_QUOTED);
}

/* unnest($1::uuid[], ..) AS alias (a, ..), of the columns for which `taken` is true, or of all. */
static void put_unnest(FILE *text, const struct slu_stream_draft *draft, const bool *taken,
                       const char *alias)
{
	const char *between = "";
	unsigned number = 0;
	size_t i;

	fputs("unnest(", text);
	for (i = 0; i < draft->record.field_count; i++) {
		if (taken != NULL && !taken[i])
			continue;
		fprintf(text, "%s$%u::%s[]", between, ++number, draft->columns[i].cast);
		between = ", ";
	}
	fprintf(text, ") AS %s (", alias);
	between = "";
	for (i = 0; i < draft->record.field_count; i++) {
		if (taken != NULL && !taken[i])
			continue;
		fprintf(text, "%s%s", between, draft->columns[i].quoted);
		between = ", ";
	}
	fputs(")", text);
}

static const char *version_name(const struct slu_stream_draft *draft)
{
	size_t i;

	for (i = 0; i < draft->record.field_count; i++) {
		if (draft->record.fields[i].type == SLUICE_VERSION)
			return draft->columns[i].quoted;
	}
	return "version";
}

static void put_conflict(FILE *text, const struct slu_stream_draft *draft)
{
	const struct slu_insert *insert = &draft->query->insert;
	size_t key_count = draft->query->stream.key_count;
	const char *version = version_name(draft);
	const char *between = "";
	size_t i;

	fputs(" ON CONFLICT (", text);
	for (i = 0; i < key_count; i++)
		fprintf(text, "%s%s", i > 0 ? ", " : "", draft->columns[i].quoted);
	fputs(") DO UPDATE SET ", text);
	for (i = key_count; i < draft->record.field_count; i++) {
		fprintf(text, "%s%s = excluded.%s", between, draft->columns[i].quoted,
		        draft->columns[i].quoted);
		between = ", ";
	}
	for (i = 0; i < insert->column_count; i++) {
		if (is_expression(draft, i))
			fprintf(text, ", %s = excluded.%s", quoted_name(draft, i),
			        quoted_name(draft, i));
	}
	fprintf(text, " WHERE %s.%s < excluded.%s", draft->quoted, version, version);
}

static void put_copy(FILE *text, const struct slu_stream_draft *draft)
{
	fprintf(text, "COPY %s (", draft->query->insert.table);
	put_names(text, draft, "");
	fputs(") FROM STDIN (FORMAT binary)", text);
}

static void put_write(FILE *text, const struct slu_stream_draft *draft)
{
	const struct slu_insert *insert = &draft->query->insert;
	size_t i;

	fprintf(text, "INSERT INTO %s (", insert->table);
	put_names(text, draft, "");
	for (i = 0; i < insert->column_count; i++) {
		if (is_expression(draft, i))
			fprintf(text, ", %s", quoted_name(draft, i));
	}
	fputs(") SELECT ", text);
	put_names(text, draft, "u.");
	for (i = 0; i < insert->column_count; i++) {
		if (is_expression(draft, i))
			fprintf(text, ", %s", insert->values[i]);
	}
	fputs(" FROM ", text);
	put_unnest(text, draft, NULL, "u");
	if (draft->query->stream.state)
		put_conflict(text, draft);
}

static void put_remove(FILE *text, const struct slu_stream_draft *draft)
{
	const char *version = version_name(draft);
	bool *taken = calloc(draft->record.field_count + 1, sizeof(*taken));
	size_t i;

	if (taken == NULL) {
		slu_study_starved(draft->study);
		return;
	}
	for (i = 0; i < draft->record.field_count; i++)
		taken[i] = i < draft->query->stream.key_count ||
		           draft->record.fields[i].type == SLUICE_VERSION;
	fprintf(text, "DELETE FROM %s USING ", draft->query->insert.table);
	put_unnest(text, draft, taken, "removed");
	fputs(" WHERE ", text);
	for (i = 0; i < draft->query->stream.key_count; i++)
		fprintf(text, "%s.%s = removed.%s AND ", draft->quoted, draft->columns[i].quoted,
		        draft->columns[i].quoted);
	fprintf(text, "%s.%s < removed.%s", draft->quoted, version, version);
	free(taken);
}

static void put_read(FILE *text, const struct slu_stream_draft *draft)
{
	fputs("SELECT ", text);
	put_names(text, draft, "");
	fprintf(text, " FROM %s", draft->query->insert.table);
}

static void put_fetch(FILE *text, const struct slu_stream_draft *draft)
{
	size_t i;

	put_read(text, draft);
	for (i = 0; i < draft->query->stream.key_count; i++)
		fprintf(text, " %s %s = $%zu::%s", i == 0 ? "WHERE" : "AND",
		        draft->columns[i].quoted, i + 1, draft->columns[i].cast);
}

/* The text that `put` writes; NULL when memory is short. */
static char *write_text(const struct slu_stream_draft *draft,
                        void put(FILE *, const struct slu_stream_draft *))
{
	struct slu_text text;

	if (!slu_text_begin(draft->study, &text))
		return NULL;
	put(text.file, draft);
	return slu_text_end(draft->study, &text);
}

/* Asks the server whether it takes the statement. */
static void check(struct slu_stream_draft *draft, const char *sql)
{
	PGresult *refusal = NULL;
	PGresult *about = sql == NULL ? NULL : slu_describe(draft->study, sql, 0, NULL, &refusal);

	if (refusal != NULL) {
		slu_describe_tell(draft->study, draft->query, refusal, NULL);
		draft->refused = true;
	}
	PQclear(refusal);
	PQclear(about);
}

void slu_stream_write_sql(struct slu_stream_draft *draft, struct slu_model_stream *stream)
{
	stream->write_sql = write_text(draft, put_write);
	check(draft, stream->write_sql);
	if (stream->kind == SLUICE_APPEND) {
		stream->copy_sql = write_text(draft, put_copy);
	} else {
		stream->remove_sql = write_text(draft, put_remove);
		check(draft, stream->remove_sql);
		stream->read_sql = write_text(draft, put_read);
		stream->fetch_sql = write_text(draft, put_fetch);
		check(draft, stream->fetch_sql);
	}
}
