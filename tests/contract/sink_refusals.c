/* SPDX-License-Identifier: MIT */
/* sink_refusals.c - what the sink must not do: write a batch twice, half, or over a newer row. */
#include "tests/contract/sink_driver.h"

#include "sink/pg_connection.h"
#include "sink/pg_transaction.h"

enum { THRESHOLD = 64 };

static const struct sluice_postgres_options options = {.copy_threshold = THRESHOLD};

static void submit_one(struct driver *driver, const struct rows *rows)
{
	struct sluice_part part = rows_part(rows);

	driver_submit(driver, &part, 1);
}

/* ---- twice ---- */

static void connect_by_hand(struct slu_connection *connection, const struct slu_target *target)
{
	enum slu_progress progress = SLU_PENDING;

	static uint64_t applied[DRIVER_LANES];

	slu_connection_init(connection, target);
	connection->applied = applied;
	slu_connection_dial(connection, driver_now());
	while (progress == SLU_PENDING) {
		struct pollfd socket;

		slu_connection_wait(connection, &socket.fd, &socket.events);
		cr_assert_gt(poll(&socket, 1, DRIVER_GIVES_UP_SECONDS * 1000), 0);
		progress = slu_connection_step(connection, driver_now());
	}
	cr_assert_eq(progress, SLU_DONE, "%s", connection->trouble.reason);
}

static enum slu_progress say(struct slu_connection *connection, struct slu_script *script,
                             uint64_t epoch)
{
	struct slu_transaction transaction;
	enum slu_progress progress;

	slu_script_set_epoch(script, epoch);
	slu_transaction_begin(&transaction, script, connection, driver_now());
	while ((progress = slu_transaction_step(&transaction, connection, driver_now())) ==
	       SLU_PENDING) {
		struct pollfd socket;

		slu_connection_wait(connection, &socket.fd, &socket.events);
		cr_assert_gt(poll(&socket, 1, DRIVER_GIVES_UP_SECONDS * 1000), 0);
	}
	return progress;
}

static void expect_refusal(struct slu_connection *connection, struct slu_script *script,
                           uint64_t epoch)
{
	cr_assert_eq(say(connection, script, epoch), SLU_STOPPED);
	cr_assert_eq(connection->trouble.action, SLU_RETRY);
	cr_assert_not_null(strstr(connection->trouble.reason, "the fence refused"), "%s",
	                   connection->trouble.reason);
}

static void say_twice(struct server *server, size_t orders_count, size_t executions_count)
{
	static const uint64_t from[DRIVER_LANES] = {0};
	static const uint64_t to[DRIVER_LANES] = {7, 0, 9};
	const struct slu_script_terms terms = {.copy_threshold = THRESHOLD, .bytes_max = SIZE_MAX};
	const struct sluice_generation generation = {.id = {{(uint8_t)orders_count, 1, 2}},
	                                             .lane_count = DRIVER_LANES};
	struct slu_target target = {
		.conninfo = server->dsn, .streams = &trading_streams, .generation = &generation};
	struct sluice_batch batch = {
		.number = 1, .from = from, .to = to, .lane_count = DRIVER_LANES};
	struct sluice_part parts[2];
	struct rows orders;
	struct rows executions;
	struct slu_connection connection;
	struct slu_parcel *parcel;
	struct slu_script *script;

	orders_make(&orders, 1, orders_count, 1);
	executions_make(&executions, 1, executions_count);
	if (orders_count > 0)
		parts[batch.part_count++] = rows_part(&orders);
	parts[batch.part_count++] = rows_part(&executions);
	batch.parts = parts;
	batch.row_count = orders_count + executions_count;
	parcel = slu_parcel_make(&batch);
	cr_assert_not_null(parcel);
	script = slu_script_make(parcel, &generation.id, &terms);
	connect_by_hand(&connection, &target);
	cr_assert_eq(say(&connection, script, connection.epoch), SLU_DONE, "%s",
	             connection.trouble.reason);
	cr_assert_rows(server, orders_count, executions_count);
	expect_refusal(&connection, script, connection.epoch);
	cr_assert_rows(server, orders_count, executions_count);
	slu_connection_close(&connection);

	/* An earlier session that wakes up late finds its epoch gone. */
	database_run(server->admin, "UPDATE sluice.lane SET applied = '{0,0,0}'; "
	                            "TRUNCATE orders, executions");
	connect_by_hand(&connection, &target);
	cr_assert_eq(connection.epoch, 2);
	expect_refusal(&connection, script, 1);
	cr_assert_rows(server, 0, 0);
	slu_connection_close(&connection);
	slu_script_free(script);
	slu_parcel_free(parcel);
	rows_free(&orders);
	rows_free(&executions);
}

Test(sink_refusals, the_same_batch_twice_changes_nothing)
{
	struct server server;

	server_open(&server);
	say_twice(&server, 5, 5);
	say_twice(&server, 70, THRESHOLD);
	database_run(server.admin,
	             "ALTER TABLE executions DROP CONSTRAINT executions_order_id_fkey");
	say_twice(&server, 0, THRESHOLD);
	server_close(&server);
}

