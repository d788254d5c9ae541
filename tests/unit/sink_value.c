/* SPDX-License-Identifier: MIT */
/* sink_value.c - fields of a fixed size, enums, addresses, NULL, arrays: their bytes, both ways. */
#include "tests/unit/codec.h"

#include "sink/pg_value.h"

#include <criterion/criterion.h>
#include <math.h>

Test(sink_value, integers_are_big_endian)
{
	static const struct sluice_column int2 = {.name = "a", .type = SLUICE_INT2};
	static const struct sluice_column int4 = {.name = "a", .type = SLUICE_INT4};
	static const struct sluice_column int8 = {.name = "b", .type = SLUICE_INT8};
	static const int16_t small[] = {-2, INT16_MIN, INT16_MAX};
	static const int32_t middle[] = {-2, INT32_MIN, INT32_MAX};
	static const int64_t large[] = {-2, INT64_MIN, INT64_MAX};

	cr_expect_codes(&int2, &small[0], 2, "00000002fffe");
	cr_expect_codes(&int2, &small[1], 2, "000000028000");
	cr_expect_codes(&int2, &small[2], 2, "000000027fff");
	cr_expect_codes(&int4, &middle[0], 4, "00000004fffffffe");
	cr_expect_codes(&int4, &middle[1], 4, "0000000480000000");
	cr_expect_codes(&int4, &middle[2], 4, "000000047fffffff");
	cr_expect_codes(&int8, &large[0], 8, "00000008fffffffffffffffe");
	cr_expect_codes(&int8, &large[1], 8, "000000088000000000000000");
	cr_expect_codes(&int8, &large[2], 8, "000000087fffffffffffffff");
}

Test(sink_value, floats_are_their_bits)
{
	static const struct sluice_column float4 = {.name = "a", .type = SLUICE_FLOAT4};
	static const struct sluice_column float8 = {.name = "b", .type = SLUICE_FLOAT8};
	static const float small[] = {-0.0f, 1.5f, INFINITY};
	static const double large[] = {-0.0, 1.5, -INFINITY, NAN};

	cr_expect_codes(&float4, &small[0], 4, "0000000480000000");
	cr_expect_codes(&float4, &small[1], 4, "000000043fc00000");
	cr_expect_codes(&float4, &small[2], 4, "000000047f800000");
	cr_expect_codes(&float8, &large[0], 8, "000000088000000000000000");
	cr_expect_codes(&float8, &large[1], 8, "000000083ff8000000000000");
	cr_expect_codes(&float8, &large[2], 8, "00000008fff0000000000000");
	cr_expect_codes(&float8, &large[3], 8, "000000087ff8000000000000");
}

Test(sink_value, a_bool_is_a_byte)
{
	static const struct sluice_column column = {.name = "a", .type = SLUICE_BOOL};
	static const bool values[] = {false, true};
	bool found = false;

	cr_expect_codes(&column, &values[0], 1, "0000000100");
	cr_expect_codes(&column, &values[1], 1, "0000000101");
	cr_expect_str_eq(codec_encode(&column, "\x80"), "0000000101");
	cr_expect_str_eq(codec_decode(&column, "00000001ff", &found), "");
	cr_expect(found);
}

Test(sink_value, a_uuid_is_its_bytes)
{
	static const struct sluice_column column = {.name = "a", .type = SLUICE_UUID};
	static const struct sluice_uuid uuid = {
		{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}};

	cr_expect_codes(&column, &uuid, sizeof(uuid), "000000100102030405060708090a0b0c0d0e0fff");
}

Test(sink_value, a_version_is_the_rows_and_fits_a_bigint)
{
	static const struct slu_subject subject = {"stream", "orders", "column"};
	static const struct sluice_column version = {.name = "version", .type = SLUICE_VERSION};
	struct sluice_row row = {.record = "", .version = UINT64_MAX};
	struct sluice_error error;
	struct slu_buffer buffer;

	cr_expect_str_eq(codec_encode(&version, ""), "000000080000000000000102");
	slu_buffer_init(&buffer, 4096);
	cr_expect_eq(slu_value_put(&buffer, &subject, &version, &row, &error), SLUICE_INVALID);
	cr_expect_str_eq(error.message, "stream orders, column version: the version leaves bigint");
	slu_buffer_free(&buffer);
}

Test(sink_value, a_field_may_stand_anywhere)
{
	struct sluice_column column = {.name = "a", .type = SLUICE_INT8, .offset = 3};
	unsigned char record[11] = {0};

	record[3] = 1;
	cr_expect_codes(&column, record, sizeof(record), "000000080000000000000001");
}

