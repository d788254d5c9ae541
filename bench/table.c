/* SPDX-License-Identifier: MIT */
/* table.c - filling and emptying the hash table. */
#include "bench/table.h"

#include "bench/pages.h"

#define LINE 64

_Static_assert(sizeof(struct slu_table_node) == LINE, "a node without a record is a line");

/* Nodes are neither added nor removed while anybody looks: no flavour is called. */
static const struct rcu_flavor_struct no_flavor = {0};

int slu_table_matches(struct cds_lfht_node *node, const void *id)
{
	return memcmp(&caa_container_of(node, struct slu_table_node, node)->id, id,
	              sizeof(struct sluice_uuid)) == 0;
}

void slu_table_open(struct slu_table *table, uint64_t keys, size_t record_size)
{
	unsigned long buckets = 1;
	size_t used = offsetof(struct slu_table_node, record) + record_size;

	while (buckets < keys)
		buckets *= 2;
	*table = (struct slu_table){.keys = keys, .node_size = (used + LINE - 1) / LINE * LINE};
	table->nodes = slu_pages_allocate(keys * table->node_size);
	table->hash = _cds_lfht_new(buckets, buckets, buckets, 0, NULL, &no_flavor, NULL);
	if (table->hash == NULL || table->nodes == NULL)
		slu_measure_fail("no memory for a table of %lu buckets", buckets);
	for (uint64_t key = 0; key < keys; key++) {
		struct slu_table_node *node = slu_table_at(table, key);

		cds_lfht_node_init(&node->node);
		slu_record_name(&node->id, key);
		cds_lfht_add(table->hash, slu_table_hash(&node->id), &node->node);
	}
}

void slu_table_close(struct slu_table *table)
{
	for (uint64_t key = 0; key < table->keys; key++)
		cds_lfht_del(table->hash, &slu_table_at(table, key)->node);
	cds_lfht_destroy(table->hash, NULL);
	slu_pages_free(table->nodes);
}
