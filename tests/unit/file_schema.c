/* SPDX-License-Identifier: MIT */
/* file_schema.c - streams written down and read back: all of a real schema, no contradiction. */
#include "core/file/schema.h"

#include "trading.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- all of it ---- */

static const char *text_of(const char *text)
{
	return text != NULL ? text : "";
}

static void assert_same_column(const struct sluice_column *is, const struct sluice_column *was)
{
	cr_assert_str_eq(is->name, was->name);
	assert_equal(is->type, was->type);
	assert_equal(is->form, was->form);
	assert_equal(is->offset, was->offset);
	assert_equal(is->size, was->size);
	assert_equal(is->scale, was->scale);
	assert_equal(is->precision, was->precision);
	assert_equal(is->present, was->present);
	assert_equal(is->present_offset, was->present_offset);
	cr_assert_str_eq(is->definition, text_of(was->definition));
	cr_assert_eq(is->labels == NULL, was->labels == NULL);
	for (size_t i = 0; was->labels != NULL && i < was->labels->label_count; i++)
		cr_assert_str_eq(is->labels->labels[i], was->labels->labels[i]);
}

static void assert_same_stream(const struct sluice_stream *is, const struct sluice_stream *was)
{
	cr_assert_str_eq(is->name, was->name);
	assert_equal(is->kind, was->kind);
	assert_equal(is->index, was->index);
	assert_equal(is->key_offset, was->key_offset);
	assert_equal(is->key_size, was->key_size);
	assert_equal(is->key_column_count, was->key_column_count);
	assert_equal(is->fingerprint, was->fingerprint);
	assert_equal(is->layout.size, was->layout.size);
	assert_equal(is->layout.column_count, was->layout.column_count);
	cr_assert_str_eq(is->table, text_of(was->table));
	cr_assert_null(is->copy_sql);
	cr_assert_null(is->write_sql);
	cr_assert_null(is->remove_sql);
	for (size_t i = 0; i < was->layout.column_count; i++)
		assert_same_column(&is->layout.columns[i], &was->layout.columns[i]);
}

static struct sluice_streams *there_and_back(const struct sluice_streams *streams)
{
	uint64_t size;
	unsigned char *bytes = slu_schema_write(streams, &size);
	struct sluice_streams *read = slu_schema_read(bytes, size);

	free(bytes);
	return read;
}

Test(file_schema, the_shipped_streams_come_back_but_for_their_sql)
{
	struct sluice_streams *read = there_and_back(&trading_streams);

	cr_assert_not_null(read);
	cr_assert_str_eq(read->name, trading_streams.name);
	assert_equal(read->schema_version, trading_streams.schema_version);
	assert_equal(read->count, trading_streams.count);
	for (size_t i = 0; i < read->count; i++)
		assert_same_stream(read->streams[i], trading_streams.streams[i]);
	free(read);
}

Test(file_schema, bytes_that_are_cut_short_are_refused_at_every_length)
{
	uint64_t size;
	unsigned char *bytes = slu_schema_write(&trading_streams, &size);

	for (uint64_t cut = 0; cut < size; cut++) {
		unsigned char *exact = malloc(cut + 1); /* so that a sanitizer sees its end */

		memcpy(exact, bytes, cut);
		cr_assert_null(slu_schema_read(exact, cut), "cut at %" PRIu64, cut);
		free(exact);
	}
	free(bytes);
}

/* What is read is then used: every text to its end, every field within its record. */
static void use(const struct sluice_streams *streams)
{
	size_t sum = strlen(streams->name);

	for (size_t s = 0; s < streams->count; s++) {
		const struct sluice_stream *stream = streams->streams[s];

		sum += strlen(stream->name) + strlen(stream->table);
		cr_assert_leq(stream->key_offset + stream->key_size, stream->layout.size);
		for (size_t c = 0; c < stream->layout.column_count; c++) {
			const struct sluice_column *column = &stream->layout.columns[c];

			sum += strlen(column->name) + strlen(column->definition);
			cr_assert_leq(column->offset + column->size, stream->layout.size);
			for (size_t l = 0; column->labels && l < column->labels->label_count; l++)
				sum += strlen(column->labels->labels[l]);
		}
	}
	cr_assert_gt(sum, 0);
}

Test(file_schema, random_bytes_are_refused_or_make_sense, .timeout = 100)
{
	const uint64_t seed = 20261122;
	struct world random = {.random = seed};
	uint64_t size;
	unsigned char *bytes = slu_schema_write(&trading_streams, &size);
	size_t refused = 0;

	for (size_t round = 0; round < 20000; round++) {
		unsigned char *changed = malloc(size);
		struct sluice_streams *read;

		memcpy(changed, bytes, size);
		for (size_t n = 1 + world_random(&random) % 3; n > 0; n--)
			changed[world_random(&random) % size] =
				(unsigned char)world_random(&random);
		read = slu_schema_read(changed, size);
		refused += read == NULL;
		if (read != NULL)
			use(read);
		free(read);
		free(changed);
	}
	cr_assert_gt(refused, 10000, "seed %" PRIu64 ": only %zu refused", seed, refused);
	free(bytes);
}

