/* SPDX-License-Identifier: MIT */
/* instance.c - leases, waiting, stats and the account at close, with the flusher thread running. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_NS sluice_seconds(30) /* for what must happen: the test fails when it does not */
#define SHORT_NS sluice_ms(3)      /* for what must not */

struct fixture {
	struct world world;
	struct scripted_sink *sink;
	struct sluice *sluice;
	struct sluice_error error;
};

static struct fixture f;

static void open_with(const char *text)
{
	struct sluice_options options;

	world_init_real(&f.world);
	f.world.env.files = slu_env_system(&f.error)->files;
	f.sink = scripted_sink_new();
	sluice_options_init(&options);
	cr_assert_eq(sluice_options_parse(&options, text, &f.error), SLUICE_OK);
	f.sluice = slu_open(&f.world.env, &f.sink->sink, &world_streams, &options, &f.error);
	cr_assert_not_null(f.sluice, "%s", f.error.message);
}

static void set_up(void)
{
	open_with("lanes=2 lane_slots=64 keys=64");
}

static void tear_down(void)
{
	sluice_close(f.sluice, 0, NULL);
	assert_equal(f.sink->closes, 1);
	assert_equal(f.world.mapped, 0);
	scripted_sink_free(f.sink);
}

TestSuite(instance, .init = set_up, .fini = tear_down, .timeout = 100);
TestSuite(instance_with, .fini = tear_down, .timeout = 100);

static struct sluice_ticket put_ticket(struct sluice_lane *lane)
{
	struct event event = {0};
	struct sluice_ticket ticket;

	assert_status(sluice_put(lane, &events, &event, sizeof(event), &ticket), SLUICE_OK);
	return ticket;
}

static enum sluice_status wait_for(struct sluice_ticket ticket, uint64_t timeout_ns)
{
	return sluice_wait(f.sluice, ticket, SLUICE_COMMITTED, timeout_ns);
}

/* ---- leases ---- */

Test(instance, attach_leases_each_lane_once_and_no_more)
{
	struct sluice_lane *first = world_attach(f.sluice, SLUICE_CPU_CURRENT);
	struct sluice_lane *second = world_attach(f.sluice, SLUICE_CPU_CURRENT);

	cr_assert_neq(first, second);
	cr_assert_null(sluice_attach(f.sluice, SLUICE_CPU_CURRENT, &f.error));
	assert_status(f.error.status, SLUICE_FULL);
	cr_assert_not_null(strstr(f.error.message, "more lanes"), "%s", f.error.message);
	cr_assert_null(sluice_attach(f.sluice, 0, NULL));
	assert_status(put_event(first, 1), SLUICE_OK);
}

Test(instance, attach_takes_the_lane_of_the_core_or_the_next_free_one)
{
	assert_equal(world_attach(f.sluice, 1)->shape.index, 1);
	assert_equal(world_attach(f.sluice, 1)->shape.index, 0);
}

Test(instance, attach_with_a_core_beyond_the_lanes_goes_around)
{
	assert_equal(world_attach(f.sluice, 1001)->shape.index, 1);
}

Test(instance, attach_refuses_a_negative_core)
{
	cr_assert_null(sluice_attach(f.sluice, -2, &f.error));
	assert_status(f.error.status, SLUICE_INVALID);
}

Test(instance, attached_again_a_lane_goes_on_counting)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);

	assert_equal(put_ticket(lane).sequence, 1);
	assert_status(sluice_detach(lane), SLUICE_OK);
	cr_assert_eq(world_attach(f.sluice, 0), lane);
	assert_equal(put_ticket(lane).sequence, 2);
}

Test(instance, what_a_detached_lane_holds_is_still_carried)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_ticket ticket = put_ticket(lane);

	assert_status(sluice_detach(lane), SLUICE_OK);
	assert_status(wait_for(ticket, LONG_NS), SLUICE_OK);
}

/* ---- wait ---- */

Test(instance, wait_returns_when_the_record_is_committed)
{
	struct sluice_ticket ticket = put_ticket(world_attach(f.sluice, 1));

	assert_status(wait_for(ticket, LONG_NS), SLUICE_OK);
	assert_equal(f.sink->row_count, 1);
	assert_status(wait_for(ticket, 0), SLUICE_OK);
	assert_status(wait_for(ticket, UINT64_MAX), SLUICE_OK);
}

