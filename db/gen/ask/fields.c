/* SPDX-License-Identifier: MIT */
/* fields.c - one field from one type, and one struct among the others. */
#include "db/gen/ask/fields.h"

#include "db/gen/ask/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fields ---- */

static bool is_parameter(const struct slu_field_origin *origin)
{
	return strcmp(origin->kind, "parameter") == 0;
}

/* How to do without the type. To be freed. */
static char *way_out(struct slu_study *study, const struct slu_field_origin *origin,
                     const struct slu_sql_type *type, bool numeric)
{
	const char *cast = numeric ? "numeric(38,16)" : "text";
	const char *brackets = type->array ? "[]" : "";
	char how[64];

	if (origin->stored)
		return slu_study_print(
			study, "%s",
			numeric ? "Declare it with 38 digits at most: numeric(38,16)."
				: "Leave it out of the stream, or change its type.");
	if (numeric)
		snprintf(how, sizeof(how), "Say how many digits it has, at most %d",
		         SLU_NUMERIC_DIGITS);
	else
		snprintf(how, sizeof(how), "Cast it in the query");
	if (is_parameter(origin))
		return slu_study_print(study, "%s: @%s::%s%s.", how, origin->name, cast, brackets);
	return slu_study_print(study, "%s: (..)::%s%s AS %s.", how, cast, brackets, origin->name);
}

/* Tells that there is no C for the type. */
static void refuse_type(struct slu_study *study, const struct slu_field_origin *origin,
                        const struct slu_sql_type *type)
{
	bool numeric = type->cast != NULL && strcmp(type->cast, "numeric") == 0;
	char *hint = way_out(study, origin, type, numeric);

	slu_finding(study->findings, origin->place, hint,
	            numeric && type->bare
	                    ? "%s \"%s\" has type %s, whose digits after the point are not fixed"
	                    : "%s \"%s\" has type %s, which has no counterpart in C",
	            origin->kind, origin->name, type->name);
	free(hint);
}

/* An array is sent with the type of its elements, which for texts is text: the server takes no
 * other for one of its own types. */
static bool is_sendable(struct slu_study *study, const struct slu_field_origin *origin,
                        const struct slu_sql_type *type)
{
	bool other = type->array && type->type == SLUICE_TEXT_TYPE &&
	             strcmp(type->base_name, "text") != 0 &&
	             strstr(type->base_name, "citext") == NULL;
	char *hint;

	if (!is_parameter(origin) || !other)
		return true;
	hint = slu_study_print(study, "Cast it in the query: @%s::text[].", origin->name);
	slu_finding(study->findings, origin->place, hint,
	            "parameter \"%s\" has type %s, and arrays of texts are sent as text[]",
	            origin->name, type->name);
	free(hint);
	return false;
}

/* Applies @text: the text lives in the struct. Returns false when it can't, which is told. */
static bool bound_text(struct slu_study *study, const struct slu_field_origin *origin,
                       const struct slu_sql_type *type, struct slu_field *field)
{
	const struct slu_hint *hint = slu_query_hint(origin->query, SLU_HINT_TEXT, origin->name);

	if (hint == NULL)
		return true;
	if (!slu_sql_type_is_text(type->type) || type->array) {
		slu_finding(study->findings, hint->place, NULL,
		            "@text bounds texts, and \"%s\" is %s", origin->name, type->name);
		return false;
	}
	field->form = SLUICE_INLINE;
	field->capacity = (uint16_t)hint->number;
	return true;
}

