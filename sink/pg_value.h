/* SPDX-License-Identifier: MIT */
/*
 * pg_value.h - one field of a record as Postgres's binary format.
 *
 *      int32 size, -1 for NULL | that many bytes
 *
 * The same bytes serve a COPY tuple and an array element. Pure: no connection, no clock.
 */
#ifndef SINK_PG_VALUE_H
#define SINK_PG_VALUE_H

#include "sink/pg_buffer.h"

#include <sluice/sink.h>

/* What Postgres calls a column's type, and an array of it. Stable since these types exist. */
struct slu_type {
	uint32_t oid;
	uint32_t array_oid;
};

/* Of a type that is none: {0, 0}. */
struct slu_type slu_type_of(enum sluice_type type);

/* Puts the field of `row` that `column` describes. Returns SLUICE_OK, also when the buffer failed
 * (it remembers), or SLUICE_INVALID with `error` when the value can't be a row's: the error names
 * stream and column, never the value. */
enum sluice_status slu_value_put(struct slu_buffer *buffer, const struct sluice_stream *stream,
                                 const struct sluice_column *column, const struct sluice_row *row,
                                 struct sluice_error *error);

#endif
