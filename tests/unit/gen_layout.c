/* SPDX-License-Identifier: MIT */
/* gen_layout.c - where a struct's fields lie: as the compiler has it, keys without a gap. */
#include "db/gen/model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS_MAX 80
#define STRUCTS 300

/* ---- a struct made of dice ---- */

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
	dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice->state >> 33) % sides;
}

static const enum sluice_type types[] = {
	SLUICE_BOOL,     SLUICE_INT2,      SLUICE_INT4,        SLUICE_INT8,      SLUICE_FLOAT4,
	SLUICE_FLOAT8,   SLUICE_NUMERIC64, SLUICE_NUMERIC,     SLUICE_TEXT_TYPE, SLUICE_BYTEA,
	SLUICE_JSONB,    SLUICE_UUID,      SLUICE_TIMESTAMPTZ, SLUICE_DATE,      SLUICE_TIME,
	SLUICE_INTERVAL, SLUICE_INET,      SLUICE_ENUM,
};

static bool is_text(enum sluice_type type)
{
	return type == SLUICE_TEXT_TYPE || type == SLUICE_BYTEA || type == SLUICE_JSONB;
}

static void make_field(struct dice *dice, struct slu_field *field, size_t embeddable)
{
	*field = (struct slu_field){.type = types[roll(dice, sizeof(types) / sizeof(types[0]))],
	                            .nullable = roll(dice, 3) == 0,
	                            .capacity = (uint16_t)(1 + roll(dice, 100)),
	                            .enumeration = SLU_NONE,
	                            .embedded = SLU_NONE};
	if (roll(dice, 10) == 0)
		field->form = SLUICE_ITEMS;
	else if (is_text(field->type) && roll(dice, 2) == 0)
		field->form = SLUICE_VIEW;
	if (embeddable > 0 && roll(dice, 12) == 0) {
		field->embedded = roll(dice, (unsigned)embeddable);
		field->nullable = false;
	}
}

/* Fields that a key may have; its texts are of an even size. */
static void make_key(struct dice *dice, struct slu_struct *object, size_t key_count)
{
	size_t i;

	for (i = 0; i < key_count; i++) {
		struct slu_field *field = &object->fields[i];

		field->form = SLUICE_INLINE;
		field->embedded = SLU_NONE;
		field->nullable = false;
		field->capacity = (uint16_t)(2 + 2 * roll(dice, 20));
	}
}

/* ---- as C ---- */

static const char *c_type(enum sluice_type type)
{
	switch (type) {
	case SLUICE_BOOL:
		return "bool";
	case SLUICE_INT2:
		return "int16_t";
	case SLUICE_INT4:
	case SLUICE_DATE:
		return "int32_t";
	case SLUICE_FLOAT4:
		return "float";
	case SLUICE_FLOAT8:
		return "double";
	case SLUICE_NUMERIC:
		return "struct sluice_decimal";
	case SLUICE_UUID:
		return "struct sluice_uuid";
	case SLUICE_INTERVAL:
		return "struct sluice_interval";
	case SLUICE_INET:
		return "struct sluice_inet";
	case SLUICE_ENUM:
		return "enum e";
	default:
		return "int64_t";
	}
}

static void write_field(FILE *file, const struct slu_field *field, size_t index)
{
	if (field->embedded != SLU_NONE)
		fprintf(file, "\tstruct s%zu f%zu;\n", field->embedded, index);
	else if (field->form == SLUICE_ITEMS)
		fprintf(file, "\tSLUICE_ARRAY(int) f%zu;\n", index);
	else if (field->form == SLUICE_VIEW)
		fprintf(file, "\tstruct sluice_view f%zu;\n", index);
	else if (is_text(field->type))
		fprintf(file, "\tSLUICE_TEXT(%u) f%zu;\n", field->capacity, index);
	else
		fprintf(file, "\t%s f%zu;\n", c_type(field->type), index);
}

/* The struct as the generator writes it: fields in their order, the mask where it lies. */
static void write_struct(FILE *file, const struct slu_struct *object, size_t number)
{
	bool masked = object->nullable_count == 0;
	size_t i;

	fprintf(file, "struct s%zu {\n", number);
	for (i = 0; i <= object->field_count; i++) {
		const struct slu_field *field = i < object->field_count
		                                        ? &object->fields[object->order[i]]
		                                        : NULL;

		if (!masked && (field == NULL || field->offset > object->present_offset)) {
			fprintf(file, "\tuint32_t present[%d];\n",
			        object->nullable_count > 32 ? 2 : 1);
			masked = true;
		}
		if (field != NULL)
			write_field(file, field, object->order[i]);
	}
	fprintf(file, "};\nstatic_assert(sizeof(struct s%zu) == %u, \"\");\n", number,
	        object->size);
	fprintf(file, "static_assert(alignof(struct s%zu) == %u, \"\");\n", number, object->align);
	if (object->nullable_count > 0)
		fprintf(file, "static_assert(offsetof(struct s%zu, present) == %u, \"\");\n",
		        number, object->present_offset);
	for (i = 0; i < object->field_count; i++)
		fprintf(file,
		        "static_assert(offsetof(struct s%zu, f%zu) == %u &&"
		        " sizeof(((struct s%zu *)0)->f%zu) == %u, \"\");\n",
		        number, i, object->fields[i].offset, number, i, object->fields[i].size);
}

