/* SPDX-License-Identifier: MIT */
/* overflow.c - what a put does that finds no room, stream by stream; and what streams that drop may take
 * of a lane. */
#include "core/overflow.h"

#include "core/lossy.h"
#include "stepped.h"

#include <string.h>

enum { SLOTS = 64, SHARE = 16 }; /* 25 percent */

static struct sluice_stream ticks;
static const struct sluice_stream *const all[] = {&items, &events, &ticks};
static const struct sluice_streams streams = {.streams = all, .count = 3};

static struct sluice_error error;
static char log_text[1024];

static void keep(void *context, const char *line)
{
	(void)context;
	(void)strncat(log_text, line, sizeof(log_text) - strlen(log_text) - 1);
	(void)strncat(log_text, "\n", sizeof(log_text) - strlen(log_text) - 1);
}

static void make_ticks(void)
{
	memcpy(&ticks, &events, sizeof(ticks));
	ticks.name = "ticks";
	ticks.index = 2;
	ticks.lossy = true;
}

/* As open_with, with a lossy stream more; nothing is committed by itself. */
static void open_lossy(const char *text)
{
	struct sluice_options options;

	make_ticks();
	world_init(&f.world);
	f.sink = scripted_sink_new();
	sluice_options_init(&options);
	cr_assert_eq(sluice_options_parse(&options, text, &error), SLUICE_OK, "%s", error.message);
	options.connect = SLUICE_CONNECT_BACKGROUND;
	options.log = keep;
	f.sink->state = SLUICE_STATE_CONNECTING;
	f.sluice = slu_open(&f.world.env, &f.sink->sink, &streams, &options, &error);
	cr_assert_not_null(f.sluice, "%s", error.message);
	slu_instance_stop(f.sluice, 1);
	atomic_store(&f.sluice->flusher.stop_ns, 0);
	f.sink->state = SLUICE_STATE_RUNNING;
	f.flusher = &f.sluice->flusher;
	f.lane = world_attach(f.sluice, 0);
	f.other = world_attach(f.sluice, 1);
}

static enum sluice_status put_tick(struct sluice_lane *lane, struct sluice_ticket *ticket)
{
	struct event tick = {.value = 1};

	return sluice_put(lane, &ticks, &tick, sizeof(tick), ticket);
}

static void put_ticks(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		assert_status(put_tick(f.lane, NULL), SLUICE_OK);
}

static struct sluice_account account(void)
{
	struct sluice_stats stats;

	sluice_stats(f.sluice, &stats);
	assert_equal(stats.account.accepted, stats.account.committed + stats.account.coalesced +
	                                             stats.account.dead_lettered +
	                                             stats.account.dropped + stats.account.pending);
	return stats.account;
}

/* ---- the option ---- */

TestSuite(overflow_option, .init = make_ticks);

static void assert_policy(const struct slu_overflow *policy, enum slu_overflow_kind kind,
                          uint64_t block_ns)
{
	cr_assert_eq(policy->kind, kind);
	assert_equal(policy->block_ns, block_ns);
}

static void reads(const char *text, struct slu_overflow policies[SLUICE_STREAMS_MAX])
{
	cr_assert_eq(slu_overflow_read(text, &streams, policies, &error), SLUICE_OK, "%s",
	             error.message);
}

Test(overflow_option, said_nothing_streams_fail_and_lossy_ones_drop)
{
	struct slu_overflow policies[SLUICE_STREAMS_MAX];

	reads("", policies);
	assert_policy(&policies[0], SLU_OVERFLOW_FAIL, 0);
	assert_policy(&policies[1], SLU_OVERFLOW_FAIL, 0);
	assert_policy(&policies[2], SLU_OVERFLOW_DROP, 0);
}

Test(overflow_option, a_policy_without_a_name_is_for_those_without_one)
{
	struct slu_overflow policies[SLUICE_STREAMS_MAX];

	reads("events:fail, block( 5ms )", policies);
	assert_policy(&policies[0], SLU_OVERFLOW_BLOCK, 5 * MS);
	assert_policy(&policies[1], SLU_OVERFLOW_FAIL, 0);
	assert_policy(&policies[2], SLU_OVERFLOW_DROP, 0);
	reads("block(1us),events:block(1min)", policies);
	assert_policy(&policies[0], SLU_OVERFLOW_BLOCK, 1000);
	assert_policy(&policies[1], SLU_OVERFLOW_BLOCK, sluice_seconds(60));
}

Test(overflow_option, a_lossy_stream_that_is_named_need_not_drop)
{
	struct slu_overflow policies[SLUICE_STREAMS_MAX];

	reads("ticks:fail", policies);
	assert_policy(&policies[2], SLU_OVERFLOW_FAIL, 0);
	reads("ticks:block(1ms)", policies);
	assert_policy(&policies[2], SLU_OVERFLOW_BLOCK, MS);
	reads("ticks:drop", policies);
	assert_policy(&policies[2], SLU_OVERFLOW_DROP, 0);
}

