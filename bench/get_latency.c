/* SPDX-License-Identifier: MIT */
/*
 * What does a get cost, beside one lookup in liburcu's hash table and one copy?
 *
 * A sample is the mean of a burst of 20 gets of keys drawn evenly. Both hold the same orders (384
 * bytes) under the same keys, in tables of as many buckets; nobody writes meanwhile. For the
 * baseline each record stands right behind its key, in a node of its own, and needs no protection,
 * because nothing is ever changed: it is what a lookup costs before anybody may put.
 */
#include "bench/reading_sink.h"
#include "bench/records.h"
#include "bench/table.h"

#include <stdlib.h>

#define PAUSE_NS 20000
#define BURSTS 1000 /* a round and row */
#define BURSTS_QUICK 250
#define BURSTS_WARM 250
#define SETTLE_NS 100000000 /* until the flusher has moved the last records out of the lane */

/* ---- the baseline ---- */

static void open_table(struct slu_table *table, const struct trading_order *some, uint64_t keys)
{
	struct trading_order order = *some;

	slu_table_open(table, keys, sizeof(order));
	for (uint64_t key = 0; key < keys; key++) {
		slu_record_name(&order.id, key);
		memcpy(slu_table_at(table, key)->record, &order, sizeof(order));
	}
}

/* ---- Sluice ---- */

struct cache {
	struct sluice *sluice;
	struct sluice_lane *lane;
	struct slu_reading_sink sink;
};

static void open_cache(struct cache *cache, const struct slu_measure *measure,
                       const struct trading_order *some, uint64_t keys)
{
	struct trading_order order = *some;
	struct sluice_options options;
	struct sluice_error error;

	slu_reading_sink_init(&cache->sink);
	sluice_options_init(&options);
	options.lanes = 1;
	options.keys = keys;
	slu_measure_pin_other(measure);
	cache->sluice = sluice_open_with(&cache->sink.sink, &trading_streams, &options, &error);
	slu_measure_pin_engine(measure);
	if (cache->sluice == NULL)
		slu_measure_fail("sluice_open: %s", error.message);
	cache->lane = sluice_attach(cache->sluice, SLUICE_CPU_CURRENT, &error);
	if (cache->lane == NULL)
		slu_measure_fail("sluice_attach: %s", error.message);
	for (uint64_t key = 0; key < keys; key++) {
		slu_record_name(&order.id, key);
		while (trading_orders_put(cache->lane, &order, NULL) != SLUICE_OK)
			if (sluice_flush(cache->sluice, sluice_seconds(10)) != SLUICE_OK)
				slu_measure_fail("the flusher stands still");
	}
	if (sluice_flush(cache->sluice, sluice_seconds(10)) != SLUICE_OK)
		slu_measure_fail("the flusher stands still");
	slu_measure_spin(measure, SETTLE_NS);
}

static void close_cache(struct cache *cache, uint64_t keys)
{
	struct sluice_report report;

	if (sluice_close(cache->sluice, sluice_seconds(10), &report) != SLUICE_OK ||
	    report.account.committed != keys)
		slu_measure_fail("%llu of %llu orders were committed: %s",
		                 (unsigned long long)report.account.committed,
		                 (unsigned long long)keys, report.reason);
}

/* ---- bursts ---- */

struct run {
	struct slu_records records; /* their keys are asked for, and they are written over */
	struct slu_table table;
	struct cache cache;
	struct sluice_uuid ids[SLU_MEASURE_BURST];
	uint64_t random;
	uint64_t checked, wrong;
};

static void check_last(struct run *run)
{
	for (size_t i = 0; i < SLU_MEASURE_BURST; i++) {
		const struct trading_order *order = slu_records_at(&run->records, i);

		run->checked++;
		run->wrong += memcmp(&order->id, &run->ids[i], sizeof(order->id)) != 0;
	}
}

static void prepare(void *context)
{
	struct run *run = context;

	check_last(run);
	for (size_t i = 0; i < SLU_MEASURE_BURST; i++)
		slu_record_name(&run->ids[i], slu_record_draw(&run->random, run->records.keys));
}

