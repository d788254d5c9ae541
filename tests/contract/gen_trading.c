/* SPDX-License-Identifier: MIT */
/* gen_trading.c - the shipped queries, as generated, do on a real database what their SQL says. */
#include "tests/contract/database.h"
#include "trading.h"

#include <criterion/criterion.h>
#include <string.h>

static char *dsn;
static PGconn *connection;
static struct sluice_error error;

static void make(void)
{
	dsn = database_create(true);
	connection = database_connect(dsn);
}

static void clean(void)
{
	PQfinish(connection);
	database_drop(dsn);
}

TestSuite(gen_trading, .init = make, .fini = clean);

#define VIEW(text)                       \
	{                                \
		(text), sizeof(text) - 1 \
	}

static bool is(struct sluice_view view, const char *text)
{
	return view.size == strlen(text) && memcmp(view.bytes, text, view.size) == 0;
}

#define expect_status(expected, call) \
	cr_assert_eq((call), (expected), "%s: %s", #call, error.message)

/* Adds a venue and returns its id. */
static int64_t put_provider(void)
{
	const struct trading_put_provider_params params = {
		.alias = VIEW("venue"),
		.display_name = VIEW("The Venue"),
		.adapter_identifier = VIEW("fix"),
		.status = VIEW("active"),
	};
	struct trading_put_provider_row row;
	struct sluice_rows rows;

	expect_status(SLUICE_OK, trading_put_provider(connection, &params, &rows, &row, &error));
	sluice_rows_free(&rows);
	return row.id;
}

Test(gen_trading, one_row_comes_with_its_texts)
{
	const struct trading_get_provider_params known = {.alias = VIEW("venue")};
	const struct trading_get_provider_params unknown = {.alias = VIEW("elsewhere")};
	struct trading_provider provider;
	struct sluice_rows rows;
	int64_t id = put_provider();

	cr_assert_eq(put_provider(), id);
	expect_status(SLUICE_OK,
	              trading_get_provider(connection, &known, &rows, &provider, &error));
	cr_expect_eq(provider.id, id);
	cr_expect(is(provider.display_name, "The Venue"));
	cr_expect(is(provider.metadata, "{}"));
	sluice_rows_free(&rows);
	expect_status(SLUICE_MISS,
	              trading_get_provider(connection, &unknown, &rows, &provider, &error));
	sluice_rows_free(&rows);
}

Test(gen_trading, an_embedded_row_knows_its_own_nulls)
{
	struct trading_list_open_orders_params params = {.limit = 10};
	struct trading_list_open_orders_row row;
	struct sluice_rows rows;

	put_provider();
	database_run(connection,
	             "INSERT INTO orders (provider_id, client_order_id, instrument, side, "
	             "order_type, quantity, price, state) SELECT id, 'c' || n, 'BTC-USD', 'buy', "
	             "'limit', 100, CASE n WHEN 1 THEN 101.25 END, 'ACK' FROM providers, "
	             "generate_series(1, 2) AS n ORDER BY n");
	expect_status(SLUICE_OK, trading_list_open_orders(connection, &params, &rows, &error));
	cr_assert_eq(rows.count, 2);
	while (trading_list_open_orders_next(&rows, &row, &error) == SLUICE_OK) {
		struct sluice_decimal price = sluice_decimal(10125, 2,
		                                             TRADING_ORDER_ROW_PRICE_SCALE);
		bool priced = (row.o.present & TRADING_ORDER_ROW_PRICE) != 0;

		cr_expect(is(row.alias, "venue"));
		cr_expect_eq(row.present & TRADING_LIST_OPEN_ORDERS_ROW_INSTANCE_ID, 0);
		cr_expect_eq(priced, is(row.o.client_order_id, "c1"));
		if (priced)
			cr_expect_eq(memcmp(&row.o.price, &price, sizeof(price)), 0);
	}
	sluice_rows_free(&rows);

	params.provider = (struct sluice_view)VIEW("elsewhere");
	params.present = TRADING_LIST_OPEN_ORDERS_PARAMS_PROVIDER;
	expect_status(SLUICE_OK, trading_list_open_orders(connection, &params, &rows, &error));
	cr_expect_eq(rows.count, 0);
	sluice_rows_free(&rows);
}

Test(gen_trading, a_batch_writes_each_of_its_items)
{
	struct trading_put_balances_params items[3] = {
		{.asset = VIEW("BTC")}, {.asset = VIEW("USD")}, {.asset = VIEW("BTC")}};
	struct trading_list_balances_params params = {.provider_id = put_provider()};
	struct trading_list_balances_row row;
	struct sluice_rows rows;
	size_t i;

	for (i = 0; i < 3; i++) {
		items[i].provider_id = params.provider_id;
		items[i].total = sluice_decimal((int64_t)i + 1, 0,
		                                TRADING_PUT_BALANCES_PARAMS_TOTAL_SCALE);
		items[i].available = items[i].total;
		items[i].snapshot_at = 1700000000000000 + (int64_t)i;
	}
	expect_status(SLUICE_OK, trading_put_balances(connection, items, 3, &error));
	expect_status(SLUICE_OK, trading_list_balances(connection, &params, &rows, &error));
	cr_assert_eq(rows.count, 2);
	expect_status(SLUICE_OK, trading_list_balances_next(&rows, &row, &error));
	cr_expect(is(row.asset, "BTC"));
	cr_expect_eq(row.snapshot_at, 1700000000000002);
	cr_expect_eq(memcmp(&row.total, &items[2].total, sizeof(row.total)), 0);
	sluice_rows_free(&rows);
}

Test(gen_trading, a_copy_and_an_update_count_their_rows)
{
	const struct trading_enqueue_events_params events[2] = {
		{VIEW("order"), VIEW("1"), VIEW("placed"), VIEW("{\"a\": 1}")},
		{VIEW("order"), VIEW("2"), VIEW("placed"), VIEW("{}")},
	};
	const int64_t ids[] = {1, 2, 3};
	struct trading_mark_delivered_params params = {.ids = {.items = ids, .count = 3}};
	uint64_t row_count = 99;

	expect_status(SLUICE_OK, trading_enqueue_events(connection, events, 2, &error));
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM events_outbox WHERE "
	                                            "event_type = 'placed'"),
	             2);
	expect_status(SLUICE_OK, trading_mark_delivered(connection, &params, &row_count, &error));
	cr_expect_eq(row_count, 2);
	database_run(connection, "DROP TABLE events_outbox");
	expect_status(SLUICE_FAILED,
	              trading_mark_delivered(connection, &params, &row_count, &error));
	cr_expect_eq(row_count, 0);
}

/* The stream's own fence against another layout: what it was generated for is what is there. */
Test(gen_trading, the_streams_know_the_newest_migration)
{
	cr_assert_eq(trading_streams.schema_version,
	             database_query_int(connection, "SELECT version FROM schema_migrations"));
	cr_assert_eq(trading_streams.count, 2);
	cr_assert_eq(trading_streams.streams[0], &trading_orders);
	cr_assert_eq(trading_orders.layout.size, 384);
	cr_assert_eq(trading_executions.layout.size, 280);
}
