/* SPDX-License-Identifier: MIT */
/*
 * pg_time.h - times, which Postgres counts from 2000 and we from 1970.
 *
 * Each call returns NULL, or why it refused: a sentence without the value.
 */
#ifndef SINK_PG_TIME_H
#define SINK_PG_TIME_H

#include "sink/pg_buffer.h"

#include <sluice/stream.h>

/* Put size and bytes of the field: an int64_t of microseconds, or an int32_t of days. */
const char *slu_timestamp_put(struct slu_buffer *buffer, const void *field);
const char *slu_date_put(struct slu_buffer *buffer, const void *field);
const char *slu_time_put(struct slu_buffer *buffer, const void *field);
const char *slu_interval_put(struct slu_buffer *buffer, const void *field);

/* Fill the field from a value's bytes. */
const char *slu_timestamp_get(const unsigned char *bytes, size_t size, void *field);
const char *slu_date_get(const unsigned char *bytes, size_t size, void *field);
const char *slu_time_get(const unsigned char *bytes, size_t size, void *field);
const char *slu_interval_get(const unsigned char *bytes, size_t size, void *field);

#endif
