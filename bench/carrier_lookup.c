/* SPDX-License-Identifier: MIT */
/*
 * carrier_lookup.c - the least that a state put could do: find the key in a hash table, take a
 * version, copy the record into a ring, tell where the newest one is.
 *
 * One lookup, two atomic read-modify-writes of the line that it found, one plain copy
 * (ring_copy.c). Nobody ever gets from it, and nothing in it could be taken back.
 */
#include "bench/carrier.h"
#include "bench/ring.h"
#include "bench/table.h"

#include <stdlib.h>

struct lookup {
	struct slu_table table;
	const struct slu_ring_ops *ops;
	void *ring;
	bool (*close)(struct slu_carrier *carrier); /* the ring's */
};

static bool put(void *self, const void *record)
{
	struct lookup *lookup = self;
	const struct trading_order *order = record;
	struct slu_table_node *node = slu_table_find(&lookup->table, &order->id);
	uint64_t version, before;

	if (node == NULL)
		return false;
	version = atomic_fetch_add_explicit(&node->version, 1, memory_order_acq_rel) + 1;
	if (!lookup->ops->put(lookup->ring, record))
		return false;
	before = version - 1;
	return atomic_compare_exchange_strong_explicit(&node->newest, &before, version,
	                                               memory_order_acq_rel, memory_order_relaxed);
}

static size_t burst(void *self, const unsigned char *records, size_t stride, size_t count)
{
	size_t done = 0;

	while (done < count && put(self, records + done * stride))
		done++;
	return done;
}

static bool close_lookup(struct slu_carrier *carrier)
{
	struct lookup *lookup = carrier->self;
	bool whole = lookup->close(carrier);
	uint64_t versions = 0;

	for (uint64_t key = 0; key < lookup->table.keys; key++)
		versions += atomic_load_explicit(&slu_table_at(&lookup->table, key)->version,
		                                 memory_order_relaxed); /* nobody else is left */
	slu_table_close(&lookup->table);
	free(lookup);
	return whole && versions == carrier->put_count;
}

void slu_carrier_open_lookup(struct slu_carrier *carrier)
{
	struct lookup *lookup = slu_measure_allocate(1, sizeof(*lookup));

	slu_carrier_open_ring(carrier);
	slu_table_open(&lookup->table, carrier->plan.keys, 0);
	lookup->ops = slu_ring_copy(carrier->records.size);
	lookup->ring = carrier->self;
	lookup->close = carrier->close;
	carrier->self = lookup;
	carrier->put = put;
	carrier->burst = burst;
	carrier->close = close_lookup;
}