Test(layout, places_are_those_of_the_compiler)
{
	static struct slu_field fields[STRUCTS][FIELDS_MAX];
	static struct slu_struct structs[STRUCTS];
	struct dice dice = {20240901};
	char path[] = "/tmp/gen_layout_XXXXXX.c";
	char command[1024];
	FILE *file = fdopen(mkstemps(path, 2), "w");
	size_t i, field;

	cr_assert_not_null(file);
	fputs("#include <assert.h>\n#include <stdalign.h>\n#include <sluice/stream.h>\n"
	      "enum e { A = 1 };\n",
	      file);
	for (i = 0; i < STRUCTS; i++) {
		size_t key_count = i % 3;

		structs[i].fields = fields[i];
		structs[i].field_count = 3 + roll(&dice, i % 10 == 0 ? FIELDS_MAX - 3 : 12);
		for (field = 0; field < structs[i].field_count; field++)
			make_field(&dice, &fields[i][field], i);
		make_key(&dice, &structs[i], key_count);
		cr_assert(slu_struct_lay_out(&structs[i], key_count, structs));
		write_struct(file, &structs[i], i);
	}
	cr_assert_eq(fclose(file), 0);
	snprintf(command, sizeof(command), "cc -std=c11 -I%.*sinclude -fsyntax-only %s",
	         (int)(strlen(__FILE__) - strlen("tests/unit/gen_layout.c")), __FILE__, path);
	cr_assert_eq(system(command), 0, "seed 20240901, kept in %s", path);
	unlink(path);
	for (i = 0; i < STRUCTS; i++)
		free(structs[i].order);
}

/* ---- what the compiler does not know ---- */

#define TEXT(size)                                                                     \
	{                                                                              \
		.type = SLUICE_TEXT_TYPE, .capacity = (size), .enumeration = SLU_NONE, \
		.embedded = SLU_NONE                                                   \
	}
#define PLAIN(kind)                                                           \
	{                                                                     \
		.type = (kind), .enumeration = SLU_NONE, .embedded = SLU_NONE \
	}
#define NULLABLE(kind)                                                                          \
	{                                                                                       \
		.type = (kind), .nullable = true, .enumeration = SLU_NONE, .embedded = SLU_NONE \
	}

static void lay_out(struct slu_struct *object, struct slu_field *fields, size_t count,
                    size_t key_count)
{
	*object = (struct slu_struct){.fields = fields, .field_count = count};
	cr_assert(slu_struct_lay_out(object, key_count, NULL));
}

Test(layout, a_key_of_all_sizes_has_no_gap)
{
	struct slu_field fields[] = {PLAIN(SLUICE_BOOL), TEXT(6),
	                             PLAIN(SLUICE_INT2), PLAIN(SLUICE_INET),
	                             PLAIN(SLUICE_INT8), PLAIN(SLUICE_UUID),
	                             PLAIN(SLUICE_INT4), PLAIN(SLUICE_INT8)};
	struct slu_struct object;
	uint32_t end = 0;
	uint32_t size = 0;
	size_t i;

	lay_out(&object, fields, 8, 7);
	for (i = 0; i < 7; i++) {
		size += fields[i].size;
		if (fields[i].offset + fields[i].size > end)
			end = fields[i].offset + fields[i].size;
	}
	cr_assert_eq(end, size);
	cr_assert_geq(fields[7].offset, end);
	free(object.order);
}

Test(layout, the_largest_text_is_last_and_the_others_keep_their_order)
{
	struct slu_field fields[] = {TEXT(40), TEXT(126), PLAIN(SLUICE_BOOL), TEXT(10), TEXT(126)};
	const size_t expected[] = {2, 0, 1, 3, 4};
	struct slu_struct object;
	size_t i;

	lay_out(&object, fields, 5, 0);
	for (i = 0; i < 5; i++)
		cr_assert_eq(object.order[i], expected[i], "field %zu", i);
	free(object.order);
}

Test(layout, bits_go_by_the_columns_and_the_mask_grows_at_33)
{
	struct slu_field fields[40];
	struct slu_struct object;
	size_t i;

	for (i = 0; i < 40; i++)
		fields[i] = (struct slu_field)NULLABLE(SLUICE_INT4);
	fields[3].nullable = false;
	lay_out(&object, fields, 33, 0);
	cr_assert_eq(object.nullable_count, 32);
	cr_assert_eq(fields[2].bit, 2);
	cr_assert_eq(fields[4].bit, 3);
	cr_assert_eq(object.size - object.present_offset, 4, "one mask");
	free(object.order);
	lay_out(&object, fields, 40, 0);
	cr_assert_eq(object.nullable_count, 39);
	cr_assert_eq(object.size - object.present_offset, 8, "two masks");
	free(object.order);
}

Test(layout, a_version_takes_no_place)
{
	struct slu_field fields[] = {PLAIN(SLUICE_BOOL), PLAIN(SLUICE_VERSION)};
	struct slu_struct object;

	lay_out(&object, fields, 2, 1);
	cr_assert_eq(object.size, 1);
	cr_assert_eq(fields[1].size, 0);
	cr_assert_eq(fields[1].offset, 0);
	free(object.order);
}
