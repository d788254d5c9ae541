/* SPDX-License-Identifier: MIT */
/*
 * batch.c - what a cut takes, what it leaves, and what becomes of older versions.
 *
 * The records are forged: each test says of each slot its stream, key, version and epoch, as any
 * interleaving of engines could have made it.
 */
#include "core/batch.h"

#include "world.h"

#include <stdlib.h>
#include <string.h>

#define LANES 3
#define NO_LIMIT 1000000

struct fixture {
	struct world world;
	struct scripted_sink *sink;
	struct sluice *sluice;
	struct slu_batch *batch;
};

static struct fixture f;

static void set_up(void)
{
	world_init(&f.world);
	f.sink = scripted_sink_new();
	f.sluice = world_open(&f.world, f.sink, "lanes=3 lane_slots=256 keys=256");
	f.batch = &f.sluice->flusher.wire.batch;
	for (size_t i = 0; i < LANES; i++)
		slu_lane_admit(&f.sluice->lanes[i]);
}

static void tear_down(void)
{
	world_close(f.sluice);
	scripted_sink_free(f.sink);
	assert_equal(f.world.mapped, 0);
}

TestSuite(batch, .init = set_up, .fini = tear_down);

/* ---- forging ---- */

static struct slu_slot *reserve(size_t lane, const struct sluice_stream *stream, uint64_t epoch)
{
	struct slu_slot *slot = NULL;

	assert_status(slu_lane_reserve(&f.sluice->lanes[lane], &slot), SLUICE_OK);
	slot->stream = (uint8_t)stream->index;
	slot->length = (uint16_t)stream->layout.size;
	slot->epoch = epoch;
	slot->flags = 0;
	slot->version = 0;
	memset(slot->record, 0, stream->layout.size);
	return slot;
}

/* Commits as the engine, and sees as the flusher. */
static void commit(size_t lane, struct slu_slot *slot)
{
	slu_lane_commit(&f.sluice->lanes[lane], slot);
	f.sluice->lanes[lane].flusher.seen++;
}

/* An item whose value tells its lane and version. */
static void item(size_t lane, uint64_t id, uint64_t version, uint64_t epoch)
{
	struct slu_slot *slot = reserve(lane, &items, epoch);
	struct slu_entry *entry = slu_cache_find_or_add(&f.sluice->caches[0],
	                                                &f.sluice->lanes[lane], &id);
	struct item record = {.id = id, .value = version};

	slot->version = version;
	slot->entry = slu_cache_index(&f.sluice->caches[0], entry);
	memcpy(slot->record, &record, sizeof(record));
	commit(lane, slot);
}

static void removal(size_t lane, uint64_t id, uint64_t version, uint64_t epoch)
{
	struct slu_slot *slot = NULL;

	item(lane, id, version, epoch);
	slot = slu_lane_slot(&f.sluice->lanes[lane], f.sluice->lanes[lane].flusher.seen - 1);
	slot->flags = SLU_SLOT_REMOVED;
}

static void event(size_t lane, uint64_t value, uint64_t epoch)
{
	struct slu_slot *slot = reserve(lane, &events, epoch);
	struct event record = {.value = value};

	memcpy(slot->record, &record, sizeof(record));
	commit(lane, slot);
}

/* ---- looking ---- */

static void cut(uint64_t limit, uint64_t number)
{
	cr_assert(slu_batch_cut(f.batch, limit, number), "nothing to cut");
	/* B3 */
	uint64_t records = 0;

	for (size_t i = 0; i < LANES; i++)
		records += f.batch->view.to[i] - f.batch->view.from[i];
	assert_equal(f.batch->summary.row_count + f.batch->summary.coalesced, records);
	assert_equal(f.batch->view.row_count, f.batch->summary.row_count);
	assert_equal(f.batch->view.number, number);
}

static const struct item *item_row(size_t part, size_t row)
{
	cr_assert_lt(part, f.batch->view.part_count);
	cr_assert_lt(row, f.batch->view.parts[part].row_count);
	return f.batch->view.parts[part].rows[row].record;
}

