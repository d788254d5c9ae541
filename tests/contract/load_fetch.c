/* SPDX-License-Identifier: MIT */
/* load_fetch.c - single keys: from the cache, from the database, from neither; and in what time. */
#include "core/instance.h"
#include "tests/contract/load_stage.h"

#include <pthread.h>

TestSuite(fetch, .init = stage_open, .fini = stage_close, .timeout = 120);

/* ---- where a key is ---- */

Test(fetch, a_key_of_the_database_is_read_once_and_then_a_hit)
{
	struct trading_order order;
	uint64_t version, again;

	stage_fill(10);
	assert_status(order_get(4, &order, NULL), SLUICE_MISS);
	assert_status(order_fetch(4, &order, &version, PATIENCE_NS), SLUICE_OK);
	assert_is(&order, 4);
	assert_status(order_get(4, &order, &again), SLUICE_OK);
	cr_assert_eq(again, version);
	assert_status(order_fetch(4, &order, NULL, 0), SLUICE_OK);
	assert_is(&order, 4);
	cr_assert_eq(stage_stats().rows, 1);
}

Test(fetch, a_key_of_neither_is_a_miss_each_time)
{
	struct trading_order order;

	stage_fill(10);
	assert_status(order_fetch(10, &order, NULL, PATIENCE_NS), SLUICE_MISS);
	assert_status(order_fetch(10, &order, NULL, PATIENCE_NS), SLUICE_MISS);
	order = order_make(10);
	order_put(stage.lane, &order);
	memset(&order, 0, sizeof(order));
	assert_status(order_fetch(10, &order, NULL, 0), SLUICE_OK);
	assert_is(&order, 10);
}

Test(fetch, a_removed_key_is_not_asked_of_the_database)
{
	struct trading_order order;
	struct sluice_uuid id = order_id(4);

	stage_fill(10);
	stage_lock();
	assert_status(sluice_remove(stage.lane, &trading_orders, &id, NULL), SLUICE_OK);
	assert_status(order_fetch(4, &order, NULL, PATIENCE_NS), SLUICE_MISS);
	stage_unlock();
}

Test(fetch, what_was_put_is_told_and_not_the_row)
{
	struct trading_order order = order_make(4);

	stage_fill(10);
	text_print(&order.state, "NEW");
	order_put(stage.lane, &order);
	memset(&order, 0, sizeof(order));
	assert_status(order_fetch(4, &order, NULL, 0), SLUICE_OK);
	cr_assert_eq(memcmp(order.state.bytes, "NEW", 3), 0);
}

/* As a put leaves it that is between its version and its record. */
Test(fetch, a_key_that_is_being_put_is_told_as_its_row)
{
	struct slu_cache *cache;
	struct trading_order order;
	struct sluice_uuid id = order_id(4);
	uint64_t version = 9;

	stage_fill(10);
	cache = &stage.sluice->caches[trading_orders.index];
	assert_status(order_fetch(4, &order, NULL, PATIENCE_NS), SLUICE_OK);
	slu_cache_find(cache, &id)->newest = NULL;
	memset(&order, 0, sizeof(order));
	assert_status(order_fetch(4, &order, &version, PATIENCE_NS), SLUICE_OK);
	assert_is(&order, 4);
	cr_assert_eq(version, 0);
}

Test(fetch, a_row_that_the_record_cannot_hold_is_refused_and_leaves_nothing)
{
	struct trading_order order;

	stage_fill(10);
	database_run(stage.server.admin, "UPDATE orders SET price = 'NaN'");
	assert_status(order_fetch(4, &order, NULL, PATIENCE_NS), SLUICE_INVALID);
	assert_told("stream orders, column price");
	assert_status(order_get(4, &order, NULL), SLUICE_MISS);
}

Test(fetch, a_full_cache_is_told)
{
	struct trading_order order;
	uint32_t number = 0;
	enum sluice_status status;

	stage_fill(400);
	assert_status(sluice_close(stage.sluice, PATIENCE_NS, NULL), SLUICE_OK);
	stage_engine("lanes=1 lane_slots=64 keys=100");
	while ((status = order_fetch(number, &order, NULL, PATIENCE_NS)) == SLUICE_OK)
		number++;
	cr_assert_geq(number, 100);
	assert_status(status, SLUICE_FULL);
	assert_told("more keys");
}

Test(fetch, without_a_lane_or_of_an_append_stream_it_is_refused)
{
	struct trading_execution execution;
	struct trading_order order;
	uint64_t key = 0;

	assert_status(sluice_fetch(stage.reader, stage.lane, &trading_executions, &key, &execution,
	                           NULL, 0, &stage.error),
	              SLUICE_INVALID);
	stage.lane = NULL;
	assert_status(order_fetch(1, &order, NULL, 0), SLUICE_UNATTACHED);
}

/* ---- connections ---- */

Test(fetch, a_lost_connection_is_made_again_within_the_call)
{
	struct trading_order order;

	stage_fill(10);
	assert_status(order_fetch(1, &order, NULL, PATIENCE_NS), SLUICE_OK);
	stage_cut();
	assert_status(order_fetch(2, &order, NULL, PATIENCE_NS), SLUICE_OK);
	cr_assert_eq(stage_stats().reconnects, 1);
}

struct crowd_member {
	pthread_t thread;
	enum sluice_status status;
	uint32_t number;
	uint64_t timeout_ns;
	struct sluice_lane *lane;
};

