/* SPDX-License-Identifier: MIT */
/*
 * pg_array.h - one column of many rows as a binary array, which unnest() takes apart again.
 *
 *      int32 dimensions, has NULLs, element type | int32 count, lower bound | elements (pg_value.h)
 *
 * An empty array has no dimensions and ends after its element type. Pure.
 */
#ifndef SINK_PG_ARRAY_H
#define SINK_PG_ARRAY_H

#include "sink/pg_value.h"

/* Which rows of a part: `count` of those whose `removed` is so, from index `first` on. */
struct slu_selection {
	const struct sluice_row *rows;
	size_t row_count;
	size_t first; /* index in `rows` */
	size_t count; /* rows to take */
	bool removed;
};

/* The index after the last row that `selection` takes: where the next one may begin. */
size_t slu_selection_end(const struct slu_selection *selection);

/* Puts the fields of one column of the selected rows. Returns as slu_value_put. */
enum sluice_status slu_array_put(struct slu_buffer *buffer, const struct sluice_stream *stream,
                                 const struct sluice_column *column,
                                 const struct slu_selection *selection, struct sluice_error *error);

/* Puts a bigint[] of positions. */
void slu_array_put_positions(struct slu_buffer *buffer, const uint64_t *positions, size_t count);

/* Reads a bigint[] back. Returns false unless it holds exactly `count` values and no NULL. */
bool slu_array_get_positions(const unsigned char *bytes, size_t size, uint64_t *positions,
                             size_t count);

#endif
