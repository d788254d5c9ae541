/* SPDX-License-Identifier: MIT */
/* streams.c - an INSERT as a stream.
 * One cycle: ask for the table -> fields -> check -> statements -> fingerprint. */
#include "db/gen/ask/streams.h"

#include "db/catalog.h"
#include "db/gen/ask/describe.h"
#include "db/gen/ask/names.h"
#include "db/gen/gen_hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

/* As enum slu_table_part. %s is slu_catalog_columns_sql. */
static const char table_sql[] =
	"SELECT a.attname, pg_catalog.quote_ident(a.attname), a.attnum, a.atttypid, a.atttypmod,"
	"  a.attnotnull OR (WITH RECURSIVE chain AS ("
	"      SELECT typtype, typbasetype, typnotnull FROM pg_catalog.pg_type WHERE oid = a.atttypid"
	"    UNION ALL"
	"      SELECT t.typtype, t.typbasetype, t.typnotnull FROM chain"
	"        JOIN pg_catalog.pg_type t ON t.oid = chain.typbasetype AND chain.typtype = 'd')"
	"    SELECT pg_catalog.bool_or(typnotnull) FROM chain),"
	"  said.optional, said.definition, COALESCE(NOT l.collisdeterministic, false) "
	"FROM (%s) AS said (position, name, definition, optional)"
	"  JOIN pg_catalog.pg_attribute a ON a.attname = said.name AND a.attnum > 0"
	"    AND a.attrelid = pg_catalog.to_regclass(($1::text[])[1])"
	"  LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation "
	"ORDER BY a.attnum";

/* A text as the only element of a text[]. To be freed. */
static char *as_array(struct slu_study *study, const char *text)
{
	PGresult *row = slu_study_ask(study, "SELECT ARRAY[$1::text]", 1, &text);
	char *array = row == NULL ? NULL : slu_study_copy(study, PQgetvalue(row, 0, 0));

	PQclear(row);
	return array;
}

static bool find_table(struct slu_stream_draft *draft)
{
	struct slu_study *study = draft->study;
	const char *name = draft->query->insert.table;
	PGresult *row =
		slu_study_ask(study,
	                      "SELECT oid, relkind IN ('r', 'p'), pg_catalog.quote_ident(relname) "
	                      "FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)",
	                      1, &name);
	char *array = row == NULL ? NULL : as_array(study, name);
	char *sql = slu_study_print(study, table_sql, slu_catalog_columns_sql);

	if (array != NULL && sql != NULL && PQntuples(row) == 1) {
		const char *value = array;

		draft->oid = (uint32_t)strtoul(PQgetvalue(row, 0, 0), NULL, 10);
		draft->quoted = slu_study_copy(study, PQgetvalue(row, 0, 2));
		draft->table = slu_study_ask(study, sql, 1, &value);
		if (PQgetvalue(row, 0, 1)[0] != 't') {
			slu_finding(study->findings, draft->query->stream.place, NULL,
			            "\"%s\" is no table: a stream is written into a table, which "
			            "may be partitioned",
			            name);
			draft->refused = true;
		}
	}
	PQclear(row);
	free(array);
	free(sql);
	return !study->broken && draft->table != NULL && !draft->refused;
}

int slu_stream_find_column(const struct slu_stream_draft *draft, const char *name)
{
	int row;

	for (row = 0; row < PQntuples(draft->table); row++) {
		if (strcmp(PQgetvalue(draft->table, row, SLU_TABLE_NAME), name) == 0)
			return row;
	}
	return -1;
}

/* ---- the stream ---- */

static uint64_t fingerprint_of(const struct slu_struct *record)
{
	uint64_t print = SLU_HASH_BEGIN;
	size_t i;

	for (i = 0; i < record->field_count; i++) {
		const struct slu_field *field = &record->fields[i];

		print = slu_hash_text(print, field->column);
		print = slu_hash_text(print, field->definition);
		print = slu_hash_number(print, (uint64_t)field->type);
		print = slu_hash_number(print, (uint64_t)field->form);
		print = slu_hash_number(print, field->offset);
		print = slu_hash_number(print, field->size);
		print = slu_hash_number(print, field->capacity);
		print = slu_hash_number(print, field->nullable ? field->bit + 1u : 0);
	}
	print = slu_hash_number(print, record->present_offset);
	return slu_hash_number(print, record->size);
}

