/* SPDX-License-Identifier: MIT */
/* engine.c - put, put_if, reserve, remove and get, as one engine thread after another uses them. */
#include "stepped.h"

#include <string.h>

static void set_up(void)
{
	open_with("lanes=2 lane_slots=64 keys=32");
}

TestSuite(engine, .init = set_up, .fini = tear_down);

/* ---- put, get ---- */

Test(engine, what_was_put_is_read_by_any_lane)
{
	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 70);
	assert_equal(value_of(f.other, 7), 70);
}

Test(engine, the_newest_put_is_read)
{
	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_status(put_item(f.other, 7, 71), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 71);
}

Test(engine, versions_grow_by_one_from_the_time_of_opening)
{
	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_equal(version_of(7), world_first_version(&f.world) + 1);
	assert_status(put_item(f.other, 7, 71), SLUICE_OK);
	assert_equal(version_of(7), world_first_version(&f.world) + 2);
}

/* A put takes some ten nanoseconds: so many of one key are more than there are microseconds. */
Test(engine, versions_of_a_busy_key_are_not_above_those_of_the_next_run)
{
	uint64_t last;

	for (uint64_t put = 0; put < 50; put++)
		assert_status(put_item(f.lane, 7, put), SLUICE_OK);
	last = version_of(7);
	tear_down();
	f.world.realtime_us += 1;
	open_in_world("lanes=2 lane_slots=64 keys=32");
	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	cr_assert_gt(version_of(7), last);
}

Test(engine, tickets_number_the_records_of_a_lane)
{
	struct item item = {.id = 7};
	struct event event = {0};
	struct sluice_ticket ticket;

	assert_status(sluice_put(f.other, &items, &item, sizeof(item), &ticket), SLUICE_OK);
	assert_equal(ticket.lane, 1);
	assert_equal(ticket.sequence, 1);
	assert_status(sluice_put(f.other, &events, &event, sizeof(event), &ticket), SLUICE_OK);
	assert_equal(ticket.sequence, 2);
	assert_status(sluice_remove(f.other, &items, &item.id, &ticket), SLUICE_OK);
	assert_equal(ticket.sequence, 3);
}

Test(engine, a_key_never_put_is_a_miss)
{
	struct item item;
	uint64_t id = 7, version = 99;

	assert_status(sluice_get(f.lane, &items, &id, &item, &version), SLUICE_MISS);
	assert_equal(version, 0);
	assert_status(sluice_get(f.lane, &items, &id, &item, NULL), SLUICE_MISS);
}

Test(engine, a_shorter_record_is_read_back_exactly)
{
	struct item item = {.id = 7, .value = 70}, read;
	size_t size = offsetof(struct item, note) + 3;

	memset(&read, 0xee, sizeof(read));
	memcpy(item.note, "abcdef", 6);
	assert_status(sluice_put(f.lane, &items, &item, size, NULL), SLUICE_OK);
	assert_status(sluice_get(f.lane, &items, &item.id, &read, NULL), SLUICE_OK);
	cr_assert_arr_eq(&read, &item, size);
	for (size_t i = size; i < sizeof(read); i++)
		assert_equal(((unsigned char *)&read)[i], 0xee);
}

Test(engine, a_shorter_record_is_read_back_exactly_from_its_clean_copy)
{
	struct item item = {.id = 7, .value = 70}, read;
	size_t size = offsetof(struct item, note) + 3;

	memset(&read, 0xee, sizeof(read));
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	world_settle(f.sluice);
	assert_status(sluice_put(f.lane, &items, &item, size, NULL), SLUICE_OK);
	world_settle(f.sluice);
	assert_status(sluice_get(f.lane, &items, &item.id, &read, NULL), SLUICE_OK);
	cr_assert_arr_eq(&read, &item, size);
	for (size_t i = size; i < sizeof(read); i++)
		assert_equal(((unsigned char *)&read)[i], 0xee);
}

Test(engine, get_on_an_append_stream_is_invalid)
{
	struct event event;
	uint64_t key = 0;

	assert_status(sluice_get(f.lane, &events, &key, &event, NULL), SLUICE_INVALID);
}

/* ---- reserve, commit, cancel ---- */

