/* SPDX-License-Identifier: MIT */
/*
 * rows.c - the struct of a query's row.
 *
 *      a column            a field
 *      sqlc.embed(o)       a field `o`: a struct of its own, with its own mask
 *
 * Its name: @struct NAME; else the table's in the singular, where the row is the whole of one table
 * (`order`, or `order_row` where that is something else); else QUERY_row.
 */
#include "db/gen/ask/fields.h"
#include "db/gen/ask/names.h"
#include "db/gen/ask/nullability.h"

#include <stdlib.h>
#include <string.h>

struct row {
	struct slu_study *study;
	const struct slu_query_source *query;
	const char *query_name; /* get_order */
	const PGresult *about;
	const struct slu_star_columns *stars;
	bool *nullable;
	bool refused;
};

static bool has_hint(const struct slu_query_source *query, enum slu_hint_kind kind,
                     const char *column)
{
	return slu_query_hint(query, kind, column) != NULL;
}

static void add_column(struct row *row, struct slu_struct *object, int column)
{
	const char *name = PQfname(row->about, column);
	struct slu_field_origin origin = {row->query, "column", name, row->query->place, false};
	struct slu_field *field = NULL;
	struct slu_sql_type type;

	if (strcmp(name, "?column?") == 0) {
		slu_finding(row->study->findings, row->query->place,
		            "Give it one: SELECT 1 + 1 AS name.", "column %d has no name",
		            column + 1);
		row->refused = true;
		return;
	}
	if (slu_sql_type_find(row->study, PQftype(row->about, column), PQfmod(row->about, column),
	                      &type))
		field = slu_field_add(row->study, object, &origin, &type);
	if (field == NULL) {
		row->refused = true;
	} else {
		field->nullable = row->nullable[column];
		if (has_hint(row->query, SLU_HINT_NOTNULL, name))
			field->nullable = false;
		if (has_hint(row->query, SLU_HINT_NULL, name))
			field->nullable = true;
	}
	slu_sql_type_free(&type);
}

/* ---- names ---- */

/* The one table of which the columns are all, in order; NULL when there is none. To be freed. */
static char *whole_table(const struct row *row, int first, int count)
{
	static const char sql[] =
		"SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = $1::oid AND $2 = ("
		"  SELECT pg_catalog.string_agg(a.attnum::text, ' ' ORDER BY a.attnum)"
		"  FROM pg_catalog.pg_attribute a"
		"  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)";
	char oid[16], *numbers;
	struct slu_text text;
	const char *values[] = {oid, NULL};
	PGresult *table = NULL;
	char *name = NULL;
	int i;

	if (!slu_text_begin(row->study, &text))
		return NULL;
	snprintf(oid, sizeof(oid), "%u", count > 0 ? PQftable(row->about, first) : 0);
	for (i = first; i < first + count; i++) {
		bool same = PQftable(row->about, i) == PQftable(row->about, first);

		fprintf(text.file, "%s%d", i > first ? " " : "",
		        same ? PQftablecol(row->about, i) : 0);
	}
	numbers = slu_text_end(row->study, &text);
	values[1] = numbers;
	table = slu_study_ask(row->study, sql, 2, values);
	if (table != NULL && PQntuples(table) == 1)
		name = slu_study_copy(row->study, PQgetvalue(table, 0, 0));
	PQclear(table);
	free(numbers);
	return name;
}

static const struct slu_hint *struct_hint(const struct slu_query_source *query)
{
	size_t i;

	for (i = 0; i < query->hint_count; i++) {
		if (query->hints[i].kind == SLU_HINT_STRUCT)
			return &query->hints[i];
	}
	return NULL;
}

/* @struct NAME: the struct of that name, which must be the same, or a new one. */
static size_t add_named(const struct row *row, struct slu_struct *object,
                        const struct slu_hint *hint)
{
	const char *const names[] = {hint->subject, NULL};
	size_t there = slu_struct_find(row->study, hint->subject);

	object->row = true;
	if (there == SLU_NONE)
		return slu_struct_add(row->study, object, 0, names, false);
	if (!slu_structs_equal(&row->study->model->structs[there], object)) {
		slu_finding(row->study->findings, hint->place, "Choose another name.",
		            "there is a struct \"%s\" already, with other fields", hint->subject);
		there = SLU_NONE;
	}
	slu_struct_free(object);
	return there;
}

