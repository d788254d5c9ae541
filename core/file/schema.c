/* SPDX-License-Identifier: MIT */
/*
 * schema.c - one description, walked in one order by the writer and by the reader.
 *
 * Numbers take 8 bytes, texts their size and their bytes. The reader checks every bound, and builds
 * the set out of an arena as large as it can ever become: no field takes more memory than twice the
 * bytes that tell it, plus its struct.
 */
#include "core/file/schema.h"

#include <stdlib.h>
#include <string.h>

#define NAME_SIZE_MAX 63   /* of anything in Postgres */
#define TABLE_SIZE_MAX 300 /* two names, quoted */
#define COLUMNS_MAX 1600   /* as many as a table can have */

/* ---- writing ---- */

struct writer {
	unsigned char *bytes; /* NULL: only count */
	size_t size;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
	if (writer->bytes != NULL)
		memcpy(writer->bytes + writer->size, bytes, size);
	writer->size += size;
}

static void put_number(struct writer *writer, uint64_t number)
{
	put(writer, &number, sizeof(number));
}

static void put_text(struct writer *writer, const char *text)
{
	size_t size = text != NULL ? strlen(text) : 0;

	put_number(writer, size);
	put(writer, text != NULL ? text : "", size);
}

static void put_labels(struct writer *writer, const struct sluice_enum *labels)
{
	put_number(writer, labels != NULL ? labels->label_count : 0);
	if (labels == NULL)
		return;
	put_text(writer, labels->name);
	for (size_t i = 0; i < labels->label_count; i++)
		put_text(writer, labels->labels[i]);
}

static void put_column(struct writer *writer, const struct sluice_column *column)
{
	put_text(writer, column->name);
	put_number(writer, column->type);
	put_number(writer, column->form);
	put_number(writer, column->offset);
	put_number(writer, column->size);
	put_number(writer, column->scale);
	put_number(writer, column->precision);
	put_number(writer, column->present);
	put_number(writer, column->present_offset);
	put_labels(writer, column->labels);
	put_text(writer, column->definition);
}

static void put_stream(struct writer *writer, const struct sluice_stream *stream)
{
	put_text(writer, stream->name);
	put_number(writer, stream->kind);
	put_number(writer, stream->key_offset);
	put_number(writer, stream->key_size);
	put_number(writer, stream->key_column_count);
	put_number(writer, stream->fingerprint);
	put_text(writer, stream->table);
	put_number(writer, stream->layout.size);
	put_number(writer, stream->layout.column_count);
	for (size_t i = 0; i < stream->layout.column_count; i++)
		put_column(writer, &stream->layout.columns[i]);
}

static void put_streams(struct writer *writer, const struct sluice_streams *streams)
{
	put_text(writer, streams->name);
	put_number(writer, (uint64_t)streams->schema_version);
	put_number(writer, streams->count);
	for (size_t i = 0; i < streams->count; i++)
		put_stream(writer, streams->streams[i]);
}

unsigned char *slu_schema_write(const struct sluice_streams *streams, uint64_t *size)
{
	struct writer writer = {0};

	put_streams(&writer, streams);
	*size = writer.size;
	writer = (struct writer){.bytes = malloc(writer.size)};
	if (writer.bytes != NULL)
		put_streams(&writer, streams);
	return writer.bytes;
}

/* ---- reading ---- */

struct reader {
	const unsigned char *bytes;
	size_t left;
	bool bad;
	unsigned char *arena;
	size_t arena_left;
};

static void *take(struct reader *reader, size_t size)
{
	void *taken = reader->arena;

	size = (size + 15) / 16 * 16;
	if (size > reader->arena_left) {
		reader->bad = true;
		return NULL;
	}
	reader->arena += size;
	reader->arena_left -= size;
	return taken;
}

static uint64_t get_number(struct reader *reader, uint64_t max)
{
	uint64_t number = 0;

	if (reader->left < sizeof(number)) {
		reader->bad = true;
		return 0;
	}
	memcpy(&number, reader->bytes, sizeof(number));
	reader->bytes += sizeof(number);
	reader->left -= sizeof(number);
	if (number > max) {
		reader->bad = true;
		return 0;
	}
	return number;
}

/* The bytes of the character that begins here; 0 when none does. `low` to `high`: what the second
 * may be, so that nothing is written longer than it need be, and no surrogate. */
