/* SPDX-License-Identifier: MIT */
/*
 * sink_runs.c - runs come one after the other: each goes on where the database says that it
 * stopped, is sealed at its end, and moves no more.
 */
#include "tests/contract/sink_driver.h"

enum { FEW = 5, MANY = 100 /* travels by COPY */ };

/* A batch of orders number first, first + 1.. */
static void submit_orders(struct driver *driver, uint32_t first, size_t count)
{
	struct rows orders;
	struct sluice_part part;

	orders_make(&orders, first, count, 1);
	part = rows_part(&orders);
	driver_submit(driver, &part, 1);
	rows_free(&orders);
}

static void submit_executions(struct driver *driver, size_t count)
{
	struct rows executions;
	struct sluice_part part;

	executions_make(&executions, 1, count);
	part = rows_part(&executions);
	driver_submit(driver, &part, 1);
	rows_free(&executions);
}

static void carry(struct driver *driver, uint32_t first, size_t count)
{
	submit_orders(driver, first, count);
	driver_settle(driver);
	cr_assert_committed(driver);
}

static int64_t count_runs(struct server *server, const char *condition)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM sluice.lane WHERE %s", condition);
	return database_query_int(server->admin, sql);
}

static struct sluice_generation known(struct sluice_generation run)
{
	run.known = true;
	return run;
}

/* ---- begin ---- */

Test(sink_runs, nothing_is_asked_before_a_run_is_begun)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_start(&driver, server.dsn, NULL);
	driver_step(&driver);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_CONNECTING);
	cr_assert_eq(driver.progress.fd, -1);
	cr_assert_eq(driver.progress.wake_ns, UINT64_MAX);
	cr_assert_not(driver.progress.ready);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_new_run_stands_at_zero_and_takes_nothing_before_that_is_known)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	while (driver.progress.positions == NULL) {
		cr_assert_not(driver.progress.ready);
		driver_sleep(&driver);
		driver_step(&driver);
	}
	cr_assert(driver.progress.ready);
	cr_assert_stands(&driver, 0, 0);
	cr_assert_not(driver.progress.sealed);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, two_in_a_row_arrive_and_are_sealed)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	cr_assert_not(driver.progress.sealed);
	driver_seal(&driver);
	cr_assert(driver.progress.sealed, "%s", driver.progress.reason);
	cr_assert_eq(count_runs(&server, "sealed_at IS NOT NULL AND applied = '{5,1,0}'"), 1);

	driver_begin(&driver, driver_new_run());
	cr_assert_eq(driver.progress.committed, 0);
	cr_assert_null(driver.progress.positions);
	cr_assert_not(driver.progress.sealed);
	carry(&driver, 1 + FEW, FEW);
	cr_assert_stands(&driver, 0, 0);
	cr_assert_eq(driver.progress.committed, 1);
	cr_assert_eq(count_runs(&server, "sealed_at IS NULL"), 1);
	driver_seal(&driver);
	cr_assert_eq(count_runs(&server, "sealed_at IS NOT NULL AND applied = '{5,1,0}'"), 2);
	cr_assert_rows(&server, 2 * FEW, 0);
	cr_assert_eq(driver.progress.reconnects, 0);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, runs_may_differ_in_their_lanes)
{
	static const uint64_t from[5] = {0};
	static const uint64_t to[5] = {1, 2, 3, 4, 5};
	const struct sluice_batch batch = {.number = 1, .from = from, .to = to, .lane_count = 5};
	struct sluice_generation wide;
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	wide = driver_new_run();
	wide.lane_count = 5;
	driver_begin(&driver, wide);
	driver_connect(&driver);
	cr_assert_eq(driver.sink->ops->submit(driver.sink, &batch), SLUICE_OK);
	driver.submitted = 1;
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(count_runs(&server, "applied = '{1,2,3,4,5}'"), 1);
	driver_close(&driver);
	server_close(&server);
}

