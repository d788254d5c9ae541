/* SPDX-License-Identifier: MIT */
/*
 * sink_pooler.c - behind PgBouncer the sink works in session mode, and refuses any other.
 *
 * In transaction mode the sink would find neither its statements nor its settings again, or find
 * those of others under the same name.
 */
#include "tests/contract/book_engine.h"
#include "tests/contract/pooler.h"
#include "tests/contract/sink_driver.h"

enum { CONNECTIONS = 4 };

#define REFUSAL                                                                               \
	"a pooler lends the sink sessions that others use (transaction pooling): connect to " \
	"the server directly, or through a pool in session mode"

Test(sink_pooler, session_mode_serves_engines_side_by_side_and_one_after_the_other)
{
	struct engine first;
	struct engine second;
	struct pooler *pooler;

	engine_make(&first);
	second = first;
	second.put = 100;
	pooler = pooler_start(first.dsn, "session", CONNECTIONS);
	engine_start(&first, pooler_dsn(pooler));
	engine_start(&second, pooler_dsn(pooler));
	engine_commit(&first, 3);
	engine_commit(&second, 3);
	database_run(first.admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
	                          "WHERE datname = current_database() AND pid <> pg_backend_pid() "
	                          "AND backend_type = 'client backend'");
	engine_commit(&first, 3);
	engine_commit(&second, 3);
	engine_close(&second);
	/* To it the pooler lends what the second one had. */
	engine_start(&second, pooler_dsn(pooler));
	engine_commit(&second, 3);
	engine_assert_rows(&first, 15, "through the pool");
	engine_close(&first);
	engine_close(&second);
	pooler_stop(pooler);
	engine_drop(&first);
}

static void refuse(const char *mode)
{
	struct engine engine;
	struct pooler *pooler;

	engine_make(&engine);
	pooler = pooler_start(engine.dsn, mode, CONNECTIONS);
	engine_assert_refused(pooler_dsn(pooler), REFUSAL);
	/* The next one finds a mark at once. */
	engine_assert_refused(pooler_dsn(pooler), REFUSAL);
	engine_assert_rows(&engine, 0, mode);
	pooler_stop(pooler);
	engine_drop(&engine);
}

Test(sink_pooler, transaction_mode_is_refused)
{
	refuse("transaction");
}

Test(sink_pooler, statement_mode_is_refused)
{
	refuse("statement");
}

/* Another client holds the session that the sink has marked, while the sink dials again: so nothing
 * is noticed, until that client is done and the pooler lends the sink just that session. */
Test(sink_pooler, a_batch_led_to_a_strange_session_writes_nothing_and_halts)
{
	struct server server;
	struct driver driver;
	struct rows orders;
	struct sluice_part part;
	struct pooler *pooler;
	PGconn *other;

	server_open(&server);
	pooler = pooler_start(server.dsn, "transaction", CONNECTIONS);
	driver_open(&driver, pooler_dsn(pooler), NULL, NULL);
	while (strstr(driver.progress.reason, "dialing again") == NULL) {
		driver_sleep(&driver);
		driver_step(&driver);
	}
	other = database_connect(pooler_dsn(pooler));
	database_run(other, "BEGIN");
	cr_assert_eq(database_query_int(other, "SELECT count(*) FROM pg_prepared_statements "
	                                       "WHERE name LIKE 'sluice%fence'"),
	             1, "not the session that was marked");
	driver_connect(&driver);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_RUNNING, "%s", driver.progress.reason);
	database_run(other, "COMMIT");
	orders_make(&orders, 1, 5, 1);
	part = rows_part(&orders);
	driver_submit(&driver, &part, 1);
	driver_settle(&driver);
	cr_assert_halted(&driver, REFUSAL);
	cr_assert_eq(driver.progress.committed, 0);
	cr_assert_rows(&server, 0, 0);
	/* At once: the first dial did not come to it, and a third would have raised it. */
	cr_assert_eq(database_query_int(server.admin, "SELECT epoch FROM sluice.lane"), 1);
	rows_free(&orders);
	PQfinish(other);
	driver_close(&driver);
	pooler_stop(pooler);
	server_close(&server);
}
