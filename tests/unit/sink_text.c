/* SPDX-License-Identifier: MIT */
/* sink_text.c - texts, bytea and JSON, inline and as views; UTF-8, or what is none. */
#include "tests/unit/codec.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct small {
	uint16_t size;
	char bytes[4];
};

static const struct sluice_column text = {.name = "state", .type = SLUICE_TEXT_TYPE, .size = 4};
static const struct sluice_column bytea = {.name = "raw", .type = SLUICE_BYTEA, .size = 4};
static const struct sluice_column json = {.name = "doc", .type = SLUICE_JSON, .size = 4};
static const struct sluice_column jsonb = {.name = "doc", .type = SLUICE_JSONB, .size = 4};
static const struct sluice_column view = {
	.name = "note", .type = SLUICE_TEXT_TYPE, .form = SLUICE_VIEW};

Test(sink_text, keeps_its_bytes_and_empty_is_not_null)
{
	static const struct small abc = {3, "abc"};
	static const struct small empty = {0, ""};
	static const struct small full = {4, {'a', 'b', 'c', 'd'}};
	static const struct small beyond = {5, {'a', 'b', 'c', 'd'}};
	struct small found;

	cr_expect_codes(&text, &abc, sizeof(abc), "00000003616263");
	cr_expect_codes(&text, &empty, sizeof(empty), "00000000");
	cr_expect_codes(&text, &full, sizeof(full), "0000000461626364");
	cr_expect_str_eq(
		codec_encode(&text, &beyond),
		"stream orders, column state: the text's size is larger than its capacity");
	cr_expect_str_eq(codec_decode(&text, "000000056162636465", &found),
	                 "query q, column state: the text is longer than its place in the struct");
}

Test(sink_text, bytea_takes_any_byte)
{
	static const struct small bytes = {4, {0, (char)0xff, 0, (char)0x80}};

	cr_expect_codes(&bytea, &bytes, sizeof(bytes), "0000000400ff0080");
}

Test(sink_text, an_empty_json_is_an_object)
{
	static const struct small array = {2, "[]"};
	static const struct small empty = {0, ""};
	struct small found;

	cr_expect_codes(&jsonb, &array, sizeof(array), "00000003015b5d");
	cr_expect_codes(&json, &array, sizeof(array), "000000025b5d");
	cr_expect_str_eq(codec_encode(&jsonb, &empty), "00000003017b7d");
	cr_expect_str_eq(codec_encode(&json, &empty), "000000027b7d");
	cr_expect_str_eq(
		codec_decode(&jsonb, "00000003025b5d", &found),
		"query q, column doc: the server sent a jsonb of a version that this program does "
		"not know");
	cr_expect_str_eq(
		codec_decode(&jsonb, "00000000", &found),
		"query q, column doc: the server sent a jsonb of a version that this program does "
		"not know");
}

Test(sink_text, a_view_has_any_size)
{
	static const struct sluice_view abc = {"abc", 3};
	static const struct sluice_view nothing = {NULL, 0};
	static const struct sluice_view endless = {"", SIZE_MAX};
	struct sluice_view found = {NULL, 0};

	cr_expect_str_eq(codec_encode(&view, &abc), "00000003616263");
	cr_expect_str_eq(codec_encode(&view, &nothing), "00000000");
	cr_expect_str_eq(codec_encode(&view, &endless),
	                 "stream orders, column note: the text is larger than 1 GB, the most "
	                 "Postgres takes");
	cr_expect_str_eq(codec_decode(&view, "00000003616263", &found), "");
	cr_expect_eq(found.size, 3);
	cr_expect_arr_eq(found.bytes, "abc", 3);
}

/* ---- UTF-8 ---- */

/* Whether `size` bytes are taken for UTF-8, whatever stands before them. */
static bool is_text(const char *bytes, size_t size)
{
	static const char refused[] = "stream orders, column note: the text is not UTF-8";
	char padded[32];
	bool taken = false;
	size_t before;

	for (before = 0; before < 10; before++) {
		struct sluice_view padded_view = {padded, before + size};
		const char *answer;

		memset(padded, 'x', before);
		memcpy(padded + before, bytes, size);
		answer = codec_encode(&view, &padded_view);
		cr_assert(before == 0 || taken == (strcmp(answer, refused) != 0));
		taken = strcmp(answer, refused) != 0;
	}
	return taken;
}

/* The UTF-8 of a number, whether it is a character or not. */
static size_t write_character(unsigned number, unsigned size, char *bytes)
{
	static const unsigned marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
	unsigned index;

	for (index = size; index > 1; index--, number >>= 6)
		bytes[index - 1] = (char)(0x80 | (number & 0x3f));
	bytes[0] = (char)(marks[size] | number);
	return size;
}

Test(sink_text, utf8_is_what_postgres_takes_for_it)
{
	static const unsigned ends[][3] = {
		{2, 0x80, 0x7ff}, {3, 0x800, 0xffff}, {4, 0x10000, 0x10ffff}};
	char bytes[8];
	size_t index;

	for (index = 0; index < 3; index++) {
		unsigned size = ends[index][0];

		cr_expect(is_text(bytes, write_character(ends[index][1], size, bytes)));
		cr_expect(is_text(bytes, write_character(ends[index][2], size, bytes)));
		cr_expect_not(is_text(bytes, write_character(ends[index][1] - 1, size, bytes)));
		cr_expect_not(is_text(bytes, write_character(ends[index][2], size, bytes) - 1));
		bytes[size - 1] = 'x';
		cr_expect_not(is_text(bytes, size));
	}
	cr_expect_not(is_text(bytes, write_character(0x110000, 4, bytes)));
	cr_expect(is_text(bytes, write_character(0xd7ff, 3, bytes)));
	cr_expect_not(is_text(bytes, write_character(0xd800, 3, bytes)));
	cr_expect_not(is_text(bytes, write_character(0xdfff, 3, bytes)));
	cr_expect(is_text(bytes, write_character(0xe000, 3, bytes)));
	cr_expect_not(is_text("\x80", 1));
	cr_expect_not(is_text("\xff", 1));
	cr_expect_not(is_text("\xf8\x88\x80\x80\x80", 5));
	cr_expect(is_text("\x7f", 1));
}

Test(sink_text, a_zero_byte_is_refused_wherever_it_stands)
{
	static const char refused[] =
		"stream orders, column note: the text holds a zero byte, which Postgres refuses";
	char bytes[24];
	size_t at;

	for (at = 0; at < sizeof(bytes); at++) {
		struct sluice_view bad = {bytes, sizeof(bytes)};

		memset(bytes, 'x', sizeof(bytes));
		bytes[at] = '\0';
		cr_expect_str_eq(codec_encode(&view, &bad), refused, "at %zu", at);
		bytes[at] = 1;
		cr_expect_str_neq(codec_encode(&view, &bad), refused, "at %zu", at);
	}
}
