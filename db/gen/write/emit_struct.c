/* SPDX-License-Identifier: MIT */
/* emit_struct.c - enums, structs, and the macros that belong to them.
 * The order of fields is the model's; here it is only written down. */
#include "db/gen/write/emit_parts.h"

#include <string.h>

#define REMARK_COLUMN_MAX 56 /* a longer declaration has its remark right behind it */

/* ---- enums ---- */

void slu_write_enumerations(struct slu_writer *writer, const struct slu_model *model)
{
	size_t i;
	size_t j;

	for (i = 0; i < model->enumeration_count; i++) {
		const struct slu_enumeration *enumeration = &model->enumerations[i];

		slu_write(writer, "\n");
		slu_write_comment(writer, slu_piece(writer, "The labels of %s, in its order.",
		                                    enumeration->sql_name));
		slu_write(writer, "enum %s_%s {\n", model->prefix, enumeration->name);
		for (j = 0; j < enumeration->label_count; j++)
			slu_write(
				writer, "\t%s_%s%s,\n",
				slu_piece_upper(writer, "%s_%s", model->prefix, enumeration->name),
				slu_label_name(writer, enumeration, j), j == 0 ? " = 1" : "");
		slu_write(writer, "};\n");
	}
}

/* ---- macros ---- */

static void write_bits(struct slu_writer *writer, const struct slu_model *model,
                       const struct slu_struct *object)
{
	size_t i;

	if (object->nullable_count == 0)
		return;
	slu_write_comment(writer,
	                  slu_piece(writer,
	                            "%s_%s: bits of `present`, for the columns that may be NULL",
	                            model->prefix, object->name));
	for (i = 0; i < object->field_count; i++) {
		const struct slu_field *field = &object->fields[i];

		if (field->nullable)
			slu_write(writer, "#define %s (1u << %u)%s\n",
			          slu_field_macro(writer, model, object, field), field->bit % 32,
			          field->bit < 32 ? "" : " /* of present[1] */");
	}
}

static void write_scales(struct slu_writer *writer, const struct slu_model *model,
                         const struct slu_struct *object)
{
	bool first = true;
	size_t i;

	for (i = 0; i < object->field_count; i++) {
		const struct slu_field *field = &object->fields[i];

		if (field->embedded != SLU_NONE ||
		    (field->type != SLUICE_NUMERIC && field->type != SLUICE_NUMERIC64))
			continue;
		if (first)
			slu_write_comment(writer, slu_piece(writer, "%s_%s: digits after the point",
			                                    model->prefix, object->name));
		first = false;
		slu_write(writer, "#define %s_SCALE %u\n",
		          slu_field_macro(writer, model, object, field), field->scale);
	}
	if (!first || object->nullable_count > 0)
		slu_write(writer, "\n");
}

/* ---- structs ---- */

/* A field, or the mask, and what there is to say of it. */
struct line {
	const char *declaration;
	const char *remark;
};

static struct line mask_line(struct slu_writer *writer, const struct slu_model *model,
                             const struct slu_struct *object)
{
	return (struct line){
		object->nullable_count > 32 ? "uint32_t present[2]" : "uint32_t present",
		slu_piece(writer, "%s_..",
	                  slu_piece_upper(writer, "%s_%s", model->prefix, object->name)),
	};
}

static void write_line(struct slu_writer *writer, struct line line, size_t remark_column)
{
	slu_write(writer, "\t%s;", line.declaration);
	if (line.remark[0] != '\0')
		slu_write(
			writer, "%*s /* %s */",
			(int)(writer->column < remark_column ? remark_column - writer->column : 0),
			"", line.remark);
	slu_write(writer, "\n");
}

/* Fields without a place (the version column) are not written. Called twice: to find where the
 * remarks stand, and to write. */
static size_t write_lines(struct slu_writer *writer, const struct slu_model *model,
                          const struct slu_struct *object, bool measure, size_t remark_column)
{
	bool mask_due = object->nullable_count > 0;
	size_t place;

	for (place = 0; place <= object->field_count; place++) {
		const struct slu_field *field = place == object->field_count
		                                        ? NULL
		                                        : &object->fields[object->order[place]];
		struct line lines[2];
		size_t count = 0;
		size_t i;

		if (field != NULL && field->size == 0)
			continue;
		if (mask_due && (field == NULL || field->offset > object->present_offset)) {
			lines[count++] = mask_line(writer, model, object);
			mask_due = false;
		}
		if (field != NULL)
			lines[count++] = (struct line){slu_field_declaration(writer, model, field),
			                               slu_field_remark(writer, field)};
		for (i = 0; i < count; i++) {
			size_t column = 8 + strlen(lines[i].declaration) + 1;

			if (!measure)
				write_line(writer, lines[i], remark_column);
			else if (lines[i].remark[0] != '\0' && column <= REMARK_COLUMN_MAX &&
			         column > remark_column)
				remark_column = column;
		}
	}
	return remark_column;
}

void slu_write_struct(struct slu_writer *writer, const struct slu_model *model, size_t index,
                      bool *written)
{
	const struct slu_struct *object = &model->structs[index];
	size_t i;

	if (written[index])
		return;
	written[index] = true;
	for (i = 0; i < object->field_count; i++) {
		if (object->fields[i].embedded != SLU_NONE)
			slu_write_struct(writer, model, object->fields[i].embedded, written);
	}
	slu_write(writer, "\n");
	write_bits(writer, model, object);
	write_scales(writer, model, object);
	slu_write(writer, "struct %s_%s {\n", model->prefix, object->name);
	write_lines(writer, model, object, false, write_lines(writer, model, object, true, 0));
	slu_write(writer, "};\n");
}
