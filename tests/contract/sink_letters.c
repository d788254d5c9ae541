/* SPDX-License-Identifier: MIT */
/*
 * sink_letters.c - a row that the database refuses is found, and goes to sluice.dead_letter in the
 * transaction that carries the others.
 */
#include "tests/contract/sink_fault.h"

#include <unistd.h>

#define SMALL(limit) \
	"ALTER TABLE executions ADD CONSTRAINT small CHECK (fill_quantity <> " #limit ")"

static struct server server;
static struct driver driver;

static void set_up(void)
{
	server_open(&server);
}

static void tear_down(void)
{
	driver_close(&driver);
	server_close(&server);
}

TestSuite(letters, .init = set_up, .fini = tear_down);

static int64_t count(const char *sql)
{
	return database_query_int(server.admin, sql);
}

/* Executions of no order, number 1, 2.. by their quantity. */
static void make(struct rows *executions, size_t rows)
{
	executions_make(executions, 1, rows);
	for (size_t i = 0; i < rows; i++)
		((struct trading_execution *)executions->records)[i].present = 0;
}

static void submit_one(const struct rows *rows)
{
	struct sluice_part part = rows_part(rows);

	driver_submit(&driver, &part, 1);
}

/* Of `rows` records the one with `sequence` is a letter and not in its table; all others are there. */
static void assert_one_letter(size_t rows, size_t sequence, const char *sqlstate)
{
	char sql[256];

	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 1);
	cr_assert_eq(count("SELECT count(*) FROM executions"), (int64_t)rows - 1);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM executions WHERE execution_id = 'e%zu'",
	         sequence);
	cr_assert_eq(count(sql), 0);
	snprintf(sql, sizeof(sql),
	         "SELECT sequence FROM sluice.dead_letter WHERE stream = 'executions' AND lane = 0 "
	         "AND version = 0 AND NOT removed AND sqlstate = '%s'",
	         sqlstate);
	cr_assert_eq(count(sql), (int64_t)sequence);
	cr_assert_eq(count("SELECT applied[1] FROM sluice.lane"), (int64_t)rows);
}

/* One of `rows` executions is refused, in place `sequence`. `epochs`: sessions that it may take. */
static void refuse_one(size_t rows, size_t sequence, int64_t epochs)
{
	struct rows executions;
	char sql[256];

	snprintf(sql, sizeof(sql),
	         "ALTER TABLE executions ADD CONSTRAINT small CHECK (fill_quantity <> %zu)",
	         sequence);
	database_run(server.admin, sql);
	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, rows);
	submit_one(&executions);
	driver_settle(&driver);
	assert_one_letter(rows, sequence, "23514");
	cr_assert_eq(
		count("SELECT count(*) FROM sluice.dead_letter WHERE constraint_name = 'small' "
	              "AND reason LIKE '%executions%small'"),
		1);
	cr_assert_leq(count("SELECT epoch FROM sluice.lane"), epochs);
	rows_free(&executions);
}

/* ---- where it stands ---- */

Test(letters, the_first_row_of_a_copy_is_named_at_once)
{
	refuse_one(10000, 1, 2);
}

Test(letters, one_in_the_middle_of_a_copy_is_named_at_once)
{
	refuse_one(10000, 5000, 2);
}

Test(letters, the_last_row_of_a_copy_is_named_at_once)
{
	refuse_one(10000, 10000, 2);
}

Test(letters, a_row_of_an_array_is_found_by_writing_them_singly)
{
	refuse_one(40, 17, 3);
}

Test(letters, the_only_row_of_its_batch_is_a_letter)
{
	refuse_one(1, 1, 2);
}

Test(letters, a_row_of_a_large_state_batch_is_found)
{
	struct rows orders;

	database_run(server.admin,
	             "ALTER TABLE orders ADD CONSTRAINT odd CHECK (client_order_id <> '2222')");
	driver_open(&driver, server.dsn, NULL, NULL);
	orders_make(&orders, 1, 3000, 7);
	submit_one(&orders);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 1);
	cr_assert_rows(&server, 2999, 0);
	cr_assert_eq(count("SELECT sequence FROM sluice.dead_letter WHERE stream = 'orders' AND "
	                   "version = 7"),
	             2222);
	rows_free(&orders);
}

