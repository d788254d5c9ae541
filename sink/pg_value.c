/* SPDX-License-Identifier: MIT */
/*
 * pg_value.c - encoders, one a type.
 *
 * Fields are copied out before they are looked at: a record may stand anywhere in a lane. A value
 * that Postgres would round, cut or refuse is refused here, before a transaction is spent on it.
 */
#include "sink/pg_value.h"

__extension__ typedef unsigned __int128 uint128;

#define US_1970_TO_2000 INT64_C(946684800000000)
/* 4714-11-24 00:00 BC, the first time Postgres knows. Its last one lies beyond what int64_t
 * microseconds since 1970 can say. */
#define TIMESTAMP_US_MIN (INT64_C(-211813488000000000) + US_1970_TO_2000)

enum {
	JSONB_VERSION = 1,
	NUMERIC_POSITIVE = 0x0000,
	NUMERIC_NEGATIVE = 0x4000,
	NUMERIC_BASE = 10000,
	NUMERIC_BASE_DIGITS = 4,
	NUMERIC_GROUPS_MAX = 12, /* 39 decimal digits, cut into fours at the point */
	INT128_DIGITS = 39,
};

struct slu_type slu_type_of(enum sluice_type type)
{
	static const struct slu_type types[] = {
		[SLUICE_INT4] = {23, 1007},          [SLUICE_INT8] = {20, 1016},
		[SLUICE_UUID] = {2950, 2951},        [SLUICE_TEXT_TYPE] = {25, 1009},
		[SLUICE_JSONB] = {3802, 3807},       [SLUICE_NUMERIC] = {1700, 1231},
		[SLUICE_TIMESTAMPTZ] = {1184, 1185}, [SLUICE_VERSION] = {20, 1016},
	};
	static const struct slu_type none = {0, 0};

	return (size_t)type < sizeof(types) / sizeof(types[0]) ? types[type] : none;
}

static enum sluice_status refuse(const struct sluice_stream *stream,
                                 const struct sluice_column *column, const char *why,
                                 struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID, "stream %s, column %s: %s", stream->name,
	                        column->name, why);
}

static void put_int8(struct slu_buffer *buffer, int64_t value)
{
	slu_buffer_put_be32(buffer, sizeof(value));
	slu_buffer_put_be64(buffer, (uint64_t)value);
}

