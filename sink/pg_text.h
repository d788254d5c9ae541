/* SPDX-License-Identifier: MIT */
/*
 * pg_text.h - values without a fixed size: text, bytea, json, jsonb; inline or as a view.
 *
 * A text that Postgres would refuse for a zero byte or for not being UTF-8 is refused here.
 * Whether a JSON text is JSON only the server knows. Each call returns NULL, or why it refused: a
 * sentence without the value.
 */
#ifndef SINK_PG_TEXT_H
#define SINK_PG_TEXT_H

#include "sink/pg_buffer.h"

#include <sluice/stream.h>

/* Puts size and bytes of the text at `field`, of the form that the column says (items: as a
 * view). */
const char *slu_text_put(struct slu_buffer *buffer, const struct sluice_column *column,
                         const void *field);

/* Fills the text at `field`. A view points into `bytes`. An inline text's bytes beyond its size are
 * left alone. */
const char *slu_text_get(const struct sluice_column *column, const unsigned char *bytes,
                         size_t size, void *field);

#endif
