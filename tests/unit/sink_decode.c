/* SPDX-License-Identifier: MIT */
/*
 * sink_decode.c - a server that lies: sizes, counts and bytes that are none.
 *
 * The fuzz gives every decoder bytes of chance and values with bytes changed or cut off, each in
 * memory of its own size: run with a sanitizer, it shows whoever reads or writes beyond.
 */
#include "tests/unit/codec.h"

#include "sink/pg_arena.h"
#include "sink/pg_decode.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- sizes ---- */

Test(sink_decode, a_value_of_another_size_is_refused)
{
	static const struct {
		enum sluice_type type;
		size_t size;
	} sizes[] = {
		{SLUICE_BOOL, 1},  {SLUICE_INT2, 2},      {SLUICE_INT4, 4},
		{SLUICE_INT8, 8},  {SLUICE_FLOAT4, 4},    {SLUICE_FLOAT8, 8},
		{SLUICE_UUID, 16}, {SLUICE_TIMESTAMP, 8}, {SLUICE_TIMESTAMPTZ, 8},
		{SLUICE_DATE, 4},  {SLUICE_TIME, 8},      {SLUICE_INTERVAL, 16},
	};
	size_t index;

	for (index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
		struct sluice_column column = {.name = "a", .type = sizes[index].type};
		size_t size;

		for (size = 0; size <= 20; size++) {
			char hex[64];
			char object[16];
			const char *answer;

			snprintf(hex, sizeof(hex), "%08zx%0*d", size, (int)(2 * size), 0);
			hex[8 + 2 * size] = '\0';
			answer = codec_decode(&column, hex, object);
			cr_expect_eq(*answer == '\0', size == sizes[index].size,
			             "type %d, %zu bytes: %s", (int)column.type, size, answer);
		}
	}
}

/* ---- arrays ---- */

Test(sink_decode, an_array_that_is_none_is_refused)
{
	static const char none[] = "query q, column a: the server sent an array that is none";
	static const char *const cases[] = {
		"00000000",
		"0000000b0000000000000000000000",       /* no element type */
		"0000000e0000000000000000000000170000", /* more than an empty one */
		"00000010000000010000000000000017"
		"00000001", /* no lower bound */
		"00000014000000010000000000000017"
		"0000000000000001", /* one dimension of none */
		"00000014000000010000000000000017"
		"0000000100000001", /* element not there */
		"00000014000000010000000000000017"
		"ffffffff00000001", /* 4 thousand million */
		"0000001800000001000000000000001700000002"
		"00000001ffffffff", /* one of two */
		"0000001c0000000100000000000000170000000100000001"
		"00000005"
		"00000001",
		"0000001c0000000100000000000000170000000100000001"
		"ffffffff"
		"ffffffff",
	};
	static const struct sluice_column column = {
		.name = "a", .type = SLUICE_INT4, .form = SLUICE_ITEMS};
	SLUICE_ARRAY(int32_t) array;
	size_t index;

	for (index = 0; index < sizeof(cases) / sizeof(cases[0]); index++)
		cr_expect_str_eq(codec_decode(&column, cases[index], &array), none, "%s",
		                 cases[index]);
}

Test(sink_decode, an_array_of_two_dimensions_is_refused)
{
	static const struct sluice_column column = {
		.name = "a", .type = SLUICE_INT4, .form = SLUICE_ITEMS};
	SLUICE_ARRAY(int32_t) array;

	cr_expect_str_eq(
		codec_decode(
			&column,
			"00000024000000020000000000000017000000010000000100000001000000010000000400"
			"000001",
			&array),
		"query q, column a: the array has more than one dimension, and the struct has one");
}

Test(sink_decode, an_element_of_another_size_is_refused)
{
	static const struct sluice_column column = {
		.name = "a", .type = SLUICE_INT4, .form = SLUICE_ITEMS};
	SLUICE_ARRAY(int32_t) array;

	cr_expect_str_eq(
		codec_decode(&column,
	                     "0000001a0000000100000000000000170000000100000001000000020001",
	                     &array),
		"query q, column a: the server sent a value of another size");
}

