/* SPDX-License-Identifier: MIT */
/* pg_buffer.c - growth by doubling, so that a batch of n bytes costs a few copies, not n. */
#include "sink/pg_buffer.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 4096 };

void slu_buffer_init(struct slu_buffer *buffer, size_t limit)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->limit = limit;
}

void slu_buffer_free(struct slu_buffer *buffer)
{
	free(buffer->bytes);
	slu_buffer_init(buffer, buffer->limit);
}

bool slu_buffer_grow(struct slu_buffer *buffer, size_t size)
{
	size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
	unsigned char *bytes;

	if (capacity > buffer->limit)
		capacity = buffer->limit;
	if (buffer->failure != SLU_BUFFER_FINE)
		return false;
	if (size > buffer->limit - buffer->size) {
		buffer->failure = SLU_BUFFER_LIMIT;
		return false;
	}
	/* Ends: there is room for `size` below the limit. */
	while (capacity - buffer->size < size)
		capacity = capacity > buffer->limit / 2 ? buffer->limit : capacity * 2;
	bytes = realloc(buffer->bytes, capacity);
	if (bytes == NULL) {
		buffer->failure = SLU_BUFFER_MEMORY;
		return false;
	}
	buffer->bytes = bytes;
	buffer->capacity = capacity;
	return true;
}
