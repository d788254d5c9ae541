/* SPDX-License-Identifier: MIT */
/* budget.c - the flusher is steered while it runs: another budget, a pause. */
#include "stepped.h"

#include <string.h>

TestSuite(budget, .fini = tear_down);

static struct sluice_error error;

static void adjust(const char *options)
{
	cr_assert_eq(sluice_adjust(f.sluice, options, &error), SLUICE_OK, "%s", error.message);
}

static struct sluice_stats stats(void)
{
	struct sluice_stats now;

	sluice_stats(f.sluice, &now);
	return now;
}

/* ---- adjust ---- */

Test(budget, a_shorter_flush_delay_holds_for_what_waits_already)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	put_events(1);
	step_for(100 * MS);
	assert_equal(f.sink->submitted, 0);
	adjust("flush_delay=5ms");
	step_for(MS);
	assert_equal(f.sink->submitted, 1);
	assert_equal(stats().flush_delay_ns, 5 * MS);
}

Test(budget, the_flusher_looks_as_often_as_the_new_flush_delay_wants)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	step_for(MS);
	assert_equal(f.flusher->poll_ns, MS);
	adjust("flush_delay=1ms");
	step_for(MS);
	assert_equal(f.flusher->poll_ns, MS / 4);
	adjust("flush_delay=0");
	step_for(MS);
	assert_equal(f.flusher->poll_ns, 50000);
}

Test(budget, fewer_rows_and_bytes_close_a_batch_earlier)
{
	open_with("lanes=2 lane_slots=512 flush_delay=10s");
	put_events(4);
	step_for(MS);
	adjust("flush_rows=4");
	step_for(MS);
	assert_equal(f.sink->submitted, 1);
	adjust("flush_rows=4096 flush_bytes=4kB");
	put_events(4096 / sizeof(struct event));
	step_for(MS);
	assert_equal(f.sink->submitted, 2);
	assert_equal(stats().flush_rows, 4096);
	assert_equal(stats().flush_bytes, 4096);
}

Test(budget, what_is_fixed_at_open_is_refused_with_its_name_and_changes_nothing)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	assert_status(sluice_adjust(f.sluice, "flush_delay=1ms lanes=3", &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "lanes"), "%s", error.message);
	assert_status(sluice_adjust(f.sluice, "dir=/dev/shm", &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "dir"), "%s", error.message);
	assert_status(sluice_adjust(f.sluice, "flush_rows=0", &error), SLUICE_INVALID);
	put_events(1);
	step_for(100 * MS);
	assert_equal(f.sink->submitted, 0);
	assert_equal(stats().flush_delay_ns, sluice_seconds(10));
}

Test(budget, what_it_is_anyway_may_be_said_again)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	adjust("lanes=2 flush_delay=2ms");
	adjust("");
	assert_equal(stats().flush_delay_ns, 2 * MS);
}

Test(budget, every_option_that_is_told_to_be_live_can_be_adjusted_and_no_other)
{
	struct sluice_option_description description;
	unsigned live = 0;

	open_with("lanes=2 lane_slots=64 shared_lanes=0");
	for (size_t i = 0; sluice_options_describe(i, &description); i++) {
		static const struct {
			const char *key, *text;
		} others[] = {
			{"flush_delay", "flush_delay=7ms"},
			{"flush_rows", "flush_rows=7"},
			{"flush_bytes", "flush_bytes=7kB"},
			{"high_water", "high_water=7"},
		};

		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
			if (strcmp(others[j].key, description.key) == 0) {
				cr_assert(description.live, "%s", description.key);
				adjust(others[j].text);
				live++;
			}
		live -= description.live;
	}
	assert_equal(live, 0);
}

/* ---- pause ---- */

Test(budget, paused_it_begins_no_batch_and_ends_those_on_their_way)
{
	open_with("lanes=2 lane_slots=64 flush_delay=0");
	f.sink->commit_up_to = 0;
	put_events(3);
	step_for(MS);
	assert_equal(f.sink->submitted, 1);
	assert_status(sluice_pause(f.sluice), SLUICE_OK);
	put_events(5);
	step_for(100 * MS);
	assert_equal(f.sink->submitted, 1);
	f.sink->commit_up_to = UINT64_MAX;
	step_for(MS);
	assert_equal(acknowledged(), 3);
	assert_equal(stats().account.pending, 5);
	cr_assert(stats().paused);
	assert_status(sluice_resume(f.sluice), SLUICE_OK);
	step_for(MS);
	assert_equal(acknowledged(), 8);
	cr_assert_not(stats().paused);
}

Test(budget, paused_a_batch_that_found_no_memory_waits_too)
{
	open_with("lanes=2 lane_slots=64 flush_delay=0");
	f.sink->refusals = 1;
	put_events(3);
	world_step(f.sluice, MS);
	assert_equal(f.sink->refused, 1);
	assert_status(sluice_pause(f.sluice), SLUICE_OK);
	step_for(10 * MS);
	assert_equal(f.sink->submitted, 0);
	assert_status(sluice_resume(f.sluice), SLUICE_OK);
	step_for(MS);
	assert_equal(acknowledged(), 3);
}

Test(budget, paused_engines_go_on_until_their_lane_is_full)
{
	open_with("lanes=2 lane_slots=64 flush_delay=0");
	assert_status(sluice_pause(f.sluice), SLUICE_OK);
	put_events(64);
	step_for(MS);
	assert_status(put_event(f.lane, 65), SLUICE_FULL);
	assert_status(sluice_resume(f.sluice), SLUICE_OK);
	step_for(MS);
	put_events(64);
}

Test(budget, paused_it_looks_at_wishes_and_at_full_batches_no_more)
{
	open_with("lanes=2 lane_slots=64 flush_delay=0 flush_rows=4");
	assert_status(sluice_pause(f.sluice), SLUICE_OK);
	put_events(8);
	atomic_fetch_add(&f.flusher->hurry, 1);
	step_for(MS);
	assert_equal(f.sink->submitted, 0);
}

Test(budget, close_ends_a_pause)
{
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	assert_status(sluice_pause(f.sluice), SLUICE_OK);
	put_events(3);
	step_for(MS);
	assert_equal(f.sink->submitted, 0);
	atomic_store(&f.flusher->stop_ns, SLU_NEVER);
	step_for(MS);
	assert_equal(acknowledged(), 3);
}
