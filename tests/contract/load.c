/* SPDX-License-Identifier: MIT */
/* load.c - whole tables into the cache, whoever writes or breaks in meanwhile. */
#include "tests/contract/load_stage.h"

#include <pthread.h>

TestSuite(load, .init = stage_open, .fini = stage_close, .timeout = 240);

/* ---- what is loaded ---- */

Test(load, ten_thousand_orders_are_read_back_byte_for_byte)
{
	struct trading_order order;
	struct sluice_stats stats;

	stage_fill(10000);
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.rows, 10000);
	cr_assert_eq(stage.loaded.warmed, 10000);
	cr_assert_eq(stage_stats().rows, 10000);
	for (uint32_t n = 0; n < 10000; n++) {
		memset(&order, 0xee, sizeof(order));
		assert_status(order_get(n, &order, NULL), SLUICE_OK);
		assert_is(&order, n);
	}
	sluice_stats(stage.sluice, &stats);
	cr_assert_eq(stats.account.accepted, 0);
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.known, 10000);
	cr_assert_eq(stage.loaded.warmed, 0);
}

Test(load, an_empty_table_is_loaded)
{
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.rows, 0);
}

/* The clock of the run that wrote them was ahead: their versions are beyond all that this run would
 * give, and the table takes none that is not greater. */
Test(load, what_is_put_over_a_row_from_the_future_is_committed)
{
	stage_fill(100);
	database_run(stage.server.admin, "UPDATE orders SET version = version + 1000000000000000");
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	for (uint32_t n = 0; n < 100; n++) {
		struct trading_order order;
		uint64_t version;

		assert_status(order_get(n, &order, &version), SLUICE_OK);
		text_print(&order.state, "NEW");
		assert_status(sluice_put_if(stage.lane, &trading_orders, &order, sizeof(order),
		                            version, NULL),
		              SLUICE_OK);
	}
	assert_status(sluice_flush(stage.sluice, PATIENCE_NS), SLUICE_OK);
	cr_assert_eq(database_query_int(stage.server.admin,
	                                "SELECT count(*) FROM orders WHERE state = 'NEW'"),
	             100);
}

/* ---- beside writers ---- */

enum { CONTESTED = 3000, ROUNDS = 4 };

struct writer {
	pthread_t thread;
	uint32_t first;
};

/* Every other one of its orders, again and again; each state of an order has a later placed_at. */
static void *write_orders(void *context)
{
	const struct writer *writer = context;
	struct sluice_lane *lane = sluice_attach(stage.sluice, SLUICE_CPU_CURRENT, NULL);

	if (lane == NULL)
		abort();
	for (uint32_t round = 1; round <= ROUNDS; round++)
		for (uint32_t n = writer->first; n < CONTESTED; n += 4) {
			struct trading_order order = order_make(n);
			enum sluice_status status;

			order.placed_at += round * 1000000;
			do
				status = sluice_put(lane, &trading_orders, &order, sizeof(order),
				                    NULL);
			while (status == SLUICE_FULL);
			if (status != SLUICE_OK ||
			    sluice_get(lane, &trading_orders, &order.id, &order, NULL) != SLUICE_OK)
				abort();
			/* Nobody else puts it: what was loaded must not come back. */
			if (order.placed_at != order_make(n).placed_at + round * 1000000)
				abort();
		}
	(void)sluice_detach(lane);
	return NULL;
}

/* That every order of the database is the cache's. */
static void compare_with_database(void)
{
	PGresult *result = PQexec(stage.server.admin,
	                          "SELECT (extract(epoch FROM placed_at) * 1000000)::bigint "
	                          "FROM orders ORDER BY id");

	cr_assert_eq(PQntuples(result), CONTESTED);
	for (uint32_t n = 0; n < CONTESTED; n++) {
		int64_t placed_at = strtoll(PQgetvalue(result, (int)n, 0), NULL, 10);
		struct trading_order order;

		assert_status(order_get(n, &order, NULL), SLUICE_OK);
		cr_assert_eq(order.placed_at, placed_at, "order %u", n);
		cr_assert_eq(placed_at,
		             order_make(n).placed_at + (n % 2 == 0 ? ROUNDS * 1000000 : 0));
	}
	PQclear(result);
}

Test(load, beside_engines_that_put_the_same_keys_nothing_old_comes_back)
{
	struct writer writers[] = {{.first = 0}, {.first = 2}};

	stage_fill(CONTESTED);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&writers[i].thread, NULL, write_orders, &writers[i]),
		             0);
	for (int i = 0; i < 5; i++) {
		assert_status(stage_load(NULL, NULL), SLUICE_OK);
		cr_assert_eq(stage.loaded.rows, CONTESTED);
	}
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_join(writers[i].thread, NULL), 0);
	assert_status(sluice_flush(stage.sluice, PATIENCE_NS), SLUICE_OK);
	compare_with_database();
}

Test(load, what_this_run_removed_stays_removed)
{
	struct trading_order order;
	struct sluice_uuid id = order_id(7);

	stage_fill(10);
	assert_status(sluice_remove(stage.lane, &trading_orders, &id, NULL), SLUICE_OK);
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.warmed, 9);
	assert_status(order_get(7, &order, NULL), SLUICE_MISS);
}

/* ---- what is not ---- */

