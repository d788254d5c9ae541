/* SPDX-License-Identifier: MIT */
/* sink_value.c - one field, its bytes, and what is refused. */
#include "sink/pg_value.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct sluice_stream stream = {.name = "orders"};

/* The bytes of a field by itself, as hex. */
static const char *encode(const struct sluice_column *column, const void *record)
{
	static char hex[1024];
	struct sluice_row row = {.record = record, .version = 258};
	struct slu_buffer buffer;
	struct sluice_error error = {.message = ""};
	size_t index;

	slu_buffer_init(&buffer, 4096);
	hex[0] = '\0';
	if (slu_value_put(&buffer, &stream, column, &row, &error) != SLUICE_OK) {
		snprintf(hex, sizeof(hex), "%s", error.message);
	} else {
		for (index = 0; index < buffer.size; index++)
			sprintf(hex + 2 * index, "%02x", buffer.bytes[index]);
	}
	slu_buffer_free(&buffer);
	return hex;
}

static const char *encode_decimal(struct sluice_decimal decimal, uint8_t scale, uint8_t precision)
{
	struct sluice_column column = {
		.name = "price", .type = SLUICE_NUMERIC, .scale = scale, .precision = precision};

	return encode(&column, &decimal);
}

static const char *encode_time(int64_t us)
{
	struct sluice_column column = {.name = "placed_at", .type = SLUICE_TIMESTAMPTZ};

	return encode(&column, &us);
}

Test(sink_value, integers_are_big_endian)
{
	static const struct sluice_column int4 = {.name = "a", .type = SLUICE_INT4};
	static const struct sluice_column int8 = {.name = "b", .type = SLUICE_INT8};
	static const struct sluice_column version = {.name = "v", .type = SLUICE_VERSION};
	int32_t small = -2;
	int64_t large = INT64_MIN + 1;

	cr_expect_str_eq(encode(&int4, &small), "00000004fffffffe");
	cr_expect_str_eq(encode(&int8, &large), "000000088000000000000001");
	cr_expect_str_eq(encode(&version, &large), "000000080000000000000102");
}

Test(sink_value, a_version_beyond_bigint_is_refused)
{
	static const struct sluice_column version = {.name = "version", .type = SLUICE_VERSION};
	struct sluice_row row = {.record = "", .version = UINT64_MAX};
	struct sluice_error error;
	struct slu_buffer buffer;

	slu_buffer_init(&buffer, 4096);
	cr_expect_eq(slu_value_put(&buffer, &stream, &version, &row, &error), SLUICE_INVALID);
	cr_expect_str_eq(error.message, "stream orders, column version: the version leaves bigint");
}

Test(sink_value, a_field_may_stand_anywhere)
{
	struct sluice_column column = {.name = "a", .type = SLUICE_INT8, .offset = 3};
	unsigned char record[11] = {0};

	record[3] = 1;
	cr_expect_str_eq(encode(&column, record), "000000080000000000000001");
}

Test(sink_value, text_keeps_its_bytes_and_empty_is_not_null)
{
	static const struct sluice_column column = {
		.name = "state", .type = SLUICE_TEXT_TYPE, .size = 3};

	cr_expect_str_eq(encode(&column, "\3abcd"), "00000003616263");
	cr_expect_str_eq(encode(&column, "\0abc"), "00000000");
	cr_expect_str_eq(
		encode(&column, "\4abcd"),
		"stream orders, column state: the text's size is larger than its capacity");
}

Test(sink_value, jsonb_has_its_version_and_empty_is_an_object)
{
	static const struct sluice_column column = {
		.name = "metadata", .type = SLUICE_JSONB, .size = 4};

	cr_expect_str_eq(encode(&column, "\2[]"), "00000003015b5d");
	cr_expect_str_eq(encode(&column, "\0"), "00000003017b7d");
	cr_expect_str_eq(
		encode(&column, "\5[1,2]"),
		"stream orders, column metadata: the text's size is larger than its capacity");
}

Test(sink_value, null_is_a_bit_that_is_not_set)
{
	struct {
		uint32_t present;
		int32_t value;
	} record = {0, 7};
	struct sluice_column column = {
		.name = "a", .type = SLUICE_INT4, .offset = 4, .present = 1u << 5};

	cr_expect_str_eq(encode(&column, &record), "ffffffff");
	record.present = ~(1u << 5);
	cr_expect_str_eq(encode(&column, &record), "ffffffff");
	record.present = 1u << 5;
	cr_expect_str_eq(encode(&column, &record), "0000000400000007");
	column.present = 0;
	record.present = 0;
	cr_expect_str_eq(encode(&column, &record), "0000000400000007");
}

Test(sink_value, times_count_from_2000)
{
	cr_expect_str_eq(encode_time(946684800000000), "000000080000000000000000");
	cr_expect_str_eq(encode_time(0), "00000008fffca2fec4c82000");
	cr_expect_str_eq(encode_time(INT64_MAX), "000000087ffca2fec4c81fff");
	cr_expect_str_eq(encode_time(-210866803200000000), "00000008fd0f7cc1411fa000");
	cr_expect_str_eq(encode_time(-210866803200000001),
	                 "stream orders, column placed_at: the time lies before 4714 BC, "
	                 "Postgres's first");
	cr_expect_str_eq(encode_time(INT64_MIN),
	                 "stream orders, column placed_at: the time lies before 4714 BC, "
	                 "Postgres's first");
}

