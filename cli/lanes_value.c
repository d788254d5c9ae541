/* SPDX-License-Identifier: MIT */
/* lanes_value.c - fields are copied out before they are looked at, and none is believed. */
#include "cli/lanes_value.h"

#include "cli/lanes_words.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_US INT64_C(86400000000)

static json_t *unreadable(const char *why)
{
	return json_pack("{s:s}", "unreadable", why);
}

/* ---- numbers ---- */

#define DEFINE_LOAD(name, type)                       \
	static type name(const unsigned char *field)  \
	{                                             \
		type value;                           \
                                                      \
		memcpy(&value, field, sizeof(value)); \
		return value;                         \
	}

DEFINE_LOAD(load_int16, int16_t)
DEFINE_LOAD(load_int32, int32_t)
DEFINE_LOAD(load_int64, int64_t)
DEFINE_LOAD(load_float, float)
DEFINE_LOAD(load_double, double)

static json_t *decimal(const struct sluice_column *column, const unsigned char *field)
{
	struct sluice_decimal value;
	char words[SLU_WORDS_SIZE];
	bool valid;

	if (column->type == SLUICE_NUMERIC64) {
		value.low = (uint64_t)load_int64(field);
		value.high = load_int64(field) < 0 ? -1 : 0;
		valid = load_int64(field) != SLUICE_DECIMAL64_INVALID;
	} else {
		memcpy(&value, field, sizeof(value));
		valid = value.high != SLUICE_DECIMAL_INVALID_HIGH;
	}
	if (!valid)
		return unreadable("the decimal is invalid: it had no exact form when it was made");
	if (column->scale > SLU_WORDS_SCALE_MAX)
		return unreadable("the file names a scale that no decimal has");
	slu_words_decimal(words, value, column->scale);
	return json_string(words);
}

/* ---- texts ---- */

/* \x and two digits a byte. To be freed; NULL when memory is short. */
static char *hex_of(const char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = malloc(2 * size + 3);

	if (hex == NULL)
		return NULL;
	strcpy(hex, "\\x");
	for (size_t i = 0; i < size; i++) {
		hex[2 * i + 2] = digits[(unsigned char)bytes[i] >> 4];
		hex[2 * i + 3] = digits[(unsigned char)bytes[i] & 15];
	}
	hex[2 * size + 2] = '\0';
	return hex;
}

static json_t *text(const struct sluice_column *column, const unsigned char *field)
{
	const char *bytes = (const char *)field + sizeof(uint16_t);
	uint16_t size = (uint16_t)load_int16(field);
	json_t *value = NULL;
	char *hex;

	if (size > column->size)
		return unreadable("the text is longer than its field");
	/* What an empty one is written as: stream.h. */
	if (size == 0 && (column->type == SLUICE_JSON || column->type == SLUICE_JSONB))
		return json_string("{}");
	if (column->type != SLUICE_BYTEA)
		value = json_stringn(bytes, size);
	if (value != NULL)
		return value;
	hex = hex_of(bytes, size);
	if (hex == NULL)
		return NULL;
	value = column->type == SLUICE_BYTEA ? json_string(hex)
	                                     : json_pack("{s:s,s:s}", "unreadable",
	                                                 "the text is not UTF-8", "bytes", hex);
	free(hex);
	return value;
}

/* ---- the others ---- */

static json_t *label(const struct sluice_column *column, const unsigned char *field)
{
	uint32_t value = (uint32_t)load_int32(field);

	if (column->labels == NULL || value == 0 || value > column->labels->label_count)
		return unreadable("the enum's value has no label");
	return json_string(column->labels->labels[value - 1]);
}

static json_t *time_of_day(const unsigned char *field)
{
	char words[SLU_WORDS_SIZE];
	int64_t us = load_int64(field);

	if (us < 0 || us > DAY_US)
		return unreadable("the time is not between 00:00 and 24:00");
	slu_words_time(words, us);
	return json_string(words);
}

static json_t *address(const unsigned char *field)
{
	struct sluice_inet inet;
	char words[SLU_WORDS_SIZE];

	memcpy(&inet, field, sizeof(inet));
	if ((inet.family != 4 && inet.family != 6) || inet.bits > (inet.family == 4 ? 32 : 128))
		return unreadable("the address has no such family, or no such prefix");
	slu_words_inet(words, &inet);
	return json_string(words);
}

/* Of a fixed size, and any bytes are a value. */
static json_t *plain(const struct sluice_column *column, const unsigned char *field)
{
	char words[SLU_WORDS_SIZE];
	struct sluice_interval interval;
	struct sluice_uuid uuid;

	switch (column->type) {
	case SLUICE_FLOAT4:
		slu_words_float4(words, load_float(field));
		break;
	case SLUICE_FLOAT8:
		slu_words_float8(words, load_double(field));
		break;
	case SLUICE_UUID:
		memcpy(&uuid, field, sizeof(uuid));
		slu_words_uuid(words, &uuid);
		break;
	case SLUICE_TIMESTAMPTZ:
		slu_words_timestamptz(words, load_int64(field));
		break;
	case SLUICE_TIMESTAMP:
		slu_words_timestamp(words, load_int64(field));
		break;
	case SLUICE_DATE:
		slu_words_date(words, load_int32(field));
		break;
	case SLUICE_INTERVAL:
		memcpy(&interval, field, sizeof(interval));
		slu_words_interval(words, &interval);
		break;
	default:
		return unreadable("the file names a type that is none");
	}
	return json_string(words);
}

static json_t *present(const struct sluice_column *column, const unsigned char *field)
{
	switch (column->type) {
	case SLUICE_BOOL:
		return json_boolean(*field != 0);
	case SLUICE_INT2:
		return json_integer(load_int16(field));
	case SLUICE_INT4:
		return json_integer(load_int32(field));
	case SLUICE_INT8:
		return json_integer(load_int64(field));
	case SLUICE_NUMERIC64:
	case SLUICE_NUMERIC:
		return decimal(column, field);
	case SLUICE_TEXT_TYPE:
	case SLUICE_BYTEA:
	case SLUICE_JSON:
	case SLUICE_JSONB:
		return text(column, field);
	case SLUICE_ENUM:
		return label(column, field);
	case SLUICE_TIME:
		return time_of_day(field);
	case SLUICE_INET:
		return address(field);
	default:
		return plain(column, field);
	}
}

json_t *slu_lanes_value(const struct sluice_column *column, const unsigned char *record,
                        uint64_t version)
{
	uint32_t mask = 0;

	if (column->type == SLUICE_VERSION)
		return json_integer((json_int_t)version);
	if (column->present != 0)
		memcpy(&mask, record + column->present_offset, sizeof(mask));
	if ((mask & column->present) != column->present)
		return json_null();
	return present(column, record + column->offset);
}

json_t *slu_lanes_columns(const struct sluice_stream *stream, const unsigned char *record,
                          uint64_t version, bool removed)
{
	size_t count = removed ? stream->key_column_count : stream->layout.column_count;
	json_t *columns = json_object();

	for (size_t i = 0; i < count; i++) {
		const struct sluice_column *column = &stream->layout.columns[i];

		if (json_object_set_new(columns, column->name,
		                        slu_lanes_value(column, record, version)) == 0)
			continue;
		json_decref(columns);
		return NULL;
	}
	return columns;
}
