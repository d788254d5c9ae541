/* SPDX-License-Identifier: MIT */
/* query_runtime.c - one statement: prepared once, found again after any loss, refused when it no
 * longer fits. */
#include "tests/contract/items.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* ---- answers ---- */

Test(query_runtime, one_fills_the_first_row_or_misses)
{
	static const int32_t tags[] = {7, 8};
	static const bool nulls[] = {false, true};
	struct item sent = {.id = 3,
	                    .present = ITEM_NAME | ITEM_TAGS,
	                    .name = {"three", 5},
	                    .tags = {tags, nulls, 2}};
	struct sluice_rows rows;
	struct item found;
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop,
	             sluice_query_exec(shop.connection, &item_insert, &sent, NULL, &shop.error));
	cr_assert_ok(&shop, sluice_query_one(shop.connection, &item_get, &sent.id, &rows, &found,
	                                     &shop.error));
	cr_expect_eq(found.id, 3);
	cr_expect_eq(found.present, ITEM_NAME | ITEM_TAGS);
	cr_expect_eq(found.name.size, 5);
	cr_expect_arr_eq(found.name.bytes, "three", 5);
	cr_expect_eq(found.tags.count, 2);
	cr_expect_eq(found.tags.items[0], 7);
	cr_expect(found.tags.nulls[1]);
	cr_expect_eq(sluice_rows_next(&rows, &found, &shop.error), SLUICE_MISS);
	sluice_rows_free(&rows);
	sluice_rows_free(&rows);
	cr_expect_eq(shop_get(&shop, 4), SLUICE_MISS);
	shop_close(&shop);
}

Test(query_runtime, many_keeps_all_rows)
{
	struct sluice_rows rows;
	struct item found;
	struct shop shop;
	int32_t id;

	shop_open(&shop);
	for (id = 0; id < 3; id++)
		cr_assert_ok(&shop, shop_insert(&shop, id, "x"));
	cr_assert_ok(&shop,
	             sluice_query_many(shop.connection, &item_list, NULL, &rows, &shop.error));
	cr_expect_eq(rows.count, 3);
	for (id = 0; id < 3; id++) {
		cr_assert_ok(&shop, sluice_rows_next(&rows, &found, &shop.error));
		cr_expect_eq(found.id, id);
		cr_expect_eq(found.present, ITEM_NAME);
	}
	cr_expect_eq(sluice_rows_next(&rows, &found, &shop.error), SLUICE_MISS);
	sluice_rows_free(&rows);
	shop_close(&shop);
}

Test(query_runtime, exec_tells_the_tag_and_the_count)
{
	struct item from = {.id = 1, .present = ITEM_NAME, .name = {"new", 3}};
	struct sluice_outcome outcome;
	struct shop shop;
	int32_t id;

	shop_open(&shop);
	for (id = 0; id < 3; id++)
		cr_assert_ok(&shop, shop_insert(&shop, id, "x"));
	cr_assert_ok(&shop, sluice_query_exec(shop.connection, &item_rename, &from, &outcome,
	                                      &shop.error));
	cr_expect_str_eq(outcome.tag, "UPDATE 2");
	cr_expect_eq(outcome.row_count, 2);
	shop_close(&shop);
}

/* ---- preparing ---- */

/* How often a statement was executed since it was prepared; fails when there is none. */
static int64_t executions(struct shop *shop, const char *statement)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
	         "SELECT generic_plans + custom_plans FROM pg_prepared_statements "
	         "WHERE name = '%s' AND NOT from_sql",
	         statement);
	return database_query_int(shop->connection, sql);
}

Test(query_runtime, a_statement_is_prepared_once)
{
	struct shop shop;
	int32_t id;

	shop_open(&shop);
	for (id = 0; id < 5; id++)
		cr_assert_eq(shop_get(&shop, id), SLUICE_MISS);
	cr_expect_eq(executions(&shop, "get_item_1"), 5);
	shop_close(&shop);
}

