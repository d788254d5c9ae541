/* SPDX-License-Identifier: MIT */
/* sink_values.c - values reach their columns exactly: Postgres's text and bytes are the judge. */
#include "tests/contract/sink_driver.h"

#include "sink/pg_decode.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

enum { NUMERICS = 10000, NUMERIC_TEXT_SIZE = 64 };

static struct sluice_decimal decimal_of(int128 value)
{
	struct sluice_decimal decimal = {(uint64_t)(uint128)value, (int64_t)(value >> 64)};

	return decimal;
}

/* ---- numeric, byte by byte ---- */

static uint64_t random_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Of every size up to 126 bits, with runs of zeros and nines among them. */
static int128 random_mantissa(uint64_t *state)
{
	uint128 value = (uint128)random_number(state) << 64 | random_number(state);
	unsigned zeros = (unsigned)(random_number(state) % 24);
	uint128 power = 1;

	value >>= 2 + random_number(state) % 126;
	while (zeros-- > 0)
		power *= 10;
	if (random_number(state) % 3 == 0)
		value -= value % power;
	else if (random_number(state) % 3 == 0 && value / power > 0)
		value -= value % power + 1;
	return random_number(state) % 2 == 0 ? (int128)value : -(int128)value;
}

/* Prints what the mantissa means at `scale`, in a way that shares nothing with the encoder. */
static void print_numeric(int128 mantissa, unsigned scale, char text[NUMERIC_TEXT_SIZE])
{
	uint128 rest = mantissa < 0 ? 0 - (uint128)mantissa : (uint128)mantissa;
	char *end = text + NUMERIC_TEXT_SIZE - 1;
	char *begin = end;
	unsigned digits = 0;

	*end = '\0';
	do {
		*--begin = (char)('0' + (int)(rest % 10));
		rest /= 10;
		if (++digits == scale)
			*--begin = '.';
	} while (rest > 0 || digits <= scale);
	if (mantissa < 0)
		*--begin = '-';
	memmove(text, begin, (size_t)(end - begin) + 1);
}

static void compare_numeric(PGconn *admin, int128 mantissa, unsigned scale)
{
	struct sluice_column column = {
		.name = "n", .type = SLUICE_NUMERIC, .scale = (uint8_t)scale};
	static const struct slu_subject subject = {"stream", "s", "column"};
	struct sluice_decimal decimal = decimal_of(mantissa);
	struct sluice_decimal back;
	struct sluice_row row = {.record = &decimal};
	char text[NUMERIC_TEXT_SIZE];
	const char *values[] = {text};
	struct slu_buffer ours;
	PGresult *result;

	print_numeric(mantissa, scale, text);
	slu_buffer_init(&ours, SIZE_MAX);
	cr_assert_eq(slu_value_put(&ours, &subject, &column, &row, NULL), SLUICE_OK);
	result = PQexecPrepared(admin, "numeric", 1, values, NULL, NULL, 1);
	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(admin));
	cr_assert_eq(ours.size, 4 + (size_t)PQgetlength(result, 0, 0), "%s", text);
	cr_assert_arr_eq(ours.bytes + 4, PQgetvalue(result, 0, 0), ours.size - 4, "%s", text);
	cr_assert_eq(slu_value_get(&back, &subject, &column,
	                           (const unsigned char *)PQgetvalue(result, 0, 0), ours.size - 4,
	                           NULL, NULL),
	             SLUICE_OK, "%s", text);
	cr_assert_arr_eq(&back, &decimal, sizeof(back), "%s", text);
	PQclear(result);
	slu_buffer_free(&ours);
}

Test(sink_values, numerics_are_byte_for_byte_what_postgres_sends_and_come_back)
{
	static const int64_t corners[] = {0,    1,     -1,    9,         10,
	                                  9999, 10000, 10001, INT64_MAX, INT64_MIN};
	char *dsn = database_create(false);
	PGconn *admin = database_connect(dsn);
	uint64_t seed = (uint64_t)time(NULL);
	uint64_t state = seed | 1;
	unsigned index;

	fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
	PQclear(PQprepare(admin, "numeric", "SELECT $1::text::numeric", 0, NULL));
	for (index = 0; index < sizeof(corners) / sizeof(corners[0]) * 39; index++) {
		int128 corner = corners[index / 39];

		compare_numeric(admin, corner, index % 39);
		compare_numeric(admin, corner * INT64_MAX, index % 39);
	}
	for (index = 0; index < NUMERICS; index++)
		compare_numeric(admin, random_mantissa(&state),
		                (unsigned)(random_number(&state) % 39));
	PQfinish(admin);
	database_drop(dsn);
}

