/* SPDX-License-Identifier: MIT */
/*
 * sink_replication.c - which batches a synchronous standby has confirmed: a primary and a standby of its
 * own, which comes, goes, and is no longer waited for.
 */
#include "tests/contract/sink_dial_stage.h"

#include <stdlib.h>

static struct stage stage;
static struct tcp_server *standby;
static struct driver driver;
static uint32_t next_order = 1;

/* A copy of the primary, made while it rests, that follows it over its Unix socket. */
static void set_up(void)
{
	char settings[256];

	stage_open(&stage, "127.0.0.1");
	stage_rest(&stage);
	tcp_server_write(stage.tcp, "pg_hba.conf",
	                 "local all all trust\nlocal replication all trust\n");
	standby = tcp_server_copy(stage.tcp, "127.0.0.1");
	tcp_server_write(standby, "standby.signal", "");
	snprintf(settings, sizeof(settings),
	         "primary_conninfo = 'host=%s port=%d user=postgres application_name=standby'\n",
	         tcp_server_directory(stage.tcp), tcp_server_port(stage.tcp));
	tcp_server_set(standby, settings);
	stage_wake(&stage);
	tcp_server_run(standby);
	driver_open(&driver, stage.server.dsn, NULL, NULL);
}

static int64_t ask(const char *sql)
{
	return database_query_int(stage.server.admin, sql);
}

static void await(const char *sql)
{
	while (ask(sql) != 1)
		(void)poll(NULL, 0, 5);
}

/* From here on commits wait for these, or for nobody. */
static void want(const char *names)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "ALTER SYSTEM SET synchronous_standby_names = '%s'", names);
	database_run(stage.server.admin, sql);
	database_run(stage.server.admin, "SELECT pg_reload_conf()");
	if (names[0] != '\0')
		await("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'");
	else
		await("SELECT (current_setting('synchronous_standby_names') = '')::int");
}

static void tear_down(void)
{
	driver_close(&driver);
	want(""); /* or the database is not dropped */
	tcp_server_remove(standby);
	stage_close(&stage);
}

TestSuite(sink_replication, .init = set_up, .fini = tear_down, .timeout = 120);

static void submit(size_t count)
{
	struct rows orders;
	struct sluice_part part;

	orders_make(&orders, next_order, count, 1);
	part = rows_part(&orders);
	driver_submit(&driver, &part, 1);
	next_order += (uint32_t)count;
	rows_free(&orders);
}

/* A batch of executions that travels by COPY. */
static void submit_copy(void)
{
	struct rows executions;
	struct sluice_part part;

	executions_make(&executions, 1, 100);
	part = rows_part(&executions);
	driver_submit(&driver, &part, 1);
	rows_free(&executions);
}

static void commit(size_t count)
{
	submit(count);
	driver_settle(&driver);
	cr_assert_committed(&driver);
}

/* One is on its way, and waits for a standby that is away: somebody has enough of that. */
static void commit_alone(size_t count)
{
	static const char waiting[] =
		"SELECT count(*) FROM pg_stat_activity WHERE application_name "
		"= 'sluice' AND wait_event = 'SyncRep'";

	submit(count);
	driver_step(&driver);
	while (ask(waiting) != 1) {
		driver_step(&driver);
		(void)poll(NULL, 0, 5);
	}
	cr_assert_eq(driver.progress.committed, driver.submitted - 1);
	database_run(stage.server.admin,
	             "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
	             "application_name = 'sluice'");
	driver_settle(&driver);
	cr_assert_committed(&driver);
}

static void assert_told(uint64_t replicated, uint64_t unreplicated)
{
	cr_assert_eq(driver.progress.replicated, replicated);
	cr_assert_eq(driver.progress.unreplicated, unreplicated);
}

Test(sink_replication, what_a_synchronous_standby_confirms_is_replicated)
{
	want("standby");
	commit(5);
	assert_told(1, 0);
	commit(200);
	assert_told(2, 0);
	cr_assert_eq(driver.progress.committed, 2);
}