static uint64_t event_row(size_t part, size_t row)
{
	cr_assert_lt(part, f.batch->view.part_count);
	cr_assert_lt(row, f.batch->view.parts[part].row_count);
	return ((const struct event *)f.batch->view.parts[part].rows[row].record)->value;
}

static void assert_positions(const uint64_t *positions, uint64_t a, uint64_t b, uint64_t c)
{
	assert_equal(positions[0], a);
	assert_equal(positions[1], b);
	assert_equal(positions[2], c);
}

/* ---- which records ---- */

Test(batch, empty_lanes_give_no_batch)
{
	cr_assert_not(slu_batch_cut(f.batch, NO_LIMIT, 1));
}

Test(batch, records_beyond_the_limit_stay)
{
	event(0, 1, 5);
	event(0, 2, 7);
	event(1, 3, 8);
	cut(6, 1);
	assert_positions(f.batch->view.to, 1, 0, 0);
	cr_assert_not(slu_batch_cut(f.batch, 6, 2));
	cut(7, 2);
	assert_positions(f.batch->view.from, 1, 0, 0);
	assert_positions(f.batch->view.to, 2, 0, 0);
	cut(8, 3);
	assert_positions(f.batch->view.to, 2, 1, 0);
}

Test(batch, records_not_yet_seen_stay)
{
	event(0, 1, 5);
	event(0, 2, 5);
	f.sluice->lanes[0].flusher.seen = 1;
	cut(NO_LIMIT, 1);
	assert_positions(f.batch->view.to, 1, 0, 0);
}

Test(batch, an_effect_never_goes_without_its_cause) /* B1 */
{
	/* Lane 2 caused lane 1's, which caused lane 0's: stamps grow along the chain. */
	event(2, 1, 5);
	event(1, 2, 6);
	event(0, 3, 6);
	event(0, 4, 7);
	f.batch->row_max = 1;
	cut(NO_LIMIT, 1);
	assert_positions(f.batch->view.to, 0, 0, 1);
	cut(NO_LIMIT, 2);
	assert_positions(f.batch->view.to, 1, 1, 1); /* epoch 6 whole, beyond the budget */
	cut(NO_LIMIT, 3);
	assert_positions(f.batch->view.to, 2, 1, 1);
}

Test(batch, random_chains_of_causes_are_never_cut_apart) /* B1 */
{
	static uint64_t stamp_of[LANES][256];
	uint64_t epoch = 5, count[LANES] = {0};

	for (int i = 0; i < 300; i++) {
		size_t lane = world_random(&f.world) % LANES;

		if (world_random(&f.world) % 4 == 0)
			epoch++;
		stamp_of[lane][count[lane]++] = epoch;
		event(lane, epoch, epoch); /* caused by all before it */
	}
	f.batch->row_max = 20;
	for (uint64_t number = 1; slu_batch_cut(f.batch, epoch, number); number++) {
		uint64_t newest_in = 0;

		for (size_t i = 0; i < LANES; i++)
			if (f.batch->view.to[i] > 0 &&
			    stamp_of[i][f.batch->view.to[i] - 1] > newest_in)
				newest_in = stamp_of[i][f.batch->view.to[i] - 1];
		for (size_t i = 0; i < LANES; i++)
			for (uint64_t p = f.batch->view.to[i]; p < count[i]; p++)
				cr_assert_gt(stamp_of[i][p], newest_in);
	}
	assert_positions(f.batch->view.to, count[0], count[1], count[2]);
}

/* ---- the budget ---- */

Test(batch, whole_epochs_fill_the_budget_of_rows_exactly)
{
	for (uint64_t epoch = 1; epoch <= 4; epoch++) {
		event(0, epoch, epoch);
		event(1, epoch, epoch);
	}
	f.batch->row_max = 4;
	cut(NO_LIMIT, 1);
	assert_positions(f.batch->view.to, 2, 2, 0);
	f.batch->row_max = 3;
	cut(NO_LIMIT, 2);
	assert_positions(f.batch->view.to, 3, 3, 0);
}

