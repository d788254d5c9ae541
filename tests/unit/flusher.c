/* SPDX-License-Identifier: MIT */
/* flusher.c - when a batch leaves, and what happens until it is committed. The clock is the test's,
 * and the flusher moves only when it is stepped. */
#include "core/flusher.h"

#include "stepped.h"

#include <stdlib.h>
#include <string.h>

TestSuite(flusher, .fini = tear_down);

/* ---- when a batch leaves ---- */

Test(flusher, flush_delay_fires_without_new_traffic)
{
	open_with("lanes=2 lane_slots=64 flush_delay=2ms");
	put_events(1);
	world_step(f.sluice, 2 * MS - 1);
	assert_equal(f.sink->submitted, 0);
	world_step(f.sluice, 1);
	assert_equal(f.sink->submitted, 1);
	assert_equal(scripted_sink_last(f.sink)->row_count, 1);
}

Test(flusher, stepped_when_it_asks_for_it_no_record_waits_longer_than_flush_delay_and_a_poll)
{
	uint64_t began_ns, wake_ns;

	open_with("lanes=2 lane_slots=64 flush_delay=2ms");
	wake_ns = world_step(f.sluice, MS);
	put_events(1);
	began_ns = f.world.now_ns;
	while (f.sink->submitted == 0) {
		cr_assert_gt(wake_ns, f.world.now_ns);
		wake_ns = world_step(f.sluice, wake_ns - f.world.now_ns);
	}
	cr_assert_leq(f.world.now_ns - began_ns, 2 * MS + f.flusher->poll_ns);
}

Test(flusher, while_nothing_comes_it_looks_once_in_flush_delay_and_the_first_record_leaves_at_once)
{
	uint64_t wake_ns;

	open_with("lanes=2 lane_slots=64 flush_delay=1ms");
	step_for(10 * MS);
	wake_ns = world_step(f.sluice, MS);
	assert_equal(wake_ns - f.world.now_ns, MS);
	put_events(1);
	wake_ns = world_step(f.sluice, wake_ns - f.world.now_ns);
	assert_equal(f.sink->submitted, 1);
	assert_equal(wake_ns - f.world.now_ns, MS / 4); /* more may follow */
}

Test(flusher, while_the_wire_is_busy_and_nothing_comes_it_looks_rarely_but_after_a_commit)
{
	uint64_t wake_ns;

	open_with("lanes=2 lane_slots=64 flush_delay=1ms");
	f.sink->commit_up_to = 0;
	put_events(1);
	step_for(10 * MS);
	assert_equal(f.sink->submitted, 1);
	wake_ns = world_step(f.sluice, 5 * MS);
	assert_equal(wake_ns - f.world.now_ns, 5 * MS);
	put_events(1);
	world_step(f.sluice, 2 * MS);
	assert_equal(f.flusher->waiting_bytes, 0);
	f.sink->commit_up_to = 1;
	world_step(f.sluice, 0);
	assert_equal(f.sink->submitted, 2);
}

Test(flusher, a_batch_full_of_rows_closes_early)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s flush_rows=4");
	put_events(3);
	step_for(100 * MS);
	assert_equal(f.sink->submitted, 0);
	put_events(1);
	step_for(MS);
	assert_equal(f.sink->submitted, 1);
	assert_equal(scripted_sink_last(f.sink)->row_count, 4);
}

Test(flusher, a_batch_full_of_bytes_closes_early)
{
	open_with("lanes=2 lane_slots=512 flush_delay=10s flush_bytes=4kB");
	put_events(4096 / sizeof(struct event) - 1);
	step_for(100 * MS);
	assert_equal(f.sink->submitted, 0);
	put_events(1);
	step_for(MS);
	assert_equal(f.sink->submitted, 1);
}

Test(flusher, bytes_already_sent_do_not_fill_the_next_batch)
{
	open_with("lanes=2 lane_slots=512 flush_delay=10s flush_bytes=4kB");
	put_events(4096 / sizeof(struct event));
	step_for(MS);
	assert_equal(f.sink->submitted, 1);
	put_events(1);
	step_for(100 * MS);
	assert_equal(f.sink->submitted, 1);
	assert_equal(f.flusher->waiting_bytes, sizeof(struct event));
}

Test(flusher, hurry_overtakes_flush_delay)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	put_events(1);
	step_for(10 * MS);
	assert_equal(f.sink->submitted, 0);
	atomic_fetch_add(&f.flusher->hurry, 1);
	step_for(2 * MS);
	assert_equal(f.sink->submitted, 1);
}