/* ---- arena ---- */

Test(sink_decode, an_arena_gives_zeroed_memory_that_does_not_move)
{
	void *arena = NULL;
	unsigned char *first = slu_arena_take(&arena, 1);
	unsigned char *big = slu_arena_take(&arena, 100000);
	unsigned char *second = slu_arena_take(&arena, 8000);
	size_t index;

	cr_assert(first != NULL && big != NULL && second != NULL);
	cr_expect_eq((uintptr_t)second % _Alignof(max_align_t), 0);
	memset(first, 0xff, 1);
	memset(big, 0xff, 100000);
	for (index = 0; index < 8000; index++)
		cr_assert_eq(second[index], 0);
	cr_expect_null(slu_arena_take(&arena, SIZE_MAX));
	slu_arena_free(&arena);
	cr_expect_null(arena);
	slu_arena_free(&arena);
}

/* ---- fuzz ---- */

enum { ROUNDS = 200000, OBJECT_SIZE = 64, BYTES_MAX = 96 };

static uint64_t random_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Small numbers are what sizes and counts are made of. */
static unsigned char random_byte(uint64_t *state)
{
	uint64_t number = random_number(state);

	if (number % 4 == 0)
		return (unsigned char)(number >> 8);
	return number % 4 == 1 ? 0xff : (unsigned char)(number >> 8) % 5;
}

/* An array of one or two elements, or what was made of one. */
static size_t random_array(uint64_t *state, unsigned char *bytes)
{
	size_t size = 20;
	size_t count = 1 + random_number(state) % 2;
	size_t index;

	memset(bytes, 0, 20);
	bytes[3] = 1;
	bytes[15] = (unsigned char)count;
	for (index = 0; index < count; index++) {
		size_t element = random_number(state) % 20;

		memset(bytes + size, 0, 4 + element);
		bytes[size + 3] = (unsigned char)element;
		size += 4 + element;
	}
	while (random_number(state) % 3 > 0)
		bytes[random_number(state) % size] = random_byte(state);
	return random_number(state) % 4 == 0 ? random_number(state) % size : size;
}

static void fuzz(const struct sluice_column *column, uint64_t *state)
{
	static const struct slu_subject subject = {"query", "q", "column"};
	unsigned char bytes[BYTES_MAX];
	size_t size = random_number(state) % 40;
	unsigned char *object = calloc(1, OBJECT_SIZE);
	unsigned char *sent;
	struct sluice_error error;
	void *arena = NULL;
	size_t index;

	for (index = 0; index < size; index++)
		bytes[index] = random_byte(state);
	if (column->form == SLUICE_ITEMS && random_number(state) % 4 > 0)
		size = random_array(state, bytes);
	sent = malloc(size > 0 ? size : 1);
	cr_assert(object != NULL && sent != NULL);
	memcpy(sent, bytes, size);
	(void)slu_value_get(object, &subject, column, sent, size, &arena, &error);
	free(sent);
	free(object);
	slu_arena_free(&arena);
}

Test(sink_decode, bytes_of_chance_do_no_harm)
{
	static const char *const labels[] = {"", "a"};
	static const struct sluice_enum labelled = {"e", labels, 2};
	uint64_t seed = (uint64_t)time(NULL);
	uint64_t state = seed | 1;
	unsigned round;

	fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
	for (round = 0; round < ROUNDS; round++) {
		struct sluice_column column = {
			.name = "a",
			.type = (enum sluice_type)(1 + round % SLUICE_VERSION),
			.scale = (uint8_t)(random_number(&state) % 40),
			.precision = (uint8_t)(random_number(&state) % 40),
			.labels = &labelled,
			.size = 8,
			.present = 1,
			.present_offset = OBJECT_SIZE - 4};

		column.form = random_number(&state) % 2 == 0 ? SLUICE_ITEMS : SLUICE_INLINE;
		if (column.form == SLUICE_INLINE && slu_type_is_text(column.type) &&
		    random_number(&state) % 2 == 0)
			column.form = SLUICE_VIEW;
		fuzz(&column, &state);
	}
}
