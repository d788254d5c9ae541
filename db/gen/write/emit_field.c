/* SPDX-License-Identifier: MIT */
/* emit_field.c - what a column is in C: a declaration, a remark, a row in a table of columns. */
#include "db/gen/write/emit_parts.h"

#include <string.h>

/* How each type looks in C and in a table of columns. A NULL type has no field of its own. */
static const struct type {
	const char *c;
	const char *name;
	const char *remark; /* NULL: nothing to say */
} types[] = {
	[SLUICE_BOOL] = {"bool", "SLUICE_BOOL", NULL},
	[SLUICE_INT2] = {"int16_t", "SLUICE_INT2", NULL},
	[SLUICE_INT4] = {"int32_t", "SLUICE_INT4", NULL},
	[SLUICE_INT8] = {"int64_t", "SLUICE_INT8", NULL},
	[SLUICE_FLOAT4] = {"float", "SLUICE_FLOAT4", NULL},
	[SLUICE_FLOAT8] = {"double", "SLUICE_FLOAT8", NULL},
	[SLUICE_NUMERIC64] = {"int64_t", "SLUICE_NUMERIC64", NULL},
	[SLUICE_NUMERIC] = {"struct sluice_decimal", "SLUICE_NUMERIC", NULL},
	[SLUICE_TEXT_TYPE] = {"struct sluice_view", "SLUICE_TEXT_TYPE", NULL},
	[SLUICE_BYTEA] = {"struct sluice_view", "SLUICE_BYTEA", "bytes"},
	[SLUICE_JSON] = {"struct sluice_view", "SLUICE_JSON", "JSON; empty is {}"},
	[SLUICE_JSONB] = {"struct sluice_view", "SLUICE_JSONB", "JSON; empty is {}"},
	[SLUICE_UUID] = {"struct sluice_uuid", "SLUICE_UUID", NULL},
	[SLUICE_TIMESTAMPTZ] = {"int64_t", "SLUICE_TIMESTAMPTZ", "us since 1970 UTC"},
	[SLUICE_TIMESTAMP] = {"int64_t", "SLUICE_TIMESTAMP", "us since 1970, of no time zone"},
	[SLUICE_DATE] = {"int32_t", "SLUICE_DATE", "days since 1970-01-01"},
	[SLUICE_TIME] = {"int64_t", "SLUICE_TIME", "us since midnight"},
	[SLUICE_INTERVAL] = {"struct sluice_interval", "SLUICE_INTERVAL", NULL},
	[SLUICE_INET] = {"struct sluice_inet", "SLUICE_INET", NULL},
	[SLUICE_ENUM] = {NULL, "SLUICE_ENUM", NULL},
	[SLUICE_VERSION] = {NULL, "SLUICE_VERSION", NULL},
};

static bool is_decimal(const struct slu_field *field)
{
	return field->type == SLUICE_NUMERIC || field->type == SLUICE_NUMERIC64;
}

bool slu_field_is_inline_text(const struct slu_field *field)
{
	return field->embedded == SLU_NONE && field->form == SLUICE_INLINE &&
	       (field->type == SLUICE_TEXT_TYPE || field->type == SLUICE_BYTEA ||
	        field->type == SLUICE_JSON || field->type == SLUICE_JSONB);
}

const char *slu_field_declaration(struct slu_writer *writer, const struct slu_model *model,
                                  const struct slu_field *field)
{
	const char *type = types[field->type].c;

	if (field->embedded != SLU_NONE)
		return slu_piece(writer, "struct %s_%s %s", model->prefix,
		                 model->structs[field->embedded].name, field->name);
	if (slu_field_is_inline_text(field))
		return slu_piece(writer, "SLUICE_TEXT(%u) %s", field->capacity, field->name);
	if (field->type == SLUICE_ENUM)
		type = slu_piece(writer, "enum %s_%s", model->prefix,
		                 model->enumerations[field->enumeration].name);
	if (field->form == SLUICE_ITEMS)
		return slu_piece(writer, "SLUICE_ARRAY(%s) %s", type, field->name);
	return slu_piece(writer, "%s %s", type, field->name);
}