/* ---- how many ---- */

Test(letters, several_rows_of_a_batch_are_found_one_after_the_other)
{
	struct rows executions;

	database_run(server.admin, "ALTER TABLE executions ADD CONSTRAINT small "
	                           "CHECK (fill_quantity NOT IN (3, 70, 71, 200))");
	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, 200);
	submit_one(&executions);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 4);
	cr_assert_rows(&server, 0, 196);
	cr_assert_eq(count("SELECT sum(sequence) FROM sluice.dead_letter"), 3 + 70 + 71 + 200);
	cr_assert_eq(count("SELECT count(*) FROM sluice.letter_format"), 1);
	rows_free(&executions);
}

/* ---- a stream that is halted ---- */

/* `rows` executions in one batch with three orders, while `check` stands. */
static void halt_stream(size_t rows, const char *check, const char *words)
{
	struct rows orders, executions;
	struct sluice_part parts[2];
	char sql[256];

	snprintf(sql, sizeof(sql), "ALTER TABLE executions ADD CONSTRAINT drift CHECK (%s)", check);
	database_run(server.admin, sql);
	driver_open(&driver, server.dsn, NULL, NULL);
	orders_make(&orders, 1, 3, 1);
	make(&executions, rows);
	parts[0] = rows_part(&orders);
	parts[1] = rows_part(&executions);
	driver_submit(&driver, parts, 2);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.halted_streams, 1);
	cr_assert_eq(count("SELECT count(*) FROM orders"), 3);
	cr_assert_eq(count("SELECT count(*) FROM executions") +
	                     count("SELECT count(*) FROM sluice.dead_letter"),
	             (int64_t)rows);
	cr_assert_eq(driver.progress.dead_lettered,
	             (uint64_t)count("SELECT count(*) FROM sluice.dead_letter"));
	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM sluice.dead_letter WHERE sqlstate = '23514' AND "
	         "constraint_name = 'drift' AND reason LIKE '%s%%'",
	         words);
	cr_assert_gt(count(sql), 0);
	rows_free(&orders);
	rows_free(&executions);
}

Test(letters, when_all_rows_of_an_array_are_refused_their_stream_is_halted)
{
	halt_stream(40, "fill_quantity < 0",
	            "stream executions halted, the last 17 rows were all refused");
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 40);
}

Test(letters, when_all_rows_of_a_copy_are_refused_their_stream_is_halted)
{
	halt_stream(10000, "fill_quantity < 0",
	            "stream executions halted, the last 17 rows were all refused");
	cr_assert_eq(count("SELECT count(DISTINCT sequence) FROM sluice.dead_letter"), 10000);
}

Test(letters, when_too_many_rows_of_a_batch_are_refused_their_stream_is_halted)
{
	halt_stream(600, "fill_quantity % 2 = 1",
	            "stream executions halted, 257 rows of a batch were refused");
}

/* A batch of three executions, and one of an order. */
static void submit_both(uint32_t number)
{
	static struct rows orders, executions; /* they stay while the sink may look at them */
	struct sluice_part parts[2];

	rows_free(&orders);
	rows_free(&executions);
	orders_make(&orders, number, 1, 1);
	make(&executions, 3);
	parts[0] = rows_part(&orders);
	parts[1] = rows_part(&executions);
	driver_submit(&driver, parts, 2);
	driver_settle(&driver);
	cr_assert_committed(&driver);
}

Test(letters, the_rows_of_a_halted_stream_are_held_back_until_its_table_takes_one)
{
	halt_stream(20, "fill_quantity < 0", "stream executions halted");
	submit_both(4);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 23);
	driver.ahead_ns += sluice_seconds(61);
	driver_step(&driver);
	submit_both(5); /* tried again, and halted by the first row */
	cr_assert_eq(driver.progress.halted_streams, 1);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 26);
	database_run(server.admin, "ALTER TABLE executions DROP CONSTRAINT drift");
	submit_both(6);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 29);
	driver.ahead_ns += sluice_seconds(61);
	driver_step(&driver);
	submit_both(7);
	cr_assert_eq(driver.progress.halted_streams, 0);
	cr_assert_rows(&server, 7, 3);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 29);
}

