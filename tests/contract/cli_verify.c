/* SPDX-License-Identifier: MIT */
/*
 * cli_verify.c - the demo's verification must find whatever is wrong, and nothing else.
 *
 * The rows of a small day are written by hand, as SQL; each test spoils something in them. The
 * whole is repetition 1 and 2 of the provider, beside rows of other repetitions and providers.
 */
#include "cli/verify.h"

#include "tests/contract/database.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define NOON (UINT64_C(43200) * SECOND)

/* Order 7: submitted, a part cancelled, executed in two steps. 8: submitted and deleted. 9: older
 * than the day, executed. 10: older, deleted. And a hidden execution. */
static struct slu_message messages[] = {
	{.number = 1,
         .type = SLU_SUBMISSION,
         .order = 7,
         .size = 100,
         .price = 2236700,
         .buy = true},
	{.number = 2, .type = SLU_PARTIAL_CANCEL, .order = 7, .size = 40, .price = 2236700},
	{.number = 3, .type = SLU_EXECUTION, .order = 7, .size = 10, .price = 2236700},
	{.number = 4, .type = SLU_EXECUTION, .order = 7, .size = 50, .price = 2236700},
	{.number = 5, .type = SLU_SUBMISSION, .order = 8, .size = 5, .price = 1},
	{.number = 6, .type = SLU_DELETION, .order = 8, .size = 5, .price = 1},
	{.number = 7, .type = SLU_EXECUTION, .order = 9, .size = 3, .price = 10001},
	{.number = 8, .type = SLU_DELETION, .order = 10, .size = 2, .price = 10001},
	{.number = 9, .type = SLU_HIDDEN_EXECUTION, .size = 1, .price = 10002},
};

#define MESSAGE_COUNT (sizeof(messages) / sizeof(messages[0]))

/* Repetition $ of all rows. Line n of the day is at 12:00:0n in New York, 16:00:0n in UTC. */
static const char rows_sql[] =
	"INSERT INTO orders (provider_id, client_order_id, instrument, side, order_type, quantity, "
	"price, filled_quantity, state, placed_at, acknowledged_at, completed_at, metadata, version) "
	"SELECT id, name || suffix, 'AMZN', side, 'Limit', quantity, price, filled, state, "
	"'2012-06-21 16:00:00Z'::timestamptz + placed, '2012-06-21 16:00:00Z'::timestamptz + acked, "
	"'2012-06-21 16:00:00Z'::timestamptz + completed, seen::jsonb, 1 "
	"FROM providers, (VALUES %s) AS repeats (suffix), (VALUES "
	"('7', 'Buy', 60, 223.67, 60, 'FILLED', interval '1s', interval '1s', interval '4s', '{}'), "
	"('8', 'Sell', 5, 0.0001, 0, 'CANCELLED', '5s', '5s', '6s', '{}'), "
	"('9', 'Sell', 3, 1.0001, 3, 'PARTIAL', '7s', NULL, NULL, '{\"first_seen\":\"execution\"}'), "
	"('10', 'Sell', 2, 1.0001, 0, 'CANCELLED', '8s', NULL, '8s', '{\"first_seen\":\"deletion\"}')) "
	"AS rows (name, side, quantity, price, filled, state, placed, acked, completed, seen) "
	"WHERE alias = 'lobster:AMZN_m'; "
	"INSERT INTO executions (order_id, provider_id, execution_id, fill_quantity, fill_price, "
	"traded_at) "
	"SELECT orders.id, providers.id, 'AMZN_m:' || line || suffix, rows.quantity, rows.price, "
	"'2012-06-21 16:00:00Z'::timestamptz + line * interval '1s' "
	"FROM providers CROSS JOIN (VALUES %s) AS repeats (suffix) CROSS JOIN (VALUES "
	"(3, '7', 10, 223.67), (4, '7', 50, 223.67), (7, '9', 3, 1.0001), (9, NULL, 1, 1.0002)) "
	"AS rows (line, name, quantity, price) "
	"LEFT JOIN orders ON client_order_id = name || suffix WHERE alias = 'lobster:AMZN_m'";

static char *dsn;
static PGconn *connection;
static struct slu_day day;
static uint64_t finished;
static struct slu_verification verification;
static struct sluice_error error;

static void write_rows(const char *repeats)
{
	static char sql[sizeof(rows_sql) + 200];

	snprintf(sql, sizeof(sql), rows_sql, repeats, repeats);
	database_run(connection, sql);
}