Test(flusher, hurry_does_not_concern_later_records)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	put_events(1);
	atomic_fetch_add(&f.flusher->hurry, 1);
	step_for(2 * MS);
	assert_equal(f.sink->submitted, 1);
	put_events(1);
	step_for(100 * MS);
	assert_equal(f.sink->submitted, 1);
}

Test(flusher, asked_to_stop_it_lets_nothing_wait)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	put_events(1);
	atomic_store(&f.flusher->stop_ns, f.world.now_ns + 1000 * MS);
	cr_assert_not(slu_flusher_drained(f.flusher));
	step_for(2 * MS);
	assert_equal(f.sink->submitted, 1);
	cr_assert(slu_flusher_drained(f.flusher));
}

/* An engine that reads the counter after the flusher moved it may be seen by that very scan. */
Test(flusher, a_record_of_the_epoch_just_begun_stays_for_the_next_batch)
{
	struct slu_slot *slot = NULL;

	open_with("lanes=2 lane_slots=64 flush_delay=0");
	put_events(1);
	assert_status(slu_lane_reserve(f.lane, &slot), SLUICE_OK);
	slot->stream = (uint8_t)events.index;
	slot->length = sizeof(struct event);
	slot->epoch = slu_epoch_now(f.flusher->epoch) + 1;
	slu_lane_commit(f.lane, slot);
	world_step(f.sluice, MS);
	assert_equal(f.lane->flusher.seen, 2);
	assert_equal(f.lane->flusher.gathered, 1);
	world_step(f.sluice, MS);
	assert_equal(f.lane->flusher.gathered, 2);
}

/* ---- while one is on the wire ---- */

Test(flusher, the_next_batch_grows_while_one_is_on_the_wire)
{
	open_with("lanes=2 lane_slots=64 flush_delay=1ms");
	f.sink->commit_up_to = 0;
	put_events(1);
	step_for(2 * MS);
	assert_equal(f.sink->submitted, 1);
	for (int i = 0; i < 5; i++) {
		put_events(1);
		step_for(10 * MS);
	}
	assert_equal(f.sink->submitted, 1);
	f.sink->commit_up_to = 1;
	step_for(2 * MS);
	assert_equal(f.sink->submitted, 2);
	assert_equal(scripted_sink_last(f.sink)->row_count, 5);
}

Test(flusher, a_full_batch_waits_encoded_behind_the_one_on_the_wire)
{
	open_with("lanes=2 lane_slots=64 flush_delay=1ms flush_rows=4");
	f.sink->commit_up_to = 0;
	put_events(1);
	step_for(2 * MS);
	put_events(4);
	step_for(6 * MS);
	assert_equal(f.sink->submitted, 2);
	assert_equal(scripted_sink_last(f.sink)->row_count, 4);
}

Test(flusher, never_more_batches_than_allowed_are_in_flight)
{
	open_with("lanes=2 lane_slots=64 flush_delay=1ms flush_rows=1 in_flight_batches=3");
	f.sink->commit_up_to = 0;
	for (int i = 0; i < 8; i++) {
		put_events(1);
		step_for(2 * MS);
	}
	assert_equal(f.sink->submitted, 3);
	f.sink->commit_up_to = 1;
	step_for(2 * MS);
	assert_equal(f.sink->submitted, 4);
	assert_equal(acknowledged(), 1);
	f.sink->commit_up_to = UINT64_MAX;
	step_for(10 * MS);
	assert_equal(acknowledged(), 8);
}

Test(flusher, as_many_batches_as_possible_are_acknowledged_each_with_its_own_positions)
{
	open_with("lanes=2 lane_slots=64 flush_delay=0 flush_rows=1 in_flight_batches=8");
	f.sink->commit_up_to = 0;
	for (int i = 0; i < 8; i++) {
		put_events(1);
		step_for(6 * MS);
	}
	assert_equal(f.sink->submitted, 8);
	for (uint64_t n = 1; n <= 8; n++) {
		f.sink->commit_up_to = n;
		step_for(MS);
		assert_equal(acknowledged(), n);
	}
}

/* ---- a sink that does not want ---- */

