/* SPDX-License-Identifier: MIT */
/*
 * stream_record.c - the record of a stream: a field for each column that a parameter fills.
 *
 * The columns' types are the table's, not the parameters': what the stream writes goes into the
 * table as it is, by COPY or as the element of an array.
 */
#include "db/gen/ask/streams.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_EXAMPLE 32 /* bytes, in a hint */

/* Whether two different values of the type can be equal, which no key may have: 1.0 and -0.0, 1
 * month and 30 days, 'a' and 'a '. */
static bool is_loose(const struct slu_sql_type *type, const char *collation)
{
	const char *point = strrchr(type->base_name, '.');
	const char *name = point == NULL ? type->base_name : point + 1;

	switch (type->type) {
	case SLUICE_FLOAT4:
	case SLUICE_FLOAT8:
	case SLUICE_INTERVAL:
	case SLUICE_JSON:
	case SLUICE_JSONB:
		return true;
	case SLUICE_TEXT_TYPE:
		return collation[0] == 't' || strcmp(name, "citext") == 0 ||
		       strcmp(name, "character") == 0;
	default:
		return false;
	}
}

/* Whether the field can stand in a record, which keeps its texts within; tells it if not. */
static bool fits_record(struct slu_stream_draft *draft, const struct slu_field *field,
                        struct slu_place place)
{
	struct slu_findings *findings = draft->study->findings;
	char *hint;

	if (field->form == SLUICE_ITEMS) {
		slu_finding(findings, place,
		            "Make its elements rows of their own, or the column jsonb.",
		            "column \"%s\" is an array, which no record can hold", field->column);
		return false;
	}
	if (field->form == SLUICE_INLINE)
		return true;
	hint = slu_study_print(draft->study, "Say how many bytes it may have: -- @text %s %d",
	                       field->column, TEXT_EXAMPLE);
	slu_finding(findings, place, hint,
	            "column \"%s\" needs a bound: a record keeps its texts within", field->column);
	free(hint);
	return false;
}

static bool is_version(const struct slu_stream_draft *draft, const char *column)
{
	const char *version = draft->query->stream.version;

	return version != NULL && strcmp(version, column) == 0;
}

/* Makes a field the version, which Sluice gives and no struct holds. */
static bool make_version(struct slu_stream_draft *draft, struct slu_field *field,
                         struct slu_place place)
{
	if (field->type == SLUICE_INT8 && field->form == SLUICE_INLINE) {
		field->type = SLUICE_VERSION;
		return true;
	}
	slu_finding(draft->study->findings, place, "Declare it bigint NOT NULL DEFAULT 0.",
	            "version column \"%s\" has type %s, and a version is a bigint", field->column,
	            field->sql_type);
	return false;
}

/* A cast would change the value on its way, which COPY and arrays cannot do. */
static bool check_cast(struct slu_stream_draft *draft, const PGresult *about, size_t parameter,
                       const struct slu_sql_type *column)
{
	const struct slu_parameter *source = &draft->query->parameters[parameter];
	struct slu_sql_type given;
	bool same;

	if (!slu_sql_type_find(draft->study, PQparamtype(about, (int)parameter), -1, &given))
		return false;
	same = given.oid == column->oid || (given.cast != NULL && column->cast != NULL &&
	                                    strcmp(given.cast, column->cast) == 0);
	same = same && given.array == column->array;
	if (!same)
		slu_finding(draft->study->findings, source->place,
		            "Leave out the cast, or change the column's type.",
		            "the value has type %s, its column %s: a stream writes it as it is",
		            given.name, column->name);
	slu_sql_type_free(&given);
	return same;
}

static void fill_field(struct slu_stream_draft *draft, struct slu_field *field, int row,
                       const struct slu_sql_type *type, struct slu_stream_column *column)
{
	struct slu_study *study = draft->study;

	field->nullable = PQgetvalue(draft->table, row, SLU_TABLE_REQUIRED)[0] != 't';
	field->definition = slu_study_copy(study,
	                                   PQgetvalue(draft->table, row, SLU_TABLE_DEFINITION));
	column->quoted = slu_study_copy(study, PQgetvalue(draft->table, row, SLU_TABLE_QUOTED));
	column->cast = slu_study_copy(study, type->cast != NULL ? type->cast : type->base_name);
	column->loose = is_loose(type, PQgetvalue(draft->table, row, SLU_TABLE_LOOSE));
}