static size_t character_size(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static bool is_utf8(const unsigned char *text)
{
	while (*text != '\0') {
		unsigned char low, high;
		size_t size = character_size(*text++, &low, &high);

		if (size == 0)
			return false;
		for (; size > 1; size--) { /* the terminator is below all of them */
			if (*text < low || *text > high)
				return false;
			low = 0x80;
			high = 0xbf;
			text++;
		}
	}
	return true;
}

static const char *bad_text(struct reader *reader)
{
	reader->bad = true;
	return "";
}

static const char *get_text(struct reader *reader, size_t max)
{
	size_t size = get_number(reader, max);
	char *text;

	if (reader->bad || size > reader->left || memchr(reader->bytes, '\0', size) != NULL)
		return bad_text(reader);
	text = take(reader, size + 1);
	if (text == NULL)
		return bad_text(reader);
	memcpy(text, reader->bytes, size);
	text[size] = '\0';
	reader->bytes += size;
	reader->left -= size;
	return is_utf8((const unsigned char *)text) ? text : bad_text(reader);
}

static const char *get_name(struct reader *reader)
{
	const char *name = get_text(reader, NAME_SIZE_MAX);

	return name[0] != '\0' ? name : bad_text(reader);
}

static const struct sluice_enum *get_labels(struct reader *reader)
{
	uint64_t count = get_number(reader, UINT16_MAX);
	struct sluice_enum *labels;
	const char **texts;

	if (count == 0 || reader->bad)
		return NULL;
	labels = take(reader, sizeof(*labels));
	texts = take(reader, count * sizeof(*texts));
	if (labels == NULL || texts == NULL)
		return NULL;
	*labels = (struct sluice_enum){
		.name = get_name(reader), .labels = texts, .label_count = (uint16_t)count};
	for (uint64_t i = 0; i < count; i++)
		texts[i] = get_text(reader, NAME_SIZE_MAX);
	return labels;
}

/* The field's bytes in the record; 0 when the column's size is not one of its type. */
static size_t field_size(const struct sluice_column *column)
{
	static const uint8_t sizes[] = {
		[SLUICE_BOOL] = 1,        [SLUICE_INT2] = 2,      [SLUICE_INT4] = 4,
		[SLUICE_INT8] = 8,        [SLUICE_FLOAT4] = 4,    [SLUICE_FLOAT8] = 8,
		[SLUICE_NUMERIC64] = 8,   [SLUICE_NUMERIC] = 16,  [SLUICE_UUID] = 16,
		[SLUICE_TIMESTAMPTZ] = 8, [SLUICE_TIMESTAMP] = 8, [SLUICE_DATE] = 4,
		[SLUICE_TIME] = 8,        [SLUICE_INTERVAL] = 16, [SLUICE_INET] = 18,
		[SLUICE_ENUM] = 4,        [SLUICE_VERSION] = 0,
	};

	switch (column->type) {
	case SLUICE_TEXT_TYPE:
	case SLUICE_BYTEA:
	case SLUICE_JSON:
	case SLUICE_JSONB:
		return column->size > 0 && column->size <= SLUICE_TEXT_SIZE_MAX
		               ? sizeof(uint16_t) + column->size
		               : 0;
	default:
		return sizes[column->type] == column->size ? column->size : 0;
	}
}

/* Whoever reads the field, or the bit that says whether it is there, stays within the record. */
static bool column_fits(const struct sluice_column *column, uint64_t record_size)
{
	bool bit_fits = column->present == 0 ||
	                ((column->present & (column->present - 1)) == 0 &&
	                 column->present_offset + sizeof(uint32_t) <= record_size);
	size_t size;

	if (column->type == SLUICE_VERSION)
		return column->size == 0 && column->present == 0;
	size = field_size(column);
	return bit_fits && size > 0 && column->offset + size <= record_size &&
	       (column->type == SLUICE_ENUM) == (column->labels != NULL);
}

static void get_column(struct reader *reader, struct sluice_column *column, uint64_t record_size)
{
	column->name = get_name(reader);
	column->type = (enum sluice_type)get_number(reader, SLUICE_VERSION);
	column->form = (enum sluice_form)get_number(reader, SLUICE_INLINE);
	column->offset = (uint32_t)get_number(reader, record_size);
	column->size = (uint16_t)get_number(reader, UINT16_MAX);
	column->scale = (uint8_t)get_number(reader, 38);
	column->precision = (uint8_t)get_number(reader, UINT8_MAX);
	column->present = (uint32_t)get_number(reader, UINT32_MAX);
	column->present_offset = (uint32_t)get_number(reader, record_size);
	column->labels = get_labels(reader);
	column->definition = get_text(reader, SIZE_MAX); /* an enum's names all its labels */
	reader->bad |= column->type == 0 || !column_fits(column, record_size);
}

/* A key is compared as bytes, and written as its columns: they must be the same. A stream without
 * columns has only bytes. */
static bool key_fits(const struct sluice_stream *stream)
{
	uint32_t end = (uint32_t)stream->key_offset + stream->key_size;

	if (stream->key_column_count > stream->layout.column_count || end > stream->layout.size ||
	    (stream->kind == SLUICE_STATE && stream->key_size == 0) ||
	    (stream->kind == SLUICE_STATE && stream->layout.column_count > 0 &&
	     stream->key_column_count == 0))
		return false;
	for (size_t i = 0; i < stream->key_column_count; i++) {
		const struct sluice_column *column = &stream->layout.columns[i];

		if (field_size(column) == 0 || column->offset < stream->key_offset ||
		    column->offset + field_size(column) > end)
			return false;
	}
	return true;
}

static void get_columns(struct reader *reader, struct sluice_layout *layout)
{
	struct sluice_column *columns = take(reader, layout->column_count * sizeof(*columns));

	for (size_t i = 0; i < layout->column_count && !reader->bad; i++)
		get_column(reader, &columns[i], layout->size);
	layout->columns = columns;
}

static void get_stream(struct reader *reader, struct sluice_stream *stream)
{
	stream->name = get_name(reader);
	stream->kind = (enum sluice_kind)get_number(reader, SLUICE_STATE);
	stream->key_offset = (uint16_t)get_number(reader, SLUICE_RECORD_SIZE_MAX);
	stream->key_size = (uint16_t)get_number(reader, SLUICE_KEY_SIZE_MAX);
	stream->key_column_count = (uint16_t)get_number(reader, COLUMNS_MAX);
	stream->fingerprint = get_number(reader, UINT64_MAX);
	stream->table = get_text(reader, TABLE_SIZE_MAX);
	stream->layout.size = (uint32_t)get_number(reader, SLUICE_RECORD_SIZE_MAX);
	stream->layout.column_count = (uint16_t)get_number(reader, COLUMNS_MAX);
	if (!reader->bad)
		get_columns(reader, &stream->layout);
	if (!reader->bad)
		reader->bad = stream->kind == 0 || stream->layout.size == 0 || !key_fits(stream);
}

static bool has_name(const struct sluice_stream *const *streams, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(streams[i]->name, name) == 0)
			return true;
	return false;
}