Test(flusher, a_batch_refused_is_offered_again_with_the_same_rows)
{
	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=1ms");
	f.sink->refusals = 3;
	assert_status(put_item(f.lane, 7, 1), SLUICE_OK);
	step_for(2 * MS);
	cr_assert_geq(f.sink->refused, 1);
	assert_status(put_item(f.lane, 7, 2), SLUICE_OK); /* must not get into the batch refused */
	step_for(2 * MS);
	assert_equal(f.sink->refused, 3);
	assert_equal(f.sink->batches[0].row_count, 1);
	assert_equal(scripted_sink_row(f.sink, &f.sink->batches[0], 0)->record.item.value, 1);
	step_for(5 * MS);
	assert_equal(f.sink->submitted, 2);
	assert_equal(f.sink->rows[1].record.item.value, 2);
}

Test(flusher, a_refused_batch_is_pending_and_holds_its_slots)
{
	open_with("lanes=2 lane_slots=64 keys=64 flush_delay=1ms");
	f.sink->refusals = 1000;
	put_events(2);
	step_for(50 * MS);
	assert_equal(acknowledged(), 0);
	assert_equal(released(), 0);
	assert_equal(f.flusher->picture.committed, 0);
}

Test(flusher, nothing_is_given_to_a_sink_that_is_not_ready)
{
	open_with("lanes=2 lane_slots=64 flush_delay=1ms");
	f.sink->ready = false;
	put_events(2);
	step_for(10 * MS);
	assert_equal(f.sink->submitted, 0);
	f.sink->ready = true;
	step_for(MS);
	assert_equal(f.sink->submitted, 1);
}

Test(flusher, a_sink_that_went_away_gets_everything_when_it_is_back)
{
	open_with("lanes=2 lane_slots=64 flush_delay=1ms");
	f.sink->state = SLUICE_STATE_CONNECTING;
	put_events(64);
	step_for(100 * MS);
	assert_equal(acknowledged(), 0);
	assert_status(put_event(f.lane, 0), SLUICE_FULL);
	f.sink->state = SLUICE_STATE_RUNNING;
	step_for(10 * MS);
	assert_equal(acknowledged(), 64);
	assert_equal(f.sink->row_count, 64);
}

/* ---- what it tells ---- */

Test(flusher, news_move_when_something_was_acknowledged_or_the_state_changed)
{
	uint32_t news;

	open_with("lanes=2 lane_slots=64 flush_delay=0");
	news = f.flusher->news;
	world_step(f.sluice, MS);
	assert_equal(f.flusher->news, news + 1); /* it is running now */
	step_for(10 * MS);
	assert_equal(f.flusher->news, news + 1);
	put_events(1);
	world_step(f.sluice, MS);
	assert_equal(f.flusher->news, news + 2);
	f.sink->state = SLUICE_STATE_HALTED;
	step_for(10 * MS);
	assert_equal(f.flusher->news, news + 3);
}

Test(flusher, the_picture_tells_the_sinks_state_and_since_when)
{
	struct slu_picture picture;

	open_with("lanes=2 lane_slots=64 flush_delay=0");
	step_for(10 * MS);
	f.sink->state = SLUICE_STATE_HALTED;
	f.sink->reconnects = 3;
	strcpy(f.sink->reason, "the disk is full");
	world_step(f.sluice, MS);
	step_for(10 * MS);
	slu_counters_read(&f.flusher->counters, &picture);
	assert_equal(picture.state, SLUICE_STATE_HALTED);
	assert_equal(f.world.now_ns - picture.state_since_ns, 10 * MS);
	assert_equal(picture.reconnects, 3);
	cr_assert_str_eq(picture.reason, "the disk is full");
}

Test(flusher, dead_letters_are_counted_apart_from_what_was_committed)
{
	struct sluice_stats stats;

	open_with("lanes=2 lane_slots=64 flush_delay=0");
	put_events(5);
	f.sink->dead_lettered = f.sink->dead_lettered_of[events.index] = 2;
	step_for(10 * MS);
	put_events(4);
	f.sink->dead_lettered = f.sink->dead_lettered_of[events.index] = 3;
	step_for(10 * MS);
	put_events(1);
	f.sink->commit_up_to = f.sink->submitted;
	step_for(10 * MS);
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.account.accepted, 10);
	assert_equal(stats.account.committed, 6);
	assert_equal(stats.account.dead_lettered, 3);
	assert_equal(stats.account.pending, 1);
	assert_equal(stats.streams[events.index].committed, 6);
	assert_equal(stats.streams[events.index].dead_lettered, 3);
	assert_equal(stats.streams[events.index].pending, 1);
}