Test(overflow_option, what_can_not_be_is_refused_with_the_word_and_why)
{
	static const struct {
		const char *text, *word, *why;
	} wrong[] = {
		{"wait", "\"wait\"", "is not fail, drop or block(TIME)"},
		{"block", "\"block\"", "is not"},
		{"block()", "\"block()\"", "is not"},
		{"block(5)", "\"block(5)\"", "is not"},
		{"block(5ms", "\"block(5ms\"", "is not"},
		{"block(5ms)x", "\"block(5ms)x\"", "is not"},
		{"block(0)", "\"block(0)\"", "of 1us to 1min"},
		{"block(61s)", "\"block(61s)\"", "of 1us to 1min"},
		{"events:", "\"events:\"", "is not"},
		{"fail,", "", ""},
		{"fail,,fail", "\"\"", "is not"},
		{"drop", "\"drop\"", "needs the name of a stream that is declared lossy"},
		{"events:drop", "\"events:drop\"", "not declared lossy: add lossy"},
		{"event:fail", "\"event:fail\"", "names no stream"},
		{"events:fail,events:fail", "\"events:fail\"", "second time"},
	};
	struct slu_overflow policies[SLUICE_STREAMS_MAX];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		enum sluice_status status = slu_overflow_read(wrong[i].text, &streams, policies,
		                                              &error);

		if (wrong[i].word[0] == '\0') {
			assert_status(status, SLUICE_OK); /* a comma at the end does no harm */
			continue;
		}
		cr_assert_eq(status, SLUICE_INVALID, "%s", wrong[i].text);
		cr_assert_not_null(strstr(error.message, "option overflow"), "%s", error.message);
		cr_assert_not_null(strstr(error.message, wrong[i].word), "%s", error.message);
		cr_assert_not_null(strstr(error.message, wrong[i].why), "%s", error.message);
	}
}

Test(overflow_option, a_word_of_any_length_is_refused)
{
	struct slu_overflow policies[SLUICE_STREAMS_MAX];
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_status(slu_overflow_read(text, &streams, policies, &error), SLUICE_INVALID);
}

Test(overflow_option, open_refuses_it_and_makes_nothing)
{
	struct sluice_options options;
	struct scripted_sink *sink = scripted_sink_new();

	world_init(&f.world);
	sluice_options_init(&options);
	strcpy(options.overflow, "nothing:fail");
	cr_assert_null(slu_open(&f.world.env, &sink->sink, &streams, &options, &error));
	assert_status(error.status, SLUICE_INVALID);
	assert_equal(f.world.map_calls, 0);
	scripted_sink_free(sink);
}

/* ---- dropping ---- */

TestSuite(overflow, .fini = tear_down);

Test(overflow, records_that_may_be_dropped_take_their_share_and_no_more)
{
	struct sluice_ticket ticket = {.lane = 77, .sequence = 77};

	open_lossy("lanes=2 lane_slots=64 flush_delay=10s");
	put_ticks(SHARE);
	assert_status(put_tick(f.lane, &ticket), SLUICE_DROPPED);
	assert_equal(ticket.sequence, 77);
	assert_equal(account().accepted, SHARE + 1);
	assert_equal(account().dropped, 1);
	assert_equal(account().pending, SHARE);
	put_events(SLOTS - SHARE);
	assert_status(put_event(f.lane, 1), SLUICE_FULL);
	assert_status(put_tick(f.other, NULL), SLUICE_OK);
}

Test(overflow, on_a_full_lane_they_are_dropped_too)
{
	open_lossy("lanes=2 lane_slots=64 flush_delay=10s");
	put_events(SLOTS);
	assert_status(put_tick(f.lane, NULL), SLUICE_DROPPED);
	assert_equal(account().dropped, 1);
	assert_equal(f.lane->engine.full, 0);
}

Test(overflow, a_released_slot_of_theirs_is_theirs_again)
{
	open_lossy("lanes=2 lane_slots=64 flush_delay=0");
	put_events(10);
	put_ticks(SHARE);
	assert_status(put_tick(f.lane, NULL), SLUICE_DROPPED);
	slu_lane_release(f.lane, 10);
	assert_status(put_tick(f.lane, NULL), SLUICE_DROPPED);
	slu_lane_release(f.lane, 12);
	put_ticks(2);
	assert_status(put_tick(f.lane, NULL), SLUICE_DROPPED);
}

/* By a count of one's own, over many laps. */
Test(overflow, however_they_come_and_go_the_share_is_kept)
{
	bool is_tick[20000];
	uint64_t position = 0, first = 0, in_use = 0, dropped = 0;

	open_lossy("lanes=2 lane_slots=64 flush_delay=10s lossy_share=20"); /* 12 slots */
	while (position < 19000) {
		uint64_t chance = world_random(&f.world);

		if (chance % 8 < 3 && first < position) {
			in_use -= is_tick[first++];
			slu_lane_release(f.lane, first);
		} else if (chance % 8 < 6) {
			bool fits = in_use < 12 && position - first < SLOTS;

			assert_status(put_tick(f.lane, NULL), fits ? SLUICE_OK : SLUICE_DROPPED);
			dropped += !fits;
			in_use += fits;
			is_tick[position] = true;
			position += fits;
		} else if (position - first < SLOTS) {
			assert_status(put_event(f.lane, 1), SLUICE_OK);
			is_tick[position++] = false;
		}
	}
	cr_assert_gt(dropped, 1000);
	assert_equal(account().dropped, dropped);
	assert_equal(account().accepted, dropped + position);
}

