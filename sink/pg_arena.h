/* SPDX-License-Identifier: MIT */
/*
 * pg_arena.h - memory that is taken piece by piece and given back at once.
 *
 * A `void *` that is NULL at first and belongs to these calls from then on.
 */
#ifndef SINK_PG_ARENA_H
#define SINK_PG_ARENA_H

#include <stddef.h>

/* `size` bytes, zeroed, aligned for anything. NULL when the system gave none; what was taken before
 * stays. */
void *slu_arena_take(void **arena, size_t size);

/* Gives everything back; `*arena` is NULL then. */
void slu_arena_free(void **arena);

#endif