Test(letters, a_right_that_is_missing_halts_its_stream_only)
{
	char dsn[300], sql[400];

	snprintf(sql, sizeof(sql),
	         "CREATE ROLE some_%ld LOGIN; GRANT USAGE ON SCHEMA sluice TO some_%ld; "
	         "GRANT ALL ON sluice.lane, sluice.dead_letter, sluice.letter_format, orders, "
	         "providers TO some_%ld",
	         (long)getpid(), (long)getpid(), (long)getpid());
	database_run(server.admin, sql);
	snprintf(dsn, sizeof(dsn), "%s user=some_%ld", server.dsn, (long)getpid());
	driver_open(&driver, dsn, NULL, NULL);
	submit_both(1);
	submit_both(2);
	cr_assert_eq(driver.progress.halted_streams, 1);
	cr_assert_rows(&server, 2, 0);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter WHERE sqlstate = '42501' AND "
	                   "reason LIKE 'stream executions halted: write to stream executions: "
	                   "42501%'"),
	             6);
	snprintf(sql, sizeof(sql), "DROP OWNED BY some_%ld; DROP ROLE some_%ld", (long)getpid(),
	         (long)getpid());
	driver_step(&driver);
	database_run(server.admin, sql);
}

Test(letters, a_stream_that_is_told_to_halts_the_sink)
{
	const struct sluice_postgres_options options = {.halt_on_refusal = "orders executions"};
	struct rows executions;

	database_run(server.admin, SMALL(2));
	driver_open(&driver, server.dsn, &options, NULL);
	make(&executions, 3);
	submit_one(&executions);
	driver_settle(&driver);
	cr_assert_halted(&driver, "stream executions is to halt the sink when a row is refused: ");
	cr_assert_eq(count("SELECT count(*) FROM executions"), 0);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 0);
	rows_free(&executions);
}

Test(letters, a_stream_that_is_not_there_can_not_be_told_to_halt)
{
	const struct sluice_postgres_options options = {.halt_on_refusal = "orders trades"};
	const struct sluice_sink_setup setup = {.streams = &trading_streams,
	                                        .in_flight_batches = 1};
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(server.dsn, &options, &error);

	cr_assert_eq(sink->ops->start(sink, &setup, &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "halt_on_refusal names trades, and there is no"));
	sink->ops->close(sink);
	driver_open(&driver, server.dsn, NULL, NULL);
}

/* ---- how many ---- */

Test(letters, all_rows_of_a_few_are_letters)
{
	struct rows executions;

	database_run(server.admin,
	             "ALTER TABLE executions ADD CONSTRAINT none CHECK (fill_quantity < 0)");
	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, 16);
	submit_one(&executions);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 16);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 16);
	rows_free(&executions);
}

/* 40 batches of one row, with quantities from 0, while the constraint `refusing` stands. */
static void submit_singly(const char *refusing)
{
	struct rows executions;

	database_run(server.admin, refusing);
	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, 2);
	executions.count = 1;
	for (int i = 0; i < 40 && driver.progress.state != SLUICE_STATE_HALTED; i++) {
		((struct trading_execution *)executions.records)->fill_quantity =
			sluice_decimal(i, 0, 16);
		submit_one(&executions);
		driver_settle(&driver);
	}
	rows_free(&executions);
}

Test(letters, when_batch_after_batch_is_refused_the_stream_is_halted)
{
	submit_singly("ALTER TABLE executions ADD CONSTRAINT none CHECK (fill_quantity < 0)");
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.halted_streams, 1);
	cr_assert_eq(driver.progress.dead_lettered, 40);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter WHERE reason LIKE 'stream "
	                   "executions halted, the last 17 rows%'"),
	             40 - 17);
}