Test(flusher, each_stream_has_an_account_of_its_own)
{
	struct sluice_stats stats;

	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	for (uint64_t i = 0; i < 12; i++)
		assert_status(put_item(f.lane, i % 3, i), SLUICE_OK);
	put_events(5);
	step_for(MS);
	atomic_fetch_add(&f.flusher->hurry, 1);
	step_for(MS);
	put_events(2);
	assert_status(put_item(f.lane, 1, 1), SLUICE_OK);
	step_for(MS);
	put_events(1); /* not seen yet */
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.streams[items.index].accepted, 13);
	assert_equal(stats.streams[items.index].committed, 3);
	assert_equal(stats.streams[items.index].coalesced, 9);
	assert_equal(stats.streams[items.index].pending, 1);
	assert_equal(stats.streams[events.index].accepted, 7);
	assert_equal(stats.streams[events.index].committed, 5);
	assert_equal(stats.streams[events.index].coalesced, 0);
	assert_equal(stats.streams[events.index].pending, 2);
	assert_equal(stats.account.accepted, 21);
	assert_equal(stats.streams[2].accepted, 0);
}

Test(flusher, told_to_stop_it_still_counts_what_it_can_not_carry)
{
	struct sluice_stats stats;

	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	step_for(MS);
	put_events(3);
	atomic_store(&f.flusher->stop_ns, 1);
	(void)slu_flusher_run(f.flusher);
	atomic_store(&f.flusher->stop_ns, 0);
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.streams[events.index].accepted, 3);
	assert_equal(stats.streams[events.index].pending, 3);
}

Test(flusher, a_records_lag_is_from_its_epoch_to_its_acknowledgement)
{
	open_with("lanes=2 lane_slots=64 flush_delay=0");
	f.sink->commit_up_to = 0;
	world_step(f.sluice, MS); /* the epoch of the record begins here */
	put_events(2);
	world_step(f.sluice, 3 * MS);
	f.sink->commit_up_to = 1;
	world_step(f.sluice, 4 * MS);
	assert_equal(f.flusher->counters.commit_lag.count, 2);
	assert_equal(f.flusher->counters.commit_lag.max, 7 * MS);
}

Test(flusher, records_of_one_batch_have_each_their_own_lag)
{
	struct slu_histogram *lag;

	open_with("lanes=2 lane_slots=64 flush_delay=8ms");
	world_step(f.sluice, MS);
	put_events(1);
	world_step(f.sluice, 5 * MS);
	put_events(1);
	world_step(f.sluice, 3 * MS);
	lag = &f.flusher->counters.commit_lag;
	assert_equal(lag->count, 2);
	assert_equal(lag->max, 8 * MS);
	cr_assert_leq(slu_histogram_percentile(lag, 50), 3 * MS + 3 * MS / 64);
}

Test(flusher, the_oldest_pending_record_tells_the_age)
{
	struct slu_picture picture;
	uint64_t put_ns;

	open_with("lanes=2 lane_slots=64 flush_delay=0");
	f.sink->commit_up_to = 0;
	world_step(f.sluice, MS);
	put_ns = f.world.now_ns;
	put_events(1);
	step_for(10 * MS);
	put_events(1);
	step_for(10 * MS);
	slu_counters_read(&f.flusher->counters, &picture);
	assert_equal(picture.oldest_ns, put_ns);
	f.sink->commit_up_to = UINT64_MAX;
	step_for(10 * MS);
	slu_counters_read(&f.flusher->counters, &picture);
	assert_equal(picture.oldest_ns, 0);
}

Test(flusher, the_oldest_age_stays_exact_through_a_long_outage)
{
	uint64_t put_ns;

	open_with("lanes=2 lane_slots=64 flush_delay=0");
	f.sink->commit_up_to = 0;
	world_step(f.sluice, MS);
	put_ns = f.world.now_ns;
	put_events(1);
	step_for(5000 * MS); /* many more epochs than can be remembered */
	assert_equal(f.flusher->picture.oldest_ns, put_ns);
}

Test(flusher, an_append_lane_without_grace_wakes_it_no_more_than_a_scan_does)
{
	uint64_t wake_ns;

	open_with("lanes=2 lane_slots=64 flush_delay=0");
	put_events(1);
	step_for(10 * MS);
	wake_ns = world_step(f.sluice, MS);
	assert_equal(wake_ns, f.flusher->next_scan_ns);
}