static void *fetch_one(void *context)
{
	struct crowd_member *member = context;
	struct sluice_uuid id = order_id(member->number);
	struct trading_order order;
	struct sluice_error error;

	member->status = sluice_fetch(stage.reader, member->lane, &trading_orders, &id, &order,
	                              NULL, member->timeout_ns, &error);
	return NULL;
}

/* Sessions that wait for a lock. */
static void wait_until_blocked(int64_t sessions)
{
	while (database_query_int(stage.server.admin,
	                          "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
	                          "'" READER_NAME "' AND datname = current_database() AND "
	                          "wait_event_type = 'Lock'") < sessions)
		;
}

Test(fetch, a_session_that_ends_in_the_middle_is_made_again_within_the_call)
{
	struct crowd_member member = {.number = 3, .timeout_ns = PATIENCE_NS};

	stage_fill(10);
	member.lane = stage.lane;
	stage_lock();
	cr_assert_eq(pthread_create(&member.thread, NULL, fetch_one, &member), 0);
	wait_until_blocked(1);
	stage_cut();
	stage_unlock();
	cr_assert_eq(pthread_join(member.thread, NULL), 0);
	assert_status(member.status, SLUICE_OK);
	cr_assert_eq(stage_stats().reconnects, 1);
}

Test(fetch, many_threads_share_few_connections)
{
	struct crowd_member crowd[12] = {{0}};
	struct sluice_reader_stats stats;

	stage_fill(10);
	for (uint32_t i = 0; i < 12; i++) {
		crowd[i] = (struct crowd_member){
			.number = i % 4, .timeout_ns = PATIENCE_NS, .status = SLUICE_FAILED};
		crowd[i].lane = sluice_shared(stage.sluice, NULL);
		cr_assert_not_null(crowd[i].lane);
	}
	stage_lock();
	for (int i = 0; i < 12; i++)
		cr_assert_eq(pthread_create(&crowd[i].thread, NULL, fetch_one, &crowd[i]), 0);
	wait_until_blocked(2);
	while (stage_stats().waits < 10)
		;
	cr_assert_eq(stage_sessions(), 2);
	stage_unlock();
	for (int i = 0; i < 12; i++)
		cr_assert_eq(pthread_join(crowd[i].thread, NULL), 0);
	for (int i = 0; i < 12; i++)
		assert_status(crowd[i].status, SLUICE_OK);
	stats = stage_stats();
	cr_assert_eq(stats.in_use, 0);
	cr_assert_eq(stats.in_use_max, 2);
	cr_assert_eq(stats.open, 2);
	cr_assert_eq(stats.refused, 0);
}

/* Calls that give up leave no sessions behind that nobody counts. */
Test(fetch, a_call_that_gives_up_keeps_its_connection_until_the_server_is_done)
{
	struct sluice_reader_stats stats;
	struct trading_order order;

	stage_fill(10);
	stage_lock();
	for (uint32_t n = 0; n < 6; n++)
		assert_status(order_fetch(n, &order, NULL, sluice_ms(20)), SLUICE_TIMEOUT);
	assert_told("all in use");
	stats = stage_stats();
	cr_assert_eq(stats.abandoned, 2);
	cr_assert_eq(stats.refused, 4);
	cr_assert_eq(stats.in_use, 2);
	cr_assert_eq(stage_sessions(), 2);
	stage_unlock();
	assert_status(order_fetch(0, &order, NULL, PATIENCE_NS), SLUICE_OK);
	while (stage_stats().in_use > 0)
		;
	cr_assert_eq(stage_stats().reconnects, 0);
	cr_assert_eq(stage_sessions(), 2);
}

/* ---- the others ---- */

Test(fetch, a_reader_that_is_all_in_use_does_not_stop_the_sink)
{
	struct crowd_member crowd[2];
	struct trading_execution execution = {.provider_id = 1, .traded_at = 1700000000000000};

	stage_fill(10);
	database_run(stage.server.admin, /* else a row of its would ask for the lock, too */
	             "ALTER TABLE executions DROP CONSTRAINT executions_order_id_fkey");
	stage_lock();
	for (uint32_t i = 0; i < 2; i++) {
		crowd[i] = (struct crowd_member){.number = i, .timeout_ns = PATIENCE_NS};
		crowd[i].lane = sluice_shared(stage.sluice, NULL);
		cr_assert_eq(pthread_create(&crowd[i].thread, NULL, fetch_one, &crowd[i]), 0);
	}
	wait_until_blocked(2);
	for (int n = 0; n < 500; n++) {
		struct sluice_ticket ticket;

		text_print(&execution.execution_id, "e%d", n);
		assert_status(sluice_put(stage.lane, &trading_executions, &execution,
		                         sizeof(execution), &ticket),
		              SLUICE_OK);
		if (n % 100 == 99)
			assert_status(
				sluice_wait(stage.sluice, ticket, SLUICE_COMMITTED, PATIENCE_NS),
				SLUICE_OK);
	}
	cr_assert_eq(stage_stats().in_use, 2);
	stage_unlock();
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_join(crowd[i].thread, NULL), 0);
	assert_status(crowd[0].status, SLUICE_OK);
	assert_status(crowd[1].status, SLUICE_OK);
	cr_assert_eq(database_query_int(stage.server.admin, "SELECT count(*) FROM executions"),
	             500);
}
