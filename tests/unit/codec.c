/* SPDX-License-Identifier: MIT */
/* codec.c - through the encoder, and through the decoder. */
#include "tests/unit/codec.h"

#include "sink/pg_arena.h"
#include "sink/pg_decode.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static struct sluice_error error;

const char *codec_encode(const struct sluice_column *column, const void *object)
{
	static const struct slu_subject subject = {"stream", "orders", "column"};
	static char hex[16384];
	struct sluice_row row = {.record = object, .version = 258};
	struct slu_buffer buffer;
	size_t index;

	slu_buffer_init(&buffer, sizeof(hex) / 2 - 1);
	hex[0] = '\0';
	if (slu_value_put(&buffer, &subject, column, &row, &error) != SLUICE_OK) {
		assert(error.status == SLUICE_INVALID);
		snprintf(hex, sizeof(hex), "%s", error.message);
	} else {
		assert(buffer.failure == SLU_BUFFER_FINE);
		for (index = 0; index < buffer.size; index++)
			sprintf(hex + 2 * index, "%02x", buffer.bytes[index]);
	}
	slu_buffer_free(&buffer);
	return hex;
}

const char *codec_decode(const struct sluice_column *column, const char *hex, void *object)
{
	static const struct slu_subject subject = {"query", "q", "column"};
	static unsigned char *bytes;
	static void *arena;
	size_t size = strlen(hex) / 2;
	size_t index;

	slu_arena_free(&arena);
	free(bytes);
	bytes = malloc(size);
	assert(bytes != NULL && size >= 4);
	for (index = 0; index < size; index++) {
		unsigned byte;

		if (sscanf(hex + 2 * index, "%2x", &byte) != 1)
			abort();
		bytes[index] = (unsigned char)byte;
	}
	if (slu_value_get(object, &subject, column,
	                  slu_read_be32(bytes) == UINT32_MAX ? NULL : bytes + 4, size - 4, &arena,
	                  &error) == SLUICE_OK)
		return "";
	return error.message;
}