/* record(NAME), else the stream's name in the singular: executions -> execution, audit ->
 * audit_record. To be freed. */
static char *record_name(struct slu_stream_draft *draft, const char *stream)
{
	char *name;

	if (draft->query->stream.record != NULL)
		return slu_study_copy(draft->study, draft->query->stream.record);
	name = slu_name_singular(draft->study, stream);
	if (name != NULL && strcmp(name, stream) == 0) {
		free(name);
		name = slu_study_print(draft->study, "%s_record", stream);
	}
	return name;
}

/* Moves the record into the model. */
static void add_record(struct slu_stream_draft *draft, struct slu_model_stream *stream)
{
	struct slu_study *study = draft->study;
	char *name = record_name(draft, stream->name);
	const char *const names[] = {name, NULL};

	if (name != NULL && slu_struct_find(study, name) != SLU_NONE) {
		slu_finding(study->findings, draft->query->stream.place,
		            "Choose another: record(NAME).", "there is a struct \"%s\" already",
		            name);
		draft->refused = true;
	} else if (name != NULL) {
		stream->record = slu_struct_add(study, &draft->record, stream->key_count, names,
		                                false);
		if (stream->record != SLU_NONE)
			stream->fingerprint =
				fingerprint_of(&study->model->structs[stream->record]);
	}
	free(name);
}

/* Checks the whole, and writes the statements. */
static void finish(struct slu_stream_draft *draft, struct slu_model_stream *stream)
{
	struct slu_study *study = draft->study;

	if (!slu_struct_lay_out(&draft->record, stream->key_count, study->model->structs)) {
		slu_study_starved(study);
		return;
	}
	if (stream->kind == SLUICE_STATE)
		slu_stream_check_key(draft);
	if (draft->record.size > SLUICE_RECORD_SIZE_MAX) {
		slu_finding(study->findings, draft->query->stream.place,
		            "Bound its texts more tightly.",
		            "a record takes %" PRIu32 " bytes, and %d are allowed",
		            draft->record.size, SLUICE_RECORD_SIZE_MAX);
		draft->refused = true;
	}
	if (!slu_struct_check(study, draft->query, &draft->record) || draft->refused)
		return;
	slu_stream_write_sql(draft, stream);
	if (!draft->refused && !study->broken)
		add_record(draft, stream);
}

static void free_draft(struct slu_stream_draft *draft)
{
	size_t i;

	for (i = 0; draft->columns != NULL && i < draft->query->insert.column_count; i++) {
		free(draft->columns[i].quoted);
		free(draft->columns[i].cast);
	}
	free(draft->columns);
	free(draft->quoted);
	slu_struct_free(&draft->record);
	PQclear(draft->table);
}

/* A place in the model, to be filled. */
static struct slu_model_stream *add_stream(struct slu_study *study,
                                           const struct slu_query_source *query)
{
	struct slu_model_stream *grown = slu_study_grow(study, study->model->streams,
	                                                study->model->stream_count, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	study->model->streams = grown;
	grown += study->model->stream_count++;
	grown->name = slu_name_snake(study, query->name);
	grown->kind = query->stream.state ? SLUICE_STATE : SLUICE_APPEND;
	grown->lossy = query->stream.lossy;
	grown->source = query;
	grown->record = SLU_NONE;
	grown->key_count = query->stream.key_count;
	grown->table = slu_study_copy(study, query->insert.table);
	return study->broken ? NULL : grown;
}

void slu_stream_add(struct slu_study *study, const struct slu_query_source *query,
                    const PGresult *about)
{
	struct slu_stream_draft draft = {.study = study, .query = query};
	struct slu_model_stream *stream = add_stream(study, query);

	draft.columns = calloc(query->insert.column_count + 1, sizeof(*draft.columns));
	if (draft.columns == NULL)
		slu_study_starved(study);
	if (stream != NULL && find_table(&draft)) {
		slu_stream_add_fields(&draft, about);
		if (!draft.refused && !study->broken)
			finish(&draft, stream);
	}
	free_draft(&draft);
}
