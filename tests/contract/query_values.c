/* SPDX-License-Identifier: MIT */
/*
 * query_values.c - every type in every form, to Postgres and back.
 *
 * Values of chance are compared struct with struct: by COPY, as parameters, in a pipeline. Chosen
 * ones are compared with Postgres's own reading of a text, so that encoder and decoder can't be
 * wrong together.
 */
#include "tests/contract/database.h"
#include "tests/contract/every.h"

#include "sink/pg_arena.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 10000 };

/* ---- values of chance ---- */

struct trip {
	char *dsn;
	PGconn *connection;
	struct every *sent;
	size_t count;
	void *arena;
	struct sluice_error error;
};

static void trip_open(struct trip *trip, size_t count)
{
	uint64_t seed = (uint64_t)time(NULL);
	uint64_t state = seed | 1;
	size_t index;

	fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
	memset(trip, 0, sizeof(*trip));
	trip->dsn = database_create(false);
	trip->connection = database_connect(trip->dsn);
	every_create(trip->connection);
	trip->count = count;
	trip->sent = calloc(count, sizeof(*trip->sent));
	cr_assert_not_null(trip->sent);
	for (index = 0; index < count; index++)
		every_fill(&trip->sent[index], (int32_t)index, &state, &trip->arena);
}

static void trip_close(struct trip *trip)
{
	slu_arena_free(&trip->arena);
	free(trip->sent);
	PQfinish(trip->connection);
	database_drop(trip->dsn);
}

static void expect_all_back(struct trip *trip)
{
	struct sluice_rows rows;
	struct every found;
	size_t index;

	cr_assert_eq(sluice_query_many(trip->connection, &every_select, NULL, &rows, &trip->error),
	             SLUICE_OK, "%s", trip->error.message);
	cr_assert_eq(rows.count, trip->count);
	for (index = 0; index < trip->count; index++) {
		const char *difference;

		cr_assert_eq(sluice_rows_next(&rows, &found, &trip->error), SLUICE_OK, "%s",
		             trip->error.message);
		difference = every_difference(&trip->sent[index], &found);
		cr_assert_null(difference, "row %zu, column %s", index, difference);
	}
	cr_expect_eq(sluice_rows_next(&rows, &found, &trip->error), SLUICE_MISS);
	sluice_rows_free(&rows);
}

Test(query_values, come_back_from_copy)
{
	struct trip trip;

	trip_open(&trip, ROWS);
	cr_assert_eq(sluice_query_copy(trip.connection, &every_insert, trip.sent, trip.count,
	                               &trip.error),
	             SLUICE_OK, "%s", trip.error.message);
	expect_all_back(&trip);
	trip_close(&trip);
}

Test(query_values, come_back_from_parameters)
{
	struct trip trip;

	trip_open(&trip, ROWS);
	cr_assert_eq(sluice_query_batch(trip.connection, &every_insert, trip.sent, trip.count, NULL,
	                                NULL, &trip.error),
	             SLUICE_OK, "%s", trip.error.message);
	expect_all_back(&trip);
	trip_close(&trip);
}

/* ---- times, by Postgres's own calendar ---- */

#define NUMBER(field, type_)                                                            \
	{                                                                               \
		.name = #field, .type = type_, .offset = offsetof(struct every, field), \
		.size = sizeof(((struct every *)0)->field)                              \
	}

/* The same structs, with their times as the numbers they are. */
static const struct sluice_column number_columns[] = {
	NUMBER(id, SLUICE_INT4), NUMBER(tz, SLUICE_INT8), NUMBER(ts, SLUICE_INT8),
	NUMBER(d, SLUICE_INT4),  NUMBER(ti, SLUICE_INT8),
};
static const struct sluice_layout number_layout = {
	.columns = number_columns, .size = sizeof(struct every), .column_count = 5};
static const struct sluice_query insert_numbers = {
	.name = "insert_numbers",
	.statement = "insert_numbers_1",
	.sql = "INSERT INTO numbers VALUES ($1, $2, $3, $4, $5)",
	.params = &number_layout,
	.copy_sql = "COPY numbers FROM STDIN (FORMAT binary)",
};