static void make(void)
{
	struct slu_source *source = &day.sources[0];
	size_t index;

	dsn = database_create(true);
	connection = database_connect(dsn);
	database_run(connection, "INSERT INTO providers (alias, display_name, adapter_identifier) "
	                         "VALUES ('other', '', ''), ('lobster:AMZN_m', '', '')");
	day = (struct slu_day){.messages = messages,
	                       .message_count = MESSAGE_COUNT,
	                       .source_count = 1,
	                       .repeats = 2};
	strcpy(source->alias, "lobster:AMZN_m");
	strcpy(source->stem, "AMZN_m");
	strcpy(source->instrument, "AMZN");
	source->repeat_first = 1;
	source->provider_id = database_query_int(
		connection, "SELECT id FROM providers WHERE alias = 'lobster:AMZN_m'");
	for (index = 0; index < MESSAGE_COUNT; index++)
		messages[index].time_ns = NOON + messages[index].number * SECOND;
	slu_day_deal(&day, 1);
	finished = 2 * MESSAGE_COUNT;
	write_rows("('/1'), ('/2')");
	/* Not of this run, and not as they should be. */
	write_rows("(''), ('/3'), ('/11'), ('/x')");
	database_run(
		connection,
		"UPDATE orders SET quantity = 1 WHERE client_order_id !~ '/[12]$';"
		"INSERT INTO executions (provider_id, execution_id, fill_quantity, fill_price, "
		"traded_at) SELECT id, 'AMZN_m:3/1', 1, 1, now() FROM providers "
		"WHERE alias = 'other'");
}

static void clean(void)
{
	PQfinish(connection);
	database_drop(dsn);
}

TestSuite(verify, .init = make, .fini = clean);

static void verify(void)
{
	cr_assert_eq(slu_verify(connection, &day, &finished, &verification, &error), SLUICE_OK,
	             "%s", error.message);
}

/* Spoils something and expects these counts, and `difference` as the first. */
static void expect_after(const char *sql, uint64_t lost, uint64_t duplicated, uint64_t different,
                         const char *difference)
{
	database_run(connection, sql);
	verify();
	cr_expect_not(verification.exact);
	cr_expect_eq(verification.lost, lost, "lost %lu", verification.lost);
	cr_expect_eq(verification.duplicated, duplicated, "duplicated %lu",
	             verification.duplicated);
	cr_expect_eq(verification.different, different, "different %lu", verification.different);
	cr_assert_gt(verification.difference_count, 0);
	cr_expect_str_eq(verification.differences[0], difference);
}

Test(verify, rows_as_they_should_be_are_exact)
{
	verify();
	cr_assert_eq(verification.difference_count, 0, "%s", verification.differences[0]);
	cr_expect(verification.exact);
	cr_expect_eq(verification.messages, 18);
	cr_expect_eq(verification.orders_rows, 8);
	cr_expect_eq(verification.orders_expected, 8);
	cr_expect_eq(verification.executions_rows, 8);
	cr_expect_eq(verification.executions_expected, 8);
}

Test(verify, a_run_that_ended_early_is_expected_that_far)
{
	finished = MESSAGE_COUNT + 3; /* order 7/2 was executed once */
	database_run(
		connection,
		"DELETE FROM executions WHERE execution_id ~ ':[479]/2$';"
		"DELETE FROM orders WHERE client_order_id ~ '^(8|9|10)/2$';"
		"UPDATE orders SET state = 'PARTIAL', filled_quantity = 10, completed_at = NULL "
		"WHERE client_order_id = '7/2'");
	verify();
	cr_assert_eq(verification.difference_count, 0, "%s", verification.differences[0]);
	cr_expect(verification.exact);
	cr_expect_eq(verification.orders_rows, 5);
}

Test(verify, a_lost_order_is_found)
{
	expect_after("DELETE FROM orders WHERE client_order_id = '8/2'", 1, 0, 0,
	             "order lobster:AMZN_m 8/2: is not in the database");
	cr_expect_eq(verification.sums_different, 2, "CANCELLED, and the sum of quantity");
}

Test(verify, a_lost_execution_is_found)
{
	expect_after("DELETE FROM executions WHERE execution_id = 'AMZN_m:4/1'", 1, 0, 0,
	             "execution lobster:AMZN_m AMZN_m:4/1: is not in the database");
	cr_expect_eq(verification.sums_different, 3);
}

Test(verify, a_hidden_execution_that_is_there_twice_is_found)
{
	expect_after(
		"INSERT INTO executions (provider_id, execution_id, fill_quantity, fill_price, "
		"traded_at) SELECT provider_id, execution_id, fill_quantity, fill_price, "
		"traded_at FROM executions WHERE execution_id = 'AMZN_m:9/1'",
		0, 1, 0, "execution lobster:AMZN_m AMZN_m:9/1: is in the database twice");
}

Test(verify, an_order_too_many_is_found)
{
	expect_after(
		"INSERT INTO orders (provider_id, client_order_id, instrument, side, "
		"order_type, quantity, state) SELECT provider_id, '11/1', '', '', '', 0, 'ACK' "
		"FROM orders WHERE client_order_id = '7/1'",
		0, 1, 0, "order lobster:AMZN_m 11/1: is in the database, and should not be");
}

