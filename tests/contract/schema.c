/* SPDX-License-Identifier: MIT */
/* schema.c - the shipped migrations and the shipped streams (trading.c) speak of one schema. */
#include "tests/contract/database.h"
#include "trading.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char *dsn;
static PGconn *connection;

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

TestSuite(schema, .init = make, .fini = clean);

/* Prepares `sql` and expects it to take `parameter_count` parameters. */
static void expect_prepares(const char *sql, int parameter_count)
{
	PGresult *result = PQprepare(connection, "", sql, 0, NULL);

	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql,
	             PQerrorMessage(connection));
	PQclear(result);
	result = PQdescribePrepared(connection, "");
	cr_assert_eq(PQnparams(result), parameter_count, "%s", sql);
	PQclear(result);
}

Test(schema, every_statement_of_every_stream_prepares)
{
	size_t i;

	for (i = 0; i < trading_streams.count; i++) {
		const struct sluice_stream *stream = trading_streams.streams[i];

		expect_prepares(stream->write_sql, stream->layout.column_count);
		if (stream->kind != SLUICE_STATE)
			continue;
		expect_prepares(stream->remove_sql, stream->key_column_count + 1);
		expect_prepares(stream->read_sql, 0);
		expect_prepares(stream->fetch_sql, stream->key_column_count);
	}
}

/* COPY can't be prepared, but it can be begun: the server answers with the number of columns. */
Test(schema, every_copy_begins_with_as_many_columns_as_its_stream)
{
	size_t i;

	for (i = 0; i < trading_streams.count; i++) {
		const struct sluice_stream *stream = trading_streams.streams[i];
		PGresult *result;

		if (stream->copy_sql == NULL)
			continue;
		result = PQexec(connection, stream->copy_sql);
		cr_assert_eq(PQresultStatus(result), PGRES_COPY_IN, "%s: %s", stream->copy_sql,
		             PQerrorMessage(connection));
		cr_assert_eq(PQnfields(result), stream->layout.column_count, "%s",
		             stream->copy_sql);
		cr_assert_eq(PQbinaryTuples(result), 1, "%s", stream->copy_sql);
		PQclear(result);
		PQputCopyEnd(connection, "only a test");
		while ((result = PQgetResult(connection)) != NULL)
			PQclear(result);
	}
}

/* The list of columns in parentheses after the table, as in the descriptor's order. */
Test(schema, every_copy_names_the_columns_in_the_order_of_its_stream)
{
	size_t i;
	size_t j;

	for (i = 0; i < trading_streams.count; i++) {
		const struct sluice_stream *stream = trading_streams.streams[i];
		char expected[1024];
		size_t used;

		if (stream->copy_sql == NULL)
			continue;
		used = (size_t)snprintf(expected, sizeof(expected), "COPY %s (", stream->name);
		for (j = 0; j < stream->layout.column_count; j++)
			used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
			                         j > 0 ? ", " : "", stream->layout.columns[j].name);
		snprintf(expected + used, sizeof(expected) - used, ") FROM STDIN (FORMAT binary)");
		cr_assert_str_eq(stream->copy_sql, expected);
	}
}

static const char *type_name(const struct sluice_column *column, char *name, size_t size)
{
	static const char *const names[] = {
		[SLUICE_INT4] = "integer",   [SLUICE_INT8] = "bigint",
		[SLUICE_UUID] = "uuid",      [SLUICE_TEXT_TYPE] = "text",
		[SLUICE_JSONB] = "jsonb",    [SLUICE_TIMESTAMPTZ] = "timestamp with time zone",
		[SLUICE_VERSION] = "bigint",
	};

	if (column->type == SLUICE_NUMERIC)
		snprintf(name, size, "numeric(%u,%u)", column->precision, column->scale);
	else
		snprintf(name, size, "%s", names[column->type]);
	return name;
}

/* A column that may be NULL in the table but not in the record would be harmless; the other way
 * round a batch would fail. Here they are equal. */
Test(schema, every_column_has_the_type_and_nullability_of_its_stream)
{
	size_t i;
	size_t j;

	for (i = 0; i < trading_streams.count; i++) {
		const struct sluice_stream *stream = trading_streams.streams[i];

		for (j = 0; j < stream->layout.column_count; j++) {
			const struct sluice_column *column = &stream->layout.columns[j];
			char type[64];
			char sql[512];

			snprintf(
				sql, sizeof(sql),
				"SELECT count(*) FROM pg_attribute WHERE attrelid = '%s'::regclass "
				"AND attname = '%s' AND format_type(atttypid, atttypmod) = '%s' "
				"AND attnotnull = %s",
				stream->name, column->name, type_name(column, type, sizeof(type)),
				column->present == 0 ? "true" : "false");
			cr_assert_eq(database_query_int(connection, sql), 1, "%s.%s", stream->name,
			             column->name);
		}
	}
}

/* The other columns fill themselves, or an INSERT of the stream would fail. */
Test(schema, every_column_that_a_stream_does_not_write_has_a_default)
{
	cr_assert_eq(
		database_query_int(
			connection,
			"SELECT count(*) FROM pg_attribute WHERE attrelid IN "
			"('orders'::regclass, 'executions'::regclass) AND attnum > 0 AND "
			"attnotnull AND NOT atthasdef AND attname NOT IN ('id', 'provider_id', "
			"'client_order_id', 'instrument', 'side', 'order_type', 'quantity', "
			"'state', 'execution_id', 'fill_quantity', 'fill_price', 'traded_at')"),
		0);
}

/* What the fence of the sink needs: an update of the row that touches no index. */
Test(schema, a_moving_lane_stays_on_its_page)
{
	database_run(connection, "INSERT INTO sluice.lane (generation, epoch, owner, applied) "
	                         "VALUES (gen_random_uuid(), 1, 1, '{0,0}')");
	database_run(connection, "UPDATE sluice.lane SET applied = '{1,2}'");
	database_run(connection, "SELECT pg_stat_force_next_flush()");
	cr_assert_eq(database_query_int(connection, "SELECT n_tup_hot_upd FROM pg_stat_user_tables "
	                                            "WHERE relid = 'sluice.lane'::regclass"),
	             1);
}

Test(schema, an_execution_without_an_order_is_allowed)
{
	database_run(connection,
	             "INSERT INTO providers (id, alias, display_name, adapter_identifier) "
	             "VALUES (1, 'a', 'a', 'a'); INSERT INTO executions (provider_id, "
	             "execution_id, fill_quantity, fill_price, traded_at) "
	             "VALUES (1, 'x', 1, 1, now())");
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM executions"), 1);
}
