/* SPDX-License-Identifier: MIT */
/*
 * pg_numeric.h - decimals of a fixed scale as numeric, and back.
 *
 *      int16 digits, weight, sign, scale | the digits, each of 0 to 9999
 *
 * Exact both ways, or refused. Each call returns NULL, or why it refused: a sentence without the
 * value.
 */
#ifndef SINK_PG_NUMERIC_H
#define SINK_PG_NUMERIC_H

#include "sink/pg_buffer.h"

#include <sluice/stream.h>

/* Puts size and bytes of the decimal at `field`: an int64_t if the column says SLUICE_NUMERIC64,
 * else a struct sluice_decimal. */
const char *slu_numeric_put(struct slu_buffer *buffer, const struct sluice_column *column,
                            const void *field);

/* Fills the decimal at `field` from a numeric's bytes. */
const char *slu_numeric_get(const struct sluice_column *column, const unsigned char *bytes,
                            size_t size, void *field);

#endif