/* The process dies with one batch committed and another one on its way. */
Test(sink_runs, one_that_died_half_way_goes_on_where_the_database_stands)
{
	struct server server;
	struct driver died;
	struct driver driver;

	server_open(&server);
	driver_open(&died, server.dsn, NULL, NULL);
	carry(&died, 1, FEW);
	submit_orders(&died, 1 + FEW, FEW);
	driver_close(&died);
	driver_open(&driver, server.dsn, NULL, &died.generation);
	driver_connect(&driver);
	cr_assert_stands(&driver, FEW, 1);
	cr_assert_eq(driver.progress.committed, 0);
	carry(&driver, 1 + FEW, FEW);
	cr_assert_rows(&server, 2 * FEW, 0);
	cr_assert_eq(count_runs(&server, "applied = '{10,2,0}' AND epoch = 2"), 1);
	/* What was told at begin stays. */
	cr_assert_stands(&driver, FEW, 1);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_run_begun_after_the_connection_was_lost_dials_at_once)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	database_run(server.admin,
	             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
	             "WHERE datname = current_database() AND application_name = 'sluice'");
	while (driver.progress.fd >= 0) {
		driver_sleep(&driver);
		driver_step(&driver);
	}
	driver_begin(&driver, driver_new_run());
	cr_assert_geq(driver.progress.fd, 0);
	carry(&driver, 1 + FEW, FEW);
	cr_assert_stands(&driver, 0, 0);
	cr_assert_rows(&server, 2 * FEW, 0);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_known_run_without_a_row_halts_and_gets_none)
{
	struct sluice_generation run = {.lane_count = DRIVER_LANES, .known = true};
	struct server server;
	struct driver driver;

	memcpy(run.id.bytes, "\x01\x23\x45\x67\x89\xab\x7d\xef\x80\x12\x34\x56\x78\x9a\xbc\xde",
	       16);
	server_open(&server);
	driver_open(&driver, server.dsn, NULL, &run);
	driver_connect(&driver);
	cr_assert_halted(&driver,
	                 "the database has no row of run 01234567-89ab-7def-8012-3456789abcde in "
	                 "sluice.lane, although the run wrote there: the row was deleted, or this "
	                 "is another database, or an older state of it. Connect to the right one, "
	                 "or restore the row");
	cr_assert_null(driver.progress.positions);
	cr_assert_not(driver.progress.ready);
	cr_assert_eq(count_runs(&server, "true"), 0);
	driver_close(&driver);
	server_close(&server);
}

/* It was told that it has a row, and that row is gone. */
Test(sink_runs, a_living_run_whose_row_was_deleted_halts_and_gets_none)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	database_run(server.admin, "DELETE FROM sluice.lane");
	submit_orders(&driver, 1, FEW);
	driver_settle(&driver);
	cr_assert_halted(&driver, "the database has no row of run");
	cr_assert_eq(count_runs(&server, "true"), 0);
	cr_assert_rows(&server, 0, 0);
	driver_close(&driver);
	server_close(&server);
}

static void halt_at(const char *applied)
{
	struct sluice_generation run = driver_new_run();
	struct server server;
	struct driver driver;
	char sql[160];

	server_open(&server);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO sluice.lane VALUES ('01000000-0000-0000-0000-000000000000', 7, 1, "
	         "'%s')",
	         applied);
	database_run(server.admin, sql);
	driver_open(&driver, server.dsn, NULL, &run);
	driver_connect(&driver);
	cr_assert_halted(&driver,
	                 "the row of run 01000000-0000-0000-0000-000000000000 in sluice.lane does "
	                 "not hold one position for each of its 3 lanes");
	cr_assert_null(driver.progress.positions);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_row_with_too_few_positions_halts)
{
	halt_at("{1,2}");
}

Test(sink_runs, a_row_with_too_many_positions_halts)
{
	halt_at("{1,2,3,4}");
}

Test(sink_runs, a_row_with_a_null_among_its_positions_halts)
{
	halt_at("{1,NULL,3}");
}

/* ---- seal ---- */

Test(sink_runs, a_run_that_wrote_nothing_is_sealed)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_seal(&driver); /* also before it is connected */
	cr_assert(driver.progress.sealed, "%s", driver.progress.reason);
	cr_assert_eq(driver.progress.committed, 0);
	cr_assert_not(driver.progress.ready);
	cr_assert_eq(count_runs(&server, "sealed_at IS NOT NULL AND applied = '{0,0,0}'"), 1);
	driver_close(&driver);
	server_close(&server);
}

