/* SPDX-License-Identifier: MIT */
/* refusal.c - every status with which the hot path refuses, and after each: what did not move. */
#include "stepped.h"

#include <string.h>

static void set_up(void)
{
	open_with("lanes=2 lane_slots=64 keys=32");
}

TestSuite(refusal, .init = set_up, .fini = tear_down);
TestSuite(refusal_with, .fini = tear_down);

static void fill_lane(void)
{
	for (uint64_t i = 0; i < 64; i++)
		assert_status(put_event(f.lane, i), SLUICE_OK);
}

static enum sluice_status put_if(struct sluice_lane *lane, uint64_t id, uint64_t value,
                                 uint64_t expected)
{
	struct item item = {.id = id, .value = value};

	return sluice_put_if(lane, &items, &item, sizeof(item), expected, NULL);
}

/* ---- wrong use ---- */

/* Each call on the lane with the stream gets `expected`, and nothing is accepted. */
static void assert_all_refuse(struct sluice_lane *lane, const struct sluice_stream *stream,
                              enum sluice_status expected)
{
	struct item item = {.id = 7};
	uint64_t before = accepted();
	void *record;

	assert_status(sluice_put(lane, stream, &item, 16, NULL), expected);
	assert_status(sluice_put_if(lane, stream, &item, 16, 0, NULL), expected);
	assert_status(sluice_reserve(lane, stream, &item.id, &record), expected);
	assert_status(sluice_remove(lane, stream, &item.id, NULL), expected);
	assert_status(sluice_get(lane, stream, &item.id, &item, NULL), expected);
	assert_equal(accepted(), before);
	assert_equal(f.sluice->caches[0].taken, 0);
}

Test(refusal, without_a_lane_every_call_is_unattached)
{
	assert_all_refuse(NULL, &items, SLUICE_UNATTACHED);
	assert_status(sluice_commit(NULL, NULL), SLUICE_UNATTACHED);
	assert_status(sluice_detach(NULL), SLUICE_UNATTACHED);
	sluice_cancel(NULL);
}

Test(refusal, on_a_detached_lane_every_call_is_unattached)
{
	assert_status(sluice_detach(f.lane), SLUICE_OK);
	assert_all_refuse(f.lane, &items, SLUICE_UNATTACHED);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_UNATTACHED);
	assert_status(sluice_detach(f.lane), SLUICE_UNATTACHED);
	sluice_cancel(f.lane);
	assert_status(put_item(f.lane, 7, 1), SLUICE_UNATTACHED);
}

Test(refusal, a_stream_of_another_set_is_invalid)
{
	struct sluice_stream twin = items, far = items;

	far.index = 7;
	assert_all_refuse(f.lane, &twin, SLUICE_INVALID);
	assert_all_refuse(f.lane, &far, SLUICE_INVALID);
	assert_all_refuse(f.lane, NULL, SLUICE_INVALID);
}

Test(refusal, state_calls_on_an_append_stream_are_invalid)
{
	struct event event = {0};
	uint64_t key = 0;
	void *record;

	assert_status(sluice_put_if(f.lane, &events, &event, sizeof(event), 0, NULL),
	              SLUICE_INVALID);
	assert_status(sluice_remove(f.lane, &events, &key, NULL), SLUICE_INVALID);
	assert_status(sluice_reserve(f.lane, &events, &key, &record), SLUICE_INVALID);
	assert_status(sluice_reserve(f.lane, &items, NULL, &record), SLUICE_INVALID);
	assert_equal(accepted(), 0);
}

Test(refusal, a_record_one_byte_too_long_changes_nothing)
{
	struct item item[2] = {{.id = 7}};

	assert_status(sluice_put(f.lane, &items, item, sizeof(item[0]) + 1, NULL), SLUICE_TOO_LONG);
	assert_status(sluice_put_if(f.lane, &items, item, sizeof(item[0]) + 1, 0, NULL),
	              SLUICE_TOO_LONG);
	assert_equal(accepted(), 0);
	assert_equal(version_of(7), 0);
	assert_equal(f.sluice->caches[0].taken, 0);
	assert_status(sluice_put(f.lane, &items, item, sizeof(item[0]), NULL), SLUICE_OK);
}

Test(refusal, a_record_that_ends_before_its_key_does_is_invalid)
{
	struct item item = {.id = 7};
	size_t size = offsetof(struct item, id) + sizeof(item.id) - 1;

	assert_status(sluice_put(f.lane, &items, &item, size, NULL), SLUICE_INVALID);
	assert_status(sluice_put_if(f.lane, &items, &item, size, 0, NULL), SLUICE_INVALID);
	assert_equal(accepted(), 0);
	assert_equal(f.sluice->caches[0].taken, 0);
	assert_status(sluice_put(f.lane, &items, &item, size + 1, NULL), SLUICE_OK);
}

