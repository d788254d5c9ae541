/* SPDX-License-Identifier: MIT */
/* gen_emit.c - a model with every type, form and command becomes the two files in tests/golden,
 * byte by byte; and those are good C and C++, whose calls do what they say. After a wanted
 * change: SLUICE_GOLDEN_WRITE=1 writes them anew; read the difference. */
#include "db/gen/write/emit.h"

#include "tests/golden/every.c"
#include "tests/unit/gen_model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file beside this one's folder. */
static const char *path_of(const char *name)
{
	static char path[1024];
	const char *end = strstr(__FILE__, "unit/gen_emit.c");

	cr_assert_not_null(end);
	snprintf(path, sizeof(path), "%.*s%s", (int)(end - __FILE__), __FILE__, name);
	return path;
}

static char *read_golden(const char *name)
{
	FILE *file = fopen(path_of(name), "r");
	char *text = NULL;
	size_t size = 0;

	cr_assert_not_null(file, "%s", path_of(name));
	cr_assert_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

static void expect_golden(const char *name, const char *text)
{
	FILE *file;
	char *golden;
	size_t at;

	if (getenv("SLUICE_GOLDEN_WRITE") != NULL) {
		file = fopen(path_of(name), "w");
		cr_assert(file != NULL && fputs(text, file) != EOF && fclose(file) == 0);
	}
	golden = read_golden(name);
	for (at = 0; golden[at] != '\0' && golden[at] == text[at];)
		at++;
	cr_assert_eq(golden[at], text[at], "%s differs from byte %zu on: %.80s", name, at,
	             text + at);
	free(golden);
}

static struct slu_emitted emit(const struct slu_model *model)
{
	struct slu_emitted emitted;
	struct sluice_error error;

	cr_assert_eq(slu_emit(&emitted, model, "0123456789abcdef", &error), SLUICE_OK, "%s",
	             error.message);
	return emitted;
}

Test(gen_emit, every_type_form_and_command_is_written_as_ever)
{
	struct slu_emitted emitted = emit(gen_model_every());

	expect_golden("golden/every.h", emitted.header);
	expect_golden("golden/every.c", emitted.source);
	slu_emitted_free(&emitted);
}

static void expect_narrow(const char *text)
{
	while (*text != '\0') {
		size_t line = strcspn(text, "\n");
		size_t column = 0;
		size_t i;

		for (i = 0; i < line; i++) {
			unsigned char byte = (unsigned char)text[i];

			column += byte == '\t' ? 8 - column % 8 : (byte & 0xc0) != 0x80;
		}
		cr_expect_leq(column, 100, "%.*s", (int)line, text);
		cr_expect(line == 0 || (text[line - 1] != ' ' && text[line - 1] != '\t'), "%.*s",
		          (int)line, text);
		text += line + (text[line] == '\n');
	}
}

Test(gen_emit, no_line_is_wider_than_a_page_or_ends_in_blanks)
{
	struct slu_emitted emitted = emit(gen_model_every());

	expect_narrow(emitted.header);
	expect_narrow(emitted.source);
	slu_emitted_free(&emitted);
}

/* ---- names ---- */

Test(gen_emit, two_things_of_one_name_are_refused)
{
	struct slu_model *model = gen_model_every();
	struct slu_emitted emitted;
	struct sluice_error error;

	model->queries[0].name = "samples"; /* a stream's name */
	cr_assert_eq(slu_emit(&emitted, model, "", &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "two things would be called every_samples in C"),
	                   "%s", error.message);
	model->queries[0].name = "list_mixed_next"; /* what goes with :many list_mixed */
	cr_assert_eq(slu_emit(&emitted, model, "", &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "every_list_mixed_next"), "%s", error.message);
	cr_assert_null(emitted.header);
}

/* The source has names of its own, which the header's may not meet either. */
Test(gen_emit, a_name_that_only_the_source_has_is_refused_too)
{
	struct slu_model *model = gen_model_every();
	struct slu_emitted emitted;
	struct sluice_error error;

	model->prefix = "sample";
	model->queries[0].name = "columns";
	cr_assert_eq(slu_emit(&emitted, model, "", &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "sample_columns"), "%s", error.message);
}

Test(gen_emit, statement_names_fit_and_change_with_the_text)
{
	struct slu_model *model = gen_model_every();
	struct slu_emitted emitted;
	char before[128];
	char after[128];

	model->queries[0].name = "a_name_that_is_longer_than_what_postgres_keeps_of_a_name_of_its";
	emitted = emit(model);
	cr_assert_eq(sscanf(strstr(emitted.source, ".statement = \""), ".statement = \"%127[^\"]",
	                    before),
	             1);
	slu_emitted_free(&emitted);
	model->queries[0].sql = "SELECT 2";
	emitted = emit(model);
	cr_assert_eq(sscanf(strstr(emitted.source, ".statement = \""), ".statement = \"%127[^\"]",
	                    after),
	             1);
	slu_emitted_free(&emitted);
	cr_assert_eq(strlen(before), 63, "%s", before);
	cr_assert_eq(strlen(after), 63, "%s", after);
	cr_assert_str_neq(before, after);
	cr_assert_eq(strncmp(before, after, 55), 0);
}

/* ---- the golden files at work ---- */

Test(gen_emit, sql_comes_through_its_literal)
{
	cr_assert_str_eq(every_get_mixed_query.sql, gen_model_every()->queries[0].sql);
	cr_assert_str_eq(every_samples.copy_sql, gen_model_every()->streams[0].copy_sql);
}

Test(gen_emit, labels_become_enumerators_from_1)
{
	cr_assert_eq(EVERY_MOOD_VERY_SAD, 1);
	cr_assert_eq(EVERY_MOOD_VERY_SAD_2, 2);
	cr_assert_eq(EVERY_MOOD_LABEL_3, 3);
	cr_assert_eq(EVERY_MOOD_EMPTY, 4);
	cr_assert_eq(EVERY_MOOD_FR_H, 5);
	cr_assert_eq(mood_enum.label_count, 5);
	cr_assert_str_eq(mood_enum.labels[EVERY_MOOD_FR_H - 1], "fr\303\266h");
}

Test(gen_emit, a_record_is_as_long_as_its_last_text)
{
	struct every_position record = {.provider_id = 1};

	cr_assert(sluice_text_set(&record.remark, "hello", 5));
	cr_assert_eq(every_position_size(&record),
	             offsetof(struct every_position, remark.bytes) + 5);
	record.asset.size = sizeof(record.asset.bytes) + 1;
	cr_assert_gt(every_position_size(&record), sizeof(record));
	cr_assert_eq(every_counter_size(&(struct every_counter){.id = 1}),
	             sizeof(struct every_counter));
}

Test(gen_emit, a_key_is_compared_without_what_stood_behind_its_texts)
{
	struct every_position_key dirty;
	struct every_position_key clean;
	struct every_position_key again;

	memset(&dirty, 'x', sizeof(dirty));
	dirty.provider_id = 7;
	dirty.asset.size = 1;
	memset(&again, 'y', sizeof(again));
	again.provider_id = 7;
	again.asset.size = 1;
	again.asset.bytes[0] = 'x';
	cr_assert(every_position_key_set(&clean, &dirty));
	cr_assert(every_position_key_set(&dirty, &again));
	cr_assert_eq(memcmp(&clean, &dirty, every_positions.key_size), 0);
	dirty.asset.size = sizeof(dirty.asset.bytes) + 1;
	cr_assert_not(every_position_key_set(&clean, &dirty));
	cr_assert_eq(every_positions_get(NULL, &dirty, NULL, NULL), SLUICE_TOO_LONG);
}

/* What sluice_get compares is the key's struct: it must be what stands in the record. */
Test(gen_emit, a_key_struct_is_the_beginning_of_its_record)
{
	cr_assert_eq(every_positions.key_offset, 0);
	cr_assert_eq(every_positions.key_size,
	             offsetof(struct every_position, asset.bytes) +
	                     sizeof(((struct every_position *)0)->asset.bytes));
	cr_assert_eq(offsetof(struct every_position_key, asset),
	             offsetof(struct every_position, asset));
	cr_assert_leq(every_positions.key_size, sizeof(struct every_position_key));
}

static const struct sluice_column *column_of(const struct sluice_layout *layout, const char *name)
{
	size_t i;

	for (i = 0; i < layout->column_count; i++) {
		if (strcmp(layout->columns[i].name, name) == 0)
			return &layout->columns[i];
	}
	cr_assert_fail("%s", name);
	return NULL;
}

Test(gen_emit, every_column_says_where_its_field_and_its_bit_are)
{
	const struct sluice_column *column = column_of(&every_samples.layout, "a_numeric");

	cr_assert_eq(column->offset, offsetof(struct every_sample, a_numeric));
	cr_assert_eq(column->size, sizeof(struct sluice_decimal));
	cr_assert_eq(column->scale, EVERY_SAMPLE_A_NUMERIC_SCALE);
	cr_assert_eq(column->present, 0);
	column = column_of(&every_samples.layout, "a_text");
	cr_assert_eq(column->size, 21);
	cr_assert_eq(column->present, EVERY_SAMPLE_A_TEXT);
	cr_assert_eq(column->present_offset, offsetof(struct every_sample, present));
	column = column_of(every_list_wide_query.row, "c39");
	cr_assert_eq(column->present, 1u << 7);
	cr_assert_eq(column->present_offset, offsetof(struct every_wide, present) + 4);
}

Test(gen_emit, an_embedded_struct_has_its_columns_and_its_mask_in_its_place)
{
	const struct sluice_layout *row = every_list_mixed_query.row;
	const struct sluice_column *column = column_of(row, "c00");

	cr_assert_eq(row->column_count, 42);
	cr_assert_eq(column - row->columns, 0);
	cr_assert_eq(column->offset, offsetof(struct every_list_mixed_row, wide) +
	                                     offsetof(struct every_wide, c00));
	cr_assert_eq(column->present_offset, offsetof(struct every_list_mixed_row, wide) +
	                                             offsetof(struct every_wide, present));
	cr_assert_eq(column_of(row, "note")->present_offset,
	             offsetof(struct every_list_mixed_row, present));
}

/* ---- compilers ---- */

static void expect_compiles(const char *compiler, const char *file)
{
	char command[2048];
	char root[1024];

	snprintf(root, sizeof(root), "%s", path_of(".."));
	snprintf(command, sizeof(command), "%s -Werror -fsyntax-only -I%s/include %s", compiler,
	         root, path_of(file));
	cr_assert_eq(system(command), 0, "%s", command);
}

#define C11 " -std=c11 -pedantic -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes"
#define CXX17 " -std=c++17 -Wall -Wextra -x c++"

Test(gen_emit, the_source_is_good_c)
{
	expect_compiles("cc" C11, "golden/every.c");
	expect_compiles("cc" C11 " -O2", "golden/every.c");
	expect_compiles("clang" C11, "golden/every.c");
}

Test(gen_emit, the_header_is_good_cxx)
{
	expect_compiles("c++" CXX17, "golden/every.h");
}
