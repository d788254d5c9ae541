/* SPDX-License-Identifier: MIT */
/* cli_lanes_value.c - what a file may hold and no database would: it is told, and nothing beyond
 * the field is read. That values are printed as Postgres prints them: tests/contract/lanes_values.c. */
#include "cli/lanes_value.h"

#include <criterion/criterion.h>

static const char *const labels[] = {"Buy", "Sell"};
static const struct sluice_enum side = {"side", labels, 2};

/* The only member of {"unreadable": ..}, or of {"unreadable": .., "bytes": ..} the one asked for;
 * NULL when the value is something else. */
static const char *told(const json_t *value, const char *member)
{
	return json_string_value(json_object_get(value, member));
}

static json_t *value_of(struct sluice_column column, const void *field)
{
	json_t *value = slu_lanes_value(&column, field, 0);

	cr_assert_not_null(value);
	return value;
}

static void expect_unreadable(struct sluice_column column, const void *field, const char *why)
{
	json_t *value = value_of(column, field);

	cr_assert_not_null(told(value, "unreadable"));
	cr_expect_str_eq(told(value, "unreadable"), why);
	json_decref(value);
}

static void expect_text(struct sluice_column column, const void *field, const char *text)
{
	json_t *value = value_of(column, field);

	cr_assert(json_is_string(value));
	cr_expect_str_eq(json_string_value(value), text);
	json_decref(value);
}

Test(lanes_value, a_text_longer_than_its_field_is_not_read)
{
	struct {
		SLUICE_TEXT(4) text;
	} record = {.text = {.size = 5, .bytes = "abcd"}};
	struct sluice_column column = {.type = SLUICE_TEXT_TYPE, .size = 4};

	expect_unreadable(column, &record, "the text is longer than its field");
	record.text.size = 4;
	expect_text(column, &record, "abcd");
}

Test(lanes_value, a_text_that_is_not_utf8_is_told_with_its_bytes)
{
	struct {
		SLUICE_TEXT(4) text;
	} record = {.text = {.size = 3, .bytes = "a\xff\n"}};
	json_t *value = value_of((struct sluice_column){.type = SLUICE_TEXT_TYPE, .size = 4},
	                         &record);

	cr_expect_str_eq(told(value, "unreadable"), "the text is not UTF-8");
	cr_expect_str_eq(told(value, "bytes"), "\\x61ff0a");
	json_decref(value);
}

Test(lanes_value, an_empty_json_is_an_empty_object_and_an_empty_text_is_empty)
{
	const uint16_t size = 0;

	expect_text((struct sluice_column){.type = SLUICE_JSON, .size = 8}, &size, "{}");
	expect_text((struct sluice_column){.type = SLUICE_JSONB, .size = 8}, &size, "{}");
	expect_text((struct sluice_column){.type = SLUICE_TEXT_TYPE, .size = 8}, &size, "");
	expect_text((struct sluice_column){.type = SLUICE_BYTEA, .size = 8}, &size, "\\x");
}

Test(lanes_value, an_enum_has_a_label_or_is_told)
{
	struct sluice_column column = {.type = SLUICE_ENUM, .size = 4, .labels = &side};

	expect_unreadable(column, &(uint32_t){0}, "the enum's value has no label");
	expect_text(column, &(uint32_t){2}, "Sell");
	expect_unreadable(column, &(uint32_t){3}, "the enum's value has no label");
}

Test(lanes_value, an_invalid_decimal_is_told)
{
	const char why[] = "the decimal is invalid: it had no exact form when it was made";
	struct sluice_decimal decimal = {1, SLUICE_DECIMAL_INVALID_HIGH};

	expect_unreadable((struct sluice_column){.type = SLUICE_NUMERIC64, .scale = 2},
	                  &(int64_t){SLUICE_DECIMAL64_INVALID}, why);
	expect_unreadable((struct sluice_column){.type = SLUICE_NUMERIC, .scale = 2}, &decimal,
	                  why);
	expect_unreadable((struct sluice_column){.type = SLUICE_NUMERIC64, .scale = 39},
	                  &(int64_t){1}, "the file names a scale that no decimal has");
	decimal.high++;
	expect_text((struct sluice_column){.type = SLUICE_NUMERIC, .scale = 38}, &decimal,
	            "-1.70141183460469231713240559642174554111");
	expect_text((struct sluice_column){.type = SLUICE_NUMERIC64, .scale = 2}, &(int64_t){-5},
	            "-0.05");
	expect_text((struct sluice_column){.type = SLUICE_NUMERIC64}, &(int64_t){0}, "0");
}

Test(lanes_value, times_and_addresses_that_are_none_are_told)
{
	struct sluice_inet inet = {.family = 4, .bits = 33, .bytes = {10, 0, 0, 1}};
	struct sluice_column column = {.type = SLUICE_INET, .size = sizeof(inet)};
	const char why[] = "the address has no such family, or no such prefix";
	const char late[] = "the time is not between 00:00 and 24:00";

	expect_unreadable(column, &inet, why);
	inet.bits = 8;
	expect_text(column, &inet, "10.0.0.1/8");
	inet.family = 5;
	expect_unreadable(column, &inet, why);
	expect_unreadable((struct sluice_column){.type = SLUICE_TIME}, &(int64_t){-1}, late);
	expect_unreadable((struct sluice_column){.type = SLUICE_TIME}, &(int64_t){86400000001},
	                  late);
}

Test(lanes_value, a_column_whose_bit_is_not_set_is_null)
{
	struct {
		uint32_t present;
		int32_t number;
	} record = {.present = 2, .number = 7};
	struct sluice_column column = {.type = SLUICE_INT4, .offset = 4, .size = 4, .present = 1};
	json_t *value = value_of(column, &record);

	cr_expect(json_is_null(value));
	json_decref(value);
	column.present = 2;
	value = value_of(column, &record);
	cr_expect_eq(json_integer_value(value), 7);
	json_decref(value);
}

Test(lanes_value, a_version_is_the_records_and_no_field)
{
	struct sluice_column column = {.type = SLUICE_VERSION};
	json_t *value = slu_lanes_value(&column, NULL, 1234567890123456789);

	cr_expect_eq(json_integer_value(value), 1234567890123456789);
	json_decref(value);
}