Test(batch, whole_epochs_fill_the_budget_of_bytes_exactly)
{
	for (uint64_t epoch = 1; epoch <= 4; epoch++)
		event(0, epoch, epoch);
	f.batch->byte_max = 2 * sizeof(struct event);
	cut(NO_LIMIT, 1);
	assert_positions(f.batch->view.to, 2, 0, 0);
	assert_equal(f.batch->summary.bytes, 2 * sizeof(struct event));
	f.batch->byte_max = 2 * sizeof(struct event) - 1;
	cut(NO_LIMIT, 2);
	assert_positions(f.batch->view.to, 3, 0, 0);
}

Test(batch, an_epoch_larger_than_the_budget_is_a_batch_of_its_own)
{
	for (uint64_t i = 0; i < 10; i++)
		event(i % LANES, i, 7);
	event(0, 10, 8);
	f.batch->row_max = 3;
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.row_count, 10);
	cut(NO_LIMIT, 2);
	assert_equal(f.batch->view.row_count, 1);
}

Test(batch, a_large_epoch_does_not_join_a_begun_batch)
{
	event(0, 0, 6);
	for (uint64_t i = 0; i < 10; i++)
		event(1, i, 7);
	f.batch->row_max = 3;
	cut(NO_LIMIT, 1);
	assert_positions(f.batch->view.to, 1, 0, 0);
}

/* ---- coalescing ---- */

Test(batch, append_records_are_all_rows_in_the_order_of_their_lanes)
{
	event(1, 20, 5);
	event(0, 10, 5);
	event(0, 11, 6);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->summary.coalesced, 0);
	assert_equal(event_row(0, 0), 10);
	assert_equal(event_row(0, 1), 11);
	assert_equal(event_row(0, 2), 20);
}

Test(batch, of_a_key_only_the_newest_version_is_a_row)
{
	item(0, 7, 1, 5);
	item(0, 7, 2, 5);
	item(0, 7, 3, 6);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.row_count, 1);
	assert_equal(f.batch->summary.coalesced, 2);
	assert_equal(f.batch->view.parts[0].rows[0].version, 3);
	assert_equal(item_row(0, 0)->value, 3);
}

Test(batch, the_newest_version_wins_whichever_lane_holds_it)
{
	item(0, 7, 2, 5);
	item(1, 7, 9, 5);
	item(2, 7, 4, 5);
	item(0, 8, 3, 5);
	item(1, 8, 1, 5);
	item(2, 9, 5, 5);
	item(0, 9, 6, 6);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.row_count, 3);
	assert_equal(f.batch->summary.coalesced, 4);
	assert_equal(item_row(0, 0)->value, 9);
	assert_equal(item_row(0, 1)->value, 3);
	assert_equal(item_row(0, 2)->value, 6);
}

Test(batch, an_older_version_that_comes_late_is_coalesced_not_sent) /* B2 */
{
	item(0, 7, 5, 5);
	cut(NO_LIMIT, 1);
	item(1, 7, 4, 6);
	item(1, 8, 1, 6);
	cut(NO_LIMIT, 2);
	assert_equal(f.batch->view.row_count, 1);
	assert_equal(f.batch->summary.coalesced, 1);
	assert_equal(item_row(0, 0)->id, 8);
}

Test(batch, a_newer_version_in_a_later_batch_is_a_row_again)
{
	item(0, 7, 5, 5);
	cut(NO_LIMIT, 1);
	item(1, 7, 6, 6);
	cut(NO_LIMIT, 2);
	assert_equal(f.batch->view.row_count, 1);
	assert_equal(f.batch->summary.coalesced, 0);
	assert_equal(item_row(0, 0)->value, 6);
}

Test(batch, only_coalesced_records_make_a_batch_without_parts_that_moves_positions)
{
	item(0, 7, 5, 5);
	cut(NO_LIMIT, 1);
	item(1, 7, 3, 6);
	item(2, 7, 4, 6);
	cut(NO_LIMIT, 2);
	assert_equal(f.batch->view.part_count, 0);
	assert_equal(f.batch->view.row_count, 0);
	assert_equal(f.batch->summary.coalesced, 2);
	assert_positions(f.batch->view.from, 1, 0, 0);
	assert_positions(f.batch->view.to, 1, 1, 1);
}

