/* SPDX-License-Identifier: MIT */
/*
 * order_index.h - finds a number by an order: which line saw it first, which entry describes it.
 *
 * A hash table with open addressing that doubles before it is three quarters full. One thread.
 */
#ifndef CLI_ORDER_INDEX_H
#define CLI_ORDER_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slu_order_key {
	uint64_t order;  /* the exchange's order id */
	uint64_t repeat; /* which repetition */
	uint32_t source; /* index of the file */
};

struct slu_order_index {
	struct slu_order_slot *slots;
	size_t capacity; /* a power of two, or 0 before the first insert */
	size_t count;
};

/* Spreads the bits of `value` over all 64 (the finalizer of SplitMix64). */
static inline uint64_t slu_mix64(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

/* Returns the number kept for `key`, after keeping `value` if there was none: then `*inserted`.
 * NULL when out of memory; then nothing changed. The pointer is valid until the next insert. */
uint32_t *slu_order_index_insert(struct slu_order_index *index, struct slu_order_key key,
                                 uint32_t value, bool *inserted);
/* The number kept for `key`, or NULL. */
const uint32_t *slu_order_index_find(const struct slu_order_index *index, struct slu_order_key key);
/* Frees what it holds; it is empty and usable again. */
void slu_order_index_free(struct slu_order_index *index);

#endif