Test(instance, wait_for_what_is_not_committed_times_out)
{
	struct sluice_ticket ticket;

	scripted_sink_commit(f.sink, 0);
	ticket = put_ticket(world_attach(f.sluice, 0));
	assert_status(wait_for(ticket, SHORT_NS), SLUICE_TIMEOUT);
	assert_status(wait_for(ticket, 0), SLUICE_TIMEOUT);
}

Test(instance, wait_for_a_record_of_a_lane_does_not_stop_at_another_lanes)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0), *other = world_attach(f.sluice, 1);
	struct sluice_ticket ticket;

	assert_status(wait_for(put_ticket(other), LONG_NS), SLUICE_OK);
	scripted_sink_commit(f.sink, 1);
	ticket = put_ticket(lane);
	assert_status(wait_for(ticket, SHORT_NS), SLUICE_TIMEOUT);
}

Test(instance, wait_for_what_is_no_ticket_is_invalid)
{
	struct sluice_ticket ticket = put_ticket(world_attach(f.sluice, 0)), wrong = ticket;

	wrong.sequence = 0;
	assert_status(wait_for(wrong, LONG_NS), SLUICE_INVALID);
	wrong.sequence = 2;
	assert_status(wait_for(wrong, LONG_NS), SLUICE_INVALID);
	wrong = ticket;
	wrong.lane = 2;
	assert_status(wait_for(wrong, LONG_NS), SLUICE_INVALID);
	assert_status(sluice_wait(f.sluice, ticket, (enum sluice_level)0, LONG_NS), SLUICE_INVALID);
	assert_status(sluice_wait(f.sluice, ticket, (enum sluice_level)3, LONG_NS), SLUICE_INVALID);
}

Test(instance, wait_for_a_standby_tells_when_none_has_confirmed_and_a_later_batch_proves_it)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_ticket first = put_ticket(lane), second;

	assert_status(sluice_wait(f.sluice, first, SLUICE_REPLICATED, LONG_NS),
	              SLUICE_UNREPLICATED);
	pthread_mutex_lock(&f.sink->mutex);
	f.sink->replicated = f.sink->submitted + 1;
	pthread_mutex_unlock(&f.sink->mutex);
	second = put_ticket(lane);
	assert_status(sluice_wait(f.sluice, second, SLUICE_REPLICATED, LONG_NS), SLUICE_OK);
	assert_status(sluice_wait(f.sluice, first, SLUICE_REPLICATED, 0), SLUICE_OK);
	assert_status(sluice_wait(f.sluice, put_ticket(lane), SLUICE_REPLICATED, LONG_NS),
	              SLUICE_UNREPLICATED);
}

Test(instance, wait_tells_that_the_sink_halted)
{
	struct sluice_ticket committed, ticket;
	struct sluice_lane *lane = world_attach(f.sluice, 0);

	committed = put_ticket(lane);
	assert_status(wait_for(committed, LONG_NS), SLUICE_OK);
	scripted_sink_turn(f.sink, SLUICE_STATE_HALTED, "the table is gone");
	ticket = put_ticket(lane);
	assert_status(wait_for(ticket, LONG_NS), SLUICE_HALTED);
	assert_status(wait_for(committed, LONG_NS), SLUICE_OK);
}

struct waiter {
	struct sluice_ticket ticket;
	enum sluice_status status;
};

static void *wait_in_thread(void *argument)
{
	struct waiter *waiter = argument;

	waiter->status = wait_for(waiter->ticket, LONG_NS);
	return NULL;
}

/* Starts a thread that waits for a record, and returns when it sleeps. */
static pthread_t start_waiter(struct waiter *waiter)
{
	pthread_t thread;

	scripted_sink_commit(f.sink, 0);
	waiter->ticket = put_ticket(world_attach(f.sluice, 0));
	cr_assert_eq(pthread_create(&thread, NULL, wait_in_thread, waiter), 0);
	while (atomic_load(&f.sluice->flusher.waiters) == 0)
		sched_yield();
	return thread;
}

Test(instance, a_commit_wakes_who_waits)
{
	struct waiter waiter;
	pthread_t thread = start_waiter(&waiter);

	scripted_sink_commit(f.sink, UINT64_MAX);
	pthread_join(thread, NULL);
	assert_status(waiter.status, SLUICE_OK);
}