/* ---- no room ---- */

Test(refusal, a_full_lane_changes_nothing)
{
	struct item item = {.id = 7};
	struct sluice_stats stats;
	void *record;

	assert_status(put_item(f.other, 7, 70), SLUICE_OK);
	fill_lane();
	assert_status(put_item(f.lane, 7, 71), SLUICE_FULL);
	assert_status(put_item(f.lane, 8, 80), SLUICE_FULL);
	assert_status(put_event(f.lane, 1), SLUICE_FULL);
	assert_status(put_if(f.lane, 7, 71, version_of(7)), SLUICE_FULL);
	assert_status(sluice_remove(f.lane, &items, &item.id, NULL), SLUICE_FULL);
	assert_status(sluice_reserve(f.lane, &items, &item.id, &record), SLUICE_FULL);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_INVALID);
	assert_equal(value_of(f.lane, 7), 70);
	assert_equal(version_of(7), world_first_version(&f.world) + 1);
	assert_equal(version_of(8), 0);
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.account.accepted, 65);
	assert_equal(stats.full, 6);
}

Test(refusal, without_an_entry_for_a_new_key_a_put_is_full_and_old_keys_go_on)
{
	uint64_t key = 0, before;
	void *record;

	while (put_item(f.lane, key, key) == SLUICE_OK) {
		key++;
		world_settle(f.sluice);
	}
	cr_assert_geq(key, 32);
	before = accepted();
	assert_status(put_item(f.lane, key, 1), SLUICE_FULL);
	assert_status(put_item(f.other, key, 1), SLUICE_FULL);
	assert_status(sluice_remove(f.lane, &items, &key, NULL), SLUICE_FULL);
	assert_status(sluice_reserve(f.lane, &items, &key, &record), SLUICE_FULL);
	assert_equal(accepted(), before);
	assert_equal(version_of(key), 0);
	assert_equal(f.lane->engine.keys_full, 4); /* the first is what ended the loop */
	assert_equal(f.other->engine.keys_full, 1);
	assert_equal(f.lane->engine.full + f.other->engine.full, 0);
	assert_status(put_item(f.lane, 0, 99), SLUICE_OK);
	assert_equal(value_of(f.lane, 0), 99);
	assert_status(put_event(f.lane, 1), SLUICE_OK);
}

Test(refusal_with, block_waits_its_time_then_is_full)
{
	uint64_t began_ns;

	open_with("lanes=2 lane_slots=64 keys=32 overflow=block(5ms)");
	fill_lane();
	began_ns = f.world.now_ns;
	assert_status(put_event(f.lane, 1), SLUICE_FULL);
	cr_assert_geq(f.world.now_ns - began_ns, 5 * MS);
	cr_assert_leq(f.world.now_ns - began_ns, 6 * MS);
	assert_equal(accepted(), 64);
}

static void release_one(void *lane)
{
	slu_lane_release(lane, 1);
}

Test(refusal_with, block_succeeds_as_soon_as_there_is_room)
{
	uint64_t began_ns;

	open_with("lanes=2 lane_slots=64 keys=32 overflow=block(5ms)");
	fill_lane();
	began_ns = f.world.now_ns;
	f.world.on_wait = release_one;
	f.world.on_wait_context = f.lane;
	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	cr_assert_lt(f.world.now_ns - began_ns, MS);
	assert_equal(value_of(f.lane, 7), 70);
}

Test(refusal_with, a_reserve_blocks_too)
{
	void *record;

	open_with("lanes=2 lane_slots=64 keys=32 overflow=block(5ms)");
	fill_lane();
	assert_status(sluice_reserve(f.lane, &events, NULL, &record), SLUICE_FULL);
	f.world.on_wait = release_one;
	f.world.on_wait_context = f.lane;
	assert_status(sluice_reserve(f.lane, &events, NULL, &record), SLUICE_OK);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_OK);
}

static void look_at_section(void *lane)
{
	assert_equal(((struct sluice_lane *)lane)->engine.section % 2, 0);
}

Test(refusal_with, who_blocks_holds_up_no_grace_period)
{
	open_with("lanes=2 lane_slots=64 keys=32 overflow=block(5ms)");
	fill_lane();
	f.world.on_wait = look_at_section;
	f.world.on_wait_context = f.lane;
	assert_status(put_item(f.lane, 7, 70), SLUICE_FULL);
}
