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
 *     otherwise it is NULL. So a zeroed record has NULL in every nullable column, and an empty text
 *     is not NULL.
 *   - timestamps are int64_t microseconds since 1970-01-01 00:00 UTC.
 *   - a decimal is an integer at the column's scale: 101.25 in numeric(32,16) is 101.25 * 10^16.
 *   - the columns of a key stand side by side at the front, and are compared as bytes: unused bytes
 *     of a key must be zero. sluice_text_set and the typed calls see to that.
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

/* A text of at most `capacity` bytes (1 to SLUICE_TEXT_SIZE_MAX) within its struct, UTF-8, without a
 * terminator. Bytes beyond `size` are zero: sluice_text_set sees to that. */
#define SLUICE_TEXT(capacity)         \
	struct {                      \
		uint16_t size;        \
		char bytes[capacity]; \
	}
#define SLUICE_TEXT_SIZE_MAX 4000 /* bytes */

/* Copies `source` into the text `*text`. Returns false, and leaves an empty text, when it does not
 * fit. */
#define sluice_text_set(text, source, source_size) \
	sluice_text_copy(&(text)->size, (text)->bytes, sizeof((text)->bytes), source, source_size)

static inline bool sluice_text_copy(uint16_t *size, char *bytes, size_t capacity,
                                    const char *source, size_t source_size)
{
	bool fits = source_size <= capacity;
	size_t used = fits ? source_size : 0;

	*size = (uint16_t)used;
	if (used > 0)
		memcpy(bytes, source, used);
	memset(bytes + used, 0, capacity - used); /* a key is compared whole */
	return fits;
}

/* A text or bytea of any size that somebody else keeps. Never in a record of a stream. */
struct sluice_view {
	const char *bytes; /* without a terminator */
	size_t size;
};

/* The elements of a SQL array of one dimension, that somebody else keeps. Never in a record.
 * `nulls`: which of them are NULL; may itself be NULL when none is. */
#define SLUICE_ARRAY(type)         \
	struct {                   \
		const type *items; \
		const bool *nulls; \
		size_t count;      \
	}

/* A timestamp or a date that lies after, or before, all others. */
#define SLUICE_TIME_INFINITY INT64_MAX
#define SLUICE_TIME_MINUS_INFINITY INT64_MIN
#define SLUICE_DATE_INFINITY INT32_MAX
#define SLUICE_DATE_MINUS_INFINITY INT32_MIN

/* As Postgres keeps it: a month is not a number of days, a day not a number of hours. */
struct sluice_interval {
	int64_t microseconds;
	int32_t days;
	int32_t months;
};

/* An address, with the length of its network's prefix. */
struct sluice_inet {
	uint8_t family; /* 4 or 6 */
	uint8_t bits;   /* 0 to 32, or to 128: that of a single host */
	uint8_t bytes[16];
};

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

/* The same in 64 bits, for a numeric of up to 18 digits; SLUICE_DECIMAL64_INVALID when it does not
 * fit. */
#define SLUICE_DECIMAL64_INVALID INT64_MIN

static inline int64_t sluice_decimal64(int64_t mantissa, unsigned scale, unsigned column_scale)
{
	struct sluice_decimal decimal = sluice_decimal(mantissa, scale, column_scale);
	bool fits = decimal.high == (int64_t)decimal.low >> 63;

	return fits ? (int64_t)decimal.low : SLUICE_DECIMAL64_INVALID;
}

/* ---- descriptors: written by `sluice gen` ---- */

enum sluice_kind {
	SLUICE_APPEND = 1,
	SLUICE_STATE = 2,
};

