/* SPDX-License-Identifier: MIT */
/* json.c - commas, quotes, escapes. */
#include "cli/json.h"

#include <inttypes.h>

static void write_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < 0x20)
			fprintf(out, "\\u%04x", byte);
		else
			putc(byte, out);
	}
	putc('"', out);
}

static void write_key(struct slu_json *json, const char *key)
{
	if (!json->first)
		putc(',', json->out);
	json->first = false;
	write_text(json->out, key);
	putc(':', json->out);
}

void slu_json_begin(struct slu_json *json, FILE *out)
{
	*json = (struct slu_json){.out = out, .first = true};
	putc('{', out);
}

bool slu_json_end(struct slu_json *json)
{
	fputs("}\n", json->out);
	return fflush(json->out) == 0 && !ferror(json->out);
}

void slu_json_open(struct slu_json *json, const char *key)
{
	write_key(json, key);
	putc('{', json->out);
	json->first = true;
}

void slu_json_close(struct slu_json *json)
{
	putc('}', json->out);
	json->first = false;
}

void slu_json_integer(struct slu_json *json, const char *key, uint64_t value)
{
	write_key(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void slu_json_thousandths(struct slu_json *json, const char *key, uint64_t value)
{
	write_key(json, key);
	fprintf(json->out, "%" PRIu64 ".%03" PRIu64, value / 1000, value % 1000);
}

void slu_json_bool(struct slu_json *json, const char *key, bool value)
{
	write_key(json, key);
	fputs(value ? "true" : "false", json->out);
}

void slu_json_text(struct slu_json *json, const char *key, const char *value)
{
	write_key(json, key);
	write_text(json->out, value);
}
