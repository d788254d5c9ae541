/* SPDX-License-Identifier: MIT */
/* lanes_statements.c - statements made of what a file says: the generator's, whatever the names
 * are, and nothing but names. */
#include "cli/lanes_statements.h"

#include "tests/contract/database.h"

#include "trading.h"

#include <criterion/criterion.h>
#include <stdio.h>

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

TestSuite(lanes_statements, .init = make, .fini = clean);

/* A stream of one key column, a value and a version. */
struct sample {
	struct sluice_column columns[3];
	struct sluice_stream stream;
	const struct sluice_stream *pointer;
	struct sluice_streams set;
};

static void sample_make(struct sample *sample, const char *table, const char *value)
{
	*sample = (struct sample){
		.columns = {{.name = "id", .type = SLUICE_INT4, .size = 4},
	                    {.name = value, .type = SLUICE_INT4, .offset = 4, .size = 4},
	                    {.name = "version", .type = SLUICE_VERSION}},
		.stream = {.name = "samples",
	                   .kind = SLUICE_STATE,
	                   .key_size = 4,
	                   .key_column_count = 1,
	                   .layout = {.size = 8, .column_count = 3},
	                   .table = table},
		.set = {.name = "sample", .count = 1},
	};
	sample->stream.layout.columns = sample->columns;
	sample->pointer = &sample->stream;
	sample->set.streams = &sample->pointer;
}

static void expect_refused(struct sample *sample, const char *why)
{
	struct slu_lanes_statements *statements = slu_lanes_statements_make(&sample->set,
	                                                                    connection, &error);

	cr_expect_null(statements);
	cr_expect_not_null(strstr(error.message, why), "%s", error.message);
	slu_lanes_statements_free(statements);
}

/* The text without quotes around names. */
static const char *plain(const char *sql, char *text, size_t size)
{
	size_t used = 0;

	for (; *sql != '\0' && used + 1 < size; sql++)
		if (*sql != '"')
			text[used++] = *sql;
	text[used] = '\0';
	return text;
}

Test(lanes_statements, are_those_of_the_generator_but_for_quotes)
{
	struct slu_lanes_statements *statements = slu_lanes_statements_make(&trading_streams,
	                                                                    connection, &error);
	const struct sluice_streams *made;
	static char text[8192];

	cr_assert_not_null(statements, "%s", error.message);
	made = slu_lanes_statements_streams(statements);
	cr_assert_eq(made->count, trading_streams.count);
	cr_expect_eq(made->schema_version, trading_streams.schema_version);
	cr_expect_str_eq(
		plain(made->streams[trading_executions.index]->copy_sql, text, sizeof(text)),
		trading_executions.copy_sql);
	cr_expect_str_eq(
		plain(made->streams[trading_executions.index]->write_sql, text, sizeof(text)),
		trading_executions.write_sql);
	cr_expect_str_eq(plain(made->streams[trading_orders.index]->remove_sql, text, sizeof(text)),
	                 trading_orders.remove_sql);
	cr_expect_null(made->streams[trading_orders.index]->copy_sql);
	cr_expect_str_eq(made->streams[trading_orders.index]->table, "\"orders\"");
	slu_lanes_statements_free(statements);
}

Test(lanes_statements, names_that_need_quotes_have_them)
{
	struct sample sample;
	struct slu_lanes_statements *statements;
	const struct sluice_stream *stream;

	database_run(connection, "CREATE SCHEMA \"App; x\"; CREATE TABLE \"App; x\".\"Or\"\"der\" "
	                         "(id int PRIMARY KEY, \"select \"\" '; --\" int, version bigint)");
	sample_make(&sample, "\"App; x\".\"Or\"\"der\"", "select \" '; --");
	statements = slu_lanes_statements_make(&sample.set, connection, &error);
	cr_assert_not_null(statements, "%s", error.message);
	stream = slu_lanes_statements_streams(statements)->streams[0];
	cr_expect_str_eq(stream->table, "\"App; x\".\"Or\"\"der\"");
	cr_expect_not_null(strstr(stream->write_sql, "\"select \"\" '; --\" = excluded."), "%s",
	                   stream->write_sql);
	slu_lanes_statements_free(statements);
}

/* A file can say anything; what becomes of it is a name or nothing. */
Test(lanes_statements, a_table_that_is_more_than_a_name_is_refused)
{
	static const char *const tables[] = {
		"",
		"orders; DROP TABLE orders",
		"orders (id) VALUES (1); --",
		"orders AS o",
		"orders--",
		"a.b.c",
		".orders",
		"orders.",
		"\"orders",
		"\"\"",
		"\"a\"b",
		"1orders",
		"ord ers",
		"(SELECT 1)",
		"a23456789012345678901234567890123456789012345678901234567890abcd",
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct sample sample;

		sample_make(&sample, tables[i], "value");
		expect_refused(&sample, "not a name that a statement can be made of");
	}
	cr_expect_eq(database_query_int(connection, "SELECT count(*) FROM orders"), 0);
}

Test(lanes_statements, a_column_is_a_name_whatever_it_looks_like)
{
	struct sample sample;

	sample_make(&sample, "orders", "id) VALUES (1); DROP TABLE orders; --");
	expect_refused(&sample, "of relation \"orders\" does not exist");
	sample_make(&sample, "orders", "");
	expect_refused(&sample, "not a name that a statement can be made of");
	cr_expect_eq(database_query_int(connection, "SELECT count(*) FROM orders"), 0);
}

Test(lanes_statements, an_enum_that_is_more_than_a_name_is_refused)
{
	static const char *const labels[] = {"a"};
	struct sluice_enum type = {"mood[]); DROP TABLE orders; --", labels, 1};
	struct sample sample;

	sample_make(&sample, "orders", "state");
	sample.columns[1].type = SLUICE_ENUM;
	sample.columns[1].labels = &type;
	expect_refused(&sample, "not a name that a statement can be made of");
}

Test(lanes_statements, a_table_that_the_database_lacks_is_told_in_its_words)
{
	struct sample sample;

	sample_make(&sample, "app.nowhere", "value");
	expect_refused(&sample, "stream samples can't be written to this database: relation "
	                        "\"app.nowhere\" does not exist; bring its tables");
}

Test(lanes_statements, unquoted_names_are_read_as_the_server_reads_them)
{
	char *last;
	char *name = slu_lanes_quote_name(connection, "App.Orders", &last);

	cr_expect_str_eq(name, "\"app\".\"orders\"");
	cr_expect_str_eq(last, "\"orders\"");
	PQfreemem(name);
	PQfreemem(last);
}