const char *slu_field_remark(struct slu_writer *writer, const struct slu_field *field)
{
	const char *remark = field->embedded != SLU_NONE ? NULL : types[field->type].remark;

	if (field->embedded == SLU_NONE && (is_decimal(field) || field->form == SLUICE_ITEMS))
		remark = field->sql_type;
	if (remark == NULL)
		return field->nullable ? "or NULL" : "";
	return slu_piece(writer, "%s%s", remark, field->nullable ? ", or NULL" : "");
}

const char *slu_field_macro(struct slu_writer *writer, const struct slu_model *model,
                            const struct slu_struct *object, const struct slu_field *field)
{
	return slu_piece_upper(writer, "%s_%s_%s", model->prefix, object->name, field->name);
}

/* ---- tables of columns ---- */

/* A struct's field, or a field of a struct that is embedded in it. */
struct place {
	const struct slu_struct *outer;
	const struct slu_struct *inner;
	const char *path; /* "" or "order." */
};

static const char *where(struct slu_writer *writer, const struct place *place,
                         const struct slu_field *field)
{
	if (field->type == SLUICE_VERSION)
		return "";
	return slu_piece(writer, ", %s(%s, %s%s)",
	                 slu_field_is_inline_text(field) ? "TEXT_AT" : "AT", place->outer->name,
	                 place->path, field->name);
}

static const char *or_null(struct slu_writer *writer, const struct slu_model *model,
                           const struct place *place, const struct slu_field *field)
{
	static const char *const masks[] = {"present[0]", "present[1]"};
	const char *mask = place->inner->nullable_count > 32 ? masks[field->bit / 32] : "present";

	if (!field->nullable)
		return "";
	return slu_piece(writer, ", OR_NULL(%s, %s%s, %s)", place->outer->name, place->path, mask,
	                 slu_field_macro(writer, model, place->inner, field));
}

/* A definition may be long: that of an enum has all its labels. */
#define DEFINITION_SIZE_MAX 70

/* A row of the table. */
static void write_column(struct slu_writer *writer, const struct slu_model *model,
                         const struct place *place, const struct slu_field *field)
{
	static const char *const forms[] = {"", ", .form = SLUICE_VIEW", ", .form = SLUICE_ITEMS"};
	const char *decimal = "";
	const char *labels = "";
	const char *definition = "";
	bool long_definition = false;

	if (is_decimal(field))
		decimal = slu_piece(writer, ", .scale = %u, .precision = %u", field->scale,
		                    field->precision);
	if (field->type == SLUICE_ENUM)
		labels = slu_piece(writer, ", .labels = &%s_enum",
		                   model->enumerations[field->enumeration].name);
	if (field->definition != NULL) {
		long_definition = strlen(field->definition) > DEFINITION_SIZE_MAX;
		definition = slu_piece(writer, ", .definition = %s",
		                       slu_piece_literal(writer, field->definition));
	}
	slu_write(writer, "\t{");
	slu_write_list(writer, ".name = %s, .type = %s%s%s%s%s%s%s",
	               slu_piece_literal(writer, field->column), types[field->type].name,
	               forms[field->form], where(writer, place, field), decimal,
	               or_null(writer, model, place, field), labels,
	               long_definition ? "," : slu_piece(writer, "%s},", definition));
	if (long_definition) {
		slu_write(writer, "\n\t .definition =");
		slu_write_literal(writer, 2, field->definition, false);
		slu_write(writer, "},");
	}
	slu_write(writer, "\n");
}

void slu_write_columns(struct slu_writer *writer, const struct slu_model *model,
                       const struct slu_struct *object)
{
	size_t i;
	size_t j;

	for (i = 0; i < object->field_count; i++) {
		const struct slu_field *field = &object->fields[i];
		struct place place = {object, object, ""};

		if (field->embedded == SLU_NONE) {
			write_column(writer, model, &place, field);
			continue;
		}
		place.inner = &model->structs[field->embedded];
		place.path = slu_piece(writer, "%s.", field->name);
		for (j = 0; j < place.inner->field_count; j++)
			write_column(writer, model, &place, &place.inner->fields[j]);
	}
}