/* Another process opens the run, and writes a batch of its own, or nothing. What the first one then
 * has to say, a batch or the seal, is refused; so it is also when its connection broke before. */
static void take_over(bool writes, bool seals, bool breaks)
{
	struct server server;
	struct driver first, second;
	struct rows orders, later;

	server_open(&server);
	driver_open(&first, server.dsn, NULL, NULL);
	orders_make(&orders, 1, 5, 1);
	submit_one(&first, &orders);
	driver_settle(&first);
	driver_open(&second, server.dsn, NULL, &first.generation);
	orders_make(&later, 6, 3, 1);
	driver_connect(&second);
	if (writes)
		submit_one(&second, &later);
	driver_settle(&second);
	cr_assert_committed(&second);
	if (breaks)
		database_run(server.admin,
		             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		             "WHERE pid <> pg_backend_pid() AND datname = current_database()");
	if (seals) {
		driver_seal(&first);
		cr_assert_not(first.progress.sealed);
	} else {
		submit_one(&first, &later);
		driver_settle(&first);
	}
	cr_assert_fenced(&first);
	cr_assert_eq(first.progress.committed, 1);
	cr_assert_rows(&server, writes ? 8 : 5, 0);
	/* The successor is not disturbed. */
	submit_one(&second, &orders);
	driver_settle(&second);
	cr_assert_fenced(&first);
	cr_assert_eq(second.progress.state, SLUICE_STATE_HALTED, "an older version: the guard");
	rows_free(&orders);
	rows_free(&later);
	driver_close(&first);
	driver_close(&second);
	server_close(&server);
}

Test(sink_refusals, a_run_that_another_process_has_carried_on_is_fenced)
{
	take_over(true, false, false);
}

Test(sink_refusals, a_run_that_another_process_has_only_opened_is_fenced)
{
	take_over(false, false, false);
}

Test(sink_refusals, a_seal_of_a_run_that_another_process_has_is_fenced)
{
	take_over(false, true, false);
}

Test(sink_refusals, a_session_that_comes_back_to_a_run_of_another_process_is_fenced)
{
	take_over(true, false, true);
}

/* A failover or a restore took commits back, which the engine believes in. */
static void lose_history(const char *sql, const char *words)
{
	struct server server;
	struct driver driver;
	struct rows orders;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	orders_make(&orders, 1, 5, 1);
	submit_one(&driver, &orders);
	driver_settle(&driver);
	database_run(server.admin, sql);
	submit_one(&driver, &orders);
	driver_settle(&driver);
	cr_assert_halted(&driver, words);
	cr_assert_eq(driver.progress.committed, 1);
	rows_free(&orders);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_refusals, a_database_that_went_back_halts)
{
	lose_history("UPDATE sluice.lane SET applied = '{2,0,0}'",
	             "the database went back (restored, or failed over to a server that lagged): "
	             "4 committed records are gone, lane 0 3 to 5, and of other lanes.");
}

Test(sink_refusals, positions_that_nobody_can_have_written_halt)
{
	lose_history("UPDATE sluice.lane SET applied = '{2,9,0}'",
	             "positions this run never wrote");
}

Test(sink_refusals, a_database_that_forgot_the_run_halts)
{
	lose_history("DELETE FROM sluice.lane", "the database has no row of run");
}

/* ---- half ---- */

/* A batch of `count` executions, and two orders, with `sql` in place before it. Nothing of it may
 * be left. */
static void expect_halt(const char *sql, size_t count, const char *words)
{
	struct server server;
	struct driver driver;
	struct rows orders;
	struct rows executions;
	struct sluice_part parts[2];

	server_open(&server);
	database_run(server.admin, sql);
	driver_open(&driver, server.dsn, &options, NULL);
	orders_make(&orders, 1, count, 2);
	executions_make(&executions, 1, count);
	parts[0] = rows_part(&orders);
	parts[1] = rows_part(&executions);
	driver_submit(&driver, parts, 2);
	driver_settle(&driver);
	cr_assert_halted(&driver, words);
	cr_assert_null(strstr(driver.progress.reason, "e1"), "%s", driver.progress.reason);
	cr_assert_eq(driver.progress.fd, -1);
	cr_assert_eq(driver.progress.wake_ns, UINT64_MAX);
	cr_assert_not(driver.progress.ready);
	cr_assert_eq(
		database_query_int(server.admin, "SELECT count(*) FROM orders WHERE version = 2"),
		0);
	cr_assert_eq(database_query_int(server.admin, "SELECT count(*) FROM executions"), 0);
	cr_assert_eq(database_query_int(server.admin, "SELECT applied[1] FROM sluice.lane"), 0);
	rows_free(&orders);
	rows_free(&executions);
	driver_close(&driver);
	server_close(&server);
}