Test(instance, a_halt_wakes_who_waits)
{
	struct waiter waiter;
	pthread_t thread = start_waiter(&waiter);

	scripted_sink_turn(f.sink, SLUICE_STATE_HALTED, "the table is gone");
	pthread_join(thread, NULL);
	assert_status(waiter.status, SLUICE_HALTED);
}

/* ---- flush ---- */

Test(instance, flush_of_nothing_is_done)
{
	assert_status(sluice_flush(f.sluice, 0), SLUICE_OK);
}

Test(instance_with, flush_commits_all_lanes_without_delay)
{
	struct sluice_lane *lanes[2];

	/* Were flush to wait for the delay, it would time out. */
	open_with("lanes=2 lane_slots=64 flush_delay=10s");
	for (int i = 0; i < 2; i++) {
		lanes[i] = world_attach(f.sluice, i);
		put_ticket(lanes[i]);
	}
	assert_status(sluice_flush(f.sluice, sluice_seconds(9)), SLUICE_OK);
	assert_equal(f.sink->row_count, 2);
}

Test(instance, flush_times_out_or_tells_that_the_sink_halted)
{
	scripted_sink_commit(f.sink, 0);
	put_ticket(world_attach(f.sluice, 0));
	assert_status(sluice_flush(f.sluice, SHORT_NS), SLUICE_TIMEOUT);
	scripted_sink_turn(f.sink, SLUICE_STATE_HALTED, "the table is gone");
	assert_status(sluice_flush(f.sluice, LONG_NS), SLUICE_HALTED);
}

/* ---- stats ---- */

Test(instance, stats_of_an_idle_instance)
{
	struct sluice_stats stats;

	memset(&stats, 0xff, sizeof(stats));
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.account.accepted, 0);
	assert_equal(stats.account.pending, 0);
	assert_equal(stats.state, SLUICE_STATE_RUNNING);
	assert_equal(stats.lane_slots, 64);
	assert_equal(stats.lane_depth, 0);
	assert_equal(stats.oldest_pending_ns, 0);
	assert_equal(stats.commit_lag.count, 0);
	assert_equal(stats.keys, 0);
	cr_assert_str_empty(stats.reason);
}

Test(instance, stats_count_what_happened)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0), *other = world_attach(f.sluice, 1);
	struct sluice_stats stats;

	scripted_sink_commit(f.sink, 0);
	for (uint64_t i = 0; i < 5; i++)
		assert_status(put_item(lane, 7, i), SLUICE_OK);
	while (put_event(other, 1) == SLUICE_OK)
		;
	scripted_sink_turn(f.sink, SLUICE_STATE_RUNNING, "was slow");
	while (f.sluice->flusher.progress.committed == 0) {
		scripted_sink_commit(f.sink, UINT64_MAX);
		assert_status(sluice_flush(f.sluice, LONG_NS), SLUICE_OK);
	}
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.account.accepted, 69);
	assert_equal(stats.account.committed + stats.account.coalesced, 69);
	assert_equal(stats.account.committed, f.sink->row_count);
	assert_equal(stats.account.pending, 0);
	assert_equal(stats.commit_lag.count, 69);
	cr_assert_leq(stats.commit_lag.p50_ns, stats.commit_lag.p99_ns);
	cr_assert_leq(stats.commit_lag.p99_ns, stats.commit_lag.max_ns);
	assert_equal(stats.batches, f.sink->submitted);
	assert_equal(stats.full, 1);
	cr_assert_geq(stats.keys, 1);
	cr_assert_str_eq(stats.reason, "was slow");
}

Test(instance, stats_show_what_is_pending)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_stats stats;

	scripted_sink_commit(f.sink, 0);
	put_ticket(lane);
	put_ticket(lane);
	put_ticket(world_attach(f.sluice, 1));
	do
		sluice_stats(f.sluice, &stats);
	while (stats.oldest_pending_ns == 0); /* until the flusher has looked */
	assert_equal(stats.account.pending, 3);
	assert_equal(stats.lane_depth, 3);
	assert_equal(stats.lane_depth_max, 2);
}

/* ---- close ---- */

Test(instance, close_carries_everything_and_reports_it)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_report report;

	for (uint64_t i = 0; i < 10; i++)
		assert_status(put_item(lane, i % 5, i), SLUICE_OK);
	assert_status(sluice_close(f.sluice, LONG_NS, &report), SLUICE_OK);
	assert_equal(report.account.accepted, 10);
	assert_equal(report.account.committed, f.sink->row_count);
	assert_equal(report.account.committed + report.account.coalesced, 10);
	assert_equal(report.account.pending, 0);
	assert_equal(report.kept + report.lost, 0);
	cr_assert_arr_eq(&report.streams[items.index], &report.account, sizeof(report.account));
	cr_assert_str_empty(report.reason);
	assert_equal(f.sink->closes, 1);
	assert_equal(f.world.mapped, 0);
}