Test(overflow, a_reserve_is_dropped_and_one_that_is_committed_takes_of_the_share)
{
	void *record;

	open_lossy("lanes=2 lane_slots=64 flush_delay=10s");
	for (int i = 0; i < SHARE; i++) {
		assert_status(sluice_reserve(f.lane, &ticks, NULL, &record), SLUICE_OK);
		assert_status(sluice_commit(f.lane, NULL), SLUICE_OK);
	}
	assert_status(sluice_reserve(f.lane, &ticks, NULL, &record), SLUICE_DROPPED);
	assert_equal(account().dropped, 1);
	assert_status(sluice_reserve(f.lane, &events, NULL, &record), SLUICE_OK);
	assert_status(put_tick(f.lane, NULL), SLUICE_BUSY);
	sluice_cancel(f.lane);
	assert_equal(account().dropped, 1);
}

Test(overflow, a_cancelled_reserve_takes_nothing)
{
	void *record;

	open_lossy("lanes=2 lane_slots=64 flush_delay=10s");
	for (int i = 0; i < 2 * SHARE; i++) {
		assert_status(sluice_reserve(f.lane, &ticks, NULL, &record), SLUICE_OK);
		sluice_cancel(f.lane);
	}
	put_ticks(SHARE);
}

Test(overflow, behind_shared_lanes_each_has_its_share)
{
	struct sluice_lane *shared;

	open_lossy("lanes=2 shared_lanes=2 lane_slots=64 flush_delay=10s");
	shared = sluice_shared(f.sluice, &error);
	for (int i = 0; i < 2 * SHARE; i++)
		assert_status(put_tick(shared, NULL), SLUICE_OK);
	assert_status(put_tick(shared, NULL), SLUICE_DROPPED);
	assert_equal(account().dropped, 1);
}

Test(overflow, named_to_fail_a_lossy_stream_has_the_whole_lane)
{
	open_lossy("lanes=2 lane_slots=64 flush_delay=10s overflow=ticks:fail");
	put_ticks(SLOTS);
	assert_status(put_tick(f.lane, NULL), SLUICE_FULL);
	assert_equal(account().dropped, 0);
	cr_assert_null(f.lane->shape.lossy);
}

Test(overflow, each_stream_has_its_own_policy_and_time)
{
	uint64_t began_ns;

	open_lossy("lanes=2 lane_slots=64 flush_delay=10s overflow=events:block(5ms)");
	put_events(SLOTS);
	began_ns = f.world.now_ns;
	assert_status(put_item(f.lane, 7, 1), SLUICE_FULL);
	assert_equal(f.world.now_ns, began_ns);
	assert_status(put_event(f.lane, 1), SLUICE_FULL);
	cr_assert_geq(f.world.now_ns - began_ns, 5 * MS);
	cr_assert_leq(f.world.now_ns - began_ns, 6 * MS);
}

Test(overflow, what_was_not_dropped_is_committed_and_the_account_is_exact)
{
	open_lossy("lanes=2 lane_slots=64 flush_delay=0");
	for (int i = 0; i < 10; i++) {
		put_events(5);
		for (int j = 0; j < 2 * SHARE; j++)
			(void)!put_tick(f.lane, NULL);
		world_settle(f.sluice);
	}
	assert_equal(account().committed, 10 * (5 + SHARE));
	assert_equal(account().dropped, 10 * SHARE);
	assert_equal(account().pending, 0);
}

Test(overflow, the_log_tells_once_a_second_how_many_were_dropped)
{
	open_lossy("lanes=2 lane_slots=64 flush_delay=10s");
	put_ticks(SHARE);
	step_for(MS);
	cr_assert_null(strstr(log_text, "dropped"));
	for (int i = 0; i < 3; i++)
		assert_status(put_tick(f.lane, NULL), SLUICE_DROPPED);
	step_for(900 * MS);
	cr_assert_null(strstr(log_text, "dropped"));
	step_for(101 * MS);
	cr_assert_not_null(strstr(log_text, "dropped 3 records of lossy stream ticks, 3 since "
	                                    "open: its share of a lane is taken\n"),
	                   "%s", log_text);
	assert_status(put_tick(f.lane, NULL), SLUICE_DROPPED);
	log_text[0] = '\0';
	step_for(1001 * MS);
	cr_assert_not_null(strstr(log_text, "dropped 1 records of lossy stream ticks, 4 since"),
	                   "%s", log_text);
	log_text[0] = '\0';
	step_for(2000 * MS);
	cr_assert_str_empty(log_text);
}
