/* SPDX-License-Identifier: MIT */
/* order_index.c - linear probing over slots that know whether they are used. */
#include "cli/order_index.h"

#include <stdlib.h>

struct slu_order_slot {
	struct slu_order_key key;
	uint32_t value;
	bool used;
};

#define CAPACITY_FIRST 1024

static bool same_key(const struct slu_order_key *a, const struct slu_order_key *b)
{
	return a->order == b->order && a->repeat == b->repeat && a->source == b->source;
}

/* The slot of `key`, or the free one where it belongs. There is always a free one. */
static struct slu_order_slot *probe(const struct slu_order_index *index,
                                    const struct slu_order_key *key)
{
	uint64_t hash = slu_mix64(key->order + slu_mix64(key->repeat + slu_mix64(key->source)));
	size_t place = (size_t)hash & (index->capacity - 1);

	while (index->slots[place].used && !same_key(&index->slots[place].key, key))
		place = (place + 1) & (index->capacity - 1);
	return &index->slots[place];
}

static bool grow(struct slu_order_index *index)
{
	struct slu_order_index larger = {.count = index->count};
	size_t place;

	larger.capacity = index->capacity == 0 ? CAPACITY_FIRST : index->capacity * 2;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (larger.slots == NULL)
		return false;
	for (place = 0; place < index->capacity; place++)
		if (index->slots[place].used)
			*probe(&larger, &index->slots[place].key) = index->slots[place];
	free(index->slots);
	*index = larger;
	return true;
}

uint32_t *slu_order_index_insert(struct slu_order_index *index, struct slu_order_key key,
                                 uint32_t value, bool *inserted)
{
	struct slu_order_slot *slot;

	if (index->count >= index->capacity / 4 * 3 && !grow(index))
		return NULL;
	slot = probe(index, &key);
	*inserted = !slot->used;
	if (*inserted) {
		*slot = (struct slu_order_slot){.key = key, .value = value, .used = true};
		index->count++;
	}
	return &slot->value;
}

const uint32_t *slu_order_index_find(const struct slu_order_index *index, struct slu_order_key key)
{
	const struct slu_order_slot *slot;

	if (index->capacity == 0)
		return NULL;
	slot = probe(index, &key);
	return slot->used ? &slot->value : NULL;
}

void slu_order_index_free(struct slu_order_index *index)
{
	free(index->slots);
	*index = (struct slu_order_index){0};
}
