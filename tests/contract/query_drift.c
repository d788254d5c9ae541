/* SPDX-License-Identifier: MIT */
/* query_drift.c - a database that is no longer the one a query was generated from. */
#include "tests/contract/items.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NO_LONGER(query) "query " query " no longer fits the database: "
#define GENERATED(type) ", this program was generated for " type ": run sluice gen"

Test(query_drift, another_column_type_is_refused)
{
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection, "ALTER TABLE item ALTER tags TYPE bigint[]");
	cr_assert_refused(&shop, shop_get(&shop, 1), SLUICE_INVALID,
	                  NO_LONGER("get_item") "column tags is bigint[]" GENERATED("integer[]"));
	cr_assert_refused(&shop, shop_get(&shop, 1), SLUICE_INVALID,
	                  NO_LONGER("get_item") "column tags is bigint[]" GENERATED("integer[]"));
	shop_close(&shop);
}

Test(query_drift, another_parameter_type_is_refused_before_anything_happens)
{
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection, "ALTER TABLE item ALTER id TYPE bigint");
	cr_assert_refused(&shop, shop_insert(&shop, 1, "x"), SLUICE_INVALID,
	                  NO_LONGER("insert_item") "parameter id is bigint" GENERATED("integer"));
	cr_assert_refused(&shop,
	                  sluice_query_copy(shop.connection, &item_insert, NULL, 0, &shop.error),
	                  SLUICE_INVALID,
	                  NO_LONGER("insert_item") "parameter id is bigint" GENERATED("integer"));
	cr_expect_eq(shop_count(&shop), 0);
	shop_close(&shop);
}

Test(query_drift, a_change_behind_a_prepared_statement_is_seen)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, shop_insert(&shop, 1, "x"));
	cr_assert_ok(&shop, shop_get(&shop, 1));
	database_run(shop.connection, "ALTER TABLE item ALTER name TYPE bytea USING name::bytea");
	cr_assert_refused(&shop, shop_get(&shop, 1), SLUICE_INVALID,
	                  NO_LONGER("get_item") "column name is bytea" GENERATED("text"));
	/* What reads the same fits. */
	database_run(
		shop.connection,
		"ALTER TABLE item ALTER name TYPE varchar(9) USING convert_from(name, 'UTF8')");
	cr_assert_ok(&shop, shop_get(&shop, 1));
	shop_close(&shop);
}

Test(query_drift, copy_sees_a_change_of_a_type_to_one_of_the_same_size)
{
	struct item item = {.id = 1};
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop,
	             sluice_query_copy(shop.connection, &item_insert, &item, 1, &shop.error));
	database_run(shop.connection,
	             "ALTER TABLE item ALTER id TYPE date USING date '2000-01-01' + id");
	cr_assert_refused(&shop,
	                  sluice_query_copy(shop.connection, &item_insert, &item, 1, &shop.error),
	                  SLUICE_INVALID,
	                  NO_LONGER("insert_item") "parameter id is date" GENERATED("integer"));
	cr_expect_eq(shop_count(&shop), 1);
	shop_close(&shop);
}

Test(query_drift, a_change_inside_a_transaction_costs_that_transaction)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, shop_insert(&shop, 1, "x"));
	cr_assert_ok(&shop, shop_get(&shop, 1));
	database_run(shop.connection, "ALTER TABLE item ALTER name TYPE varchar(9); BEGIN");
	cr_assert_eq(shop_get(&shop, 1), SLUICE_FAILED);
	cr_expect(strstr(shop.error.message, "query get_item: 0A000") != NULL, "%s",
	          shop.error.message);
	database_run(shop.connection, "ROLLBACK; BEGIN");
	cr_assert_ok(&shop, shop_get(&shop, 1));
	database_run(shop.connection, "COMMIT");
	shop_close(&shop);
}

Test(query_drift, another_number_of_columns_or_parameters_is_refused)
{
	struct sluice_query fewer = item_get;
	struct sluice_query more = item_get;
	struct sluice_rows rows;
	struct item found;
	struct shop shop;
	int32_t id = 1;

	shop_open(&shop);
	fewer.statement = "fewer";
	fewer.sql = "SELECT id, name FROM item WHERE id = $1";
	cr_assert_refused(
		&shop, sluice_query_one(shop.connection, &fewer, &id, &rows, &found, &shop.error),
		SLUICE_INVALID, NO_LONGER("get_item") "it returns 2 columns" GENERATED("3"));
	more.statement = "more";
	more.sql = "SELECT id, name, tags FROM item WHERE id = $1 OR id = $2";
	cr_assert_refused(
		&shop, sluice_query_one(shop.connection, &more, &id, &rows, &found, &shop.error),
		SLUICE_INVALID, NO_LONGER("get_item") "it takes 2 parameters" GENERATED("1"));
	PQreset(shop.connection); /* before these descriptors go */
	shop_close(&shop);
}

