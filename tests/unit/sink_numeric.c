/* SPDX-License-Identifier: MIT */
/* sink_numeric.c - decimals in base 10000, both ways, and what has no exact form. */
#include "tests/unit/codec.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char *encode_decimal(struct sluice_decimal decimal, uint8_t scale, uint8_t precision)
{
	struct sluice_column column = {
		.name = "price", .type = SLUICE_NUMERIC, .scale = scale, .precision = precision};
	const char *hex = codec_encode(&column, &decimal);
	struct sluice_decimal found;

	if (strspn(hex, "0123456789abcdef") == strlen(hex)) {
		cr_expect_str_eq(codec_decode(&column, hex, &found), "");
		cr_expect_arr_eq(&found, &decimal, sizeof(found), "%s comes back otherwise", hex);
	}
	return hex;
}

/* digits, weight, sign, scale, then the digits in base 10000 */
Test(sink_numeric, decimals_are_cut_at_the_point)
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

Test(sink_numeric, a_decimal_has_at_most_its_columns_digits)
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

Test(sink_numeric, the_largest_mantissas_are_whole)
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

Test(sink_numeric, the_invalid_decimal_is_refused)
{
	static const char refused[] =
		"stream orders, column price: the decimal has no exact form at "
		"the column's scale";
	struct sluice_decimal least = {0, INT64_MIN};

	cr_expect_str_eq(encode_decimal(sluice_decimal(1, 17, 16), 16, 32), refused);
	cr_expect_str_eq(encode_decimal(least, 16, 0), refused);
}

/* ---- 64 bits ---- */

static const char *encode_decimal64(int64_t decimal, uint8_t scale, uint8_t precision)
{
	struct sluice_column column = {
		.name = "price", .type = SLUICE_NUMERIC64, .scale = scale, .precision = precision};
	const char *hex = codec_encode(&column, &decimal);
	int64_t found;

	if (strspn(hex, "0123456789abcdef") == strlen(hex)) {
		cr_expect_str_eq(codec_decode(&column, hex, &found), "");
		cr_expect_eq(found, decimal, "%s comes back otherwise", hex);
	}
	return hex;
}

Test(sink_numeric, a_decimal_of_64_bits_is_the_same_number)
{
	cr_expect_str_eq(encode_decimal64(12345, 2, 18), "0000000c0002000000000002007b1194");
	cr_expect_str_eq(encode_decimal64(-1, 8, 18), "0000000a0001fffe400000080001");
	cr_expect_str_eq(encode_decimal64(0, 8, 18), "000000080000000000000008");
	cr_expect_str_eq(encode_decimal64(INT64_MAX, 0, 0),
	                 "000000120005000400000000039a0d2c0170156516af");
	cr_expect_str_eq(
		encode_decimal64(100, 0, 2),
		"stream orders, column price: the decimal has more digits than the column");
	cr_expect_str_eq(
		encode_decimal64(SLUICE_DECIMAL64_INVALID, 0, 0),
		"stream orders, column price: the decimal has no exact form at the column's "
		"scale");
	cr_expect_str_eq(encode_decimal64(INT64_MIN + 1, 0, 0),
	                 "000000120005000440000000039a0d2c0170156516af");
}

/* ---- from Postgres ---- */

struct numeric_case {
	const char *hex; /* after the size */
	int64_t mantissa;
	uint8_t scale;
	uint8_t precision;
	const char *refused;
};

#define NONE "the server sent a number that is none"
#define NO_NUMBER "the number is NaN or infinite, which no decimal is"
#define TOO_LONG "the number has more digits than its place in the struct"
#define TOO_FINE "the number has more digits after the point than its place in the struct"

static const struct numeric_case cases[] = {
	{"0000000000000000", 0, 2, 0, NULL},
	{"0000000000000010", 0, 2, 0, NULL}, /* a longer scale, no digits there */
	{"0001000000000000"
         "0001",
         100, 2, 0, NULL}, /* 1 */
	{"0002000000000002"
         "00650000",
         10100, 2, 0, NULL}, /* with a zero too many */
	{"0002000000000000"
         "00000001",
         1, 4, 0, NULL}, /* led by a zero */
	{"000200010000"
         "0000"
         "00010000",
         10000, 0, 0, NULL},
	{"0001000100000000"
         "0001",
         1000000, 2, 0, NULL}, /* 10000, its zeros unsaid */
	{"0001000440000000"
         "0399",
         -9210000000000000000, 0, 0, NULL},
	{"0001ffff00000002"
         "0064",
         1, 2, 0, NULL}, /* 0.01 */
	{"0001ffff00000004"
         "0001",
         1, 4, 0, NULL}, /* 0.0001 */
	{"0001ffff00000004"
         "0001",
         0, 3, 0, TOO_FINE},
	{"0001fffe00000008"
         "0001",
         0, 4, 0, TOO_FINE},
	{"00018000000003ff"
         "0001",
         0, 4, 0, TOO_FINE},
	{"0001800000000000"
         "0000",
         0, 4, 0, NULL}, /* a zero far behind the point */
	{"00017fff00000000"
         "0000",
         0, 4, 0, NULL}, /* and far before it */
	{"00017fff00000000"
         "0001",
         0, 4, 0, TOO_LONG},
	{"00010005000000000001", 0, 0, 0, TOO_LONG}, /* 10^20 in 64 bits */
	{"0001000000000000"
         "0064",
         0, 0, 2, TOO_LONG}, /* 100 in two digits */
	{"0001000000000000"
         "0063",
         99, 0, 2, NULL},
	{"00000000c0000000", 0, 0, 0, NO_NUMBER},
	{"00000000d0000000", 0, 0, 0, NO_NUMBER},
	{"00000000f0000000", 0, 0, 0, NO_NUMBER},
	{"0001000000000000"
         "2710",
         0, 0, 0, NONE},                     /* a digit of 10000 */
	{"0001000000000000", 0, 0, 0, NONE}, /* a digit that is not there */
	{"0000000000000000"
         "0001",
         0, 0, 0, NONE}, /* and one too many */
	{"00000000000000", 0, 0, 0, NONE},
	{"", 0, 0, 0, NONE},
};

