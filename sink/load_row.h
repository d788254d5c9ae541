/* SPDX-License-Identifier: MIT */
/* load_row.h - a row of a stream's table becomes a record again, whole or not at all. */
#ifndef SINK_LOAD_ROW_H
#define SINK_LOAD_ROW_H

#include <libpq-fe.h>
#include <sluice/sink.h>

/* Whether the columns of an answer to read_sql or fetch_sql are the stream's. Returns SLUICE_OK, or
 * SLUICE_INVALID with the column that is not. */
enum sluice_status slu_row_check(const struct sluice_stream *stream, const PGresult *result,
                                 struct sluice_error *error);

/* Fills `record`, layout.size bytes, and `*version` from row number `row` of an answer that was
 * checked. Returns SLUICE_OK, or SLUICE_INVALID with the column whose value the record can't hold;
 * never the value. */
enum sluice_status slu_row_read(const struct sluice_stream *stream, const PGresult *result, int row,
                                void *record, uint64_t *version, struct sluice_error *error);

#endif