Test(instance, paused_a_flush_times_out_and_close_carries_everything)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_report report;

	assert_status(sluice_pause(f.sluice), SLUICE_OK);
	assert_status(put_event(lane, 1), SLUICE_OK);
	assert_status(sluice_flush(f.sluice, SHORT_NS), SLUICE_TIMEOUT);
	assert_status(sluice_close(f.sluice, LONG_NS, &report), SLUICE_OK);
	assert_equal(report.account.committed, 1);
}

Test(instance, close_while_the_sink_is_slow_reports_what_is_pending_and_why)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_report report;

	assert_status(wait_for(put_ticket(lane), LONG_NS), SLUICE_OK);
	scripted_sink_turn(f.sink, SLUICE_STATE_CONNECTING, "connection refused");
	put_ticket(lane);
	put_ticket(lane);
	assert_status(sluice_close(f.sluice, SHORT_NS, &report), SLUICE_TIMEOUT);
	assert_equal(report.account.accepted, 3);
	assert_equal(report.account.committed, 1);
	assert_equal(report.account.pending, 2);
	assert_equal(report.lost, 2);
	assert_equal(report.kept, 0);
	cr_assert_arr_eq(&report.streams[events.index], &report.account, sizeof(report.account));
	cr_assert_str_eq(report.reason, "connection refused");
	cr_assert_geq(report.elapsed_ns, SHORT_NS);
}

Test(instance_with, lanes_in_files_keep_what_close_could_not_carry)
{
	char directory[] = "/dev/shm/sluice-instance-XXXXXX";
	char text[128], command[64];
	struct sluice_lane *lane;
	struct sluice_report report;

	cr_assert_not_null(mkdtemp(directory));
	snprintf(text, sizeof(text), "lanes=2 lane_slots=64 keys=64 dir=%s", directory);
	open_with(text);
	lane = world_attach(f.sluice, 0);
	scripted_sink_commit(f.sink, 0);
	put_ticket(lane);
	assert_status(put_item(lane, 7, 1), SLUICE_OK);
	assert_status(put_item(lane, 7, 2), SLUICE_OK);
	assert_status(sluice_close(f.sluice, SHORT_NS, &report), SLUICE_TIMEOUT);
	assert_equal(report.account.pending, 3);
	assert_equal(report.kept, 3);
	assert_equal(report.lost, 0);
	assert_equal(report.streams[items.index].pending, 2);
	assert_equal(report.streams[events.index].pending, 1);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_equal(system(command), 0);
}

Test(instance_with, close_without_a_reason_says_that_the_time_was_up)
{
	struct sluice_report report;

	open_with("lanes=2 lane_slots=64 flush_delay=10s"); /* it looks once in a millisecond */
	scripted_sink_commit(f.sink, 0);
	put_ticket(world_attach(f.sluice, 0));
	assert_status(sluice_close(f.sluice, 0, &report), SLUICE_TIMEOUT);
	cr_assert_str_eq(report.reason, "the time was up");
	assert_equal(report.streams[events.index].pending, 1);
}

Test(instance, close_does_not_wait_for_a_halted_sink)
{
	struct sluice_report report;

	scripted_sink_turn(f.sink, SLUICE_STATE_HALTED, "the table is gone");
	put_ticket(world_attach(f.sluice, 0));
	assert_status(sluice_close(f.sluice, UINT64_MAX, &report), SLUICE_HALTED);
	assert_equal(report.account.pending, 1);
	cr_assert_str_eq(report.reason, "the table is gone");
}

Test(instance, fenced_it_waits_for_nothing_as_halted)
{
	struct sluice_report report;
	struct sluice_stats stats;
	struct sluice_ticket ticket;

	scripted_sink_turn(f.sink, SLUICE_STATE_FENCED, "another process has the run");
	ticket = put_ticket(world_attach(f.sluice, 0));
	assert_status(wait_for(ticket, LONG_NS), SLUICE_HALTED);
	sluice_stats(f.sluice, &stats);
	cr_assert_str_eq(sluice_state_name(stats.state), "fenced");
	assert_status(sluice_close(f.sluice, UINT64_MAX, &report), SLUICE_HALTED);
	assert_equal(report.account.pending, 1);
	cr_assert_str_eq(report.reason, "another process has the run");
}