Test(letters, while_some_are_accepted_it_is_not_halted)
{
	submit_singly("ALTER TABLE executions ADD CONSTRAINT tenth CHECK (fill_quantity % 10 = 9)");
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.halted_streams, 0);
	cr_assert_eq(driver.progress.dead_lettered, 36);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 36);
	cr_assert_rows(&server, 0, 4);
}

/* ---- what ---- */

Test(letters, the_record_and_its_format_are_kept_as_they_are)
{
	struct rows executions;
	PGresult *result;

	database_run(server.admin, SMALL(2));
	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, 3);
	submit_one(&executions);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	result = PQexecParams(server.admin,
	                      "SELECT record, description FROM sluice.dead_letter JOIN "
	                      "sluice.letter_format f ON f.id = format AND f.id = "
	                      "sha256(description)",
	                      0, NULL, NULL, NULL, NULL, 1);
	cr_assert_eq(PQntuples(result), 1);
	cr_assert_eq((size_t)PQgetlength(result, 0, 0), sizeof(struct trading_execution));
	cr_assert_eq(memcmp(PQgetvalue(result, 0, 0), executions.rows[1].record,
	                    sizeof(struct trading_execution)),
	             0);
	PQclear(result);
	rows_free(&executions);
}

Test(letters, content_that_no_row_can_hold_is_refused_before_it_is_sent)
{
	struct rows orders;

	driver_open(&driver, server.dsn, NULL, NULL);
	orders_make(&orders, 1, 3, 1);
	((struct trading_order *)orders.records)[1].state.size = 200;
	submit_one(&orders);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 1);
	cr_assert_rows(&server, 2, 0);
	cr_assert_eq(count("SELECT sequence FROM sluice.dead_letter WHERE sqlstate = '' AND reason "
	                   "LIKE 'stream orders, column state: the text''s size%'"),
	             2);
	rows_free(&orders);
}

#define RAISING                                                                          \
	"CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "           \
	"IF NEW.execution_id = 'e7' THEN RAISE EXCEPTION 'no % here', NEW.execution_id;" \
	" END IF; RETURN NEW; END$$; CREATE TRIGGER raise BEFORE INSERT ON executions "  \
	"FOR EACH ROW EXECUTE FUNCTION raise()"

static void refuse_by_trigger(size_t rows)
{
	struct rows executions;

	database_run(server.admin, RAISING);
	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, rows);
	submit_one(&executions);
	driver_settle(&driver);
	assert_one_letter(rows, 7, "P0001");
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter WHERE reason LIKE '%e7%'"), 0);
	rows_free(&executions);
}

Test(letters, what_a_trigger_refuses_in_a_copy_is_a_letter_without_its_words)
{
	refuse_by_trigger(100);
}

Test(letters, what_a_trigger_refuses_in_an_array_is_a_letter_without_its_words)
{
	refuse_by_trigger(10);
}

static void refuse_orphan(size_t rows)
{
	struct rows executions;

	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, rows);
	((struct trading_execution *)executions.records)[4].present = TRADING_EXECUTION_ORDER_ID;
	submit_one(&executions);
	driver_settle(&driver);
	assert_one_letter(rows, 5, "23503");
	rows_free(&executions);
}

/* COPY checks foreign keys at its end, and then names no line. */
Test(letters, a_copied_row_without_its_parent_is_found)
{
	refuse_orphan(3000);
}

Test(letters, an_array_row_without_its_parent_is_found)
{
	refuse_orphan(20);
}

/* Once the sink has found that it is missing. */
static void bring_parent(struct driver *stepped, void *context)
{
	(void)context;
	if (strstr(stepped->progress.reason, "23503") == NULL)
		return;
	stepped->meddle = NULL;
	database_run(server.admin,
	             "INSERT INTO orders (id, provider_id, client_order_id, instrument, side, "
	             "order_type, quantity, state) VALUES "
	             "('00000005-0100-0000-0000-000000000000', 1, 'x', '', '', '', 1, '')");
}