Test(sink_value, null_is_a_bit_that_is_not_set)
{
	struct record {
		uint32_t present;
		int32_t value;
	} record = {0, 7};
	struct record found = {1, 0};
	struct sluice_column column = {
		.name = "a", .type = SLUICE_INT4, .offset = 4, .present = 1u << 5};

	cr_expect_str_eq(codec_encode(&column, &record), "ffffffff");
	record.present = ~(1u << 5);
	cr_expect_str_eq(codec_encode(&column, &record), "ffffffff");
	record.present = 1u << 5;
	cr_expect_codes(&column, &record, sizeof(record), "0000000400000007");

	cr_expect_str_eq(codec_decode(&column, "ffffffff", &found), "");
	cr_expect_eq(found.present, 1);
	cr_expect_str_eq(codec_decode(&column, "0000000400000007", &found), "");
	cr_expect_eq(found.present, 1 | 1u << 5);

	column.present = 0;
	record.present = 0;
	cr_expect_codes(&column, &record, sizeof(record), "0000000400000007");
	cr_expect_str_eq(codec_decode(&column, "ffffffff", &found),
	                 "query q, column a: it is NULL, which this program was not generated for");
}

Test(sink_value, each_part_of_a_struct_has_a_mask_of_its_own)
{
	struct {
		uint32_t present[3];
		int32_t value;
	} record = {{0, 0, 4}, 7};
	struct sluice_column column = {
		.name = "a", .type = SLUICE_INT4, .offset = 12, .present = 4, .present_offset = 8};

	cr_expect_codes(&column, &record, sizeof(record), "0000000400000007");
	record.present[0] = record.present[1] = 4;
	record.present[2] = 0;
	cr_expect_str_eq(codec_encode(&column, &record), "ffffffff");
}

/* ---- enums ---- */

static const char *const sides[] = {"Buy", "Sell"};
static const struct sluice_enum side = {"order_side", sides, 2};

Test(sink_value, an_enum_travels_by_its_label)
{
	static const struct sluice_column column = {
		.name = "side", .type = SLUICE_ENUM, .labels = &side};
	static const uint32_t values[] = {0, 1, 2, 3, UINT32_MAX};
	static const char refused[] = "stream orders, column side: the enum's value has no label";
	static const char unknown[] = "query q, column side: the database knows a label that this "
				      "program does not: run sluice gen";
	uint32_t found = 9;

	cr_expect_codes(&column, &values[1], 4, "00000003427579");
	cr_expect_codes(&column, &values[2], 4, "0000000453656c6c");
	cr_expect_str_eq(codec_encode(&column, &values[0]), refused);
	cr_expect_str_eq(codec_encode(&column, &values[3]), refused);
	cr_expect_str_eq(codec_encode(&column, &values[4]), refused);
	cr_expect_str_eq(codec_decode(&column, "0000000453656c6d", &found), unknown);
	cr_expect_str_eq(codec_decode(&column, "000000024275", &found), unknown);
	cr_expect_str_eq(codec_decode(&column, "0000000442757900", &found), unknown);
	cr_expect_str_eq(codec_decode(&column, "00000000", &found), unknown);
	cr_expect_eq(found, 9);
}

/* ---- addresses ---- */

Test(sink_value, an_address_has_a_family_and_a_prefix)
{
	static const struct sluice_column column = {.name = "a", .type = SLUICE_INET};
	struct sluice_inet inet = {4, 32, {127, 0, 0, 1}};

	cr_expect_codes(&column, &inet, sizeof(inet), "00000008022000047f000001");
	inet.bits = 0;
	cr_expect_codes(&column, &inet, sizeof(inet), "00000008020000047f000001");
	inet.bits = 33;
	cr_expect_str_eq(codec_encode(&column, &inet),
	                 "stream orders, column a: the address has a prefix longer than itself");
	inet.family = 6;
	inet.bits = 128;
	inet.bytes[15] = 255;
	cr_expect_codes(&column, &inet, sizeof(inet),
	                "00000014038000107f0000010000000000000000000000ff");
	inet.bits = 129;
	cr_expect_str_eq(codec_encode(&column, &inet),
	                 "stream orders, column a: the address has a prefix longer than itself");
	inet.family = 0;
	cr_expect_str_eq(codec_encode(&column, &inet),
	                 "stream orders, column a: the address is of no family: 4 or 6");
}

Test(sink_value, an_address_that_is_none_is_refused)
{
	static const char refused[] = "query q, column a: the server sent an address that is none";
	static const char *const cases[] = {
		"00000000",
		"0000000402200004",         /* no address */
		"00000008012000047f000001", /* unknown family */
		"00000008022100047f000001", /* prefix of 33 */
		"00000008022000037f000001", /* 3 bytes */
		"00000009022000047f00000100",
		"00000008032000047f000001", /* 4 bytes for family 6 */
	};
	static const struct sluice_column column = {.name = "a", .type = SLUICE_INET};
	struct sluice_inet inet;
	size_t index;

	for (index = 0; index < sizeof(cases) / sizeof(cases[0]); index++)
		cr_expect_str_eq(codec_decode(&column, cases[index], &inet), refused, "%s",
		                 cases[index]);
}

