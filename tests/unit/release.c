/* SPDX-License-Identifier: MIT */
/* release.c - when slots are free again: append slots with the acknowledgement, state slots three
 * grace periods later. */
#include "core/flusher.h"

#include "stepped.h"

TestSuite(release, .fini = tear_down);

/* Steps until one more grace period has passed. */
static void pass_grace(void)
{
	uint64_t count = f.flusher->grace.count;

	for (int i = 0; i < 100 && f.flusher->grace.count == count; i++)
		world_step(f.sluice, MS);
	assert_equal(f.flusher->grace.count, count + 1);
}

Test(release, append_slots_are_released_with_the_acknowledgement)
{
	open_with("lanes=2 lane_slots=64 flush_delay=0");
	put_events(5);
	world_step(f.sluice, MS);
	assert_equal(acknowledged(), 5);
	assert_equal(released(), 5);
	assert_equal(f.flusher->grace.count, 0);
}

Test(release, no_slot_is_released_before_the_acknowledgement)
{
	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=0");
	f.sink->commit_up_to = 0;
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	put_events(5);
	step_for(200 * MS);
	assert_equal(f.sink->submitted, 1);
	assert_equal(released(), 0);
}

Test(release, state_slots_are_released_after_three_grace_periods) /* cache.h, C3 */
{
	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=0");
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	world_step(f.sluice, MS);
	assert_equal(acknowledged(), 1);
	for (int i = 0; i < 2; i++) {
		pass_grace();
		assert_equal(released(), 0);
	}
	pass_grace();
	assert_equal(released(), 1);
}

Test(release, the_record_moves_to_its_clean_copy_after_two_grace_periods) /* C3 */
{
	struct slu_entry *entry;
	uint64_t id = 7;

	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=0");
	assert_status(put_item(f.lane, id, 1), SLUICE_OK);
	entry = slu_cache_find(&f.sluice->caches[0], &id);
	world_step(f.sluice, MS);
	pass_grace();
	cr_assert_eq(entry->newest, slu_lane_slot(f.lane, 0));
	pass_grace();
	cr_assert_neq(entry->newest, slu_lane_slot(f.lane, 0));
	assert_equal(value_of(f.lane, id), 1);
}

Test(release, a_grace_period_begun_before_the_acknowledgement_does_not_count)
{
	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=0");
	assert_status(put_item(f.lane, 1, 1), SLUICE_OK);
	slu_section_enter(f.other);
	step_for(20 * MS);
	cr_assert(f.flusher->grace.running);
	assert_status(put_item(f.lane, 2, 1), SLUICE_OK);
	step_for(2 * MS);
	assert_equal(acknowledged(), 2);
	slu_section_exit(f.other);
	pass_grace(); /* the one that was running */
	pass_grace();
	pass_grace();
	assert_equal(released(), 1);
	pass_grace();
	assert_equal(released(), 2);
}

Test(release, a_reader_that_stays_holds_the_slots_and_nothing_else)
{
	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=0");
	slu_section_enter(f.other);
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	step_for(500 * MS);
	assert_equal(released(), 0);
	assert_equal(acknowledged(), 1);
	put_events(3);
	step_for(2 * MS);
	assert_equal(acknowledged(), 4);
	slu_section_exit(f.other);
	step_for(100 * MS);
	assert_equal(released(), 4);
}

Test(release, an_append_slot_behind_a_state_slot_waits_with_it)
{
	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=0");
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	put_events(5);
	world_step(f.sluice, MS);
	assert_equal(acknowledged(), 6);
	assert_equal(released(), 0);
	step_for(100 * MS);
	assert_equal(released(), 6);
	put_events(5); /* and those behind it no more */
	world_step(f.sluice, MS);
	assert_equal(released(), 11);
}

Test(release, a_clean_record_is_still_read_after_its_slot_was_used_again)
{
	open_with("lanes=2 lane_slots=64 keys=256 flush_delay=0");
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	for (uint64_t i = 0; i < 200; i++) {
		assert_status(put_item(f.lane, 1000 + i, i), SLUICE_OK);
		world_settle(f.sluice);
	}
	assert_equal(value_of(f.other, 7), 1);
}

Test(release, grace_periods_keep_their_distance_unless_a_lane_is_half_full)
{
	uint64_t count;

	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=0");
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	step_for(100 * MS);
	count = f.flusher->grace.count;
	step_for(200 * MS);
	assert_equal(f.flusher->grace.count, count); /* none without need */
	for (uint64_t i = 0; i < 31; i++)
		assert_status(put_item(f.lane, i, 1), SLUICE_OK);
	world_step(f.sluice, MS);
	count = f.flusher->grace.count;
	step_for(8 * MS);
	cr_assert_leq(f.flusher->grace.count - count, 1);
	for (uint64_t i = 0; i < 20; i++)
		assert_status(put_item(f.lane, i, 1), SLUICE_OK);
	count = f.flusher->grace.count;
	step_for(6 * MS);
	cr_assert_geq(f.flusher->grace.count - count, 2);
}
