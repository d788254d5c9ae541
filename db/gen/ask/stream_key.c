/* SPDX-License-Identifier: MIT */
/*
 * stream_key.c - whether a state stream's key and version can do what they are for.
 *
 * Sluice compares keys as bytes, the table by its index: both must mean the same. So a key has no
 * type of which two different values are equal (1.0 and -0.0, 1 month and 30 days, 'a' and 'a ').
 */
#include "db/gen/ask/streams.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct slu_place place_of(const struct slu_stream_draft *draft)
{
	return draft->query->stream.place;
}

static void refuse(struct slu_stream_draft *draft)
{
	draft->refused = true;
}

static const char *part(const struct slu_stream_draft *draft, int row, enum slu_table_part which)
{
	return PQgetvalue(draft->table, row, (int)which);
}

static void check_column(struct slu_stream_draft *draft, size_t index)
{
	const struct slu_field *field = &draft->record.fields[index];
	struct slu_study *study = draft->study;
	int row = slu_stream_find_column(draft, field->column);
	bool text = slu_sql_type_is_text(field->type);

	if (part(draft, row, SLU_TABLE_REQUIRED)[0] != 't') {
		slu_finding(study->findings, place_of(draft),
		            "Make it NOT NULL: two rows with NULL have no key in common.",
		            "key column \"%s\" may be NULL", field->column);
		refuse(draft);
	}
	if (draft->columns[index].loose) {
		slu_finding(study->findings, place_of(draft),
		            "A key is made of integers, numerics, uuids, times, enums, bytea and "
		            "text of a deterministic collation.",
		            "key column \"%s\" has type %s, of which different values can be equal",
		            field->column, field->sql_type);
		refuse(draft);
	} else if (text && field->form == SLUICE_INLINE && field->capacity % 2 != 0) {
		char *hint = slu_study_print(study, "Take one more: -- @text %s %u", field->column,
		                             field->capacity + 1u);

		slu_finding(
			study->findings, place_of(draft), hint,
			"the bytes of key column \"%s\" must be an even number: every byte of a "
			"key counts",
			field->column);
		free(hint);
		refuse(draft);
	}
}

/* The numbers of the key's columns in order, as an int2[] of SQL. To be freed. */
static char *key_numbers(struct slu_stream_draft *draft)
{
	struct slu_text text;
	size_t i;

	if (!slu_text_begin(draft->study, &text))
		return NULL;
	for (i = 0; i < draft->query->stream.key_count; i++) {
		int row = slu_stream_find_column(draft, draft->record.fields[i].column);

		fprintf(text.file, "%s%s", i > 0 ? "," : "{", part(draft, row, SLU_TABLE_NUMBER));
	}
	fputs("}", text.file);
	return slu_text_end(draft->study, &text);
}

/* ON CONFLICT takes a unique index over just these columns and all rows, checked at once. */
static void check_index(struct slu_stream_draft *draft)
{
	static const char sql[] =
		"SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = $1::oid AND i.indisunique"
		"  AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL"
		"  AND i.indnkeyatts = pg_catalog.cardinality($2::int2[])"
		"  AND (SELECT pg_catalog.array_agg(n ORDER BY n) FROM pg_catalog.unnest($2::int2[]) n)"
		"    = (SELECT pg_catalog.array_agg(k.n ORDER BY k.n) FROM"
		"        pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (n, position)"
		"       WHERE k.position <= i.indnkeyatts)";
	char oid[16];
	char *numbers = key_numbers(draft);
	const char *values[] = {oid, numbers};
	PGresult *found;
	char *columns = NULL;
	char *hint = NULL;
	size_t i;

	snprintf(oid, sizeof(oid), "%" PRIu32, draft->oid);
	found = numbers == NULL ? NULL : slu_study_ask(draft->study, sql, 2, values);
	free(numbers);
	if (found != NULL && PQntuples(found) == 0) {
		for (i = 0; i < draft->query->stream.key_count; i++) {
			char *longer = slu_study_print(draft->study, "%s%s%s", i > 0 ? columns : "",
			                               i > 0 ? ", " : "", draft->columns[i].quoted);

			free(columns);
			columns = longer;
		}
		hint = slu_study_print(draft->study,
		                       "Add one in a migration: CREATE UNIQUE INDEX ON %s (%s);",
		                       draft->query->insert.table, columns);
		slu_finding(draft->study->findings, place_of(draft), hint,
		            "table \"%s\" has no unique index on the key (%s)",
		            draft->query->insert.table, columns);
		refuse(draft);
	}
	PQclear(found);
	free(columns);
	free(hint);
}

static uint32_t key_size(const struct slu_stream_draft *draft)
{
	uint32_t size = 0;
	size_t i;

	for (i = 0; i < draft->query->stream.key_count; i++)
		size += draft->record.fields[i].size;
	return size;
}

static void check_version(struct slu_stream_draft *draft)
{
	const char *name = draft->query->stream.version;
	int row = name == NULL ? -1 : slu_stream_find_column(draft, name);
	size_t i;

	for (i = 0; row >= 0 && i < draft->query->stream.key_count; i++) {
		if (strcmp(draft->query->stream.keys[i], name) == 0) {
			slu_finding(draft->study->findings, place_of(draft), NULL,
			            "version column \"%s\" is part of the key", name);
			refuse(draft);
		}
	}
	if (row >= 0 && part(draft, row, SLU_TABLE_REQUIRED)[0] != 't') {
		slu_finding(draft->study->findings, place_of(draft),
		            "Declare it bigint NOT NULL DEFAULT 0.",
		            "version column \"%s\" may be NULL, and nothing is newer than NULL",
		            name);
		refuse(draft);
	}
}

void slu_stream_check_key(struct slu_stream_draft *draft)
{
	size_t i;

	for (i = 0; i < draft->query->stream.key_count; i++)
		check_column(draft, i);
	check_index(draft);
	check_version(draft);
	if (key_size(draft) > SLUICE_KEY_SIZE_MAX) {
		slu_finding(draft->study->findings, place_of(draft),
		            "Bound its texts more tightly.",
		            "the key takes %" PRIu32 " bytes, and %d are allowed", key_size(draft),
		            SLUICE_KEY_SIZE_MAX);
		refuse(draft);
	}
}
