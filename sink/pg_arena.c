/* SPDX-License-Identifier: MIT */
/* pg_arena.c - a list of chunks, of which the first has room. */
#include "sink/pg_arena.h"

#include <stdint.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 8192 };

struct chunk {
	struct chunk *next;
	size_t capacity;
	size_t used;
	max_align_t bytes[];
};

static struct chunk *add_chunk(void **arena, size_t size)
{
	size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
	struct chunk *chunk = calloc(1, sizeof(*chunk) + capacity);

	if (chunk == NULL)
		return NULL;
	chunk->next = *arena;
	chunk->capacity = capacity;
	*arena = chunk;
	return chunk;
}

void *slu_arena_take(void **arena, size_t size)
{
	struct chunk *chunk = *arena;
	unsigned char *bytes;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (chunk == NULL || chunk->capacity - chunk->used < size)
		chunk = add_chunk(arena, size);
	if (chunk == NULL)
		return NULL;
	bytes = (unsigned char *)chunk->bytes + chunk->used;
	chunk->used += size;
	return bytes;
}

void slu_arena_free(void **arena)
{
	struct chunk *chunk = *arena;

	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	*arena = NULL;
}