/* A file that came back from a backup. */
Test(sink_runs, a_sealed_run_is_sealed_again_and_keeps_its_time)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	driver_seal(&driver);
	database_run(server.admin, "UPDATE sluice.lane SET sealed_at = 'epoch'");
	driver_begin(&driver, known(driver.generation));
	driver_connect(&driver);
	cr_assert_stands(&driver, FEW, 1);
	cr_assert_not(driver.progress.sealed);
	driver_seal(&driver);
	cr_assert(driver.progress.sealed, "%s", driver.progress.reason);
	cr_assert_eq(count_runs(&server, "sealed_at = 'epoch' AND epoch = 2"), 1);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_sealed_run_moves_no_more)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	driver_seal(&driver);
	driver_begin(&driver, known(driver.generation));
	submit_orders(&driver, 1 + FEW, FEW);
	driver_settle(&driver);
	cr_assert_halted(&driver, "is sealed in sluice.lane: it had ended, with all of it "
	                          "committed, and here is more. Its lane file was copied, or the "
	                          "row edited: move the file away, and look into both");
	cr_assert_eq(driver.progress.committed, 0);
	cr_assert_rows(&server, FEW, 0);
	driver_close(&driver);
	server_close(&server);
}

/* Whoever sealed it. The session has not noticed: its next batch does. */
static void seal_behind(bool by_copy)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, MANY);
	database_run(server.admin, "UPDATE sluice.lane SET sealed_at = now()");
	database_run(server.admin,
	             "ALTER TABLE executions DROP CONSTRAINT executions_order_id_fkey");
	submit_executions(&driver, by_copy ? MANY : FEW);
	driver_settle(&driver);
	cr_assert_halted(&driver, "is sealed in sluice.lane");
	cr_assert_rows(&server, MANY, 0);
	/* The session that was refused, and the one that looked why. */
	cr_assert_eq(count_runs(&server, "epoch = 2 AND applied = '{100,1,0}'"), 1);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_run_sealed_behind_its_back_moves_no_more_by_array)
{
	seal_behind(false);
}

Test(sink_runs, a_run_sealed_behind_its_back_moves_no_more_by_copy)
{
	seal_behind(true);
}

Test(sink_runs, a_row_that_has_moved_is_not_sealed)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	database_run(server.admin, "UPDATE sluice.lane SET applied = '{5,2,0}'");
	driver_seal(&driver);
	cr_assert_not(driver.progress.sealed);
	cr_assert_halted(&driver, "positions this run never wrote");
	cr_assert_eq(count_runs(&server, "sealed_at IS NULL"), 1);
	driver_close(&driver);
	server_close(&server);
}

/* Another process has begun the run in between; but it stands where it stood. */
Test(sink_runs, a_seal_with_an_old_epoch_is_refused_and_asked_again)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	database_run(server.admin, "UPDATE sluice.lane SET epoch = 5");
	driver_seal(&driver);
	cr_assert(driver.progress.sealed, "%s", driver.progress.reason);
	cr_assert_eq(driver.progress.reconnects, 1);
	cr_assert_eq(count_runs(&server, "sealed_at IS NOT NULL AND epoch = 6"), 1);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_run_sealed_behind_its_back_keeps_its_time)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	database_run(server.admin, "UPDATE sluice.lane SET sealed_at = 'epoch'");
	driver_seal(&driver);
	cr_assert(driver.progress.sealed, "%s", driver.progress.reason);
	cr_assert_eq(count_runs(&server, "sealed_at = 'epoch' AND epoch = 2"), 1);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_runs, a_seal_that_was_given_up_is_forgotten)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	carry(&driver, 1, FEW);
	database_run(server.admin, "BEGIN; LOCK TABLE sluice.lane");
	driver.sink->ops->seal(driver.sink);
	driver_step(&driver);
	cr_assert_not(driver.progress.sealed);
	driver_begin(&driver, driver_new_run());
	database_run(server.admin, "ROLLBACK");
	carry(&driver, 1 + FEW, FEW);
	cr_assert_not(driver.progress.sealed);
	cr_assert_stands(&driver, 0, 0);
	cr_assert_rows(&server, 2 * FEW, 0);
	cr_assert_eq(driver.progress.reconnects, 0);
	driver_close(&driver);
	server_close(&server);
}
