/* SPDX-License-Identifier: MIT */
/*
 * sink_sqlstates.c - every line of the table of SQLSTATEs, against a real server: the action that
 * stands there is what happens, by COPY and by arrays.
 *
 * Each code is raised by a trigger, on one row; those that the server itself raises here have a
 * second test, with their natural causes.
 */
#include "tests/contract/sink_driver.h"

#include "sink/pg_error.h"

#include <unistd.h>

enum {
	FEW = 10,   /* as arrays */
	MANY = 100, /* by COPY */
	CULPRIT = 7,
};

static struct server server;
static struct driver driver;

static void set_up(void)
{
	server_open(&server);
}

static void tear_down(void)
{
	server_close(&server);
}

TestSuite(sqlstates, .init = set_up, .fini = tear_down);

static int64_t count(const char *sql)
{
	return database_query_int(server.admin, sql);
}

static struct rows executions; /* of no order; they stay until they are committed */

static void submit_executions(size_t rows)
{
	struct sluice_part part;

	executions_make(&executions, 1, rows);
	for (size_t i = 0; i < rows; i++)
		((struct trading_execution *)executions.records)[i].present = 0;
	part = rows_part(&executions);
	driver_submit(&driver, &part, 1);
}

static void close_driver(void)
{
	driver_close(&driver);
	rows_free(&executions);
}

/* Steps until the reason tells of the code. */
static void await_reason(const char *code)
{
	uint64_t limit = driver_now() + sluice_seconds(DRIVER_GIVES_UP_SECONDS);

	driver_step(&driver);
	while (strstr(driver.progress.reason, code) == NULL) {
		driver_sleep(&driver);
		driver_step(&driver);
		cr_assert_not(driver_stopped(&driver), "%s: %s", code, driver.progress.reason);
		cr_assert_lt(driver_now(), limit, "%s: %s", code, driver.progress.reason);
	}
	cr_assert_eq(driver.progress.committed, 0, "%s", code);
}

static void expect_written(const char *code, size_t rows, int64_t letters)
{
	char sql[128];

	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, (uint64_t)letters, "%s", code);
	cr_assert_eq(count("SELECT count(*) FROM executions"), (int64_t)rows - letters, "%s", code);
	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM sluice.dead_letter WHERE sqlstate = '%s' AND sequence = %d",
	         code, CULPRIT);
	cr_assert_eq(count(sql), letters, "%s", code);
}

/* Of the whole batch, for none of it was written when the code came. */
static void expect_held_back(const char *code, size_t rows)
{
	char sql[128];

	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.halted_streams, 1, "%s", code);
	cr_assert_eq(driver.progress.dead_lettered, rows, "%s", code);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM sluice.dead_letter WHERE sqlstate = '%s'",
	         code);
	cr_assert_eq(count(sql), (int64_t)rows, "%s", code);
	cr_assert_eq(count("SELECT count(*) FROM executions"), 0, "%s", code);
}

static void expect_halt(const char *code)
{
	driver_settle(&driver);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_HALTED, "%s: %s", code,
	             driver.progress.reason);
	cr_assert_not_null(strstr(driver.progress.reason, code), "%s: %s", code,
	                   driver.progress.reason);
	cr_assert_eq(count("SELECT count(*) FROM executions"), 0, "%s", code);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 0, "%s", code);
}

/* ---- raised ---- */

static void raise_code(const char *code, size_t rows, enum slu_action action)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
	         "CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE "
	         "EXCEPTION 'secret' USING ERRCODE = '%s'; END$$; CREATE TRIGGER raise BEFORE "
	         "INSERT ON executions FOR EACH ROW WHEN (NEW.execution_id = 'e%d') EXECUTE "
	         "FUNCTION raise()",
	         code, CULPRIT);
	database_run(server.admin, sql);
	driver_open(&driver, server.dsn, NULL, NULL);
	submit_executions(rows);
	if (action == SLU_RETRY) {
		await_reason(code);
		database_run(server.admin, "DROP TRIGGER raise ON executions");
		expect_written(code, rows, 0);
	} else if (action == SLU_ISOLATE) {
		expect_written(code, rows, 1);
	} else if (action == SLU_HALT_STREAM) {
		expect_held_back(code, rows);
	} else {
		expect_halt(code);
	}
	cr_assert_null(strstr(driver.progress.reason, "secret"), "%s", code);
	close_driver();
	database_run(server.admin, "DROP FUNCTION raise() CASCADE; TRUNCATE executions, "
	                           "sluice.lane, sluice.dead_letter RESTART IDENTITY");
}