static void get_streams(struct reader *reader, struct sluice_streams *streams)
{
	const struct sluice_stream **list;

	streams->name = get_text(reader, NAME_SIZE_MAX);
	streams->schema_version = (int64_t)get_number(reader, INT64_MAX);
	streams->count = get_number(reader, SLUICE_STREAMS_MAX);
	list = take(reader, (streams->count + 1) * sizeof(*list));
	for (size_t i = 0; i < streams->count && !reader->bad; i++) {
		struct sluice_stream *stream = take(reader, sizeof(*stream));

		if (stream == NULL)
			return;
		stream->index = (uint16_t)i;
		get_stream(reader, stream);
		reader->bad |= has_name(list, i, stream->name);
		list[i] = stream;
	}
	streams->streams = list;
	reader->bad |= streams->count == 0 || reader->left > 0;
}

struct sluice_streams *slu_schema_read(const unsigned char *bytes, size_t size)
{
	size_t arena_size = 4096 + 8 * size;
	struct sluice_streams *streams = calloc(1, sizeof(*streams) + 16 + arena_size);
	struct reader reader = {.bytes = bytes, .left = size, .arena_left = arena_size};

	if (streams == NULL)
		return NULL;
	reader.arena = (unsigned char *)streams + (sizeof(*streams) + 15) / 16 * 16;
	get_streams(&reader, streams);
	if (!reader.bad)
		return streams;
	free(streams);
	return NULL;
}
