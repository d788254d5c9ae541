/* SPDX-License-Identifier: MIT */
/* lanes_values.c - what export prints of a value is what the database prints of it, for values of
 * chance of every type that a record can hold. */
#include "cli/lanes_value.h"

#include "tests/contract/database.h"
#include "tests/contract/lanes_stage.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

enum { ROWS = 1500 };

static char *dsn;
static PGconn *connection;

static void make(void)
{
	dsn = database_create(false);
	connection = database_connect(dsn);
	every_create(connection);
	database_run(connection, "SET timezone = 'UTC'; SET datestyle = 'ISO'; "
	                         "SET intervalstyle = 'postgres'");
}

static void clean(void)
{
	PQfinish(connection);
	database_drop(dsn);
}

TestSuite(lanes_values, .init = make, .fini = clean);

/* Compares the record with the row that it became. Returns how many values were not NULL. */
static int compare(const struct every *record, const PGresult *result, int row)
{
	int compared = 0;
	char words[24];

	for (int i = 0; i < every_layout.column_count; i++) {
		const struct sluice_column *column = &every_layout.columns[i];
		json_t *value;

		if (column->form != SLUICE_INLINE)
			continue;
		value = slu_lanes_value(column, (const unsigned char *)record, 0);
		cr_assert_not_null(value);
		cr_assert_eq(PQgetisnull(result, row, i), json_is_null(value), "id %d, column %s",
		             record->id, column->name);
		if (!json_is_null(value)) {
			const char *ours = stage_printed(value, words);

			cr_assert_not_null(ours, "id %d, column %s: no value", record->id,
			                   column->name);
			cr_assert_str_eq(ours, PQgetvalue(result, row, i), "id %d, column %s",
			                 record->id, column->name);
			compared++;
		}
		json_decref(value);
	}
	return compared;
}

Test(lanes_values, every_value_is_printed_in_the_words_of_the_database)
{
	static struct every records[ROWS];
	uint64_t state = 20261122;
	void *arena = NULL;
	struct sluice_error error;
	PGresult *result;
	int compared = 0;

	fprintf(stderr, "seed %" PRIu64 "\n", state);
	for (int32_t id = 0; id < ROWS; id++) {
		every_fill(&records[id], id, &state, &arena);
		cr_assert_eq(
			sluice_query_exec(connection, &every_insert, &records[id], NULL, &error),
			SLUICE_OK, "%s", error.message);
	}
	result = PQexec(connection, "SELECT * FROM every ORDER BY id");
	cr_assert_eq(PQntuples(result), ROWS);
	for (int row = 0; row < ROWS; row++)
		compared += compare(&records[row], result, row);
	PQclear(result);
	cr_expect_gt(compared, ROWS * 15, "%d values", compared);
}

/* Chance rarely meets the ends of what a type has. */
Test(lanes_values, the_edges_of_times_and_intervals_are_printed_as_the_database_prints_them)
{
	static const struct {
		enum sluice_type type;
		int64_t value;
		const char *sql;
	} edges[] = {
		{SLUICE_TIMESTAMPTZ, 0, "'epoch'::timestamptz"},
		{SLUICE_TIMESTAMPTZ, -1, "'epoch'::timestamptz - interval '1us'"},
		{SLUICE_TIMESTAMPTZ, INT64_C(-62135596800000000),
	         "'0001-01-01 00:00Z'::timestamptz"},
		{SLUICE_TIMESTAMPTZ, INT64_C(-62135596800000001),
	         "'0001-01-01 00:00Z'::timestamptz - interval '1us'"},
		{SLUICE_TIMESTAMPTZ, INT64_C(253402300800000000), "'10000-01-01Z'::timestamptz"},
		{SLUICE_TIMESTAMP, INT64_C(951782400000000), "'2000-02-29'::timestamp"},
		{SLUICE_TIMESTAMP, INT64_C(1709251199999990),
	         "'2024-02-29 23:59:59.99999'::timestamp"},
		{SLUICE_TIMESTAMP, SLUICE_TIME_INFINITY, "'infinity'::timestamp"},
		{SLUICE_TIMESTAMPTZ, SLUICE_TIME_MINUS_INFINITY, "'-infinity'::timestamptz"},
		{SLUICE_TIME, INT64_C(86400000000), "'24:00'::time"},
		{SLUICE_TIME, 1, "'00:00:00.000001'::time"},
	};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct sluice_column column = {.name = "x", .type = edges[i].type, .size = 8};
		json_t *value = slu_lanes_value(&column, (const unsigned char *)&edges[i].value, 0);
		char sql[120];
		PGresult *result;

		snprintf(sql, sizeof(sql), "SELECT %s", edges[i].sql);
		result = PQexec(connection, sql);
		cr_expect_str_eq(json_string_value(value), PQgetvalue(result, 0, 0), "%s",
		                 edges[i].sql);
		PQclear(result);
		json_decref(value);
	}
}