/* ---- arrays ---- */

static const struct sluice_column int4s = {.name = "a", .type = SLUICE_INT4, .form = SLUICE_ITEMS};

Test(sink_value, an_array_keeps_order_and_nulls)
{
	static const int32_t items[] = {1, 2, 3};
	static const bool nulls[] = {false, true, false};
	SLUICE_ARRAY(int32_t) array = {items, NULL, 3};
	static const char with_null[] = "000000280000000100000001000000170000000300000001"
					"0000000400000001"
					"ffffffff"
					"0000000400000003";

	cr_expect_str_eq(codec_encode(&int4s, &array),
	                 "0000002c0000000100000000000000170000000300000001"
	                 "0000000400000001"
	                 "0000000400000002"
	                 "0000000400000003");
	cr_expect_str_eq(codec_decode(&int4s, codec_encode(&int4s, &array), &array), "");
	cr_expect_eq(array.count, 3);
	cr_expect_arr_eq(array.items, items, sizeof(items));
	cr_expect_null(array.nulls);

	array.items = items;
	array.nulls = nulls;
	cr_expect_str_eq(codec_encode(&int4s, &array), with_null);
	cr_expect_str_eq(codec_decode(&int4s, with_null, &array), "");
	cr_expect_eq(array.count, 3);
	cr_expect_arr_eq(array.nulls, nulls, sizeof(nulls));
	cr_expect_eq(array.items[0], 1);
	cr_expect_eq(array.items[1], 0);
	cr_expect_eq(array.items[2], 3);
}

Test(sink_value, an_empty_array_has_no_dimensions)
{
	SLUICE_ARRAY(int32_t) array = {NULL, NULL, 0};

	cr_expect_codes(&int4s, &array, sizeof(array), "0000000c000000000000000000000017");
}

Test(sink_value, an_array_of_texts_is_one_of_views)
{
	static const struct sluice_column texts = {
		.name = "a", .type = SLUICE_TEXT_TYPE, .form = SLUICE_ITEMS};
	static const struct sluice_view views[] = {{"ab", 2}, {NULL, 0}};
	static const char hex[] = "0000001e0000000100000000000000190000000200000001"
				  "000000026162"
				  "00000000";
	SLUICE_ARRAY(struct sluice_view) array = {views, NULL, 2};

	cr_expect_str_eq(codec_encode(&texts, &array), hex);
	cr_expect_str_eq(codec_decode(&texts, hex, &array), "");
	cr_expect_eq(array.count, 2);
	cr_expect_eq(array.items[0].size, 2);
	cr_expect_arr_eq(array.items[0].bytes, "ab", 2);
	cr_expect_eq(array.items[1].size, 0);
}

Test(sink_value, an_array_of_enums_has_elements_of_no_built_in_type)
{
	static const struct sluice_column column = {
		.name = "a", .type = SLUICE_ENUM, .form = SLUICE_ITEMS, .labels = &side};
	static const uint32_t items[] = {2};
	static const char hex[] = "0000001c0000000100000000000000000000000100000001"
				  "0000000453656c6c";
	SLUICE_ARRAY(uint32_t) array = {items, NULL, 1};

	cr_expect_str_eq(codec_encode(&column, &array), hex);
	cr_expect_str_eq(codec_decode(&column, hex, &array), "");
	cr_expect_eq(array.items[0], 2);
}

Test(sink_value, an_element_that_can_t_be_written_is_refused)
{
	static const struct sluice_column column = {
		.name = "a", .type = SLUICE_TIME, .form = SLUICE_ITEMS};
	static const int64_t items[] = {0, -1};
	SLUICE_ARRAY(int64_t) array = {items, NULL, 2};

	cr_expect_str_eq(codec_encode(&column, &array),
	                 "stream orders, column a: the time lies outside of a day");
	array.count = SIZE_MAX;
	cr_expect_str_eq(
		codec_encode(&column, &array),
		"stream orders, column a: the array has more elements than Postgres takes");
}

Test(sink_value, an_unknown_type_is_refused)
{
	struct sluice_column column = {.name = "x", .type = (enum sluice_type)99};
	char object[8];

	cr_expect_str_eq(codec_encode(&column, ""),
	                 "stream orders, column x: the descriptor names a type that is none");
	cr_expect_str_eq(codec_decode(&column, "00000000", object),
	                 "query q, column x: the descriptor names a type that is none");
	cr_expect_eq(slu_type_of((enum sluice_type)99).oid, 0);
	cr_expect_eq(slu_type_item_size((enum sluice_type)0), 0);
}