/* digits, weight, sign, scale, then the digits in base 10000 */
Test(sink_value, decimals_are_cut_at_the_point)
{
	cr_expect_str_eq(encode_decimal(sluice_decimal(12345, 2, 2), 2, 32), "0000000c"
	                                                                     "0002"
	                                                                     "0000"
	                                                                     "0000"
	                                                                     "0002"
	                                                                     "007b"
	                                                                     "1194");
	cr_expect_str_eq(encode_decimal(sluice_decimal(10125, 2, 16), 16, 32), "0000000c"
	                                                                       "0002"
	                                                                       "0000"
	                                                                       "0000"
	                                                                       "0010"
	                                                                       "0065"
	                                                                       "09c4");
	cr_expect_str_eq(encode_decimal(sluice_decimal(-1, 0, 16), 16, 32), "0000000a"
	                                                                    "0001"
	                                                                    "0000"
	                                                                    "4000"
	                                                                    "0010"
	                                                                    "0001");
	cr_expect_str_eq(encode_decimal(sluice_decimal(1, 16, 16), 16, 32), "0000000a"
	                                                                    "0001"
	                                                                    "fffc"
	                                                                    "0000"
	                                                                    "0010"
	                                                                    "0001");
	cr_expect_str_eq(encode_decimal(sluice_decimal(1, 18, 18), 18, 32), "0000000a"
	                                                                    "0001"
	                                                                    "fffb"
	                                                                    "0000"
	                                                                    "0012"
	                                                                    "0064");
	cr_expect_str_eq(encode_decimal(sluice_decimal(0, 0, 16), 16, 32), "00000008"
	                                                                   "0000"
	                                                                   "0000"
	                                                                   "0000"
	                                                                   "0010");
	cr_expect_str_eq(encode_decimal(sluice_decimal(10000, 0, 0), 0, 32), "0000000a"
	                                                                     "0001"
	                                                                     "0001"
	                                                                     "0000"
	                                                                     "0000"
	                                                                     "0001");
}

static struct sluice_decimal power_of_ten(unsigned exponent)
{
	return sluice_decimal(1, 0, exponent);
}

Test(sink_value, a_decimal_has_at_most_its_columns_digits)
{
	static const char refused[] =
		"stream orders, column price: the decimal has more digits than the column";
	struct sluice_decimal limit = power_of_ten(32);
	struct sluice_decimal below = limit;
	struct sluice_decimal negative;

	below.low--; /* 10^32 is no multiple of 2^64 */
	negative.low = 0 - limit.low;
	negative.high = ~limit.high;
	cr_expect_str_eq(encode_decimal(limit, 16, 32), refused);
	cr_expect_str_eq(encode_decimal(negative, 16, 32), refused);
	cr_expect_str_eq(encode_decimal(below, 16, 32), "00000018"
	                                                "0008"
	                                                "0003"
	                                                "0000"
	                                                "0010"
	                                                "270f270f270f270f270f270f270f270f");
	negative.low++;
	cr_expect_str_eq(encode_decimal(negative, 16, 32), "00000018"
	                                                   "0008"
	                                                   "0003"
	                                                   "4000"
	                                                   "0010"
	                                                   "270f270f270f270f270f270f270f270f");
	cr_expect_str_eq(encode_decimal(sluice_decimal(10, 0, 0), 0, 1), refused);
	cr_expect_str_eq(encode_decimal(power_of_ten(38), 0, 38), refused);
	cr_expect_str_eq(encode_decimal(power_of_ten(38), 0, 39), "0000000a"
	                                                          "0001"
	                                                          "0009"
	                                                          "0000"
	                                                          "0000"
	                                                          "0064");
}

Test(sink_value, the_largest_mantissas_are_whole)
{
	struct sluice_decimal most = {UINT64_MAX, INT64_MAX};
	struct sluice_decimal least = {1, INT64_MIN + 1};

	/* 170141183460469231731687303715884105727 = 2^127 - 1 */
	cr_expect_str_eq(encode_decimal(most, 0, 0), "0000001c"
	                                             "000a"
	                                             "0009"
	                                             "0000"
	                                             "0000"
	                                             "00aa0583209a01d5090d0c601c871bf620da165f");
	/* -(2^127 - 2^64 - 1) */
	cr_expect_eq(strncmp(encode_decimal(least, 0, 0), "0000001c000a000940000000", 24), 0);
}

Test(sink_value, the_invalid_decimal_is_refused)
{
	static const char refused[] =
		"stream orders, column price: the decimal has no exact form at "
		"the column's scale";
	struct sluice_decimal least = {0, INT64_MIN};

	cr_expect_str_eq(encode_decimal(sluice_decimal(1, 17, 16), 16, 32), refused);
	cr_expect_str_eq(encode_decimal(least, 16, 0), refused);
}

Test(sink_value, an_unknown_type_is_refused)
{
	struct sluice_column column = {.name = "x", .type = (enum sluice_type)99};

	cr_expect_str_eq(encode(&column, ""),
	                 "stream orders, column x: the descriptor names a type that is none");
	cr_expect_eq(slu_type_of((enum sluice_type)99).oid, 0);
}
