/* SPDX-License-Identifier: MIT */
/* warm.c - the database's records in the cache: only where nobody was first, pending nowhere. */
#include "core/grace.h"
#include "stepped.h"

#include <string.h>

#define ROW_VERSION 5 /* of a run long ago */

static void set_up(void)
{
	open_with("lanes=2 lane_slots=64 keys=32");
}

TestSuite(warm, .init = set_up, .fini = tear_down);

static enum sluice_status warm_item(struct sluice_lane *lane, uint64_t id, uint64_t value,
                                    uint64_t version)
{
	struct item item = {.id = id, .value = value};

	return sluice_warm(lane, &items, &item, sizeof(item), version);
}

/* ---- what is warmed ---- */

Test(warm, a_warmed_record_is_read_by_any_lane)
{
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 70);
	assert_equal(value_of(f.other, 7), 70);
}

Test(warm, nothing_becomes_pending_and_nothing_is_sent)
{
	struct sluice_stats stats;

	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	world_settle(f.sluice);
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.account.accepted, 0);
	assert_equal(stats.account.pending, 0);
	assert_equal(stats.batches, 0);
	assert_equal(stats.lane_depth, 0);
	assert_equal(value_of(f.lane, 7), 70);
}

Test(warm, an_old_row_has_the_least_version_that_no_put_has)
{
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	assert_equal(version_of(7), world_first_version(&f.world) + 1);
}

Test(warm, a_row_from_a_later_clock_keeps_its_version)
{
	uint64_t version = world_first_version(&f.world) + 1000;

	assert_status(warm_item(f.lane, 7, 70, version), SLUICE_OK);
	assert_equal(version_of(7), version);
	assert_status(put_item(f.lane, 7, 71), SLUICE_OK);
	assert_equal(version_of(7), version + 1);
}

Test(warm, the_row_of_a_clock_just_behind_is_passed_by_the_first_put)
{
	assert_status(warm_item(f.lane, 7, 70, world_first_version(&f.world)), SLUICE_OK);
	assert_equal(version_of(7), world_first_version(&f.world) + 1);
	assert_status(put_item(f.lane, 7, 71), SLUICE_OK);
	assert_equal(version_of(7), world_first_version(&f.world) + 2);
	assert_equal(value_of(f.lane, 7), 71);
}

Test(warm, put_if_takes_the_version_that_get_told)
{
	struct item item = {.id = 7, .value = 71};

	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	assert_status(sluice_put_if(f.lane, &items, &item, sizeof(item), 0, NULL), SLUICE_CONFLICT);
	assert_status(sluice_put_if(f.lane, &items, &item, sizeof(item), version_of(7) + 1, NULL),
	              SLUICE_CONFLICT);
	assert_status(sluice_put_if(f.lane, &items, &item, sizeof(item), version_of(7), NULL),
	              SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 71);
}

Test(warm, a_put_over_it_goes_to_its_clean_copy_and_is_read_whole)
{
	for (uint64_t value = 71; value < 75; value++) {
		assert_status(warm_item(f.lane, value, 70, ROW_VERSION), SLUICE_OK);
		assert_status(put_item(f.lane, value, value), SLUICE_OK);
		world_settle(f.sluice);
		assert_equal(value_of(f.lane, value), value);
	}
	assert_equal(released(), 4);
}

Test(warm, a_warmed_key_is_removed_with_a_greater_version)
{
	struct item item;
	uint64_t id = 7, version;

	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	assert_status(sluice_remove(f.lane, &items, &id, NULL), SLUICE_OK);
	assert_status(sluice_get(f.lane, &items, &id, &item, &version), SLUICE_MISS);
	assert_equal(version, world_first_version(&f.world) + 2);
}

Test(warm, a_short_record_is_read_back_exactly)
{
	struct item item = {.id = 7, .value = 70}, read;
	size_t size = offsetof(struct item, note) + 3;

	memset(&read, 0xee, sizeof(read));
	memcpy(item.note, "abcdef", 6);
	assert_status(sluice_warm(f.lane, &items, &item, size, 1), SLUICE_OK);
	assert_status(sluice_get(f.lane, &items, &item.id, &read, NULL), SLUICE_OK);
	cr_assert_arr_eq(&read, &item, size);
	for (size_t i = size; i < sizeof(read); i++)
		assert_equal(((unsigned char *)&read)[i], 0xee);
}

/* ---- what the cache knows ---- */

Test(warm, what_was_put_stays)
{
	assert_status(put_item(f.other, 7, 71), SLUICE_OK);
	assert_status(warm_item(f.lane, 7, 70, UINT32_MAX), SLUICE_CONFLICT);
	assert_equal(value_of(f.lane, 7), 71);
	world_settle(f.sluice);
	assert_status(warm_item(f.lane, 7, 70, INT64_MAX), SLUICE_CONFLICT);
	assert_equal(value_of(f.lane, 7), 71);
	assert_equal(version_of(7), world_first_version(&f.world) + 1);
}