/* ---- a whole row, by both ways ---- */

static const char expected_sql[] =
	"SELECT count(*) FROM executions WHERE "
	"fill_quantity = 9999999999999999.9999999999999999 "
	"AND fill_price = -9999999999999999.9999999999999999 AND fee = 0.0000000000000001 "
	"AND traded_at = timestamptz '4714-11-24 00:00:00+00 BC' "
	"AND fee_asset = '' AND liquidity IS NULL AND order_id IS NULL "
	"AND metadata = '{\"a\": [1, null]}' AND execution_id = 'J\xc3\xb6rg''s \\N \"quoted\"'";

static void fill(struct trading_execution *execution)
{
	int128 limit = (int128)10000000000000000 * 10000000000000000 - 1;
	static const char json[] = "{\"a\": [1, null]}";

	execution->provider_id = 1;
	execution->fill_quantity = decimal_of(limit);
	execution->fill_price = decimal_of(-limit);
	execution->fee = decimal_of(1);
	execution->traded_at = INT64_C(-210866803200000000);
	execution->present = TRADING_EXECUTION_FEE | TRADING_EXECUTION_FEE_ASSET;
	cr_assert(sluice_text_set(&execution->metadata, json, strlen(json)));
	text_print(&execution->execution_id, "J\xc3\xb6rg's \\N \"quoted\"");
}

static void extremes_arrive(size_t count)
{
	static const struct sluice_postgres_options options = {.copy_threshold = 2};
	struct server server;
	struct driver driver;
	struct rows executions;
	struct sluice_part part;
	size_t index;

	server_open(&server);
	driver_open(&driver, server.dsn, &options, NULL);
	for (index = 0, rows_make(&executions, &trading_executions, count); index < count; index++)
		fill((struct trading_execution *)executions.records + index);
	part = rows_part(&executions);
	driver_submit(&driver, &part, 1);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(database_query_int(server.admin, expected_sql), (int64_t)count);
	rows_free(&executions);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_values, extremes_arrive_by_array)
{
	extremes_arrive(1);
}

Test(sink_values, extremes_arrive_by_copy)
{
	extremes_arrive(2);
}

Test(sink_values, null_and_empty_and_the_last_time_are_kept_apart)
{
	struct server server;
	struct driver driver;
	struct rows orders;
	struct trading_order *records;
	struct sluice_part part;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	orders_make(&orders, 1, 2, 1);
	records = (struct trading_order *)orders.records;
	records[0].present = TRADING_ORDER_EXTERNAL_ORDER_REF | TRADING_ORDER_PRICE |
	                     TRADING_ORDER_ACKNOWLEDGED_AT | TRADING_ORDER_STRATEGY_INSTANCE_ID;
	records[0].acknowledged_at = INT64_MAX - 1;
	database_run(server.admin,
	             "INSERT INTO strategy_instances (id, strategy_identifier, tag, status, "
	             "config_hash, instance_id) VALUES "
	             "('00000000-0000-0000-0000-000000000000', '', '', '', '', '')");
	part = rows_part(&orders);
	driver_submit(&driver, &part, 1);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(database_query_int(
			     server.admin,
			     "SELECT count(*) FROM orders WHERE external_order_ref = '' "
			     "AND price = 0 AND strategy_instance_id = "
			     "'00000000-0000-0000-0000-000000000000' "
			     "AND acknowledged_at = timestamptz '294247-01-10 04:00:54.775806+00' "
			     "AND metadata = '{}'"),
	             1);
	cr_assert_eq(database_query_int(server.admin,
	                                "SELECT count(*) FROM orders WHERE external_order_ref IS "
	                                "NULL AND price IS NULL AND acknowledged_at IS NULL "
	                                "AND strategy_instance_id IS NULL"),
	             1);
	rows_free(&orders);
	driver_close(&driver);
	server_close(&server);
}