/* Adds the field of the INSERT's column number `value`. */
static void add_field(struct slu_stream_draft *draft, const PGresult *about, size_t value)
{
	struct slu_study *study = draft->study;
	const struct slu_insert *insert = &draft->query->insert;
	const struct slu_parameter *parameters = draft->query->parameters;
	const char *name = insert->columns[value];
	struct slu_field_origin origin = {draft->query, "column", name,
	                                  parameters[insert->parameters[value]].place, true};
	int row = slu_stream_find_column(draft, name);
	struct slu_stream_column *column = &draft->columns[draft->record.field_count];
	struct slu_field *field = NULL;
	struct slu_sql_type type;

	if (row < 0) {
		slu_finding(study->findings, origin.place, NULL,
		            "table \"%s\" has no column \"%s\"", insert->table, name);
		draft->refused = true;
		return;
	}
	if (slu_sql_type_find(
		    study,
		    (uint32_t)strtoul(PQgetvalue(draft->table, row, SLU_TABLE_TYPE), NULL, 10),
		    atoi(PQgetvalue(draft->table, row, SLU_TABLE_MODIFIER)), &type))
		field = slu_field_add(study, &draft->record, &origin, &type);
	if (field != NULL)
		fill_field(draft, field, row, &type, column);
	if (field == NULL || !fits_record(draft, field, origin.place) ||
	    !check_cast(draft, about, insert->parameters[value], &type) ||
	    (is_version(draft, name) && !make_version(draft, field, origin.place)))
		draft->refused = true;
	slu_sql_type_free(&type);
}

static bool is_key(const struct slu_stream_hint *hint, const char *column)
{
	size_t i;

	for (i = 0; i < hint->key_count; i++) {
		if (strcmp(hint->keys[i], column) == 0)
			return true;
	}
	return false;
}

static size_t find_value(const struct slu_insert *insert, const char *column)
{
	size_t value = 0;

	while (value < insert->column_count && strcmp(insert->columns[value], column) != 0)
		value++;
	return value;
}

static bool is_repeated(const struct slu_insert *insert, size_t value)
{
	size_t i;

	for (i = 0; i < value; i++) {
		if (insert->parameters[i] == insert->parameters[value])
			return true;
	}
	return false;
}

/* The columns of the key in its order, then the others in theirs. */
static void add_all(struct slu_stream_draft *draft, const PGresult *about)
{
	const struct slu_insert *insert = &draft->query->insert;
	const struct slu_stream_hint *hint = &draft->query->stream;
	size_t i;

	for (i = 0; i < hint->key_count; i++) {
		size_t value = find_value(insert, hint->keys[i]);

		if (value < insert->column_count && insert->parameters[value] != SIZE_MAX)
			add_field(draft, about, value);
	}
	for (i = 0; i < insert->column_count; i++) {
		if (insert->parameters[i] == SIZE_MAX && !hint->state) {
			slu_finding(draft->study->findings, hint->place,
			            "Give the column a DEFAULT, and leave it out of the list.",
			            "the value of \"%s\" is an expression, and COPY takes values "
			            "alone",
			            insert->columns[i]);
			draft->refused = true;
		} else if (insert->parameters[i] == SIZE_MAX) {
			continue; /* it stands in the statement, not in the record */
		} else if (is_repeated(insert, i)) {
			slu_finding(draft->study->findings, hint->place,
			            "Give each column a parameter of its own.",
			            "column \"%s\" takes the value of another column",
			            insert->columns[i]);
			draft->refused = true;
		} else if (!is_key(hint, insert->columns[i])) {
			add_field(draft, about, i);
		}
	}
}

/* Every column that the INSERT leaves out has something to be. */
static void check_left_out(struct slu_stream_draft *draft)
{
	const struct slu_insert *insert = &draft->query->insert;
	int row;

	for (row = 0; row < PQntuples(draft->table); row++) {
		const char *name = PQgetvalue(draft->table, row, SLU_TABLE_NAME);

		if (PQgetvalue(draft->table, row, SLU_TABLE_OPTIONAL)[0] == 't' ||
		    find_value(insert, name) < insert->column_count)
			continue;
		slu_finding(draft->study->findings, draft->query->stream.place,
		            "Write it, too, or give it a DEFAULT.",
		            "column \"%s\" is NOT NULL, and the stream does not write it", name);
		draft->refused = true;
	}
}

void slu_stream_add_fields(struct slu_stream_draft *draft, const PGresult *about)
{
	add_all(draft, about);
	check_left_out(draft);
}