Test(warm, what_was_removed_stays_removed)
{
	struct item item;
	uint64_t id = 7;

	assert_status(sluice_remove(f.lane, &items, &id, NULL), SLUICE_OK);
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_CONFLICT);
	world_settle(f.sluice);
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_CONFLICT);
	assert_status(sluice_get(f.lane, &items, &id, &item, NULL), SLUICE_MISS);
}

Test(warm, what_was_warmed_stays)
{
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	assert_status(warm_item(f.other, 7, 71, ROW_VERSION + 1), SLUICE_CONFLICT);
	assert_equal(value_of(f.lane, 7), 70);
}

/* As an engine leaves it that stops for ever between the version and the record. */
Test(warm, one_that_was_cut_off_is_a_miss_until_the_next_put)
{
	struct item item;
	uint64_t id = 7;

	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	slu_cache_find(&f.sluice->caches[items.index], &id)->newest = NULL;
	assert_status(sluice_get(f.lane, &items, &id, &item, NULL), SLUICE_MISS);
	assert_status(warm_item(f.other, 7, 70, ROW_VERSION), SLUICE_CONFLICT);
	assert_status(put_item(f.other, 7, 71), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 71);
	assert_equal(version_of(7), world_first_version(&f.world) + 2);
	world_settle(f.sluice);
	assert_equal(value_of(f.lane, 7), 71);
}

/* ---- refused ---- */

Test(warm, without_an_entry_it_is_full_and_counted)
{
	struct sluice_stats stats;
	uint64_t id = 0;

	while (warm_item(f.lane, id, id, ROW_VERSION) == SLUICE_OK)
		id++;
	cr_assert_geq(id, 32);
	assert_status(warm_item(f.lane, id, id, ROW_VERSION), SLUICE_FULL);
	assert_status(warm_item(f.lane, 0, 0, ROW_VERSION), SLUICE_CONFLICT);
	world_step(f.sluice, 0);
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.keys_full, 2);
	assert_equal(value_of(f.other, id - 1), id - 1);
}

Test(warm, a_lane_without_a_free_slot_warms)
{
	put_events(64);
	assert_status(put_event(f.lane, 1), SLUICE_FULL);
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 70);
}

Test(warm, sizes_streams_and_versions_are_checked)
{
	struct item item = {.id = 7};

	assert_status(sluice_warm(f.lane, &items, &item, sizeof(item) + 1, 1), SLUICE_TOO_LONG);
	assert_status(sluice_warm(f.lane, &items, &item, sizeof(item.id) - 1, 1), SLUICE_INVALID);
	assert_status(sluice_warm(f.lane, &events, &item, sizeof(item), 1), SLUICE_INVALID);
	assert_status(sluice_warm(f.lane, NULL, &item, sizeof(item), 1), SLUICE_INVALID);
	assert_status(warm_item(f.lane, 7, 70, (uint64_t)INT64_MAX + 1), SLUICE_INVALID);
	assert_status(warm_item(NULL, 7, 70, 1), SLUICE_UNATTACHED);
	assert_equal(version_of(7), 0);
}

Test(warm, an_open_reserve_keeps_it_out)
{
	uint64_t id = 8;
	void *record;

	assert_status(sluice_reserve(f.lane, &items, &id, &record), SLUICE_OK);
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_BUSY);
	assert_status(warm_item(f.other, 8, 80, ROW_VERSION), SLUICE_OK);
	((struct item *)record)->value = 81;
	assert_status(sluice_commit(f.lane, NULL), SLUICE_OK);
	assert_equal(value_of(f.lane, 8), 81);
	assert_equal(version_of(8), world_first_version(&f.world) + 2);
}

/* As in a handler that interrupts a call on the lane. */
Test(warm, inside_another_call_it_is_busy)
{
	cr_assert(slu_section_enter(f.lane));
	assert_status(warm_item(f.lane, 7, 70, ROW_VERSION), SLUICE_BUSY);
	slu_section_exit(f.lane);
	assert_equal(version_of(7), 0);
}

Test(warm, a_detached_lane_does_not_warm)
{
	assert_status(sluice_detach(f.other), SLUICE_OK);
	assert_status(warm_item(f.other, 7, 70, ROW_VERSION), SLUICE_UNATTACHED);
}

Test(warm, the_handle_of_the_shared_lanes_warms)
{
	struct sluice_lane *shared = sluice_shared(f.sluice, NULL);

	cr_assert_not_null(shared);
	assert_status(warm_item(shared, 7, 70, ROW_VERSION), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 70);
	assert_status(warm_item(shared, 7, 71, ROW_VERSION), SLUICE_CONFLICT);
	assert_status(put_item(shared, 7, 72), SLUICE_OK);
	assert_equal(value_of(shared, 7), 72);
}