/* ---- types of the database's own ---- */

static const char *const labels[] = {"low", "high"};
static const struct sluice_enum level = {"level", labels, 2};

/* Asks for one column of a type that is said to be another. */
static void expect_column(struct shop *shop, const char *sql, enum sluice_type type,
                          enum sluice_form form, const char *message)
{
	struct sluice_column column = {.name = "v",
	                               .type = type,
	                               .form = form,
	                               .size = 8,
	                               .present = 1,
	                               .labels = &level,
	                               .present_offset = 60};
	struct sluice_layout layout = {.columns = &column, .size = 64, .column_count = 1};
	struct sluice_query query = {.name = "q", .statement = "q", .sql = sql, .row = &layout};
	struct sluice_rows rows;
	enum sluice_status status;

	status = sluice_query_many(shop->connection, &query, NULL, &rows, &shop->error);
	if (message == NULL) {
		cr_expect_eq(status, SLUICE_OK, "%s: %s", sql, shop->error.message);
	} else {
		cr_expect_eq(status, SLUICE_INVALID, "%s", sql);
		cr_expect_str_eq(shop->error.message, message);
	}
	sluice_rows_free(&rows);
	PQreset(shop->connection);
}

Test(query_drift, enums_and_domains_are_compared_by_kind)
{
	struct shop shop;

	shop_open(&shop);
	database_run(
		shop.connection,
		"CREATE TYPE level AS ENUM ('low', 'high'); CREATE TYPE pair AS (a int, b int);"
		"CREATE DOMAIN levels AS level[]; CREATE DOMAIN cents AS int;"
		"CREATE DOMAIN all_cents AS cents[]; CREATE SCHEMA \"my own\";"
		"CREATE TYPE \"my own\".level AS ENUM ('low')");
	expect_column(&shop, "SELECT 'low'::level", SLUICE_ENUM, SLUICE_INLINE, NULL);
	expect_column(&shop, "SELECT '{low,high}'::level[]", SLUICE_ENUM, SLUICE_ITEMS, NULL);
	expect_column(&shop, "SELECT '{low,NULL}'::levels", SLUICE_ENUM, SLUICE_ITEMS, NULL);
	expect_column(&shop, "SELECT 1::cents", SLUICE_INT4, SLUICE_INLINE, NULL);
	expect_column(&shop, "SELECT '{1}'::cents[]", SLUICE_INT4, SLUICE_ITEMS, NULL);
	expect_column(&shop, "SELECT '{1}'::all_cents", SLUICE_INT4, SLUICE_ITEMS, NULL);

	expect_column(&shop, "SELECT 'low'::text", SLUICE_ENUM, SLUICE_INLINE,
	              NO_LONGER("q") "column v is text" GENERATED("level"));
	expect_column(&shop, "SELECT 'low'::level", SLUICE_ENUM, SLUICE_ITEMS,
	              NO_LONGER("q") "column v is level" GENERATED("level[]"));
	expect_column(&shop, "SELECT '{low}'::level[]", SLUICE_ENUM, SLUICE_INLINE,
	              NO_LONGER("q") "column v is level[]" GENERATED("level"));
	expect_column(&shop, "SELECT 'low'::\"my own\".level", SLUICE_TEXT_TYPE, SLUICE_VIEW,
	              NO_LONGER("q") "column v is \"my own\".level" GENERATED("text"));
	expect_column(&shop, "SELECT '{1}'::cents[]", SLUICE_INT8, SLUICE_ITEMS,
	              NO_LONGER("q") "column v is cents[]" GENERATED("bigint[]"));
	expect_column(&shop, "SELECT (1, 2)::pair", SLUICE_INT4, SLUICE_INLINE,
	              NO_LONGER("q") "column v is pair" GENERATED("integer"));
	shop_close(&shop);
}

Test(query_drift, a_label_that_came_later_is_refused)
{
	struct sluice_column column = {
		.name = "v", .type = SLUICE_ENUM, .size = 4, .labels = &level};
	struct sluice_layout layout = {
		.columns = &column, .size = sizeof(uint32_t), .column_count = 1};
	struct sluice_query query = {
		.name = "q", .statement = "q", .sql = "SELECT 'later'::level", .row = &layout};
	struct sluice_rows rows;
	struct shop shop;
	uint32_t found;

	shop_open(&shop);
	database_run(shop.connection, "CREATE TYPE level AS ENUM ('low', 'high', 'later')");
	cr_assert_refused(
		&shop, sluice_query_one(shop.connection, &query, NULL, &rows, &found, &shop.error),
		SLUICE_INVALID,
		"query q, column v: the database knows a label that this program does not: "
		"run sluice gen");
	sluice_rows_free(&rows);
	shop_close(&shop);
}