/* How the bytes of a value are to be read. */
enum sluice_type {
	SLUICE_BOOL = 1,    /* bool */
	SLUICE_INT2,        /* int16_t */
	SLUICE_INT4,        /* int32_t */
	SLUICE_INT8,        /* int64_t */
	SLUICE_FLOAT4,      /* float */
	SLUICE_FLOAT8,      /* double */
	SLUICE_NUMERIC64,   /* int64_t at `scale` */
	SLUICE_NUMERIC,     /* struct sluice_decimal at `scale` */
	SLUICE_TEXT_TYPE,   /* text, varchar, char(n) */
	SLUICE_BYTEA,       /* as a text */
	SLUICE_JSON,        /* a text that holds JSON; an empty one is {} */
	SLUICE_JSONB,       /* the same */
	SLUICE_UUID,        /* struct sluice_uuid */
	SLUICE_TIMESTAMPTZ, /* int64_t microseconds since 1970 UTC, or SLUICE_TIME_.. */
	SLUICE_TIMESTAMP,   /* the same, of a clock on some wall */
	SLUICE_DATE,        /* int32_t days since 1970-01-01, or SLUICE_DATE_.. */
	SLUICE_TIME,        /* int64_t microseconds since midnight */
	SLUICE_INTERVAL,    /* struct sluice_interval */
	SLUICE_INET,        /* struct sluice_inet */
	SLUICE_ENUM,        /* a C enum of `labels`, of 4 bytes, from 1 */
	SLUICE_VERSION,     /* no field: the version that Sluice gave the record, a bigint */
};

/* How a struct holds the value. */
enum sluice_form {
	SLUICE_INLINE = 0, /* as above; a text as SLUICE_TEXT */
	SLUICE_VIEW,       /* text, bytea, json and jsonb: struct sluice_view */
	SLUICE_ITEMS,      /* an array: SLUICE_ARRAY of the above; its texts are views */
};

/* The labels of an enum type; value n of the C enum is labels[n - 1]. 0 is no label: a field that was
 * forgotten is refused, not written as the first. */
struct sluice_enum {
	const char *name;
	const char *const *labels;
	uint16_t label_count;
};

struct sluice_column {
	const char *name;
	enum sluice_type type;
	enum sluice_form form;
	uint32_t offset;         /* of the field, in bytes */
	uint16_t size;           /* of the field; of an inline text: its capacity */
	uint8_t scale;           /* numeric: digits after the point */
	uint8_t precision;       /* numeric: digits in all, 0 for any number */
	uint32_t present;        /* the column's bit in a mask of 32, 0 when it is never NULL */
	uint32_t present_offset; /* of that mask, in bytes: an embedded struct has its own */
	const struct sluice_enum *labels; /* SLUICE_ENUM */
	const char *definition;           /* of a table's column, as db/catalog.h tells it */
};

/* A C struct whose fields are columns: a stream's record, a query's parameters or row. */
struct sluice_layout {
	const struct sluice_column *columns;
	uint32_t size; /* bytes */
	uint16_t column_count;
};

/* A stream's descriptor. The statements take, in the order of the columns, one array a column
 * (`write_sql`), or the key's columns and then the version (`remove_sql`); the key's columns, as values
 * (`fetch_sql`). */
struct sluice_stream {
	const char *name;
	enum sluice_kind kind;
	bool lossy;     /* SLUICE_APPEND: its records may be dropped (sluice.h: SLUICE_DROPPED) */
	uint16_t index; /* its place in the set, from 0. Parents stand before their children. */
	uint16_t key_offset; /* SLUICE_STATE: the key's bytes within the record */
	uint16_t key_size;
	uint16_t key_column_count; /* SLUICE_STATE: the first of the columns are the key's */
	struct sluice_layout layout;
	uint64_t fingerprint;   /* of the columns' definitions and places: the record as a format */
	const char *table;      /* as SQL names it */
	const char *copy_sql;   /* SLUICE_APPEND: COPY table (..) FROM STDIN (FORMAT binary) */
	const char *write_sql;  /* INSERT .. SELECT FROM unnest(..) [ON CONFLICT .. DO UPDATE ..
	                           WHERE older] */
	const char *remove_sql; /* SLUICE_STATE: DELETE .. USING unnest(..) WHERE older */
	const char *read_sql;   /* SLUICE_STATE: SELECT all columns, of all rows */
	const char *fetch_sql;  /* SLUICE_STATE: of the row of a key */
};

/* The streams of one schema, in the order their rows must be written. */
struct sluice_streams {
	const char *name;
	int64_t schema_version; /* of the newest migration they were generated from; 0 for none */
	const struct sluice_stream *const *streams;
	size_t count;
};

#ifdef __cplusplus
}
#endif

#endif