/* ---- contradictions ---- */

struct pair {
	uint64_t id;
	uint16_t size;
	char bytes[6];
	uint32_t present;
	uint32_t side;
};

static const char *const sides[] = {"Buy", "Sell"};
static const struct sluice_enum side_labels = {"side", sides, 2};

/* A stream that is sound, to be spoilt. */
static struct {
	struct sluice_column columns[3];
	struct sluice_stream stream;
	const struct sluice_stream *list[2];
	struct sluice_streams streams;
} f;

static void set_up(void)
{
	f.columns[0] = (struct sluice_column){
		.name = "id", .type = SLUICE_INT8, .size = 8, .definition = "bigint NOT NULL"};
	f.columns[1] = (struct sluice_column){.name = "note",
	                                      .type = SLUICE_TEXT_TYPE,
	                                      .offset = offsetof(struct pair, size),
	                                      .size = 6,
	                                      .present = 4,
	                                      .present_offset = offsetof(struct pair, present),
	                                      .definition = "text"};
	f.columns[2] = (struct sluice_column){.name = "side",
	                                      .type = SLUICE_ENUM,
	                                      .offset = offsetof(struct pair, side),
	                                      .size = 4,
	                                      .labels = &side_labels,
	                                      .definition = "side NOT NULL"};
	f.stream = (struct sluice_stream){
		.name = "pairs",
		.kind = SLUICE_STATE,
		.key_size = 8,
		.key_column_count = 1,
		.layout = {.columns = f.columns, .size = sizeof(struct pair), .column_count = 3},
		.table = "public.pairs",
	};
	f.list[0] = &f.stream;
	f.streams = (struct sluice_streams){.name = "pairs", .streams = f.list, .count = 1};
}

static bool is_read(void)
{
	struct sluice_streams *read = there_and_back(&f.streams);

	if (read != NULL)
		use(read);
	free(read);
	return read != NULL;
}

TestSuite(file_schema_sense, .init = set_up);

Test(file_schema_sense, a_sound_stream_is_read)
{
	cr_assert(is_read());
}

#define REFUSES(what, spoil)                       \
	Test(file_schema_sense, what##_is_refused) \
	{                                          \
		spoil;                             \
		cr_assert_not(is_read());          \
	}

/* clang-format off */
REFUSES(no_stream, f.streams.count = 0)
REFUSES(a_stream_without_a_name, f.stream.name = "")
REFUSES(a_name_of_64_bytes, f.stream.name =
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
REFUSES(a_name_that_is_not_utf8, f.columns[1].name = "n\xc3")
REFUSES(a_name_with_a_surrogate, f.columns[1].name = "\xed\xa0\x80")
REFUSES(a_name_written_too_long, f.columns[1].name = "\xc0\xaf")
REFUSES(two_streams_of_one_name, (f.list[1] = &f.stream, f.streams.count = 2))
REFUSES(an_unknown_kind, f.stream.kind = (enum sluice_kind)3)
REFUSES(a_record_of_no_bytes, f.stream.layout.size = 0)
REFUSES(a_record_beyond_the_limit, f.stream.layout.size = SLUICE_RECORD_SIZE_MAX + 1)
REFUSES(a_state_stream_without_a_key, f.stream.key_size = 0)
REFUSES(a_key_beyond_the_record, f.stream.key_offset = sizeof(struct pair) - 7)
REFUSES(a_key_without_columns, f.stream.key_column_count = 0)
REFUSES(a_key_of_more_columns_than_there_are, f.stream.key_column_count = 4)
REFUSES(a_key_column_outside_of_the_key, f.stream.key_column_count = 2)
REFUSES(an_unknown_type, f.columns[0].type = (enum sluice_type)(SLUICE_VERSION + 1))
REFUSES(no_type, f.columns[0].type = (enum sluice_type)0)
REFUSES(a_pointer_in_a_record, f.columns[1].form = SLUICE_VIEW)
REFUSES(a_size_that_is_not_its_types, f.columns[0].size = 4)
REFUSES(a_text_without_room, f.columns[1].size = 0)
REFUSES(a_text_that_ends_behind_the_record, f.columns[1].size = sizeof(struct pair) - 9)
REFUSES(a_field_behind_the_record, f.columns[2].offset = sizeof(struct pair) - 3)
REFUSES(two_bits_for_one_column, f.columns[1].present = 6)
REFUSES(a_mask_behind_the_record, f.columns[1].present_offset = sizeof(struct pair) - 3)
REFUSES(a_scale_beyond_128_bits, f.columns[0].scale = 39)
REFUSES(an_enum_without_labels, f.columns[2].labels = NULL)
REFUSES(labels_of_no_enum, f.columns[0].labels = &side_labels)
/* clang-format on */

Test(file_schema_sense, a_definition_is_as_long_as_it_need_be)
{
	char definition[20000];

	memset(definition, 'x', sizeof(definition) - 1);
	definition[sizeof(definition) - 1] = '\0';
	f.columns[2].definition = definition;
	cr_assert(is_read());
}

Test(file_schema_sense, names_of_other_alphabets_are_names)
{
	f.stream.name = "\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x9e";
	cr_assert(is_read());
}
