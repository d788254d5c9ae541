/* SPDX-License-Identifier: MIT */
/*
 * stream.h - what a record is, and the table it goes to.
 *
 * A stream is one kind of record. A record is a plain C struct with a fixed layout: no pointers, so
 * that it can live in a lane and outlive the process. Its descriptor, a `struct sluice_stream`,
 * tells how each field becomes a column. Both are written for you from SQL (db/generated/trading.h
 * is an example); nothing here is filled in by hand in an application.
 *
 *      SLUICE_APPEND   every record is a row                          (executions)
 *      SLUICE_STATE    the newest version of a key is the row         (orders)
 *
 * Conventions of a record:
 *   - a nullable column holds a value only when its bit is set in the record's `present` mask;
 * otherwise it is NULL. So a zeroed record has NULL in every nullable column, and an empty text is
 * not NULL.
 *   - timestamps are int64_t microseconds since 1970-01-01 00:00 UTC.
 *   - a decimal is an integer at the column's scale: 101.25 in numeric(32,16) is 101.25 * 10^16.
 *   - the columns of a key stand side by side, and are compared as bytes: unused bytes of a key
 * must be zero.
 */
#ifndef SLUICE_STREAM_H
#define SLUICE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_STREAMS_MAX 16 /* streams an instance carries */
#define SLUICE_RECORD_SIZE_MAX \
	4064                   /* bytes: with its header a record never needs more than a page */
#define SLUICE_KEY_SIZE_MAX 64 /* bytes */

struct sluice_uuid {
	uint8_t bytes[16];
};

/* A 128-bit two's complement integer, to be read at its column's scale. */
struct sluice_decimal {
	uint64_t low;
	int64_t high;
};

/* A text column's bytes, UTF-8, at most `capacity` of them (1 to 255), without a terminator. */
#define SLUICE_TEXT(capacity)         \
	struct {                      \
		uint8_t size;         \
		char bytes[capacity]; \
	}

/* Copies `source` into the text `*text`. Returns false, and leaves an empty text, when it does not
 * fit. */
#define sluice_text_set(text, source, source_size) \
	sluice_text_copy(&(text)->size, (text)->bytes, sizeof((text)->bytes), source, source_size)

static inline bool sluice_text_copy(uint8_t *size, char *bytes, size_t capacity, const char *source,
                                    size_t source_size)
{
	bool fits = source_size <= capacity;

	*size = fits ? (uint8_t)source_size : 0;
	if (fits && source_size > 0)
		memcpy(bytes, source, source_size);
	return fits;
}

/* What sluice_decimal() returns when the value has no exact form at the column's scale. A sink
 * refuses it. */
#define SLUICE_DECIMAL_INVALID_HIGH INT64_MIN

/* The decimal mantissa * 10^-scale, for a column of `column_scale` digits after the point:
 * sluice_decimal(10125, 2, 16) is 101.25. Exact, or invalid when scale > column_scale or the value
 * leaves 128 bits. */
static inline struct sluice_decimal sluice_decimal(int64_t mantissa, unsigned scale,
                                                   unsigned column_scale)
{
	__extension__ typedef __int128 int128;
	__extension__ typedef unsigned __int128 uint128;
	const uint128 limit = ~(uint128)0 >> 1;
	uint128 value = mantissa < 0 ? 0 - (uint128)(int128)mantissa : (uint128)mantissa;
	struct sluice_decimal decimal = {0, SLUICE_DECIMAL_INVALID_HIGH};
	unsigned digit;

	if (scale > column_scale)
		return decimal;
	for (digit = scale; digit < column_scale; digit++) {
		if (value > limit / 10)
			return decimal;
		value *= 10;
	}
	if (mantissa < 0)
		value = 0 - value;
	decimal.low = (uint64_t)value;
	decimal.high = (int64_t)(value >> 64);
	return decimal;
}

enum sluice_kind {
	SLUICE_APPEND = 1,
	SLUICE_STATE = 2,
};

/* How the bytes of a field are to be read. */
enum sluice_type {
	SLUICE_INT4 = 1,    /* int32_t */
	SLUICE_INT8,        /* int64_t */
	SLUICE_UUID,        /* struct sluice_uuid */
	SLUICE_TEXT_TYPE,   /* SLUICE_TEXT(size) */
	SLUICE_JSONB,       /* SLUICE_TEXT(size) that holds JSON */
	SLUICE_NUMERIC,     /* struct sluice_decimal at `scale` */
	SLUICE_TIMESTAMPTZ, /* int64_t microseconds since 1970 UTC */
	SLUICE_VERSION,     /* no field: the version that Sluice gave the record, a bigint */
};

struct sluice_column {
	const char *name;
	enum sluice_type type;
	uint16_t offset;   /* of the field, in bytes */
	uint16_t size;     /* of the field; of a text: its capacity */
	uint8_t scale;     /* SLUICE_NUMERIC: digits after the point */
	uint8_t precision; /* SLUICE_NUMERIC: digits in all */
	uint32_t present;  /* the column's bit in the mask, 0 when it is NOT NULL */
};

/* A stream's descriptor. The statements take, in the order of `columns`, one array a column
 * (`write_sql`), or the key's columns and then the version (`remove_sql`). */
struct sluice_stream {
	const char *name;
	enum sluice_kind kind;
	uint16_t index; /* its place in the set, from 0. Parents stand before their children. */
	uint16_t record_size; /* bytes */
	uint16_t key_offset;  /* SLUICE_STATE: the key's bytes within the record */
	uint16_t key_size;
	uint16_t present_offset; /* of the uint32_t mask */
	uint16_t column_count;
	uint16_t key_column_count; /* SLUICE_STATE: the first of `columns` are the key's */
	const struct sluice_column *columns;
	const char *copy_sql;   /* SLUICE_APPEND: COPY table (..) FROM STDIN (FORMAT binary) */
	const char *write_sql;  /* INSERT .. SELECT FROM unnest(..) [ON CONFLICT .. DO UPDATE ..
	                           WHERE older] */
	const char *remove_sql; /* SLUICE_STATE: DELETE .. USING unnest(..) WHERE older */
};

/* The streams of one schema, in the order their rows must be written. */
struct sluice_streams {
	const char *name;
	const struct sluice_stream *const *streams;
	size_t count;
};

#ifdef __cplusplus
}
#endif

#endif