Test(load, a_row_that_the_record_cannot_hold_is_left_out_whole)
{
	struct trading_order order;

	stage_fill(10);
	database_run(stage.server.admin,
	             "UPDATE orders SET instrument = repeat('x', 23) WHERE client_order_id IN "
	             "('client-3', 'client-5'); "
	             "UPDATE orders SET version = -1 WHERE client_order_id = 'client-6'");
	assert_status(stage_load(NULL, NULL), SLUICE_INVALID);
	assert_told("3 of 10 rows");
	assert_told("stream orders, column instrument");
	cr_assert_null(strstr(stage.error.message, "xxx"));
	cr_assert_eq(stage.loaded.refused, 3);
	cr_assert_eq(stage.loaded.warmed, 7);
	assert_status(order_get(3, &order, NULL), SLUICE_MISS);
	assert_status(order_get(4, &order, NULL), SLUICE_OK);
	assert_status(order_get(6, &order, NULL), SLUICE_MISS);
}

Test(load, a_cache_that_is_full_tells_how_many_keys_the_table_has)
{
	stage_fill(1000);
	assert_status(sluice_close(stage.sluice, PATIENCE_NS, NULL), SLUICE_OK);
	stage_engine("lanes=1 lane_slots=64 keys=100");
	assert_status(stage_load(NULL, NULL), SLUICE_FULL);
	assert_told("1000 rows");
	cr_assert_geq(stage.loaded.rows, 100);
	cr_assert_lt(stage.loaded.rows, 1000);
	cr_assert_eq(stage_stats().in_use, 0);
}

Test(load, a_table_of_another_type_is_refused_by_its_column)
{
	stage_fill(10);
	database_run(stage.server.admin,
	             "ALTER TABLE orders ALTER placed_at TYPE timestamp; ANALYZE orders");
	assert_status(stage_load(NULL, NULL), SLUICE_INVALID);
	assert_told("column placed_at");
	assert_told("sluice gen");
	cr_assert_eq(stage.loaded.warmed, 0);
}

Test(load, it_needs_the_lane_to_itself_or_the_shared_ones)
{
	struct sluice_uuid id = order_id(3);
	struct sluice_lane *lane;
	void *record;

	stage_fill(10);
	lane = stage.lane;
	assert_status(sluice_reserve(lane, &trading_orders, &id, &record), SLUICE_OK);
	assert_status(stage_load(NULL, NULL), SLUICE_BUSY);
	cr_assert_eq(stage_stats().in_use, 0);
	stage.lane = sluice_shared(stage.sluice, NULL);
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.warmed, 10);
	sluice_cancel(lane);
}

Test(load, an_append_stream_is_refused)
{
	assert_status(sluice_load(stage.reader, stage.lane, &trading_executions, NULL, NULL, NULL,
	                          &stage.error),
	              SLUICE_INVALID);
	assert_status(sluice_load(stage.reader, NULL, &trading_orders, NULL, NULL, NULL, NULL),
	              SLUICE_UNATTACHED);
}

/* ---- watched, stopped, broken ---- */

struct watcher {
	struct sluice_loaded seen[8];
	size_t count;
	size_t stop_at; /* this look says stop; 0: none does */
	void (*at_first)(void);
};

static bool watch(void *context, const struct sluice_loaded *loaded)
{
	struct watcher *watcher = context;

	cr_assert_lt(watcher->count, 8);
	watcher->seen[watcher->count++] = *loaded;
	if (watcher->count == 1 && watcher->at_first != NULL)
		watcher->at_first();
	return watcher->count != watcher->stop_at;
}

Test(load, its_watch_sees_how_far_it_is)
{
	struct watcher watcher = {0};

	stage_fill(2500);
	database_run(stage.server.admin, "ANALYZE orders");
	assert_status(stage_load(watch, &watcher), SLUICE_OK);
	cr_assert_eq(watcher.count, 4);
	cr_assert_eq(watcher.seen[0].rows, 1000);
	cr_assert_eq(watcher.seen[0].rows_expected, 2500);
	cr_assert_eq(watcher.seen[2].rows, 2500);
	cr_assert_eq(watcher.seen[3].rows, 2500);
	cr_assert_eq(watcher.seen[3].warmed, 2500);
}

Test(load, its_watch_stops_it_and_another_goes_on)
{
	struct watcher watcher = {.stop_at = 1};

	stage_fill(2500);
	assert_status(stage_load(watch, &watcher), SLUICE_TIMEOUT);
	assert_told("stopped by its watch after 1000 rows");
	cr_assert_eq(stage.loaded.warmed, 1000);
	cr_assert_eq(stage_stats().in_use, 0);
	cr_assert_eq(stage_sessions(), 1);
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.known, 1000);
	cr_assert_eq(stage.loaded.warmed, 1500);
	cr_assert_eq(stage_stats().reconnects, 0);
}

Test(load, a_session_that_ended_while_idle_is_made_again)
{
	stage_fill(10);
	stage_cut();
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage_stats().reconnects, 1);
}

Test(load, a_session_that_ends_in_the_middle_is_told_and_the_next_load_has_another)
{
	struct watcher watcher = {.at_first = stage_cut};

	stage_fill(2500);
	assert_status(stage_load(watch, &watcher), SLUICE_FAILED);
	assert_told("57P01");
	cr_assert_eq(stage.loaded.warmed, 1000);
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.rows, 2500);
	cr_assert_eq(stage_stats().reconnects, 1);
}