Test(sink_numeric, what_postgres_sends_is_exact_or_refused)
{
	size_t index;

	for (index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
		const struct numeric_case *each = &cases[index];
		struct sluice_column column = {.name = "n",
		                               .type = SLUICE_NUMERIC64,
		                               .scale = each->scale,
		                               .precision = each->precision};
		char expected[128] = "";
		char hex[64];
		int64_t found = 7;

		snprintf(hex, sizeof(hex), "%08x%s", (unsigned)strlen(each->hex) / 2, each->hex);
		if (each->refused != NULL)
			snprintf(expected, sizeof(expected), "query q, column n: %s",
			         each->refused);
		cr_expect_str_eq(codec_decode(&column, hex, &found), expected, "case %zu", index);
		cr_expect_eq(found, each->refused != NULL ? 7 : each->mantissa, "case %zu", index);
	}
}

Test(sink_numeric, the_ends_of_both_widths_come_back_and_the_next_number_does_not)
{
	static const struct sluice_column narrow = {.name = "n", .type = SLUICE_NUMERIC64};
	static const struct sluice_column wide = {.name = "n", .type = SLUICE_NUMERIC};
	static const char refused[] = "query q, column n: " TOO_LONG;
	struct sluice_decimal decimal;
	int64_t small;

	/* +-(2^63 - 1), +-2^63 */
	cr_expect_str_eq(
		codec_decode(&narrow, "000000120005000400000000039a0d2c0170156516af", &small), "");
	cr_expect_eq(small, INT64_MAX);
	cr_expect_str_eq(
		codec_decode(&narrow, "000000120005000440000000039a0d2c0170156516af", &small), "");
	cr_expect_eq(small, -INT64_MAX);
	cr_expect_str_eq(
		codec_decode(&narrow, "000000120005000400000000039a0d2c0170156516b0", &small),
		refused);
	cr_expect_str_eq(
		codec_decode(&narrow, "000000120005000440000000039a0d2c0170156516b0", &small),
		refused);
	/* 2^127 - 1, 2^127, -(2^127 - 2^64), -(2^127 - 2^64 + 1) */
	cr_expect_str_eq(
		codec_decode(&wide,
	                     "0000001c000a00090000000000aa0583209a01d5090d0c601c871bf620da165f",
	                     &decimal),
		"");
	cr_expect_eq(decimal.high, INT64_MAX);
	cr_expect_eq(decimal.low, UINT64_MAX);
	cr_expect_str_eq(
		codec_decode(&wide,
	                     "0000001c000a00090000000000aa0583209a01d5090d0c601c871bf620da1660",
	                     &decimal),
		refused);
	cr_expect_str_eq(
		codec_decode(&wide,
	                     "0000001c000a00094000000000aa0583209a01d5090d052c022f19151d1f1010",
	                     &decimal),
		"");
	cr_expect_eq(decimal.high, INT64_MIN + 1);
	cr_expect_eq(decimal.low, 0);
	cr_expect_str_eq(
		codec_decode(&wide,
	                     "0000001c000a00094000000000aa0583209a01d5090d052c022f19151d1f1011",
	                     &decimal),
		refused);
}

/* ---- 64 bits, and texts: what stream.h gives to fill a record ---- */

Test(decimal64, is_the_decimal_where_that_fits_in_64_bits)
{
	cr_expect_eq(sluice_decimal64(10125, 2, 4), 1012500);
	cr_expect_eq(sluice_decimal64(-1, 0, 18), -INT64_C(1000000000000000000));
	cr_expect_eq(sluice_decimal64(INT64_MAX, 3, 3), INT64_MAX);
	cr_expect_eq(sluice_decimal64(-INT64_MAX, 0, 0), -INT64_MAX);
}

Test(decimal64, has_no_other_form)
{
	cr_expect_eq(sluice_decimal64(INT64_MAX, 0, 1), SLUICE_DECIMAL64_INVALID);
	cr_expect_eq(sluice_decimal64(-10, 0, 18), SLUICE_DECIMAL64_INVALID);
	cr_expect_eq(sluice_decimal64(1, 3, 2), SLUICE_DECIMAL64_INVALID);
}

/* Keys are compared whole: what an earlier text left behind would make two keys of one. */
Test(text, leaves_no_bytes_of_an_earlier_one)
{
	static const char zeros[6];
	SLUICE_TEXT(6) text;

	memset(&text, 0xff, sizeof(text));
	cr_assert(sluice_text_set(&text, "ab", 2));
	cr_expect_eq(text.size, 2);
	cr_expect_arr_eq(text.bytes, "ab\0\0\0\0", 6);
	cr_assert_not(sluice_text_set(&text, "abcdefg", 7));
	cr_expect_eq(text.size, 0);
	cr_expect_arr_eq(text.bytes, zeros, 6);
}
