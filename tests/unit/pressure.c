/* SPDX-License-Identifier: MIT */
/* pressure.c - a lane that fills up is told once, before it is full, and once when it has emptied. */
#include "stepped.h"

#include <string.h>

TestSuite(pressure, .fini = tear_down);

enum {
	TOLD_MAX = 8,
	LOOKED = 6 *
	         MS, /* by then the flusher has looked into the lanes, if the wire is busy, too */
};

static struct sluice_pressure told[TOLD_MAX];
static size_t told_count;
static char log_text[512];

static void listen(void *context, const struct sluice_pressure *pressure)
{
	cr_assert_eq(context, &told);
	cr_assert_lt(told_count, TOLD_MAX);
	told[told_count++] = *pressure;
}

static void keep(void *context, const char *line)
{
	(void)context;
	(void)strncat(log_text, line, sizeof(log_text) - strlen(log_text) - 1);
	(void)strncat(log_text, "\n", sizeof(log_text) - strlen(log_text) - 1);
}

/* Lanes of 64, of which the test says how many are released: nothing is committed by itself. */
static void open_and_listen(const char *options)
{
	open_with(options);
	f.flusher->pressure.listener = listen;
	f.flusher->pressure.listener_context = &told;
	f.flusher->pressure.log = keep;
	f.sink->commit_up_to = 0;
}

static struct sluice_stats stats(void)
{
	struct sluice_stats now;

	sluice_stats(f.sluice, &now);
	return now;
}

static void assert_told(size_t index, bool high, uint64_t depth)
{
	cr_assert_gt(told_count, index);
	assert_equal(told[index].lane, 0);
	assert_equal(told[index].slots, 64);
	assert_equal(told[index].depth, depth);
	cr_assert_eq(told[index].high, high);
}

Test(pressure, a_lane_below_the_mark_is_not_told)
{
	open_and_listen("lanes=2 lane_slots=64 flush_delay=0 flush_rows=1 high_water=50");
	put_events(31);
	step_for(LOOKED);
	assert_equal(told_count, 0);
	assert_equal(stats().high_lanes, 0);
}

Test(pressure, a_lane_that_reaches_the_mark_is_told_once)
{
	open_and_listen("lanes=2 lane_slots=64 flush_delay=0 high_water=50");
	put_events(32);
	step_for(LOOKED);
	assert_told(0, true, 32);
	put_events(32);
	step_for(LOOKED);
	assert_equal(told_count, 1);
	assert_equal(stats().high_lanes, 1);
	assert_equal(stats().high_times, 1);
	cr_assert_not_null(strstr(log_text, "lane 0 fills up: 32 of 64 slots in use\n"), "%s",
	                   log_text);
}

Test(pressure, a_lane_that_hovers_below_the_mark_is_not_told_again)
{
	open_and_listen("lanes=2 lane_slots=64 flush_delay=0 flush_rows=15 high_water=50");
	for (int i = 0; i < 4; i++) {
		put_events(8);
		step_for(LOOKED);
	}
	assert_equal(told_count, 1);
	f.sink->commit_up_to = 1;
	step_for(LOOKED);
	assert_equal(released(), 8);
	put_events(8);
	step_for(LOOKED);
	assert_equal(told_count, 1);
	f.sink->commit_up_to = UINT64_MAX;
	step_for(LOOKED);
	assert_told(1, false, 16); /* half of the mark */
	assert_equal(stats().high_lanes, 0);
	assert_equal(stats().high_times, 1);
	cr_assert_not_null(strstr(log_text, "lane 0 has emptied: 16 of 64"), "%s", log_text);
}

Test(pressure, half_of_the_mark_is_low_again)
{
	open_and_listen("lanes=2 lane_slots=64 flush_delay=0 flush_rows=16 high_water=50");
	put_events(16);
	step_for(LOOKED);
	put_events(16);
	step_for(LOOKED);
	assert_equal(told_count, 1);
	f.sink->commit_up_to = 1;
	step_for(LOOKED);
	assert_told(1, false, 16);
}

Test(pressure, the_mark_can_be_moved)
{
	struct sluice_error error;

	open_and_listen("lanes=2 lane_slots=64 flush_delay=0 high_water=100");
	put_events(63);
	step_for(LOOKED);
	assert_equal(told_count, 0);
	assert_status(sluice_adjust(f.sluice, "high_water=99", &error), SLUICE_OK);
	step_for(LOOKED);
	assert_equal(told_count, 0); /* 63.36 slots */
	assert_status(sluice_adjust(f.sluice, "high_water=98", &error), SLUICE_OK);
	step_for(LOOKED);
	assert_told(0, true, 63);
}

Test(pressure, each_lane_has_its_own)
{
	open_and_listen("lanes=2 lane_slots=64 flush_delay=0 high_water=50");
	put_events(20);
	for (int i = 0; i < 40; i++)
		assert_status(put_event(f.other, 1), SLUICE_OK);
	step_for(LOOKED);
	assert_equal(told_count, 1);
	assert_equal(told[0].lane, 1);
	assert_equal(told[0].depth, 40);
}