Test(verify, an_order_that_is_there_twice_is_found)
{
	expect_after("ALTER TABLE orders DROP CONSTRAINT orders_provider_id_client_order_id_key;"
	             "CREATE TABLE twice AS SELECT * FROM orders WHERE client_order_id = '8/1';"
	             "UPDATE twice SET id = gen_random_uuid();"
	             "INSERT INTO orders SELECT * FROM twice",
	             0, 1, 0, "order lobster:AMZN_m 8/1: is in the database twice");
}

Test(verify, a_name_that_is_only_almost_right_is_found)
{
	expect_after("UPDATE orders SET client_order_id = '07/1' WHERE client_order_id = '7/1'", 1,
	             1, 2, "order lobster:AMZN_m 07/1: is in the database, and should not be");
}

Test(verify, an_execution_of_a_message_that_executes_nothing_is_found)
{
	expect_after(
		"INSERT INTO executions (provider_id, execution_id, fill_quantity, fill_price, "
		"traded_at) SELECT provider_id, 'AMZN_m:1/1', 1, 1, traded_at FROM executions "
		"WHERE execution_id = 'AMZN_m:9/1'",
		0, 1, 0,
		"execution lobster:AMZN_m AMZN_m:1/1: is in the database, and should not be");
}

/* Each column of an order, spoiled alone. */
Test(verify, every_column_of_an_order_counts)
{
	static const struct {
		const char *column, *value;
	} columns[] = {
		{"instrument", "'AAPL'"},
		{"side", "'Sell'"},
		{"order_type", "'Market'"},
		{"quantity", "quantity + 0.0000000000000001"},
		{"price", "NULL"},
		{"filled_quantity", "filled_quantity - 0.0000000000000001"},
		{"state", "'PARTIAL'"},
		{"placed_at", "placed_at + interval '1us'"},
		{"acknowledged_at", "NULL"},
		{"completed_at", "completed_at - interval '1us'"},
		{"metadata", "'{\"a\": 1}'"},
		{"external_order_ref", "''"},
		{"version", "0"},
	};
	char sql[200], difference[100];
	size_t index;

	database_run(connection, "CREATE TABLE kept AS SELECT * FROM orders");
	for (index = 0; index < sizeof(columns) / sizeof(columns[0]); index++) {
		snprintf(sql, sizeof(sql),
		         "UPDATE orders SET %s = %s WHERE client_order_id = '7/2'",
		         columns[index].column, columns[index].value);
		snprintf(difference, sizeof(difference),
		         "order lobster:AMZN_m 7/2: column %s is not as it should be",
		         columns[index].column);
		expect_after(sql, 0, 0, 1, difference);
		snprintf(sql, sizeof(sql),
		         "UPDATE orders SET %s = kept.%s FROM kept WHERE kept.id = orders.id",
		         columns[index].column, columns[index].column);
		database_run(connection, sql);
	}
}

Test(verify, every_column_of_an_execution_counts)
{
	static const struct {
		const char *column, *value, *told;
	} columns[] = {
		{"order_id", "NULL", "order_id IS NULL"},
		{"order_id", "(SELECT id FROM orders WHERE client_order_id = '7/1')", "order_id"},
		{"fill_quantity", "fill_quantity + 1", "fill_quantity"},
		{"fill_price", "fill_price + 0.0000000000000001", "fill_price"},
		{"fee", "0", "fee"},
		{"fee_asset", "''", "fee_asset"},
		{"liquidity", "''", "liquidity"},
		{"traded_at", "traded_at + interval '1us'", "traded_at"},
		{"metadata", "'[]'", "metadata"},
	};
	char sql[200], difference[100];
	size_t index;

	database_run(connection, "CREATE TABLE kept AS SELECT * FROM executions");
	for (index = 0; index < sizeof(columns) / sizeof(columns[0]); index++) {
		snprintf(sql, sizeof(sql),
		         "UPDATE executions SET %s = %s WHERE execution_id = 'AMZN_m:3/2'",
		         columns[index].column, columns[index].value);
		snprintf(difference, sizeof(difference),
		         "execution lobster:AMZN_m AMZN_m:3/2: column %s is not as it should be",
		         columns[index].told);
		expect_after(sql, 0, 0, 1, difference);
		snprintf(
			sql, sizeof(sql),
			"UPDATE executions SET %s = kept.%s FROM kept WHERE kept.id = executions.id",
			columns[index].column, columns[index].column);
		database_run(connection, sql);
	}
}

Test(verify, only_the_first_differences_are_told_and_all_are_counted)
{
	expect_after("DELETE FROM executions; DELETE FROM orders", 16, 0, 0,
	             "order lobster:AMZN_m 7/1: is not in the database");
	cr_expect_eq(verification.difference_count, SLU_DIFFERENCE_COUNT_MAX);
}

Test(verify, a_database_that_refuses_is_a_failure_and_not_a_verdict)
{
	database_run(connection, "DROP TABLE executions");
	cr_expect_eq(slu_verify(connection, &day, &finished, &verification, &error), SLUICE_FAILED);
	cr_expect_not(verification.exact);
	cr_expect_not_null(strstr(error.message, "42P01"), "%s", error.message);
}
