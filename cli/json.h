/* SPDX-License-Identifier: MIT */
/*
 * json.h - writes one JSON object on one line (RFC 8259), key by key.
 *
 *      slu_json_begin, [a value with its key]*, slu_json_end
 *
 * An object inside is opened and closed by slu_json_open and slu_json_close. Write errors stay in
 * the file's error indicator; slu_json_end reports them.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct slu_json {
	FILE *out;
	bool first; /* nothing stands in the current object yet */
};

void slu_json_begin(struct slu_json *json, FILE *out);
/* Ends the object and the line. Returns false when not all of it could be written. */
bool slu_json_end(struct slu_json *json);

void slu_json_open(struct slu_json *json, const char *key);
void slu_json_close(struct slu_json *json);

void slu_json_integer(struct slu_json *json, const char *key, uint64_t value);
/* value / 1000, with three decimals. */
void slu_json_thousandths(struct slu_json *json, const char *key, uint64_t value);
void slu_json_bool(struct slu_json *json, const char *key, bool value);
/* UTF-8, escaped where JSON wants it. */
void slu_json_text(struct slu_json *json, const char *key, const char *value);

#endif
