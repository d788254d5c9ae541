/* SPDX-License-Identifier: MIT */
/*
 * pg_value.h - one field of a struct as Postgres's binary format.
 *
 *      int32 size, -1 for NULL | that many bytes
 *
 * The same bytes serve a parameter, a COPY tuple and an array element. A value that Postgres
 * would round, cut or refuse is refused here, before a transaction is spent on it. Pure: no
 * connection, no clock. The way back: pg_decode.h.
 */
#ifndef SINK_PG_VALUE_H
#define SINK_PG_VALUE_H

#include "sink/pg_buffer.h"
#include "sink/pg_type.h"

#include <sluice/sink.h>

/* Whose value it is, for messages: {"stream", "orders", "column"}, {"query", "get_order",
 * "parameter"}. */
struct slu_subject {
	const char *kind;
	const char *name;
	const char *part;
};

/* Fills `error` with "stream orders, column price: why". Returns SLUICE_INVALID. */
enum sluice_status slu_value_refuse(const struct slu_subject *subject,
                                    const struct sluice_column *column, const char *why,
                                    struct sluice_error *error);

/* Puts the field of `row` that `column` describes. Returns SLUICE_OK, also when the buffer failed
 * (it remembers), or SLUICE_INVALID with `error` when the value can't be a row's: the error names
 * subject and column, never the value. */
enum sluice_status slu_value_put(struct slu_buffer *buffer, const struct slu_subject *subject,
                                 const struct sluice_column *column, const struct sluice_row *row,
                                 struct sluice_error *error);

/* An array's header, for `count` elements; an empty array is its header alone. Returns the offset
 * of its has-NULLs flag, which is 0 and belongs to slu_array_set_nulls. */
size_t slu_array_begin(struct slu_buffer *buffer, uint32_t element_oid, size_t count);
void slu_array_set_nulls(struct slu_buffer *buffer, size_t flag);

/* Whether the value last put, at `offset`, is NULL. */
static inline bool slu_value_is_null(const struct slu_buffer *buffer, size_t offset)
{
	return buffer->failure == SLU_BUFFER_FINE &&
	       slu_read_be32(buffer->bytes + offset) == UINT32_MAX;
}

#endif
