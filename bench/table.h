/* SPDX-License-Identifier: MIT */
/*
 * table.h - what Sluice's cache is compared with: one lookup in liburcu's hash table.
 *
 * As many buckets as keys, rounded up, and a node a key. Nodes are neither added nor removed while
 * anybody looks, so nothing protects them: it is what a lookup costs before anybody may put.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bench/records.h"

#include <stdatomic.h>
#include <urcu/flavor.h>
#include <urcu/rculfhash.h>

/* On one cache line, but for the record. */
struct slu_table_node {
	_Alignas(64) struct cds_lfht_node node;
	struct sluice_uuid id;
	_Atomic uint64_t version; /* two words to be written, by whoever found the node */
	_Atomic uint64_t newest;
	unsigned char record[];
};

struct slu_table {
	struct cds_lfht *hash;
	unsigned char *nodes;
	size_t node_size;
	uint64_t keys;
};

/* Holds keys 0 to `keys` - 1, each with a record of `record_size` bytes, or of none. */
void slu_table_open(struct slu_table *table, uint64_t keys, size_t record_size);
void slu_table_close(struct slu_table *table);

static inline struct slu_table_node *slu_table_at(const struct slu_table *table, uint64_t key)
{
	return (struct slu_table_node *)(table->nodes + key * table->node_size);
}

static inline unsigned long slu_table_hash(const struct sluice_uuid *id)
{
	uint64_t words[2];

	memcpy(words, id->bytes, sizeof(words));
	return (words[0] ^ words[1]) * 0x9e3779b97f4a7c15u >> 7;
}

int slu_table_matches(struct cds_lfht_node *node, const void *id);

/* NULL: no such key. */
static inline struct slu_table_node *slu_table_find(const struct slu_table *table,
                                                    const struct sluice_uuid *id)
{
	struct cds_lfht_iter found;
	struct cds_lfht_node *node;

	cds_lfht_lookup(table->hash, slu_table_hash(id), slu_table_matches, id, &found);
	node = cds_lfht_iter_get_node(&found);
	return node == NULL ? NULL : caa_container_of(node, struct slu_table_node, node);
}

#endif