/* Adds a struct under the name of the table that it is the whole of, else under `otherwise`. */
static size_t add_struct(const struct row *row, struct slu_struct *object, int first, int count,
                         const char *otherwise)
{
	char *table = whole_table(row, first, count);
	char *singular = table == NULL ? NULL : slu_name_singular(row->study, table);
	char *field = singular == NULL ? NULL : slu_name_field(row->study, singular);
	char *field_row = field == NULL ? NULL : slu_study_print(row->study, "%s_row", field);
	const char *names[4] = {otherwise, NULL, NULL, NULL};
	size_t index;

	if (field_row != NULL) {
		names[0] = field;
		names[1] = field_row;
		names[2] = otherwise;
	}
	index = slu_struct_add(row->study, object, 0, names, true);
	free(table);
	free(singular);
	free(field);
	free(field_row);
	return index;
}

/* ---- embedded structs ---- */

/* The star of sqlc.embed that stands for the columns from `column` on; NULL for none. */
static const struct slu_star *embed_at(const struct row *row, int column, int *count)
{
	size_t i;

	for (i = 0; i < row->query->star_count; i++) {
		if (row->query->stars[i].embed && row->stars[i].count > 0 &&
		    row->stars[i].first == column) {
			*count = row->stars[i].count;
			return &row->query->stars[i];
		}
	}
	return NULL;
}

/* The last part of what an embed names, without quotes: o, orders of app.orders. To be freed. */
static char *embed_name(struct slu_study *study, const char *qualifier)
{
	const char *point = strrchr(qualifier, '.');
	const char *last = point == NULL ? qualifier : point + 1;
	size_t size = strlen(last);

	if (size > 2 && last[0] == '"')
		return slu_study_print(study, "%.*s", (int)(size - 2), last + 1);
	return slu_study_copy(study, last);
}

static void add_embed(struct row *row, struct slu_struct *object, const struct slu_star *star,
                      int first, int count)
{
	struct slu_study *study = row->study;
	struct slu_struct inner = {0};
	char *name = embed_name(study, star->qualifier);
	char *otherwise = name == NULL ? NULL
	                               : slu_study_print(study, "%s_%s", row->query_name, name);
	struct slu_field *grown;
	size_t index = SLU_NONE;
	int i;

	for (i = first; i < first + count; i++)
		add_column(row, &inner, i);
	if (otherwise != NULL && !row->refused && slu_struct_check(study, row->query, &inner))
		index = add_struct(row, &inner, first, count, otherwise);
	slu_struct_free(&inner);
	grown = index == SLU_NONE ? NULL
	                          : slu_study_grow(study, object->fields, object->field_count,
	                                           sizeof(*grown));
	row->refused = row->refused || grown == NULL;
	if (grown != NULL) {
		object->fields = grown;
		grown += object->field_count++;
		grown->name = slu_name_field(study, name);
		grown->column = slu_study_copy(study, name);
		grown->sql_type = slu_study_copy(study, "");
		grown->enumeration = SLU_NONE;
		grown->embedded = index;
		if (!study->broken)
			slu_name_make_unique(study, object->fields, object->field_count);
	}
	free(name);
	free(otherwise);
}

/* ---- the row ---- */

static size_t add_row(struct row *row, struct slu_struct *object)
{
	const struct slu_hint *hint = struct_hint(row->query);
	char *otherwise = slu_study_print(row->study, "%s_row", row->query_name);
	size_t index = SLU_NONE;

	if (hint != NULL)
		index = add_named(row, object, hint);
	else if (otherwise != NULL)
		index = add_struct(row, object, 0, PQnfields(row->about), otherwise);
	free(otherwise);
	return index;
}

size_t slu_row_add(struct slu_study *study, const struct slu_query_source *query, const char *name,
                   const char *sql, const PGresult *about, const struct slu_star_columns *stars)
{
	int count = PQnfields(about);
	struct row row = {study, query, name, about, stars, NULL, false};
	struct slu_struct object = {0};
	size_t index = SLU_NONE;
	bool planned = false;
	int column = 0;

	row.nullable = calloc((size_t)count + 1, sizeof(*row.nullable));
	if (row.nullable == NULL)
		slu_study_starved(study);
	else
		planned = slu_nullability(study, query, sql, about, row.nullable);
	while (column < count && !study->broken && planned) {
		int star_count = 1;
		const struct slu_star *star = embed_at(&row, column, &star_count);

		if (star != NULL)
			add_embed(&row, &object, star, column, star_count);
		else
			add_column(&row, &object, column);
		column += star_count;
	}
	if (!study->broken && planned && !row.refused && slu_struct_check(study, query, &object))
		index = add_row(&row, &object);
	slu_struct_free(&object);
	free(row.nullable);
	return index;
}