struct slu_field *slu_field_add(struct slu_study *study, struct slu_struct *object,
                                const struct slu_field_origin *origin,
                                const struct slu_sql_type *type)
{
	struct slu_field *grown;
	struct slu_field *field;

	if (type->type == 0) {
		refuse_type(study, origin, type);
		return NULL;
	}
	if (!is_sendable(study, origin, type))
		return NULL;
	grown = slu_study_grow(study, object->fields, object->field_count, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	object->fields = grown;
	field = &grown[object->field_count];
	field->type = type->type;
	field->form = type->array                        ? SLUICE_ITEMS
	              : slu_sql_type_is_text(type->type) ? SLUICE_VIEW
	                                                 : SLUICE_INLINE;
	field->scale = type->scale;
	field->precision = type->precision;
	field->enumeration = type->enumeration;
	field->embedded = SLU_NONE;
	if (!bound_text(study, origin, type, field))
		return NULL;
	field->name = slu_name_field(study, origin->name);
	field->column = slu_study_copy(study, origin->name);
	field->sql_type = slu_study_copy(study, type->name);
	object->field_count++;
	if (study->broken)
		return NULL;
	slu_name_make_unique(study, object->fields, object->field_count);
	return field;
}

/* ---- structs ---- */

bool slu_struct_check(struct slu_study *study, const struct slu_query_source *query,
                      const struct slu_struct *object)
{
	size_t nullable = 0;
	size_t i;

	for (i = 0; i < object->field_count; i++)
		nullable += object->fields[i].nullable;
	if (nullable <= SLU_NULLABLE_MAX)
		return true;
	slu_finding(study->findings, query->place,
	            "Name fewer columns, or vouch for some with @notnull.",
	            "%zu columns may be NULL, and a struct has room for %d of them", nullable,
	            SLU_NULLABLE_MAX);
	return false;
}

static bool fields_equal(const struct slu_field *one, const struct slu_field *other)
{
	return strcmp(one->name, other->name) == 0 && strcmp(one->column, other->column) == 0 &&
	       one->type == other->type && one->form == other->form &&
	       one->capacity == other->capacity && one->scale == other->scale &&
	       one->precision == other->precision && one->nullable == other->nullable &&
	       one->enumeration == other->enumeration && one->embedded == other->embedded;
}

bool slu_structs_equal(const struct slu_struct *one, const struct slu_struct *other)
{
	size_t i = 0;

	if (one->field_count != other->field_count)
		return false;
	while (i < one->field_count && fields_equal(&one->fields[i], &other->fields[i]))
		i++;
	return i == one->field_count;
}

size_t slu_struct_find(const struct slu_study *study, const char *name)
{
	size_t i;

	for (i = 0; i < study->model->struct_count; i++) {
		if (strcmp(study->model->structs[i].name, name) == 0)
			return i;
	}
	return SLU_NONE;
}

/* The first of `names` that no struct has, else the last one with a number. */
static char *choose_name(struct slu_study *study, const char *const *names)
{
	const char *last = NULL;
	char *name = NULL;
	unsigned number;
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		last = names[i];
		if (slu_struct_find(study, last) == SLU_NONE)
			return slu_study_copy(study, last);
	}
	for (number = 2; last != NULL && (name == NULL || slu_struct_find(study, name) != SLU_NONE);
	     number++) {
		free(name);
		name = slu_study_print(study, "%s_%u", last, number);
		if (name == NULL)
			break;
	}
	return name;
}

size_t slu_struct_add(struct slu_study *study, struct slu_struct *object, size_t key_count,
                      const char *const *names, bool shared)
{
	struct slu_model *model = study->model;
	struct slu_struct *grown;
	size_t i;

	for (i = 0; shared && i < model->struct_count; i++) {
		if (model->structs[i].row && slu_structs_equal(&model->structs[i], object)) {
			slu_struct_free(object);
			return i;
		}
	}
	object->row = object->row || shared;
	if (!study->broken)
		object->name = choose_name(study, names);
	if (!slu_struct_lay_out(object, key_count, model->structs))
		slu_study_starved(study);
	grown = slu_study_grow(study, model->structs, model->struct_count, sizeof(*grown));
	if (grown != NULL)
		model->structs = grown;
	if (grown == NULL || study->broken) {
		slu_struct_free(object);
		return SLU_NONE;
	}
	grown[model->struct_count] = *object;
	memset(object, 0, sizeof(*object));
	return model->struct_count++;
}

/* ---- hints ---- */

/* Whether a field of the struct, or of one it embeds, is of the name. */
static bool has_column(const struct slu_study *study, const struct slu_struct *object,
                       const char *column)
{
	size_t i;

	for (i = 0; object != NULL && i < object->field_count; i++) {
		const struct slu_field *field = &object->fields[i];

		if (strcmp(field->column, column) == 0 ||
		    (field->embedded != SLU_NONE &&
		     has_column(study, &study->model->structs[field->embedded], column)))
			return true;
	}
	return false;
}

void slu_hints_check(struct slu_study *study, const struct slu_query_source *query,
                     const struct slu_struct *row, const struct slu_struct *parameters)
{
	size_t i;

	for (i = 0; i < query->hint_count; i++) {
		const struct slu_hint *hint = &query->hints[i];
		bool text = hint->kind == SLU_HINT_TEXT;

		if (hint->kind == SLU_HINT_STRUCT || has_column(study, row, hint->subject) ||
		    (text && has_column(study, parameters, hint->subject)))
			continue;
		slu_finding(study->findings, hint->place, NULL, "the query has no column%s \"%s\"",
		            text ? " or parameter" : "", hint->subject);
	}
}