static void raise_all(size_t rows)
{
	size_t lines;
	const struct slu_error_rule *rules = slu_error_rules(&lines);
	char code[16];

	for (size_t i = 0; i < lines; i++) {
		snprintf(code, sizeof(code), "%s%s", rules[i].prefix,
		         strlen(rules[i].prefix) == 2 ? "000" : "");
		raise_code(code, rows, rules[i].action);
	}
}

Test(sqlstates, each_line_of_the_table_in_a_statement_of_arrays, .timeout = 300)
{
	raise_all(FEW);
}

Test(sqlstates, each_line_of_the_table_in_a_copy, .timeout = 300)
{
	raise_all(MANY);
}

Test(sqlstates, what_stands_in_no_line_halts)
{
	static const char *const codes[] = {"01000", "03000", "20000", "21000", "25000",
	                                    "27000", "55000", "57000", "72000", "F0000",
	                                    "HV000", "XX000", "XX001", "ZZ999"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		raise_code(codes[i], i % 2 == 0 ? FEW : MANY, SLU_HALT);
}

/* ---- as they come ---- */

static void isolate_natural(const char *code, const char *sql)
{
	database_run(server.admin, sql);
	driver_open(&driver, server.dsn, NULL, NULL);
	submit_executions(MANY);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 1, "%s", code);
	cr_assert_eq(count("SELECT sequence FROM sluice.dead_letter"), CULPRIT);
	close_driver();
}

Test(sqlstates, _23505_a_name_that_is_taken)
{
	isolate_natural("23505",
	                "CREATE UNIQUE INDEX ON executions (execution_id); "
	                "INSERT INTO executions (provider_id, execution_id, fill_quantity, "
	                "fill_price, traded_at) VALUES (1, 'e7', 1, 1, now())");
}

Test(sqlstates, _23P01_an_exclusion)
{
	isolate_natural("23P01",
	                "ALTER TABLE executions ADD EXCLUDE USING btree (execution_id WITH "
	                "=); INSERT INTO executions (provider_id, execution_id, "
	                "fill_quantity, fill_price, traded_at) VALUES (1, 'e7', 1, 1, "
	                "now())");
}

/* Until the session waits for a lock. */
static void await_lock(void)
{
	while (count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
	             "datname = current_database()") == 0) {
		driver_step(&driver);
		usleep(1000);
	}
}

Test(sqlstates, _57014_a_statement_that_is_cancelled)
{
	PGconn *rival = database_connect(server.dsn);

	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	database_run(rival, "BEGIN; LOCK TABLE executions");
	submit_executions(FEW);
	await_lock();
	database_run(server.admin, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
	                           "wait_event_type = 'Lock' AND datname = current_database()");
	await_reason("57014");
	database_run(rival, "COMMIT");
	PQfinish(rival);
	expect_written("57014", FEW, 0);
	close_driver();
}

/* The rival holds what the batch needs next, and asks for what the batch has. The sink is the one
 * whose patience ends first. */
Test(sqlstates, _40P01_a_deadlock_with_a_rival)
{
	PGconn *rival = database_connect(server.dsn);
	PGresult *result;

	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	database_run(rival, "SET deadlock_timeout = '10min'; BEGIN; LOCK TABLE executions");
	submit_executions(FEW);
	await_lock();
	cr_assert_eq(PQsendQuery(rival, "UPDATE sluice.lane SET epoch = epoch"), 1);
	await_reason("40P01");
	while ((result = PQgetResult(rival)) != NULL)
		PQclear(result);
	database_run(rival, "COMMIT");
	PQfinish(rival);
	expect_written("40P01", FEW, 0);
	close_driver();
}