Test(query_runtime, queries_of_one_text_share_a_statement)
{
	struct sluice_query twin = item_get;
	struct sluice_rows rows;
	struct item found;
	struct shop shop;
	int32_t id = 1;

	shop_open(&shop);
	cr_assert_eq(shop_get(&shop, 1), SLUICE_MISS);
	cr_assert_eq(sluice_query_one(shop.connection, &twin, &id, &rows, &found, &shop.error),
	             SLUICE_MISS);
	sluice_rows_free(&rows);
	cr_expect_eq(executions(&shop, "get_item_1"), 2);
	shop_close(&shop);
}

Test(query_runtime, a_reset_connection_is_a_new_one)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_eq(shop_get(&shop, 1), SLUICE_MISS);
	cr_assert_eq(shop_get(&shop, 1), SLUICE_MISS);
	PQreset(shop.connection);
	database_run(shop.connection, "BEGIN"); /* in which nothing can be tried twice */
	cr_assert_eq(shop_get(&shop, 1), SLUICE_MISS);
	cr_expect_eq(executions(&shop, "get_item_1"), 1);
	shop_close(&shop);
}

Test(query_runtime, what_the_server_forgot_is_prepared_again)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, shop_insert(&shop, 1, "x"));
	cr_assert_ok(&shop, shop_get(&shop, 1));
	database_run(shop.connection, "DISCARD ALL");
	cr_assert_ok(&shop, shop_get(&shop, 1));
	cr_expect_eq(executions(&shop, "get_item_1"), 1);
	/* The others went as well: no transaction has to die to find out. */
	database_run(shop.connection, "BEGIN");
	cr_assert_ok(&shop, shop_insert(&shop, 2, "y"));
	database_run(shop.connection, "COMMIT");
	shop_close(&shop);
}

Test(query_runtime, a_transaction_that_lost_its_statement_fails_and_the_next_one_works)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, shop_insert(&shop, 1, "x"));
	database_run(shop.connection, "DISCARD ALL");
	database_run(shop.connection, "BEGIN");
	cr_assert_refused(&shop, shop_insert(&shop, 2, "x"), SLUICE_FAILED,
	                  "query insert_item: 26000 prepared statement is gone: prepared statement "
	                  "\"insert_item_1\" does not exist");
	cr_expect_eq(PQtransactionStatus(shop.connection), PQTRANS_INERROR);
	database_run(shop.connection, "ROLLBACK; BEGIN");
	cr_assert_ok(&shop, shop_insert(&shop, 2, "x"));
	database_run(shop.connection, "COMMIT");
	cr_expect_eq(shop_count(&shop), 2);
	shop_close(&shop);
}

Test(query_runtime, a_statement_of_the_same_name_is_not_trusted)
{
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection,
	             "PREPARE get_item_1 (int) AS SELECT 1, 'wrong'::text, '{}'::int[]");
	cr_assert_eq(shop_get(&shop, 1), SLUICE_MISS);
	shop_close(&shop);
}

/* ---- transactions ---- */

Test(query_runtime, works_inside_a_transaction_and_leaves_it_alone)
{
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection, "BEGIN");
	cr_assert_ok(&shop, shop_insert(&shop, 1, "x"));
	cr_assert_ok(&shop, shop_get(&shop, 1));
	cr_expect_eq(PQtransactionStatus(shop.connection), PQTRANS_INTRANS);
	database_run(shop.connection, "ROLLBACK");
	cr_expect_eq(shop_count(&shop), 0);
	cr_assert_ok(&shop, shop_insert(&shop, 1, "x"));
	cr_expect_eq(PQtransactionStatus(shop.connection), PQTRANS_IDLE);
	shop_close(&shop);
}

Test(query_runtime, a_parameter_that_is_refused_leaves_the_transaction_alone)
{
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection, "BEGIN");
	cr_assert_refused(&shop, shop_insert(&shop, 1, "\xff"), SLUICE_INVALID,
	                  "query insert_item, parameter name: the text is not UTF-8");
	cr_assert_ok(&shop, shop_insert(&shop, 1, "x"));
	database_run(shop.connection, "COMMIT");
	cr_expect_eq(shop_count(&shop), 1);
	shop_close(&shop);
}

/* ---- errors ---- */