Test(instance, close_of_a_halted_sink_that_has_everything_is_fine)
{
	struct sluice_report report;

	assert_status(wait_for(put_ticket(world_attach(f.sluice, 0)), LONG_NS), SLUICE_OK);
	scripted_sink_turn(f.sink, SLUICE_STATE_HALTED, "the table is gone");
	assert_status(sluice_close(f.sluice, LONG_NS, &report), SLUICE_OK);
	cr_assert_str_empty(report.reason);
}

Test(instance, closed_twice_it_reports_the_same)
{
	struct sluice_report report, again;

	scripted_sink_turn(f.sink, SLUICE_STATE_HALTED, "the table is gone");
	put_ticket(world_attach(f.sluice, 0));
	assert_status(sluice_close(f.sluice, LONG_NS, &report), SLUICE_HALTED);
	assert_status(sluice_close(f.sluice, LONG_NS, &again), SLUICE_CLOSED);
	cr_assert_arr_eq(&report, &again, sizeof(report));
}

Test(instance, after_close_every_call_is_closed)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct item item = {.id = 7};
	void *record;

	assert_status(put_item(lane, 7, 70), SLUICE_OK);
	assert_status(sluice_close(f.sluice, LONG_NS, NULL), SLUICE_OK);
	assert_status(put_item(lane, 7, 70), SLUICE_CLOSED);
	assert_status(put_event(lane, 1), SLUICE_CLOSED);
	assert_status(sluice_put_if(lane, &items, &item, sizeof(item), 0, NULL), SLUICE_CLOSED);
	assert_status(sluice_reserve(lane, &items, &item.id, &record), SLUICE_CLOSED);
	assert_status(sluice_commit(lane, NULL), SLUICE_CLOSED);
	sluice_cancel(lane);
	assert_status(sluice_remove(lane, &items, &item.id, NULL), SLUICE_CLOSED);
	assert_status(sluice_get(lane, &items, &item.id, &item, NULL), SLUICE_CLOSED);
	assert_status(sluice_detach(lane), SLUICE_CLOSED);
	assert_status(sluice_flush(f.sluice, LONG_NS), SLUICE_CLOSED);
	assert_status(sluice_pause(f.sluice), SLUICE_CLOSED);
	assert_status(sluice_resume(f.sluice), SLUICE_CLOSED);
	assert_status(sluice_adjust(f.sluice, "flush_rows=1", &f.error), SLUICE_CLOSED);
	cr_assert_null(sluice_attach(f.sluice, 0, &f.error));
	assert_status(f.error.status, SLUICE_CLOSED);
}

Test(instance, closed_with_a_reserve_open_commit_is_closed_and_counts_nothing)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_report report;
	void *record;

	assert_status(sluice_reserve(lane, &events, NULL, &record), SLUICE_OK);
	assert_status(sluice_close(f.sluice, LONG_NS, &report), SLUICE_OK);
	assert_equal(report.account.accepted, 0);
	assert_status(sluice_commit(lane, NULL), SLUICE_CLOSED);
}

Test(instance, after_close_tickets_tell_what_became_of_their_records)
{
	struct sluice_lane *lane = world_attach(f.sluice, 0);
	struct sluice_ticket committed = put_ticket(lane), lost;

	assert_status(wait_for(committed, LONG_NS), SLUICE_OK);
	scripted_sink_commit(f.sink, 1);
	lost = put_ticket(lane);
	assert_status(sluice_close(f.sluice, SHORT_NS, NULL), SLUICE_TIMEOUT);
	assert_status(wait_for(committed, LONG_NS), SLUICE_OK);
	assert_status(wait_for(lost, LONG_NS), SLUICE_CLOSED);
}

Test(instance, after_close_stats_are_as_the_report)
{
	struct sluice_report report;
	struct sluice_stats stats;

	put_ticket(world_attach(f.sluice, 0));
	assert_status(sluice_close(f.sluice, LONG_NS, &report), SLUICE_OK);
	sluice_stats(f.sluice, &stats);
	cr_assert_arr_eq(&stats.account, &report.account, sizeof(report.account));
	assert_equal(stats.state, SLUICE_STATE_CLOSED);
}
