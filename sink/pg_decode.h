/* SPDX-License-Identifier: MIT */
/*
 * pg_decode.h - a value of Postgres's binary format as a field of a struct.
 *
 * What a server sends is not trusted: sizes and counts are checked before they are believed, and
 * a value that the field can't hold exactly is refused. Pure. The way there: pg_value.h.
 */
#ifndef SINK_PG_DECODE_H
#define SINK_PG_DECODE_H

#include "sink/pg_value.h"

/* Fills the field of `object` that `column` describes from `size` bytes; `bytes` is NULL for
 * NULL. `object` was zeroed before its first field. Texts of the form SLUICE_VIEW point into
 * `bytes`, arrays into `arena` (pg_arena.h). Returns SLUICE_OK; SLUICE_INVALID with `error`,
 * which names subject and column, never the value; SLUICE_FAILED for want of memory. */
enum sluice_status slu_value_get(void *object, const struct slu_subject *subject,
                                 const struct sluice_column *column, const unsigned char *bytes,
                                 size_t size, void **arena, struct sluice_error *error);

#endif