Test(query_runtime, an_error_tells_code_and_place_but_no_values)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, shop_insert(&shop, 77, "x"));
	cr_assert_refused(&shop, shop_insert(&shop, 77, "secret"), SLUICE_FAILED,
	                  "query insert_item: 23505 unique violation, table item, constraint "
	                  "item_pkey");
	shop_close(&shop);
}

Test(query_runtime, a_statement_that_can_t_be_prepared_is_told_with_the_servers_words)
{
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection, "DROP TABLE item");
	cr_assert_eq(shop_get(&shop, 1), SLUICE_FAILED);
	cr_expect(strstr(shop.error.message, "query get_item: 42P01 ") != NULL);
	cr_expect(strstr(shop.error.message, "relation \"item\" does not exist") != NULL);
	shop_close(&shop);
}

Test(query_runtime, a_null_where_none_was_expected_is_refused)
{
	static const struct sluice_column column = {.name = "name",
	                                            .type = SLUICE_TEXT_TYPE,
	                                            .form = SLUICE_VIEW,
	                                            .size = sizeof(struct sluice_view)};
	static const struct sluice_layout layout = {
		.columns = &column, .size = sizeof(struct sluice_view), .column_count = 1};
	static const struct sluice_query names = {.name = "names",
	                                          .statement = "names_1",
	                                          .sql = "SELECT name FROM item",
	                                          .row = &layout};
	struct sluice_rows rows;
	struct sluice_view name;
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection, "INSERT INTO item VALUES (1)");
	cr_assert_refused(
		&shop, sluice_query_one(shop.connection, &names, NULL, &rows, &name, &shop.error),
		SLUICE_INVALID,
		"query names, column name: it is NULL, which this program was not generated "
		"for");
	sluice_rows_free(&rows);
	shop_close(&shop);
}

/* ---- connections that can't ---- */

Test(query_runtime, another_encoding_is_refused)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_eq(PQsetClientEncoding(shop.connection, "LATIN1"), 0);
	cr_assert_refused(
		&shop, shop_get(&shop, 1), SLUICE_INVALID,
		"query get_item: the connection's client_encoding is LATIN1: connect with "
		"client_encoding=UTF8");
	shop_close(&shop);
}

Test(query_runtime, pipeline_mode_is_refused)
{
	struct shop shop;

	shop_open(&shop);
	cr_assert_eq(PQenterPipelineMode(shop.connection), 1);
	cr_assert_refused(&shop, shop_get(&shop, 1), SLUICE_INVALID,
	                  "query get_item: the connection is in pipeline mode: leave it, or use "
	                  "another connection");
	cr_assert_eq(PQexitPipelineMode(shop.connection), 1);
	cr_expect_eq(shop_get(&shop, 1), SLUICE_MISS);
	shop_close(&shop);
}

Test(query_runtime, a_busy_connection_is_refused_and_keeps_its_results)
{
	struct shop shop;
	PGresult *result;

	shop_open(&shop);
	cr_assert_eq(PQsendQuery(shop.connection, "SELECT 1"), 1);
	cr_assert_refused(&shop, shop_get(&shop, 1), SLUICE_INVALID,
	                  "query get_item: the connection is busy with another statement: read its "
	                  "results to the end first");
	result = PQgetResult(shop.connection);
	cr_expect_eq(PQresultStatus(result), PGRES_TUPLES_OK);
	PQclear(result);
	cr_expect_null(PQgetResult(shop.connection));
	shop_close(&shop);
}

Test(query_runtime, a_connection_that_broke_is_told)
{
	struct shop shop;
	struct sluice_rows rows;
	struct item found;
	int32_t id = 1;

	shop_open(&shop);
	cr_assert_eq(shop_get(&shop, 1), SLUICE_MISS);
	PQclear(PQexec(shop.connection, "SELECT pg_terminate_backend(pg_backend_pid())"));
	cr_assert_eq(sluice_query_one(shop.connection, &item_get, &id, &rows, &found, &shop.error),
	             SLUICE_FAILED);
	cr_expect_str_eq(shop.error.message,
	                 "query get_item: the connection is broken: PQreset it, or "
	                 "open another");
	sluice_rows_free(&rows);
	PQreset(shop.connection);
	cr_expect_eq(shop_get(&shop, 1), SLUICE_MISS);
	shop_close(&shop);
}