#define DROPPING(table, condition)                                                  \
	"CREATE FUNCTION drop_some() RETURNS trigger LANGUAGE plpgsql AS "          \
	"$$BEGIN IF " condition " THEN RETURN NULL; END IF; RETURN NEW; END$$; "    \
	"CREATE TRIGGER drop_some BEFORE INSERT ON " table " FOR EACH ROW EXECUTE " \
	"FUNCTION drop_some()"

Test(sink_refusals, a_trigger_that_drops_an_array_row_halts)
{
	expect_halt(DROPPING("executions", "NEW.execution_id = 'e3'"), 5,
	            "stream executions: of 5 rows not all were written");
}

Test(sink_refusals, a_trigger_that_drops_a_copied_row_halts)
{
	expect_halt(DROPPING("executions", "NEW.execution_id = 'e3'"), 100,
	            "stream executions: of 100 rows not all were copied");
}

#define NEWER_ORDER                                                                              \
	"INSERT INTO orders (id, provider_id, client_order_id, instrument, side, order_type, "   \
	"quantity, state, version) VALUES ('00000003-0100-0000-0000-000000000000', 1, '3', '', " \
	"'', '', 1, 'x', 9)"

Test(sink_refusals, a_newer_row_in_the_table_halts_a_pipeline)
{
	expect_halt(NEWER_ORDER, 5, "stream orders: of 5 rows not all were written");
}

Test(sink_refusals, a_newer_row_in_the_table_halts_before_a_copy)
{
	expect_halt(NEWER_ORDER, 100, "stream orders: of 100 rows not all were written");
}

Test(sink_refusals, what_a_trigger_says_is_not_told)
{
	expect_halt("CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS "
	            "$$BEGIN RAISE EXCEPTION 'it is %', NEW.execution_id USING ERRCODE = "
	            "'0A000'; END$$; CREATE TRIGGER tell BEFORE INSERT ON executions FOR EACH "
	            "ROW EXECUTE FUNCTION tell()",
	            5, "write to stream executions: 0A000");
}

#define DEFERRED                                                                               \
	"CREATE TABLE parents (name text PRIMARY KEY); ALTER TABLE executions ADD CONSTRAINT " \
	"late FOREIGN KEY (execution_id) REFERENCES parents DEFERRABLE INITIALLY DEFERRED"

Test(sink_refusals, an_error_at_the_sync_is_no_commit)
{
	expect_halt(DEFERRED, 5, "does not tell which row");
}

Test(sink_refusals, an_error_at_commit_is_no_commit)
{
	expect_halt(DEFERRED, 100, "does not tell which row");
}

Test(sink_refusals, a_notice_in_the_middle_of_a_copy_does_not_end_it)
{
	struct server server;
	struct driver driver;
	struct rows executions;
	size_t index;

	server_open(&server);
	database_run(server.admin,
	             "CREATE FUNCTION chat() RETURNS trigger LANGUAGE plpgsql AS "
	             "$$BEGIN RAISE NOTICE 'hello'; RETURN NEW; END$$; CREATE TRIGGER chat "
	             "BEFORE INSERT ON executions FOR EACH ROW EXECUTE FUNCTION chat()");
	driver_open(&driver, server.dsn, NULL, NULL);
	executions_make(&executions, 1, 30000);
	for (index = 0; index < executions.count; index++)
		((struct trading_execution *)executions.records)[index].present = 0;
	submit_one(&driver, &executions);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.reconnects, 0);
	cr_assert_rows(&server, 0, 30000);
	rows_free(&executions);
	driver_close(&driver);
	server_close(&server);
}

/* ---- content, and what is missing ---- */

Test(sink_refusals, a_batch_beyond_its_bound_halts)
{
	static const struct sluice_postgres_options small = {.batch_bytes_max = 1000};
	struct server server;
	struct driver driver;
	struct rows orders;

	server_open(&server);
	driver_open(&driver, server.dsn, &small, NULL);
	orders_make(&orders, 1, 100, 1);
	submit_one(&driver, &orders);
	driver_settle(&driver);
	cr_assert_halted(&driver, "batch_bytes_max");
	rows_free(&orders);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_refusals, missing_tables_halt_with_the_remedy)
{
	char *dsn = database_create(false);
	struct driver driver;

	driver_open(&driver, dsn, NULL, NULL);
	driver_connect(&driver);
	cr_assert_halted(&driver, "run `sluice migrate up`");
	driver_close(&driver);
	database_drop(dsn);
}

Test(sink_refusals, a_missing_stream_table_halts_with_its_name)
{
	struct server server;
	struct driver driver;

	server_open(&server);
	database_run(server.admin, "DROP TABLE executions");
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	cr_assert_halted(&driver, "stream executions: the database has no table executions");
	cr_assert_eq(database_query_int(server.admin, "SELECT count(*) FROM sluice.lane"), 0);
	driver_close(&driver);
	server_close(&server);
}
