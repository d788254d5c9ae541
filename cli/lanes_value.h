/* SPDX-License-Identifier: MIT */
/*
 * lanes_value.h - one field of a record that comes from a file or a table, as JSON.
 *
 *      NULL                        null
 *      bool                        true, false
 *      int2, int4, int8, version   a number
 *      everything else             a string, in Postgres's words: lanes_words.h
 *
 * A value that is none (a text longer than its field, an enum's number without a label, bytes that
 * are not UTF-8) is an object that says why, {"unreadable": ".."}, with the bytes as far as there
 * are any.
 */
#ifndef CLI_LANES_VALUE_H
#define CLI_LANES_VALUE_H

#include <sluice/stream.h>

#include <jansson.h>

/* `record` has the layout's size; bytes that no put has filled are zero. A new reference; NULL when
 * memory is short. */
json_t *slu_lanes_value(const struct sluice_column *column, const unsigned char *record,
                        uint64_t version);

/* A whole record likewise: an object, a member a column. Of a removed one only the key is there. */
json_t *slu_lanes_columns(const struct sluice_stream *stream, const unsigned char *record,
                          uint64_t version, bool removed);

#endif