Test(query_values, times_are_so_long_after_1970)
{
	struct trip trip;

	trip_open(&trip, ROWS);
	database_run(trip.connection,
	             "CREATE TABLE numbers (id int, tz bigint, ts bigint, d int, ti bigint)");
	cr_assert_eq(sluice_query_copy(trip.connection, &every_insert, trip.sent, trip.count,
	                               &trip.error),
	             SLUICE_OK, "%s", trip.error.message);
	cr_assert_eq(sluice_query_copy(trip.connection, &insert_numbers, trip.sent, trip.count,
	                               &trip.error),
	             SLUICE_OK, "%s", trip.error.message);
	cr_expect_eq(database_query_int(
			     trip.connection,
			     "SELECT count(*) FROM every e JOIN numbers n USING (id) WHERE "
			     "isfinite(e.tz) AND extract(epoch FROM e.tz) * 1000000 <> n.tz OR "
			     "isfinite(e.ts) AND extract(epoch FROM e.ts) * 1000000 <> n.ts OR "
			     "isfinite(e.d) AND e.d - date '1970-01-01' <> n.d OR "
			     "extract(epoch FROM e.ti) * 1000000 <> n.ti"),
	             0);
	cr_expect_gt(database_query_int(trip.connection,
	                                "SELECT count(*) FROM every WHERE isfinite(tz) AND "
	                                "isfinite(ts) AND isfinite(d) AND ti IS NOT NULL"),
	             ROWS / 4);
	trip_close(&trip);
}

/* ---- chosen values, by Postgres's own reading ---- */

union value {
	bool b;
	int16_t i2;
	int32_t i4;
	int64_t i8;
	float f4;
	double f8;
	uint32_t e;
	struct sluice_decimal n;
	struct sluice_uuid u;
	struct sluice_interval iv;
	struct sluice_inet ip;
	struct sluice_view v;
	SLUICE_TEXT(8) t;
	SLUICE_ARRAY(int32_t) ai4;
	SLUICE_ARRAY(struct sluice_view) av;
};

struct chosen {
	const char *sql; /* an expression */
	struct sluice_column column;
	union value value;
};

static const int32_t numbers[] = {1, 0, INT32_MIN};
static const bool second[] = {false, true, false};
static const struct sluice_view words[] = {{"a", 1}, {"", 0}, {"NULL", 4}};
static const char *const labels[] = {"low", "HIGH"};
static const struct sluice_enum level = {"level", labels, 2};

#define TYPE(type_, ...)                                           \
	{                                                          \
		.name = "v", .type = type_, .size = 8, __VA_ARGS__ \
	}
#define VIEW_OF(text)                           \
	{                                       \
		.v = { text, sizeof(text) - 1 } \
	}
#define US_PER_DAY INT64_C(86400000000)