static uint128 power_of_ten(unsigned exponent)
{
	uint128 power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* Cuts `mantissa` into base-10000 digits, least significant first, so that one ends at the decimal
 * point: the fraction's last digit is filled up with zeros. Returns how many.
 * Divides 128 bits only while the rest needs them: such a division costs as much as ten of 64. */
static unsigned split(uint128 mantissa, unsigned scale, uint16_t groups[NUMERIC_GROUPS_MAX])
{
	static const uint16_t powers[] = {1, 10, 100, 1000};
	const uint64_t four_groups = UINT64_C(10000000000000000);
	unsigned odd = scale % NUMERIC_BASE_DIGITS;
	unsigned count = 0;
	uint64_t rest;

	if (odd > 0) {
		groups[count++] = (uint16_t)((unsigned)(mantissa % powers[odd]) *
		                             powers[NUMERIC_BASE_DIGITS - odd]);
		mantissa /= powers[odd];
	}
	while (mantissa > UINT64_MAX) {
		uint64_t low = (uint64_t)(mantissa % four_groups);
		unsigned group;

		for (group = 0; group < 4; group++, low /= NUMERIC_BASE)
			groups[count++] = (uint16_t)(low % NUMERIC_BASE);
		mantissa /= four_groups;
	}
	for (rest = (uint64_t)mantissa; rest > 0; rest /= NUMERIC_BASE)
		groups[count++] = (uint16_t)(rest % NUMERIC_BASE);
	return count;
}

static void put_numeric_parts(struct slu_buffer *buffer, bool negative, unsigned scale,
                              const uint16_t *groups, unsigned count)
{
	unsigned fraction = (scale + NUMERIC_BASE_DIGITS - 1) / NUMERIC_BASE_DIGITS;
	unsigned zeros = 0;
	unsigned group;
	int weight;

	while (zeros < count && groups[zeros] == 0)
		zeros++;
	weight = zeros < count ? (int)count - 1 - (int)fraction : 0;
	slu_buffer_put_be32(buffer, 8 + 2 * (count - zeros));
	slu_buffer_put_be16(buffer, (uint16_t)(count - zeros));
	slu_buffer_put_be16(buffer, (uint16_t)weight);
	slu_buffer_put_be16(buffer, negative ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE);
	slu_buffer_put_be16(buffer, (uint16_t)scale);
	for (group = count; group > zeros; group--)
		slu_buffer_put_be16(buffer, groups[group - 1]);
}

static enum sluice_status put_numeric(struct slu_buffer *buffer, const struct sluice_stream *stream,
                                      const struct sluice_column *column, const void *field,
                                      struct sluice_error *error)
{
	uint16_t groups[NUMERIC_GROUPS_MAX];
	struct sluice_decimal decimal;
	uint128 mantissa;
	bool negative;
	unsigned count;

	memcpy(&decimal, field, sizeof(decimal));
	if (decimal.high == SLUICE_DECIMAL_INVALID_HIGH)
		return refuse(stream, column, "the decimal has no exact form at the column's scale",
		              error);
	mantissa = (uint128)(uint64_t)decimal.high << 64 | decimal.low;
	negative = decimal.high < 0;
	if (negative)
		mantissa = 0 - mantissa;
	if (column->precision > 0 && column->precision < INT128_DIGITS &&
	    mantissa >= power_of_ten(column->precision))
		return refuse(stream, column, "the decimal has more digits than the column", error);
	count = split(mantissa, column->scale, groups);
	put_numeric_parts(buffer, negative, column->scale, groups, count);
	return SLUICE_OK;
}

static enum sluice_status put_timestamptz(struct slu_buffer *buffer,
                                          const struct sluice_stream *stream,
                                          const struct sluice_column *column, const void *field,
                                          struct sluice_error *error)
{
	int64_t us;

	memcpy(&us, field, sizeof(us));
	if (us < TIMESTAMP_US_MIN)
		return refuse(stream, column, "the time lies before 4714 BC, Postgres's first",
		              error);
	put_int8(buffer, us - US_1970_TO_2000);
	return SLUICE_OK;
}

static enum sluice_status put_text(struct slu_buffer *buffer, const struct sluice_stream *stream,
                                   const struct sluice_column *column, const unsigned char *field,
                                   struct sluice_error *error)
{
	uint8_t size = field[0];

	if (size > column->size)
		return refuse(stream, column, "the text's size is larger than its capacity", error);
	if (column->type == SLUICE_JSONB) {
		static const unsigned char version = JSONB_VERSION;
		const void *json = size > 0 ? (const void *)(field + 1) : "{}";

		slu_buffer_put_be32(buffer, 1u + (size > 0 ? size : 2u));
		slu_buffer_put(buffer, &version, sizeof(version));
		slu_buffer_put(buffer, json, size > 0 ? size : 2u);
	} else {
		slu_buffer_put_be32(buffer, size);
		slu_buffer_put(buffer, field + 1, size);
	}
	return SLUICE_OK;
}

static bool is_null(const struct sluice_stream *stream, const struct sluice_column *column,
                    const unsigned char *record)
{
	uint32_t present;

	if (column->present == 0)
		return false;
	memcpy(&present, record + stream->present_offset, sizeof(present));
	return (present & column->present) == 0;
}

static void put_int4(struct slu_buffer *buffer, const void *field)
{
	uint32_t value;

	memcpy(&value, field, sizeof(value));
	slu_buffer_put_be32(buffer, sizeof(value));
	slu_buffer_put_be32(buffer, value);
}

enum sluice_status slu_value_put(struct slu_buffer *buffer, const struct sluice_stream *stream,
                                 const struct sluice_column *column, const struct sluice_row *row,
                                 struct sluice_error *error)
{
	const unsigned char *record = row->record;
	const unsigned char *field = record + column->offset;
	int64_t value;

	if (is_null(stream, column, record)) {
		slu_buffer_put_be32(buffer, UINT32_MAX);
		return SLUICE_OK;
	}
	switch (column->type) {
	case SLUICE_INT4:
		put_int4(buffer, field);
		return SLUICE_OK;
	case SLUICE_INT8:
		memcpy(&value, field, sizeof(value));
		put_int8(buffer, value);
		return SLUICE_OK;
	case SLUICE_UUID:
		slu_buffer_put_be32(buffer, sizeof(struct sluice_uuid));
		slu_buffer_put(buffer, field, sizeof(struct sluice_uuid));
		return SLUICE_OK;
	case SLUICE_TEXT_TYPE:
	case SLUICE_JSONB:
		return put_text(buffer, stream, column, field, error);
	case SLUICE_NUMERIC:
		return put_numeric(buffer, stream, column, field, error);
	case SLUICE_TIMESTAMPTZ:
		return put_timestamptz(buffer, stream, column, field, error);
	case SLUICE_VERSION:
		if (row->version > INT64_MAX)
			return refuse(stream, column, "the version leaves bigint", error);
		put_int8(buffer, (int64_t)row->version);
		return SLUICE_OK;
	}
	return refuse(stream, column, "the descriptor names a type that is none", error);
}