Test(engine, a_reserved_record_is_accepted_at_its_commit)
{
	uint64_t id = 7;
	struct sluice_ticket ticket;
	void *record;

	assert_status(sluice_reserve(f.lane, &items, &id, &record), SLUICE_OK);
	assert_equal(((struct item *)record)->id, 7);
	((struct item *)record)->value = 70;
	assert_equal(accepted(), 0);
	assert_equal(version_of(7), 0);
	assert_status(sluice_commit(f.lane, &ticket), SLUICE_OK);
	assert_equal(ticket.sequence, 1);
	assert_equal(value_of(f.other, 7), 70);
}

Test(engine, with_a_reserve_open_all_but_get_is_busy)
{
	struct item item = {.id = 7};
	uint64_t id = 8;
	void *record, *second = NULL;

	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_status(sluice_reserve(f.lane, &items, &id, &record), SLUICE_OK);
	assert_status(put_item(f.lane, 7, 71), SLUICE_BUSY);
	assert_status(put_event(f.lane, 1), SLUICE_BUSY);
	assert_status(sluice_put_if(f.lane, &items, &item, sizeof(item), version_of(7), NULL),
	              SLUICE_BUSY);
	assert_status(sluice_remove(f.lane, &items, &item.id, NULL), SLUICE_BUSY);
	assert_status(sluice_reserve(f.lane, &items, &id, &second), SLUICE_BUSY);
	assert_status(sluice_detach(f.lane), SLUICE_BUSY);
	cr_assert_null(second);
	assert_equal(value_of(f.lane, 7), 70);
	assert_equal(accepted(), 1);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_OK);
	assert_status(put_item(f.lane, 7, 71), SLUICE_OK);
}

Test(engine, a_reserve_does_not_disturb_other_lanes)
{
	uint64_t id = 8;
	void *record;

	assert_status(sluice_reserve(f.lane, &items, &id, &record), SLUICE_OK);
	assert_status(put_item(f.other, 8, 80), SLUICE_OK);
	assert_equal(value_of(f.lane, 8), 80);
	((struct item *)record)->value = 81;
	assert_status(sluice_commit(f.lane, NULL), SLUICE_OK);
	assert_equal(value_of(f.other, 8), 81);
}

Test(engine, commit_without_reserve_is_invalid)
{
	assert_status(sluice_commit(f.lane, NULL), SLUICE_INVALID);
	assert_status(put_event(f.lane, 1), SLUICE_OK);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_INVALID);
	assert_equal(accepted(), 1);
}

Test(engine, a_second_commit_is_invalid)
{
	void *record;

	assert_status(sluice_reserve(f.lane, &events, NULL, &record), SLUICE_OK);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_OK);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_INVALID);
	assert_equal(accepted(), 1);
}

Test(engine, cancel_forgets_the_record_and_frees_the_lane)
{
	uint64_t id = 7;
	void *record;

	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_status(sluice_reserve(f.lane, &items, &id, &record), SLUICE_OK);
	((struct item *)record)->value = 71;
	sluice_cancel(f.lane);
	sluice_cancel(f.lane);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_INVALID);
	assert_equal(value_of(f.lane, 7), 70);
	assert_equal(version_of(7), world_first_version(&f.world) + 1);
	assert_status(put_item(f.lane, 7, 72), SLUICE_OK);
	assert_equal(accepted(), 2);
}

/* ---- put_if ---- */

static enum sluice_status put_if(struct sluice_lane *lane, uint64_t id, uint64_t value,
                                 uint64_t expected)
{
	struct item item = {.id = id, .value = value};

	return sluice_put_if(lane, &items, &item, sizeof(item), expected, NULL);
}

Test(engine, put_if_with_the_version_read_is_accepted)
{
	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_status(put_if(f.other, 7, 71, version_of(7)), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 71);
	assert_equal(version_of(7), world_first_version(&f.world) + 2);
}

Test(engine, put_if_with_another_version_changes_nothing)
{
	uint64_t old;

	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	old = version_of(7);
	assert_status(put_item(f.lane, 7, 71), SLUICE_OK);
	assert_status(put_if(f.other, 7, 72, old), SLUICE_CONFLICT);
	assert_status(put_if(f.other, 7, 72, old + 2), SLUICE_CONFLICT);
	assert_status(put_if(f.other, 7, 72, 0), SLUICE_CONFLICT);
	assert_equal(value_of(f.lane, 7), 71);
	assert_equal(version_of(7), old + 1);
	assert_equal(accepted(), 2);
}