Test(batch, a_removal_replaces_an_older_row)
{
	item(0, 7, 1, 5);
	removal(1, 7, 2, 5);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.row_count, 1);
	cr_assert(f.batch->view.parts[0].rows[0].removed);
	assert_equal(f.batch->view.parts[0].removed_count, 1);
}

Test(batch, a_record_replaces_an_older_removal)
{
	removal(1, 7, 1, 5);
	item(2, 7, 2, 5);
	cut(NO_LIMIT, 1);
	cr_assert_not(f.batch->view.parts[0].rows[0].removed);
	assert_equal(f.batch->view.parts[0].removed_count, 0);
}

Test(batch, removed_rows_are_counted)
{
	removal(0, 1, 1, 5);
	item(0, 2, 1, 5);
	removal(1, 3, 1, 5);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.parts[0].row_count, 3);
	assert_equal(f.batch->view.parts[0].removed_count, 2);
}

/* ---- order ---- */

Test(batch, state_rows_are_in_the_order_of_their_keys_bytes)
{
	for (uint64_t i = 0; i < 100; i++)
		item(i % LANES, world_random(&f.world), 1, 5);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.row_count, 100);
	for (size_t i = 1; i < 100; i++)
		cr_assert_lt(memcmp(&item_row(0, i - 1)->id, &item_row(0, i)->id, 8), 0);
}

Test(batch, parts_are_in_the_order_of_their_streams_and_none_is_empty)
{
	event(0, 1, 5);
	item(0, 7, 1, 5);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.part_count, 2);
	cr_assert_eq(f.batch->view.parts[0].stream, &items);
	cr_assert_eq(f.batch->view.parts[1].stream, &events);
	event(0, 2, 6);
	cut(NO_LIMIT, 2);
	assert_equal(f.batch->view.part_count, 1);
	cr_assert_eq(f.batch->view.parts[0].stream, &events);
}

Test(batch, every_slot_of_every_lane_fits_one_batch)
{
	for (size_t lane = 0; lane < LANES; lane++)
		for (uint64_t i = 0; i < 256; i++)
			event(lane, i, 5);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->view.row_count, LANES * 256);
}

/* ---- what the flusher has to know ---- */

Test(batch, the_end_of_the_last_state_record_is_kept_by_lane)
{
	event(0, 1, 5);
	item(0, 7, 1, 5);
	event(0, 2, 5);
	event(1, 3, 5);
	cut(NO_LIMIT, 1);
	assert_equal(f.sluice->lanes[0].flusher.state_end, 2);
	assert_equal(f.sluice->lanes[1].flusher.state_end, 0);
}

Test(batch, ages_are_kept_by_epoch)
{
	uint64_t first_ns = f.world.now_ns;
	uint64_t epoch = slu_epoch_now(&f.sluice->epoch);

	(void)slu_epoch_advance(&f.sluice->epoch, first_ns + 500);
	event(0, 1, epoch);
	event(1, 2, epoch);
	event(0, 3, epoch + 1);
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->summary.lag_count, 2);
	assert_equal(f.batch->summary.lags[0].began_ns, first_ns);
	assert_equal(f.batch->summary.lags[0].records, 2);
	assert_equal(f.batch->summary.lags[1].began_ns, first_ns + 500);
	assert_equal(f.batch->summary.lags[1].records, 1);
}

Test(batch, with_more_epochs_than_ages_no_record_is_uncounted_nor_too_young)
{
	uint64_t began_ns = f.world.now_ns, records = 0;
	uint64_t epoch = slu_epoch_now(&f.sluice->epoch);

	for (uint64_t i = 0; i < 2 * SLU_LAGS; i++) {
		event(0, i, epoch + i);
		(void)slu_epoch_advance(&f.sluice->epoch, began_ns + (i + 1) * 1000);
	}
	cut(NO_LIMIT, 1);
	assert_equal(f.batch->summary.lag_count, SLU_LAGS);
	for (size_t i = 0; i < SLU_LAGS; i++) {
		cr_assert_leq(f.batch->summary.lags[i].began_ns, began_ns + i * 1000);
		records += f.batch->summary.lags[i].records;
	}
	assert_equal(records, 2 * SLU_LAGS);
}