static const struct chosen chosen[] = {
	{"true", TYPE(SLUICE_BOOL), {.b = true}},
	{"false", TYPE(SLUICE_BOOL), {.b = false}},
	{"(-32768)::int2", TYPE(SLUICE_INT2), {.i2 = INT16_MIN}},
	{"258::int2", TYPE(SLUICE_INT2), {.i2 = 258}},
	{"2147483647", TYPE(SLUICE_INT4), {.i4 = INT32_MAX}},
	{"-16909060", TYPE(SLUICE_INT4), {.i4 = -16909060}},
	{"'-9223372036854775808'::int8", TYPE(SLUICE_INT8), {.i8 = INT64_MIN}},
	{"72623859790382856", TYPE(SLUICE_INT8), {.i8 = 72623859790382856}},
	{"1.5::float4", TYPE(SLUICE_FLOAT4), {.f4 = 1.5f}},
	{"'-Infinity'::float4", TYPE(SLUICE_FLOAT4), {.f4 = -1.0f / 0.0f}},
	{"0.1::float8", TYPE(SLUICE_FLOAT8), {.f8 = 0.1}},
	{"'5e-324'::float8", TYPE(SLUICE_FLOAT8), {.f8 = 5e-324}},
	{"101.2500", TYPE(SLUICE_NUMERIC64, .scale = 4), {.i8 = 1012500}},
	{"-0.0001", TYPE(SLUICE_NUMERIC64, .scale = 4), {.i8 = -1}},
	{"0::numeric", TYPE(SLUICE_NUMERIC64, .scale = 0), {.i8 = 0}},
	{"922337203685477.5807", TYPE(SLUICE_NUMERIC64, .scale = 4), {.i8 = INT64_MAX}},
	{"-170141183460469231.713240559642174554112",
         TYPE(SLUICE_NUMERIC, .scale = 21),
         {.n = {0, INT64_MIN + 1}}},
	{"170141183460469231731687303715884105727",
         TYPE(SLUICE_NUMERIC, .scale = 0),
         {.n = {UINT64_MAX, INT64_MAX}}},
	{"0.1::numeric(38,38)",
         TYPE(SLUICE_NUMERIC, .scale = 38, .precision = 38),
         {.n = {0xf436a000000000, 0x785ee10d5da46d9}}},
	{"'00000000-0000-0000-0000-0000000000ff'::uuid",
         TYPE(SLUICE_UUID),
         {.u = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255}}}},
	{"'1970-01-01 00:00:00+00'::timestamptz", TYPE(SLUICE_TIMESTAMPTZ), {.i8 = 0}},
	{"'1969-12-31 23:59:59.999999+00'::timestamptz", TYPE(SLUICE_TIMESTAMPTZ), {.i8 = -1}},
	{"'4714-11-24 00:00:00+00 BC'::timestamptz",
         TYPE(SLUICE_TIMESTAMPTZ),
         {.i8 = -210866803200000000}},
	{"'294247-01-10 04:00:54.775806+00'::timestamptz",
         TYPE(SLUICE_TIMESTAMPTZ),
         {.i8 = INT64_MAX - 1}},
	{"'infinity'::timestamptz", TYPE(SLUICE_TIMESTAMPTZ), {.i8 = SLUICE_TIME_INFINITY}},
	{"'-infinity'::timestamptz", TYPE(SLUICE_TIMESTAMPTZ), {.i8 = SLUICE_TIME_MINUS_INFINITY}},
	{"'2024-02-29 12:00:00'::timestamp", TYPE(SLUICE_TIMESTAMP), {.i8 = 1709208000000000}},
	{"'infinity'::timestamp", TYPE(SLUICE_TIMESTAMP), {.i8 = SLUICE_TIME_INFINITY}},
	{"'1970-01-02'::date", TYPE(SLUICE_DATE), {.i4 = 1}},
	{"'4714-11-24 BC'::date", TYPE(SLUICE_DATE), {.i4 = -2440588}},
	{"'5874897-12-31'::date", TYPE(SLUICE_DATE), {.i4 = 2145042905}},
	{"'infinity'::date", TYPE(SLUICE_DATE), {.i4 = SLUICE_DATE_INFINITY}},
	{"'-infinity'::date", TYPE(SLUICE_DATE), {.i4 = SLUICE_DATE_MINUS_INFINITY}},
	{"'00:00'::time", TYPE(SLUICE_TIME), {.i8 = 0}},
	{"'24:00'::time", TYPE(SLUICE_TIME), {.i8 = US_PER_DAY}},
	{"'12:00:00.000001'::time", TYPE(SLUICE_TIME), {.i8 = US_PER_DAY / 2 + 1}},
	{"'1 year -3 days 00:00:00.5'::interval", TYPE(SLUICE_INTERVAL), {.iv = {500000, -3, 12}}},
	{"'127.0.0.1'::inet", TYPE(SLUICE_INET), {.ip = {4, 32, {127, 0, 0, 1}}}},
	{"'10.1.2.3/8'::inet", TYPE(SLUICE_INET), {.ip = {4, 8, {10, 1, 2, 3}}}},
	{"'::1/64'::inet",
         TYPE(SLUICE_INET),
         {.ip = {6, 64, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}}},
	{"'low'::level", TYPE(SLUICE_ENUM, .labels = &level), {.e = 1}},
	{"'HIGH'::level", TYPE(SLUICE_ENUM, .labels = &level), {.e = 2}},
	{"'J\xc3\xb6rg'::text", TYPE(SLUICE_TEXT_TYPE, .form = SLUICE_VIEW),
         VIEW_OF("J\xc3\xb6rg")},
	{"''::text", TYPE(SLUICE_TEXT_TYPE, .form = SLUICE_VIEW), VIEW_OF("")},
	{"'ab'::varchar(3)", TYPE(SLUICE_TEXT_TYPE), {.t = {2, "ab"}}},
	{"'ab'::char(4)", TYPE(SLUICE_TEXT_TYPE), {.t = {4, "ab  "}}},
	{"'ab'::name", TYPE(SLUICE_TEXT_TYPE), {.t = {2, "ab"}}},
	{"'\\x00ff'::bytea", TYPE(SLUICE_BYTEA), {.t = {2, {0, (char)0xff}}}},
	{"'{\"a\":  1}'::json", TYPE(SLUICE_JSON, .form = SLUICE_VIEW), VIEW_OF("{\"a\":  1}")},
	{"'{\"a\":  1}'::jsonb", TYPE(SLUICE_JSONB, .form = SLUICE_VIEW), VIEW_OF("{\"a\": 1}")},
	{"'{1,NULL,-2147483648}'::int[]",
         TYPE(SLUICE_INT4, .form = SLUICE_ITEMS),
         {.ai4 = {numbers, second, 3}}},
	{"'{}'::int[]", TYPE(SLUICE_INT4, .form = SLUICE_ITEMS), {.ai4 = {NULL, NULL, 0}}},
	{"ARRAY['a', '', 'NULL']",
         TYPE(SLUICE_TEXT_TYPE, .form = SLUICE_ITEMS),
         {.av = {words, NULL, 3}}},
	{"ARRAY['a', '', 'NULL']::varchar(4)[]",
         TYPE(SLUICE_TEXT_TYPE, .form = SLUICE_ITEMS),
         {.av = {words, NULL, 3}}},
};