Test(engine, put_if_expecting_nothing_is_accepted_once)
{
	assert_status(put_if(f.lane, 7, 70, 0), SLUICE_OK);
	assert_status(put_if(f.other, 7, 71, 0), SLUICE_CONFLICT);
	assert_equal(value_of(f.lane, 7), 70);
}

Test(engine, put_if_after_a_removal_expects_its_version)
{
	uint64_t id = 7;

	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_status(sluice_remove(f.lane, &items, &id, NULL), SLUICE_OK);
	assert_status(put_if(f.lane, 7, 71, 0), SLUICE_CONFLICT);
	assert_status(put_if(f.lane, 7, 71, version_of(7)), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 71);
}

Test(engine, a_conflict_on_a_key_never_held_leaves_it_so)
{
	assert_status(put_if(f.lane, 7, 70, 12345), SLUICE_CONFLICT);
	assert_equal(version_of(7), 0);
	assert_equal(accepted(), 0);
	assert_status(put_if(f.lane, 7, 70, 0), SLUICE_OK);
}

/* ---- remove ---- */

Test(engine, a_removed_key_is_a_miss_with_the_version_of_the_removal)
{
	struct item item = {.value = 1234};
	uint64_t id = 7, version;

	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	assert_status(sluice_remove(f.other, &items, &id, NULL), SLUICE_OK);
	assert_status(sluice_get(f.lane, &items, &id, &item, &version), SLUICE_MISS);
	assert_equal(version, world_first_version(&f.world) + 2);
	assert_equal(item.value, 1234);
	world_settle(f.sluice); /* and from its clean copy */
	assert_status(sluice_get(f.lane, &items, &id, &item, &version), SLUICE_MISS);
	assert_equal(version, world_first_version(&f.world) + 2);
}

Test(engine, removing_a_key_never_held_is_a_record)
{
	uint64_t id = 7;

	assert_status(sluice_remove(f.lane, &items, &id, NULL), SLUICE_OK);
	assert_equal(accepted(), 1);
	world_settle(f.sluice);
	cr_assert(f.sink->rows[0].removed);
	assert_equal(f.sink->rows[0].record.item.id, 7);
	assert_equal(f.sink->rows[0].record.item.value, 0);
}

Test(engine, a_removal_carries_nothing_of_what_the_slot_held_before)
{
	struct item item = {.value = UINT64_MAX};
	uint64_t id = 7;

	memset(item.note, 0xff, sizeof(item.note));
	for (item.id = 100; item.id < 120; item.id++)
		assert_status(sluice_put(f.lane, &items, &item, sizeof(item), NULL), SLUICE_OK);
	for (int i = 20; i < 64; i++)
		assert_status(put_event(f.lane, 1), SLUICE_OK);
	world_settle(f.sluice);
	assert_status(sluice_remove(f.lane, &items, &id, NULL), SLUICE_OK);
	world_settle(f.sluice);
	item = (struct item){.id = 7};
	cr_assert_arr_eq(&f.sink->rows[f.sink->row_count - 1].record.item, &item, sizeof(item));
}

/* ---- sections ---- */

Test(engine, every_call_leaves_its_section)
{
	struct item item = {.id = 7};
	struct sluice_lane *lane = f.lane;
	void *record;

	assert_status(put_item(lane, 7, 70), SLUICE_OK);
	assert_status(put_if(lane, 7, 70, 1), SLUICE_CONFLICT);
	assert_status(sluice_remove(lane, &items, &item.id, NULL), SLUICE_OK);
	assert_status(sluice_get(lane, &items, &item.id, &item, NULL), SLUICE_MISS);
	assert_status(sluice_reserve(lane, &items, &item.id, &record), SLUICE_OK);
	assert_status(sluice_commit(lane, NULL), SLUICE_OK);
	while (put_event(lane, 1) == SLUICE_OK)
		;
	assert_equal(lane->engine.section % 2, 0);
}