static bool table_get(const struct slu_table *table, const struct sluice_uuid *id,
                      struct trading_order *order)
{
	const struct slu_table_node *node = slu_table_find(table, id);

	if (node == NULL)
		return false;
	memcpy(order, node->record, sizeof(*order));
	return true;
}

static size_t burst_table(void *context)
{
	struct run *run = context;
	size_t count = 0;

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++)
		count += table_get(&run->table, &run->ids[i], slu_records_at(&run->records, i));
	return count;
}

static size_t burst_cache(void *context)
{
	struct run *run = context;
	size_t count = 0;

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++)
		count += trading_orders_get(run->cache.lane, &run->ids[i],
		                            slu_records_at(&run->records, i), NULL) == SLUICE_OK;
	return count;
}

static size_t burst_nothing(void *context)
{
	(void)context;
	return SLU_MEASURE_BURST;
}

/* ---- rounds ---- */

static void measure_row(struct slu_measure *measure, struct slu_measure_row *row, struct run *run,
                        size_t (*burst)(void *))
{
	const struct slu_measure_work work = {prepare, burst, run, PAUSE_NS};

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++)
		memcpy(&run->ids[i], slu_records_at(&run->records, i), sizeof(run->ids[i]));
	slu_measure_bursts(measure, NULL, BURSTS_WARM, &work);
	slu_measure_bursts(measure, row, measure->quick ? BURSTS_QUICK : BURSTS, &work);
	check_last(run);
	if (run->wrong > 0)
		slu_measure_fail("%s: %llu of %llu gets brought another order", row->name,
		                 (unsigned long long)run->wrong, (unsigned long long)run->checked);
}

static void run_keys(struct slu_measure *measure, uint64_t keys, struct slu_measure_row *baseline,
                     struct slu_measure_row *subject)
{
	struct run *run = aligned_alloc(64, (sizeof(*run) + 63) / 64 * 64);
	const struct trading_order *order;

	if (run == NULL)
		slu_measure_fail("no memory");
	memset(run, 0, sizeof(*run));
	slu_records_init(&run->records, SLU_RECORD_ORDER, 0, keys);
	order = slu_records_at(&run->records, 0);
	open_table(&run->table, order, keys);
	measure_row(measure, baseline, run, burst_table);
	slu_table_close(&run->table);
	open_cache(&run->cache, measure, order, keys);
	measure_row(measure, subject, run, burst_cache);
	close_cache(&run->cache, keys);
	free(run);
}

int main(int argc, char **argv)
{
	const struct slu_measure_work nothing = {.burst = burst_nothing, .pause_ns = PAUSE_NS};
	struct slu_measure_row *clock, *table_few, *table_many, *get_few, *get_many;
	struct slu_measure measure;

	slu_measure_begin(
		&measure, argc, argv,
		"What does a get cost, beside one lookup in liburcu's hash table and one copy?",
		"ns a get");
	clock = slu_measure_row(&measure, "the clock's share", SLU_LIMIT, NULL);
	table_few = slu_measure_row(&measure, "lookup and copy, 1,000 keys", SLU_BASELINE, NULL);
	get_few = slu_measure_row(&measure, "get, order (384), 1,000 keys", SLU_SUBJECT, table_few);
	table_many = slu_measure_row(&measure, "lookup and copy, 100,000 keys", SLU_BASELINE, NULL);
	get_many = slu_measure_row(&measure, "get, order (384), 100,000 keys", SLU_SUBJECT,
	                           table_many);
	slu_measure_pin_engine(&measure);
	for (size_t round = 0; round < measure.rounds; round++) {
		if (round > 0)
			slu_measure_next_round(&measure);
		slu_measure_bursts(&measure, clock, measure.quick ? BURSTS_QUICK : BURSTS,
		                   &nothing);
		run_keys(&measure, 1000, table_few, get_few);
		run_keys(&measure, 100000, table_many, get_many);
	}
	slu_measure_note(&measure, "bursts of %d, %d us apart, %d a row and round; nobody puts",
	                 SLU_MEASURE_BURST, PAUSE_NS / 1000, measure.quick ? BURSTS_QUICK : BURSTS);
	return slu_measure_end(&measure);
}