Test(letters, a_parent_that_somebody_else_brings_in_time_is_waited_for)
{
	struct rows executions;

	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	make(&executions, 20);
	((struct trading_execution *)executions.records)[4].present = TRADING_EXECUTION_ORDER_ID;
	driver.meddle = bring_parent;
	submit_one(&executions);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 0);
	cr_assert_rows(&server, 1, 20);
	rows_free(&executions);
}

Test(letters, a_removal_that_is_refused_is_a_letter_that_removes)
{
	struct rows orders;

	driver_open(&driver, server.dsn, NULL, NULL);
	orders_make(&orders, 1, 3, 1);
	submit_one(&orders);
	driver_settle(&driver);
	database_run(server.admin,
	             "CREATE TABLE notes (of uuid REFERENCES orders); INSERT INTO notes "
	             "SELECT id FROM orders WHERE client_order_id = '2'");
	for (size_t i = 0; i < 3; i++) {
		orders.rows[i].removed = true;
		orders.rows[i].version = 2;
	}
	submit_one(&orders);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.dead_lettered, 1);
	cr_assert_rows(&server, 1, 0);
	cr_assert_eq(count("SELECT sequence FROM sluice.dead_letter WHERE removed AND version = 2 "
	                   "AND sqlstate = '23503'"),
	             5);
	rows_free(&orders);
}

/* ---- when it can't be written down ---- */

/* Steps until the operator is told. */
static void await_reason(const char *words)
{
	uint64_t limit = driver_now() + sluice_seconds(DRIVER_GIVES_UP_SECONDS);

	for (driver_step(&driver); strstr(driver.progress.reason, words) == NULL;
	     driver_step(&driver)) {
		cr_assert_not(driver_stopped(&driver), "%s", driver.progress.reason);
		cr_assert_lt(driver_now(), limit, "it says: %s", driver.progress.reason);
		driver_sleep(&driver);
	}
}

Test(letters, while_letters_can_not_be_written_all_waits_and_goes_on_by_itself)
{
	struct rows executions;

	database_run(server.admin, SMALL(2));
	database_run(server.admin, "ALTER TABLE sluice.dead_letter RENAME TO elsewhere");
	driver_open(&driver, server.dsn, NULL, NULL);
	make(&executions, 3);
	submit_one(&executions);
	await_reason("dead letters: 42P01");
	cr_assert_eq(driver.progress.committed, 0);
	cr_assert_rows(&server, 0, 0);
	database_run(server.admin, "ALTER TABLE sluice.elsewhere RENAME TO dead_letter");
	driver_settle(&driver);
	assert_one_letter(3, 2, "23514");
	rows_free(&executions);
}

/* ---- and the connection breaks meanwhile ---- */

/* Broken after `steps` steps. Returns false when it was committed before. */
static bool survive(size_t rows, enum fault fault, unsigned steps)
{
	struct meddler meddler = {.server = &server, .fault = fault, .after = steps};
	struct rows executions;

	database_run(server.admin, "TRUNCATE executions, sluice.dead_letter, sluice.letter_format, "
	                           "sluice.lane");
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	meddle_with(&driver, &meddler);
	make(&executions, rows);
	submit_one(&executions);
	driver_settle(&driver);
	assert_one_letter(rows, 5, "23514");
	rows_free(&executions);
	driver_close(&driver);
	return meddler.done;
}

static void survive_all(size_t rows)
{
	static const enum fault faults[] = {TERMINATE, CUT, LOSE};

	database_run(server.admin, "SET client_min_messages = warning");
	database_run(server.admin, SMALL(5));
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		for (unsigned steps = 0; survive(rows, faults[i], steps); steps++)
			cr_assert_lt(steps, 500);
	driver_open(&driver, server.dsn, NULL, NULL);
}

Test(letters, a_copy_with_a_letter_survives_a_break_after_each_step)
{
	survive_all(100);
}

Test(letters, an_array_with_a_letter_survives_a_break_after_each_step)
{
	survive_all(10);
}