Test(sink_replication, without_a_synchronous_standby_nothing_is)
{
	commit(5);
	assert_told(0, 0);
	want("standby");
	commit(5);
	assert_told(2, 0);
	want("");
	commit(5);
	assert_told(2, 0);
	database_run(stage.server.admin, "ALTER SYSTEM SET synchronous_commit = 'local'");
	want("standby");
	commit(5);
	assert_told(2, 0);
}

Test(sink_replication, a_wait_that_is_given_up_is_committed_and_told_and_a_later_batch_proves_it)
{
	want("standby");
	commit(5);
	tcp_server_halt(standby);
	commit_alone(5);
	assert_told(1, 1);
	commit_alone(5);
	assert_told(1, 2);
	tcp_server_run(standby);
	want("standby");
	commit(5);
	assert_told(4, 2);
	cr_assert_eq(ask("SELECT count(*) FROM orders"), 20);
}

Test(sink_replication, by_copy_it_is_the_same)
{
	want("standby");
	commit(100);
	submit_copy();
	driver_settle(&driver);
	cr_assert_committed(&driver);
	assert_told(2, 0);
}

/* ---- failover ---- */

static char *standby_dsn(void)
{
	return stage_dsn(&stage, "host=%s port=%d user=postgres", tcp_server_directory(standby),
	                 tcp_server_port(standby));
}

/* The primary is gone, and its standby takes its place. */
static void fail_over(void)
{
	PGconn *connection = database_connect(standby_dsn());

	stage_rest(&stage);
	database_run(connection, "SELECT pg_promote()");
	PQfinish(connection);
}

Test(sink_replication, a_promoted_standby_has_all_that_was_replicated_and_is_gone_on_with)
{
	PGconn *promoted;

	driver_close(&driver);
	driver_open(&driver,
	            stage_dsn(&stage, "host=%s,%s port=%d,%d user=postgres",
	                      tcp_server_directory(stage.tcp), tcp_server_directory(standby),
	                      tcp_server_port(stage.tcp), tcp_server_port(standby)),
	            NULL, NULL);
	want("standby");
	commit(5);
	commit(200);
	assert_told(2, 0);
	fail_over();
	commit(5);
	cr_assert_eq(driver.progress.reconnects, 1);
	promoted = database_connect(standby_dsn());
	cr_assert_eq(database_query_int(promoted, "SELECT count(*) FROM orders"), 210);
	PQfinish(promoted);
	stage_wake(&stage);
}

/* ---- what an engine hears ---- */

static struct sluice_ticket put_order(struct sluice_lane *lane)
{
	struct trading_order order = {.id = order_id(next_order++), .provider_id = 1};
	struct sluice_ticket ticket;

	order.quantity = sluice_decimal(1, 0, TRADING_ORDER_QUANTITY_SCALE);
	text_print(&order.client_order_id, "c");
	text_print(&order.state, "ACK");
	cr_assert_eq(trading_orders_put(lane, &order, &ticket), SLUICE_OK);
	return ticket;
}

Test(sink_replication, an_engine_waits_for_the_level_or_hears_that_it_is_not_reached)
{
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(stage.server.dsn, NULL, &error);
	struct sluice *sluice;
	struct sluice_lane *lane;
	struct sluice_ticket ticket;

	cr_assert_not_null(sink, "%s", error.message);
	sluice = sluice_open(sink, &trading_streams, "", &error);
	cr_assert_not_null(sluice, "%s", error.message);
	lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);
	cr_assert_not_null(lane, "%s", error.message);
	ticket = put_order(lane);
	cr_assert_eq(sluice_wait(sluice, ticket, SLUICE_REPLICATED, sluice_seconds(60)),
	             SLUICE_UNREPLICATED);
	cr_assert_eq(sluice_wait(sluice, ticket, SLUICE_COMMITTED, 0), SLUICE_OK);
	want("standby");
	cr_assert_eq(sluice_wait(sluice, put_order(lane), SLUICE_REPLICATED, sluice_seconds(60)),
	             SLUICE_OK);
	cr_assert_eq(sluice_wait(sluice, ticket, SLUICE_REPLICATED, 0), SLUICE_OK, "in order");
	cr_assert_eq(sluice_close(sluice, sluice_seconds(60), NULL), SLUICE_OK);
}