/* Sends the value as $1 and lets the server compare; asks for the expression and compares here. */
static void compare_chosen(PGconn *connection, const struct chosen *each)
{
	const struct sluice_layout layout = {
		.columns = &each->column, .size = sizeof(union value), .column_count = 1};
	static const struct sluice_column same_column = {.name = "same", .type = SLUICE_BOOL};
	static const struct sluice_layout same_layout = {
		.columns = &same_column, .size = sizeof(bool), .column_count = 1};
	struct sluice_query ask = {
		.name = "ask", .statement = "ask", .row = &same_layout, .params = &layout};
	struct sluice_query tell = {.name = "tell", .statement = "tell", .row = &layout};
	struct sluice_error error;
	struct sluice_rows rows;
	union value found;
	bool same = false;
	char sql[512];

	/* By their texts: -0 equals 0, a day 24 hours, and json has no equality. */
	snprintf(sql, sizeof(sql),
	         "SELECT (coalesce($1, %s))::text = (%s)::text AND $1 IS NOT NULL", each->sql,
	         each->sql);
	ask.sql = sql;
	cr_assert_eq(sluice_query_one(connection, &ask, &each->value, &rows, &same, &error),
	             SLUICE_OK, "%s: %s", each->sql, error.message);
	cr_expect(same, "Postgres reads %s otherwise", each->sql);
	sluice_rows_free(&rows);

	snprintf(sql, sizeof(sql), "SELECT %s", each->sql);
	tell.sql = sql;
	cr_assert_eq(sluice_query_one(connection, &tell, NULL, &rows, &found, &error), SLUICE_OK,
	             "%s: %s", each->sql, error.message);
	cr_expect(every_same(&each->column, &each->value, &found), "we read %s otherwise",
	          each->sql);
	sluice_rows_free(&rows);
}

Test(query_values, are_what_postgres_reads_from_text)
{
	char *dsn = database_create(false);
	PGconn *connection = database_connect(dsn);
	size_t index;

	database_run(connection, "CREATE TYPE level AS ENUM ('low', 'HIGH')");
	for (index = 0; index < sizeof(chosen) / sizeof(chosen[0]); index++) {
		compare_chosen(connection, &chosen[index]);
		PQreset(connection); /* which forgets the statements of these descriptors */
	}
	PQfinish(connection);
	database_drop(dsn);
}
